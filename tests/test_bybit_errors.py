"""What each code means, by request; what is not certain is UNKNOWN."""

from __future__ import annotations

import pytest

from kedge.model.venue import Answer
from kedge.venues.allowance import HEEDLESS
from kedge.venues.bybit import errors
from kedge.venues.silence import Refused
from kedge.venues.wires import HttpSaid


@pytest.mark.parametrize(
    "code", [10000, 10014, 10016, 20006, 170007, 170032, 170035, 170146, 170147, 170310, 429, 7, -5]
)
@pytest.mark.parametrize("request_", ["place", "amend", "cancel"])
def test_what_is_not_certain_is_unknown(code: int, request_: str) -> None:
    assert errors.answer_of(request_, code) is Answer.UNKNOWN  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [10001, 10002, 10003, 10004, 10005, 10006, 10010, 33004, 110007, 110017])
def test_definite_refusals_of_a_place(code: int) -> None:
    assert errors.answer_of("place", code) is Answer.REJECTED


@pytest.mark.parametrize("code", [110072, 170141])
def test_a_duplicate_id_proves_an_order(code: int) -> None:
    """The request is refused, and yet an order with our id is there: only a look can say more."""
    assert errors.answer_of("place", code) is Answer.UNKNOWN
    assert errors.answer_of("amend", code) is Answer.REJECTED


@pytest.mark.parametrize("code", [110001, 110008, 110010, 170139, 170142, 170143, 170213])
def test_a_word_about_the_order_makes_no_sense_of_a_new_one(code: int) -> None:
    assert errors.answer_of("cancel", code) is Answer.REJECTED
    assert errors.answer_of("place", code) is Answer.UNKNOWN


def test_a_cancel_under_way_is_a_cancel() -> None:
    assert errors.answer_of("cancel", 170212) is Answer.ACCEPTED
    assert errors.answer_of("place", 0) is Answer.ACCEPTED


def test_no_code_has_two_meanings() -> None:
    groups = (
        errors._LATE,
        errors._RATE,
        errors._GONE,
        errors._EXISTS,
        errors._UNDER_WAY,
        errors._SAME,
        errors._UNKNOWN,
        errors._REFUSED,
        tuple(errors._LOCKED),
    )
    codes = [code for group in groups for code in group]
    assert len(codes) == len(set(codes))
    assert set(errors._MENDS).isdisjoint(errors._LOCKED)


@pytest.mark.parametrize("code", [10003, 10004, 10005, 10009, 10010, 10028, 33004])
def test_what_a_person_must_mend_says_how(code: int) -> None:
    refused = errors.refused_of(code, "words of the venue")
    assert isinstance(refused, Refused)
    assert str(code) in refused.why
    assert "words of the venue" in refused.why
    assert refused.why.count(": ") >= 1
    assert errors.refused_of(10000, "") is None


def test_reasons_are_sentences() -> None:
    assert errors.reason_of(0, "OK") == ""
    said = "the order is worth less than the venue's minimum (Bybit says 110094: too low)"
    assert errors.reason_of(110094, "too low") == said
    assert "enough free money" in errors.reason_of(110007, "ab not enough for new order")
    assert errors.reason_of(777, "") == "Bybit says 777"
    assert len(errors.reason_of(10001, "x" * 5_000)) <= 300


def test_what_was_signed_is_not_shown() -> None:
    """The venue repeats it where the signature does not fit, and the key is in it."""
    words = 'error sign! origin_string[1700000000000THEKEY5000{"category":"linear"}]'
    assert "THEKEY" not in errors.reason_of(10004, words)
    assert "error sign" in errors.reason_of(10004, words)
    refused = errors.refused_of(10004, words)
    assert refused is not None
    assert "THEKEY" not in refused.why


def test_bans_are_taken_to_heart() -> None:
    ban = errors.heed_of(HttpSaid(403, {}, b""))
    assert (ban.wait_ns, ban.only) == (600 * 10**9, "address")
    assert errors.heed_of(HttpSaid(429, {}, b"")).wait_ns == 10**9
    assert errors.heed_of(HttpSaid(200, {}, b"")) == HEEDLESS


def test_the_pause_after_too_many_requests_is_the_venues_own() -> None:
    now_ns = 1_700_000_000_000 * 10**6
    soon = {"x-bapi-limit-reset-timestamp": "1700000000700"}
    assert errors.patience_of(10006, soon, now_ns).wait_ns == 700_000_000
    # Another clock's word, or none: a pause all the same, and a short one.
    far = {"x-bapi-limit-reset-timestamp": "1800000000000"}
    assert errors.patience_of(10006, far, now_ns).wait_ns == 2 * 10**9
    for odd in ("", "soon", "9" * 40, "-5"):
        assert errors.patience_of(10006, {"x-bapi-limit-reset-timestamp": odd}, now_ns).wait_ns > 0
    assert errors.patience_of(0, soon, now_ns) == HEEDLESS


@pytest.mark.parametrize(
    ("limit", "left", "used"),
    [
        ("10", "9", 1),
        ("10", "0", 10),
        ("10", "12", 0),
        ("", "1", None),
        ("x", "1", None),
        ("1" * 20, "1", None),
    ],
)
def test_what_the_venue_has_counted(limit: str, left: str, used: int | None) -> None:
    assert errors.used_of({"x-bapi-limit": limit, "x-bapi-limit-status": left}) == used


def test_only_the_gateways_own_pages_are_definite() -> None:
    assert [s for s in (200, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504) if errors.is_definite(s)] == [
        400,
        401,
        403,
        404,
        429,
    ]
