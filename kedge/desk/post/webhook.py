"""Notices as JSON to a program of the person's own, signed so that it can tell them from anybody else's.

    X-Kedge-Key         the same for the same notices: who has seen it may throw the rest away
    X-Kedge-Timestamp   seconds
    X-Kedge-Signature   sha256=HMAC-SHA256(secret, timestamp + "." + body), in hex

Redirects are not followed: what is signed goes where the settings say and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kedge.desk.notices import Notice
from kedge.desk.post.messages import Message
from kedge.desk.post.sender import SENT, Verdict
from kedge.settings import Secret

SECOND_NS = 1_000_000_000
# Longest wait that a receiver may ask for.
WAIT_MAX_S = 3600.0


class WebhookSender:
    def __init__(
        self,
        url: str,
        secret: Secret,
        wants: Callable[[Notice], bool],
        clock: Callable[[], int],
        timeout_s: float = 10,
        language: str = "en",
    ) -> None:
        self._language = language
        self._url, self._secret, self._clock = url, secret, clock
        self._wants = wants
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    @property
    def channel(self) -> str:
        # Paths of webhooks are often secrets: only the host is shown.
        shown = urlsplit(self._url).hostname or "?"
        return f"webhook/{shown}/{hashlib.sha256(self._url.encode()).hexdigest()[:8]}"

    def wants(self, notice: Notice) -> bool:
        return self._wants(notice)

    async def refresh(self) -> None:
        pass

    async def send(self, message: Message) -> Verdict:
        body = msgspec.json.encode(
            {
                "key": message.key,
                "level": message.level,
                "text": message.text_in(self._language),
                "notices": [
                    msgspec.structs.replace(one, text=one.told(self._language), said=None)
                    for one in message.notices
                ],
            }
        )
        stamp = str(self._clock() // SECOND_NS)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "kedge",
            "X-Kedge-Key": message.key,
            "X-Kedge-Timestamp": stamp,
            "X-Kedge-Signature": sign(self._secret, stamp, body),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _verdict(answer.status, answer.headers.get("Retry-After", ""))
        except TimeoutError:
            return Verdict("later", f"no answer within {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Verdict("later", f"it cannot be reached ({type(error).__name__})")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def sign(secret: Secret, stamp: str, body: bytes) -> str:
    """What a receiver computes too, and compares."""
    made = hmac.new(secret.reveal().encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def _verdict(status: int, retry_after: str) -> Verdict:
    if 200 <= status < 300:
        return SENT
    if status in (400, 410, 413, 422):
        return Verdict("never", f"it answered {status}: it will not take this")
    if 300 <= status < 400:
        return Verdict("later", f"it answered {status}, a redirection; put the right address in `urls`")
    wait_s = min(float(retry_after), WAIT_MAX_S) if retry_after.isdigit() else 0.0
    return Verdict("later", f"it answered {status}", wait_s)
