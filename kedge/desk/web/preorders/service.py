"""What is done with preorders: kept as sources tell them, hedged, told.

Opening one "auto" takes its sum, cut to what the market takes; the hedge carries the preorder's number, and
the engine refuses a second one while the first lives. So nothing here has to be locked: two requests, a
retry after a crash and a restarted engine all meet the same claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections, transaction

from kedge.client import DeskAway, Refused
from kedge.desk.hedges import service as hedging
from kedge.desk.hedges.service import Books, Opened
from kedge.desk.hedges.shapes import MONEY_PLACES, POSITION_PLACES, PreorderFacts, Shape, digits
from kedge.desk.preorders.rows import NUMBER_MOST, PreorderRow, StageRow
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web import project
from kedge.desk.web.preorders.models import Preorder, PreorderLog, PreorderStage
from kedge.model.numbers import text, trunc_to
from kedge.settings import HedgeSettings

# So many rows go into one transaction.
BATCH = 200
TEXT_MOST = 300
LOGS_SHOWN = 100

_PLAIN = tuple(name for name in PreorderRow.__struct_fields__ if name not in ("preorder_id", "stages"))


# ── keeping what sources tell ───────────────────────────────────────────────────────────────────


def keep(told: Sequence[tuple[PreorderRow, tuple[str, ...]]]) -> tuple[int, int]:
    """Put rows in by their numbers; how many were new, and how many changed. Raises `DatabaseTrouble`."""
    close_old_connections()
    new = changed = 0
    try:
        for start in range(0, len(told), BATCH):
            with transaction.atomic():
                for row, fields in told[start : start + BATCH]:
                    was = _keep_one(row, fields)
                    new, changed = new + (was == "new"), changed + (was == "changed")
    except DatabaseError as error:
        why = str(error).splitlines()[0][:200]
        raise DatabaseTrouble(f"preorders cannot be kept now ({why})") from None
    finally:
        close_old_connections()
    return new, changed


def _keep_one(row: PreorderRow, fields: tuple[str, ...]) -> str:
    """Returns "new", "changed", or "" where it was so already. What the source did not tell stays."""
    values = {name: getattr(row, name) for name in _PLAIN if name in fields}
    kept = Preorder.objects.filter(preorder_id=row.preorder_id).first()
    if kept is None:
        kept = Preorder.objects.create(preorder_id=row.preorder_id, created_at=now(), **values)
        _keep_stages(kept, row.stages or ())
        return "new"
    differ = [name for name, value in values.items() if getattr(kept, name) != value]
    for name in differ:
        setattr(kept, name, values[name])
    if differ:
        kept.save(update_fields=differ)
    moved = row.stages is not None and "stages" in fields and _keep_stages(kept, row.stages)
    return "changed" if differ or moved else ""


def _keep_stages(preorder: Preorder, stages: Sequence[StageRow]) -> bool:
    """Make its stages these; whether they were others."""
    before = [(one.status, one.status_date, one.comment) for one in preorder.stages.order_by("id")]
    if before == [(one.status, one.status_date, one.comment) for one in stages]:
        return False
    preorder.stages.all().delete()
    PreorderStage.objects.bulk_create(
        PreorderStage(preorder=preorder, status=one.status, status_date=one.status_date, comment=one.comment)
        for one in stages
    )
    return True


# ── hedging one ─────────────────────────────────────────────────────────────────────────────────


async def open_for(
    desk: Books, how: HedgeSettings, preorder: Preorder, *, who: str, comment: str = "", command_id: str = ""
) -> Opened:
    """Open the hedge of a preorder, by its own sum. Raises `Refused`, `DeskAway`; each is in its log."""
    try:
        opened = await _opened(desk, how, preorder, who, comment, command_id)
    except (Refused, DeskAway) as error:
        await sync_to_async(log)(preorder, who, False, str(error))
        raise
    if not opened.again:
        await sync_to_async(log)(preorder, who, True, f"{opened.says} ({opened.position_id})")
    return opened


async def _opened(
    desk: Books, how: HedgeSettings, preorder: Preorder, who: str, comment: str, command_id: str
) -> Opened:
    if preorder.status != Preorder.OPEN:
        raise Refused(f"preorder {preorder.preorder_id} is {preorder.status}; only an open one is hedged")
    if preorder.sum_btc is None or preorder.sum_btc <= 0:
        raise Refused(f"preorder {preorder.preorder_id} has no sum to be hedged")
    row = await hedging.instrument(desk, how.market)
    amount = trunc_to(preorder.sum_btc, row.qty_step) if row else preorder.sum_btc
    if not amount and row:
        raise Refused(
            f"preorder {preorder.preorder_id} is of {text(preorder.sum_btc)}, less than {how.market} takes"
        )
    return await hedging.open_hedge(
        desk,
        how,
        amount,
        comment=comment,
        preorder=str(preorder.preorder_id),
        command_id=command_id,
        of=who,
    )


def log(preorder: Preorder, origin: str, well: bool, said: str) -> None:
    status = PreorderLog.SUCCESS if well else PreorderLog.ERROR
    PreorderLog.objects.create(
        preorder=preorder, origin=origin[:100], status=status, text=said[:TEXT_MOST], created_at=now()
    )


# ── finding and telling ─────────────────────────────────────────────────────────────────────────


def find(word: str) -> Preorder | None:
    """By its number, or by its uuid."""
    if word.isascii() and word.isdigit():
        number = int(word[:20])
        return Preorder.objects.filter(preorder_id=number).first() if number <= NUMBER_MOST else None
    try:
        key = msgspec.convert(word, UUID)  # storm-ok: reads an id, makes none
    except msgspec.ValidationError:
        return None
    return Preorder.objects.filter(pk=key).first()


def facts(numbers: Iterable[str]) -> dict[str, PreorderFacts]:
    """Preorders by the numbers that hedges hold, as far as they are known."""
    wanted = [int(one) for one in dict.fromkeys(numbers) if one.isascii() and one.isdigit() and len(one) < 20]
    found: dict[str, PreorderFacts] = {}
    for start in range(0, len(wanted), 500):
        some = Preorder.objects.filter(preorder_id__in=wanted[start : start + 500]).prefetch_related("stages")
        for one in some:
            told = shape(one)
            found[str(one.preorder_id)] = PreorderFacts(
                str(one.pk), one.preorder_id, one.sum_rub, one.is_garant, told
            )
    return found


def shape(preorder: Preorder) -> Shape:
    """One line of `/main/preorders/`."""
    return {
        "id": str(preorder.pk),
        "preorder_id": preorder.preorder_id,
        "created_at": stamp(preorder.created_at),
        "sum_rub": _digits(preorder.sum_rub, MONEY_PLACES),
        "sum_usd": _digits(preorder.sum_usd, MONEY_PLACES),
        "sum_btc": _digits(preorder.sum_btc, POSITION_PLACES),
        "buyer": preorder.buyer,
        "location": preorder.location,
        "order_date": stamp(preorder.order_date),
        "finished_at": stamp(preorder.finished_at),
        "product": preorder.product,
        "product_name": preorder.product_name,
        "size": _digits(preorder.size, MONEY_PLACES),
        "status": preorder.status,
        "status_text": preorder.status_text,
        "is_garant": preorder.is_garant,
        "garant_status": preorder.garant_status,
        "stages": [
            {"status": one.status, "status_date": stamp(one.status_date), "comment": one.comment}
            for one in preorder.stages.all()
        ],
    }


def log_shape(line: PreorderLog) -> Shape:
    return {
        "id": str(line.pk),
        "created_at": stamp(line.created_at),
        "preorder": str(line.preorder_id),
        "origin": line.origin,
        "status": line.status,
        "text": line.text,
    }


def stamp(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def now() -> datetime:
    return datetime.fromtimestamp(project.context().clock() / 1e9, UTC)


def _digits(value: Any, places: int) -> str | None:
    return None if value is None else digits(value, places)
