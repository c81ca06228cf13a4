"""Refusals to a caller: few, each with a stable code and a sentence one can act on.

    Refusal
    ├── Invalid           the request can't be understood or breaks a rule; names field, rule, remedy
    ├── Unauthenticated   nobody, or nobody we know
    ├── Denied            known, but not allowed
    ├── NotFound          no such thing (or not yours, which must look the same)
    ├── Conflict          true, but not with what is already there
    ├── TooLarge          over a stated limit
    ├── Throttled         too often; `retry_after_seconds` says when
    └── Unavailable       something we need is away; the same request may succeed later

Outcomes of the outside world are values, not exceptions (provisioning.connectors.contract).
Our own mistakes are assertions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Refusal(Exception):
    """A request that is turned down, with the reason for the person who made it.

    `code` is stable and for machines, `message` is one sentence, `details` lists every fault found
    (a bad file reports all its bad rows at once).
    """

    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: tuple[str, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after_seconds = retry_after_seconds
        if code is not None:
            self.code = code


class Invalid(Refusal):
    """The request breaks a rule."""

    code = "invalid"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: a stable code for programs, and a sentence that says what to do."""

    field: str
    code: str
    message: str


class Faulty(Invalid):
    """A form or document of which nothing was stored; `faults` has every one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message, code=faults[0].code, details=tuple(each.message for each in faults))
        self.faults = tuple(faults)


class Unauthenticated(Refusal):
    """The caller did not prove who they are."""

    code = "unauthenticated"


class Denied(Refusal):
    """The caller is known and may not do this."""

    code = "denied"


class NotFound(Refusal):
    """No such thing, as far as this caller may know."""

    code = "not_found"


class Conflict(Refusal):
    """The request does not go with what is already there."""

    code = "conflict"


class TooLarge(Refusal):
    """The request is over a stated limit."""

    code = "too_large"


class Throttled(Refusal):
    """The caller asks too often."""

    code = "throttled"


class Unavailable(Refusal):
    """Something Rollcall needs is away; the same request may succeed later."""

    code = "unavailable"
