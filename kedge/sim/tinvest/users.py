"""UsersService: accounts, rights, tariff, margin."""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO, divide
from kedge.protos.tinvest import users_pb2 as pb
from kedge.sim.tinvest.access import Asked, account_of, accounts_of, user_of
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.limits import APART, GROUPS, STREAMS
from kedge.sim.tinvest.purse import Purse
from kedge.sim.tinvest.shapes import money, quotation, stamp

PACKAGE = "tinkoff.public.invest.api.contract.v1"


class Users:
    def __init__(self, house: TinvestHouse, purse: Purse) -> None:
        self._house = house
        self._purse = purse

    def accounts(self, asked: Asked, request: pb.GetAccountsRequest) -> pb.GetAccountsResponse:
        own = self._house.own
        rows = []
        for account in accounts_of(self._house, asked):
            shut = account in own.shut
            status = pb.ACCOUNT_STATUS_CLOSED if shut else pb.ACCOUNT_STATUS_OPEN
            if request.status not in (pb.ACCOUNT_STATUS_UNSPECIFIED, pb.ACCOUNT_STATUS_ALL, status):
                continue
            full = asked.key.trades
            rows.append(
                pb.Account(
                    id=own.ids[account],
                    type=pb.ACCOUNT_TYPE_TINKOFF,
                    name=f"Брокерский счёт {account}",
                    status=status,
                    opened_date=stamp(own.opened_ns[account]),
                    access_level=pb.ACCOUNT_ACCESS_LEVEL_FULL_ACCESS
                    if full
                    else pb.ACCOUNT_ACCESS_LEVEL_READ_ONLY,
                )
            )
        return pb.GetAccountsResponse(accounts=rows)

    def info(self, asked: Asked, request: pb.GetInfoRequest) -> pb.GetInfoResponse:
        return pb.GetInfoResponse(
            prem_status=False,
            qual_status=False,
            qualified_for_work_with=["derivative", "structured_bonds", "closed_fund", "bond", "leverage"],
            tariff="trader",
            user_id=user_of(asked.key),
            risk_level_code="Standard",
        )

    def tariff(self, asked: Asked, request: pb.GetUserTariffRequest) -> pb.GetUserTariffResponse:
        own = self._house.own.limits
        unary = []
        for group, most in GROUPS.items():
            service = "OrdersService" if group in APART else group
            name = f"{PACKAGE}.{service}/{group}" if group in APART else f"{PACKAGE}.{service}"
            unary.append(pb.UnaryLimit(limit_per_minute=own.get(group, most), methods=[name]))
        streams = [
            pb.StreamLimit(limit=most, streams=[f"{PACKAGE}.{service}"]) for service, most in STREAMS.items()
        ]
        return pb.GetUserTariffResponse(unary_limits=unary, stream_limits=streams)

    def margin(self, asked: Asked, request: pb.GetMarginAttributesRequest) -> pb.GetMarginAttributesResponse:
        found = self._purse.margin(account_of(self._house, asked, request.account_id))
        missing = max(found.starting - found.liquid, ZERO)
        level = divide(found.liquid, found.minimal) if found.minimal else Decimal(100)
        return pb.GetMarginAttributesResponse(
            liquid_portfolio=money(found.liquid),
            starting_margin=money(found.starting),
            minimal_margin=money(found.minimal),
            funds_sufficiency_level=quotation(level),
            amount_of_missing_funds=money(missing),
            corrected_margin=money(found.starting),
        )

    def banks(self, asked: Asked, request: pb.GetBankAccountsRequest) -> pb.GetBankAccountsResponse:
        return pb.GetBankAccountsResponse()
