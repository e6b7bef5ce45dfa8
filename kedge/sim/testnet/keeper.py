"""The keeper of a venue's memory: the exchange, the market that moves it, and the file they survive in.

`settle` is the only way to what has happened, and it returns after the calls that caused it are on disk,
together with whatever the venue itself put down (`own`, drawers) in the same moment. Calls that no client
can have noticed (the synthetic traders among themselves) wait for the next one that somebody did: losing
them with the process loses nothing that was ever told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

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
from kedge.sim.testnet.drawer import Drawer
from kedge.sim.testnet.log import Call, Recorded, decode_calls, encode_calls, play
from kedge.sim.testnet.markets import Market
from kedge.sim.testnet.store import Saved, Store, StoreError

# Unnoticed calls that may wait in memory.
WAITING_MAX = 5_000
# Calls on disk before they are folded into a dump: what a start has to play again.
LOG_BYTES_MAX = 4 << 20
DRAWER_MAX = 100_000

# What clients are told of as facts. Books and marks are not: a new life has new ones.
NOTICED = (OrderChanged, FillMade, CashMoved, BalancesChanged, PositionChanged, StatusChanged)

# Shown what has happened before it is written.
Learn = Callable[[Sequence[Happening]], None]
# Rounds of learning in one settling; more means that a venue answers itself for ever.
ROUNDS_MAX = 1_000

Money = Mapping[str, Decimal]


class Facts(Struct):
    """What every venue remembers beside its exchange. A venue adds fields of its own, with defaults."""

    birth: str
    clients: dict[str, None] = {}
    began_ns: int = 0


F = TypeVar("F", bound=Facts)
T = TypeVar("T", bound=Struct)


class Keeper(Generic[F]):
    """`own` may be changed at will, followed by `touch`; it is written whole, so it is for what is small."""

    own: F
    exchange: Recorded

    def __init__(self, store: Store, config: ExchangeConfig, kind: type[F], now_ns: int) -> None:
        """Open the memory, or begin one. Raises `StoreError` where the file cannot be understood."""
        self._store = store
        self._touched = False
        self._log_bytes = 0
        self._market: Market | None = None
        self._drawers: dict[str, Drawer[Any]] = {}
        saved = store.load()
        self._rows = saved.rows
        self.restored = saved.dump is not None
        if saved.dump is None:
            self.own = kind(birth=f"{now_ns // 1_000_000:x}", began_ns=now_ns)
            self.exchange = Recorded(config, now_ns)
        else:
            self.own, self.exchange = _restore(saved, kind)
        self._wake(now_ns)
        self.checkpoint()

    @property
    def birth(self) -> str:
        """Differs from one memory to the next, and stays the same over restarts."""
        return self.own.birth

    def touch(self) -> None:
        """`own` has changed: it is on disk when the next `settle` returns."""
        self._touched = True

    def drawer(self, name: str, kind: type[T], *, most: int = DRAWER_MAX, soft: bool = False) -> Drawer[T]:
        """The rows of this name, those of earlier lives included; asked for once."""
        assert name not in self._drawers, f"there is a drawer {name} already"
        drawer = Drawer(name, kind, self._rows.pop(name, {}), most, soft)
        self._drawers[name] = drawer
        return drawer

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

    def settle(self, learn: Learn | None = None) -> list[Happening]:
        """What has happened since the last time; it is on disk when this returns.

        `learn` is shown it first, and may put down what follows from it, or act: that is on disk with it.
        """
        news = self.exchange.take()
        fresh = news
        for _ in range(ROUNDS_MAX):
            if learn is None or not fresh:
                break
            learn(fresh)
            fresh = self.exchange.take()
            news = [*news, *fresh]
        else:
            raise AssertionError("the venue answers itself for ever")
        changed = self._touched or any(d.changed and not d.soft for d in self._drawers.values())
        noticed = any(isinstance(happening, NOTICED) for happening in news)
        if noticed or changed or len(self.exchange.calls) > WAITING_MAX:
            self._write()
        return news

    def checkpoint(self) -> None:
        """Fold everything into one dump."""
        self.exchange.calls.clear()
        self._touched = False
        self._log_bytes = 0
        rows = [change for drawer in self._drawers.values() for change in drawer.changes()]
        self._store.checkpoint(self.exchange.dump(), msgspec.msgpack.encode(self.own), rows)

    def close(self) -> None:
        self.checkpoint()
        self._store.close()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._store.close()

    def welcome(self, account: str, money: Money, now_ns: int) -> None:
        """Open a client's account with a newcomer's money, once."""
        if account in self.own.clients:
            return
        self.own.clients[account] = None
        self.touch()
        self.exchange.open_account(account)
        for asset, amount in money.items():
            self.exchange.transfer(account, asset, amount, now_ns)

    # ── the file ────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        calls, self.exchange.calls = self.exchange.calls, []
        body = encode_calls(calls) if calls else b""
        facts = msgspec.msgpack.encode(self.own) if self._touched else None
        rows = [change for drawer in self._drawers.values() for change in drawer.changes()]
        self._store.append(body, facts, rows)
        self._touched = False
        self._log_bytes += len(body)
        if self._log_bytes > LOG_BYTES_MAX:
            self.checkpoint()

    def _wake(self, now_ns: int) -> None:
        """What a restart does to the living: synthetic orders are withdrawn. Once, before anything else."""
        exchange, before_ns = self.exchange, self.exchange.now_ns
        for account in exchange.accounts():
            if account not in self.own.clients:
                exchange.cancel_all(account, before_ns)
        exchange.take()


def _restore(saved: Saved, kind: type[F]) -> tuple[F, Recorded]:
    assert saved.dump is not None
    try:
        if saved.facts is None:
            raise StoreError("the state file has a dump and no facts")
        known = msgspec.msgpack.decode(saved.facts, type=kind)
        exchange = Recorded.reload(saved.dump)
        batches: list[list[Call]] = [decode_calls(body) for body in saved.calls]
    except msgspec.DecodeError as error:
        raise StoreError(f"the state file is not of this version: {error}") from None
    for batch in batches:
        for call in batch:
            play(exchange, call)
        # Told before the end, or asked for after it.
        exchange.take()
        exchange.calls.clear()
    return known, exchange
