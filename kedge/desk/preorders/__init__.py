"""Preorders: what was sold and is yet to be hedged, as other systems tell it.

`rows.py` says what one is, `sources.py` where they come from, `keeper.py` keeps looking. Where they are kept
is the web's: `kedge/desk/web/preorders`.
"""
