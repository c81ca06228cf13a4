"""Functions of the mapping language over values of any kind: tests, conversions, dates, lists, roles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollcall.provisioning.expression_dates import moment, parse_date
from rollcall.provisioning.expression_formats import DEFAULT_STYLES, Reading, parse_exact, parse_styles, print_format
from rollcall.provisioning.expression_values import (
    IGNORE_ATTRIBUTE,
    Context,
    Fault,
    Value,
    is_null,
    text,
    truth,
    values,
)

# ── tests and conversions ────────────────────────────────────────────────────────────────────────────────────────


def is_null_or_empty(value: Value) -> bool:
    """IsNullOrEmpty."""
    return value == "" or is_null(value)


def is_present(value: Value) -> bool:
    """IsPresent."""
    return not is_null_or_empty(value)


def is_string(value: Value) -> bool:
    """IsString."""
    return isinstance(value, str)


def c_bool(value: Value) -> bool:
    """CBool: True when the value is not zero; null is zero."""
    return truth(value)


def c_str(value: Value) -> str | None:
    """CStr: the text form; of a reference, its id."""
    return text(reference_id(value))


def reference_id(value: Value) -> Value:
    """The id of a reference that is an object, any other value as it is."""
    if isinstance(value, Mapping) and (found := value.get("id") or value.get("value")):
        return found
    return value


def bit_and(first: float | None, second: float | None) -> int | None:
    """BitAnd."""
    if first is None or second is None:
        return None
    if first != int(first) or second != int(second):
        raise Fault("a bit pattern is a whole number", "Give whole numbers")
    return int(first) & int(second)


def same(value: Value) -> Value:
    """The value, unchanged (Redact, CRef)."""
    return value


def ignore_flow_if_null_or_empty(value: Value) -> Value:
    """IgnoreFlowIfNullOrEmpty."""
    return IGNORE_ATTRIBUTE if is_null_or_empty(value) else value


def fail(message: str | None) -> Value:
    """Error: fails the object."""
    raise Fault(message or "the mapping ends in Error without a message", "Correct the source object, or the mapping")


# ── what the directory, the clock and chance know ────────────────────────────────────────────────────────────────


def now(context: Context) -> datetime:
    """Now."""
    return context.now


def guid(context: Context) -> str:
    """Guid."""
    return context.new_guid().lower()


def default_domain(context: Context) -> str:
    """DefaultDomain."""
    if context.default_domain is None:
        raise Fault("the directory has no default domain", "Verify a domain and make it the default one")
    return context.default_domain


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def c_date(value: Value) -> datetime:
    """CDate."""
    return moment(value) if isinstance(value, datetime) else parse_date(text(value))


def format_date_time(
    context: Context, source: str | None, styles: str | None, given: str | None, wanted: str | None = None
) -> str | None:
    """FormatDateTime: with three arguments there are no styles."""
    if wanted is None:
        styles, given, wanted = None, styles, given
    if source is None:
        return None
    if not given or not wanted:
        raise Fault("a date format is missing", 'Give input and output format, such as "yyyy-MM-dd"')
    chosen = parse_styles(styles) if styles else DEFAULT_STYLES
    reading: Reading = parse_exact(source, given, chosen, context.now)
    return print_format(reading, wanted)


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def count(value: Value) -> int:
    """Count: a single value is 1, none is 0."""
    return len(values(value) or ())


def item(source: list[Value], index: float | None) -> Value:
    """Item: the first value is 1."""
    if index is None or not 1 <= index <= len(source):
        wanted = "null" if index is None else int(index)
        raise Fault(f"there is no value {wanted}, there are {len(source)}", "Test Count first; the first value is 1")
    return source[int(index) - 1]


def remove_duplicates(source: list[Value]) -> list[Value]:
    """RemoveDuplicates: the first place is kept."""
    kept: list[Value] = []
    seen: set[str] = set()
    for value in source:
        key = repr(value)
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def contains(source: list[Value] | None, wanted: str | None) -> int:
    """Contains: position of a text in a list, 0 if absent."""
    found = [text(value) for value in source or ()]
    return found.index(wanted) + 1 if wanted is not None and wanted in found else 0


# ── application roles (shapes of Entra's "Provisioning a role to a SCIM app") ──────────────────────────────────────────────────────────────

ROLE_TYPE = "WindowsAzureActiveDirectoryRole"


def _roles(assignments: list[Value]) -> list[Mapping[str, Any]]:
    for assignment in assignments:
        if not isinstance(assignment, Mapping):
            raise Fault("the value is not a list of role assignments", "Give [appRoleAssignments]")
    return assignments


def single_role(assignments: list[Value]) -> str | None:
    """SingleAppRoleAssignment: with several roles, the first one."""
    roles = _roles(assignments)
    return text(roles[0].get("value") or roles[0].get("displayName")) if roles else None


def complex_roles(assignments: list[Value]) -> list[dict[str, Any]]:
    """AppRoleAssignmentsComplex."""
    return _role_values(assignments, "displayName")


def assertive_roles(assignments: list[Value]) -> list[dict[str, Any]]:
    """AssertiveAppRoleAssignmentsComplex."""
    return _role_values(assignments, "display")


def _role_values(assignments: list[Value], name_key: str) -> list[dict[str, Any]]:
    return [
        {"primary": False, "type": ROLE_TYPE, name_key: role.get("displayName"), "value": role.get("value")}
        for role in _roles(assignments)
    ]
