"""What an error of a provider means to the person, and what is kept of it."""

from __future__ import annotations

import pytest

from rollcall.workspaces.sso.failure import SsoFailed, provider_error

ERRORS = {
    ("access_denied", ""): "sso_cancelled",
    ("login_required", ""): "sso_interaction_required",
    ("interaction_required", ""): "sso_interaction_required",
    ("consent_required", ""): "sso_consent_needed",
    ("invalid_grant", "AADSTS65001: The user has not consented"): "sso_consent_needed",
    ("access_denied", "AADSTS65004: User declined to consent"): "sso_consent_needed",
    ("access_denied", "AADSTS90094: Admin consent is required"): "sso_consent_needed",
    ("access_denied", "AADSTS50105: not assigned to a role"): "sso_not_assigned",
    ("unauthorized_client", "AADSTS700016: Application not found"): "sso_app_missing",
    ("unauthorized_client", ""): "sso_app_missing",
    ("access_denied", "AADSTS50020: User account from another tenant"): "tenant_not_allowed",
    ("access_denied", "AADSTS90072: external tenant"): "tenant_not_allowed",
    ("invalid_request", "AADSTS50011: redirect URI mismatch"): "sso_setup_error",
    ("temporarily_unavailable", ""): "sso_unavailable",
    ("server_error", ""): "sso_unavailable",
    ("something_new", ""): "sso_bad_response",
}
EXCHANGES = {
    ("invalid_client", ""): "sso_setup_error",
    ("invalid_client", "AADSTS7000215: Invalid client secret"): "sso_setup_error",
    ("invalid_client", "AADSTS7000222: expired"): "sso_setup_error",
    ("invalid_grant", ""): "sso_expired",
    ("something_new", ""): "sso_exchange_failed",
}


@pytest.mark.parametrize("error", ERRORS, ids=" ".join)
def test_errors_of_the_authorization_endpoint(error: tuple[str, str]) -> None:
    assert provider_error(*error).code == ERRORS[error]


@pytest.mark.parametrize("error", EXCHANGES, ids=" ".join)
def test_errors_of_the_token_endpoint(error: tuple[str, str]) -> None:
    assert provider_error(*error, exchanging=True).code == EXCHANGES[error]


@pytest.mark.parametrize(
    ("code", "status"), [("sso_token_invalid", 400), ("tenant_not_allowed", 403), ("sso_unavailable", 503)]
)
def test_each_sort_of_failure_has_its_status(code: str, status: int) -> None:
    assert SsoFailed(code).status == status


def test_what_a_provider_says_is_kept_in_one_line_cut_and_never_shown() -> None:
    failed = provider_error("x", "<script>\r\nforged: line\x1b[0m" + "y" * 600)

    assert "script" not in failed.message
    assert len(failed.noted) == 500
    assert failed.noted.isprintable()
