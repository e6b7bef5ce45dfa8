"""PostgreSQL and MariaDB for tests: real servers of this machine, each started once, on a socket of its own.

    with fresh("postgresql", tmp_path) as address: ...        a database that nobody else uses

A server belongs to one run of pytest. Its workers share it: the first that needs it starts it, the last that
ends stops it. It keeps its files in a temporary folder, listens on no port and does not wait for the disk.
Where a server is not installed the test is skipped and says what to install; with CI=1 that is a failure.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from house import eventually

from kedge.desk.tables.address import Address, file_address
from kedge.desk.tables.database import Database, DatabaseTrouble

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
NAMES = ("sqlite", "postgresql", "mysql")


class Server:
    """One server, and databases in it."""

    def __init__(self, kind: str, folder: Path, user: str) -> None:
        self.kind, self.folder, self.user = kind, folder, user
        self._pid, self._again = 0, lambda: 0

    def address(self, name: str) -> Address:
        if self.kind == "postgresql":
            return Address("postgresql", name, user=self.user, words={"host": str(self.folder)})
        return Address("mysql", name, user=self.user, words={"unix_socket": str(self.folder / "s.sock")})

    def url(self, name: str) -> str:
        word = "host" if self.kind == "postgresql" else "unix_socket"
        place = self.folder if self.kind == "postgresql" else self.folder / "s.sock"
        return f"{self.kind}://{self.user}@/{name}?{word}={place}"

    @property
    def root(self) -> str:
        return "postgres" if self.kind == "postgresql" else "mysql"

    def halt(self) -> None:
        """Away, with its data kept; for a server of one's own (`started`)."""
        _end(self, self._pid)

    def go_on(self) -> None:
        self._pid = self._again()

    def make(self) -> Address:
        """A database that nobody else uses."""
        name = f"kedge_{uuid.uuid4().hex[:12]}"
        _alone(self.address(self.root), f"CREATE DATABASE {name}")
        return self.address(name)

    def drop(self, address: Address) -> None:
        with suppress(DatabaseTrouble):
            force = " WITH (FORCE)" if self.kind == "postgresql" else ""
            _alone(self.address(self.root), f"DROP DATABASE {address.name}{force}")


def _alone(address: Address, statement: str) -> None:
    """A statement that cannot be part of a transaction."""
    database = Database(address)
    try:
        database.fetch(f"{statement}") if address.kind == "mysql" else _without_rows(database, statement)
    finally:
        database.close()


def _without_rows(database: Database, statement: str) -> None:
    with database._connection() as raw:
        raw.execute(statement)


# ── starting ────────────────────────────────────────────────────────────────────────────────────


def _tool(name: str, *places: str) -> str:
    found = shutil.which(name)
    for place in places:
        for folder in sorted(Path("/").glob(place.lstrip("/")), reverse=True):
            found = str(folder / name) if (folder / name).is_file() else found
            if found and place in POSTGRES_PLACES:
                return found
    return found or ""


def _owner(*names: str) -> dict[str, Any]:
    """Servers refuse to run as root: a user of this machine who may do nothing runs them then."""
    if os.getuid() != 0:
        return {}
    for name in (*names, "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def _run(command: list[str], owner: dict[str, Any], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **owner)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


def _start(command: list[str], owner: dict[str, Any], server: Server) -> int:
    """Its process; it outlives this one, and is ended by `_stop`."""
    with (server.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=server.folder, stdout=log, stderr=log, start_new_session=True, **owner
        )

    def answers() -> bool:
        assert process.poll() is None, (server.folder / "log").read_text(errors="replace")
        database = Database(server.address(server.root))
        try:
            return bool(database.fetch("SELECT 1"))
        except DatabaseTrouble:
            return False
        finally:
            database.close()

    eventually(answers, f"{server.kind} answers")
    server._again = lambda: _start(command, owner, server)
    process.returncode = 0  # not ours to wait for
    return process.pid


def _stop(server: Server, pid: int) -> None:
    _end(server, pid)
    shutil.rmtree(server.folder, ignore_errors=True)


def _end(server: Server, pid: int) -> None:
    def ended() -> bool:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        stat = Path(f"/proc/{pid}/stat")
        with suppress(OSError):
            return stat.parent.parent.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
        return not _alive(pid)

    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT if server.kind == "postgresql" else signal.SIGTERM)
        eventually(ended, f"{server.kind} ends")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _postgresql(folder: Path) -> tuple[Server, int]:
    initdb, postgres = _tool("initdb", *POSTGRES_PLACES), _tool("postgres", *POSTGRES_PLACES)
    if not initdb or not postgres:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    owner = _owner("postgres")
    _give(folder, owner)
    data = folder / "data"
    _run([initdb, "-D", str(data), "-U", "kedge", "-A", "trust", "-E", "UTF8", "--no-sync"], owner, folder)
    command = [postgres, "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-F"]
    command += ["-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200"]
    server = Server("postgresql", folder, "kedge")
    return server, _start(command, owner, server)


def _mysql(folder: Path) -> tuple[Server, int]:
    install = _tool("mariadb-install-db", "/usr/local/bin")
    daemon = _tool("mariadbd", "/usr/sbin", "/usr/libexec")
    if not install or not daemon:
        pytest.skip("MariaDB is not installed (apt install mariadb-server)")
    owner = _owner("mysql")
    _give(folder, owner)
    data = folder / "data"
    name = pwd.getpwuid(owner.get("user", os.getuid())).pw_name
    made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    _run([*made, "--skip-test-db", f"--user={name}"], owner, folder)
    command = [daemon, "--no-defaults", f"--datadir={data}", f"--socket={folder / 's.sock'}"]
    command += ["--skip-networking", f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}"]
    command += [
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--innodb-flush-method=nosync",
    ]
    command += ["--innodb-buffer-pool-size=256M", "--max-connections=200", "--skip-log-bin"]
    server = Server("mysql", folder, "root")
    return server, _start(command, owner, server)


def _give(folder: Path, owner: dict[str, Any]) -> None:
    if owner:
        os.chown(folder, owner["user"], owner["group"])


def _begin(kind: str) -> tuple[Server, int]:
    # A socket's path must be short, so not in pytest's own folder.
    folder = Path(tempfile.mkdtemp(prefix="kdb-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        return _postgresql(folder) if kind == "postgresql" else _mysql(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def started(kind: str) -> Iterator[Server]:
    """A server of one's own."""
    server, server._pid = _begin(kind)
    try:
        yield server
    finally:
        _stop(server, server._pid)


# ── shared by the workers of one run ────────────────────────────────────────────────────────────

_held: dict[str, Server] = {}


def server_of(kind: str) -> Server:
    """The run's server; it is let go when this process ends."""
    if kind not in _held:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
        note = Path(tempfile.gettempdir(), f"kdb-{run}-{kind}")
        with _locked(note) as said:
            if said["users"] == 0:
                server, pid = _begin(kind)
                said |= {"folder": str(server.folder), "user": server.user, "pid": pid}
            said["users"] += 1
            _held[kind] = Server(kind, Path(said["folder"]), said["user"])
        atexit.register(_let_go, kind, note)
    return _held[kind]


def _let_go(kind: str, note: Path) -> None:
    with _locked(note) as said:
        said["users"] -= 1
        if said["users"] == 0:
            _stop(_held[kind], said["pid"])
            note.unlink()


@contextmanager
def _locked(note: Path) -> Iterator[dict[str, Any]]:
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        said = json.loads(file.read() or '{"users": 0}')
        try:
            yield said
        finally:
            file.seek(0)
            file.truncate()
            file.write(json.dumps(said))


@contextmanager
def fresh(kind: str, folder: Path, *, truth: bool = False) -> Iterator[Address]:
    """An empty database; for SQLite a file in the folder."""
    if kind == "sqlite":
        yield file_address(folder / "tables.sqlite", truth=truth)
        return
    server = server_of(kind)
    address = server.make()
    try:
        yield address
    finally:
        server.drop(address)
