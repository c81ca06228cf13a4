"""Who a person is, and which groups they hold, after a sign-in at a provider made by hand (checks LNK, TEN-5, GRP)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from aiohttp import web

from rollcall.workspaces.sso.arrivals import SignedIn, Tried
from rollcall.workspaces.sso.configuration import MatchBy
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.sessions import live_sessions
from tests.unit.workspaces.sso.forging import OTHER_TENANT, PERSON
from tests.workspaces.sso.people import G1
from tests.workspaces.sso.provider import json_answer
from tests.workspaces.sso.world import World, code_and_check

# ── who, and the door ──────────────────────────────────────────────────────────────────────────


async def test_a_person_is_linked_by_external_id_and_found_again_by_the_link(world: World) -> None:
    """Checks LNK-1, LNK-2."""
    ada = await world.company.user(externalId=PERSON.upper())
    world.configuration = world.provider.entra()

    first = await world.signed_in()
    second = await world.signed_in()

    assert (first.user, first.linked, second.user, second.linked) == (ada, True, ada, False)


async def test_an_address_makes_nobody_somebody_else(world: World) -> None:
    """Check LNK-3: neither the address nor, without a verified domain, the user name."""
    ada = await world.company.user("ada@acme.example")
    world.provider.claims = {"sub": "eve", "email": "ada@acme.example", "preferred_username": "ada@acme.example"}
    world.configuration = replace(world.configuration, match_by=MatchBy.USER_NAME)

    assert await world.turned_away() == ("user_unknown", None)
    world.door.domains = ("acme.example",)
    assert (await world.signed_in()).user == ada
    world.provider.claims["sub"] = "mallory"
    assert code_and_check(await world.sign_in()) == ("identity_conflict", "LNK-5")


async def test_a_deleted_person_does_not_walk_back_in(world: World) -> None:
    """Check LNK-4: by the link that was, though nothing else of them is known."""
    world.door.creates = True
    cay = (await world.signed_in()).user
    await world.company.delete(f"/Users/{cay}")

    assert await world.turned_away() == ("user_deleted", "LNK-4")


async def test_a_person_deleted_by_scim_who_never_signed_in_does_not_walk_in(world: World) -> None:
    """Check LNK-4."""
    world.door.creates = True
    world.configuration = world.provider.entra()
    user = await world.company.user(externalId=PERSON)
    await world.company.delete(f"/Users/{user}")

    assert await world.turned_away() == ("user_deleted", "LNK-4")


async def test_a_person_made_anew_by_scim_may_come_back(world: World) -> None:
    world.configuration = world.provider.entra()
    user = await world.company.user(externalId=PERSON)
    await world.signed_in()
    await world.company.delete(f"/Users/{user}")
    assert await world.turned_away() == ("user_deleted", "LNK-4")

    again = await world.company.user(externalId=PERSON)
    assert (await world.signed_in()).user == again != user


async def test_the_same_subject_at_another_provider_is_another_person(world: World) -> None:
    """Check C28."""
    world.door.creates = True
    first = await world.signed_in()
    world.configuration = replace(world.configuration, id=UUID(int=98))
    world.provider.claims = {"preferred_username": "another@acme.example"}

    assert (await world.signed_in()).user != first.user


async def test_the_same_person_in_another_tenant_is_another_person(world: World) -> None:
    """Check TEN-6."""
    world.door.creates = True
    world.configuration = world.provider.entra()
    world.provider.claims |= {"preferred_username": "a@one.example"}
    first = await world.signed_in()
    world.provider.claims |= {
        "tid": OTHER_TENANT,
        "iss": f"{world.provider.url}/{OTHER_TENANT}/v2.0",
        "preferred_username": "a@two.example",
    }

    assert (await world.signed_in()).user != first.user


async def test_a_wrong_tenant_makes_nothing(world: World) -> None:
    """Check TEN-5: neither user, nor link, nor session."""
    world.door.creates = True
    stranger = "33333333-3333-4333-8333-333333333333"
    world.configuration = world.provider.entra()
    world.provider.claims |= {"tid": stranger, "iss": f"{world.provider.url}/{stranger}/v2.0"}

    assert await world.turned_away() == ("tenant_not_allowed", "TEN-1")
    assert world.door.arrivals == []


async def test_a_closed_door_keeps_nothing(world: World) -> None:
    ada = await world.company.user(externalId="ada")
    world.door.reason = "group_not_allowed"

    assert await world.turned_away() == ("group_not_allowed", None)
    assert world.door.arrivals[0].user == ada


async def test_guests_are_refused_where_the_door_says_so(world: World) -> None:
    """Check OID-14."""
    world.configuration = world.provider.entra()
    world.provider.claims |= {"acct": 1}
    world.door.guests = False

    assert await world.turned_away() == ("guest_not_allowed", "OID-14")


async def test_two_who_make_the_same_user_at_once_are_one(world: World) -> None:
    """Check LNK-7."""
    world.door.creates = True
    answers = [world.provider.authorize((await world.start()).url) for _ in range(6)]
    outcomes = await asyncio.gather(*(world.finish(answer) for answer in answers))
    users = {each.user for each in outcomes if isinstance(each, SignedIn)}

    assert len(users) == 1
    assert sum(each.linked for each in outcomes if isinstance(each, SignedIn)) == 1


async def test_a_name_that_is_somebody_elses_makes_no_user(world: World) -> None:
    """Check LNK-7: a second look finds nobody who is the same person."""
    await world.company.user("ada")
    world.door.creates = True

    assert await world.turned_away() == ("identity_conflict", "LNK-7")


async def test_a_test_signs_nobody_in(world: World) -> None:
    ada = await world.company.user(externalId="ada")
    world.provider.claims = {"groups": [G1]}
    outcome = await world.sign_in(testing=True)

    assert isinstance(outcome, Tried)
    assert (outcome.user, outcome.snapshot) == (ada, Snapshot((G1,), Source.TOKEN))
    assert await world.nothing_was_made()
    assert world.door.arrivals == []


async def test_signing_in_ends_the_session_the_browser_came_with(world: World) -> None:
    """Check C3."""
    ada = await world.company.user(externalId="ada")
    first = await world.signed_in()
    answer = world.provider.authorize((await world.start()).url)
    second = await world.finish(answer, session=first.handle)
    assert isinstance(second, SignedIn)

    live = await world.company.db.read(live_sessions, ada, world.clock.now())
    assert [each.id for each in live] == [second.session]


# ── groups that did not fit into the token ─────────────────────────────────────────────────────

OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "http://127.0.0.1:1/never"}},
}


async def looked_up(world: World, *answers: web.Response) -> Snapshot:
    await world.company.user(externalId=PERSON)
    world.configuration = world.provider.entra(group_lookup=True)
    world.provider.claims |= OVERAGE
    world.provider.groups_answers = list(answers)
    await world.signed_in()
    return world.door.arrivals[-1].snapshot


async def test_groups_are_looked_up_at_an_address_of_ours(world: World) -> None:
    """Checks GRP-3, GRP-10, GRP-11."""
    snapshot = await looked_up(world, json_answer({"value": [G1.upper()]}))

    assert snapshot == Snapshot((G1,), Source.LOOKUP)
    assert ("POST", f"/v1.0/users/{PERSON}/getMemberGroups") in world.provider.requests
    assert world.provider.forms[-1] == {"securityEnabledOnly": True}
    assert world.provider.forms[-2]["scope"] == f"{world.provider.url}/.default"
    assert world.provider.headers[-1]["Authorization"] == "Bearer own"


async def test_a_busy_graph_is_asked_three_times(world: World) -> None:
    """Check GRP-11."""
    busy = [json_answer({}, 429, **{"Retry-After": "2"}), json_answer({}, 503)]
    snapshot = await looked_up(world, *busy, json_answer({"value": []}))

    assert snapshot == Snapshot((), Source.LOOKUP)
    assert world.clock.slept == [2.0, 1.0]


UNREADABLE = {
    "refused": [json_answer({"error": {}}, 403)],
    "busy three times": [json_answer({}, 429), json_answer({}, 429), json_answer({}, 429)],
    "busy for longer than there is time": [json_answer({}, 429, **{"Retry-After": "60"})],
    "a part": [json_answer({"value": [G1], "@odata.nextLink": "x"})],
    "no list": [json_answer({"value": {"a": 1}})],
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_lookup_that_fails_is_unresolved_and_not_empty(world: World, name: str) -> None:
    """Check GRP-12."""
    answers = [web.Response(body=each.body, status=each.status, headers=each.headers) for each in UNREADABLE[name]]

    assert await looked_up(world, *answers) == Snapshot(None, Source.UNRESOLVED)


async def test_without_a_list_scim_says_which_groups(world: World) -> None:
    """Check GRP-9."""
    ada = await world.company.user(externalId="ada")
    await world.company.group(G1, ada)
    await world.signed_in()

    assert world.door.arrivals[-1].snapshot == Snapshot((G1,), Source.SCIM)


async def test_a_groups_claim_of_another_shape_refuses_the_token(world: World) -> None:
    """Check GRP-7."""
    world.provider.claims = {"groups": {"a": 1}}

    assert await world.turned_away() == ("sso_token_invalid", "GRP-7")
