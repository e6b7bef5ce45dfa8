"""Before every link: is there such an exchange, does it let us in, and what can be proven of it?

The answer is an `Entry`, which holds everything that a link needs; or a refusal that says how it is mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol

from msgspec import Struct

from kedge.model.numbers import text
from kedge.model.venue import Rules
from kedge.venues.ccxt import library as ccxt
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.deeds import Deeds
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.names import Names
from kedge.venues.ccxt.past import Past
from kedge.venues.ccxt.proof import Proof, Rehearsal, provable, rehearse
from kedge.venues.ccxt.questions import Matter, Questions
from kedge.venues.ccxt.rules import CCXT_RULES, NS_PER_MS, Options, rules_of
from kedge.venues.ccxt.talk import ODD, Talk
from kedge.venues.ccxt.wire import Listing
from kedge.venues.ccxt.witness import Exchange
from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.venue import Clock, Setup

SKEW_MS: Final = CCXT_RULES.skew_ns // NS_PER_MS


class Never(Refused, frozen=True):
    """Refused, and asking again changes nothing before a person has changed something."""


class Owner(Protocol):
    """Who knows which markets are in use."""

    def matter(self) -> Matter: ...

    def use(self, symbol: str) -> None: ...


class Entry(Struct):
    """One link's parts."""

    talk: Talk
    streams: Talk
    listings: dict[str, Listing]
    past: Past
    questions: Questions
    deeds: Deeds
    proof: Proof
    rules: Rules
    oddity: str = ""

    async def refresh(self) -> str:
        """Read the list of markets again; what failed."""
        exchange = self.talk.exchange
        said = await self.talk.ask(lambda: exchange.load_markets(True))
        if isinstance(said, Failure):
            return said.why
        fresh = listings_of(exchange)
        for symbol, old in self.listings.items():
            if symbol not in fresh:
                fresh[symbol] = wire.closed(old)
        self.listings.clear()
        self.listings.update(fresh)
        return ""

    async def keep_alive(self, setup: Setup) -> str:
        """Put off the dead-man switch, where one was asked for and the exchange has it."""
        exchange = self.talk.exchange
        if not setup.dead_man_ns or not self.talk.has("cancelAllOrdersAfter"):
            return ""
        said = await self.talk.ask(lambda: exchange.cancel_all_orders_after(setup.dead_man_ns // NS_PER_MS))
        return said.why if isinstance(said, Failure) else ""

    async def close(self) -> None:
        for talk in (self.talk, self.streams):
            await talk.close()


async def knock(
    library: ccxt.Library,
    name: str,
    setup: Setup,
    clock: Clock,
    names: Names,
    options: Options,
    owner: Owner,
) -> Entry | Silence | Refused:
    """Everything that has to hold before the link is up."""
    talks = _talks(library, name, setup, clock, options)
    if isinstance(talks, str):
        return Never(talks)
    talk, streams = talks
    entered = await _enter(talk, streams, setup, clock, names, options, owner)
    if not isinstance(entered, Entry):
        await talk.close()
        await streams.close()
    return entered


def listings_of(exchange: Exchange) -> dict[str, Listing]:
    """Every market that we can trade, by the name ccxt gives it."""
    read = [wire.listing_of(one, exchange.precisionMode) for one in (exchange.markets or {}).values()]
    return {one.symbol: one for one in read if isinstance(one, Listing)}


# ── the steps ───────────────────────────────────────────────────────────────────────────────────


def _talks(
    library: ccxt.Library, name: str, setup: Setup, clock: Clock, options: Options
) -> tuple[Talk, Talk] | str:
    talks: list[Talk] = []
    for private in (True, False):
        built = ccxt.build(library, name, setup, options, private=private)
        wrong = built if isinstance(built, str) else ccxt.point(built, name, setup, library.error)
        if wrong:
            return wrong
        talks.append(Talk(built, library.error, clock, ccxt.hidden(setup), options.request_s))
    talk, streams = talks
    # One pace for both: the exchange counts the address, or the key, but not our objects.
    streams.exchange.throttler = getattr(talk.exchange, "throttler", None)
    return talk, streams


async def _enter(
    talk: Talk,
    streams: Talk,
    setup: Setup,
    clock: Clock,
    names: Names,
    options: Options,
    owner: Owner,
) -> Entry | Silence | Refused:
    past = Past(talk, clock, options)
    questions = Questions(setup.account, talk, clock, names, past, options, owner.matter, owner.use)
    deeds = Deeds(setup.account, talk, clock, names, options, questions.find)
    fault = _credentials(talk) or await _load(talk, options)
    if fault is not None:
        return fault
    listings = listings_of(talk.exchange)
    if not listings:
        return Silence(f"ccxt finds nothing that can be traded at {talk.exchange.id}")
    balances = await talk.ask(lambda: talk.exchange.fetch_balance())
    if isinstance(balances, Failure):
        return _fault(balances)
    proof = await prove(talk, listings)
    if setup.live and proof.refusal:
        return Never(proof.refusal)
    questions.proof = deeds.proof = proof
    oddity = await _oddity(talk, proof, setup, clock)
    odd_settings = await _settings(talk, setup, listings)
    derivatives = any(one.type != "spot" for one in listings.values())
    rules = rules_of(str(talk.exchange.id), derivatives=derivatives, stops=_has_stops(talk, listings))
    return Entry(talk, streams, listings, past, questions, deeds, proof, rules, odd_settings or oddity)


def _credentials(talk: Talk) -> Never | None:
    try:
        talk.exchange.check_required_credentials()
    except (talk.error, *ODD) as error:
        more = ', "'.join(ccxt.CREDENTIALS)
        return Never(
            f'{error}: write the secret as an object with what is missing, like {{"secret": "…", "password":'
            f' "…"}}; members may be "{more}"'
        )
    return None


async def _load(talk: Talk, options: Options) -> Silence | Refused | None:
    said = await talk.ask(lambda: talk.exchange.load_markets(), options.load_s)
    return _fault(said) if isinstance(said, Failure) else None


def _fault(failure: Failure) -> Silence | Refused:
    if failure.kind == "auth":
        return Refused(failure.why)
    return Silence(failure.why, retry_ns=failure.retry_ns)


async def prove(talk: Talk, listings: Mapping[str, Listing]) -> Proof:
    """What holds for every kind of market that the exchange has."""
    kinds: dict[str, Listing] = {}
    for listing in listings.values():
        if listing.instrument.status == "trading":
            kinds.setdefault(listing.type, listing)
    heard = [await rehearse(talk, listing) for listing in kinds.values()]
    failing = next((one for one in heard if not one.place), None)
    whole = Rehearsal(
        place=bool(heard) and failing is None,
        fetch=bool(heard) and all(one.fetch for one in heard),
        cancel=bool(heard) and all(one.cancel for one in heard),
        by_post=bool(heard) and all(one.by_post for one in heard),
        why=failing.why if failing is not None else "" if heard else "no market there has fixed steps",
    )
    talk.deeds_by_get = not whole.by_post
    return provable(talk.exchange, whole)


async def _oddity(talk: Talk, proof: Proof, setup: Setup, clock: Clock) -> str:
    """What people should know of a link that works."""
    if proof.refusal:
        return f"play money only: {proof.refusal}"
    if setup.dead_man_ns and not talk.has("cancelAllOrdersAfter"):
        return f"{proof.exchange} has no dead-man switch through ccxt: if this machine dies, orders stay"
    if not talk.has("fetchTime"):
        return ""
    before_ns = clock()
    said = await talk.ask(lambda: talk.exchange.fetch_time())
    if isinstance(said, Failure) or not isinstance(said, int):
        return ""
    ahead_ms = (said * NS_PER_MS - (before_ns + clock()) // 2) // NS_PER_MS
    if abs(ahead_ms) <= SKEW_MS:
        return ""
    way = "ahead of" if ahead_ms > 0 else "behind"
    return f"the exchange's clock is {abs(ahead_ms)} ms {way} ours: set this machine's clock by a time server"


async def _settings(talk: Talk, setup: Setup, listings: Mapping[str, Listing]) -> str:
    """Leverage and margin mode, as the account's settings say; the sentence of what was refused."""
    exchange, refused = talk.exchange, []
    for symbol, leverage in setup.leverage.items():
        if symbol not in listings:
            refused.append(f"leverage of {symbol}: there is no such market")
            continue
        wanted = int(leverage) if leverage == int(leverage) else text(leverage)
        asks = [partial(exchange.set_leverage, wanted, symbol)]
        if setup.margin:
            asks.insert(0, partial(exchange.set_margin_mode, setup.margin, symbol))
        for ask in asks:
            said = await talk.ask(ask)
            if isinstance(said, Failure) and not _is_so_already(said):
                refused.append(f"leverage of {symbol}: {said.why}")
    return sentence("; ".join(refused))


def _is_so_already(failure: Failure) -> bool:
    """Exchanges refuse to change a setting into itself; most of them in these words."""
    words = failure.why.lower()
    return any(word in words for word in ("not modified", "no need to change", "already", "not changed"))


def _has_stops(talk: Talk, listings: Mapping[str, Listing]) -> bool:
    listing = next(iter(listings.values()))
    known = talk.feature(listing.symbol, "createOrder", "triggerPrice")
    return bool(known) if known is not None else talk.has("createTriggerOrder", "createStopOrder")
