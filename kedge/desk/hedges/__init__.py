"""Hedges as positions: opened by an amount, closed by an id, told with prices in and out.

A position here is a bot of the kind `hedge`; its numbers are made from the tables and kept nowhere else.
Shell, web and REST use the same three files: `book.py` (what a hedge is), `shapes.py` (as programs that were
written for the older hedge desk expect it), `service.py` (open, close, market data).
"""
