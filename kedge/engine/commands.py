"""What people ask for, applied once: each verb a function that returns (done?, sentence).

The command's record carries its result and goes into the same commit as what it did; the same id again
gets the same answer and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import msgspec
from msgspec import Raw

from kedge.engine import errands, lists, schedules, stashes, tasks
from kedge.engine.bot import Bot, Send
from kedge.engine.claims import claimed, gives_way, two_hold
from kedge.engine.decide import LEFT_FILE, tell
from kedge.engine.effects import Retry
from kedge.engine.engine import Engine, supervised
from kedge.engine.listing import refresh
from kedge.engine.orders import look_after
from kedge.engine.reports import want_report
from kedge.engine.residue import residue
from kedge.engine.senses import Care
from kedge.engine.state import BotRow
from kedge.engine.sweeping import cancel_orders
from kedge.engine.view import Seen, why_closed
from kedge.model import commands as c
from kedge.model import records as r
from kedge.model.events import Command
from kedge.model.instrument import account_of
from kedge.model.looks import Preview
from kedge.model.numbers import LIMIT, MONEY, ZERO
from kedge.model.order import Move, State
from kedge.model.sentences import mistake, not_listed

Result = tuple[bool, str]
ENDED = ("stopped", "parked", "killed")
NAME_MOST = 64
SHOWN_MOST = 2


def hear_command(e: Engine, command: Command) -> None:
    if command.command_id in e.desk.commands:
        e.count("commands repeated")
        return
    ok, says = _carry_out(e, command)
    try:
        msgspec.json.decode(command.args)
        args = Raw(bytes(command.args))
    except msgspec.DecodeError:
        args = Raw(b"{}")  # the journal could not be read again with them in it
    e.write(
        r.CommandTaken(
            command_id=command.command_id,
            actor=command.actor,
            via=command.via,
            verb=command.verb,
            args=args,
            ok=ok,
            says=says,
        )
    )
    e.count("commands" if ok else "commands refused")
    if not ok and command.via == "file":
        # Whoever wrote the file may not be watching the terminal.
        e.note("alarm", f"bots file: {_named(command)}{says}")


def _named(command: Command) -> str:
    try:
        return msgspec.json.decode(command.args, type=_Named).name + ": "
    except msgspec.DecodeError:
        return ""


class _Named(msgspec.Struct):
    name: str


def _carry_out(e: Engine, command: Command) -> Result:
    shape = c.VERBS.get(command.verb)
    if shape is None:
        return False, f"there is no command {command.verb!r}; there are: {', '.join(c.VERBS)}"
    try:
        args = msgspec.json.decode(command.args, type=shape)
    except msgspec.DecodeError as error:
        return False, mistake(error, shape, command.verb)
    return _DO[command.verb](e, args, command)


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


def _add(e: Engine, args: c.BotAdd, command: Command) -> Result:
    weighed = _weigh(e, args)
    if isinstance(weighed, str):
        return False, weighed
    kind, config, claim = weighed
    number = e.desk.bots_made + 1
    e.write(
        r.BotAdded(
            bot=args.name,
            number=number,
            kind=args.kind,
            config=Raw(msgspec.json.encode(config)),
            state=Raw(msgspec.json.encode(kind.State())),
            state_version=kind.state_version,
            origin=args.origin,
            claim=claim,
        )
    )
    said = e.embody(e.desk.bots[args.name])
    assert not said, said
    e.touch(args.name)
    waits = "; the kill switch is on, so it sends nothing until: kedge revive" if e.desk.killed else ""
    return True, f"{args.name} is running{waits}"


def _weigh(e: Engine, args: c.BotAdd) -> tuple[Bot[Any, Any], Any, str] | str:
    """The kind, the parameters and the claim of a bot that may be added; or why it may not."""
    if args.name in e.desk.bots:
        return f"there is a bot {args.name!r} already; choose another name, or remove it first"
    said = _bad_name(args.name)
    if said:
        return said
    kind = e.kinds.get(args.kind)
    if kind is None:
        known = ", ".join(sorted(e.kinds))
        return e.no_kind(args.kind) or f"there is no kind of bot {args.kind!r}; there are: {known}"
    try:
        config = msgspec.json.decode(args.config, type=kind.Config)
    except msgspec.DecodeError as error:
        return mistake(error, kind.Config, args.kind)
    said, claim = _judge(e, kind, config, args.name)
    return said or (kind, config, claim)


def _judge(e: Engine, kind: Bot[Any, Any], config: Any, bot: str, old: Any = None) -> tuple[str, str]:
    """What is wrong with a bot's parameters, and what it claims. The kind may be anybody's code: if it fails,
    that is said."""
    for name in config.__struct_fields__:
        number = getattr(config, name)
        if isinstance(number, Decimal) and (not number.is_finite() or abs(number) >= LIMIT):
            return f"`{name}` must be a number below {LIMIT:f}", ""
    found, failed = supervised(lambda: _kind_says(e, kind, config, old))
    if found is None:
        return f"the kind {kind.kind!r} failed to check them: {failed}", ""
    said, markets, claim = found
    return said or _unknown_accounts(e, markets) or claimed(e, bot, claim), claim


def _kind_says(e: Engine, kind: Bot[Any, Any], config: Any, old: Any) -> tuple[str, tuple[str, ...], str]:
    said = kind.check(config) or (kind.check_amend(old, config) if old is not None else "")
    said = said or (kind.suits(config, Seen(e)) if old is None else "")
    if said:
        return said, (), ""
    claim: object = kind.claim(config)
    assert isinstance(claim, str), "its claim is no text"
    markets = kind.markets(config)
    for feed in kind.feeds(config):
        assert feed.market in markets, f"it wants to hear {feed.market}, which it does not watch"
    return "", markets, claim[:200]


def _bad_name(name: str) -> str:
    good = name and len(name) <= NAME_MOST and all(ch.isalnum() or ch in "-_." for ch in name)
    return (
        ""
        if good
        else f"{name!r} is no name for a bot: use letters, digits, '-', '_' and '.', {NAME_MOST} at most"
    )


def _unknown_accounts(e: Engine, markets: tuple[str, ...]) -> str:
    for market in markets:
        account, colon, symbol = market.partition(":")
        if not colon or not symbol:
            return f"{market!r} is no market; write account:SYMBOL, like paper/main:BTC-PERP"
        if account not in e.links:
            return f"there is no account {account!r}; there are: {', '.join(e.links)}"
        link = e.links[account]
        lists = e.desk.accounts.get(account)
        if link.ready and lists is not None and symbol not in lists.instruments:
            return not_listed(account, symbol, lists.instruments)
    return ""


def _amend(e: Engine, args: c.BotAmend, command: Command) -> Result:
    row = e.desk.bots.get(args.name)
    if row is None:
        return False, _no_bot(e, args.name)
    kind = e.kinds.get(row.kind)
    if kind is None:
        return False, e.no_kind(row.kind) or f"the kind {row.kind!r} is not installed"
    try:
        named = msgspec.json.decode(args.config, type=dict[str, Any])
        merged = named if args.whole else {**msgspec.json.decode(row.config), **named}
        config = msgspec.json.decode(msgspec.json.encode(merged), type=kind.Config)
        old = msgspec.json.decode(row.config, type=kind.Config)
    except msgspec.DecodeError as error:
        return False, mistake(error, kind.Config, row.kind)
    said, claim = _judge(e, kind, config, args.name, old)
    said = said or _moved_slots(row, kind.markets(config))
    if said:
        return False, said
    if config == old:
        return True, f"{args.name} has these parameters already"
    e.write(r.BotAmended(bot=args.name, config=Raw(msgspec.json.encode(config)), claim=claim))
    e.calm(args.name)
    now = e.bots[args.name]
    now.config = config
    e.watch(args.name, kind.markets(config), kind.feeds(config))
    e.touch(args.name)
    return True, f"{args.name} is amended"


def _moved_slots(row: BotRow, markets: tuple[str, ...]) -> str:
    for slot in row.slots.values():
        used = slot.orders or slot.tally.bought or slot.tally.sold
        if used and slot.market not in markets and not slot.name.startswith("late "):
            return f"{row.name} has traded {slot.market}; start another bot for another market"
    return ""


def _pause(e: Engine, args: c.BotPause, command: Command) -> Result:
    return _phase(e, args.name, ("running",), "paused", "paused")


def _resume(e: Engine, args: c.BotResume, command: Command) -> Result:
    row = e.desk.bots.get(args.name)
    if row is not None and row.phase in ENDED:
        said = claimed(e, row.name, row.claim) or e.embody(row)
        if said:
            return False, said
    elif row is not None and (holder := gives_way(e, row)) is not None:
        return False, two_hold(row, holder)
    allowed = ("paused", "parked", "stopping", "stopped", "killed")
    return _phase(e, args.name, allowed, "running", "running again")


def _stop(e: Engine, args: c.BotStop, command: Command) -> Result:
    why = LEFT_FILE if command.via == "file" else ""
    says = "stopping; it ends when it is balanced"
    return _phase(e, args.name, ("running", "paused"), "stopping", says, why)


def _kill(e: Engine, args: c.BotKill, command: Command) -> Result:
    allowed = ("running", "paused", "stopping", "parked", "stopped")
    return _phase(e, args.name, allowed, "killed", "killed: its orders are being cancelled")


def _phase(
    e: Engine, name: str, allowed: tuple[str, ...], phase: r.Phase, says: str, why: str = ""
) -> Result:
    row = e.desk.bots.get(name)
    if row is None:
        return False, _no_bot(e, name)
    if row.phase == phase:
        return True, f"{name} is {phase} already"
    if row.phase not in allowed:
        return False, f"{name} is {row.phase}; only a bot that is {' or '.join(allowed)} can become {phase}"
    e.write(r.BotPhased(bot=name, phase=phase, why=why))
    e.calm(name)
    e.touch(name)
    return True, f"{name} is {says}"


def _rm(e: Engine, args: c.BotRm, command: Command) -> Result:
    row = e.desk.bots.get(args.name)
    if row is None:
        return False, _no_bot(e, args.name)
    if row.phase not in ENDED:
        return False, f"{args.name} is {row.phase}; stop it first"
    if any(slot.orders for slot in row.slots.values()):
        return False, f"{args.name} still has orders whose fate is open; wait until they are settled"
    left = residue(row)
    if left and not args.leave:
        return (
            False,
            f"{args.name} holds {left}; close it first, or remove with `leave` to give it to the account",
        )
    e.watch(args.name, ())
    e.write(r.BotRemoved(bot=args.name))
    e.bots.pop(args.name, None)
    e.dirty.pop(args.name, None)
    e.timers.drop(("bot", args.name))
    return True, f"{args.name} is removed" + (f"; {left} is the account's own now" if left else "")


def _tell(e: Engine, args: c.BotTell, command: Command) -> Result:
    row = e.desk.bots.get(args.name)
    if row is None:
        return False, _no_bot(e, args.name)
    kind = e.kinds.get(row.kind)
    words = kind.words if kind else {}
    if args.text not in words:
        known = ", ".join(words) or "none"
        return False, f"a {row.kind} does not know the word {args.text!r}; it knows: {known}"
    if row.phase in ("parked", "killed"):
        return False, f"{args.name} is {row.phase} and does not listen; resume it first"
    if row.still:
        return False, f"{args.name} is kept still ({row.why}) and does not listen; resume it first"
    if row.phase == "stopped":
        held = claimed(e, row.name, row.claim)
        if held and not residue(row):
            return False, held
        # Beside another holder it may close what it holds, and nothing else.
        phase: r.Phase = "stopping" if held else "running"
        e.write(r.BotPhased(bot=args.name, phase=phase, why=f"woken by {command.actor}"))
    said = tell(e, args.name, command.actor, Send(args.name, args.text, Raw(bytes(args.args))))
    return (False, said) if said else (True, f"told {args.name}: {args.text}")


def _no_bot(e: Engine, name: str) -> str:
    names = ", ".join(list(e.desk.bots)[:20])
    return f"there is no bot {name!r}" + (f"; there are: {names}" if names else "")


# ── tasks ───────────────────────────────────────────────────────────────────────────────────────


def preview(e: Engine, verb: str, args: bytes) -> Preview:
    """What a command that starts a task would do now, or why it would be refused. Nothing is done."""
    if verb not in tasks.PLANS:
        return Preview(False, f"{verb} cannot be shown before it is given")
    try:
        given = msgspec.json.decode(args, type=c.VERBS[verb])
    except msgspec.DecodeError as error:
        return Preview(False, mistake(error, c.VERBS[verb], verb))
    with localcontext(MONEY):  # as in a step, which this is none
        plan = tasks.planned(e, verb, given)
        weighed = plan if isinstance(plan, str) else _weigh(e, plan.add)
    if isinstance(plan, str) or isinstance(weighed, str):
        return Preview(False, str(weighed))
    kind, config, _ = weighed
    markets = kind.markets(config)
    accounts = dict.fromkeys(account_of(market) for market in markets)
    waits = [f"; {market} {why}" for market in markets[:SHOWN_MOST] if (why := _closed(e, market))]
    waits += [f"; {name} is not ready: {e.links[name].why}" for name in accounts if not e.links[name].ready]
    waits += ["; the kill switch is on, so nothing is sent before it is released"] if e.desk.killed else []
    return Preview(True, "".join([plan.says, *waits]), plan.add.kind, msgspec.json.decode(plan.add.config))


def _closed(e: Engine, market: str) -> str:
    instrument = e.desk.instrument(market)
    return why_closed(instrument, e.now_ns) if instrument is not None else ""


def _task(e: Engine, args: Any, command: Command) -> Result:
    plan = tasks.planned(e, command.verb, args)
    if isinstance(plan, str):
        return False, plan
    ok, says = _add(e, plan.add, command)
    return ok, f"{says}: {plan.says}" if ok else says


def _task_amend(e: Engine, args: c.TaskAmend, command: Command) -> Result:
    change = tasks.amended(e, args)
    return (False, change) if isinstance(change, str) else _amend(e, change, command)


def _task_stop(e: Engine, args: c.TaskStop, command: Command) -> Result:
    meant = [row for row in e.desk.bots.values() if args.kind in ("", row.kind)]
    going = [row.name for row in meant if row.phase in ("running", "paused")]
    for name in going:
        _phase(e, name, ("running", "paused"), "stopping", "stopping")
    parked = [row.name for row in meant if row.phase == "parked"]
    waits = f"; parked, to be resumed first: {', '.join(parked)}" if parked else ""
    of = f" of kind {args.kind}" if args.kind else ""
    if not going:
        return True, f"no task{of} is at work{waits}"
    return True, f"stopping {', '.join(going)}; each ends when it is balanced{waits}"


# ── desk, orders, accounts ──────────────────────────────────────────────────────────────────────


def _desk_kill(e: Engine, args: c.DeskKill, command: Command) -> Result:
    if not e.desk.killed:
        e.write(r.KillSwitch(on=True, actor=command.actor, why=args.why or f"by {command.actor}"))
        for name in e.desk.bots:
            e.touch(name)
    return True, "the kill switch is on: everything is being cancelled, nothing new is sent"


def _desk_revive(e: Engine, args: c.DeskRevive, command: Command) -> Result:
    if e.desk.killed:
        e.write(r.KillSwitch(on=False, actor=command.actor, why=args.why))
        for name in e.desk.bots:
            e.touch(name)
        schedules.arm(e)  # those that the switch held back
    return True, "the kill switch is off"


def _resolve(e: Engine, args: c.OrderResolve, command: Command) -> Result:
    order = e.desk.order(args.client_id)
    if order is None:
        return False, f"there is no order {args.client_id!r} in memory"
    if order.state is not State.UNKNOWN:
        return False, f"order {args.client_id} is {order.state}; only an UNKNOWN order needs a person's word"
    if args.fate == "absent" and order.told > 0:
        return False, f"order {args.client_id} has traded {order.told}; it cannot be absent"
    learnt = Move.ABSENT if args.fate == "absent" else Move.CANCEL
    reason = f"by the word of {command.actor}" + (f": {args.why}" if args.why else "")
    e.write(r.OrderMoved(client_id=order.client_id, move=learnt, cum_qty=ZERO, reason=reason))
    e.note("warn", f"order {args.client_id} is {order.state} {reason}", order.bot)
    e.cares.setdefault(order.client_id, Care())
    look_after(e, order)
    e.touch(order.bot)
    return True, f"order {args.client_id} is {order.state}, {reason}"


def _audit(e: Engine, args: c.AccountAudit, command: Command) -> Result:
    link = e.links.get(args.account)
    if link is None:
        return False, f"there is no account {args.account!r}; there are: {', '.join(e.links)}"
    if not link.up:
        return False, f"{args.account} is not connected: {link.why}"
    link.audit_asked = True
    want_report(e, args.account, 0)
    return True, f"asking {args.account}; kedge notes tells what came of it"


def _reconnect(e: Engine, args: c.AccountReconnect, command: Command) -> Result:
    link = e.links.get(args.account)
    if link is None:
        return False, f"there is no account {args.account!r}; there are: {', '.join(e.links)}"
    if link.up and not link.odd:
        return True, f"{args.account} is connected already"
    link.stopped = False
    e.act(Retry(args.account))
    return True, f"trying {args.account} now"


def _schedule_run(e: Engine, args: c.ScheduleRun, command: Command) -> Result:
    return schedules.run_now(e, args, command, hear_command)


def _schedule_pause(e: Engine, args: c.SchedulePause, command: Command) -> Result:
    return schedules.turn(e, args.name, False, command)


def _schedule_resume(e: Engine, args: c.ScheduleResume, command: Command) -> Result:
    return schedules.turn(e, args.name, True, command)


_DO: dict[str, Callable[[Engine, Any, Command], Result]] = {
    "bot.add": _add,
    "bot.amend": _amend,
    "bot.pause": _pause,
    "bot.resume": _resume,
    "bot.stop": _stop,
    "bot.kill": _kill,
    "bot.rm": _rm,
    "bot.tell": _tell,
    "desk.kill": _desk_kill,
    "desk.revive": _desk_revive,
    "desk.cancel": cancel_orders,
    "stash.save": stashes.save,
    "stash.restore": stashes.restore,
    "stash.drop": stashes.drop,
    **dict.fromkeys(tasks.PLANS, _task),
    "task.amend": _task_amend,
    "task.stop": _task_stop,
    "list.set": lists.set_list,
    "list.add": lists.add,
    "list.drop": lists.drop,
    "desk.backup": errands.backup,
    "desk.reload": errands.reload,
    "order.resolve": _resolve,
    "account.audit": _audit,
    "account.refresh": refresh,
    "account.reconnect": _reconnect,
    "schedule.set": schedules.set_schedule,
    "schedule.rm": schedules.remove,
    "schedule.run": _schedule_run,
    "schedule.pause": _schedule_pause,
    "schedule.resume": _schedule_resume,
}
assert list(_DO) == list(c.VERBS)
