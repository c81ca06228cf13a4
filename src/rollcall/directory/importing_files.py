"""Opens a file of people, sees what kind it is, and gives its rows and how much of it has been read."""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Literal, cast

from rollcall.directory.importing_csv import parse_csv
from rollcall.directory.importing_json import parse_json
from rollcall.directory.importing_ldif import parse_ldif
from rollcall.directory.importing_rows import Parsed
from rollcall.errors import Invalid, NotFound

Format = Literal["csv", "json", "ldif"]

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".ldif": "ldif",
    ".ldf": "ldif",
}


@dataclass(slots=True)
class PeopleFile:
    """An opened file: its rows, its size and how many bytes of it have been read."""

    rows: Iterator[Parsed]
    size: int
    _binary: BinaryIO
    _text: TextIOWrapper

    def done(self) -> int:
        """Bytes read so far."""
        return self._binary.tell()

    def close(self) -> None:
        """Close the file."""
        self._text.close()


def open_people_file(path: Path) -> PeopleFile:
    """Open a CSV, JSON or LDIF file; its ending says which it is, or else its beginning.

    Raises NotFound when there is no such file, Invalid when it can't be read.
    """
    try:
        binary = cast(BinaryIO, path.open("rb"))
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise Invalid(f"The file {path} can't be read: {error.strerror}.") from None
    try:
        if not binary.seekable():
            binary = _kept(binary)
    except OSError as error:
        raise Invalid(f"The file {path} can't be read: {error.strerror}.") from None
    size = binary.seek(0, os.SEEK_END)
    binary.seek(0)
    beginning = binary.read(4096)
    binary.seek(0)
    # Bytes that are not UTF-8 are let through as lone surrogates, so that the row that has them can be named.
    text = TextIOWrapper(binary, _encoding(beginning), "surrogateescape", newline="")
    rows = _rows(text, _FORMATS.get(path.suffix.lower()) or _seen(beginning))
    return PeopleFile(rows, size, binary, text)


def _kept(pipe: BinaryIO) -> BinaryIO:
    """All of a pipe in a temporary file: its beginning is read twice, and its size is told."""
    kept = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - PeopleFile.close() closes it
    with pipe:
        shutil.copyfileobj(pipe, kept)
    kept.seek(0)
    return kept


def _rows(text: TextIOWrapper, kind: Format) -> Iterator[Parsed]:
    match kind:
        case "csv":
            return parse_csv(text)
        case "json":
            return parse_json(text.read)
        case "ldif":
            return parse_ldif(text)


def _encoding(beginning: bytes) -> str:
    # Spreadsheets save "Unicode text" as UTF-16 with a byte order mark.
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _seen(beginning: bytes) -> Format:
    start = beginning.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith((b"{", b"[")):
        return "json"
    if start.startswith(b"#") or b"\ndn:" in b"\n" + start:
        return "ldif"
    return "csv"
