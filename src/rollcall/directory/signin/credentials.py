"""What people prove who they are with: a password, the codes of an authenticator app, recovery codes (a store)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.scim.datatypes import fold


@dataclass(frozen=True, slots=True)
class Credential:
    """A user who can sign in, or could; `recovery_codes` is how many are unused."""

    user_id: UUID
    user_principal_name: str
    display_name: str
    enabled: bool
    password_hash: str | None = field(default=None, repr=False)
    password_set: datetime | None = None
    totp_sealed: bytes | None = field(default=None, repr=False)
    totp_enrolled: datetime | None = None
    recovery_codes: int = 0

    @property
    def has_totp(self) -> bool:
        """Whether a second factor is asked for."""
        return self.totp_sealed is not None


_CREDENTIAL = """
    select u.id as user_id, u.user_principal_name, u.display_name, u.account_enabled as enabled, c.password_hash,
        c.password_set, c.totp_sealed, c.totp_enrolled,
        (select count(*) from directory.recovery_codes r where r.user_id = u.id and r.used is null) as recovery_codes
    from directory.users u left join directory.credentials c on c.user_id = u.id
    where u.deleted_at is null
"""


async def read_credential(tx: Tx, user_id: UUID) -> Credential | None:
    """What a user can prove who they are with; None for a user that is not there."""
    row = await tx.one(f"{_CREDENTIAL} and u.id = %s", [user_id])
    return None if row is None else Credential(**row)


async def credential_of(tx: Tx, user_principal_name: str) -> Credential | None:
    """The same by the name that a person types."""
    row = await tx.one(f"{_CREDENTIAL} and u.user_principal_name_folded = %s", [fold(user_principal_name)])
    return None if row is None else Credential(**row)


async def tenants_of_name(tx: Tx, user_principal_name: str, most: int = 3) -> list[tuple[UUID, UUID]]:
    """Tenant and user of those who can sign in by this name, for a transaction without tenant."""
    rows = await tx.all(
        "select tenant, user_id from directory.sign_in_names where hash = sha256(convert_to(%s, 'UTF8')) order by tenant limit %s",
        [fold(user_principal_name), most],
    )
    return [(row["tenant"], row["user_id"]) for row in rows]


async def set_password(tx: Tx, user_id: UUID, password_hash: str, now: datetime) -> None:
    """Let a user sign in with this password from now on."""
    await tx.run(
        """
        insert into directory.credentials (user_id, password_hash, password_set) values (%(user)s, %(hash)s, %(now)s)
        on conflict (tenant_id, user_id) do update set password_hash = excluded.password_hash, password_set = %(now)s
        """,
        {"user": user_id, "hash": password_hash, "now": now},
    )


async def replace_hash(tx: Tx, user_id: UUID, old: str, new: str) -> None:
    """Keep the same password under today's parameters, unless it was changed in between."""
    await tx.run(
        "update directory.credentials set password_hash = %s where user_id = %s and password_hash = %s",
        [new, user_id, old],
    )


async def enrol_totp(
    tx: Tx, user_id: UUID, sealed: bytes, step: int, code_hashes: Sequence[str], now: datetime
) -> None:
    """Ask this user for codes of an authenticator app from now on; `step` is that of the code that proved it works."""
    await tx.run(
        """
        insert into directory.credentials (user_id, totp_sealed, totp_enrolled, totp_last_step)
        values (%(user)s, %(sealed)s, %(now)s, %(step)s)
        on conflict (tenant_id, user_id) do update
            set totp_sealed = excluded.totp_sealed, totp_enrolled = %(now)s, totp_last_step = %(step)s
        """,
        {"user": user_id, "sealed": sealed, "now": now, "step": step},
    )
    await put_recovery_codes(tx, user_id, code_hashes)


async def put_recovery_codes(tx: Tx, user_id: UUID, hashes: Sequence[str]) -> None:
    """Put new recovery codes in the place of those there were."""
    await tx.run("delete from directory.recovery_codes where user_id = %s", [user_id])
    await tx.run_many(
        "insert into directory.recovery_codes (user_id, number, hash) values (%s, %s, %s)",
        [(user_id, number, each) for number, each in enumerate(hashes)],
    )


async def remove_totp(tx: Tx, user_id: UUID) -> None:
    """Ask this user for a password only, and forget the recovery codes."""
    await tx.run("delete from directory.recovery_codes where user_id = %s", [user_id])
    await tx.run(
        "update directory.credentials set totp_sealed = null, totp_enrolled = null where user_id = %s", [user_id]
    )


async def use_totp_step(tx: Tx, user_id: UUID, step: int) -> bool:
    """Use up the code of a time step, and those before it; False when it was used already (RFC 6238 §5.2)."""
    used = await tx.run(
        """
        update directory.credentials set totp_last_step = %(step)s
        where user_id = %(user)s and totp_sealed is not null and totp_last_step < %(step)s
        """,
        {"user": user_id, "step": step},
    )
    return used == 1


async def recovery_code_hash(tx: Tx, user_id: UUID, number: int) -> str | None:
    """The hash of a recovery code that was not used yet."""
    found: str | None = await tx.value(
        "select hash from directory.recovery_codes where user_id = %s and number = %s and used is null",
        [user_id, number],
    )
    return found


async def use_recovery_code(tx: Tx, user_id: UUID, number: int, hashed: str, now: datetime) -> bool:
    """Use a recovery code up; False when somebody else was first."""
    used = await tx.run(
        """
        update directory.recovery_codes set used = %s where user_id = %s and number = %s and hash = %s and used is null
        """,
        [now, user_id, number, hashed],
    )
    return used == 1
