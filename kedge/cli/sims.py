"""`kedge sim VENUE`: one command per venue, all with the same options, made from the venues there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from kedge.sim.testnet.options import Options
from kedge.sim.testnet.registry import VENUES

HOST = Annotated[str, Parameter(help="The address it listens at.")]
PORT = Annotated[int, Parameter(help="Its port; 0 takes any that is free.")]
CONTROL = Annotated[
    int | None, Parameter(help="Port of the control door: inject a fault, move the price, read the truth.")
]
SEED = Annotated[int, Parameter(help="The same seed gives the same market.")]
MARKET = Annotated[str, Parameter(help="synthetic, still, none, or a file of prices.")]
FAULTS = Annotated[str, Parameter(help="A file of faults, armed at the start.", show_default=False)]
KEY = Annotated[str, Parameter(help="The API key it accepts.")]
SECRET = Annotated[str, Parameter(help="The API secret it accepts.")]
STATE = Annotated[
    str, Parameter(help="Where it keeps its state; without it forgets all.", show_default=False)
]
TICK = Annotated[int, Parameter(help="How often the market moves, in milliseconds.")]
CERT = Annotated[
    str, Parameter(help="A certificate (PEM): HTTPS and WSS instead of HTTP and WS.", show_default=False)
]
CERT_KEY = Annotated[
    str, Parameter(help="The certificate's key, where it is another file.", show_default=False)
]
TOKEN = Annotated[str, Parameter(help="The token it accepts, with all rights on every account.")]
SESSIONS = Annotated[
    Literal["calendar", "always"],
    Parameter(help="It opens and closes as the exchange does, or never closes."),
]
TLS = Annotated[
    str, Parameter(help="A certificate (PEM); without it one is made at the start.", show_default=False)
]
NO_DEFLATE = Annotated[bool, Parameter(help="Never agree to compress WebSocket messages.")]

TITLES = {"bybit": "Bybit V5", "binance": "Binance (spot and USDⓈ-M futures)"}


def add_sim_commands(app: cyclopts.App) -> None:
    venues = cyclopts.App(name="sim", help="Run a venue's simulator, for any program to trade against.")
    venues.command(sim_paper, name="paper", help_epilogue="")
    for venue in VENUES:
        command = sim_tinvest if venue == "tinvest" else _testnet(venue)
        venues.command(command, name=venue, help_epilogue="")
    app.command(venues)


def sim_paper(
    *,
    host: HOST = "127.0.0.1",
    port: PORT = 0,
    control_port: CONTROL = None,
    seed: SEED = 0,
    market: MARKET = "synthetic",
    faults: FAULTS = "",
    key: KEY = "paper",
    secret: SECRET = "paper",
    state: STATE = "",
    tick_ms: TICK = 50,
) -> int:
    """Run a paper venue in this terminal; the first line it prints says (in JSON) where its doors are."""
    from kedge.sim.paper import server

    chosen = Options(host, port, control_port, seed, market, faults, key, secret, state, max(1, tick_ms))
    return server.main(chosen)


def sim_tinvest(
    *,
    host: HOST = "127.0.0.1",
    port: PORT = 0,
    control_port: CONTROL = None,
    seed: SEED = 0,
    market: MARKET = "synthetic",
    faults: FAULTS = "",
    token: TOKEN = "paper",
    sessions: SESSIONS = "calendar",
    state: STATE = "",
    tick_ms: TICK = 50,
    cert: TLS = "",
    cert_key: CERT_KEY = "",
) -> int:
    """Run a local testnet of T-Invest in this terminal; its first line says (in JSON) where its doors are."""
    from kedge.sim.tinvest import server

    chosen = Options(
        *(host, port, control_port, seed, market, faults, token, "", state, max(1, tick_ms)),
        *(cert, cert_key),
        sessions=sessions,
    )
    return server.main(chosen)


def _testnet(venue: str) -> Callable[..., int]:
    def command(
        *,
        host: HOST = "127.0.0.1",
        port: PORT = 0,
        control_port: CONTROL = None,
        seed: SEED = 0,
        market: MARKET = "synthetic",
        faults: FAULTS = "",
        key: KEY = "paper",
        secret: SECRET = "paper",
        state: STATE = "",
        tick_ms: TICK = 50,
        cert: CERT = "",
        cert_key: CERT_KEY = "",
        no_deflate: NO_DEFLATE = False,
    ) -> int:
        from kedge.sim.testnet import server

        tick_ms = max(1, tick_ms)
        chosen = Options(
            *(host, port, control_port, seed, market, faults, key, secret, state, tick_ms),
            *(cert, cert_key, not no_deflate),
        )
        return server.main(chosen, venue)

    command.__doc__ = (
        f"Run a local testnet of {TITLES.get(venue, venue)} in this terminal; the first line it prints says "
        "(in JSON) where its doors are."
    )
    return command
