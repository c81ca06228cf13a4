"""Whether an entry is in scope of a job, and why."""

from __future__ import annotations

from rollcall.provisioning.model import Entry, JobSettings, Scope


def decide(entry: Entry, settings: JobSettings) -> Scope:
    """The scope of one entry (engine rules S1–S5 and `IsSoftDeleted`, §8).

    A user who is unassigned, blocked or soft-deleted is `inactive`: the account must not be usable,
    but stays. A group in the same case is `out`: it is removed. Purged objects are `gone`.
    """
    if entry.state == "gone":
        return Scope("gone", "It no longer exists in the source.")
    reason = _reason_out(entry, settings)
    details = {
        "Active in the source system": _is_active(entry),
        "Assigned to the application": entry.assigned,
        "Scope sync all": settings.scope == "all",
        "ScopeEvaluationResult": "in scope" if reason is None else "out of scope",
    }
    if reason is None:
        return Scope("active", _reason_in(entry, settings), details)
    return Scope("inactive" if entry.key.kind == "User" else "out", reason, details)


def _is_active(entry: Entry) -> bool:
    return entry.state == "present" and entry.attributes.get("accountEnabled", True) is not False


def _reason_out(entry: Entry, settings: JobSettings) -> str | None:
    what = entry.key.kind.lower()
    if entry.state == "deleted":
        return f"The {what} is deleted in the source."
    if settings.scope == "assigned" and not entry.assigned:
        if entry.key.kind == "User":
            return "The user is not assigned to the application, neither directly nor through a group."
        return "The group is not assigned to the application."
    if not _is_active(entry):
        return "Sign-in is blocked for this user (accountEnabled is false)."
    return None


def _reason_in(entry: Entry, settings: JobSettings) -> str:
    if entry.assigned_by:
        return f"Assigned {', '.join(entry.assigned_by)}."
    if settings.scope == "all":
        return "The job provisions all users and groups."
    return "Assigned to the application."
