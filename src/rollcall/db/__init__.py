"""The database kit: PostgreSQL found or started, its schema, and transactions of one tenant."""

from rollcall.db.embedded import Server, embedded_server
from rollcall.db.engine import Database, TenantDatabase
from rollcall.db.opening import open_database
from rollcall.db.schema import migrate
from rollcall.db.transaction import Tx
from rollcall.db.types import DatabaseConfig

__all__ = [
    "Database",
    "DatabaseConfig",
    "Server",
    "TenantDatabase",
    "Tx",
    "embedded_server",
    "migrate",
    "open_database",
]
