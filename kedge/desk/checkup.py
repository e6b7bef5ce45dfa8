"""The desk's own questions for `kedge doctor`: is what it needs there, free, readable and well formed?

Nothing outside is asked: no address beyond this machine is called, no token is tried. Only a database that
the settings name is connected to, since the desk would be useless without it.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import socket
import ssl
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from kedge.desk.tables.people import DatabaseTrouble, people_of
from kedge.home import Home
from kedge.settings import Secrets, Settings, SettingsWrong

TOKEN = re.compile(r"\d{6,12}:[A-Za-z0-9_-]{30,}")
PACKAGES = ("django", "granian", "aiogram", "prometheus_client", "structlog")
# Who reads it can sign in as anybody.
WEB_KEY = "desk.key"


class Finding(Struct, frozen=True):
    about: str
    says: str
    mend: str = ""
    fails: bool = False


def examine(home: Home, settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        says = f"not installed ({', '.join(missing)} missing): the engine runs without it"
        yield Finding("desk parts", says, "pip install 'kedge[desk]', if pages and messages are wanted")
        return
    yield Finding("desk parts", "installed")
    try:
        secrets = Secrets(home.secrets, environ)
    except SettingsWrong:
        return  # it was said of the secrets file
    yield from _named_secrets(settings, secrets)
    yield from _database(home, settings, secrets)
    yield from _ports(home, settings)
    yield from _tls(settings)
    yield from _files(home)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


def _named_secrets(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    wanted = (
        ("[telegram] token", settings.telegram.token),
        ("[telegram] webhook_secret", settings.telegram.webhook_secret),
        ("[mail] password", settings.mail.password),
        ("[webhooks] secret", settings.webhooks.secret),
        ("[metrics] token", settings.metrics.token),
    )
    for where, name in wanted:
        if not name:
            continue
        try:
            value = secrets.find(name, where).reveal()
        except SettingsWrong as wrong:
            yield Finding(where, str(wrong), "add it, or take the setting away", fails=True)
            continue
        if where == "[telegram] token" and not TOKEN.fullmatch(value):
            says = f"the secret {name} does not look like a bot's token (numbers, a colon, letters)"
            yield Finding(where, says, "copy it again from @BotFather", fails=True)
        else:
            yield Finding(where, "its secret is there")


# ── database ────────────────────────────────────────────────────────────────────────────────────


def _database(home: Home, settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    if not settings.database.url and not (home.root / "desk.sqlite").exists():
        yield Finding("desk database", "there is none yet: the desk makes desk.sqlite in the home")
        return
    try:
        people = people_of(home, settings, secrets)
    except SettingsWrong as wrong:
        yield Finding("desk database", str(wrong), "mend [database] url", fails=True)
        return
    try:
        people.fetch("SELECT 1")
        yield Finding("desk database", f"reachable: {people.address.shown}")
    except DatabaseTrouble as trouble:
        yield Finding("desk database", str(trouble), "trading goes on; pages wait for it", fails=True)
    finally:
        people.close()


# ── ports and certificates ──────────────────────────────────────────────────────────────────────


def _ports(home: Home, settings: Settings) -> Iterator[Finding]:
    wanted = []
    if settings.web.enabled and settings.web.port:
        wanted.append(("web port", settings.web.host, settings.web.port))
    if settings.metrics.listen:
        host, _, port = settings.metrics.listen.rpartition(":")
        wanted.append(("metrics port", host.strip("[]"), int(port)))
    for about, at, number in wanted:
        trouble = port_trouble(at, number)
        if not trouble:
            yield Finding(about, f"{at}:{number} is free")
        elif trouble == errno.EADDRINUSE and (home.root / "desk.address").exists():
            yield Finding(about, f"{at}:{number} is in use, by this desk if it runs")
        else:
            says = f"{at}:{number} cannot be listened on: {os.strerror(trouble)}"
            yield Finding(about, says, "end what listens there, or choose another port", fails=True)


def port_trouble(host: str, port: int) -> int:
    """The error's number of trying to listen there, 0 for none; nothing is accepted."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1" if host == "localhost" else host, port))
            door.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def _tls(settings: Settings) -> Iterator[Finding]:
    if not settings.web.cert:
        return
    cert, key = Path(settings.web.cert).expanduser(), Path(settings.web.key).expanduser()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
        if os.stat(key).st_mode & 0o077:
            yield Finding("TLS", f"{key} can be read by other users", f"chmod 600 {key}", fails=True)
            return
    except (OSError, ssl.SSLError) as error:
        says = f"{cert} and {key} cannot be used: {error.strerror or error}"
        yield Finding("TLS", says, "give a certificate and its own key, both PEM", fails=True)
    else:
        yield Finding("TLS", f"{cert} and its key fit together")


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def _files(home: Home) -> Iterator[Finding]:
    key = home.root / WEB_KEY
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("desk files", f"{key} can be read by other users", f"chmod 600 {key}", fails=True)
    logs = [path for path in home.logs.glob("*.log*") if path.is_file()]
    if logs:
        size = sum(path.stat().st_size for path in logs)
        yield Finding("logs", f"{size / 1024**2:.1f} MB in {home.logs}")
