"""What the paper venue remembers beside its exchange: dead-man switches and how often who was refused."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import field

from kedge.sim.exchange import ExchangeConfig
from kedge.sim.paper.limits import Counts
from kedge.sim.testnet.keeper import Facts, Keeper
from kedge.sim.testnet.store import Store

Newcomer = dict[str, Decimal]


class PaperFacts(Facts):
    # Account to the waiting time of its dead-man switch.
    dead_men: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)


class PaperKeeper(Keeper[PaperFacts]):
    def __init__(self, store: Store, config: ExchangeConfig, newcomer: Newcomer, now_ns: int) -> None:
        """Open the memory, or begin one. Raises `StoreError` where the file cannot be understood."""
        self._newcomer = newcomer
        super().__init__(store, config, PaperFacts, now_ns)

    @property
    def counts(self) -> dict[str, Counts]:
        return self.own.counts

    def enter(self, account: str, now_ns: int) -> None:
        """Open a client's account with a newcomer's money, once."""
        self.welcome(account, self._newcomer, now_ns)

    def arm(self, account: str, after_ns: int, now_ns: int) -> None:
        """Set an account's dead-man switch; 0 takes it off."""
        self.exchange.cancel_all_after(account, after_ns, now_ns)
        self.own.dead_men.pop(account, None)
        if after_ns:
            self.own.dead_men[account] = after_ns
        self.touch()

    def wind(self, account: str, now_ns: int) -> None:
        """The account has been heard from."""
        after_ns = self.own.dead_men.get(account, 0)
        if not after_ns:
            return
        self.exchange.advance(now_ns)
        if not self.exchange.dead_man_ns(account):
            # It has fired: it is off until it is asked for again.
            del self.own.dead_men[account]
            self.touch()
            return
        self.exchange.cancel_all_after(account, after_ns, now_ns)

    def count(self, account: str, counts: Counts) -> None:
        """Remember how often an account was refused; written with the next thing that is."""
        if account not in self.own.counts or counts.bans > self.own.counts[account].bans:
            self.touch()
        self.own.counts[account] = msgspec.structs.replace(counts)

    def _wake(self, now_ns: int) -> None:
        """Switches are wound over the time that nobody was there."""
        exchange, before_ns = self.exchange, self.exchange.now_ns
        now_ns = max(now_ns, before_ns)
        for account, after_ns in self.own.dead_men.items():
            if exchange.dead_man_ns(account):
                exchange.cancel_all_after(account, now_ns - before_ns + after_ns, before_ns)
        super()._wake(now_ns)
