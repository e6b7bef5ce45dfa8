"""A question that was answered is not answered again by going back to it.

    GET  /do/bot-stop/?name=hedge-1                    asks; the page's script puts its key into the address
    GET  /do/bot-stop/?name=hedge-1&asked=KEY:SEAL     the same question again: by Back, or loaded again
    POST /do/bot-stop/  command_id=KEY                 the answer

The browser asks for every page anew (`Cache-Control: no-store`), so after Back the form would have a new key
and a second yes would act a second time. So the key belongs to the address of the question, sealed for the
person and the deed, and the session remembers which keys were answered with what: such a page says what was
done, and offers to ask anew. What was refused did nothing, so it may be asked again at once.
"""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase
from django.core.signing import BadSignature, Signer

from kedge.client import new_command_id

ANSWERED = "kedge_answered"
KEPT_MOST = 32
PARAMETER = "asked"


def sealed(key: str, person: str, about: str) -> str:
    """The key as it stands in an address: of no use to others, nor for another deed."""
    return _signer(person, about).sign(key)


def key_of(text: str, person: str, about: str) -> str:
    """The key of an address; a new one where there is none, or none of ours."""
    try:
        return _signer(person, about).unsign(text[:200]) if text else new_command_id()
    except BadSignature:
        return new_command_id()


async def remember(session: SessionBase, key: str, says: str) -> None:
    """What came of it; "" where it was refused."""
    if not key:
        return
    kept: dict[str, str] = dict(await session.aget(ANSWERED, {}))
    kept.pop(key, None)
    kept[key] = says[:300]
    while len(kept) > KEPT_MOST:
        del kept[next(iter(kept))]
    await session.aset(ANSWERED, kept)


async def answer_to(session: SessionBase, key: str) -> str | None:
    """What was said when this key was answered: "" is a refusal, None that it was not."""
    kept: dict[str, str] = await session.aget(ANSWERED, {})
    return kept.get(key)


def _signer(person: str, about: str) -> Signer:
    return Signer(salt=f"kedge.asked:{person}:{about}")
