"""The documents say what the code is: names, commands, links and versions that stand in them exist."""

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_house import LINES

import market_abm
from market_abm.levers.catalogue import CATALOGUE
from market_abm.metrics.catalogue import catalogue
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import with_levers
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Frame, Parameters
from market_abm.parameters.switches import NEUTRAL
from market_abm.phases.quarter import QUARTER
from market_abm.rules.catalogue import CHOSEN, FIXED
from market_abm.state.tables import TABLES

ROOT = Path(__file__).parent.parent
NOT_OURS = {"results", "build", "dist", "__pycache__"}
TEXTS = {".md", ".py", ".toml", ".cff", ".txt", ".json"}
RUN_COMMAND = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt . "
    "&& .venv/bin/market-abm demo"
)
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[test]' && .venv/bin/pytest -n auto --dist loadfile"


def ours(path):
    """Return whether a file belongs to the project: not to an environment, a cache or a results folder."""
    folders = path.relative_to(ROOT).parts[:-1]
    return not any(part.startswith(".") or part in NOT_OURS or part.endswith(".egg-info") for part in folders)


FILES = sorted(path for path in ROOT.rglob("*") if path.suffix in TEXTS and path.is_file() and ours(path))
FILES += [path for path in (ROOT / ".ci").glob("*") if path.is_file()]
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]


def relative(path):
    return path.relative_to(ROOT).as_posix()


def prose(text):
    """Return a Markdown text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def quoted(text):
    """Return everything that stands in single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


# The model ------------------------------------------------------------------------------------------

MODEL = (ROOT / "docs" / "model.md").read_text("utf-8")


def test_every_phase_has_its_paragraph_in_the_order_of_the_quarter():
    assert re.findall(r"^\*\*`(\w+)`\*\*", MODEL, flags=re.MULTILINE) == [phase.name for phase in QUARTER]


def test_the_schedule_lists_the_phases_of_each_step():
    rows = re.findall(r"^\| (\d+) [^|]*\|([^|]*)\|$", MODEL, flags=re.MULTILINE)
    told = {int(step): re.findall(r"`(\w+)`", phases) for step, phases in rows}
    assert told == {step: [phase.name for phase in QUARTER if phase.step == step] for step in sorted({p.step for p in QUARTER})}


def table_of(first_heading):
    """Return the cells of each row of the one table of the model with this first heading."""
    [block] = re.findall(rf"^\| {first_heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", MODEL, flags=re.MULTILINE)
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in block.splitlines()]


def test_the_model_names_every_switch_and_no_other():
    assert [name for name, _ in table_of("switch")] == [f"`switches.{name}`" for name in NEUTRAL]


def test_the_model_names_every_rule_and_no_other():
    told = {key.strip("`"): re.findall(r"`(\w+)`", rules) for key, rules in table_of("parameter")}
    assert {key: set(rules) for key, rules in told.items()} == {key: set(rules) for key, rules in CHOSEN.items()}
    defaults = {key: getattr(getattr(Parameters(), key.split(".")[0]), key.split(".")[1]) for key in CHOSEN}
    assert {key: rules[0] for key, rules in told.items()} == defaults
    [always] = re.findall(r"^Always in force: ([^.]+)\.", MODEL, flags=re.MULTILINE)
    assert re.findall(r"`(\w+)`", always) == list(FIXED)


def test_the_model_names_every_lever_and_no_other():
    rows = table_of("lever")
    assert [row[0] for row in rows] == [f"`{name}`" for name in CATALOGUE]
    for (_, says, dates, spared, signs), lever in zip(rows, CATALOGUE.values(), strict=True):
        assert signs.split() == list(lever.signs.values()), lever.name
        pace = "once" if lever.once else f"{lever.ramp_quarters:g}"
        ahead = f", announced {lever.announced_quarters:g} before" if lever.announced_quarters else ""
        assert dates == f"{lever.start}, {pace}{ahead}", lever.name
        assert spared == (f"{'yes' if lever.grandfathered else 'no'}: {lever.grandfathers}" if lever.grandfathers else ""), lever.name
        assert set(re.findall(r"`policy\.(\w+)`", says)) == set(lever.arguments), lever.name


def test_the_model_names_every_table_and_columns_that_it_has():
    told = {name.strip("`"): re.findall(r"`(\w+)`", columns) for name, _, _, columns in table_of("table")}
    assert list(told) == [table.name for table in TABLES]
    for table in TABLES:
        assert not set(told[table.name]) - {column.name for column in table.columns}, table.name


def public_functions(*rooms):
    """Return the names of functions that others may call in some folders of the package."""
    package = Path(market_abm.__file__).parent
    trees = (ast.parse(path.read_text("utf-8")) for room in rooms for path in (package / room).glob("*.py"))
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


@functools.cache
def parameter_names():
    """Return {"section.name"} of every declared number, and {"cast.kind.name"} of every figure of the cast."""
    kinds = {"frame": Frame} | {section: type(getattr(Parameters(), section)) for section in SECTIONS}
    kinds |= {f"cast.{kind}": declared for kind, declared in CAST_KINDS.items()}
    return {f"{section}.{name}" for section, kind in kinds.items() for name in declarations(kind)}


@functools.cache
def known_names():
    """Return every name that may stand in backticks without a dot."""
    options = {option for section in SECTIONS for told in declarations(getattr(Parameters(), section)).values() for option in told.options}
    options |= {option for kind in CAST_KINDS.values() for told in declarations(kind).values() for option in told.options}
    names = {phase.name for phase in QUARTER} | {column.name for table in TABLES for column in table.columns}
    return (names | {table.name for table in TABLES} | {metric.name for metric in catalogue(["google"], ["nvidia"])} | set(CATALOGUE) | options
            | public_functions("behaviour", "rules", "phases", "state"))


FILE_NAME = re.compile(r"[\w./-]*\.(py|toml|md|json|parquet|svg|png|txt|cff)")


def wrong_names(text):
    """Return what looks like a name of the code in a text and is none.

    A name is anything in backticks made of lower-case words joined by underscores or dots. With a dot it
    must be a parameter; with underscores alone a phase, column, table, metric, lever, rule or function.
    """
    joined = [name for name in quoted(text) if re.fullmatch(r"[a-z0-9]+(?:[_.][a-z0-9]+)+", name) and not FILE_NAME.fullmatch(name)]
    return [name for name in joined if name not in (parameter_names() if "." in name else known_names())]


def test_names_in_the_model_exist():
    assert not wrong_names(MODEL)


@pytest.mark.parametrize(("text", "wrong"), [
    ("`clouds_order_chips`", ["clouds_order_chips"]), ("`chips.learning_rate`", ["chips.learning_rate"]),
    ("`cast.clouds.fleet`", ["cast.clouds.fleet"]), ("`venture.omega` of `clouds.omega`", ["venture.omega"]),
    ("`chips_are_ordered`, `fleet_pflops`, `hhi_chip_sales`, `nash_logit`, `export_control`, `first_come`", []),
    ("`cast.clouds.fleet_share` and `frame.start` in `phases/quarter.py` and `base.toml`", []),
    ("`market-abm run`, `QUARTER`, `closed`", []), ("```\n`no_such_name`\n```", []),
])
def test_a_wrong_name_is_found(text, wrong):
    assert wrong_names(text) == wrong


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if "decisions" in path.parts or path.name == "glossary.md"], ids=relative)
def test_parameters_named_elsewhere_exist(path):
    sections = "|".join((*SECTIONS, "frame"))
    named = [name for name in quoted(path.read_text("utf-8")) if re.fullmatch(rf"({sections})\.[a-z_]+", name)]
    assert not set(named) - parameter_names()


def test_names_in_the_glossary_exist():
    assert not wrong_names((ROOT / "docs" / "glossary.md").read_text("utf-8"))


@pytest.mark.parametrize("page", ["docs/model.md", "ARCHITECTURE.md"])
def test_files_named_exist(page):
    named = {name for name in quoted((ROOT / page).read_text("utf-8")) if "/" in name and FILE_NAME.fullmatch(name)}
    assert named
    assert not [name for name in named if not (ROOT / name).exists() and not (ROOT / "market_abm" / name).exists()]


# The architecture -----------------------------------------------------------------------------------

ROOMS, IMPORTS = re.findall(r"^```text\n(.*?)^```", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
def test_the_architecture_gives_the_lines_of_imports():
    told = [set(re.split(r", | \| ", re.sub(r" {2,}\(.*", "", line))) for line in IMPORTS.splitlines()]
    assert told == [set(line) for line in LINES]


def test_the_architecture_has_a_place_for_every_module():
    package = Path(market_abm.__file__).parent
    modules = [path for path in package.rglob("*.py") if not path.name.startswith("__")]
    assert not [relative(path) for path in modules if not re.search(rf"\b{path.stem}\b", ROOMS)]


# The README -----------------------------------------------------------------------------------------

README = (ROOT / "README.md").read_text("utf-8")


def test_the_two_commands_each_have_a_block_of_their_own():
    blocks = [block.strip() for block in re.findall(r"^```\w*\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)]
    assert blocks.count(RUN_COMMAND) == 1
    assert blocks.count(TEST_COMMAND) == 1


def test_continuous_integration_finds_the_test_command():
    if shutil.which("awk") is None:
        pytest.skip("there is no awk here")
    [program] = re.findall(r"awk '([^']+)' README\.md", (ROOT / ".ci" / "run").read_text("utf-8"))
    done = subprocess.run(["awk", program, str(ROOT / "README.md")], capture_output=True, text=True, check=True)
    assert done.stdout == TEST_COMMAND + "\n"


def example(word):
    """Return the one TOML block of the README that holds a word."""
    [block] = [block for block in re.findall(r"^```toml\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE) if word in block]
    return block


def test_the_policy_in_the_readme_is_valid(tmp_path):
    (tmp_path / "vouchers.toml").write_text(example("compute_vouchers"), "utf-8")
    standing = market_abm.load(ROOT / "configs" / "base.toml")
    configuration = with_levers(standing, [str(tmp_path / "vouchers.toml")])
    [lever] = configuration.levers[len(standing.levers):]
    assert (lever.name, lever.start, lever.end, configuration.parameters.policy.voucher_usd) == ("compute_vouchers", "2027Q1", "2031Q1", 3e6)


def test_the_scenario_in_the_readme_is_valid(tmp_path):
    scenario = example("slots_growth")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "slow_grid.toml").write_text(scenario, "utf-8")
    configuration = market_abm.load(tmp_path / "slow_grid.toml")
    assert (configuration.parameters.energy.slots_growth, configuration.levers[-1].start) == (1.05, "2026Q1")


def test_the_check_in_the_readme_prints_what_stands_there(tmp_path):
    scenario = example("slots_growth")
    [told] = re.findall(r"^```text\n(slow_grid.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "slow_grid.toml").write_text(scenario, "utf-8")
    paths = {"PYTHONPATH": str(Path(market_abm.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-m", "market_abm", "check", "slow_grid.toml"], cwd=tmp_path, capture_output=True, text=True,
                          check=True, env=os.environ | paths)
    assert [line.rstrip() for line in (done.stderr + done.stdout).splitlines()] == told.splitlines()


def test_the_python_in_the_readme_is_python():
    blocks = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    for block in blocks:
        ast.parse(block)


# All documents --------------------------------------------------------------------------------------


def anchor(heading):
    """Return the anchor that a heading gets on the common hosts."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(path):
    """Return the relative links of a Markdown file that lead nowhere."""
    broken = []
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, fragment = link.partition("#")
        target = path.parent / place if place else path
        page = prose(target.read_text("utf-8")) if target.suffix == ".md" and target.is_file() else ""
        headings = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
        if not target.exists() or (fragment and fragment not in map(anchor, headings)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(path):
    assert not broken_links(path)


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading, here\n[a](page.md) [b](#a-heading-here) [c](none.md) [d](page.md#none) [e](https://example.org)\n")
    assert broken_links(page) == ["none.md", "page.md#none"]


MACHINE_PATH = re.compile(r"(?<![\w.}/-])/(?:work|tmp|home|root|opt|mnt|Users)(?=[/\s\"'`),;:]|$)|\b[A-Z]:\\\\?Users")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_file_names_a_path_of_somebodys_machine(path):
    lines = path.read_text("utf-8").splitlines()
    assert not [f"{relative(path)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if MACHINE_PATH.search(line)]


@pytest.mark.parametrize(("line", "found"), [
    ("see " + "/" + "work/x", True), ('"' + "/" + 'tmp"', True), ("/" + "home/me", True), ("USD/work", False),
    ("results/tmp/x", False), ("https://example.org/home/page", False), ("#!/usr/bin/env bash", False),
])
def test_a_path_of_a_machine_is_found(line, found):
    assert bool(MACHINE_PATH.search(line)) == found


def test_all_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    [cited] = re.findall(r"^version: *\"?([^\"\n]+)\"?$", (ROOT / "CITATION.cff").read_text("utf-8"), flags=re.MULTILINE)
    assert {market_abm.__version__, project, cited} == {market_abm.__version__}
    assert f"## [{project}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_decisions_are_numbered_without_a_gap_and_say_three_things():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{n:04d}" for n in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text("utf-8")
        assert text.startswith(f"# {record.name[:4]} ")
        assert [part for part in ("**Context.**", "**Decision.**", "**Consequence.**") if part not in text] == []
