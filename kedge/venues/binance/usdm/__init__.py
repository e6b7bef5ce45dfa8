"""Binance USDⓈ-M futures (`binance-usdm`): perpetuals and dated contracts, one-way mode.

`wire.py` and `feeds.py` read what the venue says, `asks.py` says what we want, `mends.py` tells its refusals,
`rules.py` holds its limits, `memory.py` what must be remembered of orders; the rest carries it out. What the
venue lets anybody prove, and what not, is in docs/reference/venues-binance-usdm.md.
"""
