"""Whatever arrives from Binance USDⓈ-M: a value or a sentence, no exception, and no fill out of nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.events import BookUpdate, FillNews
from kedge.model.venue import Level, OrderReport
from kedge.venues.binance.usdm import feeds, pushes, wire
from kedge.venues.binance.usdm.hearing import Hearing
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.questions import Cursor, cursor_of

EXAMPLES = json.loads((Path(__file__).parents[1] / "data/binance/usdm/examples.json").read_text())
PUSHES = [one for name in EXAMPLES if name.startswith("push_") for one in EXAMPLES[name]]
STREAMS = [one for name in EXAMPLES if name.startswith("stream_") for one in EXAMPLES[name]]
KINDS: list[Any] = [
    *(wire.Order, wire.Algo, wire.AlgoDone, wire.WsReply, wire.ListenKey, wire.PositionMode, wire.ServerTime),
    *(list[wire.Order], list[wire.Algo], list[wire.Trade], list[wire.Income], list[wire.Position]),
    *(list[wire.Wallet], list[feeds.KlineRow], feeds.Snapshot, feeds.ExchangeInfo, wire.Rights),
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
WRITTEN = st.sampled_from(
    ["0", "-1", "1e400", "NaN", "Infinity", "0.1", "", "00.00", "1" * 40, "9" * 15, "\n"]
)


@st.composite
def twisted(draw: st.DrawFn, examples: list[Any]) -> bytes:
    """An example with some of its members replaced, removed or doubled."""
    payload = json.loads(json.dumps(draw(st.sampled_from(examples))))
    for _ in range(draw(st.integers(0, 4))):
        place: Any = payload
        while isinstance(place, dict) and place:
            key = draw(st.sampled_from(sorted(place)))
            inner = place[key]
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                inner = inner[0]
            if isinstance(inner, dict) and inner and draw(st.booleans()):
                place = inner
                continue
            if draw(st.integers(0, 4)) == 0:
                del place[key]
            else:
                place[key] = draw(ODD | WRITTEN)
            break
    return json.dumps(payload).encode()


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    for kind in KINDS:
        wire.read(data, kind)
    wire.read_batch(data)
    pushes.read_push(data)
    feeds.read_told(data)
    assert isinstance(cursor_of(data.decode("latin-1")), Cursor)


@given(st.integers(1, 100_000))
def test_no_depth_makes_a_reader_raise(depth: int) -> None:
    for data in (b"[" * depth, b'{"data":' * depth):
        assert isinstance(pushes.read_push(data), wire.Unreadable)
        assert isinstance(feeds.read_told(data), wire.Unreadable)
        assert isinstance(wire.read(data, list[wire.Order]), wire.Unreadable)


@given(st.lists(twisted(PUSHES), max_size=8))
def test_the_stream_tells_no_nonsense(frames: list[bytes]) -> None:
    memory = Memory()
    memory.walk_done("BTCUSDT")
    hearing = Hearing("usdm/main", memory, {})
    seen = []
    for frame in frames:
        heard = hearing.hear(frame, 0)
        for event in heard.events:
            if isinstance(event, FillNews):
                fill = event.fill
                assert fill.qty > 0
                assert fill.price > 0
                assert all(number.is_finite() for number in (fill.qty, fill.price, fill.fee))
                seen.append(fill.exec_id)
    assert len(seen) == len(set(seen))


@given(twisted(STREAMS))
def test_market_messages_are_read_or_refused(frame: bytes) -> None:
    told = feeds.read_told(frame)
    if isinstance(told, feeds.Mark):
        mark = feeds.mark_of(told, "a:B")
        assert mark is None or mark.mark > 0
    elif isinstance(told, feeds.Kline):
        assert feeds.bar_of(told).close.is_finite()
    elif isinstance(told, feeds.AggTrade):
        assert feeds.trade_of(told).qty.is_finite()


@given(twisted(EXAMPLES["query_order"] + EXAMPLES["new_order"]))
def test_an_order_is_read_whole_or_not_at_all(body: bytes) -> None:
    order = wire.read(body, wire.Order)
    if isinstance(order, wire.Unreadable):
        return
    report = wire.order_report(order)
    if isinstance(report, OrderReport):
        assert all(number.is_finite() for number in (report.qty, report.cum_qty, report.price))
        assert report.client_id == order.client_order_id


@given(twisted(EXAMPLES["exchange_info"]))
def test_instruments_divide_by_nothing(body: bytes) -> None:
    info = wire.read(body, feeds.ExchangeInfo)
    if isinstance(info, feeds.ExchangeInfo):
        for one in feeds.instruments_of(info):
            assert one.tick > 0
            assert one.qty_step > 0


WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=20)


@given(st.integers(0, 10**13 - 1), st.integers(0, 10**13 - 1), st.lists(WORDS, max_size=100))
def test_cursors_come_back(fills: int, income: int, symbols: list[str]) -> None:
    cursor = Cursor(fills, income, tuple(symbols))
    assert cursor_of(cursor.text()) == cursor


LEVELS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=5, unique_by=lambda p: p[0]
)


@given(LEVELS, LEVELS, st.integers(1, 120), st.integers(1, 10), st.integers(0, 5))
def test_a_touch_never_crosses_the_book(bids: Any, asks: Any, bid: int, spread: int, newer: int) -> None:
    down = sorted((Level(Decimal(p), Decimal(q)) for p, q in bids), key=lambda level: -level.price)
    up = sorted((Level(Decimal(p + 50), Decimal(q)) for p, q in asks), key=lambda level: level.price)
    touches = feeds.Touches()
    touches.book_at("B", 10)
    touches.over("B", BookUpdate("a:B", tuple(down), tuple(up), 1))
    touch = feeds.Touch("B", 5, 10 + newer, str(bid), "1", str(bid + spread), "1")
    assert touches.heard(touch) == (newer > 0)
    laid = touches.over("B")
    assert laid is not None
    prices = [level.price for level in laid.bids]
    assert prices == sorted(set(prices), reverse=True)
    prices = [level.price for level in laid.asks]
    assert prices == sorted(set(prices))
    assert laid.bids[0].price < laid.asks[0].price


def test_examples_are_not_empty() -> None:
    assert len(PUSHES) > 8
    assert len(STREAMS) > 4
    assert msgspec.json.encode(PUSHES)
