"""A local T-Invest: the Moscow Exchange by gRPC, for any program that trades there.

Reading order: `testnet` (the whole, and its words at the seam), `methods` (what can be called); `board` and
`calendar` (what is listed, and when it trades), `prices` (what moves it), `house`; `rows` (what is
remembered), `judge`, `desk` and `stops` (orders), `orders`, `stoporders`, `operations`, `instruments`,
`marketdata`, `users` and `sandbox` (the services), `purse` (money), `streams` and `feeds`; `shapes`, `views`,
`cards` and `codes` (how the venue says it); `switches` (its bad days); `server` (gRPC and TLS).
"""

from kedge.sim.tinvest.testnet import TinvestTestnet, make

__all__ = ["TinvestTestnet", "make"]
