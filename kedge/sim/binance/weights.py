"""How much may be asked: weight by address, orders by account; and what becomes of who does not listen.

Windows are fixed: a minute of weight begins at the full minute. Refused with 429 is who asks for more than a
window holds; who goes on asking after that is banned with 418, for two minutes first and four times as long
each time, up to three days.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.sim.binance.common import MS, Refused

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
BAN_NS = 2 * MINUTE_NS
BAN_MAX_NS = 3 * DAY_NS
# Requests that were answered 429 within one window before the address is banned.
IGNORED_MAX = 10
ADDRESSES_MAX = 10_000


class Count(Struct):
    """What was used of the window that began then."""

    since_ns: int = 0
    used: int = 0

    def at(self, now_ns: int, window_ns: int) -> int:
        """What is used now; a new window begins with nothing."""
        since_ns = now_ns - now_ns % window_ns
        if since_ns != self.since_ns:
            self.since_ns, self.used = since_ns, 0
        return self.used


class Guest(Struct):
    """One address as the venue remembers it."""

    weight: Count
    ignored: Count
    raw: Count
    refused: int = 0
    bans: int = 0
    banned_until_ns: int = 0


class Weights:
    """The weight each address has used. `take` is called once for every request before it is looked at."""

    def __init__(
        self, per_minute: int, header: str = "x-mbx-used-weight-1m", raw_per_5_minutes: int = 0
    ) -> None:
        """`raw_per_5_minutes`: requests whatever they weigh; 0: as many as one likes."""
        self.per_minute = per_minute
        self._raw_most = raw_per_5_minutes
        self.guests: dict[str, Guest] = {}
        self._header = header

    def take(self, peer: str, weight: int, now_ns: int) -> None:
        """Raises 429 or 418 where there is no more."""
        guest = self._guest(peer)
        if guest.banned_until_ns > now_ns:
            guest.refused += 1
            raise self._banned(guest, now_ns)
        raw = guest.raw.at(now_ns, 5 * MINUTE_NS)
        guest.raw.used += 1
        fits = not self._raw_most or raw < self._raw_most
        if fits and guest.weight.at(now_ns, MINUTE_NS) + weight <= self.per_minute:
            guest.weight.used += weight
            return
        guest.refused += 1
        guest.ignored.at(now_ns, MINUTE_NS)
        guest.ignored.used += 1
        if guest.ignored.used > IGNORED_MAX:
            guest.bans += 1
            guest.ignored.used = 0
            guest.banned_until_ns = now_ns + min(BAN_NS * 4 ** (guest.bans - 1), BAN_MAX_NS)
            raise self._banned(guest, now_ns)
        text = (
            f"Too much request weight used; current limit is {self.per_minute} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        raise Refused(-1003, text, 429, headers=_wait(MINUTE_NS - now_ns % MINUTE_NS))

    def give_back(self, peer: str, weight: int, now_ns: int) -> None:
        """What turned out to be free."""
        guest = self._guest(peer)
        guest.weight.used = max(guest.weight.at(now_ns, MINUTE_NS) - weight, 0)

    def used(self, peer: str, now_ns: int) -> int:
        return self._guest(peer).weight.at(now_ns, MINUTE_NS)

    def headers(self, peer: str, now_ns: int) -> dict[str, str]:
        used = str(self.used(peer, now_ns))
        return {"x-mbx-used-weight": used, self._header: used}

    def row(self, peer: str, now_ns: int) -> dict[str, object]:
        """The entry of a WebSocket API's `rateLimits`."""
        return limit_row("REQUEST_WEIGHT", "MINUTE", 1, self.per_minute, self.used(peer, now_ns))

    @property
    def bans(self) -> int:
        return sum(guest.bans for guest in self.guests.values())

    @property
    def refused(self) -> int:
        return sum(guest.refused for guest in self.guests.values())

    def _guest(self, peer: str) -> Guest:
        guest = self.guests.get(peer)
        if guest is None:
            if len(self.guests) >= ADDRESSES_MAX:
                del self.guests[next(iter(self.guests))]
            guest = self.guests[peer] = Guest(Count(), Count(), Count())
        return guest

    def _banned(self, guest: Guest, now_ns: int) -> Refused:
        text = (
            f"Way too much request weight used; IP banned until {guest.banned_until_ns // MS}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return Refused(-1003, text, 418, headers=_wait(guest.banned_until_ns - now_ns))


class Window(Struct, frozen=True):
    """One limit on orders: so many in so many of an interval."""

    interval: str
    number: int
    most: int

    @property
    def span_ns(self) -> int:
        return {"SECOND": SECOND_NS, "MINUTE": MINUTE_NS, "DAY": DAY_NS}[self.interval] * self.number

    @property
    def letter(self) -> str:
        return f"{self.number}{self.interval[0]}"


class OrderCounts:
    """Orders placed by one account, by window. Where fills give credit back, `give_back` says so."""

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self.counts = tuple(Count() for _ in windows)

    def full(self, now_ns: int) -> Refused | None:
        """-1015 where one of the windows has no room for another order."""
        for window, count in zip(self.windows, self.counts, strict=True):
            if count.at(now_ns, window.span_ns) >= window.most:
                text = (
                    f"Too many new orders; current limit is {window.most} orders per "
                    f"{window.number} {window.interval}."
                )
                wait = _wait(window.span_ns - now_ns % window.span_ns)
                return Refused(-1015, text, 429, headers=wait)
        return None

    def take(self, now_ns: int) -> None:
        """Count one more in each window; raises -1015 where there is no room."""
        full = self.full(now_ns)
        if full is not None:
            raise full
        for count in self.counts:
            count.used += 1

    def give_back(self, now_ns: int, orders: int = 1) -> None:
        for window, count in zip(self.windows, self.counts, strict=True):
            count.used = max(count.at(now_ns, window.span_ns) - orders, 0)

    def headers(self, now_ns: int) -> dict[str, str]:
        return {
            f"x-mbx-order-count-{window.letter.lower()}": str(count.at(now_ns, window.span_ns))
            for window, count in zip(self.windows, self.counts, strict=True)
        }

    def rows(self, now_ns: int) -> list[dict[str, object]]:
        """As `rateLimits` of a WebSocket API and the query of unfilled orders list them."""
        return [
            limit_row("ORDERS", w.interval, w.number, w.most, count.at(now_ns, w.span_ns))
            for w, count in zip(self.windows, self.counts, strict=True)
        ]


def limit_row(
    kind: str, interval: str, number: int, limit: int, used: int | None = None
) -> dict[str, object]:
    row: dict[str, object] = {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": limit,
    }
    if used is not None:
        row["count"] = used
    return row


def _wait(span_ns: int) -> dict[str, str]:
    return {"retry-after": str(max(-(-span_ns // SECOND_NS), 1))}


class Attempts:
    """New WebSockets from each address: at most 300 in five minutes."""

    def __init__(self, most: int = 300, span_ns: int = 5 * MINUTE_NS) -> None:
        self._most = most
        self._span_ns = span_ns
        self._counts: dict[str, Count] = {}

    def take(self, peer: str, now_ns: int) -> None:
        count = self._counts.get(peer)
        if count is None:
            if len(self._counts) >= ADDRESSES_MAX:
                del self._counts[next(iter(self._counts))]
            count = self._counts[peer] = Count()
        if count.at(now_ns, self._span_ns) >= self._most:
            text = f"Too many connection attempts from IP; current limit is {self._most} per '5 MINUTE'."
            wait = _wait(self._span_ns - now_ns % self._span_ns)
            raise Refused(-1034, text, 429, headers=wait)
        count.used += 1
