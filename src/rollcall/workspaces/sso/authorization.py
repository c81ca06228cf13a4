"""What is asked of a provider's authorization endpoint, and what may come back from it (checks CB-1, CB-4, CB-5)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.discovery import Metadata
from rollcall.workspaces.sso.failure import BAD_RESPONSE, INTERACTION, WRONG_PROVIDER, SsoFailed, provider_error
from rollcall.workspaces.sso.transactions import Asking, Secrets

LONGEST_CODE = 4096
LONGEST_PARAMETER = 2048
_MOST_PARAMETERS = 20
_SILENT_FAILURES = ("login_required", "interaction_required", "account_selection_required", "consent_required")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to our address; each parameter once."""

    state: str = ""
    code: str = field(default="", repr=False)
    issuer: str | None = None
    error: str | None = None
    error_description: str = ""


def authorization_url(
    metadata: Metadata,
    configuration: SsoConfiguration,
    client_id: str,
    redirect_uri: str,
    state: str,
    secrets: Secrets,
    asking: Asking,
) -> str:
    """Where the browser is sent: code and PKCE, always (OpenID Connect §3.1.2.1, RFC 7636 §4.3)."""
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(dict.fromkeys(("openid", *configuration.scopes))),
        "state": state,
        "nonce": secrets.nonce,
        "code_challenge": challenge(secrets.verifier),
        "code_challenge_method": "S256",
    }
    optional = {
        "prompt": "none" if asking.silent else asking.prompt,
        "max_age": None if asking.max_age_seconds is None else str(asking.max_age_seconds),
        "login_hint": asking.login_hint,
        "domain_hint": configuration.domain_hint if configuration.kind.is_entra else None,
        "acr_values": " ".join(asking.strengths) if asking.strengths and not configuration.kind.is_entra else None,
        "claims": _contexts(asking.strengths) if asking.strengths and configuration.kind.is_entra else None,
    }
    parameters |= {name: value for name, value in optional.items() if value}
    separator = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return f"{metadata.authorization_endpoint}{separator}{urlencode(parameters)}"


def challenge(verifier: str) -> str:
    """S256 of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _contexts(values: Sequence[str]) -> str:
    quoted = ",".join(f'"{value}"' for value in values if value.isalnum())
    return f'{{"id_token":{{"acrs":{{"essential":true,"values":[{quoted}]}}}}}}'


def read_answer(pairs: Sequence[tuple[str, str]]) -> Answer:
    """The answer in the query of a GET. Raises SsoFailed CB-1."""
    values = dict(pairs)
    if len(values) != len(pairs) or len(pairs) > _MOST_PARAMETERS:
        raise SsoFailed(BAD_RESPONSE, "CB-1", "a parameter twice, or too many")
    for name, value in pairs:
        longest = LONGEST_CODE if name == "code" else LONGEST_PARAMETER
        if len(value) > longest or "\x00" in value:
            raise SsoFailed(BAD_RESPONSE, "CB-1", "a parameter is too long")
    return Answer(
        state=values.get("state", ""),
        code=values.get("code", ""),
        issuer=values.get("iss"),
        error=values.get("error"),
        error_description=values.get("error_description", ""),
    )


def check_issuer(answer: Answer, metadata: Metadata, *, many_tenants: bool) -> None:
    """Raises SsoFailed CB-4 unless the answer names the issuer, if it must or does (RFC 9207 §2.4).

    Where the metadata is for many tenants, the name is compared with that in the token, once it is read.
    """
    if answer.issuer is None:
        if metadata.issuer_in_response:
            raise SsoFailed(WRONG_PROVIDER, "CB-4", "iss is missing")
    elif not many_tenants and answer.issuer != metadata.issuer:
        raise SsoFailed(WRONG_PROVIDER, "CB-4", "iss")


def check_error(answer: Answer, *, silent: bool) -> None:
    """Raises SsoFailed CB-5 for an answer that is an error, or holds no code."""
    if answer.error is not None:
        if silent and answer.error in _SILENT_FAILURES:
            raise SsoFailed(INTERACTION, "CB-5", answer.error)
        failed = provider_error(answer.error, answer.error_description)
        failed.check = "CB-5"
        raise failed
    if not answer.code:
        raise SsoFailed(BAD_RESPONSE, "CB-1", "neither code nor error")
