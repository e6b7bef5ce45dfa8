"""Bybit V5: linear, inverse and spot of one unified account (docs/reference/venues-bybit.md)."""
