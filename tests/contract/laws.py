"""What holds after every card, whatever it was about."""

from __future__ import annotations

from itertools import pairwise

from kedge.model.events import (
    Answered,
    BookUpdate,
    LinkDown,
    LinkUp,
)
from kedge.model.venue import Answer
from tests.contract.desk import Desk, has_no_secret, is_sentence


def check_links(desk: Desk) -> None:
    """LinkUp, anything, LinkDown; between two links only another LinkDown; after the close nothing."""
    up = False
    for event in desk.events:
        if isinstance(event, LinkUp):
            assert not up, "two links at once"
            up = True
        elif isinstance(event, LinkDown):
            is_sentence(event.why)
            up = False
        else:
            assert up, f"told while there was no link: {event}"
    if desk.closed_at is not None:
        assert len(desk.events) == desk.closed_at, "told after the close"


def check_words(desk: Desk) -> None:
    for event in desk.events:
        has_no_secret(event)
    for answer in desk.answers:
        has_no_secret(answer)
        if isinstance(answer, Answered) and answer.answer in (Answer.REJECTED, Answer.UNKNOWN):
            is_sentence(answer.reason)
        assert not (isinstance(answer, Answered) and answer.unsent and answer.answer is not Answer.REJECTED)
    has_no_secret(desk.trouble)
    has_no_secret(repr(desk.venue))


def check_books(desk: Desk) -> None:
    for book in desk.all(BookUpdate):
        bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
        assert all(a > b for a, b in pairwise(bids)), "bids are not best first"
        assert all(a < b for a, b in pairwise(asks)), "asks are not best first"
        assert not (bids and asks) or bids[0] < asks[0], "crossed"
        assert all(level.qty > 0 for level in (*book.bids, *book.asks)), "a level of nothing"
