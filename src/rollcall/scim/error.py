"""Every error that RFC 7644 §3.12 knows, as one closed table of constructors.

A `ScimError` is raised by the pure core and by stores, and is printed by `message.error_body`.
"""

from __future__ import annotations


class ScimError(Exception):
    """A request that is turned down: HTTP `status`, `scim_type` (RFC 7644 table 9) or None, and a `detail` to act on.

    `headers` are sent with the answer (`Retry-After`, `WWW-Authenticate`).
    """

    def __init__(
        self, status: int, scim_type: str | None, detail: str, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        self.headers = headers


# --- 400 with a scimType: RFC 7644 table 9 ---


def invalid_filter(detail: str) -> ScimError:
    """The filter's syntax is wrong, or the attribute can't be compared like that."""
    return ScimError(400, "invalidFilter", detail)


def too_many(detail: str) -> ScimError:
    """The filter yields, or the request holds, more than we are willing to process."""
    return ScimError(400, "tooMany", detail)


def mutability(detail: str) -> ScimError:
    """The change does not go with the attribute's mutability or present state."""
    return ScimError(400, "mutability", detail)


def invalid_syntax(detail: str) -> ScimError:
    """The body is not what the request's schema asks for."""
    return ScimError(400, "invalidSyntax", detail)


def invalid_path(detail: str) -> ScimError:
    """The `path` of a PATCH operation is malformed or names no attribute."""
    return ScimError(400, "invalidPath", detail)


def no_target(detail: str) -> ScimError:
    """The `path` yields no value that could be operated on."""
    return ScimError(400, "noTarget", detail)


def invalid_value(detail: str) -> ScimError:
    """A required value is missing, or a value does not go with its attribute."""
    return ScimError(400, "invalidValue", detail)


def invalid_version(detail: str) -> ScimError:
    """The SCIM protocol version of the request is not served."""
    return ScimError(400, "invalidVers", detail)


# --- other status codes: RFC 7644 table 8 ---


def unauthorized(detail: str, challenge: str = "Bearer") -> ScimError:
    """The credential is missing or wrong."""
    return ScimError(401, None, detail, headers=(("WWW-Authenticate", challenge),))


def forbidden(detail: str) -> ScimError:
    """The caller is known and may not do this."""
    return ScimError(403, None, detail)


def sensitive(detail: str) -> ScimError:
    """The request would put personal data into a URI (RFC 7644 §7.5.2)."""
    return ScimError(403, "sensitive", detail)


def not_found(detail: str) -> ScimError:
    """No such resource or endpoint."""
    return ScimError(404, None, detail)


def method_not_allowed(detail: str, allow: str) -> ScimError:
    """The endpoint does not know the HTTP method; `allow` lists those that it does."""
    return ScimError(405, None, detail, headers=(("Allow", allow),))


def not_acceptable(detail: str) -> ScimError:
    """The caller accepts no media type that is served."""
    return ScimError(406, None, detail)


def uniqueness(detail: str) -> ScimError:
    """A value that must be unique is taken."""
    return ScimError(409, "uniqueness", detail)


def conflict(detail: str) -> ScimError:
    """The request does not go with what is already there."""
    return ScimError(409, None, detail)


def precondition_failed(detail: str) -> ScimError:
    """The resource changed since the version in If-Match."""
    return ScimError(412, None, detail)


def too_large(detail: str) -> ScimError:
    """The body is over the stated limit."""
    return ScimError(413, None, detail)


def unsupported_media_type(detail: str) -> ScimError:
    """The body is no SCIM JSON."""
    return ScimError(415, None, detail)


def too_many_requests(detail: str, retry_after_seconds: int) -> ScimError:
    """The caller asks too often (RFC 6585 §4)."""
    return ScimError(429, None, detail, headers=(("Retry-After", str(retry_after_seconds)),))


def internal(detail: str) -> ScimError:
    """Our own mistake."""
    return ScimError(500, None, detail)


def not_implemented(detail: str) -> ScimError:
    """The operation is not served here."""
    return ScimError(501, None, detail)


def unavailable(detail: str, retry_after_seconds: int = 5) -> ScimError:
    """Something we need is away; the same request may succeed later."""
    return ScimError(503, None, detail, headers=(("Retry-After", str(retry_after_seconds)),))
