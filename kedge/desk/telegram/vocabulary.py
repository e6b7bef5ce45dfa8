"""The words of Telegram: freqtrade's where it has one, each with its form, its meaning and who may.

The menu in the chat, /help, the answer to a mistyped command and the table in the manual are made from this
list. What a word does is in `office.py`; what the desk can do beyond these words is reached by /do.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.desk.commands import ROLES, Role
from kedge.desk.telegram.tongue import Tongue, marked


class Word(Struct, frozen=True):
    name: str
    form: str
    help: str
    role: Role = "look"
    asks: bool = False  # answered with a question that must be confirmed


WORDS: tuple[Word, ...] = (
    Word("status", "[bot or order]", marked("The desk at a glance; with a name, one bot or one order.")),
    Word("bots", "", marked("Every bot: its phase, what it wants, what holds it up.")),
    Word("tasks", "", marked("The tasks at work: how far they are, at which average.")),
    Word("sellbuy", "", marked("The tasks that sell or buy, and their progress.")),
    Word("orders", "[bot]", marked("Orders that are open.")),
    Word("trades", "[bot] [n]", marked("The last fills.")),
    Word("positions", "[bot]", marked("What is held, by bot and slot, with profit.")),
    Word("balance", "", marked("What the accounts hold.")),
    Word("profit", "[days]", marked("Profit of so many days (30), with a chart.")),
    Word("daily", "[n]", marked("Profit day by day.")),
    Word("weekly", "[n]", marked("Profit week by week.")),
    Word("monthly", "[n]", marked("Profit month by month.")),
    Word("performance", "", marked("Profit by bot and market, the best first.")),
    Word("explain", "<bot or order>", marked("The story of a bot or an order, from intent to fill.")),
    Word("logs", "[n]", marked("What the desk and its bots said.")),
    Word("schedules", "", marked("What runs by itself, and when next.")),
    Word("scan", "[rate] [asset]", marked("What futures yield a year, on the margin.")),
    Word("dscan", "[how many] [asset]", marked("Dividends that futures imply.")),
    Word("quotes", "<account> [symbols]", marked("Best prices now, asked of the venue.")),
    Word("health", "", marked("Engine, accounts, markets, and what needs a person.")),
    Word("version", "", marked("Which version runs.")),
    Word("hedge", "<qty> [market] [sell or buy]", marked("Open a hedge."), "trade", True),
    Word("close", "<bot>", marked("Have a hedge close what it opened."), "trade", True),
    Word(
        "sell",
        "<ticker> <sum> or <amount> <ticker>",
        marked("Sell at the best ask, following it (a peg bot)."),
        "trade",
        True,
    ),
    Word(
        "buy",
        "<ticker> <sum> or <amount> <ticker>",
        marked("Buy at the best bid, following it (a peg bot)."),
        "trade",
        True,
    ),
    Word(
        "dump",
        "<ticker>",
        marked("Trade the whole position of a market away (a peg bot)."),
        "trade",
        True,
    ),
    Word(
        "amend",
        "<task> [qty=...] [price=...] [sum=...] [levels=...]",
        marked("Change the amount or price of a running task."),
        "trade",
        True,
    ),
    Word(
        "spreads",
        "[far near price amount] [buy or sell] [ratio]",
        marked("The spreads at work; with two legs, a price and an amount, start one."),
        asks=True,
    ),
    Word("sprices", "", marked("The prices of all spreads now, and when those not trading open.")),
    Word(
        "stops",
        "[tickers] [sum]",
        marked("Buy far below the price: the whitelist less the blacklist, or these tickers."),
        "trade",
        True,
    ),
    Word(
        "shorts",
        "[tickers] [sum]",
        marked("Sell far above the price: the whitelist less the blacklist, or these tickers."),
        "trade",
        True,
    ),
    Word(
        "nuke", "<ticker> <sum>", marked("Buy a few per cent below the price of one ticker."), "trade", True
    ),
    Word(
        "stash",
        "[name] [account]",
        marked("Save all stop orders; then it offers to cancel them."),
        "trade",
    ),
    Word("restore", "[name]", marked("Put saved stop orders back as they were."), "trade", True),
    Word("stashes", "", marked("The stop orders that were saved.")),
    Word("preorders", "[open or closed] [words]", marked("Preorders, the newest first.")),
    Word("lists", "[list]", marked("Your lists: tickers, levels, sums.")),
    Word("list", "<add, drop or set> <list> [items]", marked("Change a list."), "trade"),
    Word(
        "forceexit",
        "<bot or all>",
        marked("Close what a bot opened; one that knows no closing is stopped."),
        "trade",
        True,
    ),
    Word("start", "", marked("Resume every paused bot."), "trade", True),
    Word("stop", "", marked("Stop every task: each balances what it holds and ends."), "trade", True),
    Word("stopbot", "<bot>", marked("Stop one bot: it balances what it holds and ends."), "trade", True),
    Word("pause", "[bot]", marked("No new risk; resting orders are pulled. Without a name: all."), "trade"),
    Word("resume", "[bot]", marked("Go on after a pause. Without a name: all."), "trade", True),
    Word(
        "cancel",
        "[bot or account]",
        marked("Cancel orders at once, stops too, pause their bots, and say what remains."),
        "trade",
    ),
    Word("kill", "[why]", marked("The kill switch: cancel everything, send nothing new. At once."), "trade"),
    Word("revive", "[why]", marked("Release the kill switch."), "admin", True),
    Word("mute", "[kind or all] [time]", marked("Quiet for a time: /mute fill 2h. /mute off ends it.")),
    Word("language", "[en, ru or fr]", marked("The language of this chat.")),
    Word("do", "<command> [arguments]", marked("Any other command of the desk, as on the command line.")),
    Word("help", "[command]", marked("All commands, or one of them.")),
)

BY_NAME: dict[str, Word] = {word.name: word for word in WORDS}
# Other spellings people bring with them.
ALIASES = {
    "fx": "forceexit",
    "stopentry": "pause",
    "stopbuy": "pause",
    "fills": "trades",
    "log": "logs",
    "test": "health",
}


def may(role: Role, word: Word) -> bool:
    return ROLES.index(role) >= ROLES.index(word.role)


def form_of(word: Word) -> str:
    return f"/{word.name} {word.form}".rstrip()


def help_lines(role: Role, say: Tongue) -> list[str]:
    """What this person may say."""
    return [f"{form_of(word)}\n{say(word.help)}" for word in WORDS if may(role, word)]


def table() -> str:
    """The generated part of `docs/how-to/use-telegram.md`."""
    lines = ["| command | who | what it does |", "|---|---|---|"]
    for word in WORDS:
        asks = " Asks first." if word.asks else ""
        lines.append(f"| `{form_of(word)}` | {word.role} | {word.help}{asks} |")
    return "\n".join(lines) + "\n"
