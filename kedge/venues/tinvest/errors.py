"""What each code of T-Invest means for a request, and how a person mends it. Pure; a table, then small verbs.

A failed call has a status of gRPC, a numeric code in the status's words, and a text beside it. Only a code
that is listed here decides anything. Whatever is not listed, and every internal error, cut line and
deadline, is UNKNOWN: it costs a few questions, while a wrong "rejected" costs an order.

    refused    it was not carried out and never will be
    rate       likewise, because there were too many; wait
    closed     likewise, because the market does not trade now
    gone       there is no such live order (any more)
    duplicate  the key was used before: an order with it is, or was, there
    locked     refused until a person mends something about the token or the account
    crowded    too many streams are open
    old        the stream has lived long enough: connect anew
    unknown    nobody can say
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from kedge.model.events import Request
from kedge.model.venue import Answer
from kedge.venues.calls import CallSaid
from kedge.venues.silence import sentence
from kedge.venues.tinvest.wire import SECOND_NS, pace_of

Meaning = Literal["refused", "rate", "closed", "gone", "duplicate", "locked", "crowded", "old", "unknown"]


class Fault(Struct, frozen=True):
    """A call that the venue has ended with an error. `code` 0: it named none. `retry_ns`: wait so long."""

    code: int
    meaning: Meaning
    why: str
    retry_ns: int = 0


# Wrong as a request: nothing can have come of it.
_REFUSED: Final = (
    *range(30001, 30014),
    *(30014, 30015, 30016, 30017, 30018, 30019, 30020, 30021, 30022, 30023, 30025, 30026, 30027, 30028),
    *(30029, 30030, 30031, 30032, 30033, 30034, 30036, 30037, 30038, 30039, 30040, 30041, 30042, 30043),
    *(30044, 30045, 30047, 30048, 30049, 30050, 30051, 30052, 30053, 30054, 30055, 30056, 30061, 30062),
    *(
        30063,
        30064,
        30068,
        30069,
        30070,
        30077,
        30078,
        30080,
        30083,
        30084,
        30085,
        30091,
        30094,
    ),
    *(30096, 30099, 30100, 30101, 30102, 30103, 30104, 30105, 30106, 30107, 30109, 30210, 30211, 30212),
    *(30218, 30219, 30220, 30221, 30228, 30229, 30234, 30235, 30236, 30237, 30238, 30240, 30241, 30242),
    *(30244, 30245, 30254, 35001, 50001, 50002, 50007, 50008, 50009, 90001, 90002, 90003, 12001, 12002),
)
_CLOSED: Final = (30079, 30092, 30097, 30098)
_GONE: Final = (30059, 30060, 50005, 50006)
_DUPLICATE: Final = (30057,)
_LOCKED: Final = (40002, 40003, 40004, 30081, 30082, 30255, 50004)
_RATE: Final = (80002, 80003)
_CROWDED: Final = (80001,)
_OLD: Final = (80004, 80005)
# Listed so that nobody moves them up by mistake: the reply came, and it says that nobody knows.
UNKNOWN: Final = (30058, 30095, 30227, 70001, 70002, 70003)

_MEANINGS: Final[dict[int, Meaning]] = {
    **dict.fromkeys(UNKNOWN, "unknown"),
    **dict.fromkeys(_REFUSED, "refused"),
    **dict.fromkeys(_CLOSED, "closed"),
    **dict.fromkeys(_GONE, "gone"),
    **dict.fromkeys(_DUPLICATE, "duplicate"),
    **dict.fromkeys(_LOCKED, "locked"),
    **dict.fromkeys(_RATE, "rate"),
    **dict.fromkeys(_CROWDED, "crowded"),
    **dict.fromkeys(_OLD, "old"),
}

# What a person can do. The venue's own text follows where it adds something.
MENDS: Final[dict[int, str]] = {
    30034: "there is not enough money on the account for it",
    30042: "there is not enough margin on the account for it",
    30051: "margin trading is switched off for the account: switch it on in the bank's application",
    30052: "the venue does not let this instrument be traded by its interface",
    30056: "the venue takes no stop orders in this currency",
    30057: "the venue has had an order with this key before",
    30068: "only limit orders are taken for this instrument now",
    30077: "this instrument is traded over the counter, which is not possible by the interface",
    30078: "the price is not a multiple of the instrument's step",
    30079: "the instrument does not trade now",
    30081: "the account is closed: name another by `number`",
    30082: "the account is blocked: ask the bank's support",
    30095: "the exchange has not executed it, which says nothing of whether it stands",
    30092: "nothing of this kind trades on weekends",
    30094: "options do not trade now",
    30097: "this kind of order is not taken in the present session",
    30098: "the instrument does not trade now",
    30099: "the price is outside the limits of today",
    30101: "pass the bank's test for this kind of instrument, in its application",
    30103: "only orders at the best price are taken for this instrument now",
    30109: "the order is larger than the venue takes",
    30240: "the venue wants a confirmation for this instrument, which only its application can give",
    30255: "the account may not trade: ask the bank's support",
    40002: "the token may not do this: make one with full access, for this account or for all of them",
    40003: "the token is not known, or no longer: it ends after three months without use; make another",
    40004: "this kind of account takes no orders: name a brokerage account by `number`",
    50002: "the venue does not know the instrument",
    50004: "the venue does not know the account: look at `number`, and whose token it is",
    70001: "the venue does not know what became of it",
    70002: "the venue does not know what became of it",
    70003: "the venue does not know what became of it",
    80001: "too many streams are open with this token: close other programs that use it",
    80002: "the venue's limit of requests is used up",
    80005: "the venue ends streams after a while",
    90001: "the venue wants a confirmation that only its application can give",
    90002: "only qualified investors may trade this instrument",
    90003: "an order of this value needs a code by SMS: split it (30 million roubles at most)",
}
# What the status says by itself, where there is no code that is known.
_STATUSES: Final[dict[str, Meaning]] = {"UNAUTHENTICATED": "locked", "PERMISSION_DENIED": "locked"}


def fault_of(said: CallSaid) -> Fault:
    """What an ended call says. The status is not OK."""
    code = code_of(said.words) or code_of(said.metadata.get("code", ""))
    meaning = _MEANINGS.get(code) or _STATUSES.get(said.status, "unknown")
    text = said.metadata.get("message", "") or (said.words if not code_of(said.words) else "")
    retry_ns = 0
    if meaning == "rate":
        retry_ns = max(SECOND_NS, pace_of(said.metadata).reset_ns)
    return Fault(code, meaning, _why(code, said.status, text), retry_ns)


def code_of(words: str) -> int:
    """The number that a status's words begin with; 0 where they do not."""
    head = words.strip().partition(" ")[0].strip('":,')
    return int(head) if len(head) == 5 and head.isascii() and head.isdigit() else 0


def meaning_of(code: int) -> Meaning:
    return _MEANINGS.get(code, "unknown")


def answer_of(request: Request, fault: Fault) -> Answer:
    """Which of the four answers a fault is.

    A duplicate of a new order proves that there is one, so it is not refused; a cancel that finds nothing is.
    """
    if fault.meaning in ("refused", "rate", "closed", "locked"):
        return Answer.REJECTED
    if fault.meaning == "gone" and request == "cancel":
        return Answer.REJECTED
    return Answer.UNKNOWN


def _why(code: int, status: str, text: str) -> str:
    mend = MENDS.get(code, "")
    if mend:
        return sentence(f"{mend} ({code})" if not text or code in _SAID else f"{mend} ({code}: {text})")
    return sentence(f"{text or status} ({code})" if code else f"{status}: {text}" if text else status)


# Their own text adds nothing to ours.
_SAID: Final = (30034, 30042, 30051, 30057, 30078, 30079, 40002, 40003, 50004, 70001, 70002, 70003, 80002)
