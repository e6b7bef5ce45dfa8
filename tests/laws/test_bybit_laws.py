"""Laws of the Bybit dialect: nothing that arrives is raised at anybody, and nothing unread becomes a zero."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from kedge.model.numbers import BadNumber
from kedge.model.order import State
from kedge.model.venue import Answer, Cash, Fill, OrderReport, PlaceOrder
from kedge.venues.bybit import account, errors, frames, key, orders, public, sign, wire
from kedge.venues.bybit.instruments import Listing, native_of, read_instruments

EXAMPLES = json.loads((Path(__file__).parent.parent / "data" / "bybit" / "examples.json").read_text())
SAID = [json.dumps(row["said"]).encode() for row in EXAMPLES]
LISTING = Listing()

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_values = st.recursive(
    _scalars | st.sampled_from(["", "0", "1.5", "-1", "1e400", "NaN", "BTCUSDT", "Buy", "linear"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def read_everything(data: bytes) -> None:
    """Each decoder there is; what they make must be a value of theirs or an `Unreadable`."""
    for read in (
        wire.read_envelope,
        wire.read_listed,
        frames.read_frame,
        frames.read_answer,
        public.read_book,
    ):
        read(data)
    raw = Raw(data)
    assert isinstance(public.read_trades(raw), (tuple, wire.Unreadable))
    assert isinstance(public.read_bars(raw), (tuple, wire.Unreadable))
    assert isinstance(frames.read_rows(raw), (tuple, wire.Unreadable))
    ticker = public.read_ticker(raw)
    if not isinstance(ticker, wire.Unreadable):
        public.mark_of(ticker, "bybit/main:X", 0)
    wire.venue_ns_of(data)
    envelope = wire.Envelope(0, result=raw, ret_ext_info=raw)
    public.read_bars_told(envelope)
    public.read_recent_trades(envelope)
    row = key.read_key(envelope)
    if isinstance(row, key.KeyRow):
        key.rights_of(row, True, False)
    for category in wire.CATEGORIES:
        read_instruments(category, envelope)
        read_rows(raw, category)


def read_rows(raw: Raw, category: Any) -> None:
    for kind, make in (
        (account.OrderRow, account.order_of),
        (account.ExecRow, account.exec_of),
        (account.PositionRow, account.position_of),
    ):
        row = wire.read_as(raw, kind)
        if isinstance(row, kind):
            make(row, category, LISTING)  # type: ignore[operator]
    log = wire.read_as(raw, account.LogRow)
    if isinstance(log, account.LogRow):
        account.cash_of(log, LISTING)
    wallet = wire.read_as(raw, account.WalletRow)
    if isinstance(wallet, account.WalletRow):
        account.balances_of(wallet)


@given(st.binary(max_size=200))
@example(b"[" * 50_000)
@example(b'{"a":' * 50_000)
@example(b'{"data":"\xff"}')
@example(b'{"time":99999999999999999999}')
def test_bytes_of_any_kind_never_raise(data: bytes) -> None:
    read_everything(data)


@given(_values)
def test_json_of_any_kind_never_raises(value: Any) -> None:
    read_everything(json.dumps(value).encode())


@given(st.sampled_from(SAID), st.data())
def test_spoilt_examples_never_raise(said: bytes, data: st.DataObject) -> None:
    """Bytes of the venue's own examples, cut, doubled and overwritten."""
    at = data.draw(st.integers(0, len(said)))
    to = data.draw(st.integers(at, len(said)))
    read_everything(said[:at] + data.draw(st.binary(max_size=8)) + said[to:])


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for name, one in inner for leaf in _leaves(one, (*path, name))]
    return found or [path]


@given(st.sampled_from([r["said"] for r in EXAMPLES if isinstance(r["said"], dict)]), st.data())
def test_examples_with_another_leaf_never_raise(said: dict[str, Any], data: st.DataObject) -> None:
    said = json.loads(json.dumps(said))
    path = data.draw(st.sampled_from(_leaves(said)))
    where: Any = said
    for name in path[:-1]:
        where = where[name]
    if path:
        where[path[-1]] = data.draw(_values)
    read_everything(json.dumps(said).encode())
    inner = said.get("result", said.get("data"))
    rows = inner.get("list", []) if isinstance(inner, dict) else inner
    for row in rows if isinstance(rows, list) else []:
        read_everything(json.dumps(row).encode())


@given(st.text(max_size=40))
@example("1e99")
@example("0.0000000000000000000000000000001")
def test_a_number_is_read_exactly_or_not_at_all(words: str) -> None:
    try:
        number = wire.number(words)
    except BadNumber:
        return
    assert number == Decimal(words)
    assert number.is_finite()


_numbers = st.text("0123456789.-eN ", max_size=8)


@given(
    _numbers, _numbers, _numbers, st.sampled_from(["New", "Filled", "Cancelled", "Rejected", "Strange", ""])
)
def test_an_order_is_never_made_of_what_is_no_number(qty: str, cum: str, price: str, status: str) -> None:
    row = account.OrderRow("BTCUSDT", "1", "Buy", "Limit", status, qty, cum, "1700000000000", price=price)
    made = account.order_of(row, "linear", LISTING)
    if isinstance(made, OrderReport):
        assert (made.qty, made.cum_qty) == (Decimal(qty), Decimal(cum or "0"))
        assert made.price == Decimal(price or "0")
        assert made.state in (State.OPEN, State.FILLED, State.CANCELLED, State.EXPIRED, State.REJECTED)


@given(_numbers, _numbers, _numbers, st.sampled_from(["Trade", "AdlTrade", "Funding", "CorporateAction"]))
def test_a_fill_is_never_made_of_what_is_no_number(qty: str, price: str, fee: str, kind: str) -> None:
    row = account.ExecRow("BTCUSDT", "e", "o", kind, "1700000000000", price, qty, side="Buy", exec_fee=fee)
    made = account.exec_of(row, "linear", LISTING)
    if isinstance(made, Fill):
        assert (made.qty, made.price, made.fee) == (Decimal(qty), Decimal(price), Decimal(fee or "0"))
        assert made.qty > 0
    if isinstance(made, Cash):
        assert made.amount == -Decimal(fee)


@given(st.integers(), st.sampled_from(["place", "amend", "cancel"]))
def test_a_strange_code_is_unknown(code: int, request: Any) -> None:
    if errors.meaning_of(code) == "unknown":
        assert errors.answer_of(request, code) is Answer.UNKNOWN
    assert len(errors.reason_of(code, "words" * 100)) <= 300


_times = st.integers(10**18, 2 * 10**18)


@given(_times, st.integers(-(10**10), 10**11))
def test_no_request_outlives_its_last_moment(now_ns: int, left_ns: int) -> None:
    stamp, window = sign.window_ms(now_ns, now_ns + left_ns)
    assert stamp == now_ns // 10**6
    assert window >= 1
    if left_ns >= 10**6:
        assert (stamp + window) * 10**6 <= now_ns + left_ns


_coins = st.text("ABCDEFGH", min_size=2, max_size=5)


@given(_coins, st.sampled_from(["USDT", "USDC", "EUR", "BTC"]))
def test_names_of_pairs_go_there_and_back(base: str, quote: str) -> None:
    symbol = f"{base}/{quote}"
    assert native_of(LISTING.symbol_of("spot", native_of(symbol))) == native_of(symbol)
    assert LISTING.category_of(symbol) == "spot"


_decimals = st.decimals("0.00000001", "1000000", places=8)


@given(_decimals, _decimals, st.sampled_from(["limit", "market", "stop", "stop_limit"]), st.booleans())
def test_what_is_asked_for_is_exact_text(qty: Decimal, price: Decimal, kind: Any, spot: bool) -> None:
    category: Any = "spot" if spot else "linear"
    order = PlaceOrder(
        "c" * 32, "BTC/USDT" if spot else "BTCUSDT", "buy", qty, price, kind, trigger_price=price
    )
    said = json.loads(orders.frame("order.create", "r", 1, 2, orders.place(category, order)))["args"][0]
    assert Decimal(said["qty"]) == qty
    assert "e" not in said["qty"].lower()
    if "price" in said:
        assert Decimal(said["price"]) == price
    assert isinstance(msgspec.json.decode(orders.frame("x", "r", 1, 2, said)), dict)
