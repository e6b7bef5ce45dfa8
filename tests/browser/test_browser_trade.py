"""A trader's day at the desk: a sale, a spread, stops that are seen first, a stash, lists, a scan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import AXE_AGAIN, NARROW, WIDE, Visitor
from conftest import Arrive
from desks import RunningDesk
from playwright.sync_api import expect

PERP = "BTC-PERP"


def fill(visitor: Visitor, **values: str) -> None:
    for name, value in values.items():
        visitor.page.locator(f'form.once [name="{name}"]').fill(value)


def is_usable(visitor: Visitor) -> None:
    """By everybody: as it is now, and in the dark on a phone."""
    assert visitor.axe() == []
    assert visitor.overflow() == []
    visitor.page.set_viewport_size(NARROW)
    visitor.page.emulate_media(color_scheme="dark")
    assert visitor.axe(AXE_AGAIN) == []
    assert visitor.overflow() == []
    visitor.page.set_viewport_size(WIDE)
    visitor.page.emulate_media(color_scheme="light")


def test_a_sale_is_started_changed_and_stopped(arrive: Arrive) -> None:
    visitor = arrive()
    page = visitor.go("/tasks/")
    visitor.follow("Sell")
    # A limit that nobody pays, so that it is at work until it is stopped.
    fill(visitor, ticker=PERP, qty="0.02", limit="900000", name="walk-sale")
    visitor.press("Show what it would do")
    expect(page.locator("#seen")).to_contain_text("sell 0.02 of paper/main:BTC-PERP")
    is_usable(visitor)
    fill(visitor, qty="0.03")
    visitor.press("Start it")
    expect(page.locator("#seen")).to_contain_text("sell 0.03 of paper/main:BTC-PERP")
    visitor.press("Start it")
    row = page.locator('#tasklist tr[data-key="walk-sale"]')
    expect(row).to_contain_text("0 / 0.03")
    is_usable(visitor)
    visitor.follow("Change", row)
    dialog = page.locator("dialog[open]")
    expect(dialog.locator('[name="qty"]')).to_have_value("0.03")
    assert visitor.axe() == []
    dialog.locator('[name="qty"]').fill("0.05")
    visitor.press("Change it", dialog)
    expect(row).to_contain_text("0 / 0.05")
    visitor.follow("Stop", row)
    visitor.confirm("Yes")
    expect(row).to_have_count(0)


@pytest.mark.parametrize("manner", [{}, {"viewport": NARROW}], ids=["wide", "narrow"])
def test_a_spread_is_told_its_ratio_and_price(arrive: Arrive, manner: dict[str, object]) -> None:
    visitor = arrive(**manner)
    page = visitor.go("/scan/?rate=-99")
    expect(page.locator("#basis-chart canvas")).to_be_visible()
    if not manner:
        is_usable(visitor)
    visitor.follow("Spread", page.locator("table.rows"))
    expect(page.locator("h1")).to_have_text("Spread")
    expect(page.locator('form.once [name="far"]')).to_have_value(re.compile(r"paper/main:BTC-"))
    fill(visitor, qty="0.02", ratio="")
    visitor.press("Show what it would do")
    expect(page.locator("#seen")).to_contain_text("Ratio, by the contracts")
    expect(page.locator("#seen")).to_contain_text("while the spread is")
    assert visitor.overflow() == []


def test_stops_are_seen_placed_saved_cancelled_and_put_back(arrive: Arrive, desk: RunningDesk) -> None:
    visitor = arrive()
    page = visitor.go("/tasks/new/stops/")
    fill(visitor, tickers=PERP, levels="30,40", sum="9000", expires="none", name="walk-stops")
    visitor.press("Show what it would do")
    expect(page.locator("#seen tbody tr")).to_have_count(2)
    is_usable(visitor)
    visitor.press("Start it")
    expect(page.locator('#tasklist tr[data-key="walk-stops"]')).to_contain_text("2 of 2 orders stand")
    visitor.go("/stashes/")
    visitor.follow("Save now")
    dialog = page.locator("dialog[open]")
    dialog.locator('[name="name"]').fill("walk")
    dialog.locator('[name="cancel"]').check()
    visitor.confirm("Yes")
    stash = page.locator('#stashlist tr[data-key="walk"]')
    expect(stash).to_contain_text("walk-stops is still until it is restored")
    visitor.follow("walk", stash)
    expect(page.locator("tbody tr")).to_have_count(2)
    is_usable(visitor)
    visitor.follow("Put back")
    visitor.confirm("Yes")
    expect(page.locator("h1")).to_have_text("Stashes")
    expect(stash).not_to_contain_text("is still until it is restored")
    is_usable(visitor)
    visitor.follow("Drop", stash)
    visitor.confirm("Yes")
    expect(stash).to_have_count(0)
    desk.kedge("bot", "kill", "walk-stops")


def test_a_list_is_changed_where_it_stands(arrive: Arrive, desk: RunningDesk) -> None:
    visitor = arrive()
    page = visitor.go("/lists/")
    page.get_by_label("whitelist", exact=True).fill("btc-perp eth-perp")
    visitor.press("Keep whitelist")
    visitor.sees("whitelist: BTC-PERP, ETH-PERP")
    expect(page.get_by_label("whitelist", exact=True)).to_have_value("BTC-PERP, ETH-PERP")
    is_usable(visitor)
    visitor.expected.add(400)
    page.get_by_label("stops-levels", exact=True).fill("much")
    visitor.press("Keep stops-levels")
    visitor.sees("is no level")
    desk.kedge("list", "set", "whitelist")


def test_a_scan_is_kept_as_a_file_and_instruments_tell_their_session(arrive: Arrive, tmp_path: Path) -> None:
    visitor = arrive()
    page = visitor.go("/scan/?rate=-99")
    with page.expect_download() as coming:
        visitor.follow("Export as CSV")
    coming.value.save_as(tmp_path / "scan.csv")
    assert "BTC-25DEC26" in (tmp_path / "scan.csv").read_text("utf-8-sig")
    visitor.go("/scan/dividends/")
    is_usable(visitor)
    visitor.go("/instruments/at/paper/main:BTC-25DEC26/")
    visitor.sees("Session")
    visitor.go("/instruments/")
    visitor.follow("Refresh")
    page.locator('dialog[open] [name="account"]').select_option("paper/main")
    visitor.confirm("Yes")
    is_usable(visitor)
