"""What has to be in order before the account is let in: clock, key, instruments, settings, dead-man switch.

Asked before every connection of the private line, so that a key that was taken back, an address that changed
or a clock that went wrong is found where it is said. What was set once is not set again in the same life.
Refusals that a person must mend are `Refused`; what may pass is `Silence`; what is merely worth knowing is an
oddity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.venues.bybit import errors, orders
from kedge.venues.bybit import rules as limits
from kedge.venues.bybit.asks import PUBLIC, QUESTION, SETTING, Asks
from kedge.venues.bybit.instruments import read_instruments
from kedge.venues.bybit.key import Rights, read_key, rights_of
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import CATEGORIES, Category, Envelope, Unreadable, Words, json_of, read_as
from kedge.venues.rest import Call
from kedge.venues.silence import Refused, Silence, sentence

TIME: Final = "/v5/market/time"
KEY: Final = "/v5/user/query-api"
INSTRUMENTS: Final = "/v5/market/instruments-info"
ACCOUNT: Final = "/v5/account/info"
MARGIN: Final = "/v5/account/set-margin-mode"
POSITION_MODE: Final = "/v5/position/switch-mode"
LEVERAGE: Final = "/v5/position/set-leverage"
DEAD_MAN: Final = "/v5/order/disconnected-cancel-all"
DEAD_MAN_INFO: Final = "/v5/account/query-dcp-info"

SECOND_NS: Final = 1_000_000_000
NOT_ARMED: Final = (
    "the dead-man switch is not armed: Bybit gives it to institutional clients only; ask its support, or set "
    "dead_man_s to 0 so that nobody relies on it"
)
NOT_ALL_ARMED: Final = (
    "the dead-man switch is not armed for {}: orders there stay when the connection dies; ask Bybit's support"
)
_PRODUCTS: Final = ("DERIVATIVES", "SPOT")
# Settings whose answers stay doubtful keep the account out for so many connections.
TRIES_MOST: Final = 3

Barred = Silence | Refused


class _List(Struct):
    """Instruments of one category, and what of the list could not be read."""

    found: list[Instrument]
    odd: list[str]


class _Account(Struct, frozen=True, rename="camel"):
    margin_mode: Words = ""


class _DeadMan(Struct, frozen=True, rename="camel"):
    product: str
    dcp_status: Words = ""


class _DeadMen(Struct, frozen=True, rename="camel"):
    dcp_infos: tuple[_DeadMan, ...] | None = ()


class Admission:
    def __init__(self, ties: Ties, asks: Asks) -> None:
        self.rights = Rights()
        # The private line subscribes to the switch, and every heartbeat keeps it from going off.
        self.dead_man = False
        # What people should know, by what it is about.
        self.oddities: dict[str, str] = {}
        self._ties = ties
        self._asks = asks
        self._listed_ns = 0
        self._settled = False
        self._tries = 0

    async def admit(self) -> Barred | None:
        """Everything, in order; None when the private line may be opened."""
        for step in (self._clock, self._key, self._list, self._settings):
            barred = await step()
            if barred is not None:
                return barred
        return None

    def begin_again(self) -> None:
        """A person says that something was mended: settings are tried again too."""
        self._settled = False
        self._tries = 0

    @property
    def oddity(self) -> str:
        return sentence("; ".join(said for said in self.oddities.values() if said))

    # ── clock and key ───────────────────────────────────────────────────────────────────────────

    async def _clock(self) -> Barred | None:
        self._asks.rest.skew.forget()
        fault = await self.check_clock()
        if not fault and self._asks.rest.skew.skew_ns > limits.AHEAD_MAX_NS:
            fault = self._asks.rest.skew.oddity  # every signed request would be refused as too late
        return Silence(fault) if fault else None

    async def check_clock(self) -> str:
        """Compare the clocks; the sentence why the venue's answers prove nothing, or ""."""
        rest = self._asks.rest
        fault = await rest.check_clock(Call("GET", TIME, cost=PUBLIC, signed=False))
        self.oddities["clock"] = rest.skew.oddity
        return fault

    async def _key(self) -> Barred | None:
        setup = self._ties.setup
        said = await self._asks.get(KEY, {}, QUESTION)
        if not isinstance(said, Envelope):
            return said
        row = read_key(said)
        if isinstance(row, Unreadable):
            return Silence(f"what the key may do cannot be read: {row.why}")
        rights = rights_of(row, setup.live and not setup.demo, setup.may_withdraw)
        if isinstance(rights, Refused):
            return rights
        self.rights = rights
        self.oddities["key"] = rights.oddity
        return None

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    async def _list(self) -> Barred | None:
        age_ns = self._ties.clock() - self._listed_ns
        if self._listed_ns and age_ns < self._ties.options.instruments_s * SECOND_NS:
            return None
        news = await self.list_instruments()
        return None if isinstance(news, list) else news

    async def list_instruments(self) -> list[Instrument] | Barred:
        """All pages of all categories; returns what is new or has changed.

        A list that is not whole changes nothing: what it lacks would be taken for closed.
        """
        lists: dict[Category, _List] = {}
        for category in CATEGORIES:
            found = await self._instruments(category)
            if not isinstance(found, _List):
                return found
            if not found.found and self._ties.listing.lists(category):
                return Silence(f"the venue lists nothing of {category}, which is not believed")
            lists[category] = found
        self._listed_ns = self._ties.clock()
        news: list[Instrument] = []
        for category, found in lists.items():
            news += self._ties.listing.learn(category, found.found, whole=not found.odd)
        odd = [why for found in lists.values() for why in found.odd]
        said = f"{len(odd)} instruments cannot be read; the first: {odd[0]}" if odd else ""
        self.oddities["instruments"] = said
        return news

    def listed_ns(self) -> int:
        """When the list was last read."""
        return self._listed_ns

    async def _instruments(self, category: Category) -> _List | Barred:
        found: dict[str, Instrument] = {}
        odd: list[str] = []
        cursor = ""
        for _ in range(self._ties.options.pages_max):
            params = {"category": category, "limit": limits.INSTRUMENTS_PAGE, "cursor": cursor}
            said = await self._asks.get(INSTRUMENTS, params, PUBLIC, signed=False)
            page = read_instruments(category, said) if isinstance(said, Envelope) else said
            if isinstance(page, (Silence, Refused)):
                return page
            if isinstance(page, Unreadable):
                return Silence(f"instruments of {category}: {page.why}")
            instruments, following, unread = page
            odd += unread
            before = len(found)
            found |= {one.symbol: one for one in instruments}
            if not following or (following == cursor and len(found) == before) or category == "spot":
                return _List(list(found.values()), odd)
            cursor = following
        return Silence(f"instruments of {category}: more than {self._ties.options.pages_max} pages")

    # ── settings ────────────────────────────────────────────────────────────────────────────────

    async def _settings(self) -> Barred | None:
        """What stays doubtful is said after a few tries, and tried again with the next connection: an account
        with open positions is better off connected."""
        if self._settled:
            return None
        self._tries += 1
        self.oddities["settings"] = ""
        contracts = () if self.rights.closed.get("linear") else (self._margin, self._one_way, self._leverage)
        for step in (*contracts, *((self._arm,) if self._ties.setup.dead_man_ns else ())):
            barred = await step()
            if isinstance(barred, Refused) or (barred is not None and self._tries < TRIES_MOST):
                return barred
            if barred is not None:
                self.oddities["settings"] = f"settings are in doubt: {barred.why}"
        self._settled = not self.oddities["settings"]
        return None

    async def _margin(self) -> Barred | None:
        wish = self._ties.setup.margin
        if not wish:
            return None
        said = await self._asks.get(ACCOUNT, {}, QUESTION)
        if not isinstance(said, Envelope):
            return said
        known = read_as(said.result, _Account)
        mode = orders.margin_mode(wish)
        if not isinstance(known, Unreadable) and known.margin_mode == mode:
            return None
        return await self._set(MARGIN, {"setMarginMode": mode}, f"margin = {wish!r}")

    async def _one_way(self) -> Barred | None:
        """The desk nets its bots' positions itself: two-sided positions have no place in that."""
        said = await self._post(POSITION_MODE, orders.one_way("USDT"))
        if not isinstance(said, Envelope):
            return said
        self.oddities["mode"] = ""
        if errors.meaning_of(said.ret_code) not in ("done", "same"):
            reason = errors.reason_of(said.ret_code, said.ret_msg)
            self.oddities["mode"] = f"not everything could be switched to one-way mode: {reason}"
        return None

    async def _leverage(self) -> Barred | None:
        for symbol, times in self._ties.setup.leverage.items():
            known = self._ties.listing.all.get(symbol)
            if known is None or known.kind == "spot":
                self.oddities[symbol] = f"leverage is set for {symbol!r}, no contract of Bybit: remove it"
                continue
            category = self._ties.listing.category_of(symbol)
            body = orders.leverage(category, symbol, times)
            barred = await self._judged(await self._post(LEVERAGE, body), f"leverage of {symbol}")
            if barred is not None:
                return barred
        return None

    async def _set(self, path: str, params: Mapping[str, str], what: str) -> Barred | None:
        return await self._judged(await self._post(path, json_of(params)), what)

    async def _judged(self, said: Envelope | Barred, what: str) -> Barred | None:
        """What the venue refuses for certain is said, and keeps nobody out: an account with open positions is
        better off connected."""
        if not isinstance(said, Envelope):
            return said
        meaning = errors.meaning_of(said.ret_code)
        self.oddities[what] = ""
        if meaning in ("done", "same"):
            return None
        why = sentence(f"{what} cannot be set: {errors.reason_of(said.ret_code, said.ret_msg)}")
        if meaning in ("unknown", "rate", "late"):
            return Silence(why)
        self.oddities[what] = why
        return None

    # ── the dead-man switch ─────────────────────────────────────────────────────────────────────

    async def _arm(self) -> Barred | None:
        """Armed, and then asked whether it is: a request that was taken is no proof of it."""
        seconds = -(-self._ties.setup.dead_man_ns // SECOND_NS)
        after_s = min(max(seconds, limits.DCP_LEAST_S), limits.DCP_MOST_S)
        self.dead_man = False
        self.oddities["dead man"] = NOT_ARMED
        taken = False
        for product in _PRODUCTS:
            said = await self._post(DEAD_MAN, orders.dead_man(product, after_s))
            if isinstance(said, Silence):
                return said
            taken = taken or (isinstance(said, Envelope) and said.ret_code == 0)
        if not taken:
            return None
        info = await self._asks.get(DEAD_MAN_INFO, {}, QUESTION)
        if isinstance(info, Silence):
            return info
        if isinstance(info, Refused):
            return None
        told = read_as(info.result, _DeadMen)
        infos = () if isinstance(told, Unreadable) else (told.dcp_infos or ())
        on = [one.product for one in infos if one.dcp_status == "ON" and one.product in _PRODUCTS]
        self.dead_man = bool(on)
        missing = [product for product in _PRODUCTS if product not in on]
        if on:
            self.oddities["dead man"] = NOT_ALL_ARMED.format(" and ".join(missing)) if missing else ""
        return None

    async def _post(self, path: str, body: bytes) -> Envelope | Barred:
        """The envelope whatever its code: settings read it themselves."""
        return await self._asks.said(Call("POST", path, body=body, cost=SETTING))
