"""A company out of an LDIF file is imported and provisioned: everybody, every group, every member, every manager."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollcall import directory
from rollcall.config import read_environment
from rollcall.db import Database, DatabaseConfig
from rollcall.runtime import Runtime
from tests.interop.plain_ldif import Stated, stated
from tests.provisioning.proxy import proxy_to
from tests.provisioning.world import found_world, workspaces_apart

_SMALL = Path(__file__).parents[1] / "directory" / "data" / "people.ldif"
_SAMPLE = read_environment().get("SAMPLE_LDIF")
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


async def provisioned(path: Path, database: Database, database_config: DatabaseConfig, runtime: Runtime) -> Stated:
    """Import a file, provision it into the workspaces half over the wire, and say what that then holds."""
    async with workspaces_apart(database_config) as origin, proxy_to(origin) as proxy:
        world = await found_world(database, runtime, proxy, template="scim")
        report = await directory.import_file(world.db, path, assign_to=world.application)
        assert report.bad_rows == ()
        result = await world.cycle()
        assert (result.problem, result.counts.failed, result.counts.references_failed) == (None, 0, 0)
        assert (await world.cycle()).counts.requests == 0
        accounts = await world.target.accounts()
        groups = await world.target.groups()
    names = {account["id"]: name for name, account in accounts.items()}
    managers = {
        name: account.get(_ENTERPRISE, {}).get("manager", {}).get("value") for name, account in accounts.items()
    }
    return Stated(
        {name: account["displayName"] for name, account in accounts.items()},
        {name for name, account in accounts.items() if not account["active"]},
        groups,
        {name: names[manager] for name, manager in managers.items() if manager is not None},
    )


async def test_the_small_company_arrives_as_the_file_states_it(
    database: Database, database_config: DatabaseConfig, runtime: Runtime
) -> None:
    file = stated(_SMALL)
    assert (len(file.people), len(file.groups), len(file.managers)) == (3, 2, 2)

    target = await provisioned(_SMALL, database, database_config, runtime)

    # Who is blocked from the start never gets an account.
    usable = file.people.keys() - file.blocked
    there = usable | file.groups.keys()
    assert file.blocked == {"olaf@harbour.example"}
    assert target.people == {name: file.people[name] for name in usable}
    assert target.groups == {name: members & there for name, members in file.groups.items()}
    assert target.groups["Pilots"] == {"nora@harbour.example", "Crew"}
    assert target.managers == {"zoe@harbour.example": "nora@harbour.example"}


@pytest.mark.skipif(_SAMPLE is None, reason="SAMPLE_LDIF names no file: the sample directory of 389 Directory Server")
async def test_the_sample_directory_of_389_arrives_as_the_file_states_it(
    database: Database, database_config: DatabaseConfig, runtime: Runtime
) -> None:
    assert _SAMPLE is not None
    file = stated(Path(_SAMPLE))
    assert (len(file.people), len(file.groups), file.blocked) == (150, 5, set())

    target = await provisioned(Path(_SAMPLE), database, database_config, runtime)

    assert target.people == file.people
    assert target.groups == file.groups
    assert sum(map(len, target.groups.values())) > 5
    assert target.managers == file.managers
    assert len(target.managers) > 100
    assert target.blocked == set()
