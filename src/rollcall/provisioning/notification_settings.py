"""Notification settings as Microsoft Graph keeps them: the secret SyncNotificationSettings, a JSON text (rule P1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from rollcall.errors import Invalid
from rollcall.mail_address import check_mail_address
from rollcall.provisioning.model import JobSettings, Json

RECIPIENTS_AT_MOST = 50
_THRESHOLD_WHEN_OFF = JobSettings().deletion_threshold


def check_recipients(value: Json) -> list[str]:
    """Every fault of a list of mail addresses: what it names, the rule, the remedy; nothing for a good one."""
    if not isinstance(value, list | tuple):
        return [f"notification_emails: a list of mail addresses is expected, not {value!r}"]
    faults = []
    seen: set[str] = set()
    for each in value:
        try:
            folded = check_mail_address(each).casefold()
        except ValueError as rule:
            faults.append(f"notification_emails: {each!r} {rule}")
            continue
        if folded in seen:
            faults.append(f"notification_emails: {each!r} is listed twice; leave one out")
        seen.add(folded)
    if len(value) > RECIPIENTS_AT_MOST:
        faults.append(
            f"notification_emails: {RECIPIENTS_AT_MOST} addresses at most are expected, not {len(value)}; "
            "use a distribution list"
        )
    return faults


def split_recipients(text: str) -> list[str]:
    """The addresses in a text that separates them by commas or semicolons."""
    return [each.strip() for each in re.split("[,;]", text) if each.strip()]


def print_notification_settings(settings: JobSettings) -> str:
    """The secret's text: `Enabled`, `Recipients`, `DeleteThresholdEnabled`, `DeleteThresholdValue`."""
    is_on = bool(settings.deletion_threshold)
    return json.dumps(
        {
            "Enabled": settings.notify_on_failure,
            "Recipients": ",".join(settings.notification_emails),
            "DeleteThresholdEnabled": is_on,
            "DeleteThresholdValue": settings.deletion_threshold if is_on else _THRESHOLD_WHEN_OFF,
        },
        separators=(",", ":"),
    )


def parse_notification_settings(text: str) -> dict[str, Json]:
    """The job settings that a secret's text sets, by name; what it does not name stays as it is.

    Raises Invalid with every fault.
    """
    try:
        written = json.loads(text)
    except ValueError:
        written = None
    if not isinstance(written, dict):
        raise Invalid(
            'SyncNotificationSettings must be a JSON object such as {"Enabled":true,"Recipients":"ops@a.com"}.'
        )
    faults = [f"{name}: there is no such member; there are {', '.join(_MEMBERS)}" for name in written.keys() - _MEMBERS]
    faults += [
        f"{name}: {wanted} is expected, not {written[name]!r}"
        for name, (wanted, fits) in _MEMBERS.items()
        if name in written and not fits(written[name])
    ]
    if not faults:
        faults += check_recipients(split_recipients(written.get("Recipients") or ""))
    if faults:
        raise Invalid(f"SyncNotificationSettings: {sorted(faults)[0]}", details=tuple(sorted(faults)))
    return _changes(written)


def _changes(written: dict[str, Json]) -> dict[str, Json]:
    changes: dict[str, Json] = {}
    if "Enabled" in written:
        changes["notify_on_failure"] = written["Enabled"]
    if "Recipients" in written:
        changes["notification_emails"] = split_recipients(written["Recipients"] or "")
    if written.get("DeleteThresholdEnabled") is False:
        changes["deletion_threshold"] = None
    elif "DeleteThresholdValue" in written:
        changes["deletion_threshold"] = written["DeleteThresholdValue"]
    elif written.get("DeleteThresholdEnabled"):
        changes["deletion_threshold"] = _THRESHOLD_WHEN_OFF
    return changes


def _is_threshold(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000_000


_Fits = Callable[[Json], bool]
_SWITCH: tuple[str, _Fits] = ("true or false", lambda value: isinstance(value, bool))
_MEMBERS: dict[str, tuple[str, _Fits]] = {
    "Enabled": _SWITCH,
    "Recipients": ("text with addresses between commas", lambda value: value is None or isinstance(value, str)),
    "DeleteThresholdEnabled": _SWITCH,
    "DeleteThresholdValue": ("a whole number from 1 to 10000000", _is_threshold),
}
