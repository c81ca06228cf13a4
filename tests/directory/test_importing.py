"""Importing files: everything or nothing, what is new and what differs, and nothing twice."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.directory import ImportReport, User
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from tests.directory.making import caught_up, make_application, make_group, make_user, read

_DATA = Path(__file__).parent / "data"


async def _changes(tx: Tx) -> Counter[tuple[str, str]]:
    rows = await tx.all("select kind, operation from directory.changes")
    return Counter((row["kind"], row["operation"]) for row in rows)


async def _people(db: TenantDatabase) -> dict[str, User]:
    return {user.attributes["userPrincipalName"]: user for user in await db.read(directory.list_users)}


async def _members(db: TenantDatabase) -> dict[str, set[str]]:
    return {
        group.attributes["displayName"]: {
            member.display_name for member in await db.read(directory.list_members, group.id)
        }
        for group in await db.read(directory.list_groups)
    }


async def _import(db: TenantDatabase, folder: Path, text: str, name: str = "people.csv", **more: Any) -> ImportReport:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return await directory.import_file(db, path, **more)


async def test_an_ldif_file_brings_people_groups_managers_and_members(tenant_db: TenantDatabase) -> None:
    report = await directory.import_file(tenant_db, _DATA / "people.ldif")

    people = await _people(tenant_db)
    assert (report.created, report.groups_created, report.memberships_added, report.bad_rows) == (3, 2, 4, ())
    assert report.warnings == ("2 entries are neither a person nor a group and were passed over.",)
    nora, olaf = people["nora@harbour.example"], people["olaf@harbour.example"]
    assert nora.attributes == {
        "userPrincipalName": "nora@harbour.example",
        "displayName": "Nora Berg",
        "accountEnabled": True,
        "givenName": "Nora",
        "surname": "Berg",
        "mail": "nora@harbour.example",
        "mailNickname": "nora",
        "businessPhones": ["+47 55 00 00 01", "+47 55 00 00 02"],
        "mobilePhone": "+47 90 00 00 01",
        "faxNumber": "+47 55 00 00 09",
        "city": "Bergen",
        "officeLocation": "12",
        "department": "Piloting",
        "jobTitle": "Chief pilot",
    }
    assert (olaf.attributes["displayName"], olaf.attributes["accountEnabled"]) == ("Ølaf Åsen", False)
    assert {olaf.manager, people["zoe@harbour.example"].manager} == {nora.id}
    assert await _members(tenant_db) == {"Pilots": {"Nora Berg", "Ølaf Åsen", "Crew"}, "Crew": {"Zoë Quay"}}


async def test_importing_again_changes_nothing_and_logs_nothing(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    table = "userPrincipalName,displayName,manager,memberOf\na@b.c,Ada,,Sales\nb@b.c,Bob,A@B.C,Sales;Field\n"
    document = '{"users": [{"userPrincipalName": "d@b.c", "city": null}], "groups": [{"displayName": "G", "members": ["d@b.c"]}]}'
    await directory.import_file(tenant_db, _DATA / "people.ldif")
    await _import(tenant_db, tmp_path, table)
    await _import(tenant_db, tmp_path, document, "people.json")
    before = await tenant_db.read(_changes)

    again = [
        await directory.import_file(tenant_db, _DATA / "people.ldif"),
        await _import(tenant_db, tmp_path, table),
        await _import(tenant_db, tmp_path, document, "people.json"),
    ]

    assert [report.changed for report in again] == [0, 0, 0]
    assert [(report.unchanged, report.groups_unchanged) for report in again] == [(3, 2), (2, 2), (1, 1)]
    assert await tenant_db.read(_changes) == before
    assert before == {
        ("user", "create"): 6,
        ("group", "create"): 5,
        ("membership", "add"): 8,
    }


async def test_what_differs_is_updated_and_what_a_file_does_not_say_stays(
    tenant_db: TenantDatabase, tmp_path: Path
) -> None:
    await _import(tenant_db, tmp_path, "userPrincipalName,displayName,city,state\na@b.c,Ada,Oslo,X\nb@b.c,Bob,Oslo,X\n")

    report = await _import(tenant_db, tmp_path, "userPrincipalName,city,state,manager\nA@B.c,Bergen,,\nb@b.c,,,a@b.c\n")
    cleared = await _import(
        tenant_db, tmp_path, '{"userPrincipalName": "b@b.c", "city": null, "manager": null}', "x.jsonl"
    )

    people = await _people(tenant_db)
    assert (report.created, report.updated, report.unchanged) == (0, 2, 0)
    assert cleared.updated == 1
    assert people["A@B.c"].attributes == {
        "userPrincipalName": "A@B.c",
        "displayName": "Ada",
        "accountEnabled": True,
        "city": "Bergen",
        "state": "X",
    }
    assert "city" not in people["b@b.c"].attributes
    assert people["b@b.c"].manager is None


async def test_of_the_extension_attributes_those_without_a_column_stay(
    tenant_db: TenantDatabase, tmp_path: Path
) -> None:
    await _import(tenant_db, tmp_path, "userPrincipalName,extensionAttribute1,extensionAttribute2\na@b.c,x,y\n")
    report = await _import(tenant_db, tmp_path, "userPrincipalName,extensionAttribute2\na@b.c,z\n")
    again = await _import(tenant_db, tmp_path, "userPrincipalName,extensionAttribute2\na@b.c,z\n")

    kept = (await _people(tenant_db))["a@b.c"].attributes["onPremisesExtensionAttributes"]
    assert kept == {"extensionAttribute1": "x", "extensionAttribute2": "z"}
    assert (report.updated, again.updated) == (1, 0)


async def test_a_person_is_known_by_distinguished_name_when_the_mail_changes(
    tenant_db: TenantDatabase, tmp_path: Path
) -> None:
    ada = await make_user(tenant_db, "ada")
    entry = "dn: uid=ada,dc=x\nobjectclass: person\ncn: Ada\nmail: {}\n"

    adopted = await _import(tenant_db, tmp_path, entry.format("ADA@example.com"), "a.ldif")
    renamed = await _import(tenant_db, tmp_path, entry.format("byron@example.com"), "a.ldif")

    assert (adopted.created, adopted.updated, renamed.created, renamed.updated) == (0, 1, 0, 1)
    people = await _people(tenant_db)
    assert [(name, user.id) for name, user in people.items()] == [("byron@example.com", ada)]


async def test_every_bad_row_is_reported_and_nothing_is_imported(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    table = (
        "userPrincipalName,displayName,accountEnabled,manager,memberOf\n"
        "good@b.c,Good,yes,,Sales\n"
        "bad,Bad,yes,,\n"
        "GOOD@b.c,Twice,yes,,\n"
        "flag@b.c,Flag,perhaps,,\n"
        "lone@b.c,Lone,yes,nobody@b.c,\n"
    )

    with pytest.raises(Invalid, match="4 rows are bad, so nothing was imported") as refusal:
        await _import(tenant_db, tmp_path, table)

    assert refusal.value.details == (
        "line 3: userPrincipalName 'bad' must have the form name@domain.",
        "line 4: userPrincipalName GOOD@b.c is that of line 2 already",
        "line 5: accountEnabled must be yes or no (true or false), not 'perhaps'",
        "line 6: the manager nobody@b.c is neither in the file nor in the directory",
    )
    assert await tenant_db.read(_changes) == {}

    report = await _import(tenant_db, tmp_path, table, skip_bad_rows=True)
    assert (report.created, len(report.bad_rows)) == (2, 4)
    assert set(await _people(tenant_db)) == {"good@b.c", "lone@b.c"}


async def test_ties_that_lead_nowhere_are_bad_rows(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    await make_group(tenant_db, "Twin")
    await make_group(tenant_db, "twin")
    text = (
        '{"userPrincipalName": "a@b.c", "memberOf": ["TWIN"]}\n'
        '{"displayName": "G", "members": ["a@b.c", "none@b.c", {"displayName": "G"}]}\n'
        '{"displayName": "g", "members": []}\n'
    )

    with pytest.raises(Invalid) as refusal:
        await _import(tenant_db, tmp_path, text, "x.json")
    report = await _import(tenant_db, tmp_path, text, "x.json", skip_bad_rows=True)

    assert refusal.value.details == (
        "line 1: the directory has several groups named TWIN",
        "line 1: the group twin can't be imported",
        "line 2: the member none@b.c is neither in the file nor in the directory",
        "line 2: the group is named as a member of itself",
        "line 3: the group g is on line 2 already",
    )
    assert (report.created, report.groups_created, report.memberships_added) == (1, 1, 1)


async def test_a_name_or_entry_that_is_taken_is_a_bad_row(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    entries = "dn: uid={},dc=x\nobjectclass: person\ncn: A\nmail: {}@b.c\n\n"
    await _import(tenant_db, tmp_path, entries.format("a", "a"), "a.ldif")
    await make_user(tenant_db, "taken")

    with pytest.raises(Invalid) as refusal:
        await _import(
            tenant_db,
            tmp_path,
            "dn: uid=a,dc=x\nobjectclass: person\ncn: A\nmail: taken@example.com\n\n"
            + entries.format("b", "b")
            + entries.format("B", "other"),
            "a.ldif",
        )
    with pytest.raises(Invalid, match="1 row is bad") as same:
        await _import(tenant_db, tmp_path, entries.format("a", "new") + entries.format("moved", "a"), "a.ldif")

    assert refusal.value.details == (
        "line 1: userPrincipalName taken@example.com belongs to another user",
        "line 11: the entry uid=b,dc=x is on line 6 already",
    )
    assert same.value.details == ("line 6: a@b.c is the same person as on line 1",)


async def test_two_people_who_swap_names_are_a_conflict(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    entries = "dn: uid=1,dc=x\nobjectclass: person\ncn: A\nmail: {}@b.c\n\ndn: uid=2,dc=x\nobjectclass: person\ncn: B\nmail: {}@b.c\n"
    await _import(tenant_db, tmp_path, entries.format("a", "b"), "a.ldif")

    with pytest.raises(Conflict, match="in two steps"):
        await _import(tenant_db, tmp_path, entries.format("b", "a"), "a.ldif")


async def test_their_own_manager_is_left_out_with_a_warning(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    report = await _import(tenant_db, tmp_path, "userPrincipalName,manager\nboss@b.c,boss@b.c\n")

    assert report.warnings == ("line 2: boss@b.c is named as their own manager; the tie was left out.",)
    assert (await _people(tenant_db))["boss@b.c"].manager is None


async def test_people_and_groups_of_a_file_can_be_assigned_at_once(
    tenant_db: TenantDatabase, tmp_path: Path, runtime: Runtime
) -> None:
    application = await make_application(tenant_db)
    watermark = await caught_up(tenant_db, application)
    table = "userPrincipalName,givenName,surname,memberOf\na@b.c,Ada,Byron,Sales\nb@b.c,,,\n"

    report = await _import(tenant_db, tmp_path, table, assign_to=application)
    again = await _import(tenant_db, tmp_path, table, assign_to=application)
    entries, ties, _, _ = await read(tenant_db, application, watermark)

    assert (report.assignments_added, again.assignments_added) == (3, 0)
    assert {(entry.attributes["displayName"], entry.assigned) for entry in entries} == {
        ("Ada Byron", True),
        ("b", True),
        ("Sales", True),
    }
    assert len(ties) == 1
    with pytest.raises(NotFound, match="no service principal"):
        await _import(tenant_db, tmp_path, table, assign_to=runtime.new_id())


async def test_progress_grows_to_the_whole(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    table = "userPrincipalName\n" + "".join(f"u{number}@b.c\n" for number in range(5_000))

    report = await _import(tenant_db, tmp_path, table, progress=lambda done, total: told.append((done, total)))

    assert report.created == 5_000
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (2 * len(table), 2 * len(table))
    assert len(told) > 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.txt", "userPrincipalName\na@b.c\n"),
        ("people", '[{"userPrincipalName": "a@b.c"}]'),
        ("people.export", "# made by hand\n\ndn: uid=a,dc=x\nobjectclass: person\nmail: a@b.c\n"),
    ],
)
async def test_a_file_without_a_telling_name_is_known_by_its_beginning(
    tenant_db: TenantDatabase, tmp_path: Path, name: str, text: str
) -> None:
    assert (await _import(tenant_db, tmp_path, text, name)).created == 1


async def test_a_spreadsheet_in_utf16_is_read(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("userPrincipalName\tdisplayName\r\na@b.c\tZoë\r\n".encode("utf-16"))

    await directory.import_file(tenant_db, path)

    assert (await _people(tenant_db))["a@b.c"].attributes["displayName"] == "Zoë"


async def test_a_file_that_is_not_there_is_refused(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        await directory.import_file(tenant_db, tmp_path / "none.csv")
    with pytest.raises(Invalid, match="can't be read"):
        await directory.import_file(tenant_db, tmp_path)


_SAMPLE = os.environ.get("SAMPLE_LDIF")  # noqa: TID251 - where a sample lies is the tester's to say


@pytest.mark.skipif(_SAMPLE is None, reason="SAMPLE_LDIF names no copy of the Example.com sample")
async def test_the_well_known_sample_of_150_people_is_imported(tenant_db: TenantDatabase) -> None:
    assert _SAMPLE is not None
    report = await directory.import_file(tenant_db, Path(_SAMPLE))

    people = {user.id: user for user in await tenant_db.read(directory.list_users, limit=1000)}
    assert (report.created, report.groups_created, report.memberships_added) == (150, 5, 11)
    assert len([user for user in people.values() if user.manager]) == 149
    names: dict[str, UUID] = {user.attributes["mailNickname"]: user.id for user in people.values()}
    assert people[names["scarter"]].manager == names["dmiller"]
    assert (await directory.import_file(tenant_db, Path(_SAMPLE))).changed == 0


async def test_a_pipe_is_imported_like_a_file(tenant_db: TenantDatabase, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = "userPrincipalName,displayName\npiped@b.c,Piped\n"
    _, report = await asyncio.gather(asyncio.to_thread(pipe.write_text, text), directory.import_file(tenant_db, pipe))

    assert report.changed == 1
    assert "piped@b.c" in await _people(tenant_db)
