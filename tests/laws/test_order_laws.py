"""Laws of an order's life: any news in any order, and it ends where the money says."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.order import LIVE, TERMINAL, Move, State, move

NEWS = st.lists(st.sampled_from(list(Move)), max_size=20)
LAST_WORDS = (Move.CANCEL, Move.EXPIRE, Move.REJECT, Move.FILL_ALL)


def walk(news: list[Move], state: State = State.PENDING) -> list[State]:
    states = [state]
    for learnt in news:
        state = move(state, learnt) or state
        states.append(state)
    return states


@given(NEWS)
def test_all_of_it_traded_is_final(news: list[Move]) -> None:
    states = walk(news)
    if Move.FILL_ALL in news:
        first = news.index(Move.FILL_ALL) + 1
        assert {*states[first:]} == {State.FILLED}


@given(NEWS)
def test_silence_never_ends_an_order(news: list[Move]) -> None:
    for before, after, learnt in zip(walk(news), walk(news)[1:], news, strict=False):
        if learnt is Move.SILENCE:
            assert after in LIVE or before in TERMINAL


@given(NEWS)
def test_only_unanswered_orders_can_turn_out_never_to_have_happened(news: list[Move]) -> None:
    states = walk(news)
    for before, after in itertools.pairwise(states):
        if after is State.LOST:
            assert before in (State.PENDING, State.UNKNOWN, State.LOST)


@given(NEWS)
def test_the_same_news_twice_is_the_same_news(news: list[Move]) -> None:
    state = walk(news)[-1]
    for learnt in Move:
        once = move(state, learnt) or state
        assert (move(once, learnt) or once) == once


@given(NEWS, st.sampled_from(LAST_WORDS))
def test_a_last_word_ends_any_order(news: list[Move], last: Move) -> None:
    assert walk([*news, last])[-1] in TERMINAL


@given(NEWS)
def test_what_is_over_comes_back_only_from_refused_or_lost(news: list[Move]) -> None:
    states = walk(news)
    for before, after in itertools.pairwise(states):
        if before in TERMINAL and after in LIVE:
            assert before in (State.REJECTED, State.LOST)
            assert after is State.OPEN


@given(NEWS)
def test_nothing_returns_to_pending(news: list[Move]) -> None:
    states = walk(news)
    for before, after in itertools.pairwise(states):
        assert after is not State.PENDING or before is State.PENDING
