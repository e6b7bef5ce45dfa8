"""The testnets of real venues as the scene: `kedge sim bybit` is alpha, `kedge sim binance` is beta.

The desk has three accounts, each through the venue's own adapter: Bybit's unified one (linear and spot),
Binance USDⓈ-M, Binance spot. Every run has a key of its own, and with it accounts that nobody has used.

    pair-1   Bybit linear and Binance USDⓈ-M         pair-2   Binance spot and Bybit spot
    hedge-1  Binance USDⓈ-M                          peg-1, peg-2  Binance USDⓈ-M, Bybit linear
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.crash.scene import HEDGE_QTY, PAIR_QTY, PEG_QTY, WANTED, BotSpec, Scene, Seat

COINS_QTY = "0.3"
VENUES = {"alpha": "bybit", "beta": "binance"}
BTC, ETH = Decimal("60000.00"), Decimal("3000.00")


def _bots(accounts: Mapping[str, str]) -> list[BotSpec]:
    bybit, usdm, spot = accounts["bybit"], accounts["usdm"], accounts["spot"]
    pair = {"far": f"{bybit}:BTCUSDT", "near": f"{usdm}:BTCUSDT", "side": "buy", "qty": PAIR_QTY}
    coins = {"far": f"{spot}:ETHUSDT", "near": f"{bybit}:ETH/USDT", "side": "buy", "qty": COINS_QTY}
    hedge = {"market": f"{usdm}:BTCUSDT", "side": "sell", "qty": HEDGE_QTY, "reprice_s": "0.1"}
    peg = {"market": f"{usdm}:ETHUSDT", "side": "buy", "qty": PEG_QTY, "pace_ms": 100}
    resting = {"market": f"{bybit}:ETHUSDT", "side": "sell", "qty": "1", "limit": "3100"}
    return [
        ("pair-1", "pair", pair),
        ("pair-2", "pair", coins),
        ("hedge-1", "hedge", hedge),
        ("peg-1", "peg", peg),
        ("peg-2", "peg", resting),
    ]


def _process(name: str, options: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "tests.crash.sim_child", VENUES[name]]
    command += [f"--port={options['port']}", f"--control-port={options['control_port']}"]
    return [*command, f"--state={options['state']}", "--market=still", "--tick-ms=20"]


WIRE = Scene(
    seats={
        "bybit": Seat(
            "alpha",
            "bybit",
            symbols={"linear:BTCUSDT": "BTCUSDT", "linear:ETHUSDT": "ETHUSDT", "spot:ETHUSDT": "ETH/USDT"},
            spot={"ETH/USDT": "ETH"},
        ),
        "usdm": Seat(
            "beta",
            "binance-usdm",
            wallet="usdm",
            symbols={"usdm:BTCUSDT": "BTCUSDT", "usdm:ETHUSDT": "ETHUSDT"},
        ),
        "spot": Seat(
            "beta",
            "binance",
            wallet="spot",
            symbols={"spot:ETHUSDT": "ETHUSDT"},
            spot={"ETHUSDT": "ETH"},
        ),
    },
    prices={
        "alpha": {"linear:BTCUSDT": BTC, "linear:ETHUSDT": ETH, "spot:ETHUSDT": ETH},
        "beta": {"usdm:BTCUSDT": BTC, "usdm:ETHUSDT": ETH, "spot:ETHUSDT": ETH},
    },
    nudged=(
        ("alpha", "linear:BTCUSDT", "0.01"),
        ("beta", "usdm:ETHUSDT", "0.1"),
        ("beta", "spot:ETHUSDT", "0.1"),
    ),
    ticks={
        "linear:BTCUSDT": Decimal("0.1"),
        "usdm:ETHUSDT": Decimal("0.01"),
        "spot:ETHUSDT": Decimal("0.01"),
    },
    moves=60,
    moves_every=4,
    wanted={
        **WANTED,
        ("pair-2", "far"): Decimal(COINS_QTY),
        ("pair-2", "near"): -Decimal(COINS_QTY),
    },
    # What is worth less than a hundred at Binance, or than five in coins, is no order.
    uneven={"pair-1": Decimal("0.002"), "pair-2": Decimal("0.002")},
    bots=_bots,
    process=_process,
    runs_per_exchange=30,
    same_exec_ids=False,
    keys=True,
)
