"""Every method the venue has: what it is asked with, and who answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from msgspec import Struct

from kedge.protos.tinvest import instruments_pb2 as instruments
from kedge.protos.tinvest import marketdata_pb2 as marketdata
from kedge.protos.tinvest import operations_pb2 as operations
from kedge.protos.tinvest import orders_pb2 as orders
from kedge.protos.tinvest import sandbox_pb2 as sandbox
from kedge.protos.tinvest import stoporders_pb2 as stoporders
from kedge.protos.tinvest import users_pb2 as users
from kedge.sim.tinvest.access import Asked
from kedge.sim.tinvest.instruments import Instruments
from kedge.sim.tinvest.marketdata import MarketData
from kedge.sim.tinvest.operations import Operations
from kedge.sim.tinvest.orders import Orders
from kedge.sim.tinvest.sandbox import Sandbox
from kedge.sim.tinvest.stoporders import StopOrders
from kedge.sim.tinvest.users import Users

PACKAGE = "tinkoff.public.invest.api.contract.v1"
# Streams: whether the client may go on talking after its first message.
STREAMS: dict[str, bool] = {
    "MarketDataStreamService/MarketDataStream": True,
    "MarketDataStreamService/MarketDataServerSideStream": False,
    "OrdersStreamService/OrderStateStream": False,
    "OrdersStreamService/TradesStream": False,
    "OperationsStreamService/PositionsStream": False,
    "OperationsStreamService/PortfolioStream": False,
}


class Method(Struct, frozen=True):
    request: type[Message]
    answer: Callable[[Asked, Any], Message]


class Desks(Struct, frozen=True):
    """Who answers."""

    users: Users
    instruments: Instruments
    market: MarketData
    orders: Orders
    stops: StopOrders
    operations: Operations
    sandbox: Sandbox


def methods(desks: Desks) -> dict[str, Method]:
    """By "Service/Method"."""
    return {
        **_users(desks.users),
        **_instruments(desks.instruments),
        **_market(desks.market),
        **_trading(desks.orders, desks.stops),
        **_operations(desks.operations),
        **_sandbox(desks),
    }


def short_name(path: str) -> str:
    """ "/tinkoff....v1.UsersService/GetInfo" is "UsersService/GetInfo"; "" where it is no such path."""
    begin = f"/{PACKAGE}."
    return path[len(begin) :] if path.startswith(begin) else ""


def _users(desk: Users) -> dict[str, Method]:
    return {
        "UsersService/GetAccounts": Method(users.GetAccountsRequest, desk.accounts),
        "UsersService/GetInfo": Method(users.GetInfoRequest, desk.info),
        "UsersService/GetUserTariff": Method(users.GetUserTariffRequest, desk.tariff),
        "UsersService/GetMarginAttributes": Method(users.GetMarginAttributesRequest, desk.margin),
        "UsersService/GetBankAccounts": Method(users.GetBankAccountsRequest, desk.banks),
    }


def _instruments(desk: Instruments) -> dict[str, Method]:
    one, many = instruments.InstrumentRequest, instruments.InstrumentsRequest
    found = {
        "Shares": Method(many, desk.shares),
        "Bonds": Method(many, desk.bonds),
        "Etfs": Method(many, desk.etfs),
        "Futures": Method(many, desk.futures),
        "Currencies": Method(many, desk.currencies),
        "ShareBy": Method(one, desk.share_by),
        "BondBy": Method(one, desk.bond_by),
        "EtfBy": Method(one, desk.etf_by),
        "FutureBy": Method(one, desk.future_by),
        "CurrencyBy": Method(one, desk.currency_by),
        "GetInstrumentBy": Method(one, desk.instrument_by),
        "FindInstrument": Method(instruments.FindInstrumentRequest, desk.find),
        "TradingSchedules": Method(instruments.TradingSchedulesRequest, desk.schedules),
        "GetFuturesMargin": Method(instruments.GetFuturesMarginRequest, desk.futures_margin),
        "GetDividends": Method(instruments.GetDividendsRequest, desk.dividends),
        "GetAccruedInterests": Method(instruments.GetAccruedInterestsRequest, desk.accrued),
        "GetBondCoupons": Method(instruments.GetBondCouponsRequest, desk.coupons),
    }
    return {f"InstrumentsService/{name}": method for name, method in found.items()}


def _market(desk: MarketData) -> dict[str, Method]:
    found = {
        "GetCandles": Method(marketdata.GetCandlesRequest, desk.candles),
        "GetLastPrices": Method(marketdata.GetLastPricesRequest, desk.last_prices),
        "GetOrderBook": Method(marketdata.GetOrderBookRequest, desk.book),
        "GetTradingStatus": Method(marketdata.GetTradingStatusRequest, desk.trading_status),
        "GetTradingStatuses": Method(marketdata.GetTradingStatusesRequest, desk.trading_statuses),
        "GetLastTrades": Method(marketdata.GetLastTradesRequest, desk.last_trades),
        "GetClosePrices": Method(marketdata.GetClosePricesRequest, desk.close_prices),
    }
    return {f"MarketDataService/{name}": method for name, method in found.items()}


def _trading(desk: Orders, stops: StopOrders) -> dict[str, Method]:
    return {
        "OrdersService/PostOrder": Method(orders.PostOrderRequest, desk.post),
        "OrdersService/PostOrderAsync": Method(orders.PostOrderAsyncRequest, desk.post_async),
        "OrdersService/CancelOrder": Method(orders.CancelOrderRequest, desk.cancel),
        "OrdersService/ReplaceOrder": Method(orders.ReplaceOrderRequest, desk.replace),
        "OrdersService/GetOrderState": Method(orders.GetOrderStateRequest, desk.state),
        "OrdersService/GetOrders": Method(orders.GetOrdersRequest, desk.active),
        "OrdersService/GetMaxLots": Method(orders.GetMaxLotsRequest, desk.max_lots),
        "OrdersService/GetOrderPrice": Method(orders.GetOrderPriceRequest, desk.order_price),
        "StopOrdersService/PostStopOrder": Method(stoporders.PostStopOrderRequest, stops.post),
        "StopOrdersService/GetStopOrders": Method(stoporders.GetStopOrdersRequest, stops.listed),
        "StopOrdersService/CancelStopOrder": Method(stoporders.CancelStopOrderRequest, stops.cancel),
    }


def _operations(desk: Operations) -> dict[str, Method]:
    found = {
        "GetOperations": Method(operations.OperationsRequest, desk.operations),
        "GetOperationsByCursor": Method(operations.GetOperationsByCursorRequest, desk.by_cursor),
        "GetPositions": Method(operations.PositionsRequest, desk.positions),
        "GetPortfolio": Method(operations.PortfolioRequest, desk.portfolio),
        "GetWithdrawLimits": Method(operations.WithdrawLimitsRequest, desk.withdrawable),
    }
    return {f"OperationsService/{name}": method for name, method in found.items()}


def _sandbox(desks: Desks) -> dict[str, Method]:
    """The sandbox's own, and the others' under the sandbox's names."""
    own, others = desks.sandbox, {**_trading(desks.orders, desks.stops), **_operations(desks.operations)}
    found = {
        "OpenSandboxAccount": Method(sandbox.OpenSandboxAccountRequest, own.open),
        "CloseSandboxAccount": Method(sandbox.CloseSandboxAccountRequest, own.close),
        "SandboxPayIn": Method(sandbox.SandboxPayInRequest, own.pay_in),
        "GetSandboxAccounts": Method(users.GetAccountsRequest, desks.users.accounts),
    }
    for name, method in others.items():
        word = name.partition("/")[2]
        if word.startswith("Get"):
            found[f"GetSandbox{word[3:]}"] = method
        else:
            for verb in ("Post", "Cancel", "Replace"):
                if word.startswith(verb):
                    found[f"{verb}Sandbox{word[len(verb) :]}"] = method
    return {f"SandboxService/{name}": method for name, method in found.items()}
