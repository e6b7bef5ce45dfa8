"""Who asks, and which account is meant."""

from __future__ import annotations

from msgspec import Struct

from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Request
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.house import TinvestHouse

SANDBOX = "/"


class Asked(Struct, frozen=True):
    """One request: whose token it carries, and whether it is the sandbox's."""

    key: ApiKey
    now_ns: int
    sandbox: bool = False


def user_of(key: ApiKey) -> str:
    return key.account.partition(":")[0]


def sign_in(house: TinvestHouse, request: Request) -> ApiKey:
    """Raises `Refused`."""
    key = house.token(request)
    if key is None:
        raise Refused(40003)
    return key


def accounts_of(house: TinvestHouse, asked: Asked) -> list[str]:
    """The accounts that this token opens on this side: sandboxes, or the others."""
    return [one for one in house.accounts_of(asked.key) if (SANDBOX in one) == asked.sandbox]


def account_of(house: TinvestHouse, asked: Asked, account_id: str) -> str:
    """The exchange's name of the account. Raises `Refused`."""
    if not account_id:
        raise Refused(30021)
    ids = house.own.ids
    for account in accounts_of(house, asked):
        if ids[account] == account_id:
            return account
    raise Refused(50004)


def may_trade(house: TinvestHouse, asked: Asked, account_id: str) -> str:
    """The account, for a deed. Raises `Refused`."""
    if not asked.key.trades:
        raise Refused(40002)
    return account_of(house, asked, account_id)


def paper_of(house: TinvestHouse, instrument_id: str, figi: str = "") -> Paper:
    """By uid, FIGI or TICKER_CLASS. Raises `Refused`."""
    name = instrument_id or figi
    if not name:
        raise Refused(30093)
    found = house.find_paper(name)
    if found is None:
        raise Refused(50002)
    return found
