"""Bybit's private line: orders, executions, positions and the wallet as they change.

It has no numbers and no replay, so it proves nothing by itself: whatever it may have missed is asked for
after every reconnect, and a frame that cannot be read ends the connection: it may have been a fill.
"""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Raw

from kedge.model.events import BalanceNews, CashNews, Event, FillNews, OrderNews
from kedge.model.venue import AccountReport, Balance, Cash, Fill, OrderReport
from kedge.venues.bybit import account as rows
from kedge.venues.bybit import frames
from kedge.venues.bybit.tail import KNOWN_MAX, Tail
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import Unreadable, read_as
from kedge.venues.line import Address, Line
from kedge.venues.silence import Refused, Silence

TOPICS: Final = ("order", "execution", "position", "wallet")
# When all private connections with these topics are gone, the venue cancels everything: its dead-man switch.
DEAD_MAN_TOPICS: Final = ("dcp.future", "dcp.spot")


class Home(Protocol):
    """Who lives behind the private line: the account's adapter."""

    async def admit(self) -> Silence | Refused | None:
        """Everything that has to be in order before a connection; None: it is."""

    @property
    def dead_man(self) -> bool: ...

    def let_in(self) -> None: ...

    def cut_off(self, why: str, refused: bool, stopped: bool) -> None: ...

    def say(self, event: Event) -> None: ...

    def odd(self, why: str) -> None:
        """People should know."""

    def met(self, symbol: str) -> None:
        """The account has to do with this symbol: whoever does not know it yet should."""


class Private:
    def __init__(self, ties: Ties, home: Home, tail: Tail) -> None:
        self._ties = ties
        self._tail = tail
        self._home = home
        self._listing = ties.listing
        self._account = ties.setup.account
        # The stream tells the coins that changed; what is told onwards is all that is known.
        self._balances: dict[str, Balance] = {}
        self.line: Line[frames.Frame] = Line("private line", ties.wires, self, ties.line_waits())

    # ── the owner of the line ───────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        refused = await self._home.admit()
        if refused is not None:
            return refused
        # The switch counts from the moment at which the venue takes the line for dead, and for a line that
        # nobody hung up that would be ten minutes.
        quick = "?max_active_time=30s" if self._home.dead_man else ""
        return Address(self._ties.hosts.private + quick)

    async def greet(self) -> Silence | Refused | None:
        setup = self._ties.setup
        auth = frames.auth("req_id", "auth", setup.key, setup.secret, self._ties.clock())
        steps = [("auth", auth), ("subscribe", frames.subscribe("subscribe", TOPICS))]
        if self._home.dead_man:
            # By itself: topics for all categories and topics for one do not go into one request.
            steps.append(("dcp", frames.subscribe("dcp", DEAD_MAN_TOPICS)))
        for id, frame in steps:
            said = await self.line.ask(id, frame, self._ties.options.request_s)
            if isinstance(said, Silence):
                return said
            if said.success is False:
                return Silence(f"{id} was refused: {said.ret_msg or 'no words'}")
        return None

    def heard(self, frame: bytes) -> None:
        said = frames.read_frame(frame)
        if isinstance(said, Unreadable):
            self.line.cut(said.why)
        elif said.topic:
            self._topic(said.topic.partition(".")[0], said.data)
        elif not frames.is_pong(said) and (said.req_id or said.op):
            self.line.answer(said.req_id or said.op or "", said)

    def paused(self) -> None:
        """Everything is told as it comes."""

    def beat(self) -> bytes | None:
        return frames.PING

    def up(self) -> None:
        self._balances.clear()
        self._tail.begin()
        self._home.let_in()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._home.cut_off(why, refused, stopped)

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def _topic(self, topic: str, data: Raw) -> None:
        hear = {
            "order": self._order,
            "execution": self._execution,
            "position": self._position,
            "wallet": self._wallet,
        }.get(topic)
        if hear is None:
            return
        found = frames.read_rows(data)
        if isinstance(found, Unreadable):
            self.line.cut(f"{topic}: {found.why}")
            return
        for raw in found:
            why = hear(raw)
            if why:
                self.line.cut(why)
                return

    def _order(self, raw: Raw) -> str:
        row = read_as(raw, rows.OrderRow)
        if isinstance(row, Unreadable):
            return row.why
        category = rows.category_of(row.category)
        if category is None or isinstance(category, Unreadable):
            return category.why if category else ""
        made = rows.order_of(row, category, self._listing)
        if isinstance(made, OrderReport):
            self._ties.note(made, rows.waits(row))
            self._home.met(made.symbol)
            self._home.say(OrderNews(self._account, made))
            return ""
        return made.why if isinstance(made, Unreadable) else ""

    def _execution(self, raw: Raw) -> str:
        row = read_as(raw, rows.ExecRow)
        if isinstance(row, Unreadable):
            return row.why
        category = rows.category_of(row.category)
        if category is None or isinstance(category, Unreadable):
            return category.why if category else ""
        made = rows.exec_of(row, category, self._listing)
        if isinstance(made, Unreadable):
            return made.why
        if isinstance(made, Fill):
            self._tail.heard(made)
            self._home.met(made.symbol)
            self._home.say(FillNews(self._account, made))
        elif isinstance(made, Cash):
            self._home.say(CashNews(self._account, made))
        elif made.why:
            self._home.odd(made.why)
        return ""

    def _position(self, raw: Raw) -> str:
        """Positions are the ledger's; here only what endangers them is read."""
        row = read_as(raw, rows.PositionRow)
        if isinstance(row, Unreadable):
            return row.why
        category = rows.category_of(row.category)
        if category is None or isinstance(category, Unreadable):
            return category.why if category else ""
        made = rows.position_of(row, category, self._listing)
        if isinstance(made, Unreadable):
            return made.why
        if made.qty:
            if row.position_idx:
                self._home.odd(rows.HEDGED.format(made.symbol))
            danger = rows.DANGERS.get(row.position_status or "")
            if danger:
                self._home.odd(f"{made.symbol}: {danger}")
        return ""

    def _wallet(self, raw: Raw) -> str:
        row = read_as(raw, rows.WalletRow)
        made = row if isinstance(row, Unreadable) else rows.balances_of(row)
        if isinstance(made, Unreadable):
            return made.why
        for balance in made:
            self._balances[balance.asset] = balance
        self._home.say(BalanceNews(self._account, tuple(self._balances.values())))
        return ""

    def learn(self, report: AccountReport) -> None:
        """What a report said of everything: the stream goes on from there."""
        self._balances = {balance.asset: balance for balance in report.balances}
        for fill in report.fills[-KNOWN_MAX:]:
            self._tail.heard(fill)
