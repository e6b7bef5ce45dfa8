"""The post: kept until delivered, each channel for itself, over restarts, by Telegram, mail and webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import hashlib
import hmac
import json
import socketserver
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from fake_port import NOW, NS, FakePort, a_gate, a_status, short_folder

from kedge.cli.app import main
from kedge.desk.link import Link
from kedge.desk.notices import HOUR_NS, Level, Notice
from kedge.desk.parts import DeskContext
from kedge.desk.post import service
from kedge.desk.post.channels import wanted
from kedge.desk.post.day import due_day
from kedge.desk.post.delivery import Delivery
from kedge.desk.post.languages import Languages
from kedge.desk.post.lease import LASTS_NS, Leases
from kedge.desk.post.mail import MailSender
from kedge.desk.post.messages import Message, pack
from kedge.desk.post.outbox import WAITING_MAX, Outbox, Place
from kedge.desk.post.part import parts
from kedge.desk.post.sender import SENT, Verdict
from kedge.desk.post.webhook import WebhookSender
from kedge.desk.tables.people import people_of
from kedge.home import Home
from kedge.model.records import Entry, Noted
from kedge.runtime import gate
from kedge.settings import (
    MailSettings,
    NoticeSettings,
    Secret,
    Secrets,
    Settings,
    WebhookSettings,
)

SECRET = "planted-webhook-secret"


def a_notice(key: str = "k1", level: Level = "warn", **changes: Any) -> Notice:
    return msgspec.structs.replace(Notice(key, "note", level, f"note {key}", NOW), **changes)


@contextlib.contextmanager
def an_outbox(root: Path) -> Iterator[Outbox]:
    people = people_of(Home(root), Settings(), Secrets(root / "none", {}))
    outbox = Outbox(people)
    outbox.open()
    try:
        yield outbox
    finally:
        people.close()


# ── the outbox ──────────────────────────────────────────────────────────────────────────────────


def test_rows_and_place_are_kept_together_over_restarts(tmp_path: Path) -> None:
    with an_outbox(tmp_path) as outbox:
        assert outbox.place("main") is None
        place = Place("2a", 7, {}, "2026-11-20")
        assert outbox.put([("mail", a_notice()), ("hook", a_notice())], NOW, "main", place) == 2
    with an_outbox(tmp_path) as outbox:
        assert outbox.place("main") == place
        assert [one.notice for one in outbox.waiting("mail")] == [a_notice()]
        # A crash after the entries were read and before the place moved: told again under the same keys.
        assert outbox.put([("mail", a_notice())], NOW, "main", place) == 0
        outbox.delivered("mail", [a_notice()], NOW)
        assert outbox.put([("mail", a_notice())], NOW) == 0
        assert outbox.waiting("mail") == []
        assert outbox.counts() == {"hook": 1}


def test_what_waits_for_too_long_is_dead_and_says_so(tmp_path: Path) -> None:
    with an_outbox(tmp_path) as outbox:
        outbox.put([("mail", a_notice("old"))], NOW - 2 * HOUR_NS)
        outbox.put([("mail", a_notice("new"))], NOW)
        outbox.troubled("mail", [a_notice("old")], "no answer")
        assert outbox.give_up(NOW - HOUR_NS, NOW) == 1
        assert [one.notice.key for one in outbox.waiting("mail")] == ["new"]
        (line,) = outbox.lines("dead")
        assert (line.text, line.tries, line.trouble) == ("note old", 1, "no answer")


def test_a_channel_is_bounded_and_alarms_stay(tmp_path: Path) -> None:
    with an_outbox(tmp_path) as outbox:
        outbox.put([("mail", a_notice("a", "alarm"))], NOW)
        outbox.put([("mail", a_notice(f"n{n}")) for n in range(WAITING_MAX + 9)], NOW)
        outbox.put([("gone", a_notice("g"))], NOW)
        outbox.tidy(["mail"], NOW)
        assert outbox.counts() == {"mail": WAITING_MAX}
        assert outbox.waiting("mail")[0].notice.key == "a"
        assert outbox.waiting("mail")[1].notice.key == "n10"
        assert "no longer in the settings" in next(
            one.trouble for one in outbox.lines("dead") if one.channel == "gone"
        )


def test_a_lease_has_one_holder(tmp_path: Path) -> None:
    people = people_of(Home(tmp_path), Settings(), Secrets(tmp_path / "none", {}))
    leases = Leases(people)
    leases.open()
    assert leases.take("post", "a", NOW) == ""
    assert leases.take("post", "b", NOW + NS) == "a"
    assert leases.take("post", "a", NOW + LASTS_NS - NS) == ""  # renewed
    assert leases.take("post", "b", NOW + LASTS_NS + NS) == "a"
    assert leases.take("post", "b", NOW + 2 * LASTS_NS) == ""  # it slept
    assert leases.take("post", "a", NOW + 2 * LASTS_NS + NS) == "b"
    leases.leave("post", "a")
    assert leases.take("post", "c", NOW + 2 * LASTS_NS) == "b"
    leases.leave("post", "b")
    assert leases.take("post", "c", NOW + 2 * LASTS_NS) == ""
    people.close()


# ── delivery ────────────────────────────────────────────────────────────────────────────────────


class Fake:
    """A channel that answers what a test says."""

    def __init__(self, *verdicts: Verdict, channel: str = "fake") -> None:
        self.channel = channel
        self.verdicts = list(verdicts)
        self.sent: list[Message] = []

    def wants(self, notice: Notice) -> bool:
        return True

    async def refresh(self) -> None: ...

    async def send(self, message: Message) -> Verdict:
        self.sent.append(message)
        return self.verdicts.pop(0) if self.verdicts else SENT

    async def close(self) -> None: ...


def a_delivery(
    outbox: Outbox, sender: Fake, now_ns: int = NOW, **more: Any
) -> tuple[Delivery, dict[str, str]]:
    troubles: dict[str, str] = {}
    given = {"per_minute": 20, "gather_s": 3, **more}
    return Delivery(outbox, sender, lambda: now_ns, troubles.__setitem__, **given), troubles


def test_it_is_tried_again_later_and_later_and_said(tmp_path: Path) -> None:
    async def run() -> None:
        with an_outbox(tmp_path) as outbox:
            outbox.put([("fake", a_notice())], NOW)
            sender = Fake(Verdict("later", "no answer"), Verdict("later", "slow down", 77))
            delivery, troubles = a_delivery(outbox, sender)
            assert await delivery.once() == 2
            assert troubles == {"fake": "no answer"}
            assert await delivery.once() == 77
            assert await delivery.once() == 0
            assert troubles == {"fake": ""}
            assert len({message.key for message in sender.sent}) == 1, "a receiver knows it by its key"
            assert outbox.lines("delivered")[0].tries == 2

    asyncio.run(run())


def test_what_is_never_taken_does_not_block_the_rest(tmp_path: Path) -> None:
    async def run() -> None:
        with an_outbox(tmp_path) as outbox:
            outbox.put([("fake", a_notice("bad"))], NOW)
            sender = Fake(Verdict("never", "it is too long"))
            delivery, _ = a_delivery(outbox, sender)
            await delivery.once()
            outbox.put([("fake", a_notice("good"))], NOW)
            await delivery.once()
            assert [(one.text, one.state) for one in outbox.lines()] == [
                ("note good", "delivered"),
                ("note bad", "dead"),
            ]

    asyncio.run(run())


def test_fills_wait_for_each_other_and_others_do_not(tmp_path: Path) -> None:
    facts = {"market": "a/b:C", "side": "buy", "qty": "1", "price": "2"}

    async def run() -> None:
        with an_outbox(tmp_path) as outbox:
            fills = [a_notice(f"f{n}", "info", kind="fill", bot="h", facts=facts) for n in range(3)]
            outbox.put([("fake", one) for one in fills], NOW)
            sender = Fake()
            early, _ = a_delivery(outbox, sender, NOW + NS)
            assert await early.once() == 2.0
            assert sender.sent == []
            late, _ = a_delivery(outbox, sender, NOW + 3 * NS)
            assert await late.once() == 0
            assert sender.sent[0].lines == ("· h: buy 3 C in 3 fills, average 2",)

    asyncio.run(run())


def test_the_pace_is_kept_and_what_is_more_is_put_together(tmp_path: Path) -> None:
    async def run() -> None:
        with an_outbox(tmp_path) as outbox:
            sender = Fake()
            delivery, _ = a_delivery(outbox, sender, per_minute=2)
            for n in range(2):
                outbox.put([("fake", a_notice(f"k{n}"))], NOW)
                assert await delivery.once() == 0
            outbox.put([("fake", a_notice(f"m{n}")) for n in range(50)], NOW)
            assert 50 < await delivery.once() <= 60
            assert len(sender.sent) == 2
            assert len(outbox.waiting("fake")) == 50

    asyncio.run(run())


# ── webhook ─────────────────────────────────────────────────────────────────────────────────────


class Receiver:
    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[web.Response] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.calls.append((dict(request.headers), await request.read()))
        return self.answers.pop(0) if self.answers else web.Response()


@contextlib.asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/in/{any}", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/in/secret-path"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def test_a_webhook_is_signed_and_shows_no_secret() -> None:
    async def run() -> None:
        async with a_receiver() as receiver:
            sender = WebhookSender(receiver.url, Secret(SECRET), lambda _: True, lambda: NOW)
            assert await sender.send(pack([a_notice("k1"), a_notice("k2", "alarm", bot="h")])) == SENT
            headers, body = receiver.calls[0]
            stamp = headers["X-Kedge-Timestamp"]
            made = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            assert headers["X-Kedge-Signature"] == f"sha256={made}"
            assert stamp == str(NOW // NS)
            said = json.loads(body)
            assert headers["X-Kedge-Key"] == said["key"] == "k2"
            assert [one["key"] for one in said["notices"]] == ["k2", "k1"]
            assert sender.channel.startswith("webhook/127.0.0.1/")
            assert "secret-path" not in sender.channel
            await sender.close()

    asyncio.run(run())


def test_what_a_webhook_answers_is_understood() -> None:
    async def run() -> None:
        async with a_receiver() as receiver:
            sender = WebhookSender(receiver.url, Secret(SECRET), lambda _: True, lambda: NOW)
            for status, state in (
                (204, "sent"),
                (410, "never"),
                (422, "never"),
                (302, "later"),
                (500, "later"),
                (401, "later"),
            ):
                receiver.answers = [web.Response(status=status, headers={"Location": "http://127.0.0.1:9/"})]
                assert (await sender.send(pack([a_notice()]))).state == state, status
            receiver.answers = [web.Response(status=429, headers={"Retry-After": "30"})]
            assert (await sender.send(pack([a_notice()]))).wait_s == 30
            assert len(receiver.calls) == 7, "a redirection is not followed"
            url = receiver.url
            await sender.close()
        sender = WebhookSender(url, Secret(SECRET), lambda _: True, lambda: NOW)
        verdict = await sender.send(pack([a_notice()]))
        assert (verdict.state, "secret-path" in verdict.why) == ("later", False)
        await sender.close()

    asyncio.run(run())


# ── mail ────────────────────────────────────────────────────────────────────────────────────────


class Smtp(socketserver.StreamRequestHandler):
    """As much of an SMTP server as a client needs, with STARTTLS or TLS from the start."""

    def handle(self) -> None:
        # A client that does not trust us hangs up in the middle.
        with contextlib.suppress(OSError):
            self._talk()
        with contextlib.suppress(OSError):
            self.rfile.close()
        self.connection.close()

    def _talk(self) -> None:
        server: Any = self.server
        self._say("220 test")
        while line := self.rfile.readline():
            word = line.decode().strip()
            verb = word.partition(" ")[0].upper()
            server.heard.append(verb)
            if verb == "EHLO":
                more = (
                    ""
                    if isinstance(self.connection, ssl.SSLSocket) or server.context is None
                    else "250-STARTTLS\r\n"
                )
                self._say(f"250-test\r\n{more}250 AUTH PLAIN")
            elif verb == "STARTTLS":
                self._say("220 go")
                self.rfile.close()
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
            elif verb == "AUTH":
                self._say("235 ok" if server.password_ok else "535 no")
            elif verb == "RCPT":
                self._say(server.rcpts.pop(0) if server.rcpts else server.rcpt)
            elif verb == "DATA":
                self._say("354 go")
                lines = iter(self.rfile.readline, b".\r\n")
                server.mails.append(b"".join(lines).decode())
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, said: str) -> None:
        self.connection.sendall(said.encode() + b"\r\n")


TLS = Path(__file__).parent / "tls"


@contextlib.contextmanager
def smtp(*, tls: str = "starttls", password_ok: bool = True, rcpt: str = "250 ok") -> Iterator[Any]:
    context = None
    if tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    server.daemon_threads = True
    if tls == "tls":
        assert context is not None
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.context, server.password_ok, server.rcpt = context, password_ok, rcpt
    server.mails, server.heard, server.rcpts = [], [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mail(server: Any, **changes: Any) -> MailSender:
    given = {
        "server": "localhost",
        "port": server.server_address[1],
        "ca": str(TLS / "localhost.pem"),
        "user": "ann",
        "password": "MAIL_PASSWORD",
        "sender": "desk@example.org",
        "to": ("ann@example.org",),
        **changes,
    }
    return MailSender(MailSettings(**given), Secret("planted-mail-password"), lambda _: True, "my desk")


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_mail_is_sent(security: str) -> None:
    with smtp(tls=security) as server:
        sender = mail(server, security=security)
        message = pack([a_notice("k1", "alarm", text="disk is full\nyes"), a_notice("k2")])
        for _ in range(2):
            assert asyncio.run(sender.send(message)) == SENT
        first, second = server.mails
        assert "Subject: [my desk] =?utf-8" in first or "Subject: [my desk]" in first
        assert "To: ann@example.org" in first
        ids = [line for one in (first, second) for line in one.splitlines() if line.startswith("Message-ID")]
        assert len(ids) == 2
        assert len(set(ids)) == 1, "a mail that came twice can be known"
        assert ("STARTTLS" in server.heard) == (security == "starttls")


def test_each_reader_is_mailed_in_their_language_and_nobody_twice(tmp_path: Path) -> None:
    """What stands in Django's tables is made here by hand: the post reads two columns of them."""
    people = people_of(Home(tmp_path), Settings(), Secrets(tmp_path / "none", {}))
    languages = Languages(people, {"ann@example.org": "ann", "bob@example.org": "bob"}, "fr")
    to = ("ann@example.org", "bob@example.org", "eve@example.org")
    assert languages.groups(to) == {"fr": list(to)}, "the pages never ran"
    people.execute("CREATE TABLE auth_user (id INTEGER, username TEXT)")
    people.execute("CREATE TABLE desk_profile (user_id INTEGER, language TEXT)")
    people.execute("INSERT INTO auth_user VALUES (1, 'ann'), (2, 'bob')")
    people.execute("INSERT INTO desk_profile VALUES (1, 'ru'), (2, '')")
    with smtp() as server:
        chosen = mail(server, to=to)
        sender = MailSender(chosen._settings, chosen._password, chosen._wants, "desk", languages)
        assert asyncio.run(sender.send(pack([service.test_notice(NOW)]))) == SENT
        mails = [email.message_from_bytes(one.encode(), policy=email.policy.default) for one in server.mails]
        assert [(one["To"], one.get_content().strip()) for one in mails] == [
            ("ann@example.org", "✓ проверка: этот канал работает"),
            ("bob@example.org, eve@example.org", "✓ un essai : ce canal fonctionne"),
        ]
        server.mails.clear()
        server.rcpts = ["250 ok", "451 later", "451 later"]
        assert asyncio.run(sender.send(pack([a_notice("k1")]))).state == "later"
        assert asyncio.run(sender.send(pack([a_notice("k1"), a_notice("k2")]))) == SENT
        assert [("note k1" in one, "note k2" in one) for one in server.mails] == [
            (True, False),
            (False, True),
            (True, True),
        ]
    people.close()


def test_a_webhook_is_told_in_the_language_of_the_settings() -> None:
    async def run() -> None:
        async with a_receiver() as receiver:
            given = (Secret(SECRET), lambda _: True, lambda: NOW)
            sender = WebhookSender(receiver.url, *given, language="ru")
            await sender.send(pack([service.test_notice(NOW)]))
            said = json.loads(receiver.calls[0][1])
            assert said["text"] == "✓ проверка: этот канал работает"
            assert said["notices"][0]["text"] == "проверка: этот канал работает"
            assert "said" not in said["notices"][0]
            await sender.close()

    asyncio.run(run())


def test_what_a_mail_server_answers_is_understood() -> None:
    with smtp(password_ok=False) as server:
        verdict = asyncio.run(mail(server).send(pack([a_notice()])))
        assert verdict.state == "later"
        assert "secret MAIL_PASSWORD" in verdict.why
        assert "planted" not in verdict.why
    with smtp(rcpt="550 nobody here") as server:
        assert asyncio.run(mail(server).send(pack([a_notice()]))).state == "never"
    with smtp(rcpt="451 later") as server:
        assert asyncio.run(mail(server).send(pack([a_notice()]))).state == "later"
    with smtp() as server:
        verdict = asyncio.run(mail(server, ca="").send(pack([a_notice()])))
        assert "cannot be trusted; see `ca` in [mail]" in verdict.why
        assert server.mails == []
    with smtp(tls="none") as server:
        verdict = asyncio.run(mail(server).send(pack([a_notice()])))
        assert verdict.state == "later", "nothing is sent in the clear where TLS was asked for"
        assert "AUTH" not in server.heard
    verdict = asyncio.run(mail(server).send(pack([a_notice()])))
    assert "cannot be reached" in verdict.why


# ── the whole post ──────────────────────────────────────────────────────────────────────────────


class Talker(FakePort):
    """Its journal grows when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = [Entry(n, NOW + n, Noted("warn", f"old {n}")) for n in range(1, 4)]
        self.more = asyncio.Event()
        self.rows = {"fills": []}
        self.desk = "0000002a"

    def status(self) -> Any:
        return a_status(seq=len(self.journal), durable_seq=len(self.journal), bots=(), desk=self.desk)

    def note(self, text: str, level: Level = "warn") -> None:
        self.journal.append(Entry(len(self.journal) + 1, NOW, Noted(level, text)))
        self.more.set()

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        told = after_seq
        while True:
            self.more.clear()
            for entry in self.journal[told:]:
                told = entry.seq
                yield entry
            await self.more.wait()


@contextlib.asynccontextmanager
async def a_post(root: Path, port: Talker, url: str) -> AsyncIterator[DeskContext]:
    settings = Settings(
        webhooks=WebhookSettings(urls=(url,), secret="HOOK"), notices=NoticeSettings(gather_s=0, summary="")
    )
    secrets = Secrets(root / "none", {"HOOK": SECRET})
    link = Link(root / "main.sock", lambda: NOW)
    context = DeskContext(Home(root), settings, secrets, link, lambda said: None, lambda: NOW, "main")
    (part,) = parts(context)
    work = [asyncio.ensure_future(link.run()), asyncio.ensure_future(part.run(context))]
    try:
        yield context
    finally:
        for task in work[::-1]:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], object] | Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # another task's doing
            await asyncio.sleep(0.01)


def texts(receiver: Receiver) -> list[str]:
    return [one["text"] for _, body in receiver.calls for one in json.loads(body)["notices"]]


def test_from_the_journal_to_the_receiver_over_restarts() -> None:
    """History is not told; what was written while the desk was down is; what was told is not told again."""

    async def run() -> None:
        port = Talker()
        with short_folder() as root:
            async with a_receiver() as receiver, a_gate(port, root / "main.sock"):
                async with a_post(root, port, receiver.url):
                    with an_outbox(root) as outbox:
                        await until(lambda: outbox.place("main") is not None)
                        port.note("one")
                        await until(lambda: "one" in texts(receiver))
                        await until(lambda: outbox.counts() == {})
                port.note("while it was down")
                async with a_post(root, port, receiver.url):
                    await until(lambda: "while it was down" in texts(receiver))
                    port.note("three")
                    await until(lambda: "three" in texts(receiver))
        assert texts(receiver) == ["one", "while it was down", "three"]

    asyncio.run(run())


def test_what_a_receiver_missed_is_delivered_by_the_next_process() -> None:
    async def run() -> None:
        port = Talker()
        with short_folder() as root:
            async with a_receiver() as receiver, a_gate(port, root / "main.sock"):
                receiver.answers = [web.Response(status=500)]
                async with a_post(root, port, receiver.url) as context:
                    with an_outbox(root) as outbox:
                        await until(lambda: outbox.place("main") is not None)
                        port.note("one")
                        await until(
                            lambda: any("it answered 500" in why for why in context.troubles.values())
                        )
                        assert sum(outbox.counts().values()) == 1
                async with a_post(root, port, receiver.url):
                    await until(lambda: len(receiver.calls) == 2)
        assert texts(receiver) == ["one", "one"]
        assert len({headers["X-Kedge-Key"] for headers, _ in receiver.calls}) == 1

    asyncio.run(run())


def test_another_journal_is_noticed_and_not_told_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STATUS_SHARED_S", 0)  # what the port says changes at once

    async def run() -> None:
        port = Talker()
        with short_folder() as root:
            async with a_receiver() as receiver, a_gate(port, root / "main.sock"):
                async with a_post(root, port, receiver.url):
                    with an_outbox(root) as outbox:
                        await until(lambda: outbox.place("main") is not None)
                port.desk = "0000002b"
                async with a_post(root, port, receiver.url):
                    await until(
                        lambda: any("another one, or an older copy" in one for one in texts(receiver))
                    )
                    port.note("new")
                    await until(lambda: "new" in texts(receiver))
        assert len(texts(receiver)) == 2

    asyncio.run(run())


def test_two_processes_send_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AGAIN_S", 0.02)

    async def run() -> None:
        port = Talker()
        with short_folder() as root:
            async with (
                a_receiver() as receiver,
                a_gate(port, root / "main.sock"),
                a_post(root, port, receiver.url) as first,
            ):
                await until(lambda: first.link.here)
                with an_outbox(root) as outbox:
                    await until(lambda: outbox.place("main") is not None)
                async with a_post(root, port, receiver.url) as second:
                    await until(lambda: "another desk process" in second.troubles.get("post", ""))
                    port.note("once")
                    await until(lambda: texts(receiver))
        assert texts(receiver) == ["once"]

    asyncio.run(run())


def test_when_a_summary_is_due() -> None:
    from zoneinfo import ZoneInfo

    utc, noon = ZoneInfo("UTC"), 1_760_011_200 * NS  # 2025-10-09 12:00 UTC
    assert due_day("11:00", utc, noon) == "2025-10-09"
    assert due_day("13:00", utc, noon) == ""  # yesterday's is too old by now
    assert due_day("23:59", utc, noon - 11 * HOUR_NS) == "2025-10-08"
    assert due_day("21:00", ZoneInfo("Asia/Tokyo"), noon) == "2025-10-09"
    assert due_day("", utc, noon) == ""


def test_what_goes_where() -> None:
    settings = Settings(notices=NoticeSettings(leave_out=("command",)))
    assert wanted(settings, "warn")(a_notice())
    assert not wanted(settings, "alarm")(a_notice())
    assert not wanted(settings, "off")(a_notice(level="alarm"))
    assert not wanted(settings, "info")(a_notice(kind="command"))
    assert wanted(settings, "alarm")(a_notice(kind="summary", level="info"))


def test_the_command_lists_and_tests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    ask: Sequence[str] = ("notices", "--home", str(home))
    assert main(ask) == 0
    assert "no notices" in capsys.readouterr().out
    assert main((*ask, "--test")) != 0
    assert "no channel is set up" in capsys.readouterr().err
    (home / "kedge.toml").write_text('[webhooks]\nurls = ["http://127.0.0.1:1/x"]\nsecret = "HOOK"\n')
    monkeypatch.setenv("HOOK", SECRET)
    assert main((*ask, "--test")) == 0
    assert "a test waits for webhook/127.0.0.1/" in capsys.readouterr().out
    assert main((*ask, "--json")) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["state"], row["text"]) == ("waiting", "a test: this channel works")
