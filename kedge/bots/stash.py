"""The orders of a stash, put back as they were: kind, side, quantity, prices, expiry.

`stash restore` begins it. Each saved order is a slot, so none is placed twice and none is forgotten, wherever
the power is cut. The bot lives for as long as its orders stand: stopping it takes them away again. It ends
when each of them has traded, or expired.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from kedge.engine.bot import Bot, Decision, Note, View
from kedge.engine.wants import Rest
from kedge.model.instrument import Market, market_of
from kedge.model.numbers import ZERO, text
from kedge.model.stash import SavedOrder

# Refused so often in a row, an order is left out, and people are told.
REFUSED_MOST = 3
# While something could not be placed yet, it is looked at again this often.
AGAIN_NS = 30_000_000_000


class StashConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    stash: Annotated[str, Meta(description="The name of the stash.", max_length=64)]
    account: Annotated[str, Meta(description="The account, like paper/main.")]
    orders: Annotated[
        tuple[SavedOrder, ...], Meta(description="The saved orders, as the desk keeps them.", max_length=2000)
    ]


class StashState(Struct, frozen=True, omit_defaults=True):
    told: dict[str, Decimal] = {}  # by slot: what had traded at the last word about it
    left_out: tuple[str, ...] = ()  # slots that the venue refuses
    expired: tuple[str, ...] = ()
    forgiven: dict[str, int] = {}  # by slot: the refusals that people know of, and want tried again


class Stash(Bot[StashConfig, StashState]):
    kind = "stash"
    summary = "Keeps the orders of a stash at the venue, as they were saved."
    Config = StashConfig
    State = StashState
    hears_books = False
    words: ClassVar[dict[str, str]] = {"retry": "Place again what the venue has refused."}

    def check(self, config: StashConfig) -> str:
        if not config.orders:
            return "there is no order in it"
        if any(one.qty <= 0 or one.trigger_price <= 0 for one in config.orders):
            return "each order needs a quantity and a trigger above zero"
        return ""

    def check_amend(self, old: StashConfig, new: StashConfig) -> str:
        return "" if old == new else "a stash is put back as it was; save another one"

    def claim(self, config: StashConfig) -> str:
        return f"stash {config.stash}"

    def markets(self, config: StashConfig) -> tuple[Market, ...]:
        return tuple(dict.fromkeys(market_of(config.account, one.symbol) for one in config.orders))

    def decide(self, view: View[StashConfig, StashState]) -> Decision[StashState]:
        state, notes = view.state, list[Note]()
        if any(message.text == "retry" for message in view.messages):
            known = {name: view.slot(name).rejects for name in state.left_out}
            state = replace(state, left_out=(), forgiven={**state.forgiven, **known})
        wants: list[Rest] = []
        wakes: list[int] = []
        told, left_out, expired = dict(state.told), list(state.left_out), list(state.expired)
        for place, one in enumerate(view.config.orders):
            name = slot_of(place, one)
            slot = view.slot(name)
            traded = slot.traded(one.side)
            if traded > told.get(name, ZERO):
                told[name] = traded
                notes.append(Note(f"{_words(one)}: {text(traded)} has traded"))
            if name in left_out or name in expired or traded >= one.qty:
                continue
            if one.expires_ns and view.now_ns >= one.expires_ns and slot.order is None:
                expired.append(name)
            elif slot.rejects >= REFUSED_MOST + state.forgiven.get(name, 0) and slot.order is None:
                left_out.append(name)
                notes.append(Note(f"{_words(one)} is left out: refused {slot.rejects} times", "warn"))
            else:
                wants.append(_rest(view.config.account, name, one, one.qty - traded))
                wakes += [one.expires_ns] if one.expires_ns > view.now_ns else []
                wakes += [] if slot.order else [view.now_ns + AGAIN_NS]
        state = StashState(told, tuple(left_out), tuple(expired), state.forgiven)
        done = "" if wants and view.phase != "stopping" else _ended(view.config, state)
        return Decision(state, tuple(wants), wake_ns=min(wakes, default=0), notes=tuple(notes), done=done)


def slot_of(place: int, one: SavedOrder) -> str:
    """The slot of a saved order: by its place, for an account may have two that are the same."""
    return f"{place:04d} {one.symbol[:40]}"


def _rest(account: str, slot: str, one: SavedOrder, left: Decimal) -> Rest:
    return Rest(
        slot,
        market_of(account, one.symbol),
        one.side,
        one.price,
        left,
        kind=one.kind,
        tif=one.tif,
        reduce_only=one.reduce_only,
        trigger_price=one.trigger_price,
        trigger_by=one.trigger_by,
        expires_ns=one.expires_ns,
        keep=True,
        why="as it was saved",
    )


def _words(one: SavedOrder) -> str:
    return f"{one.side} {text(one.qty)} {one.symbol} at {text(one.trigger_price)}"


def _ended(config: StashConfig, state: StashState) -> str:
    said = [f"{len(state.told)} of {len(config.orders)} orders have traded"]
    said += [f"{len(state.expired)} expired"] if state.expired else []
    said += [f"{len(state.left_out)} were left out"] if state.left_out else []
    return ", ".join(said)
