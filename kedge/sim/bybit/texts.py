"""How Bybit writes things: numbers as text, times as text, envelopes, ids. Pure.

Ids are numbers of ours in Bybit's dress, so that one can be read back without a table: derivatives have
UUIDs whose last twelve digits are the number, spot has long decimal numbers.
"""

from __future__ import annotations

import hashlib
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from kedge.model.numbers import ZERO, text

Body = dict[str, Any]
MS = 1_000_000
_SPOT_BASE = 2_000_000_000_000_000_000
_json = msgspec.json.Encoder()

SIDES = {"buy": "Buy", "sell": "Sell"}
COIN_STEP = Decimal("1e-8")


def encode(body: object) -> bytes:
    return _json.encode(body)


def number(value: Decimal) -> str:
    return text(value)


def coins(value: Decimal) -> str:
    """Money to eight digits, for what is derived. What was paid and received is shown to the last digit."""
    return text(value.quantize(COIN_STEP, ROUND_DOWN)) if value else "0"


def scaled(value: Decimal, step: Decimal) -> str:
    """With as many digits as the step has: 60000 on a tick of 0.10 is "60000.00"."""
    digits = places(step)
    return f"{value:.{digits}f}" if digits else text(value)


def places(step: Decimal) -> int:
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def ms(ns: int) -> int:
    return ns // MS


def ms_text(ns: int) -> str:
    return str(ns // MS)


def envelope(result: object, now_ns: int, code: int = 0, text: str = "OK", ext: object = None) -> Body:
    return {
        "retCode": code,
        "retMsg": text,
        "result": {} if result is None else result,
        "retExtInfo": {} if ext is None else ext,
        "time": ms(now_ns),
    }


# ── ids ─────────────────────────────────────────────────────────────────────────────────────────


def order_id(birth: str, category: str, number: int) -> str:
    if category == "spot":
        return str(_SPOT_BASE + _salt(birth) * 10**10 + number)
    return _uuid(f"{birth}:order", number)


def order_number(birth: str, text: str) -> int:
    """The number in an order id of ours; 0 when it is nobody's."""
    if text.isdecimal() and len(text) == 19:
        number = int(text) - _SPOT_BASE - _salt(birth) * 10**10
        return number if 0 < number < 10**10 else 0
    tail = text.rpartition("-")[2]
    if len(text) != 36 or len(tail) != 12:
        return 0
    try:
        number = int(tail, 16)
    except ValueError:
        return 0
    return number if _uuid(f"{birth}:order", number) == text else 0


def exec_id(birth: str, number: str) -> str:
    return _uuid(f"{birth}:exec", int(number)) if number.isdecimal() else number


def conn_id(birth: str, number: int) -> str:
    return f"{birth}-{number:x}"


def seq_of(value: int) -> int:
    """A cross sequence that looks like one, and never stands at a small number."""
    return 10_000_000_000 + value


def _uuid(what: str, number: int) -> str:
    mixed = hashlib.blake2b(f"{what}:{number}".encode(), digest_size=10).hexdigest()
    return f"{mixed[:8]}-{mixed[8:12]}-4{mixed[12:15]}-9{mixed[15:18]}-{number:012x}"


def _salt(birth: str) -> int:
    """Which of ten million lives this is, by the venue's birth."""
    return int.from_bytes(hashlib.blake2b(birth.encode(), digest_size=4).digest()) % 10**7


def average(value: Decimal, qty: Decimal) -> Decimal:
    return value / qty if qty else ZERO
