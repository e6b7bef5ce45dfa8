"""`kedge notices`: what waits to be told, and a test that sends one to every channel."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from kedge import home as homes
from kedge import settings
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.home import look_now
from kedge.cli.out import say, show
from kedge.desk.screens import Column, listing, number, state, when, word, words
from kedge.model.exits import Exit, Halt

_COLUMNS = (
    Column("time", ("made_ns",), when),
    Column("channel", ("channel",), word),
    Column("state", ("state",), state),
    Column("level", ("level",), state),
    Column("kind", ("kind",), word, wide=True),
    Column("tries", ("tries",), number, right=True),
    Column("notice", ("text",), words),
    Column("trouble", ("trouble",), words),
)


def notices(
    *,
    test: Annotated[bool, Parameter(help="Send a test by every channel.")] = False,
    waiting: Annotated[bool, Parameter(help="Only what waits.")] = False,
    limit: Annotated[int, Parameter(help="At most so many, the newest.")] = 30,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """What people were told and what still waits, channel by channel; the desk delivers it."""
    from kedge.desk.post.channels import senders_of
    from kedge.desk.post.outbox import Outbox
    from kedge.desk.post.service import test_notice
    from kedge.desk.tables.people import DatabaseTrouble, people_of

    where = homes.find(home)
    chosen, secrets = settings.load(where.settings), settings.Secrets(where.secrets)
    if not 1 <= limit <= 1000:
        raise Halt(Exit.USAGE, "--limit must be from 1 to 1000")
    where.make()
    people = people_of(where, chosen, secrets)
    outbox = Outbox(people)
    try:
        outbox.open()
        if test:
            now_ns = time.time_ns()  # storm-ok: when a person asked for the test
            senders = senders_of(chosen, secrets, people, lambda: now_ns)
            if not senders:
                raise Halt(
                    Exit.REFUSED,
                    "no channel is set up; see [telegram], [mail] and [webhooks] in the settings",
                )
            outbox.put([(one.channel, test_notice(now_ns)) for one in senders], now_ns)
            channels = [one.channel for one in senders]
            said = (
                f"a test waits for {', '.join(channels)}; the desk delivers it within seconds while it runs"
            )
            say(said, json, channels=channels)
            return Exit.OK
        lines = outbox.lines("waiting" if waiting else "", limit)
    except DatabaseTrouble as trouble:
        raise Halt(Exit.DISK, str(trouble)) from None
    finally:
        people.close()
    rows = [{name: getattr(line, name) for name in line.__struct_fields__} for line in lines]
    show(listing("notices", rows, _COLUMNS, look_now()), json)
    return Exit.OK
