"""A filter finds in PostgreSQL exactly what `rollcall.scim.filter.matches` finds: random resources, random filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rollcall.db import Database, TenantDatabase
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.error import ScimError
from rollcall.scim.filter import matches
from rollcall.scim.message import Query
from rollcall.scim.projection import Projection
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, Resource, ResourceType
from rollcall.scim.syntax import And, Compare, Filter, Not, Or, Path, Present, ValuePath, print_filter
from rollcall.scim_http.references import Locator
from rollcall.workspaces import AccountStore

BASE_URL = "https://app.example/scim/v2/100%25"
SETTINGS = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CUSTOM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")

# Text that a database may see differently: case, combining marks, Turkish i, wildcards, quotation marks, astral planes.
TEXTS = (
    "a", "A", "ab", "Ab", "b", "ß", "SS", "ss", "ẞ", "İ", "i", "ı", "é", "e\u0301", "É", "a%", "a_b", "%", "_", "\\", "'",
    '"', "work", "Work", "home", "😀", "\uffee", "a b", "{", "1", "true", "ΑΣ", "ας", "ασ", "Å", "Å",
)  # fmt: skip
text = st.sampled_from(TEXTS)
moments = st.sampled_from(
    ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00+01:00", "2026-01-01T00:00:00.1234567Z", "2026-11-23T10:00:00.001")
)
open_value = st.one_of(text, st.booleans(), st.sampled_from((0, 1, -1, 1.0, 2.5, 1e20)), st.lists(text, max_size=2))


def plural(**more: Any) -> st.SearchStrategy[list[Resource]]:
    parts = {"value": text, "type": st.sampled_from(("work", "Home", "x")), "display": text, **more}
    return st.lists(st.fixed_dictionaries({}, optional=parts), max_size=3)


users = st.fixed_dictionaries(
    {},
    optional={
        "externalId": text,
        "displayName": text,
        "title": text,
        "active": st.booleans(),
        "profileUrl": text,
        "name": st.fixed_dictionaries({}, optional={"familyName": text, "formatted": text}),
        "emails": plural(),
        "phoneNumbers": plural(),
        "addresses": st.lists(st.fixed_dictionaries({}, optional={"locality": text, "type": text}), max_size=2),
        "x509Certificates": st.lists(st.fixed_dictionaries({"value": st.just("QUJD")}), max_size=1),
        ENTERPRISE_USER_URN: st.fixed_dictionaries({}, optional={"department": text, "employeeNumber": text}),
        CUSTOM: st.fixed_dictionaries(
            {}, optional={"region": open_value, "deep": st.fixed_dictionaries({}, optional={"part": open_value})}
        ),
    },
)

USER_PATHS = (
    "userName", "USERNAME", "externalId", "displayName", "title", "active", "profileUrl", "name", "name.familyName",
    "name.formatted", "emails", "emails.value", "emails.type", "emails.primary", "phoneNumbers.display", "addresses",
    "addresses.locality", "x509Certificates.value", "id", "schemas", "meta", "meta.created", "meta.lastModified",
    "meta.version", "meta.resourceType", "meta.location", "groups", "groups.value", "groups.display", "groups.type",
    "groups.$ref", "manager", "manager.value", "manager.displayName", "manager.$ref", "department", "nickName",
    "noSuch", "name.noSuch", "password", f"{ENTERPRISE_USER_URN}:employeeNumber", f"{ENTERPRISE_USER_URN}:manager",
    f"{CUSTOM}:region", f"{CUSTOM}:deep", f"{CUSTOM}:deep.part", f"{CUSTOM.upper()}:region", "urn:nothing:at:all",
)  # fmt: skip
GROUP_PATHS = (
    "displayName", "externalId", "id", "members", "members.value", "members.display", "members.type", "members.$ref",
    "meta.created", "schemas", "groups", "userName",
)  # fmt: skip
SUB_PATHS = ("value", "type", "display", "primary", "$ref", "familyName", "locality", "part", "displayName", "noSuch")


def as_path(written: str) -> Path:
    schema, colon, rest = written.rpartition(":")
    name, dot, sub = rest.partition(".")
    return Path(name, sub if dot else None, None, schema if colon else None)


def whole_attributes(paths: tuple[str, ...]) -> st.SearchStrategy[Path]:
    return st.sampled_from([as_path(path) for path in paths if "." not in path.rpartition(":")[2]])


def filters(paths: tuple[str, ...], ids: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    refs = ids.map(lambda each: f"{BASE_URL}/Users/{each}")
    literal = st.one_of(
        text, moments, st.booleans(), st.none(), ids, refs, text.map(lambda part: f"{part}\x00{part}"), st.just(""),
        st.sampled_from((0, 1, 1.0, 2.5, -3, 10**30, 1e20)), st.sampled_from(("User", "Group", "direct", 'W/"1"', USER.schema.id)),
    )  # fmt: skip

    def leaves(where: st.SearchStrategy[Path]) -> st.SearchStrategy[Filter]:
        return st.one_of(st.builds(Compare, where, st.sampled_from(OPERATORS), literal), st.builds(Present, where))

    def trees(leaf: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        return st.recursive(
            leaf,
            lambda inner: st.one_of(
                st.builds(Not, inner),
                st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
                st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            ),
            max_leaves=4,
        )

    value_path = st.builds(ValuePath, whole_attributes(paths), trees(leaves(st.sampled_from(SUB_PATHS).map(Path))))
    return trees(st.one_of(leaves(st.sampled_from(paths).map(as_path)), value_path))


@dataclass
class Populated:
    """An organisation with some users and groups, and their resources as they are served."""

    store: AccountStore
    users: list[Resource]
    groups: list[Resource]


async def populate(database: TenantDatabase, runtime: Runtime, drawn: list[Resource]) -> Populated:
    """Two users for each drawn one are there at the end: managers, members, groups in groups and an empty group."""
    store = AccountStore(database, runtime, BASE_URL)
    ids: list[str] = []
    for number, resource in enumerate(drawn):
        body = {**resource, "userName": f"{resource.get('title', 'u')}{number}"}
        if ids:
            body[ENTERPRISE_USER_URN] = {**body.get(ENTERPRISE_USER_URN, {}), "manager": {"value": ids[number // 2]}}
        ids.append((await store.create(USER, check(body, USER, "create")))["id"])
    groups: list[str] = []
    for number in range(3):
        members = [{"value": each} for each in ids[:number] + groups[1:]]
        body = {"displayName": f"{TEXTS[number + len(drawn)]}{number}", "externalId": TEXTS[number], "members": members}
        groups.append((await store.create(GROUP, check(body, GROUP, "create")))["id"])
    locator = Locator((USER, GROUP))

    async def served(resource_type: ResourceType, identifier: str) -> Resource:
        return locator.locate(await store.read(resource_type, identifier, Projection()), resource_type, BASE_URL)

    return Populated(store, [await served(USER, each) for each in ids], [await served(GROUP, each) for each in groups])


def found_by_python(present: list[Resource], tree: Filter, resource_type: ResourceType) -> set[str] | ScimError:
    try:
        return {each["id"] for each in present if matches(tree, each, resource_type)}
    except ScimError as error:
        return error


async def compare(populated: Populated, tree: Filter, resource_type: ResourceType) -> None:
    present = populated.users if resource_type is USER else populated.groups
    expected = found_by_python(present, tree, resource_type)
    if isinstance(expected, ScimError):
        with pytest.raises(ScimError) as caught:
            await populated.store.query(resource_type, Query(filter=tree, count=100))
        assert caught.value.scim_type == expected.scim_type, print_filter(tree)
        return

    page = await populated.store.query(resource_type, Query(filter=tree, count=100))
    short = await populated.store.query(resource_type, Query(filter=tree, count=1))

    assert {each["id"] for each in page.resources} == expected, print_filter(tree)
    assert (page.total, short.total) == (len(expected), len(expected)), print_filter(tree)


async def examine(database: Database, drawn: list[Resource], data: st.DataObject, resource_type: ResourceType) -> None:
    runtime = SystemRuntime()
    populated = await populate(database.tenant(runtime.new_id()), runtime, drawn)
    known = [each["id"] for each in (*populated.users, *populated.groups)]
    ids = st.sampled_from((*known, known[0].upper(), known[0][:8], "nobody"))
    paths = USER_PATHS if resource_type is USER else GROUP_PATHS
    for tree in data.draw(st.lists(filters(paths, ids), min_size=8, max_size=8)):
        await compare(populated, tree, resource_type)


@SETTINGS
@given(drawn=st.lists(users, min_size=1, max_size=4), data=st.data())
async def test_users_are_found_alike(database: Database, drawn: list[Resource], data: st.DataObject) -> None:
    await examine(database, drawn, data, USER)


@SETTINGS
@given(drawn=st.lists(users, min_size=1, max_size=4), data=st.data())
async def test_groups_are_found_alike(database: Database, drawn: list[Resource], data: st.DataObject) -> None:
    await examine(database, drawn, data, GROUP)
