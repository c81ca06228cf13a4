"""The queue's own tables, as the locked Procrastinate defines them, in a schema of their own.

There is no SQL file beside this one: the definition belongs to the package. A later version of the
package brings its changes as a migration of ours with the statements it publishes.
"""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

from rollcall.db.migrations.chain import place

revision, down_revision = place(__file__)

_SCHEDULE = """
-- Which jobs the scheduler has to think of, over all tenants: ids and intervals, nothing a tenant would call data.
create table queue.provisioning_schedule (
    job_id uuid primary key,
    tenant uuid not null,
    interval_seconds double precision not null,
    next_cycle timestamptz not null default now()
);
create index provisioning_schedule_tenant on queue.provisioning_schedule (tenant);
create index provisioning_schedule_next on queue.provisioning_schedule (next_cycle);
"""


def upgrade() -> None:
    """Make the queue's tables and functions in the schema `queue`."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None, "a migration has a connection"
    connection.execute("set local search_path = queue, public")
    connection.execute(SchemaManager.get_schema().encode())
    connection.execute(_SCHEDULE)
    connection.execute("reset search_path")
