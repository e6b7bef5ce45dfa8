"""Kedge: a trading desk that survives a power cut at any moment."""

__version__ = "0.1.0"
