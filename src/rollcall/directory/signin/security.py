"""A person's own page: how they sign in, where they are signed in, and the buttons that change it (checks C7, C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import segno
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.directory.signin import credentials, roles, sessions
from rollcall.directory.signin.credentials import Credential
from rollcall.directory.signin.one_time_codes import provisioning_uri
from rollcall.directory.signin.proving import LEAST_CHARACTERS, Claimed
from rollcall.directory.signin.sessions import Session
from rollcall.directory.signin.signing_in import SESSION, SigningIn, to_sign_in
from rollcall.errors import NotFound, Refusal
from rollcall.passwords import password_fault
from rollcall.web import Fault, browser_name, read_form, see_other

_log = structlog.get_logger()
FRESH = timedelta(minutes=10)
"""How to sign in is changed only by one who proved who they are within so long."""
_HOME = "/security"
_NAVIGATION = ({"name": "Security", "href": _HOME, "icon": "shield", "here": True},)


@dataclass(frozen=True, slots=True)
class Security:
    """The page and what it leads to; whoever is not signed in is asked to, and comes back."""

    site: SigningIn

    def routes(self) -> Sequence[BaseRoute]:
        """Where they are."""
        return (
            Route(_HOME, self._home),
            Route("/security/password", self._password, methods=["GET", "POST"]),
            Route("/security/authenticator", self._authenticator, methods=["GET", "POST"]),
            Route("/security/authenticator/remove", self._remove, methods=["POST"]),
            Route("/security/recovery-codes", self._recovery_codes, methods=["POST"]),
            Route("/security/sessions/{session}/end", self._end, methods=["POST"]),
            Route("/security/sessions/end-others", self._end_others, methods=["POST"]),
        )

    async def _home(self, request: Request) -> Response:
        session = await self.site.session(request)
        if session is None:
            return to_sign_in(_HOME)
        db = self.site.provider.database.tenant(session.tenant_id)
        now = self.site.provider.runtime.now()
        listed = await db.read(sessions.list_sessions, session.user_id, now)
        return self._page(
            request,
            session,
            "signin/security.html",
            credential=await db.read(credentials.read_credential, session.user_id),
            roles=await db.read(roles.roles_of, session.user_id),
            sessions=listed,
            names={each.id: browser_name(each.user_agent) for each in listed},
            here=session.id,
            done=_DONE.get(request.query_params.get("done", "")),
        )

    def _page(self, request: Request, session: Session, template: str, status: int = 200, **values: Any) -> Response:
        person = {"name": session.display_name, "detail": session.user_principal_name}
        return self.site.pages.page(request, template, status, navigation=_NAVIGATION, person=person, **values)

    async def _fresh(self, request: Request) -> tuple[Session, Credential] | Response:
        """Who changes how they sign in; whoever signed in too long ago does so again first (check C10)."""
        session = await self.site.session(request)
        if session is None:
            return to_sign_in(_HOME)
        if self.site.provider.runtime.now() - session.authenticated > FRESH:
            path = request.url.path if request.method == "GET" else _HOME
            return to_sign_in(path, session.user_principal_name)
        credential = await self.site.proving.credential(_claimed(session))
        return (session, credential) if credential is not None else to_sign_in(_HOME)

    async def _password(self, request: Request) -> Response:
        found = await self._fresh(request)
        if isinstance(found, Response):
            return found
        session, credential = found
        if request.method == "GET":
            return self._page(request, session, "signin/change_password.html", faults=(), least=LEAST_CHARACTERS)
        form = await read_form(request)
        self.site.forms.check(request, form)
        password, faults = form.secret("password"), []
        own = (credential.user_principal_name, credential.display_name)
        if (wrong := password_fault(password, LEAST_CHARACTERS, own)) is not None:
            faults = [Fault("password", *wrong)]
        elif password != form.secret("again"):
            faults = [Fault("again", "different", "The two passwords differ. Type the same one twice.")]
        if faults:
            template = "signin/change_password.html"
            return self._page(request, session, template, 422, faults=faults, least=LEAST_CHARACTERS)
        await self.site.proving.set_password(_claimed(session), password, session.id)
        _log.info("password_set", tenant=str(session.tenant_id), by="person", user=str(session.user_id))
        return see_other(f"{_HOME}?done=password")

    async def _authenticator(self, request: Request) -> Response:
        found = await self._fresh(request)
        if isinstance(found, Response):
            return found
        session, _ = found
        if request.method == "GET":
            return self._enrolling(request, session, self.site.proving.new_totp_secret())
        form = await read_form(request)
        self.site.forms.check(request, form)
        secret = self._opened(session, form.text("secret"))
        if secret is None:
            return see_other("/security/authenticator")
        codes = await self.site.proving.enrol(_claimed(session), secret, form.text("code"))
        if codes is None:
            message = "This is not the code that the app shows. Check that the clock of the device is right, and type the next one."
            return self._enrolling(request, session, secret, 422, [Fault("code", "wrong", message)])
        _log.info("authenticator_enrolled", tenant=str(session.tenant_id), user=str(session.user_id))
        return self._page(request, session, "signin/recovery_codes.html", codes=codes)

    def _enrolling(
        self, request: Request, session: Session, secret: str, status: int = 200, faults: Sequence[Fault] = ()
    ) -> Response:
        picture = segno.make(provisioning_uri(secret, session.user_principal_name, "Rollcall"), error="m")
        return self._page(
            request,
            session,
            "signin/authenticator.html",
            status,
            picture=picture.svg_inline(scale=5, border=3, svgclass="rc-qr", lineclass=None, omitsize=False),
            secret_text=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            secret=self.site.provider.sealer.seal(secret, _context(session)).hex(),
            faults=faults,
        )

    def _opened(self, session: Session, sealed: str) -> str | None:
        try:
            return self.site.provider.sealer.open(bytes.fromhex(sealed), _context(session))
        except (ValueError, Refusal):
            return None

    async def _remove(self, request: Request) -> Response:
        self.site.forms.check(request, await read_form(request))
        found = await self._fresh(request)
        if isinstance(found, Response):
            return found
        session, _ = found
        await self.site.provider.database.tenant(session.tenant_id).write(credentials.remove_totp, session.user_id)
        _log.info("authenticator_removed", tenant=str(session.tenant_id), user=str(session.user_id))
        return see_other(f"{_HOME}?done=removed")

    async def _recovery_codes(self, request: Request) -> Response:
        self.site.forms.check(request, await read_form(request))
        found = await self._fresh(request)
        if isinstance(found, Response):
            return found
        session, credential = found
        if not credential.has_totp:
            return see_other(_HOME)
        codes = await self.site.proving.new_recovery_codes(_claimed(session))
        return self._page(request, session, "signin/recovery_codes.html", codes=codes)

    async def _end(self, request: Request) -> Response:
        """End one of one's own sessions; of another person's it is not even said that it is there (check C42)."""
        self.site.forms.check(request, await read_form(request))
        session = await self.site.session(request)
        if session is None:
            return to_sign_in(_HOME)
        try:
            wanted = UUID(request.path_params["session"])
        except ValueError:
            raise NotFound("There is no such session.") from None
        db = self.site.provider.database.tenant(session.tenant_id)
        if not await db.write(sessions.end_session, session.user_id, wanted):
            raise NotFound("There is no such session, or it has ended.")
        response = see_other(f"{_HOME}?done=ended")
        if wanted == session.id:
            self.site.cookies.drop(response, SESSION)
        return response

    async def _end_others(self, request: Request) -> Response:
        self.site.forms.check(request, await read_form(request))
        session = await self.site.session(request)
        if session is None:
            return to_sign_in(_HOME)
        db = self.site.provider.database.tenant(session.tenant_id)
        await db.write(sessions.end_sessions_of, session.user_id, self.site.provider.runtime.now(), session.id)
        return see_other(f"{_HOME}?done=others")


_DONE = {
    "password": "The password was changed. Everywhere else you are signed out.",
    "removed": "The authenticator app is not asked for any more.",
    "ended": "The session was ended.",
    "others": "All other sessions were ended.",
}


def _claimed(session: Session) -> Claimed:
    return Claimed(session.tenant_id, session.user_id)


def _context(session: Session) -> str:
    return f"authenticator to be enrolled {session.id}"
