"""A world as data: its seed, how long it lasts, and what was taken out of it or laid down beforehand.

`Plan(seed)` is the whole world of that seed. Everything else narrows it: fewer wishes, fewer kinds of fault,
a shorter storm, a crash at exactly this step. Shrinking works on plans, sweeping enumerates them, and a
replay command spells one out (`words`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from kedge.storm.people import Wish
from kedge.storm.weather import KINDS, MACHINE
from kedge.storm.wire_weather import KINDS as WIRE_KINDS

SECOND_NS = 1_000_000_000
MS = 1_000_000

Lease = Literal["steal", "ttl", "lock"]


def all_kinds(wire: bool) -> tuple[str, ...]:
    """Every kind of fault of that ring, of the wires and of the machine."""
    return (*(WIRE_KINDS if wire else KINDS), *MACHINE)


class Spans(Struct, frozen=True):
    """How long each part of a world lasts, in virtual time, and how often the crowd trades in it."""

    storm_ns: int = 16 * SECOND_NS
    settle_ns: int = 12 * SECOND_NS  # healed, and nobody asks for anything yet
    close_ns: int = 20 * SECOND_NS  # from "close" to "stop"
    rest_ns: int = 60 * SECOND_NS  # the bound for everything to come to rest
    turn_ns: int = 400 * MS
    calm_turn_ns: int = 1500 * MS
    restart_ns: int = 2 * SECOND_NS  # a service manager takes up to so long


class Plan(Struct, frozen=True):
    seed: int
    spans: Spans = Spans()
    wishes: tuple[Wish, ...] | None = None  # None: drawn
    kept: tuple[int, ...] | None = None  # of the wishes, by the number in their id; None: all
    weather: dict[str, int] | None = None  # exactly these faults, at these strengths; None: drawn
    without: tuple[str, ...] = ()  # kinds of fault that do not exist, of the wires or of the machine
    machine: bool = True  # whether crashes, freezes and the like are drawn
    # The step at which the first engine loses its power, then the second, and so on; 0: it does not.
    crash_at: tuple[int, ...] = ()
    lease: Lease | None = None  # None: drawn
    wire: bool = False  # the venues' own protocols, instead of venues joined at the `Venue` protocol

    def words(self) -> str:
        """The command line that replays exactly this world."""
        parts = [f"kedge storm {'--wire ' if self.wire else ''}--seed {self.seed}"]
        if self.crash_at:
            parts.append("--crash-at " + ",".join(map(str, self.crash_at)))
        left = tuple(kind for kind in all_kinds(self.wire) if kind not in self.without)
        if self.without and len(left) < len(self.without):
            parts.append("--only " + (",".join(left) or "none"))
        elif self.without:
            parts.append("--without " + ",".join(self.without))
        if self.kept is not None:
            parts.append("--wishes " + (",".join(map(str, sorted(self.kept))) or "none"))
        if self.spans.storm_ns != Spans().storm_ns and not self.wire:
            parts.append(f"--storm-ms {self.spans.storm_ns // MS}")
        return " ".join(parts)
