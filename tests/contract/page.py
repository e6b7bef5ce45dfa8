"""The generated part of `docs/reference/contract.md`: all cards, and per venue what is left out and why."""

from __future__ import annotations

from tests.contract.cards import Card
from tests.contract.deck import FILES, deck
from tests.contract.rig import Rig
from tests.contract.rigs import RIGS


def page() -> str:
    names = [rig.name for rig in RIGS]
    lines: list[str] = []
    for part, (_, heading) in FILES.items():
        lines += [f"### {heading}", "", _row("card", "rule", *names), _row(*["---"] * (2 + len(names)))]
        mine = [card for card in deck() if card.number // 100 == part]
        lines += [_row(str(card.number), card.title, *_marks(card)) for card in mine]
        lines.append("")
    lines += ["### What is left out", ""]
    for rig in RIGS:
        lines += _left_out(rig)
    return "\n".join(lines)


def _marks(card: Card) -> list[str]:
    return ["–" if card.reason(rig.lacks()) else "yes" for rig in RIGS]


def _left_out(rig: type[Rig]) -> list[str]:
    """Per reason the cards that it takes away."""
    reasons: dict[str, list[str]] = {}
    for card in deck():
        reason = card.reason(rig.lacks())
        if reason:
            reasons.setdefault(reason, []).append(str(card.number))
    played = len(deck()) - sum(map(len, reasons.values()))
    lines = [f"**{rig.name}** plays {played} of {len(deck())} cards.", ""]
    lines += [f"* {', '.join(numbers)}: {reason}." for reason, numbers in reasons.items()]
    return [*lines, ""]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
