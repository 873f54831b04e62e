"""Implicit Regularization of SGD via Thermophoresis (ICLR 2021 submission): its claims."""
