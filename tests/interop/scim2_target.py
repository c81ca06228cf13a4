"""scim2-server, a service provider that nobody here wrote, in a process of its own, read with scim2-client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scim2_models import SearchRequest

from rollcall.main.serving import free_port
from tests.interop.scim2_wire import WireClient
from tests.provisioning.world import accepting

TOKEN = "interop-secret-token"
_PAGE = 100


@asynccontextmanager
async def scim2_server() -> AsyncIterator[str]:
    """An empty server that accepts TOKEN; yields its base URL."""
    port = free_port("127.0.0.1", 0)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from scim2_server.testserver.cli import main; main()",
        "--port",
        str(port),
        "--bearer-token",
        TOKEN,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await accepting(port, lambda: process.returncode is None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Held:
    """What the target holds: accounts by userName, members and managers by name."""

    accounts: dict[str, dict[str, Any]]
    groups: dict[str, set[str]]
    managers: dict[str, str]

    @property
    def usable(self) -> set[str]:
        """The userNames of those who may sign in."""
        return {name for name, account in self.accounts.items() if account.get("active")}


def held(base_url: str) -> Held:
    """Everything the server holds, as scim2-client reads it: discovery, then resources as its own models."""
    client = WireClient(base_url, TOKEN)
    client.discover()
    users = _all(client, client.get_resource_model("User"))
    groups = _all(client, client.get_resource_model("Group"))
    names = {user["id"]: user["userName"] for user in users}
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    managers = {
        user["userName"]: names[user[enterprise]["manager"]["value"]]
        for user in users
        if (user.get(enterprise) or {}).get("manager")
    }
    return Held(
        _once(users, "userName"),
        {
            name: {names[member["value"]] for member in group.get("members") or ()}
            for name, group in _once(groups, "displayName").items()
        },
        managers,
    )


def _all(client: WireClient, model: Any) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = []
    while True:
        page = client.query(model, search_request=_page(len(resources) + 1))
        resources.extend(each.model_dump() for each in page.resources or ())
        if len(resources) >= page.total_results:
            return resources


def _page(start: int) -> Any:
    return SearchRequest(start_index=start, count=_PAGE)


def _once(resources: list[dict[str, Any]], attribute: str) -> dict[str, dict[str, Any]]:
    found = {str(each[attribute]): each for each in resources}
    assert len(found) == len(resources), f"two resources have one {attribute}"
    return found
