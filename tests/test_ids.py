"""Client order ids by example: provenance, spellings, and what is not of our making."""

from __future__ import annotations

import uuid

import pytest

from kedge.model.ids import Provenance, as_hyperliquid, as_uuid, mint, read

ID = "0000de5c000001000000020000000003"


def test_an_id_names_desk_bot_life_and_counter() -> None:
    assert mint(0xDE5C, 1, 2, 3) == ID
    assert read(ID) == Provenance(0xDE5C, 1, 2, 3)


def test_the_spellings_of_venues() -> None:
    assert as_hyperliquid(ID) == "0x" + ID
    assert as_uuid(ID) == "0000de5c-0000-0100-0000-020000000003"
    assert uuid.UUID(as_uuid(ID)).hex == ID
    assert read(as_hyperliquid(ID)) == read(as_uuid(ID)) == read(ID)


@pytest.mark.parametrize(
    "foreign", ["", "web-1", "x" * 32, ID[:-1], ID + "0", ID.upper(), "android_" + ID, " " + ID[1:], "0x"]
)
def test_ids_of_others_are_nobodys(foreign: str) -> None:
    assert read(foreign) is None


@pytest.mark.parametrize(
    "parts", [(0, 1, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0), (1 << 32, 1, 1, 1), (1, 1 << 24, 1, 1), (1, -1, 1, 1)]
)
def test_what_does_not_fit_is_never_minted(parts: tuple[int, int, int, int]) -> None:
    with pytest.raises(AssertionError):
        mint(*parts)
