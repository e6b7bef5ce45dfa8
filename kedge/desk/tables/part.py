"""The tables as a part of the desk process."""

from __future__ import annotations

from kedge.desk.tables.follower import parts

__all__ = ["parts"]
