"""Doors of the workspaces half: how long a decision takes with its session, and what SCIM's changes of members cost."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString
from uuid import UUID

from benchmarks.figure import Figure
from rollcall import workspaces
from rollcall.config import Config
from rollcall.db import TenantDatabase, Tx
from rollcall.main import open_parts
from rollcall.runtime import Runtime, seeded
from rollcall.workspaces import Allow, DoorKind, decide, load_facts

_GROUPS_OF_A_PERSON = 10
_SESSIONS = 5_000
_CLICKS = 2_000
_AT_A_TIME = 10_000

# People in groups by turns; every second workspace lists groups of its own, the others inherit a list of one.
_FILL: tuple[LiteralString, ...] = (
    """insert into workspaces.sso_configurations (id, identity_changed) values (%(configuration)s, '2020-01-01')""",
    """update workspaces.organisation_defaults set sso = true, configuration_id = %(configuration)s,
           group_ids = array[md5('g1')::uuid::text]""",
    """insert into workspaces.users (id, user_name_folded, external_id, display_name, active, created, modified, resource,
           folded)
       select md5('u' || n)::uuid, 'u' || n || '@acme.example', md5('u' || n), 'Person ' || n, true, now(), now(),
              jsonb_build_object('userName', 'u' || n || '@acme.example', 'emails',
                  jsonb_build_array(jsonb_build_object('value', 'u' || n || '@acme.example', 'primary', true))),
              '{}'
       from generate_series(%(first)s::integer, %(last)s::integer) n""",
    """insert into workspaces.groups (id, display_name, display_name_folded, external_id, created, modified, resource, folded)
       select md5('g' || n)::uuid, 'Group ' || n, 'group ' || n, md5('g' || n)::uuid::text, now(), now(), '{}', '{}'
       from generate_series(1, %(groups)s) n""",
    """insert into workspaces.group_members (group_id, member_id, member_kind)
       select distinct md5('g' || 1 + (n * 7 + k * 13) %% %(groups)s)::uuid, md5('u' || n)::uuid, 'User'
       from generate_series(%(first)s::integer, %(last)s::integer) n, generate_series(1, %(each)s) k""",
    """insert into workspaces.workspaces (id, slug, name, created, changed)
       select md5('w' || n)::uuid, 'w' || n, 'Workspace ' || n, now(), now() from generate_series(1, %(workspaces)s) n""",
    """insert into workspaces.workspace_slugs (slug, organisation_id, workspace_id)
       select slug, tenant_id, id from workspaces.workspaces""",
    """insert into workspaces.workspace_login (workspace_id, group_ids)
       select md5('w' || n)::uuid, array(select md5('g' || 1 + (n * 3 + k) %% %(groups)s)::uuid::text
                                         from generate_series(1, 5) k)
       from generate_series(1, %(workspaces)s, 2) n""",
    """insert into workspaces.sessions (id, user_id, kind, method, configuration_id, issuer, subject, token_subject,
           authenticated, groups, groups_source, groups_at, created, last_seen, idle_seconds, ends, checked, recheck)
       select md5('s' || n)::uuid, md5('u' || n)::uuid, 'workspace', 'sso', %(configuration)s, 'https://id.example',
              'u' || n, 'u' || n, now(),
              array(select md5('g' || 1 + (n * 7 + k * 13) %% %(groups)s)::uuid::text from generate_series(1, %(each)s) k),
              'token', now(), now(), now(), 43200, now() + interval '7 days', now(), now() + interval '1 day'
       from generate_series(1, %(sessions)s) n""",
    """insert into workspaces.session_handles (hash, organisation_id, session_id)
       select sha256(convert_to('h' || n, 'UTF8')), rollcall_tenant(), md5('s' || n)::uuid
       from generate_series(1, %(sessions)s) n""",
)


def measure(full: bool) -> Iterator[Figure]:
    """With 100,000 people and 1,000 workspaces, with 5,000 and 100 without `full`."""
    people, places = (100_000, 1_000) if full else (5_000, 100)
    yield from asyncio.run(_measure(people, places))


async def _measure(people: int, places: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as data:
        async with open_parts(Config(data=Path(data))) as parts:
            tenant = parts.database.tenant(parts.runtime.new_id())
            await tenant.write(workspaces.create_organisation, parts.runtime, key="bench", name="Bench")
            await tenant.write(_fill, parts.runtime, people, places)
            await tenant.write(workspaces.set_synchronization, parts.runtime, True)
            return await _clicks(tenant, parts.runtime, people, places)


async def _fill(tx: Tx, runtime: Runtime, people: int, places: int) -> None:
    values = {
        "configuration": runtime.new_id(),
        "people": people,
        "workspaces": places,
        "groups": max(100, people // 100),
        "each": _GROUPS_OF_A_PERSON,
        "sessions": min(_SESSIONS, people),
    }
    for statement in _FILL:
        step = _AT_A_TIME if "%(first)s" in statement else people
        for first in range(1, people + 1, step):
            await tx.run(statement, {**values, "first": first, "last": min(people, first + step - 1)})


async def _clicks(tenant: TenantDatabase, runtime: Runtime, people: int, places: int) -> list[Figure]:
    chance = seeded("clicks")
    milliseconds, allowed = [], 0
    for number in range(_CLICKS + 100):
        person, place = chance.randint(1, min(_SESSIONS, people)), chance.randint(1, places)
        handle_hash = hashlib.sha256(f"h{person}".encode()).digest()
        began = time.perf_counter()
        now = runtime.now()
        facts = await tenant.read(load_facts, DoorKind.WORKSPACE, now, workspace=f"w{place}", handle_hash=handle_hash)
        decision = decide(facts.actor, facts.door, now)
        if number >= 100:  # the first ones prepare statements
            milliseconds.append((time.perf_counter() - began) * 1000)
        assert facts.session_id == UUID(hashlib.md5(f"s{person}".encode()).hexdigest()), "the session was found"
        allowed += isinstance(decision, Allow)
    assert 0 < allowed < _CLICKS, f"some enter and some don't: {allowed}"
    milliseconds.sort()
    of = f"{people:,} people, {places:,} workspaces"
    return [
        Figure(
            f"access decision with its session and slug, {of}: median", statistics.median(milliseconds), "ms", "≤ 2"
        ),
        Figure("the same: 99 of 100", milliseconds[int(len(milliseconds) * 0.99)], "ms"),
    ]
