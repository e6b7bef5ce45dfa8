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

import msgspec
from msgspec import Struct, field

from kedge.engine.apply import apply
from kedge.engine.state import Desk, Order
from kedge.journal.journal import Corrupt, JournalError
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model import records as r
from kedge.model.order import TERMINAL, sign
from kedge.model.records import Entry

if TYPE_CHECKING:
    from tests.crash.rig import Run
    from tests.crash.scene import Scene, Seat
    from tests.crash.sites import Site

ZERO = Decimal(0)
# The smallest fee a venue writes.
FEE_STEP = Decimal("1e-8")
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
    """One account as its exchange knows it, in the desk's words."""

    name: str
    seat: Seat
    orders: dict[str, dict[str, Any]] = {}
    doubled: list[str] = []
    fills: list[dict[str, Any]] = []
    positions: dict[str, Decimal] = {}
    cash: dict[str, Decimal] = {}
    given: dict[str, Decimal] = {}  # what it had before the desk came


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


async def ask_all(site: Site, run: Run) -> tuple[list[Account], dict[str, dict[str, Any]]]:
    """Every account of the run, and by exchange all that it said."""
    said = {name: await exchange.ask("truth") for name, exchange in site.exchanges.items()}
    seats = site.scene.seats
    return [_account(site.scene, seats[key], name, run, said) for key, name in run.accounts.items()], said


def _account(scene: Scene, seat: Seat, name: str, run: Run, said: dict[str, dict[str, Any]]) -> Account:
    told = said[seat.exchange]
    found = told["truth"]["accounts"].get(seat.inside(run.plan.number))
    if found is None:  # it was never signed in to
        return Account(name, seat)
    orders: dict[str, dict[str, Any]] = {}
    doubled = []
    for order in found["orders"]:
        if order["client_id"] in orders:
            doubled.append(order["client_id"])
        orders[order["client_id"]] = _outside(seat, order)
    fills = [_outside(seat, fill) for fill in found["fills"]]
    if scene.same_exec_ids:
        # On the wire an execution is named with the exchange's birth before its number.
        fills = [{**fill, "exec_id": f"{told['birth']}-{fill['exec_id']}"} for fill in fills]
    positions = {
        seat.symbols.get(symbol, symbol): Decimal(one["qty"]) for symbol, one in found["positions"].items()
    }
    cash = {asset: Decimal(amount) for asset, amount in found["cash"].items()}
    given: dict[str, Decimal] = {}
    for move in found["cash_moves"]:
        if move["kind"] == "transfer":
            given[move["asset"]] = given.get(move["asset"], ZERO) + Decimal(move["amount"])
    return Account(name, seat, orders, doubled, fills, positions, cash, given)


def _outside(seat: Seat, one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "symbol": seat.symbols.get(one["symbol"], one["symbol"])}


# ── at a wreck ──────────────────────────────────────────────────────────────────────────────────


async def at_a_wreck(site: Site, run: Run) -> None:
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
    for account in (await ask_all(site, run))[0]:
        for client_id in account.orders:
            if client_id not in read.intents:
                said = f"{client_id} is at {account.name}; life {life} left no intent"
                run.broken.append(f"1 intent first: {said}")
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


async def at_rest(site: Site, run: Run) -> None:
    read = read_journal(run.home)
    _desk(run, read)
    _commands(run, read)
    accounts, said = await ask_all(site, run)
    traded: dict[tuple[str, str], Decimal] = {}
    for account in accounts:
        _orders(run, read, account, site.scene)
        _fills(run, read, account, site.scene)
        _count_traded(read, account, traded)
        _positions(run, read, account)
        _coins(run, read, account)
        if site.scene.same_exec_ids:
            counts = said[account.seat.exchange]["stats"]["accounts"]
            _bans(run, account.name, counts.get(account.seat.inside(run.plan.number), {}))
    for name, told in said.items():
        _money(run, name, told)
        if not site.scene.same_exec_ids:
            _bans(run, name, told["stats"])
    _legs(run, site.scene, traded)


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


def _orders(run: Run, read: Journalled, account: Account, scene: Scene) -> None:
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
        elif there is not None and not _ended_alike(own, there, scene):
            broken(f"5 life: {client_id} is {own.state} {own.filled}, truly {there['state']}")
        count(run, f"orders {own.state}")


def _ended_alike(own: Order, there: dict[str, Any], scene: Scene) -> bool:
    """Venues have words of their own for an end without all of it; that it was filled has one word."""
    same = own.filled == Decimal(there["cum_qty"])
    if scene.same_exec_ids:
        return same and own.state == there["state"]
    return same and (own.state == "filled") == (there["state"] == "filled")


def _fills(run: Run, read: Journalled, account: Account, scene: Scene) -> None:
    """Each is booked once: by its name, and where the wire has another name for it, by what it is."""
    booked: dict[object, list[r.Filled]] = {}
    for (name, exec_id), records in read.fills.items():
        if name == account.name:
            name_of: object = exec_id if scene.same_exec_ids else _what(msgspec.to_builtins(records[0].fill))
            booked.setdefault(name_of, []).append(records[0])
            if len(records) != 1:
                run.broken.append(f"3 fills once: {exec_id} is booked {len(records)} times")
    made: dict[object, list[dict[str, Any]]] = {}
    for fill in account.fills:
        made.setdefault(fill["exec_id"] if scene.same_exec_ids else _what(fill), []).append(fill)
    for key, fills in made.items():
        found = booked.pop(key, [])
        if len(found) != len(fills):
            times = f"booked {len(found)} times, made {len(fills)}"
            run.broken.append(f"3 fills once: {key} of {fills[0]['client_id']} is {times}")
        for one in found:
            _is_what_it_was(run, read, one, fills[0])
    if booked:
        run.broken.append(f"3 fills once: the exchange never made {list(booked)[:3]}")
    count(run, "fills", len(account.fills))


def _is_what_it_was(run: Run, read: Journalled, one: r.Filled, fill: dict[str, Any]) -> None:
    intent = read.intents.get(fill["client_id"])
    if intent is None:
        return
    if (one.bot, one.slot) != (intent.bot, intent.slot):
        said = f"{one.fill.exec_id} of {intent.bot} is booked to {one.bot}/{one.slot}"
        run.broken.append(f"3 fills owner: {said}")
    if _what(msgspec.to_builtins(one.fill))[2:5] != _what(fill)[2:5]:
        run.broken.append(f"3 fills once: {one.fill.exec_id} is booked as something else")


def _what(fill: dict[str, Any]) -> tuple[Any, ...]:
    fee = Decimal(fill["fee"]).quantize(FEE_STEP)
    numbers = (Decimal(fill["qty"]).normalize(), Decimal(fill["price"]).normalize(), fee.normalize())
    return (fill["client_id"], fill["symbol"], fill["side"], *map(str, numbers), fill["fee_asset"])


def _count_traded(read: Journalled, account: Account, traded: dict[tuple[str, str], Decimal]) -> None:
    """By the exchange's fills alone."""
    for fill in account.fills:
        intent = read.intents.get(fill["client_id"])
        if intent is not None:
            key = intent.bot, intent.slot
            traded[key] = traded.get(key, ZERO) + sign(fill["side"]) * Decimal(fill["qty"])


def _positions(run: Run, read: Journalled, account: Account) -> None:
    ledger = {
        market.partition(":")[2]: net
        for market, net in read.desk.nets.items()
        if market.partition(":")[0] == account.name and net
    }
    for symbol in account.seat.spot:
        ledger.pop(symbol, None)  # what is owned is no position: `_coins` counts it
    if ledger != account.positions:
        run.broken.append(f"4 positions: {account.name}: ledger {ledger}, exchange {account.positions}")


def _coins(run: Run, read: Journalled, account: Account) -> None:
    """What is owned: what was there before, what was bought and sold, less what was paid in it."""
    for symbol, coin in account.seat.spot.items():
        owned = account.given.get(coin, ZERO) + read.desk.nets.get(f"{account.name}:{symbol}", ZERO)
        for (name, _), records in read.fills.items():
            if name == account.name:
                owned -= sum((one.fill.fee for one in records if one.fill.fee_asset == coin), ZERO)
        if owned != account.cash.get(coin, ZERO):
            there = account.cash.get(coin, ZERO)
            run.broken.append(f"4 coins: {account.name}: ledger {owned} {coin}, exchange {there}")


def _money(run: Run, name: str, said: dict[str, Any]) -> None:
    for asset, sums in said["truth"]["assets"].items():
        total = Decimal(sums["cash"]) - Decimal(sums["entered"])
        total += Decimal(sums["fees"]) + Decimal(sums["insurance"])
        if total != Decimal(sums["paid_in"]):
            run.broken.append(f"4 money: {name}: {asset} paid in {sums['paid_in']}, there is {total}")
    for law in said.get("broken_laws", ()):
        run.broken.append(f"4 money: {name}: {law}")


def _bans(run: Run, who: str, counts: dict[str, Any]) -> None:
    if counts.get("bans"):
        run.broken.append(f"10 bans: {who} was banned")


def _legs(run: Run, scene: Scene, traded: dict[tuple[str, str], Decimal]) -> None:
    """By the exchanges' fills alone: flat, even, and never more than was wanted."""

    def of(bot: str, slot: str) -> Decimal:
        return traded.get((bot, slot), ZERO)

    for key, most in scene.wanted.items():
        if abs(of(*key)) > abs(most) or of(*key) * most < 0:
            run.broken.append(f"2 never overfilled: {key} traded {of(*key)}, {most} was wanted")
        if of(*key) != most:
            run.notes.append(f"{key} traded {of(*key)} of {most}")
    if of("hedge-1", "open") + of("hedge-1", "close") != 0:
        run.broken.append(f"9 hedge: opened {of('hedge-1', 'open')}, closed {of('hedge-1', 'close')}")
    for bot, most in scene.uneven.items():
        if abs(of(bot, "far") + of(bot, "near")) >= most:
            run.broken.append(f"9 pair: {bot}: far {of(bot, 'far')}, near {of(bot, 'near')}")


def count(run: Run, what: str, by: int = 1) -> None:
    run.counts[what] = run.counts.get(what, 0) + by
