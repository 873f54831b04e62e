"""Flows of inhomogeneous random walks, after the thermophoresis paper."""
