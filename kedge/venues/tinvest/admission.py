"""What has to be in order before the account is let in: the token, the account, the instruments, their hours.

Asked before every connection of the stream of orders, so that a token that was taken back is found where it
is said. Refusals that a person must mend are `Refused`; what may pass is `Silence`; what is merely worth
knowing is an oddity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as pb
from kedge.protos.tinvest import sandbox_pb2 as sandbox
from kedge.protos.tinvest import users_pb2 as users
from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.tinvest import calendar, instruments
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.errors import Fault
from kedge.venues.tinvest.instruments import Listed, Schedule
from kedge.venues.tinvest.rules import DAY_NS, SECOND_NS, Method
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import money, money_or_zero, stamp

Barred = Silence | Refused

READ_ONLY: Final = "the token may only read this account: make one with full access to trade"
# Futures whose margins are asked for one by one, where the list does not have them.
MARGINS_MOST: Final = 100
_LISTS: Final[tuple[tuple[Method, type[Any], Callable[[Any], list[Listed]]], ...]] = (
    (limits.SHARES, pb.SharesResponse, instruments.read_shares),
    (limits.ETFS, pb.EtfsResponse, instruments.read_etfs),
    (limits.BONDS, pb.BondsResponse, instruments.read_bonds),
    (limits.CURRENCIES, pb.CurrenciesResponse, instruments.read_currencies),
    (limits.FUTURES, pb.FuturesResponse, instruments.read_futures),
)


class Admission:
    def __init__(self, ties: Ties, asks: Asks) -> None:
        # Why nothing may be changed on the account; "" where everything may.
        self.shut = ""
        # What people should know, by what it is about.
        self.oddities: dict[str, str] = {}
        self._ties = ties
        self._asks = asks
        self._listed_ns = 0

    async def admit(self) -> Barred | None:
        """Everything, in order; None when the stream of orders may be opened."""
        if not self._ties.setup.key:
            return Refused("no token is given: name the secret that holds it by `key`")
        for step in (self._account, self._list):
            barred = await step()
            if barred is not None:
                return barred
        return None

    @property
    def oddity(self) -> str:
        return sentence("; ".join(said for said in self.oddities.values() if said))

    def listed_ns(self) -> int:
        """When the lists were last read."""
        return self._listed_ns

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    async def _account(self) -> Barred | None:
        said = await self._asks.ask(limits.ACCOUNTS, users.GetAccountsRequest(), users.GetAccountsResponse)
        if not isinstance(said, users.GetAccountsResponse):
            return self._barred(said)
        if self._ties.sandbox and not said.accounts and not self._ties.setup.number:
            return await self._open_in_sandbox()
        chosen = choose(said.accounts, self._ties.setup.number)
        if isinstance(chosen, Refused):
            return chosen
        self._ties.number = chosen.id
        self.shut = "" if chosen.access_level in _MAY_TRADE else READ_ONLY
        self.oddities["token"] = self.shut
        return None

    async def _open_in_sandbox(self) -> Barred | None:
        """The sandbox begins without an account, and forgets those that nobody uses."""
        request = sandbox.OpenSandboxAccountRequest(name="kedge")
        said = await self._asks.do(limits.OPEN_SANDBOX, request, sandbox.OpenSandboxAccountResponse)
        if not isinstance(said, sandbox.OpenSandboxAccountResponse):
            return self._barred(said)
        amount = money(Decimal(limits.SANDBOX_ROUBLES), "rub")
        paid = sandbox.SandboxPayInRequest(account_id=said.account_id, amount=amount)
        await self._asks.do(limits.PAY_IN, paid, sandbox.SandboxPayInResponse)
        self._ties.number, self.shut = said.account_id, ""
        return None

    def _barred(self, said: Fault | Silence) -> Barred:
        """A token that is not known, or that may not even look, is a person's to mend."""
        if isinstance(said, Fault) and said.meaning == "locked":
            return Refused(said.why)
        return Silence(said.why, retry_ns=said.retry_ns)

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    async def _list(self) -> Barred | None:
        age_ns = self._ties.clock() - self._listed_ns
        if self._listed_ns and age_ns < self._ties.options.instruments_s * SECOND_NS:
            return None
        return await self.list_instruments()

    async def list_instruments(self) -> Barred | None:
        """All lists, and the hours; a list that is not whole changes nothing: what it lacks would be taken
        for no longer listed."""
        rows: list[Listed] = []
        for method, reply, read in _LISTS:
            request = pb.InstrumentsRequest(instrument_status=common.INSTRUMENT_STATUS_BASE)
            said = await self._asks.ask(method, request, reply)
            if not isinstance(said, reply):
                return self._barred(said)
            rows += read(said)
        if not rows:
            return Silence("the venue lists no instrument of the main boards, which is not believed")
        now_ns = self._ties.clock()
        schedule = await self._schedule(now_ns)
        rows = await self._with_margins(rows)
        self._ties.listing.learn(rows, schedule, now_ns)
        self._listed_ns = now_ns
        return None

    async def _schedule(self, now_ns: int) -> Schedule | None:
        """The venue's hours of the next days. Without them the exchange's own stand in."""
        until_ns = calendar.day_of(now_ns) + limits.SCHEDULE_DAYS * DAY_NS
        request = pb.TradingSchedulesRequest(to=stamp(until_ns - SECOND_NS))
        # Not earlier than now, or it is refused.
        getattr(request, "from").CopyFrom(stamp(now_ns))
        said = await self._asks.ask(limits.SCHEDULES, request, pb.TradingSchedulesResponse)
        if not isinstance(said, pb.TradingSchedulesResponse) or not said.exchanges:
            why = "it names no section" if isinstance(said, pb.TradingSchedulesResponse) else said.why
            about = f"the venue's hours are not known ({why}): those of {calendar.AS_OF} are taken"
            self.oddities["hours"] = about
            return None
        self.oddities["hours"] = ""
        return instruments.read_schedules(said, until_ns)

    async def _with_margins(self, rows: list[Listed]) -> list[Listed]:
        """Margins of futures whose list has none, nearest expiry first, as many as the limits allow."""
        lacking = [row for row in rows if row.instrument.sector == "future" and not row.instrument.buy_margin]
        lacking.sort(key=lambda row: (row.instrument.expires_ns, row.uid))
        found: dict[str, Listed] = {}
        for row in lacking[:MARGINS_MOST]:
            request = pb.GetFuturesMarginRequest(instrument_id=row.uid)
            said = await self._asks.ask(limits.FUTURES_MARGIN, request, pb.GetFuturesMarginResponse)
            if not isinstance(said, pb.GetFuturesMarginResponse):
                break
            buy = money_or_zero(said, "initial_margin_on_buy")
            sell = money_or_zero(said, "initial_margin_on_sell")
            found[row.uid] = instruments.with_margins(row, buy, sell)
        return [found.get(row.uid, row) for row in rows]


_MAY_TRADE: Final = (users.ACCOUNT_ACCESS_LEVEL_FULL_ACCESS, users.ACCOUNT_ACCESS_LEVEL_UNSPECIFIED)
# Brokerage accounts and individual investment accounts; others take no orders.
_KINDS: Final = (
    users.ACCOUNT_TYPE_TINKOFF,
    users.ACCOUNT_TYPE_TINKOFF_IIS,
    users.ACCOUNT_TYPE_UNSPECIFIED,
)


def choose(accounts: Sequence[users.Account], number: str) -> users.Account | Refused:
    """The account of this number, or the only one that could be meant."""
    seen = [one for one in accounts if one.access_level != users.ACCOUNT_ACCESS_LEVEL_NO_ACCESS]
    if number:
        named = next((one for one in seen if one.id == number), None)
        if named is None:
            return Refused(f"the token does not open account {number}: {_known(seen)}")
        if named.status == users.ACCOUNT_STATUS_CLOSED:
            return Refused(f"account {number} is closed: {_known(seen)}")
        return named
    closed = (users.ACCOUNT_STATUS_CLOSED, users.ACCOUNT_STATUS_NEW)
    open_ones = [one for one in seen if one.status not in closed and one.type in _KINDS]
    if len(open_ones) == 1:
        return open_ones[0]
    if not open_ones:
        return Refused("the token opens no brokerage account: make another, or open one in the sandbox")
    return Refused(f"the token opens several accounts, name one by `number`: {_known(open_ones)}")


def _known(accounts: Sequence[users.Account]) -> str:
    names = [f"{one.id} ({one.name})" if one.name else one.id for one in accounts]
    return sentence("it opens " + ", ".join(names) if names else "it opens none")
