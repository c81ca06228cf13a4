"""Test Connection tells what is wrong with a Tenant URL or a token, and saves nothing that does not work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rollcall.db import Database
from rollcall.errors import Invalid
from rollcall.provisioning import NewJob, Service, create_tested_job, list_jobs, test_connection, test_job
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.runtime import Runtime
from rollcall.scim_http.client import ScimClient
from rollcall.workspaces import create_credential, create_organisation, tenant_url
from tests.provisioning.world import SEALER, World
from tests.scim_http.wires import Handler, http_server, raw_server, self_signed

check_connection = test_connection
check_job = test_job
del test_connection, test_job  # they are no tests

_LIST = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0, "Resources": []}


@pytest.fixture
def service(database: Database, runtime: Runtime) -> Service:
    """The provisioning service."""
    return Service(database, runtime, SEALER)


def answering(status: int, body: Any = None, **headers: str) -> Handler:
    """A handler that always gives this answer."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return handle


async def test_a_ready_application_passes_and_is_asked_once_for_a_user_and_once_for_a_group(world: World) -> None:
    """C4."""
    verdict = await check_job(world.service, world.db.tenant, world.job_id)

    assert (verdict.ok, verdict.code) == (True, "ok")
    asked = world.proxy.taken()
    assert [(each.method, each.kind, each.status) for each in asked] == [("GET", "Users", 200), ("GET", "Groups", 200)]
    assert asked[0].query.startswith('filter=userName eq "')
    assert 'filter=displayName eq "' in asked[1].query
    assert "excludedAttributes=members" in asked[1].query


async def test_a_wrong_token_is_told_apart_from_a_wrong_address(world: World, origin: str) -> None:
    verdicts = {
        "token": await check_connection(world.service, world.target.url, world.target.token + "x"),
        "no token": await check_connection(world.service, world.target.url, ""),
        "path": await check_connection(world.service, f"{origin}/scim/v3/acme", world.target.token),
        "organisation": await check_connection(world.service, tenant_url(origin, "nobody"), world.target.token),
    }

    assert {name: (verdict.ok, verdict.code) for name, verdict in verdicts.items()} == {
        "token": (False, "wrong_token"),
        "no token": (False, "wrong_token"),
        "path": (False, "wrong_url"),
        # Whether there is such an organisation is nobody's business who has no token for it.
        "organisation": (False, "wrong_token"),
    }
    assert "does not accept the secret token" in verdicts["token"].message
    assert "no SCIM endpoint" in verdicts["path"].message
    assert world.target.token not in verdicts["token"].message


async def test_a_switched_off_synchronization_is_named_as_the_likely_cause(
    service: Service, database: Database, runtime: Runtime, origin: str
) -> None:
    organisation = database.tenant(runtime.new_id())
    await organisation.write(create_organisation, runtime, key="asleep", name="Asleep", synchronization=False)
    issued = await organisation.write(create_credential, runtime)

    verdict = await check_connection(service, tenant_url(origin, "asleep"), issued.token)

    assert (verdict.ok, verdict.code) == (False, "wrong_token")
    assert "user synchronization" in verdict.message


async def test_nobody_listening_is_a_wrong_address(service: Service) -> None:
    async with raw_server(b"") as url:
        pass

    verdict = await check_connection(service, url, "token")

    assert (verdict.ok, verdict.code) == (False, "wrong_url")
    assert "Nothing listens" in verdict.message


ODD = [
    ("a plain web site", answering(200, "<html><body>Welcome</body></html>"), "not_scim", "not with SCIM"),
    ("a site's own 404", answering(404, "<html>Not found</html>"), "wrong_url", "no SCIM endpoint"),
    ("other JSON", answering(200, {"status": "ok"}), "not_scim", "not with a SCIM list"),
    (
        "a server that ignores filters",
        answering(200, {**_LIST, "totalResults": 7, "Resources": [{"id": "1", "userName": "x"}]}),
        "not_empty",
        "answered with 7",
    ),
    ("a total without resources", answering(200, {**_LIST, "totalResults": 3}), "not_empty", "ignore filters"),
    ("no filtering", answering(501, {"detail": "no filters here", "status": "501"}), "no_filter", "no filters here"),
    ("a redirect", answering(302, "", Location="https://elsewhere.example/"), "wrong_url", "elsewhere"),
    ("a failing server", answering(500, {"detail": "broken"}), "failed", "broken"),
    ("a closed connection", None, "failed", ""),
]


@pytest.mark.parametrize(("handler", "code", "said"), [pytest.param(*case[1:], id=case[0]) for case in ODD])
async def test_what_is_no_ready_scim_application_gets_a_verdict_of_its_own(
    service: Service, handler: Handler | None, code: str, said: str
) -> None:
    """C4."""
    async with raw_server(b"") if handler is None else http_server(handler) as url:
        verdict = await check_connection(service, url, "token")

    assert (verdict.ok, verdict.code) == (False, code)
    assert said in verdict.message


async def test_a_group_endpoint_that_ignores_filters_is_found_too(service: Service) -> None:
    """M6."""

    async def handle(request: web.Request) -> web.StreamResponse:
        some = {**_LIST, "totalResults": 1, "Resources": [{"id": "g"}]}
        return web.json_response(some if request.path.endswith("/Groups") else _LIST)

    async with http_server(handle) as url:
        verdict = await check_connection(service, url, "token")

    assert (verdict.ok, verdict.code) == (False, "not_empty")
    assert "Group" in verdict.message


async def test_a_certificate_nobody_vouches_for_is_a_tls_error(service: Service, tmp_path: Path) -> None:
    """C5."""
    tls, _ = self_signed(tmp_path)
    async with http_server(answering(200, _LIST), tls) as url:
        verdict = await check_connection(service, url, "token")

    assert (verdict.ok, verdict.code) == (False, "tls_error")
    assert "secure connection" in verdict.message


async def test_a_silent_server_is_a_timeout(runtime: Runtime) -> None:
    async with raw_server(None, hang=True) as url, ScimClient(url, "token", timeout_seconds=0.2) as client:
        verdict = await ScimTarget(client, runtime).test({"User": "userName"})

    assert (verdict.ok, verdict.code) == (False, "timeout")
    assert "did not answer in time" in verdict.message


@pytest.mark.parametrize("url", ["", "scim.example/v2", "ftp://scim.example", "https://ada:secret@scim.example/"])
async def test_what_is_no_web_address_is_refused_before_anything_is_sent(service: Service, url: str) -> None:
    with pytest.raises(Invalid):
        await check_connection(service, url, "token")


async def test_a_job_whose_connection_fails_is_not_saved(world: World) -> None:
    new = NewJob(world.application, "Second", world.target.url, "wrong")

    with pytest.raises(Invalid, match="nothing was saved") as refused:
        await create_tested_job(world.service, world.db.tenant, new)

    assert refused.value.code == "wrong_token"
    assert [job.display_name for job in await world.db.read(list_jobs)] == ["Job"]
