"""Configuration files as they are written: TOML, what they extend, and what the command line adds.

Everything read is kept as leaves, {path: Leaf}, with the file it came from: merging two files is then
the union of two dictionaries, and every message can name its file.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Frame, Parameters

TABLES = ("frame", *SECTIONS, "cast", "levers")
NOT_OF_THE_MODEL = ("extends", "oracle")  # where a file comes from, and what it is to be compared with
SET, LEVER = "--set", "--lever"
AGENT_DEPTH = 3  # cast.clouds.KEY


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value as written, and the file it stands in."""

    value: object
    file: str


@dataclass(slots=True)
class Reading:
    """All that was written, where, and what was wrong with it."""

    leaves: dict = field(default_factory=dict)
    files: list = field(default_factory=list)  # furthest parent first
    problems: list = field(default_factory=list)
    lever_count: int = 0

    def complain(self, file, why, remedy="", **where):
        """Note one problem."""
        self.problems.append(Problem(file, why, remedy, **where))

    def add(self, document, file):
        """Add one file; what it says wins over what was read before."""
        self.files.append(file)
        for key, node in document.items():
            if key == "levers":
                self._add_levers(node, file)
            elif key not in NOT_OF_THE_MODEL:
                self._walk((key,), node, file)

    def _walk(self, path, node, file):
        depth = AGENT_DEPTH + 1 if path[0] == "cast" else 2
        if len(path) == depth:
            self.leaves[path] = Leaf(node, file)
        elif self._may_stand(path, node, file):
            if len(path) == AGENT_DEPTH:
                self.leaves.setdefault(path, Leaf(None, file))
            for key, child in node.items():
                self._walk((*path, key), child, file)

    def _may_stand(self, path, node, file):
        """Say whether a table may stand at a path, and complain if it may not."""
        key, known, is_table = ".".join(path), None, isinstance(node, dict)
        if len(path) < AGENT_DEPTH:
            known = TABLES if len(path) == 1 else CAST_KINDS
        where = {"key": key} if is_table else {"key": key, "value": node}
        if known and path[-1] not in known:
            self.complain(file, "is no section of a configuration", home_of(path[-1]) or did_you_mean(path[-1], known), **where)
        elif not is_table:
            self.complain(file, "must be a table", f"write [{key}] above its numbers", **where)
        elif len(path) == AGENT_DEPTH and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", path[-1]):
            self.complain(file, "must be named by letters, digits and _", "rename it; `name` may hold any text", **where)
        else:
            return True
        return False

    def _add_levers(self, entries, file):
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.complain(file, "must be a list of tables", "write [[levers]] above each lever", key="levers", value=entries)
            return
        for entry in entries:
            prefix = f"levers[{self.lever_count}]"
            self.lever_count += 1
            self.leaves[prefix,] = Leaf(None, file)
            self.leaves.update({(prefix, key): Leaf(value, file) for key, value in entry.items()})


def read(path, sets=(), levers=()):
    """Read a configuration with all it extends, then `--set` and `--lever`."""
    reading = Reading()
    for file, document in reversed(_chain(str(path))):
        reading.add(document, file)
    agents = {path for path in reading.leaves if len(path) == AGENT_DEPTH}
    for text in sets:
        _add_set(reading, text, agents)
    for text in levers:
        add_lever(reading, text)
    return reading


def _chain(path):
    """Return [(file, document)] from a file up to its furthest parent."""
    chain, seen = [], []
    while path:
        name = os.path.normpath(path)
        asked_by = f" (extended by {chain[-1][0]})" if chain else ""
        document, place = read_toml(path, name + asked_by), os.path.realpath(path)
        names = [file for file, _ in chain] + [name]
        if place in seen:
            raise BadInput(Problem(names[0], "extends itself: " + " -> ".join(names), "remove one `extends`", key="extends"))
        chain.append((name, document))
        seen.append(place)
        parent = document.get("extends", "")
        if not isinstance(parent, str) or ("extends" in document and not parent):
            raise BadInput(Problem(name, "must be the name of a file", 'write extends = "base.toml"', key="extends", value=parent))
        path = os.path.join(os.path.dirname(path), parent) if parent else ""
    return chain


def read_toml(path, name):
    """Return the document in one TOML file, or say what keeps it from being read."""
    import tomllib

    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except FileNotFoundError:
        problem = Problem(name, "there is no such file", _nearby(path))
    except IsADirectoryError:
        problem = Problem(name, "is a directory", _nearby(os.path.join(path, "base.toml")) or "name a TOML file")
    except UnicodeDecodeError as error:
        problem = Problem(name, f"is not TOML: byte {error.start} is not UTF-8", "save it as UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("at end of document", f"at end of document, line {text.count(chr(10)) + 1}")
        problem = Problem(name, f"is not TOML: {where}", "correct that line")
    except OSError as error:
        problem = Problem(name, f"cannot be read: {error.strerror}", "check the path and its permissions")
    except (ValueError, RecursionError) as error:
        problem = Problem(name, f"cannot be read: {error}", "check the path, and for numbers or nesting beyond reason")
    raise BadInput(problem)


def _nearby(path):
    folder = Path(path).parent
    if not folder.is_dir():
        return f"nor is there a folder {folder}"
    here = [*folder.glob("*.toml"), *folder.glob("configs/*.toml"), *folder.glob("configs/scenarios/*.toml")]
    return did_you_mean(Path(path).name, sorted(str(file.relative_to(folder)) for file in here if file.name != "pyproject.toml"))


def _add_set(reading, text, agents):
    """Add one key=value, its value TOML or else a bare text."""
    import tomllib

    key, equals, written = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals:
        return reading.complain(SET, "must be written key=value", "for example --set clouds.omega=0.9", key=text)
    if path[0] in ("levers", "extends"):
        return reading.complain(SET, "cannot be set", "use --lever" if path[0] == "levers" else "name it in the file", key=key)
    if path[0] == "cast" and len(path) >= AGENT_DEPTH and path[1] in CAST_KINDS and path[:AGENT_DEPTH] not in agents:
        known = [agent[-1] for agent in agents if agent[1] == path[1]]
        return reading.complain(SET, "no such agent in the cast", did_you_mean(path[2], sorted(known)), key=key, value=written)
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        value = written.strip()
    for part in reversed(path):
        value = {part: value}
    return reading.add(value, SET)


def add_lever(reading, text):
    """Add a lever of the catalogue, with its start if written name@2026Q1, or a file of levers."""
    name, at, start = text.partition("@")
    if name in CATALOGUE:
        return reading.add({"levers": [{"name": name, **({"start": start} if at else {})}]}, LEVER)
    if not text.endswith(".toml") and not os.path.isfile(text):
        remedy = did_you_mean(name, CATALOGUE) + " Or name a TOML file"
        return reading.complain(LEVER, "is no lever of the catalogue", remedy, key=text)
    document, file = read_toml(text, os.path.normpath(text)), os.path.normpath(text)
    for key in document.keys() - {"levers"}:
        reading.complain(file, "may not stand in a file of levers", "keep only [[levers]]", key=key)
    if not document.get("levers"):
        reading.complain(file, "holds no lever", 'write [[levers]] and name = "break_up" below it', key="levers")
    return reading.add({"levers": document.get("levers", [])}, file)


def home_of(name):
    """Say where a number belongs that was written outside its section."""
    kinds = {"frame": Frame} | {s: type(getattr(Parameters(), s)) for s in SECTIONS}
    home = next((section for section, kind in kinds.items() if name in declarations(kind)), None)
    return f"did you mean {home}.{name}?" if home else ""
