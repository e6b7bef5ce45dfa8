"""Planted faults: what a careless engine, journal or shell would do. Each must be caught.

A mutant replaces one named function while one world runs, and puts it back. Nothing of this is reachable
outside a storm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

import kedge.engine.commands as commands
import kedge.engine.decide as decide
import kedge.engine.orders as orders
import kedge.engine.plan as plan
import kedge.engine.reconcile as reconcile
import kedge.engine.reports as reports
import kedge.engine.step as step
from kedge.engine.engine import Engine, Out
from kedge.model import records as r
from kedge.model.events import Answered
from kedge.model.numbers import ZERO
from kedge.model.order import Move, State, move
from kedge.model.venue import Answer
from kedge.runtime.cell import Cell
from kedge.runtime.shell import Shell
from kedge.sim.disk import SimJournal
from kedge.storm.harbour import Harbour

Patch = tuple[Any, str, Any]


class Mutant(Struct, frozen=True):
    name: str
    says: str
    patches: Callable[[], Sequence[Patch]]


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[None]:
    """Run the body with this fault in place."""
    if mutant is None:
        yield
        return
    kept: list[Patch] = []
    try:
        for owner, name, new in mutant.patches():
            kept.append((owner, name, getattr(owner, name)))
            setattr(owner, name, new)
        yield
    finally:
        for owner, name, old in reversed(kept):
            setattr(owner, name, old)


# ── write, then act ─────────────────────────────────────────────────────────────────────────────


def _act_before_write() -> Sequence[Patch]:
    def release(self: Cell) -> None:
        while self._waiting:
            _, effect = self._waiting.popleft()
            self._carry_out(effect)

    return [(Cell, "_release", release)]


def _skip_intent() -> Sequence[Patch]:
    old = Cell._deliver

    def deliver(self: Cell, outs: list[tuple[int, Out]]) -> None:
        for _, out in outs:
            out.records[:] = [x for x in out.records if not (isinstance(x, r.Intent) and x.role == "balance")]
        old(self, outs)

    return [(Cell, "_deliver", deliver)]


def _ack_before_sync() -> Sequence[Patch]:
    """The journal says "durable" at once, and writes later."""
    old = SimJournal.append

    def append(self: SimJournal, entries: Sequence[r.Entry]) -> Any:
        old(self, entries).add_done_callback(lambda done: done.exception())
        future = self._loop.create_future()
        future.set_result(None)
        return future

    return [(SimJournal, "append", append)]


def _no_lease() -> Sequence[Patch]:
    """A fenced life goes on writing into the void, and sending."""

    def synced(self: Cell, done: Any, old: Any = Cell._synced) -> None:
        if not done.cancelled() and done.exception() is not None and not self.stopped:
            seq, _ = self._unsynced.popleft()
            self.durable_seq = max(self.durable_seq, seq)
            self._release()
            return
        old(self, done)

    return [(Cell, "_synced", synced), (SimJournal, "holds", lambda self: True)]


def _send_late() -> Sequence[Patch]:
    """A thawed process sends what it had journalled long ago, and the request names no last moment."""
    old = plan.place_order

    def place_order(intent: r.Intent) -> Any:
        import msgspec

        return msgspec.structs.replace(old(intent), valid_until_ns=0)

    def may_send(self: Shell, effect: Any) -> str:
        return ""

    return [(plan, "place_order", place_order), (Shell, "_may_send", may_send)]


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────


def _timeout_is_rejection() -> Sequence[Patch]:
    old = orders.hear_answer

    def hear(e: Engine, account: Any, heard: Answered) -> None:
        import msgspec

        if heard.request == "place" and heard.answer is Answer.UNKNOWN:
            heard = msgspec.structs.replace(heard, answer=Answer.REJECTED)
        old(e, account, heard)

    return [(step, "hear_answer", hear)]


def _absent_too_soon() -> Sequence[Patch]:
    """Not found means it never happened, whenever the question was asked."""

    def not_found(e: Engine, account: Any, order: Any, asked_ns: int) -> None:
        if order.live and not order.venue_id and order.told == 0:
            e.write(r.OrderMoved(client_id=order.client_id, move=Move.ABSENT, cum_qty=ZERO))
        orders.look_after(e, order)

    return [(orders, "_not_found", not_found)]


def _pending_forgotten() -> Sequence[Patch]:
    """At start, orders that were never answered are taken for never sent."""
    import kedge.engine.apply as apply_module

    def life_began(desk: Any, record: r.LifeBegan, ts_ns: int) -> None:
        desk.life = record.life
        for account in desk.accounts.values():
            for order in account.orders.values():
                if order.state is State.PENDING:
                    before = order.owed
                    order.state = State.LOST
                    apply_module._after_order(desk, order, before, ts_ns)

    table = dict(apply_module._APPLY)
    table[r.LifeBegan] = life_began
    return [(apply_module, "_APPLY", table)]


def _cancel_is_final() -> Sequence[Patch]:
    """A cancelled order has filled what we heard of, and nothing more: the rest is placed again at once."""
    old = orders.learn

    def learn(e: Engine, order: Any, report: Any) -> None:
        import msgspec

        if report.state is State.CANCELLED:
            report = msgspec.structs.replace(report, cum_qty=order.filled)
        old(e, order, report)

    return [(orders, "learn", learn)]


def _cancel_at_once() -> Sequence[Patch]:
    """The order counts as gone when the cancel is sent."""
    old = plan.cancel

    def cancel(e: Engine, order: Any, why: str) -> None:
        old(e, order, why)
        e.write(r.OrderMoved(client_id=order.client_id, move=Move.CANCEL, cum_qty=order.filled))

    return [(plan, "cancel", cancel)]


# ── fills ───────────────────────────────────────────────────────────────────────────────────────


def _forget_late_fill() -> Sequence[Patch]:
    old = orders.hear_fill

    def hear(e: Engine, account: Any, fill: Any) -> None:
        order = account.orders.get(fill.client_id)
        if order is not None and not order.live:
            return
        old(e, account, fill)

    return [(step, "hear_fill", hear), (reconcile, "hear_fill", hear)]


def _fills_from_stream_only() -> Sequence[Patch]:
    return [(reconcile, "hear_fill", lambda e, account, fill: None)]


def _book_twice() -> Sequence[Patch]:
    """Executions are told apart by time and size instead of by the venue's id."""
    old = orders.hear_fill
    count = [0]

    def hear(e: Engine, account: Any, fill: Any) -> None:
        import msgspec

        count[0] += 1
        if fill.exec_id in account.seen:
            fill = msgspec.structs.replace(fill, exec_id=f"{fill.exec_id}+{count[0]}")
        old(e, account, fill)

    return [(step, "hear_fill", hear)]


def _hedge_on_completion() -> Sequence[Patch]:
    """The near leg is evened out only when the far order is complete."""
    from kedge.bots.pair import Pair

    old = Pair.decide

    def decide_late(self: Any, v: Any) -> Any:
        import msgspec

        decision = old(self, v)
        if v.slot("far").traded(v.config.side) < v.config.qty:
            kept = tuple(w for w in decision.wants if w.slot != "near")
            return msgspec.structs.replace(decision, wants=kept)
        return decision

    return [(Pair, "decide", decide_late)]


# ── reconcile, life, people ─────────────────────────────────────────────────────────────────────


def _reconcile_at_start_only() -> Sequence[Patch]:
    old = reconcile.link_up

    def link_up(e: Engine, heard: Any) -> None:
        old(e, heard)
        if e.links[heard.account].reported_ns:
            link = e.links[heard.account]
            link.ready, link.asking = True, False
            e.out.effects[:] = [x for x in e.out.effects if type(x).__name__ != "AskReport"]

    def quiet(e: Engine, account: str, in_ns: int) -> None:
        return None

    table = dict(step._HEAR)
    import kedge.model.events as ev

    table[ev.LinkUp] = link_up
    return [(step, "_HEAR", table), (orders, "want_report", quiet), (reports, "want_report", quiet)]


def _new_id_on_retry() -> Sequence[Patch]:
    """An unanswered order is placed again under a new id while the first is still open to doubt."""
    old = plan._look_at

    def look_at(e: Engine, slot: Any) -> Any:
        blocked, order = old(e, slot)
        return ("", None) if "UNKNOWN" in blocked else (blocked, order)

    return [(plan, "_look_at", look_at)]


def _place_while_fills_owed() -> Sequence[Patch]:
    """What the venue says has filled, but is not booked yet, is not counted."""
    old = plan._look_at

    def look_at(e: Engine, slot: Any) -> Any:
        blocked, order = old(e, slot)
        return ("", None) if "still to be booked" in blocked else (blocked, order)

    return [(plan, "_look_at", look_at)]


def _life_not_raised() -> Sequence[Patch]:
    """Ids begin anew at each start."""
    old = Engine.mint

    def mint(self: Engine, bot_number: int) -> str:
        life, self.desk.life = self.desk.life, 1
        try:
            return old(self, bot_number)
        finally:
            self.desk.life = life

    return [(Engine, "mint", mint)]


def _limit_ignores_open() -> Sequence[Patch]:
    import kedge.engine.limits as limits

    def worst(e: Engine, market: str, side: Any, more: Any = ZERO) -> Any:
        return e.desk.net(market) + (more if side == "buy" else -more)

    return [(limits, "worst_case", worst), (limits, "_exposure", lambda e, row, p, i: "")]


def _stop_means_drop() -> Sequence[Patch]:
    """Stop ends the bot at once, with its legs as they are."""

    def waits(e: Engine, row: Any, now: Any) -> str:
        return ""

    def in_force(e: Engine, row: Any, want: Any) -> bool:
        return bool(row.phase == "running")

    return [(decide, "_waits_for", waits), (decide, "_in_force", in_force)]


def _command_twice() -> Sequence[Patch]:
    """A repeated command is applied again."""
    old = commands._carry_out

    def hear(e: Engine, command: Any) -> None:
        e.desk.commands.pop(command.command_id, None)
        ok, says = old(e, command)
        e.write(r.CommandTaken(command.command_id, "", "", command.verb, command.args, ok, says))

    import kedge.model.events as ev

    table = dict(step._HEAR)
    table[ev.Command] = hear
    return [(step, "_HEAR", table)]


def _memory_beside_the_journal() -> Sequence[Patch]:
    """A bot's memory changes without a record: it is gone after a crash."""

    def remember(e: Engine, row: Any, now: Any, decision: Any) -> None:
        now.state = decision.state
        row.state = __import__("msgspec").Raw(__import__("msgspec").json.encode(decision.state))

    return [(decide, "_remember", remember)]


# ── what only a second look finds ───────────────────────────────────────────────────────────────


def _lease_not_asked() -> Sequence[Patch]:
    """Whoever has something to send sends it; the lease is looked at when writing only."""
    return [(SimJournal, "holds", lambda self: True), (Shell, "_may_send", lambda self, effect: "")]


def _amend_unwritten() -> Sequence[Patch]:
    """A change of price is no new order, so it is not journalled."""
    old = Cell._deliver

    def deliver(self: Cell, outs: list[tuple[int, Out]]) -> None:
        for _, out in outs:
            out.records[:] = [x for x in out.records if not isinstance(x, r.AmendIntent)]
        old(self, outs)

    return [(Cell, "_deliver", deliver)]


def _fill_of_nobody() -> Sequence[Patch]:
    """Fills are booked to the account and not to the bot that meant them."""
    return [(orders, "owner_of", lambda desk, account, client_id, symbol: ("", ""))]


def _fee_forgotten() -> Sequence[Patch]:
    old = orders.hear_fill

    def hear(e: Engine, account: Any, fill: Any) -> None:
        import msgspec

        old(e, account, msgspec.structs.replace(fill, fee=ZERO))

    return [(step, "hear_fill", hear), (reconcile, "hear_fill", hear)]


def _seen_revives() -> Sequence[Patch]:
    """Old news of a finished order brings it back to life: reports are not told apart by their number."""
    import msgspec

    import kedge.engine.apply as apply_module

    old = orders.learn

    def learn(e: Engine, order: Any, report: Any) -> None:
        old(e, order, msgspec.structs.replace(report, version=order.version + 1))

    def revived(state: State, learnt: Move) -> State | None:
        if learnt is Move.SEEN and state in (State.CANCELLED, State.EXPIRED, State.FILLED):
            return State.OPEN
        return move(state, learnt)

    return [(apply_module, "move", revived), (orders, "move", revived), (orders, "learn", learn)]


def _asks_for_ever() -> Sequence[Patch]:
    """A question that was not answered is asked again at once."""
    return [(orders, "_wait_ns", lambda e, order: 20_000_000)]


def _cares_kept() -> Sequence[Patch]:
    """Orders that are settled are never forgotten."""
    old = orders.look_after

    def look_after(e: Engine, order: Any) -> None:
        kept = dict(e.cares)
        old(e, order)
        for client_id, care in kept.items():
            e.cares.setdefault(client_id, care)

    places = (orders, step, plan, commands)
    return [(place, "look_after", look_after) for place in places]


def _kill_switch_ignored() -> Sequence[Patch]:
    """The kill switch is journalled and answered, and nobody looks at it."""
    import kedge.engine.apply as apply_module

    table = dict(apply_module._APPLY)
    table[r.KillSwitch] = lambda desk, record, ts_ns: None
    return [(apply_module, "_APPLY", table)]


def _burnt_unburnt() -> Sequence[Patch]:
    """Where nothing is bounded, the end of patience is taken for the end of doubt."""
    old = orders._not_found

    def not_found(e: Engine, account: Any, order: Any, asked_ns: int) -> None:
        old(e, account, order, asked_ns)
        care = e.cares.get(order.client_id)
        if care is not None and care.burns:
            orders._burnt(e, order)

    return [(orders, "_not_found", not_found)]


def _burns_another_key() -> Sequence[Patch]:
    """What is to use the key up is placed under a key of its own."""
    return [(Harbour, "burning", lambda self, ask: ask.client_id[:-1] + "z")]


def _pause_ignored() -> Sequence[Patch]:
    """Only running or not is looked at, and a paused bot still runs."""

    def in_force(e: Engine, row: Any, want: Any) -> bool:
        return bool(want.role == "balance" or (not e.desk.killed and e.fresh(e.market(want.market))))

    return [(decide, "_in_force", in_force)]


MUTANTS: tuple[Mutant, ...] = (
    Mutant("act-before-write", "effects leave before their records are durable", _act_before_write),
    Mutant("skip-intent", "balancing orders are sent without an intent", _skip_intent),
    Mutant("ack-before-sync", "the journal acknowledges before it has synced", _ack_before_sync),
    Mutant("no-lease", "a fenced life goes on sending", _no_lease),
    Mutant("send-late", "requests have no last moment", _send_late),
    Mutant("timeout-is-rejection", "no answer is taken for a refusal", _timeout_is_rejection),
    Mutant("absent-too-soon", "not found is believed at once", _absent_too_soon),
    Mutant("pending-forgotten", "unanswered orders are forgotten at start", _pending_forgotten),
    Mutant("cancel-is-final", "fills told with a cancel are ignored", _cancel_is_final),
    Mutant("cancel-at-once", "a cancel counts when it is sent", _cancel_at_once),
    Mutant("forget-late-fill", "fills after the end of an order are dropped", _forget_late_fill),
    Mutant("fills-from-stream-only", "fills are never asked for", _fills_from_stream_only),
    Mutant("book-twice", "an execution told twice is booked twice", _book_twice),
    Mutant("hedge-on-completion", "partial fills are not hedged", _hedge_on_completion),
    Mutant("reconcile-at-start-only", "a reconnect asks nothing", _reconcile_at_start_only),
    Mutant("new-id-on-retry", "an UNKNOWN order is placed again under a new id", _new_id_on_retry),
    Mutant("place-while-fills-owed", "fills told but not booked are not counted", _place_while_fills_owed),
    Mutant("life-not-raised", "ids are minted twice after a restart", _life_not_raised),
    Mutant("limit-ignores-open", "limits count positions only", _limit_ignores_open),
    Mutant("stop-means-drop", "stop leaves legs open", _stop_means_drop),
    Mutant("command-twice", "a repeated command acts again", _command_twice),
    Mutant("memory-beside-journal", "a bot's memory is not journalled", _memory_beside_the_journal),
    Mutant("lease-not-asked", "what was written is sent, whoever holds the lease", _lease_not_asked),
    Mutant("amend-unwritten", "amends are sent without a record", _amend_unwritten),
    Mutant("fill-of-nobody", "fills are booked to the account only", _fill_of_nobody),
    Mutant("fee-forgotten", "fills are booked without their fees", _fee_forgotten),
    Mutant("seen-revives", "old news brings a finished order back", _seen_revives),
    Mutant("asks-for-ever", "lookups are repeated without a pause", _asks_for_ever),
    Mutant("cares-kept", "what is settled is never forgotten", _cares_kept),
    Mutant("kill-switch-ignored", "new risk is taken with the switch on", _kill_switch_ignored),
    Mutant("burnt-without-burning", "an order is given up while its key still works", _burnt_unburnt),
    Mutant("burns-another-key", "what uses a key up is placed under another key", _burns_another_key),
    Mutant("pause-ignored", "a paused bot goes on", _pause_ignored),
)
