"""Definitions as files: YAML in, with the line of every fault; YAML out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from app.queries.definitions import current_slugs, exported_definitions
from app.queries.lists import list_slugs
from config import named_secret
from surveys.catalog import READERS, Catalog, broken_references, read_catalog
from surveys.definition import Fault, Path

NODES_MAX = 200_000
DEPTH_MAX = 50
NUMBER_MAX = 2**53  # beyond, JSON readers no longer agree


PLAIN = (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
)
"""How YAML 1.2 tells plain values from text: tag, pattern, first characters."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain values: ``on`` and ``no`` are words, 21:00 is text, and dates stay as they are written."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 PyYAML reads it from the class


class _Dumper(yaml.SafeDumper):
    """Quotes whatever our loader, or one of YAML 1.1, would not read as text."""

    yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012


def _read_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A plain or single-quoted text would lose this line break of old mainframes.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


for _tag, _pattern, _first in PLAIN:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _read_int)
_Dumper.add_representer(str, _write_text)


@dataclass(frozen=True)
class LineFault:
    """A fault as the author is told it: ``policy.yaml:12: limits.0.per: must be a duration``."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass
class Loaded:
    """Definitions read from files, with the value of every secret they name, and all that is wrong with them."""

    catalog: Catalog
    secrets: dict[str, list[str | None]]
    faults: list[LineFault]


def load_definitions(files: Mapping[str, str], *, prune: bool = False) -> Loaded:
    """Read YAML texts by file name, and check them against what is in force; with ``prune`` they must stand alone."""
    documents: list[Any] = []
    lines: list[tuple[str, dict[Path, int]]] = []
    broken: list[LineFault] = []
    for name, text in files.items():
        for value, places, fault in _documents(name, text):
            documents.append(value)
            lines.append((name, places))
            broken.extend(fault)
    catalog, faults = read_catalog(documents)
    faults += broken_references(catalog, {"lists": list_slugs(), **({} if prune else current_slugs())})
    secrets, missing = _named_secrets(catalog)
    told = [_at_line(fault, lines) for fault in (*faults, *missing)]
    return Loaded(catalog, secrets, sorted({*broken, *told}, key=lambda f: (f.file, f.line, f.message)))


def _documents(name: str, text: str) -> Iterable[tuple[Any, dict[Path, int], list[LineFault]]]:
    try:
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield None, {}, [LineFault(name, mark.line + 1 if mark else 1, f"not YAML: {error.problem}")]
        return
    except (yaml.YAMLError, RecursionError) as error:
        yield None, {}, [LineFault(name, 1, f"not YAML: {str(error).splitlines()[0]}")]
        return
    for node in nodes:
        reader = _Reader(name)
        yield reader.value(node, ()), reader.lines, reader.faults


class _Reader:
    """Makes values of nodes, and remembers the line of every path."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[LineFault] = []
        self._name = name
        self._construct = _Loader("").construct_object

    def value(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(self.lines) > NODES_MAX or len(path) > DEPTH_MAX:
            self._fault(line, f"the file unfolds to more than {NODES_MAX:,} values, or deeper than {DEPTH_MAX}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            value = self._construct(node)
        except (yaml.YAMLError, ValueError) as error:
            self._fault(node.start_mark.line + 1, f"not a plain value: {str(error).splitlines()[0]}")
            return None
        if isinstance(value, int) and abs(value) > NUMBER_MAX:
            self._fault(node.start_mark.line + 1, "the number is too large")
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self._fault(line, "the name of a field must be plain")
                continue
            if key in found:
                self._fault(line, f"{key} stands here twice")
            self.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _fault(self, line: int, message: str) -> None:
        if not self.faults or self.faults[-1].message != message:
            self.faults.append(LineFault(self._name, line, message))


def _at_line(fault: Fault, documents: list[tuple[str, dict[Path, int]]]) -> LineFault:
    number, *below = fault.path
    name, lines = documents[int(number)]
    path = tuple(below)
    while path and path not in lines:
        path = path[:-1]
    where = ".".join(str(part) for part in below)
    return LineFault(name, lines.get(path, 1), f"{where}: {fault.message}" if where else fault.message)


def _named_secrets(catalog: Catalog) -> tuple[dict[str, list[str | None]], list[Fault]]:
    """The values of the secrets that sources name; None for those to be kept."""
    found: dict[str, list[str | None]] = {}
    faults = []
    for slug, source in catalog.objects["sources"].items():
        found[slug] = []
        for secret in source.secrets:
            value = named_secret(secret.env) if secret.env else None
            if secret.env and value is None:
                place = (*catalog.places["sources", slug], "secret")
                faults.append(Fault(place, f"{secret.env} is not set in the environment"))
            found[slug].append(value)
    return found, faults


def read_yaml(text: str) -> Any:
    """The value of a text of our own, which has no faults."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader, with YAML 1.2's plain values


def write_definitions(bodies: Mapping[str, Any]) -> str:
    """Objects by kind, as the YAML text that would define them."""
    return _write(dict(bodies))


def write_definition(kind: str, body: Mapping[str, Any]) -> str:
    """One object, or the policy, as the YAML text that would define it."""
    return _write({kind: body if kind == "policy" else [body]})


def _write(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def export_definitions() -> dict[str, str]:
    """What is in force, as one YAML text per kind."""
    found = exported_definitions()
    return {kind: _write({kind: found[kind]}) for kind in ("policy", *READERS) if found.get(kind)}
