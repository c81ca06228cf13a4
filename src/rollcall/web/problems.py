"""How a refusal looks over HTTP: one table from what was refused to a status, as a page or as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rollcall.errors import (
    Conflict,
    Denied,
    Faulty,
    Invalid,
    NotFound,
    Refusal,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from rollcall.runtime import Runtime
from rollcall.web.pages import Pages

STATUS: Mapping[type[Refusal], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Throttled: 429,
    Unavailable: 503,
}
_BY_CODE = {"unsupported_media_type": 415}
_TITLES = {
    400: "That can't be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not that way",
    409: "Changed in between",
    413: "Too large",
    415: "Not that format",
    422: "Something is missing or wrong",
    429: "Too many tries",
    500: "Something went wrong here",
    503: "Not available now",
}
_log = structlog.get_logger()

Handler = Callable[[Request, Exception], Awaitable[Response]]


class Problems:
    """Answers refusals and our own mistakes; paths below `api_prefix` get JSON, all others a page."""

    def __init__(self, pages: Pages, runtime: Runtime, api_prefix: str = "/api/") -> None:
        self._pages = pages
        self._runtime = runtime
        self._api_prefix = api_prefix

    def handlers(self) -> Mapping[Any, Handler]:
        """What starlette calls for a refusal that leaves a route."""
        return {Refusal: self._refused, HTTPException: self._http}

    async def _refused(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal), "starlette calls by type"
        response = self._answer(request, status_of(refusal), refusal.code, refusal.message, self._faults(refusal))
        if refusal.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(max(1, round(refusal.retry_after_seconds)))
        return response

    async def _http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "starlette calls by type"
        if error.status_code == 404:
            return self._answer(request, 404, "not_found", NOTHING_HERE, ())
        response = self._answer(request, error.status_code, f"http_{error.status_code}", str(error.detail), ())
        response.headers.update(error.headers or {})
        return response

    def failed(self, request: Request, error: Exception) -> Response:
        """The answer to a mistake of our own, which is noted under the number that the answer gives."""
        reference = str(self._runtime.new_id())
        _log.error("request_failed", reference=reference, method=request.method, exc_info=error)
        message = f"The fault is ours and was noted. If you tell somebody of it, give the number {reference}."
        return self._answer(request, 500, "internal_error", message, (), reference)

    def _faults(self, refusal: Refusal) -> tuple[dict[str, str], ...]:
        if isinstance(refusal, Faulty):
            return tuple({"field": each.field, "code": each.code, "message": each.message} for each in refusal.faults)
        return tuple({"message": each} for each in refusal.details)

    def _answer(
        self,
        request: Request,
        status: int,
        code: str,
        message: str,
        faults: tuple[dict[str, str], ...],
        reference: str | None = None,
    ) -> Response:
        if request.url.path.startswith(self._api_prefix):
            body: dict[str, Any] = {"code": code, "message": message}
            body |= {"faults": faults} if faults else {}
            body |= {"reference": reference} if reference else {}
            return JSONResponse({"error": body}, status)
        title = _TITLES.get(status, _TITLES[500 if status >= 500 else 400])
        return self._pages.page(
            request,
            "web/problem.html",
            status,
            title=title,
            message=message,
            faults=[each["message"] for each in faults if each["message"] != message],
            code=code,
        )


NOTHING_HERE = "There is no such page, or it is not for you."


def status_of(refusal: Refusal) -> int:
    """The status of a refusal: by its code where that has one of its own, else by its sort."""
    found = _BY_CODE.get(refusal.code)
    return found or next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
