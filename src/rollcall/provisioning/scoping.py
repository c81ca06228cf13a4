"""Whether an entry is in scope of a job, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rollcall.provisioning.expression_values import shown, text_form
from rollcall.provisioning.model import ClauseVerdict, Entry, JobSettings, Json, Scope, ScopeVerdict
from rollcall.provisioning.scoping_filter import NO_FILTERS, Filters, clause_verdicts, passes

_FILTERS_NAMED = 3


def decide(entry: Entry, settings: JobSettings, filters: Filters = NO_FILTERS) -> Scope:
    """The scope of one entry (engine rules S1–S6 and `IsSoftDeleted`, §8).

    A user who is unassigned, blocked, soft-deleted or outside the filters is `inactive`: the account must not be
    usable, but stays. A group in the same case is `out`: it is removed. Purged objects are `gone`. What the input filters
    do not let through is `ignored`. Filters come on top of assignment, and with scope `all` in its place (S6); one that
    can't be evaluated leaves an entry `undecided` if its outcome matters.
    """
    if entry.state == "gone":
        return Scope("gone", "It no longer exists in the source.")
    clauses = clause_verdicts(filters.input, entry.attributes) + clause_verdicts(filters.scoping, entry.attributes)
    verdict, reason = _decide(entry, settings, clauses)
    return Scope(verdict, reason, _details(entry, settings, verdict, clauses), clauses)


def _decide(entry: Entry, settings: JobSettings, clauses: Sequence[ClauseVerdict]) -> tuple[ScopeVerdict, str]:
    input_clauses = [clause for clause in clauses if clause.is_input]
    let_through = passes(input_clauses)
    if let_through is False:
        failing = _failing(input_clauses, "input filter")
        return "ignored", f"{failing} It is left alone: neither created nor changed nor removed."
    reason_out = _reason_out(entry, settings)
    scoping_clauses = [clause for clause in clauses if not clause.is_input]
    passed = passes(scoping_clauses)
    if let_through is None or (passed is None and reason_out is None):
        return "undecided", _undecided(clauses)
    if reason_out is None and not passed:
        reason_out = _failing(scoping_clauses, "scoping filter")
    if reason_out is None:
        return "active", _reason_in(entry, settings)
    return "inactive" if entry.key.kind == "User" else "out", reason_out


def is_active(entry: Entry) -> bool:
    """Whether the object is there and, for a user, may sign in (rule S5)."""
    return entry.state == "present" and entry.attributes.get("accountEnabled", True) is not False


def _reason_out(entry: Entry, settings: JobSettings) -> str | None:
    what = entry.key.kind.lower()
    if entry.state == "deleted":
        return f"The {what} is deleted in the source."
    if settings.scope == "assigned" and not entry.assigned:
        if entry.key.kind == "User":
            return "The user is not assigned to the application, neither directly nor through a group."
        return "The group is not assigned to the application."
    if not is_active(entry):
        return "Sign-in is blocked for this user (accountEnabled is false)."
    return None


def _reason_in(entry: Entry, settings: JobSettings) -> str:
    if entry.assigned_by:
        return f"Assigned {', '.join(entry.assigned_by)}."
    if settings.scope == "all":
        return "The job provisions all users and groups."
    return "Assigned to the application."


_RESULTS = {"active": "in scope", "ignored": "left alone", "undecided": "undecided"}


def _details(
    entry: Entry, settings: JobSettings, verdict: ScopeVerdict, clauses: Sequence[ClauseVerdict]
) -> dict[str, Json]:
    """What the log and provision on demand show of it (rule O3)."""
    details: dict[str, Json] = {
        "Active in the source system": is_active(entry),
        "Assigned to the application": entry.assigned,
        "Scope sync all": settings.scope == "all",
    }
    if entry.key.kind == "User":
        # Every assignment carries a role, if only that of default access, which counts as one (rule S4).
        details["User has the required role"] = entry.assigned
    if clauses:
        passed = passes(clause for clause in clauses if not clause.is_input)
        details["Scoping filter evaluation passed"] = "undecided" if passed is None else passed
    for clause in clauses:
        details[f"{clause.filter} {_written(clause)}"] = _outcome(clause)
    details["ScopeEvaluationResult"] = _RESULTS.get(verdict, "out of scope")
    return details


def _written(clause: ClauseVerdict) -> str:
    operand = "" if clause.operand is None else f" {clause.operand}"
    return f"{clause.attribute} {clause.operator}{operand}"


def _outcome(clause: ClauseVerdict) -> str:
    if clause.holds is None:
        return f"undecided: {clause.problem}"
    return f"{'passed' if clause.holds else 'failed'}: {_value(clause)}"


def _value(clause: ClauseVerdict) -> str:
    return "there is no value" if clause.value is None else f"the value is {shown(text_form(clause.value))}"


def _failing(clauses: Sequence[ClauseVerdict], what: str) -> str:
    """Which filters do not hold, each with its first clause that fails."""
    first: dict[int, ClauseVerdict] = {}
    for clause in clauses:
        if clause.holds is False:
            first.setdefault(clause.number, clause)
    reasons = [f"{clause.filter}: {_written(clause)}, but {_value(clause)}" for clause in first.values()]
    if len(reasons) == 1:
        return f"The {what} {reasons[0]}."
    more = f"; and {len(reasons) - _FILTERS_NAMED} more" if len(reasons) > _FILTERS_NAMED else ""
    return f"None of the {len(reasons)} {what}s holds. {'; '.join(reasons[:_FILTERS_NAMED])}{more}."


def _undecided(clauses: Iterable[ClauseVerdict]) -> str:
    clause = next(clause for clause in clauses if clause.holds is None)
    return (
        f"Whether it is in scope can't be decided, so it stays as it is. {clause.filter}: {_written(clause)}: "
        f"{clause.problem}"
    )
