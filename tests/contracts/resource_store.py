"""The contract of ResourceStore; an implementation's test derives from it and gives the fixture `store`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.filter import parse_filter
from rollcall.scim.message import Query, parse_patch
from rollcall.scim.path import parse_path
from rollcall.scim.projection import Projection
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, GROUP_URN, USER, USER_URN, Resource, ResourceType
from rollcall.scim_http.store import Page, ResourceStore

ALL = Projection()
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(user_name: str, **attributes: Any) -> Resource:
    """A user as the server hands it to a store."""
    return check({"schemas": [USER_URN], "userName": user_name, **attributes}, USER, "create")


def group(display_name: str, *member_ids: str) -> Resource:
    """A group as the server hands it to a store."""
    members = [{"value": each} for each in member_ids]
    return check({"schemas": [GROUP_URN], "displayName": display_name, "members": members}, GROUP, "create")


def operation(op: str, path: str | None, value: Any = None) -> dict[str, Any]:
    """One operation of a PATCH body."""
    return {"op": op} | ({} if path is None else {"path": path}) | ({} if value is None else {"value": value})


async def patch(
    store: ResourceStore,
    resource_type: ResourceType,
    resource_id: str,
    *operations: dict[str, Any],
    if_match: str | None = None,
    projection: Projection | None = ALL,
) -> Resource:
    """Apply operations given as JSON."""
    parsed = parse_patch({"schemas": [PATCH_URN], "Operations": list(operations)})
    return await store.patch(resource_type, resource_id, parsed, if_match, projection)


async def find(store: ResourceStore, resource_type: ResourceType, text: str | None = None, **more: Any) -> Page:
    """Query a store; parameters as in Query, `sort_by` as text."""
    if "sort_by" in more:
        more["sort_by"] = parse_path(more["sort_by"])
    more.setdefault("count", 100)
    return await store.query(resource_type, Query(filter=parse_filter(text) if text else None, **more))


async def refused(awaitable: Any) -> tuple[int, str | None]:
    """Status and scimType of the ScimError that the call must raise."""
    with pytest.raises(ScimError) as caught:
        await awaitable
    return caught.value.status, caught.value.scim_type


def ids(resources: Sequence[Resource]) -> list[str]:
    return [each["id"] for each in resources]


def member_ids(resource: Resource) -> set[str]:
    return {each["value"] for each in resource.get("members", ())}


class ResourceStoreContract:
    """What every store keeps to. `store` is empty and belongs to one test."""

    @pytest.fixture
    def store(self) -> ResourceStore:
        raise NotImplementedError

    # --- create and read ---

    async def test_a_new_resource_gets_id_times_and_version(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira", displayName="Mira", externalId="m1"))

        assert created["id"]
        assert created["schemas"] == [USER_URN]
        assert (created["userName"], created["displayName"], created["externalId"]) == ("mira", "Mira", "m1")
        assert created["meta"]["resourceType"] == "User"
        assert created["meta"]["created"] == created["meta"]["lastModified"]
        assert created["meta"]["version"].startswith('W/"')

    async def test_what_was_created_is_read_back_the_same(self, store: ResourceStore) -> None:
        wanted = user(
            "mira@fabrikam.example",
            name={"familyName": "Lind", "givenName": "Mira"},
            active=False,
            emails=[
                {"value": "b@x.example", "type": "home"},
                {"value": "a@x.example", "type": "work", "primary": True},
            ],
            **{
                ENTERPRISE_USER_URN: {"department": "Logistics", "employeeNumber": "0012"},
                "urn:ietf:params:scim:schemas:extension:fabrikam:2.0:User": {
                    "costRegion": "N4",
                    "deep": [1, {"a": None}],
                },
            },
        )
        created = await store.create(USER, wanted)

        found = await store.read(USER, created["id"], ALL)

        assert found == created
        assert {key: found[key] for key in wanted} == wanted

    async def test_text_in_any_script_is_kept_as_it_was_sent(self, store: ResourceStore) -> None:
        names = ["Zoë", "Zoe\u0308", "山田 花子", "مريم", "👩‍💻", "a\"b\\c'd%_", "  spaced  "]
        created = [await store.create(USER, user(f"u{n}", displayName=name)) for n, name in enumerate(names)]

        assert [(await store.read(USER, each["id"], ALL))["displayName"] for each in created] == names

    @pytest.mark.parametrize(
        "resource_id", ["nobody", "", "0", "ü/%2F", "x" * 5000, "00000000-0000-0000-0000-000000000000"]
    )
    async def test_an_id_that_nobody_has_is_not_found(self, store: ResourceStore, resource_id: str) -> None:
        assert await refused(store.read(USER, resource_id, ALL)) == (404, None)
        assert await refused(store.replace(USER, resource_id, user("x"), None)) == (404, None)
        assert await refused(patch(store, USER, resource_id, operation("add", "title", "x"))) == (404, None)
        assert await refused(store.delete(USER, resource_id, None)) == (404, None)

    async def test_an_id_belongs_to_its_resource_type(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira"))

        assert await refused(store.read(GROUP, created["id"], ALL)) == (404, None)
        assert await refused(store.delete(GROUP, created["id"], None)) == (404, None)

    # --- uniqueness ---

    @pytest.mark.parametrize(
        ("first", "second"), [("mira", "mira"), ("Mira@X.example", "mira@x.example"), ("STRASSE", "straße")]
    )
    async def test_a_taken_user_name_is_refused_in_any_case(
        self, store: ResourceStore, first: str, second: str
    ) -> None:
        await store.create(USER, user(first))

        assert await refused(store.create(USER, user(second))) == (409, "uniqueness")
        assert (await find(store, USER)).total == 1

    async def test_a_user_name_can_not_be_taken_over_by_a_change(self, store: ResourceStore) -> None:
        await store.create(USER, user("mira"))
        other = await store.create(USER, user("anna", title="Lead"))

        assert await refused(store.replace(USER, other["id"], user("MIRA"), None)) == (409, "uniqueness")
        assert await refused(
            patch(
                store, USER, other["id"], operation("replace", "title", "x"), operation("replace", "userName", "mira")
            )
        ) == (409, "uniqueness")
        assert await store.read(USER, other["id"], ALL) == other

    async def test_a_user_may_keep_or_respell_its_own_user_name(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira"))

        replaced = await store.replace(USER, created["id"], user("Mira", title="x"), None)

        assert replaced["userName"] == "Mira"
        assert (await find(store, USER, 'userName eq "MIRA"')).total == 1

    async def test_a_user_name_is_free_again_after_its_user_changed_or_left(self, store: ResourceStore) -> None:
        first = await store.create(USER, user("mira"))
        await patch(store, USER, first["id"], operation("replace", "userName", "mira.lind"))
        second = await store.create(USER, user("mira"))
        await store.delete(USER, second["id"], None)

        third = await store.create(USER, user("mira"))

        assert len({first["id"], second["id"], third["id"]}) == 3

    async def test_of_many_creates_at_once_with_one_name_one_succeeds(self, store: ResourceStore) -> None:
        outcomes = await asyncio.gather(*(store.create(USER, user("mira")) for _ in range(8)), return_exceptions=True)

        errors = [each for each in outcomes if isinstance(each, BaseException)]
        assert len(errors) == 7
        assert {(each.status, each.scim_type) for each in errors if isinstance(each, ScimError)} == {
            (409, "uniqueness")
        }
        assert (await find(store, USER)).total == 1

    # --- replace ---

    async def test_replace_takes_away_what_is_not_sent_and_keeps_id_and_birth(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira", title="Lead", emails=[{"value": "a@x.example"}]))

        replaced = await store.replace(USER, created["id"], user("mira", nickName="Mi"), None)

        assert "title" not in replaced
        assert "emails" not in replaced
        assert (replaced["id"], replaced["meta"]["created"]) == (created["id"], created["meta"]["created"])
        assert replaced["meta"]["version"] != created["meta"]["version"]
        assert await store.read(USER, created["id"], ALL) == replaced

    async def test_replacing_a_group_replaces_its_members(self, store: ResourceStore) -> None:
        one, two, three = [(await store.create(USER, user(name)))["id"] for name in ("a", "b", "c")]
        created = await store.create(GROUP, group("Sales", one, two))

        replaced = await store.replace(GROUP, created["id"], group("Sales", two, three), None)

        assert member_ids(replaced) == {two, three}
        assert "groups" not in await store.read(USER, one, ALL)

    # --- patch ---

    async def test_operations_are_applied_in_order(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira", title="Lead"))

        patched = await patch(
            store,
            USER,
            created["id"],
            operation("replace", "title", "Head"),
            operation("add", "name.familyName", "Lind"),
            operation("replace", 'emails[type eq "work"].value', "m@x.example"),
            operation("remove", "title"),
            operation("add", None, {"active": False}),
            operation("replace", f"{ENTERPRISE_USER_URN}:department", "Logistics"),
        )

        assert "title" not in patched
        assert patched["name"] == {"familyName": "Lind"}
        assert patched["emails"] == [{"type": "work", "value": "m@x.example"}]
        assert patched["active"] is False
        assert patched[ENTERPRISE_USER_URN] == {"department": "Logistics"}
        assert patched["meta"]["version"] != created["meta"]["version"]
        assert await store.read(USER, created["id"], ALL) == patched

    async def test_a_patch_that_fails_has_done_nothing(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira"))

        failed = patch(store, USER, created["id"], operation("add", "title", "x"), operation("remove", "userName"))

        assert (await refused(failed))[0] == 400
        assert await store.read(USER, created["id"], ALL) == created

    async def test_a_patch_that_changes_nothing_leaves_version_and_time(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira", active=True))

        patched = await patch(store, USER, created["id"], operation("replace", "active", True))

        assert patched["meta"] == created["meta"]

    async def test_a_patch_that_nobody_wants_to_see_returns_id_and_version(self, store: ResourceStore) -> None:
        created = await store.create(GROUP, group("Sales"))

        patched = await patch(
            store, GROUP, created["id"], operation("replace", "displayName", "North"), projection=None
        )

        found = await store.read(GROUP, created["id"], ALL)
        assert found["displayName"] == "North"
        assert (patched["id"], patched["meta"]["version"]) == (found["id"], found["meta"]["version"])
        assert patched["meta"]["version"] != created["meta"]["version"]

    # --- members ---

    async def test_members_are_added_and_removed_one_by_one(self, store: ResourceStore) -> None:
        one, two, three = [(await store.create(USER, user(name)))["id"] for name in ("a", "b", "c")]
        created = await store.create(GROUP, group("Sales", one))

        added = await patch(
            store, GROUP, created["id"], operation("add", "members", [{"value": two}, {"value": three}])
        )
        by_list = await patch(store, GROUP, created["id"], operation("remove", "members", [{"value": one}]))
        by_filter = await patch(store, GROUP, created["id"], operation("remove", f'members[value eq "{two}"]'))

        assert member_ids(added) == {one, two, three}
        assert member_ids(by_list) == {two, three}
        assert member_ids(by_filter) == {three}
        assert len({each["meta"]["version"] for each in (created, added, by_list, by_filter)}) == 4

    async def test_members_know_what_they_are(self, store: ResourceStore) -> None:
        person = (await store.create(USER, user("a")))["id"]
        inner = (await store.create(GROUP, group("Inner")))["id"]

        outer = await store.create(GROUP, group("Outer", person, inner))

        assert {each["value"]: each["type"] for each in outer["members"]} == {person: "User", inner: "Group"}

    async def test_a_member_that_is_there_already_changes_nothing(self, store: ResourceStore) -> None:
        one = (await store.create(USER, user("a")))["id"]
        created = await store.create(GROUP, group("Sales", one))

        again = await patch(store, GROUP, created["id"], operation("add", "members", [{"value": one}]))
        absent = await patch(store, GROUP, created["id"], operation("remove", "members", [{"value": "nobody"}]))

        assert [each["value"] for each in again["members"]] == [one]
        assert again["meta"] == absent["meta"] == created["meta"]

    async def test_a_member_that_does_not_exist_is_refused(self, store: ResourceStore) -> None:
        created = await store.create(GROUP, group("Sales"))

        assert await refused(store.create(GROUP, group("North", "nobody"))) == (400, "invalidValue")
        assert await refused(
            patch(store, GROUP, created["id"], operation("add", "members", [{"value": "nobody"}]), projection=None)
        ) == (400, "invalidValue")
        assert "members" not in await store.read(GROUP, created["id"], ALL)

    async def test_all_members_can_be_replaced_and_removed(self, store: ResourceStore) -> None:
        one, two = [(await store.create(USER, user(name)))["id"] for name in ("a", "b")]
        created = await store.create(GROUP, group("Sales", one))

        replaced = await patch(store, GROUP, created["id"], operation("replace", "members", [{"value": two}]))
        emptied = await patch(store, GROUP, created["id"], operation("remove", "members"))

        assert member_ids(replaced) == {two}
        assert "members" not in emptied

    async def test_a_user_shows_the_groups_that_it_is_in(self, store: ResourceStore) -> None:
        one = (await store.create(USER, user("a")))["id"]
        sales = await store.create(GROUP, group("Sales", one))
        await store.create(GROUP, group("North"))

        shown = (await store.read(USER, one, ALL))["groups"]

        assert [(each["value"], each["display"], each["type"]) for each in shown] == [(sales["id"], "Sales", "direct")]

    async def test_a_projection_without_members_may_leave_them_unread(self, store: ResourceStore) -> None:
        one = (await store.create(USER, user("a")))["id"]
        created = await store.create(GROUP, group("Sales", one))

        found = await store.read(GROUP, created["id"], Projection(excluded=(parse_path("members"),)))

        assert (found["id"], found["displayName"], found["meta"]) == (created["id"], "Sales", created["meta"])

    # --- delete ---

    async def test_what_is_deleted_is_gone_everywhere(self, store: ResourceStore) -> None:
        one, two = [(await store.create(USER, user(name)))["id"] for name in ("a", "b")]
        sales = await store.create(GROUP, group("Sales", one, two))

        await store.delete(USER, one, None)

        assert await refused(store.read(USER, one, ALL)) == (404, None)
        assert await refused(store.delete(USER, one, None)) == (404, None)
        assert (await find(store, USER, 'userName eq "a"')).total == 0
        assert member_ids(await store.read(GROUP, sales["id"], ALL)) == {two}

    async def test_a_deleted_group_leaves_its_users(self, store: ResourceStore) -> None:
        one = (await store.create(USER, user("a")))["id"]
        sales = await store.create(GROUP, group("Sales", one))

        await store.delete(GROUP, sales["id"], None)

        assert "groups" not in await store.read(USER, one, ALL)

    # --- versions ---

    async def test_a_change_on_an_old_version_is_refused(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira"))
        old = created["meta"]["version"]
        changed = await patch(store, USER, created["id"], operation("add", "title", "x"), if_match=old)

        assert (await refused(store.replace(USER, created["id"], user("mira"), old)))[0] == 412
        assert (await refused(patch(store, USER, created["id"], operation("add", "title", "y"), if_match=old)))[
            0
        ] == 412
        assert (await refused(store.delete(USER, created["id"], old)))[0] == 412
        assert await store.read(USER, created["id"], ALL) == changed

    async def test_any_of_several_versions_or_a_star_will_do(self, store: ResourceStore) -> None:
        created = await store.create(USER, user("mira"))
        version = created["meta"]["version"]

        await store.replace(USER, created["id"], user("mira", title="x"), f'W/"other", {version}')
        await store.delete(USER, created["id"], "*")

        assert (await find(store, USER)).total == 0

    # --- query ---

    async def test_a_query_finds_by_filter(self, store: ResourceStore) -> None:
        mira = await store.create(
            USER,
            user("Mira", externalId="X1", active=True, emails=[{"value": "M@x.example", "type": "work"}], title="Lead"),
        )
        anna = await store.create(
            USER,
            user("anna", externalId="x1", active=False, **{ENTERPRISE_USER_URN: {"manager": {"value": mira["id"]}}}),
        )
        await store.create(GROUP, group("Sales", mira["id"]))

        expected = {
            'userName eq "mira"': [mira],
            'username eq "MIRA"': [mira],
            'userName eq "nobody"': [],
            'externalId eq "X1"': [mira],
            f'id eq "{anna["id"]}"': [anna],
            'userName sw "an"': [anna],
            'userName co "R"': [mira],
            "title pr": [mira],
            "not (title pr)": [anna],
            "active eq false": [anna],
            'emails[type eq "work"].value eq "m@x.example"': [mira],
            'emails[type eq "work" and value eq "m@x.example"]': [mira],
            'emails[type eq "home" and value eq "m@x.example"]': [],
            f'manager eq "{mira["id"]}"': [anna],
            f'id eq "{anna["id"]}" and manager eq "{mira["id"]}"': [anna],
            f'{ENTERPRISE_USER_URN}:manager.value eq "{mira["id"]}"': [anna],
            'userName eq "mira" or userName eq "anna"': [mira, anna],
            'meta.created gt "2001-01-01T00:00:00Z"': [mira, anna],
            'meta.lastModified lt "2001-01-01T00:00:00Z"': [],
            'meta.resourceType eq "User"': [mira, anna],
            'groups.display eq "sales"': [mira],
            'noSuchAttribute eq "x"': [],
        }
        for text, resources in expected.items():
            page = await find(store, USER, text)
            assert (text, set(ids(page.resources)), page.total) == (text, set(ids(resources)), len(resources))

    async def test_a_group_is_found_by_name_and_by_member(self, store: ResourceStore) -> None:
        one, two = [(await store.create(USER, user(name)))["id"] for name in ("a", "b")]
        sales = await store.create(GROUP, group("Field Sales", one))

        assert ids((await find(store, GROUP, 'displayName eq "field sales"')).resources) == [sales["id"]]
        assert ids((await find(store, GROUP, f'members eq "{one}"')).resources) == [sales["id"]]
        assert ids((await find(store, GROUP, f'members.value eq "{one}"')).resources) == [sales["id"]]
        assert (await find(store, GROUP, f'id eq "{sales["id"]}" and members eq "{two}"')).total == 0

    async def test_a_senseless_filter_is_refused(self, store: ResourceStore) -> None:
        await store.create(USER, user("mira"))

        assert await refused(find(store, USER, 'active gt "x"')) == (400, "invalidFilter")

    async def test_pages_cover_everything_once(self, store: ResourceStore) -> None:
        created = {(await store.create(USER, user(f"u{n:02}")))["id"] for n in range(23)}

        pages = [await find(store, USER, start_index=start, count=5) for start in range(1, 30, 5)]

        assert [each.total for each in pages] == [23] * 6
        assert [len(each.resources) for each in pages] == [5, 5, 5, 5, 3, 0]
        listed = [each for page in pages for each in ids(page.resources)]
        assert set(listed) == created
        assert len(listed) == 23

    async def test_a_count_of_zero_only_counts(self, store: ResourceStore) -> None:
        await store.create(USER, user("mira"))

        page = await find(store, USER, count=0)

        assert (page.total, page.resources) == (1, [])

    async def test_a_query_can_be_sorted(self, store: ResourceStore) -> None:
        for name, family in (("b", "Öst"), ("C", None), ("a", "adler"), ("d", "Berg")):
            await store.create(USER, user(name, **({"name": {"familyName": family}} if family else {})))

        async def order(**more: Any) -> list[str]:
            return [each["userName"] for each in (await find(store, USER, **more)).resources]

        assert await order(sort_by="userName") == ["a", "b", "C", "d"]
        assert await order(sort_by="userName", sort_order="descending") == ["d", "C", "b", "a"]
        assert (await order(sort_by="name.familyName"))[-1] == "C"
        assert (await order(sort_by="name.familyName", sort_order="descending"))[0] == "C"
        assert (await order(sort_by="name.familyName"))[:2] == ["a", "d"]
        assert await order(sort_by="userName", start_index=2, count=2) == ["b", "C"]

    async def test_types_do_not_mix_in_a_query(self, store: ResourceStore) -> None:
        await store.create(USER, user("mira"))
        await store.create(GROUP, group("Sales"))

        assert ((await find(store, USER)).total, (await find(store, GROUP)).total) == (1, 1)
