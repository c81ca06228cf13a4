"""Groups inside groups on a real endpoint: left out and named, flattened, or mirrored (rule S2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.provisioning import change_settings, left_out, preview_scope, read_job
from tests.provisioning.proxy import WRITING
from tests.provisioning.world import World, upn


@pytest.fixture
async def sales(world: World) -> dict[str, UUID]:
    """Sales (Ada) holds Nord (Bob), Nord holds Oslo (Cem, and Sales again, round a circle); Sales is assigned."""
    ids = {name: await world.user(name) for name in ("ada", "bob", "cem")}
    ids["Oslo"] = await world.group("Oslo", [ids["cem"]], assigned=False)
    ids["Nord"] = await world.group("Nord", [ids["bob"], ids["Oslo"]], assigned=False)
    ids["Sales"] = await world.group("Sales", [ids["ada"], ids["Nord"]])
    await world.db.write(directory.add_member, ids["Oslo"], ids["Sales"])
    return ids


async def choose(world: World, nested: str) -> None:
    await world.db.write(change_settings, world.job_id, {"nested_groups": nested})


async def active(world: World) -> set[str]:
    """The userNames of accounts that can be used."""
    return {name for name, account in (await world.target.accounts()).items() if account.get("active") is not False}


def names(*people: str) -> set[str]:
    return {upn(each) for each in people}


async def cycle(world: World) -> Any:
    result = await world.cycle()
    assert (result.problem, result.counts.failed, result.counts.references_failed) == (None, 0, 0)
    return result


async def test_direct_members_only_and_the_group_left_out_is_named(world: World, sales: dict[str, UUID]) -> None:
    """S2: Entra's way, with a warning."""
    await cycle(world)

    assert await active(world) == names("ada")
    assert await world.target.groups() == {"Sales": names("ada")}
    (nord,) = await left_out(world.service, world.db.tenant, world.job_id)
    assert (nord.name, nord.inside_name, nord.people, nord.key.id) == ("Nord", "Sales", 2, str(sales["Nord"]))


async def test_flattened_everybody_inside_is_a_member(world: World, sales: dict[str, UUID]) -> None:
    """S2: flatten."""
    await choose(world, "flatten")
    await cycle(world)

    assert await active(world) == names("ada", "bob", "cem")
    assert await world.target.groups() == {"Sales": names("ada", "bob", "cem")}
    assert await left_out(world.service, world.db.tenant, world.job_id) == []
    assert (await cycle(world)).counts.requests == 0


async def test_mirrored_the_groups_come_inside_each_other(world: World, sales: dict[str, UUID]) -> None:
    """S2: mirror; cycles among groups are safe."""
    await choose(world, "mirror")
    await cycle(world)

    assert await active(world) == names("ada", "bob", "cem")
    assert await world.target.groups() == {
        "Sales": names("ada") | {"Nord"},
        "Nord": names("bob") | {"Oslo"},
        "Oslo": names("cem") | {"Sales"},
    }
    assert (await cycle(world)).counts.requests == 0


async def test_a_job_that_chooses_otherwise_moves_members_in_its_next_cycle(
    world: World, sales: dict[str, UUID]
) -> None:
    """S2: from each way to each other; links stay, nothing is made twice."""
    everybody = names("ada", "bob", "cem")
    shapes = {
        "direct": (names("ada"), {"Sales": names("ada")}),
        "flatten": (everybody, {"Sales": everybody}),
        "mirror": (
            everybody,
            {"Sales": names("ada") | {"Nord"}, "Nord": names("bob") | {"Oslo"}, "Oslo": names("cem") | {"Sales"}},
        ),
    }
    for nested in ("direct", "flatten", "mirror", "flatten", "direct", "mirror", "direct"):
        await choose(world, nested)
        assert (await world.db.read(read_job, world.job_id)).starts_over
        await cycle(world)

        assert await active(world) == shapes[nested][0], nested
        # Who is disabled stays a member nowhere; the group in the application is the same one throughout.
        assert await world.target.groups() == shapes[nested][1], nested
    assert len(await world.target.accounts()) == 3


async def test_a_joiner_of_an_inner_group_costs_one_account_and_one_membership(
    world: World, sales: dict[str, UUID]
) -> None:
    await choose(world, "flatten")
    await cycle(world)
    world.proxy.taken()
    dan = await world.user("dan")
    await world.db.write(directory.add_member, sales["Oslo"], dan)
    await cycle(world)

    assert await world.target.groups() == {"Sales": names("ada", "bob", "cem", "dan")}
    written = [(each.method, each.kind) for each in world.proxy.taken() if each.method in WRITING]
    assert written == [("POST", "Users"), ("PATCH", "Groups")]


@pytest.mark.parametrize("nested", ["flatten", "mirror"])
async def test_an_inner_group_that_leaves_takes_along_who_is_in_by_no_other_way(
    world: World, sales: dict[str, UUID], nested: str
) -> None:
    """S2: exactly those; who has another assignment stays usable."""
    await world.assign(sales["bob"])
    dan = await world.user("dan")
    for group in ("Sales", "Oslo"):
        await world.db.write(directory.add_member, sales[group], dan)
    await choose(world, nested)
    await cycle(world)
    assert await active(world) == names("ada", "bob", "cem", "dan")

    await world.db.write(directory.remove_member, sales["Sales"], sales["Nord"])
    await cycle(world)

    assert await active(world) == names("ada", "bob", "dan")
    assert (await world.target.groups()) == {"Sales": names("ada", "dan")}


async def test_a_deleted_inner_group_comes_back_with_its_people(world: World, sales: dict[str, UUID]) -> None:
    await choose(world, "flatten")
    await cycle(world)

    await world.db.write(directory.delete_group, sales["Nord"])
    await cycle(world)
    without = await active(world), await world.target.groups()
    await world.db.write(directory.restore_group, sales["Nord"])
    await cycle(world)

    assert without == (names("ada"), {"Sales": names("ada")})
    assert await active(world) == names("ada", "bob", "cem")
    assert await world.target.groups() == {"Sales": names("ada", "bob", "cem")}


async def test_with_everybody_in_scope_flattening_changes_members_only(world: World, sales: dict[str, UUID]) -> None:
    """S1, S2: with scope all nobody is left out, and the groups hold everybody inside."""
    await world.db.write(change_settings, world.job_id, {"scope": "all", "nested_groups": "flatten"})
    await cycle(world)
    everybody = names("ada", "bob", "cem")

    assert await world.target.groups() == {"Sales": everybody, "Nord": everybody, "Oslo": everybody}
    await choose(world, "direct")
    assert await left_out(world.service, world.db.tenant, world.job_id) == []
    await cycle(world)
    assert (await world.target.groups())["Sales"] == names("ada") | {"Nord"}


async def test_the_choice_can_be_previewed(world: World, sales: dict[str, UUID]) -> None:
    await cycle(world)

    found = await preview_scope(world.service, world.db.tenant, world.job_id, settings={"nested_groups": "mirror"})

    assert (found.users.entering.count, sorted(found.groups.entering.names)) == (2, ["Nord", "Oslo"])
    assert (found.users.leaving.count, found.groups.leaving.count) == (0, 0)
