"""Claims of "Power-law Escape Rate of SGD"."""
