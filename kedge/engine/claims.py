"""What only one living bot may hold: asked before a bot is added, amended or woken.

One thing makes two holders all the same: a fill that comes after a bot had ended flat, when another had taken
over already. What has traded has traded. The older one then takes no new risk and may only close what was
filled; everybody is told, until one of the two has ended flat.
"""

from __future__ import annotations

from collections.abc import Iterator

from kedge.engine.engine import Engine
from kedge.engine.residue import residue
from kedge.engine.state import BotRow


def claimed(e: Engine, bot: str, claim: str) -> str:
    """Why this bot may not live with its claim: another that lives holds it."""
    other = other_holder(e, bot, claim)
    if other is None:
        return ""
    return f"{claim} is held by {other.name}, which is {other.phase}; only one bot at a time may hold it"


def other_holder(e: Engine, bot: str, claim: str) -> BotRow | None:
    for row in e.desk.bots.values() if claim else ():
        if row.name != bot and row.claim == claim and lives(row):
            return row
    return None


def lives(row: BotRow) -> bool:
    """Not at its end, or at its end with something open."""
    ended = row.phase == "stopped" and not any(slot.orders for slot in row.slots.values())
    return not ended or bool(residue(row))


def gives_way(e: Engine, row: BotRow) -> BotRow | None:
    """The bot that this one must leave new risk to: it took over while this one had ended."""
    other = other_holder(e, row.name, row.claim)
    if other is None or other.phase in ("stopping", "stopped"):
        return None
    if row.phase in ("running", "paused") and row.number > other.number:
        return None
    return other


def told_twice(e: Engine) -> Iterator[str]:
    """Every claim that two hold, in words; there is none unless a fill came late."""
    for row in e.desk.bots.values():
        if not row.claim or not lives(row):
            continue
        holder = gives_way(e, row)
        if holder is not None:
            yield two_hold(row, holder)


def two_hold(row: BotRow, holder: BotRow) -> str:
    left = residue(row)
    holds = f"holds {left}: kedge bot close {row.name}" if left else "has orders that may yet fill"
    return (
        f"{row.claim} is {holder.name}'s, and a late fill has woken {row.name}, which {holds};"
        " it takes no new risk"
    )
