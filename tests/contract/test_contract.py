"""Every card on every venue that it applies to; what is left out is on the page, with the reason."""

from __future__ import annotations

import pytest
from pages import check_page

from kedge.venues.registry import VENUES
from tests.contract.cards import Card
from tests.contract.deck import FILES, deck
from tests.contract.page import page
from tests.contract.play import play
from tests.contract.rig import BY_RULES, Rig
from tests.contract.rigs import RIGS

CARDS_LEAST = 120

PLAYED = [
    pytest.param(rig, card, id=f"{rig.name}-{card.number}-{card.name}")
    for rig in RIGS
    for card in deck()
    if not card.reason(rig.lacks())
]


@pytest.mark.parametrize(("rig", "card"), PLAYED)
def test_contract(rig: type[Rig], card: Card) -> None:
    play(rig, card)


def test_every_venue_has_a_rig() -> None:
    played = {rig.venue for rig in RIGS}
    assert played == {"paper", *VENUES}, "a venue of the registry needs a rig in tests/contract/rigs.py"


def test_there_are_enough_cards() -> None:
    assert len(deck()) >= CARDS_LEAST
    assert {card.number // 100 for card in deck()} == set(FILES)


def test_every_need_is_known() -> None:
    """A need that no rig lacks is a slip of the pen, unless a venue's rules may say no to it one day."""
    lacking = {need for rig in RIGS for need in rig.lacks()}
    needed = {need for card in deck() for need in card.needs}
    assert needed <= lacking | set(BY_RULES), needed - lacking
    for rig in RIGS:
        assert set(rig.declared) <= needed, (rig.name, set(rig.declared) - needed)


def test_the_page_is_todays() -> None:
    check_page("contract", page())
