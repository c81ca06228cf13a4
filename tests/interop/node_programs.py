"""Programs of Node that the tests talk to, each in a process of its own, installed by the project's own script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).with_name("node")
_STARTS_WITHIN_SECONDS = 60


@asynccontextmanager
async def node_program(name: str, settings: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `name` with its settings as a line of JSON; it has said that it is there, and ends with the block."""
    installing = await asyncio.create_subprocess_exec(ROOT / "scripts/node-packages", cwd=ROOT)
    assert await installing.wait() == 0, "scripts/node-packages failed"
    process = await asyncio.create_subprocess_exec(
        "node",
        FOLDER / name,
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        await process.stdin.drain()
        said = await asyncio.wait_for(process.stdout.readline(), _STARTS_WITHIN_SECONDS)
        assert said, f"{name} did not start"
        yield process
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
