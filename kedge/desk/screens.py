"""Each view once: data for programs, a picture for people, plain text for logs and messages.

A `Screen` carries JSON-able `data` and draws itself for a width; colours appear where the terminal has
them. Numbers are exact and plain, times are local with milliseconds. What came from outside (a venue's
reason, a bot's word) is shown as text only: it cannot move the cursor or colour the screen.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kedge.model import ids, numbers

# From this width on the less urgent columns are shown too.
WIDE = 110
# Between columns.
GAP = 2
# A column of sentences is still readable at this width.
PROSE_LEAST = 16
NAME_LEAST = 8
SECOND_NS = 1_000_000_000
# Averages and profits of inverse contracts come out of a division; people see so many decimals of them, less
# those before the point.
DECIMALS_SHOWN = 8

Row = Mapping[str, Any]


class Screen:
    """One view. `data` is the stable shape that `--json` prints."""

    def __init__(self, data: Any, draw: Callable[[int], RenderableType]) -> None:
        self.data = plain(data)
        self.draw = draw

    def text(self, width: int = 80) -> str:
        """Without colour, for logs, messages and pipes."""
        out = io.StringIO()
        console = Console(file=out, width=width, color_system=None, force_terminal=False, highlight=False)
        console.print(self.draw(width))
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n") + "\n"


class Look(Struct, frozen=True):
    """How times are read: against which moment, in which zone (None: the machine's own)."""

    now_ns: int = 0
    zone: tzinfo | None = None


# ── the small words ─────────────────────────────────────────────────────────────────────────────


def plain(value: Any) -> Any:
    """As JSON has it; decimals as plain digits, exactly."""
    if isinstance(value, Decimal):
        return numbers.text(value)
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, msgspec.Raw):
        return plain(msgspec.json.decode(value))
    return value


def clean(value: Any) -> str:
    """What others wrote, made harmless: no control characters, no direction tricks, one line."""
    words = " ".join(str(value).split())
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in words)


def number(value: Any) -> Text:
    return Text(digits(value), no_wrap=True)


def digits(value: Any) -> str:
    """Plain and exact; what is no number is shown as it is."""
    if value is None or value == "":
        return ""
    try:
        return numbers.text(value if isinstance(value, Decimal) else Decimal(str(value)))
    except InvalidOperation:
        return clean(value)


def about(value: Any) -> str:
    """Digits, cut where division left more of them than anyone reads; then marked as not exact."""
    whole = digits(value)
    if len(whole.rpartition(".")[2]) <= DECIMALS_SHOWN or "." not in whole:
        return whole
    before = len(whole.partition(".")[0].strip("-0"))
    cut = Decimal(whole).quantize(Decimal(1).scaleb(-max(2, DECIMALS_SHOWN - before)))
    return f"≈{numbers.text(cut)}"


def average(value: Any) -> Text:
    return Text(about(value))


def signed(value: Any) -> Text:
    """A number whose sign is its message."""
    shown = about(value)
    style = "" if shown in ("", "0") else "red" if "-" in shown else "green"
    return Text(shown, style, no_wrap=True)


def side(value: Any) -> Text:
    return Text(clean(value), {"buy": "green", "sell": "red"}.get(str(value), ""), no_wrap=True)


STATE_STYLES = {
    "pending": "yellow",
    "open": "cyan",
    "unknown": "bold white on red",
    "filled": "green",
    "rejected": "red",
    "lost": "red",
    "running": "green",
    "paused": "yellow",
    "stopping": "yellow",
    "parked": "bold white on red",
    "killed": "red",
    "refused": "red",
    "ok": "green",
    "fail": "bold white on red",
    "ready": "green",
    "down": "bold red",
    "asking": "yellow",
    "stale": "yellow",
    "closed": "dim",
    "done": "green",
    "alarm": "bold white on red",
    "warn": "yellow",
}


def state(value: Any) -> Text:
    return Text(clean(value), STATE_STYLES.get(str(value), ""), no_wrap=True)


def word(value: Any) -> Text:
    """One word that is not broken."""
    return Text(clean(value))


def place(value: Any) -> Text:
    """A symbol, and on a line of its own the account where it is traded."""
    symbol, _, account = str(value).partition("\n")
    shown = Text(clean(symbol), overflow="fold")
    return shown.append(f"\n{clean(account)}", "dim") if account else shown


def words(value: Any) -> Text:
    """A sentence, folded where it must be."""
    return Text(clean(value), overflow="fold")


def name(value: Any) -> Text:
    return Text(clean(value), "bold", overflow="fold")


def order_id(value: Any) -> Text:
    """Of an order of ours its life and its counter, which together differ from every other's; `explain` reads
    it so."""
    whole = clean(value)
    made_by = ids.read(whole)
    if made_by is None:
        return short_id(value)
    return Text(f"{made_by.life % 0x10000:04x}/{made_by.counter:x}", "dim", no_wrap=True)


def short_id(value: Any) -> Text:
    """The end of an id."""
    whole = clean(value)
    return Text(whole if len(whole) <= 12 else "…" + whole[-6:], "dim", no_wrap=True)


def moment(ns: int, look: Look, whole: bool) -> str:
    """Local ISO time with milliseconds; without the date when it is today and space is dear."""
    if not ns:
        return ""
    at = datetime.fromtimestamp(ns // SECOND_NS, look.zone)
    clock = f"{at:%H:%M:%S}.{ns % SECOND_NS // 1_000_000:03d}"
    if not whole and at.date() == datetime.fromtimestamp(look.now_ns // SECOND_NS, look.zone).date():
        return clock
    return f"{at:%Y-%m-%d} {clock}" if whole else f"{at:%m-%d} {clock}"


def span(ns: int) -> str:
    """A length of time as people say it."""
    if ns < SECOND_NS:
        return f"{ns // 1_000_000} ms" if ns >= 1_000_000 else f"{ns // 1_000} µs"
    seconds = ns // SECOND_NS
    if seconds < 60:
        return f"{seconds}.{ns % SECOND_NS // 100_000_000} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def money(amounts: Mapping[str, Any]) -> Text:
    """Amounts per asset, each with its sign's colour."""
    parts = [signed(amount).append(f" {clean(asset)}", "") for asset, amount in sorted(amounts.items())]
    return Text(", ").join(parts) if parts else Text("nothing", "dim")


# ── tables ──────────────────────────────────────────────────────────────────────────────────────


class Column(Struct, frozen=True):
    """One column: where its value comes from and how it is shown. `wide`: only where there is room;
    `narrow`: only where there is not, in place of fuller ones."""

    title: str
    keys: tuple[str, ...]
    show: Callable[[Any], Text] = words
    right: bool = False
    wide: bool = False
    narrow: bool = False


def table(rows: Sequence[Row], columns: Sequence[Column], width: int, look: Look) -> RenderableType:
    """The fullest layout that fits. Columns without any value are left out.

    Where even the narrowest is too wide, sentences are folded first, then names; then ids and times are left
    out, and at last all is folded. Nothing is ever cut off: a number that lacks its end is another number.
    """
    layout = _fitting(rows, columns, width, look)
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", expand=False)
    for column in layout.columns:
        foldable = column.show is words or (column.show is name and layout.least > width)
        foldable = foldable or layout.squeezed > width
        made.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=not foldable, overflow="fold"
        )
    for cells in layout.rows:
        made.add_row(*cells)
    return made


def _fitting(rows: Sequence[Row], columns: Sequence[Column], width: int, look: Look) -> _Layout:
    """All columns; then without the wide ones that nothing replaces, the last first; then the narrow ones."""
    if width >= WIDE:
        left = [column for column in columns if not column.narrow]
        replaced = {column.title for column in columns if column.narrow}
        while True:
            layout = _layout(rows, left, look, wide=True)
            spare = [column for column in left if column.wide and column.title not in replaced]
            if layout.least <= width:
                return layout
            if not spare:
                break
            left.remove(spare[-1])
    layout = _layout(rows, [column for column in columns if not column.wide], look, wide=False)
    for spared in (order_id, when):
        if layout.squeezed > width:
            layout = _layout(rows, [c for c in layout.columns if c.show is not spared], look, wide=False)
    return layout


class _Layout:
    """The cells of one way to show a table, and the least width it needs: `squeezed` with names folded."""

    def __init__(self, columns: list[Column], rows: list[list[Text]]) -> None:
        self.columns, self.rows = columns, rows
        gaps = GAP * (len(columns) - 1)
        self.least = sum(self._least(place, {words: PROSE_LEAST}) for place in range(len(columns))) + gaps
        folded = {words: PROSE_LEAST, name: NAME_LEAST}
        self.squeezed = sum(self._least(place, folded) for place in range(len(columns))) + gaps

    def _least(self, place: int, folded: Mapping[Any, int]) -> int:
        natural = max(len(self.columns[place].title), *(_width(cells[place]) for cells in self.rows))
        return min(natural, folded.get(self.columns[place].show, natural))


def _width(cell: Text) -> int:
    return max(line.cell_len for line in cell.split("\n", allow_blank=True))


def _layout(rows: Sequence[Row], columns: Sequence[Column], look: Look, *, wide: bool) -> _Layout:
    shown = [column for column in columns if any(_pick(row, column) not in (None, "") for row in rows)]
    return _Layout(shown, [[_cell(row, column, look, wide) for column in shown] for row in rows])


def _pick(row: Row, column: Column) -> Any:
    return next((row[key] for key in column.keys if row.get(key) not in (None, "")), "")


def _cell(row: Row, column: Column, look: Look, wide: bool) -> Text:
    value = _pick(row, column)
    if column.show is when:
        return Text(moment(int(value or 0), look, wide))
    return column.show(value)


def when(value: Any) -> Text:
    """A time; `table` shows it by the look it is given."""
    return Text(str(value))


def listing(
    what: str, rows: Sequence[Row], columns: Sequence[Column], look: Look, data: Any = None
) -> Screen:
    """Rows of one sort under their titles, or one sentence that there are none."""

    def draw(width: int) -> RenderableType:
        if not rows:
            return Text(f"no {what}", "dim")
        return table(rows, columns, width, look)

    return Screen(rows if data is None else data, draw)


def stack(*parts: RenderableType | None) -> RenderableType:
    """Parts below each other with a blank line between; what is None is left out."""
    kept = [part for part in parts if part is not None]
    spaced: list[RenderableType] = []
    for part in kept:
        spaced += [part, Text("")] if part is not kept[-1] else [part]
    return Group(*spaced)


# ── rows people read ────────────────────────────────────────────────────────────────────────────

ORDERS = (
    Column("time", ("placed_ns", "since_ns"), when),
    Column("order", ("client_id",), order_id),
    Column("bot", ("bot",), name),
    Column("slot", ("slot",), word, wide=True),
    Column("market", ("market",), word, wide=True),
    Column("market", ("symbol",), place, narrow=True),
    Column("side", ("side",), side),
    Column("qty", ("qty",), number, right=True, wide=True),
    Column("price", ("price",), number, right=True),
    Column("filled", ("filled",), number, right=True, wide=True),
    Column("filled", ("progress",), word, right=True, narrow=True),
    Column("average", ("average",), average, right=True, wide=True),
    Column("state", ("state",), state),
    Column("", ("change",), word, wide=True),
    Column("why", ("reason", "why"), words, wide=True),
)

FILLS = (
    Column("time", ("ts_ns",), when),
    Column("bot", ("bot",), name),
    Column("slot", ("slot",), word),
    Column("market", ("market",), word, wide=True),
    Column("market", ("symbol",), place, narrow=True),
    Column("side", ("side",), side),
    Column("qty", ("qty",), number, right=True),
    Column("price", ("price",), number, right=True),
    Column("fee", ("fee",), number, right=True),
    Column("in", ("fee_asset",), word),
    Column("realised", ("realised",), signed, right=True, wide=True),
    Column("order", ("client_id",), order_id, wide=True),
)

POSITIONS = (
    Column("bot", ("bot",), name),
    Column("slot", ("slot",), word),
    Column("market", ("market",), word, wide=True),
    Column("market", ("symbol",), place, narrow=True),
    Column("qty", ("qty",), signed, right=True),
    Column("average", ("average",), average, right=True),
    Column("mark", ("mark",), number, right=True, wide=True),
    Column("realised", ("realised",), signed, right=True),
    Column("unrealised", ("unrealised",), signed, right=True),
    Column("in", ("settle",), word),
    Column("fees", ("paid",), words, wide=True),
)

DECISIONS = (
    Column("time", ("ts_ns",), when),
    Column("bot", ("bot",), name),
    Column("slot", ("slot",), word, wide=True),
    Column("what", ("verb",), word),
    Column("market", ("market",), word, wide=True),
    Column("side", ("side",), side),
    Column("qty", ("qty",), number, right=True),
    Column("price", ("price",), number, right=True),
    Column("order", ("client_id",), order_id, wide=True),
    Column("why", ("why",), words),
)

NOTES = (
    Column("time", ("ts_ns",), when),
    Column("level", ("level",), state),
    Column("of", ("bot", "account"), name),
    Column("note", ("text",), words),
)

COMMANDS = (
    Column("time", ("ts_ns",), when),
    Column("who", ("actor",), name),
    Column("via", ("via",), word),
    Column("command", ("verb",), word),
    Column("done", ("done",), state),
    Column("answer", ("says",), words),
    Column("id", ("command_id",), short_id, wide=True),
)

CASH = (
    Column("time", ("ts_ns",), when),
    Column("account", ("account",), name),
    Column("kind", ("kind",), word),
    Column("amount", ("amount",), signed, right=True),
    Column("in", ("asset",), word),
    Column("for", ("symbol",), word),
)

LISTS = (
    Column("list", ("name",), name),
    Column("holds", ("items",), words),
    Column("set by", ("actor",), word, wide=True),
    Column("time", ("set_ns",), when, wide=True),
)

STASH = (
    Column("symbol", ("symbol",), name),
    Column("side", ("side",), side),
    Column("qty", ("qty",), number, right=True),
    Column("kind", ("kind",), word),
    Column("trigger", ("trigger_price",), number, right=True),
    Column("price", ("price",), number, right=True),
    Column("until", ("expires_ns",), when),
    Column("bot", ("bot",), word, wide=True),
)

ROWS: dict[str, tuple[Column, ...]] = {
    "orders": ORDERS,
    "fills": FILLS,
    "positions": POSITIONS,
    "decisions": DECISIONS,
    "notes": NOTES,
    "commands": COMMANDS,
    "cash": CASH,
    "lists": LISTS,
    "stash": STASH,
}


def rows_screen(what: str, rows: Sequence[Row], look: Look) -> Screen:
    """Orders, fills, positions, decisions, notes, commands, cash, lists or a stash."""
    accounts = dict.fromkeys(str(row.get("market", "")).rpartition(":")[0] for row in rows)
    several = len(accounts) > 1
    return listing(what, [_shortened(row, several) for row in rows], ROWS[what], look, data=rows)


def _shortened(row: Row, several: bool) -> Row:
    """With what only people are shown: shorter forms of what the row has. The account is left out where there
    is only one."""
    account, _, symbol = str(row.get("market", "")).rpartition(":")
    shown = f"{symbol}\n{account}" if several and account else symbol
    extra: dict[str, Any] = {"symbol": shown} if "market" in row else {}
    if "filled" in row:
        extra["progress"] = f"{digits(row['filled'])}/{digits(row.get('qty'))}"
    if row.get("fees"):
        extra["paid"] = ", ".join(f"{about(v)} {k}" for k, v in sorted(row["fees"].items()))
    if "ok" in row:
        extra["done"] = "done" if row["ok"] else "refused"
    return {**row, **extra}
