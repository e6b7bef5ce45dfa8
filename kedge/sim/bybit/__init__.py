"""A local Bybit V5: any program that trades there can trade here, with paper money and bad weather to order.

Reading order: `testnet` (the whole); `rest`, `sessions`, `private` and `trade` (the doors); `deeds` and
`desk` (orders), `entry` (what is judged), `stops` (what waits for a price); `news` and `rows` (what is
remembered); `history`, `account`, `wallet` and `market` (what is asked); `feeds` (what the public hears);
`shapes`, `texts` and `codes` (how Bybit says it).
"""

from kedge.sim.bybit.testnet import BybitTestnet, make

__all__ = ["BybitTestnet", "make"]
