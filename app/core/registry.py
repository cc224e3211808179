"""How a component makes itself known: one file, one `@register`, no list to edit."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict

NAME = re.compile(r"^[a-z][a-z0-9_]*$")


class Settings(BaseModel):
    """What a component must be told. Unknown keys are errors, found when saved."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )


class Component:
    """Stateless; one instance serves the whole process."""

    name: ClassVar[str]
    settings: ClassVar[type[Settings]] = Settings


C = TypeVar("C", bound=Component)
D = TypeVar("D", bound=Component)


class RegistryError(Exception):
    """A component is misnamed, registered twice, or asked for and missing."""


class Registry(Generic[C]):
    """Components of one kind, by name. Filled once, at start, by `discover`.

    `package` is the folder of our own; others add theirs by an entry point of `group`
    that names a module, which registers itself in the same way.
    """

    def __init__(self, package: str, group: str) -> None:
        self.package = package
        self.group = group
        self._by_name: dict[str, C] = {}
        self._discovered = False

    def register(self, cls: type[D]) -> type[D]:
        module = cls.__module__.rsplit(".", 1)[-1]
        if cls.name != module or not NAME.match(cls.name):
            raise RegistryError(f"{cls.__qualname__}.name must be {module!r}, as its file is")
        if cls.name in self._by_name:
            raise RegistryError(f"two components of {self.package} are named {cls.name!r}")
        self._by_name[cls.name] = cast(C, cls())
        return cls

    def discover(self) -> "Registry[C]":
        """Import every module of the package and every entry point; each registers itself."""
        if self._discovered:
            return self
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
            if module.name not in self._by_name:
                raise RegistryError(f"{self.package}.{module.name} registers nothing")
        for point in entry_points(group=self.group):
            point.load()
        self._discovered = True
        return self

    def get(self, name: str) -> C | None:
        return self._by_name.get(name)

    def names(self) -> list[str]:
        return sorted(self._by_name)

    def __getitem__(self, name: str) -> C:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self.names()) or "none"
            raise RegistryError(f"no {name!r} in {self.package} (known: {known})") from None

    def __contains__(self, name: Any) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[C]:
        return iter(self._by_name[name] for name in self.names())
