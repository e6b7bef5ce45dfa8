"""What the venue's refusals come to: a note for each new one, an alarm for a row of them, an end to new risk.

The waits between attempts double (`apply.py`), so that a row of twenty takes a quarter of an hour. Then the
bot is paused, with the venue's reason, until a person says so: what waiting does not mend is not tried for
ever. What evens out is.
"""

from __future__ import annotations

from kedge.engine.engine import Engine
from kedge.engine.state import BotRow, Order, Slot
from kedge.model import records as r
from kedge.model.sentences import words_of

REFUSALS_ALARM = 5
# So many in a row, and a bot takes no new risk until a person says so.
REFUSALS_MOST = 20


def tell_refusal(e: Engine, order: Order, reason: str) -> None:
    """Each new refusal is a note; a row of them needs a person."""
    _, slot = _slot_of(e, order)
    # A post-only order that would have taken is refused in the ordinary course of things.
    many = REFUSALS_ALARM * 4 if order.tif == "post_only" else REFUSALS_ALARM
    if slot is not None and slot.rejects == many < REFUSALS_MOST:
        e.note("alarm", f"{order.slot}: refused {slot.rejects} times in a row: {reason}", order.bot)
    elif _is_new(e, order, reason):
        e.note("warn", f"{order.slot}: refused: {reason}", order.bot)
    remember_refusal(e, order, reason)


def _is_new(e: Engine, order: Order, reason: str) -> bool:
    """Not the same words again for the next attempt; whatever goes well in between makes them new."""
    now = e.bots.get(order.bot)
    _, slot = _slot_of(e, order)
    known = now.refusals.get(order.slot, "") if now and slot and slot.rejects > 1 else ""
    return words_of(reason.removeprefix("not sent: ")) != words_of(known.removeprefix("not sent: "))


def remember_refusal(e: Engine, order: Order, reason: str) -> None:
    """Why the venue refuses, for those who wonder why nothing is sent; too often is often enough."""
    row, slot = _slot_of(e, order)
    now = e.bots.get(order.bot)
    if row is None or slot is None or now is None:
        return
    now.refusals[order.slot] = reason
    if slot.rejects >= REFUSALS_MOST and order.role == "risk" and row.phase == "running":
        why = f"{order.slot} was refused {slot.rejects} times in a row: {reason}"
        e.write(r.BotPhased(bot=row.name, phase="paused", why=why))
        e.note("alarm", f"paused: {why}", row.name)
        e.touch(row.name)


def _slot_of(e: Engine, order: Order) -> tuple[BotRow | None, Slot | None]:
    row = e.desk.bots.get(order.bot)
    return row, row.slots.get(order.slot) if row else None
