"""Writes the log to files as it is read: bounded memory, and no file before it is whole."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from rollcall.cli.whole_file import whole_file
from rollcall.errors import Invalid
from rollcall.provisioning import CSV_TABLES, LOGS, csv_line, json_line

_BYTE_ORDER_MARK = "utf-8-sig"
"""For spreadsheets, some of which take a file without a mark for one of their own code page."""


async def json_file(file: Path, summaries: AsyncIterator[dict[str, Any]]) -> tuple[int, Sequence[Path]]:
    """One JSON object a line, UTF-8 without a byte order mark (RFC 8259 §8.1); how many, and the file."""
    number = 0
    with _whole([file], "utf-8") as (text,):
        async for summary in summaries:
            text.write(json_line(summary))
            number += 1
    return number, [file]


async def csv_files(file: Path, summaries: AsyncIterator[dict[str, Any]]) -> tuple[int, Sequence[Path]]:
    """NAME.csv, NAME-steps.csv and NAME-modified-properties.csv, UTF-8 with a byte order mark; how many, and the files."""
    files = [file if table is LOGS else file.with_name(f"{file.stem}-{table.name}.csv") for table in CSV_TABLES]
    number = 0
    with _whole(files, _BYTE_ORDER_MARK) as texts:
        tables = list(zip(CSV_TABLES, texts, strict=True))
        for table, text in tables:
            text.write(csv_line(table.columns))
        async for summary in summaries:
            for table, text in tables:
                text.writelines(csv_line(row) for row in table.rows(summary))
            number += 1
    return number, files


async def csv_text(summaries: AsyncIterator[dict[str, Any]]) -> None:
    """The records as one CSV table on standard output, for a program to read: without a byte order mark."""
    out = sys.stdout
    out.write(csv_line(LOGS.columns))
    async for summary in summaries:
        out.writelines(csv_line(row) for row in LOGS.rows(summary))
    out.flush()


@contextmanager
def _whole(files: Sequence[Path], encoding: str) -> Iterator[list[TextIO]]:
    """Files to write, which take their names when all is written; none is left when it is not. Raises Invalid."""
    try:
        with ExitStack() as opened:
            yield [opened.enter_context(whole_file(file, encoding, newline="")) for file in files]
    except OSError as error:
        raise Invalid(f"The log can't be written to {files[0]}: {error.strerror or error}.") from None
