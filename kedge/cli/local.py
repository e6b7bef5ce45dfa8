"""What the command line does on this machine itself: start, examine, verify, settings, simulators.

Rooms that are large to load (the runtime, the simulators, the storms) are imported when they are asked for.
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from kedge import __version__, logs, settings, settings_text
from kedge import home as homes
from kedge.cli.confirm import confirm
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.home import find_place, look_now
from kedge.cli.logs import logs as log_lines
from kedge.cli.notices import notices
from kedge.cli.offline import need_journal, rebuild_readings
from kedge.cli.out import say, show, show_json
from kedge.cli.project import project
from kedge.cli.service import add_service_commands
from kedge.cli.sims import add_sim_commands
from kedge.cli.web import WITHOUT, installed
from kedge.desk.screens import Column, listing, name, state, words
from kedge.desk.screens_status import summary_screen
from kedge.doctor import Finding, examine, passed
from kedge.home import Home
from kedge.journal.journal import LeaseHeld
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model.exits import Exit, Halt

SECOND_NS = 1_000_000_000
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)?$")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, None: 1}

# Everything after the command goes to the program it names.
Tokens = Annotated[str, Parameter(allow_leading_hyphen=True, help="Its own options; --help lists them.")]


def add_local_commands(app: cyclopts.App) -> None:
    for function in (up, confirm, doctor, verify, rebuild, project, notices, completion, version):
        app.command(function, help_epilogue="")
    for program in (replay, storm):  # each tells its own options
        app.command(program, help_epilogue="", help_flags=[])
    app.command(log_lines, name="logs", help_epilogue="")
    add_service_commands(app)
    add_sim_commands(app)
    about = cyclopts.App(name="settings", help="Show, check and describe the settings.")
    for function in (settings_show, settings_schema, settings_path, settings_init):
        about.command(function, name=function.__name__.removeprefix("settings_"), help_epilogue="")
    app.command(about)


# ── running ─────────────────────────────────────────────────────────────────────────────────────


def up(
    *,
    for_: Annotated[
        str, Parameter(name="--for", help="End by itself after 60s, 5m or 2h, and say what happened.")
    ] = "",
    fresh: Annotated[
        bool, Parameter(help="A new, empty home in a temporary folder: for trying things out.")
    ] = False,
    desk: Annotated[
        bool, Parameter(name="--desk", negative="--no-desk", help="The pages too (as [web] enabled says).")
    ] = True,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Start the desk: engine, paper venues and bots, until it is stopped (Ctrl-C) or the time is over."""
    for_ns = span_ns(for_) if for_ else 0
    if fresh and home:
        raise Halt(Exit.USAGE, "--fresh makes a home of its own: leave --home away")
    where = Home(Path(tempfile.mkdtemp(prefix="kedge-"))) if fresh else homes.find(home)
    where.make()
    chosen = settings.load(where.settings)
    from kedge.runtime.up import run_up

    with logs.writing("engine", where, chosen, quiet=json) as log:
        beside = _pages(where, chosen, any_port=fresh, quiet=json) if desk else ()
        outcome = run_up(where, chosen, for_ns=for_ns, say=log, beside=beside)
    screen = summary_screen(
        outcome.status,
        outcome.ran_ns,
        look_now(),
        orders=outcome.orders,
        fills=outcome.fills,
        notes=outcome.notes,
    )
    show(screen, json)
    return Exit.OK


def _pages(where: Home, chosen: settings.Settings, *, any_port: bool, quiet: bool) -> tuple[str, ...]:
    """The command that starts the pages beside the engine; none where they are switched off or not there."""
    if not chosen.web.enabled:
        return ()
    if not installed():
        logs.get()(WITHOUT)
        return ()
    options = [name for name, wanted in (("--any-port", any_port), ("--quiet", quiet)) if wanted]
    return (sys.executable, "-m", "kedge.cli.desk_child", str(where.root), *options)


def span_ns(text: str) -> int:
    """`60s`, `5m`, `2h`, `90` (seconds) in nanoseconds. Raises `Halt`."""
    match = _SPAN.match(text.strip())
    if not match or float(match[1]) <= 0:
        raise Halt(Exit.USAGE, f"{text!r} is no length of time; write it like 60s, 5m or 2h")
    return int(float(match[1]) * _SECONDS[match[2]] * SECOND_NS)


def storm(*tokens: Tokens) -> int:
    """Run the desk through seeded storms of faults and crashes: `kedge storm --seeds 2000`."""
    return _pass_on("kedge.storm.cli", tokens)


def replay(*tokens: Tokens) -> int:
    """Run the last hour of an incident through the engine again, from the flight recorder."""
    return _pass_on("kedge.runtime.replay", tokens)


def _pass_on(module: str, tokens: tuple[str, ...]) -> int:
    try:
        result = importlib.import_module(module).main(list(tokens))
    except SystemExit as stop:  # how argparse says "done" or "usage"
        return Exit.USAGE if stop.code else Exit.OK
    return int(result or 0)


# ── examining ───────────────────────────────────────────────────────────────────────────────────

_FINDINGS = (
    Column("", ("level",), state),
    Column("", ("about",), name),
    Column("", ("says",), words),
    Column("mend", ("mend",), words),
)


def doctor(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Is this machine fit to trade on? Clock, disk, lease, versions, settings, rights, journal, accounts."""
    where = homes.find(home)
    found = [*examine(where), *_accounts(where)]
    rows = [{"about": f.about, "level": f.level, "says": f.says, "mend": f.mend} for f in found]
    good = passed(found)
    show(listing("findings", rows, _FINDINGS, look_now(), {"ok": good, "findings": rows}), json)
    return Exit.OK if good else Exit.REFUSED


def _accounts(where: Home) -> list[Finding]:
    from kedge.desk import checkup
    from kedge.runtime import accounts

    try:
        chosen = settings.load(where.settings)
        found = [(one.account, one.says, one.mend, one.fails) for one in accounts.examine(where, chosen)]
    except settings.SettingsWrong:
        return []  # it was said above
    found += [(one.about, one.says, one.mend, one.fails) for one in checkup.examine(where, chosen)]
    return [
        Finding(about, "fail" if fails else "warn" if mend else "ok", says, mend)
        for about, says, mend, fails in found
    ]


def verify(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Read the whole journal, archives included, and check every record and the chain between them."""
    place = find_place(home)
    need_journal(place)
    try:
        with ReadOnlyJournal.open(place.home.root, place.cell) as journal:
            verdict = journal.verify()
    except LeaseHeld as held:
        mend = "stop it first, or take a copy with kedge backup FOLDER and verify that with --home FOLDER"
        raise Halt(Exit.LEASE, f"{str(held).removesuffix('; ask it instead')}; {mend}") from None
    says = f"{verdict.entries} records from {verdict.first_seq} to {verdict.last_seq}: every check passed"
    say(
        says,
        json,
        ok=True,
        entries=verdict.entries,
        first_seq=verdict.first_seq,
        last_seq=verdict.last_seq,
        archives=verdict.archives,
    )
    return Exit.OK


def rebuild(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Make what people read (orders, fills, positions, notes) again from the journal."""
    try:
        last = rebuild_readings(find_place(home))
    except LeaseHeld as held:
        raise Halt(Exit.LEASE, f"{str(held).removesuffix('; ask it instead')}; stop it first") from None
    say(f"made again from {last} records", json, ok=True, last_seq=last)
    return Exit.OK


# ── settings ────────────────────────────────────────────────────────────────────────────────────


def settings_show(*, home: HOME = "", json: AS_JSON = False) -> int:
    """The settings in force: the file, the environment's overrides, and the defaults for the rest."""
    where = homes.find(home)
    chosen = settings.load(where.settings)
    if json:
        show_json(chosen)
    else:
        say(settings_text.as_toml(chosen).rstrip())
    return Exit.OK


def settings_schema(*, json: AS_JSON = False) -> int:
    """The JSON schema of kedge.toml, for editors (always JSON)."""
    show_json(settings.schema())
    return Exit.OK


def settings_path(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Where the settings, the secrets, the bots file and the socket of this desk are."""
    where = homes.find(home)
    rows = [
        ("home", where.root),
        ("settings", where.settings),
        ("secrets", where.secrets),
        ("bots", where.bots),
        ("socket", where.socket(find_place(home).cell)),
    ]
    say(
        "\n".join(f"{what:<10}{path}" for what, path in rows),
        json,
        **{what: str(path) for what, path in rows},
    )
    return Exit.OK


def settings_init(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Write a settings file with every setting explained, to change as you like; never over an old one."""
    where = homes.find(home)
    where.make()
    try:
        with where.settings.open("x") as file:
            file.write(settings_text.template())
    except FileExistsError:
        raise Halt(Exit.REFUSED, f"{where.settings} is there already; it is left as it is") from None
    say(f"written: {where.settings}", json, path=str(where.settings))
    return Exit.OK


# ── the program ─────────────────────────────────────────────────────────────────────────────────


def completion(shell: Literal["bash", "zsh", "fish", "install"], /) -> int:
    """Print a shell's completion script, or install it for the shell you are in."""
    from kedge.cli.app import make_app

    app = make_app()
    if shell == "install":
        written = app.install_completion()
        say(
            f"written: {written}, and a line for it in your shell's start-up file; open a new shell to use it"
        )
    else:
        say(app.generate_completion(shell=shell).rstrip())
    return Exit.OK


def version(*, json: AS_JSON = False) -> int:
    """The version of Kedge."""
    say(f"kedge {__version__}", json, version=__version__)
    return Exit.OK
