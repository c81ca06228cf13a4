"""The page of a one-time link: an invited person, one who forgot, or the first administrator sets a password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.db import Rate, take_turn
from rollcall.directory.signin import links
from rollcall.directory.signin.accepting import Newcomer, accept_link
from rollcall.directory.signin.credentials import Credential
from rollcall.directory.signin.grants import tenant_in
from rollcall.directory.signin.links import Link
from rollcall.directory.signin.proving import LEAST_CHARACTERS, Claimed
from rollcall.directory.signin.signing_in import SigningIn, to_sign_in
from rollcall.errors import Conflict, Invalid, Throttled
from rollcall.passwords import password_fault
from rollcall.web import Fault, Faulty, Form, network_of, read_form

_log = structlog.get_logger()
_TRIES = Rate(30, 300)


@dataclass(frozen=True, slots=True)
class SettingPassword:
    """The page; a mere look at it uses nothing up (check C9)."""

    site: SigningIn

    def routes(self) -> Sequence[BaseRoute]:
        """Where it is; the token stands in the path, and no page it leads to is told of it (Referrer-Policy)."""
        return (
            Route("/set-password/{token}", self._show),
            Route("/set-password/{token}", self._set, methods=["POST"]),
        )

    async def _show(self, request: Request) -> Response:
        found = await self._found(request)
        return self._over(request) if found is None else self._page(request, *found)

    async def _found(self, request: Request) -> tuple[Link, Credential | None] | None:
        """What the link in the path is for, and whose it is."""
        database, now = self.site.provider.database, self.site.provider.runtime.now()
        if wait := await database.system(take_turn, _TRIES, now, "set password", network_of(request)):
            raise Throttled("Too many tries. Wait a minute.", code="too_many_tries", retry_after_seconds=wait)
        token = request.path_params["token"]
        tenant_id = tenant_in(token)
        link = None if tenant_id is None else await database.tenant(tenant_id).read(links.read_link, token, now)
        if link is None:
            return None
        if link.user_id is None:
            return link, None
        whose = await self.site.proving.credential(Claimed(link.tenant_id, link.user_id))
        return None if whose is None else (link, whose)

    async def _set(self, request: Request) -> Response:
        form = await read_form(request)
        self.site.flow_forms.check(request, form)
        found = await self._found(request)
        if found is None:
            return self._over(request)
        link, whose = found
        try:
            _check(form, whose)
            address = await self._done(request.path_params["token"], link, form)
        except Faulty as faulty:
            return self._page(request, link, whose, 422, faulty.faults, form.values())
        except (Invalid, Conflict) as refusal:
            fault = Fault("address", refusal.code, refusal.message)
            return self._page(request, link, whose, 422, [fault], form.values())
        if address is None:
            return self._over(request)
        _log.info("password_set", tenant=str(link.tenant_id), by="link", first_administrator=link.user_id is None)
        return to_sign_in("/security", address)

    async def _done(self, token: str, link: Link, form: Form) -> str | None:
        """Use the link up and set the password, in one transaction; the address to sign in with, None when too late."""
        hashed, now = await self.site.proving.slow.hash(form.secret("password")), self.site.provider.runtime.now()

        newcomer = Newcomer(form.text("address"), form.text("name"))
        db = self.site.provider.database.tenant(link.tenant_id)
        return await db.write(accept_link, token, hashed, newcomer, now)

    def _page(
        self,
        request: Request,
        link: Link,
        whose: Credential | None,
        status: int = 200,
        faults: Sequence[Fault] = (),
        typed: dict[str, str] | None = None,
    ) -> Response:
        kept: dict[str, Any] = {name: (typed or {}).get(name, "") for name in ("address", "name")}
        return self.site.pages.page(
            request,
            "signin/set_password.html",
            status,
            flow_token=self.site.flow_forms.token(request),
            whose=whose,
            first=link.user_id is None,
            faults=faults,
            least=LEAST_CHARACTERS,
            action=request.url.path,
            **kept,
        )

    def _over(self, request: Request) -> Response:
        return self.site.problem(
            request,
            "This link is not good any more",
            "It was used, is older than 24 hours, or a newer one was made. Ask an administrator for a new one; the first "
            "administrator gets one from rollcall up.",
            "link_over",
            404,
        )


def _check(form: Form, whose: Credential | None) -> None:
    """Raises Faulty with everything that is wrong."""
    faults: list[Fault] = []
    password, address, name = form.secret("password"), form.text("address"), form.text("name")
    own = (address, name) if whose is None else (whose.user_principal_name, whose.display_name)
    if whose is None and "@" not in address:
        faults.append(Fault("address", "required", "Give the address you will sign in with, such as ada@example.com."))
    if whose is None and not name:
        faults.append(Fault("name", "required", "Give your name."))
    if (wrong := password_fault(password, LEAST_CHARACTERS, own)) is not None:
        faults.append(Fault("password", *wrong))
    elif password != form.secret("again"):
        faults.append(Fault("again", "different", "The two passwords differ. Type the same one twice."))
    if faults:
        raise Faulty(faults)
