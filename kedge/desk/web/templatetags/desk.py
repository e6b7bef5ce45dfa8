"""What templates say in one word: numbers as they are, times in the person's zone, addresses of files."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from kedge.desk import screens
from kedge.desk.web import assets

register = template.Library()

SECOND_NS = 1_000_000_000


@register.simple_tag
def asset(path: str) -> str:
    return assets.address(path)


@register.filter
def num(value: Any) -> str:
    """Exact digits; averages that a division left with too many are cut and marked with ≈."""
    return screens.about(value)


@register.filter
def exact(value: Any) -> str:
    return screens.digits(value)


@register.filter
def millis(ns: int) -> str:
    return f"{ns / 1_000_000:+.0f} ms".replace("-", "−")


@register.filter
def signed(value: Any) -> str:
    """With its sign, a true minus included."""
    shown = screens.about(value)
    if shown in ("", "0"):
        return shown
    bare = shown.lstrip("≈")
    mark = "≈" if bare != shown else ""
    return f"{mark}−{bare[1:]}" if bare.startswith("-") else f"{mark}+{bare}"


@register.filter
def tone(value: Any) -> str:
    """The class of a number whose sign is its message."""
    shown = screens.digits(value)
    return "" if shown in ("", "0") else "down" if shown.startswith("-") else "up"


@register.filter
def money(sums: dict[str, Decimal]) -> list[tuple[str, Decimal]]:
    """Assets in their order, with the sums; what people count in first."""
    return sorted(sums.items(), key=lambda pair: (pair[0] not in ("USDT", "USDC", "USD", "EUR"), pair[0]))


@register.filter
def when(ns: int) -> SafeString | str:
    """A moment in the person's zone: the time, with the whole moment in its title."""
    if not ns:
        return ""
    moment = _moment(int(ns))
    here = timezone.localtime(moment)
    today = timezone.localtime(timezone.now()).date()
    short = here.strftime("%H:%M:%S") if here.date() == today else here.strftime("%Y-%m-%d %H:%M:%S")
    whole = f"{here:%Y-%m-%d %H:%M:%S}.{int(ns) % SECOND_NS // 1_000_000:03d} {here.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), whole, short)


@register.filter
def span(ns: Any) -> str:
    """A length of time in at most two units: 850 ms, 12 s, 3 min 4 s, 2 h 5 min, 3 d 4 h."""
    length = max(0, int(ns or 0))
    if length < SECOND_NS:
        return _("%(n)d ms") % {"n": length // 1_000_000}
    seconds = length // SECOND_NS
    days, hours, minutes, rest = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    if days:
        return _("%(d)d d %(h)d h") % {"d": days, "h": hours}
    if hours:
        return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes}
    if minutes:
        return _("%(m)d min %(s)d s") % {"m": minutes, "s": rest}
    return _("%(n)d s") % {"n": seconds}


@register.filter
def short_market(market: str) -> str:
    """The symbol alone; the account stands beside it or in the title."""
    return market.partition(":")[2] or market


@register.filter
def account_of(market: str) -> str:
    return market.partition(":")[0]


@register.filter
def short_id(client_id: str) -> str:
    """An order's id as people see it elsewhere: life and counter."""
    return screens.order_id(client_id).plain


@register.filter
def word(value: Any, family: str) -> str:
    """A word of the tables in the reader's language: {{ bot.phase|word:"phase" }}."""
    from kedge.desk.web.lists.words import word as said

    return said(family, str(value))


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(screens.plain(value), ensure_ascii=False)


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The address of this page with some of its parameters changed; None takes one away."""
    given = context["request"].GET.dict()
    given |= {name: str(value) for name, value in changes.items() if value is not None}
    kept = {name: value for name, value in given.items() if name not in changes or changes[name] is not None}
    return f"?{urlencode(kept)}"


def _moment(ns: int) -> datetime.datetime:
    seconds, rest = divmod(ns, SECOND_NS)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC) + datetime.timedelta(
        microseconds=rest // 1000
    )
