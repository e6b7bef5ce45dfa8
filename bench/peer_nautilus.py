"""The same task as the quoter's, done with nautilus_trader's live node and its Bybit adapter.

    <its own python> -P bench/peer_nautilus.py <http port> <websocket port>

Orders go by the trade WebSocket (`use_ws_trade_api`), the log is off, nothing is kept in a database.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.bybit import factories
from nautilus_trader.adapters.bybit.common.enums import BybitProductType
from nautilus_trader.adapters.bybit.config import BybitDataClientConfig, BybitExecClientConfig
from nautilus_trader.adapters.bybit.factories import BybitLiveDataClientFactory, BybitLiveExecClientFactory
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    StrategyConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import BookType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

HOST = "127.0.0.1"
MARKET = InstrumentId.from_str("BTCUSDT-LINEAR.BYBIT")
TICK = Decimal("0.1")


class QuoterConfig(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg]
    instrument: str = str(MARKET)


class Quoter(Strategy):  # type: ignore[misc]
    """An order at the best bid while the spread is two ticks or more."""

    def on_start(self) -> None:
        self.standing: Any = None
        self.instrument = self.cache.instrument(MARKET)
        self.subscribe_order_book_deltas(MARKET, book_type=BookType.L2_MBP, depth=50)

    def on_order_book_deltas(self, deltas: Any) -> None:
        book = self.cache.order_book(MARKET)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        wide = ask.as_decimal() - bid.as_decimal() >= 2 * TICK
        if wide and self.standing is None:
            self.standing = self.order_factory.limit(
                MARKET,
                OrderSide.BUY,
                self.instrument.make_qty(Decimal("0.01")),
                bid,
                time_in_force=TimeInForce.GTC,
                post_only=True,
            )
            self.submit_order(self.standing)
        elif self.standing is not None and not wide and self.standing.is_open:
            self.cancel_order(self.standing)
            self.standing = None


def node(http_port: int, ws_port: int) -> TradingNode:
    http, ws = f"http://{HOST}:{http_port}", f"ws://{HOST}:{ws_port}/v5"
    # The public stream's address is the one that no configuration takes.
    factories.get_ws_base_url_public = lambda product_type, is_demo, is_testnet: f"{ws}/public/linear"
    keys = {"api_key": "bench", "api_secret": "bench-secret", "product_types": [BybitProductType.LINEAR]}
    loads = InstrumentProviderConfig(load_all=True)
    config = TradingNodeConfig(
        trader_id=TraderId("BENCH-001"),
        logging=LoggingConfig(log_level="OFF" if "-v" not in sys.argv else "DEBUG"),
        exec_engine=LiveExecEngineConfig(reconciliation=False, inflight_check_interval_ms=0),
        data_clients={"BYBIT": BybitDataClientConfig(base_url_http=http, instrument_provider=loads, **keys)},
        exec_clients={
            "BYBIT": BybitExecClientConfig(
                base_url_http=http,
                base_url_ws_private=f"{ws}/private",
                base_url_ws_trade=f"{ws}/trade",
                use_ws_trade_api=True,
                instrument_provider=loads,
                **keys,
            )
        },
    )
    made = TradingNode(config=config)
    made.trader.add_strategy(Quoter(QuoterConfig()))
    made.add_data_client_factory("BYBIT", BybitLiveDataClientFactory)
    made.add_exec_client_factory("BYBIT", BybitLiveExecClientFactory)
    made.build()
    return made


def main(http_port: int, ws_port: int) -> None:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    made = node(http_port, ws_port)
    loop = made.get_event_loop()

    def end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(lambda: loop.create_task(made.stop_async()))

    threading.Thread(target=end, daemon=True).start()
    try:
        made.run()
    finally:
        made.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
