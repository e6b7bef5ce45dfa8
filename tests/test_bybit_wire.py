"""Bybit's dialect: the signatures, the envelope, numbers, and every example of the venue's own documents."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedge.model.numbers import BadNumber
from kedge.model.venue import Cash, Fill, OrderReport
from kedge.venues.bybit import account, frames, key, public, sign, wire
from kedge.venues.bybit.instruments import Listing, read_instruments
from kedge.venues.rest import Call

EXAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "bybit" / "examples.json").read_text()
)
KEY, SECRET = "kedgeTESTkey0001", "kedge-secret-0123456789abcdef"


def shown(page: str) -> list[Any]:
    found = [example["said"] for example in EXAMPLES if example["page"] == page]
    assert found, page
    return found


def raw(said: Any) -> bytes:
    return json.dumps(said).encode()


# ── signatures ──────────────────────────────────────────────────────────────────────────────────

QUERY = "category=linear&symbol=BTCUSDT&orderLinkId=0000002a000001000000070000000001"
BODY = (
    '{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.05",'
    '"timeInForce":"GTC","orderLinkId":"k1","price":"30000"}'
)


@pytest.mark.parametrize(
    ("stamp", "window", "payload", "signature"),
    [
        # Made by the rule, and found the same by the venue's own Python SDK (pybit 5.17.0).
        (1672219525810, 5000, QUERY, "624ff350293cf6b880583b767a51d98a1a5cfc24536882c8b4c7c89a5cfeaf2a"),
        (1672211928338, 4990, BODY, "04e945b77484fbfdff1ebfc891879fa70a7bae4b42df8dc76e4ba8f028057740"),
        (1676430842094, 5000, "", "defeaac0d51ac1bef10e27b98446be81c1adb8089e70b11276ae6115c69a77ed"),
    ],
)
def test_rest_signatures(stamp: int, window: int, payload: str, signature: str) -> None:
    assert sign.rest_signature(SECRET, KEY, stamp, window, payload.encode()) == signature


def test_socket_signature() -> None:
    assert (
        sign.socket_signature(SECRET, 1662350400000)
        == "8654b0b6788b7df676a513674402bbdba05edf146293e928b14d88a70cdc5388"
    )


def test_what_is_signed_is_what_is_sent() -> None:
    now_ns = 1672219525810_000_000
    get = sign.sign(Call("GET", "/v5/order/realtime", QUERY), KEY, SECRET, now_ns)
    assert get.target == f"/v5/order/realtime?{QUERY}"
    assert dict(get.headers)["X-BAPI-SIGN"].startswith("624ff350")
    call = Call("POST", "/v5/order/create", body=BODY.encode(), valid_until_ns=1672211933328_999_999)
    post = sign.sign(call, KEY, SECRET, 1672211928338_500_000)
    assert dict(post.headers)["X-BAPI-SIGN"].startswith("04e945b7")
    assert dict(post.headers)["Content-Type"] == "application/json"
    assert post.body == BODY.encode()
    unsigned = sign.sign(Call("GET", "/v5/market/time", signed=False), KEY, SECRET, now_ns)
    assert unsigned.headers == ()


def test_the_window_ends_with_the_requests_last_moment() -> None:
    """Time stamp plus window is the moment after which the venue refuses: never later than was meant."""
    stamp, window = sign.window_ms(1_000_000_999_999, 1_004_999_999_999)
    assert stamp + window == 1_004_999
    assert sign.window_ms(1_000_000_000_000, 0) == (1_000_000, 5_000)
    assert sign.window_ms(2_000_000_000_000, 1_000_000_000_000)[1] == 1


# ── numbers, times, queries ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", ["", None, "NaN", "Infinity", "1_000", " 1", "1e999", "٣", "1" * 30, "x"])
def test_what_is_no_number_is_no_zero(words: str | None) -> None:
    with pytest.raises(BadNumber):
        wire.number(words)


def test_numbers_are_exact() -> None:
    assert wire.number("0.10") == Decimal("0.10")
    assert wire.number("-1.5e-8") == Decimal("-0.000000015")
    assert wire.number_or_zero("") == wire.number_or_zero(None) == 0


@pytest.mark.parametrize("stamp", ["", None, -1, "-1", 10**16, "12.5", "9" * 17])
def test_what_is_no_time_is_no_1970(stamp: Any) -> None:
    with pytest.raises(BadNumber):
        wire.ns_of(stamp)


def test_times_are_digits_or_integers() -> None:
    assert wire.ns_of("1672364262474") == wire.ns_of(1672364262474) == 1672364262474_000_000


def test_queries_quote_everything_but_the_cursor() -> None:
    """A cursor comes percent-encoded and is handed back so, else the venue decodes it once too few."""
    assert (
        wire.query_of({"symbol": "BTC/USDT", "limit": 50, "settleCoin": ""}) == "symbol=BTC%2FUSDT&limit=50"
    )
    assert wire.query_of({"cursor": "page_token%3D39380%26"}) == "cursor=page_token%3D39380%26"
    assert wire.query_of({"cursor": "a&b c"}) == "cursor=a%26b%20c"


def test_the_venues_clock_is_read_from_any_reply() -> None:
    for example in EXAMPLES:
        time_ms = example["said"].get("time") if isinstance(example["said"], dict) else None
        if time_ms:
            assert wire.venue_ns_of(raw(example["said"])) == time_ms * 1_000_000
    assert wire.venue_ns_of(b'{"retCode":0}') == wire.venue_ns_of(b"") == 0


# ── the documents' examples ─────────────────────────────────────────────────────────────────────


def listing() -> Listing:
    known = Listing()
    for said in shown("market/instrument"):
        envelope = wire.read_envelope(raw(said))
        assert not isinstance(envelope, wire.Unreadable)
        category = said["result"]["category"]
        if category != "option":
            page = read_instruments(category, envelope)
            assert not isinstance(page, wire.Unreadable)
            assert page[2] == []
            known.learn(category, page[0])
    return known


@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if isinstance(e["said"], dict) and "retCode" in e["said"]]
)
def test_every_reply_has_an_envelope(example: dict[str, Any]) -> None:
    envelope = wire.read_envelope(raw(example["said"]))
    assert isinstance(envelope, wire.Envelope)
    assert envelope.ret_code == example["said"]["retCode"]


def rows_of(page: str, kind: type[Any]) -> list[Any]:
    read = []
    for said in shown(page):
        envelope = wire.read_envelope(raw(said))
        assert isinstance(envelope, wire.Envelope)
        listed = wire.read_listed(envelope.result)
        assert isinstance(listed, wire.Listed)
        assert listed.list
        read += [wire.read_as(one, kind) for one in listed.list]
    assert not [one for one in read if isinstance(one, wire.Unreadable)], read
    return read


@pytest.mark.parametrize("page", ["order/open-order", "order/order-list"])
def test_the_orders_of_the_documents(page: str) -> None:
    for row in rows_of(page, account.OrderRow):
        assert isinstance(account.order_of(row, "linear", listing()), OrderReport)


def test_the_executions_of_the_documents() -> None:
    for row in rows_of("order/execution", account.ExecRow):
        assert isinstance(account.exec_of(row, "linear", listing()), Fill)


def test_the_transactions_of_the_documents() -> None:
    made = [account.cash_of(row, listing()) for row in rows_of("account/transaction-log", account.LogRow)]
    cash = [one for one in made if isinstance(one, Cash)]
    assert [(c.kind, c.amount, c.asset, c.symbol) for c in cash] == [
        ("funding", Decimal("-0.003676"), "USDT", "XRPUSDT")
    ]
    assert all(isinstance(one, (Cash, account.Skipped)) for one in made)


def test_the_positions_and_balances_of_the_documents() -> None:
    (row,) = rows_of("position/position", account.PositionRow)
    position = account.position_of(row, "inverse", listing())
    assert not isinstance(position, wire.Unreadable)
    assert (position.symbol, position.qty, position.price) == ("BTCUSD", -300, Decimal("27464.50441675"))
    (wallet,) = rows_of("account/wallet-balance", account.WalletRow)
    balances = account.balances_of(wallet)
    assert not isinstance(balances, wire.Unreadable)
    assert [(b.asset, b.total, b.free) for b in balances] == [("BTC", 0, 0)]


def test_the_private_frames_of_the_documents() -> None:
    kinds = {
        "websocket/private/order": account.OrderRow,
        "websocket/private/execution": account.ExecRow,
        "websocket/private/position": account.PositionRow,
        "websocket/private/wallet": account.WalletRow,
    }
    for page, kind in kinds.items():
        for said in shown(page):
            if "topic" not in said:
                continue
            frame = frames.read_frame(raw(said))
            assert isinstance(frame, frames.Frame)
            rows = frames.read_rows(frame.data)
            assert isinstance(rows, tuple)
            assert rows
            for one in rows:
                assert isinstance(wire.read_as(one, kind), kind)


def test_the_execution_of_the_documents_stream() -> None:
    frame = frames.read_frame(raw(shown("websocket/private/execution")[1]))
    assert isinstance(frame, frames.Frame)
    rows = frames.read_rows(frame.data)
    assert isinstance(rows, tuple)
    row = wire.read_as(rows[0], account.ExecRow)
    assert isinstance(row, account.ExecRow)
    fill = account.exec_of(row, "linear", listing())
    assert fill == Fill(
        exec_id="BTCUSDT:0ab1bdf7-4219-438b-b30a-32ec863018f7:s",
        client_id="",
        venue_id="9aac161b-8ed6-450d-9cab-c5cc67c21784",
        symbol="BTCUSDT",
        side="sell",
        qty=Decimal("0.5"),
        price=Decimal("95900.1"),
        fee=Decimal("26.3725275"),
        fee_asset="USDT",
        venue_ns=1746270400353_000_000,
    )


@pytest.mark.parametrize(
    "said", [s for s in shown("websocket/trade/guideline") if "retCode" in s], ids=lambda s: s["op"]
)
def test_the_answers_of_the_order_line(said: dict[str, Any]) -> None:
    answer = frames.read_answer(raw(said))
    assert isinstance(answer, frames.Answer)
    assert (answer.op, answer.req_id) == (said["op"], said.get("reqId", ""))
    if "header" in said:
        limit = said["header"]["X-Bapi-Limit"]
        assert frames.headers_of(answer)["x-bapi-limit"] == limit


def test_the_answers_and_pongs_of_the_streams() -> None:
    for said in shown("websocket/wss-authentication"):
        frame = frames.read_frame(raw(said))
        assert isinstance(frame, frames.Frame), said
        pong = said.get("ret_msg") == "pong" or said.get("op") == "pong"
        assert frames.is_pong(frame) is pong


def test_the_public_frames_of_the_documents() -> None:
    for said in shown("websocket/public/orderbook"):
        book = public.read_book(raw(said))
        assert isinstance(book, public.BookSaid), book
        assert book.is_snapshot is (said["type"] == "snapshot")
    trade = frames.read_frame(raw(shown("websocket/public/trade")[0]))
    assert isinstance(trade, frames.Frame)
    assert len(public.read_trades(trade.data)) == 1  # type: ignore[arg-type]
    bar = frames.read_frame(raw(shown("websocket/public/kline")[0]))
    assert isinstance(bar, frames.Frame)
    assert public.read_bars(bar.data) == ()  # it is not final
    for said in shown("websocket/public/ticker"):
        frame = frames.read_frame(raw(said))
        assert isinstance(frame, frames.Frame)
        row = public.read_ticker(frame.data)
        assert isinstance(row, public.TickerRow)
        assert public.mark_of(row, "bybit/main:X", 0) is not None


def test_the_public_replies_of_the_documents() -> None:
    (bars,) = shown("market/kline")
    told = public.read_bars_told(wire.read_envelope(raw(bars)))  # type: ignore[arg-type]
    assert isinstance(told, tuple)
    assert [bar.start_ns for bar in told] == sorted(bar.start_ns for bar in told)
    assert len(told) == 3
    (trades,) = shown("market/recent-trade")
    assert len(public.read_recent_trades(wire.read_envelope(raw(trades)))) == 1  # type: ignore[arg-type]


def test_the_key_of_the_documents() -> None:
    (said,) = shown("user/apikey-info")
    row = key.read_key(wire.read_envelope(raw(said)))  # type: ignore[arg-type]
    assert isinstance(row, key.KeyRow)
    assert row.read_only == 1
    rights = key.rights_of(row, live=True, may_withdraw=False)
    assert isinstance(rights, key.Rights)
    assert set(rights.closed) == {"linear", "inverse", "spot"}
    assert "may only read" in rights.oddity


def test_a_batch_of_the_documents_tells_its_orders_apart() -> None:
    (said,) = shown("order/batch-cancel")
    envelope = wire.read_envelope(raw(said))
    assert isinstance(envelope, wire.Envelope)
    codes = [one["code"] for one in msgspec.json.decode(envelope.ret_ext_info)["list"]]
    assert codes == [0, 170213]
