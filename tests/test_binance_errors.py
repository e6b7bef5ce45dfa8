"""Binance's refusals: their class, the wait they ask for, the sentence they become; limits in replies."""

from __future__ import annotations

import pytest

from kedge.model.venue import Answer
from kedge.venues.binance import errors
from kedge.venues.binance.errors import Failure, RateLimit, Used, answer_of, failure_of, sentence_of

S = 1_000_000_000
NOW_NS = 1_790_000_000 * S


def refusal(status: int, code: int, text: str = "", headers: dict[str, str] | None = None) -> Failure:
    body = f'{{"code":{code},"msg":"{text}"}}'.encode()
    return failure_of(status, body, headers or {}, NOW_NS)


@pytest.mark.parametrize(
    ("status", "code", "text", "answer"),
    [
        (400, -2010, "Account has insufficient balance for requested action.", Answer.REJECTED),
        (400, -2010, "Order would immediately match and take.", Answer.REJECTED),
        (400, -1013, "Filter failure: PRICE_FILTER", Answer.REJECTED),
        (400, -2011, "Unknown order sent.", Answer.REJECTED),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Answer.REJECTED),
        (400, -1121, "Invalid symbol.", Answer.REJECTED),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", Answer.REJECTED),
        (429, -1003, "Too many requests", Answer.REJECTED),
        (429, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", Answer.REJECTED),
        (418, -1003, "Way too much request weight used", Answer.REJECTED),
        # It refuses this request, and proves an order with our id.
        (400, -2010, "Duplicate order sent.", Answer.UNKNOWN),
        (400, -4116, "ClientOrderId is duplicated.", Answer.UNKNOWN),
        (400, -1000, "An unknown error occurred while processing the request.", Answer.UNKNOWN),
        (400, -1001, "Internal error; unable to process your request.", Answer.UNKNOWN),
        (400, -1006, "An unexpected response was received", Answer.UNKNOWN),
        (400, -1007, "Timeout waiting for response from backend server.", Answer.UNKNOWN),
        (408, -1007, "Timeout waiting for response from backend server.", Answer.UNKNOWN),
        (500, -2010, "whatever it says", Answer.UNKNOWN),
        (503, -1008, "Server is currently overloaded with other requests.", Answer.UNKNOWN),
        (400, -1008, "Server is currently overloaded with other requests.", Answer.REJECTED),
        (302, 0, "", Answer.UNKNOWN),
        (200, -1013, "not a refusal at all", Answer.UNKNOWN),
    ],
)
def test_the_class_of_a_refusal(status: int, code: int, text: str, answer: Answer) -> None:
    assert answer_of(refusal(status, code, text)) is answer


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":"x"}', b'{"msg":"no code"}', b"\xff"])
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, Answer.UNKNOWN),
        (404, Answer.UNKNOWN),
        (502, Answer.UNKNOWN),
        # Made by the gate, before anything was looked at.
        (403, Answer.REJECTED),
        (418, Answer.REJECTED),
        (429, Answer.REJECTED),
        (451, Answer.REJECTED),
    ],
)
def test_what_cannot_be_read_is_unknown_unless_the_gate_says_it(
    status: int, answer: Answer, body: bytes
) -> None:
    failure = failure_of(status, body, {}, NOW_NS)
    assert failure.code == 0
    assert answer_of(failure) is answer
    assert sentence_of(failure)


def test_overloaded_is_a_no_only_where_that_is_documented() -> None:
    for failure in (refusal(503, -1008, "Request throttled"), failure_of(503, b"", {}, NOW_NS)):
        assert answer_of(failure) is Answer.UNKNOWN
    assert answer_of(refusal(503, -1008, "Request throttled"), busy_is_no=True) is Answer.REJECTED
    assert answer_of(refusal(503, 0, "Service Unavailable."), busy_is_no=True) is Answer.REJECTED
    unknown = "Unknown error, please check your request or try again later."
    assert answer_of(refusal(503, 0, unknown), busy_is_no=True) is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("failure", "wait_s"),
    [
        (refusal(429, -1003, "slow down", {"retry-after": "7"}), 7),
        (refusal(418, -1003, f"IP banned until {NOW_NS // 1_000_000 + 90_000}."), 90),
        (refusal(418, -1003, f"IP banned until {NOW_NS // 1_000_000 - 90_000}."), 1),
        (refusal(429, -1003), 60),
        (refusal(418, -1003), 120),
        (refusal(403, 0), 300),
        (refusal(429, -1015, "Too many new orders"), 60),
        (refusal(418, -1003, "", {"retry-after": "99999999"}), 3 * 24 * 3600),
        (refusal(429, -1003, "", {"retry-after": "soon"}), 60),
        (refusal(400, -2010, "whatever", {"retry-after": "7"}), 0),
        (errors.ws_failure_of(418, -1003, "banned", NOW_NS // 1_000_000 + 5_000, NOW_NS), 5),
        (errors.ws_failure_of(400, -2010, "no", NOW_NS // 1_000_000 + 5_000, NOW_NS), 0),
    ],
)
def test_how_long_to_stay_away(failure: Failure, wait_s: int) -> None:
    assert failure.retry_ns == wait_s * S


def test_a_sentence_says_how_to_mend_it_and_the_venues_own_words() -> None:
    text = "Account has insufficient balance for requested action."
    assert sentence_of(refusal(400, -2010, text)) == (
        f"there is not enough free money for this order (the venue says -2010: {text})"
    )
    assert sentence_of(refusal(400, -1134, "`strategyType` was less than 1000000.")).startswith("-1134: ")
    assert sentence_of(refusal(400, -4164, "small"), {-4164: "too small"}).startswith("too small (")
    assert "HTTP 502" in sentence_of(failure_of(502, b"<html>", {}, NOW_NS))
    assert "NTP" in sentence_of(refusal(400, -1021, "Timestamp"))


def test_a_sentence_is_one_line_and_bounded() -> None:
    said = sentence_of(refusal(400, -1100, "a \\n b " + "x" * 1_000))
    assert "\n" not in said
    assert len(said) <= errors.SENTENCE_MAX


def test_what_a_person_must_mend() -> None:
    for failure in (refusal(401, -2015), refusal(400, -1022), refusal(400, -2014), refusal(451, 0)):
        assert failure.for_a_person
    for failure in (refusal(429, -1003), refusal(400, -2010), refusal(500, 0)):
        assert not failure.for_a_person


def test_limits_are_read_from_headers_and_replies() -> None:
    headers = {
        "x-mbx-used-weight": "5",  # of no interval: the old form
        "x-mbx-used-weight-1m": "5",
        "x-mbx-order-count-10s": "3",
        "x-mbx-order-count-1d": "4043",
        "x-mbx-used-weight-1y": "9",
        "x-mbx-used-weight-5m": "many",
        "content-type": "application/json",
    }
    assert errors.used_of_headers(headers) == (
        Used("weight", 60 * S, 5),
        Used("orders", 10 * S, 3),
        Used("orders", 86_400 * S, 4043),
    )
    limits = (
        RateLimit("ORDERS", "SECOND", 10, 50, 12),
        RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000, 321),
        RateLimit("CONNECTIONS", "MINUTE", 5, 300, 1),
        RateLimit(),
    )
    assert errors.used_of_limits(limits) == (
        Used("orders", 10 * S, 12, 50),
        Used("weight", 60 * S, 321, 6000),
    )
