"""What is wrong with the desk itself, told to owners with what to do; notices, copies, what machines ask."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from asgiref.sync import sync_to_async
from desk_kit import Web, a_home, at_a_desk
from fake_port import NOW, a_status
from list_kit import at_the_lists

from kedge.desk.figures import Money
from kedge.desk.post.outbox import Outbox
from kedge.desk.tables.people import PeopleDatabase, people_of
from kedge.desk.web import prices, samples
from kedge.settings import MetricsSettings, Settings, WebhookSettings

D = Decimal
MINUTE_NS = samples.MINUTE_NS
TOLD = Settings(webhooks=WebhookSettings(urls=("https://hooks.example/desk",), secret="KEDGE_HOOK"))


def test_a_trouble_is_told_to_owners_with_what_to_do() -> None:
    async def run(web: Web) -> None:
        web.context.troubles["post mail"] = "the server refused the password"
        await web.sign_in("eva", "owner")
        for where in ("/", "/upkeep/", "/bots/"):
            text = (await web.get(where)).text
            assert "the server refused the password" in text, where
            assert "Notices wait until they can be delivered" in text, where
        tom = web.another()
        await tom.sign_in("tom", "trader")
        text = (await tom.get("/")).text
        assert "refused the password" not in text
        assert "A part of the desk is not well; an owner sees which" in text
        assert (await tom.get("/upkeep/")).status == 403
        web.context.troubles.clear()
        assert "not well" not in (await tom.get("/")).text
        assert "All of them are well." in (await web.get("/upkeep/")).text

    at_a_desk(run)


def test_tables_that_are_behind_say_so() -> None:
    async def run(web: Web) -> None:
        def state(**changes: object) -> None:
            web.context.tables.state = msgspec.structs.replace(web.context.tables.state, **changes)

        await web.sign_in("eva", "owner")
        assert "banner" not in (await web.get("/")).text
        state(behind=12)
        assert "banner" not in (await web.get("/")).text, "that is no news"
        state(behind=70_000, catching_up=True)
        assert "The tables are 70000 records behind" in (await web.get("/")).text
        assert (await web.get("/fills/")).text.count("records are still to come") == 1
        assert "70000 records behind" not in (await web.get("/fills/")).text, "a list says it itself"
        state(behind=0, rebuilding=True)
        assert "The tables are being made anew" in (await web.get("/bots/")).text
        state(rebuilding=False, trouble="the disk is full")
        text = (await web.get("/")).text
        assert "the disk is full" in text
        assert "is there room on the disk?" in text

    at_the_lists(run)


# ── notices ─────────────────────────────────────────────────────────────────────────────────────


def test_a_test_notice_goes_the_way_of_all_notices() -> None:
    async def run(web: Web) -> None:
        web.context.people = people = people_of(a_home(), Settings(), web.context.secrets)
        try:
            await sync_to_async(emptied)(Outbox(people), people)
            await web.sign_in("eva", "owner")
            assert "No channel is set up" not in (await web.get("/upkeep/")).text
            assert (await web.post("/upkeep/test-notice/")).where == "/upkeep/"
            text = (await web.get("/upkeep/")).text
            assert "A test notice is on its way to 1 channel." in text
            assert "a test: this channel works" in text
            ((channel, waits),) = (await sync_to_async(Outbox(people).counts)()).items()
            assert waits == 1
            assert channel in text
            assert (await web.get("/upkeep/test-notice/")).status == 405
            tom = web.another()
            await tom.sign_in("tom", "trader")
            assert (await tom.post("/upkeep/test-notice/")).status == 403
        finally:
            web.context.people = None
            people.close()

    (a_home().root / "secrets.toml").write_text('KEDGE_HOOK = "s3cret-of-the-hook"\n')
    (a_home().root / "secrets.toml").chmod(0o600)
    at_a_desk(run, settings=TOLD)


def emptied(outbox: Outbox, people: PeopleDatabase) -> None:
    """The home is shared by the tests of a process."""
    outbox.open()
    people.execute("DELETE FROM outbox_notice")


def test_without_a_channel_a_test_is_one_sentence() -> None:
    async def run(web: Web) -> None:
        web.context.people = people = people_of(a_home(), Settings(), web.context.secrets)
        try:
            await web.sign_in("eva", "owner")
            await web.post("/upkeep/test-notice/")
            assert "No channel is set up: see [telegram]" in (await web.get("/upkeep/")).text
        finally:
            web.context.people = None
            people.close()

    at_a_desk(run)


# ── commands ────────────────────────────────────────────────────────────────────────────────────


def test_copy_and_reload_are_recorded_with_the_person() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("eva", "owner")
        page = await web.get("/upkeep/")
        assert "/backups/%7Bdate%7D-%7Btime%7D" in page.text
        asked = await web.get("/do/backup/?target=/safe/{date}-{time}&next=/upkeep/")
        assert "/safe/{date}-{time}" in asked.text
        key = asked.field("command_id")
        done = await web.post("/do/backup/", command_id=key, target="/safe/{date}-{time}", next="/upkeep/")
        assert done.where == "/upkeep/"
        again = await web.get("/do/reload/")
        await web.post("/do/reload/", command_id=again.field("command_id"))
        sent = [(one.verb, one.actor.partition(":")[2], one.via) for one in web.port.commands]
        assert sent == [("desk.backup", "eva", "web"), ("desk.reload", "eva", "web")]
        assert web.port.commands[0].command_id == key
        assert msgspec.json.decode(web.port.commands[0].args) == {"target": "/safe/{date}-{time}"}
        assert (await web.get("/do/schedules/")).status == 404, "looking is no command"

    at_a_desk(run)


def test_everything_is_cancelled_in_two_steps() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        assert 'href="/do/cancel/?next=/"' in (await web.get("/")).text
        asked = await web.get("/do/cancel/?next=/")
        assert "every order of every account" in asked.text
        assert "<option>hedge-1</option>" in asked.text, "bots and accounts are chosen, not typed"
        assert "<option selected></option>" in asked.text, "none is chosen"
        assert web.port.commands == []
        await web.post("/do/cancel/", command_id=asked.field("command_id"), why="the news")
        (sent,) = web.port.commands
        assert sent.verb == "desk.cancel"
        assert msgspec.json.decode(sent.args)["why"] == "the news"

    at_a_desk(run)


# ── what machines ask ───────────────────────────────────────────────────────────────────────────


def test_a_secret_that_is_not_there_is_a_sentence() -> None:
    async def run(web: Web) -> None:
        for where in ("/metrics", "/readyz"):
            page = await web.get(where)
            assert page.status == 503, where
            assert "NOT_THERE" in page.text
        assert (await web.get("/healthz")).status == 200, "it turns"

    at_a_desk(run, settings=Settings(metrics=MetricsSettings(token="NOT_THERE")))


def test_machines_are_answered_without_a_session() -> None:
    async def run(web: Web) -> None:
        assert (await web.get("/healthz")).text == '{"ok":true}'
        for where in ("/metrics", "/readyz"):
            page = await web.get(where)
            assert page.status == 403, "asked for by a name that is not this machine's"
            assert "only this machine may read this" in page.text

    at_a_desk(run)


def test_pages_of_any_kind_have_an_icon() -> None:
    async def run(web: Web) -> None:
        page = await web.get("/favicon.ico")
        assert page.status == 200
        assert page.headers["Content-Type"].startswith("image/svg+xml")

    at_a_desk(run)


# ── the curve of money ──────────────────────────────────────────────────────────────────────────


def test_a_sample_a_minute_and_one_an_hour_of_what_is_old() -> None:
    async def run(web: Web) -> None:
        status, first = a_status(), NOW // (60 * MINUTE_NS) * 60 * MINUTE_NS
        for minute in range(120):
            await sync_to_async(samples.write)("main", first + minute * MINUTE_NS, status)
        await sync_to_async(samples.write)("main", first, a_status(realised={"USDT": D(5)}))
        curve = await sync_to_async(samples.curve)("main", "USDT", 0)
        assert len(curve["profit"]) == 120
        assert curve["profit"][0][1] == 0.11, "the first word on a minute stands"
        await sync_to_async(samples.thin_out)("main", first + 119 * MINUTE_NS + samples.FINE_NS)
        kept = [at for at, _ in (await sync_to_async(samples.curve)("main", "USDT", 0))["equity"]]
        hour = first // 10**9
        assert kept == [hour, hour + 3600, hour + 119 * 60], "one an hour, and what is not old yet"

    at_a_desk(run)


def test_a_long_curve_is_thinned_to_a_picture() -> None:
    def write() -> None:
        from kedge.desk.web.models import EquitySample

        rows = [
            EquitySample(
                cell="main", minute_ns=n * MINUTE_NS, asset="USDT", equity=n, realised=0, unrealised=0
            )
            for n in range(4000)
        ]
        EquitySample.objects.bulk_create(rows)

    async def run(web: Web) -> None:
        await sync_to_async(write)()
        points = (await sync_to_async(samples.curve)("main", "USDT", 0))["equity"]
        assert len(points) <= samples.POINTS_MAX * 2
        assert points[-1][1] == 3999, "the latest is there"

    at_a_desk(run)


def test_a_curve_survives_a_busy_database_and_a_restart() -> None:
    async def run(web: Web) -> None:
        await web.context.link.fresh()
        keeper = samples._Keeper(web.context)
        await keeper.once()
        await keeper.once()
        again = samples._Keeper(web.context)  # another life of the desk
        await again.once()
        curve = await sync_to_async(samples.curve)("main", "USDT", 0)
        assert len(curve["equity"]) == 1
        assert await sync_to_async(samples.assets)("main") == ["USDT"]
        kept = await sync_to_async(prices.latest)("main", NOW)
        assert kept == {}, "the minute is not over yet"

    at_a_desk(run)


def test_only_what_there_is_is_sampled() -> None:
    nothing = Money("X", D(0), D(0), D(0))
    some = [Money(f"A{n}", D(n), D(0), D(0)) for n in range(20)]
    assert [one.asset for one in samples.worth_a_sample([nothing, *some])] == [f"A{n}" for n in range(1, 9)]
