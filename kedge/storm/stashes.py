"""Stashes, judged from outside: what is saved is what the venue has, and it comes back once and unchanged.

Read from the journal beside the fold, and asked at the door whenever an order of a stash arrives at a venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from kedge.bots.stash import StashConfig
from kedge.model import records as r
from kedge.model.order import State
from kedge.model.stash import SavedOrder
from kedge.model.venue import OrderReport, PlaceOrder
from kedge.sim.tape import Marks
from kedge.storm.door import Pier

CHECK = "14 stash"


class StashWatch:
    def __init__(
        self, broken: Callable[[str, str], None], harbours: Mapping[str, Pier], marks: Marks
    ) -> None:
        self._broken = broken
        self._marks = marks
        self._harbours = harbours
        self._saved: dict[str, r.StashSaved] = {}
        self._emptied: dict[str, tuple[SavedOrder, ...]] = {}
        self._bots: dict[str, StashConfig] = {}
        # What came back of each saved order, by stash and the order's own name at the venue.
        self._back: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def read(self, record: r.Record) -> None:
        if isinstance(record, r.StashSaved):
            self._is_as_the_venue_has_it(record)
            self._saved[record.name] = record
            self._emptied.pop(record.name, None)
        elif isinstance(record, r.StashEmptied):
            self._is_gone(record)
            self._emptied[record.name] = record.orders
        elif isinstance(record, r.BotAdded) and record.kind == "stash":
            self._bots[record.bot] = msgspec.json.decode(record.config, type=StashConfig)
        elif isinstance(record, r.StashRestored):
            self._is_whole(record)

    def placed(self, account: str, intent: r.Intent, order: PlaceOrder) -> None:
        """An order of a restored stash was accepted by its venue."""
        config = self._bots.get(intent.bot)
        if config is None:
            return
        saved = config.orders[int(intent.slot.partition(" ")[0])]
        same = (order.symbol, order.side, order.kind, order.trigger_price, order.price, order.expires_ns)
        if same != (saved.symbol, saved.side, saved.kind, saved.trigger_price, saved.price, saved.expires_ns):
            self._broken(CHECK, f"{intent.client_id} is not as {config.stash} has saved it: {order}")
        earlier = self._back.setdefault((config.stash, _name(saved)), [])
        for where, client_id in [(account, _name(saved)), *earlier]:
            shown = self._at(where, client_id)
            if shown is not None and shown.state is State.OPEN:
                self._broken(CHECK, f"{intent.client_id} came back of {config.stash} beside {client_id}")
        earlier.append((account, intent.client_id))

    # ── records ─────────────────────────────────────────────────────────────────────────────────

    def _is_as_the_venue_has_it(self, record: r.StashSaved) -> None:
        for one in record.orders:
            shown = self._at(record.account, _name(one))
            if shown is None:
                self._broken(CHECK, f"{record.name} holds {_name(one)}, which the venue never had")
            elif _figures(shown) != _saved_figures(one):
                says = f"{record.name} holds {_saved_figures(one)}, the venue has {_figures(shown)}"
                self._broken(CHECK, says)

    def _is_gone(self, record: r.StashEmptied) -> None:
        saved = self._saved[record.name]
        for one in saved.orders:
            shown = self._at(saved.account, _name(one))
            if shown is not None and shown.state is State.OPEN:
                self._broken(CHECK, f"{_name(one)} is open though the orders of {record.name} are gone")

    def _is_whole(self, record: r.StashRestored) -> None:
        """After everything had been taken away, everything that nobody else brings back comes back."""
        self._marks.sometimes("stash-restored")
        config = self._bots.get(record.bot)
        back = [_name(one) for one in config.orders] if config is not None else []
        for one in self._emptied.get(record.name, ()):
            if not one.bot and _name(one) not in back:
                self._broken(CHECK, f"{_name(one)} of {record.name} does not come back")

    def _at(self, account: str, client_id: str) -> OrderReport | None:
        return self._harbours[account.partition("/")[0]].exchange.order(account, client_id)


def _name(one: SavedOrder) -> str:
    """As it was known at the venue; somebody else's may be known by the venue's own name alone."""
    return one.client_id or one.venue_id


Figures = tuple[str, str, str, Decimal, Decimal, Decimal, int]


def _figures(shown: OrderReport) -> Figures:
    """What does not change while an order waits for its trigger."""
    return (
        shown.symbol,
        shown.side,
        shown.kind,
        shown.trigger_price,
        shown.price,
        shown.qty,
        shown.expires_ns,
    )


def _saved_figures(one: SavedOrder) -> Figures:
    return (one.symbol, one.side, one.kind, one.trigger_price, one.price, one.qty + one.done, one.expires_ns)
