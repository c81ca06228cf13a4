"""Who is told what: kinds of notices, whom each goes to, when a delivery is tried again, when a credential's end is near."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from rollcall.provisioning.model import JobSettings, Json

NoticeKind = Literal["quarantine", "disabled", "held", "approval", "credentials", "webhook", "well"]
Channel = Literal["mail", "webhook"]

EVENTS: Mapping[str, str] = {
    "quarantine": "job.quarantined",
    "disabled": "job.disabled",
    "held": "job.removals_held",
    "approval": "job.approval_requested",
    "credentials": "job.credentials_expiring",
    "webhook": "job.webhook_disabled",
    "well": "job.well",
}
"""The name of each kind of notice as webhooks carry it."""
TEST_EVENT = "webhook.test"

# What `well` ends when it does not say so: the troubles that a job gets out of by itself.
_HEALTH: tuple[NoticeKind, ...] = ("quarantine", "disabled")
# What happens but once, until somebody does something about it: each time it does is news.
ALWAYS_NEWS: frozenset[NoticeKind] = frozenset({"disabled", "webhook"})
# Mails that the switch "Send an email notification when a failure occurs" is about; the others ask for a decision.
_FAILURES: frozenset[NoticeKind] = frozenset({"quarantine", "disabled", "credentials", "well"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    `kind`: the job is in quarantine or disabled after it, removals are held back, a plan waits for approval, credentials
    expire, a webhook was disabled, or all is well again. `reason`: a stable code; as long as the newest notice of its kind has the same, nobody is
    told once more (rule Q7). `message`: what happened, in plain sentences. `details`: numbers and names for templates.
    `ends`: with `well`, the kinds of trouble that are over.
    """

    kind: NoticeKind
    reason: str
    message: str
    details: Mapping[str, Json] = field(default_factory=dict)
    ends: tuple[NoticeKind, ...] = ()

    @property
    def over(self) -> tuple[NoticeKind, ...]:
        """The kinds of trouble that this ends."""
        return (self.ends or _HEALTH) if self.kind == "well" else ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook that takes notices, and of which events."""

    id: UUID
    url: str
    events: Collection[str]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a notice goes to: a mail address, or the URL of a webhook with its id."""

    address: str
    webhook_id: UUID | None = None

    @property
    def channel(self) -> Channel:
        return "mail" if self.webhook_id is None else "webhook"


def recipients_of(
    notice: Notice, settings: JobSettings, endpoints: Iterable[Endpoint], told: Collection[Recipient]
) -> list[Recipient]:
    """Whom to tell. `told` are those who were told of the trouble; that it is over, only they have to know."""
    mailed = settings.notify_on_failure or notice.kind not in _FAILURES
    wanted = [Recipient(address) for address in settings.notification_emails if mailed]
    wanted += [Recipient(each.url, each.id) for each in endpoints if EVENTS[notice.kind] in each.events]
    return [each for each in wanted if each in told] if notice.kind == "well" else wanted


# ── trying again ───────────────────────────────────────────────────────────────────────────────

# A mail server that is away or asks to come back later is given time (RFC 5321 §4.5.4.1: at least four days).
_MAIL_DELAYS_SECONDS = (60, 300, 900, 3600, 4 * 3600)
MAIL_KEPT_FOR = timedelta(days=5)
# The schedule that Standard Webhooks gives as its example: over three days in ten attempts.
_WEBHOOK_DELAYS_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
_LONGEST_WAIT_SECONDS = 86_400.0
LONGEST_WAIT = timedelta(seconds=_LONGEST_WAIT_SECONDS * 1.1)
"""No delivery is tried again later than that; what is due later still was put off by a clock that was ahead."""
WEBHOOK_DISABLED_AFTER = timedelta(days=5)
"""So long nothing arrived at a webhook before it is sent nothing more."""


def next_attempt(
    channel: Channel,
    attempts: int,
    created: datetime,
    now: datetime,
    retry_after_seconds: float | None = None,
    jitter: float = 0.0,
) -> datetime | None:
    """When a delivery that failed `attempts` times is tried again; None when it is given up.

    `jitter`, from 0 to 1, lengthens the wait by up to a tenth, so that what failed together does not come together.
    """
    assert attempts > 0, "a delivery that never failed is not tried again"
    if channel == "webhook":
        if attempts > len(_WEBHOOK_DELAYS_SECONDS):
            return None
        delay: float = _WEBHOOK_DELAYS_SECONDS[attempts - 1]
    else:
        delay = _MAIL_DELAYS_SECONDS[min(attempts, len(_MAIL_DELAYS_SECONDS)) - 1]
    delay = max(delay, min(retry_after_seconds or 0.0, _LONGEST_WAIT_SECONDS)) * (1 + jitter / 10)
    at = now + timedelta(seconds=delay)
    return None if channel == "mail" and at > created + MAIL_KEPT_FOR else at


# ── credentials that expire ────────────────────────────────────────────────────────────────────

EXPIRY_STEPS_DAYS = (30, 7, 1, 0)


def expiry_step(expires: datetime, told: int | None, now: datetime) -> int | None:
    """The warning that is due, in days before `expires`; None when nobody has to be told (again).

    `told` is the last step that was. Steps that went by unseen, while nothing ran, are not made up for.
    """
    passed = [days for days in EXPIRY_STEPS_DAYS if now >= expires - timedelta(days=days)]
    step = min(passed, default=None)
    return None if step is None or (told is not None and told <= step) else step
