"""No secret reaches a log: neither those we hold, by value, nor what looks like one, by its shape.

By value is exact: every secret of this home, also as it looks in an address or behind `Authorization: Basic`.
By shape is for what other people's libraries say: an address with a password in it, a signature, a bearer.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import Struct

from kedge.logs.lines import Line
from kedge.settings import Secrets, Settings, SettingsWrong

HIDDEN = "***"
# Shorter than this is no secret, and hiding it would spoil every other word.
LEAST = 6

_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    # Telegram's tokens stand in the path of every address of its API.
    (re.compile(r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"""(?ix)\b((?:x-)?(?:bapi-|mbx-)?(?:api[-_]?key|secret|passwd|password|passphrase|signature|sign
            |access[-_]?token|auth[-_]?token|csrfmiddlewaretoken|sessionid|listenkey)
            ["']?\s*[=:]\s*["']?)[^\s"'&,;)}]{4,}"""
        ),
        rf"\1{HIDDEN}",
    ),
)


class Redactor:
    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if len(value) >= LEAST for form in _forms(value)}
        # The longest first: one secret may begin with another.
        longest = sorted(forms, key=lambda form: (-len(form), form))
        self._values = re.compile("|".join(map(re.escape, longest))) if longest else None

    def hide(self, says: str) -> str:
        if self._values is not None:
            says = self._values.sub(HIDDEN, says)
        for shape, instead in _SHAPES:
            says = shape.sub(instead, says)
        return says

    def line(self, line: Line) -> Line:
        about = {
            name: value if isinstance(value, (bool, int)) else self.hide(str(value))
            for name, value in line.about.items()
        }
        return Line(line.ts_ns, line.level, line.program, self.hide(line.says), about, self.hide(line.trace))


def secrets_of(path: Path, settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What must never be shown: all of the secrets file, and what the settings name in the environment."""
    named = dict.fromkeys(name for text in _texts(settings) for name in _NAME.findall(text))
    found = [environ[name] for name in named if environ.get(name)]
    with contextlib.suppress(SettingsWrong):  # it is refused, and said, where a secret is needed
        found += Secrets(path, environ).reveal_all()
    return tuple(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Struct):
        yield from _texts(msgspec.structs.asdict(value))
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _texts(one)


def _forms(value: str) -> tuple[str, ...]:
    encoded = msgspec.json.encode(value).decode()[1:-1]
    basic = base64.b64encode(value.encode()).decode().rstrip("=")
    return (value, quote(value, safe=""), quote_plus(value), encoded, basic)
