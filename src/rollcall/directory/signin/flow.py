"""A sign-in under way, as a value that travels with the browser: what was asked, what was proven, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from rollcall.directory.signin.model import AuthorizationRequest

STEP_VALID_FOR = timedelta(minutes=15)
Step = Literal["account", "address", "password", "code", "recovery"]
Verdict = Literal["answer", "choose", "ask", "refuse"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a sign-in stands. `query` is the application's request as it came; without it, `return_to` is a page of ours.

    `tenant` is the one that the address named, None for any. `user_id` in `user_tenant` is set once their password was
    right; `methods` are those proven since.
    """

    step: Step
    at: datetime
    query: str = ""
    return_to: str = "/security"
    tenant: UUID | None = None
    address: str = ""
    user_tenant: UUID | None = None
    user_id: UUID | None = None
    methods: tuple[str, ...] = ()

    def to(self, step: Step, now: datetime, **changes: Any) -> Flow:
        """The same a step further."""
        return replace(self, step=step, at=now, **changes)

    def as_json(self) -> dict[str, Any]:
        """For sealing."""
        return {
            "step": self.step,
            "at": self.at.timestamp(),
            "query": self.query,
            "return_to": self.return_to,
            "tenant": _text(self.tenant),
            "address": self.address,
            "user_tenant": _text(self.user_tenant),
            "user_id": _text(self.user_id),
            "methods": list(self.methods),
        }


def flow_of(read: Mapping[str, Any], now: datetime) -> Flow | None:
    """What `as_json` wrote; None when it is too old."""
    at = datetime.fromtimestamp(read["at"], now.tzinfo)
    if not at <= now <= at + STEP_VALID_FOR:
        return None
    return Flow(
        read["step"],
        at,
        read["query"],
        read["return_to"],
        _id(read["tenant"]),
        read["address"],
        _id(read["user_tenant"]),
        _id(read["user_id"]),
        tuple(read["methods"]),
    )


def after_session(
    request: AuthorizationRequest,
    *,
    address: str | None,
    authenticated: datetime | None,
    is_hinted: bool,
    now: datetime,
) -> Verdict:
    """What a request asks for next, given the session there is: `address` and `authenticated` are None without one.

    `is_hinted`: the request names nobody, or the one whose session it is (OpenID Connect Core §3.1.2.1).
    """
    silent = "none" in request.prompt
    if authenticated is None or address is None or not is_hinted:
        return "refuse" if silent else "ask"
    age = (now - authenticated).total_seconds()
    if "login" in request.prompt or (request.max_age_seconds is not None and age > request.max_age_seconds):
        return "refuse" if silent else "ask"
    return "choose" if "select_account" in request.prompt else "answer"


def methods_with(second: str | None) -> tuple[str, ...]:
    """The methods by which somebody proved who they are (RFC 8176): a second one makes it several factors."""
    return ("pwd", second, "mfa") if second else ("pwd",)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
