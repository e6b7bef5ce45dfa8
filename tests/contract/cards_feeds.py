"""Feeds: trades of others and bars, as they are streamed and from history."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from kedge.model.events import (
    BarsSeen,
    LinkDown,
    TradesSeen,
)
from kedge.model.instrument import market_of
from kedge.model.venue import Bar, Feed, Trade
from tests.contract.cards import card
from tests.contract.desk import SECOND, Desk, is_sentence
from tests.contract.rig import Rig

MINUTE_NS = 60 * SECOND


# ── trades ──────────────────────────────────────────────────────────────────────────────────────


def _trades(rig: Rig, desk: Desk) -> list[Trade]:
    market = market_of(desk.account, rig.symbol)
    return [trade for seen in desk.all(TradesSeen) if seen.market == market for trade in seen.trades]


async def _hear_trades(rig: Rig) -> Desk:
    desk = await rig.up()
    await desk.watch(rig.symbol, feeds=[Feed(rig.symbol, "trades")])
    await desk.holds(lambda: desk.books(rig.symbol), 30)
    await asyncio.sleep(5)
    return desk


@card(
    221,
    "trades",
    "Trades of others are told once, oldest first, with the taker's side, price and quantity",
    "trades",
)
async def trades(rig: Rig) -> None:
    desk = await _hear_trades(rig)
    tick = rig.terms().tick
    wanted = []
    for number in range(1, 6):
        side = "buy" if number % 2 else "sell"
        price = rig.mid + tick if side == "buy" else rig.mid - tick
        rig.counter(side, rig.lot * number, price)  # type: ignore[arg-type]
        wanted.append((side, price, rig.lot * number))
        await asyncio.sleep(0.5)
    await desk.holds(lambda: len(_trades(rig, desk)) >= 5, 30)
    heard = _trades(rig, desk)[-5:]
    assert [(one.side, one.price, one.qty) for one in heard] == wanted
    assert len({one.trade_id for one in heard}) == 5
    assert all(a.venue_ns <= b.venue_ns for a, b in pairwise(heard))


@card(222, "trades-cut", "After a cut trades are told again, each once and in order", "trades")
async def trades_cut(rig: Rig) -> None:
    desk = await _hear_trades(rig)
    await _trade_over_a_cut(rig, desk)
    ids = [one.trade_id for one in _trades(rig, desk)]
    assert len(ids) == len(set(ids))
    assert all(a.venue_ns <= b.venue_ns for a, b in pairwise(_trades(rig, desk)))


@card(
    223,
    "trades-missed",
    "Trades that passed during a cut are told after it, before later ones",
    "trades",
)
async def trades_missed(rig: Rig) -> None:
    desk = await _hear_trades(rig)
    await _trade_over_a_cut(rig, desk)
    mine = [one.qty / rig.lot for one in _trades(rig, desk) if one.qty in (rig.lot * 2, rig.lot * 3)]
    assert mine == [2, 3]


async def _trade_over_a_cut(rig: Rig, desk: Desk) -> None:
    """One trade before it, one during it, one after it: of one, two and three lots."""
    tick = rig.terms().tick
    rig.counter("buy", rig.lot, rig.mid + tick)
    await desk.holds(lambda: _trades(rig, desk), 30)
    since = desk.mark()
    rig.cut()
    await desk.until(LinkDown)
    rig.counter("sell", rig.lot * 2, rig.mid - tick)
    await desk.linked_again(since)
    await asyncio.sleep(5)
    rig.counter("buy", rig.lot * 3, rig.mid + tick)
    await desk.holds(lambda: any(one.qty == rig.lot * 3 for one in _trades(rig, desk)), 60)


# ── bars ────────────────────────────────────────────────────────────────────────────────────────


def _bars(rig: Rig, desk: Desk) -> list[Bar]:
    """By their beginnings. A new link may tell the past again: then it must be the same past."""
    market = market_of(desk.account, rig.symbol)
    found: dict[int, Bar] = {}
    for seen in desk.all(BarsSeen):
        assert seen.market == market
        _in_order(seen.bars)
        for bar in seen.bars:
            assert found.setdefault(bar.start_ns, bar) == bar, "a final bar has changed"
    return [found[start_ns] for start_ns in sorted(found)]


def _in_order(bars: list[Bar] | tuple[Bar, ...], interval_ns: int = MINUTE_NS) -> None:
    assert all(b.start_ns - a.start_ns == interval_ns for a, b in pairwise(bars)), "a hole, or one twice"
    assert all(one.start_ns % interval_ns == 0 for one in bars)
    for one in bars:
        assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
        assert one.volume >= 0


async def _hear_bars(rig: Rig) -> Desk:
    desk = await rig.up()
    await desk.watch(rig.symbol, feeds=[Feed(rig.symbol, "bars", MINUTE_NS)])
    await desk.until(BarsSeen)
    return desk


@card(
    224, "bars-begin", "Bars begin with the last few hundred, closed ones, oldest first, in one piece", "bars"
)
async def bars_begin(rig: Rig) -> None:
    desk = await _hear_bars(rig)
    first = desk.all(BarsSeen)[0]
    assert first.interval_ns == MINUTE_NS
    assert len(first.bars) >= 200
    _in_order(first.bars)
    assert first.bars[-1].start_ns + MINUTE_NS <= rig.now_ns() < first.bars[-1].start_ns + 3 * MINUTE_NS


@card(225, "bars-final", "A bar is told once, when it is final, with what traded in it", "bars")
async def bars_final(rig: Rig) -> None:
    desk = await _hear_bars(rig)
    # Into the middle of a minute, and trade there.
    await asyncio.sleep(60 - rig.now_ns() // SECOND % 60 + 20)
    minute_ns = rig.now_ns() // MINUTE_NS * MINUTE_NS
    tick = rig.terms().tick
    rig.counter("buy", rig.lot * 3, rig.mid + tick)
    rig.counter("sell", rig.lot * 2, rig.mid - tick)
    await desk.holds(lambda: any(bar.start_ns == minute_ns for bar in _bars(rig, desk)), 90)
    assert rig.now_ns() >= minute_ns + MINUTE_NS, "told before it was over"
    told = [bar for seen in desk.all(BarsSeen) for bar in seen.bars if bar.start_ns == minute_ns]
    assert len(told) == 1, "told twice"
    assert (told[0].high, told[0].low) == (rig.mid + tick, rig.mid - tick)
    assert told[0].volume == rig.lot * 5
    await rig.idle(130)
    _in_order(_bars(rig, desk))


@card(226, "bars-empty", "A minute without trades is a flat bar with volume zero", "bars")
async def bars_empty(rig: Rig) -> None:
    desk = await _hear_bars(rig)
    rig.counter("buy", rig.lot, rig.mid + rig.terms().tick)
    before = len(_bars(rig, desk))
    await rig.idle(240)
    late = _bars(rig, desk)[before:]
    assert len(late) >= 3
    _in_order(_bars(rig, desk))
    for bar in late[1:]:
        assert bar.open == bar.high == bar.low == bar.close
        assert bar.volume == 0
    assert late[-1].close == late[0].close


@card(
    227,
    "bars-cut",
    "Bars that closed during a cut are told after it; none is missing, none comes twice",
    "bars",
)
async def bars_cut(rig: Rig) -> None:
    desk = await _hear_bars(rig)
    since = desk.mark()
    rig.away(True)
    await desk.until(LinkDown)
    await rig.idle(150)
    rig.away(False)
    await desk.linked_again(since)
    await rig.idle(130)
    _in_order(_bars(rig, desk))
    assert rig.now_ns() - _bars(rig, desk)[-1].start_ns < 3 * MINUTE_NS


@card(
    228,
    "history",
    "History comes whole over many pages, oldest first, none twice, running bars left out",
    "bars",
)
async def history(rig: Rig) -> None:
    desk = await rig.up()
    now_ns = rig.now_ns()
    since_ns = now_ns - 2_500 * MINUTE_NS
    bars = await desk.venue.bars(rig.symbol, MINUTE_NS, since_ns, now_ns + 5 * MINUTE_NS)
    assert isinstance(bars, tuple), bars
    _in_order(bars)
    assert len(bars) == 2_499 or len(bars) == 2_500
    assert bars[0].start_ns >= since_ns
    assert bars[-1].start_ns + MINUTE_NS <= rig.now_ns()
    part = await desk.venue.bars(rig.symbol, MINUTE_NS, bars[10].start_ns, bars[20].start_ns)
    assert part == bars[10:20], "[since, until) is not what was told before"


@card(229, "history-hours", "Longer bars are the sums of shorter ones", "bars")
async def history_hours(rig: Rig) -> None:
    desk = await rig.up()
    hour_ns = 60 * MINUTE_NS
    end_ns = rig.now_ns() // hour_ns * hour_ns
    hours = await desk.venue.bars(rig.symbol, hour_ns, end_ns - 3 * hour_ns, end_ns)
    minutes = await desk.venue.bars(rig.symbol, MINUTE_NS, end_ns - 3 * hour_ns, end_ns)
    assert isinstance(hours, tuple)
    assert isinstance(minutes, tuple)
    assert [len(hours), len(minutes)] == [3, 180]
    for number, hour in enumerate(hours):
        mine = minutes[60 * number : 60 * number + 60]
        assert hour.open == mine[0].open
        assert hour.close == mine[-1].close
        assert hour.high == max(one.high for one in mine)
        assert hour.low == min(one.low for one in mine)
        assert hour.volume == sum(one.volume for one in mine)


@card(
    230,
    "history-refused",
    "Bars that there are not are refused in one sentence: a strange length, a strange symbol",
)
async def history_refused(rig: Rig) -> None:
    desk = await rig.up()
    now_ns = rig.now_ns()
    for symbol, interval_ns in ((rig.symbol, 7 * MINUTE_NS), (rig.strange, MINUTE_NS)):
        said = await desk.venue.bars(symbol, interval_ns, now_ns - 100 * MINUTE_NS, now_ns)
        assert isinstance(said, str), (symbol, interval_ns)
        is_sentence(said)
    rig.away(True)
    await asyncio.sleep(1)
    said = await desk.venue.bars(rig.symbol, MINUTE_NS, now_ns - 100 * MINUTE_NS, now_ns)
    assert isinstance(said, str)
    is_sentence(said)
