"""The exchange's laws, under any sequence of requests that Hypothesis can think of.

Every step runs on two exchanges: one lives on, the other is dumped to bytes and loaded again whenever
the sequence says so. They must stay equal to the byte, which is determinism and durability in one.
"""

from __future__ import annotations

from decimal import Decimal as D
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument, InstrumentKind
from kedge.model.numbers import ZERO
from kedge.model.order import PRICED, TERMINAL, TRIGGERED, OrderKind, Side, State, Tif, Trigger, sign
from kedge.model.venue import Fill, OrderReport, PlaceOrder
from kedge.sim.exchange import (
    AmendOrder,
    Exchange,
    ExchangeConfig,
    FillMade,
    Happening,
    Manner,
    OrderChanged,
    Reply,
    Terms,
    TradePrinted,
)

SECOND = 10**9
HOUR = 3600 * SECOND
EXPIRY = 3 * HOUR


def make(
    symbol: str, kind: InstrumentKind, settle: str, step: str, expires_ns: int = 0, multiplier: str = "1"
) -> Instrument:
    return Instrument(
        symbol,
        kind,
        "BTC",
        "USD",
        settle,
        D(1),
        D(step),
        min_qty=D(step),
        multiplier=D(multiplier),
        expires_ns=expires_ns,
    )


SPOT = make("SPOT", "spot", "USD", "0.1")
PERP = make("PERP", "linear", "USD", "0.1")
DATED = make("DATED", "linear", "USD", "0.1", EXPIRY)
INVERSE = make("INVERSE", "inverse", "BTC", "10")
INSTRUMENTS = {i.symbol: i for i in (SPOT, PERP, DATED, INVERSE)}
TERMS = (
    Terms(SPOT, D("0.001"), D("0.002"), fee_asset="received"),
    Terms(PERP, D("-0.0001"), D("0.0005"), funding_interval_ns=HOUR, leverage_max=D(50)),
    Terms(DATED, D("0.0002"), D("0.0005"), market_collar=D("0.05")),
    Terms(INVERSE, D("0.0002"), D("0.0005"), funding_interval_ns=HOUR, liquidation_fee=D("0.01")),
)
# What spot fees are paid in, and the step they are cut to.
FEES = (("received", "1e-10"), ("received", "0.0003"), ("quote", "0.05"), ("BTC", "1e-8"))
ACCOUNTS = ("alice", "bob", "carol", "dave")
RICH, POOR = ("alice", "bob"), ("carol", "dave")

accounts = st.sampled_from(ACCOUNTS)
symbols = st.sampled_from(tuple(INSTRUMENTS))
prices = st.integers(96, 104).map(D)
lots = st.integers(1, 30)
picks = st.integers(0, 8)
sides = st.sampled_from(("buy", "sell"))


class Draft(Struct, frozen=True):
    """An order that Hypothesis has in mind; ids and market are settled when it is placed."""

    account: str
    symbol: int
    side: Side
    lots: int
    price: int
    kind: OrderKind
    tif: Tif
    reduce_only: bool
    trigger: int
    by: Trigger
    reuse: str
    manner: Manner | None = None


manners = st.builds(
    Manner,
    self_trade=st.sampled_from((None, "none", "cancel_newest", "cancel_oldest", "cancel_both")),
    take_profit=st.booleans(),
    holds_early=st.booleans(),
    instead_of=st.sampled_from(("", "", "1", "2")),
    fee_asset=st.sampled_from(("", "BTC", "BNB")),
    fee_price=st.just(D(100)),
    fee_cut=st.sampled_from((ZERO, D("0.25"))),
)
drafts = st.builds(
    Draft,
    account=accounts,
    symbol=st.sampled_from((0, 0, 0, 1)),
    side=sides,
    lots=lots,
    price=st.integers(96, 104),
    kind=st.sampled_from(("limit", "limit", "limit", "limit", "market", *TRIGGERED)),
    tif=st.sampled_from(("gtc", "gtc", "gtc", "gtc", "ioc", "fok", "post_only")),
    reduce_only=st.sampled_from((False, False, False, True)),
    trigger=st.integers(94, 106),
    by=st.sampled_from(("last", "last", "mark", "index")),
    reuse=st.sampled_from(("", "", "", "", "", "1", "2")),
    manner=st.one_of(st.none(), manners),
)


def thrown(dice: Random) -> Draft:
    """A draft as dice have it, of the same kinds as `drafts`."""
    manner = Manner(
        self_trade=dice.choice((None, "none", "cancel_newest", "cancel_oldest", "cancel_both")),
        take_profit=dice.random() < 0.5,
        holds_early=dice.random() < 0.5,
        instead_of=dice.choice(("", "1", "2")),
        fee_asset=dice.choice(("", "BTC", "BNB", "USD")),
        fee_price=D(100),
        fee_cut=dice.choice((ZERO, D("0.25"))),
    )
    return Draft(
        dice.choice(ACCOUNTS),
        dice.choice((0, 0, 0, 1)),
        dice.choice(("buy", "sell")),
        dice.randint(1, 30),
        dice.randint(96, 104),
        dice.choice(("limit", "limit", "limit", "market", *TRIGGERED)),
        dice.choice(("gtc", "gtc", "gtc", "ioc", "fok", "post_only")),
        dice.random() < 0.25,
        dice.randint(94, 106),
        dice.choice(("last", "last", "mark", "index")),
        dice.choice(("", "", "1", "2")),
        dice.choice((None, manner, manner)),
    )


def config(
    amend: str, amend_qty: str, scope: str, protect: str, cuts: bool, cancels: bool, fees: tuple[str, str]
) -> ExchangeConfig:
    asset, step = fees
    return ExchangeConfig(
        (replace(TERMS[0], fee_asset=asset, fee_price=D(100), fee_step=D(step)), *TERMS[1:]),
        amend=amend,  # type: ignore[arg-type]
        amend_qty=amend_qty,  # type: ignore[arg-type]
        id_scope=scope,  # type: ignore[arg-type]
        self_trade=protect,  # type: ignore[arg-type]
        reduce_only_cuts=cuts,
        post_only_cancels=cancels,
        retention_ns=1000 * HOUR,
        insurance={"USD": D(3), "BTC": D("0.03")},
    )


class Trading(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.pos: dict[tuple[str, str], D] = {}
        self.filled: dict[str, D] = {}
        self.reports: dict[tuple[str, str], OrderReport] = {}
        self.executions: dict[str, None] = {}
        self.wanted: dict[tuple[str, str], PlaceOrder] = {}
        self.live: list[tuple[str, str]] = []
        self.minted = 0
        self.own_both_sides = False
        # (account, stop, the order it is instead of), by the venue's numbers
        self.pairs: list[tuple[str, str, str]] = []

    @initialize(
        amend=st.sampled_from(("in_place", "cancel_new", "none")),
        amend_qty=st.sampled_from(("total", "fresh")),
        scope=st.sampled_from(("open", "forever")),
        protect=st.sampled_from(("cancel_newest", "cancel_oldest", "cancel_both", "none")),
        cuts=st.booleans(),
        cancels=st.booleans(),
        fees=st.sampled_from(FEES),
        markets=st.permutations(tuple(INSTRUMENTS)),
    )
    def begin(
        self,
        amend: str,
        amend_qty: str,
        scope: str,
        protect: str,
        cuts: bool,
        cancels: bool,
        fees: tuple[str, str],
        markets: list[str],
    ) -> None:
        self.symbols = markets[:2]
        chosen = config(amend, amend_qty, scope, protect, cuts, cancels, fees)
        self.exchange, self.twin = Exchange(chosen), Exchange(chosen)
        for name in ACCOUNTS:
            rich = name in RICH
            self.both(lambda ex, n=name, r=rich: ex.transfer(n, "USD", D(100_000 if r else 25), 0))
            self.both(lambda ex, n=name, r=rich: ex.transfer(n, "BTC", D(1000) if r else D("0.25"), 0))
            self.both(lambda ex, n=name, r=rich: ex.transfer(n, "BNB", D(1000) if r else D("0.001"), 0))
            # Only where they trade: elsewhere nothing is on margin, and holds are strictly covered.
            for symbol in self.symbols:
                self.both(lambda ex, n=name, s=symbol: ex.set_leverage(n, s, D(25), 0))

        self.take_positions()

    def take_positions(self) -> None:
        """Nobody starts flat: carol is long against bob, dave short against alice."""
        for symbol in self.symbols:
            for maker, taker, side in (("bob", "carol", "buy"), ("alice", "dave", "sell")):
                for account, which in ((maker, "sell" if side == "buy" else "buy"), (taker, side)):
                    self.place_one(
                        Draft(
                            account,
                            self.symbols.index(symbol),
                            which,
                            10,
                            100,
                            "limit",
                            "gtc",
                            False,
                            0,
                            "last",
                            "",
                        )  # type: ignore[arg-type]
                    )

    @rule(account=accounts, symbol=st.sampled_from((0, 0, 1)), price=st.integers(96, 104), stop=st.booleans())
    def reduce(self, account: str, symbol: int, price: int, stop: bool) -> None:
        """Ask to close the whole position, where there is one."""
        qty = self.pos.get((account, self.symbols[symbol]), ZERO)
        steps = int(abs(qty) / INSTRUMENTS[self.symbols[symbol]].qty_step)
        if steps and self.symbols[symbol] != "SPOT":
            side: Side = "sell" if qty > 0 else "buy"
            kind: OrderKind = "stop" if stop else "limit"
            trigger = 96 if side == "sell" else 104
            self.place_one(Draft(account, symbol, side, steps, price, kind, "gtc", True, trigger, "last", ""))

    def both(self, ask):  # type: ignore[no-untyped-def]
        """Do it on both; they must answer and speak alike."""
        one, other = ask(self.exchange), ask(self.twin)
        assert one == other
        said = self.exchange.take()
        assert said == self.twin.take()
        for happening in said:
            self.hear(happening)
        return one

    def hear(self, happening: Happening) -> None:
        if isinstance(happening, FillMade):
            self.hear_fill(happening.account, happening.fill)
        elif isinstance(happening, OrderChanged):
            self.hear_order(happening.account, happening.order)

    def hear_fill(self, account: str, fill: Fill) -> None:
        assert fill.exec_id not in self.executions
        self.executions[fill.exec_id] = None
        assert fill.qty > 0
        assert fill.price > 0
        key = (account, fill.symbol)
        before = self.pos.get(key, ZERO)
        after = before + sign(fill.side) * fill.qty
        self.pos[key] = after
        if fill.kind != "trade":
            assert fill.client_id == ""
            assert abs(after) <= abs(before)
            return
        self.filled[fill.venue_id] = self.filled.get(fill.venue_id, ZERO) + fill.qty
        want = self.wanted[account, fill.client_id]
        if want.tif == "post_only":
            assert fill.maker, "a post-only order took"
        own_both_sides = self.own_both_sides or self.exchange.config.self_trade == "none"
        if want.reduce_only and not own_both_sides:
            assert abs(after) < abs(before), "a reduce-only order grew the position"
            assert after * before >= 0, "a reduce-only order flipped the position"
        if want.price:
            # An amend may have moved the price; the newest report knows it.
            limit = self.limit_of(account, fill)
            assert (fill.price - limit) * sign(fill.side) <= 0, "filled worse than its limit"

    def limit_of(self, account: str, fill: Fill) -> D:
        seen = self.exchange.order(account, "", fill.venue_id)
        assert seen is not None
        return seen.price

    def hear_order(self, account: str, order: OrderReport) -> None:
        key = (account, order.venue_id)
        last = self.reports.get(key)
        if last is not None:
            assert order.version > last.version
            assert order.cum_qty >= last.cum_qty
            assert last.state is State.OPEN, "a finished order came back"
        assert order.state is State.OPEN or order.state in TERMINAL
        assert order.cum_qty <= order.qty
        assert (order.state is State.FILLED) == (order.cum_qty == order.qty)
        self.reports[key] = order

    # ── what can be done ────────────────────────────────────────────────────────────────────────

    @rule(orders=st.lists(drafts, min_size=1, max_size=12))
    def place(self, orders: list[Draft]) -> None:
        for draft in orders:
            self.place_one(draft)

    def place_one(self, draft: Draft) -> str:
        """The venue's number of the order; "" where it was refused."""
        symbol = self.symbols[draft.symbol]
        instrument = INSTRUMENTS[symbol]
        stop, priced = draft.kind in TRIGGERED, draft.kind in PRICED
        # Now and then one has a time, of some minutes.
        expires_ns = 0 if draft.lots % 7 else self.exchange.now_ns + draft.trigger * 10**9
        if draft.reuse:
            client_id = draft.reuse
        else:
            self.minted += 1
            client_id = str(100 + self.minted)
        want = PlaceOrder(
            client_id,
            symbol,
            draft.side,
            draft.lots * instrument.qty_step,
            D(draft.price) if priced else ZERO,
            draft.kind,
            "gtc" if draft.tif == "post_only" and not priced else draft.tif,
            draft.reduce_only and instrument.kind != "spot",
            D(draft.trigger) if stop else ZERO,
            draft.by if stop else "last",
            expires_ns=expires_ns,
        )
        before = self.exchange.order(draft.account, client_id)
        old = self.wanted.get((draft.account, client_id))
        self.wanted[draft.account, client_id] = want
        self.own_both_sides |= draft.manner is not None and draft.manner.self_trade == "none"
        reply = self.place_both(draft.account, want, draft.manner)
        if not reply.ok:
            if old is not None:
                self.wanted[draft.account, client_id] = old
            if before is not None and before.state is State.OPEN:
                assert reply.code == "id_open"
            return ""
        self.live.append((draft.account, client_id))
        assert before is None or self.exchange.config.id_scope == "open"
        assert before is None or before.state is not State.OPEN
        self.check_tif(want, reply)
        assert reply.order is not None
        return reply.order.venue_id

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 50))
    def crowd(self, seed: int, count: int) -> None:
        """Many people at once: what is rare in short examples happens here."""
        dice = Random(seed)
        for _ in range(count):
            deed = dice.random()
            if deed < 0.65:
                self.place_one(thrown(dice))
            elif deed < 0.75:
                self.pair_up(
                    dice.choice(ACCOUNTS),
                    dice.randint(0, 1),
                    dice.choice(("buy", "sell")),
                    dice.randint(1, 30),
                    dice.random() < 0.5,
                )
            elif self.live:
                what = dice.choice(("price", "qty", "price qty", "trigger", "qty trigger", ""))
                name = dice.choice(("", "", "1", "2", "new"))
                self.change(dice.randint(0, 8), D(dice.randint(94, 106)), dice.randint(1, 30), what, name)
            self.the_laws_hold()

    @rule(account=accounts, symbol=st.integers(0, 1), side=sides, lot=lots, profit=st.booleans())
    def pair(self, account: str, symbol: int, side: Side, lot: int, profit: bool) -> None:
        self.pair_up(account, symbol, side, lot, profit)

    def pair_up(self, account: str, symbol: int, side: Side, lot: int, profit: bool) -> None:
        """A stop and a limit order of which one works, on the two sides of the price."""
        toward, away = (104, 96) if side == "sell" else (96, 104)
        stop_at, limit_at = (toward, away) if profit else (away, toward)
        self.minted += 1
        limit_id = str(100 + self.minted + 1)
        manner = Manner(take_profit=profit, holds_early=lot % 2 == 0, instead_of=limit_id)
        stop_id = str(100 + self.minted)
        stop = Draft(account, symbol, side, lot, 0, "stop", "gtc", False, stop_at, "last", stop_id, manner)
        limit = Draft(account, symbol, side, lot, limit_at, "limit", "gtc", False, 0, "last", "")
        placed = [self.place_one(stop), self.place_one(limit)]
        if placed[0] and placed[1]:
            self.pairs.append((account, placed[0], placed[1]))

    def place_both(self, account: str, want: PlaceOrder, manner: Manner | None = None) -> Reply:
        return self.both(lambda ex: ex.place(account, want, self.now_ns, manner))  # type: ignore[no-any-return]

    def check_tif(self, want: PlaceOrder, reply: Reply) -> None:
        order = reply.order
        assert order is not None
        if want.kind in ("limit", "market"):
            if want.tif in ("ioc", "fok") or want.kind == "market":
                assert order.state is not State.OPEN, "it left something in the book"
            if want.tif == "fok":
                assert order.cum_qty in (ZERO, order.qty), "fill-or-kill filled a part"

    @precondition(lambda self: self.live)
    @rule(
        pick=picks,
        price=prices,
        lot=lots,
        what=st.sampled_from(("price", "qty", "price qty", "trigger", "qty trigger", "")),
        name=st.sampled_from(("", "", "1", "2", "new")),
    )
    def amend(self, pick, price, lot, what, name):  # type: ignore[no-untyped-def]
        self.change(pick, price, lot, what, name)

    def change(self, pick: int, price: D, lot: int, what: str, name: str) -> None:
        account, client_id = self.live[-1 - pick % len(self.live)]
        order = self.exchange.order(account, client_id)
        if order is None:
            return
        qty = lot * INSTRUMENTS[order.symbol].qty_step
        if name == "new":
            self.minted += 1
            name = str(100 + self.minted)
        change = AmendOrder(
            client_id,
            price if "price" in what and order.price else ZERO,
            qty if "qty" in what else ZERO,
            price if "trigger" in what else ZERO,
            new_client_id=name,
        )
        self.amend_both(account, change)

    def amend_both(self, account: str, change: AmendOrder) -> None:
        now_key, new_key = (account, change.client_id), (account, change.new_client_id or change.client_id)
        before, old = self.exchange.order(*now_key), self.wanted.get(new_key)
        self.wanted[new_key] = self.wanted[now_key]
        reply = self.both(lambda ex: ex.amend(account, change, self.now_ns))
        if not reply.ok:
            if old is not None:
                self.wanted[new_key] = old
            return
        if new_key != now_key and reply.order.client_id == new_key[1]:
            self.live.append(new_key)
            assert self.exchange.order(*new_key) is not None
            gone = self.exchange.order(*now_key)
            assert gone is None or (gone.state is not State.OPEN and gone.venue_id == before.venue_id)

    @precondition(lambda self: self.live)
    @rule(pick=picks)
    def cancel(self, pick):  # type: ignore[no-untyped-def]
        account, client_id = self.live[-1 - pick % len(self.live)]
        self.both(lambda ex: ex.cancel(account, client_id, self.now_ns))

    @rule(account=accounts, symbol=st.sampled_from(("", "PERP", "SPOT")))
    def cancel_all(self, account, symbol):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.cancel_all(account, self.now_ns, symbol))

    @rule(symbol=st.sampled_from(("PERP", "DATED", "INVERSE")), mark=st.integers(70, 135), index=prices)
    def feed(self, symbol, mark, index):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.feed(symbol, self.now_ns, mark=D(mark), index=index))

    @rule(seconds=st.integers(1, 9000))
    def wait(self, seconds):  # type: ignore[no-untyped-def]
        self.now_ns += seconds * SECOND
        self.both(lambda ex: ex.advance(self.now_ns))

    @rule(account=accounts, asset=st.sampled_from(("USD", "BTC")), amount=st.integers(-300, 300))
    def transfer(self, account, asset, amount):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.transfer(account, asset, D(amount) / 10, self.now_ns))

    @rule(account=accounts, symbol=st.integers(0, 1), leverage=st.integers(1, 60))
    def leverage(self, account, symbol, leverage):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.set_leverage(account, self.symbols[symbol], D(leverage), self.now_ns))

    @rule(symbol=symbols, on=st.sampled_from((False, False, True)))
    def halt(self, symbol, on):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.halt(symbol, on, self.now_ns))

    @rule(
        symbol=st.sampled_from(("PERP", "INVERSE")), rate=st.sampled_from(("0.001", "-0.002", "0.00012345"))
    )
    def fund(self, symbol, rate):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.set_funding(symbol, D(rate), self.now_ns))
        self.both(lambda ex: ex.fund_now(symbol, self.now_ns))

    @rule(account=accounts, seconds=st.integers(0, 5000))
    def dead_man(self, account, seconds):  # type: ignore[no-untyped-def]
        self.both(lambda ex: ex.cancel_all_after(account, seconds * SECOND, self.now_ns))

    @precondition(lambda self: hasattr(self, "twin"))
    @rule()
    def restart_twin(self) -> None:
        body = self.twin.dump()
        self.twin = Exchange.load(body)
        assert self.twin.dump() == body

    # ── what must hold ──────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_laws_hold(self) -> None:
        if not hasattr(self, "exchange"):
            return
        assert self.exchange.faults() == []

    @invariant()
    def fills_tell_positions(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for account in ACCOUNTS:
            held = {p.symbol: p.qty for p in self.exchange.positions(account)}
            for symbol in ("PERP", "DATED", "INVERSE"):
                assert held.get(symbol, ZERO) == self.pos.get((account, symbol), ZERO)

    @invariant()
    def what_was_told_last_is_so(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for account in ACCOUNTS:
            for order in self.exchange.open_orders(account):
                assert self.reports[account, order.venue_id] == order

    @invariant()
    def of_a_pair_one_works(self) -> None:
        for account, stop_id, limit_id in self.pairs:
            stop = self.exchange.order(account, "", stop_id)
            limit = self.exchange.order(account, "", limit_id)
            if stop is not None and stop.cum_qty and limit is not None:
                assert limit.state is not State.OPEN

    def teardown(self) -> None:
        if not hasattr(self, "exchange"):
            return
        assert self.exchange.dump() == self.twin.dump()
        assert Exchange.load(self.exchange.dump()).truth() == self.exchange.truth()
        self.check_ledger()

    def check_ledger(self) -> None:
        """Cash less what positions cost is what fills and cash movements say, to the last digit."""
        for account in self.exchange.truth().accounts.values():
            worth: dict[str, D] = {}

            def add(asset: str, amount: D, worth: dict[str, D] = worth) -> None:
                worth[asset] = worth.get(asset, ZERO) + amount

            for cash in account.cash_moves:
                add(cash.asset, cash.amount)
            for fill in account.fills:
                instrument = INSTRUMENTS[fill.symbol]
                signed = sign(fill.side) * fill.qty
                add(fill.fee_asset, -fill.fee)
                add(instrument.settle, -instrument.value(signed, fill.price))
                if instrument.kind == "spot":
                    add(instrument.base, signed)
            for asset, amount in worth.items():
                assert amount == account.cash.get(asset, ZERO) - account.entered.get(asset, ZERO)


TestTrading = Trading.TestCase
TestTrading.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("seed", range(24))
def test_a_crowd_breaks_no_law(seed: int) -> None:
    """Hypothesis looks for short stories; these are long ones, in which orders get in each other's way."""
    dice, world = Random(seed), Trading()
    markets = list(INSTRUMENTS)
    dice.shuffle(markets)
    world.begin(
        amend=("in_place", "cancel_new")[seed % 2],
        amend_qty=dice.choice(("total", "fresh")),
        scope=dice.choice(("open", "forever")),
        protect=dice.choice(("cancel_newest", "cancel_oldest", "cancel_both", "none")),
        cuts=dice.random() < 0.5,
        cancels=dice.random() < 0.5,
        fees=dice.choice(FEES),
        markets=sorted(markets, key="SPOT".__ne__),
    )
    for turn in range(6):
        world.crowd(seed=dice.randint(0, 2**32 - 1), count=25)
        world.feed(symbol="PERP", mark=dice.randint(90, 110), index=D(100))
        world.of_a_pair_one_works()
        world.what_was_told_last_is_so()
        world.fills_tell_positions()
        if turn % 2:
            world.restart_twin()
    world.teardown()


# ── priority, against the plainest matching there is ────────────────────────────────────────────


class Plain:
    """Matching as one would do it on paper: look through the list for the best and oldest."""

    def __init__(self) -> None:
        self.orders: list[list] = []  # type: ignore[type-arg]  # [id, side, price, left]
        self.trades: list[tuple[str, str, D, D]] = []

    def place(self, name: str, side: str, price: D, qty: D, tif: str) -> None:
        want = 1 if side == "buy" else -1
        while qty:
            other = [o for o in self.orders if o[1] != side and (o[2] - price) * want <= 0]
            if not other:
                break
            best = min(other, key=lambda o: o[2] * want)  # `min` takes the first, which is the oldest
            part = min(best[3], qty)
            self.trades.append((best[0], name, best[2], part))
            best[3] -= part
            qty -= part
            self.orders = [o for o in self.orders if o[3]]
        if qty and tif == "gtc":
            self.orders.append([name, side, price, qty])

    def cancel(self, name: str) -> None:
        self.orders = [o for o in self.orders if o[0] != name]

    def amend(self, name: str, price: D, qty: D, left: D) -> None:
        """`left` is the new quantity less what has filled."""
        order = next(o for o in self.orders if o[0] == name)
        if price == order[2] and left <= order[3]:
            order[3] = left
            return
        self.cancel(name)
        self.place(name, order[1], price, left, "gtc")


steps = st.lists(
    st.tuples(
        st.sampled_from(("place", "place", "place", "cancel", "amend", "amend")),
        st.sampled_from(("buy", "sell")),
        st.integers(98, 102),
        st.integers(1, 5),
        st.sampled_from(("gtc", "gtc", "ioc")),
        st.integers(0, 30),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_trades_are_those_of_plain_matching(plan: list[tuple[str, str, int, int, str, int]]) -> None:
    exchange, plain = Exchange(ExchangeConfig(TERMS, self_trade="none")), Plain()
    exchange.transfer("alice", "USD", D(10**6), 0)
    names: list[str] = []
    for what, side, price, lot, tif, pick in plan:
        qty = D(lot)
        if what == "place" or not names:
            name = str(len(names) + 1)
            names.append(name)
            want = PlaceOrder(name, "PERP", side, qty, D(price), tif=tif)  # type: ignore[arg-type]
            assert exchange.place("alice", want, 0).ok
            plain.place(name, side, D(price), qty, tif)
            continue
        name = names[pick % len(names)]
        order = exchange.order("alice", name)
        assert order is not None
        if order.state is not State.OPEN:
            assert not exchange.cancel("alice", name, 0).ok
        elif what == "cancel":
            assert exchange.cancel("alice", name, 0).ok
            plain.cancel(name)
        elif qty > order.cum_qty:
            assert exchange.amend("alice", AmendOrder(name, D(price), qty), 0).ok
            plain.amend(name, D(price), qty, qty - order.cum_qty)
    assert trades_of(exchange) == plain.trades
    resting = {o.client_id: o.qty - o.cum_qty for o in exchange.open_orders("alice")}
    assert resting == {o[0]: o[3] for o in plain.orders}
    assert exchange.faults() == []


def trades_of(exchange: Exchange) -> list[tuple[str, str, D, D]]:
    """(maker, taker, price, quantity), from the fills: each trade is two, the maker's first."""
    fills = [h.fill for h in exchange.take() if isinstance(h, FillMade)]
    pairs = zip(fills[::2], fills[1::2], strict=True)
    return [(maker.client_id, taker.client_id, maker.price, maker.qty) for maker, taker in pairs]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(prices, lots), min_size=1, max_size=12), prices, lots)
def test_a_taker_gets_the_best_prices_there_are(makers: list[tuple[D, int]], limit: D, lot: int) -> None:
    exchange = Exchange(ExchangeConfig(TERMS))
    exchange.transfer("alice", "USD", D(10**6), 0)
    exchange.transfer("bob", "USD", D(10**6), 0)
    for number, (price, size) in enumerate(makers):
        exchange.place("alice", PlaceOrder(str(number), "PERP", "sell", D(size) / 10, price), 0)
    exchange.take()
    exchange.place("bob", PlaceOrder("t", "PERP", "buy", D(lot) / 10, limit), 0)
    printed = [h for h in exchange.take() if isinstance(h, TradePrinted)]
    assert [t.price for t in printed] == sorted(t.price for t in printed)
    asks = exchange.book("PERP").asks
    if printed and asks:
        assert asks[0].price >= printed[-1].price
    available = sum((D(size) / 10 for price, size in makers if price <= limit), ZERO)
    assert sum((t.qty for t in printed), ZERO) == min(available, D(lot) / 10)


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_bytes_that_are_not_a_dump_are_refused(cut: int) -> None:
    body = Exchange(ExchangeConfig(TERMS)).dump()
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        Exchange.load(body[:-cut])
