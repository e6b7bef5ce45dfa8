"""What an error proves, and what people are told of it."""

from __future__ import annotations

import json

import pytest

from kedge.model.events import Request
from kedge.model.venue import Answer
from kedge.venues.ccxt import errors, library
from kedge.venues.ccxt.errors import Failure
from kedge.venues.venue import Setup

REJECTED, UNKNOWN = Answer.REJECTED, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("ancestry", "kind"),
    [
        (["OrderImmediatelyFillable", "InvalidOrder", "ExchangeError"], "refused"),
        (["BadSymbol", "BadRequest"], "refused"),
        (["OrderNotFound", "InvalidOrder"], "missing"),
        (["DuplicateOrderId", "InvalidOrder"], "twice"),
        (["PermissionDenied", "AuthenticationError"], "auth"),
        (["DDoSProtection", "NetworkError"], "rate"),
        (["RateLimitExceeded", "NetworkError"], "rate"),
        (["InvalidNonce", "NetworkError"], "clock"),
        (["OnMaintenance", "ExchangeNotAvailable", "NetworkError", "OperationFailed"], "net"),
        (["NullResponse", "BadResponse", "OperationFailed"], "net"),
        (["ExchangeError", "BaseError", "Exception"], "odd"),
        (["KeyError", "LookupError"], "odd"),
        (["TimeoutError", "OSError"], "net"),
    ],
)
def test_the_nearest_name_decides(ancestry: list[str], kind: str) -> None:
    assert errors.kind_of(ancestry) == kind


@pytest.mark.parametrize(
    ("failure", "of", "answer"),
    [
        (Failure("net", "", left=False), "place", REJECTED),
        (Failure("net", "", left=True), "place", UNKNOWN),
        (Failure("net", "", left=True, status=404), "place", UNKNOWN),
        (Failure("refused", "", left=True, status=200), "place", REJECTED),
        (Failure("refused", "", left=True, status=0), "place", UNKNOWN),
        (Failure("refused", "", left=True, status=500), "place", UNKNOWN),
        (Failure("refused", "", left=True, status=200, later=True), "place", UNKNOWN),
        (Failure("rate", "", left=True, status=429), "cancel", REJECTED),
        (Failure("odd", "", left=True, status=200), "place", UNKNOWN),
        (Failure("odd", "", left=True, status=403), "place", REJECTED),
        (Failure("odd", "", left=True, status=408), "place", UNKNOWN),
        (Failure("twice", "", left=True, status=400), "place", UNKNOWN),
        (Failure("twice", "", left=True, status=400), "cancel", REJECTED),
        (Failure("missing", "", left=True, status=400), "cancel", REJECTED),
        (Failure("unsupported", "", left=True, status=200), "place", UNKNOWN),
    ],
)
def test_a_class_is_believed_only_with_its_evidence(failure: Failure, of: Request, answer: Answer) -> None:
    assert errors.answer_of(of, failure) is answer


@pytest.mark.parametrize("said", ["OrderLinkedID is duplicate", "clientOid already exists"])
def test_an_id_that_is_taken_is_no_refusal(said: str) -> None:
    assert errors.sharpened("refused", said) == "twice"
    assert errors.sharpened("auth", said) == "auth"
    assert errors.sharpened("refused", "insufficient balance") == "refused"


def test_waits_are_the_exchanges_own_or_ours() -> None:
    assert errors.retry_of("rate", 429, 7) == 7 * errors.SECOND_NS
    assert errors.retry_of("rate", 200, 0) == errors.RATE_WAIT_NS
    assert errors.retry_of("rate", 418, 0) == errors.BAN_WAIT_NS
    assert errors.retry_of("refused", 400, 7) == 0
    assert errors.retry_of("net", 503, 0) == 0


def test_people_read_a_sentence_without_keys_and_signatures() -> None:
    said = errors.words_of(
        "kraken GET https://api.kraken.com/0/x?nonce=1&signature=abc&apiKey=THEKEY not found",
        "net",
        ["THEKEY"],
    )
    assert said == "kraken GET https://api.kraken.com/0/x not found"
    assert errors.words_of("bad key THEKEY " + "ab" * 32, "refused", ["THEKEY"]) == "bad key … …"
    assert errors.words_of("", "odd") == "no reason given"
    assert errors.words_of("x", "clock").endswith("set this machine's clock by a time server")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"retCode": 10001, "retMsg": "too large"}, "bybit: too large (10001)"),
        ({"code": -2011, "msg": "Unknown order sent."}, "bybit: Unknown order sent. (-2011)"),
        ({"error": "no such pair"}, "bybit: no such pair"),
        ({"error": ["x"]}, 'bybit {"error": ["x"]}'),
    ],
)
def test_the_sentence_in_an_answer_is_found(answer: dict[str, object], words: str) -> None:
    assert errors.words_of(f"bybit {json.dumps(answer)}", "refused") == words


def test_text_that_only_looks_like_an_answer_stays_as_it_is() -> None:
    assert errors.words_of("bybit {broken", "refused") == "bybit {broken"
    assert errors.words_of("bybit {}", "refused") == "bybit {}"


def test_a_secret_may_be_an_object_and_none_of_it_is_repeated() -> None:
    setup = Setup("a", "key is long", '{"secret": "s is long", "password": "pw is long"}')
    assert library.credentials(setup) == {
        "apiKey": "key is long",
        "secret": "s is long",
        "password": "pw is long",
    }
    assert {"key is long", "s is long", "pw is long"} <= set(library.hidden(setup))
    for wrong in ('{"secret": 1}', '{"oops": "x"}', "{", '{"secret": ["x"]}'):
        said = library.credentials(Setup("a", "k", wrong))
        assert isinstance(said, str)
        assert "cannot be read as one" in said


def test_every_address_is_put_on_the_simulator() -> None:
    api = {
        "public": "https://api.{hostname}/v5",
        "ws": {"public": {"spot": "wss://stream.{hostname}:9443/v5/public"}},
        "none": None,
    }
    assert library.pointed(api, "http://127.0.0.1:8001") == {
        "public": "http://127.0.0.1:8001/v5",
        "ws": {"public": {"spot": "ws://127.0.0.1:8001/v5/public"}},
        "none": None,
    }
    assert library.pointed("wss://x", "https://sim") == "wss://sim"
