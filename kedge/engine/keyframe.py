"""The whole engine as bytes, senses included: where a replay of what was heard can begin.

The journal needs only the durable desk. To play an hour again from its middle one also needs what the
engine had heard by then: books, links, timers, questions that were out. This is for the flight recorder; a
start never reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge.engine.bot import Bot
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.senses import BotNow, Care, Link, MarketNow
from kedge.engine.state import Desk, encode_desk
from kedge.engine.wants import Want
from kedge.model.venue import Rules


class _BotHeard(Struct):
    """A `BotNow` without what its row and its kind give."""

    state: Raw
    wants: list[Want]
    held: dict[str, str]
    refused: dict[str, tuple[str, int]]
    sent_ns: list[int]
    stated_ns: int
    soft: bool
    waits_for: str
    yielding: dict[str, int]


class _Keyframe(Struct):
    now_ns: int
    desk: Desk
    counter: int
    timers: list[tuple[str, str, int]]
    markets: dict[str, MarketNow]
    links: dict[str, Link]
    bots: dict[str, _BotHeard]
    cares: dict[str, Care]
    counts: dict[str, int]
    alarms: list[tuple[int, str, str]]
    sent_ns: list[int] = []


_decoder = msgspec.json.Decoder(_Keyframe)


def take(e: Engine) -> bytes:
    """Everything the engine knows now."""
    frame = {
        "now_ns": e.now_ns,
        "desk": Raw(encode_desk(e.desk)),
        "counter": e.counter,
        "timers": e.timers.dump(),
        "markets": e.markets,
        "links": e.links,
        "bots": {name: _heard(now) for name, now in e.bots.items() if now.bot is not None},
        "cares": e.cares,
        "counts": e.counts,
        "alarms": e.alarms,
        "sent_ns": e.sent_ns,
    }
    return msgspec.json.encode(frame)


def restore(body: bytes, kinds: Mapping[str, Bot[Any, Any]], limits: RiskBook, version: str) -> Engine:
    """An engine that goes on from there. Raises `msgspec.ValidationError` on what is no keyframe."""
    frame = _decoder.decode(body)
    rules: dict[str, Rules] = {name: link.rules for name, link in frame.links.items()}
    e = Engine(frame.desk, kinds, rules, limits, version)
    e.now_ns, e.counter = frame.now_ns, frame.counter
    for row in e.desk.bots.values():
        e.embody(row)
        heard, now = frame.bots.get(row.name), e.bots[row.name]
        if heard is not None and now.bot is not None:
            _take_over(now, heard)
    e.markets.update(frame.markets)
    e.links.update(frame.links)
    e.cares.update(frame.cares)
    e.counts.update(frame.counts)
    e.alarms.extend(frame.alarms)
    e.sent_ns = frame.sent_ns
    e.timers.load(frame.timers)
    e.out.effects.clear()
    for account in e.desk.accounts.values():
        for order in account.orders.values():
            if order.live:
                e.note_order(order)
    return e


def bots_in(body: bytes) -> list[str]:
    """The kinds of all bots in a keyframe: people's own have to be imported before it is restored."""
    return [row.kind for row in _decoder.decode(body).desk.bots.values()]


def _heard(now: BotNow) -> _BotHeard:
    return _BotHeard(
        state=Raw(msgspec.json.encode(now.state)),
        wants=list(now.wants.values()),
        held=now.held,
        refused=now.refused,
        sent_ns=now.sent_ns,
        stated_ns=now.stated_ns,
        soft=now.soft,
        waits_for=now.waits_for,
        yielding=now.yielding,
    )


def _take_over(now: BotNow, heard: _BotHeard) -> None:
    assert now.bot is not None
    now.state = msgspec.json.decode(heard.state, type=now.bot.State)
    now.wants = {want.slot: want for want in heard.wants}
    now.held, now.refused, now.sent_ns = heard.held, heard.refused, heard.sent_ns
    now.stated_ns, now.soft, now.waits_for = heard.stated_ns, heard.soft, heard.waits_for
    now.yielding = heard.yielding
