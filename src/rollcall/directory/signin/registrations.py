"""Applications as their owners registered them: who may ask for sign-in, and where answers may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rollcall.crypto import hash_token, same
from rollcall.db import Tx
from rollcall.directory.signin.authorization import check_redirect_uri
from rollcall.directory.signin.model import GroupMembershipClaims, Registration, SignInAudience
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime, new_secret

SECRET_VALID_FOR = timedelta(days=180)
_MOST_SECRETS = 10
_COLUMNS = """
    tenant_id, id, app_id, display_name, sign_in_audience, redirect_uris, post_logout_redirect_uris, is_public,
    group_membership_claims, logout_url, backchannel_logout_url, logout_with_issuer
"""


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """What an owner says of an application. Addresses are compared letter by letter later."""

    display_name: str
    sign_in_audience: SignInAudience = "AzureADMyOrg"
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    is_public: bool = False
    group_membership_claims: GroupMembershipClaims = "None"
    logout_url: str | None = None
    backchannel_logout_url: str | None = None
    logout_with_issuer: bool = False


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A new client secret; `text` is shown now and never again."""

    id: UUID
    text: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """What is still known of a client secret."""

    id: UUID
    display_name: str
    ends_with: str
    created: datetime
    expires: datetime


async def register_application(
    tx: Tx, runtime: Runtime, new: NewRegistration, app_id: UUID | None = None
) -> Registration:
    """Register an application, with the `app_id` of a service principal that is there already, or a new one.

    Raises Invalid with every fault, Conflict when that application is registered already.
    """
    if faults := _faults(new):
        raise Invalid(f"The application can't be registered so. {faults[0]}", details=tuple(faults))
    identifier, chosen = runtime.new_id(), app_id or runtime.new_id()
    taken = not await tx.run(
        "insert into directory.app_ids (app_id, home_id) values (%s, rollcall_tenant()) on conflict do nothing",
        [chosen],
    )
    if taken:
        raise Conflict(f"An application with the client id {chosen} is registered already.")
    row = await tx.one(
        f"""
        insert into directory.registrations (id, app_id, display_name, sign_in_audience, redirect_uris,
            post_logout_redirect_uris, is_public, group_membership_claims, logout_url, backchannel_logout_url,
            logout_with_issuer, created)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning {_COLUMNS}
        """,
        [identifier, chosen, *_values(new), runtime.now()],
    )
    assert row is not None, "what was inserted comes back"
    return _registration(row)


def _faults(new: NewRegistration) -> list[str]:
    faults = [] if new.display_name.strip() else ["displayName can't be empty; give a name."]
    named = [("redirectUris", each) for each in new.redirect_uris]
    named += [("postLogoutRedirectUris", each) for each in new.post_logout_redirect_uris]
    named += [("logoutUrl", new.logout_url)] if new.logout_url else []
    named += [("backchannelLogoutUrl", new.backchannel_logout_url)] if new.backchannel_logout_url else []
    return faults + [f"{field}: {each}: {wrong}." for field, each in named if (wrong := check_redirect_uri(each))]


async def change_registration(tx: Tx, app_id: UUID, changes: Mapping[str, Any]) -> Registration:
    """Change what an owner said of an application, by the names of NewRegistration; the rest stays.

    Raises Invalid with every fault, NotFound.
    """
    row = await tx.one(f"select {_COLUMNS} from directory.registrations where app_id = %s for update", [app_id])
    if row is None:
        raise _unknown(app_id)
    now = _registration(row)
    new = NewRegistration(**({each.name: getattr(now, each.name) for each in fields(NewRegistration)} | dict(changes)))
    if faults := _faults(new):
        raise Invalid(f"The application can't be registered so. {faults[0]}", details=tuple(faults))
    await tx.run(
        """
        update directory.registrations set display_name = %s, sign_in_audience = %s, redirect_uris = %s,
            post_logout_redirect_uris = %s, is_public = %s, group_membership_claims = %s, logout_url = %s,
            backchannel_logout_url = %s, logout_with_issuer = %s
        where app_id = %s
        """,
        [*_values(new), app_id],
    )
    return await read_registration(tx, app_id)


def _values(new: NewRegistration) -> list[Any]:
    return [
        new.display_name, new.sign_in_audience, list(new.redirect_uris), list(new.post_logout_redirect_uris),
        new.is_public, new.group_membership_claims, new.logout_url, new.backchannel_logout_url, new.logout_with_issuer,
    ]  # fmt: skip


async def home_of(tx: Tx, app_id: UUID) -> UUID | None:
    """The tenant in which an application is registered; for a transaction without tenant."""
    found: UUID | None = await tx.value("select home_id from directory.app_ids where app_id = %s", [app_id])
    return found


async def read_registration(tx: Tx, app_id: UUID) -> Registration:
    """The application with this client id. Raises NotFound."""
    row = await tx.one(f"select {_COLUMNS} from directory.registrations where app_id = %s", [app_id])
    if row is None:
        raise _unknown(app_id)
    return _registration(row)


async def add_client_secret(
    tx: Tx, runtime: Runtime, app_id: UUID, display_name: str = "", valid_for: timedelta = SECRET_VALID_FOR
) -> IssuedSecret:
    """Give an application one more secret (Graph's passwordCredential). Raises NotFound, Conflict when it has ten."""
    await read_registration(tx, app_id)
    number = await tx.value("select count(*) from directory.client_secrets where app_id = %s", [app_id])
    if number >= _MOST_SECRETS:
        raise Conflict(f"This application has {number} secrets. Remove one that is not used any more.")
    text, identifier, now = new_secret(), runtime.new_id(), runtime.now()
    await tx.run(
        """
        insert into directory.client_secrets (app_id, id, display_name, hash, ends_with, created, expires)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [app_id, identifier, display_name, hash_token(text), text[-4:], now, now + valid_for],
    )
    return IssuedSecret(identifier, text, now + valid_for)


async def list_client_secrets(tx: Tx, app_id: UUID) -> list[KnownSecret]:
    """The secrets of an application, oldest first."""
    rows = await tx.all(
        """
        select id, display_name, ends_with, created, expires from directory.client_secrets
        where app_id = %s order by created, id
        """,
        [app_id],
    )
    return [KnownSecret(**row) for row in rows]


async def remove_client_secret(tx: Tx, app_id: UUID, secret_id: UUID) -> None:
    """Take a secret away; it is good for nothing from now on. Raises NotFound."""
    if not await tx.run("delete from directory.client_secrets where app_id = %s and id = %s", [app_id, secret_id]):
        raise NotFound(f"The application has no secret {secret_id}.")


async def is_client_secret(tx: Tx, app_id: UUID, written: str, now: datetime) -> bool:
    """Whether this is a secret of the application that has not expired; in time that does not tell which part fits."""
    wanted = hash_token(written)
    rows = await tx.all("select hash from directory.client_secrets where app_id = %s and expires > %s", [app_id, now])
    return any([same(bytes(row["hash"]), wanted) for row in rows])  # noqa: C419 - all are compared


def _registration(row: dict[str, Any]) -> Registration:
    lists = {name: tuple(row[name]) for name in ("redirect_uris", "post_logout_redirect_uris")}
    return Registration(**(row | lists))


def _unknown(app_id: UUID) -> NotFound:
    return NotFound(f"There is no application with the client id {app_id}.")
