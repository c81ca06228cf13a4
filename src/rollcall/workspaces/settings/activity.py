"""What provisioning did and did not bring: counts, groups that settings wait for, people who never came (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollcall.db import Tx

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Missing:
    """An entry of a list of group ids that SCIM has not delivered, and where it stands."""

    id: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A sign-in that matched no provisioned user."""

    at: datetime
    configuration: str


@dataclass(frozen=True, slots=True)
class Activity:
    """How provisioning stands. `never_signed_in`: provisioned, active users without a link to a provider."""

    users: int
    groups: int
    never_signed_in: int
    missing: tuple[Missing, ...]
    unmatched: tuple[Unmatched, ...]


async def read_activity(tx: Tx) -> Activity:
    """The activity of this organisation; of lists the first entries only."""
    counts = await tx.one(
        """select coalesce(sum(number) filter (where resource_type = 'User'), 0)::bigint as users,
                  coalesce(sum(number) filter (where resource_type = 'Group'), 0)::bigint as groups
           from workspaces.resource_counters"""
    )
    assert counts is not None, "a sum has a row"
    never = await tx.value(
        """select count(*) from workspaces.users u
           where u.synchronised and u.active is not false and not exists (
               select from workspaces.identity_links l where l.tenant_id = u.tenant_id and l.user_id = u.id)"""
    )
    missing = await tx.all(
        """select listed.entry as id, array_agg(distinct listed.place order by listed.place) as places
           from (select unnest(group_ids) as entry, 'Main User Dashboard' as place from workspaces.dashboard_access
                 union all select unnest(group_ids), 'Workspace default settings' from workspaces.organisation_defaults
                 union all select unnest(l.group_ids), w.name from workspaces.workspace_login l
                     join workspaces.workspaces w on w.tenant_id = l.tenant_id and w.id = l.workspace_id
                     where w.state <> 'deleted') as listed
           where not exists (select from workspaces.groups g where g.external_key = listed.entry)
           group by listed.entry order by listed.entry limit %s""",
        (SHOWN,),
    )
    unmatched = await tx.all(
        """select at, target_id from workspaces.audit
           where action = 'auth.sso.denied' and reason = 'user_unknown' order by id desc limit %s""",
        (SHOWN,),
    )
    return Activity(
        counts["users"],
        counts["groups"],
        never,
        tuple(Missing(row["id"], tuple(row["places"])) for row in missing),
        tuple(Unmatched(row["at"], row["target_id"]) for row in unmatched),
    )
