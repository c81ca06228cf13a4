"""Opens what every program of Rollcall works with: log, sealing key, database."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog

from rollcall.config import Config
from rollcall.crypto import Sealer, read_or_make_key
from rollcall.db import Database, DatabaseConfig, open_database
from rollcall.errors import Unavailable
from rollcall.mail import MailServer, Security
from rollcall.outbound import Reach
from rollcall.provisioning import Metrics, Service, Ways, WebhookClient
from rollcall.runtime import Runtime, SystemRuntime


@dataclass(frozen=True, slots=True)
class Parts:
    """What the edges work with."""

    config: Config
    runtime: Runtime
    database: Database
    sealer: Sealer
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def provisioning(self) -> Service:
        """The provisioning service over these parts."""
        return Service(self.database, self.runtime, self.sealer, self.metrics)

    @property
    def ways(self) -> Ways:
        """How notices leave this installation."""
        return ways_of(self.config)


def mail_server(config: Config) -> MailServer | None:
    """The mail server of the configuration; None without one."""
    mail = config.mail
    if mail.host is None or mail.sender is None:
        return None
    return MailServer(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        sender_name=mail.sender_name,
        security=cast(Security, mail.security),
        username=mail.username,
        password=mail.password,
        timeout_seconds=mail.timeout_seconds,
        ca_file=None if mail.ca_file is None else str(mail.ca_file),
    )


def ways_of(config: Config) -> Ways:
    """How notices leave, as the configuration says."""
    webhooks = WebhookClient(config.webhooks.timeout_seconds, Reach(private=config.webhooks.private_addresses))
    return Ways(mail_server(config), webhooks, config.identity.base_url)


def database_config(config: Config) -> DatabaseConfig:
    """The database settings as the database kit takes them."""
    settings = config.database
    embedded = settings.url is None and settings.application_url is None
    return DatabaseConfig(
        data=config.data if embedded else None,
        url=settings.url,
        application_url=settings.application_url,
        pool_size=settings.pool_size,
        pool_timeout_seconds=settings.pool_timeout_seconds,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        statement_timeout_seconds=settings.statement_timeout_seconds,
        idle_in_transaction_timeout_seconds=settings.idle_in_transaction_timeout_seconds,
        transaction_timeout_seconds=settings.transaction_timeout_seconds,
    )


def make_data_directory(data: Path) -> None:
    """Make the data directory for nobody else to look into, or say why it can't be one. Raises Unavailable.

    One that exists keeps its mode.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):  # without a name, as several processes try this at once
            pass
    except OSError as error:
        raise Unavailable(
            f"The data directory {data} can't be written: {error.strerror}. Choose another one with --data."
        ) from None


@asynccontextmanager
async def open_parts(config: Config, runtime: Runtime | None = None) -> AsyncGenerator[Parts]:
    """Open the database and read the sealing key. Raises Unavailable with what to do."""
    runtime = runtime or SystemRuntime()
    make_data_directory(config.data)
    database = await open_database(database_config(config), runtime=runtime)
    try:
        key = config.sealing_key or read_or_make_key(config.data / "sealing.key")
        yield Parts(config, runtime, database, Sealer(key))
    finally:
        await database.close()


def set_up_log(config: Config) -> None:
    """Log to standard error: lines for people, or one JSON object a line, those of libraries too."""
    level = logging.getLevelNamesMapping()[config.log.level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if config.log.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log their own way; the same shape, so that whoever reads the lines needs one parser.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
