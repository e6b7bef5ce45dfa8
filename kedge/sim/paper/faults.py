"""The weather of the paper venue: what goes wrong, how often, and for whom.

A fault is data. It is put in place through the control door or from a file, waits for what it matches, and
fires so many times with so much probability. The dice are given from outside, so that one seed gives one day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

FaultKind = Literal[
    # a request on its way in
    "lose_request",  # it never arrives
    "delay_request",  # it arrives `delay_ns` later
    "unavailable",  # answered with `unavailable`, after the deed where `deed` is true
    "rate_limit",  # refused, however few there were
    # the answer on its way out
    "lose_reply",  # the deed is done and nobody hears of it
    "delay_reply",
    "duplicate_reply",
    "fill_before_ack",  # the stream tells the consequences `delay_ns` before the answer comes
    # one message of a stream; `op` is its type: order, fill, cash, balances, book, mark
    "drop_message",
    "duplicate_message",
    "reorder_message",  # it comes after the next one
    # the connection
    "cut",  # closed at the matching request, after the deed where `deed` is true
    "half_open",  # from the matching request on neither side hears the other, and nobody says so
    # questions
    "lookup_lag",  # orders, fills and cash younger than `delay_ns` are not shown yet
]

REQUEST_FAULTS: tuple[FaultKind, ...] = (
    "lose_request",
    "half_open",
    "cut",
    "rate_limit",
    "unavailable",
    "delay_request",
)
REPLY_FAULTS: tuple[FaultKind, ...] = ("lose_reply", "fill_before_ack", "delay_reply", "duplicate_reply")
MESSAGE_FAULTS: tuple[FaultKind, ...] = ("drop_message", "duplicate_message", "reorder_message")

FAULTS_MAX = 1_000


class Dice(Protocol):
    """A seeded generator, made by whoever owns the seed."""

    def random(self) -> float: ...

    def getrandbits(self, k: int, /) -> int: ...


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Empty members match everything. `count` 0: until cleared."""

    kind: FaultKind
    op: str = ""
    account: str = ""
    client_id: str = ""
    symbol: str = ""
    count: Annotated[int, Meta(ge=0)] = 1
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    delay_ns: Annotated[int, Meta(ge=0, le=3_600_000_000_000)] = 1_000_000_000
    deed: bool = True


class Case(Struct, frozen=True):
    """What a fault is compared with."""

    op: str
    account: str
    client_id: str = ""
    symbol: str = ""


class _Armed(Struct):
    number: int
    fault: Fault
    left: int


class Faults:
    def __init__(self, dice: Dice) -> None:
        self.fired: dict[str, int] = {}
        self._dice = dice
        self._armed: list[_Armed] = []
        self._made = 0

    def add(self, fault: Fault) -> int:
        """Arm a fault; its number."""
        assert len(self._armed) < FAULTS_MAX, "too many faults at once"
        self._made += 1
        self._armed.append(_Armed(self._made, fault, fault.count))
        return self._made

    def clear(self) -> int:
        """Disarm all; how many there were."""
        count = len(self._armed)
        self._armed.clear()
        return count

    def armed(self) -> list[Fault]:
        return [a.fault for a in self._armed]

    def draw(self, kinds: Sequence[FaultKind], case: Case) -> Fault | None:
        """The first armed fault of these kinds that matches and whose dice fall so; it is used up by one."""
        for armed in self._armed:
            fault = armed.fault
            if fault.kind not in kinds or not _matches(fault, case):
                continue
            if fault.probability < 1 and self._dice.random() >= fault.probability:
                continue
            self.fired[fault.kind] = self.fired.get(fault.kind, 0) + 1
            if fault.count:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
            return fault
        return None


def read_faults(body: bytes) -> list[Fault] | str:
    """A file of faults: a JSON list. A string is what is wrong with it."""
    try:
        faults = msgspec.json.decode(body, type=list[Fault])
    except msgspec.DecodeError as error:
        return f"not a list of faults: {error}"
    return faults if len(faults) <= FAULTS_MAX else f"more than {FAULTS_MAX} faults"


def _matches(fault: Fault, case: Case) -> bool:
    return (
        fault.op in ("", case.op)
        and fault.account in ("", case.account)
        and fault.client_id in ("", case.client_id)
        and fault.symbol in ("", case.symbol)
    )
