"""What is said through the gate: one JSON object per line, each with a `type`, in both directions.

    caller                                  desk
    Hello                              ->
                                       <-   Welcome, or Failed and the end
    Do, Status, Read, Ping             ->
                                       <-   Answer or Failed with the same `id`
    Tail, Tap                          ->
                                       <-   Line or Seen with that `id`, until Stop, then Ended

Requests of one caller are worked on side by side; answers carry the request's `id` and may overtake each
other. A caller who does not read what was asked for is told why (`Dropped`) and cut off: the desk waits
for nobody.

Pure: bytes to values and back. Who speaks and over what is `runtime/gate.py` and `kedge/client/gate.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.commands import VERBS, Role, role_of
from kedge.model.events import Event
from kedge.model.records import Entry
from kedge.model.sentences import mistake

# Raised when a frame's meaning changes; new optional fields do not raise it.
PROTOCOL = 1

# The longest line taken or sent. A bot's parameters and a status of a thousand bots fit.
LINE_BYTES_MAX = 16 * 1024 * 1024
# The longest line the desk takes from a caller: nothing a person asks needs more.
REQUEST_BYTES_MAX = 256 * 1024

Id = Annotated[int, Meta(ge=1, le=2**53)]
# A person whom a program speaks for: a name or an address. It becomes the second half of the actor.
Person = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@+-]{0,64}\Z")]
Fault = Literal["malformed", "protocol", "denied", "usage", "refused", "busy", "away", "bug"]


class Frame(Struct, frozen=True, tag=True, omit_defaults=True):
    pass


# ── from the caller ─────────────────────────────────────────────────────────────────────────────


class Hello(Frame, frozen=True):
    """The first line. `via` names the program ("cli", "python"); who is asking, the desk sees itself.

    `token`: who comes from another machine shows it, and is known by its name.
    """

    protocol: int
    via: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,19}\Z")]
    token: Annotated[str, Meta(max_length=512)] = ""

    def __repr__(self) -> str:
        return f"Hello(protocol={self.protocol}, via={self.via!r})"  # never the token


class Do(Frame, frozen=True):
    """A command. `command_id` is the idempotency key: asked twice, done once, answered the same.

    `of`: the person whom the caller speaks for; the actor is then recorded as `<user>:<person>`.
    """

    id: Id
    command_id: Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    verb: Annotated[str, Meta(max_length=40)]
    args: Raw = Raw(b"{}")
    of: Person = ""


class Status(Frame, frozen=True):
    """What the desk looks like now."""

    id: Id


class Read(Frame, frozen=True):
    """Rows people read: `what` is orders, fills, positions, ...; `args` are filters."""

    id: Id
    what: Annotated[str, Meta(max_length=40)]
    args: dict[str, object] = {}


class Tail(Frame, frozen=True):
    """Journal entries after `after`, then new ones as they become durable."""

    id: Id
    after: Annotated[int, Meta(ge=0)] = 0


class Tap(Frame, frozen=True):
    """Live events of these kinds (none named: all), as the engine sees them. Lossy for slow readers."""

    id: Id
    kinds: Annotated[tuple[str, ...], Meta(max_length=32)] = ()


class Stop(Frame, frozen=True):
    """End a Tail or a Tap; `stream` is the id it was asked with."""

    id: Id
    stream: Id


class Ping(Frame, frozen=True):
    id: Id


Request = Do | Status | Read | Tail | Tap | Stop | Ping


def role_needed(request: Request) -> tuple[str, Role]:
    """What the request is called, and the least role that may make it."""
    if isinstance(request, Do):
        return request.verb, role_of(request.verb) if request.verb in VERBS else "look"
    return type(request).__name__, "look"


# ── from the desk ───────────────────────────────────────────────────────────────────────────────


class Welcome(Frame, frozen=True):
    protocol: int
    cell: str
    version: str
    actor: str
    request_bytes_max: int = REQUEST_BYTES_MAX
    requests_max: int = 0
    streams_max: int = 0


class Answer(Frame, frozen=True):
    id: int
    result: Raw


class Failed(Frame, frozen=True):
    """`id` 0: no request could be read from the line, or the door is shut."""

    id: int
    fault: Fault
    says: str


class Line(Frame, frozen=True):
    id: int
    entry: Entry


class Seen(Frame, frozen=True):
    id: int
    event: Event


class Ended(Frame, frozen=True):
    id: int
    says: str


class Dropped(Frame, frozen=True):
    """The last line of a conversation that the desk breaks off, with the reason."""

    says: str


Reply = Welcome | Answer | Failed | Line | Seen | Ended | Dropped


class BadFrame(ValueError):
    """A line that is not a frame; the text says why in one sentence. `id` is the request's, where legible."""

    def __init__(self, says: str, id: int = 0) -> None:
        super().__init__(says)
        self.id = id


class _JustId(Struct, frozen=True):
    id: Id = 0


_encoder = msgspec.json.Encoder()
_hellos = msgspec.json.Decoder(Hello)
_requests = msgspec.json.Decoder(Request)
_replies = msgspec.json.Decoder(Reply)
_ids = msgspec.json.Decoder(_JustId)


def pack(frame: Frame) -> bytes:
    """One line, with its end."""
    return _encoder.encode(frame) + b"\n"


def to_raw(value: object) -> Raw:
    return Raw(_encoder.encode(value))


def read_hello(line: bytes) -> Hello:
    try:
        return _hellos.decode(line)
    except msgspec.DecodeError as error:
        raise BadFrame(f"the first line must be a Hello: {mistake(error, Hello)}") from None


def read_request(line: bytes) -> Request:
    try:
        request: Request = _requests.decode(line)
    except msgspec.DecodeError as error:
        raise BadFrame(_said(error), _id_of(line)) from None
    except RecursionError:
        raise BadFrame("the request is nested too deeply") from None
    return request


def read_reply(line: bytes) -> Reply:
    try:
        reply: Reply = _replies.decode(line)
    except msgspec.DecodeError as error:
        raise BadFrame(f"the desk's answer cannot be read: {mistake(error)}") from None
    return reply


def _said(error: msgspec.DecodeError) -> str:
    kinds = [kind.__name__ for kind in Request.__args__]
    text = str(error)
    if text.startswith("Invalid value") and text.endswith("`$.type`"):
        return f"there is no such request; there is {', '.join(kinds)}"
    if "missing required field `type`" in text:
        return f"the request has no `type`; there is {', '.join(kinds)}"
    return mistake(error, called="the request")


def _id_of(line: bytes) -> int:
    try:
        return _ids.decode(line).id
    except msgspec.DecodeError:
        return 0
