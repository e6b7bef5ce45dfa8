"""Asking Bybit by HTTP: every reply is judged in one place, and every page of a list is read to its end.

A reply is an envelope that says yes, a `Silence` (nobody knows, or not now), or `Refused` (a person must mend
something). Pages may shift while they are read: rows are known by their ids, so a row that comes twice counts
once, and a list ends only where the venue says so or brings nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Generic, TypeVar

from msgspec import Raw, Struct

from kedge.venues.allowance import Cost, Heed, Window
from kedge.venues.bybit import errors
from kedge.venues.bybit.sign import sign
from kedge.venues.bybit.wire import (
    Category,
    Envelope,
    Unreadable,
    query_of,
    read_envelope,
    read_listed,
    venue_ns_of,
)
from kedge.venues.rest import Call, Manners, Rest
from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.venue import Clock
from kedge.venues.wires import HttpSaid

SECOND_NS = 1_000_000_000

# Per address and five seconds, and per account, second and path. A little is left to the hand and the site.
WINDOWS: Final[dict[str, Window]] = {
    # Of 600: accounts behind one address do not know of each other, and three of them must fit.
    "address": Window(180, 5 * SECOND_NS, reserve=60),
    "questions": Window(40),
    "log": Window(20),
    "settings": Window(5),
    "create": Window(10),
    "amend": Window(10),
    "cancel": Window(10),
    "spot create": Window(20),
    "spot amend": Window(10),
    "spot cancel": Window(20),
    # Batches have budgets of their own, which count the orders in them.
    "batch create": Window(10),
    "batch cancel": Window(10),
    "spot batch create": Window(20),
    "spot batch cancel": Window(20),
}
PUBLIC: Final[Cost] = (("address", 1),)
QUESTION: Final[Cost] = (("address", 1), ("questions", 1))
LOG: Final[Cost] = (("address", 1), ("log", 1))
SETTING: Final[Cost] = (("address", 1), ("settings", 1))

T = TypeVar("T")


@lru_cache(1000)
def deed_cost(kind: str, category: Category, count: int = 1) -> Cost:
    """What orders count in, by HTTP and by WebSocket alike; `kind` is like "create" or "batch cancel"."""
    return ((f"spot {kind}" if category == "spot" else kind, count),)


def manners(key: str, secret: str) -> Manners:
    return Manners(
        sign=lambda call, now_ns: sign(call, key, secret, now_ns),
        heed=errors.heed_of,
        clock=lambda said: venue_ns_of(said.body) if said.status == 200 else 0,
    )


class Pages(Struct, Generic[T]):
    """What a list brought. `failed`: why there is no more of it; what was read is kept."""

    items: list[T]
    failed: str = ""
    # What was read and is of no use, and why people should know.
    odd: tuple[str, ...] = ()
    pages: int = 0


class Asks:
    def __init__(self, rest: Rest, clock: Clock, pages_max: int) -> None:
        self.rest = rest
        self._clock = clock
        self._pages_max = pages_max

    def now_ns(self) -> int:
        return self._clock()

    async def get(
        self, path: str, params: Mapping[str, str | int], cost: Cost, *, signed: bool = True
    ) -> Envelope | Silence | Refused:
        call = Call("GET", path, query_of(params), cost=cost, signed=signed)
        return self._judged(await self.rest.ask(call), cost)

    async def post(self, path: str, body: bytes, cost: Cost) -> Envelope | Silence | Refused:
        """Settings: nothing that could be done twice."""
        return self._judged(await self.rest.ask(Call("POST", path, body=body, cost=cost)), cost)

    async def said(self, call: Call) -> Envelope | Silence | Refused:
        """The envelope whatever its code is: for those who read the code themselves."""
        return self._opened(await self.rest.ask(call), call.cost)

    def learn_limits(self, code: int, headers: Mapping[str, str], cost: Cost) -> int:
        """Take to heart what a reply says of the limits; returns how long the venue wants a pause. Where it
        has counted one path only, nothing else has to wait here."""
        heed = errors.patience_of(code, dict(headers), self._clock())
        used = errors.used_of(dict(headers))
        # What a reply counts is never the address, which all paths share.
        path = cost[-1][0] if cost and cost[-1][0] != "address" else ""
        only = path if code in errors.OF_ONE_PATH else ""
        counted = ((path, used),) if path and used is not None else ()
        self.rest.heed(Heed(heed.wait_ns, heed.why, counted, only))
        return heed.wait_ns

    async def pages(
        self,
        path: str,
        params: Mapping[str, str | int],
        cost: Cost,
        read: Callable[[Raw], tuple[str, T] | str | Unreadable],
    ) -> Pages[T]:
        """Every row of a list. `read` makes of a row its id and what it is, or says why it is of no use ("" =
        as it should be); an `Unreadable` row ends the reading, because what it says is not known."""
        found: dict[str, T] = {}
        odd: list[str] = []
        pages: Pages[T] = Pages([])
        cursor = ""
        for number in range(1, self._pages_max + 1):
            envelope = await self.get(path, {**params, "cursor": cursor}, cost)
            listed = read_listed(envelope.result) if isinstance(envelope, Envelope) else envelope
            if isinstance(listed, (Silence, Refused, Unreadable)):
                return Pages(list(found.values()), sentence(f"{path}: {listed.why}"), tuple(odd), number)
            before = len(found)
            for raw in listed.list or ():
                row = read(raw)
                if isinstance(row, Unreadable):
                    return Pages(list(found.values()), sentence(f"{path}: {row.why}"), tuple(odd), number)
                if isinstance(row, str):
                    odd += [row] if row else []
                else:
                    found[row[0]] = row[1]
            asked, cursor = cursor, listed.next_page_cursor or ""
            if not cursor or not listed.list or (cursor == asked and len(found) == before):
                return Pages(list(found.values()), "", tuple(odd), number)
        pages.items, pages.odd = list(found.values()), tuple(odd)
        pages.failed = f"{path}: more than {self._pages_max} pages"
        return pages

    def _judged(self, said: HttpSaid | Silence, cost: Cost) -> Envelope | Silence | Refused:
        opened = self._opened(said, cost)
        if not isinstance(opened, Envelope) or opened.ret_code == 0:
            return opened
        refused = errors.refused_of(opened.ret_code, opened.ret_msg)
        return refused or Silence(errors.reason_of(opened.ret_code, opened.ret_msg))

    def _opened(self, said: HttpSaid | Silence, cost: Cost) -> Envelope | Silence | Refused:
        if isinstance(said, Silence):
            return said
        if said.status != 200:
            reason = errors.status_reason(said.status)
            if said.status == 401:
                return Refused(reason)
            return Silence(reason, retry_ns=errors.heed_of(said).wait_ns)
        envelope = read_envelope(said.body)
        if isinstance(envelope, Unreadable):
            return Silence(envelope.why)
        wait_ns = self.learn_limits(envelope.ret_code, said.headers, cost)
        if errors.meaning_of(envelope.ret_code) == "rate":
            return Silence(errors.reason_of(envelope.ret_code, envelope.ret_msg), retry_ns=wait_ns)
        return envelope
