"""Small documents fetched from addresses people wrote down (checks DIS-1 to DIS-3, C40)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from rollcall.outbound import FetchFailed, Limits, Reach, ask, fetch_json, open_session

HERE = Reach(loopback_http=True)
USUAL = Limits()


class Site:
    """A server on this machine that answers with what a test puts there, and counts requests."""

    def __init__(self) -> None:
        self.answer = web.Response(text="{}")
        self.slow = False
        self.requests: list[web.Request] = []
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self.server = TestServer(app)

    async def _serve(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if self.slow:
            await asyncio.sleep(30)
        return self.answer

    def url(self, path: str = "/x") -> str:
        return str(self.server.make_url(path))


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.server.start_server()
    yield made
    await made.server.close()


class Names(AbstractResolver):
    """Resolves one name after another answer each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=answer, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None: ...


async def fetched(url: str, reach: Reach = HERE, limits: Limits = USUAL, names: Names | None = None) -> object:
    async with open_session(reach, limits.seconds, names) as session:
        return await fetch_json(session, url, reach, limits)


async def refusal(url: str, reach: Reach = HERE, limits: Limits = USUAL, names: Names | None = None) -> str:
    with pytest.raises(FetchFailed) as failed:
        await fetched(url, reach, limits, names)
    return failed.value.reason


async def test_a_document_is_fetched(site: Site) -> None:
    site.answer = web.Response(text='{"issuer": "ü"}')

    assert await fetched(site.url()) == {"issuer": "ü"}


async def test_redirects_are_not_followed(site: Site) -> None:
    """Check DIS-2."""
    site.answer = web.Response(status=302, headers={"location": "/elsewhere"})

    assert await refusal(site.url()) == "redirect"
    assert len(site.requests) == 1


@pytest.mark.parametrize("text", ["[]", '"x"', "null", "<html>", "", '{"a": 1'])
async def test_anything_but_a_json_object_is_refused(site: Site, text: str) -> None:
    """Check DIS-2."""
    site.answer = web.Response(text=text)

    assert await refusal(site.url()) == "not_json"


async def test_what_is_not_utf_8_is_refused(site: Site) -> None:
    """Check DIS-2."""
    site.answer = web.Response(body='{"a": "ü"}'.encode("latin-1"))

    assert await refusal(site.url()) == "not_json"


async def test_a_document_over_the_limit_is_refused(site: Site) -> None:
    """Check DIS-2."""
    site.answer = web.Response(text='{"a": "' + "x" * 256 * 1024 + '"}')

    assert await refusal(site.url()) == "too_large"


async def test_a_slow_answer_is_refused(site: Site) -> None:
    """Check DIS-2."""
    site.slow = True

    assert await refusal(site.url(), limits=Limits(seconds=0.2)) == "too_slow"


async def test_another_status_is_no_document(site: Site) -> None:
    site.answer = web.Response(status=404, text="{}")

    assert await refusal(site.url()) == "status"


async def test_nothing_is_sent_to_this_machine_without_the_switch(site: Site) -> None:
    """Checks DIS-1, C40."""
    assert await refusal(site.url(), Reach()) == "address_not_allowed"
    assert await refusal("https://127.0.0.1/", Reach()) == "address_not_allowed"
    assert await refusal("https://169.254.169.254/latest/meta-data/", Reach()) == "address_not_allowed"
    assert not site.requests


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
async def test_nothing_is_sent_to_a_name_that_stands_for_a_private_address(address: str) -> None:
    """Check DIS-3."""
    assert await refusal("https://id.example/", Reach(), names=Names(address)) == "address_not_allowed"


async def test_the_address_that_was_looked_at_is_the_one_connected_to(site: Site) -> None:
    """Checks DIS-3, C40: a name that means another address the second time is not asked a second time."""
    reach = Reach(allowed=("127.0.0.1",), loopback_http=True)
    names = Names("127.0.0.1", "169.254.169.254")
    port = site.url().split(":")[2].split("/")[0]

    await fetched(f"http://localhost:{port}/x", reach, names=names)

    assert names.asked == 1
    assert len(site.requests) == 1


@pytest.mark.parametrize("written", ["https://2130706433/", "https://0x7f.1/", "https://127.1/"])
async def test_odd_spellings_of_this_machine_are_refused(written: str) -> None:
    """Check C40."""
    assert await refusal(written, Reach()) == "address_not_allowed"


async def test_a_closed_port_and_a_plain_port_are_told_apart(site: Site) -> None:
    assert await refusal("http://127.0.0.1:1/") == "unreachable"
    assert await refusal(site.url().replace("http:", "https:")) == "insecure"


async def test_an_error_of_the_other_side_is_an_answer(site: Site) -> None:
    site.answer = web.Response(status=429, text="<busy>", headers={"retry-after": "7"})
    async with open_session(HERE, 5) as session:
        document = await ask(session, "POST", site.url(), HERE, form={"a": "b"})

    assert (document.status, document.body, document.retry_after_seconds) == (429, {}, 7)
    assert site.requests[0].content_type == "application/x-www-form-urlencoded"
