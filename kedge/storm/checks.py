"""What must hold, judged from outside: by the venues' truth and the durable journal, never by our memory.

    at the door   whenever a request leaves an engine, and again when it arrives at the venue
    at a turn     about twice a second: what is stopped is stopped, and everything is bounded
    at rest       after the storm has healed and everything was stopped

Each check has a number (docs/storms.md lists them) and says in one sentence what was broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from kedge.engine.apply import apply
from kedge.engine.state import Desk, digest
from kedge.model.events import Request
from kedge.model.ids import read
from kedge.model.numbers import ZERO, text
from kedge.model.order import TERMINAL, Side, State, sign
from kedge.model.venue import Fill, PlaceOrder
from kedge.runtime.cell import Cell
from kedge.runtime.shell import IN_FLIGHT_MOST
from kedge.sim.exchange import AmendOrder, Reply
from kedge.sim.medium import SimDisk
from kedge.sim.tape import Marks
from kedge.storm.door import Pier
from kedge.storm.fold import Fold
from kedge.storm.stashes import StashWatch

VIOLATIONS_MOST = 20
# The price itself moves between the decision and the door.
PRICE_MOVES = Decimal("1.05")


class Violation(Struct, frozen=True):
    check: str
    says: str


class Bounds(Struct, frozen=True):
    """More than this is a leak. Each is a few times what the worst of many thousand seeds has needed."""

    # Requests whose answers do not come: at most what the two shells allow themselves.
    tasks: int = 2 * IN_FLIGHT_MOST + 8
    tasks_at_rest: int = 12
    inbox: int = 60
    waiting: int = 30
    unsynced: int = 100
    timers: int = 40
    cares: int = 20
    lookups: int = 40  # of one order


BOUNDS = Bounds()


class Witness:
    """Stands at every venue's door with the durable journal in hand."""

    def __init__(self, disk: SimDisk, harbours: Mapping[str, Pier], marks: Marks) -> None:
        self.disk = disk
        self.harbours = harbours
        self.marks = marks
        self.exposure_most: dict[str, Decimal] = {}  # per venue, where it is bounded
        self.violations: list[Violation] = []
        self.when_broken: Callable[[], None] = lambda: None
        self.most: dict[str, int] = {}  # the most ever seen of what is bounded
        self.least = Decimal("0.001")  # what differs by less is even
        self.fold = Fold(self.broken, marks)
        self.stashes = StashWatch(self.broken, harbours, marks)
        self._accepted: dict[str, int] = {}
        self._read_seq = 0
        for harbour in harbours.values():
            harbour.door = self

    def broken(self, check: str, says: str) -> None:
        if not self.violations:
            self.when_broken()
        if len(self.violations) < VIOLATIONS_MOST:
            self.violations.append(Violation(check, says))

    def read_journal(self) -> None:
        if self.disk.last_seq == self._read_seq:
            return
        for entry in self.disk.entries(self._read_seq):
            self._read_seq = entry.seq
            self.fold.read(entry.record, entry.ts_ns)
            self.stashes.read(entry.record)

    # ── at the door ─────────────────────────────────────────────────────────────────────────────

    def leaves(self, harbour: Pier, life: int, request: Request, client_id: str) -> None:
        """Only the holder of the lease sends. A stolen lease is noticed at the next write, no sooner."""
        if life == self.disk.life:
            return
        if self.disk.weather.lease != "steal":
            says = f"life {life} sends a {request} while life {self.disk.life} holds the lease"
            self.broken("11 lease", f"{says} ({client_id})")
            return
        self.marks.sometimes("sent-after-steal")
        self.read_journal()
        order = self.fold.orders.get(client_id)
        if request == "place" and (order is None or order.life != life):
            self.broken("11 lease", f"{client_id} was sent by life {life}, which never made it durable")

    def placed(self, harbour: Pier, account: str, order: PlaceOrder, reply: Reply) -> None:
        self.read_journal()
        seen = self.fold.orders.get(order.client_id)
        if seen is None:
            self.broken("1 intent first", f"{order.client_id} reached {harbour.name} with no durable intent")
            return
        intent = seen.intent
        same = (intent.qty, intent.price, intent.side) == (order.qty, order.price, order.side)
        if not same or intent.market != f"{account}:{order.symbol}":
            self.broken("1 intent first", f"{order.client_id} is not what the journal says")
        if not reply.ok:
            return
        self._accepted[order.client_id] = self._accepted.get(order.client_id, 0) + 1
        if self._accepted[order.client_id] > 1:
            self.broken("2 one order", f"{order.client_id} was accepted twice")
        self._slot_not_overfilled(harbour, account, order.client_id)
        self.stashes.placed(account, intent, order)
        self._within_limit(harbour, account, order.symbol)

    def amended(self, harbour: Pier, account: str, change: AmendOrder, reply: Reply) -> None:
        self.read_journal()
        seen = self.fold.orders.get(change.client_id)
        if seen is None or (change.price, change.qty) not in seen.amends:
            self.broken("1 intent first", f"an amend of {change.client_id} arrived that no record meant")
        elif reply.ok:
            self._within_limit(harbour, account, seen.intent.market.partition(":")[2])

    def cancelled(self, harbour: Pier, account: str, client_id: str, reply: Reply) -> None:
        self.read_journal()
        seen = self.fold.orders.get(client_id)
        if seen is not None and not seen.cancels:
            self.broken("1 intent first", f"a cancel of {client_id} arrived that no record meant")

    def _slot_not_overfilled(self, harbour: Pier, account: str, newest: str) -> None:
        """Everything the slot may come to have traded, by the venue's word, against what was wanted."""
        intent = self.fold.orders[newest].intent
        total = ZERO
        for client_id in self.fold.by_slot[(intent.bot, intent.slot)]:
            if self.fold.orders[client_id].intent.side != intent.side:
                continue
            report = harbour.exchange.order(account, client_id)
            if report is not None:
                total += report.qty if report.state is State.OPEN else report.cum_qty
            total -= harbour.understated.get(client_id, ZERO)
        if total > intent.slot_total:
            self.broken(
                "2 never overfilled",
                f"{intent.bot}/{intent.slot} may trade {text(total)}, {text(intent.slot_total)} was wanted"
                f" ({intent.client_id})",
            )

    def _within_limit(self, harbour: Pier, account: str, symbol: str) -> None:
        most = self.exposure_most.get(harbour.name)
        if most is None:
            return
        position = sum((p.qty for p in harbour.exchange.positions(account)), ZERO)
        open_sides: dict[Side, Decimal] = {"buy": ZERO, "sell": ZERO}
        for order in harbour.exchange.open_orders(account):
            open_sides[order.side] += order.qty - order.cum_qty
        price = harbour.exchange.market(symbol).mark or harbour.exchange.market(symbol).last
        for side, open_qty in open_sides.items():
            worst = abs(position + sign(side) * open_qty) * price
            if worst > most * PRICE_MOVES:
                self.broken("6 limit", f"{account} could reach {text(worst)}, over {text(most)}")

    # ── at a turn ───────────────────────────────────────────────────────────────────────────────

    def turn(self, cell: Cell | None) -> None:
        self.read_journal()
        self._stopped_bots_have_nothing_open()
        if cell is not None and not cell.stopped:
            self._bounded(cell)
            self._orders_follow_the_table(cell)

    def _stopped_bots_have_nothing_open(self) -> None:
        """By the journal the bot has ended in good order: then no order of it may be open anywhere."""
        if "stopped" not in self.fold.phases.values():
            return
        for harbour in self.harbours.values():
            for report in harbour.exchange.open_orders(f"{harbour.name}/main"):
                seen = self.fold.orders.get(report.client_id)
                if seen is not None and self.fold.phases.get(seen.intent.bot) == "stopped":
                    says = f"{seen.intent.bot} has stopped; {report.client_id} is open at {harbour.name}"
                    self.broken("8 stopped", says)

    def _orders_follow_the_table(self, cell: Cell) -> None:
        """Where the journal holds all the engine knows, both must say the same of every order."""
        if cell.last_seq != self._read_seq or cell.journal.life != self.disk.life:
            return
        for account in cell.engine.desk.accounts.values():
            for order in account.orders.values():
                seen = self.fold.orders.get(order.client_id)
                if seen is None or order.state is not seen.state:
                    read_as = "nothing" if seen is None else seen.state
                    says = f"{order.client_id} is {order.state}; by the table it is {read_as}"
                    self.broken("5 table", says)

    def _bounded(self, cell: Cell) -> None:
        engine = cell.engine
        for what, count, most in (
            ("tasks", len(cell._tree or ()), BOUNDS.tasks),
            ("inbox", len(cell._inbox), BOUNDS.inbox),
            ("waiting", len(cell._waiting), BOUNDS.waiting),
            ("unsynced", cell.last_seq - cell.durable_seq, BOUNDS.unsynced),
            ("timers", len(engine.timers), BOUNDS.timers),
            ("cares", len(engine.cares), BOUNDS.cares),
            ("lookups of one order", self._most_lookups(), BOUNDS.lookups),
        ):
            if count > self.most.get(what, 0):
                self.most[what] = count
                if count > most:
                    self.broken("12 bounded", f"{count} {what}; the bound is {most}")

    def _most_lookups(self) -> int:
        return max((max(h.lookups.values(), default=0) for h in self.harbours.values()), default=0)

    # ── at rest ─────────────────────────────────────────────────────────────────────────────────

    def at_rest(self, cell: Cell) -> None:
        """After the storm has healed and everything was stopped."""
        self.turn(cell)
        self.fold.at_rest()
        live = cell.engine.desk
        self._replay_is_live(live)
        for name, harbour in self.harbours.items():
            account = f"{name}/main"
            self._fills_booked_once(harbour, account)
            self._cash_booked_once(harbour, account)
            self._orders_agree(harbour, account, live)
            self._positions_agree(harbour, account, live)
            for fault in harbour.exchange.faults():
                self.broken("4 money", f"{name}: {fault}")
            for ban in harbour.banned[:1]:
                self.broken("10 bans", ban)
        self._bots_balanced(live)
        if engine_cares := len(cell.engine.cares):
            self.broken("12 bounded", f"{engine_cares} orders are still asked after at rest")
        tasks = len(cell._tree or ())
        if tasks > BOUNDS.tasks_at_rest:
            self.broken("12 bounded", f"{tasks} tasks at rest")

    def _replay_is_live(self, live: Desk) -> None:
        replayed = Desk()
        for entry in self.disk.entries():
            apply(replayed, entry.record, entry.ts_ns)
        if digest(replayed) != digest(live):
            self.broken("7 replay", "the journal, replayed, is not the live state")

    def _fills_booked_once(self, harbour: Pier, account: str) -> None:
        booked = {key[1]: found for key, found in self.fold.fills.items() if key[0] == account}
        truth: tuple[Fill, ...] = harbour.exchange.fills(account, "", 10_000).items
        for fill in truth:
            found = booked.pop(fill.exec_id, [])
            if len(found) != 1:
                says = f"fill {fill.exec_id} of {fill.client_id} booked {len(found)} times"
                self.broken("3 fills once", says)
            elif found[0].fill != fill:
                self.broken("3 fills once", f"fill {fill.exec_id} was booked as {found[0].fill}, was {fill}")
        if booked:
            self.broken("3 fills once", f"booked fills the venue never made: {list(booked)[:3]}")

    def _cash_booked_once(self, harbour: Pier, account: str) -> None:
        for cash in harbour.exchange.cash(account, "", 10_000).items:
            if (account, cash.cash_id) not in self.fold.cash:
                self.broken("4 money", f"{cash.kind} of {text(cash.amount)} {cash.asset} was never booked")

    def _orders_agree(self, harbour: Pier, account: str, live: Desk) -> None:
        known = live.accounts.get(account)
        if known is None:
            self.broken("8 stopped", f"{account} was never reached, not even after the storm")
            return
        for order in known.orders.values():
            report = harbour.exchange.order(account, order.client_id)
            if report is None:
                if order.state not in (State.LOST, State.REJECTED):
                    self.broken("5 life", f"{order.client_id} is {order.state}; the venue never had it")
            elif report.state is State.OPEN:
                self.broken("8 stopped", f"{order.client_id} is open at the venue after everything stopped")
            elif order.state not in TERMINAL or order.filled != report.cum_qty:
                self.broken(
                    "5 life", f"{order.client_id} is {order.state} {order.filled}, truly {report.state}"
                )
        for report in harbour.exchange.open_orders(account):
            made_by = read(report.client_id)
            if made_by is not None and report.client_id not in known.orders:
                self.broken("8 stopped", f"{report.client_id} is open at the venue, unknown to the desk")

    def _positions_agree(self, harbour: Pier, account: str, live: Desk) -> None:
        truth = {p.symbol: p.qty for p in harbour.exchange.positions(account)}
        for market, net in live.nets.items():
            name, _, symbol = market.partition(":")
            if name == account and truth.get(symbol, ZERO) != net:
                self.broken("4 positions", f"{market}: ledger {text(net)}, venue {truth.get(symbol, ZERO)}")

    def _bots_balanced(self, live: Desk) -> None:
        """The legs: a pair is even, a closed hedge is flat. Judged by the fills at the venues."""
        for name, bot in live.bots.items():
            sums: dict[str, Decimal] = {}
            for client_id, seen in self.fold.orders.items():
                intent = seen.intent
                if intent.bot != name:
                    continue
                account = intent.market.partition(":")[0]
                report = self.harbours[account.partition("/")[0]].exchange.order(account, client_id)
                if report is not None:
                    done = sums.get(intent.slot, ZERO) + sign(intent.side) * report.cum_qty
                    sums[intent.slot] = done
            if bot.phase not in ("stopped", "killed", "parked"):
                self.broken("8 stopped", f"{name} is still {bot.phase}")
            net = sum(sums.values(), ZERO)
            if bot.kind == "spread":
                ratio = _ratio(bot.config) or _ratio(bot.state)  # as the contracts say it
                net += (ratio - 1) * sums.get("far", ZERO)
            if bot.kind in ("pair", "spread") and bot.phase == "stopped" and abs(net) >= self.least:
                self.broken("9 hedge", f"{name}: legs differ by {text(net)}")
            ended = bot.kind == "hedge" and bot.phase == "stopped" and b'"closed"' in bytes(bot.state)
            if ended and sums.get("close") and net != 0:
                self.broken("9 hedge", f"{name}: closed, yet {text(net)} is open")
            if bot.phase == "parked":
                self.broken("0 bots", f"{name} was parked: {bot.why}")


class _Legs(Struct):
    ratio: Decimal = Decimal(1)


def _ratio(config: Raw) -> Decimal:
    """Units of the near leg for one of the far leg, by what the bot was told."""
    return msgspec.json.decode(config, type=_Legs).ratio
