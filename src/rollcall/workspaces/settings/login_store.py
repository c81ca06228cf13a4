"""Login, registration and SSO in the database: the defaults of an organisation, and what a workspace has of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Fault, Faulty, NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import ExtraPin
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.memberships import bind
from rollcall.workspaces.settings.login import LABELS, LoginSettings, effective, span_text
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.sso.sessions import judge_again

_COLUMNS: LiteralString = """links, login_text, registration, domains, sso, configuration_id as configuration, group_ids,
    sso_required_for, creates_users, link_validity, link_uses, extra_pin, idle, absolute, recheck"""
_SET: LiteralString = """links = %(links)s, login_text = %(login_text)s, registration = %(registration)s,
    domains = %(domains)s, sso = %(sso)s, configuration_id = %(configuration)s, group_ids = %(group_ids)s,
    sso_required_for = %(sso_required_for)s, creates_users = %(creates_users)s, link_validity = %(link_validity)s,
    link_uses = %(link_uses)s, extra_pin = %(extra_pin)s, idle = %(idle)s, absolute = %(absolute)s,
    recheck = %(recheck)s"""
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class KeptDefaults:
    """The defaults. `locked`: fields that admins of workspaces can't make their own. `inheriting`: how many workspaces."""

    settings: LoginSettings
    locked: frozenset[str]
    version: int
    changed: datetime | None
    workspaces: int


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """What one workspace has: `own` fields with their values in `settings`, where the defaults stand for the others."""

    workspace_id: UUID
    slug: str
    name: str
    settings: LoginSettings
    own: frozenset[str]
    defaults: LoginSettings
    locked: frozenset[str]
    version: int
    changed: datetime | None


async def read_defaults(tx: Tx) -> KeptDefaults:
    """The defaults of this organisation."""
    return await _defaults(tx)


async def read_workspace_login(tx: Tx, slug: str) -> KeptLogin:
    """The settings of a workspace that is not deleted. Raises NotFound, also for another organisation's."""
    return await _workspace(tx, slug)


async def save_defaults(
    tx: Tx, runtime: Runtime, actor: Actor, wanted: LoginSettings, locked: Collection[str], version: int
) -> None:
    """Save the defaults; workspaces that inherit have them at once, sessions and memberships are judged again.

    Raises Stale, and Faulty when a workspace that inherits would be left without a way in.
    """
    before = await _defaults(tx, hold=True)
    if before.version != version:
        raise Stale
    await tx.run(
        f"""update workspaces.organisation_defaults set version = version + 1, changed = %(now)s, locked = %(locked)s,
            {_SET}""",
        {**_values(wanted), "now": runtime.now(), "locked": sorted(locked)},
    )
    await _check_workspaces(tx)
    bound = await bind(tx, runtime.now())
    await judge_again(tx)
    changes = _changes(before.settings, wanted, LABELS)
    if before.locked != frozenset(locked):
        changes.append(("locked", sorted(before.locked), sorted(locked)))
    await record(tx, runtime, actor, Happening("workspace_defaults.updated", changes=changes), *bound)


async def save_workspace_login(
    tx: Tx,
    runtime: Runtime,
    actor: Actor,
    slug: str,
    wanted: LoginSettings,
    own: Collection[str],
    version: int,
    *,
    may_unlock: bool,
) -> None:
    """Save what a workspace has of its own; the other fields are the defaults from then on.

    `may_unlock`: main users change locked fields too. Raises NotFound, Stale, Faulty `field_locked`.
    """
    before = await _workspace(tx, slug, hold=True)
    if before.version != version:
        raise Stale
    after = effective(before.defaults, wanted, own)
    moved = [name for name in LABELS if (name in own) != (name in before.own) or _differs(name, before.settings, after)]
    refused = [] if may_unlock else [name for name in moved if name in before.locked]
    if refused:
        raise Faulty(
            [
                Fault(each, "field_locked", f"A main user locked {LABELS[each]!r} for all workspaces.")
                for each in refused
            ]
        )
    values = {name: value if name in own else None for name, value in _values(wanted).items()}
    await tx.run(
        "insert into workspaces.workspace_login (workspace_id) values (%s) on conflict do nothing",
        (before.workspace_id,),
    )
    await tx.run(
        f"""update workspaces.workspace_login set version = %(version)s, changed = %(now)s, {_SET}
            where workspace_id = %(workspace)s""",
        {**values, "version": version + 1, "now": runtime.now(), "workspace": before.workspace_id},
    )
    bound = await bind(tx, runtime.now(), before.workspace_id)
    await judge_again(tx)
    changes = _changes(before.settings, after, moved)
    if before.own != frozenset(own):
        changes.append(("own", sorted(before.own), sorted(own)))
    what = Happening("workspace_login.updated", "workspace", str(before.workspace_id), changes=changes)
    await record(tx, runtime, actor, what, *bound)


async def _defaults(tx: Tx, *, hold: bool = False) -> KeptDefaults:
    held: LiteralString = " for no key update" if hold else ""
    row = await tx.one(
        f"""select {_COLUMNS}, locked, version, changed,
                (select count(*) from workspaces.workspaces where state <> 'deleted') as workspaces
            from workspaces.organisation_defaults{held}"""
    )
    assert row is not None, "every organisation has them from its beginning"
    return KeptDefaults(_settings(row), frozenset(row["locked"]), row["version"], row["changed"], row["workspaces"])


async def _workspace(tx: Tx, slug: str, *, hold: bool = False) -> KeptLogin:
    held: LiteralString = " for no key update" if hold else ""
    place = await tx.one(
        f"select id, slug, name from workspaces.workspaces where slug = %s and state <> 'deleted'{held}", (slug,)
    )
    if place is None:
        raise NotFound("There is no such workspace.", code="workspace_unknown")
    row = await tx.one(
        f"select {_COLUMNS}, version, changed from workspaces.workspace_login where workspace_id = %s", (place["id"],)
    )
    kept = await _defaults(tx)
    own = frozenset() if row is None else frozenset(name for name in LABELS if row[name] is not None)
    settings = kept.settings
    if row is not None:
        settings = effective(settings, _settings({**_values(settings), **{name: row[name] for name in own}}), own)
    return KeptLogin(
        place["id"],
        place["slug"],
        place["name"],
        settings,
        own,
        kept.settings,
        kept.locked,
        0 if row is None else row["version"],
        None if row is None else row["changed"],
    )


async def _check_workspaces(tx: Tx) -> None:
    """Raises Faulty when the new defaults, with what workspaces have of their own, shut one of them."""
    faults = []
    for field, code, condition, what in (
        ("links", "no_way_in", "not e.links and not e.sso", "nobody could enter"),
        (
            "registration",
            "registration_needs_login_links",
            "e.registration and not e.links",
            "people could not register",
        ),
        (
            "configuration",
            "sso_configuration_required",
            "e.sso and c.is_on is not true",
            "single sign-on would have no provider",
        ),
    ):
        rows = await tx.all(
            f"""select e.name from workspaces.effective_login e
                left join workspaces.sso_configurations c on c.id = e.configuration_id
                where e.state <> 'deleted' and {condition} order by e.name limit {_NAMED_AT_MOST}"""
        )
        if rows:
            names = ", ".join(row["name"] for row in rows)
            message = f"With what these workspaces have of their own, {what}: {names}. Change them first."
            faults.append(Fault(field, code, message))
    if faults:
        raise Faulty(faults)


def _settings(row: Mapping[str, Any]) -> LoginSettings:
    values = {each.name: row[each.name] for each in fields(LoginSettings)}
    for name in ("domains", "group_ids", "sso_required_for"):
        values[name] = tuple(values[name])
    values["extra_pin"] = ExtraPin(values["extra_pin"])
    return LoginSettings(**values)


def _values(settings: LoginSettings) -> dict[str, Any]:
    values = {each.name: getattr(settings, each.name) for each in fields(LoginSettings)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()} | {
        "extra_pin": settings.extra_pin.value
    }


def _differs(name: str, one: LoginSettings, other: LoginSettings) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _changes(before: LoginSettings, after: LoginSettings, names: Collection[str]) -> list[tuple[str, Any, Any]]:
    return [
        (name, _told(getattr(before, name)), _told(getattr(after, name)))
        for name in names
        if _differs(name, before, after)
    ]


def _told(value: Any) -> Any:
    if isinstance(value, timedelta):
        return span_text(value)
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, UUID) else value
