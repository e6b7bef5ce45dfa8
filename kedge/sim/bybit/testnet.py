"""Bybit V5 as a `Testnet`: a unified account for each owner; spot, linear and inverse; REST and WebSockets.

    net = BybitTestnet(setup)
    net.http(request)       decided at once; what it did is on disk before the reply is returned
    net.socket(request, line)
    net.tick()              the market moves, triggers fire, switches run out, streams are told

Private streams are told with the tick after the deed, so that an acknowledgement comes before the news of it;
the fault `stream_first` turns that round.
"""

from __future__ import annotations

from typing import Any

from kedge.sim.bybit import access, codes
from kedge.sim.bybit.account import Accounts
from kedge.sim.bybit.codes import CATEGORIES, No
from kedge.sim.bybit.deadman import DeadMan
from kedge.sim.bybit.deeds import Deeds
from kedge.sim.bybit.desk import Desk
from kedge.sim.bybit.feeds import Feeds, Topic
from kedge.sim.bybit.history import History
from kedge.sim.bybit.limits import Guard, Limits
from kedge.sim.bybit.market import MarketData
from kedge.sim.bybit.news import News, Said
from kedge.sim.bybit.params import Params
from kedge.sim.bybit.private import PrivateSession
from kedge.sim.bybit.rest import Parts, Rest
from kedge.sim.bybit.rows import BybitFacts, Tables
from kedge.sim.bybit.sessions import NORMAL, SCAN_NS, PublicSession, Session, active_of
from kedge.sim.bybit.texts import conn_id, encode, ms
from kedge.sim.bybit.trade import Done, TradeSession
from kedge.sim.bybit.venue import Rates, listings, teach
from kedge.sim.bybit.wallet import Wallet
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import House, Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

SESSIONS_MAX = 1_000
GOING_AWAY = 1001


class BybitTestnet:
    def __init__(self, setup: Setup, limits: Limits | None = None) -> None:
        self._house: House[BybitFacts] = House(setup, listings, BybitFacts, key_header="x-bapi-api-key")
        house = self._house
        self.tables = Tables(house.keeper)
        self.news = News(self.tables, house.exchange, house.bars)
        self.guard = Guard(limits or Limits())
        teach(house.faults, self._restart_service, self._set_ids)
        self.desk = Desk(self.tables, self.news, house.faults)
        self.wallet = Wallet(house, self.tables, self.news)
        self.accounts = Accounts(house, self.tables, self.news, self.desk, self.wallet)
        self.history = History(self.tables, self.news, house.faults)
        data = MarketData(house, self.tables, self.news)
        self.feeds = Feeds(house.exchange, data, self.news, house.bars, house.faults)
        self.deeds = Deeds(self.desk, self.guard, self.wallet)
        self.rest = Rest(
            Parts(data, self.feeds, self.history, self.accounts, self.deeds, self.guard), house.keys
        )
        self._rates = Rates(house, self.tables)
        self._sessions: dict[int, Session] = {}
        self._made = 0
        self._scanned_ns = house.now_ns()
        self.dead_man = DeadMan(self.tables, self.desk, self._held)
        self.dead_man.wake(house.now_ns())
        self._settle(house.now_ns())

    @property
    def house(self) -> House[BybitFacts]:
        return self._house

    # ── a testnet ───────────────────────────────────────────────────────────────────────────────

    def http(self, request: Request) -> Reply:
        now_ns = self._house.now_ns()
        self._house.exchange.advance(now_ns)
        reply = self.rest.answer(request, now_ns)
        self._settle(now_ns)
        self._maybe_first(now_ns)
        return reply

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        now_ns = self._house.now_ns()
        if not self.guard.socket(request.peer, ms(now_ns)) or len(self._sessions) >= SESSIONS_MAX:
            return Reply(403, b"too many connections", kind="text/plain")
        self._made += 1
        number = self._made
        session = self._session(request, line, number)
        if session is None:
            return Reply(404, b"not found", kind="text/plain")
        if not isinstance(session, PublicSession):
            session.active_s = active_of(request.query)
        self._sessions[number] = session
        return session

    def tick(self) -> None:
        house = self._house
        now_ns = house.now_ns()
        house.exchange.advance(now_ns)
        self._rates.look(now_ns)
        house.step()
        self._settle(now_ns)
        self.desk.arrive(now_ns)
        self.dead_man.run(now_ns)
        self._settle(now_ns)
        self._tell_private(now_ns)
        self._tell_public(now_ns)
        if now_ns - self._scanned_ns >= SCAN_NS:
            self._scanned_ns = now_ns
            for session in list(self._sessions.values()):
                session.scan(now_ns)

    def close(self) -> None:
        self._settle(self._house.now_ns())
        for session in list(self._sessions.values()):
            session.line.close(GOING_AWAY, "")

    def stats(self) -> dict[str, Any]:
        counts = self.guard.counts
        kinds = {"public": PublicSession, "private": PrivateSession, "trade": TradeSession}
        return {
            "refused": counts.refused,
            "bans": counts.bans,
            "sessions": {
                name: sum(isinstance(s, kind) for s in self._sessions.values())
                for name, kind in kinds.items()
            },
            "orders": len(self.tables.orders),
            "executions": len(self.tables.executions),
            "waiting": sum(len(self.tables.waiting_on(one.symbol)) for one in self._house.listed()),
        }

    # ── sessions ────────────────────────────────────────────────────────────────────────────────

    def _session(self, request: Request, line: Line, number: int) -> Session | None:
        clock, house = self._house.now_ns, self._house
        conn = conn_id(house.keeper.birth, number)

        def left() -> None:
            self._sessions.pop(number, None)

        if request.path == "/v5/private":
            return PrivateSession(line, conn, request.peer, clock, self._sign_in, self._watched, left)
        if request.path == "/v5/trade":
            return TradeSession(
                line,
                conn,
                request.peer,
                clock,
                self._sign_in,
                self._trade,
                lambda peer: self.guard.trade(peer, ms(clock())),
                self.guard.limits.session_per_s,
                left,
            )
        category = request.path.removeprefix("/v5/public/")
        if category not in CATEGORIES:
            return None
        return PublicSession(line, conn, request.peer, category, clock, self._begin, self._known, left)

    def _sign_in(self, args: object, peer: str) -> ApiKey | No:
        return access.check_stream(self._house.keys, args, peer, ms(self._house.now_ns()))

    def _known(self) -> dict[str, None]:
        return {one.symbol: None for one in self._house.listed()}

    def _begin(self, session: PublicSession, topic: Topic) -> None:
        now_ns = self._house.now_ns()
        for message in self.feeds.begin(topic, now_ns):
            session.say(message, now_ns)

    def _trade(self, key: ApiKey, path: str, params: Params) -> Done:
        """One deed of WebSocket order entry, durable when it returns."""
        now_ns = self._house.now_ns()
        if not key.trades:
            return Done({}, {}, None, codes.DENIED)
        self._house.exchange.advance(now_ns)
        fault = self._house.faults.strikes("trade_error", account=key.account, path=path)
        code = int(fault.value) if fault and fault.value.isdecimal() else codes.SERVER_ERROR.code
        done = Done({}, {}, None, No(code, codes.SERVER_ERROR.text))
        if fault is None:
            done = self.deeds.do(key.account, path, params, now_ns)
        elif fault.deed:
            self.deeds.do(key.account, path, params, now_ns)
        self._settle(now_ns)
        self._maybe_first(now_ns)
        return done

    def _watched(self, account: str, product: str) -> None:
        now_ns = self._house.now_ns()
        self.dead_man.hold(account, product, now_ns)
        self._settle(now_ns)

    def _held(self, account: str, product: str) -> bool:
        """Whether any living connection holds this dead-man switch open."""
        return any(
            isinstance(s, PrivateSession) and s.account == account and s.holds(product)
            for s in self._sessions.values()
        )

    # ── what is told ────────────────────────────────────────────────────────────────────────────

    def _settle(self, now_ns: int) -> None:
        self.desk.settle(now_ns)

    def _maybe_first(self, now_ns: int) -> None:
        if self.news.outbox and self._house.faults.strikes("stream_first") is not None:
            self._tell_private(now_ns)

    def _tell_private(self, now_ns: int) -> None:
        news = self.news
        items: dict[str, list[Said]] = {}
        while news.outbox:
            said = news.outbox.popleft()
            items.setdefault(said.account, []).append(said)
        for account, key in news.positions:
            body = self.accounts.position_body(account, key, stream=True)
            items.setdefault(account, []).append(Said(account, "position", body["category"], body))
        for account in news.wallets:
            body = self.wallet.body(account)
            items.setdefault(account, []).append(Said(account, "wallet", "", body))
        news.positions, news.wallets = {}, {}
        for session in list(self._sessions.values()):
            if isinstance(session, PrivateSession) and session.account in items:
                session.tell(items[session.account], now_ns)

    def _tell_public(self, now_ns: int) -> None:
        listeners: dict[tuple[str, str], list[PublicSession]] = {}
        topics: dict[tuple[str, str], Topic] = {}
        for session in self._sessions.values():
            if isinstance(session, PublicSession):
                for name, topic in session.topics.items():
                    listeners.setdefault((session.category, name), []).append(session)
                    topics[session.category, name] = topic
        self.feeds.attend(topics.values())
        for place, topic in topics.items():
            for message in self.feeds.told(topic, now_ns):
                text = encode(message)
                for session in listeners[place]:
                    session.alive(now_ns)
                    session.line.say(text)
        self.feeds.ended(now_ns)

    # ── faults that are deeds ───────────────────────────────────────────────────────────────────

    def _restart_service(self, fault: Fault) -> None:
        """Public numbers begin at one again; order entry takes nothing new on the lines it has."""
        if fault.value in ("", "public"):
            self.feeds.restart()
        if fault.value in ("", "trade"):
            for session in self._sessions.values():
                if isinstance(session, TradeSession):
                    session.restarting = True
        if fault.value == "private":
            for session in list(self._sessions.values()):
                if isinstance(session, PrivateSession):
                    session.line.close(NORMAL, "")
        if fault.value in ("", "orders"):
            self.news.ended.clear()

    def _set_ids(self, fault: Fault) -> None:
        self._house.own.ids_open_only = fault.value == "open"
        self._house.touch()


def make(setup: Setup) -> BybitTestnet:
    """What `kedge sim bybit` and storms start."""
    return BybitTestnet(setup)
