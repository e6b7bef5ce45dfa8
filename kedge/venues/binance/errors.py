"""What Binance's refusals mean: the class of an answer, how long to stay away, and one sentence for people.

The rule of doubt (docs/guarantees.md): a request whose fate the reply does not tell is UNKNOWN. For Binance
that is every 5xx, a time-out (-1007), an unexpected response (-1006), its general "unknown" (-1000, -1001),
and every reply that cannot be read. A refusal with a code of its own is definite: it was made before, or by,
the matching engine. The limits' refusals (429, 418, 403) are made before anything is looked at.

Shared by spot and USDⓈ-M; each adds its own codes and sentences (`mends`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from kedge.model.venue import Answer

SENTENCE_MAX = 300
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
# What to wait where the venue does not say: the weights are counted by the minute, the shortest ban is two.
WAIT_429_NS = 60 * NS_PER_S
WAIT_418_NS = 120 * NS_PER_S
WAIT_403_NS = 300 * NS_PER_S
# No wait is believed to be longer: the longest ban is three days.
WAIT_MAX_NS = 3 * 24 * 3600 * NS_PER_S

# ── the tables ──────────────────────────────────────────────────────────────────────────────────

# Refusals that say nothing about whether the request was carried out.
DOUBTFUL: tuple[int, ...] = (
    -1000,  # UNKNOWN: an unknown error occurred while processing the request
    -1001,  # DISCONNECTED: internal error; unable to process your request
    -1006,  # UNEXPECTED_RESP: execution status unknown
    -1007,  # TIMEOUT: send status unknown; execution status unknown
    -1016,  # SERVICE_SHUTTING_DOWN: said by a server on its way out, before or after
)
# Made by the gateway, which does not carry out what it refuses so, whatever the HTTP status around it.
LIMITED_STATUS: tuple[int, ...] = (403, 418, 429)
# What no waiting mends: a key, a right, an address, a country. A person must do something.
FOR_A_PERSON: tuple[int, ...] = (-1002, -1022, -2014, -2015)
FOR_A_PERSON_STATUS: tuple[int, ...] = (401, 451)
BAD_TIMESTAMP = -1021
# An order broke a filter that we thought it kept: the instruments have changed.
STALE_FILTERS: tuple[int, ...] = (-1013, -1111, -1121)
TOO_MANY_REQUESTS = -1003
TOO_MANY_ORDERS = -1015
SERVER_BUSY = -1008
NEW_ORDER_REJECTED = -2010
MARKET_IS_CLOSED = "Market is closed"
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
ORDER_ARCHIVED = -2026
DUPLICATE = "Duplicate order sent."

_KEY = "check the API key and its secret in the settings"
# Code to how to mend it. What is not here is told in the venue's own words alone.
MENDS: dict[int, str] = {
    -1002: f"the key may not do this; {_KEY}, and its permissions at the venue",
    -1003: "too many requests from this address; other programs on it share the limit",
    -1008: "the venue is overloaded and has not taken the order; it may be sent again later",
    -1015: "too many unfilled orders placed in a short time; the limit is the account's",
    -1021: "this machine's clock and the venue's differ; have the machine's clock kept by NTP",
    -1022: f"the signature is wrong; {_KEY}: the secret does not belong to the key",
    -1111: "more digits than the instrument allows; its steps may have changed, so they are asked for again",
    -1121: "the venue has no such symbol; it is spelled like BTCUSDT, and may have been delisted",
    -2011: "there is no such live order",
    -2013: "the venue does not show such an order",
    -2014: f"the API key is malformed; {_KEY}",
    -2015: (
        "the venue refuses this key; check that it is of this network (live or testnet), that it may trade"
        " here, and that this machine's address is on its list"
    ),
    -2026: "the order ended without fills more than 90 days ago, and is archived",
}
# A part of the venue's words to how to mend it: -2010, -1013 and others say everything in the text.
TEXT_MENDS: dict[str, str] = {
    "insufficient balance": "there is not enough free money for this order",
    "immediately match and take": "a post-only order at this price would have traded at once",
    "would trigger immediately": "the market has already passed the trigger price",
    DUPLICATE: "an open order has this id already",
    MARKET_IS_CLOSED: "the symbol is not trading now",
    "action is disabled on this account": "the venue has disabled this for the account; ask its support",
    "may not place or cancel orders": "the venue has disabled trading for the account; ask its support",
    "not permitted for this account": "the account may not trade this symbol",
    "restricted for this account": "the account may not trade this symbol",
    "Unknown order sent": "there is no such live order",
    "Filter failure: PRICE_FILTER": "the price is off the tick or out of range",
    "Filter failure: LOT_SIZE": "the quantity is off the step or out of range",
    "Filter failure: MARKET_LOT_SIZE": "the quantity is out of range for a market order",
    "Filter failure: MIN_NOTIONAL": "the order is worth too little for this symbol",
    "Filter failure: NOTIONAL": "the order is worth too little or too much for this symbol",
    "Filter failure: PERCENT_PRICE": "the price is too far from the recent average",
    "Filter failure: MAX_POSITION": "the account would hold more than the symbol allows",
    "Filter failure: MAX_NUM_ORDERS": "too many open orders on this symbol",
    "Filter failure: MAX_NUM_ALGO_ORDERS": "too many open stop orders on this symbol",
    "Filter failure: EXCHANGE_MAX_NUM_ORDERS": "too many open orders in this account",
    "restricted location": "the venue does not serve this machine's country",
    "IP banned until": "this address is banned for a while for too many requests",
}

# ── one refusal ─────────────────────────────────────────────────────────────────────────────────


class Failure(Struct, frozen=True):
    """A reply that is not "done". `code` 0: the venue gave none, or nothing readable."""

    status: int
    code: int
    text: str
    # How long the venue wants to be left alone; 0 where it did not say.
    retry_ns: int = 0

    @property
    def limited(self) -> bool:
        return self.status in LIMITED_STATUS or self.code in (TOO_MANY_REQUESTS, TOO_MANY_ORDERS)

    @property
    def of_orders(self) -> bool:
        """Too many new orders of this account: nothing else has to wait."""
        return self.code == TOO_MANY_ORDERS

    @property
    def for_a_person(self) -> bool:
        return self.status in FOR_A_PERSON_STATUS or self.code in FOR_A_PERSON


class Body(Struct, frozen=True):
    code: int
    msg: str = ""


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_body = msgspec.json.Decoder(Body)


def failure_of(status: int, body: bytes, headers: Mapping[str, str], venue_ns: int) -> Failure:
    """Read an HTTP reply that is not 2xx. `venue_ns` is the venue's time, for bans told by their end."""
    try:
        said = _body.decode(body)
    except _UNREADABLE:
        said = Body(0, _status_text(status))
    text = cut(said.msg or _status_text(status))
    return Failure(status, said.code, text, _wait_ns(status, said.code, text, headers, venue_ns))


def ws_failure_of(status: int, code: int, text: str, retry_after_ms: int, venue_ns: int) -> Failure:
    """The same of a WS API reply; `retry_after_ms` is the moment the venue names, 0 where it does not."""
    wait_ns = _wait_ns(status, code, text, {}, venue_ns)
    if wait_ns and retry_after_ms:
        wait_ns = _bounded(retry_after_ms * NS_PER_MS - venue_ns)
    return Failure(status, code, cut(text or _status_text(status)), wait_ns)


def answer_of(failure: Failure, *, busy_is_no: bool = False) -> Answer:
    """The class of a refusal, for a request that changes something.

    `busy_is_no`: here "overloaded" (-1008, or HTTP 503 "Service Unavailable.") is documented as not taken.
    """
    if failure.status in LIMITED_STATUS or failure.status in FOR_A_PERSON_STATUS:
        return Answer.REJECTED
    if busy_is_no and (failure.code == SERVER_BUSY or _unavailable(failure)):
        return Answer.REJECTED
    if failure.code in DOUBTFUL or failure.status == 408 or not 400 <= failure.status < 500:
        return Answer.UNKNOWN
    if failure.code == 0:
        return Answer.UNKNOWN  # no venue's refusal: a proxy's page, or half a reply
    if DUPLICATE in failure.text or failure.code == -4116:
        # It refuses this request and proves an order with our id: ask after the order.
        return Answer.UNKNOWN
    return Answer.REJECTED


def is_stale(failure: Failure) -> bool:
    """Whether our list of instruments may be out of date: their filters, or whether they trade."""
    return failure.code in STALE_FILTERS or MARKET_IS_CLOSED in failure.text


def sentence_of(failure: Failure, mends: Mapping[int, str] = MENDS) -> str:
    """One sentence: what is wrong and how to mend it, and the venue's own words."""
    mend = next((m for part, m in TEXT_MENDS.items() if part in failure.text), "")
    mend = mend or mends.get(failure.code, "")
    name = str(failure.code) if failure.code else f"HTTP {failure.status}"
    said = f"{name}: {failure.text}"
    return cut(f"{mend} (the venue says {said})" if mend else said)


def cut(words: str) -> str:
    """What others have written, on one line, cut to what a person reads and a journal may hold."""
    line = " ".join(words.split())
    return line if len(line) <= SENTENCE_MAX else line[: SENTENCE_MAX - 1] + "…"


# ── what has been used of the limits ────────────────────────────────────────────────────────────

LimitKind = Literal["weight", "orders", "raw"]


class Used(Struct, frozen=True):
    """How much of one limit is used, as the venue counts it. `limit` 0: the venue did not say."""

    kind: LimitKind
    interval_ns: int
    count: int
    limit: int = 0


class RateLimit(Struct, frozen=True, rename="camel"):
    """One entry of `rateLimits`: in exchangeInfo without a count, in WS API replies with one."""

    rate_limit_type: str = ""
    interval: str = ""
    interval_num: int = 0
    limit: int = 0
    count: int = 0


_LETTERS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WORDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_KINDS: dict[str, LimitKind] = {
    "used-weight": "weight",
    "order-count": "orders",
    "REQUEST_WEIGHT": "weight",
    "ORDERS": "orders",
    "RAW_REQUESTS": "raw",
}
_HEADER = re.compile(r"x-mbx-(used-weight|order-count)-([0-9]{1,4})([smhd])\Z")
_COUNT = re.compile(r"[0-9]{1,12}\Z")


def used_of_headers(headers: Mapping[str, str]) -> tuple[Used, ...]:
    """X-MBX-USED-WEIGHT-1M, X-MBX-ORDER-COUNT-10S and their like; names are in small letters."""
    found = []
    for name, value in headers.items():
        match = _HEADER.match(name)
        if match is None or not _COUNT.match(value):
            continue
        kind, number, letter = match.groups()
        found.append(Used(_KINDS[kind], int(number) * _LETTERS[letter] * NS_PER_S, int(value)))
    return tuple(found)


def used_of_limits(limits: tuple[RateLimit, ...]) -> tuple[Used, ...]:
    found = []
    for limit in limits:
        kind, unit = _KINDS.get(limit.rate_limit_type), _WORDS.get(limit.interval)
        if kind is not None and unit is not None:
            found.append(Used(kind, limit.interval_num * unit * NS_PER_S, limit.count, limit.limit))
    return tuple(found)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

_BANNED_UNTIL = re.compile(r"banned until ([0-9]{10,16})")
_STATUS_WORDS = {
    403: "forbidden by the venue's firewall: too many requests, or a blocked address",
    408: "the venue gave up waiting",
    418: "this address is banned for too many requests",
    429: "too many requests",
    451: "the venue does not serve this machine's country",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway time-out",
}


def _wait_ns(status: int, code: int, text: str, headers: Mapping[str, str], venue_ns: int) -> int:
    if status not in LIMITED_STATUS and code not in (TOO_MANY_REQUESTS, TOO_MANY_ORDERS):
        return 0
    after = headers.get("retry-after", "")
    if _COUNT.match(after):
        return _bounded(int(after) * NS_PER_S)
    banned = _BANNED_UNTIL.search(text)
    if banned is not None:
        return _bounded(int(banned.group(1)) * NS_PER_MS - venue_ns)
    return {418: WAIT_418_NS, 403: WAIT_403_NS}.get(status, WAIT_429_NS)


def _bounded(wait_ns: int) -> int:
    """At least a second: a moment already past was told by a clock that is not ours."""
    return max(NS_PER_S, min(wait_ns, WAIT_MAX_NS))


def _unavailable(failure: Failure) -> bool:
    return failure.status == 503 and failure.text.startswith("Service Unavailable")


def _status_text(status: int) -> str:
    return _STATUS_WORDS.get(status, f"status {status} and nothing readable")
