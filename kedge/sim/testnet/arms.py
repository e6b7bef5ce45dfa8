"""Armed faults: each waits for what it matches and fires so many times with so much probability.

The dice are given from outside, so that one seed gives one day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

FAULTS_MAX = 1_000


class Dice(Protocol):
    """A seeded generator, made by whoever owns the seed."""

    def random(self) -> float: ...

    def getrandbits(self, k: int, /) -> int: ...


class AnyFault(Protocol):
    """`skip` matching occasions pass, then `count` fire (0: until cleared), each with `probability`."""

    @property
    def kind(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def skip(self) -> int: ...

    @property
    def probability(self) -> float: ...


F = TypeVar("F", bound=AnyFault)


class _Armed(Struct, Generic[F]):
    number: int
    fault: F
    skip: int
    left: int


class Arms(Generic[F]):
    def __init__(self, dice: Dice) -> None:
        self.fired: dict[str, int] = {}
        self._dice = dice
        self._armed: list[_Armed[F]] = []
        self._made = 0

    def add(self, fault: F) -> int:
        """Arm a fault; its number."""
        assert len(self._armed) < FAULTS_MAX, "too many faults at once"
        self._made += 1
        self._armed.append(_Armed(self._made, fault, fault.skip, fault.count))
        return self._made

    def clear(self) -> int:
        """Disarm all; how many there were."""
        count = len(self._armed)
        self._armed.clear()
        return count

    def armed(self) -> list[F]:
        return [a.fault for a in self._armed]

    def pick(self, kinds: Sequence[str], matches: Callable[[F], bool]) -> F | None:
        """The first armed fault of these kinds that matches and whose dice fall so; it is used up by one."""
        for armed in self._armed:
            fault = armed.fault
            if fault.kind not in kinds or not matches(fault):
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            if fault.probability < 1 and self._dice.random() >= fault.probability:
                continue
            self.count(fault.kind)
            if fault.count:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
            return fault
        return None

    def count(self, kind: str) -> None:
        self.fired[kind] = self.fired.get(kind, 0) + 1
