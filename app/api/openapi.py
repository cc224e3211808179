"""Prints the OpenAPI document that is checked in as openapi/openapi.json."""

import json
from typing import Any

from app.api.app import build_api


def document() -> dict[str, Any]:
    """The document of this code, without a running process."""

    def no_parts() -> Any:
        raise RuntimeError("the document needs no process")

    described: dict[str, Any] = build_api(no_parts).openapi()
    return described


def main() -> None:
    print(json.dumps(document(), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
