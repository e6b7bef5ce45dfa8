"""The paper dialect: both codecs against its document and against each other; bytes of any kind."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kedge.model.order import State
from kedge.model.venue import Answer, Fill, Level, OrderReport, PlaceOrder
from kedge.sim.exchange import SENTENCES
from kedge.sim.paper import wire as venue
from kedge.sim.testnet.control import Order as ControlOrder
from kedge.venues.paper import wire as client
from kedge.venues.paper.lines import Lines
from kedge.venues.paper.prices import QuoteSaid

DOCUMENT = Path(__file__).parent.parent / "docs" / "reference" / "paper-dialect.md"
BLOCKS = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.splitlines() if line]
NOUNS = [e for e in EXAMPLES if not {"op", "t", "do"} & json.loads(e).keys()]


def of(key: str) -> list[str]:
    return [e for e in EXAMPLES if key in json.loads(e)]


@pytest.mark.parametrize("line", of("op"))
def test_the_venue_reads_every_request_of_the_document(line: str) -> None:
    request = venue.read_request(line.encode())
    assert not isinstance(request, venue.BadLine), request
    assert venue.op_of(request) == json.loads(line)["op"]


def test_the_document_shows_every_request() -> None:
    shown = {json.loads(line)["op"] for line in of("op")}
    assert shown | {"dead_man", "snapshot"} == set(venue.OPS)


@pytest.mark.parametrize("line", [e for e in of("t") if json.loads(e)["t"] != "ready"])
def test_the_client_reads_every_message_of_the_document(line: str) -> None:
    said = client.read_said(line.encode())
    assert not isinstance(said, client.Unreadable), said


@pytest.mark.parametrize("line", of("do"))
def test_the_control_door_reads_every_order_of_the_document(line: str) -> None:
    msgspec.json.decode(line, type=ControlOrder)


def test_the_client_reads_the_nouns_of_the_document() -> None:
    kinds = (client._Order, client._Fill, client._Cash, client._Position, client._Balance, client._Instrument)
    kinds = (*kinds, QuoteSaid)
    assert len(NOUNS) == len(kinds)
    for line, kind in zip(NOUNS, kinds, strict=True):
        msgspec.json.decode(line, type=kind)


def test_the_documents_signature() -> None:
    text = DOCUMENT.read_text()
    for sign in (client.sign, venue.signature):
        assert sign("paper", "00" * 32, "paper", "main") in text


def test_every_code_of_the_venue_is_in_the_document_and_in_the_clients_table() -> None:
    rows = re.findall(
        r"^\| ((?:`\w+` ?)+)\| (definite|\*\*unknown\*\*|the \*request\*)", DOCUMENT.read_text(), re.M
    )
    documented = {code: kind for codes, kind in rows for code in re.findall(r"`(\w+)`", codes)}
    assert {c for c, kind in documented.items() if kind != "**unknown**"} == set(client.DEFINITE)
    assert set(venue.CODES.values()) <= set(client.DEFINITE)


# Ends of orders that were accepted: reasons, never answers to a request.
ENDS = {
    "ioc",
    "fok",
    "no_liquidity",
    "self_trade",
    "cancelled",
    "dead_man",
    "oco",
    "replaced",
    "liquidation",
    "delivery",
    "session",
    "its_time",
}


def test_every_refusal_of_the_exchange_has_a_code() -> None:
    assert set(venue.CODES) == set(SENTENCES) - ENDS


# ── the two codecs ──────────────────────────────────────────────────────────────────────────────

numbers = st.decimals("0.00000001", "99999999", places=8)
words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=36)


@given(client_id=words, qty=numbers, price=numbers, until=st.integers(0, (1 << 63) - 1))
def test_an_order_survives_the_way(client_id: str, qty: Decimal, price: Decimal, until: int) -> None:
    order = PlaceOrder(client_id, "BTC-PERP", "sell", qty, price, tif="post_only", valid_until_ns=until)
    read = venue.read_request(client.place(7, order))
    assert isinstance(read, venue.Place)
    assert (read.client_id, read.side, read.tif) == (client_id, "sell", "post_only")
    assert (Decimal(read.qty), Decimal(read.price), read.valid_until_ns) == (qty, price, until)


@given(qty=numbers, price=numbers, fee=st.decimals("-1000", "1000", places=12))
def test_what_the_venue_tells_is_what_the_client_hears(qty: Decimal, price: Decimal, fee: Decimal) -> None:
    order = OrderReport("a", "1-2", "X", "buy", qty, price, qty, State.FILLED, 5, "why", "stop", 9)
    said = client.read_said(venue.line({"t": "order", "seq": 3, "order": venue.order_body(order)}))
    assert isinstance(said, client.OrderSaid)
    assert client.order_of(said.order) == order
    fill = Fill("1-9", "a", "1-2", "X", "sell", qty, price, fee, "USDT", 5, True, "adl")
    said = client.read_said(venue.line({"t": "fill", "seq": 4, "fill": venue.fill_body(fill)}))
    assert isinstance(said, client.FillSaid)
    assert client.fill_of(said.fill) == fill


def test_a_book_survives_the_way() -> None:
    bids, asks = [Level(Decimal("1.50"), Decimal(2))], [Level(Decimal("1E+3"), Decimal(0))]
    said = client.read_said(venue.line(venue.book("X", "delta", 4, 3, bids, asks, 9)))
    assert isinstance(said, client.BookSaid)
    assert (client.levels_of(said.bids), client.levels_of(said.asks)) == (bids, asks)
    assert said.bids == (("1.5", "2"),), "plain digits"


# ── bytes of any kind ───────────────────────────────────────────────────────────────────────────

# What tends to break decoders; random bytes seldom get as far as a member.
nasty = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        2**53,
        2**63,
        2**64,
        10**40,
        "",
        "x" * 500,
        "NaN",
        "1e9",
        "\n",
        "\ud800",
        [],
        [[]],
        {},
    ]
)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A line of the document with one member replaced, or a few bytes changed."""
    line = draw(st.sampled_from([e for e in EXAMPLES if e not in NOUNS]))
    if draw(st.booleans()):
        members = json.loads(line)
        members[draw(st.sampled_from(sorted(members)))] = draw(nasty)
        return json.dumps(members).encode()
    body = bytearray(line.encode())
    for _ in range(draw(st.integers(1, 3))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


@given(line=st.binary(max_size=200) | spoiled())
@example(line=b"[" * 100_000)
@example(line=b'{"t":"order","seq":1e999}')
@example(line=b'{"op":"place","id":1,"qty":"1e999999999"}')
@example(line=b'{"op":"place","id":1,"client_id":"\xff"}')
@example(line=b"")
def test_nothing_that_arrives_is_a_crash(line: bytes) -> None:
    said = client.read_said(line)
    assert isinstance(said, client.Unreadable | client.Said)
    if isinstance(said, client.Reply):
        for kind in (client.OrderBody, client.FillsBody, client.InstrumentsBody, client.WatchBody):
            client.read_body(said, kind)
    request = venue.read_request(line)
    assert isinstance(request, venue.BadLine | venue.Request)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "1e5", "+1", " 1", "1\n", "", ".5", "1.", "١", "1" * 16]
)
def test_numbers_that_are_not_plain_digits_are_refused(number: str) -> None:
    body = {"symbol": "X", "qty": number, "price": "1"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(body), type=client._Position)
    place = {
        "op": "place",
        "id": 4,
        "client_id": "a",
        "symbol": "X",
        "side": "buy",
        "qty": number,
        "price": "1",
    }
    bad = venue.read_request(json.dumps(place).encode())
    assert isinstance(bad, venue.BadLine)
    assert (bad.id, bad.code) == (4, "bad_request")


def test_what_cannot_be_negative_is_refused() -> None:
    fill = json.loads(next(e for e in NOUNS if "exec_id" in e))
    for member in ("qty", "price"):
        line = json.dumps({"t": "fill", "seq": 1, "fill": {**fill, member: "-1"}})
        assert isinstance(client.read_said(line.encode()), client.Unreadable)
    rebate = json.dumps({"t": "fill", "seq": 1, "fill": {**fill, "fee": "-1"}})
    assert isinstance(client.read_said(rebate.encode()), client.FillSaid)


def test_long_words_are_cut() -> None:
    assert client.sentence("x" * 300) == "x" * 300
    assert len(client.sentence("x" * 1_000_000)) == 300


def test_floats_are_refused() -> None:
    line = b'{"op":"place","id":4,"client_id":"a","symbol":"X","side":"buy","qty":0.1,"price":"1"}'
    assert isinstance(venue.read_request(line), venue.BadLine)


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=10), st.data())
def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    wanted = [line.strip() for line in lines if line.strip()]
    for make in (Lines, venue.Lines):
        cutter = make(line_max=1000)
        assert [line.strip() for piece in pieces for line in cutter.feed(piece)] == wanted


@pytest.mark.parametrize("make", [Lines, venue.Lines])
def test_a_line_without_end_breaks_the_stream(make: type[Lines] | type[venue.Lines]) -> None:
    cutter = make(line_max=100)
    assert cutter.feed(b"x" * 60) == []
    assert not cutter.broken
    assert cutter.feed(b"x" * 60) == []
    assert cutter.broken
    assert cutter.feed(b"\n{}\n") == []


# ── classes of answers ──────────────────────────────────────────────────────────────────────────


def reply(code: str) -> client.Reply:
    return client.Reply(1, code == "", 0, code=code)


def test_only_known_codes_are_definite() -> None:
    assert client.answer_of("place", reply("")) is Answer.DONE
    assert client.answer_of("place", reply("would_take")) is Answer.REJECTED
    assert client.answer_of("place", reply("unavailable")) is Answer.UNKNOWN
    assert client.answer_of("place", reply("something_new")) is Answer.UNKNOWN


def test_a_duplicate_id_proves_an_order_so_it_is_looked_at() -> None:
    assert client.answer_of("place", reply("duplicate_client_id")) is Answer.UNKNOWN


def test_cursors_are_joined_and_split() -> None:
    assert client.split_cursors("") == ("", "")
    assert client.split_cursors(client.join_cursors("a-1", "a-2")) == ("a-1", "a-2")
