"""From the bytes of a message to a book that may be believed: ours beside ccxt's, on the same bytes.

    kept    the message is read, its number follows the book's, its levels are in the book, bid is below ask
    told    and the best levels are numbers in the hands of whoever watches

*Kept* is compared with ccxt's `handle_message`, from the bytes on, its future waiting to be resolved.
*Told* is compared with what a user of ccxt writes, `await watch_order_book(…)` again and again; ours is the
event that the engine hears. Each venue's messages are from one seed and the same for both, and at the end
of each round both books must show the same best prices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from bench import theirs
from bench.flow import SYMBOL, Flow, Message, bybit, spot, usdm
from bench.kit import Budget, Part, Size, Spread, Table, middle, noise, ratio, run, spread, us
from kedge.model.events import BookUpdate, Event
from kedge.runtime.env import SteadyClock
from kedge.venues.binance.spot.client import BinanceSpotVenue
from kedge.venues.binance.usdm.client import BinanceUsdmVenue
from kedge.venues.bybit.client import BybitVenue
from kedge.venues.bybit.market import Market
from kedge.venues.net import Net
from kedge.venues.venue import Setup

NAME, TITLE = "feed", "From bytes to a book"
TIMES = 6
LEVELS = (5, 40)

now = time.perf_counter_ns
Pairs = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class Case(Struct, frozen=True):
    """One venue: how it says a change, our part that hears it, and ccxt's name and address for it."""

    says: str
    write: Callable[[Message, str], bytes]
    ours: Callable[[Callable[[Event], None], Message], Ours]
    ccxt: str
    url: str
    hash: str
    unified: str = theirs.UNIFIED


class Ours(Struct):
    hear: Callable[[bytes], None]
    flush: Callable[[], None]


class Took(Struct):
    kept: list[float]
    told: list[float]


def measure(size: Size) -> Part:
    rounds, count = size.of(9, 1), size.of(1_000, 5)
    return _part(run(lambda: _measure(rounds, count)))


async def _measure(rounds: int, count: int) -> dict[tuple[str, int], dict[str, list[Spread]]]:
    found: dict[tuple[str, int], dict[str, list[Spread]]] = {}
    for case in CASES:
        for levels in LEVELS:
            table: dict[str, list[Spread]] = {"kept": [], "told": [], "ccxt kept": [], "ccxt told": []}
            found[case.says, levels] = table
            for turn in range(rounds):
                flow = Flow(seed=turn)
                whole = flow.whole()
                frames = [case.write(flow.wander(levels), SYMBOL) for _ in range(count)]
                works: list[tuple[str, Callable[[], Awaitable[tuple[Took, Any]]]]] = [
                    ("", lambda: _ours(case, whole, frames)),  # noqa: B023  # called within the round
                    ("ccxt ", lambda: _theirs(case, whole, frames)),  # noqa: B023
                ]
                tops = []
                for who, work in works if turn % 2 else reversed(works):
                    took, top = await work()
                    table[who + "kept"].append(spread(took.kept))
                    table[who + "told"].append(spread(took.told))
                    tops.append(top)
                assert tops[0] == tops[1], f"{case.says}: the books differ: {tops}"
    return found


# ── ours ────────────────────────────────────────────────────────────────────────────────────────


async def _ours(case: Case, whole: Message, frames: list[bytes]) -> tuple[Took, tuple[float, float]]:
    told: list[BookUpdate] = []

    def say(event: Event) -> None:
        assert isinstance(event, BookUpdate), event
        told[:] = [event]

    made = case.ours(say, whole)
    took = Took([], [])
    for frame in frames:
        began = now()
        made.hear(frame)
        kept = now()
        made.flush()
        ended = now()
        took.kept.append(float(kept - began))
        took.told.append(float(ended - began))
    best = told[0]
    return took, (float(best.bids[0].price), float(best.asks[0].price))


def _pairs(whole: Message) -> Pairs:
    return [(p, q) for p, q in whole.bids], [(p, q) for p, q in whole.asks]


def _bybit(say: Callable[[Event], None], whole: Message) -> Ours:
    venue = BybitVenue(Setup("bybit/main", url="http://nowhere"), Net(), SteadyClock())
    market = Market(venue._ties, venue._asks, "linear", say, lambda: True)  # as its tests would
    market._books.watch([SYMBOL])
    market._symbols = {SYMBOL: SYMBOL}
    market._books.begin()
    market._books.snapshot(SYMBOL, *_pairs(whole), whole.number)
    market.paused()
    return Ours(market.heard, market.paused)


def _usdm(say: Callable[[Event], None], whole: Message) -> Ours:
    venue = BinanceUsdmVenue(Setup("binance-usdm/main", url="http://nowhere"), Net(), SteadyClock())
    venue._life.open(say)
    venue._life.up = True
    markets = venue._markets
    markets._books.watch([SYMBOL])
    markets._books.begin()
    markets._books.snapshot(SYMBOL, *_pairs(whole), whole.number * 10)
    markets.pause_books()
    line = markets._public  # reads a message and hands it to the markets
    return Ours(line.heard, line.paused)


def _spot(say: Callable[[Event], None], whole: Message) -> Ours:
    venue = BinanceSpotVenue(Setup("binance/main", url="http://nowhere"), Net(), SteadyClock())
    venue._life.open(say)
    venue._life.up = True
    streams = venue._streams
    streams.open(Net(), "ws://127.0.0.1:9")
    streams.books.watch([SYMBOL])
    streams.books.begin()
    streams.books.snapshot(SYMBOL, *_pairs(whole), whole.number * 10)
    streams.paused()
    assert streams._line is not None
    task = streams._line._task
    assert task is not None
    task.cancel()
    return Ours(streams.heard, streams.paused)


# ── theirs ──────────────────────────────────────────────────────────────────────────────────────


async def _theirs(case: Case, whole: Message, frames: list[bytes]) -> tuple[Took, tuple[float, float]]:
    made = theirs.exchange(case.ccxt)
    wire = theirs.Wire(made, case.url)
    book = made.order_book({}, 1_000)
    bids, asks = ([[float(p), float(q)] for p, q in side] for side in (whole.bids, whole.asks))
    book.reset({"bids": bids, "asks": asks, "nonce": whole.number * 10, "symbol": case.unified})
    made.orderbooks[case.unified] = book
    took = Took([], [])
    for frame in frames:
        wire.client.future(case.hash)
        began = now()
        wire.hear(frame)
        took.kept.append(float(now() - began))
    top = (book["bids"][0][0], book["asks"][0][0])
    await _told(case, made, wire, frames, took)
    await made.close()
    return took, top


async def _told(case: Case, made: Any, wire: theirs.Wire, frames: list[bytes], took: Took) -> None:
    """Over again, with a user who awaits each book. That the numbers are old by now, Bybit's handler does not
    see and Binance's is spared."""
    loop = asyncio.get_running_loop()
    wire.stay_connected()
    if case.ccxt != "bybit":
        made.orderbooks[case.unified]["nonce"] = None
    for frame in frames[: len(frames) // 3 + 1]:
        if case.ccxt != "bybit":
            made.orderbooks[case.unified]["nonce"] = read_nonce(frame)
        began = now()
        waiting = loop.create_task(made.watch_order_book(case.unified))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        wire.hear(frame)
        book = await waiting
        took.told.append(float(now() - began))
        assert book["bids"]


def read_nonce(frame: bytes) -> int:
    """The number that a change of Binance follows."""
    from msgspec import json

    return int(json.decode(frame)["data"]["U"]) - 1


# ── what it came to ─────────────────────────────────────────────────────────────────────────────

CASES = (
    Case(
        "Bybit linear",
        bybit,
        _bybit,
        "bybit",
        "ws://nowhere/v5/public/linear",
        f"orderbook:{theirs.UNIFIED}",
    ),
    Case(
        "Binance USDⓈ-M",
        usdm,
        _usdm,
        "binanceusdm",
        "ws://nowhere/fstream",
        f"orderbook::{theirs.UNIFIED}",
    ),
    Case(
        "Binance spot",
        spot,
        _spot,
        "binance",
        "wss://stream.binance.com:9443/ws/0",
        "orderbook::BTC/USDT",
        "BTC/USDT",
    ),
)


def _part(found: dict[tuple[str, int], dict[str, list[Spread]]]) -> Part:
    part = Part(TITLE)
    rows = []
    for (says, levels), table in found.items():
        kept, told = ratio(table["ccxt kept"], table["kept"]), ratio(table["ccxt told"], table["told"])
        what = f"{says}, {levels} levels a message: bytes → book, ccxt ÷ ours"
        part.budgets.append(Budget(what, kept, TIMES, at_most=False))
        p50 = [us(middle(table[name]).p50) for name in ("kept", "ccxt kept", "told", "ccxt told")]
        times = (f"{kept:.1f}", f"{told:.1f}")
        spread_of = noise(table["kept"])
        rows.append((says, str(levels), *p50[:2], times[0], *p50[2:], times[1], spread_of))
    heads = ("µs, p50", "levels", "kept: ours", "ccxt", "×", "told: ours", "ccxt", "×", "kept, best–worst")
    part.tables = [Table(heads, rows)]
    part.says = [
        "*Kept*: read, its number checked, every level in the book, bid below ask; ccxt: `handle_message`"
        " from the bytes on, which checks numbers for Binance and none for Bybit. *Told*: the best levels as"
        " exact numbers with the engine (10 a side, Binance spot 20); ccxt: `await watch_order_book()` in a"
        " loop, floats.",
        "orjson is installed beside ccxt, which uses it.",
    ]
    return part
