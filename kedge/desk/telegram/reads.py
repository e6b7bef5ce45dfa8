"""The words that only look: each is one function from what was typed to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from kedge import __version__
from kedge.client import DeskAway, Refused
from kedge.desk import commands
from kedge.desk.commands import Role
from kedge.desk.deeds_people import PreordersAsk
from kedge.desk.parts import DeskContext
from kedge.desk.preorders import shelf
from kedge.desk.screens import about
from kedge.desk.telegram import asks, scans, sums, views, views_tasks
from kedge.desk.telegram.asks import Mistyped, Step, Typed
from kedge.desk.telegram.books import Books
from kedge.desk.telegram.chart import picture
from kedge.desk.telegram.phone import Answer, two
from kedge.desk.telegram.sums import SECOND_NS, DaySum, Span
from kedge.desk.telegram.views import Eyes
from kedge.desk.telegram.vocabulary import ALIASES, BY_NAME
from kedge.model.looks import Status

# A picture older than this is said to be old.
OLD_NS = 5 * SECOND_NS
ORDERS_MAX = 200
PREORDERS_MAX = 20
DAYS_MAX = 366


class Reads:
    """Answers from the newest status and from rows. Raise `Mistyped`, `DeskAway`, `Refused`."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._books = Books(context)

    async def answer(self, typed: Typed, role: Role, eyes: Eyes) -> Answer:
        reader = READERS.get(typed.word.name)
        if reader is None:
            return self.help(typed, role, eyes)
        return await reader(self, typed, eyes)

    def status_now(self, eyes: Eyes) -> Status:
        """The picture that the link keeps, also while the engine is away (then it is said)."""
        link = self._context.link
        if link.status is None:
            raise DeskAway(link.away or "the engine was not met yet")
        return link.status

    async def rows(self, step: Step, eyes: Eyes) -> Answer:
        """Whatever a reading deed of /do gives."""
        deed = commands.BY_NAME[step.deed]
        if deed.call in commands.KEPT:
            return await self._kept(PreordersAsk(**step.args), eyes)
        if deed.call in commands.QUESTIONS:
            return await scans.answer(deed, step.args, self._books.read, eyes)
        if deed.call:
            now = self.status_now(eyes)
            if deed.call in ("tasks", "sellbuy", "spreads"):
                return views_tasks.tasks(now, eyes, deed.call)
            shown_as = {
                "bots": views.bots,
                "schedules": views.schedules,
                "sprices": views_tasks.sprices,
                "stashes": views_tasks.stashes,
            }
            return shown_as.get(deed.call, views.status)(now, eyes)
        found = await self._books.deed(deed, step.args)
        if deed.read == "story":
            return views.story(str(step.args["of"]), found, eyes)
        shown = {
            "orders": views.orders,
            "fills": views.trades,
            "positions": views.positions,
            "notes": views.notes,
            "lists": views_tasks.lists,
        }
        view = shown.get(deed.read)
        return view(found, eyes) if view is not None else views.any_rows(deed.name, found, eyes)

    # ── one function per word ───────────────────────────────────────────────────────────────

    async def status(self, typed: Typed, eyes: Eyes) -> Answer:
        given = asks.at_most_one(typed, eyes.say)
        now = self.status_now(eyes)
        if not given:
            return views.status(now, eyes)
        for bot in now.bots:
            if bot.bot.lower() == given.lower():
                return views.bot(bot, eyes)
        rows = await self._books.read("orders", text=given.lower().lstrip("…"), limit=2)
        if len(rows) == 1:
            return views.order(rows[0], eyes)
        raise Mistyped(eyes.say("There is no bot and no order {given}.", given=given))

    async def bots(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.bots(self.status_now(eyes), eyes)

    async def tasks(self, typed: Typed, eyes: Eyes) -> Answer:
        """Also /sellbuy and /spreads: the tasks of a kind."""
        self._bare(typed, eyes)
        return views_tasks.tasks(self.status_now(eyes), eyes, typed.word.name)

    async def sprices(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views_tasks.sprices(self.status_now(eyes), eyes)

    async def stashes(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views_tasks.stashes(self.status_now(eyes), eyes)

    async def lists(self, typed: Typed, eyes: Eyes) -> Answer:
        """/lists, /lists whitelist."""
        given = asks.at_most_one(typed, eyes.say).lower()
        rows = await self._books.deed(commands.BY_NAME["lists"], {"limit": ORDERS_MAX})
        meant = [row for row in rows if row["name"] == given] if given else rows
        if not meant:
            known = ", ".join(str(row["name"]) for row in rows)
            raise Mistyped(eyes.say("There is no list {given}. There are: {known}", given=given, known=known))
        return views_tasks.lists(meant, eyes)

    async def preorders(self, typed: Typed, eyes: Eyes) -> Answer:
        """/preorders, /preorders open, /preorders closed Ann: a state, and words to be found."""
        status = typed.args[0] if typed.args and typed.args[0] in ("open", "closed") else ""
        words = " ".join(typed.args[1:] if status else typed.args)
        return await self._kept(PreordersAsk(status=status, text=words[:200], limit=PREORDERS_MAX), eyes)

    async def _kept(self, ask: PreordersAsk, eyes: Eyes) -> Answer:
        people = self._context.people
        if people is None:
            raise Refused(shelf.NOT_THERE)
        return views.preorders(await asyncio.to_thread(shelf.find, people, ask), eyes)

    async def orders(self, typed: Typed, eyes: Eyes) -> Answer:
        bot = self._bot(typed, eyes)
        filters = {"bot": bot} if bot else {}
        return views.orders(await self._books.read("orders", state="open", limit=ORDERS_MAX, **filters), eyes)

    async def trades(self, typed: Typed, eyes: Eyes) -> Answer:
        """/trades, /trades 50, /trades hedge-1, /trades hedge-1 50."""
        names = [one for one in typed.args if not one.isdigit()]
        counts = [int(one) for one in typed.args if one.isdigit()]
        if len(names) > 1 or len(counts) > 1 or not all(1 <= one <= ORDERS_MAX for one in counts):
            raise asks.wrong(typed.word, eyes.say)
        filters = {"bot": asks.bot_named(names[0], self.status_now(eyes), eyes.say).bot} if names else {}
        limit = counts[0] if counts else 16
        return views.trades(await self._books.read("fills", limit=limit, **filters), eyes)

    async def positions(self, typed: Typed, eyes: Eyes) -> Answer:
        bot = self._bot(typed, eyes)
        given = {"state": "open", **({"bot": bot} if bot else {})}
        return views.positions(await self._books.deed(commands.BY_NAME["positions"], given), eyes)

    async def balance(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.balance(self.status_now(eyes), eyes)

    async def performance(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.performance(await self._books.read("positions", limit=ORDERS_MAX), eyes)

    async def explain(self, typed: Typed, eyes: Eyes) -> Answer:
        of = asks.exactly_one(typed, eyes.say)
        return views.story(
            of, await self._books.deed(commands.BY_NAME["explain"], {"of": of, "limit": 60}), eyes
        )

    async def logs(self, typed: Typed, eyes: Eyes) -> Answer:
        limit = asks.count(typed, 12, 100, eyes.say)
        return views.notes(await self._books.read("notes", limit=limit), eyes)

    async def schedules(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.schedules(self.status_now(eyes), eyes)

    async def health(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.health(self.status_now(eyes), self._context.link.age_ns(), eyes)

    async def version(self, typed: Typed, eyes: Eyes) -> Answer:
        self._bare(typed, eyes)
        return views.version(self._context.link.status, __version__, eyes)

    # ── profit ──────────────────────────────────────────────────────────────────────────────

    async def profit(self, typed: Typed, eyes: Eyes) -> Answer:
        count = asks.count(typed, 30, DAYS_MAX, eyes.say)
        days, whole = await self._sums("day", count, eyes)
        net = sums.total(days)
        head = [eyes.say("Profit of {count} days, after fees", count=count)]
        head += [] if whole else [eyes.say("(not all fills: there are too many)")]
        lines = []
        for called, some in (
            (eyes.say("today"), days[:1]),
            (eyes.say("7 days"), days[:7]),
            (f"{count} d", days),
        ):
            for asset, amount in sums.total(some).items() or {"": Decimal(0)}.items():
                lines.append(two(called, f"{about(amount)} {asset}".strip()))
        lines.append(two(eyes.say("fills"), str(sum(day.fills for day in days))))
        status = self._context.link.status
        for asset, amount in sorted(status.unrealised.items()) if status is not None else ():
            lines.append(two(eyes.say("unrealised"), f"{about(amount)} {asset}"))
        png = b""
        if net:
            asset = max(net, key=lambda one: (abs(net[one]), one))
            png = _chart(days, asset)
        return Answer("\n".join(head), ("\n".join(lines),), png)

    async def daily(self, typed: Typed, eyes: Eyes) -> Answer:
        return await self._table(typed, eyes, "day", 7, 62)

    async def weekly(self, typed: Typed, eyes: Eyes) -> Answer:
        return await self._table(typed, eyes, "week", 8, 52)

    async def monthly(self, typed: Typed, eyes: Eyes) -> Answer:
        return await self._table(typed, eyes, "month", 6, 24)

    async def _table(self, typed: Typed, eyes: Eyes, span: Span, usual: int, most: int) -> Answer:
        days, whole = await self._sums(span, asks.count(typed, usual, most, eyes.say), eyes)
        rows = []
        for one in days:
            called = f"{one.day:%Y-%m}" if span == "month" else f"{one.day:%m-%d}"
            for asset, amount in one.net.items() or {"": Decimal(0)}.items():
                rows.append((called, f"{about(amount)} {asset}".strip(), str(one.fills)))
        head = {
            "day": eyes.say("Day by day"),
            "week": eyes.say("Week by week"),
            "month": eyes.say("Month by month"),
        }
        note = "" if whole else "\n" + eyes.say("(not all fills: there are too many)")
        return Answer(head[span] + note, views.day_table(rows, eyes))

    async def _sums(self, span: Span, count: int, eyes: Eyes) -> tuple[list[DaySum], bool]:
        """The newest first."""
        zone = eyes.zone or ZoneInfo("UTC")
        today = datetime.fromtimestamp(eyes.now_ns // SECOND_NS, zone).date()
        days, whole = await self._books.days(sums.first_day(today, span, count), zone)
        return sums.grouped(days, today, span, count), whole

    async def prices(self, typed: Typed, eyes: Eyes) -> Answer:
        """/scan, /dscan and /quotes."""
        return await scans.said(typed, self._books.read, eyes)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────

    def help(self, typed: Typed, role: Role, eyes: Eyes) -> Answer:
        given = asks.at_most_one(typed, eyes.say).lstrip("/").lower()
        given = ALIASES.get(given, given)
        if given and given not in BY_NAME:
            raise Mistyped(
                eyes.say(
                    "There is no /{name}; {hint}", name=given, hint=eyes.say("/help lists what there is.")
                )
            )
        return views.help_(given, role, eyes.say)

    def _bare(self, typed: Typed, eyes: Eyes) -> None:
        if typed.args:
            raise asks.wrong(typed.word, eyes.say)

    def _bot(self, typed: Typed, eyes: Eyes) -> str:
        given = asks.at_most_one(typed, eyes.say)
        return asks.bot_named(given, self.status_now(eyes), eyes.say).bot if given else ""


Reader = Callable[[Reads, Typed, Eyes], Awaitable[Answer]]
READERS: dict[str, Reader] = {
    name: getattr(Reads, name)
    for name in (
        *("status", "bots", "tasks", "orders", "trades", "positions", "balance", "profit", "daily", "weekly"),
        *("monthly", "performance", "explain", "logs", "schedules", "health", "version"),
        *("sprices", "stashes", "lists", "preorders"),
    )
}
READERS |= {"sellbuy": Reads.tasks, "spreads": Reads.tasks}
READERS |= dict.fromkeys(commands.QUESTIONS, Reads.prices)


def _chart(days: list[DaySum], asset: str) -> bytes:
    values = sums.curve(days, asset)
    oldest, newest = days[-1].day, days[0].day
    shown = tuple(_sign(value) for value in (min(*values, Decimal(0)), max(*values, Decimal(0)), values[-1]))
    title = f"{asset} {len(days)}D"
    return picture(title, [float(value) for value in values], f"{oldest}", f"{newest}", shown)


def _sign(value: Decimal) -> str:
    shown = f"{value:.2f}" if abs(value) >= 1 or not value else f"{value:.6f}"
    return f"+{shown}" if value > 0 else shown
