"""`rollcall application register` and its kin: which applications people may sign in to, and how."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.naming import application_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.directory import IssuedSecret, KnownSecret, NewRegistration, Registration, ServicePrincipal
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.main import Parts, identity_address


class Audience(StrEnum):
    """Whose people may sign in, by Entra's names."""

    one = "AzureADMyOrg"
    many = "AzureADMultipleOrgs"


class Groups(StrEnum):
    """Which groups ID tokens tell, by Entra's names."""

    none = "None"
    security = "SecurityGroup"
    assigned = "ApplicationGroup"


Application = Annotated[str, typer.Argument(metavar="APPLICATION", help="The application's name, or its id.")]
Redirects = Annotated[
    list[str] | None,
    typer.Option("--redirect-uri", metavar="URL", help="Where answers go, letter by letter; give it for each one."),
]
AfterLogout = Annotated[
    list[str] | None,
    typer.Option("--post-logout-redirect-uri", metavar="URL", help="Where people may come back to after signing out."),
]
FrontChannel = Annotated[
    str | None,
    typer.Option(
        "--front-channel-logout-url", metavar="URL", help="Called in a hidden frame on signing out; '' is none."
    ),
]
BackChannel = Annotated[
    str | None,
    typer.Option("--back-channel-logout-url", metavar="URL", help="Called from server to server; '' is none."),
]
WithIssuer = Annotated[
    bool | None,
    typer.Option(
        "--logout-with-issuer/--logout-without-issuer", help="Whether the frame is told iss; Entra tells sid only."
    ),
]
WhichAudience = Annotated[
    Audience | None, typer.Option("--audience", help="People of this tenant, or of every tenant that adds it.")
]
WhichGroups = Annotated[
    Groups | None,
    typer.Option("--group-claims", help="Groups in tokens: none, all security groups, or those assigned directly."),
]
Public = Annotated[
    bool | None, typer.Option("--public/--confidential", help="Whether it can keep no secret: a browser, a device.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=730, help="How long a secret is good.")]
Label = Annotated[str, typer.Option("--label", help="What the secret is for.")]
_DAYS = directory.SECRET_VALID_FOR.days


def register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An application; it is made where there is none yet.")],
    redirect_uri: Redirects = None,
    post_logout_redirect_uri: AfterLogout = None,
    front_channel_logout_url: FrontChannel = None,
    back_channel_logout_url: BackChannel = None,
    logout_with_issuer: WithIssuer = None,
    audience: WhichAudience = None,
    group_claims: WhichGroups = None,
    public: Public = None,
    days: Days = _DAYS,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let people sign in to an application by OpenID Connect; shows what it has to be told, the secret only now.

    Example: rollcall application register Workspaces --redirect-uri https://work.example.com/callback

    Example: rollcall application register Phone --public --redirect-uri http://127.0.0.1/callback
    """
    said = _said(
        redirect_uri, post_logout_redirect_uri, front_channel_logout_url, back_channel_logout_url, logout_with_issuer,
        audience, group_claims, public,
    )  # fmt: skip

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await _known(db, name)
        new, lasts = NewRegistration(name, **said), timedelta(days=days)
        application, registered, secret = await db.write(
            directory.register_for_sign_in, parts.runtime, new, found.id if found else None, lasts
        )
        return _answer(parts, application, registered, [], secret)

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


async def _known(db: TenantDatabase, name: str) -> ServicePrincipal | None:
    try:
        return await application_named(db, name)
    except NotFound:
        return None


def registration(
    application: Application,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how people sign in to an application: client id, addresses, what tokens tell, secrets without their text.

    Example: rollcall application registration Workspaces
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        return _answer(parts, found, *await _registered(db, found))

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _registered(db: TenantDatabase, found: ServicePrincipal) -> tuple[Registration, list[KnownSecret]]:
    try:
        read = await db.read(directory.read_registration, found.app_id)
    except NotFound:
        raise NotFound(
            f"{found.display_name} is not registered for sign-in in this tenant. Register it: "
            f"rollcall application register {output.shell_word(found.display_name)} --redirect-uri URL."
        ) from None
    return read, await db.read(directory.list_client_secrets, found.app_id)


def change_registration(
    application: Application,
    redirect_uri: Redirects = None,
    post_logout_redirect_uri: AfterLogout = None,
    front_channel_logout_url: FrontChannel = None,
    back_channel_logout_url: BackChannel = None,
    logout_with_issuer: WithIssuer = None,
    audience: WhichAudience = None,
    group_claims: WhichGroups = None,
    public: Public = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change how people sign in to an application; what is not named stays, and addresses named replace all of their kind.

    Example: rollcall application change-registration Workspaces --group-claims ApplicationGroup
    """
    said = _said(
        redirect_uri, post_logout_redirect_uri, front_channel_logout_url, back_channel_logout_url, logout_with_issuer,
        audience, group_claims, public,
    )  # fmt: skip

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        if not said:
            raise Invalid("Say what to change; rollcall application change-registration --help lists what there is.")
        found = await application_named(db, application)
        _, secrets = await _registered(db, found)
        changed = await db.write(directory.change_registration, found.app_id, said)
        return _answer(parts, found, changed, secrets)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _said(
    redirects: list[str] | None,
    after_logout: list[str] | None,
    front: str | None,
    back: str | None,
    with_issuer: bool | None,
    audience: Audience | None,
    groups: Groups | None,
    public: bool | None,
) -> Mapping[str, Any]:
    """What the flags say, by the names of NewRegistration; what they don't say is left out."""
    said: dict[str, Any] = {
        "redirect_uris": redirects and tuple(redirects),
        "post_logout_redirect_uris": after_logout and tuple(after_logout),
        "logout_with_issuer": with_issuer,
        "sign_in_audience": audience and audience.value,
        "group_membership_claims": groups and groups.value,
        "is_public": public,
    }
    said = {name: value for name, value in said.items() if value not in (None, [])}
    none_of = {"logout_url": front, "backchannel_logout_url": back}
    return said | {name: url or None for name, url in none_of.items() if url is not None}


def add_secret(
    application: Application,
    days: Days = _DAYS,
    label: Label = "",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give an application one more client secret, shown now and never again; the others stay good.

    Example: rollcall application add-secret Workspaces --days 90 --label "since the move"
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        await _registered(db, found)
        lasts = timedelta(days=days)
        secret = await db.write(directory.add_client_secret, parts.runtime, found.app_id, label, lasts)

        def show(console: Console) -> None:
            output.note(f"Good until {output.moment(secret.expires)}; shown now and never again.")
            console.print(output.safe(secret.text), soft_wrap=True)

        return Answer({"id": secret.id, "secret": secret.text, "expires": secret.expires}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def remove_secret(
    application: Application,
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="The secret's id, or its last four characters.")],
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a client secret away; it is good for nothing from now on.

    Example: rollcall application remove-secret Workspaces x9Qk
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        _, secrets = await _registered(db, found)
        chosen = [each for each in secrets if secret in (str(each.id), each.ends_with)]
        if len(chosen) != 1:
            known = ", ".join(f"{each.id} (…{each.ends_with})" for each in secrets) or "none"
            raise NotFound(f"{secret!r} names {len(chosen)} secrets of {found.display_name}. There are: {known}.")
        await db.write(directory.remove_client_secret, found.app_id, chosen[0].id)
        text = f"{found.display_name} no longer has the secret that ended with {chosen[0].ends_with}."
        return Answer({"id": chosen[0].id}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def add(
    client_id: Annotated[
        str, typer.Argument(metavar="CLIENT_ID", help="The client id of an application for many tenants.")
    ],
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an application that another tenant registered for many, so that people of this tenant may sign in to it.

    Example: rollcall application add 019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b --tenant contoso
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        app_id = directory.parse_app_id(client_id)
        found = None if app_id is None else await _registered_anywhere(parts, app_id)
        if app_id is None or found is None:
            raise NotFound(f"No tenant has registered an application with the client id {client_id}.")
        if found.sign_in_audience != Audience.many.value and found.tenant_id != db.tenant:
            raise Conflict(f"{found.display_name} is for the people of the tenant that registered it only.")
        made = await db.write(directory.create_service_principal, found.display_name, app_id=app_id)
        text = f"This tenant has {found.display_name} now. Entitle people: rollcall application assign {made} USER_OR_GROUP."
        return Answer({"id": made, "app_id": app_id}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


async def _registered_anywhere(parts: Parts, app_id: UUID) -> Registration | None:
    home = await parts.database.system(directory.home_of, app_id)
    return None if home is None else await parts.database.tenant(home).read(directory.read_registration, app_id)


def access(
    application: Application,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether anybody may sign in.")] = None,
    assignment_required: Annotated[
        bool | None,
        typer.Option("--assignment-required/--everybody", help="Only people assigned to it, or all of the tenant."),
    ] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show or change whether people of this tenant may sign in to an application, and whether they must be assigned.

    Example: rollcall application access Workspaces --assignment-required
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        if enabled is not None or assignment_required is not None:
            change = {"enabled": enabled, "assignment_required": assignment_required}
            found = await db.write(directory.update_service_principal, found.id, **change)
        said = {"enabled": found.account_enabled, "assignment_required": found.app_role_assignment_required}
        return Answer({"id": found.id, **said}, lambda console: output.pairs(console, said.items()))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _answer(
    parts: Parts,
    application: ServicePrincipal,
    registration: Registration,
    secrets: list[KnownSecret],
    issued: IssuedSecret | None = None,
) -> Answer:
    many = registration.sign_in_audience == Audience.many.value
    place = "organizations" if many else str(registration.tenant_id)
    authority = f"{identity_address(parts)}/{place}/v2.0"
    told: dict[str, Any] = {
        "display_name": application.display_name,
        "client_id": registration.app_id,
        "tenant_id": registration.tenant_id,
        "authority": authority,
        "metadata": f"{authority}/.well-known/openid-configuration",
        "sign_in_audience": registration.sign_in_audience,
        "is_public": registration.is_public,
        "redirect_uris": registration.redirect_uris,
        "post_logout_redirect_uris": registration.post_logout_redirect_uris,
        "front_channel_logout_url": registration.logout_url,
        "logout_with_issuer": registration.logout_with_issuer,
        "back_channel_logout_url": registration.backchannel_logout_url,
        "group_membership_claims": registration.group_membership_claims,
        "app_roles": [role.value or role.display_name for role in application.app_roles],
    }

    def show(console: Console) -> None:
        rows = [
            (name.replace("_", " "), ", ".join(v) if isinstance(v, list | tuple) else v) for name, v in told.items()
        ]
        listed = [("secret", f"…{s.ends_with} until {output.moment(s.expires)} {s.display_name}") for s in secrets]
        output.pairs(console, rows + ([("client secret", issued.text)] if issued else listed))
        if issued:
            output.note("The client secret is shown now and never again.")

    return Answer(told | {"secrets": secrets} | ({"client_secret": issued.text} if issued else {}), show)


def add_commands(app: typer.Typer) -> None:
    """Put these commands among those of `rollcall application`."""
    for command in (register, registration, add, access):
        app.command()(command)
    app.command("change-registration")(change_registration)
    app.command("add-secret")(add_secret)
    app.command("remove-secret")(remove_secret)
