"""The desk as numbers for Prometheus, and whether it is ready, from one picture. Pure.

    METERS                 every metric once: its name, type, labels and meaning (docs and boards use it)
    exposition(picture)    the text that Prometheus reads
    readiness(picture)     whether all is there, and what is missing

The numbers of a status are exact decimals; Prometheus knows only floats, and nothing is decided by these.
Labels have bounded values: accounts, markets, settlement assets and kinds of bots; never orders or people.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.looks import AccountLook, Status

SECOND_NS = 1_000_000_000
# More markets, accounts or kinds of events than this are not told one by one.
LABELS_MAX = 500
# Projections further behind the journal than this are not near.
BEHIND_MAX = 1_000


class Picture(Struct, frozen=True):
    """What a process outside the engine knows; -1 where it does not know."""

    now_ns: int
    status: Status | None = None
    heard_ns: int = 0
    away: str = ""
    away_since_ns: int = 0
    comebacks: int = 0
    tables_behind: int = -1
    outbox: int = -1
    outbox_oldest_ns: int = 0
    troubles: dict[str, str] = {}
    watched: bool = False  # by `kedge watch`, which has neither tables nor an outbox


class Meter(Struct, frozen=True):
    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()


class Sample(Struct, frozen=True):
    name: str
    value: float
    labels: tuple[str, ...] = ()


def _gauge(name: str, says: str, *labels: str) -> Meter:
    return Meter(name, "gauge", says, labels)


def _counter(name: str, says: str, *labels: str) -> Meter:
    return Meter(name, "counter", says, labels)


METERS: tuple[Meter, ...] = (
    # the engine
    _gauge("kedge_up", "1 while the engine answers, 0 while it is away."),
    _gauge("kedge_away_seconds", "How long the engine has been away."),
    _gauge("kedge_status_age_seconds", "How old the picture is that these numbers are made of."),
    _gauge("kedge_info", "Always 1; what runs.", "cell", "desk", "version"),
    _gauge("kedge_life", "The number of this life of the engine."),
    _counter("kedge_comebacks_total", "How often the engine came back since this process started."),
    _gauge("kedge_uptime_seconds", "Since this life began."),
    _gauge("kedge_killed", "1 while the kill switch is on."),
    _gauge("kedge_needs", "How many things need a person now."),
    _gauge("kedge_recovery_seconds", "From this life's start until every account was ready; 0 until then."),
    _gauge("kedge_loop_lag_seconds", "By how much the loop was late in the last minute.", "quantile"),
    _gauge("kedge_journal_seconds", "From writing to durable in the last minute.", "quantile"),
    _gauge("kedge_journal_seq", "The last record's number.", "state"),
    _counter("kedge_steps_total", "Steps of the engine in this life."),
    _gauge("kedge_queue", "What waits in the engine: inbox, unsynced records, effects.", "queue"),
    _gauge("kedge_memory_bytes", "Resident memory of the engine."),
    _gauge("kedge_open_files", "Open files and sockets of the engine."),
    _counter("kedge_events_total", "What the engine counted in this life, by name.", "what"),
    _counter("kedge_fills_total", "Fills booked in this life."),
    _counter("kedge_refusals_total", "Wants that limits refused in this life."),
    _counter("kedge_commands_total", "Commands in this life.", "result"),
    # money
    _gauge("kedge_unhedged_notional", "Quote money that balancing wants have still to trade."),
    _gauge("kedge_realised", "Realised profit less fees, per settlement asset.", "asset"),
    _gauge("kedge_unrealised", "Unrealised profit, per settlement asset.", "asset"),
    # bots
    _gauge("kedge_bots", "Bots by phase.", "phase"),
    # accounts
    _gauge("kedge_account_up", "1 while the account's streams are connected.", "account"),
    _gauge("kedge_account_ready", "1 while the account is reconciled and may trade.", "account"),
    _gauge("kedge_account_trouble", "1 while something about the account is odd.", "account"),
    _gauge("kedge_orders", "Live orders by state.", "account", "state"),
    _gauge("kedge_unknown_orders", "Orders whose fate is UNKNOWN.", "account"),
    _gauge("kedge_balance", "Balance by asset.", "account", "asset"),
    _gauge("kedge_private_age_seconds", "Since the account's private stream was heard.", "account"),
    _gauge("kedge_requests_used", "Of the venue's request allowance.", "account"),
    _gauge("kedge_requests_max", "The venue's request allowance.", "account"),
    _gauge("kedge_clock_skew_seconds", "The venue's clock less ours.", "account"),
    _gauge("kedge_answer_seconds", "How long the venue takes to answer: the median.", "account"),
    _counter("kedge_reconnects_total", "Connections that had to be made again in this life.", "account"),
    _gauge("kedge_book_age_seconds", "Age of a watched market's book.", "market"),
    _gauge("kedge_book_fresh", "1 while a watched market's book is young enough to trade on.", "market"),
    # the desk
    _gauge("kedge_tables_behind", "Records that the tables have not taken in yet."),
    _gauge("kedge_outbox", "Notices that wait to be delivered."),
    _gauge("kedge_outbox_age_seconds", "How long the oldest of them has waited."),
    _gauge("kedge_part_trouble", "1 for each part of the desk that is in trouble.", "part"),
)
PHASES = ("running", "paused", "parked", "stopping", "stopped", "killed")
STATES = ("pending", "open", "unknown")


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def samples(picture: Picture) -> Iterator[Sample]:
    """Every number there is. While the engine is away, its numbers are left out: they are not so any more."""
    status = None if picture.away else picture.status
    yield Sample("kedge_up", float(status is not None))
    gone_ns = picture.now_ns - picture.away_since_ns if picture.away else 0
    yield Sample("kedge_away_seconds", _seconds(max(0, gone_ns)))
    yield Sample("kedge_comebacks_total", picture.comebacks)
    yield from _desk(picture)
    if status is not None:
        yield Sample("kedge_status_age_seconds", _seconds(max(0, picture.now_ns - picture.heard_ns)))
        yield from _engine(status)
        yield from _counted(status)
        yield from _money(status)
        yield from _bots(status)
        for account in status.accounts[:LABELS_MAX]:
            yield from _account(account)


def _desk(picture: Picture) -> Iterator[Sample]:
    if picture.tables_behind >= 0:
        yield Sample("kedge_tables_behind", picture.tables_behind)
    if picture.outbox >= 0:
        oldest_ns = picture.now_ns - picture.outbox_oldest_ns if picture.outbox_oldest_ns else 0
        yield Sample("kedge_outbox", picture.outbox)
        yield Sample("kedge_outbox_age_seconds", _seconds(max(0, oldest_ns)))
    for part, why in list(picture.troubles.items())[:LABELS_MAX]:
        yield Sample("kedge_part_trouble", float(bool(why)), (part,))


def _engine(status: Status) -> Iterator[Sample]:
    meters = status.meters
    yield Sample("kedge_info", 1, (status.cell, status.desk, status.version))
    yield Sample("kedge_life", status.life)
    yield Sample("kedge_uptime_seconds", _seconds(status.now_ns - status.began_ns))
    yield Sample("kedge_killed", float(status.killed))
    yield Sample("kedge_needs", len(status.needs))
    yield Sample("kedge_recovery_seconds", _seconds(meters.recovery_ns))
    yield Sample("kedge_loop_lag_seconds", _seconds(meters.loop_lag_ns), ("0.5",))
    yield Sample("kedge_loop_lag_seconds", _seconds(meters.loop_lag_max_ns), ("1",))
    yield Sample("kedge_journal_seconds", _seconds(meters.journal_ns), ("0.5",))
    yield Sample("kedge_journal_seconds", _seconds(meters.journal_p99_ns), ("0.99",))
    yield Sample("kedge_journal_seq", status.seq, ("written",))
    yield Sample("kedge_journal_seq", status.durable_seq, ("durable",))
    yield Sample("kedge_steps_total", meters.steps)
    yield Sample("kedge_queue", meters.inbox, ("inbox",))
    yield Sample("kedge_queue", meters.unsynced, ("unsynced",))
    yield Sample("kedge_queue", meters.effects, ("effects",))
    yield Sample("kedge_memory_bytes", meters.rss_bytes)
    yield Sample("kedge_open_files", meters.fds)


def _counted(status: Status) -> Iterator[Sample]:
    counts = status.counts
    yield Sample("kedge_fills_total", counts.get("fills", 0) + counts.get("fills late", 0))
    yield Sample("kedge_refusals_total", counts.get("refusals", 0))
    yield Sample("kedge_commands_total", counts.get("commands", 0), ("done",))
    yield Sample("kedge_commands_total", counts.get("commands refused", 0), ("refused",))
    for what in sorted(counts)[:LABELS_MAX]:
        yield Sample("kedge_events_total", counts[what], (what,))


def _money(status: Status) -> Iterator[Sample]:
    yield Sample("kedge_unhedged_notional", _number(abs(status.unhedged)))
    for asset in sorted(status.realised)[:LABELS_MAX]:
        yield Sample("kedge_realised", _number(status.realised[asset]), (asset,))
    for asset in sorted(status.unrealised)[:LABELS_MAX]:
        yield Sample("kedge_unrealised", _number(status.unrealised[asset]), (asset,))


def _bots(status: Status) -> Iterator[Sample]:
    phases = dict.fromkeys(PHASES, 0)
    for bot in status.bots:
        phases[bot.phase] = phases.get(bot.phase, 0) + 1
    for phase, many in phases.items():
        yield Sample("kedge_bots", many, (phase,))


def _account(account: AccountLook) -> Iterator[Sample]:
    name = account.account
    yield Sample("kedge_account_up", float(account.up), (name,))
    yield Sample("kedge_account_ready", float(account.ready), (name,))
    yield Sample("kedge_account_trouble", float(bool(account.trouble)), (name,))
    for state in STATES:
        yield Sample("kedge_orders", account.orders.get(state, 0), (name, state))
    yield Sample("kedge_unknown_orders", account.unknown_orders, (name,))
    for asset in sorted(account.balances)[:LABELS_MAX]:
        yield Sample("kedge_balance", _number(account.balances[asset]), (name, asset))
    yield Sample("kedge_private_age_seconds", _seconds(account.private_age_ns), (name,))
    yield Sample("kedge_requests_used", account.requests_used, (name,))
    yield Sample("kedge_requests_max", account.requests_max, (name,))
    yield Sample("kedge_clock_skew_seconds", _seconds(account.skew_ns), (name,))
    yield Sample("kedge_answer_seconds", _seconds(account.answer_ns), (name,))
    yield Sample("kedge_reconnects_total", account.reconnects, (name,))
    for market in account.markets[:LABELS_MAX]:
        yield Sample("kedge_book_age_seconds", _seconds(market.age_ns), (market.market,))
        yield Sample("kedge_book_fresh", float(market.fresh or not market.open), (market.market,))


def _seconds(ns: int) -> float:
    return ns / SECOND_NS


def _number(amount: Decimal) -> float:
    return float(amount)


# ── text ────────────────────────────────────────────────────────────────────────────────────────


def exposition(picture: Picture) -> bytes:
    """The text format that Prometheus reads. Raises `ImportError` without `kedge[desk]`."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

    found: dict[str, list[Sample]] = {}
    for sample in samples(picture):
        found.setdefault(sample.name, []).append(sample)

    class Numbers(Collector):
        def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
            for meter in METERS:
                if meter.name not in found:
                    continue
                shape = CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily
                family = shape(meter.name, meter.help, labels=meter.labels)
                for sample in found[meter.name]:
                    family.add_metric(sample.labels, sample.value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers())
    return generate_latest(registry)


def table() -> str:
    """The generated part of docs/how-to/monitor.md."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for meter in METERS:
        labels = ", ".join(f"`{label}`" for label in meter.labels)
        rows.append(f"| `{meter.name}` | {meter.kind} | {labels} | {meter.help} |")
    return "\n".join(rows)


# ── readiness ───────────────────────────────────────────────────────────────────────────────────


class Readiness(Struct, frozen=True):
    ready: bool
    missing: tuple[str, ...]
    engine: str  # here, or why not
    life: int
    accounts: dict[str, bool]
    tables_behind: int
    troubles: dict[str, str]


def readiness(picture: Picture) -> Readiness:
    """Ready: the engine is there, every account may trade, and what people read is near."""
    missing = [f"engine: {picture.away or 'not heard yet'}"] if picture.away or not picture.status else []
    status = None if picture.away else picture.status
    accounts = {one.account: one.ready for one in status.accounts} if status else {}
    for one in status.accounts if status else ():
        if not one.ready:
            missing.append(f"{one.account}: {one.why or 'not reconciled yet'}")
    if picture.tables_behind > BEHIND_MAX:
        missing.append(f"tables: {picture.tables_behind} records behind")
    troubles = {part: why for part, why in picture.troubles.items() if why}
    missing += [f"{part}: {why}" for part, why in troubles.items() if not part.startswith("metrics")]
    return Readiness(
        ready=not missing,
        missing=tuple(missing),
        engine=picture.away or ("here" if picture.status else "not heard yet"),
        life=status.life if status else 0,
        accounts=accounts,
        tables_behind=picture.tables_behind,
        troubles=troubles,
    )
