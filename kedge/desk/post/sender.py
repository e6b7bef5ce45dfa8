"""What a channel is to the post: a name, what it wants, and one attempt to deliver.

An attempt never raises for what the world does: it answers `sent`, `later` (with the reason and, where the
other side named one, a wait) or `never` (this message will not be taken, however often it is offered).
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from kedge.desk.notices import Notice
from kedge.desk.post.messages import Message


class Verdict(Struct, frozen=True):
    state: Literal["sent", "later", "never"]
    why: str = ""
    wait_s: float = 0


SENT = Verdict("sent")


class Sender(Protocol):
    @property
    def channel(self) -> str:
        """Names the channel for ever: what waits in the outbox waits under this name."""

    def wants(self, notice: Notice) -> bool:
        """Whether it goes this way at all, by level and kind."""

    async def refresh(self) -> None:
        """Look up what `wants` depends on; called before each round. May raise `DatabaseTrouble`."""

    async def send(self, message: Message) -> Verdict: ...

    async def close(self) -> None: ...
