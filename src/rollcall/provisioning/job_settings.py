"""The settings of a job as people write them: read, checked, printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import get_args

import isodate

from rollcall.errors import Invalid
from rollcall.provisioning.model import (
    Approval,
    JobSettings,
    Json,
    NestedGroups,
    QuarantineThresholds,
    RequestProfile,
    RetrySchedule,
)
from rollcall.provisioning.notification_settings import check_recipients

LEAST_INTERVAL_SECONDS = 5.0


def parse_interval(text: str) -> float:
    """Seconds of an ISO 8601 duration such as PT40S or PT40M, at least 5 seconds. Raises Invalid."""
    try:
        duration = isodate.parse_duration(text)
        seconds = float(duration.total_seconds())
    except (isodate.ISO8601Error, AttributeError, TypeError, ValueError):
        raise Invalid(f"The interval {text!r} is no ISO 8601 duration. Write for example PT40S or PT40M.") from None
    if seconds < LEAST_INTERVAL_SECONDS:
        raise Invalid(f"The interval {text} is shorter than {LEAST_INTERVAL_SECONDS:.0f} seconds (PT5S).")
    return seconds


def print_interval(seconds: float) -> str:
    """The interval as an ISO 8601 duration."""
    return str(isodate.duration_isoformat(isodate.Duration(seconds=seconds)))


def check_settings(values: dict[str, Json]) -> JobSettings:
    """Settings out of a JSON object; missing ones have their default. Raises Invalid that lists every fault."""
    known = {field.name for field in fields(JobSettings)}
    faults = [
        f"{name}: there is no such setting; there are {', '.join(sorted(known))}" for name in values.keys() - known
    ]
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            faults.append(f"{name}: one of {', '.join(choices)} is expected, not {values[name]!r}")
    faults += [
        f"{name}: {kind} from {least:.0f} to {most:.0f} is expected, not {values[name]!r}"
        for names, kind in ((_WHOLE, "a whole number"), (_NUMBERS, "a number"))
        for name, (least, most) in names.items()
        if name in values and not _is_between(values[name], least, most, whole=names is _WHOLE)
    ]
    faults += [
        f"{name}: {kind} from {least:g} to {most:.0f}, or off, is expected, not {values[name]!r}"
        for name, (least, most, kind) in _LIMITS.items()
        if name in values
        and values[name] not in _OFF
        and not _is_between(values[name], least, most, whole=kind == "a whole number")
    ]
    faults += [
        f"{name}: true or false is expected, not {values[name]!r}"
        for name in _SWITCHES
        if not isinstance(values.get(name, False), bool)
    ]
    faults += check_recipients(values.get("notification_emails", ()))
    if faults:
        number = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
        raise Invalid(f"The settings of the job have {number}.", details=tuple(sorted(faults)))
    return settings_of(values)


def settings_of(values: Mapping[str, Json]) -> JobSettings:
    """Settings out of a JSON object that was checked before."""
    limits = {name: None for name in _LIMITS if name in values and values[name] in _OFF}
    return JobSettings(**{**values, **limits, "notification_emails": tuple(values.get("notification_emails", ()))})


_CHOICES = {
    "scope": ("assigned", "all"),
    "nested_groups": get_args(NestedGroups),
    "request_profile": get_args(RequestProfile),
    "retry_schedule": get_args(RetrySchedule),
    "quarantine_thresholds": get_args(QuarantineThresholds),
    "approval": get_args(Approval),
}
_SWITCHES = ("skip_out_of_scope_deletions", "soft_delete", "bulk", "source_anomaly_check", "notify_on_failure")
# Settings by which the same object may come to something else, so that everybody is looked at again.
DECIDING = ("scope", "nested_groups", "skip_out_of_scope_deletions", "soft_delete")
# The least and the most of each setting that is a number.
_WHOLE = {
    "members_per_request": (1, 100_000),
    "concurrency": (1, 256),
    "page_size": (1, 10_000),
    "approval_over": (1, 10_000_000),
}
_NUMBERS = {
    "interval_seconds": (LEAST_INTERVAL_SECONDS, 366 * 86_400),
    "delete_after_days": (0, 3650),
    "requests_per_second": (0, 10_000),
    "approval_expires_hours": (1, 8760),
}


# Limits of the guards: a number, or off. A limit of 0 would let nothing through, and one might mean none by it.
_LIMITS = {
    "deletion_threshold": (1, 10_000_000, "a whole number"),
    "deletion_percent": (0.01, 100, "a number"),
    "deletions_per_day": (1, 10_000_000, "a whole number"),
    "membership_removal_threshold": (1, 10_000_000, "a whole number"),
}
_OFF = (None, "off")


def _is_between(value: Json, least: float, most: float, *, whole: bool) -> bool:
    """Whether it is a number from least to most; NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most and (isinstance(value, int) or not whole)
