"""The whole venue on one port: which path is whose.

Spot has /api, /sapi, /ws, /stream and /ws-api; USDⓈ-M futures have /fapi, /public, /market, /private and
/ws-fapi (and, under /fstream, the paths without a prefix that the venue has given up). In life these are
hosts; here they are paths, so that one address serves a client of both.
"""

from __future__ import annotations

import importlib
from typing import Any

from kedge.sim.binance.house import BinanceHouse, Side
from kedge.sim.binance.spot.testnet import SpotTestnet
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

FUTURES = ("fapi", "public", "market", "private", "ws-fapi", "fstream", "futures")
NOT_FOUND = Reply(404, b"<html><head><title>404 Not Found</title></head></html>", kind="text/html")


class BinanceTestnet:
    def __init__(self, setup: Setup) -> None:
        self._house = BinanceHouse(setup)
        self.spot = SpotTestnet(self._house)
        self.usdm = _futures(self._house)
        self._sides: tuple[Side, ...] = (self.spot, self.usdm) if self.usdm else (self.spot,)
        for side in self._sides:
            self._house.join(side)
        self._house.settle()

    @property
    def house(self) -> BinanceHouse:
        return self._house

    def http(self, request: Request) -> Reply:
        side = self._side(request)
        return side.http(request) if side else NOT_FOUND

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        side = self._side(request)
        return side.socket(request, line) if side else NOT_FOUND

    def tick(self) -> None:
        self._house.step()
        self._house.settle()
        for side in self._sides:
            side.tick()

    def stats(self) -> dict[str, Any]:
        counts = [side.stats() for side in self._sides]
        return {
            "refused": sum(one["refused"] for one in counts),
            "bans": sum(one["bans"] for one in counts),
            "spot": counts[0],
            **({"usdm": counts[1]} if len(counts) > 1 else {}),
        }

    def close(self) -> None:
        for side in self._sides:
            side.close()

    def _side(self, request: Request) -> Side | None:
        first = request.path.lstrip("/").partition("/")[0]
        return self.usdm if first in FUTURES else self.spot


def make(setup: Setup) -> BinanceTestnet:
    """What `kedge sim binance` calls."""
    return BinanceTestnet(setup)


def _futures(house: BinanceHouse) -> Side | None:
    try:
        side: Side = importlib.import_module("kedge.sim.binance.usdm.testnet").UsdmTestnet(house)
    except ModuleNotFoundError as error:
        if error.name != "kedge.sim.binance.usdm.testnet":
            raise
        return None
    return side
