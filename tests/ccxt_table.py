"""What can be proven of some common exchanges, found out without a net: the table on the page about ccxt.

The real classes of ccxt are rehearsed on a market that is made up, with keys that are nobody's.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kedge.venues.ccxt import library
from kedge.venues.ccxt.entry import listings_of, prove
from kedge.venues.ccxt.proof import Proof
from kedge.venues.ccxt.rules import Options
from kedge.venues.ccxt.talk import Talk
from kedge.venues.venue import Setup

# Name at ccxt, and the kinds of markets that are looked at.
EXCHANGES: dict[str, tuple[str, ...]] = {
    "binance": ("spot",),
    "binanceusdm": ("swap",),
    "bitfinex": ("spot",),
    "bitget": ("spot", "swap"),
    "bitstamp": ("spot",),
    "bybit": ("spot", "swap"),
    "coinbase": ("spot",),
    "cryptocom": ("spot",),
    "deribit": ("swap",),
    "gate": ("spot", "swap"),
    "hyperliquid": ("swap",),
    "kraken": ("spot",),
    "krakenfutures": ("swap",),
    "kucoin": ("spot",),
    "mexc": ("spot",),
    "okx": ("spot", "swap"),
}
# Nobody's; Coinbase takes nothing but a key of this form.
_CURVE = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
SECRETS = {
    "secret": "c2VjcmV0IG9mIG5vYm9keQ==",
    "password": "p",
    "uid": "1",
    "privateKey": "0x" + "11" * 32,
    "walletAddress": "0x" + "22" * 20,
}
COINBASE = {**SECRETS, "apiKey": "organizations/o/apiKeys/k", "secret": _CURVE.decode()}
# What single exchanges want to find in a market's own description.
INFO = {
    "orderTypes": ["LIMIT", "MARKET"],
    "status": "TRADING",
    "maxOrderType": "",
    "stepSize": "0.001",
    "priceIncrement": "0.1",
}


def made_up(exchange: Any, kind: str) -> dict[str, Any]:
    swap = kind == "swap"
    described: dict[str, Any] = exchange.safe_market_structure(
        {
            "id": "BTCUSDT",
            "lowercaseId": "btcusdt",
            "base": "BTC",
            "quote": "USDT",
            # Hyperliquid counts its coins.
            "baseId": "0" if exchange.id == "hyperliquid" else "BTC",
            "quoteId": "USDT",
            "settle": "USDT" if swap else None,
            "settleId": "USDT" if swap else None,
            "symbol": "BTC/USDT:USDT" if swap else "BTC/USDT",
            "type": kind,
            "spot": not swap,
            "swap": swap,
            "contract": swap,
            "active": True,
            "margin": False,
            "future": False,
            "option": False,
            "linear": True if swap else None,
            "inverse": False if swap else None,
            "contractSize": "1" if swap else None,
            "precision": {"amount": "0.001", "price": "0.1"},
            "limits": {"amount": {"min": "0.001"}, "price": {}, "cost": {}},
            "info": INFO,
            "baseName": "BTC",
            "numericId": 1,
        }
    )
    return described


async def proof_of(ccxt: library.Library, name: str) -> Proof:
    secrets = COINBASE if name == "coinbase" else SECRETS
    setup = Setup("ccxt/table", "key", json.dumps(secrets))
    built = library.build(ccxt, name, setup, Options(), private=True)
    assert not isinstance(built, str), built
    built.set_markets([made_up(built, kind) for kind in EXCHANGES[name]])
    talk = Talk(built, ccxt.error, lambda: 0, (), 5.0)
    try:
        return await prove(talk, listings_of(built))
    finally:
        await talk.close()


async def table(ccxt: library.Library) -> str:
    lines = [
        "| exchange | our id goes out | found by our id | fills numbered | stream of orders | real money |",
        "|---|---|---|---|---|---|",
    ]
    for name, kinds in EXCHANGES.items():
        proof = await proof_of(ccxt, name)
        found = "in one question" if proof.finds_by_id else "among the lists" if proof.findable else "no"
        streams = ccxt.exchange(name)({}).describe()["has"].get("watchOrders")
        row = (
            f"`ccxt-{name}` ({', '.join(kinds)})",
            yes(proof.carries_id),
            found,
            yes(proof.fills),
            yes(streams),
            yes(proof.at_most_once),
        )
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def yes(so: object) -> str:
    return "yes" if so else "no"
