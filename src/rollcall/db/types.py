"""Values of the database kit: its settings, and the types of statements and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from psycopg.sql import SQL, Composed

Row = dict[str, Any]
Statement = LiteralString | SQL | Composed
Params = Sequence[Any] | Mapping[str, Any] | None

APPLICATION_ROLE = "rollcall_app"
"""The role every statement of the program runs as: owns nothing, and row-level security holds for it."""


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """Where the database is, and its limits.

    Either `data`, a directory with an embedded server, or `url`, any PostgreSQL from version 18 on. The user of
    `url` owns the schema (migrations run as it) and must be able to become `rollcall_app`. Whoever wants the running
    program to hold no right to the schema gives it `application_url` with a login that is a mere member of
    `rollcall_app`, and hands the owner's `url` to `rollcall migrate` alone.
    """

    data: Path | None = None
    url: str | None = None
    application_url: str | None = None
    pool_size: int = 10
    pool_timeout_seconds: float = 10.0
    """How long a request waits for a free connection, or for the database to come back."""
    connect_timeout_seconds: float = 5.0
    statement_timeout_seconds: float = 30.0
    idle_in_transaction_timeout_seconds: float = 60.0
    transaction_timeout_seconds: float = 600.0
    attempts: int = 6
    """How often a transaction is tried that lost against another one."""
    durable: bool = True
    """False gives up safety in a power cut for speed; only for the embedded server, only for tests."""

    def __post_init__(self) -> None:
        assert (self.data is None) != (self.url is None and self.application_url is None), "either data or url"
        assert self.pool_size >= 1
        assert self.attempts >= 1
