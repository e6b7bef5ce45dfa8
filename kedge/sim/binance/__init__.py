"""A Binance of one's own: spot and USDⓈ-M futures, told from the venue's documents, wire for wire.

Reading order: `common` (parameters, errors, replies), `signatures` and `keys` (who asks, and is it still
time), `weights` (how much may be asked), `house` (one exchange behind two doors), `testnet` (which door),
then one folder for each side: `spot`, `usdm`.
"""

from kedge.sim.binance.testnet import BinanceTestnet, make

__all__ = ["BinanceTestnet", "make"]
