"""T-Invest's instruments, the names each of them has, and when it trades. Pure.

An instrument goes by its ticker (SBER, SiZ6, SU26238RMFS4). Only the main boards of the Moscow Exchange are
listed, and of them what may be traded by the interface. Where two of them have one ticker, the second is
TICKER@CLASS; so is what the account holds and nobody lists.

What the venue stops listing stays, as `listed=False`: a desk may still hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument, InstrumentKind, Sector, Session, Status
from kedge.model.numbers import ONE, ZERO, divide
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as pb
from kedge.venues.tinvest import calendar
from kedge.venues.tinvest.rules import BOARDS, DAY_NS
from kedge.venues.tinvest.wire import has, money_or_zero, ns_of, number, sane

R = TypeVar("R", pb.Share, pb.Bond, pb.Etf, pb.Currency, pb.Future)


class _Row(Protocol):
    """What the lists of all kinds have in common."""

    ticker: str
    class_code: str
    uid: str
    figi: str
    lot: int
    currency: str
    name: str
    exchange: str
    short_enabled_flag: bool
    buy_available_flag: bool
    sell_available_flag: bool
    api_trade_available_flag: bool
    weekend_flag: bool
    real_exchange: Any
    min_price_increment: Any


class Listed(Struct, frozen=True):
    """One line of the venue's lists: the instrument, by what the venue knows it, and where it trades."""

    instrument: Instrument
    uid: str
    figi: str
    board: str
    # The venue's name of its schedule.
    section: str
    weekend: bool


# What stops trading, for a moment or for the day. Whether it is a halt depends on the calendar.
_SHUT: Final = (
    common.SECURITY_TRADING_STATUS_NOT_AVAILABLE_FOR_TRADING,
    common.SECURITY_TRADING_STATUS_BREAK_IN_TRADING,
    common.SECURITY_TRADING_STATUS_SESSION_CLOSE,
    common.SECURITY_TRADING_STATUS_DARK_POOL_AUCTION,
    common.SECURITY_TRADING_STATUS_DEALER_BREAK_IN_TRADING,
    common.SECURITY_TRADING_STATUS_DEALER_NOT_AVAILABLE_FOR_TRADING,
)


class Standing(Struct, frozen=True):
    """What the venue says now of one instrument's trading."""

    shut: bool
    market_orders: bool


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def read_shares(said: pb.SharesResponse) -> list[Listed]:
    return _rows(said.instruments, "share", lambda row: _plain(row, "spot", "share"))


def read_etfs(said: pb.EtfsResponse) -> list[Listed]:
    return _rows(said.instruments, "etf", lambda row: _plain(row, "spot", "etf"))


def read_bonds(said: pb.BondsResponse) -> list[Listed]:
    return _rows(said.instruments, "bond", _bond)


def read_currencies(said: pb.CurrenciesResponse) -> list[Listed]:
    return _rows(said.instruments, "currency", _currency)


def read_futures(said: pb.FuturesResponse) -> list[Listed]:
    return _rows(said.instruments, "future", _future)


def _rows(rows: Iterable[R], sector: Sector, make: Callable[[R], Instrument | None]) -> list[Listed]:
    """Those of the main boards that may be traded by the interface; what makes no sense is left out."""
    found = []
    for row in rows:
        made = make(row) if _is_of(row, sector) else None
        if made is not None:
            weekend = row.weekend_flag
            found.append(Listed(made, row.uid, row.figi, row.class_code, row.exchange.lower(), weekend))
    return found


def _is_of(row: _Row, sector: Sector) -> bool:
    step = number(row.min_price_increment)
    return (
        row.class_code in BOARDS[sector]
        and row.api_trade_available_flag
        and row.real_exchange in (common.REAL_EXCHANGE_MOEX, common.REAL_EXCHANGE_UNSPECIFIED)
        and step > 0
        and sane(step)
        and row.lot > 0
        and bool(row.ticker and row.uid)
    )


def _plain(row: _Row, kind: InstrumentKind, sector: Sector) -> Instrument:
    lot = Decimal(row.lot)
    currency = row.currency.upper()
    return Instrument(
        symbol=row.ticker,
        kind=kind,
        base=row.ticker,
        quote=currency,
        settle=currency,
        tick=number(row.min_price_increment),
        qty_step=lot,
        min_qty=lot,
        lot=lot,
        name=row.name,
        sector=sector,
        can_buy=row.buy_available_flag,
        can_sell=row.sell_available_flag,
        can_short=row.short_enabled_flag,
    )


def _bond(row: pb.Bond) -> Instrument | None:
    """One whose nominal is in another money than it is paid with cannot be valued by its price alone."""
    nominal = money_or_zero(row, "nominal")
    if nominal <= 0 or row.nominal.currency.upper() != row.currency.upper():
        return None
    made = _plain(row, "bond", "bond")
    return replace(made, nominal=nominal, expires_ns=_last_moment(row, "maturity_date"))


def _currency(row: pb.Currency) -> Instrument:
    """A price is for `nominal` units: for a hundred yen."""
    made = _plain(row, "spot", "currency")
    nominal = money_or_zero(row, "nominal") or ONE
    base = (row.iso_currency_name or row.ticker).upper()
    return replace(made, base=base, multiplier=ONE if nominal == 1 else divide(ONE, nominal))


def _future(row: pb.Future) -> Instrument | None:
    """Lot and position are counted in contracts, whatever the list calls their lot."""
    tick_value = number(row.min_price_increment_amount) if has(row, "min_price_increment_amount") else ZERO
    if tick_value <= 0:
        return None
    made = _plain(row, "points", "future")
    return replace(
        made,
        qty_step=ONE,
        min_qty=ONE,
        lot=ONE,
        tick_value=tick_value,
        asset=row.basic_asset,
        asset_size=number(row.basic_asset_size) if has(row, "basic_asset_size") else ZERO,
        buy_margin=money_or_zero(row, "initial_margin_on_buy"),
        sell_margin=money_or_zero(row, "initial_margin_on_sell"),
        expires_ns=_last_moment(row, "last_trade_date") or _last_moment(row, "expiration_date"),
    )


def _last_moment(row: pb.Bond | pb.Future, field: str) -> int:
    """A date means the whole of that day in Moscow; a time means itself. 0: there is none."""
    if not has(row, field):
        return 0
    ns = ns_of(getattr(row, field))
    if ns <= 0:
        return 0
    return ns if ns % DAY_NS else ns + DAY_NS - calendar.MOSCOW_NS


def with_margins(row: Listed, buy: Decimal, sell: Decimal) -> Listed:
    return replace(row, instrument=replace(row.instrument, buy_margin=buy, sell_margin=sell))


# ── schedules ───────────────────────────────────────────────────────────────────────────────────


class Schedule(Struct, frozen=True):
    """The venue's days by section; `until_ns`: it speaks of the time before this."""

    days: Mapping[str, tuple[calendar.Day, ...]]
    until_ns: int


def read_schedules(said: pb.TradingSchedulesResponse, until_ns: int) -> Schedule:
    days = {one.exchange.lower(): tuple(_day(day) for day in one.days) for one in said.exchanges}
    return Schedule({section: found for section, found in days.items() if found}, until_ns)


def _day(day: pb.TradingDay) -> calendar.Day:
    start_ns = ns_of(day.date)
    if not day.is_trading_day:
        return calendar.Day(start_ns)
    named = [one for one in day.intervals if _is_session(one.type)]
    if named:
        trading = tuple(_interval(one) for one in named)
    else:
        trading = _pair(day, "start_time", "end_time") + _pair(day, "evening_start_time", "evening_end_time")
    breaks = _pair(day, "clearing_start_time", "clearing_end_time")
    breaks += tuple(_interval(one) for one in day.intervals if "clearing" in one.type.lower())
    return calendar.Day(start_ns, trading, breaks)


def _is_session(kind: str) -> bool:
    """Continuous trading on the exchange: no auction, and not the bank's own market."""
    kind = kind.lower()
    return "trading_session" in kind and "dealer" not in kind and "auction" not in kind


def _interval(one: pb.TradingInterval) -> calendar.Stretch:
    return ns_of(one.interval.start_ts), ns_of(one.interval.end_ts)


def _pair(day: pb.TradingDay, begin: str, end: str) -> tuple[calendar.Stretch, ...]:
    if not (has(day, begin) and has(day, end)):
        return ()
    stretch = ns_of(getattr(day, begin)), ns_of(getattr(day, end))
    return (stretch,) if 0 < stretch[0] < stretch[1] else ()


def sessions(listed: Listed, schedule: Schedule | None, now_ns: int) -> tuple[Session, ...]:
    """When it trades, from the beginning of today in Moscow on: by the venue, and where that is silent by the
    exchange's own hours."""
    sector = listed.instrument.sector
    derivative = sector == "future"
    begun_ns = calendar.day_of(now_ns)
    days = schedule.days.get(listed.section, ()) if schedule is not None else ()
    if days:
        if derivative:
            days = tuple(_cleared(day) for day in days)
        found = calendar.sessions_of(days)
    else:
        habits = calendar.habits_of(listed.section, derivative, sector == "currency", listed.weekend)
        found = calendar.usual(habits, begun_ns, begun_ns + 8 * DAY_NS)
    return tuple(session for session in found if session.close_ns > begun_ns)


def _cleared(day: calendar.Day) -> calendar.Day:
    begins = [begin for begin, _ in day.trading]
    breaks = calendar.clearings(min(begins)) if begins else ()
    return calendar.Day(day.start_ns, day.trading, day.breaks + breaks)


# ── the listing ─────────────────────────────────────────────────────────────────────────────────


class Listing:
    """All that the venue has listed in this life, by our names and by the venue's."""

    def __init__(self) -> None:
        self.all: dict[str, Instrument] = {}
        self._listed: dict[str, Listed] = {}
        self._symbols: dict[str, str] = {}  # by uid, and by figi
        self._standing: dict[str, Standing] = {}
        # The venue tells its schedule; else the exchange's own hours are taken.
        self.by_schedule = False

    def learn(self, rows: Sequence[Listed], schedule: Schedule | None, now_ns: int) -> None:
        """The lists, read anew and whole."""
        known = {listed.uid: symbol for symbol, listed in self._listed.items()}
        fresh: dict[str, Listed] = {}
        for row in rows:
            symbol = known.get(row.uid) or row.instrument.symbol
            if symbol in fresh or (symbol in self._listed and self._listed[symbol].uid != row.uid):
                symbol = f"{row.instrument.symbol}@{row.board}"
            if symbol in fresh:
                continue  # the very same twice
            made = replace(row.instrument, symbol=symbol, sessions=sessions(row, schedule, now_ns))
            fresh[symbol] = replace(row, instrument=made)
        for symbol, old in self._listed.items():
            if symbol not in fresh:
                fresh[symbol] = replace(old, instrument=replace(old.instrument, listed=False))
        self._listed = fresh
        self._symbols = {row.figi: symbol for symbol, row in fresh.items() if row.figi}
        self._symbols |= {row.uid: symbol for symbol, row in fresh.items()}
        self.by_schedule = schedule is not None and bool(schedule.days)
        self.refresh(now_ns)

    def refresh(self, now_ns: int) -> list[str]:
        """Lay what trades now over what is listed; the symbols that have changed."""
        changed = []
        for symbol, row in self._listed.items():
            made = _standing(row.instrument, self._standing.get(symbol), now_ns)
            if self.all.get(symbol) != made:
                self.all[symbol] = made
                changed.append(symbol)
        return changed

    def stands(self, symbol: str, standing: Standing, now_ns: int) -> bool:
        """The venue says how an instrument trades now; whether that changes what is known of it."""
        row = self._listed.get(symbol)
        if row is None:
            return False
        self._standing[symbol] = standing
        made = _standing(row.instrument, standing, now_ns)
        if self.all.get(symbol) == made:
            return False
        self.all[symbol] = made
        return True

    def is_listed(self, symbol: str) -> bool:
        known = self.all.get(symbol)
        return known is not None and known.listed

    def uid_of(self, symbol: str) -> str:
        """ "" for what was never listed."""
        row = self._listed.get(symbol)
        return row.uid if row is not None else ""

    def symbol_of(self, uid: str, figi: str = "", ticker: str = "", board: str = "") -> str:
        """Our name of what the venue names; one that nobody lists has one too."""
        known = self._symbols.get(uid) or self._symbols.get(figi)
        if known:
            return known
        return f"{ticker}@{board}" if ticker else (uid or figi)

    def lot_of(self, symbol: str) -> Decimal:
        known = self.all.get(symbol)
        return known.lot if known is not None else ONE


def standing_of(status: int, market_orders: bool) -> Standing:
    return Standing(status in _SHUT, market_orders)


def _standing(instrument: Instrument, standing: Standing | None, now_ns: int) -> Instrument:
    """Outside its hours an instrument is shut and not halted: the calendar says so already."""
    if standing is None or not instrument.is_open(now_ns):
        return instrument
    status: Status = "halted" if standing.shut else "trading"
    market_orders = standing.market_orders or standing.shut
    if (status, market_orders) == (instrument.status, instrument.market_orders):
        return instrument
    return replace(instrument, status=status, market_orders=market_orders)
