"""Files that never change while the program runs, served from memory under an address that changes with them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_LEAST_TO_COMPRESS = 1024
_YEAR = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".ico": "image/x-icon"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes | None
    media_type: str
    version: str


class Static:
    """The kit's files, and those of a room's package that has a folder `static`; the room's own come first."""

    def __init__(self, package: str | None = None) -> None:
        self._files: Mapping[str, _File] = {**_read("rollcall.web"), **(_read(package) if package else {})}

    def url(self, name: str) -> str:
        """The address of a file, with its content's version in it. Raises KeyError for one that is not there."""
        return f"/static/{self._files[name].version}/{name}"

    def route(self) -> Route:
        """Where the files are served."""
        return Route("/static/{version}/{name}", self._serve, name="static")

    async def _serve(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None or found.version != request.path_params["version"]:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        headers = {"Cache-Control": _YEAR, "Vary": "Accept-Encoding"}
        if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                found.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media_type
            )
        return Response(found.content, headers=headers, media_type=found.media_type)


@cache
def _read(package: str) -> Mapping[str, _File]:
    folder = files(package) / "static"
    if not folder.is_dir():
        return {}
    folders = [each for each in (folder, folder / "vendor") if each.is_dir()]
    return {each.name: _file(each) for here in folders for each in here.iterdir() if _suffix(each.name) in _TYPES}


def _file(entry: Traversable) -> _File:
    content = entry.read_bytes()
    small = gzip.compress(content, 9, mtime=0) if len(content) >= _LEAST_TO_COMPRESS else None
    return _File(content, small, _TYPES[_suffix(entry.name)], hashlib.sha256(content).hexdigest()[:12])


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
