"""The two rings of storms that are run by seed: venues at the protocol, and venues in their own dialect.

Both have worlds, kinds of weather, planted faults, marks that a corpus must show, and seeds that are kept.
The wire ring's world is imported when it is asked for: it brings every adapter and every testnet.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from kedge.storm import weather, wire_weather
from kedge.storm.desk_mutants import DESK_MUTANTS
from kedge.storm.moex_mutants import MOEX_MUTANTS
from kedge.storm.mutants import MUTANTS, Mutant
from kedge.storm.plan import Plan
from kedge.storm.trade_mutants import TRADE_MUTANTS
from kedge.storm.wire_mutants import WIRE_MUTANTS
from kedge.storm.world import World

KINDS: Mapping[bool, Mapping[str, int]] = {False: weather.KINDS, True: wire_weather.KINDS}
EXPECTED = {False: weather.EXPECTED, True: wire_weather.EXPECTED}
RARE = {False: weather.RARE, True: wire_weather.RARE}
RAREST = {False: weather.RAREST, True: wire_weather.RAREST}
PLANTED = {False: (*MUTANTS, *DESK_MUTANTS, *TRADE_MUTANTS), True: (*WIRE_MUTANTS, *MOEX_MUTANTS)}
# Of so many wire seeds the one at this place is a world of the Moscow Exchange.
MOEX_EVERY, MOEX_AT = 8, 5
SEEDS = {False: "seeds.txt", True: "wire_seeds.txt"}


def world(plan: Plan, trace: bool = False) -> World:
    """The world of a plan."""
    if not plan.wire:
        return World(plan, trace)
    if plan.seed % MOEX_EVERY == MOEX_AT:
        from kedge.storm.moex_world import MoexWorld

        return MoexWorld(plan, trace)
    from kedge.storm.wire_world import WireWorld

    return WireWorld(plan, trace)


def moex_seeds(count: int) -> range:
    """The first wire seeds that are worlds of the Moscow Exchange."""
    return range(MOEX_AT, MOEX_EVERY * count, MOEX_EVERY)


def kept_seeds(wire: bool) -> list[int]:
    """Seeds that have failed once; each is run with every test."""
    lines = (resources.files("kedge.storm") / SEEDS[wire]).read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def mutant_named(name: str) -> Mutant:
    known = (*PLANTED[False], *PLANTED[True])
    found = [mutant for mutant in known if mutant.name == name]
    if not found:
        raise KeyError(f"there is no mutant {name!r}; there are: {', '.join(m.name for m in known)}")
    return found[0]
