"""SandboxService: accounts that anybody opens and fills with money. They trade on the same exchange.

What the real sandbox simplifies (fills at the last price, no hours) is not imitated: here orders of a sandbox
meet the same book at the same hours as all others.
"""

from __future__ import annotations

from kedge.model.numbers import ZERO
from kedge.protos.tinvest import sandbox_pb2 as pb
from kedge.sim.tinvest.access import SANDBOX, Asked, accounts_of, may_trade, user_of
from kedge.sim.tinvest.board import uuid_of
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.purse import Purse
from kedge.sim.tinvest.shapes import money, number

ACCOUNTS_MAX = 20
CURRENCIES = ("rub", "usd")


class Sandbox:
    def __init__(self, house: TinvestHouse, purse: Purse) -> None:
        self._house = house
        self._purse = purse

    def open(self, asked: Asked, request: pb.OpenSandboxAccountRequest) -> pb.OpenSandboxAccountResponse:
        if not asked.key.trades:
            raise Refused(40002)
        house = self._house
        mine = [one for one in accounts_of(house, asked) if one not in house.own.shut]
        if len(mine) >= ACCOUNTS_MAX:
            raise Refused(35001)
        account = f"{user_of(asked.key)}{SANDBOX}{len(house.own.ids)}"
        house.keeper.welcome(account, {}, asked.now_ns)
        called = house.name_account(account, uuid_of(f"sandbox:{house.keeper.birth}:{account}"))
        return pb.OpenSandboxAccountResponse(account_id=called)

    def close(self, asked: Asked, request: pb.CloseSandboxAccountRequest) -> pb.CloseSandboxAccountResponse:
        account = may_trade(self._house, asked, request.account_id)
        self._house.exchange.cancel_all(account, asked.now_ns)
        self._house.own.shut[account] = None
        self._house.touch()
        return pb.CloseSandboxAccountResponse()

    def pay_in(self, asked: Asked, request: pb.SandboxPayInRequest) -> pb.SandboxPayInResponse:
        account = may_trade(self._house, asked, request.account_id)
        amount, currency = number(request.amount), request.amount.currency.lower() or "rub"
        if amount <= ZERO or currency not in CURRENCIES:
            raise Refused(30246)
        reply = self._house.exchange.transfer(account, currency, amount, asked.now_ns)
        if not reply.ok:
            raise Refused(30246)
        return pb.SandboxPayInResponse(balance=money(self._purse.money(account, currency), currency))
