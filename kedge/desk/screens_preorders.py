"""Preorders as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedge.desk.screens import Column, Look, Screen, listing, name, number, state, word, words

PREORDERS = (
    Column("number", ("preorder_id",), number, right=True),
    Column("created", ("day",), word),
    Column("state", ("status",), state),
    Column("sum, BTC", ("sum_btc",), number, right=True),
    Column("sum, RUB", ("sum_rub",), number, right=True, wide=True),
    Column("buyer", ("buyer",), name),
    Column("product", ("product_name", "product"), words, wide=True),
    Column("guarantee", ("garant_status",), words, wide=True),
)


def preorders_screen(rows: Sequence[dict[str, Any]], look: Look) -> Screen:
    shown = [{**row, "day": row["created_at"][:10]} for row in rows]
    return listing("preorders", shown, PREORDERS, look, data=list(rows))
