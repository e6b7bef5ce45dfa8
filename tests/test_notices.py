"""What people are told: by record, by trouble, once, again at growing intervals, and when it is over."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from fake_port import NOW, NS, a_bot, a_status
from msgspec import Raw

from kedge.desk.notices import (
    AGAIN_NS,
    FLAP_NS,
    MINUTE_NS,
    Notice,
    Scribe,
    Standing,
    at_least,
    troubles,
    watch,
)
from kedge.desk.post.day import DayFigures, summary
from kedge.desk.post.messages import LINES_MAX, pack, subject
from kedge.model import records as r
from kedge.model.ids import mint
from kedge.model.order import Move
from kedge.model.records import Entry, Record
from kedge.model.venue import Fill

ORDER = mint(42, 1, 3, 7)


def a_fill(**changes: object) -> Fill:
    fill = Fill("e1", ORDER, "v1", "BTC-PERP", "sell", D("0.05"), D(60000), D("0.1"), "USDT", NOW)
    return msgspec.structs.replace(fill, **changes)


def told(*records: Record, scribe: Scribe | None = None) -> list[Notice]:
    scribe = scribe or Scribe("main-2a")
    return [
        notice for n, record in enumerate(records, 1) for notice in scribe.tell(Entry(n, NOW + n, record))
    ]


@pytest.mark.parametrize(
    ("record", "kind", "level", "words"),
    [
        (
            r.Filled("paper/main", a_fill(), "hedge-1", "open"),
            "fill",
            "info",
            "hedge-1: sell 0.05 BTC-PERP at 60000",
        ),
        (r.Filled("paper/main", a_fill(kind="liquidation"), "h"), "alarm", "alarm", "the venue did it"),
        (r.Filled("paper/main", a_fill()), "fill", "info", "not a bot of ours"),
        (r.BotAdded("p", 2, "peg", Raw(b"{}"), Raw(b"{}")), "started", "info", "p was added as a peg"),
        (r.BotPhased("p", "stopped", "sold all"), "done", "info", "p is done: sold all"),
        (r.BotPhased("p", "killed"), "done", "warn", "p was killed"),
        (
            r.Noted("info", "bought 10 of 100 at 250 on average", "p"),
            "note",
            "info",
            "p: bought 10 of 100 at 250 on average",
        ),
        (
            r.CancelAllEnded("t/m", "no order is open there any more"),
            "done",
            "info",
            "t/m: cancelling all orders is over: no order is open there any more",
        ),
        (
            r.StashSaved("night", "t/m", (), cancel=True),
            "done",
            "info",
            "0 stop orders of t/m are saved as night; they are being cancelled",
        ),
        (r.StashEmptied("night", ()), "done", "info", "none of the orders of night is open any more"),
        (r.StashRestored("night", "night-3"), "done", "info", "night is put back by night-3"),
        (r.LifeBegan(4, "0.1.0"), "engine", "info", "life 4"),
        (r.KillSwitch(True, "ann", "mad"), "kill", "alarm", "ann turned the kill switch ON"),
        (r.Noted("alarm", "disk is full"), "alarm", "alarm", "disk is full"),
        (r.Noted("warn", "slow", account="paper/main"), "note", "warn", "paper/main: slow"),
        (r.Noted("info", "open: 0.05", bot="h"), "note", "info", "h: open: 0.05"),
        (
            r.Refused("h", "open", "paper/main:BTC-PERP", "sell", D(1), D(2), "over `order_qty`"),
            "limit",
            "warn",
            "h: a limit stopped sell 1 BTC-PERP at 2: over `order_qty`",
        ),
        (
            r.CommandTaken("id-12345", "pi:ann", "web", "bot.stop", Raw(b'{"name":"h"}'), True, "stopping"),
            "command",
            "info",
            "pi:ann by web: bot.stop h: stopping",
        ),
        (r.Audited("paper/main", False, "0.1 more"), "alarm", "warn", "differ: 0.1 more"),
        (r.Synthetic("paper/main:BTC-PERP", D(1), D(2), "by hand"), "alarm", "warn", "others traded 1"),
    ],
)
def test_each_record_has_its_notice(record: Record, kind: str, level: str, words: str) -> None:
    (notice,) = told(record)
    assert (notice.kind, notice.level) == (kind, level)
    assert words in notice.text


def test_everybody_reads_in_their_own_language() -> None:
    (fill,) = told(r.Filled("paper/main", a_fill(), "hedge-1", "open"))
    assert fill.told("ru") == "hedge-1: продажа 0.05 BTC-PERP по 60000"
    assert fill.told("fr") == "hedge-1: vente 0.05 BTC-PERP à 60000"
    assert fill.told("xx") == fill.told("en") == fill.text
    (switch,) = told(r.KillSwitch(True, "ann", "mad"))
    assert switch.told("ru").startswith("ann включает аварийный выключатель")
    assert switch.told("ru").endswith(": mad"), "a person's own words stay"
    # It waits in a database, in whatever language it will be read.
    kept = msgspec.json.decode(msgspec.json.encode(fill), type=Notice)
    assert kept.told("ru") == fill.told("ru")
    older = msgspec.structs.replace(fill, said=None)
    assert older.told("ru") == fill.text


def test_a_trouble_and_its_end_are_told_in_russian() -> None:
    found = troubles(None, "no answer")
    standing, first = watch({}, found, NOW, "m")
    standing, first = watch(standing, found, NOW + MINUTE_NS, "m")
    assert [one.told("ru") for one in first] == ["движка нет: no answer"]
    standing, again = watch(standing, found, NOW + 7 * MINUTE_NS, "m")
    assert [one.told("ru") for one in again] == ["движка нет: no answer (уже 7 мин)"]
    _, over = watch(standing, [], NOW + 65 * MINUTE_NS, "m")
    assert [one.told("ru") for one in over] == ["прошло через 1 ч 05 мин: движка нет: no answer"]


def test_a_message_covers_the_same_in_every_language() -> None:
    fills = [told(r.Filled("paper/main", a_fill(exec_id=f"e{n}"), "h"))[0] for n in range(2)]
    fills = [msgspec.structs.replace(one, key=f"f{n}") for n, one in enumerate(fills)]
    notes = [Notice(f"n{n}", "note", "warn", f"note {n}", NOW) for n in range(LINES_MAX + 3)]
    message = pack([*fills, *notes])
    assert message.text_in("ru").endswith("и ещё 5")
    assert subject(message, "ru") == "! note 0 (и ещё 24)"
    assert pack(fills).text_in("ru") == "· h: продажа 0.1 BTC-PERP, сделок: 2, средняя 60000"


@pytest.mark.parametrize(
    "record",
    [
        r.Noted("info", "the journal was tidied"),
        r.BotPhased("p", "stopping"),
        r.BotPhased("p", "parked", "fault"),
        r.Audited("paper/main", True),
        r.OrderMoved(ORDER, Move.SEEN, D(0)),
        r.Heard("p", 1),
    ],
)
def test_what_is_nobodys_concern_is_not_told(record: Record) -> None:
    assert told(record) == []


def test_keys_are_the_journals_own() -> None:
    """Told twice, after any crash, it has the same key; another journal's have others."""
    records = [r.Noted("warn", "a"), r.Noted("warn", "b")]
    first, again, other = told(*records), told(*records), told(*records, scribe=Scribe("main-2b"))
    assert [one.key for one in first] == [one.key for one in again]
    assert len({one.key for one in first + other}) == 4


def test_a_refused_order_is_told_with_what_it_was_and_not_each_time() -> None:
    intent = r.Intent(ORDER, "hedge-1", "open", "paper/main:BTC-PERP", "sell", D("0.05"), D(60000), NOW)
    no = r.OrderMoved(ORDER, Move.REJECT, D(0), reason="margin is 12 short")
    again = r.OrderMoved(ORDER, Move.REJECT, D(0), reason="margin is 13 short")
    (notice,) = told(intent, no, again)
    assert notice.text == "hedge-1: the venue refused to sell 0.05 BTC-PERP at 60000: margin is 12 short"
    scribe = Scribe("x")
    scribe.knows([(1, "hedge-1")])
    (notice,) = told(no, scribe=scribe)  # the intent is from before this desk was started
    assert notice.text.startswith("hedge-1: the venue refused to order 0000002a")


def test_a_standing_trouble_is_told_after_its_grace_then_seldom_and_over_once() -> None:
    account = msgspec.structs.replace(a_status().accounts[0], ready=False, up=False, why="no answer")
    status = a_status(accounts=(account,), bots=())
    found = troubles(status, "")
    assert [one.text for one in found] == ["paper/main is not ready: no answer"]
    standing: dict[str, Standing] = {}
    said: list[tuple[int, str]] = []
    for second in range(0, 7200, 5):
        standing, notices = watch(standing, found, NOW + second * NS, "p")
        said += [(second, notice.text) for notice in notices]
    first = [second for second, _ in said]
    assert first == [15, 15 + 300, 15 + 300 + 900, 15 + 300 + 900 + 3600]
    assert said[1][1].endswith("(for 5 min now)")
    standing, notices = watch(standing, [], NOW + 7200 * NS, "p")
    assert [(one.over, one.level) for one in notices] == [(True, "alarm")]
    assert notices[0].text.startswith("over after 2 h 00 min: ")
    assert watch(standing, [], NOW + 7201 * NS, "p")[1] == []


def test_a_trouble_that_comes_and_goes_does_not_chatter() -> None:
    found = troubles(a_status(unhedged=D(2), bots=(), accounts=()), "")
    standing: dict[str, Standing] = {}
    count = 0
    for minute in range(60):
        standing, notices = watch(standing, found if minute % 2 else [], NOW + minute * MINUTE_NS, "p")
        count += len(notices)
    assert count <= 2 * len(AGAIN_NS)
    standing, _ = watch(standing, [], NOW + 60 * MINUTE_NS + 2 * FLAP_NS, "p")
    assert watch(standing, [], NOW + 61 * MINUTE_NS + 2 * FLAP_NS, "p")[0] == {}


def test_while_the_engine_is_away_nothing_else_is_called_over() -> None:
    bots = (a_bot(phase="parked", why="fault"),)
    standing, notices = watch({}, troubles(a_status(bots=bots), ""), NOW, "p")
    assert [one.text for one in notices] == ["hedge-1 is parked: fault; mended? resume hedge-1"]
    standing, notices = watch(standing, troubles(None, "nobody answers"), NOW + NS, "p")
    assert notices == []
    standing, notices = watch(standing, troubles(None, "nobody answers"), NOW + 12 * NS, "p")
    assert [one.text for one in notices] == ["the engine is away: nobody answers"]
    standing, notices = watch(standing, troubles(a_status(bots=()), ""), NOW + 20 * NS, "p")
    assert sorted(one.kind for one in notices) == ["engine", "parked"]
    assert all(one.over for one in notices)


def test_unknown_orders_and_stale_markets_are_troubles() -> None:
    account = a_status().accounts[0]
    market = msgspec.structs.replace(account.markets[0], fresh=False, why="no book for 9 s")
    account = msgspec.structs.replace(account, unknown_orders=2, markets=(market,))
    found = troubles(a_status(accounts=(account,), bots=()), "")
    assert [(one.kind, one.level) for one in found] == [("unknown", "alarm"), ("venue", "warn")]


def test_the_days_summary() -> None:
    figures = DayFigures(3, {"USDT": D("1.5")}, {"USDT": D("0.3")}, complete=False)
    notice = summary("2026-11-20", a_status(), figures, NOW, "p")
    assert notice.key == "p/summary/2026-11-20"
    lines = notice.text.splitlines()
    assert lines[:3] == ["2026-11-20: at least 3 fills", "realised 1.5 USDT", "fees 0.3 USDT"]
    assert "1 of 2 bots running" in lines


def test_levels() -> None:
    assert at_least("warn", "info")
    assert not at_least("info", "warn")
    assert not at_least("alarm", "off")


# ── messages ────────────────────────────────────────────────────────────────────────────────────


def test_fills_come_as_one_line_and_the_urgent_first() -> None:
    fills = told(*(r.Filled("a/b", a_fill(qty=D("0.1"), price=D(n)), "h") for n in (100, 110, 120)))
    alarm = told(r.Noted("alarm", "disk is full"))
    message = pack(fills + alarm)
    assert message.lines == ("‼ disk is full", "· h: sell 0.3 BTC-PERP in 3 fills, average 110")
    assert (message.level, message.more, len(message.notices)) == ("alarm", 0, 4)
    assert subject(message) == "‼ disk is full (and 1 more)"


def test_what_finds_no_room_is_counted_but_alarms_wait_for_the_next() -> None:
    notes = told(*(r.Noted("warn", f"note {n}") for n in range(LINES_MAX + 14)))
    message = pack(notes)
    assert (len(message.lines), message.more) == (LINES_MAX, 14)
    assert message.text.endswith("and 14 more")
    assert len(message.notices) == len(notes)
    alarms = told(*(r.Noted("alarm", f"alarm {n}") for n in range(LINES_MAX + 14)))
    message = pack(alarms)
    assert (len(message.lines), message.more, len(message.notices)) == (LINES_MAX, 0, LINES_MAX)
