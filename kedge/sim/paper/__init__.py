"""The paper venue: an exchange of our own behind a small protocol, which survives its own kill.

`docs/reference/paper-dialect.md` is its protocol and its control door. Reading order: `wire` (lines and
values), `gateway` (what happens to a request), `answers`, `publisher`, `keeper` (what survives), `faults` and
`limits`, `markets`, `control`, and last `server`, which alone knows sockets, clocks and seeds. What it has in
common with the wire-level venues is in `kedge.sim.testnet`.
"""

from kedge.sim.paper.faults import Fault
from kedge.sim.paper.limits import Limits
from kedge.sim.paper.server import PaperServer, main, serve
from kedge.sim.testnet.options import Options, Ready
from kedge.sim.testnet.store import StoreError

__all__ = ["Fault", "Limits", "Options", "PaperServer", "Ready", "StoreError", "main", "serve"]
