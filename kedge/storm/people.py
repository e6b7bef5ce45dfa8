"""People in a storm: they start bots, change their minds, press twice, and again when nobody answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge.model.events import Command
from kedge.model.venue import PlaceOrder
from kedge.sim.tape import Tape

ALPHA, BETA = "alpha/main:BTC-A", "beta/main:BTC-B"
SECOND_NS = 1_000_000_000


class Markets(Struct, frozen=True):
    """The two markets people trade in a world: the harbours' own, or those of real protocols."""

    alpha: str = ALPHA
    beta: str = BETA


class Wish(Struct, frozen=True):
    """One command and when it is given. Its id stays the same however often it has to be repeated."""

    at_ns: int
    command: Command

    @property
    def number(self) -> int:
        return int(self.command.command_id.rpartition("-")[2])


def wishes(tape: Tape, storm_ns: int, markets: Markets) -> list[Wish]:
    """What people do in this world, in the order of time."""
    found: list[Wish] = []
    bots = _bots(tape, markets)
    for name, kind, config in bots:
        at_ns = tape.draw("people.start", 4 * SECOND_NS)
        found.append(give(at_ns, len(found), "bot.add", name=name, kind=kind, config=config))
        found += _later(tape, name, kind, config, at_ns, len(found), storm_ns)
    if tape.draw("people.kill-switch", 12) == 1:
        at_ns = 3 * SECOND_NS + tape.draw("people.kill-at", storm_ns)
        found.append(give(at_ns, len(found), "desk.kill", why="drill"))
        found.append(give(at_ns + 4 * SECOND_NS, len(found), "desk.revive"))
    # What people learnt to do later comes behind, so that the wishes of older seeds keep their numbers.
    found += _cancels(tape, [bot[0] for bot in bots], len(found), storm_ns)
    found += _rivals(tape, markets, len(found), storm_ns)
    found += _schedules(tape, [bot[0] for bot in bots], len(found), storm_ns)
    if markets == Markets():
        found += _stashes(tape, len(found), storm_ns)
    return sorted(found, key=lambda wish: (wish.at_ns, wish.command.command_id))


def last_wishes(names: list[str], hedges: list[str], schedules: list[str], close_ns: int) -> list[Wish]:
    """After the storm: the switch is released, nothing runs by itself any more, hedges are closed, and
    everything is stopped."""
    found = [give(0, 900, "desk.revive")]
    found += [give(0, 901 + place, "schedule.rm", name=name) for place, name in enumerate(schedules)]
    for place, name in enumerate(hedges):
        found.append(give(SECOND_NS // 2, 910 + place, "bot.resume", name=name))
        found.append(give(SECOND_NS, 930 + place, "bot.tell", name=name, text="close"))
    for place, name in enumerate(names):
        found.append(give(close_ns, 950 + place, "bot.stop", name=name))
    return found


def _bots(tape: Tape, at: Markets) -> list[tuple[str, str, dict[str, Any]]]:
    qty = f"0.{5 + tape.draw('people.qty', 120):03d}"
    side = tape.pick("people.side", ("sell", "buy"))
    work = tape.pick("people.work", ("join", "cross"))
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        (
            "pair-1",
            "pair",
            {"far": at.alpha, "near": at.beta, "side": side, "qty": qty, "work": work, "slip": "0.02"},
        ),
        ("hedge-1", "hedge", _hedge(tape, qty, at)),
        ("peg-1", "peg", {"market": at.beta, "side": tape.pick("people.peg", ("buy", "sell")), "qty": qty}),
        ("pair-2", "pair", {"far": at.beta, "near": at.alpha, "side": "buy", "qty": "0.02", "slip": "0.02"}),
    ]
    chosen = [kind for kind in kinds if tape.draw(f"people.has.{kind[0]}", 2)] or kinds[:1]
    return (
        [*chosen, ("spread-1", "spread", _spread(tape, qty, at))]
        if tape.draw("people.spreads", 2)
        else chosen
    )


def _spread(tape: Tape, qty: str, at: Markets) -> dict[str, Any]:
    """At a price that suits most of the time, and sometimes at one that the markets wander over."""
    side = tape.pick("people.spread-side", ("sell", "buy"))
    far = 1000 if tape.draw("people.spread-easy", 3) else 5
    return {
        "far": at.beta,
        "near": at.alpha,
        "side": side,
        "qty": qty,
        "price": str(-far if side == "sell" else far),
        "ratio": tape.pick("people.spread-ratio", ("1", "2.5", "0.4")) if at == Markets() else "1",
        "slip": "0.02",
        "after_open_s": tape.draw("people.spread-after", 2),
        "before_close_s": tape.draw("people.spread-before", 3),
        "check_margin": bool(tape.draw("people.spread-margin", 2)),
    }


def _cancels(tape: Tape, bots: list[str], number: int, storm_ns: int) -> list[Wish]:
    """Everything is cancelled once; sometimes the bots go on soon, sometimes only when the storm is over."""
    if tape.draw("people.cancels", 6) != 1:
        return []
    at_ns = 2 * SECOND_NS + tape.draw("people.cancel-at", storm_ns)
    whose: tuple[dict[str, str], ...] = ({}, {"account": "alpha/main"}, {"bot": bots[0]})
    found = [give(at_ns, number, "desk.cancel", why="drill", **tape.pick("people.cancel-of", whose))]
    if tape.draw("people.resumes", 2):
        after_ns = at_ns + SECOND_NS // 2 + tape.draw("people.resume-after", 4 * SECOND_NS)
        found += [
            give(after_ns, number + 1 + place, "bot.resume", name=bot) for place, bot in enumerate(bots)
        ]
    return found


def _rivals(tape: Tape, at: Markets, number: int, storm_ns: int) -> list[Wish]:
    """Two people open a hedge for one preorder in the same moment, under names of their own."""
    if tape.draw("people.rivals", 5) != 1:
        return []
    at_ns = SECOND_NS + tape.draw("people.rivals-at", storm_ns // 2)
    config = {"market": at.alpha, "qty": "0.01", "slippage": "0.05", "deadline_s": 5, "preorder": "7"}
    return [
        give(at_ns + place, number + place, "bot.add", name=f"hedge-7{who}", kind="hedge", config=config)
        for place, who in enumerate("ab")
    ]


def _schedules(tape: Tape, bots: list[str], number: int, storm_ns: int) -> list[Wish]:
    """Commands that run by themselves, every ten seconds or more, and once by hand, pressed twice."""
    if tape.draw("people.schedules", 5) != 1:
        return []
    at_ns = tape.draw("people.schedule-at", 4 * SECOND_NS)
    missed = tape.pick("people.missed", ("once", "skip"))
    audit = {"verb": "account.audit", "args": {"account": "beta/main"}, "every": "10s", "missed": missed}
    pause = {"verb": "bot.pause", "args": {"name": bots[0]}, "every": "13s", "missed": missed}
    reload = {"verb": "desk.reload", "every": "17s"}
    run_ns = at_ns + SECOND_NS + tape.draw("people.run-at", storm_ns)
    copy_ns, again_ns = (at_ns + tape.draw(f"people.{what}-at", storm_ns) for what in ("copy", "reload"))
    return [
        give(at_ns, number, "schedule.set", name="audits", **audit),
        give(at_ns, number + 1, "schedule.set", name="pauses", **pause),
        give(at_ns, number + 2, "schedule.set", name="reloads", **reload),
        give(run_ns, number + 3, "schedule.run", name="audits"),
        give(copy_ns, number + 4, "desk.backup", target="copy-{date}-{time}"),
        give(again_ns, number + 5, "desk.reload"),
    ]


def _stashes(tape: Tape, number: int, storm_ns: int) -> list[Wish]:
    """A ladder of stop orders, saved together with those of a stranger, taken away and put back."""
    if tape.draw("people.stashes", 4) != 1:
        return []
    at_ns = tape.draw("people.ladder-start", 2 * SECOND_NS)
    save_ns = at_ns + SECOND_NS + tape.draw("people.save-at", storm_ns // 2)
    back_ns = save_ns + SECOND_NS + tape.draw("people.restore-at", storm_ns // 2)
    again_ns = back_ns + tape.draw("people.restore-again-at", 3 * SECOND_NS)
    # Far below every price; or so near that some of them fire.
    levels = tape.pick("people.ladder-levels", (["40", "45", "50"], ["0.02", "0.05", "40"]))
    ladder = {
        "markets": [BETA],
        "money": "900",
        "levels": levels,
        "expires_min": 0,
        "refill": bool(tape.draw("people.ladder-refills", 2)),
    }
    cancel = tape.draw("people.save-cancels", 4) != 1
    found = [
        give(at_ns, number, "bot.add", name="ladder-1", kind="ladder", config=ladder),
        give(save_ns, number + 1, "stash.save", name="night", account="beta/main", cancel=cancel),
        give(back_ns, number + 2, "stash.restore", name="night"),
    ]
    if tape.draw("people.restores-twice", 2):
        found.append(give(again_ns, number + 3, "stash.restore", name="night"))
    return found


def strangers(at: str, now_ns: int) -> list[PlaceOrder]:
    """Stop orders that somebody else has on the account, far from every price."""
    symbol, end_ns = at.partition(":")[2], now_ns + 3600 * SECOND_NS
    far = [
        ("buy", "take_limit", "30000", "30050", 0),
        ("sell", "take_limit", "90000", "89900", end_ns),
        ("buy", "stop", "95000", "0", 0),
    ]
    return [
        PlaceOrder(
            f"stranger-{number}",
            symbol,
            side,  # type: ignore[arg-type]
            Decimal("0.01"),
            Decimal(price),
            kind=kind,  # type: ignore[arg-type]
            trigger_price=Decimal(trigger),
            expires_ns=expires_ns,
        )
        for number, (side, kind, trigger, price, expires_ns) in enumerate(far)
    ]


def _hedge(tape: Tape, qty: str, at: Markets) -> dict[str, Any]:
    return {
        "market": at.alpha,
        "qty": qty,
        "side": tape.pick("people.hedge-side", ("sell", "buy")),
        "deadline_s": 4 + tape.draw("people.deadline", 10),
        "then": tape.pick("people.then", ("chase", "cross", "cancel")),
        "slippage": "0.05",
    }


def _later(
    tape: Tape, name: str, kind: str, config: dict[str, Any], at_ns: int, number: int, storm_ns: int
) -> list[Wish]:
    """Changes of mind about one bot."""
    found: list[Wish] = []

    def wish(verb: str, **args: Any) -> None:
        after_ns = at_ns + SECOND_NS + tape.draw("people.later", storm_ns)
        found.append(give(after_ns, number + len(found), verb, **args))

    if tape.draw("people.pauses", 5) == 1:
        wish("bot.pause", name=name)
        wish("bot.resume", name=name)
    if tape.draw("people.amends", 5) == 1:
        wish("bot.amend", name=name, config={"qty": f"0.{5 + tape.draw('people.new-qty', 80):03d}"})
    if tape.draw("people.stops", 4) == 1:
        wish("bot.stop", name=name)
    if tape.draw("people.kills", 25) == 1:
        wish("bot.kill", name=name)
    if kind == "hedge" and tape.draw("people.closes", 2):
        wish("bot.tell", name=name, text="close")
        if tape.draw("people.closes-twice", 2):
            wish("bot.tell", name=name, text="close")
    if tape.draw("people.adds-twice", 8) == 1:
        wish("bot.add", name=name, kind=kind, config=config)
    return found


def give(at_ns: int, number: int, verb: str, /, **args: Any) -> Wish:
    """A wish by its parts; the number becomes its id."""
    body = Raw(msgspec.json.encode(args))
    return Wish(at_ns, Command(f"wish-{number:04d}", "storm", "storm", verb, body))
