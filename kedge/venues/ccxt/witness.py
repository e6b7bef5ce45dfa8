"""What happened on the way: a ccxt exchange that notes which request left, and what answered it.

ccxt tells only how a call ended. To know that an order was certainly not sent, or certainly refused, one has
to have seen the requests. `witnessed` makes a class of any exchange of ccxt's whose requests pass here:

* a deed whose last moment has passed does not leave, however long it waited in ccxt's queue;
* nothing is sent twice: aiohttp repeats GET, PUT and DELETE when a kept-alive connection dies under them;
* questions wait for each other, so that a deed finds at most one of them before it in ccxt's queue;
* numbers with a fraction are read as text, so that no price passes through a float;
* in a rehearsal nothing leaves at all: the request that carries our id is caught instead.

Calls are told apart by a context variable, which every coroutine of ccxt's inherits from its caller.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

# An exchange of ccxt's, or one like it: none of it is typed, and what it gives is read by `wire`.
Exchange = Any

# A rehearsed call that has asked for so much without naming our id never will.
REHEARSED_MOST: Final = 8


class Evidence:
    """Of one call. `deed`: it changes something; then `is_late` says whether its last moment has passed.

    `by_get`: here even a GET may change something (Deribit places orders so).
    """

    def __init__(
        self, *, deed: bool = False, by_get: bool = False, is_late: Callable[[], bool] | None = None
    ) -> None:
        self.deed = deed
        self.by_get = by_get
        self.is_late = is_late
        self.left = False
        self.later = False
        self.status = 0
        self.retry_after_s = 0
        # The longest list of trades or orders that came raw, before ccxt filtered it.
        self.rows = 0
        self.rehearsing = ""
        self.asked = 0
        self.on_its_way = False

    def begins(self) -> None:
        """A request is about to leave: whatever is heard from now on is about this one."""
        self.on_its_way = False
        self.asked += 1
        self.later = self.left
        self.status = 0


class TooLate(Exception):
    """The deed's last moment passed before it left."""


class Rehearsed(Exception):
    """The request that would have left, and names our id."""

    def __init__(self, request: str) -> None:
        super().__init__("rehearsed")
        self.request = request


class Again(aiohttp.ClientError):
    """A second attempt, stopped."""


EVIDENCE: ContextVar[Evidence | None] = ContextVar("kedge_ccxt_evidence", default=None)


def witnessed(kind: type[Any]) -> type[Any]:
    """The same exchange, seen."""
    return type(kind.__name__, (_Witness, kind), {})


class _Witness:
    """Goes before a class of ccxt's, whose methods these are."""

    _questions: asyncio.Lock | None = None
    _traced: object = None

    def open(self, *args: Any, **kwargs: Any) -> Any:
        opened = super().open(*args, **kwargs)  # type: ignore[misc] # ccxt's, which is not typed
        session = getattr(self, "session", None)
        if session is not None and session is not self._traced:
            config = aiohttp.TraceConfig()
            config.on_request_headers_sent.append(_note_leaving)
            config.freeze()
            session.trace_configs.append(config)
            self._traced = session
        return opened

    async def throttle(self, cost: Any = None) -> Any:
        evidence = EVIDENCE.get()
        if evidence is None or evidence.rehearsing:
            return None if evidence else await super().throttle(cost)  # type: ignore[misc]
        if evidence.deed:
            return await super().throttle(cost)  # type: ignore[misc]
        if self._questions is None:
            self._questions = asyncio.Lock()
        async with self._questions:
            return await super().throttle(cost)  # type: ignore[misc]

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        evidence = EVIDENCE.get()
        if evidence is None:
            return await super().fetch(url, method, headers, body)  # type: ignore[misc]
        if evidence.rehearsing:
            return _rehearse(evidence, f"{method} {url} {body if body is not None else ''}")
        evidence.begins()
        if evidence.deed and (method != "GET" or evidence.by_get):
            if evidence.is_late is not None and evidence.is_late():
                raise TooLate("not sent: its last moment passed while it waited for its turn")
            # Where aiohttp is not asked, nobody can say later than this that it has not left.
            evidence.left = True
        return await super().fetch(url, method, headers, body)  # type: ignore[misc]

    def on_rest_response(self, code: int, *rest: Any) -> Any:
        evidence = EVIDENCE.get()
        if evidence is not None:
            evidence.status = int(code)
            evidence.retry_after_s = _retry_after(rest[3] if len(rest) > 3 else {})
        return super().on_rest_response(code, *rest)  # type: ignore[misc]

    def on_json_response(self, body: str) -> Any:
        return json.loads(body, parse_float=str)

    def parse_trades(self, trades: Any, *args: Any, **kwargs: Any) -> Any:
        _count(trades)
        return super().parse_trades(trades, *args, **kwargs)  # type: ignore[misc]

    def parse_orders(self, orders: Any, *args: Any, **kwargs: Any) -> Any:
        _count(orders)
        return super().parse_orders(orders, *args, **kwargs)  # type: ignore[misc]


async def _note_leaving(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    """Called right before the first byte; what leaves a second time is stopped."""
    evidence = EVIDENCE.get()
    if evidence is None:
        return
    if evidence.on_its_way:
        raise Again
    evidence.on_its_way = True


def _rehearse(evidence: Evidence, request: str) -> dict[str, Any]:
    evidence.asked += 1
    if evidence.rehearsing in request or evidence.asked > REHEARSED_MOST:
        raise Rehearsed(request if evidence.rehearsing in request else "")
    return {}


def _count(rows: Any) -> None:
    evidence = EVIDENCE.get()
    if evidence is not None and isinstance(rows, (list, dict)):
        evidence.rows = max(evidence.rows, len(rows))


def _retry_after(headers: Any) -> int:
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if str(name).lower() == "retry-after" and str(value).strip().isdigit():
            return int(str(value).strip())
    return 0
