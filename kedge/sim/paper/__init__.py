"""The paper venue: an exchange of our own behind a small protocol, which survives its own kill.

`docs/reference/paper-dialect.md` is its protocol and its control door. Reading order: `wire` (lines and
values), `gateway` (what happens to a request), `answers`, `publisher`, `keeper`, `log` and `store` (what
survives), `faults` and `limits`, `markets`, `control`, and last `server`, which alone knows sockets, clocks
and seeds.
"""

from kedge.sim.paper.faults import Fault
from kedge.sim.paper.limits import Limits
from kedge.sim.paper.server import Options, PaperServer, Ready, main, serve
from kedge.sim.paper.store import StoreError

__all__ = ["Fault", "Limits", "Options", "PaperServer", "Ready", "StoreError", "main", "serve"]
