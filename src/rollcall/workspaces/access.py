"""Who may enter: one function decides for every door, and says which lines it looked at.

The lines are checked in the order of the tables; the first one that fails is the reason. Whatever no line allows is
denied, and so is whatever rests on a fact that could not be read (reason `undecided`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rollcall.workspaces.access_model import (
    Actor,
    Allow,
    Appointment,
    Decision,
    Deny,
    Door,
    DoorKind,
    ExtraPin,
    Line,
    Offer,
    Reason,
    Role,
    Stage,
    Standing,
    Way,
    WorkspaceState,
)

Steps = Iterator[Line | Allow]

_EMERGENCY = (Way.BREAK_GLASS, Way.RECOVERY_CODE)
_DASHBOARD = (DoorKind.DASHBOARD, DoorKind.SETTINGS)
_WORKSPACE = (DoorKind.WORKSPACE, DoorKind.WORKSPACE_SETTINGS)


def decide(actor: Actor, door: Door, now: datetime) -> Decision:
    """Whether `actor` may pass `door` at `now`: with which roles, or for which one reason not (rows P, M, W)."""
    lines: list[Line] = []
    for found in _walk(actor, door, now):
        if isinstance(found, Allow):
            return replace(found, lines=tuple(lines))
        lines.append(found)
        if found.reason is not None:
            waits = found.reason is Reason.NOT_A_MEMBER and actor.way is Way.SSO and door.synchronised is True
            return Deny(found.reason, tuple(lines), found.offers, on_its_way=waits)
    return Deny(Reason.UNDECIDED, tuple(lines))


def _walk(actor: Actor, door: Door, now: datetime) -> Steps:
    yield from _before_everything(actor, door, now)
    if door.kind in _DASHBOARD:
        yield from _dashboard(actor, door, now)
    elif door.kind in _WORKSPACE:
        yield from _workspace(actor, door)
    elif door.kind is DoorKind.HOME:
        yield _line("emergency", "M14", actor.way not in _EMERGENCY, Reason.SETTINGS_ONLY, _shown(actor.way))
        inside = True if actor.stage is Stage.SESSION else None
        yield _line("session", "P3", inside, Reason.LOGIN_REQUIRED, _shown(actor.stage))
        yield Allow(frozenset(), ())


# ── before everything: P1 to P6 ────────────────────────────────────────────────────────────────


def _before_everything(actor: Actor, door: Door, now: datetime) -> Steps:
    yield _place(actor, door)
    suspended = door.organisation_suspended
    yield _line("organisation", "P2", _not(suspended), Reason.ORG_SUSPENDED, _either(suspended, "suspended", "active"))
    yield _known_way(actor)
    if actor.stage is Stage.SESSION:
        yield _session(actor, door, now)
    yield _account(actor)
    if actor.way is Way.SSO:
        current = actor.configuration_current
        seen = _either(current, "on and unchanged", "off, deleted or changed")
        yield _line("configuration", "P6", current, Reason.LOGIN_REQUIRED, seen, offers=(Offer.LOG_IN,))


def _place(actor: Actor, door: Door) -> Line:
    """P1: unknown, deleted and another organisation's must look the same."""
    own = actor.organisation == door.organisation or (
        actor.organisation is None and actor.stage is not Stage.SIGNING_IN
    )
    deleted = door.kind in _WORKSPACE and door.state is WorkspaceState.DELETED
    if door.organisation is None or deleted:
        return _line("place", "P1", False, Reason.NOT_FOUND, "there is no such place")
    if not own:
        return _line("place", "P1", False, Reason.NOT_FOUND, "it belongs to another organisation")
    known = door.kind not in _WORKSPACE or (door.state is not None and door.workspace is not None)
    return _line("place", "P1", known or None, Reason.NOT_FOUND, "it is there" if known else "not known")


def _known_way(actor: Actor) -> Line:
    """Only PINs and links are asked for; a session or sign-in without a way is none that we know."""
    anonymous = actor.stage is Stage.SESSION and actor.session is None
    asks = actor.stage is Stage.ASKING and actor.way in (Way.PIN, Way.LINK)
    comes = actor.stage in (Stage.SIGNING_IN, Stage.SESSION) and actor.way is not None
    seen = "nobody" if anonymous else f"{_shown(actor.way)}, {_shown(actor.stage)}"
    return _line("way", "P3", anonymous or asks or comes or None, Reason.LOGIN_REQUIRED, seen)


def _session(actor: Actor, door: Door, now: datetime) -> Line:
    """P3, with the times of sessions: idle, absolute, what the provider set, and when to ask it again."""
    times, log_in = actor.session, (Offer.LOG_IN,)

    def line(holds: bool | None, seen: str, offers: tuple[Offer, ...] = log_in) -> Line:
        return _line("session", "P3", holds, Reason.LOGIN_REQUIRED, seen, offers=offers)

    if times is None:
        return line(False, "no session")
    if times.ended is None or door.idle is None or door.absolute is None or actor.organisation is None:
        return line(None, "not known")
    if times.ended:
        return line(False, "ended")
    if now >= times.last_seen + door.idle:
        return line(False, f"not used for {_span(door.idle)}")
    if now >= times.created + door.absolute:
        return line(False, f"older than {_span(door.absolute)}")
    if times.provider_limit is not None and now >= times.provider_limit:
        return line(False, "past the end that the provider set")
    if actor.way is Way.SSO:
        if times.checked is None or door.recheck is None:
            return line(None, "not known when the provider was asked last")
        due = times.checked + door.recheck
        if now >= (due if times.recheck is None else min(due, times.recheck)):
            return line(False, "the provider has to be asked again", (Offer.RECHECK, Offer.LOG_IN))
    return line(True, "valid")


def _account(actor: Actor) -> Line:
    """P4 and P5. Without an account one can ask and sign in, but have no session."""
    standing, log_in = actor.standing, (Offer.LOG_IN,)
    if standing is Standing.SUSPENDED:
        return _line("account", "P5", False, Reason.USER_SUSPENDED, "suspended", offers=log_in)
    absent_in_session = standing is Standing.ABSENT and actor.stage is Stage.SESSION
    if standing is Standing.DELETED or absent_in_session:
        return _line("account", "P4", False, Reason.USER_DELETED, "deleted", offers=log_in)
    known = True if standing is not None else None
    return _line("account", "P4", known, Reason.USER_DELETED, _shown(standing))


# ── the Main User Dashboard: M1 to M16 ─────────────────────────────────────────────────────────


def _dashboard(actor: Actor, door: Door, now: datetime) -> Steps:
    if actor.way in _EMERGENCY:
        inside = door.kind is DoorKind.SETTINGS
        yield _line("emergency", "M14", inside, Reason.SETTINGS_ONLY, _shown(actor.way))
        yield Allow(frozenset({Role.BREAK_GLASS}), ())
    elif door.sso is None:
        yield _line("switch", "M1", None, Reason.UNDECIDED, "not known")
    elif door.sso:
        yield from _dashboard_by_sso(actor, door, now)
    else:
        yield from _dashboard_by_pin(actor)


def _dashboard_by_pin(actor: Actor) -> Steps:
    local = actor.local_main_user
    row = "M1" if local or actor.stage is not Stage.ASKING else "M2"
    yield _appointed(row, local)
    yield _line(
        "way",
        "M1" if actor.way is Way.PIN else "M3",
        actor.way is Way.PIN,
        Reason.STEP_UP_REQUIRED,
        _shown(actor.way),
        offers=(Offer.PIN,),
    )
    yield Allow(frozenset({Role.MAIN_USER}), (), frozenset({Appointment.LOCAL}))


def _dashboard_by_sso(actor: Actor, door: Door, now: datetime) -> Steps:
    local = frozenset({Appointment.LOCAL}) if actor.local_main_user else frozenset()
    if actor.kept_by_save and actor.stage is Stage.SESSION:
        yield _line("saver", "2.3", True, Reason.SSO_REQUIRED, "saved the present settings")
        yield Allow(frozenset({Role.MAIN_USER}), (), local)
        return
    yield _line("way", "M4", actor.way is not Way.PIN, Reason.SSO_REQUIRED, _shown(actor.way), offers=(Offer.SSO,))
    yield _chosen("M11", actor, door)
    absent = actor.standing is Standing.ABSENT
    if door.group_ids is None:
        yield _line("groups", "M5", None, Reason.UNDECIDED, "the list is not known")
    elif not door.group_ids:
        if absent:
            yield _line("account", "M13", False, Reason.USER_UNKNOWN, "no account yet")
        yield _appointed("M5" if actor.local_main_user else "M6", actor.local_main_user)
    else:
        yield _groups(actor, door, ("M8" if local else "M12" if absent else "M7", "M9", "M10"))
        if absent:
            yield _may_be_created("M12", door)
    yield from _as_configured(actor, door, ("M15", "M16"))
    yield _recent(actor, door, now)
    group = frozenset({Appointment.GROUP}) if door.group_ids else frozenset()
    yield Allow(frozenset({Role.MAIN_USER}), (), local | group, creates_user=absent)


def _appointed(row: str, local: bool | None) -> Line:
    seen = _either(local, "main user by appointment", "no main user by appointment")
    return _line("appointment", row, local, Reason.NOT_MAIN_USER, seen)


def _recent(actor: Actor, door: Door, now: datetime) -> Line:
    """M16, the half of it that is about time. A provider that does not say when is asked again."""
    if door.recent_minutes is None:
        return _line("recent", "M16", None, Reason.STEP_UP_REQUIRED, "not known")
    if not door.recent_minutes:
        return _line("recent", "M16", True, Reason.STEP_UP_REQUIRED, "any time")
    limit = timedelta(minutes=door.recent_minutes)
    fresh = actor.authenticated is not None and now < actor.authenticated + limit
    seen = f"within {_span(limit)}" if fresh else f"longer ago than {_span(limit)}, or not told"
    return _line("recent", "M16", fresh, Reason.STEP_UP_REQUIRED, seen, offers=(Offer.SSO,))


# ── a workspace: W1 to W20 ─────────────────────────────────────────────────────────────────────


def _workspace(actor: Actor, door: Door) -> Steps:
    is_open = door.state is WorkspaceState.OPEN
    yield _line("archived", "W1", is_open, Reason.WORKSPACE_ARCHIVED, _shown(door.state))
    match actor.way:
        case Way.SSO:
            yield from _workspace_by_sso(actor, door)
        case Way.LINK:
            yield from _workspace_by_link(actor, door)
        case _:
            yield from _workspace_otherwise(actor, door)


def _workspace_by_sso(actor: Actor, door: Door) -> Steps:
    yield _line(
        "switch",
        "W11",
        door.sso,
        Reason.SSO_NOT_ENABLED,
        _either(door.sso, "on", "off"),
        offers=(Offer.LINK,) if door.links else (),
    )
    yield _chosen("W10", actor, door)
    member, absent = bool(actor.roles), actor.standing is Standing.ABSENT
    if actor.roles is None or door.group_ids is None:
        yield _line("groups", "W2", None, Reason.UNDECIDED, "not known")
    elif door.group_ids:
        yield _groups(actor, door, ("W3", "W4", "W5") if member else ("W7", "W8", "W5"))
    else:
        yield _line("groups", "W2" if member else "W6", True, Reason.GROUP_NOT_ALLOWED, "no list")
    if member:
        yield _line("member", "W3" if door.group_ids else "W2", True, Reason.NOT_A_MEMBER, "member")
    else:
        row = ("W7" if door.group_ids else "W6") if door.creates_users else "W9"
        seen = "no member; is made one" if door.creates_users else "no member, and nobody is made one"
        reason = Reason.USER_UNKNOWN if absent else Reason.NOT_A_MEMBER
        yield _line("member", row, door.creates_users, reason, seen)
        if absent:
            yield _may_be_created(row, door)
    yield from _as_configured(actor, door, ("2.1", "2.1"))
    yield from _enter(actor, door, creates=not member)


def _workspace_by_link(actor: Actor, door: Door) -> Steps:
    if actor.stage is not Stage.ASKING:
        own = None if actor.link_workspace is None else actor.link_workspace == door.workspace
        seen = _either(own, "of this workspace", "of another workspace")
        yield _line("link", "W20", own, Reason.LOGIN_REQUIRED, seen, offers=_ways_in(door))
    yield _line(
        "links",
        "W14",
        door.links,
        Reason.LOGIN_LINK_OFF,
        _either(door.links, "on", "off"),
        offers=(Offer.SSO,) if door.sso else (),
    )
    enforced = _is_listed(actor.address, door.sso_required_for)
    yield _line(
        "enforced",
        "W13",
        _not(enforced),
        Reason.SSO_REQUIRED,
        _either(enforced, "the address must use single sign-on", "not for this address"),
        offers=(Offer.SSO,),
    )
    member = bool(actor.roles)
    if member:
        yield _line("member", "W12", True, Reason.NOT_A_MEMBER, "member")
    else:
        yield from _registration(actor, door)
    if actor.stage is Stage.ASKING:
        yield Allow(actor.roles or frozenset(), ())
        return
    if actor.stage is Stage.SIGNING_IN:
        yield _extra_pin(actor, door)
    yield from _enter(actor, door, creates=not member)


def _registration(actor: Actor, door: Door) -> Steps:
    """W15 to W17. A session without membership had one that ended: nobody registers by coming back."""
    registers = None if actor.roles is None else door.registration if actor.stage is not Stage.SESSION else False
    seen = _either(registers, "no member; may register", "no member")
    yield _line("member", "W16" if registers else "W15", registers, Reason.NOT_A_MEMBER, seen)
    allowed = _is_domain_listed(actor.address, door.domains)
    yield _line(
        "domain",
        "W16" if allowed else "W17",
        allowed,
        Reason.DOMAIN_NOT_ALLOWED,
        _either(allowed, "may register", "may not register"),
    )
    if actor.standing is Standing.ABSENT:
        yield _may_be_created("W16", door)


def _extra_pin(actor: Actor, door: Door) -> Line:
    """W12: "after PIN if set"; it belongs to the use of the link, and the session that was made of it has had it."""
    passed: bool | None
    match door.extra_pin:
        case None:
            passed = None
        case ExtraPin.OFF:
            passed = True
        case ExtraPin.ALWAYS:
            passed = actor.pin_given
        case ExtraPin.NEW_DEVICES:
            passed = _any(actor.known_device, actor.pin_given)
    seen = f"{_shown(door.extra_pin)}, {_either(passed, 'satisfied', 'not given yet')}"
    return _line("extra_pin", "W12", passed, Reason.STEP_UP_REQUIRED, seen, offers=(Offer.PIN,))


def _workspace_otherwise(actor: Actor, door: Door) -> Steps:
    """A PIN opens the dashboard, and being a main user opens no workspace (W18); members have their own ways (W20)."""
    member = False if actor.way in _EMERGENCY else None if actor.roles is None else bool(actor.roles)
    seen = _either(member, "member", "no member")
    yield _line("member", "W18", member, Reason.NOT_A_MEMBER, seen)
    yield _line("way", "W20", False, Reason.LOGIN_REQUIRED, _shown(actor.way), offers=_ways_in(door))


def _enter(actor: Actor, door: Door, *, creates: bool) -> Steps:
    """The last line: what the person is inside, and whether that is enough for this door."""
    roles = actor.roles or frozenset({Role.PARTICIPANT})
    if door.kind is DoorKind.WORKSPACE_SETTINGS:
        seen = ", ".join(sorted(roles))
        yield _line("role", "5.3", Role.ADMIN in roles, Reason.FORBIDDEN, seen)
    yield Allow(roles, (), creates_user=actor.standing is Standing.ABSENT, creates_membership=creates)


# ── lines that both have ───────────────────────────────────────────────────────────────────────


def _chosen(row: str, actor: Actor, door: Door) -> Line:
    """M11 and W10: through the door's own configuration, and no other way."""
    by_sso = actor.way is Way.SSO
    chosen = by_sso and actor.configuration == door.configuration
    known = door.configuration is not None and (not by_sso or actor.configuration is not None)
    seen = "the chosen configuration" if chosen else "another configuration" if by_sso else _shown(actor.way)
    return _line(
        "chosen",
        row,
        chosen if known else None,
        Reason.WRONG_SSO_CONFIGURATION,
        seen if known else "not known",
        offers=(Offer.SSO,),
    )


def _groups(actor: Actor, door: Door, rows: tuple[str, str, str]) -> Line:
    """The limit: one group in common. `rows`: for one, for none, for not resolved."""
    common, none, unresolved = rows
    assert door.group_ids, "only a list limits"
    if actor.groups is None:
        seen = "the person's groups could not be found out"
        return _line("groups", unresolved, False, Reason.GROUPS_UNRESOLVED, seen)
    shared = len(actor.groups & door.group_ids)
    seen = f"{shared} of {len(door.group_ids)} listed groups"
    return _line("groups", common if shared else none, bool(shared), Reason.GROUP_NOT_ALLOWED, seen)


def _may_be_created(row: str, door: Door) -> Line:
    only = door.only_synchronised
    seen = _either(only, "only synchronised users", "new users may be made")
    return _line("creation", row, _not(only), Reason.USER_UNKNOWN, seen)


def _as_configured(actor: Actor, door: Door, rows: tuple[str, str]) -> Steps:
    """What the configuration asks of the person and the sign-in: no guest (M15), strong enough (M16)."""
    welcome = True if door.guests_allowed else None if door.guests_allowed is None else _not(actor.guest)
    seen = "guests may" if door.guests_allowed else _either(actor.guest, "a guest", "no guest")
    yield _line("guest", rows[0], welcome, Reason.GUEST_NOT_ALLOWED, seen)
    required, given = door.required_strengths, actor.strengths
    strong = None if required is None else True if not required else None if given is None else bool(required & given)
    seen = "any" if strong and not required else ", ".join(sorted(given or ())) or "none told"
    yield _line("strength", rows[1], strong, Reason.STEP_UP_REQUIRED, seen, offers=(Offer.SSO,))


def _is_listed(address: str | None, listed: frozenset[str] | None) -> bool | None:
    """Whether an address, or its domain, stands in a list of both."""
    if listed is None or (listed and address is None):
        return None
    return bool(listed) and address is not None and not listed.isdisjoint((address.lower(), _domain(address)))


def _is_domain_listed(address: str | None, domains: frozenset[str] | None) -> bool | None:
    """Whether an address may register; an empty list takes all."""
    if domains is None or (domains and address is None):
        return None
    return not domains or (address is not None and _domain(address) in domains)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _ways_in(door: Door) -> tuple[Offer, ...]:
    return ((Offer.SSO,) if door.sso else ()) + ((Offer.LINK,) if door.links else ())


def _line(step: str, row: str, holds: bool | None, reason: Reason, seen: str, offers: tuple[Offer, ...] = ()) -> Line:
    if holds:
        return Line(step, row, seen)
    return Line(step, row, seen, reason if holds is False else Reason.UNDECIDED, offers)


def _not(fact: bool | None) -> bool | None:
    return None if fact is None else not fact


def _any(*facts: bool | None) -> bool | None:
    return True if True in facts else None if None in facts else False


def _either(fact: bool | None, yes: str, no: str) -> str:
    return "not known" if fact is None else yes if fact else no


def _shown(value: object) -> str:
    return "not known" if value is None else str(value).replace("_", " ")


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"
