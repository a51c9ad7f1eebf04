"""The command `oracle`: what it prints, what it refuses, and with which status it ends."""

import json
import math

import pytest

from market_abm.delivery import built_in
from market_abm.errors import BadInput
from market_abm.oracles import asking, catalogue
from market_abm.oracles.catalogue import Oracle
from market_abm.oracles.finding import Finding
from market_abm.oracles.power import o20_call_market, o26_leontief
from market_abm.oracles.running import BrokenRun, NotSettled

KEYS = ["name", "quantity", "expected", "simulated", "relative_error", "ok", "tests", "standard_error"]


@pytest.fixture(autouse=True)
def oracles(monkeypatch):
    """Leave two oracles in the catalogue, and return it."""
    two = {"O20": Oracle("O20", "o20_call_market.toml", o20_call_market), "O26": Oracle("O26", "o26_leontief.toml", o26_leontief)}
    monkeypatch.setattr(catalogue, "ORACLES", two)
    return two


def put(oracles, *findings, raising=None):
    """Put an oracle that finds just that in the place of O20."""
    def measure(sheet):
        if raising:
            raise raising
        return list(findings)

    oracles["O20"] = Oracle("O20", "o20_call_market.toml", measure)


def test_json_is_a_list_of_flat_rows_and_nothing_else(call):
    status, out, err = call("oracle", "--json")
    document = json.loads(out)
    assert (status, [list(row) for row in document]) == (0, [KEYS] * 15)
    assert [row["name"] for row in document] == ["O20"] * 4 + ["O26"] * 11
    assert (document[0]["expected"], document[0]["simulated"], document[0]["ok"], document[0]["tests"]) == (4.0, 4.0, True, "rule")  # by hand
    assert [line.split(" tests ")[0] for line in err.splitlines()] == ["O20", "O26"]
    assert "tests the engine: 11 of 11 quantities right in " in err


def test_a_table_has_one_line_a_quantity(call):
    status, out, _ = call("oracle", "O20")
    lines = out.splitlines()
    assert (status, lines[0].split(), len(lines)) == (0, KEYS, 5)
    assert lines[2].split()[:7] == ["O20", "gains", "from", "trade", "(rule,", "USD)", "16"]  # 7 + 5 + 3 + 1


@pytest.mark.parametrize("name", ["o26", "O26", "leontief", "o26_leontief", "o26_leontief.toml"])
def test_an_oracle_is_known_by_number_and_by_file(call, name):
    assert {row["name"] for row in json.loads(call("oracle", name, "--json")[1])} == {"O26"}


def test_knobs_are_turned_and_a_knob_of_one_oracle_needs_no_name(call):
    rows = json.loads(call("oracle", "O26", "--set", "power_mw=10", "--set", "owners=2", "--json")[1])
    assert rows[0]["simulated"] == pytest.approx(10e6 / 468.75)
    both = json.loads(call("oracle", "--set", "power_mw=10.0", "--json")[1])
    assert both[4]["simulated"] == pytest.approx(10e6 / 468.75)
    assert both[0]["simulated"] == 4


def test_a_wrong_quantity_ends_with_one(call, oracles):
    put(oracles, Finding("right", 1.0, 1.0), Finding("wrong", 2.0, 3.0), Finding("missing", 2.0, math.nan), Finding("without end", math.inf, math.inf),
        Finding("within four standard errors", 1.0, 1.3, 0.1))
    status, out, err = call("oracle", "O20", "--json")
    document = json.loads(out)
    assert (status, [row["ok"] for row in document]) == (1, [True, False, False, True, True])
    assert (document[1]["relative_error"], document[2]["simulated"], document[3]["expected"]) == (0.5, None, None)
    assert "3 of 5 quantities right" in err
    assert call("oracle", "O20")[0] == 1


def test_an_oracle_without_an_answer_is_wrong(call, oracles):
    put(oracles)
    assert call("oracle", "O20")[0] == 1
    put(oracles, raising=BrokenRun("case 1 broke `money is conserved`"))
    status, out, _ = call("oracle", "O20", "--json")
    [row] = json.loads(out)
    assert (status, row["ok"]) == (1, False)
    assert "money is conserved" in row["quantity"]
    put(oracles, raising=NotSettled("rent still moves"))
    status, out, _ = call("oracle", "O20", "--json")
    assert (status, "rent still moves" in json.loads(out)[0]["quantity"]) == (1, True)


@pytest.mark.parametrize(("arguments", "said"), [
    (("O99",), ['NAME = "O99"', "is no oracle", "O2"]),
    (("O26", "--set", "powr_mw=1"), ['powr_mw = "1"', "is no knob of oracle O26", "did you mean power_mw?"]),
    (("O26", "--set", "power_mw=99"), ["power_mw = 99", "from 0.1 to 40", "MW", "for example 20.0"]),
    (("O26", "--set", "owners=2.5"), ["owners = 2.5", "a whole number from 1 to 8"]),
    (("O26", "--set", "owners"), ["owners", "must be written key=value"]),
    (("O20", "--set", "values_usd=3"), ["values_usd = 3", "must be a list"]),
    (("--set", "powr_mw=1"), ['powr_mw = "1"', "is no knob of any oracle", "did you mean power_mw?"]),
    (("--set", "owners"), ["owners", "must be written key=value"]),
    (("--set", "zzz=1", "--set", "power_mw=99"), ['zzz = "1"', "is no knob of any oracle"]),
])
def test_bad_input_ends_with_two_and_says_what_to_do(call, arguments, said):
    status, out, err = call("oracle", *arguments)
    assert (status, out) == (2, "")
    assert [part for part in said if part not in err] == []


def test_a_knob_of_several_oracles_needs_a_name(call, oracles):
    oracles["O21"] = Oracle("O21", "o26_leontief.toml", o26_leontief)
    status, _, err = call("oracle", "--set", "owners=3")
    assert (status, "is a knob of O26, O21" in err, "market-abm oracle O26 --set owners=3" in err) == (2, True, True)


def test_nothing_runs_when_a_knob_is_wrong(oracles):
    put(oracles, raising=AssertionError("it ran"))
    with pytest.raises(BadInput):
        asking.planned("O20", ["values_usd=3"], built_in("oracles/textbook.toml").parent)
