"""What this venue says no with: a number, the status of gRPC it comes with, and a sentence.

The number travels as the details of the gRPC status, the sentence in the trailer `message`. Numbers and
sentences are those of the venue's error table; only those that can happen here are listed.
"""

from __future__ import annotations

from msgspec import Struct

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID = 3
DEADLINE = 4
NOT_FOUND = 5
DENIED = 7
EXHAUSTED = 8
PRECONDITION = 9
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16

STATUSES: dict[int, int] = {
    1: UNIMPLEMENTED,
    3: INVALID,
    4: DENIED,
    5: NOT_FOUND,
    7: INTERNAL,
    8: EXHAUSTED,
    9: PRECONDITION,
}

SENTENCES: dict[int, str] = {
    12001: "Method is unimplemented",
    12002: "Deprecated method is unavailable",
    30001: "Missing parameter: `from`",
    30002: "The required period should not exceed 14 days",
    30004: "Missing parameter: `to`",
    30005: "`id_type` is invalid",
    30007: "Missing parameter: `id`",
    30011: "`interval` is invalid",
    30012: "`to` can't be less than `from`",
    30013: "`class_code` require for `id_type` = `ticker`",
    30014: "The maximum request period for the given candle interval has been exceeded",
    30015: "Parameter `quantity` is missing or equal to 0",
    30016: "`quantity` is invalid",
    30017: "Missing parameter: `price`",
    30018: "`price` is invalid",
    30020: "`direction` is invalid",
    30021: "Missing parameter: `account_id`",
    30026: "Invalid parameter: `order_type`",
    30027: "Missing parameter: `order_id`",
    30028: "`order id` has invalid UUID format",
    30029: "Missing parameter: `idempotency_key`",
    30030: "`idempotency_key` is invalid",
    30032: "`depth` is invalid",
    30034: "Not enough balance",
    30036: "Missing parameter: `stop_price`",
    30038: "`stop_order_type` is invalid",
    30039: "Bad request: `trailing_data`",
    30040: "`expire_date` is invalid",
    30041: "The method is available only for futures",
    30042: "Not enough assets for a margin trade",
    30044: "`expiration_type` is invalid",
    30048: "Instrument type is not bond",
    30049: "Post order error: %s",
    30051: "Account margin status is disabled",
    30052: "Instrument forbidden for trading by API",
    30053: "Post stop_order error: %s",
    30055: "`order_id` cannot be longer than 36 characters",
    30057: "The order is a duplicate, but the order report was not found",
    30059: "Cancel order error: %s",
    30060: "Cancel stop-order error: %s",
    30068: "Only limit order is allowed",
    30069: "Invalid parameter: `limit`",
    30078: "Incorrect minimum price increment",
    30079: "Instrument is not available for trading",
    30080: "`quantity` must be positive",
    30081: "Account status is closed",
    30091: "Quantity of instruments can't be more than 100",
    30093: "Missing parameter: `figi` or `instrument_id`",
    30095: "The request was not executed by the exchange",
    30096: "The order was rejected, try again later",
    30099: "The price is outside the limits for this instrument",
    30100: "The price must be positive",
    30105: "`exchange_order_type` is invalid",
    30218: "Quantity of instruments can't be more than 3000",
    30221: "`order_request_id` not in UUID format",
    30227: "Order cancelled",
    30237: "Missing parameter: `instrument_id`",
    30240: "Confirmation required for specified instrument",
    30246: "Invalid parameter: `amount`",
    30254: "Invalid parameter: `time_in_force`",
    35001: "Sandbox accounts limit reached",
    40002: "Insufficient privileges",
    40003: "Authentication token is missing or invalid",
    40004: "Working with orders is not available with this account",
    50001: "Exchange not found",
    50002: "Instrument not found",
    50004: "Account not found",
    50005: "Order not found",
    50006: "Stop-order not found",
    70001: "Internal error",
    70002: "Internal network error",
    70003: "Internal error, please try again later",
    80001: "Limit of open streams exceeded",
    80002: "Request limit exceeded",
    80004: "No active subscriptions",
    80005: "Stream lifetime too long",
    90001: "Need confirmation: %s",
    90002: "Only for qualified investors",
    90003: "The price is too high",
}


class No(Struct, frozen=True):
    """A refusal, as the venue words it."""

    code: int
    text: str

    @property
    def status(self) -> int:
        """The status of gRPC."""
        if self.code == 40003:
            return UNAUTHENTICATED
        return UNAVAILABLE if self.code == 12002 else STATUSES.get(self.code // 10_000, UNKNOWN)


class Refused(Exception):
    """Raised while a request is judged; the whole request changes nothing."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.no = no(code, detail)


def no(code: int, detail: str = "") -> No:
    sentence = SENTENCES[code]
    return No(code, sentence.replace("%s", detail) if "%s" in sentence else sentence)
