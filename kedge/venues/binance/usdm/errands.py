"""What the user stream leads to: questions that must be answered before, or because of, what it told.

Each kind is one task at a time, and what comes meanwhile waits for its next round. An errand that keeps
failing ends the link: the report that follows a new one knows everything.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kedge.model.events import CashNews, Event, FillNews
from kedge.venues.binance.usdm import asks
from kedge.venues.binance.usdm.asking import Failed
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.hearing import Heard, Hearing, Want
from kedge.venues.binance.usdm.links import Links
from kedge.venues.binance.usdm.questions import Questions
from kedge.venues.binance.usdm.rules import SECOND_NS
from kedge.venues.binance.usdm.wire import NS_PER_MS, PositionMode, Trade, cash_of

INCOME_BACK_MS = 600_000
HEDGED = "somebody switched the account to hedge mode; the desk trades in one-way mode"


class Teller(Protocol):
    def say(self, event: Event) -> None: ...

    def told(self, heard: Heard) -> None: ...

    def give_up(self, why: str) -> None:
        """The link is of no further use."""


class Errands:
    def __init__(
        self, common: Common, teller: Teller, hearing: Hearing, links: Links, questions: Questions
    ) -> None:
        self._account = common.account
        self._asking = common.asking
        self._chores = common.chores
        self._clock = common.clock
        self._options = common.options
        self._teller = teller
        self._hearing = hearing
        self._links = links
        self._questions = questions
        self._trades: dict[Want, int] = {}
        self._income_ms = 0
        self._income_moved = False

    def begin(self) -> None:
        """A link begins, or has ended: the report that follows tells what was still to be asked."""
        self._trades.clear()
        self._income_moved = False
        self._income_ms = self._asking.venue_ns // NS_PER_MS

    def go(self, want: Want) -> None:
        if want.kind == "links":
            self._chores.start("links", self._settle)
        elif want.kind == "trades":
            self._trades.setdefault(want, 0)
            self._chores.start("trades", self._fetch_trades)
        elif want.kind == "income":
            self._questions.income_moved()
            self._income_moved = True
            self._chores.start("income", self._fetch_income)
        else:
            self._chores.start("mode", self._check_mode)

    def check(self) -> None:
        """About once a second: fills that were announced and never told, and what came as a chore ended."""
        patience_ns = round(self._options.fill_story_s * SECOND_NS)
        for want in self._hearing.overdue(self._clock(), patience_ns):
            self.go(want)
        if self._hearing.held_symbols:
            self._chores.start("links", self._settle)
        if self._trades:
            self._chores.start("trades", self._fetch_trades)
        if self._income_moved:
            self._chores.start("income", self._fetch_income)

    # ── whose orders these are ──────────────────────────────────────────────────────────────────

    async def _settle(self) -> None:
        tries = 0
        while symbols := self._hearing.held_symbols:
            failed = ""
            for symbol in symbols:
                settled = await self._links.settle(symbol)
                if isinstance(settled, str):
                    failed = settled
                else:
                    self._teller.told(self._hearing.links_known(symbol, settled))
            tries = tries + 1 if failed else 0
            if tries >= self._options.errand_tries:
                self._teller.give_up(f"whose orders these are could not be learnt: {failed}")
                return
            if failed:
                await asyncio.sleep(0.5 * 2**tries)
            elif self._hearing.held_symbols:
                await asyncio.sleep(self._options.settle_s)  # what is left is young, and that passes

    # ── fills that were announced, or have no number ────────────────────────────────────────────

    async def _fetch_trades(self) -> None:
        while self._trades:
            want = next(iter(self._trades))
            failed = await self._fetch(want)
            tries = self._trades.pop(want, 0) + 1
            if not failed:
                continue
            if tries >= self._options.errand_tries:
                self._teller.give_up(f"a fill was announced and could not be learnt: {failed}")
                return
            self._trades[want] = tries  # behind the others
            await asyncio.sleep(0.25 * 2**tries)

    async def _fetch(self, want: Want) -> str:
        page = await self._asking.read(asks.trades_of(want.symbol, want.order_id), list[Trade])
        if isinstance(page, Failed):
            return page.why
        fills, failed = await self._links.fills(page)
        for fill in fills:
            if self._hearing.is_news(fill.exec_id):
                self._teller.say(FillNews(self._account, fill))
        self._hearing.fills_told([fill.exec_id for fill in fills])
        still = self._hearing.awaits(want.symbol, want.order_id)
        return failed or ("the venue does not show it yet" if still or not fills else "")

    # ── money ───────────────────────────────────────────────────────────────────────────────────

    async def _fetch_income(self) -> None:
        while self._income_moved:
            self._income_moved = False
            await asyncio.sleep(self._options.income_pause_s)
            until_ms = self._asking.venue_ns // NS_PER_MS
            rows, failed = await self._questions.incomes(max(0, self._income_ms - INCOME_BACK_MS), until_ms)
            for cash in map(cash_of, rows):
                if cash is not None:
                    self._teller.say(CashNews(self._account, cash))
            if not failed:
                self._income_ms = until_ms

    # ── the mode ────────────────────────────────────────────────────────────────────────────────

    async def _check_mode(self) -> None:
        await asyncio.sleep(self._options.heartbeat_s)
        mode = await self._asking.read(asks.position_mode(), PositionMode)
        if isinstance(mode, PositionMode) and mode.dual_side_position:
            self._teller.give_up(HEDGED)
