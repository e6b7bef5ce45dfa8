"""The manual of Telegram is today's: the table of its commands, and the kinds of notices."""

from __future__ import annotations

from typing import get_args

from house import ROOT
from pages import check_page

from kedge.desk import notices
from kedge.desk.telegram import vocabulary
from kedge.settings.notice_sections import NOTICE_KINDS


def test_the_page_of_telegram_is_todays() -> None:
    check_page_of_how_to(vocabulary.table())


def check_page_of_how_to(made: str) -> None:
    check_page("use-telegram", made, "docs/how-to")


def test_every_kind_of_notice_is_described() -> None:
    assert get_args(notices.Kind) == NOTICE_KINDS
    page = (ROOT / "docs/how-to/be-notified.md").read_text()
    assert [kind for kind in NOTICE_KINDS if f"| `{kind}` |" not in page] == []
