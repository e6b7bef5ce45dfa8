"""The dead-man switch: orders end when every connection that held it open has been gone for its window.

A switch is set by REST per product, and held open by private connections that subscribe to the `dcp` topic.
It survives the venue: after a restart its window begins anew, since no connection has.
"""

from __future__ import annotations

from collections.abc import Callable

from kedge.sim.bybit.desk import Desk
from kedge.sim.bybit.rows import AccountRow, Tables

SECOND_NS = 10**9
# Somebody holds it open.
OPEN = 0


class DeadMan:
    """`held` says whether any living connection of an account holds a product's switch open."""

    def __init__(self, tables: Tables, desk: Desk, held: Callable[[str, str], bool]) -> None:
        self._tables = tables
        self._desk = desk
        self._held = held

    def wake(self, now_ns: int) -> None:
        """After a start: whoever held a switch open has its window to come back."""
        for row in list(self._tables.accounts.values()):
            if row.dcp_due_ns:
                due = {p: now_ns + row.dcp.get(p, 0) * SECOND_NS for p in row.dcp_due_ns}
                self._put(row, due)

    def hold(self, account: str, product: str, now_ns: int) -> None:
        """A connection subscribes to the product's topic. Without a window that means nothing."""
        row = self._tables.account(account, now_ns)
        if product in row.dcp:
            self._put(row, {**row.dcp_due_ns, product: OPEN})

    def run(self, now_ns: int) -> None:
        """With each tick: begin windows, end them, fire."""
        for row in list(self._tables.accounts.values()):
            for product, due in list(row.dcp_due_ns.items()):
                held = self._held(row.account, product)
                if held and due != OPEN:
                    self._put(row, {**row.dcp_due_ns, product: OPEN})
                elif not held and due == OPEN:
                    after = now_ns + row.dcp.get(product, 0) * SECOND_NS
                    self._put(row, {**row.dcp_due_ns, product: after})
                elif not held and due <= now_ns:
                    self._put(row, {p: d for p, d in row.dcp_due_ns.items() if p != product})
                    self._desk.dead_man(row.account, product, now_ns)

    def _put(self, row: AccountRow, due: dict[str, int]) -> None:
        row.dcp_due_ns = due
        self._tables.put_account(row)
