"""Every address of the identity provider: what programs call, and what people see."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from rollcall.directory.signin.authorize import Authorize
from rollcall.directory.signin.consent import Consent
from rollcall.directory.signin.logout import Logout
from rollcall.directory.signin.protocol import Protocol
from rollcall.directory.signin.security import Security
from rollcall.directory.signin.setting_password import SettingPassword
from rollcall.directory.signin.signing_in import SigningIn


def sign_in_routes(site: SigningIn) -> Sequence[BaseRoute]:
    """The routes of one identity provider."""
    protocol = Protocol(site.provider)
    return (
        *protocol.routes(),
        *Authorize(site, protocol).routes(),
        *Consent(site, protocol).routes(),
        *Logout(site, protocol).routes(),
        *SettingPassword(site).routes(),
        *Security(site).routes(),
    )
