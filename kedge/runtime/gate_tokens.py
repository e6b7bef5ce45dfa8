"""The tokens of the gate by TCP: by their digests, and read again when the files they come from change.

A token that is no longer there, or is another one under the same name, is revoked at once; one whose role
changed too, so that its callers come again with the new one. Files that cannot be read (being written at this
moment, or wrong) change nothing and are said; a token whose secret is gone from a readable file is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from kedge.model.commands import Role
from kedge.settings import GateSettings, Secrets, SettingsWrong

# Shorter ones could be guessed.
TOKEN_LEAST = 24

# The gate's settings and the secrets as the files are now. Raises `SettingsWrong`.
Read = Callable[[], tuple[GateSettings, Secrets]]
_Mark = tuple[tuple[int, int, int], ...]


class Token(Struct, frozen=True):
    """A token by its digest: what is not kept cannot be shown."""

    name: str
    role: Role
    digest: bytes

    def __repr__(self) -> str:
        return f"Token({self.name!r}, {self.role!r})"


def tokens_of(settings: GateSettings, secrets: Secrets) -> tuple[Token, ...]:
    """All of them, or `SettingsWrong`: as a desk starts."""
    found: list[Token] = []
    for token in settings.tokens:
        value = secrets.find(token.secret, f"[[gate.tokens]] {token.name}").reveal()
        if len(value) < TOKEN_LEAST:
            raise SettingsWrong(
                f"the secret {token.secret} is too short for a token of the gate: at least {TOKEN_LEAST}"
                " letters, for example from: openssl rand -hex 32"
            )
        digest = digest_of(value)
        twin = next((one.name for one in found if hmac.compare_digest(one.digest, digest)), "")
        if twin:
            raise SettingsWrong(f"the tokens {twin} and {token.name} of the gate are the same; make another")
        found.append(Token(token.name, token.role, digest))
    return tuple(found)


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class TokenFiles:
    """Looks whether the files changed, and reads the tokens again."""

    def __init__(self, paths: Sequence[Path], read: Read) -> None:
        self._paths, self._read = tuple(paths), read
        self._seen = self._coming = self._look()

    def again(self, now: tuple[Token, ...]) -> tuple[tuple[Token, ...], str]:
        """The tokens from now on, and what is wrong with the files ("" when nothing is)."""
        seen = self._look()
        if seen != self._coming or seen == self._seen:
            # Read at the next look, when whoever writes them is done: half a file would revoke what stays.
            self._coming = seen
            return now, ""
        self._seen = seen
        try:
            settings, secrets = self._read()
        except SettingsWrong as wrong:
            return now, f"{wrong}; the tokens of the gate stay as they were"
        try:
            return tokens_of(settings, secrets), ""
        except SettingsWrong as wrong:
            return _good(settings, secrets), f"{wrong}; that token opens the gate no more"

    def _look(self) -> _Mark:
        return tuple(_mark(path) for path in self._paths)


def _good(settings: GateSettings, secrets: Secrets) -> tuple[Token, ...]:
    """Those that can be used; of twins the first."""
    found: list[Token] = []
    for token in settings.tokens:
        try:
            (one,) = tokens_of(_only(settings, token.name), secrets)
        except SettingsWrong:
            continue
        if all(not hmac.compare_digest(one.digest, other.digest) for other in found):
            found.append(one)
    return tuple(found)


def _only(settings: GateSettings, name: str) -> GateSettings:
    tokens = tuple(token for token in settings.tokens if token.name == name)
    return GateSettings(listen=settings.listen, cert=settings.cert, key=settings.key, tokens=tokens)


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        about = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (about.st_mtime_ns, about.st_size, about.st_ino)
