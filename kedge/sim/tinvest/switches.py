"""Faults and switches of this venue: what it is taught beside the wire's weather.

A switch stays as it was set, restarts included; a fault strikes as often as it says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kedge.sim.testnet.faults import BadFault, Fault, Faults
from kedge.sim.testnet.web import Reply
from kedge.sim.tinvest import codes
from kedge.sim.tinvest.calendar import TRADING, Kind, next_ns
from kedge.sim.tinvest.house import TinvestHouse, hide
from kedge.sim.tinvest.limits import GROUPS
from kedge.sim.tinvest.limits import STREAMS as STREAMS_MAX

BILLION = 10**9
CLOCK_SCHEDULE = "FORTS_EVENING"
WEEKEND_SCHEDULE = "MOEX_EVENING_WEEKEND"


def teach(house: TinvestHouse, end_streams: Callable[[str, str], int]) -> None:
    faults = house.faults
    faults.teach("lookup_lag", "lookups and lists do not show orders and stops younger than delay_ns")
    faults.teach("late_match", "an order by PostOrderAsync reaches the exchange delay_ns later")
    faults.teach("cancel_race", "an order is filled while its cancel is on the way; the cancel says OK")
    faults.teach("replace_fails", "ReplaceOrder cancels, and its new order is refused (value: the code)")
    faults.teach("kill_refuses", "FILL_AND_KILL that found nothing is answered with 30095; the order exists")
    faults.teach("limit_only", "orders at the market are refused with 30068")
    faults.teach("stream_first", "private streams tell of a deed before its answer comes")
    faults.teach("inconsistent_book", "one book of a stream is torn (is_consistent is false)")
    faults.teach("limits_loading", "GetPositions says limits_loading_in_progress")
    faults.teach("operations_lag", "operations younger than delay_ns are not shown")
    faults.teach("operation_ids", "operations come with other ids and other trade ids")

    def cut(fault: Fault) -> None:
        end_streams(fault.path.rpartition(".")[2] if "." in fault.path else fault.path, fault.account)

    faults.teach("stream_cut", "streams (path: OrdersStreamService/Order) end with 80005", cut)
    _teach_switches(house, faults)
    _teach_errors(faults)


def _teach_switches(house: TinvestHouse, faults: Faults) -> None:
    own = house.own

    def choice(name: str, *values: str) -> Callable[[Fault], str]:
        def chosen(fault: Fault) -> str:
            if fault.value not in values:
                raise BadFault(f"{name}: value is one of {', '.join(values)}")
            house.touch()
            return fault.value

        return chosen

    duplicates = choice("duplicates", "state", "error")
    on_off = choice("switch", "on", "off")
    modes = choice("sessions", "calendar", "always")

    def set_duplicates(fault: Fault) -> None:
        own.duplicates = duplicates(fault)

    def set_internal(fault: Fault) -> None:
        own.internal_first = on_off(fault) == "on"

    def set_margin(fault: Fault) -> None:
        own.margin = on_off(fault) == "on"

    def set_sessions(fault: Fault) -> None:
        house.set_sessions(modes(fault), house.now_ns())

    def set_hidden(fault: Fault) -> None:
        if all(paper.symbol != fault.symbol for paper in house.everything()):
            raise BadFault(f"There is no instrument {fault.symbol}.")
        hide(house, fault.symbol, on_off(fault) == "off")

    faults.teach("duplicates", "value: state (the order is shown again) or error (30057)", set_duplicates)
    faults.teach("internal_first", "value: on or off; the first message has an internal id", set_internal)
    faults.teach("margin", "value: on or off; whether the accounts trade on margin", set_margin)
    faults.teach("sessions", "value: calendar or always; whether the exchange ever closes", set_sessions)
    faults.teach("listed", "value: off (symbol disappears from the lists) or on", set_hidden)
    _teach_clock(house, faults)


def _teach_clock(house: TinvestHouse, faults: Faults) -> None:
    def set_limit(fault: Fault) -> None:
        group, _, count = fault.value.partition("=")
        if group not in (*GROUPS, *STREAMS_MAX) or not count.isdecimal() or not int(count):
            raise BadFault("limit: value is a group and a number, such as PostOrder=10")
        house.own.limits[group] = int(count)
        house.touch()

    def jump(fault: Fault) -> None:
        at_ns = _moment(fault.value, house.now_ns())
        if at_ns <= house.now_ns():
            raise BadFault("jump: the clock goes forward only")
        house.clock.advance(at_ns - house.now_ns())

    faults.teach("limit", "value: PostOrder=10; so many requests a minute, or streams at once", set_limit)
    moments = "morning, main, clearing, evening, weekend, closed"
    faults.teach("jump", f"value: a time (2026-11-23T10:00:00+03:00) or the next {moments}", jump)


def _moment(value: str, now_ns: int) -> int:
    kinds: tuple[Kind, ...] = (*TRADING, "clearing", "auction")
    if value in kinds:
        schedule = WEEKEND_SCHEDULE if value == "weekend" else CLOCK_SCHEDULE
        return next_ns(schedule, next(kind for kind in kinds if kind == value), now_ns)
    if value == "closed":
        # A second after the end of the evening.
        evening = next_ns(CLOCK_SCHEDULE, "evening", now_ns)
        return evening + (4 * 3600 + 45 * 60 + 1) * BILLION
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise BadFault(f"jump: {value!r} is neither a time nor a session") from None
    if at.tzinfo is None:
        raise BadFault("jump: the time needs its zone, such as +03:00")
    return int(at.timestamp()) * BILLION


def _teach_errors(faults: Faults) -> None:
    def say(name: str, status: int, code: int, text: str = "") -> None:
        headers = {"grpc-status": str(status)}
        if code:
            headers |= {"grpc-message": str(code), "message": codes.SENTENCES[code]}
        else:
            headers |= {"grpc-message": text}
        faults.teach_error(name, Reply(200, b"", headers, "application/grpc"))

    say("unavailable", codes.UNAVAILABLE, 0, "Connection reset by peer")
    say("deadline", codes.DEADLINE, 0, "Deadline Exceeded")
    say("cancelled", codes.CANCELLED, 0, "CANCELLED")
    say("internal", codes.INTERNAL, 70001)
    say("internal_network", codes.INTERNAL, 70002)
    say("try_later", codes.INTERNAL, 70003)
    say("too_many", codes.EXHAUSTED, 80002)
    say("too_many_streams", codes.EXHAUSTED, 80001)
