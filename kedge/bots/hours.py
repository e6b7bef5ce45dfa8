"""When a bot works: within the sessions of all its markets, a little away from their edges."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kedge.model.instrument import Instrument

SECOND_NS = 1_000_000_000


class Hours(Struct, frozen=True):
    works: bool
    change_ns: int = 0  # when to look again; 0: no calendar says


def hours(instruments: Iterable[Instrument], now_ns: int, after_open_s: int, before_close_s: int) -> Hours:
    """Whether all of them are open now, for so long already and for so long to come."""
    after_ns, before_ns = after_open_s * SECOND_NS, before_close_s * SECOND_NS
    works, changes = True, []
    for one in instruments:
        works = works and one.is_open(now_ns) and _inside(one, now_ns, after_ns, before_ns)
        for session in one.sessions or ():
            changes += [session.open_ns + after_ns, session.close_ns - before_ns]
        if one.expires_ns:
            changes.append(one.expires_ns - before_ns)
    return Hours(works, min((at for at in changes if at > now_ns), default=0))


def _inside(one: Instrument, now_ns: int, after_ns: int, before_ns: int) -> bool:
    if one.expires_ns and now_ns >= one.expires_ns - before_ns:
        return False
    if one.sessions is None:
        return True
    return any(s.open_ns + after_ns <= now_ns < s.close_ns - before_ns for s in one.sessions)
