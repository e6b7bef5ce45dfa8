"""Planted faults of spreads and stashes: what those who wrote such bots before got wrong, and a few more."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

import kedge.engine.apply as apply_module
import kedge.engine.stashes as stashes
from kedge.bots.spread import Spread
from kedge.engine.state import Account, Desk
from kedge.engine.wants import Target
from kedge.model import records as r
from kedge.model.numbers import ZERO
from kedge.storm.mutants import Mutant, Patch


def _deciding(change: Any) -> Sequence[Patch]:
    """The spread decides as it does, and this is done to its decision."""
    old = Spread.decide

    def decide(self: Any, view: Any) -> Any:
        return change(view, old(self, view))

    return [(Spread, "decide", decide)]


def _without_near(decision: Any) -> Any:
    return replace(decision, wants=tuple(w for w in decision.wants if w.slot != "near"))


def _near_to(decision: Any, net: Decimal) -> Any:
    wants = tuple(replace(w, net=net) if isinstance(w, Target) else w for w in decision.wants)
    return replace(decision, wants=wants)


def _naked_stop() -> Sequence[Patch]:
    def change(view: Any, decision: Any) -> Any:
        return _without_near(decision) if view.phase == "stopping" else decision

    return _deciding(change)


def _near_on_completion() -> Sequence[Patch]:
    def change(view: Any, decision: Any) -> Any:
        whole = view.slot("far").traded(view.config.side) >= view.config.qty
        return decision if whole else _without_near(decision)

    return _deciding(change)


def _near_from_the_order() -> Sequence[Patch]:
    """The order that stands tells what has filled: the fills of those before it are forgotten."""

    def change(view: Any, decision: Any) -> Any:
        own = view.slot("far").order
        filled = own.filled if own is not None else ZERO
        return _near_to(decision, filled if view.config.side == "sell" else -filled)

    return _deciding(change)


def _near_capped() -> Sequence[Patch]:
    """Never more than the amount: one that was amended below what had filled is not evened out."""

    def change(view: Any, decision: Any) -> Any:
        done = min(view.config.qty, view.slot("far").traded(view.config.side)) * Decimal("0.9")
        return _near_to(decision, done if view.config.side == "sell" else -done)

    return _deciding(change)


def _near_anew() -> Sequence[Patch]:
    """Each time that the far leg has grown, the near leg begins a line of work of its own."""

    def change(view: Any, decision: Any) -> Any:
        done = view.slot("far").traded(view.config.side)
        wants = tuple(replace(w, slot=f"near {done}") if isinstance(w, Target) else w for w in decision.wants)
        return replace(decision, wants=wants)

    return _deciding(change)


# ── stashes ─────────────────────────────────────────────────────────────────────────────────────


def _restores_standing() -> Sequence[Patch]:
    old = stashes._restore

    def restore(e: Any, account: Account, report: Any, name: str) -> None:
        old(e, account, replace(report, open_orders=()), name)

    return [(stashes, "_restore", restore)]


def _emptied_at_once() -> Sequence[Patch]:
    """Asked to go is gone."""
    old = stashes._save

    def save(e: Any, account: Account, report: Any, name: str, ask: Any) -> None:
        old(e, account, report, name, ask)
        stash = e.desk.stashes.get(name)
        if stash is not None and stash.cancelling:
            e.write(r.StashEmptied(name, stash.orders))

    return [(stashes, "_save", save)]


def _restored_again() -> Sequence[Patch]:
    """The question is not put away when it is answered: the next report answers it again."""

    def restored(desk: Desk, record: r.StashRestored, ts_ns: int) -> None:
        desk.stashes[record.name].bot = record.bot

    table = dict(apply_module._APPLY)
    table[r.StashRestored] = restored
    return [(apply_module, "_APPLY", table)]


def _expiry_forgotten() -> Sequence[Patch]:
    """Good till cancelled, whatever it was before."""
    old = stashes._saved
    return [(stashes, "_saved", lambda account, shown: replace(old(account, shown), expires_ns=0))]


def _half_restored() -> Sequence[Patch]:
    """One that cannot be put back at once ends the rest."""
    old = stashes._begin

    def begin(e: Any, name: str, stash: Any, orders: Any) -> str:
        return old(e, name, stash, orders[:1])

    return [(stashes, "_begin", begin)]


def _limit_at_trigger() -> Sequence[Patch]:
    """Only the trigger is kept."""
    old = stashes._saved

    def saved(account: Account, shown: Any) -> Any:
        one = old(account, shown)
        return replace(one, price=one.trigger_price) if one.price else one

    return [(stashes, "_saved", saved)]


TRADE_MUTANTS: tuple[Mutant, ...] = (
    Mutant("spread-naked-stop", "a stopped spread leaves its near leg as it is", _naked_stop),
    Mutant("spread-on-completion", "the near leg waits for the whole far leg", _near_on_completion),
    Mutant("spread-from-order", "the near leg follows the standing order's fills", _near_from_the_order),
    Mutant("spread-capped", "the near leg is counted from the amount, and short", _near_capped),
    Mutant("spread-near-anew", "each far fill opens a new near line for everything", _near_anew),
    Mutant("stash-doubles", "what still stands is put back beside itself", _restores_standing),
    Mutant("stash-gone-at-once", "orders that were asked to go count as gone", _emptied_at_once),
    Mutant("stash-twice", "a restore that was carried out is carried out again", _restored_again),
    Mutant("stash-expiry", "saved orders lose the end they were given", _expiry_forgotten),
    Mutant("stash-half", "only the first order of a stash comes back", _half_restored),
    Mutant("stash-price", "a saved limit price is that of the trigger", _limit_at_trigger),
)
