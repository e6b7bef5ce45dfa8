"""USDⓈ-M futures as Binance speaks them: /fapi, the three roads of streams, and the WebSocket API."""

from kedge.sim.binance.usdm.switches import Switches
from kedge.sim.binance.usdm.testnet import UsdmTestnet

__all__ = ["Switches", "UsdmTestnet"]
