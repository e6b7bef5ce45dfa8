"""`kedge watch` and `kedge service`: the desk kept running, by Kedge itself or by systemd."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter

from kedge import home as homes
from kedge import logs, settings
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.out import say, show_json
from kedge.desk import units
from kedge.desk.units import Name, Place
from kedge.home import Home
from kedge.logs import Log
from kedge.model.exits import Exit, Halt
from kedge.settings import Settings
from kedge.settings.desk_sections import wrong_address

if TYPE_CHECKING:
    from kedge.desk.watching import Options

SYSTEM_FOLDER = Path("/etc/systemd/system")
SYSTEM_HOME = "/var/lib/kedge"
# What a look of cron may take for telling people; what was not sent then waits in the outbox.
ONCE_S = 60.0

Only = Annotated[
    Literal["engine", "desk", "watch"] | None, Parameter(help="Only this one; left out: all that fit here.")
]
User = Annotated[
    bool | None,
    Parameter(
        name="--user",
        negative="--system",
        help="Services of your own user (systemctl --user), or with --system of the machine."
        " Left out: of the machine when run by root.",
    ),
]
Together = Annotated[
    bool, Parameter(name="--together", help="Engine and desk as one service, in place of two.")
]


def add_service_commands(app: cyclopts.App) -> None:
    app.command(watch, help_epilogue="")
    group = cyclopts.App(name="service", help="Engine, desk and watch as services of systemd.")
    group.command(service_print, name="print", help_epilogue="")
    group.command(service_install, name="install", help_epilogue="")
    app.command(group)


# ── watch ───────────────────────────────────────────────────────────────────────────────────────


def watch(
    *,
    restart: Annotated[
        bool, Parameter(help="Start `kedge up`, and start it again when it ended or is stuck.")
    ] = False,
    once: Annotated[
        bool, Parameter(help="Look once and end with what was found: for cron. See the numbers below.")
    ] = False,
    listen: Annotated[
        str, Parameter(help="Also serve /metrics, /healthz and /readyz there, like 127.0.0.1:9464.")
    ] = "",
    desk: Annotated[
        bool, Parameter(negative="--no-desk", help="Whether the web desk is looked at too.")
    ] = True,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Look at the engine at an interval, and call people when it does not get on."""
    where = homes.find(home)
    where.make()
    chosen = settings.load(where.settings)
    if once and (restart or listen):
        raise Halt(Exit.USAGE, "--once looks and ends: leave --restart and --listen away")
    if listen and (wrong := wrong_address(listen, bool(chosen.metrics.token))):
        raise Halt(Exit.USAGE, f"--listen {wrong}")
    from kedge.desk.watching import Options

    options = Options(
        restart=(sys.executable, "-m", "kedge.cli", "up", "--home", str(where.root)) if restart else (),
        listen=listen,
        desk=desk and has_desk(chosen),
    )
    if once:
        return _look_once(where, chosen, options, json)
    with logs.writing("watch", where, chosen, quiet=json, structured=True) as log:
        log(f"watching {where.root} every {chosen.watch.interval_s} s")
        return asyncio.run(_watch(where, chosen, options, log))


async def _watch(where: Home, chosen: Settings, options: Options, log: Log) -> int:
    from kedge.desk.relief import relief_of
    from kedge.desk.watching import Watch, wall

    return await Watch(where, chosen, options, log, relief_of(where, chosen, wall, log)).run()


def _look_once(where: Home, chosen: Settings, options: Options, json: bool) -> int:
    from kedge.desk.relief import relief_of
    from kedge.desk.watching import Eyes, log_herald, once, wall

    async def look() -> int:
        # cron mails what is printed: the log is for the file, stdout for people.
        with logs.writing("watch", where, chosen, quiet=True) as log:
            verdict = await once(Eyes(where, chosen, options), where, chosen, log_herald(log))
            relief = relief_of(where, chosen, wall, log)
            if relief is not None:
                async with asyncio.timeout(ONCE_S):
                    await relief.tell(verdict.notices)
                    await relief.close()
        found = [{"level": one.level, "says": one.text} for one in verdict.troubles]
        if json:
            show_json({"ok": not verdict.code, "engine": verdict.engine, "troubles": found})
        else:
            say("\n".join(f"{one['level']}: {one['says']}" for one in found) or "all is well")
        return verdict.code

    return asyncio.run(look())


def has_desk(chosen: Settings) -> bool:
    """Whether a web desk is meant to run here."""
    return importlib.util.find_spec("django") is not None and chosen.web.enabled


# ── service ─────────────────────────────────────────────────────────────────────────────────────


def service_print(
    name: Only = None, /, *, user: User = None, together: Together = False, home: HOME = ""
) -> int:
    """Print the units that `kedge service install` would write."""
    found = _units(name, user, together, home)
    say("\n".join(f"# {path}\n{text}" for path, text in found).rstrip())
    return Exit.OK


def service_install(
    name: Only = None,
    /,
    *,
    user: User = None,
    together: Together = False,
    force: Annotated[bool, Parameter(help="Write over units that are there and differ.")] = False,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Write systemd units for engine, desk and watch, and say how to start them; starts nothing itself."""
    found = _units(name, user, together, home)
    _check_user(_of_user(user))
    for path, text in found:
        if path.exists() and path.read_text() != text and not force:
            raise Halt(Exit.REFUSED, f"{path} is there and differs; look at it, then add --force")
    try:
        for path, text in found:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    except OSError as error:
        raise Halt(Exit.DISK, f"{error.filename} cannot be written: {error.strerror}") from None
    steps = _steps([path.name for path, _ in found], _of_user(user))
    written = "\n".join(f"written: {path}" for path, _ in found)
    say(
        f"{written}\nnow run:\n" + "\n".join(f"  {step}" for step in steps),
        json,
        written=[str(path) for path, _ in found],
        steps=steps,
    )
    return Exit.OK


def _units(only: Name | None, user: bool | None, together: bool, home: str) -> list[tuple[Path, str]]:
    of_user = _of_user(user)
    folder = Path("~/.config/systemd/user").expanduser() if of_user else SYSTEM_FOLDER
    root = homes.find(home).root if home or of_user or os.environ.get("KEDGE_HOME") else Path(SYSTEM_HOME)
    place = Place(_program(), str(root), "" if of_user else "kedge", apart=not together)
    names = [only] if only else [one for one in units.NAMES if one != "desk" or not together]
    if not only and not importlib.util.find_spec("django"):
        names = [one for one in names if one != "desk"]  # `kedge[desk]` is not installed
    return [(folder / f"kedge-{one}.service", units.unit(one, place)) for one in names]


def _of_user(user: bool | None) -> bool:
    return os.geteuid() != 0 if user is None else user


def _program() -> str:
    """The `kedge` beside this Python; not its link's target, which would leave the environment."""
    return str(Path(sys.executable).with_name("kedge"))


def _check_user(of_user: bool) -> None:
    if of_user:
        return
    try:
        pwd.getpwnam("kedge")
    except KeyError:
        raise Halt(
            Exit.REFUSED,
            "there is no user kedge on this machine; make it:"
            f" useradd --system --home-dir {SYSTEM_HOME} --shell /usr/sbin/nologin kedge",
        ) from None


def _steps(names: list[str], of_user: bool) -> list[str]:
    control = "systemctl --user" if of_user else "systemctl"
    steps = [f"{control} daemon-reload", f"{control} enable --now {' '.join(names)}"]
    # Else a user's services end when the user signs out, and a desk on a small machine has nobody signed in.
    return [*steps, "loginctl enable-linger"] if of_user else steps
