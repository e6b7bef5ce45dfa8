"""The gateway: requests in, answers and streams out, over one exchange and one market.

Nothing here awaits. A line comes in by `arrive`, time passes by `tick`; what is to happen later is handed to
the loop. What the exchange did is on disk before anybody is told, because `_settle` stands between the two
and there is no way round it.

Two clocks: the venue's own, which decides what orders may do and which the control door moves; and the
loop's, by which silence and delays are measured.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from kedge.sim.exchange.nouns import (
    BalancesChanged,
    CashMoved,
    FillMade,
    Happening,
    OrderChanged,
    StatusChanged,
)
from kedge.sim.paper import wire
from kedge.sim.paper.answers import Answers
from kedge.sim.paper.connection import Connection, Writer
from kedge.sim.paper.faults import REPLY_FAULTS, REQUEST_FAULTS, Case, Fault, Faults
from kedge.sim.paper.keeper import PaperKeeper
from kedge.sim.paper.limits import Guard, Limits
from kedge.sim.paper.publisher import Publisher, mark_of, tell_book
from kedge.sim.paper.wire import BadLine, Deed, Message, Question, Request, Subscription
from kedge.sim.testnet.arms import Dice

CONNECTIONS_MAX = 64
CONNECTIONS_PER_ACCOUNT = 8
ACCOUNTS_MAX = 1_000
BAD_LINES_MAX = 10
HELLO_S = 5.0
SILENCE_S = 10.0
# Lines that arrive while the venue is paused.
STALLED_MAX = 10_000


Asked = Deed | Question | Subscription


class Access(Struct, frozen=True):
    key: str = "paper"
    secret: str = "paper"


class Gateway:
    def __init__(
        self,
        keeper: PaperKeeper,
        clock: Callable[[], int],
        faults: Faults,
        dice: Dice,
        *,
        limits: Limits | None = None,
        access: Access | None = None,
    ) -> None:
        self.keeper = keeper
        self.clock = clock
        self.faults = faults
        self.limits = limits or Limits()
        self.connections: dict[int, Connection] = {}
        self.guards: dict[str, Guard] = {}
        self.requests = 0
        self.paused = False
        self._access = access or Access()
        self._dice = dice
        self._made = 0
        self._answers = Answers(keeper)
        self._publisher = Publisher()
        self._stalled: deque[tuple[Connection, bytes]] = deque()

    # ── connections ─────────────────────────────────────────────────────────────────────────────

    def enter(self, writer: Writer) -> Connection:
        """A new connection: challenge it, or turn it away."""
        self._made += 1
        challenge = f"{self._dice.getrandbits(256):064x}"
        connection = Connection(self._made, writer, challenge, _loop_s(), self.faults)
        if len(self.connections) >= CONNECTIONS_MAX:
            connection.close("too_many_connections", f"There are {CONNECTIONS_MAX} connections already.")
            return connection
        self.connections[connection.number] = connection
        connection.send(wire.challenge(challenge, self.clock()))
        return connection

    def leave(self, connection: Connection) -> None:
        """The line is gone, from whichever side."""
        connection.close()
        self.connections.pop(connection.number, None)

    def close_all(self, account: str, code: str, text: str) -> int:
        """Hang up on an account, or on everybody (""); how many that were."""
        chosen = [c for c in self.connections.values() if account in ("", c.account)]
        for connection in chosen:
            connection.close(code, text)
        return len(chosen)

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def arrive(self, connection: Connection, line: bytes) -> None:
        """One line from a client."""
        if connection.closed or connection.deaf:
            return
        connection.heard_s = _loop_s()
        if self.paused:
            # Read later, by the clock of then: `valid_until_ns` may have passed.
            if len(self._stalled) < STALLED_MAX:
                self._stalled.append((connection, line))
            return
        self.requests += 1
        request = wire.read_request(line)
        if isinstance(request, BadLine):
            self._bad_line(connection, request)
            return
        fault = self.faults.draw(REQUEST_FAULTS, _case(connection, request))
        if fault is None:
            self._take(connection, request)
        else:
            self._spoil(connection, request, fault)

    def pause(self) -> None:
        """Do nothing and say nothing until `unpause`."""
        self.paused = True

    def unpause(self) -> None:
        if not self.paused:
            return
        self.paused = False
        stalled, self._stalled = self._stalled, deque()
        now_s = _loop_s()
        for connection in self.connections.values():
            connection.heard_s = now_s
        for connection, line in stalled:
            self.arrive(connection, line)

    def _bad_line(self, connection: Connection, bad: BadLine) -> None:
        connection.send(wire.refused(bad.id, self.clock(), bad.code, bad.text))
        connection.bad_lines += 1
        if connection.bad_lines >= BAD_LINES_MAX:
            connection.close("bad_request", f"{BAD_LINES_MAX} lines that are not requests.")

    def _spoil(self, connection: Connection, request: Request, fault: Fault) -> None:
        """The request meets the weather."""
        now_ns = self.clock()
        if fault.kind == "half_open":
            connection.deaf = True
        elif fault.kind == "delay_request":
            _later(fault, lambda: self._take(connection, request))
        elif fault.kind == "rate_limit":
            text = "Refused by an armed fault."
            connection.send(wire.refused(request.id, now_ns, "rate_limited", text, retry_ns=fault.delay_ns))
        elif fault.kind == "unavailable":
            if fault.deed:
                self._take(connection, request, mute=True)
            text = "The venue failed half-way: ask later whether it was done."
            connection.send(wire.refused(request.id, now_ns, "unavailable", text))
        elif fault.kind == "cut":
            if fault.deed:
                self._take(connection, request, mute=True)
            connection.close()
        else:
            assert fault.kind == "lose_request", fault.kind

    def _take(self, connection: Connection, request: Request, *, mute: bool = False) -> None:
        """Judge who may ask, then do it. `mute`: done, but never answered."""
        if connection.closed:
            return
        if isinstance(request, wire.Hello):
            self._hello(connection, request)
            return
        if isinstance(request, wire.Ping):
            self._ping(connection, request)
            return
        if not connection.account and not isinstance(request, wire.Time):
            text = "Sign in first: hello."
            connection.send(wire.refused(request.id, self.clock(), "not_signed_in", text))
            return
        if connection.account and not self._may_ask(connection, request):
            return
        self._do(connection, request, mute)

    def _may_ask(self, connection: Connection, request: Request) -> bool:
        guard = self.guards[connection.account]
        now_ns = self.clock()
        bans = guard.counts.bans
        wait_ns = guard.banned_ns(now_ns) or guard.take(now_ns, deed=isinstance(request, wire.Deed))
        if not wait_ns:
            return True
        self.keeper.count(connection.account, guard.counts)
        if guard.counts.bans > bans:
            ban_ns = guard.limits.ban_ns
            text = f"Too many refused requests: banned for {ban_ns // 10**9} s."
            connection.send(wire.refused(request.id, now_ns, "banned", text, retry_ns=ban_ns))
            for one in list(self.connections.values()):
                if one.account == connection.account:
                    one.close("banned", text, ban_ns)
            return False
        limits = guard.limits
        text = f"Too many requests: {limits.requests_per_s} a second, {limits.burst} at once."
        connection.send(wire.refused(request.id, now_ns, "rate_limited", text, retry_ns=wait_ns))
        return False

    def _do(self, connection: Connection, request: Asked, mute: bool) -> None:
        now_ns, account = self.clock(), connection.account
        after: list[Message] = []
        if isinstance(request, wire.Deed):
            reply = self._answers.deed(account, request, now_ns)
        elif isinstance(request, wire.PrivateOn):
            reply = wire.done(request.id, now_ns, {"private_seq": connection.private_seq})
        elif isinstance(request, wire.DeadMan):
            reply = self._answers.dead_man(account, request, now_ns)
        elif isinstance(request, wire.Watch):
            reply, after = self._watch(connection, request, now_ns)
        elif isinstance(request, wire.Snapshot):
            reply, after = self._snapshot(connection, request, now_ns)
        else:
            lag = self.faults.draw(("lookup_lag",), _case(connection, request))
            reply = self._answers.question(account, request, now_ns, lag.delay_ns if lag else 0)
        news = self._settle()
        if mute:
            self._tell(news)
        else:
            self._answer(connection, request, reply, news)
        if isinstance(request, wire.PrivateOn):
            connection.private = True
        for message in after:
            connection.tell(message)

    def _answer(
        self, connection: Connection, request: Request, reply: Message, news: list[Happening]
    ) -> None:
        """The answer, then what it caused; or as the weather has it."""
        fault = self.faults.draw(REPLY_FAULTS, _case(connection, request))
        if fault is None:
            connection.send(reply)
        elif fault.kind == "duplicate_reply":
            connection.send(reply)
            connection.send(reply)
        elif fault.kind in ("delay_reply", "fill_before_ack"):
            _later(fault, lambda: connection.send(reply))
        self._tell(news)

    # ── signing in, heartbeats ──────────────────────────────────────────────────────────────────

    def _hello(self, connection: Connection, hello: wire.Hello) -> None:
        now_ns = self.clock()
        no = self._may_enter(connection, hello)
        if no is not None:
            code, text, retry_ns = no
            connection.send(wire.refused(hello.id, now_ns, code, text, retry_ns=retry_ns))
            connection.close(code, text, retry_ns)
            return
        self.keeper.enter(hello.account, now_ns)
        news = self._settle()
        connection.account = hello.account
        body = {
            "account": hello.account,
            "silence_ns": int(SILENCE_S * 1e9),
            "line_max": wire.LINE_MAX,
            "page_max": wire.PAGE_MAX,
            "symbols_max": wire.SYMBOLS_MAX,
            "requests_per_s": self.limits.requests_per_s,
            "burst": self.limits.burst,
        }
        self._answer(connection, hello, wire.done(hello.id, now_ns, body), news)

    def _may_enter(self, connection: Connection, hello: wire.Hello) -> tuple[str, str, int] | None:
        """Why this hello is refused: code, sentence, how long to stay away."""
        if connection.account:
            return "bad_request", "Signed in already.", 0
        if hello.protocol != wire.PROTOCOL:
            return "bad_protocol", f"Protocol {wire.PROTOCOL} is spoken here.", 0
        access = self._access
        due = wire.signature(access.secret, connection.challenge, access.key, hello.account)
        if hello.key != access.key or not hmac.compare_digest(due.encode(), hello.signature.encode()):
            return "bad_signature", "The key or the signature is wrong.", 0
        if not wire.is_account(hello.account):
            return "bad_account", "An account is named with 1 to 32 of a-z 0-9 - _, not _ first.", 0
        if hello.account not in self.guards:
            if len(self.guards) >= ACCOUNTS_MAX:
                return "bad_account", f"There are {ACCOUNTS_MAX} accounts already.", 0
            counts = self.keeper.counts.get(hello.account)
            self.guards[hello.account] = Guard(self.limits, counts)
        banned_ns = self.guards[hello.account].banned_ns(self.clock())
        if banned_ns:
            return "banned", "Banned for too many refused requests.", banned_ns
        if sum(c.account == hello.account for c in self.connections.values()) >= CONNECTIONS_PER_ACCOUNT:
            return "too_many_connections", f"{CONNECTIONS_PER_ACCOUNT} for one account are enough.", 0
        return None

    def _ping(self, connection: Connection, ping: wire.Ping) -> None:
        now_ns = self.clock()
        if connection.account:
            self.keeper.wind(connection.account, now_ns)
            news = self._settle()
        else:
            news = []
        reply = wire.done(ping.id, now_ns, {"private_seq": connection.private_seq})
        self._answer(connection, ping, reply, news)

    # ── public streams ──────────────────────────────────────────────────────────────────────────

    def _watch(self, connection: Connection, watch: wire.Watch, now_ns: int) -> tuple[Message, list[Message]]:
        if len(watch.symbols) > wire.SYMBOLS_MAX:
            text = f"At most {wire.SYMBOLS_MAX} symbols may be watched."
            return wire.refused(watch.id, now_ns, "too_many_watched", text), []
        known = {i.symbol: None for i in self.keeper.exchange.instruments()}
        watching = [s for s in dict.fromkeys(watch.symbols) if s in known]
        unknown = [s for s in dict.fromkeys(watch.symbols) if s not in known]
        fresh = [s for s in watching if s not in connection.watched]
        connection.watched = dict.fromkeys(s for s in watching if s not in fresh)
        after: list[Message] = []
        for symbol in fresh:
            self._publish_book(symbol, now_ns)
            after.append(self._publisher.snapshot(symbol, now_ns))
            after.append(mark_of(self.keeper.exchange.market(symbol), now_ns))
        connection.watched = dict.fromkeys(watching)
        return wire.done(watch.id, now_ns, {"watching": watching, "unknown": unknown}), after

    def _snapshot(
        self, connection: Connection, ask: wire.Snapshot, now_ns: int
    ) -> tuple[Message, list[Message]]:
        if ask.symbol not in connection.watched:
            text = f"{ask.symbol} is not watched."
            return wire.refused(ask.id, now_ns, "unknown_symbol", text), []
        return wire.done(ask.id, now_ns, {}), [self._publisher.snapshot(ask.symbol, now_ns)]

    def _publish_book(self, symbol: str, now_ns: int) -> None:
        view = self.keeper.exchange.book(symbol, wire.DEPTH)
        message = self._publisher.book(view, now_ns)
        if message is not None:
            for connection in self.connections.values():
                tell_book(connection, message)

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def tick(self) -> None:
        """Time has passed: the market moves, what is due happens, everybody is told."""
        self._sweep()
        if self.paused:
            return
        now_ns = self.clock()
        self.keeper.step(now_ns)
        self.settle()
        for symbol in self._publisher.symbols_of(self.connections.values()):
            self._publish_book(symbol, now_ns)
            message = self._publisher.mark(self.keeper.exchange.market(symbol), now_ns)
            if message is not None:
                for connection in self.connections.values():
                    tell_book(connection, message)

    def settle(self) -> None:
        """Write what has happened, then tell it: for whoever has moved the exchange from outside."""
        self._tell(self._settle())

    def _settle(self) -> list[Happening]:
        return self.keeper.settle()

    def _tell(self, news: list[Happening]) -> None:
        for happening in news:
            if isinstance(happening, StatusChanged):
                instrument = self._answers.instrument(happening.symbol)
                for connection in list(self.connections.values()):
                    if connection.account:
                        connection.tell({"t": "instrument", "instrument": instrument})
                continue
            message = self._private(happening)
            if message is None:
                continue
            account = getattr(happening, "account", "")
            for connection in list(self.connections.values()):
                if connection.account == account:
                    connection.tell_private(message)

    def _private(self, happening: Happening) -> Message | None:
        if isinstance(happening, OrderChanged):
            return {"t": "order", "order": self._answers.order_body(happening.order)}
        if isinstance(happening, FillMade):
            return {"t": "fill", "fill": self._answers.fill_body(happening.fill)}
        if isinstance(happening, CashMoved):
            return {"t": "cash", "cash": self._answers.cash_body(happening.cash)}
        if isinstance(happening, BalancesChanged):
            return {"t": "balances", "balances": [wire.balance_body(b) for b in happening.balances]}
        return None

    def _sweep(self) -> None:
        """Hang up on those who say nothing."""
        now_s = _loop_s()
        for connection in list(self.connections.values()):
            if connection.account:
                silent = not self.paused and now_s - connection.heard_s > SILENCE_S
            else:
                silent = now_s - connection.began_s > HELLO_S
            if silent:
                connection.close("silent", "Nothing was heard for too long.")


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


def _later(fault: Fault, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(fault.delay_ns / 1e9, do)


def _case(connection: Connection, request: Request) -> Case:
    return Case(
        wire.op_of(request),
        connection.account,
        getattr(request, "client_id", ""),
        getattr(request, "symbol", ""),
    )
