"""Claims of "Rethinking the Limiting Dynamics of SGD"."""
