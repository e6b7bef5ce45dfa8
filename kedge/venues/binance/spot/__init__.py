"""Binance spot (`binance`).

Pure: `rules` (bounds, hosts, weights), `wire` and `market` (what the venue says), `asks` (what we say),
`names` (what must be remembered of orders). The rest carries it out: `us` signs and stamps; `session` is a
line of the WS API; `streams`, `depth` and `history` are the public side; `deeds`, `asking`, `trades` and
`questions` are the account; `client` is the whole. What can be proven: docs/reference/venues-binance.md.
"""
