"""Real processes: `kedge up` with its desk, `kedge desk` alone, people by the command line, TLS, a proxy, and
the desk in PostgreSQL and MariaDB."""

from __future__ import annotations

import os
import subprocess
import sys
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import msgspec
import pytest
import servers
from house import eventually
from served_kit import CERT, KEY, PASSWORD, Caller, answers_again, served

from kedge.model.exits import Exit
from tests.browser.desks import RunningDesk


def test_up_starts_the_desk_and_one_may_kill_either() -> None:
    with served() as desk:
        once = desk.one_time_password()
        assert desk.said().count(once) == 1
        eventually((desk.home / "desk.address").exists, "the address is told")
        assert (desk.home / "desk.address").read_text().strip() == f"{desk.address}/"
        kept = [path for path in desk.home.rglob("*") if path.is_file() and path.suffix != ".said"]
        assert kept
        assert not [path for path in kept if once.encode() in path.read_bytes()], "in no log and no file"
        owner = Caller(desk.address)
        owner.come_in(once)
        for where in ("/", "/bots/", "/bots/hedge-1/", "/orders/", "/upkeep/", "/favicon.ico"):
            assert owner.get(where).status == 200, where
        assert Caller(desk.address).get("/healthz").text == '{"ok":true}'
        eventually(lambda: Caller(desk.address).get("/readyz").status == 200, "all of it is ready")
        assert "kedge_" in Caller(desk.address).get("/metrics").text

        desk.kill_pages()
        answers_again(owner, "/bots/", "hedge-1")  # started again by the engine; the session is still good
        assert owner.do("bot-pause", name="hedge-1").status == 302
        taken = desk.json("commands")["rows"][0]
        assert (taken["verb"], taken["via"], taken["actor"].partition(":")[2]) == (
            "bot.pause",
            "web",
            "owner",
        )
        answers_again(owner, "/bots/hedge-1/", "bot.pause")

        child = desk.pages_pid()
        desk.kill_engine()
        eventually(lambda: not _runs(child), "without its engine the desk that it started ends too")
        desk.start()
        answers_again(owner, "/bots/", "hedge-1")
        assert desk.said().count("one-time password") == 1, "there is an owner: no second password"


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_desk_of_its_own_outlives_the_engine_and_finds_it_again() -> None:
    with served(apart=True) as desk:
        owner = Caller(desk.address)
        owner.come_in(desk.one_time_password())
        answers_again(owner, "/bots/", "hedge-1")
        desk.kill_engine()
        answers_again(owner, "/", "The engine is away.")
        asked = owner.get("/do/bot-stop/?name=hedge-1")
        keys = {name: asked.field(name) for name in ("csrfmiddlewaretoken", "command_id")}
        refused = owner.post("/do/bot-stop/", name="hedge-1", **keys)
        assert refused.status == 503
        assert refused.field("command_id") == keys["command_id"], "sent again, it is the same command"
        assert owner.get("/orders/").status == 200, "the tables are the desk's own"
        desk.start_engine()

        def is_back() -> bool:
            return "The engine is away." not in owner.get("/").text

        eventually(is_back, "the engine is back")
        keys["csrfmiddlewaretoken"] = refused.field("csrfmiddlewaretoken")
        assert owner.post("/do/bot-stop/", name="hedge-1", **keys).status == 302
        assert desk.json("commands")["rows"][0]["verb"] == "bot.stop"


def test_people_are_kept_by_the_command_line(tmp_path: Path) -> None:
    desk = RunningDesk(tmp_path / "home")
    made = desk.json("user", "add", "ann", "--role", "trader")
    assert (made["name"], made["role"], len(made["one_time_password"])) == ("ann", "trader", 19)
    desk.kedge("user", "add", "bob", "--role", "owner", "--ask", given=f"{PASSWORD}\n")
    assert _wrong(desk, "user", "add", "ann") == Exit.REFUSED
    assert _wrong(desk, "user", "role", "nobody", "owner") == Exit.REFUSED
    assert _wrong(desk, "user", "disable", "bob") == Exit.REFUSED, "the only owner stays"
    people = {one["name"]: one for one in desk.json("user", "list")["people"]}
    assert {name: (one["role"], one["active"]) for name, one in people.items()} == {
        "ann": ("trader", True),
        "bob": ("owner", True),
    }
    desk.kedge("user", "role", "ann", "viewer")
    assert desk.json("user", "password", "ann")["one_time_password"] != made["one_time_password"]
    assert "cannot sign in" in desk.kedge("user", "disable", "ann")
    (ann,) = [one for one in desk.json("user", "list")["people"] if one["name"] == "ann"]
    assert (ann["role"], ann["active"]) == ("viewer", False)
    assert "may sign in again" in desk.kedge("user", "enable", "ann")
    for path in (desk.home / "desk.sqlite", desk.home / "desk.key"):
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} is for its owner alone"


def _wrong(desk: RunningDesk, *words: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "kedge.cli", *words], env=desk._environment(), capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    return done.returncode


def test_over_tls_cookies_are_for_tls_alone() -> None:
    tls = f'[web]\nhost = "127.0.0.1"\nnames = ["localhost"]\ncert = "{CERT}"\nkey = "{KEY}"\n'
    with served(tls) as desk:
        owner = Caller(f"https://localhost:{desk.port}")
        owner.come_in(desk.one_time_password())
        assert (desk.home / "desk.address").read_text().startswith("https://")
        page = owner.get("/")
        assert "max-age=" in page.headers["Strict-Transport-Security"]
        cookies = {one.name: one for one in owner.jar}
        assert all(cookies[name].secure for name in ("kedge_session", "kedge_csrf"))
        assert cookies["kedge_session"].has_nonstandard_attr("HttpOnly")
        with pytest.raises((OSError, HTTPException)):
            Caller(f"http://localhost:{desk.port}").get("/sign-in/")


def test_behind_a_proxy_its_word_counts() -> None:
    with served('[web]\nbehind_proxy = true\nnames = ["desk.example.org"]\ntries = 2\n') as desk:
        far = {"Host": "desk.example.org", "X-Forwarded-Proto": "https"}
        owner = Caller(desk.address, {**far, "X-Forwarded-For": "203.0.113.7"})
        # Cookies are for TLS alone; the proxy stands where TLS ends, and hands them on.
        owner.jar.set_policy(_BehindTls())
        owner.come_in(desk.one_time_password())
        assert all(one.secure for one in owner.jar)
        assert owner.get("/metrics").status == 403, "who is far away is far away behind a proxy, too"
        other = Caller(desk.address, {**far, "Host": "evil.example"})
        assert other.get("/sign-in/").status == 400

        wrong = Caller(desk.address, {**far, "X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
        wrong.jar.set_policy(_BehindTls())
        assert [wrong.sign_in("owner", "wrong").status for _ in range(2)] == [401, 429]
        near = Caller(desk.address, {**far, "X-Forwarded-For": "198.51.100.1, 203.0.113.10"})
        near.jar.set_policy(_BehindTls())
        assert near.sign_in("owner", PASSWORD).status == 302, "it locks by the address the proxy saw"


class _BehindTls(DefaultCookiePolicy):
    """The way to the proxy is encrypted, though the test sees only what is behind it."""

    def return_ok_secure(self, *_: object) -> bool:
        return True

    def return_ok_domain(self, *_: object) -> bool:
        return True

    def domain_return_ok(self, *_: object) -> bool:
        return True

    def set_ok_domain(self, *_: object) -> bool:
        return True


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_the_desk_in_another_database(kind: str, tmp_path: Path) -> None:
    with servers.fresh(kind, tmp_path) as address:
        url = servers.server_of(kind).url(address.name)
        with served(f'[database]\nurl = "{url}"\n') as desk:
            owner = Caller(desk.address)
            owner.come_in(desk.one_time_password())
            answers_again(owner, "/fills/", "BTC-PERP")
            answers_again(owner, "/bots/hedge-1/", "added as a hedge")
            assert owner.do("bot-stop", name="hedge-1").status == 302
            answers_again(owner, "/commands/", "bot.stop")
            answers_again(owner, "/bots/hedge-1/", "bot.stop")
            assert owner.get("/upkeep/").status == 200
            assert owner.get("/admin/").status == 200
            assert "ann may sign in" in desk.kedge("user", "add", "ann")
            assert not list(desk.home.glob("desk*.sqlite")), "everything is in that database"
            curve = owner.get("/charts/equity.json?asset=USD&span=day")
            assert msgspec.json.decode(curve.text)["equity"], "the curve has begun"


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_that_is_away_at_the_start_is_said_and_found_when_it_is_back(kind: str) -> None:
    """Engine and pages start without it; then, in the middle of the day, it goes away once more."""
    with servers.started(kind) as server:
        url = server.url(server.make().name)
        server.halt()
        with served(f'[database]\nurl = "{url}"\n', apart=True) as desk:
            stranger = Caller(desk.address)
            eventually(lambda: stranger.get("/").status == 503, "the pages say so")
            for where in ("/", "/sign-in/", "/bots/", "/no/such/page/"):
                said = stranger.get(where)
                assert (said.status, said.headers["Retry-After"]) == (503, "5"), where
                assert "The people&#x27;s database is away" in said.text
                assert not _tells_where(said.text, server), "strangers learn nothing of the inside"
                assert "Content-Security-Policy" in said.headers
            for_programs = stranger.get("/api/v1/status")
            assert for_programs.status == 503
            assert msgspec.json.decode(for_programs.text)["error"]["code"] == "away"
            assert stranger.get("/healthz").status == 200
            assert stranger.get("/static/desk/desk.css").status == 200
            assert "check [database] and that it runs" in desk.said()
            assert {one["bot"] for one in desk.json("bots")} >= {"hedge-1"}, "trading goes on"
            server.go_on()
            owner = Caller(desk.address)
            owner.come_in(desk.one_time_password())
            answers_again(owner, "/bots/", "hedge-1")
            server.halt()
            assert owner.get("/bots/").status == 503
            server.go_on()
            answers_again(owner, "/bots/", "hedge-1")


def _tells_where(text: str, server: servers.Server) -> bool:
    return str(server.folder) in text or server.user in text.replace("Kedge", "")


def test_a_port_that_is_taken_is_said_and_trading_goes_on() -> None:
    with served() as desk:
        second = RunningDesk(desk.home.parent / "second")
        second.port = desk.port
        try:
            second.start_engine()
            eventually(lambda: "cannot be listened on" in second.said(), "it is said")
            assert "Set [web] port to another one" in second.said()
            assert os.path.exists(second.home / "main.sock")
        finally:
            second.end()
