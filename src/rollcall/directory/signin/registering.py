"""An application becomes one that people sign in to: its place in the directory, its registration, its first secret (a store)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.applications import create_service_principal, read_service_principal
from rollcall.directory.model import ServicePrincipal
from rollcall.directory.signin.model import Registration
from rollcall.directory.signin.registrations import (
    IssuedSecret,
    NewRegistration,
    add_client_secret,
    register_application,
)
from rollcall.runtime import Runtime


async def register_for_sign_in(
    tx: Tx, runtime: Runtime, new: NewRegistration, service_principal_id: UUID | None, secret_valid_for: timedelta
) -> tuple[ServicePrincipal, Registration, IssuedSecret | None]:
    """Register an application of the directory, or with None a new one; one that can keep a secret gets one.

    Raises Invalid with every fault, NotFound, Conflict when it is registered already; then nothing was made.
    """
    identifier = service_principal_id or await create_service_principal(tx, new.display_name)
    application = await read_service_principal(tx, identifier)
    new = replace(new, display_name=application.display_name)
    registration = await register_application(tx, runtime, new, application.app_id)
    if registration.is_public:
        return application, registration, None
    secret = await add_client_secret(tx, runtime, application.app_id, "", secret_valid_for)
    return application, registration, secret
