"""Accidents at chosen moments: two engines, frozen ones, disks that fail; and what must come of it."""

from __future__ import annotations

import pytest

from kedge.storm.plan import SECOND_NS, Plan
from kedge.storm.run import one
from kedge.storm.sweep import SCENARIOS, Scenario, plan_of
from kedge.storm.world import World
from tests.storm.script import Script, hedge, pair, peg, sent

# ── two engines ─────────────────────────────────────────────────────────────────────────────────


def test_a_second_engine_does_not_start_while_the_first_holds_a_lock() -> None:
    """Goal: with a lock of the system's there is one life, however often somebody starts another engine."""
    w = Script(pair(), lease="lock")
    for second in (0.3, 1.0, 2.0):
        w.until(second)
        w.start_engine()
    w.until(4.0)
    assert w.lives == 1
    assert w.engine(1).alive
    assert not any(w.engine(number).alive for number in (2, 3, 4))
    result = w.end()
    assert not result.violations, sent(result)
    assert result.marks.count["lease-held"] == 3


def test_a_second_engine_takes_the_account_over_and_the_first_ends() -> None:
    """Goal: where leases can be stolen, the older engine ends at its next write, and no order is doubled."""
    w = Script(hedge(), lease="steal")
    w.until(1.0)
    w.start_engine()
    w.until(4.0)
    assert w.lives == 2
    assert not w.engine(1).alive
    assert w.engine(2).alive
    result = w.end()
    assert not result.violations, sent(result)
    assert result.marks.count["fenced"] == 1


def test_two_engines_that_keep_stealing_from_each_other_harm_nothing() -> None:
    """Goal: a fight for one account costs time, never money."""
    w = Script(pair(qty="0.1", work="join"), lease="steal")
    for tenth in range(5, 45, 3):
        w.until(tenth / 10)
        w.start_engine()
    result = w.end()
    assert not result.violations, sent(result)
    assert w.lives > 10


# ── frozen and thawed ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lease", ["steal", "ttl"])
def test_an_engine_that_thaws_after_another_has_begun_does_no_harm(lease: str) -> None:
    """Goal: five seconds of ice, a successor meanwhile; the thawed one ends without doubling anything."""
    w = Script(pair(qty="0.1", work="join"), lease=lease)  # type: ignore[arg-type]
    w.until(1.0)
    w.engine(1).freeze(5.0)
    w.until(4.5)
    w.start_engine()
    w.until(8.0)
    assert w.engine(2).alive
    result = w.end()
    assert not result.violations, sent(result)


def test_a_frozen_engine_without_a_successor_goes_on() -> None:
    """Goal: a pause is no end: the same life goes on and finishes its work."""
    w = Script(hedge(), lease="ttl")
    w.until(0.5)
    w.engine(1).freeze(2.0)
    w.until(5.0)
    assert w.engine(1).alive
    result = w.end()
    assert w.lives == 1
    assert not result.violations, sent(result)


@pytest.mark.parametrize("at_ms", range(200, 240, 2))
def test_frozen_at_any_millisecond_of_a_send(at_ms: int) -> None:
    """Goal: written, frozen past the request's last moment, thawed: the order is not sent any more."""
    w = Script(peg(), lease="steal")
    w.until(at_ms / 1000)
    w.engine(1).freeze(6.0)
    w.until(3.0)
    w.start_engine()
    result = w.end()
    assert not result.violations, sent(result)


# ── killed ──────────────────────────────────────────────────────────────────────────────────────


def test_an_engine_that_dies_every_second_still_finishes() -> None:
    """Goal: five deaths in a row; the sixth life closes the hedge."""
    w = Script(hedge(), lease="lock")
    for number in range(1, 6):
        w.until(number)
        if w.engine(number).alive:
            w.engine(number).kill()
    result = w.end()
    assert w.lives == 6
    assert not result.violations, sent(result)


# ── disks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_disk_fails_at_every_write_in_turn(scenario: Scenario) -> None:
    """Goal: the n-th write fails, for n = 1, 2, 3 ... until a run has no such write. None does harm."""
    n = 0
    failed = True
    while failed:
        n += 1
        world = World(plan_of(scenario, "calm"))
        world.disk.fail_at_write = n
        world.begin()
        world.run_for(world.plan.spans.storm_ns)
        result = world.end()
        assert not result.violations, f"write {n}\n{sent(result)}"
        failed = "disk.failed" in result.marks.count
        assert n < 500, "the loop never ended"
    assert n > 10, f"the scenario has only {n} writes"


def test_a_full_disk_stops_the_engine_and_room_brings_it_back() -> None:
    """Goal: with no room for a record nothing is sent; with room again the work is finished."""
    w = Script(hedge(), lease="lock")
    w.until(0.15)
    w.world.disk.full_at_bytes = w.world.disk.bytes_used
    w.until(3.0)
    assert w.world.harbours["alpha"].exchange.open_orders("alpha/main") == ()
    assert w.world.harbours["alpha"].exchange.fills("alpha/main").items == ()
    w.world.disk.full_at_bytes = None
    w.until(6.0)
    result = w.end()
    assert not result.violations, sent(result)
    assert result.marks.count["stopped-by-disk"] >= 1


def test_a_disk_that_turns_read_only_stops_everything() -> None:
    """Goal: what cannot be written is not done; the orders that stand are pulled once it can be again."""
    w = Script(pair(qty="0.1", work="join"), lease="lock")
    w.until(1.0)
    w.world.disk.read_only = True
    written = w.world.disk.last_seq
    w.until(4.0)
    assert w.world.disk.last_seq == written
    w.world.disk.read_only = False
    w.until(6.0)
    result = w.end()
    assert not result.violations, sent(result)


# ── venues ──────────────────────────────────────────────────────────────────────────────────────


def test_a_venue_that_is_away_when_a_leg_has_filled() -> None:
    """Goal: the near venue goes down as the far leg fills; the leg is evened out when it is back."""
    w = Script(pair(at=0.5), lease="lock")
    w.until(0.45)
    beta = w.world.harbours["beta"]
    beta.down_until_ns = w.world.loop.now_ns + 4 * SECOND_NS
    for client in list(beta.clients):
        client.cut("the venue is restarting")
    result = w.end()
    assert not result.violations, sent(result)


def test_the_calm_world_needs_no_luck() -> None:
    """Goal: without any accident every scenario ends flat, in one life."""
    for scenario in SCENARIOS:
        result = one(plan_of(scenario, "calm"))
        assert not result.violations, sent(result)
        assert result.crashed_at == []


@pytest.mark.parametrize("seed", [3, 296, 506, 825])
def test_a_cancel_told_without_its_last_fill_and_that_fill_lost(seed: int) -> None:
    """Goal: the fill is asked for soon after the end, not at the next audit an hour later."""
    weather = {
        "message-lost-silently": 120,
        "cum-understated": 600,
        "lookup-lags": 250,
        "reply-lost": 75,
        "message-overtaken": 100,
        "report-partial": 60,
    }
    result = one(Plan(seed, weather=weather, machine=False))
    assert not result.violations, sent(result)
