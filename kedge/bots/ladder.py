"""Many orders that wait at the venue for a fall (or a rise): the same levels for each of many markets.

    trigger = base price * (100 - level) / 100     of who buys; + level of who sells; cut to the tick
    lots    = the sum of one order / the uncut price, cut to whole lots

The base price is the last one when the ladder begins, and stays. A bond's sum counts its nominal, a future's
what a point is worth. Each order is a slot of its own; the engine places them at the pace that the venue
allows. What cannot trade is left out, by name. What stands waits at the venue: it is not pulled when a book
is stale or the line is cut, for that is when it is needed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from kedge.bots.margin import Part, barred
from kedge.bots.rungs import Rung, at_level, below, lots, rest_of
from kedge.engine.bot import Bot, Decision, Known, MarketView, Note, View
from kedge.engine.wants import Rest
from kedge.model.instrument import Market, symbol_of
from kedge.model.numbers import HUNDRED, ZERO, text
from kedge.model.order import Side

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
# How long prices are waited for when it begins; who has none by then is left out.
PATIENCE_NS = 30 * SECOND_NS
AGAIN_NS = 30 * SECOND_NS
REFILL_NS = 5 * SECOND_NS
REFUSED_MOST = 3
RUNGS_MOST = 1500
NAMED_MOST = 20
Kind = Literal["take", "take_limit", "stop", "stop_limit"]


class LadderConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    markets: Annotated[
        tuple[str, ...], Meta(description="The markets, each as account:SYMBOL.", max_length=500)
    ]
    money: Annotated[Decimal, Meta(description="The sum of one order, in the money of its market.")]
    side: Annotated[Side, Meta(description="buy or sell.")] = "buy"
    levels: Annotated[
        tuple[Decimal, ...],
        Meta(
            description="Per cent away from the base price: below it to buy, above it to sell.", max_length=50
        ),
    ] = (Decimal(15), Decimal(20), Decimal(25))
    order: Annotated[
        Kind,
        Meta(description="take fires as the price comes to it, stop as it runs away; with a limit or not."),
    ] = "take_limit"
    without: Annotated[tuple[str, ...], Meta(description="Of the markets, those to leave out.")] = ()
    price: Annotated[Decimal, Meta(description="The base price; 0: the last one of each market.")] = ZERO
    through: Annotated[
        Decimal, Meta(description="How far beyond its trigger the limit price lies, as a fraction.")
    ] = ZERO
    expires_min: Annotated[
        int, Meta(description="Minutes until the orders end by themselves; 0: never.", ge=0)
    ] = 120
    renew: Annotated[bool, Meta(description="Place again what has expired, for as long again.")] = False
    refill: Annotated[
        bool, Meta(description="Place a rung again after it was done, once the price has come back over it.")
    ] = False
    strict: Annotated[
        bool, Meta(description="Refuse all of it unless the sum is more than the price of one lot.")
    ] = False


class LadderState(Struct, frozen=True, omit_defaults=True):
    begun_ns: int = 0
    of: LadderConfig | None = None  # the parameters by which it was planned
    bases: dict[str, Decimal] = {}
    rungs: tuple[Rung, ...] = ()
    until_ns: int = 0  # when the orders end; 0: never
    rounds: dict[str, int] = {}  # by slot, how often it was filled and placed again
    told: dict[str, Decimal] = {}
    left_out: tuple[str, ...] = ()  # slots that the venue refuses
    forgiven: dict[str, int] = {}  # by slot: the refusals that people know of, and want tried again


class Ladder(Bot[LadderConfig, LadderState]):
    kind = "ladder"
    summary = "Keeps take or stop orders at levels below or above the price of many markets."
    Config = LadderConfig
    State = LadderState
    hears_books = False
    words: ClassVar[dict[str, str]] = {
        "renew": "Begin a new term: what has expired or was refused is placed again.",
        "reprice": "Reckon every order anew from the prices of now.",
    }

    def check(self, config: LadderConfig) -> str:
        if config.money <= 0 or config.price < 0:
            return "`money` must be above zero, and `price` must not be negative"
        if not config.levels or any(not ZERO <= level < HUNDRED * 10 for level in config.levels):
            return "`levels` are per cent, zero or more, like 15,20,25"
        if config.side == "buy" and config.order in ("take", "take_limit") and max(config.levels) >= HUNDRED:
            return "a level of 100 per cent or more below the price is no price"
        if not ZERO <= config.through < 1:
            return "`through` is a fraction: 0.01 is one per cent"
        count = len(_chosen(config)) * len(config.levels)
        if not 0 < count <= RUNGS_MOST:
            return f"{count} orders; there must be one at least and {RUNGS_MOST} at most"
        if config.price and len(_chosen(config)) > 1:
            return "a base `price` is for one market; leave it out for several"
        return ""

    def check_amend(self, old: LadderConfig, new: LadderConfig) -> str:
        return "" if old.side == new.side else "the side of a running ladder is fixed; start another one"

    def suits(self, config: LadderConfig, known: Known) -> str:
        if not config.strict:
            return ""
        for name in _chosen(config):
            market = known.market(name)
            base = _base(config, market) if market is not None else ZERO
            if market is not None and base > 0 and _too_small(config, market, base):
                return _small(config, market, base)
        return ""

    def markets(self, config: LadderConfig) -> tuple[Market, ...]:
        return _chosen(config)

    def decide(self, view: View[LadderConfig, LadderState]) -> Decision[LadderState]:
        config, state, notes = view.config, view.state, list[Note]()
        said = [message.text for message in view.messages]
        if "reprice" in said:
            state = LadderState(begun_ns=0, rounds=state.rounds, told=state.told)
        if state.of != config:
            planned = _plan(view, state)
            if isinstance(planned, LadderState):  # prices are still awaited
                return Decision(planned, _wants(view, planned, [])[0], wake_ns=view.now_ns + SECOND_NS)
            state, notes, refused = planned
            if refused:
                return Decision(state, notes=tuple(notes), done=refused)
        state = _term(view, state, notes, "renew" in said)
        state = _progress(view, state, notes)
        wants, wake_ns = _wants(view, state, notes)
        over = bool(state.until_ns) and view.now_ns >= state.until_ns
        if over and not any(view.slot(rung.slot).order for rung in state.rungs):
            wants = ()  # what has ended by itself is not wanted any more
        ends = not wants and (over or not config.refill or len(state.left_out) == len(state.rungs))
        done = _ended(state, over) if ends or view.phase == "stopping" else ""
        return Decision(state, wants, wake_ns=wake_ns, notes=tuple(notes), done=done)


# ── planning ────────────────────────────────────────────────────────────────────────────────────


def _plan(
    view: View[LadderConfig, LadderState], state: LadderState
) -> LadderState | tuple[LadderState, list[Note], str]:
    """All rungs, from the prices of now; the state to go on waiting with, while some are not known."""
    config = view.config
    begun_ns = state.begun_ns or view.now_ns
    late = view.now_ns >= begun_ns + PATIENCE_NS
    bases, skipped, rungs = dict(state.bases), dict[str, str](), list[Rung]()
    for name in _chosen(config):
        market = view.market(name)
        base = config.price or bases.get(name) or (_base(config, market) if market is not None else ZERO)
        if market is None or base <= 0:
            if not late:
                return replace(state, begun_ns=begun_ns)
            skipped[name] = "is not listed" if market is None else "has no price"
            continue
        bases[name] = base
        if config.strict and _too_small(config, market, base):
            return replace(state, of=config), [], _small(config, market, base)
        made, why = _rungs(view, config, market, base)
        rungs += made
        if why:
            skipped[name] = why
    until_ns = view.now_ns + config.expires_min * MINUTE_NS if config.expires_min else 0
    notes = [Note(f"{len(rungs)} orders for {len(_chosen(config)) - len(skipped)} markets")]
    if skipped:
        notes.append(Note(_left_out(skipped), "warn"))
    new = replace(
        state, begun_ns=0, of=config, bases=bases, rungs=tuple(rungs), until_ns=until_ns, left_out=()
    )
    return new, notes, "" if rungs else f"nothing can be placed: {_left_out(skipped)}"


def _rungs(
    view: View[LadderConfig, LadderState], config: LadderConfig, market: MarketView, base: Decimal
) -> tuple[list[Rung], str]:
    """The orders of one market; and why some of them cannot be."""
    instrument = market.instrument
    if not instrument.listed or instrument.status == "closed":
        return [], "is no longer listed" if not instrument.listed else "is closed"
    if instrument.expires_ns and view.now_ns >= instrument.expires_ns:
        return [], "has expired"
    found, why = list[Rung](), ""
    for level in config.levels:
        price = at_level(base, level, config.side, config.order)
        qty = lots(instrument, config.money, price)
        if qty <= 0:
            at = text(instrument.price_at_most(price))
            why = f"{text(config.money)} {instrument.quote} buys no lot at {at}"
            continue
        said = barred(view, Part(market, config.side, qty))
        if said:
            return found, said.partition(" ")[2]
        trigger = instrument.price_at_most(price)
        if trigger <= 0:
            why = "its price is too low for this level"
            continue
        found.append(
            Rung(_slot(market.market, level), market.market, config.side, qty, config.order, trigger)
        )
    return found, why


def _base(config: LadderConfig, market: MarketView) -> Decimal:
    """The last price, or the middle of a fresh book; zero while there is neither."""
    if config.price or market.last > 0:
        return config.price or market.last
    return (market.bid + market.ask) / 2 if market.fresh and market.bids and market.asks else ZERO


def _too_small(config: LadderConfig, market: MarketView, base: Decimal) -> bool:
    it = market.instrument
    return config.money <= it.notional(max(it.qty_step, it.min_qty), base)


def _small(config: LadderConfig, market: MarketView, base: Decimal) -> str:
    it = market.instrument
    lot = text(it.notional(max(it.qty_step, it.min_qty), base))
    return f"Sum is too small: {text(config.money)} an order, and a lot of {it.symbol} costs {lot} {it.quote}"


# ── living ──────────────────────────────────────────────────────────────────────────────────────


def _term(
    view: View[LadderConfig, LadderState], state: LadderState, notes: list[Note], asked: bool
) -> LadderState:
    """A new term, when the old one is over and is to be renewed, or when somebody asks for it."""
    over = bool(state.until_ns) and view.now_ns >= state.until_ns
    if not asked and not (over and view.config.renew):
        return state
    if over or asked:
        notes.append(Note("a new term begins: what has expired is placed again"))
    term_ns = view.config.expires_min * MINUTE_NS
    known = {name: view.slot(name).rejects for name in state.left_out}
    until_ns = view.now_ns + term_ns if term_ns else 0
    return replace(state, until_ns=until_ns, left_out=(), forgiven={**state.forgiven, **known})


def _progress(view: View[LadderConfig, LadderState], state: LadderState, notes: list[Note]) -> LadderState:
    """What has traded, what the venue refuses, and what is placed again after it was done."""
    told, rounds, left_out = dict(state.told), dict(state.rounds), list(state.left_out)
    for rung in state.rungs:
        slot = view.slot(rung.slot)
        traded = slot.traded(rung.side)
        if traded > told.get(rung.slot, ZERO):
            told[rung.slot] = traded
            average = slot.bought_avg if rung.side == "buy" else slot.sold_avg
            did = "bought" if rung.side == "buy" else "sold"
            notes.append(
                Note(f"{rung.slot}%: {did} {text(traded)} at {_shown(view, rung, average)} on average")
            )
        most = REFUSED_MOST + state.forgiven.get(rung.slot, 0)
        if slot.rejects >= most and slot.order is None and rung.slot not in left_out:
            left_out.append(rung.slot)
            notes.append(Note(f"{rung.slot}% is left out: refused {slot.rejects} times", "warn"))
        if view.config.refill and _done(view, state, rung) and _came_back(view, rung):
            rounds[rung.slot] = rounds.get(rung.slot, 0) + 1
    if (told, rounds, tuple(left_out)) == (state.told, state.rounds, state.left_out):
        return state
    return replace(state, told=told, rounds=rounds, left_out=tuple(left_out))


def _wants(
    view: View[LadderConfig, LadderState], state: LadderState, notes: list[Note]
) -> tuple[tuple[Rest, ...], int]:
    """Every rung that is not done, and when to look again."""
    wants: list[Rest] = []
    wakes = [state.until_ns] if state.until_ns > view.now_ns else []
    if view.config.refill and state.told:
        wakes.append(view.now_ns + REFILL_NS)
    for rung in state.rungs:
        if rung.slot in state.left_out:
            continue
        slot = view.slot(rung.slot)
        left = rung.qty * (1 + state.rounds.get(rung.slot, 0)) - slot.traded(rung.side)
        if left <= 0:
            continue
        wants.append(rest_of(rung, left, state.until_ns, view.config.through))
        if slot.order is None:
            wakes.append(view.now_ns + AGAIN_NS)
    return tuple(wants), min(wakes, default=0)


def _done(view: View[LadderConfig, LadderState], state: LadderState, rung: Rung) -> bool:
    return view.slot(rung.slot).traded(rung.side) >= rung.qty * (1 + state.rounds.get(rung.slot, 0))


def _came_back(view: View[LadderConfig, LadderState], rung: Rung) -> bool:
    """Whether the price is on the side from which the rung waits: placed now, it would not fire at once."""
    market = view.market(rung.market)
    if market is None or market.last <= 0:
        return False
    over = market.last > rung.trigger_price
    return over if below(rung.side, rung.kind) else market.last < rung.trigger_price


def _shown(view: View[LadderConfig, LadderState], rung: Rung, price: Decimal) -> str:
    market = view.market(rung.market)
    return text(price.quantize(market.instrument.tick / HUNDRED) if market is not None else price)


def _ended(state: LadderState, over: bool) -> str:
    expired = len(state.rungs) - len(state.told) - len(state.left_out)
    said = [f"{len(state.told)} of {len(state.rungs)} orders have traded"]
    said += [f"{expired} expired"] if over and expired > 0 else []
    said += [f"{len(state.left_out)} were refused"] if state.left_out else []
    return ", ".join(said)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _chosen(config: LadderConfig) -> tuple[Market, ...]:
    without = dict.fromkeys(config.without)
    return tuple(name for name in dict.fromkeys(config.markets) if name not in without)


def _slot(market: Market, level: Decimal) -> str:
    whole = f"{market} {text(level)}"
    return whole if len(whole) <= 64 else f"{symbol_of(market)[:50]} {text(level)}"


def _left_out(skipped: dict[str, str]) -> str:
    some = [f"{symbol_of(name)} {why}" for name, why in list(skipped.items())[:NAMED_MOST]]
    more = f", and {len(skipped) - NAMED_MOST} more" if len(skipped) > NAMED_MOST else ""
    return f"left out: {', '.join(some)}{more}"
