"""The weather of the paper venue: what goes wrong, how often, and for whom.

A fault is data. It is put in place through the control door or from a file, waits for what it matches, and
fires so many times with so much probability. The dice are given from outside, so that one seed gives one day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from kedge.sim.testnet.arms import FAULTS_MAX, Arms

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


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Empty members match everything. `count` 0: until cleared. `skip`: so many matches pass first."""

    kind: FaultKind
    op: str = ""
    account: str = ""
    client_id: str = ""
    symbol: str = ""
    count: Annotated[int, Meta(ge=0)] = 1
    skip: Annotated[int, Meta(ge=0)] = 0
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    delay_ns: Annotated[int, Meta(ge=0, le=3_600_000_000_000)] = 1_000_000_000
    deed: bool = True


class Case(Struct, frozen=True):
    """What a fault is compared with."""

    op: str
    account: str
    client_id: str = ""
    symbol: str = ""


class Faults(Arms[Fault]):
    def draw(self, kinds: Sequence[FaultKind], case: Case) -> Fault | None:
        """The first armed fault of these kinds that befalls this case; it is used up by one."""
        return self.pick(kinds, lambda fault: _matches(fault, case))


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
