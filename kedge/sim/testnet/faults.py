"""The weather of a wire-level venue as data: what goes wrong, how often, and for whom.

Three families. Wire faults are put between the venue and its callers by `faulty.py`, and no venue knows of
them. Errors are replies in the venue's own words: a status and a body, or the name of a reply the venue has
taught us. Venue faults are names that the venue understands itself: it draws them where they bite, or gives
a function that is called when one is armed.

    faults.teach("lookup_lag", "orders younger than delay_ns are not found")
    faults.teach_error("overloaded", Reply(503, b'{"code":-1008,...}'))
    ...
    if (lag := faults.strikes("lookup_lag", account=account)): seen_ns = now_ns - lag.delay_ns
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from kedge.sim.testnet.arms import FAULTS_MAX, Arms, Dice
from kedge.sim.testnet.web import Reply

WireFault = Literal[
    "lose_request",
    "delay_request",
    "error",
    "reset",
    "lose_reply",
    "delay_reply",
    "garble_reply",
    "reply_first",
    "refuse_socket",
    "drop_frame",
    "duplicate_frame",
    "hold_frame",
    "stall",
    "cut",
    "silent",
]

# One message of a WebSocket that comes in is a request, too (`method` is "WS").
WIRE_FAULTS: dict[str, str] = {
    "lose_request": "it never arrives",
    "delay_request": "it arrives delay_ns later",
    # HTTP only
    "error": "answered with status and body, or the reply named error; done where deed is true",
    "reset": "the connection breaks instead of an answer; done where deed is true",
    "lose_reply": "done, and never answered",
    "delay_reply": "done, and answered delay_ns later; streams are not delayed",
    "garble_reply": "done, and half of the answer arrives",
    "reply_first": "what streams say of it comes delay_ns after the answer",
    "refuse_socket": "a WebSocket is not opened: status and body, or the reply named error",
    # one message of a WebSocket that the venue says
    "drop_frame": "it is lost",
    "duplicate_frame": "it is said twice",
    "hold_frame": "it comes after the next one, or after delay_ns",
    "stall": "it and all behind it on this WebSocket come delay_ns later, in order",
    # a WebSocket
    "cut": "broken at the matching message; one that comes in is heard first where deed is true",
    "silent": "half-open: from the message on neither side hears the other, and nobody says so",
}

REQUEST_FAULTS = ("lose_request", "delay_request", "error", "reset")
REPLY_FAULTS = ("lose_reply", "delay_reply", "garble_reply")
HEARD_FAULTS = ("lose_request", "delay_request", "cut", "silent")
SAID_FAULTS = ("drop_frame", "duplicate_frame", "hold_frame", "stall", "cut", "silent")

Span = Annotated[int, Meta(ge=0, le=400 * 24 * 3600 * 10**9)]


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Members left empty match everything."""

    kind: str
    method: str = ""  # GET, POST, PUT, DELETE; WS for messages of WebSockets
    path: str = ""  # how the path begins
    match: str = ""  # what the query, the body or the message contains
    way: Literal["", "in", "out"] = ""  # for `cut` and `silent`: at a message that comes in, or goes out
    account: str = ""
    symbol: str = ""
    client_id: str = ""
    count: Annotated[int, Meta(ge=0)] = 1  # 0: until cleared
    skip: Annotated[int, Meta(ge=0)] = 0  # so many matching occasions pass first
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    delay_ns: Span = 1_000_000_000
    deed: bool = True
    error: str = ""
    status: Annotated[int, Meta(ge=100, le=599)] = 503
    body: str = ""
    headers: dict[str, str] = {}
    # What a venue's own fault needs beside these.
    value: str = ""


class BadFault(ValueError):
    """The fault is not one of this venue; the text says why."""


class Case(Struct, frozen=True):
    """What a fault is compared with. `text` is looked into only by faults that have a `match`."""

    method: str = ""
    path: str = ""
    text: Callable[[], str] = str
    account: str = ""
    symbol: str = ""
    client_id: str = ""
    way: Literal["", "in", "out"] = ""


# Called when such a fault is armed. May raise `BadFault`, where what it names is not there.
Do = Callable[[Fault], None]


class Taught(Struct, frozen=True):
    """A name the venue understands. Without `do` it waits until the venue draws it."""

    name: str
    help: str
    do: Do | None = None


class Faults(Arms[Fault]):
    """All faults of one venue, armed and known."""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self.taught: dict[str, Taught] = {}
        self.errors: dict[str, Reply] = {}

    def teach(self, name: str, help: str, do: Do | None = None) -> None:
        """The venue understands this name, too."""
        known = (*WIRE_FAULTS, *self.taught)
        assert name not in known, f"{name} is known already"
        self.taught[name] = Taught(name, help, do)

    def teach_error(self, name: str, reply: Reply) -> None:
        """A reply in the venue's own words, for the fault `error`."""
        self.errors[name] = reply

    def arm(self, fault: Fault) -> int:
        """Arm it (or do it at once, where that is its nature); its number. Raises `BadFault`."""
        taught = self.taught.get(fault.kind)
        if taught is None and fault.kind not in WIRE_FAULTS:
            known = ", ".join((*WIRE_FAULTS, *self.taught))
            raise BadFault(f"There is no fault {fault.kind}; there are {known}.")
        if fault.error and fault.error not in self.errors:
            raise BadFault(f"There is no error {fault.error}; there are {', '.join(self.errors) or 'none'}.")
        if taught is not None and taught.do is not None:
            taught.do(fault)
            self.count(fault.kind)
            return 0
        if len(self.armed()) >= FAULTS_MAX:
            raise BadFault(f"{FAULTS_MAX} faults are armed already.")
        return self.add(fault)

    def draw(self, kinds: tuple[str, ...], case: Case) -> Fault | None:
        """The fault of these kinds that befalls this case, if one does; it is used up by one."""
        if not self._armed:
            return None
        return self.pick(kinds, lambda fault: _matches(fault, case))

    def strikes(
        self, name: str, *, account: str = "", symbol: str = "", client_id: str = "", path: str = ""
    ) -> Fault | None:
        """For venues: whether their own fault of this name strikes here; it is used up by one."""
        assert name in self.taught, f"{name} was never taught"
        return self.draw((name,), Case("", path, str, account, symbol, client_id))

    def error_of(self, fault: Fault) -> Reply:
        """What an `error` or a `refuse_socket` answers."""
        if fault.error:
            return self.errors[fault.error]
        return Reply(fault.status, fault.body.encode(), fault.headers)

    def known(self) -> Mapping[str, str]:
        """The venue's own faults, with what they do."""
        return {name: taught.help for name, taught in self.taught.items()}


def read_faults(body: bytes) -> list[Fault]:
    """A file of faults: a JSON list. Raises `BadFault`."""
    try:
        faults = msgspec.json.decode(body, type=list[Fault])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFault(f"not a list of faults: {error}") from None
    if len(faults) > FAULTS_MAX:
        raise BadFault(f"more than {FAULTS_MAX} faults")
    return faults


def _matches(fault: Fault, case: Case) -> bool:
    return (
        fault.method in ("", case.method)
        and case.path.startswith(fault.path)
        and fault.way in ("", case.way)
        and fault.account in ("", case.account)
        and fault.symbol in ("", case.symbol)
        and fault.client_id in ("", case.client_id)
        and (not fault.match or fault.match in case.text())
    )
