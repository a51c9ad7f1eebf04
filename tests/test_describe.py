"""What `describe` says of rules, and that the model's page and the pages of metrics name all there is."""

import re
from pathlib import Path

from market_abm.behaviour.catalogue import MECHANISMS
from market_abm.describe import describe
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import SECTIONS, Parameters
from market_abm.rules.catalogue import CHOSEN

MODEL = (Path(__file__).parent.parent / "docs" / "model.md").read_text("utf-8")
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
