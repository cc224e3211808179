"""Golden cases of a check: in tests/data/checks/<check>.yaml, or as `CASES`, the same YAML, in its test file."""

import ast
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

HERE = Path(__file__).parent


def cases_of(check: str) -> list[dict[str, Any]]:
    apart = HERE / "data" / "checks" / f"{check}.yaml"
    text = apart.read_text("utf-8") if apart.exists() else _within(check)
    return YAML(typ="safe", pure=True).load(text)


def _within(check: str) -> str:
    test = HERE / "validate" / "checks" / f"test_{check}.py"
    for node in ast.parse(test.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CASES":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{check} has neither tests/data/checks/{check}.yaml nor CASES in {test.name}")
