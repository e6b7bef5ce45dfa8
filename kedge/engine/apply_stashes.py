"""The fold of stashes: a part of the table in `apply.py`, by the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedge.engine.state import Desk, Stash, StashAsk
from kedge.model import records as r


def _asked(desk: Desk, record: r.StashAsked, ts_ns: int) -> None:
    desk.stash_asks[record.name] = StashAsk(record.account, record.what, record.actor, record.cancel, ts_ns)


def _saved(desk: Desk, record: r.StashSaved, ts_ns: int) -> None:
    desk.stash_asks.pop(record.name, None)
    desk.stashes[record.name] = Stash(
        record.account, record.orders, ts_ns, cancelling=record.cancel, bots=record.bots
    )


def _emptied(desk: Desk, record: r.StashEmptied, ts_ns: int) -> None:
    stash = desk.stashes[record.name]
    stash.cancelling, stash.orders = False, record.orders


def _restored(desk: Desk, record: r.StashRestored, ts_ns: int) -> None:
    desk.stash_asks.pop(record.name, None)
    stash = desk.stashes[record.name]
    stash.bot, stash.bots = record.bot, ()


def _ask_ended(desk: Desk, record: r.StashAskEnded, ts_ns: int) -> None:
    desk.stash_asks.pop(record.name, None)


def _dropped(desk: Desk, record: r.StashDropped, ts_ns: int) -> None:
    desk.stashes.pop(record.name, None)


APPLY_STASHES: dict[type, Callable[[Desk, Any, int], None]] = {
    r.StashAsked: _asked,
    r.StashSaved: _saved,
    r.StashEmptied: _emptied,
    r.StashRestored: _restored,
    r.StashAskEnded: _ask_ended,
    r.StashDropped: _dropped,
}
