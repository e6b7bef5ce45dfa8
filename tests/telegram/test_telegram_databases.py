"""What post and Telegram keep, on every database that a desk may have."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_port import NOW, NS
from servers import NAMES, fresh

from kedge.desk.notices import Notice
from kedge.desk.post.lease import LASTS_NS, Leases
from kedge.desk.post.outbox import Outbox, Place
from kedge.desk.tables.people import PeopleDatabase
from kedge.desk.telegram.asks import Step
from kedge.desk.telegram.memory import Memory, Question


# PyMySQL leaves its socket to the collector where a server that is still starting refuses it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", NAMES)
def test_it_is_the_same_on_all_three(kind: str, tmp_path: Path) -> None:
    with fresh(kind, tmp_path, truth=True) as address:
        people = PeopleDatabase(address)
        _outbox(people)
        _leases(people)
        _memory(people)
        people.close()


def _outbox(people: PeopleDatabase) -> None:
    outbox, place = Outbox(people), Place("2a", 7)
    outbox.open()
    outbox.open()
    notices = [Notice(f"k{n}", "note", "alarm" if n == 2 else "warn", "½ 'x' %s ?", NOW) for n in range(3)]
    assert outbox.put([("mail", one) for one in notices], NOW, "main", place) == 3
    assert outbox.put([("mail", one) for one in notices], NOW, "main", place) == 0
    assert outbox.place("main") == place
    assert [one.notice.key for one in outbox.waiting("mail")] == ["k2", "k0", "k1"]
    outbox.troubled("mail", notices[:1], "no answer")
    outbox.delivered("mail", notices[:1], NOW)
    outbox.dead("mail", notices[1:2], "never", NOW)
    assert outbox.counts() == {"mail": 1}
    assert outbox.give_up(NOW + 1, NOW) == 1
    assert [one.state for one in outbox.lines()] == ["dead", "dead", "delivered"]
    assert len(outbox.lines("delivered")) == 1
    outbox.tidy([], NOW + 10**18)
    assert outbox.lines() == []


def _leases(people: PeopleDatabase) -> None:
    leases = Leases(people)
    leases.open()
    assert leases.take("post", "a", NOW) == ""
    assert leases.take("post", "b", NOW + NS) == "a"
    assert leases.take("post", "b", NOW + LASTS_NS + NS) == ""


def _memory(people: PeopleDatabase) -> None:
    memory = Memory(people)
    memory.open()
    asked = Question("t", "1", "ann", (Step("bot stop", {"name": "h"}),), "Stop h?", NOW)
    assert memory.ask(asked) == asked == memory.ask(asked)
    assert memory.move("t", ("asked",), "taken")
    assert not memory.move("t", ("asked",), "dropped")
    kept = memory.question("t")
    assert kept is not None
    assert kept.state == "taken"
    memory.speak("1", "ru")
    memory.speak("1", "fr")
    assert memory.language("1") == "fr"
    memory.mute("1", "fill", NOW + NS)
    memory.mute("1", "fill", NOW + 2 * NS)
    assert memory.mutes("1", NOW) == {"fill": NOW + 2 * NS}
    memory.unmute("1")
    assert memory.mutes("1", NOW) == {}
