"""What makes this exchange Bybit's: its listings, its past funding rates, the faults it understands."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.sim.bybit.rows import BybitFacts, RateRow, Tables
from kedge.sim.bybit.texts import encode, envelope
from kedge.sim.testnet import listings as all_listings
from kedge.sim.testnet.faults import Do, Faults
from kedge.sim.testnet.house import House
from kedge.sim.testnet.listings import Listings
from kedge.sim.testnet.web import Reply

# The venue counts by symbol and kind itself; the exchange's one count is only a bound.
OPEN_ORDERS_MAX = 10_000
# What funding was before the venue had a past.
PAST_RATE = Decimal("0.0001")
PAST_FUNDINGS = 6


def listings(now_ns: int) -> Listings:
    """What is listed, with Bybit's rules: ids are the venue's to judge, and nobody is kept from himself."""
    found = all_listings.bybit(now_ns)
    exchange = replace(
        found.exchange,
        id_scope="open",
        self_trade="none",
        post_only_cancels=True,
        reduce_only_cuts=True,
        amend="in_place",
        open_orders_max=OPEN_ORDERS_MAX,
    )
    return replace(found, exchange=exchange)


def teach(faults: Faults, restart: Do, set_ids: Do) -> None:
    """The names of faults beside the wire's, and the venue's own words for errors."""
    faults.teach("lookup_lag", "lookups do not show orders and executions younger than delay_ns")
    faults.teach("late_match", "an order is acknowledged and reaches the matching engine delay_ns later")
    faults.teach("reject_after_ack", "an order is acknowledged, then Rejected (value: the rejectReason)")
    faults.teach("cancel_race", "an order is filled while its cancel is on the way; the cancel says OK")
    words = "order entry by socket answers with the retCode in value (10016), done where deed is true"
    faults.teach("trade_error", words)
    faults.teach("stream_first", "the private stream tells of a deed before its answer comes")
    faults.teach("shifting_cursor", "cursors count rows, so that pages shift while they are turned")
    faults.teach("book_gap", "one message of a book topic is left out (path: orderbook.50.BTCUSDT)")
    faults.teach("book_snapshot", "a book topic sends a snapshot in the middle")
    parts = "value: public (u=1), trade (10019), private, orders; empty: all but private"
    faults.teach("service_restart", parts, restart)
    faults.teach("link_id_scope", "value: open or forever; for how long an orderLinkId is taken", set_ids)
    faults.teach_error("server_timeout", Reply(200, _said(10000, "Server Timeout")))
    faults.teach_error("server_error", Reply(200, _said(10016, "Server error.")))
    faults.teach_error("too_many", Reply(200, _said(10006, "Too many visits. Exceeded the API Rate Limit.")))
    for name, status, words in PAGES:
        page = f"<html><body>{status} {words}</body></html>"
        faults.teach_error(name, Reply(status, page.encode(), kind="text/html"))


def _said(code: int, words: str) -> bytes:
    return encode(envelope({}, 0, code, words))


# What stands before the venue says so in HTML.
PAGES = (
    ("forbidden", 403, "Forbidden: access too frequent"),
    ("overloaded", 429, "Too Many Requests"),
    ("bad_gateway", 502, "Bad Gateway"),
    ("unavailable", 503, "Service Unavailable"),
    ("gateway_timeout", 504, "Gateway Time-out"),
)


class Rates:
    """Funding rates as they were paid, kept when their moment passes."""

    def __init__(self, house: House[BybitFacts], tables: Tables) -> None:
        self._house = house
        self._exchange = house.exchange
        self._tables = tables
        self._due: dict[str, int] = {}
        for one in house.listed():
            market = self._exchange.market(one.symbol)
            interval = one.terms.funding_interval_ns
            if not interval:
                continue
            self._due[one.symbol] = market.funding_ns
            for back in range(PAST_FUNDINGS, 0, -1):
                at = market.funding_ns - back * interval
                if not house.keeper.restored:
                    self._put(one.symbol, PAST_RATE, at)

    def look(self, now_ns: int) -> None:
        """After the exchange's clock moved, before its prices do: what was just paid is still its rate."""
        for symbol, due in self._due.items():
            market = self._exchange.market(symbol)
            interval = self._house.of(symbol).terms.funding_interval_ns
            while due < market.funding_ns:
                self._put(symbol, market.funding_rate, due)
                due += interval
            self._due[symbol] = due

    def _put(self, symbol: str, rate: Decimal, at_ns: int) -> None:
        self._tables.rates.put(f"{symbol}|{at_ns}", RateRow(symbol, rate, at_ns))
