"""Asking a venue by HTTP: budgets, bans, clocks, last moments; and what a link tells the engine of it all."""

from __future__ import annotations

import asyncio

import pytest
from venue_kit import BASE, HOST, SECOND_NS, ToyNet, now_ns, now_s, run

from kedge.model.events import Answered, BookLost, Event, LinkDown, LinkOdd, LinkUp
from kedge.model.venue import Answer, Rules
from kedge.sim.testnet.web import Reply
from kedge.storm.wires import Calm, SimWires, Way
from kedge.venues import turns
from kedge.venues.allowance import Allowance, Heed, Window
from kedge.venues.life import Life
from kedge.venues.rest import Call, Manners, Rest, Waits
from kedge.venues.silence import Silence, sentence, unanswered
from kedge.venues.skew import Skew
from kedge.venues.timing import Every, Patience
from kedge.venues.wires import HttpAsk, HttpSaid

S = SECOND_NS
ORDER = Call("POST", "/order", body=b"{}", cost=(("weight", 1),), deed=True)
QUESTION = Call("GET", "/orders", "a=1", cost=(("weight", 1),))


def sign(call: Call, at_ns: int) -> HttpAsk:
    query = f"{call.query}&t={at_ns // 1_000_000}" if call.signed else call.query
    return HttpAsk(call.method, f"{call.path}?{query}", (("X-KEY", "k"),), call.body)


def heed(said: HttpSaid) -> Heed:
    used = said.headers.get("x-used", "")
    return Heed(
        wait_ns=int(said.headers.get("retry-after", "0")) * S,
        why=f"HTTP {said.status}",
        used=(("weight", int(used)), ("unknown", 3)) if used else (),
    )


def clock(said: HttpSaid) -> int:
    return int(said.headers.get("x-now", "0"))


def a_rest(net: ToyNet, window: Window | None = None, weather: Calm | None = None) -> Rest:
    allowance = Allowance({"weight": window or Window(10, S, 3)})
    manners = Manners(sign, heed, clock)
    return Rest(SimWires({HOST: net}, weather), BASE, now_ns, manners, allowance, Skew(S), Waits())


# ── the allowance ───────────────────────────────────────────────────────────────────────────────


def test_questions_stop_short_of_the_reserve_and_deeds_do_not() -> None:
    allowance = Allowance({"weight": Window(10, S, 3)})
    cost = (("weight", 1),)
    for _ in range(7):
        assert allowance.wait_ns(cost, False, 5) == 0
        allowance.take(cost, 5)
    assert allowance.wait_ns(cost, False, 5) == S
    assert allowance.wait_ns(cost, False, 7) == S - 2
    for _ in range(3):
        assert allowance.wait_ns(cost, True, 7) == 0
        allowance.take(cost, 7)
    assert allowance.wait_ns(cost, True, 8) == S - 3
    assert allowance.wait_ns(cost, True, S + 5) == 0
    assert allowance.wait_ns(cost, False, S + 5) == 0
    assert allowance.wait_ns((("weight", 7),), False, S + 5) == 2  # three left at 7


def test_a_question_that_waits_for_room_says_so_and_the_nearest_window_is_shown() -> None:
    """A start that needs more than is left must not look like a desk that hangs."""

    async def main() -> None:
        net = ToyNet()
        rest = a_rest(net, Window(10, 40 * S, 3))
        rest.waits = Waits(room_s=60)
        assert rest.waits_for_room == ""
        for _ in range(7):
            await rest.ask(QUESTION)
        assert (rest.condition.requests_used, rest.condition.requests_max) == (7, 10)
        asking = asyncio.get_running_loop().create_task(rest.ask(QUESTION))
        await asyncio.sleep(1)
        assert rest.waits_for_room.startswith("waiting 3")
        assert rest.waits_for_room.endswith(" s for the venue's request allowance")
        assert isinstance(await asking, HttpSaid)
        assert rest.waits_for_room == ""

    run(main())


def test_no_window_ever_holds_more_than_the_limit() -> None:
    allowance = Allowance({"weight": Window(10, S), "orders": Window(3, 10 * S)})
    cost = (("weight", 4), ("orders", 1))
    left: list[int] = []
    now = 0
    while len(left) < 30:
        wait = allowance.wait_ns(cost, True, now)
        now += wait
        if not wait:
            allowance.take(cost, now)
            left.append(now)
    for at in left:
        assert sum(4 for one in left if at <= one < at + S) <= 10
        assert sum(1 for one in left if at <= one < at + 10 * S) <= 3


def test_what_the_venue_counted_is_learnt() -> None:
    allowance = Allowance({"weight": Window(10, S, 3)})
    allowance.take((("weight", 2),), 0)
    allowance.heed(Heed(used=(("weight", 9), ("nothing of ours", 4))), 1)
    assert allowance.wait_ns((("weight", 1),), False, 1) == S
    assert allowance.wait_ns((("weight", 1),), True, 1) == 0
    allowance.heed(Heed(used=(("weight", 1),)), 2)
    assert allowance.wait_ns((("weight", 2),), True, 2) == S - 2


def test_a_ban_is_remembered_and_the_longer_one_stands() -> None:
    allowance = Allowance({})
    allowance.stay_away(10 * S, "HTTP 429", 0)
    allowance.stay_away(5 * S, "a shorter one", 0)
    assert allowance.wait_ns((), True, S) == 9 * S
    assert allowance.excuse(9 * S, S) == "the venue wants to be left alone for 9 s: HTTP 429"
    assert allowance.excuse(S, 20 * S) == "the budget of requests is used up for 1 s"
    allowance.lift()
    assert allowance.wait_ns((), True, S) == 0
    allowance.stay_away(10**30, "for ever", 0)
    assert allowance.wait_ns((), True, 0) == 3 * 24 * 3600 * S


# ── asking ──────────────────────────────────────────────────────────────────────────────────────


def test_a_call_is_signed_when_it_leaves_and_its_reply_handed_on() -> None:
    net = ToyNet()
    net.reply = lambda request: Reply(400, b'{"code":-1}')

    async def main() -> None:
        said = await a_rest(net).ask(QUESTION)
        assert said == HttpSaid(400, {}, b'{"code":-1}')
        assert net.requests[0].query == "a=1&t=3600000"
        assert net.requests[0].headers["x-key"] == "k"

    run(main())


def test_deeds_never_wait_and_questions_wait_their_turn() -> None:
    net = ToyNet()

    async def main() -> None:
        rest = a_rest(net)
        asked = [asyncio.create_task(rest.ask(QUESTION)) for _ in range(16)]
        await asyncio.sleep(0.1)
        assert len(net.requests) == 7
        deeds = [await rest.ask(ORDER) for _ in range(4)]
        assert [isinstance(said, HttpSaid) for said in deeds] == [True, True, True, False]
        refused = deeds[-1]
        assert isinstance(refused, Silence)
        assert refused.unsent
        assert 0 < refused.retry_ns <= S
        for one in asked:
            assert isinstance(await one, HttpSaid)
        assert now_s() > 2

    run(main())


def test_a_ban_answers_deeds_unsent_and_holds_questions_back() -> None:
    net = ToyNet()
    net.reply = lambda request: Reply(429, b"", {"Retry-After": "20"})

    async def main() -> None:
        rest = a_rest(net)
        assert isinstance(await rest.ask(ORDER), HttpSaid)
        said = await rest.ask(ORDER)
        assert isinstance(said, Silence)
        assert (said.unsent, said.retry_ns > 19 * S) == (True, True)
        assert said.why == "not sent: the venue wants to be left alone for 20 s: HTTP 429"
        net.reply = lambda request: Reply(418, b"", {"Retry-After": "1000"})
        assert isinstance(await rest.ask(QUESTION), HttpSaid)
        assert now_s() >= 20
        said = await rest.ask(QUESTION)
        assert isinstance(said, Silence)
        assert said.unsent
        assert "1000 s: HTTP 418" in said.why
        assert len(net.requests) == 2
        rest.allowance.lift()
        rest.heed(Heed(1, "told elsewhere"))
        assert rest.allowance.why == "told elsewhere"

    run(main())


def test_nothing_leaves_after_its_last_moment() -> None:
    net = ToyNet()

    async def main() -> None:
        late = Call("POST", "/order", deed=True, valid_until_ns=now_ns())
        rest = a_rest(net)
        assert isinstance(await rest.ask(late), HttpSaid)
        await asyncio.sleep(1)
        assert await rest.ask(late) == Silence("not sent: its last moment has passed", unsent=True)

    run(main())


def test_no_answer_is_silence() -> None:
    net = ToyNet()

    class Lost(Calm):
        def exchange(self, host: str, ask: HttpAsk) -> str:  # type: ignore[override]
            return "lost"

    async def main() -> None:
        said = await a_rest(net, weather=Lost()).ask(Call("GET", "/", timeout_s=2))
        assert said == Silence("no answer within 2 s")

    run(main())


def test_waiting_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 2)
    net = ToyNet()

    async def main() -> None:
        rest = a_rest(net, Window(1, 20 * S))
        asked = [asyncio.create_task(rest.ask(QUESTION)) for _ in range(4)]
        said = [await one for one in asked]
        assert [isinstance(one, HttpSaid) for one in said] == [True, True, False, False]
        whys = [one.why for one in said if isinstance(one, Silence)]
        assert "used up for 20 s" in whys[0]
        assert whys[1] == "not sent: 2 questions are waiting already"
        assert now_s() < 21  # what cannot have room in time is not waited for

    run(main())


# ── clocks ──────────────────────────────────────────────────────────────────────────────────────


def venue_time(offset_ns: int) -> ToyNet:
    net = ToyNet()
    net.reply = lambda request: Reply(200, b"", {"X-Now": str(now_ns() + offset_ns)})
    return net


@pytest.mark.parametrize(
    ("offset_s", "fault", "oddity"),
    [
        (0, "", ""),
        (-0.9, "", ""),
        (-200, "the venue's clock is 200 s behind ours, so its answers prove nothing", ""),
        (200, "", "the venue's clock is 200 s ahead of ours, so it may refuse requests as too late"),
    ],
)
def test_clocks_are_compared(offset_s: float, fault: str, oddity: str) -> None:
    async def main() -> None:
        rest = a_rest(venue_time(round(offset_s * S)))
        said = await rest.check_clock(QUESTION)
        assert said.startswith(fault)
        assert bool(said) is bool(fault)
        assert rest.skew.oddity.startswith(oddity)
        assert rest.skew.rtt_ns == 2_000_000

    run(main())


class Slow(Calm):
    """Slow at first, quicker later."""

    def __init__(self, *delays_s: float) -> None:
        self.delays_s = list(delays_s)

    def delay_ns(self, way: Way) -> int:
        return round(self.delays_s.pop(0) * S) if self.delays_s else 1_000_000


def test_slow_answers_prove_nothing() -> None:
    async def main() -> None:
        # The first takes three seconds on its way there: a midpoint would be far off.
        rest = a_rest(venue_time(0), weather=Slow(3, 0.1))
        assert await rest.check_clock(QUESTION) == ""
        assert rest.skew.skew_ns == 0
        rest = a_rest(venue_time(0), weather=Slow(*[2.0] * 10))
        assert "so slowly (4000 ms) that its clock cannot be compared" in await rest.check_clock(QUESTION)

    run(main())


def test_a_venue_without_a_clock_is_not_trusted() -> None:
    async def main() -> None:
        net = ToyNet()
        assert await a_rest(net).check_clock(QUESTION) == "the venue does not tell the time (HTTP 200)"
        net.reply = lambda request: Reply(403, b"", {"Retry-After": "600"})
        rest = a_rest(net)
        await rest.ask(QUESTION)
        assert (await rest.check_clock(QUESTION)).startswith("the venue does not tell the time: not sent")

    run(main())


def test_the_yardstick_of_clocks_does_not_stick() -> None:
    skew = Skew(S)
    skew.measured(0, 5_000, 10_000)
    assert skew.known
    for at in range(100):
        start = at * S
        skew.measured(start, start + 400_000_000, start + 20_000)
    assert abs(skew.skew_ns - 400_000_000) < 20_000
    skew.forget()
    assert not skew.known


# ── silence and timing ──────────────────────────────────────────────────────────────────────────


def test_silence_becomes_the_right_answer() -> None:
    unsent = unanswered("v/a", "place", "id", Silence("not sent", unsent=True, retry_ns=7))
    assert unsent == Answered("v/a", "place", "id", Answer.REJECTED, "not sent", unsent=True, retry_ns=7)
    assert unanswered("v/a", "cancel", "id", Silence("nobody knows")).answer is Answer.UNKNOWN
    assert len(sentence("x" * 1_000)) == 300


def test_every_so_often() -> None:
    async def main() -> None:
        rung: list[float] = []

        def ring() -> None:
            rung.append(now_s())
            if len(rung) == 3:
                every.stop()

        every = Every(2, ring)
        every.start()
        every.start()
        await asyncio.sleep(60)
        assert rung == [2, 4, 6]

    run(main())


def test_patience_ends() -> None:
    patience = Patience()
    assert [patience.next_s() for _ in range(7)] == [30, 60, 120, 240, 480, None, None]
    patience.reset()
    assert patience.next_s() == 30


# ── the link ────────────────────────────────────────────────────────────────────────────────────

RULES = Rules(venue="toy", as_of="2026-11-20")


def told(life: Life) -> list[Event]:
    events: list[Event] = []
    life.open(events.append)
    return events


def test_a_link_is_up_when_every_part_is_and_down_once() -> None:
    lost = BookLost("v/a:X", "a gap")
    greeted: list[int] = []
    life = Life("v/a", RULES, ("rest", "private"), lambda: greeted.append(len(events)))
    events = told(life)
    life.say(lost)
    life.part_up("rest")
    life.say(lost)
    assert events == []
    life.part_up("private", "its clock is odd")
    assert events == [LinkUp("v/a", RULES), LinkOdd("v/a", "its clock is odd")]
    assert life.trouble == "its clock is odd"
    assert greeted == [1]
    life.say(lost)
    life.part_down("private", "cut")
    life.part_down("rest", "cut as well")
    life.say(lost)
    assert events[2:] == [lost, LinkDown("v/a", "cut")]
    assert life.trouble == "cut as well"
    life.part_up("rest")
    life.part_up("private")
    assert events[4:] == [LinkUp("v/a", RULES)]


def test_what_is_odd_about_a_link_is_told_when_it_changes() -> None:
    life = Life("v/a", RULES, ("rest",), lambda: None)
    events = told(life)
    life.trouble = "nobody hears this"
    life.part_up("rest")
    life.trouble = "the key may only read"
    life.trouble = "the key may only read"
    life.part_up("rest")
    life.trouble = ""
    assert events == [LinkUp("v/a", RULES), LinkOdd("v/a", "the key may only read"), LinkOdd("v/a", "")]
    life.part_down("rest", "cut")
    assert events[3:] == [LinkDown("v/a", "cut")]


def test_after_a_cut_the_first_vain_attempt_is_told() -> None:
    life = Life("v/a", RULES, ("rest",), lambda: None)
    events = told(life)
    life.part_up("rest")
    for why in ("the connection was lost", "nobody listens", "nobody listens at all"):
        life.part_down("rest", why)
    assert events[1:] == [LinkDown("v/a", "the connection was lost"), LinkDown("v/a", "nobody listens")]


def test_the_first_failure_is_told_and_what_a_person_must_mend() -> None:
    life = Life("v/a", RULES, ("rest", "private"), lambda: None)
    events = told(life)
    life.part_down("rest", "no net")
    life.part_down("rest", "still no net")
    assert events == [LinkDown("v/a", "no net")]
    life.part_down("rest", "the key is wrong", refused=True)
    life.part_down("rest", "the key is wrong", refused=True)
    life.part_down("rest", "the key is wrong", refused=True, stopped=True)
    life.part_down("rest", "the key is wrong", refused=True, stopped=True)
    life.part_down("private", "no connection")
    assert events[1:] == [
        LinkDown("v/a", "the key is wrong"),
        LinkDown("v/a", "the key is wrong", stopped=True),
    ]
    assert life.trouble == "the key is wrong"
    life.begin_again()
    life.part_down("rest", "the key is wrong", refused=True)
    assert events[3:] == [LinkDown("v/a", "the key is wrong")]


def test_nothing_is_told_after_the_end() -> None:
    life = Life("v/a", RULES, ("rest",), lambda: None)
    events = told(life)
    life.part_up("rest")
    life.close()
    life.part_down("rest", "cut")
    life.part_up("rest")
    life.say(BookLost("v/a:X", "a gap"))
    assert events == [LinkUp("v/a", RULES)]
