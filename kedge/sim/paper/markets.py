"""What the paper venue lists and gives: the newcomer's market and a newcomer's money."""

from __future__ import annotations

from decimal import Decimal
from random import Random  # storm-ok: seeded generator passed in

from kedge.sim.exchange import Exchange, ExchangeConfig
from kedge.sim.newcomer import newcomer
from kedge.sim.testnet import markets
from kedge.sim.testnet.markets import Market

# What a new account is given.
NEWCOMER_MONEY = {"USD": Decimal(100_000), "BTC": Decimal(1)}


def new_exchange(now_ns: int) -> ExchangeConfig:
    """What a venue without a past lists."""
    return newcomer(now_ns).exchange


def join_market(kind: str, exchange: Exchange, generator: Random, now_ns: int) -> Market:
    """The market of this kind on this exchange: "synthetic", "still", or the path of a file of prices."""
    return markets.join_market(kind, exchange, newcomer(now_ns), generator, now_ns)
