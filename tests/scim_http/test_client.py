"""The client against real sockets: what it sends, and the answer each kind of server comes to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from rollcall.errors import Invalid
from rollcall.scim_http.client import Done, Reason, Refused, ScimClient, Unanswered
from tests.scim_http.wires import http_server, raw_server, self_signed

SECRET = "s3cr3t-token-of-a-target"


async def test_a_request_carries_token_content_type_and_the_query_of_its_base() -> None:
    """C6."""
    seen: list[web.Request] = []
    bodies: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.json())
        return web.json_response({"id": "u1"}, status=201, headers={"ETag": 'W/"1"'})

    async with http_server(handle) as base, ScimClient(f"{base}/?aadOptscim062020", SECRET) as client:
        answer = await client.send("POST", "/Users", query={"attributes": "id"}, body={"userName": "mira"})

    assert answer == Done(201, {"id": "u1"}, answer.headers if isinstance(answer, Done) else {})
    assert isinstance(answer, Done)
    assert answer.headers["etag"] == 'W/"1"'
    assert seen[0].raw_path == "/scim/Users?aadOptscim062020&attributes=id"
    assert seen[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert seen[0].headers["Content-Type"] == "application/scim+json"
    assert seen[0].headers["Accept"].startswith("application/scim+json")
    assert bodies == [{"userName": "mira"}]


async def test_a_blank_token_sends_no_authorization() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"has": "Authorization" in request.headers})

    async with http_server(handle) as base, ScimClient(base, " \n") as client:
        answer = await client.send("GET", "/Users")

    assert isinstance(answer, Done)
    assert answer.body == {"has": False}


async def test_connections_are_kept_and_requests_at_once_are_bounded() -> None:
    connections: set[object] = set()
    now = most = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal now, most
        connections.add(request.transport)
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return web.json_response({})

    async with http_server(handle) as base, ScimClient(base, SECRET, concurrency=3) as client:
        answers = await asyncio.gather(*(client.send("GET", "/Users") for _ in range(30)))

    assert all(isinstance(answer, Done) for answer in answers)
    assert most <= 3
    assert len(connections) <= 3


async def test_waiting_for_a_turn_does_not_count_as_waiting_for_the_server() -> None:
    async def handle(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.25)
        return web.json_response({})

    async with http_server(handle) as base, ScimClient(base, SECRET, concurrency=1, timeout_seconds=1.0) as client:
        answers = await asyncio.gather(*(client.send("GET", "/Users") for _ in range(5)))

    assert all(isinstance(answer, Done) for answer in answers)


async def test_a_redirect_is_not_followed_so_that_the_token_stays_here() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    async with http_server(elsewhere) as other:

        async def handle(_request: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{other}/Users?code=abc"})

        async with http_server(handle) as base, ScimClient(base, SECRET) as client:
            answer = await client.send("GET", "/Users")

    assert isinstance(answer, Refused)
    assert (answer.status, answer.reason) == (307, Reason.REDIRECTED)
    assert "127.0.0.1/scim/Users" in (answer.detail or "")
    assert "abc" not in (answer.detail or "")
    assert asked == []


async def test_a_port_where_nothing_listens_is_refused_as_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with ScimClient(f"http://127.0.0.1:{port}", SECRET) as client:
        answer = await client.send("POST", "/Users", body={})

    assert isinstance(answer, Refused)
    assert (answer.status, answer.reason) == (None, Reason.CONNECTION_REFUSED)


class _NoNames(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        return


async def test_an_unknown_host_name_is_refused_as_nothing_was_sent() -> None:
    async with ScimClient("https://target.invalid/scim", SECRET, resolver=_NoNames()) as client:
        answer = await client.send("POST", "/Users", body={})

    assert answer == Refused(None, Reason.DNS, detail="The host name is unknown.")


async def test_a_certificate_of_nobody_we_trust_is_refused_as_nothing_was_sent(tmp_path: Path) -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    server_side, client_side = self_signed(tmp_path)
    async with http_server(handle, server_side) as base:
        async with ScimClient(base, SECRET) as client:
            distrusting = await client.send("POST", "/Users", body={})
        async with ScimClient(base, SECRET, tls=client_side) as client:
            trusting = await client.send("GET", "/Users")

    assert isinstance(distrusting, Refused)
    assert (distrusting.status, distrusting.reason) == (None, Reason.TLS)
    assert "certificate" in (distrusting.detail or "")
    assert isinstance(trusting, Done)
    assert asked == ["/scim/Users"]


async def test_https_to_a_server_that_speaks_http_is_a_tls_refusal() -> None:
    async with (
        raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as base,
        ScimClient(base.replace("http:", "https:"), SECRET) as client,
    ):
        answer = await client.send("POST", "/Users", body={})

    assert isinstance(answer, Refused)
    assert answer.reason is Reason.TLS


async def test_a_server_that_stays_silent_leaves_it_open() -> None:
    async with raw_server(None, hang=True) as base, ScimClient(base, SECRET, timeout_seconds=0.2) as client:
        answer = await client.send("POST", "/Users", body={})

    assert isinstance(answer, Unanswered)
    assert answer.reason is Reason.TIMEOUT


async def test_a_server_that_stops_in_mid_answer_leaves_it_open() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with raw_server(head, hang=True) as base, ScimClient(base, SECRET, timeout_seconds=0.2) as client:
        silent = await client.send("POST", "/Users", body={})
    async with raw_server(head) as base, ScimClient(base, SECRET) as client:
        broken = await client.send("POST", "/Users", body={})

    assert isinstance(silent, Unanswered)
    assert silent.reason is Reason.TIMEOUT
    assert isinstance(broken, Unanswered)
    assert broken.reason is Reason.RESET


@pytest.mark.parametrize(
    ("bytes_sent", "reason"),
    [(b"", Reason.RESET), (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.NOT_SCIM), (b"\x15\x03\x01\x00\x02", Reason.NOT_SCIM)],
)
async def test_a_server_that_is_not_http_leaves_it_open(bytes_sent: bytes, reason: Reason) -> None:
    async with raw_server(bytes_sent) as base, ScimClient(base, SECRET) as client:
        answer = await client.send("POST", "/Users", body={})

    assert isinstance(answer, Unanswered)
    assert answer.reason is reason


async def test_an_answer_over_the_limit_is_not_read_to_its_end() -> None:
    async def handle(request: web.Request) -> web.Response:
        status = 400 if request.path.endswith("Groups") else 200
        return web.Response(status=status, body=b"x" * 100_000, content_type="application/json")

    async with http_server(handle) as base, ScimClient(base, SECRET, max_answer_bytes=50_000) as client:
        large = await client.send("GET", "/Users")
        refused = await client.send("POST", "/Groups", body={})

    assert isinstance(large, Unanswered)
    assert large.reason is Reason.ANSWER_TOO_LARGE
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BAD_REQUEST


async def test_a_compressed_answer_is_bounded_by_what_it_unpacks_to() -> None:
    async def handle(_request: web.Request) -> web.Response:
        response = web.Response(body=b"{" + b" " * 5_000_000 + b"}", content_type="application/json")
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with http_server(handle) as base, ScimClient(base, SECRET, max_answer_bytes=1_000_000) as client:
        answer = await client.send("GET", "/Users")

    assert isinstance(answer, Unanswered)
    assert answer.reason is Reason.ANSWER_TOO_LARGE


async def test_the_token_shows_neither_in_repr_nor_in_what_a_server_echoes() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"detail": f"bad token {request.headers['Authorization']}"}, status=401)

    async with http_server(handle) as base, ScimClient(f"{base}?key=private", SECRET) as client:
        answer = await client.send("GET", "/Users")

    assert isinstance(answer, Refused)
    assert answer.reason is Reason.UNAUTHORIZED
    assert "bad token" in (answer.detail or "")
    assert SECRET not in repr(answer)
    assert SECRET not in repr(client)
    assert "private" not in repr(client)


@pytest.mark.parametrize("token", ["two\nlines", "tab\there", "tökén"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as caught:
        ScimClient("https://t.example", token)

    assert token not in caught.value.message


Lister = Callable[[int, int], tuple[list[int], int]]


async def _list(lister: Lister, page_size: int = 3) -> tuple[list[str], list[Refused | Unanswered], int]:
    """Ids listed, failures, and requests made, against a server that answers (startIndex, count) by `lister`."""
    requests = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        ids, total = lister(int(request.query["startIndex"]), int(request.query["count"]))
        return web.json_response({"totalResults": total, "Resources": [{"id": str(each)} for each in ids]})

    found: list[str] = []
    failures: list[Refused | Unanswered] = []
    async with http_server(handle) as base, ScimClient(base, SECRET) as client:
        async for page in client.list_all("/Users", page_size=page_size):
            if isinstance(page, list):
                found += [resource["id"] for resource in page]
            else:
                failures.append(page)
    return found, failures, requests


async def test_a_list_is_read_page_by_page() -> None:
    found, failures, requests = await _list(lambda start, count: (list(range(start, min(start + count, 8))), 7))

    assert found == ["1", "2", "3", "4", "5", "6", "7"]
    assert failures == []
    assert requests == 3


async def test_an_empty_list_may_leave_resources_out() -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response({"totalResults": 0})

    async with http_server(handle) as base, ScimClient(base, SECRET) as client:
        pages = [page async for page in client.list_all("/Users")]

    assert pages == []


async def test_a_server_with_smaller_pages_than_asked_for_is_followed() -> None:
    found, failures, _ = await _list(lambda start, _: (list(range(start, min(start + 2, 6))), 5), page_size=100)

    assert found == ["1", "2", "3", "4", "5"]
    assert failures == []


async def test_a_server_that_ignores_start_index_is_left_with_a_clear_answer() -> None:
    found, failures, requests = await _list(lambda _start, _count: ([1, 2, 3], 9))

    assert found == ["1", "2", "3"]
    assert [failure.reason for failure in failures] == [Reason.INCOMPLETE_LIST]
    assert requests == 2


async def test_a_list_that_ends_before_its_total_is_incomplete() -> None:
    found, failures, _ = await _list(lambda start, count: (list(range(start, start + count))[: max(0, 5 - start)], 9))

    assert found == ["1", "2", "3", "4"]
    assert [failure.reason for failure in failures] == [Reason.INCOMPLETE_LIST]


async def test_a_list_that_shrinks_while_it_is_read_loses_nobody() -> None:
    people = list(range(1, 10))

    def lister(start: int, count: int) -> tuple[list[int], int]:
        page = people[start - 1 : start - 1 + count]
        total = len(people)
        if start == 1:
            del people[0:2]  # 1 and 2 leave after the first page: 4 and 5 move up
        return page, total

    found, failures, _ = await _list(lister)

    assert sorted(found) == ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert failures == []


async def test_a_list_whose_unread_end_shrinks_is_still_complete() -> None:
    def lister(start: int, count: int) -> tuple[list[int], int]:
        total = 12 if start == 1 else 7  # the last five leave after the first page
        return list(range(start, min(start + count, total + 1))), total

    found, failures, _ = await _list(lister)

    assert found == ["1", "2", "3", "4", "5", "6", "7"]
    assert failures == []


async def test_a_server_whose_total_keeps_changing_can_not_hold_us_for_ever() -> None:
    calls = 0

    def lister(_start: int, _count: int) -> tuple[list[int], int]:
        nonlocal calls
        calls += 1
        return [1, 2, 3], 20 - calls % 2

    found, failures, requests = await _list(lister)

    assert found == ["1", "2", "3"]
    assert [failure.reason for failure in failures] == [Reason.INCOMPLETE_LIST]
    assert requests < 10


async def test_a_resource_listed_twice_is_yielded_once() -> None:
    found, failures, _ = await _list(lambda start, _: ([1, 2, 2], 4) if start == 1 else ([2, 3, 4], 4))

    assert found == ["1", "2", "3", "4"]
    assert failures == []


@pytest.mark.parametrize("body", [{}, {"totalResults": "7"}, {"totalResults": 1, "Resources": {}}, {"id": "x"}])
async def test_what_is_not_a_list_response_ends_the_listing(body: dict[str, Any]) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(body)

    async with http_server(handle) as base, ScimClient(base, SECRET) as client:
        pages = [page async for page in client.list_all("/Users")]

    assert [page.reason for page in pages if isinstance(page, Unanswered)] == [Reason.NOT_SCIM]


async def test_a_listing_that_is_refused_says_so() -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response({}, status=429, headers={"Retry-After": "9"})

    async with http_server(handle) as base, ScimClient(base, SECRET) as client:
        pages = [
            page
            async for page in client.list_all(
                "/Users", filter_text="active eq true", attributes=["id", "userName"], excluded=["groups"]
            )
        ]

    assert pages == [Refused(429, Reason.THROTTLED, retry_after_seconds=9.0, body={})]
