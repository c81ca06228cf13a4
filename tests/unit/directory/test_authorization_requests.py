"""Which authorization requests are answered, and where a refusal may go."""

from __future__ import annotations

from uuid import UUID

import pytest

from rollcall.directory.signin.authorization import check_redirect_uri, check_request
from rollcall.directory.signin.model import AuthorizationRequest, ProtocolFault, Registration

_CALLBACK = "https://rooms.example.com/callback?x=1"
_APP = UUID(int=11)
_REGISTRATION = Registration(UUID(int=1), UUID(int=2), _APP, "Rooms", redirect_uris=(_CALLBACK, "http://127.0.0.1:9/"))
_GOOD = {
    "client_id": str(_APP),
    "redirect_uri": _CALLBACK,
    "response_type": "code",
    "scope": "openid profile openid",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
    "state": "s",
    "nonce": "n",
}


def _checked(
    changes: dict[str, str | None] | None = None, registration: Registration | None = _REGISTRATION
) -> AuthorizationRequest | ProtocolFault:
    sent = {name: [value] for name, value in (_GOOD | (changes or {})).items() if value is not None}
    return check_request(sent, registration)


def test_a_good_request_is_understood() -> None:
    asked: dict[str, str | None] = {
        "prompt": "login select_account",
        "max_age": "300",
        "login_hint": "ada@example.com",
        "response_mode": "form_post",
    }
    request = _checked(asked)
    assert request == AuthorizationRequest(
        _APP, _CALLBACK, ("openid", "profile"), "c" * 43, "s", "n", "form_post", ("login", "select_account"), 300,
        "ada@example.com",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": None}, 900144),
        ({"redirect_uri": None}, 50011),
        ({"redirect_uri": "https://rooms.example.com/callback"}, 50011),
        ({"redirect_uri": "https://rooms.example.com/callback?x=1&y"}, 50011),
        ({"redirect_uri": "https://ROOMS.example.com/callback?x=1"}, 50011),
        ({"redirect_uri": "http://127.0.0.1:10/"}, 50011),
    ],
)
def test_until_the_address_is_known_good_only_the_person_is_told(changes: dict[str, str | None], number: int) -> None:
    """(check OPR-2)"""
    fault = _checked(changes)
    assert isinstance(fault, ProtocolFault)
    assert (fault.number, fault.redirect_uri) == (number, None)


def test_an_unknown_application_gets_no_redirect() -> None:
    """(check OPR-2)"""
    fault = _checked(registration=None)
    assert isinstance(fault, ProtocolFault)
    assert (fault.number, fault.redirect_uri) == (700016, None)


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700054),
        ({"response_type": "code id_token"}, "unsupported_response_type", 700054),
        ({"response_type": None}, "unsupported_response_type", 700054),
        ({"response_mode": "fragment"}, "invalid_request", 70007),
        ({"scope": "profile"}, "invalid_scope", 70011),
        ({"scope": None}, "invalid_scope", 70011),
        ({"scope": "openid https://graph.example/User.Read"}, "invalid_scope", 70011),
        ({"code_challenge": None}, "invalid_request", 9002325),
        ({"code_challenge_method": "plain"}, "invalid_request", 9002325),
        ({"code_challenge_method": None}, "invalid_request", 9002325),
        ({"code_challenge": "c" * 42}, "invalid_request", 9002325),
        ({"prompt": "none login"}, "invalid_request", 90023),
        ({"prompt": "always"}, "invalid_request", 90023),
        ({"max_age": "-1"}, "invalid_request", 90013),
        ({"max_age": "1e3"}, "invalid_request", 90013),
        ({"state": "s" * 2049}, "invalid_request", 90013),
        ({"request": "eyJ"}, "request_not_supported", 90013),
    ],
)
def test_what_is_not_answered_is_said_to_the_application_with_its_state(
    changes: dict[str, str | None], error: str, number: int
) -> None:
    """PKCE with S256 for all, code only (check OPR-1)."""
    fault = _checked(changes)
    assert isinstance(fault, ProtocolFault)
    assert (fault.error, fault.number, fault.redirect_uri) == (error, number, _CALLBACK)
    assert fault.state == changes.get("state", "s")
    assert fault.text().startswith(f"AADSTS{number}: ")


def test_a_parameter_that_comes_twice_is_refused() -> None:
    sent = {name: [value] for name, value in _GOOD.items()} | {"nonce": ["a", "b"]}
    fault = check_request(sent, _REGISTRATION)
    assert isinstance(fault, ProtocolFault)
    assert (fault.number, fault.redirect_uri) == (90013, _CALLBACK)


@pytest.mark.parametrize(
    "uri", ["https://a.example/x?y=z", "http://127.0.0.1:8461/sso", "http://[::1]/", "http://localhost/a"]
)
def test_addresses_that_may_be_registered(uri: str) -> None:
    """(check OPR-2)"""
    assert check_redirect_uri(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://a.example/", "https://a.example/#f", "https://*.a.example/", "https://u@a.example/", "javascript:alert(1)",
        "https:///x", "/callback", "https://a.example/ x", "https://a.example/é", "https://[::1", "ftp://a.example/",
    ],
)  # fmt: skip
def test_addresses_that_may_not(uri: str) -> None:
    """(check OPR-2)"""
    assert check_redirect_uri(uri) is not None
