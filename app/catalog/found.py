"""What was found in some files: their objects, and every problem with them."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from app.catalog.documents import Catalogue
from app.catalog.kinds import Kinds
from app.catalog.problems import Problem
from app.catalog.sealing import Sealer
from app.catalog.tree import Node, Text, index_of
from app.catalog.words import Fault, faults, joined, path_text


class Item(Struct, kw_only=True):
    """One object of a file. `doc` is None while it has faults of its own."""

    kind: str
    text: Text
    node: Node
    path: str
    owner: "Item | None" = None
    doc: Any = None
    settings: dict[str, Any] = {}  # path within the object → settings of the component there

    @property
    def id(self) -> str:
        node = self.node.items.get("id")
        return node.value if node is not None and isinstance(node.value, str) else ""


class Reading:
    """The objects of some files and what is wrong with them; `references` adds its part."""

    def __init__(self, kinds: Kinds, current: Catalogue, sealer: Sealer | None) -> None:
        self.kinds, self.current, self.sealer = kinds, current, sealer
        self.items: list[Item] = []
        self.problems: list[Problem] = []

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    def tell(self, item: Item, fault: Fault) -> None:
        self.problems.append(problem_of(item.text, fault))

    def validated(
        self,
        item: Item,
        model: type[BaseModel],
        value: Any,
        node: Node,
        path: str,
        also: Iterable[str] = (),
    ) -> Any:
        """The value as its model has it; None when it has faults, which are told."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for fault in faults(error, node, path, model, also=also):
                self.tell(item, fault)
            return None

    def say(
        self,
        item: Item,
        path: Sequence[str | int],
        message: str,
        hint: str = "",
        *,
        key: str = "",
        **part: Any,
    ) -> None:
        """A fault at `path` in the object, or at the nearest place above it that the file has."""
        node = item.node.at(path)
        where = joined(item.path, path_text([*path, key] if key else path))
        fault = Fault(node=node, path=where, message=message, hint=hint, key=key, on_key=bool(key), **part)
        self.tell(item, fault)


def problem_of(text: Text, fault: Fault) -> Problem:
    node = fault.node
    if fault.on_key and fault.key in node.keys:
        key = node.keys[fault.key]
        start, end = key.start, key.end
    elif fault.offset is not None and node.kind == "text" and node.end > node.start:
        start = index_of(text, node, fault.offset)
        end = start + fault.width
    else:
        start, end = node.start, node.end if node.kind == "text" else node.start + 1
    return text.problem(start, end, fault.message, path=fault.path, hint=fault.hint)
