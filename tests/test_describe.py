"""What `describe` says of rules, and that the model's page and the pages of metrics name all there is."""

import json
import re
from pathlib import Path

from market_abm.behaviour.catalogue import MECHANISMS
from market_abm.describe import describe, without_source
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import SECTIONS, Parameters
from market_abm.rules.catalogue import CHOSEN

MODEL = (Path(__file__).parent.parent / "docs" / "model.md").read_text("utf-8")
BASE = Path(__file__).resolve().parent.parent / "configs" / "base.toml"
NO_RULES = {"rental.cost", "rental.entry", "rental.entrants_expect"}  # they choose a number or a phase's part, no function


def named_in(text):
    return set(re.findall(r"`([a-z_]+)`", text))


def test_every_parameter_that_chooses_a_rule_has_its_table():
    choices = {f"{section}.{name}": told.options for section in SECTIONS
               for name, told in declarations(getattr(Parameters(), section)).items() if told.options}
    assert {key: tuple(table) for key, table in CHOSEN.items()} == {key: names for key, names in choices.items() if key not in NO_RULES}
    assert set(choices) >= NO_RULES


def test_one_rule_of_each_family_is_the_default():
    rows = [row for row in describe("rules") if row["chosen_by"]]
    assert [sum(r["default"] == "yes" for r in rows if r["chosen_by"] == key) for key in CHOSEN] == [1] * len(CHOSEN)


def test_every_rule_says_what_it_does_and_where_it_comes_from():
    for row in describe("rules"):
        assert row["says"].endswith("."), row
        assert len(row["says"]) > 10, row
        assert row["source"], f"{row['name']} names no source in its docstring"


def test_the_model_names_every_rule():
    assert {row["name"] for row in describe("rules")} - set(MECHANISMS) <= named_in(MODEL)


def test_mechanisms_stand_beside_the_rules_with_what_takes_them_out():
    rows = {row["name"]: row for row in describe("rules") if not row["chosen_by"]}
    assert set(MECHANISMS) < set(rows)
    told = {name: (rows[name]["default"], rows[name]["switch"]) for name in ("innovation", "learning", "free_entry", "logit")}
    assert told == {"innovation": ("always", ""), "learning": ("yes", "switches.learning"), "free_entry": ("", "rental.entry"), "logit": ("always", "")}


SOURCES = """
extends = "{base}"

[clouds]
omega = 0.7

[energy]
slots_growth = {{ value = 1.1, source = "a register that was read" }}

[startups]
tax = {{ value = 0.1, low = 0.02, high = 0.3, source = "assumed: between two laws" }}

[cast.makers.amd]
watts_per_chip = {{ value = 250, source = "a data sheet" }}
"""


def test_numbers_without_a_source_are_told_as_a_file_has_them(tmp_path):
    """What is set without a word, or assumed, is told with its value and range; what has a source is not; the rest of the cast is generic."""
    path = tmp_path / "mine.toml"
    path.write_text(SOURCES.format(base=BASE))
    rows = {row["key"]: row for row in without_source(str(path))}
    assert (rows["clouds.omega"]["best"], rows["clouds.omega"]["source"]) == (0.7, f"set in {path}")
    assert (rows["clouds.omega"]["low"], rows["clouds.omega"]["high"]) == (0.4, 0.9)
    tax = rows["startups.tax"]
    assert (tax["low"], tax["best"], tax["high"], tax["source"]) == (0.02, 0.1, 0.3, "assumed: between two laws")
    assert not {"energy.slots_growth", "cast.makers.amd.watts_per_chip", "cast.makers.amd.name"} & rows.keys()
    assert {"cast.makers.amd.openness", "cast.makers.*.openness", "chips.learning_exponent"} <= rows.keys()
    assert "cast.makers.amd.kind" not in rows


def test_every_row_without_a_source_says_so_and_nothing_sourced_is_among_them():
    rows = without_source(str(BASE))
    assert all("assumed" in row["source"] or row["source"].startswith("set in") for row in rows)
    told = {row["key"] for row in rows}
    assert {row["key"] for row in describe("parameters", only_assumed=True) if row["key"].startswith(("chips.", "energy."))} <= told
    assert "customers.shock_quarter" not in told  # a date that is known


def test_the_command_line_tells_the_same(call):
    asked = ("describe", "parameters", "--assumed", "--config", BASE)
    status, out, _ = call(*asked, "--json")
    assert (status, json.loads(out)) == (0, json.loads(json.dumps(without_source(str(BASE)))))
    assert "cast.makers.amd.openness" in call(*asked)[1]


def test_a_file_without_the_option_is_refused(call):
    status, _, err = call("describe", "parameters", "--config", BASE)
    assert status == 2
    assert "--assumed" in err
