"""Pages of accounts and groups: filter, order and page compiled to SQL, totals from counters where nothing filters."""

from __future__ import annotations

from typing import Any

from psycopg.sql import SQL, Composable

from rollcall.db import Tx
from rollcall.scim.attribute import Resource, ResourceType
from rollcall.scim.error import invalid_path
from rollcall.scim.message import Query
from rollcall.scim.path import Path, print_path, resolve
from rollcall.workspaces import accounts_groups, accounts_users
from rollcall.workspaces.filter_sql import filter_sql
from rollcall.workspaces.representation import group_resource, user_resource
from rollcall.workspaces.values_sql import Complex, Elements, Layout, Parameters

# With a larger offset the ids are walked in the index before any row is read. SCIM has no other way to name a page
# (RFC 7644 §3.4.2.4); it costs about 20 ms for each 100,000 ids.
_TABLES = {"User": SQL("workspaces.users r"), "Group": SQL("workspaces.groups r")}


async def find(tx: Tx, resource_type: ResourceType, query: Query, base_url: str) -> tuple[int, list[Resource]]:
    """How many resources satisfy the query, and those on its page, ordered by id where nothing else is asked for.

    Raises ScimError invalidFilter, invalidPath.
    """
    parameters = Parameters()
    table = _TABLES[resource_type.name]
    condition: Composable = SQL("true")
    if query.filter is not None:
        condition = filter_sql(query.filter, resource_type, base_url, parameters)
    count, offset = query.count, query.start_index - 1
    resources: list[Resource] = []
    if count is None or count > 0:
        order = _order(query, resource_type, base_url, parameters)
        ids = SQL("select r.tenant_id, r.id from {} where {} order by {} offset {} limit {}").format(
            table, condition, order, parameters.add(offset), parameters.add(count)
        )
        columns, show = _columns(resource_type, query)
        statement = SQL(
            "with page as materialized (select *, row_number() over () as place from ({}) as page)"
            " select {} from page join {} on r.tenant_id = page.tenant_id and r.id = page.id order by page.place"
        ).format(ids, columns, table)
        resources = [show(row) for row in await tx.all(statement, parameters.values)]
    if query.filter is None:
        return await counted(tx, resource_type), resources
    if (count is None or len(resources) < count) and (resources or offset == 0):
        return offset + len(resources), resources  # the last page, which says how many there are
    return await _count(tx, resource_type, query, base_url), resources


async def counted(tx: Tx, resource_type: ResourceType) -> int:
    """How many users or groups the organisation has, from the counters."""
    total = await tx.value(
        "select coalesce(sum(number), 0)::bigint from workspaces.resource_counters where resource_type = %s",
        (resource_type.name,),
    )
    return int(total)


async def _count(tx: Tx, resource_type: ResourceType, query: Query, base_url: str) -> int:
    assert query.filter is not None, "without filter there are counters"
    parameters = Parameters()
    condition = filter_sql(query.filter, resource_type, base_url, parameters)
    statement = SQL("select count(*) from {} where {}").format(_TABLES[resource_type.name], condition)
    return int(await tx.value(statement, parameters.values))


def _columns(resource_type: ResourceType, query: Query) -> tuple[Composable, Any]:
    if resource_type.name == "User":
        wanted = SQL(f"{accounts_users.COLUMNS}, {accounts_users.MANAGER_NAME}")
        if not query.projection.leaves_out("groups", resource_type):
            wanted = SQL(f"{accounts_users.COLUMNS}, {accounts_users.MANAGER_NAME}, {accounts_users.GROUPS}")
        return wanted, user_resource
    wanted = SQL(accounts_groups.COLUMNS)
    if not query.projection.leaves_out("members", resource_type):
        wanted = SQL(f"{accounts_groups.COLUMNS}, {accounts_groups.MEMBERS}")
    return wanted, group_resource


def _order(query: Query, resource_type: ResourceType, base_url: str, parameters: Parameters) -> Composable:
    """By the attribute asked for, then by id; what has no value comes last, or first when descending."""
    expression = None if query.sort_by is None else _sort_key(query.sort_by, resource_type, base_url, parameters)
    if expression is None:
        return SQL("r.id")
    direction = SQL("desc nulls first" if query.sort_order == "descending" else "asc nulls last")
    return SQL("{} {}, r.id").format(expression, direction)


def _sort_key(path: Path, resource_type: ResourceType, base_url: str, parameters: Parameters) -> Composable | None:
    """One value for each resource: of several the primary one, else the first (RFC 7644 §3.4.2.3).

    None for an attribute that the resource type lacks. Raises ScimError invalidPath for what has no single value.
    """
    target = resolve(path, resource_type)
    if target is None or target.attribute is None:
        return None
    layout = Layout(resource_type, base_url, parameters)
    values = layout.values(target)
    order: Composable = SQL("1")
    if target.attribute.type == "complex":
        whole = layout.complex(target)
        part = target.sub_attribute or target.attribute.sub_attribute("value")
        if part is None:
            raise invalid_path(f"{print_path(path)} has parts: sort by one of them.")
        inner = whole.part(part)
        if whole.source is None:
            return inner.expression
        values, order = Elements(whole.source, inner.expression, inner.kind), whole.primary or order
    assert not isinstance(values, Complex), "complex attributes were taken apart"
    if isinstance(values, Elements):
        return SQL("(select {} from {} order by {} limit 1)").format(values.expression, values.source, order)
    return values.expression
