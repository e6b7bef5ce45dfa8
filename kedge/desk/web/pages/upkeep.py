"""The owner's page about the desk itself: its parts, the tables, notices that wait, a copy, the bots file."""

from __future__ import annotations

import asyncio
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from msgspec import Struct

from kedge.desk.post.channels import senders_of
from kedge.desk.post.outbox import Line, Outbox
from kedge.desk.post.service import test_notice
from kedge.desk.tables.people import DatabaseTrouble
from kedge.desk.web import nav, project
from kedge.desk.web.person import Request, page
from kedge.settings import SettingsWrong

LINES = 50


class Notices(Struct, frozen=True):
    """The outbox as a person sees it. `says` tells why nothing can be shown."""

    channels: tuple[tuple[str, int], ...] = ()
    lines: tuple[Line, ...] = ()
    says: str = ""


@page("admin")
async def upkeep(request: Request) -> HttpResponse:
    here = project.context()
    context = {
        "topic": "any",
        "troubles": nav.troubles_of(here),
        "tables": here.tables.state if here.tables is not None else None,
        "notices": await asyncio.to_thread(notices_now),
        "backups": str(here.home.root / "backups" / "{date}-{time}"),
        "status": here.link.status,
        "people_at": here.people.address.shown if here.people is not None else "",
    }
    return render(request, "desk/upkeep.html", context)


@require_POST
@page("admin")
def send_test(request: Request) -> HttpResponse:
    """A notice for every channel, in the way of all others: through the outbox."""
    here = project.context()
    try:
        senders = senders_of(here.settings, here.secrets, here.people, here.clock)
        notice = test_notice(here.clock())
        outbox = Outbox(here.people)
        outbox.open()
        outbox.put([(sender.channel, notice) for sender in senders], here.clock())
    except (SettingsWrong, DatabaseTrouble) as wrong:
        messages.error(request, str(wrong))
        return redirect("upkeep")
    if not senders:
        messages.error(request, _("No channel is set up: see [telegram], [mail] and [webhooks]."))
    else:
        said = ngettext(
            "A test notice is on its way to %(n)s channel.",
            "A test notice is on its way to %(n)s channels.",
            len(senders),
        )
        messages.success(request, said % {"n": len(senders)})
    return redirect("upkeep")


def notices_now() -> Notices:
    """Blocking."""
    here = project.context()
    if here.people is None:
        return Notices()
    try:
        senders = senders_of(here.settings, here.secrets, here.people, here.clock)
        outbox = Outbox(here.people)
        outbox.open()
        waiting: dict[str, Any] = outbox.counts()
        channels = tuple((sender.channel, waiting.get(sender.channel, 0)) for sender in senders)
        return Notices(channels, tuple(outbox.lines(limit=LINES, language=get_language() or "en")))
    except (SettingsWrong, DatabaseTrouble) as wrong:
        return Notices(says=str(wrong))
