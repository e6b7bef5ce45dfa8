"""Accounts as they are shown and set: balances, positions, margins; leverage and modes.

Margins are what the exchange demands: the worse of all buys filling and all sells filling, over the leverage.
What positions need comes first, and what is above that is said to be needed by open orders. Isolated margin
is a setting that is kept and shown; the arithmetic stays that of cross margin.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO, divide
from kedge.sim.binance.common import Refused
from kedge.sim.binance.usdm import events
from kedge.sim.binance.usdm.bodies import SUCCESS, Body
from kedge.sim.binance.usdm.codes import invalid, no, of_exchange
from kedge.sim.binance.usdm.facts import Books, Leg, Memory, PositionSide, leg_of
from kedge.sim.binance.usdm.ledger import sides_of
from kedge.sim.binance.usdm.listings import MS, SETTLE, Contract, Listings, money, rounded
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.outbox import Outbox
from kedge.sim.binance.usdm.wishes import contract_in, integer_in
from kedge.sim.exchange import Exchange
from kedge.sim.testnet.listings import wallet

# An account whose maintenance margin is more than this part of its balance is warned.
CALL_AT = Decimal("0.8")


class Margins(Struct, frozen=True):
    """One symbol of one account, the net over its legs."""

    held: Decimal  # initial margin of the position
    ordered: Decimal  # and of open orders, above that
    maintenance: Decimal
    profit: Decimal
    bids: Decimal
    asks: Decimal


class Summary(Struct, frozen=True):
    """All symbols of one account together."""

    wallet: Decimal
    profit: Decimal
    held: Decimal
    ordered: Decimal
    maintenance: Decimal

    @property
    def balance(self) -> Decimal:
        return self.wallet + self.profit

    @property
    def free(self) -> Decimal:
        return max(self.balance - self.held - self.ordered, ZERO)

    @property
    def withdrawable(self) -> Decimal:
        return max(min(self.wallet, self.balance) - self.held - self.ordered, ZERO)


class Accounts:
    def __init__(self, memory: Memory, exchange: Exchange, listings: Listings, outbox: Outbox) -> None:
        self._memory = memory
        self._exchange = exchange
        self._listings = listings
        self._outbox = outbox

    # ── numbers ─────────────────────────────────────────────────────────────────────────────────

    def leverage(self, books: Books, contract: Contract) -> Decimal:
        return self._exchange.leverage(wallet(books.settings.name, "usdm"), contract.inner)

    def mark(self, contract: Contract) -> Decimal:
        return self._exchange.market(contract.inner).mark

    def touched(self, books: Books) -> list[Contract]:
        """The contracts in which there is a position or an open order."""
        symbols = {key.partition("|")[0]: None for key, leg in books.settings.legs.items() if leg.qty}
        symbols |= {books.orders[number].symbol: None for number in books.open}
        return [self._listings[symbol] for symbol in self._listings.all if symbol in symbols]

    def margins(self, books: Books, contract: Contract) -> Margins:
        net = leg_of(books.settings, contract.symbol, "BOTH")
        mark, leverage = self.mark(contract), self.leverage(books, contract)
        value = net.qty * mark
        open_orders = [books.orders[number] for number in books.open]
        mine = [o for o in open_orders if o.symbol == contract.symbol and not o.reduce_only]
        bids = sum((o.left * o.price for o in mine if o.side == "buy"), ZERO)
        asks = sum((o.left * o.price for o in mine if o.side == "sell"), ZERO)
        most = max(abs(value + bids), abs(value - asks))
        held = divide(abs(value), leverage)
        return Margins(
            held,
            divide(most, leverage) - held,
            abs(value) * contract.terms.maintenance,
            value - net.cost,
            bids,
            asks,
        )

    def summary(self, books: Books) -> Summary:
        parts = [self.margins(books, contract) for contract in self.touched(books)]
        net = sum((p.profit for p in parts), ZERO)
        legs = self._legs_profit(books)
        # The sum of both is what there is, whether the legs are held apart or netted.
        paid = books.settings.wallets.get(SETTLE, ZERO)
        return Summary(
            paid,
            legs if books.settings.dual else net,
            sum((p.held for p in parts), ZERO),
            sum((p.ordered for p in parts), ZERO),
            sum((p.maintenance for p in parts), ZERO),
        )

    def _legs_profit(self, books: Books) -> Decimal:
        profit = ZERO
        for key, leg in books.settings.legs.items():
            symbol, _, side = key.partition("|")
            if side and leg.qty:
                profit += leg.qty * self.mark(self._listings[symbol]) - leg.cost
        return profit

    # ── views ───────────────────────────────────────────────────────────────────────────────────

    def balances(self, account: str) -> list[Body]:
        """/fapi/v2/balance and v3, v2/account.balance."""
        books = self._memory.books(account)
        found = []
        for asset, shown in self._per_asset(books):
            found.append(
                {
                    "accountAlias": "SgsR",
                    "asset": asset,
                    "balance": money(shown.wallet),
                    "crossWalletBalance": money(shown.wallet),
                    "crossUnPnl": _cut(shown.profit),
                    "availableBalance": _cut(shown.free),
                    "maxWithdrawAmount": _cut(shown.withdrawable),
                    "marginAvailable": True,
                    "updateTime": books.settings.changed_ns // MS,
                }
            )
        return found

    def account(self, account: str, version: int) -> Body:
        """/fapi/v2/account (all symbols) and v3 (those with a position or an order)."""
        books = self._memory.books(account)
        settings = books.settings
        total = self.summary(books)
        head: Body = {}
        if version == 2:
            head = {
                "feeTier": 0,
                "feeBurn": False,
                "canTrade": True,
                "canDeposit": True,
                "canWithdraw": True,
                "updateTime": 0,
                "multiAssetsMargin": settings.multi_assets,
                "tradeGroupId": -1,
            }
        contracts = list(self._listings.all.values()) if version == 2 else self.touched(books)
        return head | {
            "totalInitialMargin": _cut(total.held + total.ordered),
            "totalMaintMargin": _cut(total.maintenance),
            "totalWalletBalance": money(total.wallet),
            "totalUnrealizedProfit": _cut(total.profit),
            "totalMarginBalance": _cut(total.balance),
            "totalPositionInitialMargin": _cut(total.held),
            "totalOpenOrderInitialMargin": _cut(total.ordered),
            "totalCrossWalletBalance": money(total.wallet),
            "totalCrossUnPnl": _cut(total.profit),
            "availableBalance": _cut(total.free),
            "maxWithdrawAmount": _cut(total.withdrawable),
            "assets": [self._asset_body(books, asset, shown) for asset, shown in self._per_asset(books)],
            "positions": [
                self._account_position(books, contract, side, version)
                for contract in contracts
                for side in sides_of(books)
            ],
        }

    def _per_asset(self, books: Books) -> list[tuple[str, Summary]]:
        total = self.summary(books)
        assets = dict.fromkeys((SETTLE, *books.settings.wallets))
        return [
            (
                asset,
                total
                if asset == SETTLE
                else Summary(books.settings.wallets.get(asset, ZERO), ZERO, ZERO, ZERO, ZERO),
            )
            for asset in assets
        ]

    def _asset_body(self, books: Books, asset: str, shown: Summary) -> Body:
        return {
            "asset": asset,
            "walletBalance": money(shown.wallet),
            "unrealizedProfit": _cut(shown.profit),
            "marginBalance": _cut(shown.balance),
            "maintMargin": _cut(shown.maintenance),
            "initialMargin": _cut(shown.held + shown.ordered),
            "positionInitialMargin": _cut(shown.held),
            "openOrderInitialMargin": _cut(shown.ordered),
            "crossWalletBalance": money(shown.wallet),
            "crossUnPnl": _cut(shown.profit),
            "availableBalance": _cut(shown.free),
            "maxWithdrawAmount": _cut(shown.withdrawable),
            "marginAvailable": True,
            "updateTime": books.settings.changed_ns // MS,
        }

    def _account_position(self, books: Books, contract: Contract, side: PositionSide, version: int) -> Body:
        symbol = contract.symbol
        leg = leg_of(books.settings, symbol, side)
        margins = self.margins(books, contract)
        value = leg.qty * self.mark(contract)
        body: Body = {
            "symbol": symbol,
            "positionSide": side,
            "positionAmt": self._listings.qty(symbol, leg.qty),
            "unrealizedProfit": _cut(value - leg.cost),
            "isolatedMargin": "0",
            "notional": _cut(value),
            "isolatedWallet": "0",
            "initialMargin": _cut(margins.held + margins.ordered),
            "maintMargin": _cut(margins.maintenance),
            "updateTime": leg.updated_ns // MS,
        }
        if version == 2:
            leverage = self.leverage(books, contract)
            body |= {
                "positionInitialMargin": _cut(margins.held),
                "openOrderInitialMargin": _cut(margins.ordered),
                "leverage": f"{leverage:f}",
                "isolated": symbol in books.settings.isolated,
                "entryPrice": rounded(leg.entry, 8),
                "breakEvenPrice": rounded(leg.break_even, 8),
                "maxNotional": str(contract.cap_at(leverage)),
                "bidNotional": _cut(margins.bids),
                "askNotional": _cut(margins.asks),
            }
        return body

    def positions(self, account: str, version: int, symbol: str = "") -> list[Body]:
        """/fapi/v2/positionRisk (all symbols) and v3 (those with a position or an order)."""
        books = self._memory.books(account)
        contracts = self.touched(books) if version == 3 else list(self._listings.all.values())
        return [
            self._risk(books, contract, side, version)
            for contract in contracts
            if symbol in ("", contract.symbol)
            for side in sides_of(books)
        ]

    def _risk(self, books: Books, contract: Contract, side: PositionSide, version: int) -> Body:
        symbol = contract.symbol
        leg, mark = leg_of(books.settings, symbol, side), self.mark(contract)
        margins = self.margins(books, contract)
        body: Body = {
            "symbol": symbol,
            "positionSide": side,
            "positionAmt": self._listings.qty(symbol, leg.qty),
            "entryPrice": rounded(leg.entry, 8),
            "breakEvenPrice": rounded(leg.break_even, 8),
            "markPrice": money(mark),
            "unRealizedProfit": _cut(leg.qty * mark - leg.cost),
            "liquidationPrice": self._liquidation(books, contract, leg),
            "isolatedMargin": "0",
            "notional": _cut(leg.qty * mark),
            "isolatedWallet": "0",
            "updateTime": leg.updated_ns // MS,
        }
        if version == 2:
            leverage = self.leverage(books, contract)
            isolated = symbol in books.settings.isolated
            return body | {
                "leverage": f"{leverage:f}",
                "maxNotionalValue": str(contract.cap_at(leverage)),
                "marginType": "isolated" if isolated else "cross",
                "isAutoAddMargin": "false",
            }
        return body | {
            "marginAsset": SETTLE,
            "initialMargin": _cut(margins.held + margins.ordered),
            "maintMargin": _cut(margins.maintenance),
            "positionInitialMargin": _cut(margins.held),
            "openOrderInitialMargin": _cut(margins.ordered),
            "adl": 2 if leg.qty else 0,
            "bidNotional": _cut(margins.bids),
            "askNotional": _cut(margins.asks),
        }

    def _liquidation(self, books: Books, contract: Contract, leg: Leg) -> str:
        """The mark at which the balance is what the positions must have, all else standing still."""
        net = leg_of(books.settings, contract.symbol, "BOTH")
        if not leg.qty or not net.qty:
            return "0"
        total = self.summary(books)
        # balance + qty * (p - mark) == maintenance + rate * |qty| * (p - mark)
        rate = contract.terms.maintenance
        slope = net.qty - abs(net.qty) * rate
        price = self.mark(contract) - divide(total.balance - total.maintenance, slope)
        return rounded(price, 8) if price > 0 else "0"

    # ── settings ────────────────────────────────────────────────────────────────────────────────

    def set_leverage(self, account: str, params: Named, now_ns: int) -> Body:
        contract = contract_in(params, self._listings)
        leverage = integer_in(params, "leverage")
        if leverage is None:
            params.need("leverage")
            raise invalid("leverage")
        if not 1 <= leverage <= contract.leverage_max:
            raise no(-4028, leverage=leverage)
        books = self._memory.books(account)
        net = leg_of(books.settings, contract.symbol, "BOTH")
        if abs(net.qty) * self.mark(contract) > contract.cap_at(Decimal(leverage)):
            raise no(-2027)
        name = wallet(account, "usdm")
        changed = self._exchange.leverage(name, contract.inner) != leverage
        reply = self._exchange.set_leverage(name, contract.inner, Decimal(leverage), now_ns)
        if not reply.ok:
            raise no(-2028) if reply.code == "margin" else of_exchange(reply)
        if changed:
            body: Body = {"s": contract.symbol, "l": leverage}
            self._outbox.put(account, events.config_update("ac", body, now_ns))
        cap = contract.cap_at(Decimal(leverage))
        return {"symbol": contract.symbol, "leverage": leverage, "maxNotionalValue": str(cap)}

    def set_margin_type(self, account: str, params: Named, now_ns: int) -> Body:
        contract = contract_in(params, self._listings)
        kind = params.need("marginType")
        if kind not in ("ISOLATED", "CROSSED"):
            raise invalid("marginType")
        books = self._memory.books(account)
        settings, symbol = books.settings, contract.symbol
        if (kind == "ISOLATED") == (symbol in settings.isolated):
            raise no(-4046)
        if kind == "ISOLATED" and settings.multi_assets:
            raise no(-4168)
        if any(books.orders[number].symbol == symbol for number in books.open):
            raise no(-4047)
        if any(leg.qty for key, leg in settings.legs.items() if key.partition("|")[0] == symbol):
            raise no(-4048)
        if kind == "ISOLATED":
            settings.isolated[symbol] = None
        else:
            del settings.isolated[symbol]
        self._memory.put_settings(settings)
        parts = [self._position_part(books, contract, side) for side in sides_of(books)]
        self._outbox.put(account, events.account_update("MARGIN_TYPE_CHANGE", (), parts, now_ns))
        return SUCCESS

    def set_dual(self, account: str, params: Named) -> Body:
        params.need("dualSidePosition")
        dual = params.flag("dualSidePosition")
        books = self._memory.books(account)
        if dual == books.settings.dual:
            raise no(-4059)
        if books.open or books.waiting:
            raise no(-4067)
        if any(leg.qty for leg in books.settings.legs.values()):
            raise no(-4068)
        books.settings.dual = dual
        self._memory.put_settings(books.settings)
        return SUCCESS

    def set_multi_assets(self, account: str, params: Named, now_ns: int) -> Body:
        params.need("multiAssetsMargin")
        wanted = params.flag("multiAssetsMargin")
        books = self._memory.books(account)
        settings = books.settings
        if wanted == settings.multi_assets:
            raise no(-4171)
        if wanted and settings.isolated:
            raise no(-4167)
        if books.open:
            raise no(-4170)
        settings.multi_assets = wanted
        self._memory.put_settings(settings)
        self._outbox.put(account, events.config_update("ai", {"j": wanted}, now_ns))
        return SUCCESS

    def _position_part(self, books: Books, contract: Contract, side: PositionSide) -> events.Event:
        leg = leg_of(books.settings, contract.symbol, side)
        isolated = contract.symbol in books.settings.isolated
        return events.position_part(contract.symbol, side, leg, self.mark(contract), self._listings, isolated)

    # ── warnings ────────────────────────────────────────────────────────────────────────────────

    def call(self, account: str, now_ns: int) -> None:
        """Warn an account that comes near its liquidation, once until it is away from there again."""
        books = self._memory.books(account)
        settings = books.settings
        total = self.summary(books)
        near = total.maintenance > total.balance * CALL_AT and total.maintenance > 0
        if near == bool(settings.called_ns):
            return
        settings.called_ns = now_ns if near else 0
        self._memory.put_settings(settings)
        if near:
            parts = [self._call_part(books, c, side) for c in self.touched(books) for side in sides_of(books)]
            self._outbox.put(account, events.margin_call(total.wallet, [p for p in parts if p], now_ns))

    def _call_part(self, books: Books, contract: Contract, side: PositionSide) -> events.Event:
        leg = leg_of(books.settings, contract.symbol, side)
        if not leg.qty:
            return {}
        isolated = contract.symbol in books.settings.isolated
        rate = contract.terms.maintenance
        return events.call_part(contract.symbol, side, leg, self.mark(contract), rate, isolated)


def _cut(value: Decimal) -> str:
    """Margins and profits at the mark: to the money's own eight places."""
    return rounded(value, 8)


def refuse_unknown(symbol: str, listings: Listings) -> None:
    if symbol and listings.get(symbol) is None:
        raise Refused(-1121, "Invalid symbol.")
