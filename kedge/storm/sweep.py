"""A crash at every step, rather than at some: short scenarios, run once for each step of the engine's life.

Each scenario is run once to learn how many steps the engine takes, then again with the power cut at step
1, 2, 3 and so on. The shortest is also cut a second time, while the engine is recovering from the first cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kedge.storm.people import ALPHA, BETA, Wish, give
from kedge.storm.plan import MS, SECOND_NS, Plan, Spans
from kedge.storm.run import Tally, one

SPANS = Spans(
    storm_ns=6 * SECOND_NS,
    settle_ns=SECOND_NS,
    close_ns=4 * SECOND_NS,
    turn_ns=500 * MS,
    calm_turn_ns=2000 * MS,
    restart_ns=200 * MS,
)
CALM: dict[str, int] = {}
# A little of what blurs outcomes: with a crash on top, every class of answer meets every step.
LIGHT = {
    "request-lost": 60,
    "reply-lost": 120,
    "reply-slow": 150,
    "message-lost-silently": 80,
    "message-slow": 150,
    "message-twice": 60,
    "lookup-lags": 150,
    "cum-understated": 200,
    "link-cut": 30,
}
WEATHERS = {"calm": CALM, "light": LIGHT}
SECOND_CRASH_EVERY = 6  # with two crashes, each is set at every so many steps
RECOVERY_STEPS = 240  # the second crash falls within so many steps of the second life


class Scenario(Struct, frozen=True):
    name: str
    says: str
    wishes: tuple[Wish, ...]
    seed: int = 7


class Swept(Struct):
    """What one sweep came to."""

    scenario: str
    weather: str
    crashes: int  # per run
    points: int
    tally: Tally
    plans: list[Plan]  # those that failed


def _wishes(*given: tuple[int, str, dict[str, Any]]) -> tuple[Wish, ...]:
    return tuple(give(at_ms * MS, number, verb, **args) for number, (at_ms, verb, args) in enumerate(given))


_HEDGE = {"market": ALPHA, "qty": "0.03", "side": "sell", "deadline_s": 30, "slippage": "0.05"}
_PEG = {"market": BETA, "side": "buy", "qty": "0.02"}
_SPREAD = {
    "far": ALPHA,
    "near": BETA,
    "side": "sell",
    "qty": "0.06",
    "price": "-90000",
    "slip": "0.02",
    "near_at": "touch",
    "after_open_s": 0,
}
_LADDER = {"markets": [BETA], "money": "900", "levels": ["40", "45"], "expires_min": 0}
_PAIR = {"far": ALPHA, "near": BETA, "side": "sell", "qty": "0.03", "work": "cross", "slip": "0.02"}


def _add(name: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "kind": kind, "config": config}


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "hedge",
        "a hedge is opened, closed by word, and stopped",
        _wishes(
            (200, "bot.add", _add("hedge-1", "hedge", _HEDGE)),
            (2500, "bot.tell", {"name": "hedge-1", "text": "close"}),
            (5000, "bot.stop", {"name": "hedge-1"}),
        ),
    ),
    Scenario(
        "peg",
        "an order follows the best bid, is amended, and stopped",
        _wishes(
            (200, "bot.add", _add("peg-1", "peg", _PEG)),
            (2500, "bot.amend", {"name": "peg-1", "config": {"qty": "0.03"}}),
            (4500, "bot.stop", {"name": "peg-1"}),
        ),
    ),
    Scenario(
        "pair",
        "two legs on two venues, and a change of mind",
        _wishes(
            (200, "bot.add", _add("pair-1", "pair", _PAIR)),
            (2000, "bot.amend", {"name": "pair-1", "config": {"qty": "0.04"}}),
            (4500, "bot.stop", {"name": "pair-1"}),
        ),
    ),
    Scenario(
        "spread",
        "a spread fills in part, is changed, and is stopped with its legs uneven",
        _wishes(
            (200, "bot.add", _add("spread-1", "spread", _SPREAD)),
            (2000, "bot.amend", {"name": "spread-1", "config": {"qty": "0.05", "price": "-80000"}}),
            (4500, "bot.stop", {"name": "spread-1"}),
        ),
    ),
    Scenario(
        "stash",
        "stop orders of a ladder and of a stranger are saved, taken away and put back",
        _wishes(
            (200, "bot.add", _add("ladder-1", "ladder", _LADDER)),
            (2000, "stash.save", {"name": "night", "account": "beta/main", "cancel": True}),
            (4500, "stash.restore", {"name": "night"}),
            (5200, "stash.restore", {"name": "night"}),
        ),
    ),
    Scenario(
        "all",
        "hedge, peg and pair together, and the kill switch",
        _wishes(
            (200, "bot.add", _add("hedge-1", "hedge", _HEDGE)),
            (300, "bot.add", _add("peg-1", "peg", _PEG)),
            (400, "bot.add", _add("pair-1", "pair", {**_PAIR, "work": "join"})),
            (2500, "bot.tell", {"name": "hedge-1", "text": "close"}),
            (3500, "desk.kill", {"why": "drill"}),
            (4500, "desk.revive", {}),
        ),
    ),
)
SHORTEST = "peg"


def scenario_named(name: str) -> Scenario:
    found = [scenario for scenario in SCENARIOS if scenario.name == name]
    if not found:
        raise KeyError(f"there is no scenario {name!r}; there are: all-of-them, {', '.join(_names())}")
    return found[0]


def _names() -> list[str]:
    return [scenario.name for scenario in SCENARIOS]


def plan_of(scenario: Scenario, weather: str) -> Plan:
    return Plan(
        scenario.seed,
        SPANS,
        wishes=scenario.wishes,
        weather=WEATHERS[weather],
        machine=False,
        lease="lock",
    )


# ── sweeping ────────────────────────────────────────────────────────────────────────────────────


def sweep_part(name: str, weather: str, part: int = 0, parts: int = 1) -> Swept:
    """One crash in each run: at every step of the engine's life that falls to this part."""
    calm = plan_of(scenario_named(name), weather)
    base = one(calm)
    swept = Swept(name, weather, 1, 0, Tally(), [])
    if part == 0:
        _count(swept, calm)
    for step in range(1 + part, base.engine_steps[0] + 1, parts):
        _count(swept, replace(calm, crash_at=(step,)))
    return swept


def sweep_twice_part(name: str, weather: str, part: int = 0, parts: int = 1) -> Swept:
    """Two crashes in each run, the second while the engine recovers from the first."""
    calm = plan_of(scenario_named(name), weather)
    steps = one(calm).engine_steps[0]
    swept = Swept(name, weather, 2, 0, Tally(), [])
    for place, (first, second) in enumerate(_twice(steps)):
        if place % parts == part:
            _count(swept, replace(calm, crash_at=(first, second)))
    return swept


def _twice(steps: int) -> Iterator[tuple[int, int]]:
    """Every so many-th step of both lives; shifted, so that together the second crashes meet every step."""
    for row, first in enumerate(range(1, steps + 1, SECOND_CRASH_EVERY * 3)):
        for second in range(1 + row % SECOND_CRASH_EVERY, RECOVERY_STEPS, SECOND_CRASH_EVERY):
            yield first, second


def _count(swept: Swept, plan: Plan) -> None:
    result = one(plan)
    swept.points += 1
    swept.tally.add(result)
    if result.violations and len(swept.plans) < 20:
        swept.plans.append(plan)
