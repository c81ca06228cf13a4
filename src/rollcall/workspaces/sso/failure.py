"""Why a sign-in at an identity provider came to nothing: codes, the checks that failed, and what the person reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rollcall.errors import Refusal

NOTED_CHARACTERS = 500

TOKEN_INVALID = "sso_token_invalid"  # noqa: S105 - a code
STEP_UP_UNMET = "sso_step_up_unmet"
GUEST = "guest_not_allowed"
TENANT = "tenant_not_allowed"
BAD_RESPONSE = "sso_bad_response"
EXPIRED = "sso_expired"
WRONG_PROVIDER = "sso_wrong_provider"
EXCHANGE_FAILED = "sso_exchange_failed"
UNAVAILABLE = "sso_unavailable"
CANCELLED = "sso_cancelled"
CONSENT_NEEDED = "sso_consent_needed"
NOT_ASSIGNED = "sso_not_assigned"
APP_MISSING = "sso_app_missing"
SETUP_ERROR = "sso_setup_error"
INTERACTION = "sso_interaction_required"
USER_DELETED = "user_deleted"
USER_UNKNOWN = "user_unknown"
IDENTITY_CONFLICT = "identity_conflict"

_WORDS: Mapping[str, tuple[int, str]] = {
    TOKEN_INVALID: (400, "The answer of your organisation's sign-in could not be verified. Try again."),
    STEP_UP_UNMET: (403, "A stronger or more recent sign-in is needed here. Sign in again at your organisation."),
    GUEST: (403, "Guest accounts may not sign in here. Use an account of the organisation itself."),
    TENANT: (403, "Use a work or school account of the organisation that invited you."),
    BAD_RESPONSE: (400, "The answer of your organisation's sign-in can't be read. Try again."),
    EXPIRED: (400, "This sign-in took too long or was used before. Start again."),
    WRONG_PROVIDER: (400, "The answer came from another place than the one you were sent to. Start again."),
    EXCHANGE_FAILED: (400, "Your organisation's sign-in did not accept the end of it. Try again."),
    UNAVAILABLE: (503, "Your organisation's sign-in does not answer. Try again later."),
    CANCELLED: (400, "The sign-in was cancelled."),
    CONSENT_NEEDED: (403, "An administrator of your organisation must approve this application first."),
    NOT_ASSIGNED: (403, "Your organisation has not given you this application. Ask its administrators for it."),
    APP_MISSING: (403, "This application is not set up in your organisation's directory. Ask its administrators."),
    SETUP_ERROR: (400, "Single sign-on is not set up correctly. Tell an administrator, with the number below."),
    INTERACTION: (400, "Your organisation wants to see you sign in. Start again."),
    USER_DELETED: (403, "You can't sign in here. Ask the people who run this place."),
    USER_UNKNOWN: (403, "There is no account for you here. Ask the people who run this place for one."),
    IDENTITY_CONFLICT: (403, "Your address belongs to another sign-in here. Ask the people who run this place."),
}


class SsoFailed(Refusal):
    """A sign-in that ends here; nobody is signed in and nothing is kept.

    `check`: the rule that failed, such as `OID-7`, for the log and the audit log. `noted`: what the other side said, for
    the log alone, in one line of 500 characters at most. `status`: how it is answered over HTTP.
    """

    def __init__(self, code: str, check: str | None = None, noted: str = "") -> None:
        status, message = _WORDS[code]
        super().__init__(message, code=code)
        self.status = status
        self.check = check
        self.noted = one_line(noted)


def one_line(text: str) -> str:
    """What somebody else wrote, fit for a log: printable, in one line, cut."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= NOTED_CHARACTERS else f"{line[: NOTED_CHARACTERS - 1]}…"


def token_invalid(check: str, noted: str = "") -> SsoFailed:
    """The failure of one check of a token."""
    return SsoFailed(TOKEN_INVALID, check, noted)


_ENTRA: Mapping[str, str] = {
    "65001": CONSENT_NEEDED,
    "65004": CONSENT_NEEDED,
    "90094": CONSENT_NEEDED,
    "50105": NOT_ASSIGNED,
    "700016": APP_MISSING,
    "50020": TENANT,
    "90072": TENANT,
    "50011": SETUP_ERROR,
    "7000215": SETUP_ERROR,
    "7000222": SETUP_ERROR,
}
_ERRORS: Mapping[str, str] = {
    "access_denied": CANCELLED,
    "login_required": INTERACTION,
    "interaction_required": INTERACTION,
    "account_selection_required": INTERACTION,
    "consent_required": CONSENT_NEEDED,
    "unauthorized_client": APP_MISSING,
    "invalid_client": SETUP_ERROR,
    "temporarily_unavailable": UNAVAILABLE,
    "server_error": UNAVAILABLE,
    "unmet_authentication_requirements": STEP_UP_UNMET,
}
_ENTRA_NUMBER = re.compile(r"AADSTS(\d{4,8})\b")


def provider_error(error: str, description: str, *, exchanging: bool = False) -> SsoFailed:
    """What an error of the provider means to the person (OpenID Connect §3.1.2.6, RFC 6749 §5.2, Entra's numbers).

    `exchanging`: it came from the token endpoint, where `invalid_grant` says that the code is used or late.
    """
    found = _ENTRA_NUMBER.search(description)
    code = _ENTRA.get(found.group(1)) if found else None
    if code is None and exchanging and error == "invalid_grant":
        code = EXPIRED
    code = code or _ERRORS.get(error) or (EXCHANGE_FAILED if exchanging else BAD_RESPONSE)
    return SsoFailed(code, noted=f"{error}: {description}")


_SAML_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_SAML: Mapping[str, str] = {
    "AuthnFailed": CANCELLED,
    "RequestDenied": NOT_ASSIGNED,
    "UnknownPrincipal": NOT_ASSIGNED,
    "NoPassive": INTERACTION,
    "NoAuthnContext": STEP_UP_UNMET,
    "InvalidNameIDPolicy": SETUP_ERROR,
    "RequestUnsupported": SETUP_ERROR,
    "UnsupportedBinding": SETUP_ERROR,
    "Requester": SETUP_ERROR,
    "VersionMismatch": SETUP_ERROR,
    "Responder": UNAVAILABLE,
}


def saml_error(status: str, message: str) -> SsoFailed:
    """What a status of a SAML provider means to the person (SAML core §3.2.2.2, Entra's numbers; check ASR-1).

    `status`: the second-level code where there is one, else the first.
    """
    found = _ENTRA_NUMBER.search(message)
    code = _ENTRA.get(found.group(1)) if found else None
    code = code or _SAML.get(status.removeprefix(_SAML_STATUS), BAD_RESPONSE)
    return SsoFailed(code, "ASR-1", f"{status}: {message}")
