"""How much there is in an organisation and how much happened each day, without counting rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rollcall.db import Tx
from rollcall.scim.schema import GROUP, USER
from rollcall.workspaces.accounts_listing import counted

DAYS = 30


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC): how many accounts there were at its end, sign-ins, and changes that SCIM made to accounts and groups."""

    day: date
    users: int
    sign_ins: int
    changes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is now. `signed_in` are people with a live session, `away` those who are inactive or suspended."""

    users: int
    away: int
    groups: int
    workspaces: int
    archived: int
    without_admin: int
    signed_in: int


async def per_day(tx: Tx, now: datetime, days: int = DAYS) -> list[Day]:
    """The last days, the oldest first, today last."""
    first = now.date() - timedelta(days=days - 1)
    rows = await tx.all(
        """select day, what, sum(number)::bigint as number from workspaces.daily_numbers
           where what in ('users', 'sign_ins', 'changes') and day >= %s group by day, what""",
        (first,),
    )
    found = {(row["day"], row["what"]): int(row["number"]) for row in rows}
    users = await counted(tx, USER)
    told: list[Day] = []
    for back in range(days):  # from today on, since only today's number of accounts is known
        day = now.date() - timedelta(days=back)
        told.append(Day(day, max(0, users), found.get((day, "sign_ins"), 0), found.get((day, "changes"), 0)))
        users -= found.get((day, "users"), 0)
    return told[::-1]


async def totals(tx: Tx, now: datetime) -> Totals:
    """What there is at this moment."""
    row = await tx.one(
        """select (select count(*) from workspaces.users where active is false or suspended is not null) as away,
                  (select count(*) from workspaces.workspaces where state = 'open') as open,
                  (select count(*) from workspaces.workspaces where state = 'archived') as archived,
                  (select count(*) from workspaces.workspaces
                   where state = 'open' and without_admin is not null) as without_admin,
                  (select count(distinct user_id) from workspaces.sessions
                   where ends > %(now)s and last_seen + idle_seconds * interval '1 second' > %(now)s) as signed_in""",
        {"now": now},
    )
    assert row is not None, "a select without a table has one row"
    return Totals(
        users=await counted(tx, USER),
        away=row["away"],
        groups=await counted(tx, GROUP),
        workspaces=row["open"],
        archived=row["archived"],
        without_admin=row["without_admin"],
        signed_in=row["signed_in"],
    )


async def by_hand(tx: Tx) -> None:
    """Say that what this transaction changes is changed by a person here, and not by SCIM."""
    await tx.run("select set_config('rollcall.by_hand', 'on', true)")
