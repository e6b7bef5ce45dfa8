"""What the key may do, as the venue tells it, and whether the desk accepts that. Pure.

A key that may withdraw is refused for real money: whoever gets hold of it takes the money with them. A key
that may only read is let in, so that one can look; its deeds are refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kedge.venues.bybit.wire import Category, Envelope, Unreadable, Words, read_as
from kedge.venues.silence import Refused

SOON_DAYS = 7
READ_ONLY = "the key may only read: give it the right to trade, or make one that has it"


class KeyRow(Struct, frozen=True, rename="camel"):
    read_only: int
    permissions: Mapping[str, tuple[str, ...] | None] = {}
    ips: tuple[str, ...] | None = ()
    uta: int | None = None
    deadline_day: int | None = None
    expired_at: Words = ""


class Rights(Struct, frozen=True):
    """`closed` says for each category why its orders are refused; `oddity` is what people should know."""

    closed: Mapping[Category, str] = {}
    oddity: str = ""


def read_key(envelope: Envelope) -> KeyRow | Unreadable:
    return read_as(envelope.result, KeyRow)


def rights_of(row: KeyRow, live: bool, may_withdraw: bool) -> Rights | Refused:
    if row.uta == 0:
        return Refused(
            "the account is not a unified one: upgrade it to a Unified Trading Account on Bybit's site"
        )
    oddities = [READ_ONLY] if row.read_only else []
    if "Withdraw" in _granted(row, "Wallet"):
        if live and not may_withdraw:
            return Refused(
                "the key may withdraw, and the desk never needs that: make a key without that right, or set "
                "may_withdraw = true for this account"
            )
        oddities.append("the key may withdraw: a key without that right is safer")
    if _expires_soon(row):
        oddities.append(
            f"the key expires in {row.deadline_day} days: make a new one, or bind it to an address"
        )
    return Rights(_closed(row), "; ".join(oddities))


def _closed(row: KeyRow) -> dict[Category, str]:
    if row.read_only:
        return {"linear": READ_ONLY, "inverse": READ_ONLY, "spot": READ_ONLY}
    closed: dict[Category, str] = {}
    contracts = "Order" in _granted(row, "ContractTrade") or _granted(row, "Derivatives")
    if not contracts:
        why = "the key has no right to trade contracts: allow it orders and positions of contracts"
        closed["linear"] = closed["inverse"] = why
    if "SpotTrade" not in _granted(row, "Spot"):
        closed["spot"] = "the key has no right to trade spot: allow it spot trading"
    return closed


def _granted(row: KeyRow, group: str) -> tuple[str, ...]:
    return row.permissions.get(group) or ()


def _expires_soon(row: KeyRow) -> bool:
    """Keys bound to an address do not expire, and have a negative count of days."""
    return row.deadline_day is not None and 0 <= row.deadline_day <= SOON_DAYS
