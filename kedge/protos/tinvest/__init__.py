"""T-Invest's public contract, version 1.43, and its Python by `make protos`: messages only, no stubs.

The `.proto` files are the venue's own; only their import lines name this folder. Methods are called by name
(`kedge/venues/tinvest/wire.py`), so no generated client or server is needed.
"""
