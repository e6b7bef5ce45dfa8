"""How dates and numbers are written in each language: the same everywhere, so that they can be compared."""
