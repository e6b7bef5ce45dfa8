"""Where the documents leave two readings open, or the venue changed its mind: here one may choose."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from kedge.sim.testnet.faults import BadFault


class Switches(Struct):
    """One for the whole side; `turn` is how the control door and a file of faults reach it."""

    # A post-only order that would take: refused with -5022 and not recorded, or accepted and EXPIRED.
    gtx: Literal["reject", "expire"] = "reject"
    # A fill-or-kill that cannot be filled: refused with -5021 and not recorded, or accepted and EXPIRED.
    fok: Literal["reject", "expire"] = "reject"
    # What a stream address without /public, /market or /private brings: public data (since 2026-04-23),
    # everything (as before), or nothing.
    unrouted: Literal["public", "all", "none"] = "public"
    # Whether TRADE_LITE is sent at all.
    trade_lite: bool = True
    # The name the order of a triggered conditional has: the conditional's own, or one of its own making.
    algo_client_id: Literal["same", "own"] = "same"

    def turn(self, text: str) -> None:
        """`gtx=expire`, say. Raises `BadFault`."""
        name, _, value = text.partition("=")
        wanted: object = value == "true" if value in ("true", "false") else value
        try:
            changed = msgspec.convert({**msgspec.to_builtins(self), name: wanted}, type=Switches)
        except msgspec.ValidationError as error:
            raise BadFault(f"{text}: {error}") from None
        if name not in self.__struct_fields__:
            raise BadFault(f"There is no switch {name}; there are {', '.join(self.__struct_fields__)}.")
        setattr(self, name, getattr(changed, name))
