"""Kedge: a trading desk that survives a power cut at any moment."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge.desk.hedges.shell import (
        close_hedge,
        market_data,
        open_hedge,
        position,
        positions,
        preorders,
    )

__version__ = "0.1.0"

# For a Python shell beside a running desk: docs/how-to/hedge-as-before.md. Loaded when first asked for.
__all__ = ["close_hedge", "market_data", "open_hedge", "position", "positions", "preorders"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from kedge.desk.hedges import shell

        return getattr(shell, name)
    raise AttributeError(f"module 'kedge' has no attribute {name!r}")
