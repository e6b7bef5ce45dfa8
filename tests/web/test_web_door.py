"""Coming in: passwords, one-time ones, throttling, the second factor, roles, CSRF, headers, tokens."""

from __future__ import annotations

import re

import pytest
from asgiref.sync import sync_to_async
from desk_kit import PASSWORD, Web, at_a_desk
from django_otp.oath import TOTP

from kedge.settings import Settings, SettingsWrong, WebSettings, parse


def test_nobody_sees_anything_before_signing_in() -> None:
    async def run(web: Web) -> None:
        for where in ("/", "/bots/", "/bots/hedge-1/", "/you/", "/do/kill/", "/live/", "/charts/equity.json"):
            page = await web.get(where)
            assert (page.status, page.where.partition("?")[0]) == (302, "/sign-in/"), where
        assert "Sign in" in (await web.get("/sign-in/")).text

    at_a_desk(run)


def test_the_first_owner_comes_in_once_and_chooses_a_password() -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web import people

        once = await sync_to_async(people.first_owner)()
        assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", once)
        assert await sync_to_async(people.first_owner)() == "", "there is an owner now"
        await web.get("/sign-in/")
        assert (await web.post("/sign-in/", username="owner", password=once)).where == "/"
        for where in ("/", "/bots/", "/do/kill/", "/you/tokens/"):
            assert (await web.get(where)).where == "/you/password/", where
        await web.get("/you/password/")
        short = await web.post("/you/password/", old=once, new="short", again="short")
        assert short.status == 400
        assert "too short" in short.text
        same = await web.post("/you/password/", old=once, new=once, again=once)
        assert "the old one" in same.text
        assert (await web.post("/you/password/", old=once, new=PASSWORD, again=PASSWORD)).where == "/"
        assert (await web.get("/")).status == 200
        other = web.another()
        assert (await other.sign_in("owner", password=once)).status == 401

    at_a_desk(run)


def test_a_wrong_password_is_told_and_too_many_lock_the_door() -> None:
    async def run(web: Web) -> None:
        await web.person("ann", "viewer")
        await web.get("/sign-in/")
        for _ in range(4):
            page = await web.post("/sign-in/", username="ann", password="wrong")
            assert page.status == 401
            assert "do not fit together" in page.text
        assert (await web.post("/sign-in/", username="ann", password="wrong")).status == 429
        locked = await web.post("/sign-in/", username="ann", password=PASSWORD)
        assert locked.status == 429, "the right password does not open a locked door either"
        assert "Too many wrong passwords" in locked.text
        await web.person("bob", "viewer")
        assert (await web.post("/sign-in/", username="bob", password=PASSWORD)).status == 302

    at_a_desk(run)


def test_the_second_factor_stands_before_every_page() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        page = await web.get("/you/two-factor/")
        secret = re.search(r"<code[^>]*>([A-Z2-7 ]{20,})</code>", page.text)
        assert secret
        device = await sync_to_async(_device)("ann")
        assert (await web.post("/you/two-factor/", code="000000")).status == 302
        assert "Scan this" in (await web.get("/you/two-factor/")).text
        # A wrong code makes the device wait; a person waits, a test forgives.
        await sync_to_async(_forgive)("ann")
        await web.post("/you/two-factor/", code=_code(device))
        shown = await web.get("/you/two-factor/")
        codes = re.findall(r"<li><code[^>]*>([a-z2-9]{10})</code></li>", shown.text)
        assert len(codes) == 10
        assert "not shown again" not in (await web.get("/you/two-factor/")).text

        other = web.another()
        assert (await other.sign_in("ann")).where == "/sign-in/code/"
        assert (await other.get("/")).where.startswith("/sign-in/"), "half of the way is not in"
        await other.get("/sign-in/code/")
        assert (await other.post("/sign-in/code/", code="wrong")).status == 401
        assert (await other.post("/sign-in/code/", code=codes[0])).status == 401, "after a wrong one it waits"
        await sync_to_async(_forgive)("ann")
        assert (await other.post("/sign-in/code/", code=codes[0])).where == "/"
        assert (await other.get("/")).status == 200
        third = web.another()
        await third.sign_in("ann")
        await third.get("/sign-in/code/")
        assert (await third.post("/sign-in/code/", code=codes[0])).status == 401, "a code opens once"

    at_a_desk(run)


def _device(name: str) -> object:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    return TOTPDevice.objects.get(user__username=name)


def _forgive(name: str) -> None:
    """As if the wait after a wrong code were over."""
    from django_otp.plugins.otp_static.models import StaticDevice
    from django_otp.plugins.otp_totp.models import TOTPDevice

    for kind in (StaticDevice, TOTPDevice):
        for device in kind.objects.filter(user__username=name):
            device.throttle_reset()


def _code(device: object) -> str:
    return f"{TOTP(device.bin_key).token():06d}"  # type: ignore[attr-defined]


def test_a_viewer_cannot_trade() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        for where in ("/do/kill/", "/do/bot-stop/?name=hedge-1", "/bots/new/", "/bots/new/hedge/"):
            page = await web.get(where)
            assert page.status == 403, where
            assert "Your role does not allow this" in page.text
        for where in ("/do/kill/", "/do/bot-kill/", "/do/revive/", "/bots/hedge-1/amend/"):
            assert (await web.post(where, name="hedge-1", why="x")).status == 403, where
        assert web.port.commands == []
        text = (
            (await web.get("/")).text
            + (await web.get("/bots/")).text
            + (await web.get("/bots/hedge-1/")).text
        )
        assert "/do/" not in text, "what one may not do is not offered"

    at_a_desk(run)


def test_a_trader_may_kill_and_an_owner_alone_may_revive() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        asked = await web.get("/do/kill/")
        await web.post("/do/kill/", command_id=asked.field("command_id"), why="enough")
        assert [(c.verb, c.via) for c in web.port.commands] == [("desk.kill", "web")]
        assert web.port.commands[0].actor.endswith(":tom")
        assert (await web.post("/do/revive/", why="x")).status == 403

    at_a_desk(run)


def test_a_form_from_elsewhere_is_refused() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        web.csrf = "x" * 64
        page = await web.post("/do/kill/", why="x")
        assert page.status == 403
        assert "did not come from a page of this desk" in page.text
        assert web.port.commands == []

    at_a_desk(run)


def test_a_disabled_person_is_out_at_once() -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web import people

        await web.sign_in("tom", "trader")
        await sync_to_async(people.set_active)("tom", False)
        assert (await web.get("/")).where.startswith("/sign-in/")
        await web.person("eva", "owner")
        with pytest.raises(people.PersonWrong, match="only owner"):
            await sync_to_async(people.set_role)("eva", "viewer")

    at_a_desk(run)


def test_every_answer_forbids_what_is_not_ours() -> None:
    async def run(web: Web) -> None:
        for where in ("/sign-in/", "/nope/", "/static/desk/desk.css"):
            page = await web.get(where)
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["X-Frame-Options"] == "DENY"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
        await web.sign_in("ann", "owner")
        for where in (
            "/",
            "/bots/",
            "/bots/hedge-1/",
            "/bots/new/hedge/",
            "/you/",
            "/you/two-factor/",
            "/do/kill/",
        ):
            text = (await web.get(where)).text
            assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=", text), where

    at_a_desk(run)


def test_a_strange_host_and_a_way_out_are_refused() -> None:
    async def run(web: Web) -> None:
        assert (await web.get("/sign-in/", host="evil.example")).status == 400
        await web.person("ann", "viewer")
        for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
            await web.get("/sign-in/")
            page = await web.post("/sign-in/", username="ann", password=PASSWORD, next=elsewhere)
            assert page.where == "/", elsewhere
            await web.get("/")
            await web.post("/sign-out/")

    at_a_desk(run)


def test_tokens_are_shown_once_cut_to_the_role_and_end() -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web import people, tokens

        await web.sign_in("tom", "trader")
        await web.get("/you/tokens/")
        assert (await web.post("/you/tokens/", name="x", role="admin", days="30")).status == 302
        given = {"command_id": (await web.get("/you/tokens/")).field("command_id"), "days": "30"}
        made = await web.post("/you/tokens/", name="script", role="trade", **given)
        twice = await web.post("/you/tokens/", name="script", role="trade", **given)
        assert twice.where == made.where, "a form that is sent twice makes one token"
        token = re.search(r"kedge_[A-Za-z0-9_-]{43}", (await web.get(made.where)).text)
        assert token
        assert token[0] not in (await web.get(made.where)).text, "loaded again it is the plain page"
        assert token[0] not in (await web.get("/you/tokens/")).text
        person = await sync_to_async(tokens.person_of)(token[0])
        assert person is not None
        assert (person.name, person.role, person.via) == ("tom", "trade", "api")
        await sync_to_async(people.set_role)("tom", "viewer")
        weaker = await sync_to_async(tokens.person_of)(token[0])
        assert weaker is not None
        assert weaker.role == "look", "a token is never more than its person"
        number = (await web.get("/you/tokens/")).field("number")
        await web.post("/you/tokens/", do="revoke", number=number)
        assert await sync_to_async(tokens.person_of)(token[0]) is None
        assert await sync_to_async(tokens.person_of)("kedge_nothing") is None

    at_a_desk(run)


def test_others_can_reach_it_only_encrypted() -> None:
    for table, says in (
        ({"host": "0.0.0.0"}, "behind_proxy = true"),
        ({"cert": "a.pem"}, "`key` is missing"),
        ({"names": ["http://x"]}, "host names"),
    ):
        with pytest.raises(SettingsWrong, match=says):
            parse({"web": table})
    assert parse({"web": {"host": "0.0.0.0", "behind_proxy": True}}).web.behind_proxy
    assert Settings().web == WebSettings()
