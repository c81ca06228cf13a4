"""`rollcall up` with an embedded database of its own: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.program import Program, all_end


@pytest.fixture
def fresh(tmp_path: Path) -> Program:
    """The program in an empty folder."""
    return Program(tmp_path)


def answer(url: str, token: str | None = None) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
        return json.load(response)


def test_the_first_line_is_a_demo_ready_to_use(fresh: Program) -> None:
    with fresh.up() as up:
        line = up.line
        found = answer(f"{line['tenant_url']}/Users?count=1", line["secret_token"])
        ready = answer(f"{line['identity_url']}/health/ready")
        jobs = fresh.ok("job", "list", "--json").json["jobs"]
    with fresh.up() as again:
        second = again.line

    assert list(line) == [
        *("identity_url", "workspaces_url", "tenant_url", "secret_token", "job_id", "first_administrator")
    ]
    assert line["first_administrator"]["demo"].startswith(f"{line['identity_url']}/set-password/")
    assert second["first_administrator"] != line["first_administrator"], "a newer link takes the place of the old one"
    assert found["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert ready == {"status": "ok"}
    assert [(job["id"], job["state"]) for job in jobs] == [(line["job_id"], "Active")]
    assert (second["job_id"], second["secret_token"]) == (line["job_id"], line["secret_token"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_quietly(fresh: Program, number: signal.Signals) -> None:
    with fresh.up("--seed", "none") as up:
        children = up.children()
        code = up.end(number)

    assert len(children) >= 3
    assert code == 0
    assert all_end(children)
    assert "Traceback" not in (fresh.folder / "up.err").read_text()


def test_a_configuration_file_holds_for_every_part(fresh: Program) -> None:
    (fresh.folder / "other.toml").write_text('[workspaces]\nbase_url = "https://workspaces.example"\n')
    with fresh.up("--seed", "none", "--config", "other.toml") as up:
        made = fresh.ok("organisation", "create", "contoso", "Contoso", "--config", "other.toml", "--json").json
        serving = [each.cmdline() for each in up.children() if "workspaces" in each.cmdline()]
        port = serving[0][serving[0].index("--workspaces-port") + 1]
        found = answer(f"http://127.0.0.1:{port}/scim/v2/contoso/ServiceProviderConfig", made["secret_token"])

    assert up.line["workspaces_url"] == "https://workspaces.example"
    assert made["tenant_url"] == "https://workspaces.example/scim/v2/contoso"
    assert found["meta"]["location"] == "https://workspaces.example/scim/v2/contoso/ServiceProviderConfig"


def test_killed_it_leaves_no_child_behind(fresh: Program) -> None:
    with fresh.up("--seed", "none") as up:
        children = up.children()
        up.end(signal.SIGKILL)

    assert len(children) >= 3
    assert all_end(children)


def test_a_part_that_can_not_be_kept_alive_ends_everything_with_a_sentence_and_1(fresh: Program) -> None:
    with fresh.up("--seed", "none") as up:
        others = up.children()
        while up.process.poll() is None:  # whoever comes in its place is killed as well
            with suppress(psutil.Error):
                for child in up.children():
                    if "work" in child.cmdline():
                        child.kill()
            time.sleep(0.05)
        assert up.process.stdout is not None
        said = json.loads(up.process.stdout.read())

    assert up.process.returncode == 1
    assert all_end(others)
    assert "could not be started again" in said["error"]["message"]


def test_a_second_one_on_the_same_data_is_refused(fresh: Program) -> None:
    with fresh.up("--seed", "none") as up:
        said = fresh("up", "--seed", "none", "--identity-port", "0", "--workspaces-port", "0")
        as_json = fresh("up", "--json", "--identity-port", "0", "--workspaces-port", "0")

    demo = ("tenant_url", "secret_token", "job_id")
    assert [up.line[name] for name in demo] == [None, None, None], up.line
    assert (said.code, said.out) == (2, "")
    assert "up on" in said.err
    assert as_json.json["error"]["code"] == "conflict"


def test_a_taken_port_is_refused(fresh: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = fresh("up", "--identity-port", "0", "--workspaces-port", port)
        serving = fresh("serve", "workspaces", "--workspaces-port", port)

    assert (said.code, serving.code) == (2, 2)
    assert said.err == f"Port {port} on 127.0.0.1 is taken by another program. Choose another one; 0 is any free one.\n"


def test_a_directory_that_can_not_be_written_is_refused(fresh: Program) -> None:
    (fresh.folder / "file").touch()

    said = fresh("up", "--data", "file/data")

    assert (said.code, said.out) == (2, "")
    assert "can't be written" in said.err


def test_a_database_that_is_away_is_refused(fresh: Program) -> None:
    away = Program(fresh.folder, {"ROLLCALL_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing"})

    for words in (("work",), ("migrate",), ("job", "list")):
        said = away(*words)
        assert (said.code, said.out) == (2, "")
        assert "Traceback" not in said.err
