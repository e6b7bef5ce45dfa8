"""Every choice a storm makes, from one seed.

A choice is `draw(label, n)`: a number in 0..n-1, where 0 is always the boring one (first in line, no fault,
no delay). So a tape of zeros is a calm day, and shrinking a failure means turning draws into zeros.

Each label has its own stream of numbers, seeded by `seed:label`: a draw added in one room does not shift
the draws of another. The numbers depend on the seed and the label alone, never on the hash seed, the
process or the platform.

A `Swarm` first picks *which* faults exist in this run and how strong: a world with all faults at once hides
as much as it finds. `Marks` count what fired, so that a corpus can prove it was not blind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

Draw = Callable[[int], int]
Forced = Mapping[str, Sequence[int | None]]

PERMILLE = 1000
STREAMS_MAX = 10_000  # a label made of a growing number is a mistake

_MULTIPLIER, _INCREMENT, _MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


class Tape:
    """A source of choices. `forced` overrides the first draws of a label; see `overrides`."""

    def __init__(self, seed: int | str, *, forced: Forced | None = None, record: bool = False) -> None:
        self.seed = seed
        self._forced: Forced = forced or {}
        self._recorded: dict[str, list[int | None]] | None = {} if record else None
        self._streams: dict[str, Draw] = {}
        self._boring = False

    @classmethod
    def boring(cls) -> Tape:
        """The calm day: every draw is 0."""
        tape = cls(0)
        tape._boring = True
        return tape

    def draw(self, label: str, n: int) -> int:
        """A number in 0..n-1; 0 is the boring choice."""
        stream = self._streams.get(label)
        if stream is None:
            stream = self.stream(label)
        return stream(n)

    def chance(self, label: str, permille: int) -> bool:
        """Whether it happens. A draw of 0 is "no" even at 1000: what must happen is no choice."""
        if permille <= 0:
            return False
        drawn = self.draw(label, PERMILLE)
        return drawn > 0 and drawn >= PERMILLE - permille

    def pick(self, label: str, choices: Sequence[T]) -> T:
        """One of `choices`; the first is the boring one."""
        return choices[self.draw(label, len(choices))]

    def ns(self, label: str, lo: int, hi: int) -> int:
        """A span of nanoseconds in lo..hi, both included; `lo` is the boring one."""
        assert 0 <= lo <= hi, (label, lo, hi)
        return lo + self.draw(label, hi - lo + 1)

    def stream(self, label: str) -> Draw:
        """The label's own stream as a plain function, for loops that draw a million times."""
        known = self._streams.get(label)
        if known is not None:
            return known
        assert len(self._streams) < STREAMS_MAX, f"too many labels on one tape; the newest is {label!r}"
        draw: Draw = _zero if self._boring else _stream(f"{self.seed}:{label}")
        forced = self._forced.get(label)
        if forced is not None:
            draw = _forced(draw, forced)
        if self._recorded is not None:
            draw = _recording(draw, self._recorded.setdefault(label, []))
        self._streams[label] = draw
        return draw

    @property
    def overrides(self) -> dict[str, list[int | None]]:
        """What was drawn, label by label, in the shape `forced` takes. Needs `record=True`.

        A replay with it repeats the run: a forced number stands for one draw, None leaves that draw to
        the seed, and draws beyond the list are 0.
        """
        assert self._recorded is not None, "the tape does not record: Tape(seed, record=True)"
        return {label: list(drawn) for label, drawn in self._recorded.items()}


class Marks:
    """How often each fault, rare branch and table row fired. Passed explicitly, merged over a corpus."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}

    def sometimes(self, label: str) -> None:
        """Say that something happened which some run of the corpus must see."""
        self.count[label] = self.count.get(label, 0) + 1

    def merge(self, other: Marks) -> None:
        for label, times in other.count.items():
            self.count[label] = self.count.get(label, 0) + times

    def missing(self, expected: Sequence[str]) -> tuple[str, ...]:
        """Which of the expected marks never fired: where the storm is blind."""
        return tuple(label for label in expected if label not in self.count)


class Swarm:
    """Which kinds of fault exist in this run, and how strong each is.

    `kinds` gives the strongest permille of each. About one run in eight has no fault at all; in the others
    each kind exists with an even chance, at full, a half, an eighth or a thirty-second of its strength.
    """

    CALM_ONE_IN = 8
    WEAKER_BY = (32, 8, 2, 1)

    def __init__(self, tape: Tape, kinds: Mapping[str, int], marks: Marks | None = None) -> None:
        self._tape = tape
        self._marks = marks if marks is not None else Marks()
        self.permille: dict[str, int] = {}
        calm = tape.draw("swarm", self.CALM_ONE_IN) == 0
        for kind, strongest in kinds.items():
            # Drawn from the kind's own label: a kind added to the list leaves the others as they were.
            exists = tape.draw(f"swarm.{kind}", 2) == 1
            weaker_by = tape.pick(f"swarm.{kind}.strength", self.WEAKER_BY)
            on = exists and not calm and strongest > 0
            self.permille[kind] = max(1, strongest // weaker_by) if on else 0

    def fires(self, kind: str) -> bool:
        """Whether this fault happens here and now; counted when it does."""
        permille = self.permille[kind]
        if permille == 0 or not self._tape.chance(f"fault.{kind}", permille):
            return False
        self._marks.sometimes(kind)
        return True

    def heal(self) -> None:
        """Faults off, for good: what follows must make progress."""
        self.permille = dict.fromkeys(self.permille, 0)

    @property
    def exist(self) -> tuple[str, ...]:
        return tuple(kind for kind, permille in self.permille.items() if permille)


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def _stream(name: str) -> Draw:
    """A 64-bit linear congruential stream started by the name's hash; the product keeps its high bits.

    Not `random.Random`: that costs several times as much to start, and a world starts a dozen of these.
    """
    state = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")

    def draw(n: int) -> int:
        nonlocal state
        state = (state * _MULTIPLIER + _INCREMENT) & _MASK
        return (state * n) >> 64

    return draw


def _zero(n: int) -> int:
    return 0


def _forced(seeded: Draw, forced: Sequence[int | None]) -> Draw:
    """`seeded` is drawn from even where it is overruled, so a later None meets the seed's own number."""
    place = 0

    def draw(n: int) -> int:
        nonlocal place
        own = seeded(n)
        if place >= len(forced):
            return 0
        wanted = forced[place]
        place += 1
        # A shrunken run may reach this draw with fewer choices than the run that was recorded.
        return own if wanted is None else min(wanted, n - 1)

    return draw


def _recording(inner: Draw, drawn: list[int | None]) -> Draw:
    def draw(n: int) -> int:
        chosen = inner(n)
        drawn.append(chosen)
        return chosen

    return draw
