"""`rollcall demo` as a newcomer runs it, with real processes: everybody arrives, and nothing is left running."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

PEOPLE, GROUPS = 60, 8


def run_demo(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The demo on a data directory of its own and on free ports, to its end."""
    ports = ("--identity-port", "0", "--workspaces-port", "0")
    size = ("--people", str(PEOPLE), "--groups", str(GROUPS))
    return subprocess.run(
        [sys.executable, "-m", "rollcall", "demo", "--once", "--data", str(data), *ports, *size, *options],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def summary(data: Path) -> dict[str, Any]:
    ran = run_demo(data, "--json")
    assert ran.returncode == 0, ran.stderr
    summary: dict[str, Any] = json.loads(ran.stdout)
    return summary


def test_everybody_and_every_group_is_created_with_the_members(summary: dict[str, Any]) -> None:
    first = summary["initial_cycle"]

    assert (first["created"], first["failed"]) == (PEOPLE + GROUPS, 0)
    assert first["references_added"] > PEOPLE / 2


def test_an_initial_cycle_needs_at_most_two_requests_a_user(summary: dict[str, Any]) -> None:
    assert summary["initial_cycle"]["requests"] <= 2 * PEOPLE


def test_joiners_movers_and_leavers_all_arrive(summary: dict[str, Any]) -> None:
    kinds = [movement["kind"] for movement in summary["movements"]]

    assert summary["all_arrived"]
    assert {kind: kinds.count(kind) for kind in kinds} == {"joiner": 5, "mover": 5, "leaver": 5}


def test_nothing_is_left_running(summary: dict[str, Any], data: Path) -> None:
    assert summary
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if _is_about(process, data)]
    # The database's keeper sees that nobody is left and ends by itself; it may be at it just now.
    assert [line for line in left if "rollcall" in line and "serve" in line] == []
    assert [line for line in left if "work" in line] == []


def _is_about(process: psutil.Process, data: Path) -> bool:
    return any(str(data) in word for word in process.info["cmdline"] or ())


def test_a_second_run_founds_another_company_beside_the_first(summary: dict[str, Any], data: Path) -> None:
    ran = run_demo(data)

    assert ran.returncode == 0, ran.stderr
    assert "/scim/v2/demo-2" in ran.stdout
    assert "joined" in ran.stdout
    assert summary["tenant_url"].endswith("/scim/v2/demo")
