"""An account that a target shows for somebody else's value is nobody's: it is neither linked nor changed (rules M5, M9)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.connectors.contract import Found
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.matching import Seen, believed, match_form
from rollcall.provisioning.model import AttributeMapping, Entry, Json, ObjectMapping
from tests.unit.provisioning.builders import ADA, GROUPS, IS_ACTIVE, USER_NAME, computed, direct, entry
from tests.unit.provisioning.one_job import Job

ACTIVE = computed(IS_ACTIVE, "active")
NUMBER = direct("employeeId", "externalId", 2)
INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"


class Careless(FakeTarget):
    """A target that ignores the filter on some attributes, and answers with everybody."""

    ignored: frozenset[str] = frozenset({"externalId"})

    async def find(self, kind: str, attribute: str, value: Json) -> Any:
        if attribute in self.ignored:
            everybody = [dict(resource) for resource in self.resources[kind].values()]
            return Found(everybody, len(everybody))
        return await super().find(kind, attribute, value)


def job(*attributes: AttributeMapping, target: FakeTarget | None = None) -> Job:
    mappings = {"User": compile_mapping(ObjectMapping("User", attributes)), "Group": compile_mapping(GROUPS)}
    made = Job(mappings=mappings)
    made.target = target or made.target
    return made


@pytest.mark.parametrize("number", [None, "1"])
async def test_a_target_that_ignores_the_filter_on_the_second_attribute_gives_nobody_away(number: str | None) -> None:
    """M5: neither an account with another value nor one without any is taken over."""
    run = job(USER_NAME, NUMBER, ACTIVE, target=Careless())
    admin = {"userName": "admin", "active": True} | ({} if number is None else {"externalId": number})
    run.target.make_by_hand("User", admin)
    before = [dict(account) for account in run.target.resources["User"].values()]
    run.source.put(entry(ADA, employeeId="7"))
    await run.cycle()

    link = run.ledger.links[ADA]
    assert link.target_id is None
    assert link.escrow is not None
    assert link.escrow.code == INCOMPATIBLE
    assert "filter on externalId" in link.escrow.reason
    assert list(run.target.resources["User"].values()) == before


async def test_a_leaver_takes_nobody_along_whom_a_careless_target_showed() -> None:
    """M5, M9: the account that was shown is as it was after the person has gone."""
    run = job(USER_NAME, NUMBER, ACTIVE, target=Careless())
    run.target.make_by_hand("User", {"userName": "admin", "active": True})
    for assigned in (True, False):
        run.source.put(entry(ADA, employeeId="7", assigned=assigned))
        await run.cycle()

    assert [account["active"] for account in run.target.resources["User"].values()] == [True]


async def test_the_right_account_is_found_among_those_that_a_careless_target_shows() -> None:
    """M1: the value decides, whatever else came along."""
    run = job(USER_NAME, NUMBER, ACTIVE, target=Careless())
    run.target.make_by_hand("User", {"userName": "admin", "active": True})
    run.target.make_by_hand("User", {"userName": "countess", "externalId": "7", "active": True})
    run.source.put(entry(ADA, employeeId="7"))
    await run.cycle()

    names = [account["userName"] for account in run.target.resources["User"].values()]
    assert names == ["admin", "ada@example.org"]


@pytest.mark.parametrize("filters", [True, False])
async def test_sharp_s_and_double_s_are_two_people(filters: bool) -> None:
    """M5: nobody is linked to the account of a similar name, and nobody is disabled with its namesake."""
    run = job(USER_NAME, ACTIVE)
    run.target.capabilities = run.target.capabilities.known("probe", filter=filters)
    run.target.make_by_hand("User", {"userName": "strasse@x", "active": True})
    for assigned in (True, False):
        run.source.put(Entry(ADA, "present", {"userPrincipalName": "straße@x"}, assigned=assigned))
        await run.cycle()
        link = run.ledger.links.get(ADA)
        assert link is None or link.target_id is None

    assert [account["active"] for account in run.target.resources["User"].values()] == [True]


def test_a_hit_is_believed_by_one_of_several_values() -> None:
    """M1: letter case counts where the attribute is exact; a looser target has found nobody."""
    hits: list[tuple[str, dict[str, Json]]] = [("t1", {}), ("t2", {})]
    shown = [["a@x", "B@x"], ["c@x"]]
    by = ("emails.value", "b@x")

    assert believed(by, hits, shown, exact=False) == Seen([hits[0]], by=by)
    assert believed(by, hits[:1], shown[:1], exact=True) == Seen([], by=by)
    assert believed(by, hits[1:], shown[1:], exact=False).problem is not None
    assert believed(by, hits[:1], [[]], exact=False).problem is not None


def test_matching_forms_keep_apart_what_is_more_than_letter_case() -> None:
    """M5."""
    assert match_form("straße") != match_form("STRASSE")
    assert match_form("É") == match_form("e\u0301")
    assert match_form("ΝΙΚΟΣ.x") == match_form("νικος.x")
    assert match_form("ſam") != match_form("sam")
