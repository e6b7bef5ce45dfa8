"""The suite bites: each adapter that is wrong in one way is caught by the card that is there for it.

The wrong adapters are a right one with one thing spoilt, on one venue: what is judged here is the cards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from kedge.model import events as ev
from kedge.model.venue import AccountReport, Answer, Ask, PlaceOrder, Quote
from kedge.storm.wires import SimWires
from kedge.venues.tinvest.burn import Burner
from kedge.venues.tinvest.questions import Found
from kedge.venues.venue import Emit, Setup, Venue
from tests.contract.deck import deck
from tests.contract.desk import KEY, SECOND, SECRET
from tests.contract.play import play
from tests.contract.rigs import BinanceUsdmRig, TinvestRig


class Spoilt:
    """A right adapter, with everything passed on as it is."""

    def __init__(self, inner: Venue) -> None:
        self.inner = inner
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def open(self, emit: Emit) -> None:
        await self.inner.open(lambda event: self.tell(emit, event))

    def tell(self, emit: Emit, event: ev.Event) -> None:
        emit(event)


class RejectsDoubt(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        said = await self.inner.place(order)
        return replace(said, answer=Answer.REJECTED) if said.answer is Answer.UNKNOWN else said


class TrustsAnError(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        said = await self.inner.place(order)
        return replace(said, answer=Answer.DONE) if said.answer is Answer.UNKNOWN else said


class SendsAgain(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        said = await self.inner.place(order)
        return await self.inner.place(order) if said.answer is Answer.UNKNOWN else said


class IgnoresTheLastMoment(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        return await self.inner.place(replace(order, valid_until_ns=order.valid_until_ns + 60 * SECOND))


class Rounds(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        return await self.inner.place(replace(order, qty=order.qty.quantize(Decimal("0.01"))))


class ForgetsAFill(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        self.count += isinstance(event, ev.FillNews)
        if not isinstance(event, ev.FillNews) or self.count != 3:
            emit(event)


class TellsAFillTwice(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        emit(event)
        if isinstance(event, ev.FillNews):
            emit(event)


class MistakesMaker(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        if isinstance(event, ev.FillNews):
            event = replace(event, fill=replace(event.fill, maker=False))
        emit(event)


class HidesTheCut(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        self.count += isinstance(event, ev.LinkUp)
        if not isinstance(event, ev.LinkDown) and not (isinstance(event, ev.LinkUp) and self.count > 1):
            emit(event)


class TellsTheSecret(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        emit(replace(event, why=f"{event.why} {SECRET}") if isinstance(event, ev.LinkDown) else event)


class TellsTheKey(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        return replace(await self.inner.place(order), reason=f"with {KEY}")


class HidesTheGap(Spoilt):
    def tell(self, emit: Emit, event: ev.Event) -> None:
        if not isinstance(event, ev.BookLost):
            emit(event)


class LetsBooksFreeze(Spoilt):
    """Tells a book only when it has changed."""

    def tell(self, emit: Emit, event: ev.Event) -> None:
        if isinstance(event, ev.BookUpdate):
            levels = (event.bids, event.asks)
            if getattr(self, "last", None) == levels:
                return
            self.last = levels
        emit(event)


class LosesAPage(Spoilt):
    async def report(self, cursor: str) -> AccountReport | str:
        report = await self.inner.report(cursor)
        return replace(report, fills=report.fills[1:]) if isinstance(report, AccountReport) else report


class AlwaysComplete(Spoilt):
    async def report(self, cursor: str) -> AccountReport | str:
        report = await self.inner.report(cursor)
        return replace(report, complete=True) if isinstance(report, AccountReport) else report


class SkipsWithTheCursor(Spoilt):
    """Its cursor is the moment of the report's end: what was made meanwhile is never told."""

    async def report(self, cursor: str) -> AccountReport | str:
        report = await self.inner.report(cursor)
        if isinstance(report, AccountReport) and cursor:
            return replace(report, fills=())
        return report


class FailsAsAbsent(Spoilt):
    async def lookup(self, ask: Ask) -> ev.LookedUp:
        return replace(await self.inner.lookup(ask), error="")


class ForgetsTheWait(Spoilt):
    async def place(self, order: PlaceOrder) -> ev.Answered:
        return replace(await self.inner.place(order), retry_ns=0)


class DropsTheStop(Spoilt):
    """Shows a stop that waits as what has been cancelled."""

    async def report(self, cursor: str) -> AccountReport | str:
        report = await self.inner.report(cursor)
        if not isinstance(report, AccountReport):
            return report
        return replace(report, open_orders=tuple(o for o in report.open_orders if o.kind != "stop"))


class QuotesInLots(Spoilt):
    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        said = await self.inner.quotes(symbols)
        return tuple(replace(one, bid_qty=one.bid_qty / 10) for one in said if isinstance(one, Quote))


class QuotesWhatItQuotedBefore(Spoilt):
    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        self.before = getattr(self, "before", None) or await self.inner.quotes(symbols)
        return self.before


class QuotesOnlyWhatIsNamed(Spoilt):
    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return await self.inner.quotes(symbols or ["BTCUSDT"])


class QuotesNothingWhenItIsAway(Spoilt):
    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        said = await self.inner.quotes(symbols)
        return () if isinstance(said, str) else said


CAUGHT: tuple[tuple[Callable[[Venue], Spoilt], int], ...] = (
    (RejectsDoubt, 403),
    (TrustsAnError, 407),
    (SendsAgain, 439),
    (IgnoresTheLastMoment, 361),
    (IgnoresTheLastMoment, 363),
    (Rounds, 311),
    (ForgetsAFill, 327),
    (TellsAFillTwice, 327),
    (MistakesMaker, 328),
    (HidesTheCut, 103),
    (TellsTheSecret, 103),
    (TellsTheKey, 301),
    (HidesTheGap, 208),
    (LetsBooksFreeze, 210),
    (LosesAPage, 503),
    (AlwaysComplete, 509),
    (SkipsWithTheCursor, 505),
    (FailsAsAbsent, 435),
    (ForgetsTheWait, 409),
    (DropsTheStop, 334),
    (QuotesInLots, 241),
    (QuotesWhatItQuotedBefore, 242),
    (QuotesOnlyWhatIsNamed, 243),
    (QuotesNothingWhenItIsAway, 245),
)


CARDS = {card.number: card for card in deck()}


def spoilt_rig(spoil: Callable[[Venue], Spoilt]) -> type[BinanceUsdmRig]:
    class SpoiltRig(BinanceUsdmRig):
        def adapter(self, setup: Setup, wires: SimWires, **more: Any) -> Venue:
            return spoil(super().adapter(setup, wires, **more))

    return SpoiltRig


@pytest.mark.parametrize(
    ("spoil", "number"), CAUGHT, ids=[f"{spoil.__name__}-{number}" for spoil, number in CAUGHT]
)
def test_a_wrong_adapter_is_caught(spoil: Callable[[Venue], Spoilt], number: int) -> None:
    with pytest.raises(AssertionError):
        play(spoilt_rig(spoil), CARDS[number])


@pytest.mark.parametrize("number", sorted({number for _, number in CAUGHT}))
def test_a_right_one_is_not(number: int) -> None:
    play(spoilt_rig(Spoilt), CARDS[number])


def test_a_duplicate_key_taken_for_a_refusal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """30057 says that an order with this key was there, and not that there is none."""
    right = Burner.burn

    async def burn(self: Burner, ask: Ask) -> Found | str:
        found = await right(self, ask)
        return Found(burnt=True) if isinstance(found, str) and "used before" in found else found

    monkeypatch.setattr(Burner, "burn", burn)
    card = next(one for one in deck() if one.name == "burn-duplicate")
    with pytest.raises(AssertionError):
        play(TinvestRig, card)
