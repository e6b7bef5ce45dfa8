"""What is settled before an account is used, each time the link begins: clock, key, mode, leverage, margin.

What cannot be lived with keeps us out: a clock that proves nothing, a key without the right to trade, a key
that may withdraw, hedge mode. What can be lived with is said (`oddities`): a leverage that the venue does not
allow, a margin type that cannot change while something is open, a key that works from any address. An account
with open positions is better off connected than locked out by a setting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import text
from kedge.venues.binance.errors import Failure
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Asking, Done, Failed
from kedge.venues.binance.usdm.asks import Ask
from kedge.venues.binance.usdm.feeds import ExchangeInfo, instruments_of
from kedge.venues.binance.usdm.wire import PositionMode, Rights
from kedge.venues.silence import Refused, Silence
from kedge.venues.venue import Setup

LEVERAGE_MOST = 125
CONTRACTS_AT_ONCE = 50
NO_FUTURES = "the key may not trade futures: enable it for the key at the venue"
WITHDRAWS = (
    "the key may withdraw money, which the desk never needs: make one that may not, or say in the settings"
    " that it is meant"
)
ANY_ADDRESS = "the key works from any address: restrict it to this machine's at the venue"


class Entry:
    def __init__(self, setup: Setup, asking: Asking) -> None:
        self.oddities: list[str] = []
        self.instruments: tuple[Instrument, ...] = ()
        self._setup = setup
        self._asking = asking
        # Symbols whose leverage and margin were set on this link.
        self._settled: dict[str, None] = {}

    async def enter(self, symbols: Iterable[str]) -> Silence | Refused | None:
        """Everything, in the order in which a person would mend it; why we may not go in, or None."""
        self.oddities = []
        self._settled.clear()
        if self._asking.no_signer:
            return Refused(self._asking.no_signer)
        self._asking.skew.forget()
        wrong = await self._asking.check_clock()
        if wrong:
            return Silence(wrong)
        for step in (self._rights, self.refresh, self._one_way):
            barred = await step()
            if barred is not None:
                return barred
        await self.settle([*self._setup.leverage, *symbols])
        return None

    async def refresh(self) -> Silence | Refused | None:
        """The instruments as they are now."""
        info = await self._asking.read(asks.exchange_info(), ExchangeInfo)
        if isinstance(info, Failed):
            return Silence(f"no instruments: {info.why}", retry_ns=info.retry_ns)
        found: list[Instrument] = []
        for at in range(0, len(info.symbols), CONTRACTS_AT_ONCE):
            found += instruments_of(ExchangeInfo(info.symbols[at : at + CONTRACTS_AT_ONCE]))
            await asyncio.sleep(0)  # of hundreds, some at a time: what else is to be done goes in between
        self.instruments = tuple(found)
        return None

    async def settle(self, symbols: Iterable[str]) -> None:
        """Leverage and margin type of these symbols, as the settings say; what they leave out stays."""
        known = {one.symbol for one in self.instruments}
        for symbol in dict.fromkeys(symbols):
            if symbol in self._settled:
                continue
            if symbol not in known:
                if symbol in self._setup.leverage:
                    self._odd(f"leverage is set for {symbol}, and the venue has no such contract")
                continue
            self._settled[symbol] = None
            if self._setup.margin:
                await self._set(asks.margin_type(symbol, self._setup.margin == "isolated"), symbol, "margin")
            times = self._setup.leverage.get(symbol)
            if times is not None:
                await self._set_leverage(symbol, times)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _rights(self) -> Silence | Refused | None:
        """Asked of real keys only; a host that does not answer keeps nobody out."""
        rights = await self._asking.read_of_account(asks.rights(), Rights)
        if rights is None:
            return None
        if isinstance(rights, Failed):
            self._odd(f"the key's rights are not known: {rights.why}")
            return None
        if not rights.enable_futures:
            return Refused(NO_FUTURES)
        if rights.enable_withdrawals and not self._setup.may_withdraw:
            return Refused(WITHDRAWS)
        if not rights.ip_restrict:
            self._odd(ANY_ADDRESS)
        return None

    async def _one_way(self) -> Silence | Refused | None:
        """Hedge mode has two positions in one contract; the desk's ledger has one."""
        mode = await self._asking.read(asks.position_mode(), PositionMode)
        if isinstance(mode, Failed):
            if mode.for_a_person:
                return Refused(mode.why)
            return Silence(f"the position mode is not known: {mode.why}", retry_ns=mode.retry_ns)
        if not mode.dual_side_position:
            return None
        outcome = await self._asking.do(asks.one_way(), 0)
        if isinstance(outcome, Done):
            self._odd("the account was in hedge mode; it is in one-way mode now")
            return None
        if isinstance(outcome, Silence):
            return outcome
        if outcome.code in mends.UNCHANGED:
            return None
        why = mends.sentence(outcome)
        return Refused(why) if outcome.code in mends.IN_THE_WAY or outcome.for_a_person else Silence(why)

    async def _set_leverage(self, symbol: str, times: Decimal) -> None:
        if times != int(times) or not 1 <= times <= LEVERAGE_MOST:
            self._odd(f"leverage {text(times)} for {symbol}: the venue takes whole numbers from 1 to 125")
            return
        await self._set(asks.leverage(symbol, int(times)), symbol, f"leverage {int(times)}")

    async def _set(self, ask: Ask, symbol: str, what: str) -> None:
        outcome = await self._asking.do(ask, 0)
        if isinstance(outcome, Silence):
            self._odd(f"{what} of {symbol} may not be set: {outcome.why}")
        elif isinstance(outcome, Failure) and outcome.code not in mends.UNCHANGED:
            self._odd(f"{what} of {symbol} was not set: {mends.sentence(outcome)}")

    def _odd(self, says: str) -> None:
        self.oddities.append(says)
