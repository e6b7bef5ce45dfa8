"""What reads well on a phone: 34 columns of monospace, long answers in pages.

Numbers are never cut: a number that lacks its end is another number. What does not fit goes on the next line.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

COLUMNS = 34
PAGE_LINES = 28
PAGE_LETTERS = 3200


class Answer(Struct, frozen=True):
    """What a command says: plain words above, blocks of monospace below. A page never splits a block."""

    head: str
    blocks: tuple[str, ...] = ()
    picture: bytes = b""

    def pages(self) -> list[str]:
        """As Telegram's HTML; one page at least."""
        pages: list[list[str]] = [[]]
        for block in self.blocks:
            here = pages[-1]
            lines = sum(one.count("\n") + 1 for one in (*here, block))
            letters = sum(len(one) for one in (*here, block)) + len(self.head)
            if here and (lines > PAGE_LINES or letters > PAGE_LETTERS):
                pages.append([])
            pages[-1].append(block)
        return [_written(self.head, blocks) for blocks in pages]


def _written(head: str, blocks: Sequence[str]) -> str:
    body = "\n".join(blocks)[:PAGE_LETTERS]
    said = html.escape(head[:PAGE_LETTERS], quote=False)
    return f"{said}\n<pre>{html.escape(body, quote=False)}</pre>" if body else said


def wrap(said: str, first: str = "", indent: str = " ") -> list[str]:
    """Lines of at most 34 columns; a word that is longer than a line is broken, all of it is there."""
    lines: list[str] = []
    here = first
    for word in said.split():
        while word:
            gap = 1 if here.strip() else 0
            room = COLUMNS - len(here) - gap
            if len(word) <= room:
                here, word = f"{here}{' ' * gap}{word}", ""
            elif here.strip():
                lines.append(here)
                here = indent
            else:
                lines.append(here + word[:room])
                word, here = word[room:], indent
    return [*lines, here] if here.strip() or not lines else lines


def card(title: str, *said: str) -> str:
    """One thing over a few lines: its title, and below what there is to say of it. What begins with a space
    is laid out already."""
    lines = wrap(clean(title))
    for one in said:
        if one:
            lines += one.split("\n") if one.startswith(" ") else wrap(clean(one), " ")
    return "\n".join(lines)


def two(left: str, right: str) -> str:
    """A word at the left edge and a number at the right one; below each other where they do not fit."""
    left = clean(left)
    room = COLUMNS - len(left) - len(right)
    return f"{left}{' ' * room}{right}" if room >= 1 else f"{left}\n{right:>{COLUMNS}}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column left, the others right. Rows that are too wide become a card each."""
    widths = [max(len(row[place]) for row in (titles, *rows)) for place in range(len(titles))]
    if sum(widths) + len(widths) - 1 > COLUMNS:
        return [
            card(row[0], *(two(f" {title}", cell) for title, cell in zip(titles[1:], row[1:], strict=True)))
            for row in rows
        ]
    lines = []
    for row in (titles, *rows):
        cells = [f"{row[0]:<{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append(" ".join(cells).rstrip())
    return lines


def clean(said: str) -> str:
    """What others wrote, made harmless: no control characters, no direction tricks, one line."""
    words = " ".join(said.split())
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in words)
