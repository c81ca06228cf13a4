"""Writes the mail of a notice, as plain text and as HTML, from the templates beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jinja2

from rollcall.mail import Mail, one_line
from rollcall.provisioning.model import Json
from rollcall.provisioning.notice_words import job_word, tenant_option, trial_words, words_of

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("rollcall.provisioning"),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a mail is about. `tenant_name`: the job's tenant, where there are several."""

    kind: str
    message: str
    details: Mapping[str, Json]
    at: datetime
    job_id: UUID
    job_name: str
    tenant_name: str | None = None


def notice_mail(told: Told, to: str, key: str, now: datetime, installation: str | None) -> Mail:
    """The mail that tells one recipient of a notice. `key` is the same however often it is sent."""
    words = words_of(
        told.kind,
        told.message,
        told.details,
        at=told.at,
        job_id=told.job_id,
        job_name=told.job_name,
        installation=installation,
        tenant_name=told.tenant_name,
    )
    values = {
        "words": words,
        "job": one_line(told.job_name),
        "tenant": None if told.tenant_name is None else one_line(told.tenant_name),
        "settings": f"rollcall job settings {job_word(told.job_name, told.job_id)} notification_emails=ADDRESS,ADDRESS"
        + tenant_option(told.tenant_name),
    }
    return _rendered(values, to, key, now)


def trial_mail(to: str, key: str, now: datetime, installation: str | None) -> Mail:
    """A mail that says that mail works."""
    return _rendered(
        {"words": trial_words(now, installation), "job": None, "tenant": None, "settings": None}, to, key, now
    )


def _rendered(values: Mapping[str, Any], to: str, key: str, now: datetime) -> Mail:
    return Mail(
        to=to,
        subject=values["words"].subject,
        text=_TEMPLATES.get_template("notice.txt").render(values),
        html=_TEMPLATES.get_template("notice.html").render(values),
        message_key=key,
        date=now,
    )
