"""People at the Moscow Exchange: spreads of a future against its share, pegs, ladders, stashes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kedge.model.order import OrderKind, Side
from kedge.model.venue import PlaceOrder
from kedge.sim.tape import Tape
from kedge.storm.people import SECOND_NS, Markets, Wish, give

Bots = list[tuple[str, str, dict[str, Any]]]


def moex_wishes(tape: Tape, storm_ns: int, at: Markets) -> list[Wish]:
    """What they do in this world, in the order of time. `at.alpha` is the future, `at.beta` the share."""
    found: list[Wish] = []
    bots = _bots(tape, at)
    for name, kind, config in bots:
        at_ns = tape.draw("people.start", 4 * SECOND_NS)
        found.append(give(at_ns, len(found), "bot.add", name=name, kind=kind, config=config))
        found += _later(tape, name, kind, config, at_ns, len(found), storm_ns)
    if tape.draw("people.cancels", 5) == 1:
        at_ns = 2 * SECOND_NS + tape.draw("people.cancel-at", storm_ns)
        found.append(give(at_ns, len(found), "desk.cancel", why="drill"))
        if tape.draw("people.resumes", 2):
            back_ns = at_ns + SECOND_NS + tape.draw("people.resume-after", 4 * SECOND_NS)
            found += [
                give(back_ns, len(found) + place, "bot.resume", name=bot[0]) for place, bot in enumerate(bots)
            ]
    if tape.draw("people.refreshes", 4) == 1:
        at_ns = tape.draw("people.refresh-at", storm_ns)
        found.append(give(at_ns, len(found), "account.refresh", account="tinvest/main"))
    found += _stashes(tape, at, len(found), storm_ns)
    return sorted(found, key=lambda wish: (wish.at_ns, wish.command.command_id))


def _bots(tape: Tape, at: Markets) -> Bots:
    kinds: Bots = [
        ("spread-1", "spread", _spread(tape, at)),
        (
            "peg-1",
            "peg",
            {
                "market": at.beta,
                "side": tape.pick("people.peg", ("buy", "sell")),
                "qty": str(100 + 10 * tape.draw("people.peg-qty", 200)),
                "edge_s": tape.draw("people.peg-edge", 3),
                "post_only": False,
            },
        ),
        (
            "peg-2",
            "peg",
            {
                "market": at.alpha,
                "side": tape.pick("people.peg-far", ("buy", "sell")),
                "qty": str(1 + tape.draw("people.peg-far-qty", 20)),
                "edge_s": tape.draw("people.peg-far-edge", 3),
                "post_only": False,
            },
        ),
    ]
    return [kind for kind in kinds if tape.draw(f"people.has.{kind[0]}", 3)] or kinds[:1]


def _spread(tape: Tape, at: Markets) -> dict[str, Any]:
    """At a price that suits most of the time, and sometimes at one that the markets wander over."""
    side = tape.pick("people.spread-side", ("sell", "buy"))
    far = 500 if tape.draw("people.spread-easy", 3) else 3
    return {
        "far": at.alpha,
        "near": at.beta,
        "side": side,
        "qty": str(1 + tape.draw("people.spread-qty", 15)),
        "price": str(-far if side == "sell" else far),
        "ratio": tape.pick("people.spread-ratio", ("0", "100", "73")),
        "slip": "0.02",
        "after_open_s": tape.draw("people.spread-after", 3),
        "before_close_s": tape.draw("people.spread-before", 4),
        "check_margin": bool(tape.draw("people.spread-margin", 2)),
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
    if tape.draw("people.amends", 4) == 1:
        wish("bot.amend", name=name, config={"qty": str(_qty(name, tape))})
    if tape.draw("people.stops", 3) == 1:
        wish("bot.stop", name=name)
    if tape.draw("people.adds-twice", 8) == 1:
        wish("bot.add", name=name, kind=kind, config=config)
    return found


def _qty(name: str, tape: Tape) -> int:
    """The share trades in lots of ten."""
    return (1 + tape.draw("people.new-qty", 20)) * (10 if name == "peg-1" else 1)


def _stashes(tape: Tape, at: Markets, number: int, storm_ns: int) -> list[Wish]:
    """A ladder of stop orders, saved together with those of a stranger, taken away and put back."""
    if tape.draw("people.stashes", 2) != 1:
        return []
    at_ns = tape.draw("people.ladder-start", 2 * SECOND_NS)
    save_ns = at_ns + SECOND_NS + tape.draw("people.save-at", storm_ns // 2)
    back_ns = save_ns + SECOND_NS + tape.draw("people.restore-at", storm_ns // 2)
    again_ns = back_ns + tape.draw("people.restore-again-at", 3 * SECOND_NS)
    # Far below every price; or so near that some of them fire; or several alike.
    levels = tape.pick("people.ladder-levels", (["15", "20", "25"], ["0.02", "0.05", "20"], ["15", "15.001"]))
    ladder = {
        "markets": [at.beta],
        "money": "9000",
        "levels": levels,
        "order": tape.pick("people.ladder-order", ("take_limit", "take")),
        "expires_min": tape.pick("people.ladder-expires", (0, 60)),
        "refill": bool(tape.draw("people.ladder-refills", 2)),
    }
    cancel = tape.draw("people.save-cancels", 4) != 1
    found = [
        give(at_ns, number, "bot.add", name="ladder-1", kind="ladder", config=ladder),
        give(save_ns, number + 1, "stash.save", name="night", account="tinvest/main", cancel=cancel),
        give(back_ns, number + 2, "stash.restore", name="night"),
    ]
    if tape.draw("people.restores-twice", 2):
        found.append(give(again_ns, number + 3, "stash.restore", name="night"))
    return found


def moex_strangers(symbol: str, now_ns: int) -> list[PlaceOrder]:
    """Stop orders that somebody else has on the account, far from every price."""
    rows: list[tuple[Side, OrderKind, str, str, int]] = [
        ("buy", "take_limit", "99", "99.5", 0),
        ("sell", "take_limit", "152", "151.9", now_ns + 7200 * SECOND_NS),
        ("buy", "stop", "155", "0", 0),
    ]
    return [
        PlaceOrder(
            f"{0x57A6:08x}{number:024x}",
            symbol,
            side,
            Decimal(10),
            Decimal(price),
            kind=kind,
            trigger_price=Decimal(trigger),
            expires_ns=expires_ns,
        )
        for number, (side, kind, trigger, price, expires_ns) in enumerate(rows)
    ]
