"""SAML over HTTP: the post from another site, the browser's way on, our metadata, and single logout (checks SML-1, C9, OUT-9)."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
import yarl
from cryptography import x509
from lxml import etree
from signxml.verifier import XMLVerifier

from rollcall.db import Database
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.sso.configuration import Installation
from rollcall.workspaces.sso.saml_redirect import redirect_url
from rollcall.workspaces.sso.saml_request import Envelope, logout_request, logout_response, written
from rollcall.workspaces.sso.saml_response import EMAIL_FORMAT, NameId
from rollcall.workspaces.sso.saml_xml import Element, a, ds, md, p
from tests.unit.workspaces.sso.saml_making import ISSUER, NOW, signer
from tests.workspaces.sso.people import Company, new_company
from tests.workspaces.sso.saml_world import SLO, SSO, Clock, SamlWorld, is_signed_by_us, parameters, sent
from tests.workspaces.sso.site import Site, running_site

SESSION = "rollcall-workspaces-session"


def as_it_is(url: str) -> yarl.URL:
    """The address as a browser would go to it: what is signed must not be written in another way."""
    return yarl.URL(url, encoded=True)


@dataclass
class Web:
    """A browser, our site, and a provider made by hand."""

    company: Company
    site: Site
    browser: aiohttp.ClientSession
    world: SamlWorld

    @property
    def here(self) -> str:
        return self.world.here

    async def begin(self, browser: aiohttp.ClientSession | None = None, silent: bool = False) -> str:
        self.site.configurations[self.world.configuration.id] = self.world.configuration
        where = f"{self.site.url}/begin/{self.world.configuration.id}{'?silent=1' if silent else ''}"
        async with (browser or self.browser).get(where, allow_redirects=False) as response:
            assert response.status == 303
            return response.headers["location"]

    async def post(self, answer: str, relay_state: str, **more: Any) -> aiohttp.ClientResponse:
        """As a page of the provider posts: no cookie of ours comes along."""
        form = {"SAMLResponse": answer, "RelayState": relay_state}
        async with aiohttp.ClientSession() as session:
            headers = {"origin": "https://login.provider.example", "sec-fetch-site": "cross-site"}
            sending = {"data": form, "headers": headers, "allow_redirects": False, **more}
            async with session.post(f"{self.here}/acs", **sending) as response:
                await response.read()
                return response

    async def answer(self, url: str, **changes: Any) -> aiohttp.ClientResponse:
        return await self.post(self.world.answer(sent(url).get("ID"), **changes), parameters(url)["RelayState"])

    async def get(self, url: str, browser: aiohttp.ClientSession | None = None) -> aiohttp.ClientResponse:
        response = await (browser or self.browser).get(as_it_is(url), allow_redirects=False)
        await response.read()
        return response

    async def sign_in(self, **changes: Any) -> aiohttp.ClientResponse:
        return await self.get((await self.answer(await self.begin(), **changes)).headers["location"])

    async def is_in(self, browser: aiohttp.ClientSession | None = None) -> bool:
        return (await self.get(f"{self.site.url}/me", browser)).status == 200


@pytest_asyncio.fixture
async def web(database: Database) -> AsyncIterator[Web]:
    clock = Clock()
    company = await new_company(database, clock)
    await company.user(externalId="ada")
    async with (
        running_site(database, clock, company.endpoint.organisation, Installation) as site,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        world = SamlWorld(company, database, clock, site.party)
        # An id of its own: limits are kept by it, and outlive a test.
        world.configuration = replace(world.configuration, id=clock.new_id())
        world.here = site.add(world.configuration)
        world.door = site.door
        yield Web(company, site, browser, world)


# ── sign-in ────────────────────────────────────────────────────────────────────────────────────


async def test_the_post_sets_no_cookie_and_the_browser_gets_its_session_on_our_side(web: Web) -> None:
    """Checks C1, C9, C13."""
    answered = await web.answer(await web.begin())
    assert (answered.status, "set-cookie" in answered.headers) == (303, False)
    assert answered.headers["location"].startswith(f"{web.here}/complete?h=")
    assert not await web.is_in()

    done = await web.get(answered.headers["location"])
    cookie = done.headers["set-cookie"].lower()
    assert (done.status, done.headers["location"], done.headers["cache-control"]) == (303, "/me", "no-store")
    assert cookie.startswith(f"{SESSION}=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert await web.is_in()


async def test_a_bad_answer_gets_no_further_than_the_post(web: Web) -> None:
    response = await web.answer(await web.begin(), audiences=(("https://other.example",),))

    assert response.status == 400
    assert "set-cookie" not in response.headers


async def test_another_browser_gets_nothing_out_of_the_way_on(web: Web) -> None:
    """Checks C32, C9."""
    where = (await web.answer(await web.begin())).headers["location"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
        await web.begin(other)
        stolen = await web.get(where, other)
        assert (stolen.status, "set-cookie" in stolen.headers) == (400, False)
        assert not await web.is_in(other)

    assert (await web.get(where)).status == 303
    assert await web.is_in()


async def test_a_handle_chosen_beforehand_does_not_become_the_session(web: Web) -> None:
    """Check C3."""
    web.browser.cookie_jar.update_cookies({SESSION: "chosen"})
    await web.sign_in()

    kept = {each.key: each.value for each in web.browser.cookie_jar}
    assert kept[SESSION] != "chosen"


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
async def test_an_answer_comes_by_post_only(web: Web, method: str) -> None:
    """Check CB-1."""
    url = await web.begin()
    question = urlencode({"SAMLResponse": web.world.answer(sent(url).get("ID")), **parameters(url)})
    async with web.browser.request(method, f"{web.here}/acs?{question}") as response:
        assert response.status in (404, 405)


@pytest.mark.parametrize(
    "sending",
    [
        pytest.param({"data": {"SAMLResponse": ""}}, id="nothing"),
        pytest.param({"data": [("SAMLResponse", "x"), ("SAMLResponse", "y")]}, id="twice"),
        pytest.param({"data": None, "json": {"SAMLResponse": "x"}}, id="JSON"),
        pytest.param(
            {
                "data": io.BytesIO(b"SAMLResponse=" + b"x" * 1100 * 1024),
                "headers": {"content-type": "application/x-www-form-urlencoded"},
            },
            id="too large",
        ),
    ],
)
async def test_a_post_that_is_none_is_refused(web: Web, sending: dict[str, Any]) -> None:
    """Checks CB-1, C53."""
    assert (await web.post("", "", **sending)).status == 400


@pytest.mark.parametrize("path", ["metadata", "request", "complete", "slo"])
async def test_the_addresses_of_one_protocol_are_not_there_for_the_other(web: Web, path: str) -> None:
    for identifier in (UUID(int=5), "x"):
        assert (await web.get(f"{web.site.url}/sso/{identifier}/{path}")).status == 404
    for other in ("callback", "frontchannel-logout", "signed-out"):
        assert (await web.get(f"{web.here}/{other}?sid=s")).status == 404


async def test_a_silent_question_that_must_be_seen_goes_on_to_a_visible_one(web: Web) -> None:
    status = "urn:oasis:names:tc:SAML:2.0:status:"
    url = await web.begin(silent=True)
    answered = await web.answer(
        url, status=f"{status}Responder", second_status=f"{status}NoPassive", signing={"assertion": False}
    )
    visible = (await web.get(answered.headers["location"])).headers["location"]

    assert sent(visible).get("IsPassive") is None
    await web.get((await web.answer(visible)).headers["location"])
    assert await web.is_in()


# ── requests by form ───────────────────────────────────────────────────────────────────────────


async def test_a_provider_that_takes_forms_gets_one_signed_inside(web: Web) -> None:
    """Check SML-2; the page sends to the provider and nowhere else (C17)."""
    web.world.changed(sso_by_post=True, sign_requests=True)
    url = await web.begin()
    assert url.startswith(f"{web.here}/request?state=")
    async with web.browser.get(url) as response:
        page, policy = await response.text(), response.headers["content-security-policy"]
    fields = dict(re.findall(r'type="hidden" name="(SAMLRequest|RelayState)" value="([^"]*)"', page))
    raw = base64.b64decode(fields["SAMLRequest"])
    key = await web.site.party.saml.key(web.site.organisation, web.world.configuration)
    signed = XMLVerifier().verify(raw, x509_cert=key.certificate, id_attribute="ID").signed_xml  # type: ignore[union-attr]

    assert "form-action 'self' https://login.provider.example" in policy
    assert f'action="{SSO}"' in page
    assert signed is not None
    assert signed.tag == p("AuthnRequest")
    assert [each.tag for each in etree.fromstring(raw)] == [a("Issuer"), ds("Signature")]
    answered = await web.post(web.world.answer(signed.get("ID")), fields["RelayState"])
    await web.get(answered.headers["location"])
    assert await web.is_in()


async def test_the_form_is_for_the_browser_that_began(web: Web) -> None:
    """Check C32."""
    web.world.changed(sso_by_post=True)
    url = await web.begin()
    async with aiohttp.ClientSession() as other:
        assert (await web.get(url, other)).status == 404


# ── an answer nobody asked for ─────────────────────────────────────────────────────────────────


async def test_an_unsolicited_answer_waits_for_the_persons_yes(web: Web) -> None:
    """Checks ASR-13, C9, C11."""
    web.world.changed(unsolicited=True)
    web.site.add(web.world.configuration)
    where = (await web.post(web.world.answer(None), "https://evil.example")).headers["location"]
    async with web.browser.get(where) as response:
        page = await response.text()
        assert (response.status, SESSION in str(response.headers.getall("set-cookie", []))) == (200, False)
    assert "Continue as ada" in page
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    handle = parameters(where)["h"]

    async with web.browser.post(where, data={"h": handle}, allow_redirects=False) as forged:
        assert forged.status == 403
    async with aiohttp.ClientSession() as other, other.post(where, data=fields, allow_redirects=False) as theirs:
        assert theirs.status == 403
    assert not await web.is_in()
    async with web.browser.post(where, data={**fields, "h": handle}, allow_redirects=False) as agreed:
        assert (agreed.status, agreed.headers["location"]) == (303, "/")
    assert await web.is_in()


# ── our metadata ───────────────────────────────────────────────────────────────────────────────


async def test_our_metadata_says_what_a_provider_needs(web: Web) -> None:
    """Check SML-1."""
    web.world.changed(sign_requests=True)
    web.site.add(web.world.configuration)
    async with web.browser.get(f"{web.here}/metadata") as response:
        root = etree.fromstring(await response.read())
        assert response.headers["content-type"] == "application/samlmetadata+xml"
    role = root[0]
    acs, slo = role.find(md("AssertionConsumerService")), role.find(md("SingleLogoutService"))
    shown = role.findtext(f"{md('KeyDescriptor')}/{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}")
    key = await web.site.party.saml.key(web.site.organisation, web.world.configuration)

    assert acs is not None
    assert slo is not None
    assert root.get("entityID") == f"{web.here}/metadata"
    assert (acs.get("Location"), acs.get("Binding", "")[-9:]) == (f"{web.here}/acs", "HTTP-POST")
    assert (slo.get("Location"), slo.get("Binding", "")[-13:]) == (f"{web.here}/slo", "HTTP-Redirect")
    assert (role.get("WantAssertionsSigned"), role.get("AuthnRequestsSigned")) == ("true", "true")
    assert [each.text for each in role.findall(md("NameIDFormat"))] == [
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        EMAIL_FORMAT,
    ]
    assert shown == "".join(key.certificate.splitlines()[1:-1])


# ── single logout ──────────────────────────────────────────────────────────────────────────────


def request(web: Web, *sessions: str, name: str = "ada", **changes: Any) -> str:
    """Where a provider sends a browser to log it out; `edit` spoils the message, `key` None leaves it unsigned."""
    identifier = changes.pop("id", f"_l{web.world.made}")
    issuer, edit = changes.pop("issuer", ISSUER), changes.pop("edit", None)
    envelope = Envelope(identifier, issuer, changes.pop("destination", f"{web.here}/slo"), changes.pop("now", NOW))
    root = logout_request(envelope, NameId(name), sessions[0] if sessions else None)
    for each in sessions[1:]:
        etree.SubElement(root, p("SessionIndex")).text = each
    if edit is not None:
        edit(root)
    key = changes.pop("key", signer().key)
    return redirect_url(f"{web.here}/slo", "SAMLRequest", written(root), "theirs", key)


async def test_a_signed_request_ends_the_session_it_names_and_is_answered_signed(web: Web) -> None:
    """Check OUT-9; the browser need not bring a cookie."""
    await web.sign_in()
    async with aiohttp.ClientSession() as nobody:
        response = await web.get(request(web, "_s1"), nobody)
    where = response.headers["location"]
    answer = sent(where)
    key = await web.site.party.saml.key(web.site.organisation, web.world.configuration)
    status = answer.find(f"{p('Status')}/{p('StatusCode')}")

    assert not await web.is_in()
    assert where.startswith(f"{SLO}?SAMLResponse=")
    assert (answer.tag, answer.get("InResponseTo"), answer.get("Destination")) == (p("LogoutResponse"), "_l1", SLO)
    assert parameters(where)["RelayState"] == "theirs"
    assert status is not None
    assert status.get("Value", "").endswith("Success")
    assert is_signed_by_us(where, x509.load_pem_x509_certificate(key.certificate.encode()).public_key())


@pytest.mark.parametrize(
    ("sessions", "name", "ends"),
    [
        pytest.param((), "ada", True, id="all of a person"),
        pytest.param(("_s0", "_s1"), "ada", True, id="several sessions"),
        pytest.param(("_s0",), "ada", False, id="another session"),
        pytest.param(("_s1",), "ben", False, id="another person's session of that name"),
        pytest.param((), "ben", False, id="another person"),
    ],
)
async def test_what_a_request_ends(web: Web, sessions: tuple[str, ...], name: str, ends: bool) -> None:
    await web.sign_in()
    assert (await web.get(request(web, *sessions, name=name))).status == 303

    assert await web.is_in() is not ends


def _without(name: str) -> Any:
    def edit(root: Element) -> None:
        for each in root.findall(name):
            root.remove(each)

    return edit


def _renamed(root: Element) -> None:
    root.tag = p("LogoutResponse")


def _over(root: Element) -> None:
    root.set("NotOnOrAfter", "2026-05-04T11:58:59Z")


BAD: list[Any] = [
    pytest.param({"key": None}, "OUT-9", id="OUT-9 not signed"),
    pytest.param({"key": signer("somebody else").key}, "SGN-4", id="SGN-4 another key"),
    pytest.param({"destination": "https://other.example/slo"}, "OUT-9", id="OUT-9 another address"),
    pytest.param({"issuer": "https://other.example"}, "OUT-10", id="OUT-10 another issuer"),
    pytest.param({"now": NOW - timedelta(minutes=6, seconds=1)}, "OUT-9", id="OUT-9 too old"),
    pytest.param({"now": NOW + timedelta(seconds=61)}, "OUT-9", id="OUT-9 of the future"),
    pytest.param({"edit": _over}, "OUT-9", id="OUT-9 over"),
    pytest.param({"edit": _without(a("NameID"))}, "OUT-9", id="OUT-9 nobody"),
    pytest.param({"edit": _renamed}, "OUT-9", id="OUT-9 another message"),
    pytest.param({"name": ""}, "OUT-9", id="OUT-9 an empty name"),
    pytest.param({"edit": lambda root: root.append(etree.Comment("x"))}, "XML-1", id="XML-1 a comment"),
]


@pytest.mark.parametrize(("changes", "check"), BAD)
async def test_a_bad_request_ends_nothing(web: Web, changes: dict[str, Any], check: str) -> None:
    await web.sign_in()
    async with web.browser.get(as_it_is(request(web, **changes)), allow_redirects=False) as response:
        assert (response.status, (await response.json())["check"]) == (400, check)

    assert await web.is_in()
    events = await web.company.db.read(read_audit, AuditQuery(action="logout.saml.received"))
    assert [(each.what.outcome, each.what.reason) for each in events] == [("denied", check)]


@pytest.mark.parametrize(
    "spoil", [lambda url: url.replace("RelayState=theirs", "RelayState=ours"), lambda u: f"{u}&SAMLRequest=x"]
)
async def test_a_query_that_was_changed_ends_nothing(web: Web, spoil: Any) -> None:
    """Check OUT-9: RelayState is signed too, and nothing is there twice."""
    await web.sign_in()

    assert (await web.get(spoil(request(web)))).status == 400
    assert await web.is_in()


async def test_a_request_is_good_once(web: Web) -> None:
    """Check OUT-9."""
    url = request(web, id="_again")
    assert (await web.get(url)).status == 303
    await web.sign_in()
    async with web.browser.get(as_it_is(url), allow_redirects=False) as response:
        assert (response.status, await response.json()) == (400, {"code": "sso_token_invalid", "check": "OUT-9"})

    assert await web.is_in()


async def test_entra_names_itself_otherwise_at_logout_and_only_there(web: Web) -> None:
    """Check OUT-10."""
    tenant = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
    signing_in, leaving = f"https://sts.windows.net/{tenant}/", f"https://login.microsoftonline.com/{tenant}/"
    web.world.changed(entity_id=signing_in)
    refused = await web.answer(await web.begin(), issuer=leaving, response_issuer=leaving)
    assert refused.status == 400
    await web.sign_in(issuer=signing_in, response_issuer=signing_in)
    assert await web.is_in()

    assert (await web.get(request(web, issuer=leaving))).status == 303
    assert not await web.is_in()


async def test_leaving_asks_the_provider_by_the_name_it_gave(web: Web) -> None:
    """Checks OUT-3, OUT-9."""
    await web.sign_in(name_format=EMAIL_FORMAT)
    url = (await web.get(f"{web.site.url}/leave/{web.world.configuration.id}")).headers["location"]
    asked = sent(url)
    name = asked.find(a("NameID"))
    key = await web.site.party.saml.key(web.site.organisation, web.world.configuration)

    assert not await web.is_in()
    assert url.startswith(f"{SLO}?SAMLRequest=")
    assert name is not None
    assert (name.text, name.get("Format"), asked.findtext(p("SessionIndex"))) == ("ada", EMAIL_FORMAT, "_s1")
    assert is_signed_by_us(url, x509.load_pem_x509_certificate(key.certificate.encode()).public_key())

    envelope = Envelope("_answer", ISSUER, f"{web.here}/slo", NOW)
    back = logout_response(envelope, asked.get("ID") or "")
    answer = redirect_url(f"{web.here}/slo", "SAMLResponse", written(back), parameters(url)["RelayState"], signer().key)
    async with web.browser.get(as_it_is(answer)) as response:
        assert await response.json() == {"signed_out": True}


async def test_an_answer_to_a_logout_nobody_began_shows_a_neutral_page(web: Web) -> None:
    await web.sign_in()
    back = logout_response(Envelope("_answer", ISSUER, f"{web.here}/slo", NOW), "id0")
    answer = redirect_url(f"{web.here}/slo", "SAMLResponse", written(back), "x" * 43, signer().key)
    async with web.browser.get(as_it_is(answer)) as response:
        assert await response.json() == {"signed_out": True}

    assert await web.is_in()


async def test_a_provider_without_such_a_place_is_not_asked(web: Web) -> None:
    web.world.changed(slo_url=None)
    await web.sign_in()

    assert (await web.get(f"{web.site.url}/leave/{web.world.configuration.id}")).headers["location"] == "/me"


async def test_logouts_are_taken_fifty_a_second(web: Web) -> None:
    assert {(await web.get(f"{web.here}/slo?SAMLRequest=x")).status for _ in range(50)} == {400}

    assert (await web.get(f"{web.here}/slo?SAMLRequest=x")).status == 429
