"""Lists that people keep while the desk runs: set, added to, dropped from; and what is in force now."""

from __future__ import annotations

from decimal import Decimal

from kedge.engine.engine import Engine
from kedge.engine.tickers import market_called
from kedge.model import commands as c
from kedge.model import lists
from kedge.model import records as r
from kedge.model.events import Command
from kedge.model.lists import LISTS_MOST
from kedge.model.sentences import nearest

Result = tuple[bool, str]
SHOWN_MOST = 10


# ── what people ask ─────────────────────────────────────────────────────────────────────────────


def set_list(e: Engine, args: c.ListSet, command: Command) -> Result:
    return _become(e, args.name, lists.split(args.items), command)


def add(e: Engine, args: c.ListAdd, command: Command) -> Result:
    more = lists.normal(args.name, lists.split(args.items))
    if not more:
        return False, "say what to add"
    before = held(e, args.name)
    if all(item in before for item in more):
        return True, f"{args.name} has {_shown(more)} already"
    return _become(e, args.name, (*before, *more), command)


def drop(e: Engine, args: c.ListDrop, command: Command) -> Result:
    gone = lists.normal(args.name, lists.split(args.items))
    before = held(e, args.name)
    if not gone:
        return False, "say what to drop"
    absent = [item for item in gone if item not in before]
    if absent:
        return False, f"{args.name} does not have {_shown(tuple(absent))}"
    return _become(e, args.name, tuple(item for item in before if item not in gone), command)


# ── what is in force ────────────────────────────────────────────────────────────────────────────


def held(e: Engine, name: str) -> tuple[str, ...]:
    row = e.desk.lists.get(name)
    return row.items if row is not None else lists.USUAL.get(name, ())


def levels(e: Engine, name: str) -> tuple[Decimal, ...]:
    found = lists.levels(held(e, name))
    assert not isinstance(found, str), found  # it was checked when it was set
    return found


def money(e: Engine, name: str) -> Decimal:
    found = lists.amount(held(e, name)[0])
    assert found is not None, name
    return found


def lasts_s(e: Engine, name: str) -> int:
    found = lists.seconds(held(e, name)[0])
    assert found is not None, name
    return found


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _become(e: Engine, name: str, written: tuple[str, ...], command: Command) -> Result:
    items = lists.normal(name, written)
    said = lists.wrong_name(name)
    if not said and (items or lists.KNOWN.get(name, "own") not in ("tickers", "own")):
        said = lists.wrong(name, items)
    if not said and items and name not in e.desk.lists and len(e.desk.lists) >= LISTS_MOST:
        said = f"there are {LISTS_MOST} lists already; empty one first"
    if said:
        return False, said
    if items == held(e, name) and (name in e.desk.lists or not items):
        return True, f"{name} holds that already"
    e.write(r.ListSet(name=name, items=items, actor=command.actor))
    return True, f"{name}: {_shown(items)}{_doubts(e, name, items)}{_like(name)}"


def _shown(items: tuple[str, ...]) -> str:
    if not items:
        return "empty"
    more = f" and {len(items) - SHOWN_MOST} more" if len(items) > SHOWN_MOST else ""
    return ", ".join(items[:SHOWN_MOST]) + more


def _doubts(e: Engine, name: str, items: tuple[str, ...]) -> str:
    """Tickers that no account lists now are kept: they may be listed tomorrow. But it is said."""
    if lists.KNOWN.get(name) != "tickers":
        return ""
    unknown = tuple(item for item in items if market_called(e, item).wrong)
    return f"; not clear to any account now: {_shown(unknown)}" if unknown else ""


def _like(name: str) -> str:
    """A list of one's own whose name is nearly that of a known one may be a slip of the pen."""
    near = "" if name in lists.KNOWN else nearest(name, lists.KNOWN)
    return f"; this is a list of your own: did you mean {near}?" if near else ""
