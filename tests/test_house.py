"""The architecture, read from the source: who imports whom, and what arithmetic may not be written."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import market_abm

PACKAGE = Path(market_abm.__file__).parent
NAME = PACKAGE.name
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
LONGEST_FILE = 400

# From top to bottom; a room imports only from lines below its own (and freely within its own folder).
# The catalogue of levers is data that imports nothing: it has a line of its own, apart from its room.
LINES = (
    ("__init__", "__main__"),
    ("cli",),
    ("delivery",),
    ("describe", "printing"),
    ("dashboard", "report"),
    ("plots",),
    ("evidence",),
    ("oracles",),
    ("sweeps",),
    ("studies",),
    ("model",),
    ("agents",),
    ("engine",),
    ("opening", "checks", "recording"),
    ("phases",),
    ("behaviour", "levers", "metrics"),
    ("rules",),
    ("state",),
    ("parameters",),
    ("levers/catalogue", "essays"),
    ("randomness",),
    ("exact", "units", "errors"),
)
HEIGHT = {room: -height for height, line in enumerate(LINES) for room in line}
NUMPY_ROOMS = {"engine", "opening", "checks", "phases", "behaviour", "levers", "metrics", "rules", "state",
               "recording", "randomness", "exact", "units"}
ONLY_IN = {  # third parties and the rooms or modules that may import them
    "mesa": {"model", "agents"},
    "pydantic": {"parameters/loading"},
    "pandas": {"studies", "sweeps", "evidence", "plots", "report"},
    "seaborn": {"studies", "plots", "report"},
    "matplotlib": {"studies", "plots", "report"},
    "jinja2": {"report"},
    "scipy": {"studies", "sweeps", "oracles", "evidence"},
    "SALib": {"sweeps"},
    "filelock": {"sweeps/folder"},
    "distributed": {"sweeps/cluster"},
}
STRICT_ROOMS = ("phases", "behaviour", "rules")


# Imports --------------------------------------------------------------------------------------------


def room_of(module):
    """Return the room of a path below the package: `state/world.py` -> `state`."""
    module = module.removesuffix(".py")
    return module if module in HEIGHT else module.partition("/")[0]


def imports_of(source, module):
    """Yield (dotted name, line) of every import of a source text, also inside functions."""
    folder = [NAME, *Path(module).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            dotted = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{dotted}.{alias.name}", node.lineno


def wrong_imports(source, module):
    """Return a message for every import that the house does not allow."""
    room, faults = room_of(module), []
    for name, line in imports_of(source, module):
        first, *rest = name.split(".")
        where = f"{module}:{line}"
        if first == NAME:
            if rest == ["__version__"]:
                continue
            target = room_of("/".join(rest[:2])) if rest else "__init__"
            if target == room or ("/" not in room and target.partition("/")[0] == room):
                continue
            target = target if target in HEIGHT else "__init__"  # what the package fetches when asked
            if HEIGHT[target] >= HEIGHT[room]:
                faults.append(f"{where}: {room} may not import {name}; it imports only from lines below its own")
        elif first not in sys.stdlib_module_names:
            allowed = ONLY_IN.get(first)
            if allowed is not None and not {room, module.removesuffix(".py")} & allowed:
                faults.append(f"{where}: {first} is imported only in {', '.join(sorted(allowed))}")
            elif room.partition("/")[0] in NUMPY_ROOMS and first != "numpy":
                faults.append(f"{where}: {room} imports no third party but numpy, not {first}")
    return faults


def relative(path):
    return path.relative_to(PACKAGE).as_posix()


def test_every_module_has_a_place_in_the_house():
    homeless = [relative(path) for path in MODULES if room_of(relative(path)) not in HEIGHT]
    assert not homeless, f"give these a line in LINES: {homeless}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_downwards(path):
    if room_of(relative(path)) in HEIGHT:
        assert not wrong_imports(path.read_text(), relative(path))


@pytest.mark.parametrize(("module", "source", "fault"), [
    ("rules/a.py", "from market_abm.behaviour import clouds", "rules may not import market_abm.behaviour.clouds"),
    ("rules/a.py", "from market_abm import behaviour", "rules may not import market_abm.behaviour"),
    ("rules/a.py", "from ..phases.quarter import QUARTER", "rules may not import market_abm.phases.quarter.QUARTER"),
    ("rules/a.py", "def f():\n    import market_abm.phases", "rules/a.py:2"),
    ("behaviour/a.py", "from market_abm.levers import in_force", "behaviour may not import"),
    ("metrics/a.py", "from market_abm.behaviour import clouds", "metrics may not import"),
    ("opening.py", "from market_abm.checks import check", "opening may not import"),
    ("exact.py", "from market_abm.units import HOURS_PER_YEAR", "exact may not import"),
    ("parameters/a.py", "from market_abm.levers.in_force import rules_in_force", "parameters may not import"),
    ("levers/catalogue.py", "from market_abm.parameters.schema import Parameters", "levers/catalogue may not import"),
    ("levers/catalogue.py", "from .in_force import rules_in_force", "levers/catalogue may not import"),
    ("levers/catalogue.py", "import pandas", "pandas is imported only"),
    ("levers/catalogue.py", "import networkx", "imports no third party but numpy, not networkx"),
    ("state/a.py", "import market_abm", "state may not import"),
    ("state/a.py", "from market_abm import load", "state may not import"),
    ("phases/a.py", "import pandas as pd", "pandas is imported only in evidence, plots, report, studies"),
    ("engine.py", "import mesa", "mesa is imported only in agents, model"),
    ("parameters/schema.py", "from pydantic import BaseModel", "pydantic is imported only in parameters/loading"),
    ("dashboard/app.py", "import matplotlib.pyplot as plt", "matplotlib is imported only"),
    ("rules/a.py", "from scipy.stats import norm", "scipy is imported only in evidence, oracles, studies"),
])
def test_a_wrong_import_is_found(module, source, fault):
    [found] = wrong_imports(source, module)
    assert fault in found


@pytest.mark.parametrize(("module", "source"), [
    ("rules/a.py", "import math\nimport numpy as np\nfrom market_abm.exact import total\nfrom market_abm.rules.choice import logit"),
    ("phases/a.py", "from . import b\nfrom .b import c\nfrom ..exact import total\nfrom market_abm.behaviour import clouds"),
    ("engine.py", "from market_abm import phases, __version__\nfrom market_abm.levers.in_force import rules_in_force"),
    ("parameters/loading.py", "from market_abm.levers.catalogue import CATALOGUE\nfrom market_abm.levers import catalogue"),
    ("levers/in_force.py", "from market_abm.levers.catalogue import CATALOGUE\nfrom market_abm.parameters.schema import SECTIONS"),
    ("studies/store.py", "from market_abm import __version__"),
    ("parameters/loading.py", "import tomllib\nfrom pydantic import BaseModel"),
    ("studies/run.py", "import pandas, typer\nfrom market_abm.engine import Engine"),
    ("model.py", "import mesa\nfrom market_abm.agents import CloudProvider"),
])
def test_a_right_import_is_left_alone(module, source):
    assert wrong_imports(source, module) == []


# Forbidden arithmetic -------------------------------------------------------------------------------

SUMS = {"sum", "nansum", "mean", "nanmean", "average", "prod", "var", "std"}
PRODUCTS = {"matmul", "dot", "vdot", "inner", "tensordot", "einsum", "vecdot"}
INEXACT = {"exp", "log", "power", "float_power", "exp2", "expm1", "log2", "log10", "log1p", "cbrt",
           "sinh", "cosh", "tanh", "sin", "cos", "tan", "logaddexp"}
TURNED = {"T", "mT"}


class Forbidden(ast.NodeVisitor):
    """Collect what may not stand in rules, behaviour and phases, and say what to write instead."""

    def __init__(self, module):
        self.module, self.found = module, []

    def fault(self, node, what, instead):
        self.found.append(f"{self.module}:{node.lineno}: {what}; {instead}")

    def visit_Call(self, node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        method = isinstance(node.func, ast.Attribute)
        if method and name in SUMS:
            self.fault(node, f"{name}() adds in an order that depends on slots and layout", "use total, weighted or stacked")
        if name in PRODUCTS:
            self.fault(node, f"{name}() adds in an order that depends on the batch", "use total(x * y)")
        if method and name == "at":
            self.fault(node, "ufunc.at writes through read-only columns", "use add_up")
        if name == "transpose":
            self.fault(node, "transpose() turns the layout", "use leading or trailing")
        for keyword in node.keywords:
            if keyword.arg == "order":
                self.fault(node, "order= sets a layout", "keep C order; pass an order of rows by place")
            if keyword.arg == "where":
                self.fault(node, "where= is slow and leaves gaps", "multiply by a mask, or use ratio")
        self.generic_visit(node)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            if node.attr in INEXACT:
                self.fault(node, f"np.{node.attr} differs between processors", "use exp, log and power of market_abm.exact")
            if node.attr == "random":
                self.fault(node, "np.random depends on the order of calls", "use the quarter's draws")
        if node.attr in TURNED:
            self.fault(node, f".{node.attr} turns the layout", "use leading or trailing")
        self.generic_visit(node)

    def visit_ImportFrom(self, node):
        for alias in node.names:
            if (node.module or "").split(".")[0] == "numpy":
                self.fault(node, f"{alias.name} of numpy hides behind a bare name", "import numpy as np")

    def visit_BinOp(self, node):
        constants = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        self._operator(node, constants)

    def visit_AugAssign(self, node):
        self._operator(node, False)

    def _operator(self, node, constants):
        if isinstance(node.op, ast.MatMult):
            self.fault(node, "@ adds in an order that depends on the batch", "use total(x * y)")
        if isinstance(node.op, ast.Pow) and not constants:
            self.fault(node, "** rounds differently alone and in a batch", "use power, or a product")
        self.generic_visit(node)

    def visit_Subscript(self, node):
        index = node.slice
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        open_before = any(isinstance(p, ast.Slice) or (isinstance(p, ast.Constant) and p.value is ...) for p in parts[:-1])
        if open_before and not _keeps_layout(parts[-1]):
            self.fault(node, "indexing the row axis by anything but a slice turns the layout",
                       "use np.take(x, rows, axis=-1), a slice, look_up, or multiply by a mask")
        if len(parts) == 1 and _is_mask(index):
            self.fault(node, "indexing by a mask throws runs and rows together", "multiply by the mask, or use np.where")
        self.generic_visit(node)

    def visit_While(self, node):
        self.fault(node, "while lets one run decide how long the others go on", "use a fixed number of rounds")
        self.generic_visit(node)


def _keeps_layout(part):
    return isinstance(part, ast.Slice | ast.Constant)


def _is_mask(index):
    return isinstance(index, ast.Compare) or (
        isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert)) or (
        isinstance(index, ast.BinOp) and isinstance(index.op, ast.BitAnd | ast.BitOr))


def forbidden_in(source, module="snippet"):
    visitor = Forbidden(module)
    visitor.visit(ast.parse(source))
    return visitor.found


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(relative(p)) in STRICT_ROOMS], ids=relative)
def test_rules_behaviour_and_phases_use_the_exact_arithmetic(path):
    found = forbidden_in(path.read_text(), relative(path))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("snippet", "fault"), [
    ("x.sum(axis=-1)", "sum() adds"), ("np.sum(x)", "sum() adds"), ("x.mean()", "mean() adds"), ("np.prod(x)", "prod() adds"),
    ("a @ b", "@ adds"), ("a @= b", "@ adds"), ("np.matmul(a, b)", "matmul() adds"), ("a.dot(b)", "dot() adds"),
    ("np.tensordot(a, b)", "tensordot() adds"), ("np.einsum('rn,rn->r', a, b)", "einsum() adds"),
    ("x ** p", "** rounds"), ("x ** 2", "** rounds"), ("x **= p", "** rounds"), ("np.power(x, p)", "np.power differs"),
    ("x.T", ".T turns"), ("x.transpose()", "transpose() turns"), ("np.transpose(x)", "transpose() turns"),
    ("np.zeros(3, order='F')", "order= sets"), ("np.multiply(a, b, where=mask)", "where= is slow"),
    ("np.exp(x)", "np.exp differs"), ("np.log(x)", "np.log differs"), ("numpy.log1p(x)", "np.log1p differs"),
    ("f = np.tanh", "np.tanh differs"), ("from numpy import exp", "exp of numpy hides"),
    ("np.random.default_rng(1)", "np.random depends"), ("np.add.at(x, i, 1.0)", "ufunc.at writes"),
    ("x[:, mask]", "indexing the row axis"), ("x[:, rows] = 1.0", "indexing the row axis"), ("x[..., mask]", "indexing the row axis"),
    ("x[:, :, a > 0]", "indexing the row axis"), ("x[:, i]", "indexing the row axis"), ("x[:, [1, 2]]", "indexing the row axis"),
    ("x[alive > 0]", "indexing by a mask"), ("x[~dead]", "indexing by a mask"), ("x[a & b] = 0", "indexing by a mask"),
    ("while x.any():\n    pass", "while lets"),
])
def test_each_forbidden_thing_is_found(snippet, fault):
    found = forbidden_in(f"import numpy as np\n\n\ndef f(x, p):\n    {snippet.replace(chr(10), chr(10) + '    ')}\n", "rules/a.py")
    [message] = found
    assert message.startswith("rules/a.py:5: ")
    assert fault in message
    assert "; " in message, "say what to write instead"


@pytest.mark.parametrize("snippet", [
    "orders * np.fmin(1, capacity / total(orders))", "np.where(a > 0, b, c)", "exp(x) + log(x) + power(x, p)",
    "np.take(x, rows, axis=-1)", "x[:, 1:2]", "x[:, 0]", "x[..., None]", "x[..., i, :, :]", "table[k]", "shares[:, p : p + 1]",
    "RULES['name']", "10**6", "max(1, 2)", "f(**options)", "layers[quarter % 4]", "x[:, None]", "np.take_along_axis(x, o, axis=-1)",
])
def test_what_is_allowed_is_left_alone(snippet):
    assert forbidden_in(snippet) == []


# Files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_is_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


UNFINISHED = ("TO" "DO", "FIX" "ME", "XX" "X", "Not" "ImplementedError")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_is_left_unfinished(path):
    lines = [f"{relative(path)}:{n}: {line.strip()}" for n, line in enumerate(path.read_text().splitlines(), 1)
             if any(mark in line for mark in UNFINISHED)]
    assert not lines, lines


def heavy_modules_after(statement):
    script = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split()) & {"pandas", "pydantic", "mesa", "matplotlib", "seaborn", "typer", "scipy", "pyarrow"}


def test_importing_the_package_or_the_engine_stays_cheap():
    assert not heavy_modules_after("import market_abm")
    if not (PACKAGE / "engine.py").exists():
        pytest.skip("there is no engine yet")
    assert not heavy_modules_after("import market_abm.engine")


def test_the_codes_of_owners_and_makers_follow_the_kinds_that_a_file_may_name():
    from market_abm.parameters.cast import CLOUD_KINDS, MAKER_KINDS
    from market_abm.state import tables

    assert [getattr(tables, kind.upper()) for kind in CLOUD_KINDS] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [getattr(tables, kind.upper()) for kind in MAKER_KINDS] == [1.0, 2.0]
