"""Sessions: kept on the server, and ended by whatever ends them (checks C2 to C8, BCL-8, SIG-5)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Database, Tx
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.workspaces.sso.groups_claim import Source
from rollcall.workspaces.sso.session_reading import SessionReader
from rollcall.workspaces.sso.sessions import (
    CHANNEL,
    WORKSPACE_LIMITS,
    SignIn,
    create_session,
    end_all_sessions,
    end_session,
    end_sessions_by_sid,
    end_sessions_of_configuration,
    end_sessions_of_subject,
    end_sessions_of_user,
    forget_ended_sessions,
    live_sessions,
    renew_handle,
)
from tests.workspaces.sso.people import CONFIGURATION, G1, G2, Company, new_company


class Later(SystemRuntime):
    """A clock that can be moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> Any:
        return super().now() + self.ahead


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
async def company(database: Database, clock: Later) -> Company:
    return await new_company(database, clock)


@pytest.fixture
def reader(database: Database, clock: Later) -> SessionReader:
    return SessionReader(database, clock)


async def test_a_handle_finds_its_organisation_and_session(company: Company, reader: SessionReader) -> None:
    user = await company.user()
    found = await reader.read(await company.session(user, G1))

    assert found is not None
    assert (found[0], found[1].user_id) == (company.endpoint.organisation, user)
    assert found[1].groups == frozenset({G1})


@pytest.mark.parametrize("handle", [None, "", "x" * 43, "x" * 101, "\x00", "ü" * 43])
async def test_a_forged_handle_is_none(reader: SessionReader, handle: str | None) -> None:
    """Check C4."""
    assert await reader.read(handle) is None


async def test_a_handle_is_stored_hashed_only(company: Company) -> None:
    """Check C2."""
    handle = await company.session(await company.user())

    async def everything(tx: Tx) -> str:
        rows = await tx.all("select row_to_json(s)::text as text from workspaces.sessions s")
        more = await tx.all("select row_to_json(h)::text as text from workspaces.session_handles h")
        return "".join(row["text"] for row in [*rows, *more])

    assert handle not in await company.db.read(everything)


async def test_a_session_of_another_organisation_is_not_read(
    company: Company, database: Database, clock: Later
) -> None:
    """Check C45."""
    other = await new_company(database, clock)
    handle = await company.session(await company.user())

    assert await other.read(handle) is None


async def test_the_limits_are_kept_on_the_server(company: Company, reader: SessionReader, clock: Later) -> None:
    """Check C5."""
    handle = await company.session(await company.user())
    clock.ahead = timedelta(hours=11)
    assert await reader.read(handle) is not None

    clock.ahead = timedelta(hours=22)
    assert await reader.read(handle) is not None

    clock.ahead = timedelta(hours=34, minutes=1)
    assert await reader.read(handle) is None


async def test_a_session_in_use_ends_at_its_absolute_limit(
    company: Company, reader: SessionReader, clock: Later
) -> None:
    """Check C5."""
    handle = await company.session(await company.user())
    for hours in range(11, 7 * 24, 11):
        clock.ahead = timedelta(hours=hours)
        assert await reader.read(handle) is not None

    clock.ahead = timedelta(days=7)
    assert await reader.read(handle) is None
    assert await company.db.write(forget_ended_sessions, clock.now()) == 1


async def test_the_limit_of_the_provider_wins_when_it_is_earlier(
    company: Company, reader: SessionReader, clock: Later
) -> None:
    """Checks C8, OID-15."""
    handle = await company.session(await company.user(), ends=clock.now() + timedelta(minutes=5))
    session = await company.read(handle)
    assert session is not None
    assert session.recheck is not None
    assert session.recheck <= session.ends

    clock.ahead = timedelta(minutes=5)
    assert await reader.read(handle) is None


async def test_a_session_asks_the_provider_again_after_a_day(company: Company, clock: Later) -> None:
    session = await company.read(await company.session(await company.user()))

    assert session is not None
    assert not session.needs_recheck(clock.now() + timedelta(hours=23))
    assert session.needs_recheck(clock.now() + timedelta(hours=25))


async def test_a_silent_renewal_keeps_the_limits_of_the_session_it_replaces(company: Company, clock: Later) -> None:
    user = await company.user()
    first = await company.session(user)
    began = await company.read(first)
    clock.ahead = timedelta(hours=10)

    renewed = await company.read(await company.session(user, replaces=first, continues=True))
    assert began is not None
    assert renewed is not None

    assert (renewed.created, renewed.ends) == (began.created, began.ends)
    assert renewed.recheck is not None
    assert renewed.recheck > clock.now() + timedelta(hours=23)
    assert await company.read(first) is None


async def test_a_sign_in_ends_the_session_the_browser_came_with(company: Company, reader: SessionReader) -> None:
    """Check C3."""
    user = await company.user()
    first = await company.session(user)
    assert await reader.read(first) is not None

    second = await company.session(user, replaces=first)

    assert await reader.read(first) is None
    assert await reader.read(second) is not None


async def test_a_chosen_handle_never_becomes_the_session(company: Company, reader: SessionReader) -> None:
    """Check C3."""
    chosen = "x" * 43

    assert await company.session(await company.user(), replaces=chosen) != chosen
    assert await reader.read(chosen) is None


async def test_a_renewed_handle_keeps_the_session_and_kills_the_old_one(
    company: Company, reader: SessionReader
) -> None:
    """Check C3."""
    old = await company.session(await company.user())
    found = await reader.read(old)
    assert found is not None

    new = await company.db.write(renew_handle, found[1].id)
    assert new is not None

    assert await reader.read(old) is None
    again = await reader.read(new)
    assert again is not None
    assert again[1].id == found[1].id


# ── what ends sessions ─────────────────────────────────────────────────────────────────────────


async def alive(company: Company, *handles: str) -> list[bool]:
    return [await company.read(handle) is not None for handle in handles]


async def test_scim_active_false_ends_all_sessions_of_the_user_in_that_request(company: Company) -> None:
    ada, ben = await company.user(), await company.user("ben@acme.example")
    handles = [await company.session(ada), await company.session(ada), await company.session(ben)]

    await company.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": "False"})

    assert await alive(company, *handles) == [False, False, True]


async def test_scim_delete_ends_all_sessions_of_the_user(company: Company, reader: SessionReader) -> None:
    ada = await company.user()
    handle = await company.session(ada)
    await company.delete(f"/Users/{ada}")

    assert await reader.read(handle) is None
    assert await reader.organisation(handle) is None


async def test_each_way_to_end_sessions_ends_those_and_no_others(company: Company) -> None:
    ada, ben = await company.user(), await company.user("ben@acme.example")
    other = UUID(int=78)

    async def five() -> list[str]:
        return [
            await company.session(ada, sid="s1"),
            await company.session(ada, sid="s2"),
            await company.session(ben, sid="s1"),
            await company.session(ben),
            await company.session(ben, configuration=other),
        ]

    async def after(end: Any, *args: Any, **named: Any) -> str:
        await company.db.write(end_all_sessions)
        handles = await five()
        sessions = [await company.read(handle) for handle in handles]
        given = {name: sessions[index].id for name, index in named.items()}
        await company.db.write(end, *args, **given)
        return "".join("x" if left else "-" for left in await alive(company, *handles))

    assert await after(end_sessions_of_user, ada) == "--xxx"
    assert await after(end_sessions_of_user, ada, keep=1) == "-xxxx"
    assert await after(end_sessions_by_sid, CONFIGURATION, "s1") == "-x-xx"
    assert await after(end_sessions_by_sid, CONFIGURATION, "s1", str(ada)) == "-xxxx"
    assert await after(end_sessions_by_sid, CONFIGURATION, "s1", "pairwise") == "-x-xx"
    assert await after(end_sessions_by_sid, CONFIGURATION, "s3") == "xxxxx"
    assert await after(end_sessions_by_sid, other, "s1") == "xxxxx"
    assert await after(end_sessions_of_subject, CONFIGURATION, str(ben)) == "xx--x"
    assert await after(end_sessions_of_configuration, other) == "xxxx-"
    assert await after(end_all_sessions) == "-----"
    assert await after(end_all_sessions, keep=3) == "---x-"


async def test_an_event_leaves_sessions_that_were_made_later(company: Company, clock: Later) -> None:
    """Check SIG-5."""
    ada = await company.user()
    before = await company.session(ada)
    moment = clock.now()
    clock.ahead = timedelta(seconds=1)
    later = await company.session(ada)

    await company.db.write(end_sessions_of_subject, CONFIGURATION, str(ada), made_before=moment)

    assert await alive(company, before, later) == [False, True]


async def test_a_user_sees_their_own_live_sessions(company: Company, clock: Later) -> None:
    """Check C7."""
    ada, ben = await company.user(), await company.user("ben@acme.example")
    await company.session(ada)
    await company.session(ben)

    found = await company.db.read(live_sessions, ada, clock.now())

    assert [each.user_id for each in found] == [ada]
    assert await company.db.write(end_session, found[0].id) == 1
    assert await company.db.read(live_sessions, ada, clock.now()) == []


async def test_a_break_glass_session_belongs_to_no_user(company: Company, runtime: Runtime) -> None:
    sign_in = SignIn("dashboard", "break_glass", WORKSPACE_LIMITS, account=UUID(int=5))
    _, handle = await company.db.write(create_session, runtime, sign_in)
    session = await company.read(handle)

    assert session is not None
    assert (session.user_id, session.account_id) == (None, UUID(int=5))


# ── snapshots follow SCIM ──────────────────────────────────────────────────────────────────────


def members(op: str, *users: UUID) -> dict[str, Any]:
    return {"op": op, "path": "members", "value": [{"value": str(each)} for each in users]}


@pytest.mark.parametrize("source", [Source.TOKEN, Source.SCIM, Source.LOOKUP])
async def test_leaving_a_group_leaves_every_live_snapshot_whatever_its_source(company: Company, source: Source) -> None:
    ada, ben = await company.user(), await company.user("ben@acme.example")
    group = await company.group(G1.upper(), ada, ben)
    one, two = await company.session(ada, G1, G2, source=source), await company.session(ben, G1, source=source)

    await company.patch(f"/Groups/{group}", members("remove", ada))

    assert await company.groups(one) == {G2}
    assert await company.groups(two) == {G1}


async def test_entering_a_group_enters_snapshots_from_scim_only(company: Company) -> None:
    ada = await company.user()
    group = await company.group(G1)
    scim, token = await company.session(ada, source=Source.SCIM), await company.session(ada, source=Source.TOKEN)

    await company.patch(f"/Groups/{group}", members("add", ada))

    assert await company.groups(scim) == {G1}
    assert await company.groups(token) == set()


async def test_a_deleted_group_leaves_every_snapshot(company: Company) -> None:
    ada = await company.user()
    group = await company.group(G1, ada)
    handle = await company.session(ada, G1, G2)

    await company.delete(f"/Groups/{group}")

    assert await company.groups(handle) == {G2}


async def test_replaced_members_follow_too(company: Company) -> None:
    ada, ben = await company.user(), await company.user("ben@acme.example")
    group = await company.group(G1, ada)
    one, two = await company.session(ada, G1), await company.session(ben, source=Source.SCIM)

    await company.patch(f"/Groups/{group}", members("replace", ben))

    assert await company.groups(one) == set()
    assert await company.groups(two) == {G1}


async def test_another_external_id_is_another_group(company: Company) -> None:
    ada = await company.user()
    group = await company.group(G1, ada)
    scim, token = await company.session(ada, G1, source=Source.SCIM), await company.session(ada, G1)

    await company.patch(f"/Groups/{group}", {"op": "replace", "path": "externalId", "value": G2})

    assert await company.groups(scim) == {G2}
    assert await company.groups(token) == set()


async def test_a_group_that_scim_does_not_know_stays(company: Company) -> None:
    ada = await company.user()
    await company.group(G1, ada)
    handle = await company.session(ada, G2)

    assert await company.groups(handle) == {G2}


async def test_other_processes_are_told_that_sessions_ended(company: Company, database: Database) -> None:
    ada = await company.user()
    await company.session(ada)
    heard = database.listen(CHANNEL)
    assert await anext(heard) == ""

    await company.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})

    while (payload := await asyncio.wait_for(anext(heard), 20)) != str(company.endpoint.organisation):
        assert payload
    await heard.aclose()
