"""Runs: what was computed, saved with where it comes from, and taken up where it stopped."""

from soret.runs.folder import RunFolder, load

__all__ = ["RunFolder", "load"]
