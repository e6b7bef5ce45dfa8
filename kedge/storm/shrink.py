"""From a failing seed to the shortest case that still fails in the same way.

Smallest first beats cutting down: worlds with one bot and no fault are tried before worlds with one bot and
one fault, and so on upward, over the same seed. What the failing world cannot be reduced to in this way is
cut down piece by piece instead. Then wishes are taken away, the storm is shortened, and the crash is moved
to the earliest step that still fails. All of it ends when its time is over, with the best found by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kedge.storm.people import Wish
from kedge.storm.plan import SECOND_NS, Plan, all_kinds
from kedge.storm.rings import world
from kedge.storm.run import kinds_fired, one
from kedge.storm.world import Result

FAULTS_AT_ONCE = 2  # beyond this, enumeration costs more than cutting down
STORMS_NS = (SECOND_NS, 2 * SECOND_NS, 4 * SECOND_NS, 8 * SECOND_NS)
CRASH_STEPS_TRIED = 400


class Shrunk(Struct, frozen=True):
    plan: Plan
    check: str
    says: str
    tries: int
    bots: int
    wishes: int
    kinds: tuple[str, ...]

    def sentence(self) -> str:
        faults = ", ".join(self.kinds) or "no fault"
        crash = f", crash at step {self.plan.crash_at[0]}" if any(self.plan.crash_at) else ""
        return f"{self.bots} bot(s), {self.wishes} wish(es), {faults}{crash}; found in {self.tries} runs"


class Shrinker:
    """`expired` says when the time is over; `run` is `one`, or `one` under a planted fault."""

    def __init__(self, expired: Callable[[], bool], run: Callable[[Plan], Result] = one) -> None:
        self._expired = expired
        self._run = run
        self.tries = 0

    def shrink(self, plan: Plan) -> Shrunk:
        first = self._run(plan)
        assert first.violations, f"seed {plan.seed} does not fail"
        self._check = first.violations[0].check
        self._wishes = world(plan).wishes
        best = self._enumerate(plan, kinds_fired(first, plan.wire)) or self._cut(
            plan, kinds_fired(first, plan.wire)
        )
        best = self._fewer_wishes(best)
        best = self._shorter(best)
        best = self._earlier_crash(best)
        last = self._run(best)
        found = next(v for v in last.violations if v.check == self._check)
        kept = [wish for wish in self._wishes if wish.number in self._kept(best)]
        return Shrunk(
            best,
            self._check,
            found.says,
            self.tries,
            len(_bots(kept)),
            len(kept),
            tuple(kinds_fired(last, plan.wire)),
        )

    def _fails(self, plan: Plan) -> Result | None:
        self.tries += 1
        result = self._run(plan)
        return result if any(v.check == self._check for v in result.violations) else None

    def _kept(self, plan: Plan) -> tuple[int, ...]:
        return tuple(wish.number for wish in self._wishes) if plan.kept is None else plan.kept

    # ── smallest first ──────────────────────────────────────────────────────────────────────────

    def _enumerate(self, plan: Plan, fired: list[str]) -> Plan | None:
        for bots, kinds in _smallest_first(_bots(self._wishes), fired):
            if self._expired():
                return None
            kept = tuple(wish.number for wish in self._wishes if _concerns(wish, bots))
            without = tuple(kind for kind in all_kinds(plan.wire) if kind not in kinds)
            smaller = replace(plan, kept=kept, without=without)
            if self._fails(smaller):
                return smaller
        return None

    # ── cutting down ────────────────────────────────────────────────────────────────────────────

    def _cut(self, plan: Plan, fired: list[str]) -> Plan:
        """Kinds that never fired go at once; the others one by one."""
        best = plan
        idle = tuple(kind for kind in all_kinds(plan.wire) if kind not in fired)
        for without in (idle, *((kind,) for kind in fired)):
            if self._expired():
                break
            smaller = replace(best, without=(*best.without, *without))
            if self._fails(smaller):
                best = smaller
        return best

    def _fewer_wishes(self, best: Plan) -> Plan:
        for number in reversed(self._kept(best)):
            if self._expired():
                break
            smaller = replace(best, kept=tuple(n for n in self._kept(best) if n != number))
            if self._fails(smaller):
                best = smaller
        return best

    def _shorter(self, best: Plan) -> Plan:
        for storm_ns in STORMS_NS:
            if storm_ns >= best.spans.storm_ns or self._expired():
                break
            smaller = replace(best, spans=replace(best.spans, storm_ns=storm_ns))
            # Wishes and faults are drawn within the storm: in a shorter one they come at other times.
            if self._fails(smaller):
                return smaller
        return best

    def _earlier_crash(self, best: Plan) -> Plan:
        """A drawn crash becomes a numbered one, which then moves to the earliest step that fails."""
        result = self._fails(best)
        if result is None or not result.crashed_at or self._expired():
            return best
        quiet = replace(best, without=(*best.without, "crash", "crash-again"))
        numbered = replace(quiet, crash_at=tuple(result.crashed_at))
        if not self._fails(numbered):
            return best
        for step in range(1, min(result.crashed_at[0], CRASH_STEPS_TRIED)):
            if self._expired():
                break
            earlier = replace(quiet, crash_at=(step,))
            if self._fails(earlier):
                return earlier
        single = replace(quiet, crash_at=(result.crashed_at[0],))
        return single if self._fails(single) else numbered


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _smallest_first(
    bots: tuple[str, ...], fired: list[str]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Pairs of bots and faults, those with the fewest of both first."""
    for size in range(1, len(bots) + FAULTS_AT_ONCE + 1):
        for faults in range(min(FAULTS_AT_ONCE, size - 1) + 1):
            for chosen in combinations(bots, size - faults):
                for kinds in combinations(fired, faults):
                    yield chosen, kinds


def _bots(wishes: list[Wish]) -> tuple[str, ...]:
    names = (_name(wish) for wish in wishes if wish.command.verb == "bot.add")
    return tuple(dict.fromkeys(names))


def _concerns(wish: Wish, bots: tuple[str, ...]) -> bool:
    name = _name(wish)
    return not name or name in bots


def _name(wish: Wish) -> str:
    return str(msgspec.json.decode(wish.command.args).get("name", ""))
