"""The rules of style that no other tool keeps: each takes a file and says what is wrong with it, line by line."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 70
MAX_FILE_BYTES = 500_000

DRAWERS = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"})
ASKS_THE_MACHINE = frozenset({"src/rollcall/runtime.py", "src/rollcall/config.py"})
WIRES = frozenset({"aiohttp", "granian", "httpx", "requests", "socket", "starlette"})

ROOMS = ("src/rollcall/directory/", "src/rollcall/provisioning/", "src/rollcall/workspaces/")
WAITS = ("asyncio", "procrastinate", "psycopg", "rollcall.db", "subprocess", "threading", "time", *sorted(WIRES))
COMPOSES = ("psycopg.sql", "psycopg.types.json")  # they put statements together and run none

# The rings where what nobody foresaw is caught, logged with an id and answered: request, page, command (architecture, Errors).
OUTERMOST_RINGS = (
    "src/rollcall/cli",
    "src/rollcall/main.py",
    "src/rollcall/provisioning/cycle.py",
    "src/rollcall/provisioning/worker.py",
    "src/rollcall/directory/signin/telling.py",
    "src/rollcall/provisioning/delivering.py",
    "src/rollcall/scim_http/server.py",
    "src/rollcall/web/",
)

# Others' work, kept as it came.
VENDORED = ("src/rollcall/web/static/vendor/",)


@dataclass(frozen=True)
class File:
    """One file of the project: its path from the root, with slashes, and its bytes."""

    path: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_source(self) -> bool:
        return self.is_python and self.path.startswith("src/")

    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)


Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[File], Iterator[str]]


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _imported(node: ast.AST) -> list[str]:
    """The modules that an import statement names, in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, or the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


# ── sizes ──────────────────────────────────────────────────────────────────────────────────────


def file_length(file: File) -> Iterator[str]:
    """A file past 700 lines is two files."""
    if file.is_python and (lines := file.content.count(b"\n")) > MAX_FILE_LINES:
        yield f"{file.path}: {lines} lines, {MAX_FILE_LINES} are the limit; split it by subject"


def function_length(file: File) -> Iterator[str]:
    """A function past 70 lines is several."""
    if not file.is_python:
        return
    for function in _functions(file.tree()):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield f"{file.path}:{function.lineno}: {function.name} has {lines} lines, {MAX_FUNCTION_LINES} are the limit"


def blob_size(file: File) -> Iterator[str]:
    """What is big does not belong into a repository, unless it is vendored."""
    if len(file.content) > MAX_FILE_BYTES and not file.path.startswith(VENDORED):
        yield f"{file.path}: {len(file.content)} bytes, {MAX_FILE_BYTES} are the limit"


# ── names and imports ──────────────────────────────────────────────────────────────────────────


def module_name(file: File) -> Iterator[str]:
    """A module is named for its subject; a drawer for everything has none."""
    if not file.is_python:
        return
    path = PurePosixPath(file.path)
    for part in (*path.parent.parts, path.stem):
        if part in DRAWERS:
            yield f"{file.path}: '{part}' is a drawer; name the subject"


def import_place(file: File) -> Iterator[str]:
    """Imports stand at the top, so that what a module knows is read there and circles show."""
    if not file.is_python:
        return
    for function in _functions(file.tree()):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{file.path}:{node.lineno}: import inside {function.name}; move it to the top"


def scim_imports(file: File) -> Iterator[str]:
    """The SCIM floor imports itself and the standard library."""
    if not file.path.startswith("src/rollcall/scim/") or not file.is_python:
        return
    for node in ast.walk(file.tree()):
        for name in _imported(node):
            own = name == "rollcall.scim" or name.startswith("rollcall.scim.")
            if not own and name.partition(".")[0] not in sys.stdlib_module_names:
                yield f"{file.path}:{node.lineno}: scim imports {name}; it may know itself and the standard library"  # type: ignore[attr-defined]


def store_imports(file: File) -> Iterator[str]:
    """A store runs inside a transaction, so it can't reach a network."""
    if not file.is_source or not _is_store(tree := file.tree()):
        return
    for node in ast.walk(tree):
        for name in _imported(node):
            if name.partition(".")[0] in WIRES:
                yield f"{file.path}:{node.lineno}: a store imports {name}; no transaction waits on a network"  # type: ignore[attr-defined]


def waits_for_nothing(file: File) -> Iterator[str]:
    """A module of a room that defines nothing `async` holds values or decisions, so it imports nothing that waits."""
    if not file.is_source or not file.path.startswith(ROOMS) or file.path.endswith("__init__.py"):
        return
    tree = file.tree()
    if any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)):
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        for name in names:
            if _is_in(name, WAITS) and not _is_in(name, COMPOSES):
                yield f"{file.path}:{node.lineno}: values and decisions import {name}"  # type: ignore[attr-defined]


def _is_in(name: str, packages: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


# ── the machine, the database, the outermost rings ─────────────────────────────────────────────

_MACHINE = {
    "datetime.now": "time",
    "datetime.utcnow": "time",
    "datetime.today": "time",
    "date.today": "time",
    "time.time": "time",
    "time.time_ns": "time",
    "uuid4": "ids",
    "uuid.uuid4": "ids",
    "uuid1": "ids",
    "uuid.uuid1": "ids",
    "os.environ": "configuration",
    "os.getenv": "configuration",
}


def machine_calls(file: File) -> Iterator[str]:
    """Time, ids and chance come from a Runtime that is handed in; the environment is read by config."""
    if not file.is_source or file.path in ASKS_THE_MACHINE:
        return
    for node in ast.walk(file.tree()):
        if isinstance(node, ast.Attribute | ast.Name):
            name = _dotted(node)
            short = ".".join(name.split(".")[-2:])
            if what := _MACHINE.get(name) or _MACHINE.get(short):
                yield f"{file.path}:{node.lineno}: {short}; ask the runtime or the configuration for {what}"
        elif isinstance(node, ast.Import | ast.ImportFrom) and "random" in _imported(node):
            yield f"{file.path}:{node.lineno}: random; ask the runtime for chance"


_STATEMENT = re.compile(
    r"\s*(select\s.*(\sfrom\s|\()|insert\s+into\s|update\s+[\w.\"{}]+(\s+as\s+\w+|\s+\w+)?\s+set\s+[^=]*=|delete\s+from\s"
    r"|with\s+(recursive\s+)?\w+(\s*\([^)]*\))?\s+as\s+(not\s+|materialized\s+)*\(|copy\s+[\w.\"{}]+.*\sstdin"
    r"|(create|alter|drop|truncate)\s+(table|index|schema|role|database|function)\s|listen\s+\w+$|notify\s+\w+)",
    re.IGNORECASE | re.DOTALL,
)


def _is_store(tree: ast.Module) -> bool:
    """Whether a module has a function whose first argument is `tx`: the signature that makes a store."""
    return any(
        (arguments := [*function.args.posonlyargs, *function.args.args]) and arguments[0].arg == "tx"
        for function in _functions(tree)
    )


def _statements(tree: ast.AST) -> Iterator[ast.expr]:
    """String literals that begin an SQL statement; docstrings are prose, and a formatted string counts as a whole."""
    passed_over: set[int] = set()
    for node in ast.walk(tree):  # outer nodes come before the inner ones
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(id(node.value))
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.JoinedStr):
            passed_over.update(id(value) for value in node.values)
            text = "".join(str(value.value) if isinstance(value, ast.Constant) else "{}" for value in node.values)
            if _STATEMENT.match(text):
                yield node
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _STATEMENT.match(node.value):
            yield node


def sql_place(file: File) -> Iterator[str]:
    """SQL stands in stores (functions that begin with `tx`), in `…_sql.py` beside them, and in the database kit."""
    if not file.is_source or file.path.startswith("src/rollcall/db/") or _is_store(tree := file.tree()):
        return
    if file.path.endswith("_sql.py") and not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)):
        return
    for node in _statements(tree):
        yield f"{file.path}:{node.lineno}: SQL outside a store; put it into a function `async def f(tx, …)`"


def broad_except(file: File) -> Iterator[str]:
    """Only the outermost rings catch everything; elsewhere it is caught only to be raised again."""
    if not file.is_source or file.path.startswith(OUTERMOST_RINGS):
        return
    for node in ast.walk(file.tree()):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {_dotted(each) for each in ast.walk(node.type)} if node.type else {"BaseException"}
        raises = any(isinstance(each, ast.Raise) for each in ast.walk(node))
        if caught & {"Exception", "BaseException"} and not raises:
            yield f"{file.path}:{node.lineno}: catches everything; name what is expected"


def patched_mocks(file: File) -> Iterator[str]:
    """Tests use fakes that pass the contract suites, not patched mocks."""
    if not file.is_python:
        return
    for node in ast.walk(file.tree()):
        if any(name.startswith("unittest.mock") for name in _imported(node)):
            yield f"{file.path}:{node.lineno}: a mock; write a fake"  # type: ignore[attr-defined]
        elif isinstance(node, ast.Attribute) and _dotted(node) == "monkeypatch.setattr":
            yield f"{file.path}:{node.lineno}: patches code; hand in a fake"


# ── words ──────────────────────────────────────────────────────────────────────────────────────


def module_sentence(file: File) -> Iterator[str]:
    """Every module begins with one sentence that is its responsibility; the module map is made of these."""
    if not file.is_source or "/migrations/versions/" in file.path:
        return
    docstring = ast.get_docstring(file.tree())
    if not docstring:
        yield f"{file.path}: no docstring; say in one sentence what it is responsible for"
    elif docstring.split("\n\n")[0].rstrip()[-1:] not in {".", "?", "!", ":"}:
        yield f"{file.path}: the docstring's first paragraph is no sentence; end it with a full stop"


def public_docstrings(file: File) -> Iterator[str]:
    """A public function or class says in a sentence what it does."""
    if not file.is_source or "/migrations/" in file.path:
        return
    for node in file.tree().body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{file.path}:{node.lineno}: {node.name} is public and has no docstring"


# Written in pieces, so that these rules pass themselves.
_MARKERS = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b|\bfor " + "now\\b"
)
_MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(" + "|".join(["work" + "/", "root" + "/", "tmp" + "/", "home" + "/\\w"]) + r")|\.\./shared" + "/"
)


def _is_written_here(file: File) -> bool:
    """Whether a file is our own words: not data that tests keep as it came, not a licence, lock file or vendored."""
    return not (
        "/data/" in file.path
        or file.path.startswith(VENDORED)
        or file.path.endswith((".lock", ".png", ".ico", ".woff2", ".svg"))
        or file.path == "LICENSE"
    )


def stray_markers(file: File) -> Iterator[str]:
    """What is not done is an issue, not a marker in the code."""
    if not _is_written_here(file):
        return
    for number, line in enumerate(file.text.splitlines(), 1):
        if found := _MARKERS.search(line):
            yield f"{file.path}:{number}: '{found.group()}' marks something unfinished; finish it or open an issue"


def machine_paths(file: File) -> Iterator[str]:
    """Nothing names a path of the machine it was written on."""
    if not _is_written_here(file):
        return
    for number, line in enumerate(file.text.splitlines(), 1):
        if found := _MACHINE_PATHS.search(line):
            yield f"{file.path}:{number}: '{found.group()}…' is a path of one machine"


def cited_documents(file: File) -> Iterator[str]:
    """A source that is cited can be read: a document of this repository, or a standard by its own name."""
    if not _is_written_here(file) or file.path in {"tests/tidy_rules.py", "tests/test_tidy.py", "tests/test_docs.py"}:
        return
    for number, line in enumerate(file.text.splitlines(), 1):
        for name in re.findall(r"(?<![\w/.*{])[\w./-]+\.md\b", line):
            if not any(path.endswith(f"/{name.lstrip('./')}") for path in _documents()):
                yield f"{file.path}:{number}: '{name}' is no document of this repository; cite the source itself"
        if found := re.search(
            r"\b(engine|application|expression) " + r"spec\b|\bdesign" + r"(\.md)? §|\(design" + ":", line
        ):
            yield f"{file.path}:{number}: '{found.group()}' is not in this repository; cite the source itself"


@cache
def _documents() -> tuple[str, ...]:
    root = Path(__file__).parents[1]
    return tuple(f"/{path.relative_to(root).as_posix()}" for path in [*root.glob("*.md"), *root.glob("[a-z]*/**/*.md")])


RULES: tuple[Rule, ...] = (
    file_length,
    function_length,
    blob_size,
    module_name,
    import_place,
    scim_imports,
    store_imports,
    waits_for_nothing,
    machine_calls,
    sql_place,
    broad_except,
    patched_mocks,
    module_sentence,
    public_docstrings,
    stray_markers,
    machine_paths,
    cited_documents,
)
