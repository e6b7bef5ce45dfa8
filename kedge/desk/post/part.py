"""How the desk process starts the post."""

from __future__ import annotations

from kedge.desk.parts import DeskContext, Part


def parts(context: DeskContext) -> list[Part]:
    """The post runs where any channel is set up."""
    chosen = context.settings
    if not (chosen.telegram.token or chosen.mail.server or chosen.webhooks.urls):
        return []
    from kedge.desk.post.service import run

    return [Part("post", run)]
