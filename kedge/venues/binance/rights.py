"""What a Binance key may do, and whether the desk trades with it. Pure; shared by spot and USDⓈ-M.

`GET /sapi/v1/account/apiRestrictions` tells a key's rights, on the live venue only. A key that may withdraw
is refused for real money unless the settings say that it is meant: a desk needs no such right, a thief does.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from kedge.venues.silence import Refused
from kedge.venues.venue import Setup

RIGHTS_PATH = "/sapi/v1/account/apiRestrictions"
MAY_WITHDRAW = (
    "this API key may withdraw money, and a trading desk needs no such right: take it away at the venue"
    " (API Management), or say may_withdraw = true if it is meant"
)
MAY_NOT_READ = "this API key may not read the account: allow reading at the venue (API Management)"
MAY_NOT_SPOT = "this API key may not trade spot: allow spot trading at the venue (API Management)"
MAY_NOT_FUTURES = "this API key may not trade futures: allow futures at the venue (API Management)"
ANY_ADDRESS = (
    "this API key works from any address: restrict it to this machine's at the venue (API Management)"
)


class Rights(Struct, frozen=True, rename="camel"):
    """The members that matter here. What is missing is not allowed, except reading."""

    enable_reading: bool = True
    enable_withdrawals: bool = False
    enable_spot_and_margin_trading: bool = False
    enable_futures: bool = False
    ip_restrict: bool = False


def read_rights(body: bytes) -> Rights | None:
    """None: not what the documents say, so nothing is known."""
    try:
        return msgspec.json.decode(body, type=Rights)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def judge(rights: Rights, setup: Setup, *, futures: bool) -> Refused | str:
    """Why this key must not be used, or what people should know of it; "" when there is nothing."""
    if setup.live and rights.enable_withdrawals and not setup.may_withdraw:
        return Refused(MAY_WITHDRAW)
    if not rights.enable_reading:
        return Refused(MAY_NOT_READ)
    if futures and not rights.enable_futures:
        return Refused(MAY_NOT_FUTURES)
    if not futures and not rights.enable_spot_and_margin_trading:
        return Refused(MAY_NOT_SPOT)
    return ANY_ADDRESS if setup.live and not rights.ip_restrict else ""
