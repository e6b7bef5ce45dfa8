"""A paper exchange: many instruments, many accounts, one pure machine.

Reading order: `nouns` (what goes in and out), `exchange` (the door), then `entry` (requests), `checks`
(refusals), `matching` (the book), `money` (who has what), `forced` (stops, liquidation, ADL), `calendar`
(funding, delivery, sessions, history), `audit` (the truth and the laws).
"""

from kedge.sim.exchange.exchange import Exchange
from kedge.sim.exchange.hooks import Cautious, Fixed, Jitter, Latency, ProRata, QueueModel
from kedge.sim.exchange.nouns import (
    AccountTruth,
    AmendOrder,
    AssetTruth,
    BalancesChanged,
    BookChanged,
    BookView,
    CancelOrder,
    CashMoved,
    CashPage,
    ExchangeConfig,
    FillMade,
    FillPage,
    Happening,
    Manner,
    MarketReport,
    MarkMoved,
    OrderChanged,
    PositionChanged,
    QueueSpot,
    Reply,
    Request,
    RequestAnswered,
    StatusChanged,
    Terms,
    TradePrinted,
    Truth,
)
from kedge.sim.exchange.refusals import SENTENCES

__all__ = [
    "SENTENCES",
    "AccountTruth",
    "AmendOrder",
    "AssetTruth",
    "BalancesChanged",
    "BookChanged",
    "BookView",
    "CancelOrder",
    "CashMoved",
    "CashPage",
    "Cautious",
    "Exchange",
    "ExchangeConfig",
    "FillMade",
    "FillPage",
    "Fixed",
    "Happening",
    "Jitter",
    "Latency",
    "Manner",
    "MarkMoved",
    "MarketReport",
    "OrderChanged",
    "PositionChanged",
    "ProRata",
    "QueueModel",
    "QueueSpot",
    "Reply",
    "Request",
    "RequestAnswered",
    "StatusChanged",
    "Terms",
    "TradePrinted",
    "Truth",
]
