"""What the operator of an installation does about ways in, from the command line: a first main user, and PINs unmailed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.errors import Invalid, NotFound
from rollcall.mail_address import check_mail_address
from rollcall.runtime import Runtime
from rollcall.scim.datatypes import fold
from rollcall.workspaces.audit import OPERATOR
from rollcall.workspaces.entry.pins import readable_pin
from rollcall.workspaces.main_users import appoint, main_user_by_address
from rollcall.workspaces.people import AccountOrigin, create_person


async def make_main_user(tx: Tx, runtime: Runtime, address: str) -> UUID:
    """Appoint the user with this address, who is made if there is none. Raises Invalid for an impossible address."""
    try:
        address = check_mail_address(address)
    except ValueError as error:
        raise Invalid(f"The address {error}.", code="address_invalid") from None
    user: UUID | None = await tx.value("select id from workspaces.users where user_name_folded = %s", (fold(address),))
    if user is None:
        origin = AccountOrigin.INVITATION
        user = await create_person(tx, runtime, user_name=address, address=address, origin=origin, actor=OPERATOR)
    await appoint(tx, runtime, user, None, actor=OPERATOR)
    return user


async def waiting_pin(tx: Tx, sealer: Sealer, address: str, now: datetime) -> tuple[str, datetime]:
    """The PIN that a main user asked for and that could not be mailed, and when it ends. Raises NotFound."""
    user = await main_user_by_address(tx, address)
    found = None if user is None else await readable_pin(tx, sealer, user, now)
    if found is None:
        raise NotFound(
            f"No PIN waits for {address}. It has to be asked for on the login page of the dashboard, by a main user who was "
            "appointed here, within the last ten minutes; with a mail server it is mailed and can't be read.",
            code="pin_unknown",
        )
    return found
