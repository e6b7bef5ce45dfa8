"""The lists, one declaration each: which table, columns and filters, and what to say when it is empty.

Titles and columns are ours and translated; what stands in them is data. A column can be sorted by where its
table can (`kedge/journal/rows.py`), so nothing is said twice.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from kedge.desk.commands import Role
from kedge.desk.web.lists import words
from kedge.journal.rows import TABLES, Table

Label = str | Promise


# Lists of what the people's database holds, described like the tables: filled by their modules.
OWN: dict[str, Table] = {}


class Column(Struct, frozen=True):
    name: str
    label: Any
    kind: str = "plain"
    # Shown only where there is room.
    wide: bool = False


class Listing(Struct, frozen=True):
    """One list. `name` is its route; `table` is the table's; the first column names the row."""

    name: str
    table: str
    title: Any
    help: Any
    columns: tuple[Column, ...]
    empty: Any
    # Filter of the table: the family its words are translated with.
    families: dict[str, str] = {}
    role: Role = "look"
    # What orders rows where nobody chose: the table's own unless given.
    sort: str = ""

    @property
    def shape(self) -> Table:
        return OWN[self.table] if self.table in OWN else TABLES[self.table]

    @property
    def filters(self) -> tuple[str, ...]:
        table = self.shape
        return tuple(dict.fromkeys([*table.filters, *table.words]))

    def sort_of(self, column: str) -> str:
        """The name by which the table sorts this column; "" where it cannot."""
        found = [name for name, of in self.shape.sorts.items() if of == column]
        return found[0] if found else ""

    def choices(self, name: str) -> list[tuple[str, str]]:
        """The words of a filter, with how people read them; none where any text may stand."""
        table = self.shape
        known = dict.fromkeys([*table.words.get(name, {}), *table.values.get(name, ())])
        family = self.families.get(name, "")
        if family and not table.values.get(name):
            known |= dict.fromkeys(words.WORDS[family])
        return [(value, words.word(family, value) if family else value) for value in known]


BOT, SLOT, MARKET, SIDE = _("Bot"), _("Slot"), _("Market"), _("Side")
TIME, QTY, PRICE, ORDER, KIND = _("Time"), _("Quantity"), _("Price"), _("Order"), _("Kind")
NOT_YET = _("Nothing yet. Add a bot, and its rows appear here by themselves.")

LISTS: dict[str, Listing] = {
    one.name: one
    for one in (
        Listing(
            "orders",
            "orders",
            _("Orders"),
            _("Every order the desk ever sent, with what became of it."),
            (
                Column("placed_ns", TIME, "when"),
                Column("client_id", ORDER, "order"),
                Column("bot", BOT, "bot"),
                Column("market", MARKET, "market"),
                Column("side", SIDE, "side"),
                Column("qty", QTY, "number"),
                Column("price", PRICE, "maybe"),
                Column("filled", _("Filled"), "number"),
                Column("average", _("Average"), "maybe"),
                Column("state", _("State"), "order_state"),
                Column("slot", SLOT, "plain", wide=True),
                Column("kind", KIND, "order_kind", wide=True),
                Column("role", _("Role"), "role", wide=True),
                Column("ended_ns", _("Ended"), "when", wide=True),
                Column("why", _("Why"), "prose", wide=True),
                Column("reason", _("The venue's word"), "prose", wide=True),
            ),
            NOT_YET,
            {"state": "state", "side": "side"},
        ),
        Listing(
            "fills",
            "fills",
            _("Fills"),
            _("Every execution, with its fee and the profit it took."),
            (
                Column("ts_ns", TIME, "when"),
                Column("bot", BOT, "bot"),
                Column("market", MARKET, "market"),
                Column("side", SIDE, "side"),
                Column("qty", QTY, "number"),
                Column("price", PRICE, "number"),
                Column("realised", _("Realised"), "realised"),
                Column("fee", _("Fee"), "fee"),
                Column("client_id", ORDER, "order"),
                Column("slot", SLOT, "plain", wide=True),
                Column("maker", _("Maker"), "yes", wide=True),
                Column("kind", KIND, "fill_kind", wide=True),
                Column("exec_id", _("Execution"), "plain", wide=True),
                Column("seq", _("Record"), "seq", wide=True),
            ),
            NOT_YET,
            {"kind": "fill_kind", "side": "side"},
        ),
        Listing(
            "positions",
            "positions",
            _("Positions"),
            _("What every bot holds, slot by slot; without a bot: what others did on the account."),
            (
                Column("bot", BOT, "bot"),
                Column("slot", SLOT),
                Column("market", MARKET, "market"),
                Column("qty", QTY, "signed"),
                Column("average", _("Average"), "maybe"),
                Column("cost", _("Cost"), "number", wide=True),
                Column("realised", _("Realised"), "realised"),
                Column("fees", _("Fees"), "sums"),
                Column("ts_ns", _("Last changed"), "when"),
            ),
            _("No positions yet. They come with the first fill."),
            {"state": "position"},
        ),
        Listing(
            "position-history",
            "position_minutes",
            _("Position history"),
            _("Positions as they stood at the end of every minute in which they changed."),
            (
                Column("ts_ns", _("Minute"), "when"),
                Column("bot", BOT, "bot"),
                Column("slot", SLOT),
                Column("market", MARKET, "market"),
                Column("qty", QTY, "signed"),
                Column("average", _("Average"), "maybe"),
                Column("realised", _("Realised"), "signed"),
            ),
            _("No positions yet. They come with the first fill."),
            sort="-time",
        ),
        Listing(
            "decisions",
            "decisions",
            _("Decisions"),
            _("What bots decided and why, and what limits refused."),
            (
                Column("ts_ns", TIME, "when"),
                Column("verb", _("Decision"), "decision"),
                Column("bot", BOT, "bot"),
                Column("market", MARKET, "market"),
                Column("side", SIDE, "side"),
                Column("qty", QTY, "maybe"),
                Column("price", PRICE, "maybe"),
                Column("why", _("Why"), "prose"),
                Column("client_id", ORDER, "order"),
                Column("slot", SLOT, "plain", wide=True),
                Column("seq", _("Record"), "seq", wide=True),
            ),
            NOT_YET,
            {"kind": "decision", "side": "side"},
        ),
        Listing(
            "notes",
            "notes",
            _("Notes"),
            _("What the desk and its bots said."),
            (
                Column("ts_ns", TIME, "when"),
                Column("level", _("Level"), "level"),
                Column("bot", BOT, "bot"),
                Column("account", _("Account")),
                Column("text", _("Text"), "prose"),
                Column("seq", _("Record"), "seq", wide=True),
            ),
            _("Nothing was said yet."),
            {"level": "level"},
        ),
        Listing(
            "commands",
            "commands",
            _("Commands"),
            _("Who asked for what, by which way, and what came of it."),
            (
                Column("ts_ns", TIME, "when"),
                Column("actor", _("Who")),
                Column("via", _("By")),
                Column("verb", _("Command"), "record"),
                Column("args", _("Arguments"), "json"),
                Column("ok", _("Result"), "ok"),
                Column("says", _("Answer"), "prose"),
                Column("command_id", _("Id"), "plain", wide=True),
            ),
            _("Nobody has asked for anything yet."),
            {"state": "result"},
        ),
        Listing(
            "cash",
            "cash",
            _("Cash"),
            _("Money that moved without a fill: funding, transfers, fees."),
            (
                Column("ts_ns", TIME, "when"),
                Column("account", _("Account")),
                Column("kind", KIND, "cash_kind"),
                Column("amount", _("Amount"), "amount"),
                Column("asset", _("Asset")),
                Column("symbol", _("Symbol")),
                Column("cash_id", _("Id"), "plain", wide=True),
            ),
            _("No money has moved without a fill yet."),
            {"kind": "cash_kind"},
        ),
        Listing(
            "instruments",
            "instruments",
            _("Instruments"),
            _("What the accounts can trade, as their venues described it last."),
            (
                Column("market", MARKET, "market"),
                Column("name", _("Name")),
                Column("status", _("State"), "listed"),
                Column("kind", KIND, "instrument_kind"),
                Column("settle", _("Settled in")),
                Column("lot", _("Lot"), "exact"),
                Column("tick", _("Tick"), "exact"),
                Column("nominal", _("Nominal"), "maybe"),
                Column("buy_margin", _("Margin to buy"), "maybe"),
                Column("sell_margin", _("Margin to sell"), "maybe"),
                Column("asset", _("Asset")),
                Column("expires_ns", _("Expires"), "when"),
                Column("qty_step", _("Step"), "exact"),
                Column("min_qty", _("Least quantity"), "exact"),
                Column("min_notional", _("Least value"), "maybe"),
                Column("base", _("Base"), wide=True),
                Column("quote", _("Quote"), wide=True),
                Column("multiplier", _("Multiplier"), "exact", wide=True),
                Column("ts_ns", _("Last changed"), "when", wide=True),
            ),
            _("No venue has told its instruments yet. Is an account set up and reachable?"),
            {"kind": "instrument_kind", "state": "instrument"},
        ),
        Listing(
            "journal",
            "story",
            _("Journal"),
            _("The records that tell a story, a sentence each; a record's number opens it as written."),
            (
                Column("seq", _("Record"), "seq"),
                Column("ts_ns", TIME, "when"),
                Column("kind", KIND, "record"),
                Column("bot", BOT, "bot"),
                Column("client_id", ORDER, "order"),
                Column("says", _("What happened"), "prose"),
            ),
            NOT_YET,
            sort="-time",
        ),
        Listing(
            "bot-history",
            "bots",
            _("Bots of all times"),
            _("Every bot there ever was, removed ones too, with its parameters."),
            (
                Column("bot", BOT, "bot"),
                Column("number", _("Number"), "number"),
                Column("kind", KIND),
                Column("phase", _("State"), "phase"),
                Column("why", _("Why"), "prose"),
                Column("config", _("Parameters"), "json"),
                Column("added_ns", _("Added"), "when"),
                Column("removed_ns", _("Removed"), "when"),
                Column("origin", _("Added by"), wide=True),
            ),
            _("There was no bot yet."),
            {"state": "phase"},
            sort="-time",
        ),
        Listing(
            "schedule-runs",
            "schedule_runs",
            _("Runs of schedules"),
            _("Every time a schedule was due, and what came of it."),
            (
                Column("ts_ns", TIME, "when"),
                Column("name", _("Schedule")),
                Column("due_ns", _("Due"), "when"),
                Column("ok", _("Result"), "ok"),
                Column("says", _("Answer"), "prose"),
                Column("command_id", _("Command"), "plain", wide=True),
            ),
            _("No schedule has run yet."),
            {"state": "result"},
        ),
        Listing(
            "days",
            "days",
            _("Days"),
            _("Profit, fees and volume of every bot on every day (UTC), in what it is settled in."),
            (
                Column("day", _("Day")),
                Column("bot", BOT, "bot"),
                Column("settle", _("Settled in")),
                Column("profit", _("Profit"), "signed"),
                Column("realised", _("Realised"), "signed"),
                Column("fees", _("Fees"), "number"),
                Column("other_fees", _("Fees in other assets"), "sums", wide=True),
                Column("funding", _("Funding"), "signed"),
                Column("volume", _("Volume"), "number"),
                Column("fills", _("Fills"), "number"),
            ),
            _("No day has made or lost anything yet."),
        ),
    )
}
