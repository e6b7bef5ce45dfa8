"""The keeper of the venue's memory: the exchange, the market that moves it, and the file they survive in.

`settle` is the only way to what has happened, and it returns after the calls that caused it are on disk.
Calls that no client can have noticed (the synthetic traders among themselves) wait for the next one that
somebody did: losing them with the process loses nothing that was ever told.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Struct

from kedge.sim.exchange import (
    BalancesChanged,
    CashMoved,
    ExchangeConfig,
    FillMade,
    Happening,
    OrderChanged,
    PositionChanged,
    StatusChanged,
)
from kedge.sim.paper.limits import Counts
from kedge.sim.paper.log import Call, Recorded, decode_calls, encode_calls, play
from kedge.sim.paper.markets import Market
from kedge.sim.paper.store import Store, StoreError

# Unnoticed calls that may wait in memory.
WAITING_MAX = 5_000
# Calls on disk before they are folded into a dump: what a start has to play again.
LOG_BYTES_MAX = 4 << 20
COUNTER_ACCOUNT = "_counter"

# What clients are told of as facts. Books and marks are not: a new life has new ones.
FACTS = (OrderChanged, FillMade, CashMoved, BalancesChanged, PositionChanged, StatusChanged)


class Facts(Struct):
    """What the venue remembers beside the exchange."""

    birth: str
    clients: dict[str, None] = {}
    # Account to the waiting time of its dead-man switch.
    dead_men: dict[str, int] = {}
    counts: dict[str, Counts] = {}


Newcomer = dict[str, Decimal]


class Keeper:
    def __init__(self, store: Store, config: ExchangeConfig, newcomer: Newcomer, now_ns: int) -> None:
        """Open the memory, or begin one. Raises `StoreError` where the file cannot be understood."""
        self._store = store
        self._newcomer = newcomer
        self._facts_changed = False
        self._log_bytes = 0
        self._market: Market | None = None
        saved = store.load()
        self.restored = saved.dump is not None
        if saved.dump is None:
            self._facts = Facts(birth=f"{now_ns // 1_000_000:x}")
            self.exchange = Recorded(config, now_ns)
        else:
            self._facts, self.exchange = _restore(saved.dump, saved.calls, saved.facts)
        self._revive(now_ns)
        self.checkpoint()

    @property
    def birth(self) -> str:
        return self._facts.birth

    @property
    def counts(self) -> dict[str, Counts]:
        return self._facts.counts

    def join(self, make: Callable[[Recorded], Market]) -> None:
        """Give the exchange its market."""
        self._market = make(self.exchange)
        self.settle()

    @property
    def market(self) -> Market:
        assert self._market is not None, "no market has joined"
        return self._market

    def step(self, now_ns: int) -> None:
        """Time passes, and the market with it."""
        self.exchange.advance(now_ns)
        self.market.step(now_ns)

    def settle(self) -> list[Happening]:
        """What has happened since the last time; it is on disk when this returns."""
        news = self.exchange.take()
        noticed = any(isinstance(happening, FACTS) for happening in news)
        if noticed or self._facts_changed or len(self.exchange.calls) > WAITING_MAX:
            self._write()
        return news

    def checkpoint(self) -> None:
        """Fold everything into one dump."""
        self.exchange.calls.clear()
        self._facts_changed = False
        self._log_bytes = 0
        self._store.checkpoint(self.exchange.dump(), msgspec.msgpack.encode(self._facts))

    def close(self) -> None:
        self.checkpoint()
        self._store.close()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._store.close()

    # ── accounts ────────────────────────────────────────────────────────────────────────────────

    def welcome(self, account: str, now_ns: int) -> None:
        """Open a client's account with a newcomer's money, once."""
        if account in self._facts.clients:
            return
        self._facts.clients[account] = None
        self._facts_changed = True
        self.exchange.open_account(account)
        for asset, amount in self._newcomer.items():
            self.exchange.transfer(account, asset, amount, now_ns)

    def arm(self, account: str, after_ns: int, now_ns: int) -> None:
        """Set an account's dead-man switch; 0 takes it off."""
        self.exchange.cancel_all_after(account, after_ns, now_ns)
        self._facts.dead_men.pop(account, None)
        if after_ns:
            self._facts.dead_men[account] = after_ns
        self._facts_changed = True

    def wind(self, account: str, now_ns: int) -> None:
        """The account has been heard from."""
        after_ns = self._facts.dead_men.get(account, 0)
        if not after_ns:
            return
        self.exchange.advance(now_ns)
        if not self.exchange.dead_man_ns(account):
            # It has fired: it is off until it is asked for again.
            del self._facts.dead_men[account]
            self._facts_changed = True
            return
        self.exchange.cancel_all_after(account, after_ns, now_ns)

    def count(self, account: str, counts: Counts) -> None:
        """Remember how often an account was refused; written with the next thing that is."""
        if account not in self._facts.counts or counts.bans > self._facts.counts[account].bans:
            self._facts_changed = True
        self._facts.counts[account] = msgspec.structs.replace(counts)

    # ── the file ────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        calls, self.exchange.calls = self.exchange.calls, []
        body = encode_calls(calls) if calls else b""
        facts = msgspec.msgpack.encode(self._facts) if self._facts_changed else None
        self._store.append(body, facts)
        self._facts_changed = False
        self._log_bytes += len(body)
        if self._log_bytes > LOG_BYTES_MAX:
            self.checkpoint()

    def _revive(self, now_ns: int) -> None:
        """What a restart does to the living: switches are wound, synthetic orders are withdrawn."""
        exchange, before_ns = self.exchange, self.exchange.now_ns
        now_ns = max(now_ns, before_ns)
        for account, after_ns in self._facts.dead_men.items():
            if exchange.dead_man_ns(account):
                exchange.cancel_all_after(account, now_ns - before_ns + after_ns, before_ns)
        for account in exchange.accounts():
            if account not in self._facts.clients:
                exchange.cancel_all(account, before_ns)
        exchange.take()


def _restore(dump: bytes, calls: tuple[bytes, ...], facts: bytes | None) -> tuple[Facts, Recorded]:
    try:
        if facts is None:
            raise StoreError("the state file has a dump and no facts")
        known = msgspec.msgpack.decode(facts, type=Facts)
        exchange = Recorded.reload(dump)
        batches: list[list[Call]] = [decode_calls(body) for body in calls]
    except msgspec.DecodeError as error:
        raise StoreError(f"the state file is not of this version: {error}") from None
    for batch in batches:
        for call in batch:
            play(exchange, call)
        # Told before the end, or asked for after it.
        exchange.take()
        exchange.calls.clear()
    return known, exchange
