"""What must hold, judged from outside: the exchanges' truth against the journal as it lies on the disk.

at a wreck   after each death, before the next start: no order without an intent on the disk
at rest      after everything was stopped: orders, fills, positions, money, commands, legs
"""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kedge.engine.apply import apply
from kedge.engine.state import Desk
from kedge.journal.journal import Corrupt, JournalError
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model import records as r
from kedge.model.order import TERMINAL, sign
from kedge.model.records import Entry

if TYPE_CHECKING:
    from tests.crash.rig import Exchange, Run

ZERO = Decimal(0)
LOT = Decimal("0.001")
FINAL = {"filled", "cancelled", "expired", "rejected"}


class Journalled(Struct):
    """The journal by somebody who only counts."""

    entries: list[Entry]
    intents: dict[str, r.Intent] = field(default_factory=dict)
    minted_again: list[str] = field(default_factory=list)
    fills: dict[tuple[str, str], list[r.Filled]] = field(default_factory=dict)
    commands: dict[str, list[tuple[int, r.CommandTaken]]] = field(default_factory=dict)
    lives: list[int] = field(default_factory=list)
    desk: Desk = field(default_factory=Desk)


class Account(Struct):
    """One account as its exchange knows it."""

    name: str
    orders: dict[str, dict[str, Any]]
    doubled: list[str]
    fills: list[dict[str, Any]]
    positions: dict[str, Decimal]


def read_journal(home: Path, cell: str = "main") -> Journalled:
    """Read a copy, so that what lies there stays as it is. Raises `JournalError`."""
    with tempfile.TemporaryDirectory(prefix="kw-") as folder:
        for path in home.glob(f"{cell}.*sqlite*"):
            shutil.copy(path, folder)
        with ReadOnlyJournal.open(Path(folder), cell) as journal:
            entries = list(journal.tail(0))
    read = Journalled(entries)
    for entry in entries:
        _count(read, entry)
    return read


def _count(read: Journalled, entry: Entry) -> None:
    record = entry.record
    apply(read.desk, record, entry.ts_ns)
    if isinstance(record, r.Intent):
        if record.client_id in read.intents:
            read.minted_again.append(record.client_id)
        read.intents[record.client_id] = record
    elif isinstance(record, r.Filled):
        read.fills.setdefault((record.account, record.fill.exec_id), []).append(record)
    elif isinstance(record, r.CommandTaken):
        read.commands.setdefault(record.command_id, []).append((len(read.lives), record))
    elif isinstance(record, r.LifeBegan):
        read.lives.append(record.life)


async def ask(exchange: Exchange, account: str) -> tuple[Account, dict[str, Any]]:
    """The account, and all that the exchange said."""
    said = await exchange.ask("truth")
    found = said["truth"]["accounts"].get(account.partition("/")[2])
    if found is None:  # it was never signed in to
        return Account(account, {}, [], [], {}), said
    orders: dict[str, dict[str, Any]] = {}
    doubled = []
    for order in found["orders"]:
        if order["client_id"] in orders:
            doubled.append(order["client_id"])
        orders[order["client_id"]] = order
    positions = {symbol: Decimal(one["qty"]) for symbol, one in found["positions"].items()}
    # On the wire an execution is named with the exchange's birth before its number.
    fills = [{**fill, "exec_id": f"{said['birth']}-{fill['exec_id']}"} for fill in found["fills"]]
    return Account(account, orders, doubled, fills, positions), said


# ── at a wreck ──────────────────────────────────────────────────────────────────────────────────


async def at_a_wreck(exchanges: dict[str, Exchange], run: Run) -> None:
    life = len(run.lives)
    try:
        read = read_journal(run.home)
    except Corrupt as error:
        if "empty" not in str(error):
            (run.notes if run.plan.exits else run.broken).append(f"life {life} left: {error}")
            return
        read = Journalled([])
    except JournalError:
        read = Journalled([])  # it died before there was a file; then nothing may have been sent
    for name, exchange in exchanges.items():
        account, _ = await ask(exchange, run.accounts[name])
        for client_id in account.orders:
            if client_id not in read.intents:
                run.broken.append(f"1 intent first: {client_id} is at {name}; life {life} left no intent")
            own = read.desk.order(client_id)
            if own is not None and own.state in ("pending", "unknown"):
                count(run, "orders at the exchange whose answer was lost")
            if own is not None and own.change:
                count(run, "amends and cancels whose answer was lost")
    told = {key for key, given in run.answers.items() for one in given if one.life <= life}
    for command_id in sorted(told):
        if command_id not in read.commands:
            run.broken.append(f"8 commands: {command_id} was acknowledged and is not in life {life}'s wreck")
    count(run, "wrecks looked at")


# ── at rest ─────────────────────────────────────────────────────────────────────────────────────


async def at_rest(exchanges: dict[str, Exchange], run: Run) -> None:
    read = read_journal(run.home)
    _desk(run, read)
    _commands(run, read)
    traded: dict[tuple[str, str], Decimal] = {}
    for name, exchange in exchanges.items():
        account, said = await ask(exchange, run.accounts[name])
        _orders(run, read, account)
        _fills(run, read, account, traded)
        _positions(run, read, account)
        _money(run, name, account, said)
    _legs(run, read, traded)


def _desk(run: Run, read: Journalled) -> None:
    broken = run.broken.append
    for client_id in read.minted_again:
        broken(f"2 one intent: {client_id} was minted twice")
    if read.lives != sorted(dict.fromkeys(read.lives)):
        broken(f"2 one life: lives {read.lives}")
    for entry in read.entries:
        if isinstance(entry.record, r.Synthetic):
            broken(f"4 positions: {entry.record.qty} {entry.record.market} was laid to others")
        if isinstance(entry.record, r.Noted) and entry.record.level == "alarm":
            broken(f"0 alarm: {entry.record.text}")
    for name, bot in read.desk.bots.items():
        if bot.phase != "stopped":
            broken(f"7 stopped: {name} is {bot.phase}: {bot.why}")


def _commands(run: Run, read: Journalled) -> None:
    for command_id, taken in read.commands.items():
        if len(taken) > 1:
            run.broken.append(f"8 commands: {command_id} was applied {len(taken)} times")
    for command_id, answers in run.answers.items():
        _, record = read.commands.get(command_id, [(0, None)])[0]
        if record is None:
            run.broken.append(f"8 commands: {command_id} was acknowledged and is not in the journal")
            continue
        for answer in answers:
            if (answer.ok, answer.says) != (record.ok, record.says):
                run.broken.append(f"8 commands: {command_id} was answered {answer.says!r}, then otherwise")
        count(run, "commands repeated", len(answers) - 1)


def _orders(run: Run, read: Journalled, account: Account) -> None:
    broken = run.broken.append
    for client_id in account.doubled:
        broken(f"2 one order: {client_id} is at {account.name} twice")
    for client_id, order in account.orders.items():
        intent = read.intents.get(client_id)
        if intent is None:
            broken(f"1 intent first: {client_id} is at {account.name} with no intent in the journal")
            continue
        same = (intent.side, intent.qty) == (order["side"], Decimal(order["qty"]))
        if not same or intent.market != f"{account.name}:{order['symbol']}":
            broken(f"1 intent first: {client_id} is not what the journal says")
        if order["state"] not in FINAL:
            broken(f"7 stopped: {client_id} is {order['state']} after everything stopped")
    known = read.desk.accounts.get(account.name)
    for client_id, own in known.orders.items() if known else ():
        there = account.orders.get(client_id)
        if own.state not in TERMINAL:
            broken(f"5 life: {client_id} is {own.state} at rest")
        elif there is None and own.state not in ("lost", "rejected"):
            broken(f"5 life: {client_id} is {own.state}; the exchange never had it")
        elif there is not None and own.state != there["state"]:
            broken(f"5 life: {client_id} is {own.state}, truly {there['state']}")
        count(run, f"orders {own.state}")


def _fills(run: Run, read: Journalled, account: Account, traded: dict[tuple[str, str], Decimal]) -> None:
    booked = {key[1]: found for key, found in read.fills.items() if key[0] == account.name}
    for fill in account.fills:
        exec_id, client_id = fill["exec_id"], fill["client_id"]
        times = booked.pop(exec_id, [])
        if len(times) != 1:
            run.broken.append(f"3 fills once: {exec_id} of {client_id} is booked {len(times)} times")
        intent = read.intents.get(client_id)
        if intent is None:
            continue
        for one in times:
            if (one.bot, one.slot) != (intent.bot, intent.slot):
                run.broken.append(
                    f"3 fills owner: {exec_id} of {intent.bot} is booked to {one.bot}/{one.slot}"
                )
            if one.fill.qty != Decimal(fill["qty"]) or one.fill.price != Decimal(fill["price"]):
                run.broken.append(f"3 fills once: {exec_id} is booked as something else")
        key = intent.bot, intent.slot
        traded[key] = traded.get(key, ZERO) + sign(fill["side"]) * Decimal(fill["qty"])
    if booked:
        run.broken.append(f"3 fills once: the exchange never made {list(booked)[:3]}")
    count(run, "fills", len(account.fills))


def _positions(run: Run, read: Journalled, account: Account) -> None:
    ledger = {
        market.partition(":")[2]: net
        for market, net in read.desk.nets.items()
        if market.partition(":")[0] == account.name and net
    }
    if ledger != account.positions:
        run.broken.append(f"4 positions: {account.name}: ledger {ledger}, exchange {account.positions}")


def _money(run: Run, name: str, account: Account, said: dict[str, Any]) -> None:
    for asset, sums in said["truth"]["assets"].items():
        total = Decimal(sums["cash"]) - Decimal(sums["entered"])
        total += Decimal(sums["fees"]) + Decimal(sums["insurance"])
        if total != Decimal(sums["paid_in"]):
            run.broken.append(f"4 money: {name}: {asset} paid in {sums['paid_in']}, there is {total}")
    counts = said["stats"]["accounts"].get(account.name.partition("/")[2], {})
    if counts.get("bans"):
        run.broken.append(f"10 bans: {account.name} was banned")


def _legs(run: Run, read: Journalled, traded: dict[tuple[str, str], Decimal]) -> None:
    """By the exchanges' fills alone: flat, even, and never more than was wanted."""
    from tests.crash.rig import HEDGE_QTY, PAIR_QTY, PEG_QTY

    def of(bot: str, slot: str) -> Decimal:
        return traded.get((bot, slot), ZERO)

    wanted = {
        ("hedge-1", "open"): -Decimal(HEDGE_QTY),
        ("hedge-1", "close"): Decimal(HEDGE_QTY),
        ("pair-1", "far"): Decimal(PAIR_QTY),
        ("pair-1", "near"): -Decimal(PAIR_QTY),
        ("peg-1", "main"): Decimal(PEG_QTY),
        ("peg-2", "main"): ZERO,
    }
    for key, most in wanted.items():
        if abs(of(*key)) > abs(most) or of(*key) * most < 0:
            run.broken.append(f"2 never overfilled: {key} traded {of(*key)}, {most} was wanted")
        if of(*key) != most:
            run.notes.append(f"{key} traded {of(*key)} of {most}")
    if of("hedge-1", "open") + of("hedge-1", "close") != 0:
        run.broken.append(f"9 hedge: opened {of('hedge-1', 'open')}, closed {of('hedge-1', 'close')}")
    if abs(of("pair-1", "far") + of("pair-1", "near")) >= LOT:
        run.broken.append(f"9 pair: far {of('pair-1', 'far')}, near {of('pair-1', 'near')}")


def count(run: Run, what: str, by: int = 1) -> None:
    run.counts[what] = run.counts.get(what, 0) + by
