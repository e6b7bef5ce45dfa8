"""What ccxt's exceptions mean for a deed: refused for certain, or nobody knows. Pure.

ccxt sorts errors by class. A class alone proves nothing: a time-out and a refusal may both come as the plain
`ExchangeError`, and an order may stand although the question after it failed. So a class is believed only
together with what was seen on the way (`Evidence`): did a request leave, and did an answer to it come?
Classes are known by their names, so that nothing of ccxt has to be loaded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from kedge.model.events import Request
from kedge.model.venue import Answer
from kedge.venues.silence import sentence

Kind = Literal["refused", "missing", "twice", "auth", "rate", "clock", "unsupported", "net", "late", "odd"]

# The first name along an exception's ancestry that stands here decides.
KINDS: Final[Mapping[str, Kind]] = {
    "OrderNotFound": "missing",
    "DuplicateOrderId": "twice",
    "InsufficientFunds": "refused",
    "InvalidOrder": "refused",
    "BadRequest": "refused",
    "OperationRejected": "refused",
    "ArgumentsRequired": "refused",
    "NotSupported": "unsupported",
    "AuthenticationError": "auth",
    "RateLimitExceeded": "rate",
    "DDoSProtection": "rate",
    "InvalidNonce": "clock",
    "OperationFailed": "net",
    "TooLate": "late",
    "TimeoutError": "net",
    "OSError": "net",
}

SECOND_NS: Final = 1_000_000_000
# What a venue that names no time is given before it is asked again.
RATE_WAIT_NS: Final = 10 * SECOND_NS
BAN_WAIT_NS: Final = 60 * SECOND_NS
TEAPOT: Final = 418

MENDS: Final[Mapping[Kind, str]] = {
    "auth": "check the key, its secret (and password, where the exchange has one), its rights, and the"
    " addresses it is bound to",
    "clock": "set this machine's clock by a time server",
    "rate": "the exchange wants to be left alone for a while",
}


class Failure(Struct, frozen=True):
    """A call that did not return what was asked for.

    `left`: the request that changes something went out, or may have. `status`: of the answer to it; 0: none
    came. `later`: something else was asked after it, so its own answer was no refusal.
    """

    kind: Kind
    why: str
    left: bool = False
    status: int = 0
    later: bool = False
    retry_ns: int = 0


def kind_of(ancestry: Sequence[str]) -> Kind:
    """`ancestry` are the names of an exception's class and of those above it, nearest first."""
    return next((KINDS[name] for name in ancestry if name in KINDS), "odd")


_TWICE: Final = re.compile(r"duplicat|not unique|already (been )?(used|exist|sent)", re.IGNORECASE)


def sharpened(kind: Kind, said: str) -> Kind:
    """ccxt sorts "this id is taken" among the plain refusals on some exchanges; it proves the contrary."""
    return "twice" if kind in ("refused", "odd") and _TWICE.search(said) else kind


def answer_of(request: Request, failure: Failure) -> Answer:
    """Refused for certain, or unknown: `Failure.left` False is the former whatever else is said."""
    if not failure.left:
        return Answer.REJECTED
    came = failure.status != 0 and failure.status < 500 and failure.status != 408
    if not came or failure.later:
        return Answer.UNKNOWN
    if failure.kind == "twice":
        # An order with this id exists. On `place` that can only be this very order.
        return Answer.UNKNOWN if request == "place" else Answer.REJECTED
    if failure.kind in ("refused", "missing", "auth", "rate", "clock"):
        return Answer.REJECTED
    # A code that ccxt has not sorted: certain only where HTTP itself says that the request was bad.
    return Answer.REJECTED if failure.kind == "odd" and failure.status >= 400 else Answer.UNKNOWN


def retry_of(kind: Kind, status: int, after_s: int) -> int:
    """How long the exchange wants to be left alone; 0: not at all."""
    if after_s > 0 and (kind == "rate" or status in (429, TEAPOT)):
        return after_s * SECOND_NS
    if status == TEAPOT:
        return BAN_WAIT_NS
    return RATE_WAIT_NS if kind == "rate" or status == 429 else 0


_ADDRESS: Final = re.compile(r"(?:https?|wss?)://[^\s?\"']+(\?[^\s\"']*)?")
_LONG: Final = re.compile(r"\b[0-9a-fA-F]{40,}\b")


def words_of(error: str, kind: Kind, hidden: Sequence[str] = ()) -> str:
    """What a person may read: no query (it holds keys and signatures), none of `hidden`, and the mend.

    ccxt puts whole addresses into its messages, and some exchanges repeat what they were sent.
    """
    said = _ADDRESS.sub(lambda found: found[0].partition("?")[0], _message_in(error))
    for secret in hidden:
        if secret:
            said = said.replace(secret, "…")
    said = _LONG.sub("…", " ".join(said.split())) or "no reason given"
    mend = MENDS.get(kind, "")
    return f"{sentence(said)}: {mend}" if mend else sentence(said)


# How exchanges call what they have to say, and its number, in their answers.
_WORDS: Final = (
    "retMsg",
    "msg",
    "message",
    "errorMessage",
    "error_message",
    "description",
    "detail",
    "error",
)
_CODES: Final = ("retCode", "code", "errorCode", "error_code", "sCode")


def _message_in(error: str) -> str:
    """ccxt quotes the whole answer behind the exchange's name; people want the sentence in it."""
    name, brace, rest = error.partition("{")
    if not brace:
        return error
    try:
        answer = msgspec.json.decode((brace + rest).encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return error
    words = next((answer[key] for key in _WORDS if isinstance(answer.get(key), str) and answer[key]), "")
    if not words:
        return error
    code = next((answer[key] for key in _CODES if isinstance(answer.get(key), (int, str))), "")
    return f"{name.strip()}: {words}" + (f" ({code})" if code != "" else "")
