"""What spot and futures share on the wire: parameters in, errors and replies out. Pure.

Whatever a request lacks is raised as `Refused` where it is noticed and becomes a reply in one place. Texts
and codes are the venue's own (errors.md of its documents); its letters count, because clients classify by
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import unquote_plus

import msgspec

from kedge.model.numbers import BadNumber, exact
from kedge.sim.testnet.web import Reply

MS = 1_000_000
PARAMS_MAX = 100

DECIMAL = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,20}")
SIGNED = re.compile(r"-?[0-9]{1,20}")
SYMBOL = re.compile(r"[A-Z0-9-_.]{1,20}")

Headers = Mapping[str, str]


class Refused(Exception):
    """The venue says no: `code` and `text` as it words them, `status` of HTTP, `data` where there is more."""

    def __init__(
        self,
        code: int,
        text: str,
        status: int = 400,
        *,
        data: object = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = status
        self.data = data
        self.headers: Headers = headers or {}

    def body(self) -> dict[str, object]:
        said: dict[str, object] = {"code": self.code, "msg": self.text}
        if self.data is not None:
            said["data"] = self.data
        return said


def missing(name: str) -> Refused:
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: re.Pattern[str]) -> Refused:
    text = f"Illegal characters found in parameter '{name}'; legal range is '^{legal.pattern}$'."
    return Refused(-1100, text)


class Params:
    """The parameters of one request, as text; it knows which of them were looked at."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self._read: dict[str, None] = {}

    def has(self, name: str) -> bool:
        self._read[name] = None
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """An optional parameter; one that was sent empty is -1105."""
        if not self.has(name):
            return default
        value = self.values[name]
        if not value:
            raise Refused(-1105, f"Parameter '{name}' was empty.")
        return value

    def need(self, name: str) -> str:
        if not self.has(name) or not self.values[name]:
            raise missing(name)
        return self.values[name]

    def matching(self, name: str, legal: re.Pattern[str], default: str = "") -> str:
        """An optional parameter of legal characters only."""
        value = self.text(name, default)
        if self.has(name) and not legal.fullmatch(value):
            raise illegal(name, legal)
        return value

    def integer(self, name: str, default: int = 0, *, legal: re.Pattern[str] = INTEGER) -> int:
        if not self.has(name):
            return default
        number = int(self.matching(name, legal))
        if not -(1 << 63) <= number < 1 << 63:
            raise Refused(-1108, f"Parameter '{name}' overflowed.")
        return number

    def decimal(self, name: str) -> Decimal | None:
        """None where it was not sent."""
        if not self.has(name):
            return None
        try:
            return exact(self.matching(name, DECIMAL))
        except BadNumber:
            raise Refused(-1108, f"Parameter '{name}' overflowed.") from None

    def need_integer(self, name: str) -> int:
        self.need(name)
        return self.integer(name)

    def need_decimal(self, name: str) -> Decimal:
        self.need(name)
        value = self.decimal(name)
        assert value is not None
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        if not self.has(name):
            return default
        value = self.text(name).lower()
        if value not in ("true", "false"):
            raise Refused(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is 'true|false'."
            )
        return value == "true"

    def time_ns(self, name: str) -> int | None:
        """A moment in milliseconds, or in microseconds where it has 16 digits; None where it was not sent."""
        if not self.has(name):
            return None
        return moment_ns(self.integer(name))

    def all_read(self) -> None:
        """-1104 where something was sent that nobody looked at."""
        sent = len(self.values)
        read = sum(name in self._read for name in self.values)
        if read != sent:
            text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            raise Refused(-1104, text)


def moment_ns(stamp: int) -> int:
    """Milliseconds, or microseconds where there are 16 digits and more, as nanoseconds."""
    return stamp * 1_000 if stamp >= 10**15 else stamp * MS


# ── HTTP parameters ─────────────────────────────────────────────────────────────────────────────


def split_pairs(raw: str) -> list[tuple[str, str]]:
    """`a=1&b=2` as pairs, percent-decoded; a part without "=" is a name without a value."""
    pairs = []
    for part in raw.split("&") if raw else ():
        name, _, value = part.partition("=")
        if name or value:
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def read_params(query: str, body: bytes) -> Params:
    """Query and form body together; where both name a parameter, the query's is used."""
    try:
        form = split_pairs(body.decode())
    except UnicodeDecodeError:
        raise Refused(-1100, "Illegal characters found in a parameter.") from None
    values: dict[str, str] = {}
    for pairs in (split_pairs(query), form):
        mine: dict[str, str] = {}
        for name, value in pairs:
            if name in mine:
                raise Refused(-1101, "Duplicate values for a parameter detected.")
            mine[name] = value
        values = mine | values
    if len(values) > PARAMS_MAX:
        raise Refused(-1101, f"Too many parameters; expected '{PARAMS_MAX}' and received '{len(values)}'.")
    return Params(values)


# ── JSON parameters ─────────────────────────────────────────────────────────────────────────────

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)


def read_json_params(body: bytes) -> Params:
    """A JSON object of a WebSocket API, each value as the text that signatures are made over.

    Strings are their content; numbers stay as they were written; null is a parameter that was not sent.
    """
    try:
        members = _raw_object.decode(body)
        values: dict[str, str] = {}
        for name, raw in members.items():
            text = bytes(raw)
            if text != b"null":
                values[name] = _string.decode(text) if text.startswith(b'"') else text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(-1135, "Invalid JSON Request") from None
    if len(values) > PARAMS_MAX:
        raise Refused(-1101, f"Too many parameters; expected '{PARAMS_MAX}' and received '{len(values)}'.")
    return Params(values)


# ── replies ─────────────────────────────────────────────────────────────────────────────────────

_encode = msgspec.json.Encoder().encode
KIND = "application/json;charset=UTF-8"


def encode(body: object) -> bytes:
    return _encode(body)


def answered(body: object, headers: Headers | None = None, status: int = 200) -> Reply:
    return Reply(status, encode(body), headers or {}, KIND)


def refused(no: Refused, headers: Headers | None = None) -> Reply:
    return Reply(no.status, encode(no.body()), {**(headers or {}), **no.headers}, KIND)


def unreadable() -> Refused:
    """-1000 with no more to say."""
    return Refused(-1000, "An unknown error occurred while processing the request.")
