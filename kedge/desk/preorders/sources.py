"""Where preorders come from: JSON over HTTP, CSV files in a folder, or a class of your own.

    class Shop:                                         # kind = "shop:Shop"
        def __init__(self, settings, secrets): ...      # [[preorders.sources]], and secrets by NAME
        async def poll(self): return [{"preorder_id": 7, "sum_btc": "0.05", ...}]

`poll` gives raw rows, as often as `every_s` says; `SourceTrouble` (one sentence) is the world's fault and is
shown until it is over. A row that cannot be kept is counted and shown, and stops no other.
"""

from __future__ import annotations

import asyncio
import csv
import importlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from kedge.desk.preorders.rows import BadRow
from kedge.settings import Secrets, SettingsWrong, SourceSettings

ANSWER_S = 30.0
ANSWER_BYTES = 16 * 1024 * 1024
PAGES_MOST = 100
FILES_MOST = 1000
FILE_BYTES = 16 * 1024 * 1024
ROWS_MOST = 50_000

# What a source gives, unjudged; a `BadRow` is one that it could not even read.
RawRow = Mapping[str, object] | BadRow

_json = msgspec.json.Decoder(float_hook=Decimal)


class SourceTrouble(Exception):
    """The source could not be asked now; the text is one sentence."""


class PreorderSource(Protocol):
    async def poll(self) -> Sequence[RawRow]:
        """All rows, or those that changed since the last time. Raises `SourceTrouble`.

        A source that tells only changes has a method `kept` too, called once its rows are kept.
        """
        ...


def make_source(settings: SourceSettings, secrets: Secrets) -> PreorderSource:
    """Raises `SettingsWrong`."""
    if settings.kind == "http":
        return HttpSource(settings, secrets)
    if settings.kind == "csv":
        return CsvSource(settings)
    return _own(settings, secrets)


class HttpSource:
    """JSON by GET: a list, or pages of `results` with the address of the `next`."""

    def __init__(self, settings: SourceSettings, secrets: Secrets) -> None:
        self._url = settings.url
        self._headers = {"Accept": "application/json"}
        if settings.token:
            token = secrets.find(settings.token, f"[[preorders.sources]] {settings.name}").reveal()
            self._headers["Authorization"] = f"Bearer {token}"

    async def poll(self) -> list[RawRow]:
        found: list[RawRow] = []
        where: str | None = self._url
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            for _ in range(PAGES_MOST):
                if where is None or len(found) > ROWS_MOST:
                    break
                rows, where = _page(await _get(session, where), where)
                found += rows
        return found[:ROWS_MOST]


class CsvSource:
    """Every *.csv in a folder; a file is read when it is new or has changed. Its first line names columns."""

    def __init__(self, settings: SourceSettings) -> None:
        self._folder = Path(settings.folder).expanduser()
        self._seen: dict[Path, tuple[int, int]] = {}
        self._now: dict[Path, tuple[int, int]] = {}

    def kept(self) -> None:
        self._seen = self._now

    async def poll(self) -> list[RawRow]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[RawRow]:
        try:
            files = sorted(self._folder.glob("*.csv"))[:FILES_MOST]
            if not self._folder.is_dir():
                raise SourceTrouble(f"there is no folder {self._folder}")
            found: list[RawRow] = []
            seen: dict[Path, tuple[int, int]] = {}
            for file in files:
                about = file.stat()
                seen[file] = (about.st_mtime_ns, about.st_size)
                if self._seen.get(file) != seen[file]:
                    found += _rows_or_why(file)
        except OSError as error:
            raise SourceTrouble(f"{self._folder} cannot be read: {error.strerror}") from None
        self._now = seen
        return found[:ROWS_MOST]


def read_csv(file: Path) -> list[RawRow]:
    """Rows of one file; `,` or `;` between them, `stages` as JSON. Raises `BadRow`."""
    if file.stat().st_size > FILE_BYTES:
        raise BadRow(f"{file.name} is larger than {FILE_BYTES // 1024 // 1024} MB")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadRow(f"{file.name} is not written in UTF-8") from None
    head = text.partition("\n")[0]
    rows: list[RawRow] = []
    try:
        for row in csv.DictReader(
            text.splitlines(), delimiter=";" if head.count(";") > head.count(",") else ","
        ):
            named = {name.strip(): value for name, value in row.items() if name and isinstance(value, str)}
            rows.append({name: _cell(name, value.strip()) for name, value in named.items()})
    except csv.Error as error:
        raise BadRow(f"{file.name} is no CSV file: {error}") from None
    return rows


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _own(settings: SourceSettings, secrets: Secrets) -> PreorderSource:
    module, _, name = settings.kind.partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), name)(settings, secrets)
    except (ImportError, AttributeError, SyntaxError, TypeError, ValueError, LookupError) as error:
        why = f"{type(error).__name__}: {error}"
        raise SettingsWrong(
            f"[[preorders.sources]] {settings.name}: {settings.kind} cannot be made ({why})"
        ) from None
    if not asyncio.iscoroutinefunction(getattr(made, "poll", None)):
        raise SettingsWrong(
            f"[[preorders.sources]] {settings.name}: {settings.kind} has no `async def poll(self)`"
        )
    source: PreorderSource = made
    return source


def _rows_or_why(file: Path) -> list[RawRow]:
    """One file that cannot be read stops no other."""
    try:
        return read_csv(file)
    except BadRow as bad:
        return [bad]


async def _get(session: aiohttp.ClientSession, where: str) -> bytes:
    try:
        # A redirect could lead the token to somebody else.
        async with session.get(where, allow_redirects=False) as answer:
            if answer.status != 200:
                raise SourceTrouble(f"{_host(where)} answered {answer.status}")
            found = bytearray()
            async for chunk in answer.content.iter_any():
                found += chunk
                if len(found) > ANSWER_BYTES:
                    raise SourceTrouble(f"{_host(where)} answered with more than {ANSWER_BYTES} bytes")
            return bytes(found)
    except TimeoutError:
        raise SourceTrouble(f"{_host(where)} did not answer within {ANSWER_S:g} s") from None
    except (aiohttp.ClientError, aiohttp.InvalidURL) as error:
        raise SourceTrouble(f"{_host(where)} cannot be asked ({type(error).__name__})") from None


def _page(raw: bytes, where: str) -> tuple[list[RawRow], str | None]:
    try:
        body = _json.decode(raw)
    except msgspec.DecodeError:
        raise SourceTrouble(f"{_host(where)} answered with something that is no JSON") from None
    if isinstance(body, list):
        return body, None
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        following = body.get("next")
        return body["results"], _same_host(where, following) if isinstance(following, str) else None
    raise SourceTrouble(f"{_host(where)} answered with neither a list nor an object with `results`")


def _same_host(where: str, following: str) -> str:
    target = urljoin(where, following)
    if urlsplit(target)[:2] != urlsplit(where)[:2]:
        raise SourceTrouble(f"{_host(where)} says that the next page is at another host, which is not asked")
    return target


def _host(where: str) -> str:
    """Without the path: there may be a key in it."""
    return urlsplit(where).netloc.rpartition("@")[2]


def _cell(name: str, value: str) -> object:
    if name != "stages" or not value:
        return value
    try:
        stages: object = json.loads(value, parse_float=Decimal)
        return stages
    except ValueError:
        return value
