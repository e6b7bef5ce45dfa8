"""The journal as read by somebody who does not trust the engine: a fold of his own, small and strict.

`engine/apply.py` is forgiving (late news changes nothing). This one is not: a record that no careful desk
would have written is a violation, and so are two records that contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from kedge.model import records as r
from kedge.model.numbers import ZERO, text
from kedge.model.order import MOVES, Move, State
from kedge.sim.tape import Marks

ROW = "row "  # marks of this kind are rows of the order table

# These venues keep their word: what they refused, and what missed its last moment, never comes to life.
GONE = (State.REJECTED, State.LOST)

Broken = Callable[[str, str], None]


class Seen(Struct):
    """One order, by the journal's records alone."""

    intent: r.Intent
    qty: Decimal
    life: int
    state: State = State.PENDING
    filled: Decimal = ZERO
    amends: list[tuple[Decimal, Decimal]] = []
    cancels: int = 0


class Fold:
    def __init__(self, broken: Broken, marks: Marks) -> None:
        self._broken = broken
        self._carried_out: dict[str, None] = {}
        self._marks = marks
        self.life = 0
        self.killed = self.switched = False  # the kill switch, now and ever
        self.orders: dict[str, Seen] = {}
        self.by_slot: dict[tuple[str, str], list[str]] = {}
        self.phases: dict[str, str] = {}
        self.still: dict[str, bool] = {}
        self.claims: dict[str, str] = {}
        self.commands: dict[str, str] = {}
        self.schedules: dict[str, int] = {}  # the last due time that was dealt with
        self.errands: dict[str, bool] = {}  # whether it has ended
        self.sweeps: dict[str, str] = {}  # accounts whose orders are all to go, and who asked for it
        self.now_ns = 0  # when the record that is read was written
        self.fills: dict[tuple[str, str], list[r.Filled]] = {}
        self.cash: dict[tuple[str, str], int] = {}
        self._reads: dict[type, Callable[..., None]] = {
            r.LifeBegan: self._life_began,
            r.KillSwitch: self._kill_switch,
            r.CommandTaken: self._command_taken,
            r.BotAdded: self._bot_added,
            r.BotPhased: self._bot_phased,
            r.ScheduleSet: self._schedule_set,
            r.ScheduleRemoved: self._schedule_removed,
            r.ScheduleRan: self._schedule_ran,
            r.ErrandBegan: self._errand_began,
            r.ErrandEnded: self._errand_ended,
            r.CancelAllAsked: self._sweep_asked,
            r.CancelAllEnded: self._sweep_ended,
            r.Intent: self._intent,
            r.AmendIntent: self._amend_intent,
            r.CancelIntent: self._cancel_intent,
            r.OrderMoved: self._order_moved,
            r.Filled: self._filled,
            r.CashMoved: self._cash_moved,
            r.Synthetic: self._synthetic,
        }

    def read(self, record: r.Record, now_ns: int = 0) -> None:
        self.now_ns = now_ns
        read = self._reads.get(type(record))
        if read is not None:
            read(record)

    # ── the desk ────────────────────────────────────────────────────────────────────────────────

    def _life_began(self, record: r.LifeBegan) -> None:
        if record.life <= self.life:
            self._broken("2 one life", f"life {record.life} began after life {self.life}")
        self.life = record.life
        for order in self.orders.values():
            if order.state is State.PENDING:
                order.state = State.UNKNOWN

    def _kill_switch(self, record: r.KillSwitch) -> None:
        self.killed = record.on
        self.switched = True

    def _command_taken(self, record: r.CommandTaken) -> None:
        if record.command_id in self.commands:
            self._broken("2 one command", f"{record.command_id} ({record.verb}) was applied twice")
        self.commands[record.command_id] = record.verb

    def _bot_added(self, record: r.BotAdded) -> None:
        if record.bot in self.phases:
            self._broken("2 one command", f"the bot {record.bot} was added twice")
        holders = [bot for bot, claim in self.claims.items() if record.claim and claim == record.claim]
        living = [bot for bot in holders if self.phases.get(bot) != "stopped"]
        if living:
            self._broken("2 one claim", f"{record.bot} claims {record.claim}, which {living[0]} holds")
        self.phases[record.bot] = "running"
        self.claims[record.bot] = record.claim

    def _bot_phased(self, record: r.BotPhased) -> None:
        self.phases[record.bot], self.still[record.bot] = record.phase, record.still
        claim = self.claims.get(record.bot, "")
        if claim and record.phase == "running":
            # A late fill may wake a bot that ended; new risk is then the other's alone.
            for bot, other in self.claims.items():
                if bot != record.bot and other == claim and self.phases.get(bot) == "running":
                    self._broken("2 one claim", f"{record.bot} runs again beside {bot}: {claim}")

    # ── schedules and errands ───────────────────────────────────────────────────────────────────

    def _schedule_set(self, record: r.ScheduleSet) -> None:
        self.schedules.setdefault(record.name, 0)

    def _schedule_removed(self, record: r.ScheduleRemoved) -> None:
        self.schedules.pop(record.name, None)

    def _schedule_ran(self, record: r.ScheduleRan) -> None:
        if record.command_id and record.command_id not in self.commands:
            self._broken("2 one command", f"{record.name} ran {record.command_id}, which nobody gave")
        if ":by:" in record.command_id:
            return  # a person's doing, beside its own times
        if record.due_ns <= self.schedules.get(record.name, 0):
            self._broken("2 one command", f"{record.name} was run twice for {record.due_ns}, or backwards")
        if record.next_ns and record.next_ns <= record.due_ns:
            self._broken("12 bounded", f"{record.name} is due again at {record.next_ns}, before it was")
        elif record.next_ns and record.next_ns <= self.now_ns:
            self._broken("12 bounded", f"{record.name} runs again at once: what was missed comes in a burst")
        self.schedules[record.name] = record.due_ns

    def _errand_began(self, record: r.ErrandBegan) -> None:
        if record.command_id in self.errands:
            self._broken("2 one command", f"the errand {record.command_id} was begun twice")
        self.errands[record.command_id] = False

    def _errand_ended(self, record: r.ErrandEnded) -> None:
        if self.errands.get(record.command_id, True):
            self._broken("2 one command", f"the errand {record.command_id} ended twice, or never began")
        self.errands[record.command_id] = True

    def _sweep_asked(self, record: r.CancelAllAsked) -> None:
        self.sweeps[record.account] = record.actor

    def _sweep_ended(self, record: r.CancelAllEnded) -> None:
        if self.sweeps.pop(record.account, None) is None:
            self._broken(
                "2 one command", f"cancelling all orders of {record.account} ended, and nobody asked"
            )

    def carried_out(self, command_id: str) -> None:
        """The shell does an errand's deed: once in all lives, and only what the journal has begun."""
        if command_id not in self.errands:
            self._broken("1 intent first", f"the errand {command_id} is carried out, and was never begun")
        if command_id in self._carried_out:
            self._broken("2 one command", f"the errand {command_id} is carried out twice")
        self._carried_out[command_id] = None

    def at_rest(self) -> None:
        """What was begun has come to its end."""
        for command_id, ended in self.errands.items():
            if not ended:
                self._broken("8 stopped", f"nothing came of the errand {command_id}")
        for account, actor in self.sweeps.items():
            says = f"{actor} asked to cancel all orders of {account}; nobody has said that they are gone"
            self._broken("8 stopped", says)

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def _intent(self, record: r.Intent) -> None:
        if record.client_id in self.orders:
            self._broken("2 one intent", f"{record.client_id} was minted twice")
        if self.still.get(record.bot):
            self._broken("8 stopped", f"{record.client_id} is meant for {record.bot}, which is to be still")
        if record.role == "risk":
            phase = self.phases.get(record.bot)
            if self.killed:
                self._broken("6 kill switch", f"{record.client_id} was meant while the kill switch was on")
            elif phase != "running":
                self._broken("8 stopped", f"{record.client_id} takes new risk for {record.bot}, {phase}")
        self.orders[record.client_id] = Seen(record, record.qty, self.life)
        self.by_slot.setdefault((record.bot, record.slot), []).append(record.client_id)

    def _amend_intent(self, record: r.AmendIntent) -> None:
        order = self._known(record.client_id)
        if order is not None:
            order.amends.append((record.price, record.qty))

    def _cancel_intent(self, record: r.CancelIntent) -> None:
        order = self._known(record.client_id)
        if order is not None:
            order.cancels += 1

    def _order_moved(self, record: r.OrderMoved) -> None:
        order = self._known(record.client_id)
        if order is not None:
            self._move(order, record.move)
            order.qty = record.qty if record.qty is not None else order.qty

    def _known(self, client_id: str) -> Seen | None:
        order = self.orders.get(client_id)
        if order is None:
            self._broken("1 intent first", f"the journal tells of {client_id}, which it never meant")
        return order

    def _move(self, order: Seen, learnt: Move) -> None:
        after = MOVES.get((order.state, learnt))
        if after is None:
            says = f"{order.intent.client_id}: {order.state} cannot learn {learnt}"
            self._broken("5 table", says)
            return
        self._marks.sometimes(f"{ROW}{order.state}+{learnt}")
        if after is not order.state and order.state in GONE:
            says = f"{order.intent.client_id} was {order.state} for certain, and is {after} after all"
            self._broken("5 life", says)
        order.state = after

    # ── money ───────────────────────────────────────────────────────────────────────────────────

    def _filled(self, record: r.Filled) -> None:
        fill = record.fill
        booked = self.fills.setdefault((record.account, fill.exec_id), [])
        booked.append(record)
        if len(booked) > 1:
            self._broken("3 fills once", f"fill {fill.exec_id} of {fill.client_id} was booked again")
        order = self.orders.get(fill.client_id)
        if order is None:
            self._broken("3 fills once", f"fill {fill.exec_id} is of no order of ours: {fill.client_id}")
            return
        if (record.bot, record.slot) != (order.intent.bot, order.intent.slot):
            owner = f"{order.intent.bot}/{order.intent.slot}"
            says = f"fill {fill.exec_id} of {owner} was booked to {record.bot}/{record.slot}"
            self._broken("3 fills once", says)
        order.filled += fill.qty
        self._move(order, Move.FILL_ALL if order.filled >= order.qty else Move.FILL)

    def _cash_moved(self, record: r.CashMoved) -> None:
        key = record.account, record.cash.cash_id
        self.cash[key] = self.cash.get(key, 0) + 1
        if self.cash[key] > 1:
            self._broken("4 money", f"{record.cash.kind} {record.cash.cash_id} was booked again")

    def _synthetic(self, record: r.Synthetic) -> None:
        says = f"{text(record.qty)} {record.market} was laid to others, and nobody else trades there"
        self._broken("4 positions", says)
