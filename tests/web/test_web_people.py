"""People and the admin: rules hold on every way, secrets are on no page, others are kept out."""

from __future__ import annotations

import re

from asgiref.sync import sync_to_async
from desk_kit import PASSWORD, Web
from list_kit import EVIL, at_the_lists

from kedge.journal.rows import TABLES


def test_owners_add_people_and_the_password_is_shown_once() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        await web.get("/people/")
        added = await web.post("/people/", do="add", name="bob", role="trader")
        assert (added.status, added.text) == (302, ""), "loading the answer again must add nobody"
        other_owner = web.another()
        await other_owner.sign_in("olga", "owner")
        assert 'class="token"' not in (await other_owner.get(added.where)).text, "for who made it alone"
        once = re.search(r'class="token">([^<]+)<', (await web.get(added.where)).text)
        assert once
        assert once[1] not in (await web.get(added.where)).text
        from django.contrib.sessions.models import Session

        kept = await sync_to_async(lambda: [str(one.get_decoded()) for one in Session.objects.all()])()
        assert not any(once[1] in one for one in kept), "a session holds no password"
        other = web.another()
        assert (await other.sign_in("bob", password=once[1])).where == "/"
        key = {"command_id": (await web.get("/people/")).field("command_id")}
        sent = [await web.post("/people/", do="password", name="bob", **key) for _ in range(3)]
        assert len({page.where for page in sent}) == 1, "a double click makes one password"
        again = re.search(r'class="token">([^<]+)<', (await web.get(sent[0].where)).text)
        assert again
        assert again[1] != once[1]
        assert (await web.another().sign_in("bob", password=again[1])).where == "/"
        wrong = await web.post("/people/", do="add", name="b<b>", role="trader")
        assert wrong.status == 302
        assert "a name is 1 to 64 letters" in (await web.get("/people/")).text
        assert (await web.post("/people/", do="add", name="eve", role="emperor")).status == 302
        assert "there is no role emperor" in (await web.get("/people/")).text

    at_the_lists(run)


def test_the_last_owner_stays_and_nobody_locks_themselves_out() -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web import people

        await web.sign_in("ann", "owner")
        await web.person("bob", "trader")
        await web.get("/people/")
        for fields in ({"do": "role", "role": "viewer"}, {"do": "off"}):
            await web.post("/people/", name="ann", **fields)
            assert "You cannot do this to yourself" in (await web.get("/people/")).text
        await web.post("/people/", do="role", name="bob", role="viewer")
        await web.post("/people/", do="off", name="bob")
        listed = {row["name"]: row for row in await sync_to_async(people.listed)()}
        assert (listed["bob"]["role"], listed["bob"]["active"]) == ("viewer", False)
        assert listed["ann"]["role"] == "owner"
        other = web.another()
        assert (await other.sign_in("bob")).status == 401
        for name in ("trader", "viewer"):
            one = web.another()
            await one.sign_in(name, name)
            assert (await one.get("/people/")).status == 403
            assert (await one.post("/people/", do="add", name="mal", role="owner")).status == 403

    at_the_lists(run)


# ── the admin ───────────────────────────────────────────────────────────────────────────────────


def test_the_admin_is_for_owners_and_behind_the_one_door() -> None:
    async def run(web: Web) -> None:
        stranger = await web.get("/admin/")
        assert stranger.status == 302
        assert (await web.get("/admin/login/")).where.startswith("/sign-in/?next=")
        for group in ("viewer", "trader"):
            one = web.another()
            await one.sign_in(group, group)
            assert (await one.get("/admin/")).status in (302, 403)
            assert (await one.get("/admin/login/?next=/admin/")).status == 403
            assert (await one.get("/admin/auth/user/")).status in (302, 403)
        await web.sign_in("ann", "owner")
        assert (await web.get("/admin/")).status == 200
        assert (await web.get("/admin/password_change/")).where == "/you/password/"

    at_the_lists(run)


def test_every_table_can_be_looked_through_and_nothing_in_it_changed() -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web.rowmodels.models import MODELS, PAGELESS

        await web.sign_in("ann", "owner")
        for name in TABLES:
            at = f"/admin/rows/{MODELS[name]._meta.model_name}/"
            page = await web.get(at)
            assert page.status == 200, name
            assert "<script>alert" not in page.text
            assert "field-shown_" in page.text, f"{name} shows no row"
            assert (await web.get(f"{at}?q=peg-1")).status == 200
            assert (await web.get(f"{at}?day=2025-10")).status == 200
            assert (await web.get(f"{at}?day=2025-13-45")).status == 200, "no date is no filter"
            assert (await web.get(f"{at}add/")).status == 403
            links = re.findall(rf'href="({at}[^"]+/change/)[^"]*"', page.text)
            assert bool(links) == (name not in PAGELESS), name
            if links:
                assert (await web.get(links[0])).status == 200
                assert (await web.post(links[0], bot="x")).status == 403
        notes = await web.get("/admin/rows/note/")
        assert EVIL not in notes.text
        assert "2025-10-09" in notes.text
        cash = await web.get("/admin/rows/cashmoved/")
        assert "-0.1234567890123456789" in cash.text, "exact, whatever the database makes of it"

    at_the_lists(run)


def test_people_are_changed_by_the_same_rules() -> None:
    async def run(web: Web) -> None:
        from django.contrib.auth.models import User

        from kedge.desk.web import people

        await web.sign_in("ann", "owner")
        await web.person("bob", "viewer")
        ids = await sync_to_async(lambda: dict(User.objects.values_list("username", "pk")))()
        form = await web.get(f"/admin/auth/user/{ids['bob']}/change/")
        assert form.status == 200
        inline = {
            name: form.field(name)
            for name in re.findall(r'type="hidden" name="(profile-[^"]+)"', form.text)
            if "__prefix__" not in name
        }
        rest = {"profile-0-rows": "50", "_save": "Save"}
        done = await web.post(
            f"/admin/auth/user/{ids['bob']}/change/", role="trader", is_active="on", **inline, **rest
        )
        assert done.status == 302, re.findall(r"errorlist.*?</ul>", done.text)
        listed = {row["name"]: row for row in await sync_to_async(people.listed)()}
        assert (listed["bob"]["role"], listed["bob"]["active"]) == ("trader", True)
        own = await web.get(f"/admin/auth/user/{ids['ann']}/change/")
        inline = {
            name: own.field(name)
            for name in re.findall(r'type="hidden" name="(profile-[^"]+)"', own.text)
            if "__prefix__" not in name
        }
        await web.post(
            f"/admin/auth/user/{ids['ann']}/change/", role="viewer", is_active="on", **inline, **rest
        )
        assert {row["name"]: row for row in await sync_to_async(people.listed)()}["ann"]["role"] == "owner"
        history = await web.get(f"/admin/auth/user/{ids['bob']}/history/")
        assert history.status == 200
        assert (await web.get("/admin/auth/user/add/")).status == 403
        assert (await web.post(f"/admin/auth/user/{ids['bob']}/delete/", post="yes")).status == 403

    at_the_lists(run)


def test_no_page_of_the_admin_shows_a_secret() -> None:
    async def run(web: Web) -> None:
        from django.contrib.auth.models import User
        from django.contrib.sessions.models import Session

        from kedge.desk.web import tokens
        from kedge.desk.web.models import ApiToken

        await web.sign_in("ann", "owner")
        ann = await sync_to_async(User.objects.get)(username="ann")
        token = await sync_to_async(tokens.make)(ann, "robot", "look")
        digest = (await sync_to_async(ApiToken.objects.get)(name="robot")).digest
        keys = await sync_to_async(lambda: list(Session.objects.values_list("session_key", flat=True)))()
        for where in (
            *("/admin/", "/admin/desk/apitoken/", "/admin/sessions/session/", "/admin/auth/user/"),
            *("/admin/axes/accesslog/", "/admin/axes/accessattempt/", "/admin/admin/logentry/"),
            *("/admin/outbox/outboxnotice/", f"/admin/auth/user/{ann.pk}/change/"),
            *(f"/admin/desk/apitoken/{pk}/change/" for pk in (1,)),
        ):
            page = await web.get(where)
            assert page.status in (200, 302), where
            for secret in (token, digest, ann.password, PASSWORD, *keys):
                assert secret not in page.text, where

    at_the_lists(run)
