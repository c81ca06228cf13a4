"""scim2-client over the standard library's HTTP: an independent SCIM client on an independent HTTP client."""

from __future__ import annotations

import http.client
import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from scim2_client import BaseSyncSCIMClient


@dataclass
class WireResponse:
    """What scim2-client asks of a response."""

    status_code: int
    headers: Any
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return jsonlib.loads(self.content)


class WireClient(BaseSyncSCIMClient):
    """A blocking client of the service provider at `base_url`; one connection a request."""

    def __init__(self, base_url: str, token: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._base = urlsplit(base_url)
        self._token = token

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not urlsplit(endpoint).netloc or urlsplit(endpoint).netloc == self._base.netloc

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_more: Any,
    ) -> WireResponse:
        parts = urlsplit(url)
        path = parts.path if parts.netloc else f"{self._base.path.rstrip('/')}/{parts.path.lstrip('/')}"
        query = "&".join(part for part in (parts.query, urlencode(params or {}, doseq=True)) if part)
        body = content if json is None else jsonlib.dumps(json).encode()
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        if json is not None:
            sent.setdefault("Content-Type", "application/scim+json")
        connection = http.client.HTTPConnection(self._base.netloc, timeout=30)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, sent)
            answer = connection.getresponse()
            return WireResponse(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
