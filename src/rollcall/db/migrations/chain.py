"""Ties a numbered migration to the one before it and to the reviewed SQL beside it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).with_name("versions")


def revisions() -> list[str]:
    """The numbers of all migrations, oldest first."""
    return sorted(path.name[:4] for path in VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def place(file: str) -> tuple[str, str | None]:
    """The revision of the migration in `file` (its four digits) and the revision before it."""
    revision = Path(file).name[:4]
    known = revisions()
    position = known.index(revision)
    return revision, known[position - 1] if position else None


def run_sql(file: str) -> None:
    """Run the SQL file beside the migration in `file`, whole, in the migration's transaction.

    It goes to the driver as it is, so it may hold many statements, functions between $$ and percent signs.
    """
    connection = op.get_bind().connection.driver_connection
    assert connection is not None, "a migration has a connection"
    connection.execute(Path(file).with_suffix(".sql").read_text(encoding="utf-8"))
