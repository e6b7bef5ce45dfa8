"""How the desk process starts Telegram."""

from __future__ import annotations

from kedge.desk.parts import DeskContext, Part


def parts(context: DeskContext) -> list[Part]:
    """The bot runs where a token is named."""
    if not context.settings.telegram.token:
        return []
    from kedge.desk.telegram.service import run

    return [Part("telegram", run)]
