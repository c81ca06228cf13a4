"""What the process is told at its start: defaults, then a TOML file, the environment, flags; the later one wins.

A key is a field's name, after its section's and a dot: `identity.port`. In the file it is `port` under `[identity]`,
in the environment `ROLLCALL_IDENTITY_PORT`, as a flag `--identity-port`. Nothing here starts anything; settings that
people change while the program runs are rows, not configuration.
"""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rollcall.errors import Invalid
from rollcall.mail_address import check_mail_address

FILE_NAME = "rollcall.toml"
DOTS = "••••••••"

_PREFIX = "ROLLCALL_"
# Names the file; it can't stand in it.
_FILE_KEY = "config"
_KEY_BYTES = 32  # what crypto.Sealer takes


class Setting(NamedTuple):
    """One line of `rollcall config show`."""

    key: str
    shown: str
    origin: str


# ── what a value may be: each reader takes what was written and gives the value, or raises ValueError with the rule ──

Reader = Callable[[Any], Any]


def _whole(least: int, most: int) -> Reader:
    def read(written: Any) -> int:
        text = written if isinstance(written, str) else None
        number = int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else written
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return number

    return read


def _seconds(written: Any) -> float:
    try:
        seconds = math.nan if isinstance(written, bool) else float(written)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError("must be a number of seconds greater than 0")
    return seconds


def _choice(*choices: str) -> Reader:
    def read(written: Any) -> str:
        if not isinstance(written, str) or written.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return written.lower()

    return read


def _switch(written: Any) -> bool:
    if isinstance(written, str) and written.lower() in ("true", "false"):
        return written.lower() == "true"
    if not isinstance(written, bool):
        raise ValueError("must be true or false")
    return written


def _path(written: Any) -> Path:
    text = str(written) if isinstance(written, str | Path) else ""
    # A tilde is the shell's to replace; here it would make a directory of that name.
    if not text.strip() or "\x00" in text or text.startswith("~"):
        raise ValueError("must be the path of a directory, without ~")
    return Path(written)


def _host(written: Any) -> str:
    if not isinstance(written, str) or not written or not set(written).isdisjoint("/@[] \t\n"):
        raise ValueError("must be a host name or an IP address, such as 127.0.0.1")
    return written


def _base_url(written: Any) -> str:
    if _url_of(written, ("http", "https")) is None or not set(written).isdisjoint("?#"):
        raise ValueError("must be an address such as https://id.example.com, without query or fragment")
    return str(written).rstrip("/")


def _database_url(written: Any) -> str:
    if _url_of(written, ("postgresql", "postgres")) is None:
        raise ValueError("must be an address such as postgresql://user:password@host/database")
    return str(written)


def _url_of(written: Any, schemes: tuple[str, ...]) -> str | None:
    """The text if it is a URL of one of these schemes."""
    if not isinstance(written, str) or any(each.isspace() for each in written):
        return None
    try:
        parts = urlsplit(written)
        _ = parts.port
    except ValueError:
        return None
    # A database's address may leave the host to the query or to a default; a web address may not.
    return written if parts.scheme in schemes and (parts.hostname or "http" not in schemes) else None


def _sealing_key(written: Any) -> bytes:
    try:
        key = bytes.fromhex(written)
    except (TypeError, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(f"must be {2 * _KEY_BYTES} hexadecimal digits, as `openssl rand -hex {_KEY_BYTES}` prints")
    return key


def _text(written: Any) -> str:
    if not isinstance(written, str) or not written or not written.isprintable():
        raise ValueError("must be text on one line")
    return written


def _bearer_token(written: Any) -> str:
    if not isinstance(written, str) or len(written) < 16 or not (written.isascii() and written.isprintable()):
        raise ValueError("must be at least 16 printable ASCII characters")
    return written


def _setting(default: Any, reader: Reader, about: str, *, secret: bool = False) -> Any:
    """A field; a secret's value may be written as `file:PATH` or `env:NAME`, and is shown nowhere."""
    return field(default=default, repr=not secret, metadata={"help": about, "reader": reader, "secret": secret})


# ── the settings ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is, and its limits."""

    url: str | None = _setting(
        None,
        _database_url,
        "A PostgreSQL 18 or later to use instead of the embedded one; its user owns the schema.",
        secret=True,
    )
    application_url: str | None = _setting(
        None,
        _database_url,
        "The same database with a login that is a mere member of `rollcall_app`, for programs that don't migrate.",
        secret=True,
    )
    pool_size: int = _setting(10, _whole(1, 1000), "The most connections one process keeps.")
    pool_timeout_seconds: float = _setting(
        10.0, _seconds, "How long a request waits for a free connection, or for the database to come back."
    )
    connect_timeout_seconds: float = _setting(5.0, _seconds, "How long connecting may take.")
    statement_timeout_seconds: float = _setting(30.0, _seconds, "How long one statement may run.")
    idle_in_transaction_timeout_seconds: float = _setting(60.0, _seconds, "How long a transaction may do nothing.")
    transaction_timeout_seconds: float = _setting(600.0, _seconds, "How long a transaction may take in all.")


@dataclass(frozen=True)
class IdentitySettings:
    """Where the identity half is served."""

    host: str = _setting("127.0.0.1", _host, "The address the identity half listens on.")
    port: int = _setting(8460, _whole(0, 65_535), "The port it listens on; 0 is any free one.")
    base_url: str | None = _setting(
        None, _base_url, "The address people and programs reach it at, when that is not host and port."
    )
    private_addresses: bool = _setting(
        True,
        _switch,
        "Whether applications at addresses of this machine or of a private network are told that somebody signed out.",
    )


@dataclass(frozen=True)
class WorkspacesSettings:
    """Where the workspaces half is served."""

    host: str = _setting("127.0.0.1", _host, "The address the workspaces half listens on.")
    port: int = _setting(8461, _whole(0, 65_535), "The port it listens on; 0 is any free one.")
    base_url: str | None = _setting(
        None, _base_url, "The address people and programs reach it at, when that is not host and port."
    )


@dataclass(frozen=True)
class EntraSettings:
    """This installation's own registration with Microsoft Entra ID, and where that is."""

    client_id: str | None = _setting(
        None, _text, "The client ID of the registration; without it Microsoft Entra ID (Multi-Tenant) is not offered."
    )
    client_secret: str | None = _setting(None, _text, "The secret of that registration.", secret=True)
    authority: str = _setting(
        "https://login.microsoftonline.com", _base_url, "Where people sign in; another one for national clouds."
    )
    graph: str = _setting("https://graph.microsoft.com", _base_url, "Where groups are looked up.")
    consumer_accounts: bool = _setting(False, _switch, "Whether personal accounts may be let in at all.")


@dataclass(frozen=True)
class WorkerSettings:
    """How much the worker does at once."""

    concurrency: int = _setting(4, _whole(1, 100), "How many provisioning jobs one worker runs at the same time.")
    metrics_host: str = _setting("127.0.0.1", _host, "The address a worker shows its health and metrics on.")
    metrics_port: int = _setting(
        0, _whole(0, 65_535), "The port for that; 0 is none. Each worker on a machine needs its own."
    )


@dataclass(frozen=True)
class MetricsSettings:
    """Who may read the metrics."""

    token: str | None = _setting(
        None,
        _bearer_token,
        "The bearer token that `/metrics` asks for. Without it only programs on the same machine may read them.",
        secret=True,
    )


@dataclass(frozen=True)
class MailSettings:
    """The mail server that mails are handed to, and in whose name."""

    host: str | None = _setting(None, _host, "The mail server; without one mails are kept and not sent.")
    port: int = _setting(587, _whole(1, 65_535), "The port it takes mail on: 587 with starttls, 465 with tls.")
    security: str = _setting(
        "starttls",
        _choice("none", "starttls", "tls"),
        "tls from the first byte, starttls before anything is said, or none; certificates are always verified.",
    )
    ca_file: Path | None = _setting(  # noqa: RUF009 - as `data` is
        None, _path, "A PEM file with the authorities to trust, when the server's is not a public one."
    )
    username: str | None = _setting(None, _text, "The name to sign in to the mail server with, if it asks for one.")
    password: str | None = _setting(None, _text, "The password of that name.", secret=True)
    sender: str | None = _setting(None, check_mail_address, "The address that mails come from; needed with a host.")
    sender_name: str = _setting("Rollcall", _text, "The name beside that address.")
    timeout_seconds: float = _setting(30.0, _seconds, "How long delivering one mail may take.")


@dataclass(frozen=True)
class WebhookSettings:
    """How webhooks are delivered."""

    timeout_seconds: float = _setting(20.0, _seconds, "How long a receiver may take for its answer.")
    private_addresses: bool = _setting(
        True,
        _switch,
        "Whether a webhook may go to an address of this machine or of a private network; link-local ones never.",
    )


@dataclass(frozen=True)
class LogSettings:
    """What is logged, and how it is written."""

    level: str = _setting(
        "info",
        _choice("debug", "info", "warning", "error"),
        "The least weight of a line that is written: debug, info, warning or error.",
    )
    format: str = _setting(
        "console", _choice("console", "json"), "console for people, json for programs: one object a line."
    )


@dataclass(frozen=True)
class Config:
    """All settings of the process, checked; `explain` tells where each came from.

    `load_config` makes `data` absolute. No database URL means the embedded server in `data`, no sealing key means
    the one in a file there. A `base_url` has no slash at its end.
    """

    data: Path = _setting(  # noqa: RUF009 - a field, and a path doesn't change
        Path("var"), _path, "The directory of the embedded database and of the sealing key."
    )
    sealing_key: bytes | None = _setting(
        None,
        _sealing_key,
        "Seals stored credentials; 64 hexadecimal digits. Without it a file in the data directory holds the key.",
        secret=True,
    )
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    workspaces: WorkspacesSettings = field(default_factory=WorkspacesSettings)
    entra: EntraSettings = field(default_factory=EntraSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    log: LogSettings = field(default_factory=LogSettings)
    origins: InitVar[Mapping[str, str] | None] = None

    def __post_init__(self, origins: Mapping[str, str] | None) -> None:
        # Not a field: two configurations that say the same are equal, wherever it came from.
        object.__setattr__(self, "_origins", dict(origins or {}))


def _leaves(kind: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """Every key with its field, sections opened."""
    for each in dataclasses.fields(kind):
        if section := _section(each):
            yield from _leaves(section, f"{prefix}{each.name}.")
        else:
            yield prefix + each.name, each


def _section(each: dataclasses.Field[Any]) -> type | None:
    """The dataclass that a field opens, if it is no setting itself."""
    factory: Any = each.default_factory
    return factory if isinstance(factory, type) and dataclasses.is_dataclass(factory) else None


_FIELDS = dict(_leaves(Config))
_VARIABLES = {_PREFIX + key.upper().replace(".", "_"): key for key in _FIELDS}


# ── reading them ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Written:
    """A value as it was written, where that was, and the directory its relative paths start from."""

    value: Any
    origin: str
    folder: Path


def load_config(arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Config:
    """The configuration out of flags, environment and file.

    `arguments` has keys as in the file, with dots (`identity.port`), and `config`, the path of the file; None is a
    flag that was not given. Otherwise ROLLCALL_CONFIG names the file, or it is `rollcall.toml` in `cwd`, if that is
    there. A variable that is empty counts as not set. Raises Invalid; its details list every fault.
    """
    faults: list[str] = []
    written = {
        **_from_file(_file(arguments, environ, cwd), cwd, faults),
        **_from_environment(environ, cwd, faults),
        **_from_arguments(arguments, cwd, faults),
    }
    values: dict[str, Any] = {"data": cwd / Config.data}
    origins: dict[str, str] = {}
    for key, each in written.items():
        try:
            values[key], origins[key] = _value(key, each, environ)
        except ValueError as rule:
            faults.append(f"{key} {rule}; correct {each.origin}.")
    config: Config = _build(Config, values, origins=origins)
    if faults := faults or list(_contradictions(config)):
        message = (
            faults[0] if len(faults) == 1 else f"The configuration has {len(faults)} faults; correct each of them."
        )
        raise Invalid(message, code="bad_configuration", details=tuple(faults))
    return config


def read_environment() -> dict[str, str]:
    """The process's environment variables."""
    return dict(os.environ)


def explain(config: Config) -> list[Setting]:
    """Every setting with its value as it may be shown, secrets as dots, and where it came from."""
    origins: Mapping[str, str] = getattr(config, "_origins")  # noqa: B009 - not declared, so that it is no field
    return [Setting(key, _shown(key, _at(config, key)), origins.get(key, "default")) for key in _FIELDS]


def _file(arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Path | None:
    named = arguments.get(_FILE_KEY) or environ.get(_PREFIX + _FILE_KEY.upper())
    if named:
        return cwd / named
    usual = cwd / FILE_NAME
    return usual if usual.is_file() else None


def _from_file(path: Path | None, cwd: Path, faults: list[str]) -> dict[str, _Written]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(f"The configuration file {path} can't be read: {error.strerror}; name another one.")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"The configuration file {path} is not TOML: {error}; correct it.")
        return {}
    origin = f"file {path.relative_to(cwd) if path.is_relative_to(cwd) else path}"
    written = {key: _Written(value, origin, path.parent) for key, value in _flat(content)}
    return _known(written, lambda key: key, faults)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict) and prefix + name not in _FIELDS:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _from_environment(environ: Mapping[str, str], cwd: Path, faults: list[str]) -> dict[str, _Written]:
    written: dict[str, _Written] = {}
    for name, value in environ.items():
        if not name.startswith(_PREFIX) or name == _PREFIX + _FILE_KEY.upper() or not value:
            continue
        if key := _VARIABLES.get(name):
            written[key] = _Written(value, f"environment {name}", cwd)
        else:
            faults.append(f"There is no setting {name} in the environment; did you mean {_nearest(name, _VARIABLES)}?")
    return written


def _from_arguments(arguments: Mapping[str, Any], cwd: Path, faults: list[str]) -> dict[str, _Written]:
    written = {
        key: _Written(value, f"flag {_flag(key)}", cwd)
        for key, value in arguments.items()
        if value is not None and key != _FILE_KEY
    }
    return _known(written, _flag, faults)


def _known(written: Mapping[str, _Written], name: Callable[[str], str], faults: list[str]) -> dict[str, _Written]:
    """Those that are settings; of the others a fault that names the nearest key."""
    faults.extend(
        f"There is no setting {name(key)} ({each.origin}); did you mean {name(_nearest(key, _FIELDS))}?"
        for key, each in written.items()
        if key not in _FIELDS
    )
    return {key: each for key, each in written.items() if key in _FIELDS}


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    (nearest,) = get_close_matches(name, list(known), n=1, cutoff=0)
    return nearest


def _flag(key: str) -> str:
    return "--" + key.replace(".", "-").replace("_", "-")


def _value(key: str, written: _Written, environ: Mapping[str, str]) -> tuple[Any, str]:
    """The value and its origin. Raises ValueError with the rule that is broken."""
    about = _FIELDS[key].metadata
    value, origin = written.value, written.origin
    if about["secret"]:
        value, place = _revealed(value, written.folder, environ)
        origin += place
    try:
        value = about["reader"](value)
    except ValueError as rule:
        raise ValueError(f"{rule}{'' if about['secret'] else f', not {written.value!r}'}") from None
    return written.folder / value if isinstance(value, Path) else value, origin


def _revealed(value: Any, folder: Path, environ: Mapping[str, str]) -> tuple[Any, str]:
    """The secret that `file:PATH` or `env:NAME` stands for, and the words for where it is kept."""
    kind, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "env":
        if not environ.get(place):
            raise ValueError(f"names the environment variable {place}, which is not set")
        return environ[place], f" → {value}"
    if kind == "file":
        try:
            return (folder / place).read_text(encoding="utf-8").strip(), f" → {value}"
        except (OSError, UnicodeDecodeError, ValueError):
            raise ValueError(f"names the file {place}, which can't be read") from None
    return value, ""


def _build(kind: type, values: Mapping[str, Any], prefix: str = "", **more: Any) -> Any:
    parts: dict[str, Any] = {}
    for each in dataclasses.fields(kind):
        key = prefix + each.name
        if section := _section(each):
            parts[each.name] = _build(section, values, f"{key}.")
        elif key in values:
            parts[each.name] = values[key]
    return kind(**parts, **more)


def _contradictions(config: Config) -> Iterator[str]:
    """What no single value can be blamed for."""
    identity, workspaces = config.identity, config.workspaces
    if identity.port == workspaces.port != 0 and identity.host == workspaces.host:
        yield (
            f"identity.port and workspaces.port are both {identity.port} on {identity.host}; "
            "choose another port for one of them, or 0 for any free one."
        )
    mail = config.mail
    if mail.host and not mail.sender:
        yield "mail.host is set, but mail.sender is not; say which address mails come from."
    if (mail.username is None) != (mail.password is None):
        yield "mail.username and mail.password go together; set both, or neither."
    if mail.password and mail.security == "none" and not _is_this_machine(mail.host):
        yield "mail.security is none, so that mail.password would be sent in clear; choose starttls or tls."


def _is_this_machine(host: str | None) -> bool:
    return host is not None and (host in ("localhost", "::1") or host.startswith("127."))


def _at(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _shown(key: str, value: Any) -> str:
    if value is None:
        return ""
    return DOTS if _FIELDS[key].metadata["secret"] else str(value)
