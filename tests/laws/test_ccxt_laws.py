"""Laws of the adapter for ccxt: decimals survive, and pages of fills are complete in whatever order."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from kedge.venues.ccxt import wire
from kedge.venues.ccxt.past import Past
from kedge.venues.ccxt.rules import Options
from kedge.venues.ccxt.talk import Talk

NOW_MS = 1_800_000_000_000


@given(st.integers(1, 10**15 - 1), st.integers(0, 12))
@example(10**14, 0)
def test_a_decimal_of_fifteen_digits_survives_a_float(digits: int, places: int) -> None:
    wrote = Decimal(digits).scaleb(-places)
    if wrote < wire.LIMIT:
        assert wire.number(float(wrote)) == wrote


class _Exchange:
    """It lists trades page by page, from the one end or the other."""

    id = "pages"

    def __init__(self, stamps: list[int], page: int, newest_first: bool) -> None:
        self._rows = [{"id": str(at), "side": "buy", "timestamp": ms} for at, ms in enumerate(sorted(stamps))]
        self._page = page
        self._newest_first = newest_first

    def feature_value(self, symbol: str, method: str, name: str) -> Any:
        return {"limit": self._page, "untilDays": 7}.get(name)

    async def fetch_my_trades(self, symbol: str, since: int, limit: int, params: dict[str, int]) -> Any:
        inside = [row for row in self._rows if since <= row["timestamp"] <= params["until"]]  # type: ignore[operator]
        return inside[-limit:] if self._newest_first else inside[:limit]


@given(
    st.lists(st.integers(NOW_MS - 10**9, NOW_MS), max_size=60, unique=True),
    st.integers(2, 9),
    st.booleans(),
)
def test_no_fill_is_missed_whatever_the_order_of_pages(
    stamps: list[int], page: int, newest_first: bool
) -> None:
    talk = Talk(_Exchange(stamps, page, newest_first), RuntimeError, lambda: NOW_MS * 10**6, (), 5.0)
    past = Past(talk, lambda: NOW_MS * 10**6, Options())
    found = asyncio.run(past.fills("BTC/USDT", (NOW_MS - 10**9) * 10**6))
    assert found.failed == ""
    assert len(found.rows) == len(stamps)
