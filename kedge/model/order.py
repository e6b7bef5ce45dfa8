"""The life of an order: one table, and the small words around it.

Rule 1: every state and every move is in `MOVES`; a missing pair is refused by `move`.
Rule 2: the table is honest. A fill after a cancel, after a refusal, even after "never happened" is a
real-world possibility: the money has moved, so the fill is booked and the order goes where the table says.

    PENDING   the intent is durable; no answer yet          (may exist at the venue)
    OPEN      the venue has it, live, perhaps partly filled
    UNKNOWN   no definite answer; only venue evidence or a person ends this
    FILLED, CANCELLED, EXPIRED   finished at the venue
    REJECTED  the venue definitely refused it
    LOST      it never happened: not found after the last moment it could have taken effect
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

Side = Literal["buy", "sell"]
# A stop fires as the price runs away (a buy when it rises to the trigger, a sell when it falls to it); a take
# as it comes (a buy when it falls, a sell when it rises). Then it is a market order, or a limit order.
OrderKind = Literal["limit", "market", "stop", "stop_limit", "take", "take_limit"]
Tif = Literal["gtc", "ioc", "fok", "post_only"]
Trigger = Literal["last", "mark", "index"]

# Kinds that wait for their trigger, unseen by the market; kinds that have a price of their own.
TRIGGERED: tuple[OrderKind, ...] = ("stop", "stop_limit", "take", "take_limit")
TAKES: tuple[OrderKind, ...] = ("take", "take_limit")
PRICED: tuple[OrderKind, ...] = ("limit", "stop_limit", "take_limit")


def sign(side: Side) -> int:
    return 1 if side == "buy" else -1


def side_of(qty: Decimal) -> Side:
    assert qty != 0
    return "buy" if qty > 0 else "sell"


def opposite(side: Side) -> Side:
    return "sell" if side == "buy" else "buy"


def fires_rising(kind: OrderKind, side: Side) -> bool:
    """Whether the trigger of this order is reached from below."""
    return (side == "buy") != (kind in TAKES)


class State(StrEnum):
    PENDING = "pending"
    OPEN = "open"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    LOST = "lost"


class Move(StrEnum):
    """What can be learnt about an order."""

    SEEN = "seen"  # the venue shows it live
    FILL = "fill"  # part of it traded
    FILL_ALL = "fill_all"  # the last of it traded
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT = "reject"
    SILENCE = "silence"  # a timeout, a 5xx, a cut line: no definite answer
    ABSENT = "absent"  # conclusively not at the venue, and nothing of it ever traded


TERMINAL = (State.FILLED, State.CANCELLED, State.EXPIRED, State.REJECTED, State.LOST)
LIVE = (State.PENDING, State.OPEN, State.UNKNOWN)

_S, _M = State, Move
MOVES: dict[tuple[State, Move], State] = {
    (_S.PENDING, _M.SEEN): _S.OPEN,
    (_S.PENDING, _M.FILL): _S.OPEN,
    (_S.PENDING, _M.FILL_ALL): _S.FILLED,
    (_S.PENDING, _M.CANCEL): _S.CANCELLED,
    (_S.PENDING, _M.EXPIRE): _S.EXPIRED,
    (_S.PENDING, _M.REJECT): _S.REJECTED,
    (_S.PENDING, _M.SILENCE): _S.UNKNOWN,
    (_S.PENDING, _M.ABSENT): _S.LOST,
    (_S.OPEN, _M.SEEN): _S.OPEN,
    (_S.OPEN, _M.FILL): _S.OPEN,
    (_S.OPEN, _M.FILL_ALL): _S.FILLED,
    (_S.OPEN, _M.CANCEL): _S.CANCELLED,
    (_S.OPEN, _M.EXPIRE): _S.EXPIRED,
    (_S.OPEN, _M.REJECT): _S.REJECTED,  # acknowledged first, refused by the matching engine after
    (_S.OPEN, _M.SILENCE): _S.UNKNOWN,  # gone from the venue's lists without a last word
    (_S.UNKNOWN, _M.SEEN): _S.OPEN,
    (_S.UNKNOWN, _M.FILL): _S.OPEN,
    (_S.UNKNOWN, _M.FILL_ALL): _S.FILLED,
    (_S.UNKNOWN, _M.CANCEL): _S.CANCELLED,
    (_S.UNKNOWN, _M.EXPIRE): _S.EXPIRED,
    (_S.UNKNOWN, _M.REJECT): _S.REJECTED,
    (_S.UNKNOWN, _M.SILENCE): _S.UNKNOWN,
    (_S.UNKNOWN, _M.ABSENT): _S.LOST,
    # After the end. Late fills are booked; a late "seen" of a finished order is old news,
    # except where we had concluded that the order does not exist: then it is live after all.
    (_S.FILLED, _M.SEEN): _S.FILLED,
    (_S.FILLED, _M.FILL): _S.FILLED,
    (_S.FILLED, _M.FILL_ALL): _S.FILLED,
    (_S.FILLED, _M.CANCEL): _S.FILLED,
    (_S.FILLED, _M.EXPIRE): _S.FILLED,
    (_S.CANCELLED, _M.SEEN): _S.CANCELLED,
    (_S.CANCELLED, _M.FILL): _S.CANCELLED,
    (_S.CANCELLED, _M.FILL_ALL): _S.FILLED,
    (_S.CANCELLED, _M.CANCEL): _S.CANCELLED,
    (_S.CANCELLED, _M.EXPIRE): _S.CANCELLED,
    (_S.EXPIRED, _M.SEEN): _S.EXPIRED,
    (_S.EXPIRED, _M.FILL): _S.EXPIRED,
    (_S.EXPIRED, _M.FILL_ALL): _S.FILLED,
    (_S.EXPIRED, _M.CANCEL): _S.EXPIRED,
    (_S.EXPIRED, _M.EXPIRE): _S.EXPIRED,
    (_S.REJECTED, _M.SEEN): _S.OPEN,
    (_S.REJECTED, _M.FILL): _S.OPEN,
    (_S.REJECTED, _M.FILL_ALL): _S.FILLED,
    (_S.REJECTED, _M.CANCEL): _S.REJECTED,
    (_S.REJECTED, _M.EXPIRE): _S.REJECTED,
    (_S.REJECTED, _M.REJECT): _S.REJECTED,
    (_S.LOST, _M.SEEN): _S.OPEN,
    (_S.LOST, _M.FILL): _S.OPEN,
    (_S.LOST, _M.FILL_ALL): _S.FILLED,
    (_S.LOST, _M.CANCEL): _S.CANCELLED,
    (_S.LOST, _M.EXPIRE): _S.EXPIRED,
    (_S.LOST, _M.REJECT): _S.REJECTED,
    (_S.LOST, _M.ABSENT): _S.LOST,
}


def move(state: State, learnt: Move) -> State | None:
    """Where the order goes; None where the table has no such move (the news is noted, not obeyed)."""
    return MOVES.get((state, learnt))
