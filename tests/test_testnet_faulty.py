"""The weather between a testnet and its callers: every fault, on HTTP and on WebSockets, without a clock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from toy_testnet import START_NS, SYMBOL, Toy, a_setup, an_order, asked

from kedge.sim.testnet.faults import WIRE_FAULTS, BadFault, Fault, Faults, WireFault, read_faults
from kedge.sim.testnet.faulty import CUT, PAUSED_MAX, STALLED_MAX, Faulty, Session
from kedge.sim.testnet.web import Reply

MS = 1_000_000


class Wire:
    """A carrier's side of one WebSocket."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.pings: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def say(self, text: bytes) -> None:
        assert self.closed is None
        self.heard.append(text)

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def close(self, code: int, why: str) -> None:
        assert self.closed is None, "closed twice"
        self.closed = (code, why)


class Sky:
    """A toy in the weather, with a time of its own for what comes later."""

    def __init__(self, *faults: Fault) -> None:
        self.toy = Toy(a_setup())
        self.due: list[tuple[int, Callable[[], None]]] = []
        self.now_ns = 0
        self.faulty = Faulty(self.toy, self.toy.house.faults, self.later, self.toy.house.account_of)
        for fault in faults:
            self.faulty.faults.arm(fault)

    def later(self, after_ns: int, do: Callable[[], None]) -> None:
        self.due.append((self.now_ns + after_ns, do))

    def pass_ns(self, span_ns: int) -> None:
        self.now_ns += span_ns
        due = [one for one in self.due if one[0] <= self.now_ns]
        self.due = [one for one in self.due if one[0] > self.now_ns]
        for _, do in sorted(due, key=lambda one: one[0]):
            do()

    def place(self, client_id: str) -> list[Reply | None]:
        told: list[Reply | None] = []
        self.faulty.ask(asked("POST", "/order", an_order(client_id)), told.append)
        return told

    def done(self, client_id: str) -> bool:
        return self.toy.house.exchange.order("main", client_id) is not None

    def stream(self) -> tuple[Session, Wire]:
        wire = Wire()
        session = self.faulty.socket(asked("GET", "/stream", x_key="paper"), wire)
        assert isinstance(session, Session)
        return session, wire


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        (None, [200], True),
        (Fault("lose_request"), [], False),
        (Fault("lose_reply"), [], True),
        (Fault("error", deed=True), [503], True),
        (Fault("error", deed=False, status=429, headers={"Retry-After": "3"}), [429], False),
        (Fault("error", error="busy", deed=False), [503], False),
        (Fault("reset", deed=True), [None], True),
        (Fault("reset", deed=False), [None], False),
        (Fault("garble_reply"), [200], True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_request_meets_its_fault(fault: Fault | None, status: list[int | None], done: bool) -> None:
    sky = Sky(*([fault] if fault else []))
    told = sky.place("a")
    assert [reply.status if reply else None for reply in told] == status
    assert sky.done("a") == done
    # It has fired once, and the next request is none of its business.
    assert [r and r.status for r in sky.place("b")] == [200]


def test_the_words_of_an_error_are_those_it_was_given() -> None:
    sky = Sky(Fault("error", status=418, body='{"code":-1003}', headers={"Retry-After": "120"}))
    assert sky.place("a") == [Reply(418, b'{"code":-1003}', {"Retry-After": "120"})]
    sky.faulty.faults.arm(Fault("error", error="busy"))
    assert sky.place("b") == [Reply(503, b'{"code":-1008}', {"Retry-After": "1"})]


def test_a_late_request_is_done_late_and_a_late_reply_is_told_late() -> None:
    sky = Sky(Fault("delay_request", delay_ns=5 * MS))
    told = sky.place("a")
    assert not sky.done("a")
    sky.pass_ns(5 * MS)
    assert sky.done("a")
    assert len(told) == 1
    sky.faulty.faults.arm(Fault("delay_reply", delay_ns=5 * MS))
    told = sky.place("b")
    assert sky.done("b")
    assert not told
    sky.pass_ns(5 * MS)
    assert len(told) == 1


def test_half_of_an_answer_is_garble() -> None:
    sky = Sky()
    (whole,) = sky.place("a")
    sky.faulty.faults.arm(Fault("garble_reply"))
    (half,) = sky.place("b")
    assert whole is not None
    assert half is not None
    assert half.body == whole.body[: len(whole.body) // 2]


def test_the_stream_comes_before_the_reply_or_after_it() -> None:
    sky = Sky()
    _, wire = sky.stream()
    told: list[int] = []
    ask = asked("POST", "/order", an_order("a"))
    sky.faulty.ask(ask, lambda reply: told.append(len(wire.heard)))
    assert wire.heard[1:] == [b"order a"]
    assert told == [2]
    sky.faulty.faults.arm(Fault("reply_first", delay_ns=3 * MS))
    ask = asked("POST", "/order", an_order("b"))
    sky.faulty.ask(ask, lambda reply: told.append(len(wire.heard)))
    # What comes meanwhile waits behind it: one line keeps its order.
    sky.place("c")
    assert told == [2, 2]
    sky.pass_ns(3 * MS)
    assert wire.heard[2:] == [b"order b", b"order c"]


@pytest.mark.parametrize(
    ("fault", "strikes"),
    [
        (Fault("error", method="GET"), False),
        (Fault("error", method="POST"), True),
        (Fault("error", method="WS"), False),
        (Fault("error", path="/ord"), True),
        (Fault("error", path="/v5"), False),
        (Fault("error", match='"client_id":"a"'), True),
        (Fault("error", match="somebody else"), False),
        (Fault("error", account="main"), True),
        (Fault("error", account="hedge"), False),
    ],
)
def test_a_fault_finds_whom_it_is_for(fault: Fault, strikes: bool) -> None:
    sky = Sky(fault)
    told: list[Reply | None] = []
    sky.faulty.ask(asked("POST", "/order", an_order("a"), x_key="paper"), told.append)
    assert told[0] is not None
    assert (told[0].status == 503) == strikes


def test_skip_count_and_probability() -> None:
    sky = Sky(Fault("error", skip=2, count=2))
    assert [r and r.status for n in range(6) for r in sky.place(f"a{n}")] == [200, 200, 503, 503, 200, 200]
    sky.faulty.faults.arm(Fault("error", count=0, probability=0.5))
    struck = sum(r is not None and r.status == 503 for n in range(200) for r in sky.place(f"b{n}"))
    assert 60 < struck < 140
    assert sky.faulty.faults.clear() == 1
    assert sky.faulty.faults.fired["error"] == 2 + struck


# ── a venue's own faults ────────────────────────────────────────────────────────────────────────


def test_a_venue_draws_its_own() -> None:
    sky = Sky(Fault("lookup_lag", client_id="a"))
    sky.place("a")
    find = asked("GET", "/order", query="client_id=a")
    told: list[Reply | None] = []
    for _ in range(2):
        sky.faulty.ask(find, told.append)
    assert [reply and reply.status for reply in told] == [404, 200]


def test_a_fault_may_be_a_deed() -> None:
    sky = Sky()
    _, wire = sky.stream()
    assert sky.faulty.faults.arm(Fault("service_restart")) == 0
    assert wire.heard[-1] == b"restarting"
    assert sky.faulty.faults.armed() == []
    assert sky.faulty.faults.fired == {"service_restart": 1}


def test_unknown_faults_are_refused_in_a_sentence() -> None:
    sky = Sky()
    with pytest.raises(BadFault, match=r"There is no fault rain; there are lose_request.*lookup_lag"):
        sky.faulty.faults.arm(Fault("rain"))
    with pytest.raises(BadFault, match="There is no error mood; there are busy"):
        sky.faulty.faults.arm(Fault("error", error="mood"))
    for body in (b"", b"{}", b'[{"kind": 1}]', b"\xff", b'[{"kind":"cut","colour":"red"}]'):
        with pytest.raises(BadFault):
            read_faults(body)
    with pytest.raises(BadFault, match="more than"):
        read_faults(b"[" + b",".join([b'{"kind":"cut"}'] * 1001) + b"]")


def test_faults_of_a_file_are_armed(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "lookup_lag"}, {"kind": "cut", "count": 0}]')
    toy = Toy(a_setup(faults=str(path)))
    toy.house.arm_file()
    assert toy.house.faults.armed() == [Fault("lookup_lag"), Fault("cut", count=0)]


def test_no_more_faults_than_fit() -> None:
    faults = Faults(Random(1))
    for _ in range(1_000):
        faults.arm(Fault("cut"))
    with pytest.raises(BadFault, match="armed already"):
        faults.arm(Fault("cut"))


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


def test_a_calm_socket() -> None:
    sky = Sky()
    session, wire = sky.stream()
    session.heard(b"one")
    session.pinged(b"p")
    session.ponged(b"q")
    assert wire.heard == [b"welcome", b"echo one"]
    assert wire.pings == [b"are you there"]
    guest = sky.toy.guests[0]
    assert guest.pongs == [b"pinged p", b"q"]
    session.heard(b"bye")
    assert wire.closed == (1000, "as you wish")
    session.heard(b"after the end")
    session.gone()
    session.gone()
    assert guest.gone_times == 1
    assert not sky.faulty.sessions
    assert len(wire.heard) == 2


def test_a_socket_may_be_refused() -> None:
    sky = Sky(Fault("refuse_socket", status=429, body="later"))
    wire = Wire()
    found = sky.faulty.socket(asked("GET", "/stream"), wire)
    assert isinstance(found, Reply)
    assert (found.status, found.body) == (429, b"later")
    found = sky.faulty.socket(asked("GET", "/nowhere"), wire)
    assert isinstance(found, Reply)
    assert found.status == 404
    assert not sky.faulty.sessions


def test_what_the_venue_says_is_lost_doubled_held() -> None:
    sky = Sky()
    session, wire = sky.stream()
    sky.faulty.faults.arm(Fault("drop_frame", match="echo b"))
    sky.faulty.faults.arm(Fault("duplicate_frame", match="echo c"))
    sky.faulty.faults.arm(Fault("hold_frame", match="echo d", delay_ns=MS))
    for word in (b"a", b"b", b"c", b"d", b"e"):
        session.heard(word)
    assert wire.heard[1:] == [b"echo a", b"echo c", b"echo c", b"echo e", b"echo d"]
    sky.pass_ns(MS)
    assert len(wire.heard) == 6, "what was held is said once"
    sky.faulty.faults.arm(Fault("hold_frame", delay_ns=MS))
    session.heard(b"f")
    assert wire.heard[-1] == b"echo d"
    sky.pass_ns(MS)
    assert wire.heard[-1] == b"echo f"


def test_a_stalled_line_keeps_its_order() -> None:
    sky = Sky()
    session, wire = sky.stream()
    sky.faulty.faults.arm(Fault("stall", delay_ns=MS))
    for word in (b"a", b"b", b"bye"):
        session.heard(word)
    assert wire.heard[1:] == []
    assert wire.closed is None
    sky.pass_ns(MS)
    assert wire.heard[1:] == [b"echo a", b"echo b"]
    assert wire.closed == (1000, "as you wish")


def test_a_stalled_line_is_bounded() -> None:
    sky = Sky()
    session, wire = sky.stream()
    sky.faulty.faults.arm(Fault("stall"))
    for _ in range(STALLED_MAX + 1):
        session.heard(b"x")
    assert wire.closed == (CUT, "")
    sky.pass_ns(10**10)
    assert wire.heard == [b"welcome"]


def test_what_the_client_says_is_lost_or_late() -> None:
    sky = Sky(Fault("lose_request", method="WS"), Fault("delay_request", method="WS", delay_ns=MS))
    session, wire = sky.stream()
    for word in (b"a", b"b", b"c"):
        session.heard(word)
    assert wire.heard[1:] == [b"echo c"]
    sky.pass_ns(MS)
    assert wire.heard[1:] == [b"echo c", b"echo b"]


@pytest.mark.parametrize("deed", [True, False])
def test_cut_at_a_message_that_comes_in(deed: bool) -> None:
    sky = Sky(Fault("cut", way="in", deed=deed))
    session, wire = sky.stream()
    session.heard(b"a")
    assert wire.closed == (CUT, "")
    assert (b"echo a" in wire.heard) == deed
    session.say(b"more")
    assert b"more" not in wire.heard


def test_cut_at_a_message_that_goes_out() -> None:
    sky = Sky(Fault("cut", way="out", match="order"))
    _, wire = sky.stream()
    sky.place("a")
    assert wire.closed == (CUT, "")
    assert wire.heard == [b"welcome"]
    sky.place("b")


def test_half_open() -> None:
    sky = Sky(Fault("silent", way="in"))
    session, wire = sky.stream()
    session.heard(b"a")
    sky.place("b")
    session.ping(b"?")
    session.pinged(b"?")
    assert session.deaf
    assert wire.heard == [b"welcome"]
    assert wire.closed is None
    assert sky.toy.guests[0].pongs == []
    session.close(1000, "nobody hears this")
    assert wire.closed is None
    session.gone()
    assert not sky.toy.guests


def test_sockets_are_cut_by_path_and_account() -> None:
    sky = Sky()
    wires = [sky.stream()[1] for _ in range(3)]
    assert sky.faulty.cut("/other") == 0
    assert sky.faulty.cut("/str", "hedge") == 0
    assert sky.faulty.cut("/str", "main") == 3
    assert [wire.closed for wire in wires] == [(CUT, "")] * 3


# ── the pause ───────────────────────────────────────────────────────────────────────────────────


def test_what_arrives_in_a_pause_is_done_afterwards() -> None:
    sky = Sky()
    session, wire = sky.stream()
    sky.faulty.pause()
    told = sky.place("a")
    session.heard(b"b")
    before = sky.toy.house.exchange.market(SYMBOL)
    sky.toy.house.keeper.market.move(SYMBOL, Decimal(61_000), START_NS)
    sky.faulty.tick()
    assert not told
    assert not sky.done("a")
    assert before.last != 61_000
    sky.faulty.unpause()
    sky.faulty.unpause()
    assert len(told) == 1
    assert sky.done("a")
    assert wire.heard[1:] == [b"order a", b"echo b"]


def test_a_flooded_venue_forgets() -> None:
    sky = Sky()
    session, wire = sky.stream()
    sky.faulty.pause()
    for _ in range(PAUSED_MAX + 5):
        session.heard(b"x")
    sky.faulty.unpause()
    assert len(wire.heard) == 1 + PAUSED_MAX


def test_every_wire_fault_is_tried_here() -> None:
    here = Path(__file__).read_text()
    assert tuple(WIRE_FAULTS) == get_args(WireFault)
    assert [kind for kind in WIRE_FAULTS if f'"{kind}"' not in here] == []
