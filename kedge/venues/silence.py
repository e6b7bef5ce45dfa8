"""What there is in place of an answer: nothing, or a refusal that waiting does not mend.

Every part of the toolkit says so in the same two words, so that an adapter turns them into events in one
place. `Silence.unsent` is only said where not a single byte can have left.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.model.events import Answered, Request
from kedge.model.venue import Answer

SENTENCE_MAX = 300


class Silence(Struct, frozen=True):
    """There is no answer. `retry_ns`: the venue, or our own budget for it, wants so long a pause."""

    why: str
    unsent: bool = False
    retry_ns: int = 0


class Refused(Struct, frozen=True):
    """The venue will not let us in, and waiting does not mend it (a wrong key, a missing right, an address
    that is not allowed). `why` says how to mend it."""

    why: str


def unanswered(account: str, request: Request, client_id: str, silence: Silence) -> Answered:
    """A deed that has no answer: rejected with certainty if it never left, UNKNOWN otherwise."""
    return Answered(
        account,
        request,
        client_id,
        Answer.REJECTED if silence.unsent else Answer.UNKNOWN,
        sentence(silence.why),
        unsent=silence.unsent,
        retry_ns=silence.retry_ns,
    )


def sentence(words: str) -> str:
    """What others have written, cut to what a person reads and a journal may hold."""
    return words if len(words) <= SENTENCE_MAX else words[: SENTENCE_MAX - 1] + "…"
