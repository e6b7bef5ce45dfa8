"""Scripted worlds: calm weather, wishes in the script's own words, and accidents at chosen moments.

w = Script(hedge(at=0.2))
w.until(2.0)
w.engine(1).freeze(5.0)
w.start_engine()
result = w.end()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedge.sim.loop import Process
from kedge.storm.people import ALPHA, BETA, Wish, give
from kedge.storm.plan import MS, SECOND_NS, Lease, Plan, Spans
from kedge.storm.sweep import SPANS
from kedge.storm.world import Result, World

HEDGE = {"market": ALPHA, "qty": "0.03", "side": "sell", "deadline_s": 30, "slippage": "0.05"}
PEG = {"market": BETA, "side": "buy", "qty": "0.02"}
PAIR = {"far": ALPHA, "near": BETA, "side": "sell", "qty": "0.03", "work": "cross", "slip": "0.02"}


def wishes(*given: tuple[float, str, dict[str, Any]]) -> tuple[Wish, ...]:
    return tuple(give(round(at * SECOND_NS), n, verb, **args) for n, (at, verb, args) in enumerate(given))


def pair(at: float = 0.2, **changes: Any) -> tuple[Wish, ...]:
    config = {**PAIR, **changes}
    return wishes((at, "bot.add", {"name": "pair-1", "kind": "pair", "config": config}))


def hedge(at: float = 0.2, close: float = 2.5) -> tuple[Wish, ...]:
    return wishes(
        (at, "bot.add", {"name": "hedge-1", "kind": "hedge", "config": HEDGE}),
        (close, "bot.tell", {"name": "hedge-1", "text": "close"}),
    )


def peg(at: float = 0.2) -> tuple[Wish, ...]:
    return wishes((at, "bot.add", {"name": "peg-1", "kind": "peg", "config": PEG}))


class EngineHandle:
    """One engine of a script, by its number."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self.process = process

    @property
    def alive(self) -> bool:
        return self.process.alive

    def freeze(self, seconds: float) -> None:
        self._world.loop.freeze_for(round(seconds * SECOND_NS), self.process)

    def kill(self) -> None:
        self._world.loop.kill(self.process)


class Script:
    def __init__(
        self,
        given: Sequence[Wish] = (),
        *,
        seed: int = 7,
        lease: Lease = "lock",
        spans: Spans = SPANS,
        weather: dict[str, int] | None = None,
    ) -> None:
        plan = Plan(seed, spans, wishes=tuple(given), weather=weather or {}, machine=False, lease=lease)
        self.world = World(plan)
        self.world.begin()

    def until(self, second: float) -> None:
        """Run to this moment of the world."""
        self.world.run_for(max(MS, round(second * SECOND_NS) - self.world.loop.now_ns))

    def engine(self, number: int) -> EngineHandle:
        return EngineHandle(self.world, self.world.engines.processes[number - 1])

    def start_engine(self) -> EngineHandle:
        return EngineHandle(self.world, self.world.engines.start())

    @property
    def lives(self) -> int:
        """How many lives the journal has seen."""
        return self.world.disk.life

    def end(self) -> Result:
        return self.world.end()


def sent(result: Result) -> str:
    """What the script's world has to tell when a test fails."""
    return "\n".join([*(f"{v.check}: {v.says}" for v in result.violations), *result.log])
