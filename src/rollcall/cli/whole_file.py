"""Writes files that hold personal data: there as a whole or not at all, and for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TextIO

_FOR_ITS_OWNER = 0o600


@contextmanager
def whole_file(path: Path, encoding: str = "utf-8", newline: str | None = None) -> Iterator[TextIO]:
    """A text file that takes its name, in the place of one that had it, when all of it is on disk. Raises OSError.

    Until then it has a name beside it that nobody can foresee, and is no link to somewhere else. A link of that name is
    replaced, not followed.
    """
    part = path.with_name(f".{path.name[:100]}.{token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(part, flags, _FOR_ITS_OWNER)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _keep_name(path.parent)


def _keep_name(folder: Path) -> None:
    """Have the new name survive a loss of power, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
