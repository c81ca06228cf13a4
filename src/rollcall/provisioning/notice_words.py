"""A notice in words for people: what happened, since when, how many, and what to do about it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from rollcall.provisioning.model import Json

Tone = Literal["trouble", "decision", "well"]
_LISTED_VALUES = 10
_VALUE_CHARACTERS = 300
_SECRET_NAME = re.compile(r"token|secret|password|authorization|credential", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:JOB|PLAN|WEBHOOK)\b")
# A target may repeat the header that it was sent (RFC 6750 §2.1).
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, and the command that does it."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """What a mail says. `facts` are names with values; `tone` chooses a colour."""

    subject: str
    heading: str
    message: str
    since: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    tone: Tone
    installation: str | None


@dataclass(frozen=True, slots=True)
class _Kind:
    heading: str
    tone: Tone
    steps: tuple[tuple[str, str], ...]


# In the commands, JOB stands for the job, PLAN and WEBHOOK for what a notice is about.
_KINDS: Mapping[str, _Kind] = {
    "quarantine": _Kind(
        "{job} is in quarantine",
        "trouble",
        (
            ("See the job's state and what stopped it:", "rollcall job status JOB"),
            ("See what failed, and why:", "rollcall job failures list JOB"),
            ("Test the connection, once the cause is mended:", "rollcall job test JOB"),
            ("Then let it run at once, instead of at its next attempt:", "rollcall job start JOB"),
        ),
    ),
    "disabled": _Kind(
        "{job} is disabled",
        "trouble",
        (
            ("See what stopped it:", "rollcall job status JOB"),
            ("Test the connection, once the cause is mended:", "rollcall job test JOB"),
            ("Then start it again:", "rollcall job start JOB"),
        ),
    ),
    "held": _Kind(
        "{job} holds back removals",
        "decision",
        (
            ("See whom it is about, and what held them back:", "rollcall job held JOB"),
            ("If the removals are meant, let the next cycle send them:", "rollcall job allow JOB --by 'YOUR NAME'"),
            (
                "If they are not, repair the source, the assignments or the filter, and then forget them:",
                "rollcall job reject JOB --by 'YOUR NAME'",
            ),
        ),
    ),
    "approval": _Kind(
        "A plan of {job} waits for approval",
        "decision",
        (
            ("Look at the plan:", "rollcall job show-plan PLAN"),
            ("Approve it, and it is carried out exactly as it is:", "rollcall job approve PLAN --by 'YOUR NAME'"),
            ("Or reject it, and nothing is sent:", "rollcall job reject-plan PLAN --by 'YOUR NAME'"),
            ("See all plans that wait:", "rollcall job plans JOB"),
        ),
    ),
    "credentials": _Kind(
        "The Secret Token of {job} expires",
        "trouble",
        (
            (
                "Get a new Secret Token from the application, and save it with the day it expires:",
                "rollcall job credentials JOB --secret-token file:token.txt --expires YYYY-MM-DD",
            ),
        ),
    ),
    "webhook": _Kind(
        "A webhook of {job} is disabled",
        "trouble",
        (
            ("See what was sent to it, and what it answered:", "rollcall job webhook log WEBHOOK --job JOB"),
            (
                "Once it is mended, give it a new secret, which switches it on again:",
                "rollcall job webhook rotate WEBHOOK --job JOB",
            ),
        ),
    ),
    "well": _Kind("{job} is well again", "well", (("See the job's state:", "rollcall job status JOB"),)),
}


def words_of(
    kind: str,
    message: str,
    details: Mapping[str, Json],
    *,
    at: datetime,
    job_id: UUID,
    job_name: str,
    installation: str | None,
    tenant_name: str | None = None,
) -> NoticeWords:
    """The words of a notice.

    `installation` is the address people reach this Rollcall at, if it has one; `tenant_name` is that of the job's tenant,
    where there are several and a command has to say which.
    """
    told = _KINDS[kind]
    heading = told.heading.format(job=_visible(job_name))
    job, plan = job_word(job_name, job_id), details.get("plan_id")
    words = {
        "JOB": job,
        "PLAN": job if plan is None else shlex.quote(str(plan)),
        "WEBHOOK": shlex.quote(str(details.get("webhook_id"))),
    }
    option = tenant_option(tenant_name)
    steps = tuple(
        Step(what, _PLACE.sub(lambda found: words[found[0]], command) + option) for what, command in told.steps
    )
    return NoticeWords(
        subject=f"[Rollcall] {heading}",
        heading=heading,
        message="\n".join(_visible(line) for line in without_secrets(message).splitlines()),
        since=_moment(_as_moment(details.get("since")) or at),
        facts=tuple(_facts({name: value for name, value in details.items() if name != "since"})),
        steps=steps,
        tone=told.tone,
        installation=installation,
    )


def trial_words(at: datetime, installation: str | None) -> NoticeWords:
    """The words of a mail that an administrator sent as a test."""
    return NoticeWords(
        subject="[Rollcall] A test mail",
        heading="Mail works",
        message="An administrator asked for this mail. What a provisioning job needs will reach this address like it.",
        since=_moment(at),
        facts=(),
        steps=(Step("Have a job tell this address:", "rollcall job settings notification_emails=ADDRESS"),),
        tone="well",
        installation=installation,
    )


def _as_moment(value: Json) -> datetime | None:
    """The moment that a text is, if it is one with its zone."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else at.astimezone(UTC)


def _moment(at: datetime) -> str:
    return f"{at.day} {at.strftime('%B %Y, %H:%M UTC')}"


def job_word(job_name: str, job_id: UUID) -> str:
    """The job as a command takes it: by its name where that can be copied without harm, else by its id."""
    return shlex.quote(job_name) if job_name.isprintable() and job_name.strip() and job_name[0] != "-" else str(job_id)


def tenant_option(tenant_name: str | None) -> str:
    """What a command needs to work in this tenant; nothing where there is no other."""
    return "" if tenant_name is None else f" --tenant {shlex.quote(tenant_name)}"


def _visible(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _facts(details: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in details.items():
        if value is None or _SECRET_NAME.search(name) or _is_id(value):
            continue
        label = _visible(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)).lower()
        yield label[:1].upper() + label[1:], _shown(value)


def _is_id(value: Json) -> bool:
    """Whether a value tells people nothing: an id of ours, which the commands name where it is needed."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        rest = len(value) - _LISTED_VALUES
        shown = ", ".join(_shown(each) for each in value[:_LISTED_VALUES])
        return f"{shown} and {rest:,} more" if rest > 0 else shown
    if isinstance(value, Mapping):
        return ", ".join(f"{_visible(str(name))}: {_shown(each)}" for name, each in value.items())
    if (moment := _as_moment(value)) is not None:
        return _moment(moment)
    text = without_secrets(_visible(str(value)))
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]}…"


def without_secrets(text: str) -> str:
    """The text without the credentials of an Authorization header that somebody repeated in it."""
    return _BEARER.sub(r"\1 ••••", text)
