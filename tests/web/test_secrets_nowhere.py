"""One desk, every secret it can hold, every face it has: none of them shows one of those.

The keys are planted; the venue, Telegram, the mail server and the webhook's receiver are this test's own, and
they complain as unkindly as such servers do: what they were sent, they send back in their errors.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from gate_kit import write_pair
from house import eventually
from servers import fresh, server_of
from test_post import smtp

from kedge import client
from kedge.client import DeskAway, Refused
from kedge.desk.tables.address import Address
from kedge.desk.tables.database import Database
from tests.browser.desks import a_free_port, children_of
from tests.web.served_kit import CERT, PASSWORD, Caller, answers_again, served

PLANTED = {
    "VENUE_KEY": "PlantedVenueKey0000001",
    "VENUE_SECRET": "PlantedVenueSecret0000002/+",
    "TELEGRAM_TOKEN": "1234567:AAPlantedTelegramToken00000000003",
    "MAIL_PASSWORD": "planted mail password & 0004",
    "WEBHOOK_SECRET": "planted-webhook-secret-00005",
    "GATE_PAGES": "planted-gate-token-000000000000006",
    "DB_PASSWORD": "planted:db@password/0007",
    "METRICS_TOKEN": "planted-metrics-token-0008",
}
PAGES = (
    *("/", "/bots/", "/bots/new/", "/bots/new/hedge/", "/bots/hedge-1/", "/bots/hedge-1/amend/", "/upkeep/"),
    *("/orders/", "/fills/", "/positions/", "/decisions/", "/notes/", "/commands/", "/cash/", "/days/"),
    *(
        "/instruments/",
        "/journal/",
        "/journal/1/",
        "/schedules/",
        "/schedules/new/",
        "/people/",
        "/preorders/",
    ),
    *("/you/", "/you/password/", "/you/tokens/", "/do/kill/", "/commands/csv/", "/nothing/", "/admin/"),
    *("/metrics", "/healthz", "/readyz", "/charts/equity.json", "/orders/?sort=%27&q=planted"),
    *("/api/v1/openapi.json", "/api/v1/docs"),
)
REST = (
    *(
        "status",
        "bots",
        "orders",
        "fills",
        "positions",
        "decisions",
        "notes",
        "commands",
        "cash",
        "schedules",
    ),
    *("instruments", "orders?sort=no", "nothing", "explain?of=hedge-1"),
)
COMMANDS = (
    *(("status",), ("bots",), ("orders",), ("notes",), ("commands",), ("settings", "show"), ("user", "list")),
    *(("logs",), ("explain", "hedge-1"), ("notices",)),
)


class Unkind(BaseHTTPRequestHandler):
    """Venue, Bot API and webhook's receiver: errors that repeat what was sent."""

    def do_GET(self) -> None:
        self._complain()

    def do_POST(self) -> None:
        self._complain()

    def _complain(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        server: Any = self.server
        server.seen.append(f"{self.path}\n{self.headers}\n{body}")
        said: dict[str, Any] = {"ok": False, "error_code": 400, "retCode": 10003, "result": {}}
        status = 400
        if self.path.endswith("/getMe"):
            said = {"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "b", "username": "a_bot"}}
            status = 200
        elif self.path.endswith("/setMyCommands"):
            said, status = {"ok": True, "result": True}, 200
        elif self.path == "/v5/market/time":
            now_ns = time.time_ns()
            told = {"timeSecond": str(now_ns // 10**9), "timeNano": str(now_ns)}
            said, status = {"retCode": 0, "retMsg": "OK", "result": told, "time": now_ns // 10**6}, 200
        else:
            why = f"refused: {self.path} {dict(self.headers)} {body}"
            said |= {"description": why, "retMsg": why}
        answer = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def unkind() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Unkind)
    server.daemon_threads, server.seen = True, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings_of(folder: Path, mail: Any, there: str, database: Address, gate: int) -> str:
    cert, key = write_pair(folder)
    return f"""
[log]
level = "debug"
[desk]
name = "planted"
[accounts."paper/main"]
[accounts."bybit/main"]
url = "{there}"
key = "VENUE_KEY"
secret = "VENUE_SECRET"
[database]
url = "postgresql://{database.user}:{{DB_PASSWORD}}@/{database.name}?host={database.words["host"]}"
[gate]
listen = "127.0.0.1:{gate}"
cert = "{cert}"
key = "{key}"
[[gate.tokens]]
name = "pages"
secret = "GATE_PAGES"
role = "admin"
[telegram]
token = "TELEGRAM_TOKEN"
admins = [7]
api = "{there}"
[mail]
server = "localhost"
port = {mail.server_address[1]}
ca = "{CERT}"
user = "somebody"
password = "MAIL_PASSWORD"
sender = "desk@example.org"
to = ["ann@example.org"]
[webhooks]
urls = ["{there}/hook"]
secret = "WEBHOOK_SECRET"
[notices]
mail = "info"
"""


def forms(value: str) -> tuple[str, ...]:
    """A secret in the dresses in which it travels."""
    plain = value.encode()
    return (
        value,
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        json.dumps(value)[1:-1],
        base64.b64encode(plain).decode().rstrip("="),
        plain.hex(),
    )


class Found:
    """What every face said, by where."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def keep(self, where: str, text: str | bytes) -> None:
        self.said[where] = text.decode(errors="replace") if isinstance(text, bytes) else text

    def leaks(self, secrets: dict[str, str]) -> list[str]:
        return [
            f"{name} in {where}"
            for where, text in self.said.items()
            for name, value in secrets.items()
            if any(one in text for one in forms(value))
        ]


def rows_of(database: Address) -> dict[str, str]:
    """Every table of the database, as text."""
    opened = Database(database)
    try:
        names = opened.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name: str(opened.fetch(f'SELECT * FROM "{name}"')) for (name,) in names}
    finally:
        opened.close()


async def by_tcp(gate: int, ca: str) -> str:
    said = []
    for token in (PLANTED["GATE_PAGES"], PLANTED["GATE_PAGES"][:-1] + "x"):
        try:
            async with client.connect(f"tls://localhost:{gate}", token=token, ca=ca) as desk:
                said.append(repr(await desk.status()))
                said.append(repr(await desk.command("bot.pause", name="nobody")))
        except (Refused, DeskAway) as error:
            said.append(str(error))
    return "\n".join(said)


def test_planted_keys_show_nowhere(tmp_path: Path) -> None:
    server_of("postgresql")  # skipped, and said, where there is none
    found, gate = Found(), a_free_port()
    secret_file = "".join(f"{name} = {json.dumps(value)}\n" for name, value in PLANTED.items())
    with fresh("postgresql", tmp_path) as database, unkind() as there, smtp() as mail:
        address = f"http://127.0.0.1:{there.server_address[1]}"
        given = settings_of(tmp_path, mail, address, database, gate)
        with served(given, secrets=secret_file) as desk:
            once = desk.one_time_password()
            owner = Caller(desk.address)
            owner.come_in(once)
            answers_again(owner, "/bots/", "hedge-1")
            hidden = own_secrets(owner)
            for where in PAGES:
                answer = owner.get(where)
                found.keep(f"page {where}", f"{answer.text}{answer.headers}")
            stranger = Caller(desk.address, {"Authorization": "Bearer kedge_nobodys"})
            for where in ("/", "/api/v1/orders", "/api/v1/status", "/metrics"):
                found.keep(f"stranger {where}", stranger.get(where).text)
            found.keep("wrong sign-in", Caller(desk.address).sign_in("owner", hidden["password"] + "x").text)
            found.keep("no CSRF", owner.post("/do/kill/", why="x").text)
            program = Caller(desk.address, {"Authorization": f"Bearer {hidden['API token']}"})
            for what in REST:
                found.keep(f"REST {what}", program.get(f"/api/v1/{what}").text)
            assert program.get("/api/v1/orders").status == 200
            found.keep("by TCP", asyncio.run(by_tcp(gate, str(tmp_path / "gate.pem"))))
            assert owner.do("bot-pause", name="hedge-1").status == 302
            wait_for_everybody(there, mail)
            for words in COMMANDS:
                found.keep(f"kedge {' '.join(words)}", desk.kedge(*words))
            processes = [desk.engine_pid, *children_of(desk.engine_pid)]
            for pid in processes:
                found.keep(f"process {pid}", Path(f"/proc/{pid}/cmdline").read_bytes())
            desk.kill_pages()
            answers_again(owner, "/bots/", "hedge-1")
            kept = rows_of(database)
            home = desk.home
        for path in sorted(home.rglob("*")):
            if path.is_file() and path.name != "secrets.toml":
                found.keep(f"file {path.relative_to(home)}", path.read_bytes().replace(once.encode(), b""))
    assert {"page /", "file main.journal"} & set(found.said), sorted(found.said)
    for name, text in kept.items():
        found.keep(f"table {name}", text)
    everything = PLANTED | hidden
    leaks = found.leaks(everything)
    # A seed and a session must be kept to be compared with: in one table each, of the people's own.
    allowed = {"TOTP seed in table otp_totp_totpdevice", "session in table django_session"}
    assert [leak for leak in leaks if leak not in allowed] == []
    assert "hedge-1" in found.said["page /bots/"], "the pages were real ones"
    assert any("bot.pause" in text for name, text in found.said.items() if name == "table commands")


def own_secrets(owner: Caller) -> dict[str, str]:
    """What a person has of their own: each page that shows one shows it once, and is not kept here."""
    page = owner.get("/you/two-factor/").text
    seed = re.search(r"\b(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}\b", page)
    assert seed, "the seed is shown to be typed"
    keys = {name: owner.get("/you/tokens/").field(name) for name in ("csrfmiddlewaretoken", "command_id")}
    led = owner.post("/you/tokens/", name="program", role="admin", days="30", **keys)
    token = re.search(r"kedge_[\w-]{40,}", owner.get(str(led.headers["Location"])).text)
    assert token, "the token is shown once"
    session = next(cookie.value for cookie in owner.jar if "session" in cookie.name)
    assert session
    packed = base64.b32decode(seed[0].replace(" ", "")).hex()
    return {"TOTP seed": packed, "API token": token[0], "session": session, "password": PASSWORD}


def wait_for_everybody(there: Any, mail: Any) -> None:
    """Each of the others was spoken to with its secret, and has complained."""

    def reached() -> bool:
        seen = "\n".join(there.seen)
        return (
            f"/bot{PLANTED['TELEGRAM_TOKEN']}/" in seen
            and PLANTED["VENUE_KEY"] in seen
            and "/hook" in seen
            and bool(mail.mails)
        )

    eventually(reached, "venue, Telegram, webhook and mail were all tried")


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_the_search_would_see_it(name: str) -> None:
    """A secret in any dress is found: so a test that finds none has looked."""
    for dress in forms(PLANTED[name]):
        found = Found()
        found.keep("somewhere", f"<p>{dress}</p>")
        assert found.leaks(PLANTED) == [f"{name} in somewhere"]
