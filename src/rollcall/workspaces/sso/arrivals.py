"""Somebody whom a provider vouches for, and what becomes of them: the same for OpenID Connect and SAML.

groups · who · the door's decision · link and session, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from psycopg.errors import UniqueViolation

from rollcall.db import TenantDatabase, Tx
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.configuration import SsoConfiguration, Strength
from rollcall.workspaces.sso.failure import BAD_RESPONSE, IDENTITY_CONFLICT, INTERACTION, SsoFailed
from rollcall.workspaces.sso.groups_claim import Listed, Missing, Snapshot, resolve
from rollcall.workspaces.sso.identity_links import make_link, note_link_used, read_facts
from rollcall.workspaces.sso.sessions import Kind, Limits, Provided, SignIn, create_session, groups_in_scim
from rollcall.workspaces.sso.transactions import Asking
from rollcall.workspaces.sso.who import Known, Subject, who

_TRIES = 2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a checked answer says of a person, whatever protocol brought it.

    `token_subject`: how the provider's own logout names them. `session`: its name for the sign-in. `looks_up`: whether
    groups that did not fit were to be asked for; `looked_up`: what came of it. `sealed_hint`: what the provider's logout
    wants to be shown again. `claims`: for what a new user is called; nothing in it decides.
    """

    subject: Subject
    token_subject: str
    groups: Listed | Missing
    looks_up: bool = False
    looked_up: tuple[str, ...] | None = None
    session: str | None = None
    session_ends: datetime | None = None
    authenticated: datetime | None = None
    strength: tuple[str, ...] = ()
    guest: bool = False
    login_hint: str | None = None
    sealed_hint: bytes | None = field(default=None, repr=False)
    claims: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whom a provider vouches for, before the door. `user` is None for nobody we know."""

    configuration: SsoConfiguration
    asking: Asking
    subject: Subject
    user: UUID | None
    snapshot: Snapshot
    guest: bool
    authenticated: datetime | None
    strength: tuple[str, ...]
    claims: dict[str, Any] = field(repr=False)
    """For what a new user is called; nothing in it decides. Named as OpenID Connect names them, also after SAML."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The door opens, for this user; one made just now, perhaps."""

    user: UUID
    kind: Kind
    limits: Limits


@dataclass(frozen=True, slots=True)
class Denied:
    """The door stays closed, for a reason of the access decision. `on_its_way`: a membership may still come."""

    reason: str
    on_its_way: bool = False


class Door(Protocol):
    """What a sign-in leads to. Both functions run inside the transaction that makes the session."""

    @property
    def guests(self) -> bool:
        """Whether guest accounts get as far as the decision."""

    async def domain_verified(self, tx: Tx, domain: str) -> bool:
        """Whether the organisation has proved that a domain is its own."""

    async def admit(self, tx: Tx, arrival: Arrival) -> Admitted | Denied:
        """Decide, and create the user where the door does that. Raises Raced when the user name is taken by then."""


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and the handle it keeps meanwhile in a cookie."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was made; the browser gets `handle`, and goes to `return_to`, a path of our own."""

    handle: str
    session: UUID
    user: UUID
    asking: Asking
    linked: bool


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """No session. `reference` finds the line in the log. `asking` is None where no transaction was found.

    A silent re-check that needs to be seen has the code `sso_interaction_required`: go on to a visible sign-in.
    """

    code: str
    message: str
    status: int
    reference: str
    check: str | None = None
    asking: Asking | None = None
    consent_url: str | None = None
    """Where an administrator approves the application, when that is what is missing (check TEN-7)."""
    on_its_way: bool = False
    """Whether SCIM may still bring the membership that is missing (row W9)."""

    @property
    def goes_on(self) -> bool:
        """Whether a visible sign-in follows without a word."""
        return self.code == INTERACTION and self.asking is not None and self.asking.silent


@dataclass(frozen=True, slots=True)
class Tried:
    """What *Test sign-in* found: everything was checked, and nobody was signed in."""

    vouched: Vouched
    snapshot: Snapshot
    user: UUID | None


@dataclass(frozen=True, slots=True)
class Browser:
    """What is noted of the browser. `handle`: its sign-ins under way. `session`: the one it came with, which ends."""

    handle: str | None = None
    session: str | None = None
    user_agent: str = ""
    network: str = ""


class Raced(Exception):
    """The same person was linked, or made, by another request at the same time; the sign-in looks once more."""


class DoorClosed(SsoFailed):
    """The access decision said no, for `code`, a reason of its own."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(BAD_RESPONSE)
        self.code = denied.reason
        self.on_its_way = denied.on_its_way
        self.status = 403
        self.message = "You may not enter here."


async def let_in(
    tenant: TenantDatabase,
    runtime: Runtime,
    configuration: SsoConfiguration,
    asking: Asking,
    vouched: Vouched,
    browser: Browser,
    door: Door,
) -> SignedIn | Tried:
    """The session of a person whose answer passed every check. Raises SsoFailed; then nothing of it is kept."""
    if asking.testing:
        return await tenant.read(_try, configuration, vouched, door)
    for _ in range(_TRIES):
        try:
            return await tenant.write(_enter, runtime, configuration, asking, vouched, browser, door)
        except (Raced, UniqueViolation):
            continue  # somebody made the same link or user meanwhile; now it is there to be read (check LNK-7)
    raise SsoFailed(IDENTITY_CONFLICT, "LNK-7", "somebody else has the user name")


def turned_away(
    runtime: Runtime,
    failed: SsoFailed,
    configuration: SsoConfiguration,
    asking: Asking | None,
    consent_url: str | None = None,
) -> TurnedAway:
    """How a failure is told, and the line in the log that its reference finds."""
    reference = str(runtime.new_id())
    _log.warning(
        "sso_failed",
        reference=reference,
        configuration=str(configuration.id),
        code=failed.code,
        check=failed.check,
        noted=failed.noted,
    )
    waits = isinstance(failed, DoorClosed) and failed.on_its_way
    return TurnedAway(failed.code, failed.message, failed.status, reference, failed.check, asking, consent_url, waits)


def required_strength(configuration: SsoConfiguration, asking: Asking) -> Strength:
    """What the configuration and the door together want shown (checks OID-12, ASR-9)."""
    own = configuration.strength
    return Strength(own.mfa or asking.mfa, (*own.values, *asking.strengths))


async def _known(tx: Tx, configuration: SsoConfiguration, subject: Subject, door: Door) -> tuple[UUID | None, bool]:
    name, _, domain = (subject.user_name or "").rpartition("@")
    verified = bool(name and domain) and await door.domain_verified(tx, domain.lower())
    found = who(await read_facts(tx, configuration, subject, domain_verified=verified), configuration)
    return (found.user, found.link) if isinstance(found, Known) else (None, True)


async def _snapshot(tx: Tx, configuration: SsoConfiguration, vouched: Vouched, user: UUID | None) -> Snapshot:
    return resolve(
        vouched.groups,
        configuration.group_source,
        provisioned=None if user is None else await groups_in_scim(tx, user),
        lookup_configured=vouched.looks_up,
        looked_up=vouched.looked_up,
    )


async def _try(tx: Tx, configuration: SsoConfiguration, vouched: Vouched, door: Door) -> Tried:
    user, _ = await _known(tx, configuration, vouched.subject, door)
    return Tried(vouched, await _snapshot(tx, configuration, vouched, user), user)


async def _enter(
    tx: Tx,
    runtime: Runtime,
    configuration: SsoConfiguration,
    asking: Asking,
    vouched: Vouched,
    browser: Browser,
    door: Door,
) -> SignedIn:
    """Who, decision, link and session at once: if the door stays closed, nothing of it is kept."""
    subject = vouched.subject
    user, to_link = await _known(tx, configuration, subject, door)
    snapshot = await _snapshot(tx, configuration, vouched, user)
    arrival = Arrival(
        configuration,
        asking,
        subject,
        user,
        snapshot,
        vouched.guest,
        vouched.authenticated,
        vouched.strength,
        dict(vouched.claims),
    )
    decision = await door.admit(tx, arrival)
    if isinstance(decision, Denied):
        raise DoorClosed(decision)
    linked = False
    if to_link:
        owner, linked = await make_link(tx, runtime, configuration, subject, decision.user)
        if owner != decision.user:
            raise Raced(decision.user)
    else:
        await note_link_used(tx, configuration.id, subject, runtime.now())
    provided = Provided(
        configuration=configuration.id,
        issuer=subject.issuer,
        subject=subject.key,
        token_subject=vouched.token_subject,
        session=vouched.session,
        strength=vouched.strength,
        guest=vouched.guest,
        snapshot=snapshot,
        ends=vouched.session_ends,
        sealed_id_token=vouched.sealed_hint,
        login_hint=vouched.login_hint,
    )
    sign_in = SignIn(
        decision.kind,
        "sso",
        decision.limits,
        user=decision.user,
        authenticated=vouched.authenticated,
        provided=provided,
        user_agent=browser.user_agent,
        network=browser.network,
        continues=asking.silent,
    )
    session, handle = await create_session(tx, runtime, sign_in, replaces=browser.session)
    return SignedIn(handle, session, decision.user, asking, linked)
