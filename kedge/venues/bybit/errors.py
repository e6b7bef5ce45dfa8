"""What each code of Bybit means for a request, and how a person mends it. Pure; a table, then small verbs.

A code decides only where the venue's documents make it certain. Whatever is not listed, and every word of
time-outs and internal errors, is UNKNOWN: it costs a lookup, while a wrong "rejected" costs an order.

    refused    it was not carried out and never will be
    rate       likewise, because there were too many; wait
    late       likewise, because its last moment had passed by the venue's clock
    gone       there is no such live order (any more), or it cannot be changed now
    exists     refused, but it proves that an order with this id is there
    under_way  the same thing is being done already
    same       nothing to change: what was asked for is so already
    locked     refused until a person mends something about the key or the account
    unknown    nobody can say
"""

from __future__ import annotations

from typing import Final, Literal

from kedge.model.events import Request
from kedge.model.venue import Answer
from kedge.venues.allowance import HEEDLESS, Heed
from kedge.venues.bybit.wire import MS
from kedge.venues.silence import Refused, sentence
from kedge.venues.wires import HttpSaid

Meaning = Literal[
    "done", "refused", "rate", "late", "gone", "exists", "under_way", "same", "locked", "unknown"
]

SECOND_NS = 1_000_000_000
# "Terminate all HTTP sessions and wait for at least 10 minutes."
BAN_NS = 600 * SECOND_NS

_LATE = (-1, 10002)
_RATE = (10006, 10018, 10403, 10429, 20003, 170005, 170222)
# Of these, what is counted by path: one that is used up says nothing of the others.
OF_ONE_PATH: Final = (10006, 170005, 170222)
_GONE = (
    *(110001, 110008, 110010, 110019, 110064, 110079, 170139, 170142, 170143, 170144, 170145),
    *(170190, 170191, 170213, 170312, 170313),
)
_EXISTS = (110072, 170141)
_UNDER_WAY = (170212,)
_SAME = (34040, 110025, 110026, 110027, 110043)
# Listed so that nobody moves them up by mistake: the reply came, and it says that nobody knows.
_UNKNOWN = (
    *(429, 10000, 10014, 10016, 20006, 40004, 3400214),
    *(170001, 170007, 170032, 170035, 170146, 170147, 170149, 170150, 170234, 170310, 170311),
)
_REFUSED = (
    *(10001, 10017, 10019, 10029, 10404, 30208, 30209, 30228, 30256),
    *(110003, 110004, 110005, 110006, 110007, 110009, 110011, 110012, 110013, 110014, 110015),
    *(110017, 110020, 110021, 110022, 110023, 110024, 110028, 110029, 110031, 110032, 110033),
    *(110034, 110036, 110037, 110038, 110039, 110040, 110042, 110044, 110045, 110046, 110047),
    *(110048, 110049, 110050, 110051, 110052, 110053, 110057, 110058, 110059, 110060, 110061),
    *(110063, 110066, 110068, 110070, 110073, 110074, 110077, 110080, 110085),
    *(110086, 110087, 110089, 110090, 110092, 110093, 110094, 110095, 110098, 110099, 110100),
    *(110101, 110102, 110103, 110104, 110105, 110106, 110107, 110108, 110109, 110114, 110118),
    *(110119, 110120, 110121, 110124, 110131, 110132, 110135, 110136, 110137, 3400045),
    *(170010, 170011, 170019, 170031, 170033, 170034, 170036, 170037, 170105, 170115, 170116),
    *(170117, 170121, 170124, 170130, 170131, 170132, 170133, 170134, 170136, 170137, 170140),
    *(170148, 170151, 170157, 170159, 170192, 170193, 170194, 170195, 170196),
    *(170197, 170198, 170199, 170200, 170201, 170202, 170203, 170204, 170206, 170207, 170209),
    *(170210, 170215, 170216, 170217, 170218, 170219, 170220, 170221, 170223, 170224, 170226),
    *(170227, 170228, 170229, 170230, 170241, 170341, 170344, 170346, 170348),
    *(170355, 170358, 170359, 170360, 170371, 170372, 170381, 170382, 170709, 170810),
)

# Our list of instruments may be out of date: what is listed, whether it trades, its steps and minimums.
STALE: Final = (
    *(10001, 110003, 110066, 110074, 110094, 170121, 170124, 170134, 170136, 170137, 170140, 170151, 170157),
)

# What a person has to mend before anything goes on, and how.
_LOCKED: Final[dict[int, str]] = {
    10003: "the key is not known here: live, testnet and demo have keys of their own",
    10004: "the signature does not fit: the secret is not the one that belongs to the key",
    10005: "the key lacks a right: allow it to read and to trade orders, positions and spot",
    10007: "the key is not accepted: make a new one",
    10008: "the account is banned or in a mode that the API does not serve: ask Bybit's support",
    10009: "Bybit does not serve this region or this address: see its terms, or ask its support",
    10010: "this machine's address is not among those the key is bound to: add it at the key, or unbind it",
    10024: "Bybit's compliance rules stopped the account: follow what its site asks for",
    10027: "the account is banned from trading: ask Bybit's support",
    10028: "the account is not a unified one: upgrade it to a Unified Trading Account on Bybit's site",
    33004: "the key has expired: make a new one, or bind it to an address so that it does not expire",
    -2015: "the key has expired: make a new one, or bind it to an address so that it does not expire",
    100028: "the account's kind does not fit this API: upgrade it to a Unified Trading Account",
    110088: "the account is not a unified one: upgrade it to a Unified Trading Account on Bybit's site",
    110097: "the account is not a unified one: upgrade it to a Unified Trading Account on Bybit's site",
    110123: "Bybit's trading terms are not agreed to: agree to them on its site",
    110125: "the terms of this contract are not agreed to: agree to them on Bybit's site",
    182200: "the account is not a unified one: upgrade it to a Unified Trading Account on Bybit's site",
}

# Refusals that a person can mend, though they concern one order only.
_MENDS: Final[dict[int, str]] = {
    -1: "set this machine's clock by a time server",
    10001: "if it speaks of the position mode, switch the symbol to one-way mode on Bybit's site",
    10002: "set this machine's clock by a time server",
    10029: "add the symbol to the key's list of symbols, or remove that list",
    110020: "the venue allows 500 live orders of a symbol",
    110009: "the venue allows 10 conditional orders of a symbol",
    170810: "the venue allows 500 live orders in all of spot",
    110079: "an earlier change is still under way",
    **dict.fromkeys(
        (110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170033, 170131),
        "there is not enough free money for this order: add some, lower the size, or raise the leverage",
    ),
    110003: "the price is too far from the market for the venue",
    110013: "the venue's risk limit does not allow this leverage: lower it in the settings",
    110017: "a reduce-only order would not reduce the position, or open orders already reduce it",
    110021: "the venue takes no more of this contract now: its open interest is at the limit",
    110023: "the contract takes only orders that reduce a position",
    110066: "trading is halted by the venue; the bot goes on when it has ended",
    110074: "the contract is not trading: it has expired, or is not open yet",
    170121: "the venue has no such symbol (any more)",
    170124: "the quantity is above what the venue takes in one order",
    170134: "the price has more digits than the venue takes; its steps may have changed",
    170136: "the quantity is below the venue's minimum",
    170137: "the quantity has more digits than the venue takes; its steps may have changed",
    170151: "the pair is not trading now: it is halted, or not open yet",
    170157: "the pair is not traded by programs (any more)",
    110094: "the order is worth less than the venue's minimum",
    170140: "the order is worth less than the venue's minimum",
    110101: "switch the coin on as collateral on Bybit's site",
    170346: "switch the coin on as collateral on Bybit's site",
}

_TABLE: Final[dict[int, Meaning]] = {
    0: "done",
    **dict.fromkeys(_LATE, "late"),
    **dict.fromkeys(_RATE, "rate"),
    **dict.fromkeys(_GONE, "gone"),
    **dict.fromkeys(_EXISTS, "exists"),
    **dict.fromkeys(_UNDER_WAY, "under_way"),
    **dict.fromkeys(_SAME, "same"),
    **dict.fromkeys(_UNKNOWN, "unknown"),
    **dict.fromkeys(_REFUSED, "refused"),
    **dict.fromkeys(_LOCKED, "locked"),
}

_ANSWERS: Final[dict[Meaning, Answer]] = {
    # "Accepted" is all that the venue says; the order stream has the result.
    "done": Answer.ACCEPTED,
    "refused": Answer.REJECTED,
    "rate": Answer.REJECTED,
    "late": Answer.REJECTED,
    "locked": Answer.REJECTED,
    "same": Answer.REJECTED,
    "unknown": Answer.UNKNOWN,
}


def meaning_of(code: int) -> Meaning:
    return _TABLE.get(code, "unknown")


def answer_of(request: Request, code: int) -> Answer:
    """The class of a reply.

    A word about "the order" only refuses what was asked of an existing order: said of a new one it makes no
    sense, and what makes no sense is UNKNOWN. A duplicate id refuses this request but proves an order with
    our id: whether the intention lives is then a question for that order.
    """
    meaning = meaning_of(code)
    if meaning == "gone":
        return Answer.UNKNOWN if request == "place" else Answer.REJECTED
    if meaning == "under_way":
        return Answer.ACCEPTED if request == "cancel" else Answer.UNKNOWN
    if meaning == "exists":
        return Answer.UNKNOWN if request == "place" else Answer.REJECTED
    return _ANSWERS[meaning]


def reason_of(code: int, words: str) -> str:
    """What people read: what is wrong and how to mend it where that is known, and the venue's own words."""
    if code == 0:
        return ""
    # Where a signature does not fit, the venue repeats what was signed, and the key is in that.
    words = words.partition("origin_string")[0].rstrip(" ,:!")
    mend = _LOCKED.get(code) or _MENDS.get(code)
    said = f"{code}: {words}" if words else str(code)
    return sentence(f"{mend} (Bybit says {said})" if mend else f"Bybit says {said}")


def refused_of(code: int, words: str) -> Refused | None:
    """What keeps the whole account out until a person mends it."""
    return Refused(reason_of(code, words)) if code in _LOCKED else None


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


def is_definite(status: int) -> bool:
    """An error page of the gateway: the request went no further. 5xx and all else: nobody knows."""
    return status in (400, 401, 403, 404, 429)


def status_reason(status: int) -> str:
    """Why there is no readable reply, by the HTTP status."""
    words = {
        401: "the key is not accepted here (HTTP 401)",
        403: "the address is shut out for asking too often, or this region is not served (HTTP 403)",
        404: "the venue has no such path, or the account is of another kind (HTTP 404)",
        429: "the venue's own protection against too many requests (HTTP 429)",
    }
    return words.get(status, f"HTTP {status}")


def heed_of(said: HttpSaid) -> Heed:
    """What a reply says of the venue's patience, apart from its code."""
    if said.status == 403:
        # The address is shut out of HTTP; the lines are elsewhere, and orders still go by theirs.
        return Heed(BAN_NS, status_reason(403), only="address")
    if said.status == 429:
        return Heed(SECOND_NS, status_reason(429))
    return HEEDLESS


def patience_of(code: int, headers: dict[str, str], now_ns: int) -> Heed:
    """How long to leave the venue alone after a reply with this code; `headers` in small letters."""
    if meaning_of(code) != "rate":
        return HEEDLESS
    reset = headers.get("x-bapi-limit-reset-timestamp", "")
    wait_ns = int(reset) * MS - now_ns if reset.isascii() and reset.isdigit() and len(reset) < 16 else 0
    # The windows are a second long; more than two is another clock speaking, and a cancel may be waiting.
    return Heed(min(max(wait_ns, SECOND_NS // 5), 2 * SECOND_NS), f"too many requests ({code})")


def used_of(headers: dict[str, str]) -> int | None:
    """How many requests of this kind have been counted in the present window; None where it is not said."""
    limit, left = headers.get("x-bapi-limit", ""), headers.get("x-bapi-limit-status", "")
    if not (limit.isascii() and limit.isdigit() and left.isascii() and left.isdigit()):
        return None
    if len(limit) > 9 or len(left) > 9:
        return None
    return max(0, int(limit) - int(left))


# Not one of the venue's codes: the gateway's own error page, which is as certain.
TURNED_AWAY = -403
