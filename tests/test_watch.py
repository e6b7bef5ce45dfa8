"""What the watch makes of what it sees: away, stuck, in trouble; told once, again, and when it is over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_port import NOW, FakePort, a_bot, a_gate, a_status, short_folder
from test_meters import an_account

from kedge import client, logs
from kedge.desk.notices import Notice
from kedge.desk.watch import Memory, Sight, Verdict, judge
from kedge.desk.watching import (
    Eyes,
    Options,
    Watch,
    ask,
    once,
    page_trouble,
    read_memory,
    write_memory,
)
from kedge.home import Home
from kedge.logs import lines
from kedge.logs.lines import Line
from kedge.model.exits import Exit
from kedge.model.looks import Meters, Status
from kedge.settings import GateSettings, Settings, WatchSettings

NS = 1_000_000_000
CALM = a_status(bots=(a_bot(),), needs=())


class Looks:
    """Looks one after the other."""

    def __init__(self, **limits: int) -> None:
        self.limits = WatchSettings(**limits)
        self.memory = Memory()
        self.now_ns = NOW

    def see(self, after_s: int = 10, **seen: Any) -> Verdict:
        self.now_ns += after_s * NS
        status = seen.pop("status", CALM) if seen.get("door", "here") == "here" else None
        if status is not None and seen.pop("moves", True):
            status = msgspec.structs.replace(status, now_ns=self.now_ns)
        sight = Sight(now_ns=self.now_ns, door=seen.pop("door", "here"), status=status, **seen)
        self.memory, verdict = judge(sight, self.memory, self.limits)
        # What is remembered between two looks of cron is the same after a file.
        self.memory = msgspec.json.decode(msgspec.json.encode(self.memory), type=Memory)
        return verdict


def texts(verdict: Verdict) -> list[str]:
    return [notice.text for notice in verdict.notices]


def test_all_is_well() -> None:
    looks = Looks()
    for _ in range(20):
        verdict = looks.see()
        assert (verdict.engine, verdict.troubles, verdict.notices, verdict.code) == ("fine", (), (), Exit.OK)


def test_an_engine_that_is_away_is_told_after_a_while_again_and_when_it_is_back() -> None:
    looks = Looks(away_s=30)
    assert looks.see(door="away", why="gone").engine == "fine"
    assert looks.see(door="away", why="gone").code == Exit.OK
    looks.see(door="away", why="gone")
    verdict = looks.see(door="away", why="gone")
    assert (verdict.engine, verdict.lasts_ns, verdict.code) == ("away", 30 * NS, Exit.AWAY)
    assert texts(verdict) == ["the engine is away: gone"]
    assert texts(looks.see(door="away", why="gone")) == []
    again = texts(looks.see(300, door="away", why="gone"))
    assert again == ["the engine is away: gone (for 5 min now)"]
    back = looks.see()
    assert texts(back) == ["over after 5 min: the engine is away: gone"]
    assert (back.notices[0].over, back.code) == (True, Exit.OK)


def test_one_that_holds_its_door_and_does_not_answer_is_stuck() -> None:
    looks = Looks(stuck_s=20)
    looks.see(door="silent", why="no answer")
    looks.see(door="silent", why="no answer")
    verdict = looks.see(door="silent", why="no answer")
    assert (verdict.engine, verdict.code) == ("stuck", Exit.STUCK)


def test_one_that_will_not_speak_to_us_is_not_killed() -> None:
    looks = Looks()
    for _ in range(50):
        verdict = looks.see(door="refused", why="too many callers")
        assert verdict.engine == "fine"
    assert verdict.code == Exit.REFUSED


@pytest.mark.parametrize("changes", [{"seq": 421}, {"meters": Meters(steps=5, inbox=3)}])
def test_one_that_has_work_and_does_not_get_on_is_stuck(changes: dict[str, Any]) -> None:
    looks = Looks(stuck_s=30)
    still = msgspec.structs.replace(CALM, **changes)
    looks.see()
    verdicts = [looks.see(status=still) for _ in range(5)]
    assert [verdict.engine for verdict in verdicts[:2]] == ["fine", "fine"]
    assert verdicts[-1].engine == "stuck"
    assert verdicts[-1].code == Exit.STUCK


def test_an_idle_engine_may_be_still_and_a_busy_one_moves() -> None:
    looks = Looks(stuck_s=30)
    assert {looks.see().engine for _ in range(20)} == {"fine"}
    for step in range(20):
        busy = msgspec.structs.replace(CALM, seq=430 + step, durable_seq=425 + step)
        assert looks.see(status=busy).engine == "fine"
    new_life = msgspec.structs.replace(CALM, life=4, seq=500, durable_seq=450)
    assert looks.see(status=new_life).engine == "fine"


def troubled(**changes: Any) -> Status:
    return msgspec.structs.replace(CALM, **changes)


UNKNOWN = an_account(unknown_orders=2)
NOT_READY = an_account(ready=False, why="the line is down")


@pytest.mark.parametrize(
    ("seen", "grace_s", "says", "code"),
    [
        ({"status": troubled(accounts=(UNKNOWN,))}, 60, "orders UNKNOWN: 2", Exit.REFUSED),
        ({"status": troubled(accounts=(NOT_READY,))}, 120, "may not trade: the line is down", Exit.VENUE),
        ({"status": troubled(unhedged=D("-12.50"))}, 60, "unhedged: 12.50", Exit.REFUSED),
        (
            {"status": troubled(killed=True, killed_why="test")},
            0,
            "the kill switch is on: test",
            Exit.REFUSED,
        ),
        ({"status": troubled(bots=(a_bot(phase="parked", why="x"),))}, 0, "is parked: x", Exit.REFUSED),
        ({"free_bytes": 5 << 20}, 0, "only 5 MB are free", Exit.DISK),
        ({"desk": "no answer"}, 30, "the web desk does not answer: no answer", Exit.REFUSED),
        ({"errors": 5, "last_error": "x"}, 0, "5 error lines within five minutes; the last: x", Exit.REFUSED),
        ({"status": CALM, "moves": False}, 0, "ms behind this machine's", Exit.CLOCK),
    ],
)
def test_each_trouble_is_told_once_it_has_lasted(
    seen: dict[str, Any], grace_s: int, says: str, code: Exit
) -> None:
    looks = Looks()
    for second in range(0, grace_s, 10):
        assert looks.see(**seen).notices == (), f"told after {second} s"
    verdict = looks.see(**seen)
    assert len(verdict.notices) == 1
    assert says in verdict.notices[0].text
    assert (verdict.code, verdict.engine) == (code, "fine")
    assert looks.see(**seen).notices == ()
    assert "over after" in texts(looks.see())[0]


def test_few_errors_and_a_full_enough_disk_are_nothing() -> None:
    assert Looks().see(errors=4, free_bytes=1 << 40).code == Exit.OK
    assert Looks(errors=0).see(errors=100).code == Exit.OK


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


# ── looks through a real door ───────────────────────────────────────────────────────────────────


def test_the_door_tells_here_away_and_refused() -> None:
    async def go(folder: Path) -> None:
        port, path = FakePort(), folder / "main.sock"
        assert (await ask(path))[0] == "away"
        async with a_gate(port, path):
            door, _, status = await ask(path)
            assert door == "here"
            assert status is not None
        async with a_gate(port, path, GateSettings(clients_max=1)), client.connect(path):
            assert (await ask(path))[0] == "refused"

    with short_folder() as folder:
        asyncio.run(go(folder))


def test_one_that_accepts_and_says_nothing_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s.sock"))
        deaf.listen(5)
        door, why, _ = asyncio.run(ask(tmp_path / "s.sock", 0.05))
    assert (door, "has not answered" in why) == ("silent", True)


def test_the_desks_page_is_asked_whether_it_turns(home: Home) -> None:
    from aiohttp import web

    async def go() -> None:
        status = 200

        async def healthz(_: web.Request) -> web.Response:
            return web.Response(status=status)

        app = web.Application()
        app.router.add_get("/healthz", healthz)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert await page_trouble(home) == "", "it never began"
        (home.root / "desk.address").write_text(f"http://0.0.0.0:{runner.addresses[0][1]}/\n")
        assert await page_trouble(home) == ""
        status = 503
        assert "answers 503" in await page_trouble(home)
        await runner.cleanup()
        assert "127.0.0.1" in await page_trouble(home)
        (home.root / "desk.address").write_text("what is this")
        assert "what is this" in await page_trouble(home)

    asyncio.run(go())


def test_cron_remembers_between_looks(home: Home) -> None:
    told: list[Notice] = []

    async def herald(notices: Sequence[Notice]) -> None:
        told.extend(notices)

    chosen = msgspec.structs.replace(Settings(), watch=WatchSettings(away_s=30))
    now = [NOW]

    def look() -> Verdict:
        eyes = Eyes(home, chosen, Options(), lambda: now[0])
        return asyncio.run(once(eyes, home, chosen, herald))

    assert look().code == Exit.OK, "it may just be starting"
    now[0] += 60 * NS
    assert (look().code, len(told)) == (Exit.AWAY, 1)
    now[0] += 60 * NS
    assert (look().code, len(told)) == (Exit.AWAY, 1), "it was told"
    assert (home.root / "watch.json").stat().st_mode & 0o777 == 0o600


def test_a_memory_that_is_broken_or_cannot_be_kept_is_none(tmp_path: Path) -> None:
    path = tmp_path / "watch.json"
    path.write_text("{")
    assert read_memory(path) == Memory()
    write_memory(path, Memory(lost_ns=5))
    assert read_memory(path).lost_ns == 5
    write_memory(tmp_path / "none" / "watch.json", Memory())


def test_error_lines_are_counted_read_once_or_followed(home: Home) -> None:
    def write(level: str, at_ns: int) -> None:
        home.logs.mkdir(exist_ok=True)
        with home.log("engine").open("a") as file:
            file.write(lines.as_text(Line(at_ns, level, "engine", f"a {level}")))

    async def go() -> None:
        write("error", NOW - 400 * NS)
        write("error", NOW - 10 * NS)
        write("warn", NOW)
        eyes = Eyes(home, Settings(), Options(), lambda: NOW)
        seen = await eyes.look()
        assert (seen.errors, seen.last_error) == (1, "a error")
        eyes.follow()
        assert (await eyes.look()).errors == 0, "from now on"
        write("error", NOW)
        assert (await eyes.look()).errors == 1
        eyes.close()

    asyncio.run(go())


def test_the_watch_looks_and_tells(home: Home) -> None:
    async def go() -> None:
        chosen = msgspec.structs.replace(Settings(), watch=WatchSettings(away_s=1, interval_s=1))
        with logs.writing("watch", home, chosen) as log:
            watch = Watch(home, chosen, Options(), log)
            assert (await watch.step()).engine == "fine"
            assert watch._now().away
            watch.eyes.clock = lambda: NOW * 2
            assert (await watch.step()).engine == "away"
            assert "the engine is away" in watch._standing()

    asyncio.run(go())
    assert "ERROR watch: the engine is away" in home.log("watch").read_text()
