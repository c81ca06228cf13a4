"""Who may enter: one test for each row of the tables, named by its mark."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rollcall.workspaces.access import decide
from rollcall.workspaces.access_model import (
    Actor,
    Allow,
    Appointment,
    Decision,
    Deny,
    Door,
    DoorKind,
    ExtraPin,
    Offer,
    Reason,
    Role,
    SessionFacts,
    Stage,
    Standing,
    Way,
    WorkspaceState,
)
from rollcall.workspaces.access_words import RULES
from tests.unit.workspaces.doors import (
    ADMIN,
    FRESH,
    G1,
    G2,
    MEMBER,
    NOW,
    OTHER_CONFIGURATION,
    OTHER_ORGANISATION,
    OTHER_WORKSPACE,
    actor,
    dashboard,
    workspace,
)

L1, L2 = frozenset({G1}), frozenset({G2})
MAIN_USER = frozenset({Role.MAIN_USER})
ABSENT: dict[str, Any] = {"standing": Standing.ABSENT, "stage": Stage.SIGNING_IN, "session": None}
BY_LINK: dict[str, Any] = {"way": Way.LINK, "configuration": None, "configuration_current": None, "groups": None}
BY_PIN: dict[str, Any] = {**BY_LINK, "way": Way.PIN, "link_workspace": None}
ASKING: dict[str, Any] = {"stage": Stage.ASKING, "session": None, "organisation": None}
PIN_ASKED = {**BY_PIN, **ASKING}
LINK_ASKED = {**BY_LINK, **ASKING}
LINK_USED = {**BY_LINK, "stage": Stage.SIGNING_IN, "session": None}
EMERGENCY = {**BY_PIN, "way": Way.BREAK_GLASS}
REGISTERS: dict[str, Any] = {"registration": True, "domains": frozenset({"acme.example"})}


def reason(decision: Decision) -> Reason | None:
    return decision.reason if isinstance(decision, Deny) else None


def denied(who: Actor, door: Door) -> Deny:
    decision = decide(who, door, NOW)
    assert isinstance(decision, Deny)
    assert decision.lines[-1].reason is decision.reason
    assert all(line.reason is None for line in decision.lines[:-1])
    assert {line.step for line in decision.lines} <= set(RULES)
    return decision


def allowed(who: Actor, door: Door) -> Allow:
    decision = decide(who, door, NOW)
    assert isinstance(decision, Allow), reason(decision)
    assert all(line.reason is None for line in decision.lines)
    assert {line.step for line in decision.lines} <= set(RULES)
    return decision


def aged(**times: Any) -> SessionFacts:
    facts = {"created": FRESH.created, "last_seen": FRESH.last_seen, "checked": FRESH.checked, "ended": False}
    return SessionFacts(**{**facts, **times})


# ── before everything ──────────────────────────────────────────────────────────────────────────

_NOBODY: dict[str, Any] = {"session": None, "organisation": None, "way": None, "standing": None}


@pytest.mark.parametrize(
    ("who", "facts", "expected"),
    [
        pytest.param({}, {"organisation": None}, Reason.NOT_FOUND, id="P1-no-such-place"),
        pytest.param(_NOBODY, {"organisation": None}, Reason.NOT_FOUND, id="P1-no-such-place-for-nobody"),
        pytest.param({}, {"organisation": OTHER_ORGANISATION}, Reason.NOT_FOUND, id="P1-of-another-organisation"),
        pytest.param(
            {"stage": Stage.SIGNING_IN},
            {"organisation": OTHER_ORGANISATION},
            Reason.NOT_FOUND,
            id="P1-signing-in-elsewhere",
        ),
        pytest.param({}, {"organisation_suspended": True}, Reason.ORG_SUSPENDED, id="P2"),
        pytest.param(_NOBODY, {}, Reason.LOGIN_REQUIRED, id="P3-no-session"),
        pytest.param({"session": aged(ended=True)}, {}, Reason.LOGIN_REQUIRED, id="P3-ended"),
        pytest.param({"session": aged(last_seen=NOW - timedelta(minutes=30))}, {}, Reason.LOGIN_REQUIRED, id="P3-idle"),
        pytest.param({"session": aged(created=NOW - timedelta(hours=8))}, {}, Reason.LOGIN_REQUIRED, id="P3-absolute"),
        pytest.param({"session": aged(provider_limit=NOW)}, {}, Reason.LOGIN_REQUIRED, id="P3-provider-limit"),
        pytest.param({"session": aged(checked=NOW - timedelta(hours=8))}, {}, Reason.LOGIN_REQUIRED, id="P3-re-check"),
        pytest.param({"session": aged(recheck=NOW)}, {}, Reason.LOGIN_REQUIRED, id="P3-re-check-of-the-session"),
        pytest.param({"standing": Standing.DELETED}, {}, Reason.USER_DELETED, id="P4"),
        pytest.param({"standing": Standing.ABSENT}, {}, Reason.USER_DELETED, id="P4-session-without-account"),
        pytest.param(
            {**ABSENT, "standing": Standing.DELETED}, {"creates_users": True}, Reason.USER_DELETED, id="P4-tombstone"
        ),
        pytest.param({"standing": Standing.SUSPENDED}, {}, Reason.USER_SUSPENDED, id="P5"),
        pytest.param({"configuration_current": False}, {}, Reason.LOGIN_REQUIRED, id="P6"),
    ],
)
@pytest.mark.parametrize("make", [dashboard, workspace])
def test_before_everything(make: Any, who: dict[str, Any], facts: dict[str, Any], expected: Reason) -> None:
    who = {"local_main_user": True, "roles": ADMIN, **who}

    assert denied(actor(**who), make(**facts)).reason is expected


def test_a_session_is_used_to_the_last_moment_of_each_limit() -> None:
    moment = timedelta(microseconds=1)
    times = aged(
        last_seen=NOW - timedelta(minutes=30) + moment,
        created=NOW - timedelta(hours=8) + moment,
        checked=NOW - timedelta(hours=8) + moment,
        provider_limit=NOW + moment,
    )

    allowed(actor(session=times, roles=MEMBER), workspace())


def test_only_single_sign_on_is_checked_again_with_the_provider() -> None:
    times = aged(checked=None)

    allowed(actor(**{**BY_LINK, "session": times, "roles": MEMBER}), workspace())
    assert denied(actor(session=times, roles=MEMBER), workspace()).reason is Reason.UNDECIDED


def test_a_due_re_check_offers_the_round_trip_to_the_provider() -> None:
    deny = denied(actor(session=aged(checked=NOW - timedelta(hours=9)), roles=MEMBER), workspace())

    assert deny.offers == (Offer.RECHECK, Offer.LOG_IN)


def test_the_first_failing_line_wins() -> None:
    who = actor(
        standing=Standing.SUSPENDED, configuration_current=False, configuration=OTHER_CONFIGURATION, groups=None
    )

    door = workspace(state=WorkspaceState.ARCHIVED, group_ids=L1)

    assert denied(who, door).reason is Reason.USER_SUSPENDED
    assert [line.row for line in denied(who, door).lines] == ["P1", "P2", "P3", "P3", "P5"]


# ── the Main User Dashboard ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("who", "door", "appointments"),
    [
        pytest.param(
            {**BY_PIN, "local_main_user": True}, {"sso": False}, {Appointment.LOCAL}, id="M1"
        ),
        pytest.param({**PIN_ASKED, "local_main_user": True}, {"sso": False}, {Appointment.LOCAL}, id="M1-asked-for"),
        pytest.param({"local_main_user": True}, {}, {Appointment.LOCAL}, id="M5"),
        pytest.param({}, {"group_ids": L1}, {Appointment.GROUP}, id="M7"),
        pytest.param({"local_main_user": None}, {"group_ids": L1}, {Appointment.GROUP}, id="M7-appointment-not-known"),
        pytest.param(
            {"local_main_user": True}, {"group_ids": L1 | L2}, {Appointment.GROUP, Appointment.LOCAL}, id="M8"
        ),
        pytest.param({**ABSENT}, {"group_ids": L1}, {Appointment.GROUP}, id="M12"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [DoorKind.DASHBOARD, DoorKind.SETTINGS])
def test_who_enters_the_dashboard(
    kind: DoorKind, who: dict[str, Any], door: dict[str, Any], appointments: set[Appointment]
) -> None:
    decision = allowed(actor(**who), dashboard(kind=kind, **door))

    assert decision.roles == MAIN_USER
    assert decision.appointments == appointments
    assert decision.creates_user is (who.get("standing") is Standing.ABSENT)


@pytest.mark.parametrize(
    ("who", "door", "expected", "offers"),
    [
        pytest.param({**PIN_ASKED}, {"sso": False}, Reason.NOT_MAIN_USER, (), id="M2"),
        pytest.param({**BY_PIN}, {"sso": False}, Reason.NOT_MAIN_USER, (), id="M1-appointment-taken-away"),
        pytest.param(
            {**BY_LINK, "local_main_user": True}, {"sso": False}, Reason.STEP_UP_REQUIRED, (Offer.PIN,), id="M3-link"
        ),
        pytest.param({"local_main_user": True}, {"sso": False}, Reason.STEP_UP_REQUIRED, (Offer.PIN,), id="M3-sso"),
        pytest.param({**PIN_ASKED, "local_main_user": True}, {}, Reason.SSO_REQUIRED, (Offer.SSO,), id="M4"),
        pytest.param({**PIN_ASKED}, {}, Reason.SSO_REQUIRED, (Offer.SSO,), id="M4-no-main-user"),
        pytest.param({**BY_PIN, "local_main_user": True}, {}, Reason.SSO_REQUIRED, (Offer.SSO,), id="M4-old-session"),
        pytest.param({}, {}, Reason.NOT_MAIN_USER, (), id="M6"),
        pytest.param({"local_main_user": True}, {"group_ids": L2}, Reason.GROUP_NOT_ALLOWED, (), id="M9"),
        pytest.param({}, {"group_ids": L2}, Reason.GROUP_NOT_ALLOWED, (), id="M9-no-appointment"),
        pytest.param(
            {"local_main_user": True, "groups": frozenset()}, {"group_ids": L1}, Reason.GROUP_NOT_ALLOWED, (), id="M9-no-group"
        ),
        pytest.param(
            {"local_main_user": True, "groups": None}, {"group_ids": L1}, Reason.GROUPS_UNRESOLVED, (), id="M10"
        ),
        pytest.param(
            {"configuration": OTHER_CONFIGURATION, "local_main_user": True},
            {},
            Reason.WRONG_SSO_CONFIGURATION,
            (Offer.SSO,),
            id="M11-another-configuration",
        ),
        pytest.param(
            {**BY_LINK, "local_main_user": True}, {}, Reason.WRONG_SSO_CONFIGURATION, (Offer.SSO,), id="M11-login-link"
        ),
        pytest.param(
            {**ABSENT}, {"group_ids": L1, "only_synchronised": True}, Reason.USER_UNKNOWN, (), id="M12-only-synchronised"
        ),
        pytest.param({**ABSENT, "standing": Standing.DELETED}, {"group_ids": L1}, Reason.USER_DELETED, (Offer.LOG_IN,), id="M12-tombstone"),
        pytest.param({**ABSENT}, {"group_ids": L2}, Reason.GROUP_NOT_ALLOWED, (), id="M12-no-group-in-common"),
        pytest.param({**ABSENT}, {}, Reason.USER_UNKNOWN, (), id="M13"),
        pytest.param(
            {"guest": True, "local_main_user": True}, {}, Reason.GUEST_NOT_ALLOWED, (), id="M15"
        ),
        pytest.param({"guest": True}, {"group_ids": L1}, Reason.GUEST_NOT_ALLOWED, (), id="M15-in-a-listed-group"),
        pytest.param(
            {"local_main_user": True}, {"recent_minutes": 10}, Reason.STEP_UP_REQUIRED, (Offer.SSO,), id="M16-too-old"
        ),
        pytest.param(
            {"local_main_user": True, "authenticated": None},
            {"recent_minutes": 10},
            Reason.STEP_UP_REQUIRED,
            (Offer.SSO,),
            id="M16-age-not-told",
        ),
        pytest.param(
            {"local_main_user": True},
            {"required_strengths": frozenset({"mfa"})},
            Reason.STEP_UP_REQUIRED,
            (Offer.SSO,),
            id="M16-too-weak",
        ),
    ],
)  # fmt: skip
def test_who_does_not_enter_the_dashboard(
    who: dict[str, Any], door: dict[str, Any], expected: Reason, offers: tuple[Offer, ...]
) -> None:
    deny = denied(actor(**who), dashboard(**door))

    assert deny.reason is expected
    assert deny.offers == offers


@pytest.mark.parametrize("sso", [True, False])
@pytest.mark.parametrize(
    "way", [pytest.param(Way.BREAK_GLASS, id="M14"), pytest.param(Way.RECOVERY_CODE, id="M14-recovery-code")]
)
def test_an_emergency_sign_in_opens_the_settings_only(way: Way, sso: bool) -> None:
    who = actor(**{**EMERGENCY, "way": way})

    assert allowed(who, dashboard(kind=DoorKind.SETTINGS, sso=sso)).roles == {Role.BREAK_GLASS}
    assert denied(who, dashboard(sso=sso)).reason is Reason.SETTINGS_ONLY
    assert denied(who, workspace(kind=DoorKind.HOME)).reason is Reason.SETTINGS_ONLY
    assert denied(who, workspace()).reason is Reason.NOT_A_MEMBER


def test_a_sign_in_that_is_recent_and_strong_enough_passes() -> None:
    door = dashboard(recent_minutes=11, required_strengths=frozenset({"mfa", "hwk"}))

    allowed(actor(local_main_user=True, strengths=frozenset({"pwd", "mfa"})), door)


def test_guests_enter_the_dashboard_where_they_may() -> None:
    allowed(actor(local_main_user=True, guest=True), dashboard(guests_allowed=True))


def test_who_saved_the_access_control_keeps_that_session() -> None:
    saver = {**BY_PIN, "local_main_user": True, "kept_by_save": True}

    assert allowed(actor(**saver), dashboard(group_ids=L2)).roles == MAIN_USER
    assert denied(actor(**{**saver, "kept_by_save": False}), dashboard(group_ids=L2)).reason is Reason.SSO_REQUIRED
    assert denied(actor(**{**saver, **ASKING}), dashboard()).reason is Reason.SSO_REQUIRED
    assert denied(actor(**{**saver, "standing": Standing.SUSPENDED}), dashboard()).reason is Reason.USER_SUSPENDED


# ── a workspace ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("who", "door", "roles", "creates"),
    [
        pytest.param({"roles": ADMIN}, {}, ADMIN, False, id="W2"),
        pytest.param({"roles": MEMBER, "groups": None}, {}, MEMBER, False, id="W2-groups-unresolved"),
        pytest.param({"roles": MEMBER}, {"group_ids": L1 | L2}, MEMBER, False, id="W3"),
        pytest.param({}, {"creates_users": True}, MEMBER, True, id="W6"),
        pytest.param({**ABSENT}, {"creates_users": True}, MEMBER, True, id="W6-no-account-yet"),
        pytest.param({}, {"creates_users": True, "group_ids": L1}, MEMBER, True, id="W7"),
        pytest.param({**ABSENT}, {"creates_users": True, "group_ids": L1}, MEMBER, True, id="W7-no-account-yet"),
        pytest.param({**BY_LINK, "roles": MEMBER}, {"sso": False}, MEMBER, False, id="W12"),
        pytest.param({**BY_LINK, "roles": ADMIN}, {"group_ids": L2}, ADMIN, False, id="W12-beside-single-sign-on"),
        pytest.param({**LINK_ASKED, "roles": MEMBER}, {}, MEMBER, False, id="W12-asked-for"),
        pytest.param({**LINK_USED}, {**REGISTERS}, MEMBER, True, id="W16"),
        pytest.param({**LINK_USED, "standing": Standing.ABSENT}, {**REGISTERS}, MEMBER, True, id="W16-no-account-yet"),
        pytest.param({**LINK_USED}, {**REGISTERS, "domains": frozenset()}, MEMBER, True, id="W16-all-domains"),
        pytest.param({"roles": MEMBER, "link_workspace": None}, {}, MEMBER, False, id="W19"),
    ],
)
def test_who_enters_a_workspace(
    who: dict[str, Any], door: dict[str, Any], roles: frozenset[Role], creates: bool
) -> None:
    decision = allowed(actor(**who), workspace(**door))

    assert decision.roles == roles
    assert decision.creates_membership is creates
    assert decision.creates_user is (who.get("standing") is Standing.ABSENT)


@pytest.mark.parametrize(
    ("who", "door", "expected"),
    [
        pytest.param({"roles": ADMIN}, {"state": WorkspaceState.DELETED}, Reason.NOT_FOUND, id="P1-deleted-workspace"),
        pytest.param({"roles": ADMIN}, {"state": WorkspaceState.ARCHIVED}, Reason.WORKSPACE_ARCHIVED, id="W1"),
        pytest.param(
            {**BY_LINK, "roles": ADMIN},
            {"state": WorkspaceState.ARCHIVED},
            Reason.WORKSPACE_ARCHIVED,
            id="W1-login-link",
        ),
        pytest.param({"roles": ADMIN}, {"group_ids": L2}, Reason.GROUP_NOT_ALLOWED, id="W4"),
        pytest.param({"roles": MEMBER, "groups": None}, {"group_ids": L1}, Reason.GROUPS_UNRESOLVED, id="W5"),
        pytest.param(
            {"groups": None}, {"group_ids": L1, "creates_users": True}, Reason.GROUPS_UNRESOLVED, id="W5-no-member"
        ),
        pytest.param({}, {"group_ids": L2, "creates_users": True}, Reason.GROUP_NOT_ALLOWED, id="W8"),
        pytest.param(
            {**ABSENT}, {"group_ids": L2, "creates_users": True}, Reason.GROUP_NOT_ALLOWED, id="W8-no-account"
        ),
        pytest.param({}, {}, Reason.NOT_A_MEMBER, id="W9"),
        pytest.param({}, {"group_ids": L1}, Reason.NOT_A_MEMBER, id="W9-in-a-listed-group"),
        pytest.param({**ABSENT}, {}, Reason.USER_UNKNOWN, id="W9-no-account-yet"),
        pytest.param(
            {**ABSENT},
            {"creates_users": True, "only_synchronised": True},
            Reason.USER_UNKNOWN,
            id="W6-only-synchronised",
        ),
        pytest.param(
            {"configuration": OTHER_CONFIGURATION, "roles": ADMIN}, {}, Reason.WRONG_SSO_CONFIGURATION, id="W10"
        ),
        pytest.param({"roles": ADMIN}, {"sso": False}, Reason.SSO_NOT_ENABLED, id="W11"),
        pytest.param(
            {**BY_LINK, "roles": MEMBER},
            {"sso_required_for": frozenset({"acme.example"})},
            Reason.SSO_REQUIRED,
            id="W13-domain",
        ),
        pytest.param(
            {**LINK_ASKED},
            {**REGISTERS, "sso_required_for": frozenset({"ada@acme.example"})},
            Reason.SSO_REQUIRED,
            id="W13-asked-for-by-no-member",
        ),
        pytest.param(
            {**LINK_ASKED, "address": "ADA@ACME.example", "roles": MEMBER},
            {"sso_required_for": frozenset({"ada@acme.example"})},
            Reason.SSO_REQUIRED,
            id="W13-address-in-any-case",
        ),
        pytest.param({**BY_LINK, "roles": MEMBER}, {"links": False}, Reason.LOGIN_LINK_OFF, id="W14"),
        pytest.param({**LINK_ASKED, "roles": MEMBER}, {"links": False}, Reason.LOGIN_LINK_OFF, id="W14-asked-for"),
        pytest.param({**LINK_ASKED}, {}, Reason.NOT_A_MEMBER, id="W15"),
        pytest.param({**LINK_ASKED, "standing": Standing.ABSENT}, {}, Reason.NOT_A_MEMBER, id="W15-no-account"),
        pytest.param({**BY_LINK}, {**REGISTERS}, Reason.NOT_A_MEMBER, id="W16-membership-ended"),
        pytest.param(
            {**LINK_USED, "standing": Standing.DELETED}, {**REGISTERS}, Reason.USER_DELETED, id="W16-tombstone"
        ),
        pytest.param(
            {**LINK_USED, "standing": Standing.ABSENT},
            {**REGISTERS, "only_synchronised": True},
            Reason.USER_UNKNOWN,
            id="W16-only-synchronised",
        ),
        pytest.param(
            {**LINK_ASKED, "address": "ada@other.example"}, {**REGISTERS}, Reason.DOMAIN_NOT_ALLOWED, id="W17"
        ),
        pytest.param(
            {**LINK_ASKED, "address": "ada@sub.acme.example"},
            {**REGISTERS},
            Reason.DOMAIN_NOT_ALLOWED,
            id="W17-subdomain",
        ),
        pytest.param({"local_main_user": True}, {}, Reason.NOT_A_MEMBER, id="W18"),
        pytest.param({**BY_PIN, "local_main_user": True}, {}, Reason.NOT_A_MEMBER, id="W18-by-pin"),
        pytest.param(
            {**BY_LINK, "roles": ADMIN, "link_workspace": OTHER_WORKSPACE}, {}, Reason.LOGIN_REQUIRED, id="W20"
        ),
        pytest.param({**BY_PIN, "roles": ADMIN}, {}, Reason.LOGIN_REQUIRED, id="W20-by-pin"),
    ],
)
def test_who_does_not_enter_a_workspace(who: dict[str, Any], door: dict[str, Any], expected: Reason) -> None:
    assert denied(actor(**who), workspace(**door)).reason is expected


def test_a_mail_for_registering_is_sent_before_anything_is_made() -> None:
    decision = allowed(actor(**{**LINK_ASKED, "standing": Standing.ABSENT}), workspace(**REGISTERS))

    assert decision.roles == frozenset()
    assert not decision.creates_user
    assert not decision.creates_membership


@pytest.mark.parametrize(
    ("extra_pin", "facts", "enters"),
    [
        (ExtraPin.OFF, {}, True),
        (ExtraPin.ALWAYS, {}, False),
        (ExtraPin.ALWAYS, {"known_device": True}, False),
        (ExtraPin.ALWAYS, {"pin_given": True}, True),
        (ExtraPin.NEW_DEVICES, {}, False),
        (ExtraPin.NEW_DEVICES, {"known_device": True}, True),
        (ExtraPin.NEW_DEVICES, {"pin_given": True}, True),
    ],
)
def test_a_login_link_may_need_a_pin_too(extra_pin: ExtraPin, facts: dict[str, Any], enters: bool) -> None:
    """Row W12, "after PIN if set"; single sign-on never needs one."""
    door = workspace(extra_pin=extra_pin)

    by_link = decide(actor(**{**LINK_USED, "roles": MEMBER, **facts}), door, NOW)

    assert reason(by_link) is (None if enters else Reason.STEP_UP_REQUIRED)
    allowed(actor(roles=MEMBER), door)


def test_a_synchronised_workspace_says_that_membership_may_be_on_its_way() -> None:
    """Row W9."""
    assert denied(actor(), workspace(group_ids=L1, synchronised=True)).on_its_way
    assert not denied(actor(), workspace(group_ids=L1)).on_its_way
    assert not denied(actor(groups=frozenset()), workspace(group_ids=L1, synchronised=True)).on_its_way


def test_who_came_by_the_link_of_another_workspace_is_offered_its_own_ways() -> None:
    """Row W20."""
    who = actor(**{**BY_LINK, "roles": MEMBER, "link_workspace": OTHER_WORKSPACE})

    assert denied(who, workspace()).offers == (Offer.SSO, Offer.LINK)
    assert denied(who, workspace(links=False)).offers == (Offer.SSO,)
    assert denied(who, workspace(sso=False)).offers == (Offer.LINK,)


def test_settings_of_a_workspace_are_for_its_admins() -> None:
    door = workspace(kind=DoorKind.WORKSPACE_SETTINGS, creates_users=True)

    assert allowed(actor(roles=ADMIN), door).roles == ADMIN
    assert denied(actor(roles=MEMBER), door).reason is Reason.FORBIDDEN
    assert denied(actor(), door).reason is Reason.FORBIDDEN


def test_guests_and_weak_sign_ins_are_kept_out_of_a_workspace_where_its_configuration_says_so() -> None:
    assert denied(actor(roles=MEMBER, guest=True), workspace(guests_allowed=False)).reason is Reason.GUEST_NOT_ALLOWED
    strong = workspace(required_strengths=frozenset({"mfa"}))
    assert denied(actor(roles=MEMBER), strong).reason is Reason.STEP_UP_REQUIRED
    allowed(actor(roles=MEMBER, guest=True), workspace())


def test_everybody_with_a_session_has_a_home() -> None:
    home = workspace(kind=DoorKind.HOME)

    for who in (actor(), actor(**BY_LINK), actor(**BY_PIN)):
        assert allowed(who, home).roles == frozenset()
    assert denied(actor(**_NOBODY), home).reason is Reason.LOGIN_REQUIRED
    assert denied(actor(**PIN_ASKED), home).reason is Reason.UNDECIDED


def test_only_pins_and_links_can_be_asked_for() -> None:
    for way in (Way.SSO, *(Way.BREAK_GLASS, Way.RECOVERY_CODE)):
        for door in (dashboard(kind=DoorKind.SETTINGS), workspace()):
            assert denied(actor(**{**ASKING, "way": way}), door).reason is Reason.UNDECIDED


@pytest.mark.parametrize(
    ("who", "door", "steps"),
    [
        ({"roles": MEMBER}, workspace(), "archived switch chosen groups member guest strength"),
        ({**BY_LINK, "roles": MEMBER}, workspace(), "archived link links enforced member"),
        ({**LINK_USED}, workspace(**REGISTERS), "archived link links enforced member domain extra_pin"),
        ({"groups": frozenset({G1})}, dashboard(group_ids=L1), "way chosen groups guest strength recent"),
        ({**BY_PIN, "local_main_user": True}, dashboard(sso=False), "appointment way"),
        ({**BY_PIN, "kept_by_save": True}, dashboard(), "saver"),
    ],
)
def test_an_allow_tells_every_step_that_it_went_through(who: dict[str, Any], door: Door, steps: str) -> None:
    decision = allowed(actor(**who), door)

    told = [line.step for line in decision.lines]
    before = [step for step in told if step in ("place", "organisation", "session", "account", "configuration")]
    assert told[: len(before) + 1] == [*before[:2], "way", *before[2:]]
    assert told[len(before) + 1 :] == steps.split()
    assert all(line.seen and line.seen != "not known" for line in decision.lines)


# ── across organisations (5.5) ─────────────────────────────────────────────────────────────────


def test_what_belongs_to_another_organisation_is_answered_like_what_is_not_there() -> None:
    for make in (dashboard, workspace):
        foreign = denied(actor(roles=ADMIN, local_main_user=True), make(organisation=OTHER_ORGANISATION))
        missing = denied(actor(roles=ADMIN, local_main_user=True), make(organisation=None))
        assert (foreign.reason, foreign.offers, foreign.on_its_way) == (
            missing.reason,
            missing.offers,
            missing.on_its_way,
        )


def test_nobody_of_one_organisation_asks_for_a_link_of_another() -> None:
    who = actor(**{**LINK_ASKED, "organisation": OTHER_ORGANISATION, "roles": MEMBER})

    assert denied(who, workspace()).reason is Reason.NOT_FOUND
