"""One call of ccxt's at a time turned into a value: what came, or a `Failure` with the evidence beside it.

Here alone are ccxt's exceptions caught. It may raise anything: its parsers meet replies that they were not
written for, and then fail with whatever Python raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from kedge.venues.allowance import Allowance
from kedge.venues.ccxt.errors import Failure, kind_of, retry_of, sharpened, words_of
from kedge.venues.ccxt.witness import EVIDENCE, Evidence, Exchange, Rehearsed, TooLate
from kedge.venues.venue import Clock

Call = Callable[[], Awaitable[Any]]

# What a parser raises that meets a reply it was not written for, and what a net raises.
ODD: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    OSError,
    TimeoutError,
)
# Causes with which not a byte has left.
UNSENT: Final = ("ClientConnectorError", "gaierror")
SECOND_NS: Final = 1_000_000_000


class Talk:
    """`exchange` has the key; `error` is what ccxt's errors are; `hidden` is never repeated."""

    def __init__(
        self, exchange: Exchange, error: type[Exception], clock: Clock, hidden: tuple[str, ...], ask_s: float
    ) -> None:
        self.exchange = exchange
        # Until a rehearsal has shown otherwise.
        self.deeds_by_get = True
        self.allowance = Allowance({})
        self.error = error
        self._errors = (error, TooLate, *ODD)
        self._clock = clock
        self._hidden = hidden
        self._ask_s = ask_s

    def has(self, *names: str) -> bool:
        """ccxt says that the exchange can do one of these, itself or by a detour."""
        return any(bool(self.exchange.has.get(name)) for name in names)

    def feature(self, symbol: str, method: str, name: str) -> Any:
        """What ccxt says of one parameter of a method in this market; None: nothing."""
        try:
            return self.exchange.feature_value(symbol, method, name)
        except self._errors:
            return None

    async def ask(self, call: Call, within_s: float = 0.0) -> Any:
        """A question, after whatever pause the exchange wants: its answer, or a `Failure`."""
        said, _ = await self.ask_counting(call, within_s)
        return said

    async def ask_counting(self, call: Call, within_s: float = 0.0) -> tuple[Any, int]:
        """The same, and how many rows came before ccxt filtered them."""
        wait_ns = self.allowance.banned_ns(self._clock())
        if wait_ns:
            await asyncio.sleep(wait_ns / SECOND_NS)
        evidence = Evidence()
        said = await self._call(call, evidence, within_s or self._ask_s)
        return said, evidence.rows

    async def do(self, call: Call, valid_until_ns: int, within_s: float) -> Any:
        """A deed, unless the exchange wants to be left alone: its answer, or a `Failure`."""
        now_ns = self._clock()
        wait_ns = self.allowance.banned_ns(now_ns)
        if wait_ns:
            return Failure("rate", self.allowance.excuse(wait_ns, now_ns), retry_ns=wait_ns)

        def is_late() -> bool:
            return bool(valid_until_ns) and self._clock() > valid_until_ns

        evidence = Evidence(deed=True, by_get=self.deeds_by_get, is_late=is_late)
        return await self._call(call, evidence, within_s)

    async def rehearse(self, call: Call, our_id: str) -> str | Failure:
        """The request that this call would send with our id in it; nothing is sent."""
        evidence = Evidence(deed=True)
        evidence.rehearsing = our_id
        token = EVIDENCE.set(evidence)
        try:
            await call()
        except Rehearsed as caught:
            return caught.request
        except self._errors as error:
            return self._failure(error, evidence)
        finally:
            EVIDENCE.reset(token)
        return ""

    async def listen(self, call: Call, within_s: float) -> Any:
        """The next word of a stream: what it said, None where it was silent so long, or a `Failure`."""
        waited = asyncio.timeout(within_s)
        try:
            async with waited:
                return await call()
        except self._errors as error:
            return None if waited.expired() else self._failure(error, Evidence())

    async def close(self) -> None:
        """Let go of every connection; what fails on the way out changes nothing any more."""
        with suppress(*self._errors):
            await self.exchange.close()

    async def _call(self, call: Call, evidence: Evidence, within_s: float) -> Any:
        token = EVIDENCE.set(evidence)
        try:
            async with asyncio.timeout(within_s):
                return await call()
        except self._errors as error:
            return self._failure(error, evidence)
        finally:
            EVIDENCE.reset(token)

    def _failure(self, error: Exception, evidence: Evidence) -> Failure:
        kind = sharpened(kind_of([one.__name__ for one in type(error).__mro__]), str(error))
        left = evidence.left and type(error.__cause__).__name__ not in UNSENT
        retry_ns = retry_of(kind, evidence.status, evidence.retry_after_s)
        said = str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            said = "no answer in time" if evidence.asked else "no turn in ccxt's queue in time"
        elif kind == "odd" and isinstance(error, ODD):
            said = f"ccxt could not read what came ({type(error).__name__}: {said})"
        why = words_of(said, kind, self._hidden)
        if retry_ns:
            self.allowance.stay_away(retry_ns, why, self._clock())
        return Failure(kind, why, left, evidence.status, evidence.later, retry_ns)
