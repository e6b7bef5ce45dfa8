"""Asking bots what they want, and taking their word only as far as it makes sense.

A bot that raises or answers nonsense is parked: its orders are pulled, people are told, and no other bot
notices.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import msgspec
from msgspec import Raw

from kedge.engine.bot import Decision, Send
from kedge.engine.engine import SECOND_NS, Engine, park, supervised
from kedge.engine.plan import plan, withdraw
from kedge.engine.residue import residue
from kedge.engine.senses import BotNow
from kedge.engine.state import BotRow
from kedge.engine.view import BotView
from kedge.engine.wants import Rest, Target, Want
from kedge.model import records as r
from kedge.model.instrument import account_of
from kedge.model.numbers import LIMIT, ZERO, text
from kedge.model.order import OrderKind, Side, Tif, Trigger

LEVELS = get_args(r.NoteLevel)
_SHARED_WORDS = {"role": get_args(r.Role), "reduce_only": (False, True)}
_REST_WORDS = {
    **_SHARED_WORDS,
    "side": get_args(Side),
    "kind": get_args(OrderKind),
    "tif": get_args(Tif),
    "trigger_by": get_args(Trigger),
    "quote": (False, True),
    "keep": (False, True),
}
_TARGET_WORDS = {**_SHARED_WORDS, "how": ("cross", "touch")}

WANTS_MOST = 2000
SLOTS_MOST = 5000
SLOT_NAME_MOST = 64
# Messages can wake bots that wake bots; a step ends after so many rounds and the rest waits for the next.
ROUNDS_MOST = 4
# Why a bot stops that the bots file lists no more: put back, it runs again.
LEFT_FILE = "it left the bots file"
SOFT_NS = SECOND_NS
INBOX_MOST = 100


def settle_bots(e: Engine) -> None:
    """Have every bot that something happened to decide, and bring its slots towards its wants."""
    for _ in range(ROUNDS_MOST):
        if not e.dirty:
            return
        names, e.dirty = e.dirty, {}
        for name in names:
            row = e.desk.bots.get(name)
            if row is not None:
                settle_bot(e, row)
    for name in e.dirty:
        e.timers.sooner(("bot", name), e.now_ns + SECOND_NS // 10)
    e.dirty = {}


def settle_bot(e: Engine, row: BotRow) -> None:
    now = e.bots[row.name]
    if row.phase in ("running", "paused", "stopping") and now.bot is not None and not row.still:
        decision = _ask(e, row, now)
        if decision is not None:
            _take(e, row, now, decision)
            plan(e, row, now)
            _perhaps_ended(e, row, now, decision)
            return
    now.wants = {}
    now.held.clear()
    for slot in row.slots.values():
        if slot.orders:
            withdraw(e, slot, f"the bot is {row.phase}")


# ── asking ──────────────────────────────────────────────────────────────────────────────────────


def _ask(e: Engine, row: BotRow, now: BotNow) -> Decision[Any] | None:
    bot = now.bot
    assert bot is not None

    def ask() -> tuple[Decision[Any], str]:
        decision = bot.decide(BotView(e, row, now))
        return decision, _nonsense(row, now, decision)

    answer, failed = supervised(ask)
    decision, said = answer or (None, failed)
    if said:
        park(e, row, said[:300])
        return None
    return decision


def _nonsense(row: BotRow, now: BotNow, decision: object) -> str:
    """What is wrong with a decision; "" when it may be taken."""
    assert now.bot is not None
    if type(decision) is not Decision:
        return f"decide returned {type(decision).__name__}, not a Decision"
    if not isinstance(decision.state, now.bot.State):
        return f"its state is a {type(decision.state).__name__}, not its own State"
    if len(decision.wants) > WANTS_MOST:
        return f"{len(decision.wants)} wants at once; the most is {WANTS_MOST}"
    if decision.state != now.state:
        msgspec.json.encode(decision.state)  # raises on what the journal cannot hold
    said = _bad_speech(decision)
    if said or not decision.wants:
        return said
    watched = now.bot.markets(now.config)
    slots: dict[str, None] = {}
    if said := _too_many_slots(row, decision):
        return said
    for want in decision.wants:
        if want.slot in slots:
            return f"two wants for the slot {want.slot!r}"
        slots[want.slot] = None
        if want.market not in watched:
            return f"it wants {want.market}, which it does not watch"
        said = _bad_words(want) or _bad_numbers(want)
        if said:
            return f"slot {want.slot!r} wants {said}"
    return ""


def _too_many_slots(row: BotRow, decision: Decision[Any]) -> str:
    """Every slot that has traded is remembered: a new name for each order would fill the memory."""
    fresh = [want.slot for want in decision.wants if want.slot not in row.slots]
    if too_long := [slot for slot in fresh if isinstance(slot, str) and len(slot) > SLOT_NAME_MOST]:
        return f"the slot {too_long[0][:20]!r}... has a name longer than {SLOT_NAME_MOST}"
    if fresh and len(row.slots) + len(fresh) > SLOTS_MOST:
        return f"a slot beside {len(row.slots)} others; the most is {SLOTS_MOST}: use them again"
    return ""


def _bad_speech(decision: Decision[Any]) -> str:
    """What it says goes to the journal, which must be readable for ever."""
    done: object = decision.done
    if not isinstance(done, str):
        return f"`done` is {decision.done!r}; it is the sentence that ends the bot"
    for note in decision.notes:
        said: object = note.text
        if not isinstance(said, str) or note.level not in LEVELS:
            return f"its note is {note!r}; a level is one of {', '.join(LEVELS)}"
    for message in decision.messages:
        words: object = message.text
        if not isinstance(words, str):
            return f"its message is {message!r}"
        msgspec.json.decode(message.args)
    return ""


def _bad_numbers(want: Want) -> str:
    """A number that is none would end in an order, or in the journal: neither may happen."""
    if isinstance(want, Rest):
        numbers = (want.price, want.qty, want.trigger_price)
        if type(want.expires_ns) is not int or want.expires_ns < 0:
            return f"the end {want.expires_ns!r}"
    else:
        numbers = (want.slip, want.limit_price, abs(want.net))
    for number in numbers:
        if type(number) is not Decimal or not number.is_finite() or not ZERO <= number < LIMIT:
            return f"the number {number!r}"
    return ""


def _bad_words(want: Want) -> str:
    """The journal could not be read again with a word that it does not know."""
    if type(want) is Rest and _is_well_spoken(want):
        return ""
    words = _REST_WORDS if isinstance(want, Rest) else _TARGET_WORDS
    for name, known in words.items():
        if getattr(want, name) not in known:
            return f"{name} {getattr(want, name)!r}; there is {', '.join(map(str, known))}"
    return (
        "" if isinstance(want.slot, str) and isinstance(want.why, str) else "a name or reason that is no text"
    )


def _is_well_spoken(want: Rest) -> bool:
    """The same for what nearly all wants are, asked without going through a table."""
    return (
        type(want.slot) is str
        and type(want.why) is str
        and want.side in _REST_WORDS["side"]
        and want.kind in _REST_WORDS["kind"]
        and want.tif in _REST_WORDS["tif"]
        and want.role in _REST_WORDS["role"]
        and want.trigger_by in _REST_WORDS["trigger_by"]
        and type(want.reduce_only) is bool
        and type(want.quote) is bool
        and type(want.keep) is bool
    )


# ── taking ──────────────────────────────────────────────────────────────────────────────────────


def _take(e: Engine, row: BotRow, now: BotNow, decision: Decision[Any]) -> None:
    _remember(e, row, now, decision)
    for note in decision.notes:
        e.note(note.level, note.text[:1000], row.name)
    if row.inbox:  # before it sends: a message to itself has not been heard yet
        e.write(r.Heard(bot=row.name, number=row.inbox[-1].number))
    for message in decision.messages:
        if tell(e, message.bot, row.name, message):
            e.count("messages lost")
    now.wants = {w.slot: w for w in decision.wants if _in_force(e, row, w)}
    if decision.wake_ns:
        e.timers.sooner(("bot", row.name), max(decision.wake_ns, e.now_ns + SECOND_NS // 1000))


def _remember(e: Engine, row: BotRow, now: BotNow, decision: Decision[Any]) -> None:
    """Write the new memory when it changed; a soft change waits for its second to be over."""
    assert now.bot is not None
    if decision.state == now.state and not now.soft:
        return
    changed = decision.state != now.state
    now.state = decision.state
    if changed and decision.soft and e.now_ns - now.stated_ns < SOFT_NS:
        now.soft = True
        e.timers.sooner(("bot", row.name), now.stated_ns + SOFT_NS)
        return
    if not changed and e.now_ns - now.stated_ns < SOFT_NS:
        return
    now.soft, now.stated_ns = False, e.now_ns
    body = Raw(msgspec.json.encode(decision.state))
    e.write(r.BotStated(bot=row.name, state=body, state_version=now.bot.state_version))


def tell(e: Engine, bot: str, sender: str, message: Send) -> str:
    """Hand a message to a bot; a sentence says why it cannot be."""
    row = e.desk.bots.get(bot)
    if row is None:
        return f"there is no bot {bot!r}"
    if len(row.inbox) >= INBOX_MOST:
        return f"{bot} has {INBOX_MOST} messages that it has not answered"
    e.write(r.Told(bot=bot, number=row.told + 1, sender=sender, text=message.text, args=message.args))
    e.touch(bot)
    return ""


def _in_force(e: Engine, row: BotRow, want: Want) -> bool:
    """Risk is wanted only by a running bot over a fresh book; balance always."""
    if want.role == "balance":
        return True
    if row.phase != "running" or e.desk.killed:
        return False
    if isinstance(want, Rest) and want.keep:
        return True
    return e.fresh(e.market(want.market)) or _between(e, want.market)


def _between(e: Engine, market: str) -> bool:
    """Its book is silent because it is closed, or has opened just now: what stands there is left alone."""
    instrument, link = e.desk.instrument(market), e.links.get(account_of(market))
    if instrument is None or link is None or instrument.sessions is None:
        return False
    opened_ns = instrument.opened_ns(e.now_ns)
    young = opened_ns > 0 and e.now_ns - opened_ns <= link.rules.book_age_max_ns
    return instrument.rests(e.now_ns) or (young and e.market(market).heard_ns < opened_ns)


# ── ending ──────────────────────────────────────────────────────────────────────────────────────


def _perhaps_ended(e: Engine, row: BotRow, now: BotNow, decision: Decision[Any]) -> None:
    """A stopping bot ends when it is balanced; one that says it is done, when nothing of it is open."""
    if row.phase != "stopping" and not decision.done:
        now.waits_for = ""
        return
    now.waits_for = _waits_for(e, row, now)
    if now.waits_for:
        return
    left = residue(row)
    why = decision.done
    if left:
        why = f"{why}; left open: {left}" if why else f"left open: {left}"
    if row.why.startswith(LEFT_FILE):
        why = f"{LEFT_FILE}; {why}" if why else LEFT_FILE
    e.write(r.BotPhased(bot=row.name, phase="stopped", why=why))
    e.calm(row.name)
    now.wants = {}


def _waits_for(e: Engine, row: BotRow, now: BotNow) -> str:
    """What stands between the bot and its end, in words; "" when nothing does."""
    for slot in row.slots.values():
        for client_id in slot.orders:
            order = e.desk.order(client_id)
            if order is not None:
                return f"{slot.name}: order {client_id} is {order.change or order.state}"
    for want in now.wants.values():
        if isinstance(want, Target):
            slot_row = row.slots.get(want.slot)
            rest = want.net - (slot_row.tally.net if slot_row else ZERO)
            instrument = e.desk.instrument(want.market)
            price = e.market(want.market).reference
            dust = instrument is not None and price > 0 and instrument.tradable(abs(rest), price) == 0
            if rest != 0 and not dust:
                return f"{want.slot}: {text(rest)} still to balance; {now.held.get(want.slot, 'placing')}"
        elif want.role == "balance" and not _is_dust(e, want):
            return f"{want.slot}: {now.held.get(want.slot, 'placing')}"
    return ""


def _is_dust(e: Engine, want: Rest) -> bool:
    instrument = e.desk.instrument(want.market)
    price = want.price or want.trigger_price or e.market(want.market).reference
    return instrument is not None and price > 0 and instrument.tradable(want.qty, price) == 0
