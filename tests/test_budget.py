"""Laws of the request budget, whatever is asked and whenever."""

from __future__ import annotations

from builders import RULES
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kedge.model.venue import Rules
from kedge.runtime.budget import SECOND_NS, Budget

RULE = st.builds(
    lambda rate, burst, reserve: replace(
        RULES, requests_per_s=rate, burst=burst, reserve=min(reserve, burst - 1)
    ),
    st.integers(1, 100),
    st.integers(1, 60),
    st.integers(0, 59),
)
ASKS = st.lists(st.tuples(st.integers(-SECOND_NS, 3 * SECOND_NS), st.booleans()), max_size=150)


@given(RULE, ASKS)
def test_in_no_span_more_goes_than_the_rules_allow(rules: Rules, asks: list[tuple[int, bool]]) -> None:
    now_ns, budget, took = 0, Budget(rules, 0), list[int]()
    for step_ns, urgent in asks:
        now_ns += step_ns // 50
        if budget.take(now_ns, urgent) == 0:
            took.append(max([now_ns, *took[-1:]]))  # a clock that goes back refills nothing
        assert 0 <= budget.left <= rules.burst
    for first, begin_ns in enumerate(took):
        for count, end_ns in enumerate(took[first:], 1):
            assert count * SECOND_NS <= rules.burst * SECOND_NS + (end_ns - begin_ns) * rules.requests_per_s


@given(RULE, st.integers(0, 200))
def test_the_reserve_is_left_to_what_is_urgent(rules: Rules, asks: int) -> None:
    budget = Budget(rules, 0)
    plain = sum(budget.take(0, False) == 0 for _ in range(asks))
    assert plain == min(asks, rules.burst - rules.reserve)
    urgent = sum(budget.take(0, True) == 0 for _ in range(200))
    assert urgent == rules.burst - plain


@given(RULE, st.booleans(), st.integers(0, 200))
def test_who_waits_as_told_is_served_and_no_sooner(rules: Rules, urgent: bool, before: int) -> None:
    budget = Budget(rules, 0)
    for _ in range(before):
        budget.take(0, True)
    wait_ns = budget.take(0, urgent)
    if wait_ns:
        assert budget.take(wait_ns - 1, urgent) > 0
        assert budget.take(wait_ns, urgent) == 0


@given(RULE)
def test_exhausted_it_begins_from_nothing(rules: Rules) -> None:
    budget = Budget(rules, 0)
    budget.exhaust(0)
    assert budget.left == 0
    assert budget.take(0, True) == -(-SECOND_NS // rules.requests_per_s)


@given(RULE)
def test_held_back_only_what_is_not_urgent_waits(rules: Rules) -> None:
    budget = Budget(rules, 0)
    budget.hold_back(SECOND_NS)
    assert budget.take(0, True) == 0
    wait_ns = budget.take(0, False)
    assert wait_ns == SECOND_NS
    assert budget.take(SECOND_NS, False) == 0
