"""The engine against a true exchange, with wires in between that Hypothesis holds in its hands.

Requests wait until a rule lets them arrive, with their answer, without it, too late or never; news comes
in any order and twice; lookups lag and fail; reports are partial or fail; the line is cut; people give
commands; the engine dies and is born again from its bytes. Looked at after every step:

    a slot never overfills, by the venue's truth          one unresolved order in a slot
    every order has its intent in an earlier commit        the account's worst case stays in its limit
    timers are bounded                                     the records, folded anew, are the live state

At the end everything is delivered, and the ledger is the venue's fills, each booked once.
"""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import MAIN, PERP, RULES, SECOND, START, Trial, perp, rest, target, up_to
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from kedge.engine.bot import Decision
from kedge.engine.effects import Amend, AskReport, Cancel, Lookup, Place
from kedge.engine.engine import RiskBook
from kedge.model import records as r
from kedge.model.events import (
    Answered,
    BookUpdate,
    Event,
    FillNews,
    LinkUp,
    LookedUp,
    OrderNews,
    Reported,
    ReportFailed,
)
from kedge.model.limits import Limits
from kedge.model.numbers import ZERO
from kedge.model.order import State, sign
from kedge.model.venue import AccountReport, Answer, PlaceOrder
from kedge.sim.exchange import (
    AmendOrder,
    Exchange,
    ExchangeConfig,
    FillMade,
    OrderChanged,
    Terms,
)

COIN = perp(tick=D(1), qty_step=D(1), min_qty=D(1), min_notional=D(0))
CROWD = "crowd"
EXPOSURE = D(3000)
BOTS = ("a", "b", "c")
PRICES = st.integers(97, 103)
BOT = st.sampled_from(BOTS)
PICK = st.integers(0, 30)


class EngineAgainstVenue(RuleBasedStateMachine):
    @initialize(in_place=st.booleans(), bounded=st.booleans())
    def begin(self, in_place: bool, bounded: bool) -> None:
        amend = "in_place" if in_place else "none"
        self.venue = Exchange(
            ExchangeConfig((Terms(COIN, taker_fee=D("0.001")),), amend="in_place" if in_place else "none"),
            START,
        )
        self.venue.transfer(MAIN, "USD", D(10**6), START)
        self.venue.open_account(CROWD, house=True)
        self.crowd = 0
        for price, side in ((96, "buy"), (97, "buy"), (103, "sell"), (104, "sell")):
            self._crowd(side, price, 50)
        limits = RiskBook(accounts={MAIN: Limits(exposure_notional_max=EXPOSURE)})
        rules = replace(RULES, amend=amend, bounded=bounded)
        self.t = Trial(instruments=(COIN,), limits=limits, rules=rules, bid=100, connect=False)
        self.wires: list[Any] = []  # requests and questions on their way
        self.news: list[Event] = []
        self.heard: list[Event] = []
        self.up = False
        self.accepted: dict[str, int] = {}
        self.late: list[Place] = []  # given up by the wire, and still on its way
        self.line_comes_back()
        self.wire_arrives(0, "answered")
        self.book_moves()
        for bot in BOTS:
            self.t.play(bot, lambda view: Decision(view.state))
        self._collect()

    # ── the wires ───────────────────────────────────────────────────────────────────────────────

    def _hear(self, event: Event) -> None:
        self.t.hear(event)
        self._collect()

    def _collect(self) -> None:
        for effect in self.t.effects:
            if isinstance(effect, (Place, Amend, Cancel, Lookup, AskReport)):
                self.wires.append((effect, self.t.now_ns))
        self.t.effects.clear()

    def _tell(self) -> None:
        for happened in self.venue.take():
            if isinstance(happened, OrderChanged) and happened.account == MAIN:
                self.news.append(OrderNews(MAIN, happened.order))
            elif isinstance(happened, FillMade) and happened.account == MAIN:
                self.news.append(FillNews(MAIN, happened.fill))
        if not self.up:
            self.news.clear()  # nobody listens

    def _crowd(self, side: Any, price: int, qty: int) -> None:
        self.crowd += 1
        order = PlaceOrder(f"crowd{self.crowd}", COIN.symbol, side, D(qty), D(price))
        now_ns = self.t.now_ns if hasattr(self, "t") else START
        self.venue.place(CROWD, order, now_ns)

    @precondition(lambda self: self.wires)
    @rule(pick=PICK)
    def wire_is_answered(self, pick: int) -> None:
        self.wire_arrives(pick, "answered")

    @precondition(lambda self: self.wires)
    @rule(pick=PICK, how=st.sampled_from(["deaf", "never", "unsent", "lagging", "broken", "late"]))
    def wire_fails(self, pick: int, how: str) -> None:
        self.wire_arrives(pick, how)

    @precondition(lambda self: any(isinstance(w[0], Place) for w in self.wires))
    @rule(
        how=st.sampled_from(["deaf", "late"]), seconds=st.sampled_from(["0.6", "2", "6"]), then=st.booleans()
    )
    def an_order_is_not_answered(self, how: str, seconds: str, then: bool) -> None:
        """The narrowest place of all: it is sent, nobody knows, and time goes on."""
        place = next(n for n, w in enumerate(self.wires) if isinstance(w[0], Place))
        self.wire_arrives(place, how)
        news, self.news = self.news, []
        for _ in range(3):
            self.time_passes(seconds)
            questions = [n for n, w in enumerate(self.wires) if isinstance(w[0], Lookup)]
            if questions:
                self.wire_arrives(questions[0], "answered" if how == "late" else "lagging")
        for number, (effect, _) in reversed([*enumerate(self.wires)]):
            if isinstance(effect, Place):
                self.wire_arrives(number, "answered")
        if then:
            self.news = [*news, *self.news] if self.up else []
        else:
            self.line_is_cut()
        if self.late:
            self.late_order_arrives()

    @precondition(lambda self: self.late)
    @rule()
    def late_order_arrives(self) -> None:
        """Later than we waited; the venue itself refuses what comes after its last moment."""
        order = self.late.pop().order
        if self.venue.place(MAIN, order, self.t.now_ns).ok:
            self._judge(order)
        self._tell()

    @precondition(lambda self: self.up)
    @rule()
    def all_goes_well(self) -> None:
        """Every request and question is answered, all news is heard, and the book is fresh."""
        for _ in range(20):
            if self.wires:
                self.wire_arrives(0, "answered")
            elif self.news:
                self.news_comes(0, False)
        self.book_moves()

    def wire_arrives(self, pick: int, how: str) -> None:
        effect, asked_ns = self.wires.pop(pick % len(self.wires))
        if isinstance(effect, Lookup):
            self._look(effect, asked_ns, how)
        elif isinstance(effect, AskReport):
            self._report(effect, asked_ns, how)
        else:
            self._request(effect, how)
        self._tell()

    def _request(self, effect: Place | Amend | Cancel, how: str) -> None:
        placing = isinstance(effect, Place)
        client_id = effect.order.client_id if isinstance(effect, Place) else effect.client_id
        name = "place" if placing else "amend" if isinstance(effect, Amend) else "cancel"
        if how == "unsent":
            no = Answered(MAIN, name, client_id, Answer.REJECTED, "not sent", unsent=True)  # type: ignore[arg-type]
            return self._hear(no)
        if isinstance(effect, Place) and how == "late":
            self.late.append(effect)
            how = "never"
        if how == "never":
            return self._hear(Answered(MAIN, name, client_id, Answer.UNKNOWN, "timeout"))  # type: ignore[arg-type]
        now = self.t.now_ns
        if isinstance(effect, Place):
            reply = self.venue.place(MAIN, effect.order, now)
            if reply.ok:
                self._judge(effect.order)
        elif isinstance(effect, Amend):
            change = AmendOrder(client_id, effect.price, effect.qty, valid_until_ns=effect.valid_until_ns)
            reply = self.venue.amend(MAIN, change, now)
        else:
            reply = self.venue.cancel(MAIN, client_id, now, valid_until_ns=effect.valid_until_ns)
        if how == "deaf":
            return self._hear(Answered(MAIN, name, client_id, Answer.UNKNOWN, "timeout"))  # type: ignore[arg-type]
        answer = Answer.DONE if reply.ok else Answer.REJECTED
        told = reply.order if reply.ok and how != "lagging" else None
        if reply.ok and how == "lagging":
            answer = Answer.ACCEPTED
        return self._hear(Answered(MAIN, name, client_id, answer, reply.sentence, told))  # type: ignore[arg-type]

    def _look(self, effect: Lookup, asked_ns: int, how: str) -> None:
        found = self.venue.order(MAIN, effect.client_id)
        error = "503" if how in ("never", "broken", "unsent") else ""
        young = found is not None and self.t.now_ns - found.venue_ns < RULES.visibility_ns
        if error or (how == "lagging" and young):
            found = None
        # Asked when it was sent: an absence is that of then.
        at = asked_ns if found is None else self.t.now_ns
        if found is None and not error and self.venue.order(MAIN, effect.client_id) is not None and not young:
            found, at = self.venue.order(MAIN, effect.client_id), self.t.now_ns
        self._hear(LookedUp(MAIN, effect.client_id, at, found, error))

    def _report(self, effect: AskReport, asked_ns: int, how: str) -> None:
        if how in ("never", "broken", "unsent"):
            return self._hear(ReportFailed(MAIN, "503"))
        page = self.venue.fills(MAIN, effect.cursor, 1000)
        partial = how == "lagging"
        report = AccountReport(
            asked_ns,
            () if partial else self.venue.open_orders(MAIN),
            tuple(page.items),
            (),
            self.venue.positions(MAIN),
            (),
            (COIN,),
            page.cursor,
            not partial,
        )
        return self._hear(Reported(MAIN, report))

    @precondition(lambda self: self.up and self.news)
    @rule(pick=PICK, twice=st.booleans())
    def news_comes(self, pick: int, twice: bool) -> None:
        event = self.news.pop(pick % len(self.news))
        self._hear(event)
        self.heard = [*self.heard[-5:], event]
        if twice:
            self._hear(event)

    @precondition(lambda self: self.up and self.heard)
    @rule(pick=PICK)
    def old_news_comes_again(self, pick: int) -> None:
        self._hear(self.heard[pick % len(self.heard)])

    def line_is_cut(self) -> None:
        self.up = False
        self.news.clear()
        self.t.cut()
        self._collect()

    @precondition(lambda self: not self.up)
    @rule()
    def line_comes_back(self) -> None:
        self.up = True
        self._hear(LinkUp(MAIN, self.t.rules[MAIN]))

    # ── the world ───────────────────────────────────────────────────────────────────────────────

    def book_moves(self) -> None:
        book = self.venue.book(COIN.symbol, 5)
        self._hear(BookUpdate(PERP, book.bids, book.asks, self.t.now_ns))

    @rule(side=st.sampled_from(["buy", "sell"]), price=PRICES, qty=st.integers(1, 9))
    def crowd_trades(self, side: str, price: int, qty: int) -> None:
        self._crowd(side, price, qty)
        self._tell()

    @precondition(lambda self: self.venue.open_orders(MAIN))
    @rule(pick=PICK, qty=st.integers(1, 9))
    def crowd_hits_one_of_ours(self, pick: int, qty: int) -> None:
        ours = self.venue.open_orders(MAIN)
        order = ours[pick % len(ours)]
        self._crowd("sell" if order.side == "buy" else "buy", int(order.price), qty)
        self._tell()

    @rule(seconds=st.sampled_from(["0.1", "0.5", "1", "2", "4", "9", "31"]), fresh=st.booleans())
    def time_passes(self, seconds: str, fresh: bool = True) -> None:
        self.t.wait(seconds)
        self._collect()
        self.venue.advance(self.t.now_ns)
        self._tell()
        if fresh and self.up:
            self.book_moves()

    # ── people and bots ─────────────────────────────────────────────────────────────────────────

    @rule(bot=BOT, side=st.sampled_from(["buy", "sell"]), price=PRICES, qty=st.integers(1, 12))
    def bot_wants_an_amount(self, bot: str, side: Any, price: int, qty: int) -> None:
        self._play(bot, up_to(side, price, qty))

    @rule(bot=BOT, net=st.integers(-12, 12), how=st.sampled_from(["cross", "touch"]))
    def bot_wants_a_sum(self, bot: str, net: int, how: str) -> None:
        self._play(bot, lambda v: Decision(v.state, wants=(target(net, how=how, slip=D("0.02")),)))

    @rule(bot=BOT, bid=st.integers(95, 99), qty=st.integers(1, 5))
    def bot_quotes(self, bot: str, bid: int, qty: int) -> None:
        quotes = (
            rest("buy", bid, qty, slot="bid", tif="post_only", quote=True),
            rest("sell", bid + 3, qty, slot="ask", tif="post_only", quote=True),
        )
        self._play(bot, lambda v: Decision(v.state, wants=quotes))

    @rule(bot=BOT)
    def bot_wants_nothing(self, bot: str) -> None:
        self._play(bot, lambda v: Decision(v.state))

    def _play(self, bot: str, act: Any) -> None:
        self.t.play(bot, act)
        if self.t.bot(bot).phase in ("stopped", "parked", "killed"):
            self.t.command("bot.resume", name=bot)
        self._collect()

    @rule(
        bot=BOT,
        what=st.sampled_from(["pause", "stop", "kill", "fails", "desk.kill", "cut", "power", "power"]),
        gone=st.sampled_from(["0.1", "3", "20"]),
        lost=st.booleans(),
    )
    def trouble(self, bot: str, what: str, gone: str, lost: bool) -> None:
        """What must not happen all the time, or nothing else would."""
        if what == "power":
            self.power_is_cut(gone, lost)
        elif what == "cut":
            if self.up:
                self.line_is_cut()
        elif what == "fails":
            self.t.play(bot, lambda v: Decision(None))
        elif what == "desk.kill":
            self.t.command(what)
        else:
            self.t.command(f"bot.{what}", name=bot)
        self._collect()

    @precondition(lambda self: self.t.e.desk.killed)
    @rule()
    def desk_is_revived(self) -> None:
        self.t.command("desk.revive")
        self._collect()

    def power_is_cut(self, gone: str, lost: bool) -> None:
        """What was on its way arrives later, or never; answers find nobody."""
        sent = [] if lost else [w for w in self.wires if isinstance(w[0], (Place, Amend, Cancel))]
        self.wires.clear()
        self.news.clear()
        self.t.restart(gone_s=gone, connect=False)
        self._collect()
        self.up = False
        for effect, _ in sent:
            if isinstance(effect, Place) and self.venue.place(MAIN, effect.order, self.t.now_ns).ok:
                self._judge(effect.order)
            elif isinstance(effect, Cancel):
                self.venue.cancel(MAIN, effect.client_id, self.t.now_ns, valid_until_ns=effect.valid_until_ns)
        self._tell()

    # ── what must hold ──────────────────────────────────────────────────────────────────────────

    def _judge(self, order: PlaceOrder) -> None:
        """The venue has just taken it."""
        self.accepted[order.client_id] = self.accepted.get(order.client_id, 0) + 1
        assert self.accepted[order.client_id] == 1, "one intent, one order"
        intents = {x.client_id: x for x in self.t.records(r.Intent)}
        intent = intents[order.client_id]
        total = ZERO
        for other in intents.values():
            if (other.bot, other.slot, other.side) == (intent.bot, intent.slot, intent.side):
                report = self.venue.order(MAIN, other.client_id)
                if report is not None:
                    total += report.qty if report.state is State.OPEN else report.cum_qty
        assert total <= intent.slot_total, f"{intent.bot}/{intent.slot}: {total} > {intent.slot_total}"
        held = sum((p.qty for p in self.venue.positions(MAIN)), ZERO)
        for side in ("buy", "sell"):
            open_qty = sum((o.qty - o.cum_qty for o in self.venue.open_orders(MAIN) if o.side == side), ZERO)
            # Counted at the order's price; 95 is the lowest that occurs.
            assert abs(held + sign(side) * open_qty) * 90 <= EXPOSURE or open_qty == 0  # type: ignore[arg-type]

    @invariant()
    def timers_are_bounded(self) -> None:
        if hasattr(self, "t"):
            assert len(self.t.e.timers) <= 12 + len(self.t.asked)
            assert len(self.t.e.cares) <= len(self.t.asked)

    @invariant()
    def what_is_open_is_counted(self) -> None:
        """The sums that limits use are those of the orders, computed afresh."""
        if not hasattr(self, "t"):
            return
        sums = {"buy": ZERO, "sell": ZERO}
        for order in self.t.e.desk.account(MAIN).orders.values():
            sums[order.side] += order.owed
        known = self.t.e.desk.open.get(PERP)
        assert known is None or (known.buy, known.sell) == (sums["buy"], sums["sell"])

    @invariant()
    def a_position_is_the_sum_of_its_slots(self) -> None:
        if not hasattr(self, "t"):
            return
        desk = self.t.e.desk
        slots = [s for b in desk.bots.values() for s in b.slots.values()]
        outside = desk.account(MAIN).external
        held = sum((s.position.qty for s in slots), ZERO) + sum((p.qty for p in outside.values()), ZERO)
        assert held == desk.net(PERP)
        assert all(s.position.qty == s.tally.net for s in slots)

    def teardown(self) -> None:
        if not hasattr(self, "t"):
            return
        self._heal()
        t, desk = self.t, self.t.e.desk
        truth = self.venue.fills(MAIN, "", 1000).items
        booked = [x.fill.exec_id for x in t.records(r.Filled)]
        assert sorted(booked) == sorted(f.exec_id for f in truth)
        assert desk.net(PERP) == sum((f.qty * sign(f.side) for f in truth), ZERO)
        assert not t.records(r.Synthetic), "nobody else traded on this account"
        assert not self.venue.open_orders(MAIN)
        for order in desk.account(MAIN).orders.values():
            report = self.venue.order(MAIN, order.client_id)
            if report is None:
                assert order.state in (State.LOST, State.REJECTED), order
            else:
                assert (order.settled, order.filled) == (True, report.cum_qty), order
        assert t.e.cares == {}
        t.check()
        assert self.venue.faults() == []

    def _heal(self) -> None:
        """All faults end; everything is killed; the desk has five minutes to come to rest."""
        if not self.up:
            self.line_comes_back()
        for bot in BOTS:
            self.t.command("bot.kill", name=bot)
        self._collect()
        for second in range(300):
            while self.wires or self.news or self.late:
                while self.late:
                    self.late_order_arrives()
                while self.wires:
                    self.wire_arrives(0, "answered")
                while self.news:
                    self.news_comes(0, False)
            orders = self.t.e.desk.account(MAIN).orders.values()
            link = self.t.e.links[MAIN]
            if all(o.settled for o in orders) and link.ready and second > 10:
                return
            for order in orders:
                # Where the venue promises no bound, only a person can say that it is not there.
                waits = order.state is State.UNKNOWN and not link.rules.bounded and second > 100
                if waits and self.venue.order(MAIN, order.client_id) is None:
                    self.t.command("order.resolve", client_id=order.client_id, fate="absent")
            self.time_passes("1")
        raise AssertionError("it does not come to rest")


TestEngineAgainstVenue = EngineAgainstVenue.TestCase
TestEngineAgainstVenue.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
assert SECOND
