"""Style is a test: every rule of tidy_rules holds for every file, and every rule can fail."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.tidy_rules import (
    MAX_FILE_BYTES,
    MAX_FILE_LINES,
    MAX_FUNCTION_LINES,
    RULES,
    File,
    Rule,
    blob_size,
    broad_except,
    cited_documents,
    file_length,
    function_length,
    import_place,
    machine_calls,
    machine_paths,
    module_name,
    module_sentence,
    patched_mocks,
    public_docstrings,
    scim_imports,
    sql_place,
    store_imports,
    stray_markers,
    waits_for_nothing,
)

ROOT = Path(__file__).parents[1]


@cache
def files() -> tuple[File, ...]:
    """Every file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())
    return tuple(File(path, (ROOT / path).read_bytes()) for path in paths)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule) -> None:
    broken = [fault for file in files() for fault in rule(file)]

    assert not broken, "\n".join(["", rule.__doc__ or "", *broken])


LONG_FUNCTION = "def f():\n" + "    pass\n" * MAX_FUNCTION_LINES
STORE = "async def rows(tx):\n    return await tx.all('select 1 from t')\n"
MARK = "TO" + "DO"

BAD = [
    (file_length, "src/rollcall/a.py", "pass\n" * (MAX_FILE_LINES + 1)),
    (function_length, "src/rollcall/a.py", LONG_FUNCTION),
    (
        function_length,
        "tests/test_a.py",
        "class A:\n" + LONG_FUNCTION.replace("def", "    async def", 1).replace("    pass", "        pass"),
    ),
    (blob_size, "docs/film.bin", "x" * (MAX_FILE_BYTES + 1)),
    (module_name, "src/rollcall/utils.py", ""),
    (module_name, "src/rollcall/common/thing.py", ""),
    (import_place, "src/rollcall/a.py", "def f():\n    import json\n"),
    (import_place, "tests/test_a.py", "async def f():\n    if True:\n        from json import loads\n"),
    (scim_imports, "src/rollcall/scim/a.py", "import orjson\n"),
    (scim_imports, "src/rollcall/scim/a.py", "from rollcall.errors import Invalid\n"),
    (store_imports, "src/rollcall/a.py", "import aiohttp\n" + STORE),
    (waits_for_nothing, "src/rollcall/provisioning/a.py", "import asyncio\ndef f():\n    pass\n"),
    (waits_for_nothing, "src/rollcall/directory/a.py", "from psycopg import AsyncConnection\n"),
    (waits_for_nothing, "src/rollcall/workspaces/a.py", "from rollcall.db import Tx\n"),
    (machine_calls, "src/rollcall/a.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)\n"),
    (machine_calls, "src/rollcall/a.py", "import datetime\nx = datetime.datetime.now()\n"),
    (machine_calls, "src/rollcall/a.py", "import uuid\nx = uuid.uuid4()\n"),
    (machine_calls, "src/rollcall/a.py", "from uuid import uuid4\nf(default=uuid4)\n"),
    (machine_calls, "src/rollcall/a.py", "import time\nx = time.time()\n"),
    (machine_calls, "src/rollcall/a.py", "import os\nx = os.environ['HOME']\n"),
    (machine_calls, "src/rollcall/a.py", "import random\n"),
    (machine_calls, "src/rollcall/a.py", "from random import choice\n"),
    (sql_place, "src/rollcall/a.py", "x = 'SELECT id FROM users'\n"),
    (sql_place, "src/rollcall/a.py", "x = '''\n  insert into users values (1)'''\n"),
    (sql_place, "src/rollcall/a.py", "x = f'delete from {table}'\n"),
    (sql_place, "src/rollcall/a.py", "x = f'update {table} set a = 1'\n"),
    (sql_place, "src/rollcall/a.py", "x = 'with due as (values (1)) table due'\n"),
    (sql_place, "src/rollcall/a.py", "x = 'select pg_notify(1)'\n"),
    (sql_place, "src/rollcall/a_sql.py", "x = 'delete from t'\nasync def f():\n    pass\n"),
    (broad_except, "src/rollcall/a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    (broad_except, "src/rollcall/a.py", "try:\n    f()\nexcept (ValueError, BaseException):\n    pass\n"),
    (broad_except, "src/rollcall/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    (patched_mocks, "tests/test_a.py", "from unittest.mock import Mock\n"),
    (patched_mocks, "tests/test_a.py", "def test_a(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)\n"),
    (module_sentence, "src/rollcall/a.py", "x = 1\n"),
    (module_sentence, "src/rollcall/a.py", '"""Some words"""\n'),
    (public_docstrings, "src/rollcall/a.py", "def f():\n    pass\n"),
    (public_docstrings, "src/rollcall/a.py", "class A:\n    pass\n"),
    (stray_markers, "docs/a.md", f"{MARK}: write this\n"),
    (stray_markers, "src/rollcall/a.py", f"x = 1  # good enough for {'now'}\n"),
    (machine_paths, "docs/a.md", "see /" + "work/main\n"),
    (cited_documents, "src/rollcall/a.py", "x = 1  # missing-thing.md §1\n"),
    (cited_documents, "src/rollcall/a.py", '"""Steps (engine ' + 'spec §13)."""\n'),
    (machine_paths, "src/rollcall/a.py", "x = '/" + "home/ada/x'\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD, ids=lambda value: getattr(value, "__name__", None))
def test_a_rule_finds_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert list(rule(File(path, text.encode())))


GOOD = [
    (function_length, "src/rollcall/a.py", LONG_FUNCTION.replace("    pass\n", "", 1)),
    (scim_imports, "src/rollcall/scim/a.py", "import re\nfrom rollcall.scim.path import Path\n"),
    (store_imports, "src/rollcall/a.py", "from psycopg import sql\n" + STORE),
    (waits_for_nothing, "src/rollcall/workspaces/a.py", "from psycopg.sql import SQL\nfrom psycopg import sql\n"),
    (waits_for_nothing, "src/rollcall/workspaces/a.py", "from rollcall.db import Tx\n" + STORE),
    (machine_calls, "src/rollcall/runtime.py", "import time\nx = time.time()\n"),
    (machine_calls, "src/rollcall/a.py", "import time\nx = time.monotonic\ny = runtime.now()\n"),
    (sql_place, "src/rollcall/a.py", STORE),
    (sql_place, "src/rollcall/a_sql.py", "x = 'delete from t'\n"),
    (sql_place, "src/rollcall/a.py", 'def f():\n    """Select a user from the list."""\n'),
    (sql_place, "src/rollcall/a.py", "x = 'Update the set of users'\ny = 'With all of it'\n"),
    (broad_except, "src/rollcall/a.py", "try:\n    f()\nexcept BaseException:\n    close()\n    raise\n"),
    (broad_except, "src/rollcall/scim_http/server.py", "try:\n    f()\nexcept Exception:\n    answer()\n"),
    (patched_mocks, "tests/test_a.py", "def test_a(monkeypatch):\n    monkeypatch.setenv('A', 'b')\n"),
    (public_docstrings, "src/rollcall/a.py", "def _f():\n    pass\n"),
    (cited_documents, "src/rollcall/a.py", "x = 1  # docs/explanation/laws.md, README.md, RFC 7644 §3.5.2\n"),
    (machine_paths, "docs/a.md", "GET /Users/1 and ./work/on\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), GOOD, ids=lambda value: getattr(value, "__name__", None))
def test_a_rule_leaves_alone_what_keeps_it(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(File(path, text.encode())))


def test_every_rule_has_a_sample_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)
