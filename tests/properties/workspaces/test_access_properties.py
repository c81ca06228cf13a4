"""What holds for every decision, whatever the facts are."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.workspaces.access import decide
from rollcall.workspaces.access_model import (
    Actor,
    Allow,
    Deny,
    Door,
    DoorKind,
    ExtraPin,
    Role,
    SessionFacts,
    Stage,
    Standing,
    Way,
    WorkspaceState,
)
from rollcall.workspaces.access_words import RULES
from tests.unit.workspaces.doors import (
    CHOSEN,
    G1,
    G2,
    NOW,
    ORGANISATION,
    OTHER_CONFIGURATION,
    OTHER_WORKSPACE,
    WORKSPACE,
)

_YES_NO = [True, False]
_MOMENTS = [NOW - timedelta(minutes=1), NOW - timedelta(days=30)]
_SESSIONS = [
    SessionFacts(created=NOW - timedelta(minutes=9), last_seen=NOW, checked=NOW, ended=False),
    SessionFacts(created=NOW - timedelta(days=9), last_seen=NOW, checked=NOW, ended=False),
    SessionFacts(created=NOW, last_seen=NOW, checked=NOW - timedelta(days=9), ended=False),
    SessionFacts(created=NOW, last_seen=NOW, checked=NOW, ended=True),
]
_LISTS = [frozenset(), frozenset({G1}), frozenset({G2}), frozenset({G1, G2})]
# The first value of each is the one that opens most, so that allows are met often enough.
ACTOR: dict[str, list[Any]] = {
    "stage": [Stage.SESSION, Stage.SIGNING_IN, Stage.ASKING],
    "way": [Way.SSO, Way.LINK, Way.PIN, Way.BREAK_GLASS, Way.RECOVERY_CODE],
    "organisation": [ORGANISATION],
    "session": _SESSIONS,
    "standing": list(Standing),
    "address": ["ada@acme.example", "ada@other.example"],
    "configuration": [CHOSEN, OTHER_CONFIGURATION],
    "configuration_current": _YES_NO,
    "groups": _LISTS,
    "guest": [False, True],
    "authenticated": _MOMENTS,
    "strengths": [frozenset({"mfa"}), frozenset({"pwd"}), frozenset()],
    "local_main_user": _YES_NO,
    "roles": [frozenset({Role.PARTICIPANT}), frozenset({Role.ADMIN}), frozenset()],
    "link_workspace": [WORKSPACE, OTHER_WORKSPACE],
    "pin_given": _YES_NO,
    "known_device": _YES_NO,
}
DOOR: dict[str, list[Any]] = {
    "kind": list(DoorKind),
    "organisation": [ORGANISATION],
    "organisation_suspended": [False, True],
    "idle": [timedelta(minutes=30)],
    "absolute": [timedelta(hours=8)],
    "recheck": [timedelta(hours=8)],
    "sso": _YES_NO,
    "configuration": [CHOSEN],
    "group_ids": _LISTS,
    "guests_allowed": _YES_NO,
    "required_strengths": [frozenset(), frozenset({"mfa"})],
    "recent_minutes": [0, 60],
    "only_synchronised": [False, True],
    "workspace": [WORKSPACE],
    "state": list(WorkspaceState),
    "synchronised": _YES_NO,
    "creates_users": _YES_NO,
    "links": _YES_NO,
    "registration": _YES_NO,
    "domains": [frozenset(), frozenset({"acme.example"}), frozenset({"other.example"})],
    "sso_required_for": [frozenset(), frozenset({"acme.example"})],
    "extra_pin": list(ExtraPin),
}


def mostly(values: list[Any]) -> st.SearchStrategy[Any]:
    """The first value in about two of three draws, else any."""
    return st.one_of(st.just(values[0]), st.just(values[0]), st.sampled_from(values))


known_actors = st.builds(Actor, **{name: mostly(values) for name, values in ACTOR.items()})
known_doors = st.builds(
    Door, **{name: st.sampled_from(values) if name == "kind" else mostly(values) for name, values in DOOR.items()}
)
any_actors = st.builds(Actor, **{name: mostly([*values, None]) for name, values in ACTOR.items()})
any_doors = st.builds(
    Door, **{name: mostly(values if name == "kind" else [*values, None]) for name, values in DOOR.items()}
)


def opens(actor: Actor, door: Door) -> bool:
    return isinstance(decide(actor, door, NOW), Allow)


def test_every_fact_is_varied_here() -> None:
    assert {field.name for field in fields(Actor)} == {*ACTOR, "kept_by_save"}
    assert {field.name for field in fields(Door)} == set(DOOR)


@given(any_actors, any_doors)
def test_there_is_always_one_answer_and_its_last_line_is_the_reason(actor: Actor, door: Door) -> None:
    decision = decide(actor, door, NOW)

    assert {line.step for line in decision.lines} <= set(RULES)
    if isinstance(decision, Deny):
        assert [line.reason for line in decision.lines if line.reason] == [decision.reason]
        assert decision.lines[-1].reason is decision.reason
    else:
        assert not any(line.reason for line in decision.lines)


def test_where_nothing_is_known_nothing_opens() -> None:
    for kind in DoorKind:
        assert not opens(Actor(), Door(kind=kind))
        assert not opens(Actor(), Door(kind=kind, organisation=ORGANISATION, workspace=WORKSPACE))


_UNKNOWABLE = [("actor", name) for name in ACTOR] + [("door", name) for name in DOOR if name != "kind"]


@pytest.mark.parametrize(("side", "fact"), _UNKNOWABLE)
@given(actor=known_actors, door=known_doors)
@settings(max_examples=60)
def test_a_fact_that_is_not_known_opens_nothing_that_some_value_of_it_would_not(
    side: str, fact: str, actor: Actor, door: Door
) -> None:
    """Deny by default: where a fact matters, not knowing it denies."""

    def knowing(value: Any) -> tuple[Actor, Door]:
        changed: dict[str, Any] = {fact: value}
        return (replace(actor, **changed), door) if side == "actor" else (actor, replace(door, **changed))

    if fact == "organisation" and side == "actor" and actor.stage is Stage.ASKING:
        return  # nobody's organisation is known before there is a session
    if opens(*knowing(None)):
        values = ACTOR[fact] if side == "actor" else DOOR[fact]
        for value in values:
            assert opens(*knowing(value)), value


@given(known_actors, known_doors)
def test_a_limit_to_groups_is_never_passed_without_one_of_them(actor: Actor, door: Door) -> None:
    for groups in (None, frozenset[str](), frozenset({"another"})):
        limited = replace(door, group_ids=frozenset({G1}))
        if actor.way is Way.SSO and door.kind is not DoorKind.HOME:
            assert not opens(replace(actor, groups=groups), limited)


@given(any_actors, any_doors, st.sampled_from([G1, G2]))
def test_losing_a_group_opens_no_door(actor: Actor, door: Door, lost: str) -> None:
    less = replace(actor, groups=None if actor.groups is None else actor.groups - {lost})

    assert opens(actor, door) or not opens(less, door)


@given(known_actors, known_doors)
def test_suspension_deletion_and_the_end_of_the_session_shut_every_door(actor: Actor, door: Door) -> None:
    for standing in (Standing.SUSPENDED, Standing.DELETED):
        assert not opens(replace(actor, standing=standing), door)
    assert not opens(replace(actor, stage=Stage.SESSION, session=_SESSIONS[-1]), door)
    assert not opens(actor, replace(door, organisation_suspended=True))


@given(known_actors, known_doors)
def test_nothing_is_made_for_somebody_who_only_asks_or_is_turned_away(actor: Actor, door: Door) -> None:
    decision = decide(actor, door, NOW)

    if isinstance(decision, Allow) and (decision.creates_user or decision.creates_membership):
        assert actor.stage is not Stage.ASKING
        assert not door.only_synchronised or not decision.creates_user
        assert Role.ADMIN not in decision.roles


@given(known_actors, known_doors)
def test_being_a_main_user_opens_no_workspace(actor: Actor, door: Door) -> None:
    """Row W18."""
    if door.kind in (DoorKind.WORKSPACE, DoorKind.WORKSPACE_SETTINGS):
        as_main, as_none = (decide(replace(actor, local_main_user=local), door, NOW) for local in (True, False))
        assert as_main == as_none
