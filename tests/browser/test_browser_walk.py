"""A person walks through the whole desk, as they would in their first hour.

Each test is one thing that a person comes to do. They share a desk that runs (`kedge up` with its three first
bots), so each leaves it as it found it, and none relies on another.
"""

from __future__ import annotations

import csv
import re
import time
import urllib.request
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from browsing import NARROW, PATIENCE_MS, Visitor, code_of
from conftest import Arrive
from desks import PASSWORD, RunningDesk
from playwright.sync_api import Locator, expect

WIDTHS = [pytest.param({}, id="wide"), pytest.param({"viewport": NARROW}, id="narrow")]
PERP = "paper/main:BTC-PERP"
DATED = "paper/main:BTC-25DEC26"
# Each kind, with what its form is filled with.
KINDS = {
    "hedge": {"market": PERP, "qty": "0.02"},
    "peg": {"market": PERP, "side": "buy", "qty": "0.03"},
    "pair": {"far": DATED, "near": PERP, "side": "sell", "qty": "0.02"},
    # Above the market, so its one step is bought at once; it is for sale so high that nobody takes it.
    "my_module:Ladder": {"market": PERP, "top": "61500", "step": "3000", "qty": "0.01", "steps": "1"},
}


def start_a_bot(visitor: Visitor, kind: str, name: str, **config: str) -> None:
    """By its form, from the list of bots."""
    visitor.go("/bots/")
    visitor.follow("New bot")
    visitor.page.locator("ul.kinds a", has=visitor.page.get_by_text(kind, exact=True)).click()
    expect(visitor.page.locator("h1")).to_contain_text(kind)
    for field, value in {"name": name, **config}.items():
        place = visitor.page.locator(f'form.once [name="{field}"]')
        if place.evaluate("(one) => one.tagName") == "SELECT":
            place.select_option(value)
        else:
            place.fill(value)
    visitor.press("Start it")
    expect(visitor.page.locator("#bothead h1")).to_contain_text(name)


def do(visitor: Visitor, what: str) -> None:
    """A button of the bot's page, and yes to its question."""
    visitor.follow(what, visitor.page.locator("#bothead"))
    visitor.confirm("Yes")


def phase(visitor: Visitor) -> Locator:
    return visitor.page.locator("#bothead .state")


def number_in(place: Locator) -> Decimal:
    return Decimal(re.sub(r"[^\d.\-]", "", (place.text_content() or "").replace("−", "-")))


# ── looking ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("manner", WIDTHS)
def test_the_page_moves_without_being_loaded_again(
    arrive: Arrive, desk: RunningDesk, manner: dict[str, object]
) -> None:
    """A fill appears, equity changes, and it is still the same document."""
    visitor = arrive(**manner)
    page = visitor.go("/")
    visitor.is_live()
    page.evaluate("window.__same = true")
    equity = page.locator("#money tbody tr", has_text="USD").locator("td").first
    before = number_in(equity)
    name = "moves-narrow" if manner else "moves-wide"
    desk.kedge("bot", "add", name, "peg", f"market={PERP}", "side=buy", "qty=0.01")
    fill = page.locator("#fills tbody tr", has_text=name)
    expect(fill.first).to_contain_text("BTC-PERP")
    expect(page.locator("#botlist")).to_contain_text(name)
    page.wait_for_function(
        "(before) => document.querySelector('#money tbody tr td').textContent !== before",
        arg=equity.text_content(),
        timeout=PATIENCE_MS,
    )
    assert number_in(equity) != before
    assert page.evaluate("window.__same"), "it was not loaded again"


def test_the_menu_of_a_phone_opens_and_leads_on(arrive: Arrive) -> None:
    visitor = arrive(viewport=NARROW, has_touch=True)
    page = visitor.go("/")
    menu = page.locator("#menu")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").tap()
    expect(menu).to_be_visible()
    visitor.follow("Bots", menu)
    expect(page.locator("h1")).to_have_text("Bots")


def test_a_first_hour_on_a_phone(arrive: Arrive, desk: RunningDesk) -> None:
    """In, see it move, a bot from its form to its story, a schedule, a file, out; nothing is wider than the
    window."""
    arrive().go("/")  # the owner has chosen a password
    visitor = arrive("", viewport=NARROW, has_touch=True, is_mobile=True)
    page = visitor.page

    def by_menu(word: str) -> None:
        page.get_by_role("button", name="Menu").tap()
        page.locator("#menu").get_by_role("link", name=word, exact=True).tap()
        expect(page.locator("h1")).to_have_text(word)
        assert not visitor.overflow(), word

    visitor.sign_in()
    visitor.is_live()
    assert not visitor.overflow()
    by_menu("Bots")
    start_a_bot(visitor, "my_module:Ladder", "phone-1", **KINDS["my_module:Ladder"])
    expect(page.locator("#botfills tbody tr[data-key]").first).to_contain_text("BTC-PERP")
    wants = page.locator("#slots tbody tr").first
    expect(wants).to_contain_text("BTC-PERP")
    expect(wants).not_to_contain_text(PERP)
    assert not visitor.overflow()
    do(visitor, "Stop")
    expect(phase(visitor)).to_have_text("stopping")
    do(visitor, "Kill")
    expect(phase(visitor)).to_have_text("killed")
    page.reload()
    expect(page.locator("ol.story")).to_contain_text("traded at")
    schedule_an_audit(visitor, "phone-audit")
    row = page.locator("table.rows tbody tr", has_text="phone-audit")
    assert not visitor.overflow()
    visitor.follow("Remove", row)
    visitor.confirm("Yes")
    expect(row).to_have_count(0)
    by_menu("Orders")
    visitor.follow("Quantity", page.locator("table.rows thead"))
    expect(page.locator("th[aria-sort]")).to_contain_text("Quantity")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Export as CSV").tap()
    assert "phone-1" in Path(coming.value.path()).read_text()
    visitor.press("Sign out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_started_by_its_form_and_trades(arrive: Arrive, kind: str) -> None:
    visitor = arrive()
    name = "by-form-" + kind.rpartition(":")[2].lower()
    start_a_bot(visitor, kind, name, **KINDS[kind])
    page = visitor.page
    expect(page.locator("main")).to_contain_text(name)
    expect(page.locator("#botfills tbody tr[data-key]").first).to_contain_text("BTC-")
    expect(page.locator(f'#slots td[title="{PERP}"] a').first).to_have_text("BTC-PERP")
    # The story is as it was when the page was drawn: drawn again, it has the trade.
    page.reload()
    story = page.locator("ol.story")
    expect(story).to_contain_text(f"added as a {kind}")
    expect(story).to_contain_text("traded at")
    expect(page.locator("#bot-chart canvas").first).to_be_visible()


def test_a_mistake_in_a_form_is_said_and_what_was_typed_stays(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.expected = {400}
    visitor.go("/bots/new/hedge/")
    page = visitor.page
    page.locator('[name="name"]').fill("wrong-1")
    page.locator('[name="market"]').fill(PERP)
    page.locator('[name="qty"]').fill("minus two")
    page.locator('[name="comment"]').fill("keep <b>this</b>")
    visitor.press("Start it")
    expect(page.get_by_role("alert")).to_contain_text("qty")
    expect(page.locator('[name="comment"]')).to_have_value("keep <b>this</b>")
    expect(page.locator('[name="qty"]')).to_have_value("minus two")
    page.locator('[name="qty"]').fill("0")
    visitor.press("Start it")
    expect(page.get_by_role("alert")).to_contain_text("must be above zero")
    # Refused by the engine itself, and then mended in the same form: it is another try, not the same one.
    page.locator('[name="qty"]').fill("0.01")
    page.locator('[name="name"]').fill("hedge-1")
    visitor.press("Start it")
    expect(page.get_by_role("alert")).to_contain_text("hedge-1")
    page.locator('[name="name"]').fill("right-1")
    visitor.press("Start it")
    expect(page.locator("#bothead h1")).to_contain_text("right-1")
    expect(page.locator("#bothead .state")).to_have_text("running")


def test_a_bot_is_paused_resumed_stopped_and_removed(arrive: Arrive) -> None:
    visitor = arrive()
    start_a_bot(visitor, "my_module:Ladder", "life-1", **KINDS["my_module:Ladder"])
    page = visitor.page
    expect(page.locator("#botfills tbody tr[data-key]")).to_have_count(1)
    do(visitor, "Pause")
    expect(phase(visitor)).to_have_text("paused")
    do(visitor, "Resume")
    expect(phase(visitor)).to_have_text("running")
    do(visitor, "Stop")
    # What it bought is for sale far above the market: it says what it waits for.
    expect(phase(visitor)).to_have_text("stopping")
    expect(page.locator("#bothead")).to_contain_text("Waits for")
    do(visitor, "Kill")
    expect(phase(visitor)).to_have_text("killed")
    expect(page.locator("#slots .state.open")).to_have_count(0)
    visitor.follow("Remove", page.locator("#bothead"))
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("checkbox").check()
    dialog.locator("button.danger").click()
    expect(page.locator(".message.success")).to_contain_text("life-1")
    expect(page.locator("#botlist")).not_to_contain_text("life-1")
    # What it did is still told.
    visitor.go("/bots/life-1/")
    expect(page.locator("ol.story")).to_contain_text("traded at")


def test_a_hedge_is_amended_and_closed_by_a_word(arrive: Arrive) -> None:
    visitor = arrive()
    start_a_bot(visitor, "hedge", "closes-1", **KINDS["hedge"])
    page = visitor.page
    expect(page.locator("#bothead")).to_contain_text("open: 0.02 of 0.02")
    visitor.follow("Change…")
    page.locator('[name="comment"]').fill("seen by ann")
    visitor.press("Change it")
    expect(page.locator("table.parameters tr", has_text="comment")).to_contain_text("seen by ann")
    do(visitor, "close")
    expect(page.locator("#bothead")).to_contain_text("closed")
    expect(page.locator("#botfills tbody tr[data-key]")).to_have_count(2)


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_filtered_sorted_exported_and_leads_to_an_order(arrive: Arrive, tmp_path: Path) -> None:
    visitor = arrive()
    page = visitor.go("/orders/")
    page.locator("details.filters summary").click()
    page.locator('.filter-form [name="bot"]').fill("pair-1")
    visitor.press("Show")
    rows = page.locator("table.rows tbody tr")
    expect(rows.first).to_contain_text("pair-1")
    assert all("pair-1" in text for text in rows.all_text_contents())
    visitor.follow("Quantity", page.locator("table.rows thead"))
    expect(page.locator("th[aria-sort]")).to_contain_text("Quantity")
    assert "bot=pair-1" in page.url, "the filter stays when the list is sorted"
    with page.expect_download() as coming:
        page.get_by_role("link", name="Export as CSV").click()
    told = list(csv.DictReader(Path(coming.value.path()).read_text().splitlines()))
    assert told
    assert {row["bot"] for row in told} == {"pair-1"}
    assert all(Decimal(row["qty"]) > 0 for row in told)
    visitor.expected = set()
    rows.first.locator("a").first.click()
    expect(page.locator("h1")).to_contain_text("Order")
    expect(page.locator("ol.story")).to_contain_text("traded at")
    visitor.follow("pair-1")
    expect(page.locator("#bothead h1")).to_contain_text("pair-1")


# ── schedules ───────────────────────────────────────────────────────────────────────────────────


def test_a_command_is_scheduled_and_runs(arrive: Arrive, tmp_path: Path) -> None:
    visitor = arrive()
    page = visitor.page
    schedule_an_audit(visitor, "look-again")
    row = page.locator("table.rows tbody tr", has_text="look-again")
    seen_after(visitor, lambda: "not yet" not in (row.text_content() or ""), "it ran")
    expect(row).to_contain_text("done")
    visitor.follow("Remove", row)
    visitor.confirm("Yes")
    expect(row).to_have_count(0)


def schedule_an_audit(visitor: Visitor, name: str) -> None:
    page = visitor.go("/schedules/")
    visitor.follow("New schedule")
    page.locator("ul.kinds a", has=page.get_by_text("audit", exact=True)).click()
    page.locator('[name$="account"]').fill("paper/main")
    page.locator('[name="every"]').fill("0 3 * * 1")
    expect(page.locator("#rhythm")).to_contain_text("03:00")
    page.locator('[name="every"]').fill("10s")
    page.locator('[name="name"]').fill(name)
    visitor.press("Set the schedule")
    expect(page.locator("table.rows tbody tr", has_text=name)).to_be_visible()


def seen_after(visitor: Visitor, holds: object, what: str) -> None:
    """Load the page again until it shows that."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        visitor.page.reload()


# ── people ──────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_made_shown_once_used_and_revoked(arrive: Arrive, desk: RunningDesk) -> None:
    visitor = arrive()
    page = visitor.go("/you/tokens/")
    page.get_by_label("Name").fill("a script")
    page.get_by_label("May").select_option("look")
    visitor.press("Make a token")
    token = page.locator("code.token").text_content() or ""
    assert len(token) > 30
    assert asked(desk, "/api/v1/status", token)[0] == 200
    assert asked(desk, "/api/v1/status", "")[0] == 401
    status, told = asked(desk, "/api/v1/kill", token, b"{}")
    assert status == 403, told
    page.reload()
    expect(page.locator("main")).not_to_contain_text(token)
    row = page.locator("tbody tr", has_text="a script")
    visitor.press("Revoke", row)
    expect(row).to_contain_text("revoked")
    assert asked(desk, "/api/v1/status", token)[0] == 401


def asked(desk: RunningDesk, where: str, token: str, body: bytes | None = None) -> tuple[int, object]:
    """What a program without a browser is told."""
    request = urllib.request.Request(desk.address + where, body)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read())


def test_a_one_time_password_is_shown_once_and_made_once(arrive: Arrive) -> None:
    owner = arrive()
    page = owner.go("/people/")
    page.get_by_label("Name", exact=True).fill("rita")
    owner.press("Add a person")
    once = page.locator("code.token").text_content() or ""
    assert len(once) == 19
    page.reload()
    expect(page.locator("code.token")).to_have_count(0)
    expect(page.locator(".message.error")).to_have_count(0)
    row = page.locator("table.rows tbody tr", has_text="rita")
    owner.press("New password", row)
    again = page.locator("code.token").text_content() or ""
    assert again not in (once, "")
    page.go_back()
    page.go_forward()
    expect(page.locator("code.token")).to_have_count(0)
    arrive("").come_in_first("rita", again)


def test_a_viewer_sees_everything_and_can_do_nothing(arrive: Arrive) -> None:
    owner = arrive()
    page = owner.go("/people/")
    page.get_by_label("Name", exact=True).fill("vera")
    page.locator('form.row select[name="role"]').select_option("viewer")
    owner.press("Add a person")
    once = page.locator("code.token").text_content() or ""
    viewer = arrive("")
    viewer.come_in_first("vera", once)
    page = viewer.go("/")
    viewer.is_live()
    expect(page.locator("#botlist")).to_contain_text("hedge-1")
    for word in ("New bot", "Kill switch…", "People", "Admin"):
        expect(page.get_by_role("link", name=word)).to_have_count(0)
    viewer.go("/bots/hedge-1/")
    expect(page.locator("#bothead a")).to_have_count(0)
    # Who knows the address is told so, too, and nothing happens.
    viewer.expected = {403}
    for where in ("/do/kill/", "/bots/new/hedge/", "/people/"):
        viewer.go(where)
        expect(page.locator("main")).to_contain_text("Not for your role")
    viewer.go("/")
    expect(page.locator("#switch")).not_to_contain_text("On:")


def test_the_kill_switch_takes_two_steps_and_is_released(arrive: Arrive) -> None:
    visitor = arrive()
    page = visitor.go("/")
    visitor.follow("Kill switch…")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Every order is cancelled")
    dialog.get_by_role("link", name="No, go back").click()
    expect(page.locator("#standing .banner.bad")).to_have_count(0)
    visitor.follow("Kill switch…")
    dialog.locator("textarea").fill("a test of the brakes")
    dialog.locator("button.danger").click()
    try:
        expect(page.locator("#standing")).to_contain_text("The kill switch is on.")
        expect(page.locator("#standing")).to_contain_text("a test of the brakes")
        expect(page.locator("#switch")).to_contain_text("Release it…")
    finally:
        visitor.follow("Release it…")
        visitor.confirm("Yes")
    expect(page.locator("#standing .banner.bad")).to_have_count(0)
    visitor.go("/commands/")
    who = page.locator("table.rows tbody tr", has_text="kill").first
    expect(who).to_contain_text(":owner")


def test_language_and_zone_are_the_persons_own(arrive: Arrive) -> None:
    visitor = arrive("lea", "trader")
    for language, word in (("ru", "Боты"), ("fr", "Robots|Bots|Automates")):
        visitor.go("/you/")
        visitor.page.locator('[name="language"]').select_option(language)
        visitor.page.locator('[name="zone"]').select_option("Asia/Tokyo")
        visitor.page.locator("main form button.primary").click()
        expect(visitor.page.locator("html")).to_have_attribute("lang", language)
        expect(visitor.page.locator("#menu")).to_contain_text(re.compile(word))
    visitor.go("/")
    shown = visitor.page.locator("#fills time").first
    expect(shown).to_be_visible()
    moment = shown.get_attribute("datetime") or ""
    assert moment
    hour = (int(moment[11:13]) + (9 if moment.endswith(("Z", "+00:00")) else 0)) % 24
    assert f"{hour:02d}:" in (shown.text_content() or "")
    visitor.go("/you/")
    visitor.page.locator('[name="language"]').select_option("en")
    visitor.page.locator("main form button.primary").click()
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")


def test_a_second_factor_is_enrolled_and_asked_for(arrive: Arrive, desk: RunningDesk) -> None:
    visitor = arrive("tom", "trader")
    page = visitor.go("/you/two-factor/")
    expect(page.locator("img.qr")).to_be_visible()
    secret = (page.locator("main p code").text_content() or "").strip()
    page.get_by_label("Code").fill(code_of(secret, time.time()))
    visitor.press("Switch it on")
    expect(page.locator("ul.codes li").first).to_be_visible()
    recovery = page.locator("ul.codes li").first.text_content() or ""
    visitor.press("Sign out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill("tom")
    page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Sign in")
    expect(page.locator("h1")).to_have_text("Second factor")
    # The password alone opens nothing.
    page.goto("/bots/")
    expect(page.locator("#botlist")).to_have_count(0)
    if not page.get_by_label("Code from your phone").count():
        page.get_by_label("Name").fill("tom")
        page.get_by_label("Password").fill(PASSWORD)
        visitor.press("Sign in")
    # A code opens once: the next one is of the next half minute, which a clock that is a little fast shows.
    page.get_by_label("Code from your phone").fill(code_of(secret, time.time() + 30))
    visitor.press("Go on")
    expect(page.locator("header .me")).to_contain_text("tom")
    visitor.press("Sign out")
    page.get_by_label("Name").fill("tom")
    page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Sign in")
    page.get_by_label("Code from your phone").fill(recovery)
    visitor.press("Go on")
    expect(page.locator("header .me")).to_contain_text("tom")
    visitor.press("Sign out")
    page.goto("/bots/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
