"""Warns before the Secret Token of a job expires, once at each step."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.errors import Invalid
from rollcall.provisioning.jobs import set_credentials
from rollcall.provisioning.notice_rules import EXPIRY_STEPS_DAYS, Notice, expiry_step
from rollcall.provisioning.notices import announce
from rollcall.runtime import Runtime


def parse_expiry(text: str, now: datetime) -> datetime:
    """The moment that a day (its end, in UTC) or an ISO 8601 moment stands for. Raises Invalid, also for the past."""
    try:
        if len(text) == len("2027-01-31"):
            # Good on the day itself: a day that is named as the last one counts.
            day = datetime.combine(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC), time.min, UTC)
            at = day + timedelta(days=1)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is no day such as 2027-01-31 and no moment such as 2027-01-31T12:00:00Z.") from None
    if at.tzinfo is None:
        raise Invalid(f"The moment {text!r} needs a zone; write for example {text}Z.")
    if at <= now:
        raise Invalid(f"{text} is past; the day on which the Secret Token will expire is expected.")
    return at.astimezone(UTC)


async def replace_credentials(
    tx: Tx, runtime: Runtime, sealer: Sealer, job_id: UUID, tenant_url: str, secret_token: str, expires: datetime | None
) -> None:
    """Replace Tenant URL and Secret Token, which is good until `expires`, None when nobody knows.

    Who was warned of the old one's end is told that it is over. Raises Invalid, NotFound.
    """
    await set_credentials(tx, sealer, job_id, tenant_url, secret_token)
    await tx.run("update provisioning.jobs set token_expires = %s where id = %s", [expires, job_id])
    renewed = Notice(
        "well", "CredentialsRenewed", "The job has a new Secret Token. Nothing is left to do.", ends=("credentials",)
    )
    await announce(tx, job_id, runtime.new_id(), renewed, runtime.now())


async def announce_expiries(tx: Tx, runtime: Runtime) -> int:
    """Warn 30, 7 and 1 days before a job's Secret Token expires, and when it has; how many warnings were due."""
    now = runtime.now()
    rows = await tx.all(
        """
        select id, token_expires, token_expiry_told from provisioning.jobs
        where token_expires <= %s and token_expiry_told is distinct from 0 order by id for no key update
        """,
        [now + timedelta(days=max(EXPIRY_STEPS_DAYS))],
    )
    due = 0
    for row in rows:
        step = expiry_step(row["token_expires"], row["token_expiry_told"], now)
        if step is None:
            continue
        due += 1
        await tx.run("update provisioning.jobs set token_expiry_told = %s where id = %s", [step, row["id"]])
        await announce(tx, row["id"], runtime.new_id(), expiry_notice(row["token_expires"], step), now)
    return due


def expiry_notice(expires: datetime, step: int) -> Notice:
    """The warning at a step."""
    day = f"{expires.day} {expires.strftime('%B %Y, %H:%M UTC')}"
    if step == 0:
        message = (
            f"The Secret Token of this job expired on {day}. The application will refuse its requests, "
            "and the job will go into quarantine."
        )
    else:
        within = "within a day" if step == 1 else f"in {step} days or less"
        message = (
            f"The Secret Token of this job expires {within}, on {day}. "
            "Without a new one nobody will be provisioned after that."
        )
    return Notice("credentials", f"CredentialsExpire:{expires.isoformat()}:{step}", message, {"expires": day})
