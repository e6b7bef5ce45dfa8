"""All cards. A file of cards is one name here, under a heading of the page."""

from __future__ import annotations

from tests.contract import (
    cards_account,
    cards_books,
    cards_doubt,
    cards_feeds,
    cards_link,
    cards_moex,
    cards_orders,
    cards_quotes,
    cards_refusals,
    cards_stops,
)
from tests.contract.cards import CARDS, Card

FILES = {
    1: ((cards_link,), "The link"),
    2: ((cards_books, cards_feeds, cards_quotes), "Markets"),
    3: ((cards_orders, cards_stops, cards_refusals), "Orders"),
    4: ((cards_doubt,), "Doubt"),
    5: ((cards_account,), "The account"),
    6: ((cards_moex,), "Keys and hours"),
}


def deck() -> list[Card]:
    """In the order of their numbers."""
    return [CARDS[number] for number in sorted(CARDS)]
