"""The link: how it begins, how it breaks, what is said meanwhile, and what keeps us out."""

from __future__ import annotations

import asyncio

from kedge.model.events import BookLost, BookUpdate, InstrumentSeen, LinkDown, LinkUp
from kedge.model.order import State
from kedge.model.venue import Answer
from tests.contract.cards import card
from tests.contract.desk import KEY, SECOND, Desk, is_sentence
from tests.contract.rig import Rig

HOUR_S = 3600.0


@card(101, "up-first", "LinkUp comes first, and the instruments right after it")
async def up_first(rig: Rig) -> None:
    desk = await rig.up()
    first, *rest = desk.events
    assert isinstance(first, LinkUp)
    assert first.account == desk.account
    told = [one.instrument.symbol for one in rest if isinstance(one, InstrumentSeen)]
    assert rig.symbol in told
    assert isinstance(rest[0], InstrumentSeen)
    assert len(told) == len(set(told))


@card(102, "rules", "LinkUp carries the venue's rules, which are those of the registry")
async def rules(rig: Rig) -> None:
    desk = await rig.up()
    assert desk.all(LinkUp)[0].rules == rig.rules() == desk.venue.rules
    assert rig.rules().venue == rig.venue


@card(103, "cut", "A cut is told once, in one sentence, and mended by itself")
async def cut(rig: Rig) -> None:
    desk = await rig.up()
    since = desk.mark()
    rig.cut()
    down = await desk.until(LinkDown)
    is_sentence(down.why)
    assert not down.stopped
    await desk.linked_again(since)
    assert len(desk.all(LinkDown, since)) == 1


@card(104, "nothing-between", "Between LinkDown and the next LinkUp nothing is told")
async def nothing_between(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.symbol)
    await desk.until(BookUpdate)
    since = desk.mark()
    rig.away(True)
    await desk.until(LinkDown)
    quiet = desk.mark()
    rig.move(rig.above(1))
    await asyncio.sleep(20)
    assert all(isinstance(event, LinkDown) for event in desk.events[quiet:])
    rig.away(False)
    await desk.linked_again(since)


@card(105, "silence", "A line on which nothing arrives any more is noticed, and mended")
async def silence(rig: Rig) -> None:
    desk = await rig.up()
    await asyncio.sleep(30)
    since = desk.mark()
    rig.half_open()
    down = await desk.until(LinkDown, within_s=120)
    is_sentence(down.why)
    await desk.linked_again(since)


@card(106, "healthy", "A healthy link without any business stays up")
async def healthy(rig: Rig) -> None:
    desk = await rig.up()
    await rig.idle(200)
    assert desk.all(LinkDown) == []


@card(107, "nobody-there", "A venue that is not there yet is waited for, with tries that grow apart")
async def nobody_there(rig: Rig) -> None:
    rig.away(True)
    desk = await rig.join(linked=False)
    down = await desk.until(LinkDown)
    is_sentence(down.why)
    assert not down.stopped
    await rig.idle(300)
    before = rig.traffic()
    await rig.idle(300)
    # One try may be a handful of requests; more than one in five seconds would be hammering.
    assert 0 < rig.traffic() - before <= 120
    rig.away(False)
    await desk.until(LinkUp, within_s=120)


@card(108, "close", "Close ends everything: no event, no request, no task after it")
async def close(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.symbol)
    await desk.until(BookUpdate)
    await desk.rest(rig.order("buy", price=rig.below(3)))
    await desk.close()
    await asyncio.sleep(1)
    before = rig.traffic()
    rig.move(rig.below(5))
    await rig.idle(120)
    assert len(desk.events) == desk.closed_at
    assert rig.traffic() == before


@card(
    109, "closed-deeds", "After close a deed is REJECTED unsent, and questions say why they cannot be asked"
)
async def closed_deeds(rig: Rig) -> None:
    desk = await rig.up()
    await desk.close()
    await _refused_unlinked(rig, desk)


@card(110, "before-up", "Before LinkUp a deed is REJECTED unsent, and questions say why they cannot be asked")
async def before_up(rig: Rig) -> None:
    rig.away(True)
    desk = await rig.join(linked=False)
    await _refused_unlinked(rig, desk)
    rig.away(False)
    await desk.until(LinkUp, within_s=120)
    await asyncio.sleep(30)
    assert rig.arrived == []


async def _refused_unlinked(rig: Rig, desk: Desk) -> None:
    order = rig.order("buy", price=rig.below(3))
    for answered in (
        await desk.place(order),
        await desk.cancel(order),
        await desk.amend(order, rig.below(4), order.qty),
    ):
        assert answered.answer is Answer.REJECTED
        assert answered.unsent
        is_sentence(answered.reason)
    found = await desk.lookup(order)
    assert found.order is None
    is_sentence(found.error)
    is_sentence(await desk.venue.cancel_all(None))
    is_sentence(desk.venue.trouble)
    report = await desk.venue.report("")
    assert isinstance(report, str)
    is_sentence(report)


@card(111, "venue-restart", "A venue that restarts brings the link down and up, and keeps its orders")
async def venue_restart(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    since = desk.mark()
    await rig.restart()
    await desk.linked_again(since)
    assert rig.is_live(order)
    report = await desk.report()
    assert [one.client_id for one in report.open_orders] == [order.client_id]
    assert (await desk.cancel(order)).answer is not Answer.REJECTED
    await desk.holds(lambda: not rig.is_live(order))


@card(
    112,
    "stream-end",
    "A stream of the account that the venue ends is a LinkDown, then a link; no fill is lost",
    "stream_end",
)
async def stream_end(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.mid)
    await desk.rest(order)
    cursor = (await desk.report()).cursor
    since = desk.mark()
    rig.strike(rig.ending)  # type: ignore[attr-defined]
    rig.counter("sell", order.qty, order.price)
    await desk.until(LinkDown)
    await desk.linked_again(since)
    report = await desk.report(cursor)
    streamed = {fill.exec_id for fill in desk.fills(order.client_id)}
    reported = {fill.exec_id for fill in report.fills if fill.client_id == order.client_id}
    assert len(streamed | reported) == len(rig.true_fills(order)) > 0


@card(123, "hours", "After quiet hours the account is still heard: keys and subscriptions are kept alive")
async def hours(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.mid)
    await desk.rest(order)
    rig.tempo(5.0)
    await asyncio.sleep(2.2 * HOUR_S)
    rig.tempo(0.1)
    await desk.holds(lambda: desk.linked, 120)
    rig.counter("sell", order.qty, order.price)
    await desk.holds(lambda: desk.fills(order.client_id), 30)


@card(
    124,
    "babble",
    "A message of the account that cannot be read may have been a fill: a LinkDown, then a link",
)
async def babble(rig: Rig) -> None:
    desk = await rig.up()
    since = desk.mark()
    rig.babble("private")
    is_sentence((await desk.until(LinkDown)).why)
    await desk.linked_again(since)


@card(
    125,
    "novelty",
    "A kind of message that is newer than the adapter does not cost the link, nor a book for long",
    "novelty",
)
async def novelty(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.symbol)
    await desk.until(BookUpdate)
    since = desk.mark()
    for part in ("private", "public"):
        rig.say_news(part)  # type: ignore[attr-defined]
    await asyncio.sleep(10)
    assert desk.all(LinkDown, since) == []
    told = [event for event in desk.events if isinstance(event, BookLost | BookUpdate)]
    assert isinstance(told[-1], BookUpdate)


# ── what keeps us out ───────────────────────────────────────────────────────────────────────────


async def _barred(rig: Rig, desk: Desk) -> LinkDown:
    """Tried a few times, then stopped: the sentence says how to mend it."""
    rig.tempo(2.0)
    down = await desk.until(LinkDown, lambda one: one.stopped, within_s=2000)
    rig.tempo(0.1)
    assert desk.all(LinkUp) == []
    is_sentence(down.why)
    lowered = down.why.lower()
    assert any(word in lowered for word in ("key", "secret", "signature", "token")), down.why
    # How to mend it is an instruction, not a code.
    assert any(
        word in lowered for word in ("check", "make", "allow", "add", "set ", "give", "paste", "of their own")
    ), down.why
    return down


async def _no_more_tries(rig: Rig, key: str) -> None:
    """Markets are everybody's, and may still be listened to; the key is not shown again."""
    before = rig.asked(key)  # type: ignore[attr-defined]
    rig.tempo(10.0)
    await asyncio.sleep(HOUR_S)
    rig.tempo(0.1)
    assert 0 < rig.asked(key) == before <= 60  # type: ignore[attr-defined]


@card(
    113,
    "wrong-key",
    "A key that the venue does not know: LinkDown, stopped, with the mend; then no more tries",
    "keys",
)
async def wrong_key(rig: Rig) -> None:
    desk = await rig.join(linked=False, key="nobodyskey")
    await _barred(rig, desk)
    await _no_more_tries(rig, "nobodyskey")


@card(
    114, "wrong-secret", "A secret that is not the key's: LinkDown, stopped, with the mend", "keys", "secret"
)
async def wrong_secret(rig: Rig) -> None:
    desk = await rig.join(linked=False, secret="notthesecret")
    await _barred(rig, desk)


@card(
    115, "wrong-address", "An address that the key does not admit: LinkDown, stopped, with the mend", "keys"
)
async def wrong_address(rig: Rig) -> None:
    rig.let_in(ips=("203.0.113.7",))  # type: ignore[attr-defined]
    desk = await rig.join(linked=False)
    await _barred(rig, desk)


@card(116, "missing-right", "A key that may not trade: nothing is traded, and the mend is said", "keys")
async def missing_right(rig: Rig) -> None:
    rig.let_in(trades=False)  # type: ignore[attr-defined]
    desk = await rig.join(linked=False)
    rig.tempo(2.0)
    await desk.holds(lambda: desk.linked or any(down.stopped for down in desk.all(LinkDown)), 2000)
    rig.tempo(0.1)
    said = desk.all(LinkDown)[-1].why if not desk.linked else ""
    if desk.linked:
        await asyncio.sleep(2)
        answered = await desk.place(rig.order("buy", price=rig.below(3)))
        assert answered.answer is Answer.REJECTED
        said = answered.reason
    assert rig.arrived == []
    assert any(word in is_sentence(said) for word in ("key", "token")), said
    assert any(word in said for word in ("right", "trade", "permission")), said


@card(117, "retry", "`retry` tries once more, at once, when a person says that it is mended", "keys")
async def retry(rig: Rig) -> None:
    rig.let_in(ips=("203.0.113.7",))  # type: ignore[attr-defined]
    desk = await rig.join(linked=False)
    await _barred(rig, desk)
    desk.venue.retry()
    await desk.holds(lambda: len([one for one in desk.all(LinkDown) if one.stopped]) >= 1)
    await rig.idle(120)
    assert not desk.linked
    rig.let_in()  # type: ignore[attr-defined]
    desk.venue.retry()
    await desk.until(LinkUp, within_s=60)


@card(118, "key-taken-back", "A key that is taken back in the middle is found out, said and stopped", "keys")
async def key_taken_back(rig: Rig) -> None:
    desk = await rig.up()
    rig.let_in(ips=("203.0.113.7",))  # type: ignore[attr-defined]
    rig.cut()
    rig.tempo(2.0)
    await desk.until(LinkDown, lambda one: one.stopped, within_s=2000)
    assert not desk.linked
    assert any(word in desk.all(LinkDown)[-1].why.lower() for word in ("key", "token"))


@card(119, "clock-behind", "A venue whose clock is behind ours is not trusted, and not given up", "stamped")
async def clock_behind(rig: Rig) -> None:
    rig.skew_ns = -4 * SECOND
    desk = await rig.join(linked=False)
    down = await desk.until(LinkDown)
    assert "clock" in is_sentence(down.why)
    assert not down.stopped
    await asyncio.sleep(30)
    assert desk.all(LinkUp) == []
    # The clock is mended, and the way has become a longer one: what was measured before says nothing.
    rig.skew_ns = 0
    rig.slow(30)
    await desk.until(LinkUp, within_s=120)


@card(120, "clock-ahead", "A venue whose clock is ahead of ours is traded with, and it is said")
async def clock_ahead(rig: Rig) -> None:
    rig.skew_ns = rig.ahead_ns
    desk = await rig.up()
    await desk.holds(lambda: desk.trouble)
    assert "clock" in is_sentence(desk.trouble)
    order = rig.order("buy", price=rig.below(3), valid_until_ns=rig.now_ns() + 10 * SECOND)
    report = await desk.rest(order)
    assert report.state is State.OPEN


@card(121, "secrets", "Neither key nor secret is in any event, answer, reason or representation", "keys")
async def secrets(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await desk.lookup(order)
    report = await desk.report()
    rig.let_in(ips=("203.0.113.7",))  # type: ignore[attr-defined]
    for answered in (await desk.cancel(order), await desk.place(rig.order("buy", price=rig.below(3)))):
        assert KEY not in str(answered)
    assert KEY not in str(report)
    await desk.lookup(order)
    rig.cut()
    await desk.until(LinkDown)
    # Every word was looked through by the laws, which hold after each card.


@card(122, "many-cuts", "A line that breaks again and again is mended each time, and nobody is hammered")
async def many_cuts(rig: Rig) -> None:
    desk = await rig.up()
    before = rig.traffic()
    for _ in range(6):
        since = desk.mark()
        rig.cut()
        await desk.linked_again(since)
    assert rig.traffic() - before < 600
