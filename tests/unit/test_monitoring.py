"""Who may see the metrics: programs on the machine itself, or whoever has the token."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from rollcall.main.monitoring import _may_see


def request(host: str, **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/metrics",
            "client": (host, 4711),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_without_a_token_a_program_on_the_machine_may(host: str) -> None:
    assert _may_see(request(host), None)


@pytest.mark.parametrize(
    "asked", [request("10.0.0.7"), request("127.0.0.1", x_forwarded_for="203.0.113.5"), request("nowhere")]
)
def test_without_a_token_nobody_from_elsewhere_may_not_even_through_a_proxy(asked: Request) -> None:
    assert not _may_see(asked, None)


def test_with_a_token_only_who_sends_it_may() -> None:
    token = "correct horse battery"

    assert _may_see(request("10.0.0.7", authorization=f"Bearer {token}"), token)
    assert not _may_see(request("127.0.0.1"), token)
    assert not _may_see(request("10.0.0.7", authorization="Bearer wrong"), token)
