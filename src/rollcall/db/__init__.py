"""The database kit: PostgreSQL found or started, its schema, and transactions of one tenant."""

from rollcall.db.embedded import Server, embedded_server
from rollcall.db.engine import Database, TenantDatabase
from rollcall.db.opening import open_database
from rollcall.db.rates import Rate, forget_turns, take_turn
from rollcall.db.schema import migrate
from rollcall.db.transaction import Tx
from rollcall.db.types import DatabaseConfig

__all__ = [
    "Database",
    "DatabaseConfig",
    "Rate",
    "Server",
    "TenantDatabase",
    "Tx",
    "embedded_server",
    "forget_turns",
    "migrate",
    "open_database",
    "take_turn",
]
