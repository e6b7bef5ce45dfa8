"""Lists: what they show, how they are narrowed, sorted, leafed through, exported, and whom they let in."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from desk_kit import Page, Web
from fake_port import NOW
from list_kit import EVIL, FORMULA, MARKET, ORDERS, ListPort, at_the_lists, order_id

from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web.lists import asking, cells, export
from kedge.desk.web.lists import preorders as _joined
from kedge.desk.web.lists.listings import LISTS
from kedge.journal.rows import Ask

assert _joined.NAME in LISTS


def rows_of(page: Page) -> list[str]:
    return re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", page.text, re.S)


async def body_of(page: Page) -> str:
    parts = [part async for part in page.response.streaming_content]
    return b"".join(parts).decode()


# ── what they show ──────────────────────────────────────────────────────────────────────────────


def test_every_list_shows_its_rows_and_sorts_by_each_column() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        for name, one in LISTS.items():
            page = await web.get(f"/{name}/")
            assert page.status == 200, name
            assert rows_of(page) or name == "preorders", f"{name} is empty"
            sorts = set(re.findall(r'<th scope="col"[^>]*><a href="\?([^"]*)"', page.text))
            wanted = {one.sort_of(column.name) for column in one.columns} - {""}
            assert len(sorts) == len(wanted) or name == "preorders", name
            for where in sorted(sorts):
                sorted_page = await web.get(f"/{name}/?{html.unescape(where)}")
                assert sorted_page.status == 200, where
                assert "aria-sort=" in sorted_page.text, where

    at_the_lists(run)


def test_what_others_wrote_cannot_become_markup() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        for where in (
            *(f"/{name}/" for name in LISTS),
            *(f"/orders/{order_id(7)}/", "/journal/3/", f"/orders/?q={EVIL}", f"/notes/?bot={EVIL}"),
        ):
            page = await web.get(where)
            assert "<script>alert" not in page.text, where
            assert page.status in (200, 400), where
        assert html.escape(EVIL) in (await web.get("/notes/")).text

    at_the_lists(run)


def test_a_list_says_which_rows_of_how_many_and_leads_on() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        first = await web.get("/orders/?rows=25")
        assert len(rows_of(first)) == 25
        assert f"1–25 of {ORDERS} rows" in first.text
        second = await web.get("/orders/?rows=25&page=2")
        assert f"26–50 of {ORDERS} rows" in second.text
        assert set(rows_of(first)).isdisjoint(rows_of(second))
        last = await web.get("/orders/?page=3")
        assert f"51–60 of {ORDERS} rows" in last.text, "rows per page are kept for the person"
        assert 'rel="next"' not in last.text
        assert 'rel="prev"' in last.text
        other = web.another()
        await other.sign_in("wil", "viewer")
        assert f"1–50 of {ORDERS} rows" in (await other.get("/orders/")).text, "not for somebody else"

    at_the_lists(run)


def test_beyond_the_numbered_pages_one_goes_on_from_row_to_row(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(web: Web) -> None:
        from kedge.desk.web.lists import views

        monkeypatch.setattr(views, "COUNTED", 25)
        await web.sign_in("vic", "viewer")
        seen: list[str] = []
        where = "/fills/?rows=25"
        while where:
            page = await web.get(where)
            assert page.status == 200
            seen += rows_of(page)
            found = re.search(r'href="(\?[^"]*)" rel="next"', page.text)
            where = f"/fills/{html.unescape(found[1])}" if found else ""
            assert not found or "after=" in where or "page=2" in where
        assert len(seen) == len(set(seen)) == (ORDERS - 1) * 3

    at_the_lists(run)


# ── narrowing ───────────────────────────────────────────────────────────────────────────────────


def test_filters_texts_and_times_narrow_a_list() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        assert "1–20 of 20 rows" in (await web.get("/orders/?bot=peg-1")).text
        assert "1–1 of 1 row" in (await web.get("/orders/?state=pending")).text
        assert "1–50 of 60 rows" in (await web.get(f"/orders/?market={MARKET}&account=paper/main")).text
        assert "1–1 of 1 row" in (await web.get(f"/orders/?q={order_id(3)}")).text
        assert "1–3 of 3 rows" in (await web.get(f"/fills/?client_id={order_id(3)}")).text
        assert "No row fits these filters" in (await web.get("/orders/?q=nowhere")).text
        none = await web.get("/orders/?from=2031-01-01")
        assert "No row fits these filters" in none.text
        assert "nothing" in none.text

    at_the_lists(run)


def test_a_mistake_in_the_address_is_one_sentence() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        for where, says in (
            ("/orders/?state=opn", "orders cannot be"),
            ("/orders/?from=yesterday", "A time is written like"),
            ("/orders/?page=100000", "Pages are numbered up to row"),
            (f"/orders/?q={'x' * 300}", "A filter has at most 200 letters"),
        ):
            page = await web.get(where)
            assert page.status == 400, where
            assert says in page.text, where
            assert "<form" in page.text, "the form stays, so that it can be mended"
        assert (await web.get("/orders/?sort=nonsense&rows=7&page=x")).status == 200

    at_the_lists(run)


def test_a_day_is_the_persons_own() -> None:
    from django.utils import timezone

    one = LISTS["orders"]
    with timezone.override("Europe/Paris"):
        asked = asking.read(one, {"from": "2026-11-20", "to": "2026-11-20"}, 50, NOW)
    assert asked.ask.since_ns is not None
    assert asked.ask.until_ns is not None
    assert export.iso(asked.ask.since_ns).startswith("2026-11-19T23:00:00")
    assert export.iso(asked.ask.until_ns).startswith("2026-11-20T23:00:00"), "the last day is in it"
    with timezone.override("UTC"):
        today = asking.read(one, {"span": "today"}, 50, NOW)
    assert today.ask.since_ns == NOW // (86400 * 10**9) * 86400 * 10**9
    assert asking.read(one, {"bot": "-"}, 50, NOW).ask.bot == "", "- is nobody's"


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def test_a_file_holds_the_whole_filter_with_exact_numbers() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        page = await web.get("/fills/csv/?bot=peg-2&rows=25&page=2")
        assert page.headers["Content-Type"].startswith("text/csv")
        assert 'filename="kedge-fills.csv"' in page.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO((await body_of(page)).removeprefix("\ufeff"))))
        assert len(rows) == 60, "every row of the filter, whatever the page was"
        assert {row["bot"] for row in rows} == {"peg-2"}
        assert rows[0]["qty"] == "0.1"
        assert re.fullmatch(r"2025-10-09T\d\d:\d\d:\d\d\.\d{9}Z", rows[0]["ts"])
        cash = list(csv.DictReader(io.StringIO(await body_of(await web.get("/cash/csv/")))))
        assert cash[0]["amount"] == "-0.1234567890123456789", "a minus of a number is no formula"

    at_the_lists(run)


def test_a_text_that_looks_like_a_formula_is_a_text() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        notes = await body_of(await web.get("/notes/csv/"))
        assert f"'{FORMULA}" in notes
        assert f",{FORMULA}" not in notes
        assert f"'{FORMULA}" in await body_of(await web.get("/commands/csv/"))

    at_the_lists(run)
    for risky in ("=1", "+1", "-1", "@a", "\tx", "\rx", "\nx"):
        assert export.plain("text", risky) == f"'{risky}"
    assert export.plain("qty", Decimal("-1.50")) == "-1.5"
    assert export.plain("ok", True) == "true"
    assert export.plain("ts_ns", 0) == ""


def test_a_file_that_cannot_be_read_is_a_page_and_not_half_a_file() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        assert (await web.get("/orders/csv/?state=opn")).status == 400

        def broken(*_: object) -> object:
            raise DatabaseTrouble("desk-rows.sqlite is locked")
            yield

        web.context.tables.each = broken
        page = await web.get("/orders/csv/")
        assert page.status == 503
        assert "is locked. Trading goes on" in page.text
        from kedge.desk.web.lists import views

        assert views._exports == []

    at_the_lists(run)


# ── news, things, doors ─────────────────────────────────────────────────────────────────────────


def test_new_rows_are_counted_with_the_same_filters() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("vic", "viewer")
        page = await web.get("/orders/?bot=peg-1")
        where = html.unescape(re.search(r'data-url="(new/\?[^"]*)"', page.text)[1])  # type: ignore[index]
        assert json.loads((await web.get(f"/orders/{where}")).text) == {"new": 0, "says": ""}
        older = re.sub(r"since=\d+", "since=1", where)
        assert json.loads((await web.get(f"/orders/{older}")).text) == {"new": 20, "says": "20 new rows"}
        assert (await web.get("/orders/new/?since=soon")).status == 400
        past = await web.get("/orders/?to=2031-01-01")
        assert 'data-url=""' in past.text, "a time that has ended brings nothing new"

    at_the_lists(run)


def test_an_order_an_instrument_and_a_record_have_pages() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        order = await web.get(f"/orders/{order_id(4)}/")
        for word in (
            "joins the best bid",
            "0.1",
            "60004",
            'href="/journal/',
            "/instruments/at/paper/main%3A",
        ):
            assert word in order.text, word
        assert "resolve" not in order.text
        # Nobody knows what became of the last one: the tables are told of a new life.
        assert (await web.get(f"/orders/{'0' * 32}/")).status == 404
        instrument = await web.get(f"/instruments/at/{MARKET}/")
        assert instrument.status == 200
        assert "0.001" in instrument.text
        assert (await web.get("/instruments/at/paper/main:NOPE/")).status == 404
        record = await web.get("/journal/3/")
        assert record.status == 200
        assert "InstrumentKnown" in record.text
        assert (await web.get("/journal/999999/")).status == 404
        assert (await web.get("/journal/0/")).status == 404

    at_the_lists(run)


def test_rows_lead_to_one_another() -> None:
    assert cells.address("order", "ab" * 16) == f"/orders/{'ab' * 16}/"
    assert cells.address("record", 17) == "/journal/17/"
    assert cells.address("instrument", MARKET) == "/instruments/at/paper/main%3ABTC-PERP/"
    assert cells.address("bot", "a b/c?").startswith("/bots/a%20b")
    assert cells.address("no such route", 1) == ""


def test_strangers_see_nothing_and_the_tables_may_be_away() -> None:
    async def run(web: Web) -> None:
        for where in (*(f"/{name}/" for name in LISTS), "/orders/csv/", "/orders/new/?since=1", "/people/"):
            page = await web.get(where)
            assert (page.status, page.where.partition("?")[0]) == (302, "/sign-in/"), where
        await web.sign_in("vic", "viewer")
        assert (await web.get("/people/")).status == 403

        def away(*_: object, **__: object) -> object:
            raise DatabaseTrouble("desk-rows.sqlite is locked")

        web.context.tables.find = away
        page = await web.get("/orders/")
        assert page.status == 503
        assert "is locked. Trading goes on" in page.text
        web.context.tables = None
        assert (await web.get("/orders/")).status == 503

    at_the_lists(run)


def test_preorders_answer_as_the_tables_do() -> None:
    async def run(web: Web) -> None:
        from django.utils import timezone

        from kedge.desk.web.preorders.models import Preorder

        def make() -> None:
            for number in range(60):
                Preorder.objects.create(
                    preorder_id=number,
                    created_at=timezone.now(),
                    sum_btc=Decimal("0.123456789012"),
                    buyer=EVIL[:30],
                    is_garant=number < 5,
                    status="closed" if number % 2 else "open",
                )

        await sync_to_async(make)()
        await web.sign_in("vic", "viewer")
        page = await web.get("/preorders/?rows=25")
        assert "1–25 of 60 rows" in page.text
        assert "<script>" not in page.text.replace('<script src="', "")
        assert "1–3 of 3 rows" in (await web.get("/preorders/?state=open&kind=guaranteed")).text
        assert (await web.get("/preorders/?kind=whatever")).status == 400
        rows = list(csv.DictReader(io.StringIO(await body_of(await web.get("/preorders/csv/")))))
        assert len(rows) == 60
        assert rows[0]["sum_btc"] == "0.123456789012"
        found = _joined.Preorders()
        seen = await sync_to_async(lambda: found.find("", Ask(limit=40), after="40"))()
        assert (len(seen.rows), seen.next) == (20, "")

    at_the_lists(run, ListPort())
