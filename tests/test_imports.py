"""The import contracts hold for a house as it is meant, and each can fail: broken by one line in a house of paper."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = re.findall(r"^\[importlinter:contract:(\w+)\]", (ROOT / ".importlinter").read_text(), re.MULTILINE)

# Enough of the house for every contract to have something to look at.
HOUSE = {
    "__init__.py": "",
    "__main__.py": "from rollcall.cli import main\n",
    "cli.py": "from rollcall.main import start\nimport rollcall.config\nimport rollcall.directory\n",
    "main.py": "import rollcall.config, rollcall.db.engine, rollcall.directory.objects, rollcall.provisioning.cycle\n",
    "directory/__init__.py": "from rollcall.directory.objects import create\n",
    "directory/objects.py": "from rollcall.db import Tx\nfrom rollcall.directory.model import User\n",
    "directory/model.py": "from dataclasses import dataclass\n",
    "directory/feed.py": "from rollcall.directory.objects import create\n",
    "provisioning/__init__.py": "",
    "provisioning/model.py": "from rollcall.errors import Refusal\n",
    "provisioning/planning.py": "from rollcall.provisioning.model import Plan\nfrom rollcall.scim import patch\n",
    "provisioning/cycle.py": "import asyncio\nfrom rollcall.provisioning.planning import plan\n",
    "provisioning/connectors/__init__.py": "",
    "provisioning/connectors/contract.py": "from rollcall.provisioning.model import Entry\n",
    "provisioning/connectors/scim.py": "from rollcall.scim_http import client\n",
    "provisioning/connectors/directory.py": "from rollcall.directory.feed import feed\n",
    "provisioning/connectors/fake.py": "from rollcall.provisioning.connectors.contract import Target\n",
    "workspaces/__init__.py": "",
    "workspaces/accounts.py": "import rollcall.scim_http.client\n",
    "scim_http/__init__.py": "",
    "scim_http/client.py": "import aiohttp\nfrom rollcall.scim import filter\n",
    "db/__init__.py": "from rollcall.db.engine import Tx\n",
    "db/engine.py": "import psycopg\nfrom rollcall.runtime import Runtime\n",
    "web/__init__.py": "",
    "mail/__init__.py": "from rollcall.mail.smtp import send_mail\n",
    "mail/smtp.py": "import aiosmtplib\n",
    "mail_address.py": "",
    "outbound/__init__.py": "from rollcall.outbound.documents import fetch\n",
    "outbound/calling.py": "import aiohttp\n",
    "outbound/documents.py": "import aiohttp\n",
    "scim/__init__.py": "",
    "scim/patch.py": "import re\nfrom rollcall.scim.filter import matches\n",
    "scim/filter.py": "",
    "config.py": "from rollcall.errors import Invalid\n",
    "crypto.py": "",
    "runtime.py": "import time\n",
    "errors.py": "",
}

BREAKS = [
    ("storeys", "errors.py", "import rollcall.crypto"),
    ("storeys", "provisioning/cycle.py", "import rollcall.workspaces"),
    ("storeys", "provisioning/connectors/directory.py", "import rollcall.directory.objects"),
    ("storeys", "db/engine.py", "import rollcall.scim_http.client"),
    ("storeys", "attic.py", ""),
    ("directory", "cli.py", "import rollcall.directory.objects"),
    ("directory", "provisioning/cycle.py", "import rollcall.directory.feed"),
    ("provisioning", "cli.py", "import rollcall.provisioning.cycle"),
    ("workspaces", "cli.py", "import rollcall.workspaces.accounts"),
    ("database", "directory/objects.py", "import rollcall.db.engine"),
    ("mail", "provisioning/cycle.py", "import rollcall.mail.smtp"),
    ("outbound", "workspaces/accounts.py", "import rollcall.outbound.calling"),
    ("configuration", "directory/objects.py", "import rollcall.config"),
    ("composition", "workspaces/accounts.py", "import rollcall.main"),
    ("scim", "scim/patch.py", "import rollcall.errors"),
    ("scim", "scim/patch.py", "import orjson"),
    ("decisions", "provisioning/planning.py", "import asyncio"),
    ("decisions", "provisioning/planning.py", "import rollcall.db"),
    ("decisions", "provisioning/model.py", "from rollcall.runtime import Runtime"),
    ("connectors", "provisioning/connectors/scim.py", "import rollcall.provisioning.connectors.fake"),
    ("connectors", "provisioning/connectors/carrier_pigeon.py", ""),
    ("circles", "directory/model.py", "import rollcall.directory.feed"),
]


def broken_contracts(folder: Path, house: dict[str, str], *contracts: str) -> str:
    """What import-linter says about a house built in a folder; empty when all contracts are kept."""
    for path, text in house.items():
        file = folder / "rollcall" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    limits = [word for contract in contracts for word in ("--contract", contract)]
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            *("--config", str(ROOT / ".importlinter"), "--no-cache", "--no-logo", *limits),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in run.stdout, run.stdout + run.stderr
    return run.stdout if run.returncode else ""


def test_a_house_as_it_is_meant_keeps_every_contract(tmp_path: Path) -> None:
    assert not broken_contracts(tmp_path, HOUSE)


@pytest.mark.parametrize(("contract", "path", "line"), BREAKS)
def test_one_line_breaks_the_contract(contract: str, path: str, line: str, tmp_path: Path) -> None:
    house = {**HOUSE, path: HOUSE.get(path, "") + line + "\n"}

    assert "BROKEN" in broken_contracts(tmp_path, house, contract)


def test_every_contract_has_a_line_that_breaks_it() -> None:
    assert {contract for contract, _, _ in BREAKS} == set(CONTRACTS)
