"""The table of an order's life, and the page that is generated from it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from pages import ROOT, check_page

from kedge.model.order import LIVE, MOVES, TERMINAL, Move, State, move, opposite, side_of, sign

SAYS = {
    Move.SEEN: "the venue shows it live",
    Move.FILL: "part of it traded",
    Move.FILL_ALL: "the last of it traded",
    Move.CANCEL: "the venue says it was cancelled",
    Move.EXPIRE: "the venue says it expired",
    Move.REJECT: "the venue definitely refused it",
    Move.SILENCE: "no definite answer",
    Move.ABSENT: "conclusively not at the venue",
}

# Every pair that is not in the table, and why the news is noted and not obeyed.
REFUSED = {
    (State.OPEN, Move.ABSENT): "it was seen: it cannot never have happened; its fills decide",
    (State.FILLED, Move.REJECT): "all of it traded: the money has moved",
    (State.FILLED, Move.SILENCE): "finished: nothing is in doubt",
    (State.FILLED, Move.ABSENT): "all of it traded: the money has moved",
    (State.CANCELLED, Move.REJECT): "it ended another way; nothing changes for the money",
    (State.CANCELLED, Move.SILENCE): "finished: nothing is in doubt",
    (State.CANCELLED, Move.ABSENT): "it was cancelled: it was there",
    (State.EXPIRED, Move.REJECT): "it ended another way; nothing changes for the money",
    (State.EXPIRED, Move.SILENCE): "finished: nothing is in doubt",
    (State.EXPIRED, Move.ABSENT): "it expired: it was there",
    (State.REJECTED, Move.SILENCE): "refused with certainty: nothing is in doubt",
    (State.REJECTED, Move.ABSENT): "refused with certainty already",
    (State.LOST, Move.SILENCE): "concluded absent; silence is no evidence against it",
}


def table() -> str:
    head = "| state | " + " | ".join(m.value for m in Move) + " |"
    line = "|---" * (len(Move) + 1) + "|"
    rows = [
        f"| **{s.value}** | " + " | ".join((to.value if (to := move(s, m)) else "–") for m in Move) + " |"
        for s in State
    ]
    return "\n".join([head, line, *rows])


def diagram() -> str:
    """Moves that change the state, one arrow per pair of states."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, learnt), to in MOVES.items():
        if to is not state:
            arrows.setdefault((state, to), []).append(learnt.value)
    lines = [f"    {a.value} --> {b.value}: {', '.join(ms)}" for (a, b), ms in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> pending: intent", *lines, "```"])


def words() -> str:
    rows = [f"| `{m.value}` | {SAYS[m]} |" for m in Move]
    return "\n".join(["| news | what it says |", "|---|---|", *rows])


def refused() -> str:
    rows = [f"| {s.value} | {m.value} | {why} |" for (s, m), why in REFUSED.items()]
    return "\n".join(["| state | news | why nothing moves |", "|---|---|---|", *rows])


def test_the_page_is_the_table() -> None:
    check_page("order-life", "\n\n".join([diagram(), words(), table(), refused()]))


def test_the_page_names_every_state() -> None:
    page = (ROOT / "docs" / "reference" / "order-life.md").read_text().partition("<!-- generated")[0]
    for state in State:
        assert state.value.upper() in page, state


def test_every_pair_is_listed_or_refused_with_a_reason() -> None:
    for state in State:
        for learnt in Move:
            assert ((state, learnt) in MOVES) != ((state, learnt) in REFUSED), (state, learnt)


def test_every_state_is_live_or_finished() -> None:
    assert {*LIVE, *TERMINAL} == {*State}
    assert not {*LIVE} & {*TERMINAL}


@pytest.mark.parametrize("state", list(State))
def test_a_fill_is_booked_in_every_state(state: State) -> None:
    assert move(state, Move.FILL) is not None
    assert move(state, Move.FILL_ALL) is State.FILLED


def test_sides() -> None:
    assert (sign("buy"), sign("sell")) == (1, -1)
    assert (side_of(D(1)), side_of(D(-1))) == ("buy", "sell")
    assert (opposite("buy"), opposite("sell")) == ("sell", "buy")
    with pytest.raises(AssertionError):
        side_of(D(0))
