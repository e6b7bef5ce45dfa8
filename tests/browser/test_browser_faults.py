"""What a person sees when something dies under the page: the engine, the desk's process, its database.

Engine and pages run as two services here, so that each can be killed alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from browsing import PATIENCE_MS, Visitor
from conftest import Arrive
from desks import RunningDesk, running
from playwright.sync_api import Browser, Page, expect

PERP = "paper/main:BTC-PERP"


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("desk") / "h", apart=True) as made:
        yield made


@contextlib.contextmanager
def without_engine(desk: RunningDesk, *visitors: Visitor) -> Iterator[None]:
    desk.kill_engine()
    try:
        yield
    finally:
        desk.start_engine()


def is_back(visitor: Visitor) -> None:
    expect(visitor.page.locator("#standing")).not_to_contain_text("The engine is away.")


def bots_called(desk: RunningDesk, name: str) -> int:
    return sum(one["bot"] == name for one in desk.json("bots"))


def taken(desk: RunningDesk, verb: str, of: str = "owner") -> int:
    """How often a command of this kind was carried out for this person."""
    rows = desk.json("commands", "--limit", "500")["rows"]
    return sum(row["verb"] == verb and row["actor"].endswith(f":{of}") for row in rows)


def test_the_engine_is_killed_and_comes_back(arrive: Arrive, desk: RunningDesk) -> None:
    """The page says so and how old it is, refuses commands in one sentence, then moves again by itself."""
    visitor = arrive()
    visitor.expected = {503}
    page = visitor.go("/")
    visitor.is_live()
    form = arrive()
    form.go("/bots/new/hedge/")
    form.page.locator('[name="comment"]').fill("typed before it died")
    with without_engine(desk):
        standing = page.locator("#standing")
        expect(standing).to_contain_text("The engine is away.")
        expect(standing).to_contain_text("old")
        aged = standing.text_content()
        page.wait_for_function(
            "(before) => document.getElementById('standing').textContent !== before",
            arg=aged,
            timeout=PATIENCE_MS,
        )
        # What was known is still there.
        expect(page.locator("#botlist")).to_contain_text("hedge-1")
        # A command now: one sentence, and nothing that would be done later.
        before = page.url
        visitor.follow("Kill switch…")
        page.locator("dialog[open] button.danger").click()
        expect(page.get_by_role("alert")).to_contain_text("Not done")
        assert page.locator("main .message.error").count() == 1
        page.goto(before)
        # Other pages stay readable; what is being typed elsewhere is not touched.
        for where in ("/bots/", "/orders/", "/schedules/"):
            visitor.go(where)
            expect(page.locator("h1")).to_be_visible()
        expect(form.page.locator("#standing")).to_contain_text("The engine is away.")
        expect(form.page.locator('[name="comment"]')).to_have_value("typed before it died")
        visitor.go("/")
    is_back(visitor)
    is_back(form)
    assert taken(desk, "desk.kill") == 0, "nothing was kept to be done later"
    expect(form.page.locator('[name="comment"]')).to_have_value("typed before it died")
    desk.kedge("bot", "add", "after-1", "peg", f"market={PERP}", "side=buy", "qty=0.01")
    expect(page.locator("#fills tbody tr", has_text="after-1").first).to_be_visible()


def test_the_pages_are_killed_and_come_back(arrive: Arrive, desk: RunningDesk) -> None:
    """The stream is joined again, the session holds, and the engine noticed nothing."""
    visitor = arrive()
    page = visitor.go("/")
    visitor.is_live()
    page.evaluate("window.__same = true")
    visitor.away = True
    desk.kill_pages()
    expect(page.locator("#line")).not_to_have_class("line on")
    desk.kedge("bot", "add", "meanwhile-1", "peg", f"market={PERP}", "side=buy", "qty=0.01")
    desk.start_pages()
    visitor.is_live()
    visitor.away = False
    # What happened while nobody could see is there, without loading the page again.
    expect(page.locator("#fills tbody tr", has_text="meanwhile-1").first).to_be_visible()
    assert page.evaluate("window.__same")
    visitor.go("/you/")
    expect(page.locator("header .me")).to_contain_text("owner")


def test_the_peoples_database_is_locked_for_a_while(arrive: Arrive, desk: RunningDesk) -> None:
    """One sentence instead of a fault, trading goes on, and afterwards everything is as before."""
    visitor = arrive()
    visitor.expected = {503}
    page = visitor.go("/you/")
    held = sqlite3.connect(desk.home / "desk.sqlite", isolation_level=None)
    try:
        held.execute("BEGIN EXCLUSIVE")
        page.locator('[name="zone"]').select_option("Europe/Paris")
        page.locator("main form button.primary").click()
        expect(page.locator("h1")).to_contain_text("The database is busy")
        assert "Traceback" not in page.content()
        desk.kedge("bot", "add", "locked-1", "peg", f"market={PERP}", "side=buy", "qty=0.01")
    finally:
        held.execute("ROLLBACK")
        held.close()
    visitor.go("/")
    visitor.is_live()
    expect(page.locator("#fills tbody tr", has_text="locked-1").first).to_be_visible()


def test_a_double_click_acts_once(arrive: Arrive, desk: RunningDesk) -> None:
    visitor = arrive()
    page = visitor.go("/bots/hedge-1/")
    visitor.follow("Pause", page.locator("#bothead"))
    before = taken(desk, "bot.pause")
    page.locator("dialog[open] button.primary").dblclick()
    expect(page.locator("#bothead .state")).to_have_text("paused")
    assert taken(desk, "bot.pause") == before + 1
    visitor.follow("Resume", page.locator("#bothead"))
    visitor.confirm("Yes")
    expect(page.locator("#bothead .state")).to_have_text("running")


def test_the_way_back_asks_anew_and_does_nothing_by_itself(arrive: Arrive, desk: RunningDesk) -> None:
    """Back, forward and loading again send nothing: a second yes is a person's own, with a key of its own."""
    visitor = arrive()
    page = visitor.go("/do/bot-tell/?name=hedge-1&text=no-such-word&next=/bots/")
    before = taken(desk, "bot.tell")
    key = page.locator('[name="command_id"]').input_value()
    page.locator("#ask button.primary").click()
    expect(page.get_by_role("alert")).to_contain_text("no-such-word")
    page.go_back()
    expect(page.locator("#ask")).to_be_visible()
    assert page.locator('[name="command_id"]').input_value() != key
    page.go_forward()
    page.reload()
    expect(page.locator("#botlist")).to_be_visible()
    assert taken(desk, "bot.tell") == before + 1


def test_the_way_back_to_an_answered_question_says_what_was_done(arrive: Arrive, desk: RunningDesk) -> None:
    """The question keeps its key in its address, so that a second yes by Back can do nothing."""
    visitor = arrive()
    page = visitor.go("/do/bot-pause/?name=hedge-1&next=/bots/hedge-1/")
    before = taken(desk, "bot.pause")
    key = page.locator('[name="command_id"]').input_value()
    page.reload()
    assert page.locator('[name="command_id"]').input_value() == key, "not answered: the same question"
    page.locator("#ask button.primary").click()
    expect(page.locator("#bothead .state")).to_have_text("paused")
    page.go_back()
    expect(page.locator("#ask")).to_contain_text("it was done once")
    expect(page.locator("#ask button")).to_have_count(0)
    page.go_forward()
    expect(page.locator("#bothead .state")).to_have_text("paused")
    assert taken(desk, "bot.pause") == before + 1
    page.go_back()
    visitor.follow("Ask me again")
    assert page.locator('[name="command_id"]').input_value() != key
    page.locator("#ask .close").click()
    expect(page.locator("#bothead .state")).to_have_text("paused")
    visitor.follow("Resume", page.locator("#bothead"))
    visitor.confirm("Yes")
    expect(page.locator("#bothead .state")).to_have_text("running")


def test_a_form_sent_by_two_tabs_starts_one_bot(arrive: Arrive, desk: RunningDesk) -> None:
    """The same form, sent by hand a second time as a restored browser would."""
    visitor = arrive()
    page = visitor.go("/bots/new/peg/")
    for field, value in {"name": "once-1", "market": PERP, "qty": "0.01"}.items():
        page.locator(f'[name="{field}"]').fill(value)
    page.locator('[name="side"]').select_option("buy")
    sent = fields_of(page)
    visitor.press("Start it")
    expect(page.locator("#bothead h1")).to_contain_text("once-1")
    again = visitor.context.request.post(
        f"{desk.address}/bots/new/peg/", form=sent, headers={"Referer": f"{desk.address}/bots/new/peg/"}
    )
    assert again.status == 200, again.text()[:500]
    assert bots_called(desk, "once-1") == 1
    assert taken(desk, "bot.add") == 1


def fields_of(page: Page) -> dict[str, str]:
    return dict(page.evaluate("Object.fromEntries(new FormData(document.querySelector('form.once')))"))
