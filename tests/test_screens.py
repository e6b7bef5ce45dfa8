"""What people see: golden outputs at two widths, exact numbers, local times, harmless text."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone
from decimal import Decimal

import pytest
from fake_port import CLIENT_ID, NOW, NS, D, a_bot, a_position, a_status, an_order
from pages import check_golden

from kedge.desk.screens import (
    ROWS,
    Look,
    Screen,
    about,
    clean,
    digits,
    moment,
    order_id,
    plain,
    rows_screen,
    short_id,
    span,
)
from kedge.desk.screens_status import bots_screen, status_screen, summary_screen
from kedge.desk.screens_story import story_screen

LOOK = Look(NOW, UTC)
MARKET = "paper/main:BTC-PERP"

ORDER = {
    **plain(an_order()),
    "placed_ns": NOW - 3 * NS,
    "average": "60012.5",
    "reason": "",
    "why": "open 0.05 short",
}
FILL = {
    "ts_ns": NOW - 2 * NS,
    "bot": "hedge-1",
    "slot": "open",
    "market": MARKET,
    "side": "sell",
    "qty": "0.020",
    "price": "60012.50",
    "fee": "0.12",
    "fee_asset": "USDT",
    "realised": "0",
    "client_id": CLIENT_ID,
    "exec_id": "x-1",
}
DECISION = {
    "ts_ns": NOW - 3 * NS,
    "verb": "refused",
    "bot": "hedge-1",
    "slot": "open",
    "market": MARKET,
    "client_id": "",
    "side": "sell",
    "qty": "5",
    "price": "60012.5",
    "why": "bot limit: 300062.5 USDT is more than the largest order of 250000",
}
NOTE = {
    "ts_ns": NOW - NS,
    "level": "alarm",
    "bot": "",
    "account": "paper/main",
    "text": "an order is UNKNOWN",
}
COMMAND = {
    "ts_ns": NOW - NS,
    "actor": "root",
    "via": "cli",
    "verb": "bot.pause",
    "ok": False,
    "says": "there is no bot 'b'",
    "command_id": "0123456789abcdef",
}
CASH = {
    "ts_ns": NOW,
    "account": "paper/main",
    "kind": "funding",
    "amount": "-0.5",
    "asset": "USDT",
    "symbol": "BTC-PERP",
}
STORY = [
    {"ts_ns": NOW, "kind": "Intent", "client_id": CLIENT_ID, "says": "sell 0.05 at 60012.5: open 0.05 short"},
    {
        "ts_ns": NOW + 12 * 1_000_000,
        "kind": "OrderMoved",
        "client_id": CLIENT_ID,
        "says": "open at the venue",
    },
    {
        "ts_ns": NOW + 3 * NS,
        "kind": "Filled",
        "client_id": CLIENT_ID,
        "says": "sold 0.05 at 60012.5, fee 0.3 USDT",
    },
]
SCREENS: dict[str, Screen] = {
    "status": status_screen(a_status(), LOOK),
    "status-killed": status_screen(
        a_status(killed=True, killed_why="lunch", seq=430, unhedged=D("0.05"), bots=(), accounts=()), LOOK
    ),
    "bots": bots_screen(a_status(), LOOK),
    "orders": rows_screen(
        "orders", [ORDER, {**ORDER, "side": "buy", "state": "unknown", "reason": "timeout"}], LOOK
    ),
    "fills": rows_screen("fills", [FILL, {**FILL, "ts_ns": NOW - 90000 * NS, "side": "buy"}], LOOK),
    "positions": rows_screen("positions", [plain(a_position())], LOOK),
    "decisions": rows_screen("decisions", [DECISION], LOOK),
    "notes": rows_screen("notes", [NOTE], LOOK),
    "commands": rows_screen("commands", [COMMAND], LOOK),
    "cash": rows_screen("cash", [CASH], LOOK),
    "story": story_screen(CLIENT_ID, STORY, LOOK),
    "story-of-a-bot": story_screen("hedge-1", [*STORY, {**STORY[0], "client_id": "f" * 32}], LOOK),
    "summary": summary_screen(
        a_status(),
        60 * NS,
        LOOK,
        orders=[ORDER, {**ORDER, "state": "filled"}],
        fills=[FILL, FILL],
        notes=[NOTE],
    ),
}


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", list(SCREENS))
def test_golden(name: str, width: int) -> None:
    text = SCREENS[name].text(width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert all(line == line.rstrip() for line in text.splitlines())
    check_golden(f"{name}-{width}.txt", text)


@pytest.mark.parametrize("name", list(SCREENS))
def test_data_is_json_and_has_no_floats(name: str) -> None:
    def no_float(text: str) -> None:
        raise AssertionError(f"{text} is a float")

    json.loads(json.dumps(SCREENS[name].data), parse_float=no_float)


@pytest.mark.parametrize("what", list(ROWS))
def test_nothing_is_said_in_words(what: str) -> None:
    assert rows_screen(what, [], LOOK).text() == f"no {what}\n"


def test_numbers_are_exact_and_plain() -> None:
    assert digits(Decimal("1E+3")) == "1000"
    assert digits(Decimal("0.050")) == "0.05"
    assert digits("0.1234567890123456789") == "0.1234567890123456789"
    assert digits("-0") == "0"
    assert digits("soon") == "soon"
    assert digits(None) == ""
    assert plain({"a": Decimal("1E-8"), "b": (Decimal("2.50"),)}) == {"a": "0.00000001", "b": ["2.5"]}


def test_what_division_left_is_cut_for_people_and_marked() -> None:
    assert about("60001.000000000000093522") == "≈60001"
    assert about("-0.000026672890452243") == "≈-0.00002667"
    assert about("0.12345678") == "0.12345678"
    assert about("100000000000") == "100000000000"
    inverse = {**plain(a_position()), "average": "60001.000000000000093522"}
    screen = rows_screen("positions", [inverse], LOOK)
    assert screen.data[0]["average"] == "60001.000000000000093522"
    assert "≈60001 " in screen.text(80)


def test_the_fuller_layout_gives_way_where_it_does_not_fit() -> None:
    rows = [{**ORDER, "bot": "a-long-name-for-a-bot", "why": "because " * 20, "average": "60012.12345678"}]
    for width in (110, 120, 140, 200):
        text = rows_screen("orders", rows, LOOK).text(width)
        assert "a-long-name-for-a-bot" in text
        assert "BTC-PERP" in text
        assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [24, 40, 60])
def test_no_number_is_cut_however_narrow_the_terminal(width: int) -> None:
    row = {**ORDER, "bot": "a-long-name-for-a-bot", "qty": "0.4567", "filled": "0.1234", "price": "60012.5"}
    text = rows_screen("orders", [row], LOOK).text(width)
    assert max(len(line) for line in text.splitlines()) <= width
    if width == 60:
        assert "0.1234/0.4567" in text
        assert "60012.5" in text
    else:
        columns = [line.split() for line in text.splitlines()]
        letters = "".join(word for line in columns for word in line)
        assert all(digit in letters for digit in "1234567")


def test_times_are_local_with_milliseconds() -> None:
    assert moment(NOW, LOOK, True) == "2025-10-09 08:53:20.123"
    east = Look(NOW, timezone(timedelta(hours=5, minutes=30)))
    assert moment(NOW, east, True) == "2025-10-09 14:23:20.123"
    assert moment(NOW, LOOK, False) == "08:53:20.123"
    assert moment(NOW - 86400 * NS, LOOK, False) == "10-08 08:53:20.123"
    assert moment(0, LOOK, True) == ""


@pytest.mark.parametrize(
    ("ns", "says"),
    [
        (0, "0 µs"),
        (1_500, "1 µs"),
        (12_999_999, "12 ms"),
        (3_200_000_000, "3.2 s"),
        (245 * NS, "4 min 05 s"),
        (3725 * NS, "1 h 02 min"),
        (273_600 * NS, "3 d 4 h"),
    ],
)
def test_spans(ns: int, says: str) -> None:
    assert span(ns) == says


def test_what_others_wrote_cannot_move_the_cursor_or_colour_the_screen() -> None:
    nasty = "\x1b[2J\x1b[31m[bold]no[/bold]\nnext\u202eback\x07"
    assert "\x1b" not in clean(nasty)
    assert "\u202e" not in clean(nasty)
    assert "\n" not in clean(nasty)
    shown = rows_screen("notes", [{**NOTE, "text": nasty}], LOOK).text(140)
    assert "\x1b" not in shown
    assert "[bold]no[/bold]" in shown
    bad = a_status(needs=(nasty,), bots=(a_bot(last_word=nasty, why=nasty, waits_for=nasty),))
    for screen in (status_screen(bad, LOOK), bots_screen(bad, LOOK), story_screen(nasty, [], LOOK)):
        assert "\x1b" not in screen.text(80)


def test_a_long_bot_name_folds_and_numbers_never_do() -> None:
    row = {**ORDER, "bot": "a-very-long-name-for-a-bot-indeed-" * 2, "price": "123456789.123456789"}
    text = rows_screen("orders", [row], LOOK).text(80)
    assert "123456789.123456789" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_short_ids_show_what_differs() -> None:
    assert order_id(CLIENT_ID).plain == "0003/c", "the life, and the counter in it"
    assert order_id("somebody-elses-order").plain == "…-order"
    assert short_id(CLIENT_ID).plain == "…00000c"
    assert short_id("abc").plain == "abc"


def test_where_rows_are_of_several_accounts_the_narrow_screen_names_them() -> None:
    other = {**ORDER, "market": "bybit/try:BTCUSDT"}
    alone = rows_screen("orders", [other, other], LOOK).text(80)
    assert "bybit/try" not in alone
    both = rows_screen("orders", [ORDER, other], LOOK).text(80)
    assert "bybit/try" in both
    assert max(len(line) for line in both.splitlines()) <= 80


def test_averages_have_no_more_digits_than_people_read() -> None:
    assert about("2999.21908666666") == "≈2999.2191"
    assert about("0.00000333333333") == "≈0.00000333"
    assert about("123456789.123456789") == "≈123456789.12"
    assert about("60000.123") == "60000.123"
