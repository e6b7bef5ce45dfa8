"""Signatures of Binance requests, against every vector that its documents publish, and keys that are none."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from kedge.venues.binance import sign
from kedge.venues.binance.sign import Params, Signer, Value

DATA = Path(__file__).parent / "data" / "binance" / "spot"
# Published by the venue for trying out signatures; they belong to nobody.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ED25519 = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
"""
WIDE = "１２３４５６"


def signer(secret: str = SECRET) -> Signer:
    made = sign.signer_of(secret)
    assert not isinstance(made, str), made
    return made


def order(symbol: str) -> Params:
    return {
        "symbol": symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "0.1",
        "recvWindow": 5000,
        "timestamp": 1499827319559,
    }


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (WIDE, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_rest_vectors(symbol: str, signature: str) -> None:
    query = sign.signed_query(order(symbol), signer())
    assert query.endswith(f"&recvWindow=5000&timestamp=1499827319559&signature={signature}")
    assert query.isascii()


def test_the_body_is_signed_behind_the_query_without_a_separator() -> None:
    """The documents' example of a request that is partly query and partly body."""
    fields = dict(order("LTCBTC"))
    query = {name: fields.pop(name) for name in ("symbol", "side", "type", "timeInForce")}
    signature = sign.signed_query(query, signer(), sign.query_of(fields)).rpartition("=")[2]
    assert signature == "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"


def examples(section: str) -> list[dict[str, Any]]:
    """The signed requests that the documents show in this section."""
    entries = json.loads((DATA / "ws-api.json").read_text())
    said = [entry["said"]["params"] for entry in entries if entry["what"] == section]
    return [params for params in said if "FILL ME" not in params["signature"]]


def test_ws_api_vectors() -> None:
    found = examples("SIGNED request example (HMAC)")
    assert len(found) == 2
    for params in found:
        unsigned: dict[str, Value] = {name: value for name, value in params.items() if name != "signature"}
        assert sign.signed_params(unsigned, signer())["signature"] == params["signature"]
    assert "symbol=１２３４５６" in sign.ws_payload(found[1]), "not percent-encoded"


def test_ws_api_payload_is_sorted_whatever_the_order_of_params() -> None:
    assert sign.ws_payload({"b": 1, "a": True, "C": "x"}) == "C=x&a=true&b=1"


def test_ed25519_vector() -> None:
    """The logon of the venue's FIX documents: the only published vector that comes with its private key."""
    made = signer(ED25519)
    assert made.kind == "ed25519"
    payload = "\x01".join(("A", "EXAMPLE", "SPOT", "1", "20240627-11:17:25.223"))
    assert made.sign(payload.encode()) == (
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    )


def test_base64_is_percent_encoded_in_a_url() -> None:
    query = sign.signed_query({"timestamp": 1}, signer(ED25519))
    signature = query.partition("signature=")[2]
    assert signature.endswith("%3D%3D")
    assert not {"+", "/", "="} & set(signature)


def test_rsa_is_pkcs1v15_with_sha256() -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = signer(pem.decode())
    assert made.kind == "rsa"
    import base64

    signature = base64.b64decode(made.sign(b"payload"))
    key.public_key().verify(signature, b"payload", padding.PKCS1v15(), hashes.SHA256())


def test_a_pem_may_come_on_one_line() -> None:
    """As environment variables have it."""
    assert signer(ED25519.replace("\n", "\\n")).sign(b"x") == signer(ED25519).sign(b"x")


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", sign.NO_SECRET),
        ("two words", sign.NOT_PLAIN),
        ("line\nend", sign.NOT_PLAIN),
        ("schlüssel", sign.NOT_PLAIN),
        ("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", sign.UNREADABLE),
        ("-----BEGIN", sign.UNREADABLE),
    ],
)
def test_a_secret_that_is_none_is_told_how_to_mend(secret: str, why: str) -> None:
    assert sign.signer_of(secret) == why


def test_keys_of_other_kinds_and_protected_ones_are_told() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    assert sign.signer_of(curve.decode()) == sign.WRONG_KIND
    locked = Ed25519PrivateKey.generate().private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"word")
    )
    assert sign.signer_of(locked.decode()) == sign.ENCRYPTED


def test_without_cryptography_only_hmac_keys_work(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert sign.signer_of(ED25519) == sign.NO_CRYPTOGRAPHY
    assert signer().kind == "hmac"


def test_no_signer_shows_its_secret() -> None:
    for secret in (SECRET, ED25519):
        made = signer(secret)
        assert secret not in repr(made)
        assert secret not in str(made)


# ── time windows ────────────────────────────────────────────────────────────────────────────────

MS = 1_000_000


@pytest.mark.parametrize(
    ("now_ns", "until_ns", "skew_ns", "window"),
    [
        (1_000 * MS, 4_000 * MS, 0, (1_000, 3_000)),
        (1_000 * MS + 999_999, 4_000 * MS + 999_999, 0, (1_000, 3_000)),
        (1_000 * MS, 4_000 * MS, 250 * MS, (1_250, 3_000)),
        (1_000 * MS, 4_000 * MS, -250 * MS, (750, 3_000)),
        (0, 10**18, 0, (0, 60_000)),  # no more than the venue takes
        (1_000 * MS, 1_000 * MS, 0, None),
        (2_000 * MS, 1_000 * MS, 0, None),
        (1_000 * MS, 1_000 * MS + 999_999, 0, None),
    ],
)
def test_a_window_ends_no_later_than_asked(
    now_ns: int, until_ns: int, skew_ns: int, window: tuple[int, int] | None
) -> None:
    assert sign.window(now_ns, until_ns, skew_ns) == window
    if window is not None:
        assert (window[0] + window[1]) * MS <= until_ns + skew_ns
