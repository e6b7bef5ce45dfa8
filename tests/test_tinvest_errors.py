"""T-Invest's codes: every class of them, and what a person reads."""

from __future__ import annotations

import pytest

from kedge.model.venue import Answer
from kedge.venues.calls import CallSaid
from kedge.venues.tinvest.errors import MENDS, UNKNOWN, answer_of, code_of, fault_of, meaning_of


@pytest.mark.parametrize(
    ("status", "code", "meaning", "place", "cancel"),
    [
        ("INVALID_ARGUMENT", 30034, "refused", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30042, "refused", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30049, "refused", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30078, "refused", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30079, "closed", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30097, "closed", Answer.REJECTED, Answer.REJECTED),
        ("INVALID_ARGUMENT", 30057, "duplicate", Answer.UNKNOWN, Answer.UNKNOWN),
        ("INVALID_ARGUMENT", 30059, "gone", Answer.UNKNOWN, Answer.REJECTED),
        ("NOT_FOUND", 50005, "gone", Answer.UNKNOWN, Answer.REJECTED),
        ("NOT_FOUND", 50006, "gone", Answer.UNKNOWN, Answer.REJECTED),
        ("PERMISSION_DENIED", 40002, "locked", Answer.REJECTED, Answer.REJECTED),
        ("UNAUTHENTICATED", 40003, "locked", Answer.REJECTED, Answer.REJECTED),
        ("NOT_FOUND", 50004, "locked", Answer.REJECTED, Answer.REJECTED),
        ("RESOURCE_EXHAUSTED", 80002, "rate", Answer.REJECTED, Answer.REJECTED),
        ("RESOURCE_EXHAUSTED", 80001, "crowded", Answer.UNKNOWN, Answer.UNKNOWN),
        ("RESOURCE_EXHAUSTED", 80005, "old", Answer.UNKNOWN, Answer.UNKNOWN),
        ("FAILED_PRECONDITION", 90001, "refused", Answer.REJECTED, Answer.REJECTED),
        ("INTERNAL", 70001, "unknown", Answer.UNKNOWN, Answer.UNKNOWN),
        ("INTERNAL", 70002, "unknown", Answer.UNKNOWN, Answer.UNKNOWN),
        ("INVALID_ARGUMENT", 30227, "unknown", Answer.UNKNOWN, Answer.UNKNOWN),
        ("INVALID_ARGUMENT", 30095, "unknown", Answer.UNKNOWN, Answer.UNKNOWN),
        # Newer than this code.
        ("INVALID_ARGUMENT", 39876, "unknown", Answer.UNKNOWN, Answer.UNKNOWN),
    ],
)
def test_each_class(status: str, code: int, meaning: str, place: Answer, cancel: Answer) -> None:
    fault = fault_of(CallSaid(status, words=str(code), metadata={"message": "the venue's words"}))
    assert (fault.code, fault.meaning) == (code, meaning)
    assert answer_of("place", fault) is place
    assert answer_of("cancel", fault) is cancel
    assert str(code) in fault.why


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "DATA_LOSS"])
def test_a_status_without_a_code_decides_nothing(status: str) -> None:
    fault = fault_of(CallSaid(status, words="something with words"))
    assert (fault.code, fault.meaning) == (0, "unknown")
    assert fault.why == f"{status}: something with words"


def test_a_token_that_is_refused_without_a_code_is_refused_all_the_same() -> None:
    assert fault_of(CallSaid("UNAUTHENTICATED")).meaning == "locked"
    assert fault_of(CallSaid("PERMISSION_DENIED", words="no")).meaning == "locked"


def test_a_limit_says_for_how_long() -> None:
    said = CallSaid("RESOURCE_EXHAUSTED", words="80002", metadata={"x-ratelimit-reset": "41"})
    assert fault_of(said).retry_ns == 41 * 10**9
    assert fault_of(CallSaid("RESOURCE_EXHAUSTED", words="80002")).retry_ns == 10**9


def test_the_venues_words_follow_where_they_add_something() -> None:
    said = CallSaid("INVALID_ARGUMENT", words="30049", metadata={"message": "Post order error: no luck"})
    assert fault_of(said).why == "Post order error: no luck (30049)"
    said = CallSaid("INVALID_ARGUMENT", words="30099", metadata={"message": "bounds 1-2"})
    assert fault_of(said).why == "the price is outside the limits of today (30099: bounds 1-2)"
    said = CallSaid("INVALID_ARGUMENT", words="30078", metadata={"message": "Incorrect increment"})
    assert fault_of(said).why == "the price is not a multiple of the instrument's step (30078)"


def test_the_number_is_read_from_the_words() -> None:
    assert [code_of(words) for words in ("30057", " 30057 duplicate", "", "no", "123456", "１２３４５")] == [
        *(30057, 30057),
        *(0, 0, 0, 0),
    ]


def test_every_sentence_belongs_to_a_code_that_is_listed() -> None:
    for code in MENDS:
        assert code in UNKNOWN or meaning_of(code) != "unknown"
