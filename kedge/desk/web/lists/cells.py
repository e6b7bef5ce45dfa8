"""What stands in one cell of a list, as HTML: built here and not in a template, since a page has hundreds.

Whatever came from outside is escaped. Numbers are exact. Every cell that holds data rather than our words is
marked `translate="no"`, so that browsers leave names and numbers alone.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from msgspec import Struct

from kedge.desk import screens
from kedge.desk.web.lists.words import word
from kedge.model.numbers import text

SECOND_NS = 1_000_000_000
# Sentences longer than this are cut in lists; the whole one is in the title, and on the thing's own page.
PROSE_MOST = 240
# Stands for a thing's name in the pattern of an address; a number, since some things are numbers.
HOLE = 7777777
UUID_HOLE = "77777777-7777-4777-8777-777777777777"
MARK = "\0"

Row = Any
Cell = Callable[[Row, str], str]


class Kind(Struct, frozen=True):
    """How a column is shown: its class in the page, and what makes a cell of it."""

    css: str
    show: Cell


def cell(kind: str, row: Row, name: str, label: str) -> str:
    """One `<td>`; its label, HTML already, stands before it on a phone, where columns have no heads."""
    how = KINDS[kind]
    return f'<td class="{how.css}" data-label="{label}" translate="no">{how.show(row, name)}</td>'


def head_cell(kind: str, row: Row, name: str) -> str:
    """The cell by which a row is known."""
    how = KINDS[kind]
    return f'<th scope="row" class="{how.css}" translate="no">{how.show(row, name)}</th>'


# ── addresses ───────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _pattern(route: str) -> str:
    """The address of a thing with a hole in it: "" where that page is not built."""
    for hole in (str(HOLE), UUID_HOLE):
        try:
            return reverse(route, args=[hole]).replace(hole, MARK)
        except NoReverseMatch:
            continue
    return ""


def address(route: str, name: object) -> str:
    """Where a thing is; "" where nothing shows such things."""
    return _pattern(route).replace(MARK, quote(str(name), safe="/"))


def listed(route: str, **filters: str) -> str:
    return f"{reverse(route)}?{urlencode(filters)}"


def linked(where: str, shown: str, title: str = "") -> str:
    """`shown` is HTML already."""
    hint = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(where)}"{hint}>{shown}</a>' if where else shown


# ── moments ─────────────────────────────────────────────────────────────────────────────────────


def moment(ns: int) -> datetime.datetime:
    """Exact to the microsecond, which is what a datetime holds."""
    seconds, rest = divmod(ns, SECOND_NS)
    here = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return here.replace(microsecond=rest // 1000)


def when(ns: int) -> str:
    if not ns:
        return ""
    utc = moment(ns)
    here = utc.astimezone(timezone.get_current_timezone())
    shown = f"{here:%Y-%m-%d} <b>{here:%H:%M:%S}</b><small>.{here.microsecond // 1000:03d}</small>"
    title = f"{here:%Y-%m-%d %H:%M:%S}.{ns % SECOND_NS:09d} {here.tzname()}"
    return f'<time datetime="{utc.isoformat()}" title="{title}">{shown}</time>'


# ── kinds of cells ──────────────────────────────────────────────────────────────────────────────


def _when(row: Row, name: str) -> str:
    return when(getattr(row, name))


def _plain(row: Row, name: str) -> str:
    return str(escape(screens.clean(getattr(row, name))))


def _prose(row: Row, name: str) -> str:
    whole = screens.clean(getattr(row, name))
    if len(whole) <= PROSE_MOST:
        return str(escape(whole))
    return f'<span title="{escape(whole)}">{escape(whole[:PROSE_MOST])}…</span>'


def _number(row: Row, name: str) -> str:
    return str(escape(screens.about(getattr(row, name))))


def _often_nothing(row: Row, name: str) -> str:
    """A number where zero means that there is none."""
    value = getattr(row, name)
    return str(escape(screens.about(value))) if value else ""


def signed(value: Decimal) -> str:
    """A number whose sign is its message, with a true minus."""
    shown = screens.about(value)
    bare = shown.lstrip("≈")
    near = shown[: len(shown) - len(bare)]
    if bare.startswith("-"):
        return f'<span class="down">{near}−{bare[1:]}</span>'
    return f'<span class="up">{near}+{bare}</span>' if bare not in ("0", "") else "0"


def _signed(row: Row, name: str) -> str:
    return signed(getattr(row, name))


def _money(asset: str) -> Cell:
    def show(row: Row, name: str) -> str:
        value = getattr(row, name)
        return f"{signed(value)} <small>{escape(getattr(row, asset))}</small>" if value else "0"

    return show


def _fee(row: Row, name: str) -> str:
    return f"{escape(screens.about(row.fee))} <small>{escape(row.fee_asset)}</small>" if row.fee else "0"


def _sums(row: Row, name: str) -> str:
    sums: dict[str, Decimal] = getattr(row, name)
    return ", ".join(
        f"{escape(screens.about(amount))} <small>{escape(asset)}</small>" for asset, amount in sums.items()
    )


def _market(row: Row, name: str) -> str:
    market = str(getattr(row, name))
    account, colon, symbol = market.partition(":")
    if not colon:
        return str(escape(market))
    shown = f"{escape(symbol)} <small>{escape(account)}</small>"
    return linked(address("instrument", market), shown)


def _bot(row: Row, name: str) -> str:
    bot = str(getattr(row, name))
    if not bot:
        return f'<span class="dim" translate="yes">{escape(_("others"))}</span>' if _is_held(row) else ""
    return linked(address("bot", bot) or listed("orders", bot=bot), str(escape(bot)))


def _is_held(row: Row) -> bool:
    """Whether nobody's name on this row means that the account itself holds it."""
    return hasattr(row, "realised")


def _order(row: Row, name: str) -> str:
    client_id = str(getattr(row, name))
    if not client_id:
        return ""
    shown = f"<code>{escape(screens.order_id(client_id).plain)}</code>"
    return linked(address("order", client_id), shown, client_id)


def _seq(row: Row, name: str) -> str:
    seq = getattr(row, name)
    return linked(address("record", seq), str(seq))


def _record(row: Row, name: str) -> str:
    return linked(address("record", row.seq), str(escape(getattr(row, name))))


def _preorder(row: Row, name: str) -> str:
    return linked(address("preorder", row.id), str(row.preorder_id))


def _named(family: str) -> Cell:
    """A word in the reader's language."""

    def show(row: Row, name: str) -> str:
        value = str(getattr(row, name))
        css = f"{value} " if value in ("buy", "sell") else ""
        return (
            f'<span class="{css}word" translate="yes">{escape(word(family, value))}</span>' if value else ""
        )

    return show


def _state(family: str) -> Cell:
    """A word that says how something stands, coloured by what it is."""

    def show(row: Row, name: str) -> str:
        value = str(getattr(row, name))
        if not value:
            return ""
        css = value if value.isalpha() else "other"
        return f'<span class="state {css}" translate="yes">{escape(word(family, value))}</span>'

    return show


def _order_state(row: Row, name: str) -> str:
    shown = _state("state")(row, name)
    if row.change:
        doing = _("an amendment is under way") if row.change == "amend" else _("a cancellation is under way")
        shown += f' <small class="dim" translate="yes" title="{escape(doing)}">…</small>'
    return shown


def _yes(row: Row, name: str) -> str:
    return f'<span translate="yes">{escape(_("yes") if getattr(row, name) else _("no"))}</span>'


def _ok(row: Row, name: str) -> str:
    family, value = "result", "done" if getattr(row, name) else "refused"
    return f'<span class="state {value}" translate="yes">{escape(word(family, value))}</span>'


def _json(row: Row, name: str) -> str:
    given: dict[str, Any] = getattr(row, name) or {}
    parts = [f"{key}={_short(value)}" for key, value in given.items()]
    whole = screens.clean(" ".join(parts))
    cut = whole if len(whole) <= PROSE_MOST else f"{whole[:PROSE_MOST]}…"
    return f"<code>{escape(cut)}</code>" if cut else ""


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(screens.plain(value), ensure_ascii=False, separators=(",", ":"))


def _listed(row: Row, name: str) -> str:
    """An instrument's state; one that its venue lists no longer is known by that."""
    shown = getattr(row, name) if row.listed else "unlisted"
    css = "ok" if shown == "trading" else "paused"
    return f'<span class="state {css}">{escape(word("instrument", shown))}</span>'


def _exact(row: Row, name: str) -> str:
    return str(escape(text(getattr(row, name))))


KINDS: dict[str, Kind] = {
    "when": Kind("c-when", _when),
    "plain": Kind("c-plain", _plain),
    "prose": Kind("c-say", _prose),
    "number": Kind("n", _number),
    "exact": Kind("n", _exact),
    "maybe": Kind("n", _often_nothing),
    "signed": Kind("n", _signed),
    "realised": Kind("n", _money("settle")),
    "amount": Kind("n", _money("asset")),
    "fee": Kind("n", _fee),
    "sums": Kind("n", _sums),
    "market": Kind("c-market", _market),
    "bot": Kind("c-bot", _bot),
    "order": Kind("c-id", _order),
    "seq": Kind("n", _seq),
    "preorder_link": Kind("n", _preorder),
    "record": Kind("c-plain", _record),
    "order_state": Kind("c-word", _order_state),
    "yes": Kind("c-word", _yes),
    "ok": Kind("c-word", _ok),
    "json": Kind("c-json", _json),
    "listed": Kind("c-word", _listed),
    **{
        family: Kind("c-word", _named(family))
        for family in (
            *("side", "order_kind", "role", "fill_kind", "cash_kind", "tif", "instrument_kind", "missed"),
        )
    },
    **{
        family: Kind("c-word", _state(family))
        for family in ("decision", "level", "phase", "instrument", "preorder")
    },
}


def safe(parts: list[str]) -> SafeString:
    """Cells that were escaped one by one."""
    return mark_safe("".join(parts))
