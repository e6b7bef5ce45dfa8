"""What a person sets, as frozen structs: one per section of `kedge.toml`, every field with its sentence."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from kedge.model.limits import LIMIT_NAMES, NO_LIMITS, Limits
from kedge.settings.api_sections import ApiSettings, HedgeSettings, PreorderSettings
from kedge.settings.desk_sections import DatabaseSettings, MetricsSettings, WatchSettings, WebSettings
from kedge.settings.gate_section import GateSettings
from kedge.settings.moex_section import MoexSettings
from kedge.settings.notice_sections import MailSettings, NoticeSettings, TelegramSettings, WebhookSettings

LEVERAGE_MAX = 1_000

_CELL = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
# No path, no user: requests are signed over what comes after it.
_URL = re.compile(r"^https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?$|^https?://\[[0-9a-f:]+\](:[0-9]{1,5})?$")
_GATE = re.compile(r"^(tls|tcp)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}\Z")
_SECRET_NAME = re.compile(r"^[A-Z][A-Z0-9_]{1,63}$")


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class DeskSettings(_Section, frozen=True):
    """The desk itself."""

    name: Annotated[str, Meta(min_length=1, max_length=40, description="What people call this desk.")] = (
        "desk"
    )
    cell: Annotated[
        str,
        Meta(
            description="The engine this home runs: names its journal and socket. Small letters, digits, `-`."
        ),
    ] = "main"
    gate: Annotated[
        str,
        Meta(
            description="The gate of an engine on another machine, like tls://trade.example.org:8322: then"
            " `kedge desk` and every command ask there, and no engine runs in this home."
        ),
    ] = ""
    gate_token: Annotated[
        str, Meta(description="NAME of the secret that holds the token shown at `gate`.")
    ] = "KEDGE_GATE_TOKEN"
    gate_ca: Annotated[
        str,
        Meta(
            description="File with the certificate (PEM) by which that of `gate` is trusted; empty: those"
            " this machine trusts anyway."
        ),
    ] = ""

    def __post_init__(self) -> None:
        if not _CELL.match(self.cell):
            raise ValueError(f"`cell` must be small letters, digits and `-`, like main; it is {self.cell!r}")
        if self.gate and not _GATE.match(self.gate):
            raise ValueError(f"`gate` must be like tls://trade.example.org:8322; it is {self.gate!r}")
        if not _SECRET_NAME.match(self.gate_token):
            raise ValueError("`gate_token` must be the NAME of a secret, like KEDGE_GATE_TOKEN")


class LimitSettings(Limits, frozen=True):
    """What the whole desk may risk, all accounts together; `[limits.bot]` is the default of each bot."""

    bot: Annotated[Limits, Meta(description="The default for each bot.")] = NO_LIMITS

    def desk(self) -> Limits:
        return Limits(*(getattr(self, name) for name in LIMIT_NAMES))


class AccountSettings(_Section, frozen=True):
    """One account at one venue, under the name bots use: `[accounts."bybit/main"]`."""

    venue: Annotated[
        str,
        Meta(
            description="Which venue; left out, it is the part of the account's name before the slash."
            " `paper` is the simulator that `kedge up` starts."
        ),
    ] = ""
    host: Annotated[str, Meta(description="`paper` only: where it is, if not on this machine.")] = ""
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="`paper` only: its port; 0 means that `kedge up` starts one."),
    ] = 0
    url: Annotated[
        str,
        Meta(
            description="The address of a simulator instead of the venue's own, like http://127.0.0.1:8001"
            " for `kedge sim bybit --port 8001`."
        ),
    ] = ""
    key: Annotated[str, Meta(description="NAME of the secret that holds the API key.")] = ""
    secret: Annotated[str, Meta(description="NAME of the secret that holds the API secret.")] = ""
    number: Annotated[
        str,
        Meta(
            max_length=64,
            description="`tinvest` only: the account's number at the venue, where one token opens several.",
        ),
    ] = ""
    ca: Annotated[
        str,
        Meta(
            description="`tinvest` only: file with root certificates (PEM) by which the venue's, or the"
            " simulator's, is trusted; empty: those that gRPC brings along."
        ),
    ] = ""
    live: Annotated[
        bool,
        Meta(
            description="Real money. Without it, the venue's test network (or its demo, or `url`) is traded;"
            " with it, the account must also be confirmed once: `kedge confirm`."
        ),
    ] = False
    demo: Annotated[
        bool, Meta(description="The venue's demo trading instead of its test network, where it has one.")
    ] = False
    leverage: Annotated[
        dict[str, Decimal],
        Meta(description="Symbol to leverage, set when connecting; what is not named is left as it is."),
    ] = field(default_factory=dict)
    margin: Annotated[
        Literal["", "cross", "isolated"],
        Meta(description="Margin mode, set when connecting; empty leaves it as it is."),
    ] = ""
    may_withdraw: Annotated[
        bool,
        Meta(description="Trade real money even with a key that may withdraw it. Better: make another key."),
    ] = False
    dead_man_s: Annotated[
        int,
        Meta(
            ge=0,
            le=3600,
            description="Have the venue cancel every order of the account, protective stops too,"
            " when this desk was silent for so many seconds. 0 leaves that switch alone.",
        ),
    ] = 0
    limits: Annotated[Limits, Meta(description="What this account may risk.")] = NO_LIMITS

    def __post_init__(self) -> None:
        for name in ("key", "secret"):
            value = getattr(self, name)
            if value and not _SECRET_NAME.match(value):
                # The value is not repeated: it may well be the secret itself.
                raise ValueError(
                    f"`{name}` must be the NAME of a secret, two capital letters at least, like BYBIT_KEY;"
                    " put the secret itself in secrets.toml"
                )
        if self.live and (self.url or self.demo):
            raise ValueError(
                f"`live` and `{'url' if self.url else 'demo'}` exclude each other; take one away"
            )
        if self.url and not _URL.match(self.url):
            raise ValueError(f"`url` must be like http://127.0.0.1:8001; it is {self.url!r}")
        for symbol, times in self.leverage.items():
            if not 1 <= times <= LEVERAGE_MAX:
                raise ValueError(f"`leverage` of {symbol} must be from 1 to {LEVERAGE_MAX}; it is {times}")


class PaperSettings(_Section, frozen=True):
    """The paper venue that `kedge up` starts."""

    seed: Annotated[int, Meta(ge=0, description="The same seed gives the same market.")] = 1
    market: Annotated[
        str, Meta(description="Which synthetic market, or the file of recorded data that drives it.")
    ] = "synthetic"


class JournalSettings(_Section, frozen=True):
    """The memory."""

    snapshot_every_records: Annotated[
        int,
        Meta(ge=100, description="Keep the whole state after this many records; a start reads from there."),
    ] = 100_000
    archive: Annotated[
        bool,
        Meta(description="Move records that snapshots cover to archive files; `explain` still reads them."),
    ] = True


class RecorderSettings(_Section, frozen=True):
    """The flight recorder: what the venues said lately, for `kedge replay`."""

    segments: Annotated[int, Meta(ge=0, le=1024, description="Files kept; 0 switches the recorder off.")] = 8
    segment_mb: Annotated[int, Meta(ge=1, le=1024, description="Size of one file, in megabytes.")] = 16


class LogSettings(_Section, frozen=True):
    """What engine, desk and watch write for whoever runs the machine: to stderr, and to files."""

    level: Annotated[
        Literal["debug", "info", "warn", "error"], Meta(description="The least that is written.")
    ] = "info"
    form: Annotated[Literal["text", "json"], Meta(description="`json` for log collectors.")] = "text"
    file: Annotated[
        bool,
        Meta(description="Also write `engine.log`, `desk.log` and `watch.log` to `logs/` in the home."),
    ] = True
    rotate_mb: Annotated[
        int, Meta(ge=1, le=1024, description="A log file begins anew at this size, in megabytes.")
    ] = 10
    keep: Annotated[int, Meta(ge=0, le=100, description="So many older files are kept of each.")] = 5


def _paper_account() -> dict[str, AccountSettings]:
    return {"paper/main": AccountSettings(venue="paper")}


class Settings(_Section, frozen=True):
    desk: DeskSettings = DeskSettings()
    limits: LimitSettings = LimitSettings()
    accounts: dict[str, AccountSettings] = field(default_factory=_paper_account)
    paper: PaperSettings = PaperSettings()
    journal: JournalSettings = JournalSettings()
    recorder: RecorderSettings = RecorderSettings()
    gate: GateSettings = GateSettings()
    moex: MoexSettings = MoexSettings()
    log: LogSettings = LogSettings()
    web: WebSettings = WebSettings()
    api: ApiSettings = ApiSettings()
    hedge: HedgeSettings = HedgeSettings()
    preorders: PreorderSettings = PreorderSettings()
    database: DatabaseSettings = DatabaseSettings()
    metrics: MetricsSettings = MetricsSettings()
    watch: WatchSettings = WatchSettings()
    telegram: TelegramSettings = TelegramSettings()
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    notices: NoticeSettings = NoticeSettings()
