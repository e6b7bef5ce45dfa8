"""Starts and commands that cannot go well: the right number, one sentence on stderr, nothing changed on disk.

Everything goes through the real command line in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.model.exits import Exit
from kedge.model.records import Entry, Noted

ROOT = Path(__file__).parents[2]
MARKET = "paper/main:BTC-PERP"
# A line of the engine's log, which goes to stderr too.
LOGGED = re.compile(r"\d{4}-\d\d-\d\dT")
ONE_ACCOUNT = '[accounts."paper/main"]\nport = 9\n'


class Ran:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def sentence(self) -> str:
        """The one line on stderr that is not the log's."""
        lines = [line for line in self.err.splitlines() if not LOGGED.match(line)]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("kedge: "), self.err
        return lines[0].removeprefix("kedge: ").strip()


class Place:
    """A home, and a user whose own folders are in a temporary place too."""

    def __init__(self, root: Path, name: str = "home") -> None:
        self.home = root / name
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KEDGE")},
            "HOME": str(root),
            "XDG_STATE_HOME": str(root / "state"),
            "KEDGE_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "PYTHONWARNINGS": "error",
        }

    def make(self, **files: str) -> Place:
        self.home.mkdir(mode=0o700)
        for name, text in files.items():
            path = self.home / f"{name}.toml"
            path.write_text(text)
            path.chmod(0o600)
        return self

    def __call__(self, *argv: str, **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "kedge.cli", *argv],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Ran(done)

    def up(self, span: str = "0.3s", **environ: str) -> Ran:
        return self("up", "--no-desk", "--for", span, **environ)

    def running(self) -> Running:
        return Running(self)

    def files(self) -> dict[str, bytes]:
        """Everything in the home but the note of who drove it last, and the logs, which tell of it."""
        logs = self.home / "logs"
        found = sorted(path for path in self.home.rglob("*") if path.is_file() and path.parent != logs)
        read = {str(path): path.read_bytes() for path in found if path.suffix != ".lease"}
        return {name: content for name, content in read.items() if content}

    def life(self) -> int:
        db = apsw.Connection(str(self.home / "main.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        life: int = db.execute("SELECT life FROM cell").get
        db.close()
        return life

    def entries(self) -> list[Entry]:
        with ReadOnlyJournal.open(self.home, "main") as journal:
            return list(journal.tail(0))


class Running:
    """A desk that runs until the end of the block."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kedge.cli", "up", "--no-desk", "--for", "300s"],
            env=place.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Running:
        deadline = time.monotonic() + 120
        door = self._place.home / "main.sock"
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "it did not start"
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(door)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError("no door was opened")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(120) == 0


@pytest.fixture
def root() -> Iterator[Path]:
    """With a short name: sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="kb-") as name:
        yield Path(name)


@pytest.fixture
def place(root: Path) -> Place:
    return Place(root)


def write_journal(home: Path, ts_ns: int, count: int = 3) -> None:
    """A journal as an earlier life left it, with records of this time."""

    async def go() -> None:
        journal = SqliteJournal.open(home, "main", "0.1", lambda: ts_ns)
        for seq in range(1, count + 1):
            await journal.append([Entry(seq, ts_ns, Noted("info", f"note {seq} " * 50))])
        await journal.close()

    asyncio.run(go())


# ── settings, secrets, home ─────────────────────────────────────────────────────────────────────

WRONG_SETTINGS = {
    "not toml": ("[limits\n", "is not TOML"),
    "unknown section": ("[limit]\ncollar = 0.02\n", "limit"),
    "unknown key": ("[limits]\ncolar = 0.02\n", "colar"),
    "impossible collar": ("[limits]\ncollar = 2\n", "collar"),
    "negative limit": ("[limits]\norder_qty_max = -1\n", "must not be negative"),
    "not a number": ("[limits]\norder_qty_max = nan\n", "finite"),
    "text for a number": ('[journal]\nsnapshot_every_records = "many"\n', "snapshot_every_records"),
    "account without a venue": ('[accounts."main"]\n', "venue/name"),
    "a port beyond all ports": ('[accounts."paper/main"]\nport = 70000\n', "port"),
    "an account without keys": ('[accounts."bybit/main"]\n', "needs `key` and `secret`"),
    "a venue that is not there": (
        '[accounts."bibyt/main"]\nurl = "http://127.0.0.1:9"\n',
        "did you mean bybit",
    ),
    "the secret itself": ('[accounts."paper/main"]\nkey = "aBcD-1234"\n', "NAME of a secret"),
    "a cell with a slash": ('[desk]\ncell = "a/b"\n', "cell"),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_settings(place: Place, case: str) -> None:
    text, word = WRONG_SETTINGS[case]
    place.make(kedge=text)
    before = place.files()
    ran = place.up()
    assert (ran.code, ran.out) == (Exit.SETTINGS, "")
    assert word in ran.sentence
    assert "aBcD-1234" not in ran.err
    if case != "a venue that is not there":  # that one is found when the venues are opened
        assert place.files() == before


def test_a_variable_that_names_no_setting(place: Place) -> None:
    ran = place.up(KEDGE__COLLAR="1")
    assert ran.code == Exit.SETTINGS
    assert "KEDGE__COLLAR" in ran.sentence


def test_secrets_that_are_missing_or_open_to_all(place: Place) -> None:
    settings = ONE_ACCOUNT + 'key = "PAPER_KEY"\nsecret = "PAPER_SECRET"\n'
    place.make(kedge=settings)
    ran = place.up()
    assert ran.code == Exit.SETTINGS
    assert "PAPER_KEY" in ran.sentence
    secrets = place.home / "secrets.toml"
    secrets.write_text('PAPER_KEY = "a"\nPAPER_SECRET = "b"\n')
    secrets.chmod(0o644)
    ran = place.up()
    assert ran.code == Exit.SETTINGS
    assert "chmod 600" in ran.sentence
    secrets.chmod(0o600)
    assert place.up().code == Exit.OK


def test_a_home_that_cannot_be_one(place: Place, root: Path) -> None:
    place.home.write_text("a file")
    assert "is a file, not a folder; move it away" in refused_home(place)
    place.home.unlink()
    place.home.mkdir(mode=0o755)
    assert "chmod 700" in refused_home(place)
    assert list(place.home.iterdir()) == []
    (root / "file").write_text("a file")
    assert "cannot be made" in refused_home(Place(root / "file"))
    deep = Place(root, "x" * 100)
    assert "choose a shorter home" in refused_home(deep)


def refused_home(place: Place) -> str:
    ran = place.up()
    assert ran.code == Exit.SETTINGS, ran.err
    return ran.sentence


if os.getuid():  # root may write everywhere; for root a read-only disk is in test_disk.py

    def test_a_home_that_is_not_writable(place: Place) -> None:
        place.make()
        place.home.chmod(0o500)
        assert "cannot be written to" in refused_home(place)
        place.home.chmod(0o700)


# ── journal, lease, clock ───────────────────────────────────────────────────────────────────────


def test_a_corrupt_journal(place: Place) -> None:
    place.make(kedge=ONE_ACCOUNT)
    write_journal(place.home, time.time_ns(), 40)
    path = place.home / "main.sqlite"
    content = bytearray(path.read_bytes())
    at = content.index(b"note 20 ")
    content[at] ^= 1
    path.write_bytes(content)
    before = place.files()
    ran = place.up()
    assert ran.code == Exit.CORRUPT
    assert "restore the home from a backup" in ran.sentence
    assert place("verify").code == Exit.CORRUPT
    assert place.files() == before


def test_something_else_where_the_journal_should_be(place: Place) -> None:
    place.make(kedge=ONE_ACCOUNT)
    path = place.home / "main.sqlite"
    path.write_text("Dear diary, " * 1000)
    before = place.files()
    ran = place.up()
    assert ran.code == Exit.CORRUPT
    assert ran.sentence
    assert place.files() == before
    path.unlink()
    with apsw.Connection(str(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = place.files()
    ran = place.up()
    assert ran.code == Exit.DISK
    assert "some other program's database" in ran.sentence
    assert place.files() == before


def test_a_newer_journal(place: Place) -> None:
    place.make(kedge=ONE_ACCOUNT)
    write_journal(place.home, time.time_ns())
    db = apsw.Connection(str(place.home / "main.sqlite"))
    db.pragma("user_version", 99)
    db.close()
    before = place.files()
    ran = place.up()
    assert ran.code == Exit.TOO_NEW
    assert "newer Kedge" in ran.sentence
    assert place.files() == before


def test_a_clock_behind_the_journal(place: Place) -> None:
    place.make(kedge=ONE_ACCOUNT)
    write_journal(place.home, time.time_ns() + 3600 * 10**9)
    before, life = place.entries(), place.life()
    ran = place.up()
    assert ran.code == Exit.CLOCK
    assert "s behind the journal's last record" in ran.sentence
    assert place.entries() == before
    assert place.life() == life, "nothing was changed, as it says"


def test_a_second_desk_on_the_same_home(place: Place) -> None:
    place.make(kedge=ONE_ACCOUNT)
    with place.running():
        began = time.monotonic()
        ran = place.up()
        assert ran.code == Exit.LEASE
        assert "is driven by process" in ran.sentence
        assert time.monotonic() - began < 60
        # The first one has not noticed; who reads the journal is sent to it.
        assert place("status").code == Exit.OK
        assert place("verify").code == Exit.LEASE


@pytest.mark.parametrize("second", ["other", "elsewhere/other"])
def test_two_homes_on_one_account(root: Path, second: str) -> None:
    """Whatever folders the homes are in."""
    first, other = Place(root).make(kedge=ONE_ACCOUNT), Place(root, second)
    other.home.parent.mkdir(exist_ok=True)
    other.make(kedge=ONE_ACCOUNT)
    other.environ |= {"HOME": str(root), "XDG_STATE_HOME": str(root / "state")}
    with first.running():
        ran = other.up()
        assert ran.code == Exit.LEASE
        assert "paper/main" in ran.sentence
    assert other.up().code == Exit.OK


# ── venues ──────────────────────────────────────────────────────────────────────────────────────


def test_a_venue_that_nobody_is_at(place: Place) -> None:
    """The desk runs and says so: a venue may come back any moment."""
    place.make(kedge=ONE_ACCOUNT)
    with place.running():
        ran = place("status")
        assert ran.code == Exit.OK
        assert "cannot connect" in ran.out


def test_a_port_that_is_taken(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = place("sim", "paper", "--port", str(taken.getsockname()[1]))
    assert done.code == Exit.REFUSED
    assert done.err.startswith("kedge sim paper: ")
    assert done.err.count("\n") == 1
    assert "in use" in done.err


def test_a_paper_venue_whose_memory_is_no_good(place: Place) -> None:
    place.make()
    (place.home / "paper.sqlite").write_text("Dear diary, " * 1000)
    before = (place.home / "paper.sqlite").read_bytes()
    ran = place.up()
    assert ran.code == Exit.VENUE
    assert "paper venue did not start" in ran.err.splitlines()[-1]
    assert (place.home / "paper.sqlite").read_bytes() == before


# ── commands ────────────────────────────────────────────────────────────────────────────────────

USAGE = [
    ("nonsense",),
    ("up", "--nonsense"),
    ("up", "--for", "soon"),
    ("up", "--for", "-5s"),
    ("bot",),
    ("bot", "add", "hedge-1"),
    ("sim", "nonsense"),
    ("sim", "paper", "--port", "high"),
    ("resolve", "abc", "perhaps"),
]


@pytest.mark.parametrize("argv", USAGE, ids=" ".join)
def test_a_command_line_that_makes_no_sense(place: Place, argv: tuple[str, ...]) -> None:
    ran = place(*argv)
    if argv == ("bot",):  # a group alone shows what is in it
        assert (ran.code, ran.err) == (Exit.OK, "")
        return
    assert ran.code == Exit.USAGE
    assert ran.sentence
    assert not place.home.exists()


@pytest.mark.parametrize(
    "argv", [("status",), ("kill",), ("orders",), ("bot", "stop", "x"), ("verify",)], ids=" ".join
)
def test_a_desk_that_is_not_running(place: Place, argv: tuple[str, ...]) -> None:
    ran = place(*argv)
    assert ran.code == Exit.AWAY
    assert "kedge up" in ran.sentence
    assert not place.home.exists()


HEDGE = ("bot", "add", "hedge-1", "hedge", f"market={MARKET}")
IMPOSSIBLE = {
    (*HEDGE, "qty=0"): (Exit.REFUSED, "above zero"),
    (*HEDGE, "qty=-1"): (Exit.REFUSED, "above zero"),
    (*HEDGE, "qty=nan"): (Exit.USAGE, "qty"),
    (*HEDGE, "qty=inf"): (Exit.USAGE, "qty"),
    (*HEDGE, "qty=1e40"): (Exit.USAGE, "qty"),
    (*HEDGE, "qty=much"): (Exit.USAGE, "qty"),
    (*HEDGE, "qty=1", "slippage=2"): (Exit.REFUSED, "slippage"),
    (*HEDGE, "qty=1", "deadline-s=-5"): (Exit.USAGE, "deadline"),
    (*HEDGE, "qty=1", "sides=sell"): (Exit.USAGE, "sides"),
    HEDGE: (Exit.USAGE, "qty"),
    ("bot", "add", "hedge 1", "hedge", f"market={MARKET}", "qty=1"): (Exit.REFUSED, "hedge 1"),
    ("bot", "add", "x", "hedge", "market=paper/other:BTC-PERP", "qty=1"): (Exit.REFUSED, "paper/other"),
    ("bot", "add", "x", "hedge", "market=BTC-PERP", "qty=1"): (Exit.REFUSED, "account:SYMBOL"),
    ("bot", "add", "x", "hodge", f"market={MARKET}"): (Exit.USAGE, "hodge"),
    ("bot", "add", "x", "mine:Bot", f"market={MARKET}"): (Exit.USAGE, "mine"),
    ("bot", "stop", "nobody"): (Exit.REFUSED, "nobody"),
    ("bot", "tell", "nobody", "close"): (Exit.REFUSED, "nobody"),
    ("resolve", "0" * 32, "absent"): (Exit.REFUSED, "no order"),
}


def test_what_a_running_desk_cannot_do(place: Place) -> None:
    """Each is refused, and no bot is there afterwards."""
    place.make(kedge=ONE_ACCOUNT)
    wrong: list[str] = []
    with place.running():
        for argv, (code, word) in IMPOSSIBLE.items():
            ran = place(*argv)
            one_line = ran.err.startswith("kedge: ") and ran.err.count("\n") == 1
            if ran.code != code or word not in ran.err or not one_line:
                wrong.append(f"{' '.join(argv)}: {ran.code} {ran.err}")
        assert '"bots":[]' in place("status", "--json").out
    assert not wrong, "\n".join(wrong)


WRONG_BOTS = {
    "not toml": ("[hedge-1\n", "is not TOML"),
    "no kind": ("[hedge-1]\nqty = 1\n", "no `kind`"),
    "unknown kind": (f'[hedge-1]\nkind = "hodge"\nmarket = "{MARKET}"\n', "hodge"),
    "impossible amount": (f'[hedge-1]\nkind = "hedge"\nmarket = "{MARKET}"\nqty = -1\n', "above zero"),
    "no such module": ('[hedge-1]\nkind = "mine:Bot"\n', "mine"),
}


@pytest.mark.parametrize("case", WRONG_BOTS)
def test_a_wrong_bots_file(place: Place, case: str) -> None:
    """The desk runs without it and says what is wrong: bots at work are not stopped by a typing mistake."""
    text, word = WRONG_BOTS[case]
    place.make(bots=text, kedge=ONE_ACCOUNT)
    with place.running():
        ran = place("reload")
        assert ran.code in (Exit.REFUSED, Exit.OK)
        assert word in ran.out + ran.err
        assert '"bots":[]' in place("status", "--json").out
    assert (place.home / "bots.toml").read_text() == text
