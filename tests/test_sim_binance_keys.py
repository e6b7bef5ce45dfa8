"""Keys, signatures and windows of Binance: the vectors of its documents, and an independent library."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from kedge.sim.binance.common import Params, Refused, read_json_params, read_params
from kedge.sim.binance.keys import (
    check_http,
    check_socket,
    check_time,
    key_of,
    sign,
    socket_payload,
    unsigned,
)
from kedge.sim.binance.signatures import BadKey, is_ed25519, read_public_key, verify
from kedge.sim.testnet.keys import ApiKey

NAME = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = ApiKey(NAME, SECRET, "main")
MS = 10**6
QUERY = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
NOW = 1499827319559 * MS
WIDE = "１２３４５６"


def pem_of(public: ed25519.Ed25519PublicKey | rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


# ── the documents' vectors ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_rest_vectors_of_the_documents(symbol: str, signature: str) -> None:
    query = f"{QUERY.replace('LTCBTC', symbol)}&signature={signature}"
    assert check_http(KEY, query, b"", read_params(query, b""), NOW) == NOW + 5_000 * MS
    upper = query.replace(signature, signature.upper())
    check_http(KEY, upper, b"", read_params(upper, b""), NOW)


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01000000",
                "price": "52000.00",
                "recvWindow": "100",
                "timestamp": "1645423376532",
            },
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {
                "symbol": WIDE,
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": "5000",
                "timestamp": "1645423376532",
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_socket_vectors_of_the_documents(params: dict[str, str], signature: str) -> None:
    values = {**params, "apiKey": NAME, "signature": signature}
    check_socket(KEY, Params(values), 1645423376532 * MS)


def test_query_and_body_are_signed_together_without_anything_between() -> None:
    query, body = QUERY.split("&quantity")[0], "quantity" + QUERY.split("&quantity")[1]
    signature = sign(SECRET, (query + body).encode())
    for where in ("query", "body"):
        q = f"{query}&signature={signature}" if where == "query" else query
        b = f"{body}&signature={signature}" if where == "body" else body
        check_http(KEY, q, b.encode(), read_params(q, b.encode()), NOW)
    wrong = sign(SECRET, f"{query}&{body}".encode())
    q = f"{query}&signature={wrong}"
    with pytest.raises(Refused, match="-1022"):
        check_http(KEY, q, body.encode(), read_params(q, body.encode()), NOW)


def test_text_that_was_signed_before_it_was_encoded_is_refused() -> None:
    plain = f"symbol={WIDE}&timestamp=1499827319559"
    query = f"symbol=%EF%BC%91&timestamp=1499827319559&signature={sign(SECRET, plain.encode())}"
    with pytest.raises(Refused, match="-1022"):
        check_http(KEY, query, b"", read_params(query, b""), NOW)


def test_what_is_signed_over_a_socket_is_what_was_written() -> None:
    params = read_json_params(b'{"quantity":0.0100,"flag":true,"symbol":"BTCUSDT","none":null,"a":[1, 2]}')
    assert socket_payload(params.values) == "a=[1, 2]&flag=true&quantity=0.0100&symbol=BTCUSDT"
    assert unsigned("a=1&signature=x&b=2") == "a=1&b=2"


# ── keys of two halves ──────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=20))
def test_ed25519_agrees_with_another_library(message: bytes, more: bytes) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    pem = pem_of(private.public_key())
    signature = base64.b64encode(private.sign(message)).decode()
    assert is_ed25519(pem)
    assert verify(pem, message, signature)
    assert not verify(pem, message + more, signature)
    assert not verify(pem, message, base64.b64encode(private.sign(message + more)).decode())


def test_rsa_agrees_with_another_library() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = pem_of(private.public_key())
    signature = base64.b64encode(private.sign(b"a=1", padding.PKCS1v15(), hashes.SHA256())).decode()
    assert verify(pem, b"a=1", signature)
    assert not verify(pem, b"a=2", signature)
    assert not is_ed25519(pem)
    key = ApiKey("rsa", pem, "main")
    query = "timestamp=1499827319559"
    signed = base64.b64encode(private.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    whole = f"{query}&signature={signed.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}"
    check_http(key, whole, b"", read_params(whole, b""), NOW)
    assert "BEGIN" not in repr(key)


@pytest.mark.parametrize("pem", ["", "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----", "x" * 9_000])
def test_what_is_no_public_key_is_none(pem: str) -> None:
    with pytest.raises(BadKey):
        read_public_key(pem)
    assert not is_ed25519(pem)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_a_key(body: bytes) -> None:
    lines = base64.encodebytes(body).decode()
    with pytest.raises(BadKey):
        read_public_key(f"-----BEGIN PUBLIC KEY-----\n{lines or 'AA=='}\n-----END PUBLIC KEY-----")


# ── time ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stamp", "window", "outcome"),
    [
        (NOW // MS, "", "ok"),
        (NOW // 1_000, "", "ok"),  # microseconds, by their sixteen digits
        (NOW // MS - 5_000, "", "ok"),
        (NOW // MS - 5_001, "", "outside"),
        (NOW // MS - 59_000, "60000", "ok"),
        (NOW // MS - 2, "1.5", "outside"),
        (NOW // MS - 1, "1.5", "ok"),
        (NOW // MS + 999, "", "ok"),
        (NOW // MS + 1_000, "", "ahead"),
        (NOW // MS, "60001", "-1131"),
        (NOW // MS, "1.2345", "-1100"),
        (NOW // MS, "x", "-1100"),
    ],
)
def test_a_request_lives_as_long_as_its_window(stamp: int, window: str, outcome: str) -> None:
    values = {"timestamp": str(stamp)} | ({"recvWindow": window} if window else {})
    if outcome == "ok":
        assert check_time(Params(values), NOW) >= NOW
        return
    with pytest.raises(Refused, match=outcome):
        check_time(Params(values), NOW)


@pytest.mark.parametrize(
    ("name", "peer", "trades", "code"),
    [
        ("", "1.1.1.1", False, -2014),
        ("é", "1.1.1.1", False, -2014),
        ("other", "1.1.1.1", False, -2015),
        ("bound", "2.2.2.2", False, -2015),
        ("reader", "1.1.1.1", True, -2015),
    ],
)
def test_who_may_not_is_told_so(name: str, peer: str, trades: bool, code: int) -> None:
    keys = {
        "bound": ApiKey("bound", "s", "main", ips=("1.1.1.1",)),
        "reader": ApiKey("reader", "s", "main", trades=False),
    }
    with pytest.raises(Refused, match=str(code)) as caught:
        key_of(keys, name, peer, trades=trades)
    assert caught.value.status == 401
    assert key_of(keys, "reader", "9.9.9.9").account == "main"
