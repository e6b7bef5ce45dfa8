"""What an account is worth: the unified wallet, coin by coin, and the margins it needs."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from kedge.model.numbers import ONE, ZERO, divide
from kedge.sim.bybit.news import News
from kedge.sim.bybit.rows import OrderRow, Tables
from kedge.sim.bybit.shapes import UNIFIED
from kedge.sim.bybit.texts import Body, coins, number
from kedge.sim.testnet.house import House

RATE_STEP = Decimal("1e-4")
DOLLARS = ("USDT", "USDC", "USD")


class Coin(Struct):
    """One coin of an account."""

    total: Decimal = ZERO
    profit: Decimal = ZERO
    locked: Decimal = ZERO
    position_margin: Decimal = ZERO
    maintenance: Decimal = ZERO
    order_margin: Decimal = ZERO


class Wallet:
    def __init__(self, house: House, tables: Tables, news: News) -> None:  # type: ignore[type-arg]
        self._house = house
        self._exchange = house.exchange
        self._tables = tables
        self._news = news

    def body(self, account: str, only: tuple[str, ...] = ()) -> Body:
        """The account as REST and the wallet stream show it; `only` these coins, else those there are."""
        found = self.coins(account)
        equity = sum((self.dollars(a) * (c.total + c.profit) for a, c in found.items()), ZERO)
        money = sum((self.dollars(a) * c.total for a, c in found.items()), ZERO)
        profit = sum((self.dollars(a) * c.profit for a, c in found.items()), ZERO)
        initial, maintenance = self.margins(found)
        margin = money + profit
        locked = sum((self.dollars(a) * c.locked for a, c in found.items()), ZERO)
        rows = [self._coin(a, c, account) for a, c in found.items() if not only or a in only]
        rates = {"accountIMRate": _rate(initial, margin), "accountMMRate": _rate(maintenance, margin)}
        return {
            "accountType": UNIFIED,
            "accountLTV": "0",
            "accountIMRate": rates["accountIMRate"],
            "accountIMRateByMp": rates["accountIMRate"],
            "accountMMRate": rates["accountMMRate"],
            "accountMMRateByMp": rates["accountMMRate"],
            "totalEquity": coins(equity),
            "totalWalletBalance": coins(money),
            "totalMarginBalance": coins(margin),
            "totalAvailableBalance": coins(max(margin - initial - locked, ZERO)),
            "totalPerpUPL": coins(profit),
            "totalInitialMargin": coins(initial),
            "totalInitialMarginByMp": coins(initial),
            "totalMaintenanceMargin": coins(maintenance),
            "totalMaintenanceMarginByMp": coins(maintenance),
            "coin": rows,
        }

    def _coin(self, asset: str, coin: Coin, account: str) -> Body:
        free = coin.total - coin.locked - coin.position_margin - coin.order_margin
        return {
            "coin": asset,
            "equity": coins(coin.total + coin.profit),
            "usdValue": coins(self.dollars(asset) * (coin.total + coin.profit)),
            "walletBalance": number(coin.total),
            "locked": coins(coin.locked),
            "free": "",
            "spotHedgingQty": "0",
            "borrowAmount": "0",
            "spotBorrow": "0",
            "accruedInterest": "0",
            "availableToBorrow": "",
            "availableToWithdraw": coins(max(free, ZERO)),
            "totalOrderIM": coins(coin.order_margin),
            "totalPositionIM": coins(coin.position_margin),
            "totalPositionMM": coins(coin.maintenance),
            "unrealisedPnl": coins(coin.profit),
            "cumRealisedPnl": coins(self._realised(account, asset)),
            "bonus": "0",
            "collateralSwitch": True,
            "marginCollateral": True,
            "colRes": "0",
        }

    def coins(self, account: str) -> dict[str, Coin]:
        found = {b.asset: Coin(b.total) for b in self._exchange.balances(account)}
        for position in self._exchange.positions(account):
            instrument = self._news.instrument(position.symbol)
            mark = self._exchange.market(position.symbol).mark
            value = instrument.value(position.qty, mark)
            coin = found.setdefault(instrument.settle, Coin())
            coin.profit += value - self._tables.position(account, position.symbol).cost
            coin.position_margin += divide(abs(value), self._exchange.leverage(account, position.symbol))
            coin.maintenance += abs(value) * self._house.of(position.symbol).terms.maintenance
        for row in self._tables.open_of(account):
            instrument = self._news.instrument(row.key)
            left = row.qty - row.cum_qty
            if row.status == "Untriggered" or row.reduce_only or row.unit:
                continue
            if row.category == "spot":
                asset = instrument.quote if row.side == "Buy" else instrument.base
                held = left * row.price if row.side == "Buy" else left
                found.setdefault(asset, Coin()).locked += held
            else:
                value = abs(instrument.value(left, row.price))
                margin = divide(value, self._exchange.leverage(account, row.key))
                found.setdefault(instrument.settle, Coin()).order_margin += margin
        return found

    def margins(self, found: dict[str, Coin]) -> tuple[Decimal, Decimal]:
        """Initial and maintenance margin of the whole account in dollars."""
        initial = maintenance = ZERO
        for asset, coin in found.items():
            initial += self.dollars(asset) * (coin.position_margin + coin.order_margin)
            maintenance += self.dollars(asset) * coin.maintenance
        return initial, maintenance

    def rates(self, account: str, more: Decimal = ZERO, maintenance: Decimal = ZERO) -> tuple[int, int]:
        """Initial and maintenance margin as parts in ten thousand of what backs them, with so much more."""
        found = self.coins(account)
        backing = sum((self.dollars(a) * (c.total + c.profit) for a, c in found.items()), ZERO)
        if backing <= 0:
            return 0, 0
        initial, kept = self.margins(found)
        return int((initial + more) / backing * 10_000), int((kept + maintenance) / backing * 10_000)

    def rates_with(self, account: str, row: OrderRow) -> tuple[int, int]:
        """The same, were this order there too."""
        instrument = self._news.instrument(row.key)
        price = row.price or self._exchange.market(row.key).mark
        value = abs(instrument.value(row.qty, price)) * self.dollars(instrument.settle)
        if row.reduce_only:
            return self.rates(account)
        more = divide(value, self._exchange.leverage(account, row.key))
        return self.rates(account, more, value * self._house.of(row.key).terms.maintenance)

    def dollars(self, asset: str) -> Decimal:
        """What one of it is worth."""
        if asset in DOLLARS:
            return ONE
        if self._house.find("spot", f"{asset}USDT") is None:
            return ZERO
        market = self._exchange.market(f"spot:{asset}USDT")
        return market.index or market.last or market.mark

    def _realised(self, account: str, asset: str) -> Decimal:
        return sum(
            (
                row.pnl_ever
                for row in self._tables.positions.values()
                if row.account == account and self._news.instrument(row.symbol).settle == asset
            ),
            ZERO,
        )


def _rate(margin: Decimal, equity: Decimal) -> str:
    return number((margin / equity).quantize(RATE_STEP, ROUND_DOWN)) if margin and equity > 0 else "0"
