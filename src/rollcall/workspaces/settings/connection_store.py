"""Single sign-on configurations in the database: with their secrets sealed, where they are used, and how they fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.errors import Conflict, Fault, Faulty, NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import MASKED, Actor, Happening, record
from rollcall.workspaces.settings.connections import Draft, is_another_provider, required_strengths
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.sso.configuration import (
    Client,
    GroupSource,
    Kind,
    MatchBy,
    SamlProvider,
    SsoConfiguration,
    Strength,
)
from rollcall.workspaces.sso.sessions import end_sessions_of_configuration, judge_again

_COLUMNS = """id, version, name, kind, is_on, guests_on_dashboard, guests_in_workspaces, settings, sealed, secret_ends,
    secret_set, secret_expires, created, changed"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A configuration as it is kept. `secret_ends`: the last characters of its secret; of the rest nobody is told."""

    configuration: SsoConfiguration
    version: int
    created: datetime
    changed: datetime
    secret_ends: str = ""
    secret_set: datetime | None = None
    secret_expires: date | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Where a configuration is chosen. `workspace`: its name; without one it is `place` itself."""

    place: str
    workspace: str | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Fared:
    """How the last sign-ins through a configuration ended."""

    succeeded: datetime | None = None
    failed: datetime | None = None
    reason: str = ""


class InUse(Conflict):
    """A configuration that is chosen somewhere can't be deleted; `uses` says where."""

    def __init__(self, uses: list[Use]) -> None:
        where = ", ".join(each.workspace or each.place for each in uses[:5])
        more = f" and {len(uses) - 5:,} more" if len(uses) > 5 else ""
        super().__init__(f"This configuration is in use: {where}{more}. Choose another one there first.", code="in_use")
        self.uses = tuple(uses)


async def find_configuration(
    database: Database, sealer: Sealer, configuration_id: UUID
) -> tuple[UUID, SsoConfiguration] | None:
    """The organisation of a configuration and the configuration, before the organisation is known; None for no id."""
    organisation: UUID | None = await database.system(_organisation_of, configuration_id)
    if organisation is None:
        return None
    kept = await database.tenant(organisation).read(read_configuration, sealer, configuration_id)
    return None if kept is None else (organisation, kept.configuration)


async def _organisation_of(tx: Tx, configuration_id: UUID) -> UUID | None:
    found: UUID | None = await tx.value(
        "select organisation_id from workspaces.sso_configuration_ids where id = %s", (configuration_id,)
    )
    return found


async def read_configuration(tx: Tx, sealer: Sealer, configuration_id: UUID) -> Kept | None:
    """One configuration of this organisation, None for an unknown one."""
    row = await tx.one(f"select {_COLUMNS} from workspaces.sso_configurations where id = %s", (configuration_id,))
    return None if row is None else _kept(row, tx.tenant, sealer)


async def configurations(tx: Tx, sealer: Sealer, *, on: bool = False) -> list[Kept]:
    """The configurations of this organisation by name; with `on` only those that are on."""
    rows = await tx.all(
        f"select {_COLUMNS} from workspaces.sso_configurations where is_on or not %s order by lower(name)", (on,)
    )
    return [_kept(row, tx.tenant, sealer) for row in rows]


async def create_configuration(tx: Tx, runtime: Runtime, sealer: Sealer, actor: Actor, draft: Draft) -> Kept:
    """Keep a new configuration. Raises Faulty `name_taken`."""
    configuration = draft.configuration
    values = _values(draft, tx.tenant, sealer, runtime.now())
    await _check_name(tx, configuration)
    try:
        row = await tx.one(
            f"""insert into workspaces.sso_configurations
                (id, name, kind, is_on, guests_on_dashboard, guests_in_workspaces, required_strengths, settings, sealed,
                 secret_ends, secret_set, secret_expires, identity_changed, created, changed)
            values (%(id)s, %(name)s, %(kind)s, %(is_on)s, %(guests_on_dashboard)s, %(guests_in_workspaces)s,
                 %(required_strengths)s, %(settings)s, %(sealed)s, %(secret_ends)s, %(secret_set)s, %(secret_expires)s,
                 %(now)s, %(now)s, %(now)s) returning {_COLUMNS}""",
            values,
        )
    except UniqueViolation:
        raise _name_taken(configuration.name) from None
    assert row is not None, "an insert that raised nothing returns its row"
    await tx.run(
        "insert into workspaces.sso_configuration_ids (id, organisation_id) values (%s, %s)",
        (configuration.id, tx.tenant),
    )
    changes = _changes(None, draft)
    await record(tx, runtime, actor, _happened("created", configuration, changes))
    return _kept(row, tx.tenant, sealer)


async def update_configuration(
    tx: Tx, runtime: Runtime, sealer: Sealer, actor: Actor, draft: Draft, version: int
) -> Kept:
    """Change a configuration; sessions that came through it end when it is another provider now.

    `version`: the one that was read before. Raises Stale, NotFound, Faulty `name_taken`.
    """
    configuration = draft.configuration
    before = await _held(tx, sealer, configuration.id)
    if before.version != version:
        raise Stale
    await _check_name(tx, configuration)
    another = is_another_provider(before.configuration, configuration)
    now = runtime.now()
    values = _values(draft, tx.tenant, sealer, now)
    if not draft.secret_typed:
        values |= {"secret_ends": before.secret_ends, "secret_set": before.secret_set}
    if configuration.client is None or (configuration.client.secret is None and configuration.client.key is None):
        values |= {"secret_ends": "", "secret_set": None}
    try:
        row = await tx.one(
            f"""update workspaces.sso_configurations set version = version + 1, name = %(name)s,
                guests_on_dashboard = %(guests_on_dashboard)s, guests_in_workspaces = %(guests_in_workspaces)s,
                required_strengths = %(required_strengths)s, settings = %(settings)s, sealed = %(sealed)s,
                secret_ends = %(secret_ends)s, secret_set = %(secret_set)s, secret_expires = %(secret_expires)s,
                identity_changed = case when %(another)s then %(now)s else identity_changed end, changed = %(now)s
            where id = %(id)s returning {_COLUMNS}""",
            values | {"another": another},
        )
    except UniqueViolation:
        raise _name_taken(configuration.name) from None
    assert row is not None, "a held row is there"
    if another:
        await end_sessions_of_configuration(tx, configuration.id)
    await judge_again(tx)
    await record(tx, runtime, actor, _happened("updated", configuration, _changes(before, draft)))
    return _kept(row, tx.tenant, sealer)


async def turn_configuration(tx: Tx, runtime: Runtime, actor: Actor, configuration_id: UUID, on: bool) -> int:
    """Turn a configuration on or off; off, its sessions end. How many ended. Raises NotFound."""
    row = await tx.one(
        "select name, kind, is_on from workspaces.sso_configurations where id = %s for no key update",
        (configuration_id,),
    )
    if row is None:
        raise _unknown()
    if row["is_on"] == on:
        return 0
    await tx.run(
        "update workspaces.sso_configurations set is_on = %s, version = version + 1, changed = %s where id = %s",
        (on, runtime.now(), configuration_id),
    )
    ended = 0 if on else await end_sessions_of_configuration(tx, configuration_id)
    await judge_again(tx)
    action = "sso_config.updated" if on else "sso_config.disabled"
    details = {"name": row["name"], "kind": row["kind"], "sessions_ended": ended}
    happening = Happening(
        action, "sso_config", str(configuration_id), changes=[("on", row["is_on"], on)], details=details
    )
    await record(tx, runtime, actor, happening)
    return ended


async def delete_configuration(tx: Tx, runtime: Runtime, actor: Actor, configuration_id: UUID) -> int:
    """Delete a configuration with its links to people; its sessions end. How many ended. Raises NotFound, InUse."""
    row = await tx.one(
        "select name, kind from workspaces.sso_configurations where id = %s for update", (configuration_id,)
    )
    if row is None:
        raise _unknown()
    if uses := await uses_of(tx, configuration_id):
        raise InUse(uses)
    ended = await end_sessions_of_configuration(tx, configuration_id)
    for statement in (
        "delete from workspaces.identity_links where configuration_id = %s",
        "delete from workspaces.sso_transactions where configuration_id = %s",
        "delete from workspaces.sso_configurations where id = %s",
        "delete from workspaces.sso_configuration_ids where id = %s",
    ):
        await tx.run(statement, (configuration_id,))
    details = {"name": row["name"], "kind": row["kind"], "sessions_ended": ended}
    await record(
        tx, runtime, actor, Happening("sso_config.deleted", "sso_config", str(configuration_id), details=details)
    )
    return ended


async def sessions_through(tx: Tx, configuration_id: UUID) -> int:
    """How many sessions came through a configuration."""
    return int(
        await tx.value("select count(*) from workspaces.sessions where configuration_id = %s", (configuration_id,))
    )


async def uses_of(tx: Tx, configuration_id: UUID) -> list[Use]:
    """Where a configuration is chosen, also where single sign-on is switched off at the moment."""
    rows = await tx.all(
        """select 'dashboard' as place, null as workspace, null as slug, 0 as nth from workspaces.dashboard_access
           where configuration_id = %(id)s
           union all
           select 'defaults', null, null, 1 from workspaces.organisation_defaults where configuration_id = %(id)s
           union all
           select 'workspace', w.name, w.slug, 2 from workspaces.workspace_login l
           join workspaces.workspaces w on w.tenant_id = l.tenant_id and w.id = l.workspace_id
           where l.configuration_id = %(id)s
           order by nth, workspace""",
        {"id": configuration_id},
    )
    words = {"dashboard": "Main User Dashboard", "defaults": "Workspace default settings", "workspace": "workspace"}
    return [Use(words[row["place"]], row["workspace"], row["slug"]) for row in rows]


async def fared(tx: Tx, configuration_id: UUID) -> Fared:
    """How the last sign-ins through a configuration ended, out of the audit log."""
    row = await tx.one(
        """select (select at from workspaces.audit where target_id = %(id)s and action = 'auth.sso.succeeded'
                   order by id desc limit 1) as succeeded, f.at as failed, f.reason
           from (select) as one left join lateral (
               select at, reason from workspaces.audit where target_id = %(id)s
                 and action in ('auth.sso.failed', 'auth.sso.denied') order by id desc limit 1) as f on true""",
        {"id": str(configuration_id)},
    )
    assert row is not None, "one row joined with what may be missing"
    return Fared(row["succeeded"], row["failed"], row["reason"] or "")


async def _held(tx: Tx, sealer: Sealer, configuration_id: UUID) -> Kept:
    row = await tx.one(
        f"select {_COLUMNS} from workspaces.sso_configurations where id = %s for no key update", (configuration_id,)
    )
    if row is None:
        raise _unknown()
    return _kept(row, tx.tenant, sealer)


async def _check_name(tx: Tx, configuration: SsoConfiguration) -> None:
    taken = await tx.one(
        "select from workspaces.sso_configurations where lower(name) = lower(%s) and id <> %s",
        (configuration.name, configuration.id),
    )
    if taken is not None:
        raise _name_taken(configuration.name)


def _unknown() -> NotFound:
    return NotFound("There is no such single sign-on configuration.")


def _name_taken(name: str) -> Faulty:
    return Faulty([Fault("name", "name_taken", f"There is a configuration {name!r} already. Choose another name.")])


def _values(draft: Draft, tenant: UUID, sealer: Sealer, now: datetime) -> dict[str, Any]:
    configuration = draft.configuration
    client = configuration.client
    secret = None if client is None else client.key or client.secret
    sealed = None
    if client is not None and secret is not None:
        text = orjson.dumps({"secret": client.secret, "key": client.key}).decode()
        sealed = sealer.seal(text, _context(tenant, configuration.id))
    return {
        "id": configuration.id,
        "name": configuration.name,
        "kind": configuration.kind.value,
        "is_on": configuration.on,
        "guests_on_dashboard": configuration.guests_at_dashboard,
        "guests_in_workspaces": configuration.guests_at_workspaces,
        "required_strengths": list(required_strengths(configuration.strength)),
        "settings": Jsonb(settings_of(configuration)),
        "sealed": sealed,
        "secret_ends": _ends(client),
        "secret_set": now if sealed is not None else None,
        "secret_expires": draft.secret_expires if sealed is not None else None,
        "now": now,
    }


def _ends(client: Client | None) -> str:
    """Four characters to know a secret again by; none of a short one, and of a key none."""
    secret = client.secret if client is not None and client.key is None else None
    return secret[-4:] if secret is not None and len(secret) >= 16 else ""


def settings_of(configuration: SsoConfiguration) -> dict[str, Any]:
    """What is no secret of a configuration and has no column of its own, as JSON."""
    return {
        "tenants": list(configuration.tenants),
        "client_id": configuration.client.id if configuration.client else None,
        "issuer": configuration.issuer,
        "scopes": list(configuration.scopes),
        "group_claim": configuration.group_claim,
        "group_source": configuration.group_source.value,
        "match_by": configuration.match_by.value,
        "strength": {"mfa": configuration.strength.mfa, "values": list(configuration.strength.values)},
        "saml": asdict(configuration.saml) if configuration.saml else None,
        "group_lookup": configuration.group_lookup,
        "security_groups_only": configuration.security_groups_only,
        "claims_mapping": configuration.claims_mapping,
        "domain_hint": configuration.domain_hint,
        "untyped_logout_tokens": configuration.untyped_logout_tokens,
        "skew_seconds": configuration.skew_seconds,
    }


def _kept(row: Mapping[str, Any], tenant: UUID, sealer: Sealer) -> Kept:
    settings = dict(row["settings"])
    saml, strength = settings.pop("saml", None), settings.pop("strength", None) or {}
    client_id = settings.pop("client_id", None)
    client = None if client_id is None else Client(client_id)
    if client is not None and row["sealed"] is not None:
        secrets = orjson.loads(sealer.open(bytes(row["sealed"]), _context(tenant, row["id"])))
        client = replace(client, secret=secrets["secret"], key=secrets["key"])
    for name, read in (("tenants", tuple), ("scopes", tuple), ("group_source", GroupSource), ("match_by", MatchBy)):
        if name in settings:
            settings[name] = read(settings[name])
    configuration = SsoConfiguration(
        id=row["id"],
        kind=Kind(row["kind"]),
        name=row["name"],
        on=row["is_on"],
        client=client,
        guests_at_dashboard=row["guests_on_dashboard"],
        guests_at_workspaces=row["guests_in_workspaces"],
        strength=Strength(strength.get("mfa", False), tuple(strength.get("values", ()))),
        saml=None if saml is None else SamlProvider(**{**saml, "certificates": tuple(saml["certificates"])}),
        **settings,
    )
    return Kept(
        configuration,
        row["version"],
        row["created"],
        row["changed"],
        row["secret_ends"],
        row["secret_set"],
        row["secret_expires"],
    )


def _changes(before: Kept | None, draft: Draft) -> list[tuple[str, Any, Any]]:
    """What changed, field by field, secrets masked."""
    old = {} if before is None else told(before.configuration, before.secret_expires)
    new = told(draft.configuration, draft.secret_expires)
    changes = [(name, old.get(name), value) for name, value in new.items() if old.get(name) != value]
    if draft.secret_typed:
        changes.append(("client_secret", MASKED if before and before.secret_set else None, MASKED))
    return changes


def told(configuration: SsoConfiguration, expires: date | None) -> dict[str, Any]:
    """Every field of a configuration that may be told, by name."""
    return {
        "name": configuration.name,
        **settings_of(configuration),
        "guests_at_dashboard": configuration.guests_at_dashboard,
        "guests_at_workspaces": configuration.guests_at_workspaces,
        "secret_expires": expires.isoformat() if expires else None,
    }


def _happened(what: str, configuration: SsoConfiguration, changes: list[tuple[str, Any, Any]]) -> Happening:
    details = {"name": configuration.name, "kind": configuration.kind.value}
    return Happening(f"sso_config.{what}", "sso_config", str(configuration.id), changes=changes, details=details)


def _context(tenant: UUID, configuration_id: UUID) -> str:
    return f"sso configuration {tenant} {configuration_id}"
