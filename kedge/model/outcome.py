"""What a run leaves behind for people when it ends: handed by the runtime to whoever started it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kedge.model.looks import Status


class Outcome(Struct, frozen=True):
    """Rows as the gate's `read` gives them."""

    status: Status
    ran_ns: int
    orders: tuple[dict[str, Any], ...] = ()
    fills: tuple[dict[str, Any], ...] = ()
    notes: tuple[dict[str, Any], ...] = ()
