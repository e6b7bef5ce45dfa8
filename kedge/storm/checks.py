"""What must hold, judged from outside: by the venues' truth and the durable journal, never by our memory.

Safety is looked at whenever an order arrives at a venue and again at rest; progress only after `heal`.
Each check has a number (DESIGN, section 5) and says in one sentence what was broken.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.engine.apply import apply
from kedge.engine.state import Desk, digest
from kedge.model import records as r
from kedge.model.ids import read
from kedge.model.numbers import ZERO, text
from kedge.model.order import TERMINAL, Side, State, sign
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import Reply
from kedge.sim.medium import SimDisk
from kedge.storm.venue import Harbour


class Violation(Struct, frozen=True):
    check: str
    says: str


class Witness:
    """Stands at every venue's door with the durable journal in hand."""

    def __init__(self, disk: SimDisk, harbours: dict[str, Harbour]) -> None:
        self.disk = disk
        self.harbours = harbours
        self.exposure_most: dict[str, Decimal] = {}  # per venue, where it is bounded
        self.commands: dict[str, int] = {}
        self.violations: list[Violation] = []
        self.intents: dict[str, r.Intent] = {}
        self.by_slot: dict[tuple[str, str], list[str]] = {}
        self.accepted: dict[str, int] = {}
        self._read_seq = 0
        for name, harbour in harbours.items():
            harbour.arrived = self._door(name)

    def broken(self, check: str, says: str) -> None:
        if len(self.violations) < 20:
            self.violations.append(Violation(check, says))

    def _door(self, harbour: str):  # type: ignore[no-untyped-def]
        def arrived(account: str, order: PlaceOrder, reply: Reply) -> None:
            self.arrived(self.harbours[harbour], account, order, reply)

        return arrived

    # ── at the door ─────────────────────────────────────────────────────────────────────────────

    def read_journal(self) -> None:
        for entry in self.disk.entries(self._read_seq):
            self._read_seq = entry.seq
            record = entry.record
            if isinstance(record, r.Intent):
                if record.client_id in self.intents:
                    self.broken("2 one intent", f"{record.client_id} was minted twice")
                self.intents[record.client_id] = record
                self.by_slot.setdefault((record.bot, record.slot), []).append(record.client_id)
            elif isinstance(record, r.CommandTaken):
                self.commands[record.command_id] = self.commands.get(record.command_id, 0) + 1
                if self.commands[record.command_id] > 1:
                    self.broken("2 one command", f"{record.command_id} ({record.verb}) was applied twice")

    def arrived(self, harbour: Harbour, account: str, order: PlaceOrder, reply: Reply) -> None:
        self.read_journal()
        intent = self.intents.get(order.client_id)
        if intent is None:
            self.broken("1 intent first", f"{order.client_id} reached {harbour.name} with no durable intent")
            return
        same = (intent.qty, intent.price, intent.side) == (order.qty, order.price, order.side)
        if not same or intent.market != f"{account}:{order.symbol}":
            self.broken("1 intent first", f"{order.client_id} is not what the journal says")
        if not reply.ok:
            return
        self.accepted[order.client_id] = self.accepted.get(order.client_id, 0) + 1
        if self.accepted[order.client_id] > 1:
            self.broken("2 one order", f"{order.client_id} was accepted twice")
        self._slot_not_overfilled(harbour, account, intent)
        self._within_limit(harbour, account, order.symbol)

    def _slot_not_overfilled(self, harbour: Harbour, account: str, intent: r.Intent) -> None:
        """Everything the slot may come to have traded, by the venue's word, against what was wanted."""
        total = ZERO
        for client_id in self.by_slot[(intent.bot, intent.slot)]:
            if self.intents[client_id].side != intent.side:
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

    def _within_limit(self, harbour: Harbour, account: str, symbol: str) -> None:
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
            # The price itself moves between the decision and the door.
            if worst > most * Decimal("1.05"):
                self.broken("6 limit", f"{account} could reach {text(worst)}, over {text(most)}")

    # ── at rest ─────────────────────────────────────────────────────────────────────────────────

    def at_rest(self, live: Desk) -> None:
        """After the storm has healed and everything was stopped."""
        self.read_journal()
        self._replay_is_live(live)
        for name, harbour in self.harbours.items():
            account = next(a for a in live.accounts if a.startswith(name))
            self._fills_booked_once(harbour, account, live)
            self._orders_agree(harbour, account, live)
            self._positions_agree(harbour, account, live)
            for fault in harbour.exchange.faults():
                self.broken("4 money", f"{name}: {fault}")
            for ban in harbour.banned[:1]:
                self.broken("10 bans", ban)
        self._bots_balanced(live)

    def _replay_is_live(self, live: Desk) -> None:
        replayed = Desk()
        for entry in self.disk.entries():
            apply(replayed, entry.record, entry.ts_ns)
        if digest(replayed) != digest(live):
            self.broken("7 replay", "the journal, replayed, is not the live state")

    def _fills_booked_once(self, harbour: Harbour, account: str, live: Desk) -> None:
        booked: dict[str, int] = {}
        for entry in self.disk.entries():
            if isinstance(entry.record, r.Filled) and entry.record.account == account:
                booked[entry.record.fill.exec_id] = booked.get(entry.record.fill.exec_id, 0) + 1
        truth = harbour.exchange.fills(account, "", 1000)
        for fill in truth.items:
            times = booked.pop(fill.exec_id, 0)
            if times != 1:
                self.broken("3 fills once", f"fill {fill.exec_id} of {fill.client_id} booked {times} times")
        if booked:
            self.broken("3 fills once", f"booked fills the venue never made: {list(booked)[:3]}")

    def _orders_agree(self, harbour: Harbour, account: str, live: Desk) -> None:
        for order in live.accounts[account].orders.values():
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
            if made_by is not None and report.client_id not in live.accounts[account].orders:
                self.broken("8 stopped", f"{report.client_id} is open at the venue, unknown to the desk")

    def _positions_agree(self, harbour: Harbour, account: str, live: Desk) -> None:
        truth = {p.symbol: p.qty for p in harbour.exchange.positions(account)}
        for market, net in live.nets.items():
            name, _, symbol = market.partition(":")
            if name == account and truth.get(symbol, ZERO) != net:
                self.broken("4 positions", f"{market}: ledger {text(net)}, venue {truth.get(symbol, ZERO)}")

    def _bots_balanced(self, live: Desk) -> None:
        """The legs: a pair is even, a closed hedge is flat. Judged by the fills at the venues."""
        for name, bot in live.bots.items():
            sums: dict[str, Decimal] = {}
            for client_id, intent in self.intents.items():
                if intent.bot != name:
                    continue
                account = intent.market.partition(":")[0]
                harbour = self.harbours[account.partition("/")[0]]
                report = harbour.exchange.order(account, client_id)
                if report is not None:
                    done = sums.get(intent.slot, ZERO) + sign(intent.side) * report.cum_qty
                    sums[intent.slot] = done
            if bot.phase not in ("stopped", "killed", "parked"):
                self.broken("8 stopped", f"{name} is still {bot.phase}")
            net = sum(sums.values(), ZERO)
            if bot.kind == "pair" and bot.phase == "stopped" and abs(net) >= Decimal("0.001"):
                self.broken("9 hedge", f"{name}: legs differ by {text(net)}")
            if bot.kind == "hedge" and sums.get("close") and bot.phase == "stopped" and net != 0:
                if b'"closed"' in bytes(bot.state):
                    self.broken("9 hedge", f"{name}: closed, yet {text(net)} is open")
            if bot.phase == "parked":
                self.broken("0 bots", f"{name} was parked: {bot.why}")
