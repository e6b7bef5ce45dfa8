"""The watch tells people by the post's channels: with the desk, without it, and without the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from fake_port import NOW

from kedge import logs
from kedge.desk.meters_port import waiting_notices
from kedge.desk.notices import Notice
from kedge.desk.post.lease import Leases
from kedge.desk.post.messages import Message
from kedge.desk.post.outbox import Outbox
from kedge.desk.post.sender import SENT, Verdict
from kedge.desk.post.service import LEASE
from kedge.desk.relief import Relief, relief_of
from kedge.desk.tables.people import PeopleDatabase, people_of
from kedge.home import Home
from kedge.settings import MailSettings, Secrets, Settings, SettingsWrong

ALARM = Notice("watch/engine/1", "engine", "alarm", "the engine is away", NOW)


class Channel:
    """A sender that keeps what it is given."""

    channel = "test:1"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.verdict = SENT

    def wants(self, notice: Notice) -> bool:
        return notice.level == "alarm"

    async def send(self, message: Message) -> Verdict:
        if self.verdict == SENT:
            self.sent += [notice.text for notice in message.notices]
        return self.verdict

    async def close(self) -> None:
        self.sent.append("closed")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


def the_people(home: Home) -> PeopleDatabase:
    return people_of(home, Settings(), Secrets(home.secrets))


def relief(home: Home, channel: Channel) -> Relief:
    return Relief(the_people(home), [channel], Settings(), lambda: NOW, logs.get("watch"))


async def told(made: Relief, *notices: Notice) -> None:
    await made.tell(notices)
    if made._sending is not None:
        await made._sending


def test_where_no_desk_lives_the_watch_sends_by_itself(home: Home) -> None:
    async def go() -> None:
        channel = Channel()
        made = relief(home, channel)
        await told(made)
        assert not (home.root / "desk.sqlite").exists(), "nothing to say, nothing to open"
        await told(made, ALARM, msgspec.structs.replace(ALARM, key="i", level="info"))
        assert channel.sent == [ALARM.text]
        await told(made, ALARM)
        assert channel.sent == [ALARM.text], "the same key is delivered once"
        assert Leases(the_people(home)).take(LEASE, "desk", NOW) == "", "the lease was given back"
        await made.close()

    asyncio.run(go())


def test_where_the_desk_lives_it_sends_and_when_it_dies_the_watch_does(home: Home) -> None:
    async def go() -> None:
        channel = Channel()
        made = relief(home, channel)
        people = the_people(home)
        leases = Leases(people)
        leases.open()
        assert leases.take(LEASE, "desk", NOW) == ""
        await told(made, ALARM)
        assert channel.sent == []
        assert Outbox(people).counts() == {"test:1": 1}
        assert waiting_notices(people) == (1, NOW)
        leases.leave(LEASE, "desk")
        await told(made)
        assert channel.sent == [ALARM.text]
        assert waiting_notices(people) == (0, 0)
        await made.close()

    asyncio.run(go())


def test_a_channel_in_trouble_is_tried_at_the_next_look(home: Home) -> None:
    async def go() -> None:
        channel = Channel()
        channel.verdict = Verdict("later", "no route")
        made = relief(home, channel)
        await told(made, ALARM)
        assert channel.sent == []
        channel.verdict = SENT
        await told(made)
        assert channel.sent == [ALARM.text]
        await made.close()

    asyncio.run(go())


def test_a_database_that_is_away_loses_nothing_and_holds_up_nobody(home: Home) -> None:
    async def go() -> None:
        channel = Channel()
        made = relief(home, channel)
        blocked = home.root / "desk.sqlite"
        blocked.mkdir()
        with logs.writing("watch", home, Settings()):
            await told(made, ALARM)
        assert channel.sent == []
        blocked.rmdir()
        await told(made)
        assert channel.sent == [ALARM.text]
        await made.close()

    asyncio.run(go())
    assert "people cannot be told" in home.log("watch").read_text()


def test_without_a_channel_there_is_nobody_to_tell(home: Home) -> None:
    log = logs.get("watch")
    assert relief_of(home, Settings(), lambda: NOW, log) is None
    mail = MailSettings(
        server="mail.example.org", user="desk", password="MAIL_PW", sender="a@b.example", to=("c@d.example",)
    )
    chosen = msgspec.structs.replace(Settings(), mail=mail)
    with pytest.raises(SettingsWrong, match="MAIL_PW"):
        relief_of(home, chosen, lambda: NOW, log)
