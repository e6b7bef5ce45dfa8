"""The deeds that the people's database answers: preorders. The engine knows nothing of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from kedge.desk.deed import Deed


class PreordersAsk(Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[str, Meta(max_length=8, description="Only open or only closed ones.")] = ""
    is_garant: Annotated[bool | None, Meta(description="Only guaranteed ones, or only others.")] = None
    text: Annotated[str, Meta(max_length=200, description="Only rows with these letters in them.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="At most so many.")] = 50
    offset: Annotated[int, Meta(ge=0, le=10_000_000, description="Leave out so many first.")] = 0


PEOPLE_DEEDS: tuple[Deed, ...] = (
    Deed("preorders", "Preorders, the newest first.", PreordersAsk, call="preorders"),
)
