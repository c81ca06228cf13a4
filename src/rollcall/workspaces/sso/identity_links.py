"""Links between people at providers and users here, in the database, and what bears on making one (checks LNK)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.scim.datatypes import fold
from rollcall.workspaces.accounts_users import is_buried
from rollcall.workspaces.buried_links import is_link_buried
from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.failure import IDENTITY_CONFLICT, SsoFailed
from rollcall.workspaces.sso.who import Candidate, Facts, Subject, may_match_names


async def read_facts(
    tx: Tx, configuration: SsoConfiguration, subject: Subject, *, domain_verified: bool = False
) -> Facts:
    """What is stored that bears on who a person is. `domain_verified`: whether the domain in their user name is ours."""
    linked: UUID | None = await tx.value(
        "select user_id from workspaces.identity_links where configuration_id = %s and issuer = %s and subject = %s",
        (configuration.id, subject.issuer, subject.key),
    )
    if linked is not None:
        return Facts(linked=linked)
    # Object ids are compared without case; provisioning services write them in small letters, some in capitals.
    spellings = [subject.key, subject.key.upper()] if subject.object_id else [subject.key]
    named = fold(subject.user_name) if subject.user_name else None
    return Facts(
        by_external_id=await _candidates(tx, _BY_EXTERNAL_ID, configuration.id, spellings),
        by_user_name=(
            await _candidates(tx, _BY_USER_NAME, configuration.id, named)
            if named is not None and domain_verified and may_match_names(configuration)
            else ()
        ),
        domain_verified=domain_verified,
        buried=await _is_buried(tx, configuration.id, subject, named),
    )


async def make_link(
    tx: Tx, runtime: Runtime, configuration: SsoConfiguration, subject: Subject, user_id: UUID
) -> tuple[UUID, bool]:
    """Link a person to a user: whose the link is, and whether it was made now.

    Of two requests at once one wins, and the other finds its link (check LNK-7). Raises SsoFailed `identity_conflict` when
    the user has a link to another subject (check LNK-5).
    """
    now = runtime.now()
    made = await tx.run(
        """insert into workspaces.identity_links (id, configuration_id, issuer, subject, user_id, created, last_used)
           values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing""",
        (runtime.new_id(), configuration.id, subject.issuer, subject.key, user_id, now, now),
    )
    if made:
        return user_id, True
    found: UUID | None = await tx.value(
        "select user_id from workspaces.identity_links where configuration_id = %s and issuer = %s and subject = %s",
        (configuration.id, subject.issuer, subject.key),
    )
    if found is None:
        raise SsoFailed(IDENTITY_CONFLICT, "LNK-5")
    return found, False


async def note_link_used(tx: Tx, configuration_id: UUID, subject: Subject, now: datetime) -> None:
    """Note when a link was last signed in by."""
    await tx.run(
        """update workspaces.identity_links set last_used = %s
           where configuration_id = %s and issuer = %s and subject = %s""",
        (now, configuration_id, subject.issuer, subject.key),
    )


async def links_of_user(tx: Tx, user_id: UUID) -> list[dict[str, Any]]:
    """A user's links, oldest first: `id`, `configuration_id`, `issuer`, `created`, `last_used`."""
    return await tx.all(
        """select id, configuration_id, issuer, created, last_used from workspaces.identity_links
           where user_id = %s order by created, id""",
        (user_id,),
    )


async def unlink(tx: Tx, link_id: UUID) -> UUID | None:
    """Undo a link by hand; whose it was, None where there is none."""
    found: UUID | None = await tx.value(
        "delete from workspaces.identity_links where id = %s returning user_id", (link_id,)
    )
    return found


async def remember_token(tx: Tx, issuer: str, token_id: str, until: datetime, now: datetime) -> bool:
    """Whether a token or assertion is used for the first time; it is remembered until then (checks OID-16, BCL-7).

    Commit it whatever follows.
    """
    await tx.run(
        """delete from workspaces.seen_tokens where hash in (
               select hash from workspaces.seen_tokens where until < %s order by until limit 100 for update skip locked)""",
        (now,),
    )
    digest = hashlib.sha256(f"{issuer}\x00{token_id}".encode()).digest()
    fresh = await tx.run(
        "insert into workspaces.seen_tokens (hash, until) values (%s, %s) on conflict do nothing", (digest, until)
    )
    return fresh == 1


# A user is alive while the row is there; suspended ones are found too, and the door turns them down.
_BY_EXTERNAL_ID = "u.external_id = any(%(sought)s)"
_BY_USER_NAME = "u.user_name_folded = %(sought)s"


async def _candidates(tx: Tx, condition: Any, configuration_id: UUID, sought: object) -> tuple[Candidate, ...]:
    rows = await tx.all(
        f"""select u.id, exists (select from workspaces.identity_links l
                   where l.tenant_id = u.tenant_id and l.user_id = u.id and l.configuration_id = %(configuration)s) as linked
            from workspaces.users u where {condition} order by u.id limit 2""",
        {"configuration": configuration_id, "sought": sought},
    )
    return tuple(Candidate(row["id"], row["linked"]) for row in rows)


async def _is_buried(tx: Tx, configuration_id: UUID, subject: Subject, named: str | None) -> bool:
    if await is_link_buried(tx, configuration_id, subject.issuer, subject.key):
        return True
    spellings = {subject.key, subject.key.upper()}
    return any([await is_buried(tx, named or "", spelling) for spelling in sorted(spellings)])
