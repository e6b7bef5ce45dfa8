"""The house of this venue: its board, its hours, its prices, its accounts and tokens.

A token is an API key whose name is the token; `account` says whose: "main" opens every account of the user
main, "main:2" that user's second account alone. Rights: `trades` false is a read-only token.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random  # storm-ok: seeded generators passed in

from kedge.sim.exchange import Exchange, ExchangeConfig, Happening, StatusChanged, TradePrinted
from kedge.sim.market import MarketConfig
from kedge.sim.testnet.house import House, Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.listings import Listed, Listings
from kedge.sim.testnet.markets import BadMarket, Market, Nobody, read_rows
from kedge.sim.testnet.web import Request
from kedge.sim.tinvest.board import Paper, board
from kedge.sim.tinvest.calendar import ALWAYS, DAY_NS, Phase, day_of, phase_at
from kedge.sim.tinvest.prices import Prices
from kedge.sim.tinvest.rows import FIRST_ACCOUNT, TinvestFacts

BEARER = "bearer "
MONEY = Decimal(10_000_000)
BARS_KEPT = 2 * 24 * 60
OPEN_ORDERS_MAX = 10_000
# SecurityTradingStatus.
NOT_AVAILABLE, BREAK_IN_TRADING, NORMAL_TRADING, OPENING_AUCTION = 1, 4, 5, 9


def listings(papers: Sequence[Paper]) -> Listings:
    """These papers, with the exchange's rules."""
    listed = tuple(
        Listed(paper.class_code, paper.ticker, "spot", paper.terms())  # type: ignore[arg-type]
        for paper in papers
    )
    exchange = ExchangeConfig(
        terms=tuple(one.terms for one in listed),
        amend="none",
        id_scope="open",
        self_trade="cancel_newest",
        leverage=Decimal(10),
        open_orders_max=OPEN_ORDERS_MAX,
        retention_ns=30 * DAY_NS,
        insurance={"rub": Decimal(10**10), "usd": Decimal(10**8)},
    )
    return Listings("tinvest", listed, exchange, {"": {"rub": MONEY}})


class TinvestHouse(House[TinvestFacts]):
    def __init__(self, setup: Setup, only: Sequence[str] = ()) -> None:
        """`only`: tickers, or keys of papers that move together; instead of the whole board."""
        self._only = dict.fromkeys(only)
        self._papers: dict[str, Paper] = {}
        self._names: dict[str, str] = {}
        self._phases: dict[str, Phase] = {}
        super().__init__(
            setup,
            lambda now_ns: listings(self._board(day_of(now_ns))),
            TinvestFacts,
            bars_kept=BARS_KEPT,
            absent_bars=True,
        )
        for listed in self.listed():
            self._know(listed.symbol)
        self.learners.append(self._learn_prices)

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    def papers(self) -> tuple[Paper, ...]:
        """What is listed today and not hidden from the lists."""
        hidden = self.own.hidden
        return tuple(paper for paper in self.everything() if paper.symbol not in hidden)

    def paper(self, symbol: str) -> Paper:
        """By the symbol inside the exchange; those that have expired too."""
        if symbol not in self._papers:
            self._know(symbol)
        return self._papers[symbol]

    def find_paper(self, name: str) -> Paper | None:
        """By uid, FIGI, `TICKER_CLASS` or position uid; what is hidden is not found."""
        self.everything()
        symbol = self._names.get(name)
        if symbol is None or symbol in self.own.hidden:
            return None
        return self._papers[symbol]

    def everything(self) -> tuple[Paper, ...]:
        """What is listed today."""
        day = day_of(self.now_ns())
        papers = self._board(day)
        if day != self._known_day:
            self._known_day = day
            for paper in papers:
                self._add(paper)
        return papers

    def _board(self, day: int) -> tuple[Paper, ...]:
        if not self._only:
            return board(day)
        only = self._only
        return tuple(paper for paper in board(day) if paper.ticker in only or paper.key in only)

    def _know(self, symbol: str) -> None:
        self.everything()
        if symbol in self._papers:
            return
        expires_ns = self.exchange.instrument(symbol).expires_ns
        self._add(next(paper for paper in self._board(day_of(expires_ns)) if paper.symbol == symbol))

    def _add(self, paper: Paper) -> None:
        self._papers[paper.symbol] = paper
        for name in (paper.uid, paper.figi, paper.position_uid, f"{paper.ticker}_{paper.class_code}"):
            self._names.setdefault(name, paper.symbol)

    # ── hours ───────────────────────────────────────────────────────────────────────────────────

    def schedule(self, paper: Paper) -> str:
        if self.own.sessions == "always" and paper.schedule != "moex_close":
            return ALWAYS
        return paper.schedule

    def phase(self, paper: Paper, now_ns: int) -> Phase:
        return phase_at(self.schedule(paper), now_ns)

    def trades_now(self, paper: Paper, now_ns: int) -> bool:
        """Whether its session is on and nobody has halted it."""
        return self.phase(paper, now_ns).trading and self.exchange.market(paper.symbol).open

    def trading_status(self, paper: Paper, now_ns: int) -> int:
        """The protocol's SecurityTradingStatus."""
        phase = self.phase(paper, now_ns)
        if phase.trading:
            return NORMAL_TRADING if self.exchange.market(paper.symbol).open else BREAK_IN_TRADING
        return {"clearing": BREAK_IN_TRADING, "auction": OPENING_AUCTION}.get(phase.kind, NOT_AVAILABLE)

    def look_at_hours(self, now_ns: int) -> None:
        """Stop what has closed and let go on what has opened, at the exchange too."""
        if all(now_ns < phase.end_ns for phase in self._phases.values()) and self._looked == day_of(now_ns):
            return
        self._looked = day_of(now_ns)
        groups: dict[str, list[Paper]] = {}
        for paper in self.everything():
            groups.setdefault(self.schedule(paper), []).append(paper)
        for schedule, papers in groups.items():
            phase = self._phases[schedule] = phase_at(schedule, now_ns)
            self._turn(schedule, papers, phase.trading, now_ns)

    def _turn(self, schedule: str, papers: list[Paper], trading: bool, now_ns: int) -> None:
        closed = schedule in self.own.closed
        if closed and not trading:
            # Listed while its market is closed.
            papers = [paper for paper in papers if self.exchange.market(paper.symbol).status != "halted"]
        elif closed != trading:
            return
        if trading:
            del self.own.closed[schedule]
        else:
            self.own.closed[schedule] = None
        self.touch()
        for paper in papers:
            self.exchange.halt(paper.symbol, not trading, now_ns)

    def set_sessions(self, mode: str, now_ns: int) -> None:
        """ "always": nothing ever closes; "calendar"."""
        if mode == self.own.sessions:
            return
        for schedule in list(self.own.closed):
            papers = [paper for paper in self.everything() if self.schedule(paper) == schedule]
            self._turn(schedule, papers, True, now_ns)
        self.own.sessions = mode
        self._phases.clear()
        self._looked = 0
        self.touch()
        self.look_at_hours(now_ns)

    # ── prices ──────────────────────────────────────────────────────────────────────────────────

    def make_market(
        self,
        exchange: Exchange,
        config: MarketConfig,
        generator: Random,  # storm-ok: seeded generator passed in
        now_ns: int,
    ) -> Market:
        """Called while the house is built."""
        kind = self.setup.options.market
        papers = self._board(day_of(now_ns))
        known = {instrument.symbol: None for instrument in exchange.instruments()}
        for paper in papers:
            if paper.symbol not in known:
                exchange.list_instrument(paper.terms(), now_ns)
        asked = self.setup.options.sessions
        if asked != self.own.sessions_asked:
            self.own.sessions_asked = asked
            self.touch()
            self.set_sessions(asked, now_ns)
        self.look_at_hours(now_ns)
        if kind == "none":
            for paper in papers:
                # Margins and corridors need a price to begin with.
                if not exchange.market(paper.symbol).mark:
                    exchange.feed(paper.symbol, now_ns, index=paper.price, mark=paper.price)
            return Nobody()
        synthetic = generator if kind == "synthetic" else None
        rows = []
        if kind not in ("synthetic", "still"):
            try:
                with open(kind, encoding="utf-8") as file:
                    rows = read_rows(file.read(), [paper.symbol for paper in papers])
            except (BadMarket, UnicodeDecodeError) as error:
                raise BadMarket(f"{kind}: {error}") from None
        return Prices(exchange, papers, synthetic, rows, now_ns)

    def _learn_prices(self, news: Sequence[Happening]) -> None:
        market = self.keeper.market
        if not isinstance(market, Prices):
            return
        for happening in news:
            if isinstance(happening, TradePrinted):
                market.traded(happening.symbol)
            elif isinstance(happening, StatusChanged) and happening.status == "trading":
                market.opened(happening.symbol)

    def step(self) -> None:
        """Time has passed. What is new today may be quoted, what has ended no longer is."""
        now_ns = self.now_ns()
        self.look_at_hours(now_ns)
        market = self.keeper.market
        if isinstance(market, Prices):
            market.know(self._board(day_of(now_ns)))
            for happening in self._ended(now_ns):
                market.leave(happening)
        super().step()

    def _ended(self, now_ns: int) -> list[str]:
        day = day_of(now_ns)
        if day == self._ended_day:
            return []
        self._ended_day = day
        today = {paper.symbol: None for paper in self._board(day)}
        return [one.symbol for one in self.listed() if one.symbol not in today]

    _ended_day = 0
    _known_day = -1
    _looked = 0

    # ── accounts ────────────────────────────────────────────────────────────────────────────────

    def welcome(self, account: str) -> None:
        """Open the account, with a newcomer's money and a number."""
        super().welcome(account)
        self.name_account(account)

    def name_account(self, account: str, called: str = "") -> str:
        """What the protocol calls this account of the exchange."""
        own = self.own
        if account not in own.ids:
            own.ids[account] = called or str(FIRST_ACCOUNT + len(own.ids))
            own.opened_ns[account] = self.now_ns()
            self.touch()
        return own.ids[account]

    def token(self, request: Request) -> ApiKey | None:
        """The key that the request carries."""
        said = request.headers.get("authorization", "")
        if not said.lower().startswith(BEARER):
            return None
        key = self.keys.get(said[len(BEARER) :].strip())
        return key if key is not None and key.admits(request.peer) else None

    def account_of(self, request: Request) -> str:
        key = self.token(request)
        return key.account if key else ""

    def accounts_of(self, key: ApiKey) -> list[str]:
        """The accounts (inside the exchange) that a token opens, sandboxes included."""
        if ":" in key.account:
            return [key.account]
        user = key.account
        return [one for one in self.own.ids if one == user or one.startswith((f"{user}:", f"{user}/"))]


def hide(house: TinvestHouse, symbol: str, on: bool) -> None:
    """Leave an instrument out of the lists, or show it again."""
    if on:
        house.own.hidden[symbol] = None
    else:
        house.own.hidden.pop(symbol, None)
    house.touch()
