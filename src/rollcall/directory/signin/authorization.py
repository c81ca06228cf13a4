"""Whether an authorization request is one that this identity provider answers; what isn't known good gets no redirect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast
from urllib.parse import urlsplit
from uuid import UUID

from rollcall.directory.signin.model import AuthorizationRequest, ProtocolFault, Registration

SCOPES = ("openid", "profile", "email", "offline_access")
PROMPTS = ("none", "login", "select_account", "consent")
_MODES = ("query", "form_post")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST = 2048
_Refused = Callable[[str, str, int], ProtocolFault]


def parse_app_id(written: str) -> UUID | None:
    """A client_id as the id it is."""
    try:
        return UUID(written)
    except ValueError:
        return None


def is_verifier(written: str) -> bool:
    """Whether this may be a code verifier (RFC 7636 §4.1)."""
    return _VERIFIER.fullmatch(written) is not None


def check_redirect_uri(written: str) -> str | None:
    """What is wrong with a redirect URI that somebody wants to register (check OPR-2); None when nothing is."""
    try:
        parts = urlsplit(written)
        loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        return "it is no address"
    if not written.isascii() or not written.isprintable() or " " in written or len(written) > _LONGEST:
        return "it has characters that no address has, or too many of them"
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        return "it has to begin with https://, or with http:// on this machine (127.0.0.1, localhost)"
    if not parts.hostname or parts.username is not None or "#" in written or "*" in written:
        return "it needs a host, and has no name, no password, no # and no *"
    return None


def check_request(
    params: Mapping[str, Sequence[str]], registration: Registration | None
) -> AuthorizationRequest | ProtocolFault:
    """The request, checked in Entra's order: first who asks and where the answer goes, then what is asked.

    `params`: each parameter with all its values. `registration`: the application that `client_id` names.
    """
    client_id, redirect_uri = _one(params, "client_id"), _one(params, "redirect_uri")
    if not client_id:
        return ProtocolFault("invalid_request", "The request has to name the application, once: client_id.", 900144)
    if registration is None:
        return ProtocolFault("unauthorized_client", "There is no application with this client_id here.", 700016)
    if not redirect_uri or redirect_uri not in registration.redirect_uris:
        return ProtocolFault(
            "invalid_request",
            "The redirect_uri of the request is not one of those registered for the application, letter by letter.",
            50011,
        )
    mode = _one(params, "response_mode") or "query"
    state = _one(params, "state")

    def refused(error: str, description: str, number: int) -> ProtocolFault:
        answer = mode if mode in _MODES else "query"
        return ProtocolFault(error, description, number, redirect_uri, state, answer)

    twice = sorted(name for name, values in params.items() if len(values) > 1)
    if twice:
        return refused("invalid_request", f"Each parameter may be there once; {', '.join(twice)} is not.", 90013)
    if any(len(values[0]) > _LONGEST for values in params.values()):
        return refused("invalid_request", f"A parameter is longer than {_LONGEST:,} characters.", 90013)
    if _one(params, "response_type") != "code":
        return refused("unsupported_response_type", "Only response_type=code is answered.", 700054)
    if mode not in _MODES:
        return refused("invalid_request", f"response_mode has to be one of {', '.join(_MODES)}.", 70007)
    if "request" in params or "request_uri" in params:
        return refused("request_not_supported", "Request objects are not supported.", 90013)
    scope = tuple((_one(params, "scope") or "").split())
    if "openid" not in scope:
        return refused("invalid_scope", "scope has to contain openid.", 70011)
    unknown = [each for each in scope if each not in SCOPES]
    if unknown:
        return refused("invalid_scope", f"Not known here: {' '.join(unknown)}. Known: {' '.join(SCOPES)}.", 70011)
    challenge = _one(params, "code_challenge") or ""
    if _one(params, "code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        return refused(
            "invalid_request",
            "PKCE is required: code_challenge with code_challenge_method=S256 (RFC 7636).",
            9002325,
        )
    return _asked(params, registration, redirect_uri, scope, challenge, mode, refused)


def _asked(
    params: Mapping[str, Sequence[str]],
    registration: Registration,
    redirect_uri: str,
    scope: tuple[str, ...],
    challenge: str,
    mode: str,
    refused: _Refused,
) -> AuthorizationRequest | ProtocolFault:
    prompt = tuple((_one(params, "prompt") or "").split())
    if any(each not in PROMPTS for each in prompt) or ("none" in prompt and len(prompt) > 1):
        return refused(
            "invalid_request", f"prompt takes one or more of {', '.join(PROMPTS)}; none stands alone.", 90023
        )
    max_age = _one(params, "max_age")
    if max_age is not None and not (max_age.isascii() and max_age.isdigit() and len(max_age) <= 9):
        return refused("invalid_request", "max_age has to be a number of seconds.", 90013)
    return AuthorizationRequest(
        registration.app_id,
        redirect_uri,
        tuple(dict.fromkeys(scope)),
        challenge,
        _one(params, "state"),
        _one(params, "nonce"),
        cast(Literal["query", "form_post"], mode),
        prompt,
        None if max_age is None else int(max_age),
        _one(params, "login_hint"),
    )


def _one(params: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = params.get(name, ())
    return values[0] if len(values) == 1 else None
