"""Where a wire storm trades: each testnet with its adapters and the markets that are drawn from."""

from __future__ import annotations

from kedge.sim.binance import make as binance
from kedge.sim.bybit import make as bybit
from kedge.storm.window import View
from kedge.storm.wire_harbour import Port
from kedge.venues.binance.spot.client import BinanceSpotVenue
from kedge.venues.binance.usdm.client import BinanceUsdmVenue
from kedge.venues.bybit.client import BybitVenue

_LINEAR = Port("bybit", "bybit.storm", bybit, BybitVenue, View("main", "linear:BTCUSDT", "BTCUSDT"))
_BYBIT_SPOT = Port("bybit", "bybit.storm", bybit, BybitVenue, View("main", "spot:BTCUSDT", "BTC/USDT"))
_USDM = Port(
    "binance-usdm", "binance.storm", binance, BinanceUsdmVenue, View("main:usdm", "usdm:BTCUSDT", "BTCUSDT")
)
_SPOT = Port(
    "binance", "binance.storm", binance, BinanceSpotVenue, View("main:spot", "spot:BTCUSDT", "BTCUSDT")
)

BYBIT: tuple[Port, ...] = (_LINEAR, _LINEAR, _BYBIT_SPOT)
BINANCE: tuple[Port, ...] = (_USDM, _USDM, _SPOT)
