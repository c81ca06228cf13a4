"""JSON files that commands are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from rollcall.errors import Invalid, NotFound


def read_json(file: Path) -> Any:
    """What a JSON file holds. Raises NotFound for no file, Invalid for no JSON."""
    try:
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise NotFound(f"The file {file} can't be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The file {file} is no JSON: {error}.") from None
