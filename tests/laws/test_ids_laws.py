"""Laws of ids: minting and reading are inverse, different makers never meet, text of others is harmless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.ids import (
    BOT_BITS,
    COUNTER_BITS,
    DESK_BITS,
    LIFE_BITS,
    Provenance,
    as_hyperliquid,
    as_uuid,
    mint,
    read,
)

PARTS = st.tuples(
    st.integers(1, (1 << DESK_BITS) - 1),
    st.integers(0, (1 << BOT_BITS) - 1),
    st.integers(1, (1 << LIFE_BITS) - 1),
    st.integers(1, (1 << COUNTER_BITS) - 1),
)


@given(PARTS)
def test_what_is_minted_is_read_in_every_spelling(parts: tuple[int, int, int, int]) -> None:
    minted = mint(*parts)
    assert len(minted) == 32
    assert set(minted) <= set("0123456789abcdef")
    for spelling in (minted, as_hyperliquid(minted), as_uuid(minted)):
        assert read(spelling) == Provenance(*parts)


@given(PARTS, PARTS)
def test_different_makers_never_mint_the_same(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int]
) -> None:
    assert (mint(*a) == mint(*b)) == (a == b)


@given(PARTS, PARTS)
def test_ids_of_one_bot_sort_as_they_were_made(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int]
) -> None:
    first, second = (*a[:2], *a[2:]), (*a[:2], *b[2:])
    assert (mint(*first) < mint(*second)) == (first < second)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read(text)
    if found is not None and found.desk and found.life and found.counter:
        assert mint(found.desk, found.bot, found.life, found.counter) in (
            text,
            text.removeprefix("0x"),
            text.removeprefix("0x").replace("-", ""),
        )
