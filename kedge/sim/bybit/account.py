"""The account's endpoints: positions and their settings, balances, fees, the key itself, the dead-man switch.

One-way positions in cross margin: that is what is kept here. Isolated margin is a setting that is kept and
shown; any other wish is refused in the venue's words instead of being accepted and ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, divide
from kedge.sim.bybit import codes, entry
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.desk import Desk
from kedge.sim.bybit.news import News
from kedge.sim.bybit.pages import unescaped
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import CROSS, PositionRow, Tables, outer
from kedge.sim.bybit.shapes import UNIFIED
from kedge.sim.bybit.texts import Body, coins, ms, ms_text, number
from kedge.sim.bybit.wallet import Wallet
from kedge.sim.exchange import Exchange
from kedge.sim.testnet.house import House
from kedge.sim.testnet.keys import ApiKey

DERIVATIVES = ("linear", "inverse")
UNIFIED_PRO = 6
DCP_PRODUCTS = ("SPOT", "DERIVATIVES", "OPTIONS")
DCP_LEAST_S, DCP_MOST_S = 3, 300
ISOLATED = "ISOLATED_MARGIN"
MARGIN_MODES = (ISOLATED, CROSS, "PORTFOLIO_MARGIN")


class Accounts:
    def __init__(self, house: House, tables: Tables, news: News, desk: Desk, wallet: Wallet) -> None:  # type: ignore[type-arg]
        self._house = house
        self._exchange: Exchange = house.exchange
        self._tables = tables
        self._news = news
        self._desk = desk
        self._wallet = wallet

    # ── positions ───────────────────────────────────────────────────────────────────────────────

    def positions(self, account: str, params: Params) -> Body:
        """GET /v5/position/list"""
        category = params.choice("category", (*DERIVATIVES, "option"))
        if category == "option":
            return {"list": [], "nextPageCursor": "", "category": category}
        symbol, settle = params.text("symbol"), params.text("settleCoin")
        if category == "linear" and not (symbol or settle or params.text("baseCoin")):
            raise Refused(codes.bad("Missing some parameters that must be filled in, symbol or settleCoin"))
        limit, cursor = params.limit(20, 200), unescaped(params.text("cursor"))
        if symbol:
            keys = [entry.instrument_of(self._exchange, category, symbol).symbol]
        else:
            keys = [p.symbol for p in self._exchange.positions(account) if outer(p.symbol)[0] == category]
            keys = [k for k in keys if settle in ("", self._news.instrument(k).settle)]
        start = int(cursor) if cursor.isdecimal() and len(cursor) < 9 else 0
        shown = keys[start : start + limit]
        after = str(start + limit) if start + limit < len(keys) else ""
        bodies = [self.position_body(account, key) for key in shown]
        return {"list": bodies, "nextPageCursor": after, "category": category}

    def position_body(self, account: str, key: str, *, stream: bool = False) -> Body:
        category, symbol = outer(key)
        instrument, row = self._news.instrument(key), self._tables.position(account, key)
        leverage, mark = self._exchange.leverage(account, key), self._exchange.market(key).mark
        value = instrument.value(row.qty, mark) if row.qty else ZERO
        profit = value - row.cost if row.qty else ZERO
        initial = coins(divide(abs(value), leverage)) if row.qty else "0"
        kept = coins(abs(value) * self._house.of(key).terms.maintenance)
        average = coins(instrument.price_of(row.qty, row.cost)) if row.qty else "0"
        body: Body = {
            "positionIdx": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": symbol,
            "side": _side(row),
            "size": number(abs(row.qty)),
            "entryPrice" if stream else "avgPrice": average,
            "positionValue": coins(abs(row.cost)) if row.qty else "0",
            "tradeMode": 0,
            "positionStatus": "Normal",
            "autoAddMargin": 0,
            "adlRankIndicator": 2 if row.qty else 0,
            "leverage": number(leverage),
            "breakEvenPrice": average if row.qty else "",
            "positionBalance": initial,
            "markPrice": number(mark),
            "liqPrice": "",
            "bustPrice": "",
            "positionIM": initial,
            "positionIMByMp": initial,
            "positionMM": kept,
            "positionMMByMp": kept,
            "tpslMode": "Full",
            "takeProfit": number(row.take_profit),
            "stopLoss": number(row.stop_loss),
            "trailingStop": number(row.trailing),
            "unrealisedPnl": coins(profit) if row.qty else "0",
            "curRealisedPnl": coins(row.pnl),
            "cumRealisedPnl": coins(row.pnl_ever),
            "seq": row.seq,
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "sessionAvgPrice": "",
            "createdTime": ms_text(row.created_ns),
            "updatedTime": ms_text(row.updated_ns),
            "openTime": ms(row.opened_ns),
        }
        if stream:
            body["category"] = category
        return body

    def set_leverage(self, account: str, params: Params, now_ns: int) -> Body:
        """POST /v5/position/set-leverage"""
        instrument = self._derivative(params)
        buy, sell = params.amount("buyLeverage"), params.amount("sellLeverage")
        if buy != sell or not buy:
            raise Refused(No(10001, "buy leverage invalid"))
        if buy == self._exchange.leverage(account, instrument.symbol):
            raise Refused(codes.LEVERAGE_SAME)
        reply = self._exchange.set_leverage(account, instrument.symbol, buy, now_ns)
        if not reply.ok:
            raise Refused(codes.of_refusal(params.category(), reply.code, reply.sentence))
        self._news.positions[account, instrument.symbol] = None
        # The row makes it a fact of this moment, like every answer.
        self._tables.put_position(self._tables.position(account, instrument.symbol))
        return {}

    def switch_mode(self, params: Params) -> Body:
        """POST /v5/position/switch-mode: one-way is what there is."""
        params.choice("category", DERIVATIVES)
        symbol, coin = params.text("symbol"), params.text("coin")
        if not symbol and not coin:
            raise Refused(codes.bad("symbol or coin is required"))
        if params.whole("mode", -1, 0, 3):
            raise Refused(codes.HEDGE_NEVER)
        if symbol:
            self._derivative(params)
            raise Refused(codes.MODE_SAME)
        return {}

    def switch_isolated(self) -> Body:
        """POST /v5/position/switch-isolated: not for unified accounts."""
        raise Refused(codes.UNIFIED_FORBIDDEN)

    def trading_stop(self, account: str, params: Params, now_ns: int) -> Body:
        """POST /v5/position/trading-stop"""
        category = params.choice("category", DERIVATIVES)
        self._desk.stops.set(account, category, params, now_ns)
        return {}

    def _derivative(self, params: Params) -> Instrument:
        category = params.choice("category", DERIVATIVES)
        return entry.instrument_of(self._exchange, category, params.need("symbol"))

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    def balance(self, account: str, params: Params) -> Body:
        """GET /v5/account/wallet-balance"""
        if params.need("accountType") != UNIFIED:
            raise Refused(No(10001, "accountType only support UNIFIED."))
        chosen = tuple(coin for coin in params.text("coin").split(",") if coin)
        return {"list": [self._wallet.body(account, chosen)]}

    def info(self, account: str, now_ns: int) -> Body:
        """GET /v5/account/info"""
        row = self._tables.account(account, now_ns)
        return {
            "marginMode": row.margin_mode,
            "updatedTime": ms_text(row.created_ns),
            "unifiedMarginStatus": UNIFIED_PRO,
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def set_margin_mode(self, account: str, params: Params, now_ns: int) -> Body:
        """POST /v5/account/set-margin-mode: kept and shown; the arithmetic stays that of cross margin."""
        mode = params.choice("setMarginMode", MARGIN_MODES)
        if mode not in (CROSS, ISOLATED):
            raise Refused(No(3400045, "Set margin mode failed"))
        row = self._tables.account(account, now_ns)
        row.margin_mode = mode
        self._tables.put_account(row)
        return {"reasons": []}

    def fees(self, params: Params) -> Body:
        """GET /v5/account/fee-rate"""
        category, symbol = params.choice("category", (*codes.CATEGORIES, "option")), params.text("symbol")
        if symbol and category != "option":
            entry.instrument_of(self._exchange, category, symbol)
        listed = [one for one in self._house.listed() if one.category == category]
        rows = [
            {
                "symbol": one.name,
                "takerFeeRate": number(one.terms.taker_fee),
                "makerFeeRate": number(one.terms.maker_fee),
            }
            for one in listed
            if symbol in ("", one.name)
        ]
        return {"category": category, "list": rows} if category == "spot" else {"list": rows}

    def coins(self) -> Body:
        """GET /v5/asset/coin/query-info: the coins there are; nothing is paid in or out here."""
        listed = self._house.listed()
        names = dict.fromkeys(a for one in listed for a in (one.instrument.base, one.instrument.settle))
        rows = [{"name": name, "coin": name, "remainAmount": "0", "chains": []} for name in names]
        return {"rows": rows}

    def key(self, key: ApiKey, now_ns: int) -> Body:
        """GET /v5/user/query-api"""
        row = self._tables.account(key.account, now_ns)
        trades = key.trades
        wallet = ["AccountTransfer", "SubMemberTransfer"] + (["Withdraw"] if key.withdraws else [])
        return {
            "id": str(row.uid),
            "note": "testnet",
            "apiKey": key.name,
            "readOnly": 0 if trades else 1,
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"] if trades else [],
                "Spot": ["SpotTrade"] if trades else [],
                "Wallet": wallet if trades or key.withdraws else [],
                "Options": ["OptionsTrade"] if trades else [],
                "Derivatives": ["DerivativesTrade"] if trades else [],
                **{name: [] for name in _EMPTY_RIGHTS},
            },
            "ips": list(key.ips) or ["*"],
            "type": 1,
            "deadlineDay": 83,
            "expiredAt": _day(now_ns + 83 * 86_400 * 10**9),
            "createdAt": _day(row.created_ns),
            "unified": 0,
            "uta": 1,
            "userID": row.uid,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_1",
            "kycRegion": "",
        }

    # ── the dead-man switch ─────────────────────────────────────────────────────────────────────

    def set_dcp(self, account: str, params: Params, now_ns: int) -> Body:
        """POST /v5/order/disconnected-cancel-all"""
        product = params.choice("product", DCP_PRODUCTS, "OPTIONS")
        window_s = params.whole("timeWindow", 0, DCP_LEAST_S, DCP_MOST_S)
        if not window_s:
            raise Refused(codes.bad("timeWindow is required"))
        row = self._tables.account(account, now_ns)
        row.dcp = {**row.dcp, product: window_s}
        self._tables.put_account(row)
        return {}

    def dcp(self, account: str, now_ns: int) -> Body:
        """GET /v5/account/query-dcp-info"""
        row = self._tables.account(account, now_ns)
        infos = [{"product": p, "dcpStatus": "ON", "timeWindow": str(s)} for p, s in row.dcp.items()]
        return {"dcpInfos": infos}


_EMPTY_RIGHTS = ("CopyTrading", "BlockTrade", "Exchange", "NFT", "Affiliate", "Earn", "FiatP2P", "BitCard")


def _side(row: PositionRow) -> str:
    if not row.qty:
        return ""
    return "Buy" if row.qty > Decimal(0) else "Sell"


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"
