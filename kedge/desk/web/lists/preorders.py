"""The list of preorders: rows of the people's database, asked for in the same words as the tables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from kedge.desk.tables.tables import Page, TablesState
from kedge.desk.web.lists.asking import COUNTED
from kedge.desk.web.lists.cells import SECOND_NS, moment
from kedge.desk.web.lists.listings import LISTS, OWN, Column, Listing
from kedge.desk.web.lists.views import SOURCES
from kedge.desk.web.preorders.models import Preorder
from kedge.journal.rows import Ask, Is, Table

NAME = "preorders"


class PreorderRow(Struct, frozen=True):
    preorder_id: int
    created_ns: int
    status: str
    status_text: str
    is_garant: bool
    sum_btc: Decimal
    sum_rub: Decimal
    sum_usd: Decimal
    buyer: str
    location: str
    product_name: str
    size: Decimal
    ordered_ns: int
    finished_ns: int
    id: str


# Columns of the list and of the model where their names differ.
_COLUMNS = {"created_ns": "created_at", "ordered_ns": "order_date", "finished_ns": "finished_at"}

OWN[NAME] = Table(
    row=PreorderRow,
    keys=("preorder_id",),
    time="created_ns",
    filters={"state": "status"},
    values={"state": ("open", "closed")},
    words={"kind": {"guaranteed": Is("is_garant", (True,)), "other": Is("is_garant", (False,))}},
    texts=("preorder_id", "buyer", "location", "product_name", "status_text"),
    sort="-time",
    sorts={
        "time": "created_ns",
        "number": "preorder_id",
        "ordered": "ordered_ns",
        "finished": "finished_ns",
        **{
            name: name
            for name in (
                *("status", "status_text", "is_garant", "sum_btc", "sum_rub", "sum_usd", "buyer", "location"),
                *("product_name", "size"),
            )
        },
    },
    ties=("created_ns", "preorder_id"),
)

LISTS[NAME] = Listing(
    NAME,
    NAME,
    _("Preorders"),
    _("What was sold ahead and is to be hedged; a source fills it, or the admin."),
    (
        Column("preorder_id", _("Number"), "preorder_link"),
        Column("created_ns", _("Created"), "when"),
        Column("status", _("State"), "preorder"),
        Column("is_garant", _("Guaranteed"), "yes"),
        Column("sum_btc", _("Sum, BTC"), "maybe"),
        Column("sum_rub", _("Sum, RUB"), "maybe"),
        Column("sum_usd", _("Sum, USD"), "maybe"),
        Column("buyer", _("Buyer")),
        Column("product_name", _("Product")),
        Column("size", _("Size"), "maybe", wide=True),
        Column("location", _("Place"), wide=True),
        Column("status_text", _("State in words"), "prose", wide=True),
        Column("ordered_ns", _("Ordered"), "when", wide=True),
        Column("finished_ns", _("Finished"), "when", wide=True),
    ),
    _("No preorders yet. Name a source for them in the settings, or add one in the admin."),
    {"state": "preorder", "kind": "guarantee"},
)


class Preorders:
    """Answers as the tables do. Goes on by number of row: there are thousands of these, not millions."""

    state = TablesState("", catching_up=False)

    def find(self, what: str, ask: Ask, *, after: str = "") -> Page:
        found = _fitting(ask)
        total = found.count()
        offset = int(after) if after.isdigit() else ask.offset
        rows = tuple(_row(one) for one in found[offset : offset + ask.limit])
        last = offset + len(rows)
        return Page(rows, min(total, COUNTED), total <= COUNTED, str(last) if last < total else "")

    def count(self, what: str, ask: Ask) -> tuple[int, bool]:
        total = _fitting(ask).count()
        return min(total, COUNTED), total <= COUNTED

    def each(self, what: str, ask: Ask) -> Iterator[PreorderRow]:
        for one in _fitting(ask).iterator(chunk_size=500):
            yield _row(one)


SOURCES[NAME] = Preorders()


def _fitting(ask: Ask) -> QuerySet[Preorder]:
    found = Preorder.objects.all()
    if ask.state:
        found = found.filter(status=_one_of(ask.state, ("open", "closed"), "state"))
    if ask.kind:
        found = found.filter(is_garant=_one_of(ask.kind, ("guaranteed", "other"), "kind") == "guaranteed")
    if ask.since_ns is not None:
        found = found.filter(created_at__gte=moment(ask.since_ns))
    if ask.until_ns is not None:
        found = found.filter(created_at__lt=moment(ask.until_ns))
    if ask.text:
        texts = [f"{name}__icontains" for name in OWN[NAME].texts]
        fits = Q()
        for name in texts:
            fits |= Q(**{name: ask.text})
        found = found.filter(fits)
    sort = ask.sort or OWN[NAME].sort
    down = "-" if sort.startswith("-") else ""
    column = OWN[NAME].sorts[sort.removeprefix("-")]
    return found.order_by(f"{down}{_COLUMNS.get(column, column)}", f"{down}preorder_id")


def _one_of(word: str, known: tuple[str, ...], name: str) -> str:
    if word not in known:
        raise ValueError(f"preorders cannot be {word!r}: {name} is one of {', '.join(known)}")
    return word


def _row(one: Preorder) -> PreorderRow:
    zero = Decimal(0)
    return PreorderRow(
        one.preorder_id,
        _ns(one.created_at),
        one.status,
        one.status_text,
        one.is_garant,
        one.sum_btc or zero,
        one.sum_rub or zero,
        one.sum_usd or zero,
        one.buyer,
        one.location,
        one.product_name,
        one.size or zero,
        _ns(one.order_date),
        _ns(one.finished_at),
        str(one.pk),
    )


def _ns(at: datetime.datetime | None) -> int:
    if at is None:
        return 0
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86400 + since.seconds) * SECOND_NS + since.microseconds * 1000
