"""A person without a browser at a desk of real processes: cookies, forms, redirects, over TLS where asked.

with served(home, "[web]\nport = 0\n") as desk:
    ann = Caller(desk.address)
    ann.come_in(desk.one_time_password())
    assert "hedge-1" in ann.get("/bots/").text
"""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import re
import ssl
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

from house import ROOT, eventually
from msgspec import Struct

from tests.browser.desks import RunningDesk

PASSWORD = "correct horse staple"
CERT, KEY = ROOT / "tests" / "tls" / "localhost.pem", ROOT / "tests" / "tls" / "localhost.key"


class Answer(Struct):
    status: int
    text: str
    headers: Message

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no field {name} on:\n{self.text[:2000]}"
        return found[1]


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer to look at."""

    def redirect_request(self, *_: object) -> None:
        return None


class Caller:
    """Keeps cookies. `headers` go with every request, as a proxy would add them."""

    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        self.address = address.rstrip("/")
        self.headers = headers or {}
        self.jar = http.cookiejar.CookieJar()
        trust = ssl.create_default_context(cafile=str(CERT))
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trust),
            urllib.request.HTTPCookieProcessor(self.jar),
            _Stay(),
        ).open

    def get(self, where: str) -> Answer:
        return self._ask(urllib.request.Request(self.address + where, headers=self.headers))

    def post(self, where: str, **fields: str) -> Answer:
        body = urllib.parse.urlencode(fields).encode()
        referer = {"Referer": f"{self.shown_address()}{where}"}
        return self._ask(
            urllib.request.Request(self.address + where, body, headers={**referer, **self.headers})
        )

    def shown_address(self) -> str:
        """What a browser would have in its address bar."""
        if "Host" in self.headers:
            return f"{self.headers.get('X-Forwarded-Proto', 'http')}://{self.headers['Host']}"
        return self.address

    def sign_in(self, name: str, password: str) -> Answer:
        token = self.get("/sign-in/").field("csrfmiddlewaretoken")
        return self.post("/sign-in/", username=name, password=password, csrfmiddlewaretoken=token)

    def come_in(self, once: str, name: str = "owner") -> None:
        """With the one-time password, and choose one's own."""
        assert self.sign_in(name, once).status == 302
        token = self.get("/you/password/").field("csrfmiddlewaretoken")
        given = {"old": once, "new": PASSWORD, "again": PASSWORD, "csrfmiddlewaretoken": token}
        assert self.post("/you/password/", **given).status == 302
        assert self.get("/").status == 200

    def do(self, slug: str, **fields: str) -> Answer:
        """A command, as the page asks for it and sends it."""
        asked = self.get(f"/do/{slug}/?" + urllib.parse.urlencode(fields))
        keys = {name: asked.field(name) for name in ("csrfmiddlewaretoken", "command_id")}
        return self.post(f"/do/{slug}/", **keys, **fields)

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with self._open(request, timeout=60) as answer:
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read().decode(), refused.headers)


@contextlib.contextmanager
def served(
    settings: str = "", *, apart: bool = False, bots: str = "", secrets: str = ""
) -> Iterator[RunningDesk]:
    """A desk of its own in a short folder, ended whatever happens."""
    with tempfile.TemporaryDirectory(prefix="ks-") as folder:
        desk = RunningDesk(Path(folder) / "home", apart, settings)
        if bots:
            (desk.home / "bots.toml").write_text(bots)
        if secrets:
            (desk.home / "secrets.toml").write_text(secrets)
            (desk.home / "secrets.toml").chmod(0o600)
        try:
            desk.start()
            yield desk
        finally:
            desk.end()


def answers_again(caller: Caller, where: str, words: str) -> None:
    """Wait until a page says these words: another process is on its way."""

    def says() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return words in caller.get(where).text
        return False

    eventually(says, f"{where} says {words!r}")
