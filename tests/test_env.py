"""The engine's clock is steady: it follows a wall that is set ahead, and reports one that is set back."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from kedge.runtime.env import JUMP_NS, SteadyClock, new_command_id, new_desk_id

SECOND = 1_000_000_000


class Machine:
    """Two clocks: one that people set, one that only goes on."""

    def __init__(self) -> None:
        self.wall_ns, self.mono_ns = 1_760_000_000 * SECOND, 55 * SECOND

    def pass_by(self, ns: int) -> None:
        self.wall_ns += ns
        self.mono_ns += ns

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall_ns, lambda: self.mono_ns)


def test_it_goes_on_by_the_monotonic_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock() == machine.wall_ns
    machine.pass_by(7 * SECOND)
    assert clock() == machine.wall_ns
    assert clock.jump_ns() == 0


def test_a_wall_that_is_set_ahead_is_followed_once_somebody_looks() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall_ns += 3600 * SECOND
    assert clock() == machine.wall_ns - 3600 * SECOND
    assert clock.jump_ns() == 3600 * SECOND
    assert clock() == machine.wall_ns
    assert clock.jump_ns() == 0


def test_a_wall_that_is_set_back_is_told_and_not_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock()
    machine.wall_ns -= 60 * SECOND
    assert clock.jump_ns() == -60 * SECOND
    assert clock() == before
    machine.pass_by(SECOND)
    assert clock() == before + SECOND
    machine.wall_ns += 60 * SECOND
    assert clock.jump_ns() == 0, "somebody set it right again"


def test_small_differences_are_nothing() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall_ns += JUMP_NS
    assert clock.jump_ns() == 0
    machine.wall_ns -= 2 * JUMP_NS
    assert clock.jump_ns() == 0


@given(
    st.lists(st.tuples(st.integers(0, SECOND), st.integers(-(10**12), 10**12), st.booleans()), max_size=40)
)
def test_it_never_runs_backwards(turns: list[tuple[int, int, bool]]) -> None:
    machine = Machine()
    clock = machine.clock()
    last = clock()
    for passed_ns, set_ns, looked in turns:
        machine.pass_by(passed_ns)
        machine.wall_ns += set_ns
        if looked:
            clock.jump_ns()
        assert clock() >= last + (0 if looked else passed_ns)
        last = clock()


def test_the_machines_own_clocks_are_the_default() -> None:
    clock = SteadyClock()
    first = clock()
    assert 1_700_000_000 * SECOND < first <= clock()


def test_numbers_of_desks_and_commands() -> None:
    assert all(0 < new_desk_id() < 1 << 32 for _ in range(50))
    code = "from kedge.runtime.env import new_desk_id, new_command_id; print(new_desk_id(), new_command_id())"
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said[0].split()[0] != said[1].split()[0]
    assert said[0].split()[1] != said[1].split()[1]
    assert len(new_command_id()) == 32
