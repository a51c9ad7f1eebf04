"""Whatever is wrong with a configuration, one message says where, what, the bound and the remedy."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from files import SMALL, write_small

import market_abm
from market_abm.errors import BadInput
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import changes
from market_abm.parameters.quantities import converted, same_but_unit
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Configuration, DatedLever, Frame, Parameters

TABLES = {"frame": Frame} | {section: type(getattr(Parameters(), section)) for section in SECTIONS}
ABSENT = {f"cast.{kind}.absent": declared for kind, declared in CAST_KINDS.items()}
DECLARED = [(table, name, told) for table, kind in (TABLES | ABSENT).items() for name, told in declarations(kind).items()]


TOGETHER = {  # what has no meaning without something else beside it
    ("cast.makers.absent", "kind"): 'parent = "east"\n', ("cast.makers.absent", "parent"): 'kind = "in_house"\n',
    ("cast.clouds.absent", "holding"): 'holds = "east"\n', ("rental", "entry"): 'pricing = "cournot"\n',
    ("rental", "entrants_expect"): 'pricing = "cournot"\n', ("rental", "quality_cost"): 'pricing = "cournot"\ndemand = "quality"\n',
}


def other_than_best(told, name=""):
    """Return a valid value that is not the default."""
    if name in ("parent", "holds"):
        return "east"
    if told.options:
        return told.options[-1]
    if told.low is None:
        return "2020Q2" if told.unit == "quarter" else "some text"
    return told.low if told.low != told.best else told.high


def as_toml(value):
    return f'"{value}"' if isinstance(value, str) else repr(value)


def value_at(configuration, table, name):
    if table in ("frame", *SECTIONS):
        return getattr(getattr(configuration, table, None) or getattr(configuration.parameters, table), name)
    return getattr(getattr(configuration.cast, table.split(".")[1])[-1], name)


def load_with(folder, more="", **options):
    return market_abm.load(write_small(folder, more), **options)


def refusal(folder, more="", **options):
    """Return the lines of the one refusal that a file gives."""
    with pytest.raises(BadInput) as caught:
        load_with(folder, more, **options)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(("table", "name", "told"), DECLARED, ids=lambda x: x if isinstance(x, str) else "")
def test_every_declared_key_can_be_set_and_keeps_its_source(tmp_path, table, name, told):
    value, absent = other_than_best(told, name), "present = 0\n" if table in ABSENT and name != "present" else ""
    absent += TOGETHER.get((table, name), "")
    configuration = load_with(tmp_path, f"[{table}]\n{absent}{name} = {{ value = {as_toml(value)}, source = 'a book' }}\n")
    assert value_at(configuration, table, name) == value
    assert configuration.sources[f"{table}.{name}"] == "a book"


@pytest.mark.parametrize(("table", "name", "told"), [d for d in DECLARED if d[2].low is not None], ids=lambda x: x if isinstance(x, str) else "")
def test_every_number_can_carry_its_unit(tmp_path, table, name, told):
    value, absent = other_than_best(told), "present = 0\n" if table in ABSENT and name != "present" else ""
    absent += TOGETHER.get((table, name), "")
    configuration = load_with(tmp_path, f'[{table}]\n{absent}{name} = "{value!r} {told.unit}"\n')
    assert value_at(configuration, table, name) == value


@pytest.mark.parametrize(("table", "name", "told"), [d for d in DECLARED if d[2].low is not None], ids=lambda x: x if isinstance(x, str) else "")
def test_every_number_is_refused_below_its_bound(tmp_path, table, name, told):
    value = told.at_least - 1
    (line,) = refusal(tmp_path, f"[{table}]\n{name} = {value!r}\n")
    assert line.startswith(f"{tmp_path}/small.toml: {table}.{name} = {value}: must be a ")
    assert f"(unit: {told.unit}); raise it to {told.at_least:.16g} or more" in line


def test_what_is_not_said_keeps_the_schema_s_defaults(tmp_path):
    configuration = load_with(tmp_path)
    assert configuration.parameters == replace(Parameters(), startups=replace(Parameters().startups, opening=20))
    assert configuration.frame == replace(Frame(), quarters=4, runs=2, startup_slots=128)
    assert changes(configuration) == [
        {"key": "frame.quarters", "value": 4, "default": 72, "unit": "quarters"},
        {"key": "frame.runs", "value": 2, "default": 32, "unit": "count"},
        {"key": "frame.startup_slots", "value": 128, "default": 512, "unit": "count"},
        {"key": "startups.opening", "value": 20, "default": 300, "unit": "count"},
    ]
    assert changes(Configuration()) == []


def test_a_child_wins_and_rows_keep_the_order_of_the_parents(tmp_path):
    (tmp_path / "middle.toml").write_text('extends = "base.toml"\n[clouds]\nomega = 0.7\ntax = 0.2\n[[levers]]\nname = "data_act"\n')
    path = write_small(tmp_path)
    path.write_text('extends = "middle.toml"\n[clouds]\nomega = 0.8\n[cast.clouds.south]\nfleet_share = 0.1\n'
                    '[cast.clouds.east]\nfleet_share = 0.5\n[[levers]]\nname = "export_control"\nstart = "2022Q4"\nend = "2026Q1"\nstrength = 0.5\n')
    configuration = market_abm.load(path)
    assert (configuration.parameters.clouds.omega, configuration.parameters.clouds.tax) == (0.8, 0.2)
    assert [cloud.name for cloud in configuration.cast.clouds] == ["east", "west", "later", "south"]
    assert [cloud.fleet_share for cloud in configuration.cast.clouds] == [0.5, 0.4, 0.0, 0.1]
    data_act = DatedLever("data_act", "2025Q3", ramp_quarters=7)  # as the catalogue has it
    assert configuration.levers == (data_act, DatedLever("export_control", "2022Q4", "2026Q1", 0.5, ramp_quarters=5))
    assert configuration.sources["clouds.omega"] == f"set in {path}"
    assert configuration.sources["clouds.tax"] == f"set in {tmp_path}/middle.toml"


def test_sets_and_levers_of_the_command_line_have_the_last_word(tmp_path):
    (tmp_path / "policy.toml").write_text('[[levers]]\nname = "data_act"\nramp_quarters = 4\n')
    configuration = load_with(
        tmp_path, "[clouds]\nomega = 0.7\n",
        sets=["clouds.omega=0.9", "energy.slots_mw=310 MW/quarter", "frame.start=2019Q1", "cast.clouds.west.lab_share=0.25"],
        levers=["data_act", "export_control@2022Q4", str(tmp_path / "policy.toml")])
    assert (configuration.parameters.clouds.omega, configuration.parameters.energy.slots_mw) == (0.9, 310.0)
    assert (configuration.frame.start, configuration.cast.clouds[1].lab_share) == ("2019Q1", 0.25)
    assert configuration.levers == (DatedLever("data_act", "2025Q3", ramp_quarters=7), DatedLever("export_control", "2022Q4", ramp_quarters=5),
                                    DatedLever("data_act", "2025Q3", ramp_quarters=4.0))
    assert configuration.sources["clouds.omega"] == "set by --set"


def test_a_value_outside_its_plausible_range_is_no_error(tmp_path):
    assert load_with(tmp_path, "[clouds]\nomega = 1.9\n").parameters.clouds.omega == 1.9


@pytest.mark.parametrize(("more", "said"), [
    ("[clouds]\nomega = 3\n", "clouds.omega = 3: must be a number between 0 and 2 (unit: share); lower it to 2 or less"),
    ("[clouds]\nomega = -0.1\n", "clouds.omega = -0.1: must be a number between 0 and 2 (unit: share); raise it to 0 or more"),
    ("[clouds]\nomega = true\n", "clouds.omega = true: must be a number between 0 and 2 (unit: share); write a number without quotes"),
    ("[clouds]\nomega = nan\n", "clouds.omega = nan: must be a number between 0 and 2 (unit: share); nan, inf"),
    ("[clouds]\nomega = inf\n", "clouds.omega = inf: must be a number between 0 and 2 (unit: share); nan, inf"),
    ("[clouds]\nomega = [0.5]\n", "clouds.omega = [0.5]: must be a number between 0 and 2 (unit: share)"),
    ("[clouds]\nomega = 1" + "0" * 400 + "\n", "must be a number between 0 and 2 (unit: share); nan, inf"),
    ('[clouds]\nomega = "0.5"\n', 'clouds.omega = "0.5": a number in quotes needs its unit, share; write 0.5 without quotes, or "0.5 share"'),
    ("[clouds]\nomgea = 0.5\n", "clouds.omgea = 0.5: is no key of this section; did you mean omega?"),
    ("[chips]\nomega = 0.5\n", "chips.omega = 0.5: is no key of this section; did you mean clouds.omega?"),
    ("[chips]\nlife_quarters = 4.5\n", "chips.life_quarters = 4.5: must be a whole number between 5 and 40 (unit: quarters); write 5"),
    ('[chips]\npricing = "nash"\n', 'chips.pricing = "nash": must be one of nash_logit, cost_based'),
    ('[chips]\nallocation = "lotery"\n', "must be one of proportional, equal_awards, relationship, lottery, contracts_first, auction, capped, raffle; did you mean lottery?"),
    ("[cast.regions.north]\nother_load_gw = 300\n",
     "cast.regions.north.other_load_gw = 300: is no key of this section; the unit here is MW; did you mean other_load_mw?"),
    ('[energy]\nslots_mw = "0.3 GW/quarter"\n',
     'energy.slots_mw = "0.3 GW/quarter": is in GW/quarter, but the unit wanted is MW/quarter; write "300 MW/quarter"'),
    ('[energy]\nslots_mw = "100 MW/year"\n', "is in MW/year, but the unit wanted is MW/quarter; convert it to MW/quarter"),
    ('[energy]\nslots_mw = "many"\n', 'energy.slots_mw = "many": must be a number between 0 and 1000000 (unit: MW/quarter); write a number'),
    ('[frame]\nstart = "2018-Q1"\n', 'frame.start = "2018-Q1": must be a quarter written like 2026Q1; did you mean "2018Q1"?'),
    ("[frame]\nstart = 2018\n", "frame.start = 2018: must be a quarter written like 2026Q1"),
    ("[frame]\ntitle = 3\n", 'frame.title = 3: must be a text; write it in quotes: "3"'),
    ("[frame]\nstart = 2018-01-01\n", "frame.start = 2018-01-01: must be a quarter written like 2026Q1"),
    ("[frme]\nruns = 3\n", "frme: is no section of a configuration; did you mean frame?"),
    ("[cast.cloud.x]\n", "cast.cloud: is no section of a configuration; did you mean clouds?"),
    ("[cast.clouds.'a b']\n", "cast.clouds.a b: must be named by letters, digits and _"),
    ("[cast]\nclouds = 3\n", "cast.clouds = 3: must be a table; write [cast.clouds] above its numbers"),
    ("[clouds]\nomega = { low = 0.1 }\n", "has no value; write { value = ..., source = ... }"),
    ("[clouds]\nomega = { value = 0.5, hihg = 1 }\n", "hihg may not stand beside value; did you mean high?"),
    ("[clouds]\nomega = { value = 0.5, low = 0.7, high = 0.6 }\n", "low must not exceed high (unit: share)"),
    ("[clouds]\nomega = { value = 0.5, low = 'x' }\n", "low must be a number between 0 and 2 (unit: share)"),
    ("[clouds]\nomega = { value = 0.5, source = 3 }\n", "source must be a text"),
    ("[levers]\nname = 'data_act'\n", "must be a list of tables; write [[levers]] above each lever"),
    ("[[levers]]\nname = 'data_akt'\n", 'levers[0].name = "data_akt": must be a lever of the catalogue; did you mean data_act?'),
    ("[[levers]]\nstart = '2026Q1'\n", 'levers[0].name = "": must be a lever of the catalogue'),
    ("[[levers]]\nname = 'data_act'\nstrenght = 1\n", "levers[0].strenght = 1: is no key of this lever; did you mean strength?"),
    ("[[levers]]\nname = 'data_act'\nstrength = 1.5\n", "levers[0].strength = 1.5: must be a number between 0 and 1 (unit: 0 to 1); lower it to 1 or less"),
    ("[[levers]]\nname = 'data_act'\nstart = 'soon'\n", 'levers[0].start = "soon": must be a quarter written like 2026Q1; write for example'),
    ("[[levers]]\nname = 'data_act'\nend = '2025Q2'\n", 'levers[0].end = "2025Q2": must come after start = 2025Q3'),
    ("[chips]\ngain_low = 0.3\n", "chips.gain_low = 0.3: must not exceed chips.gain_high = 0.22"),
    ("[clouds]\ngate_low = 1\ngate_high = 1\n[chips]\nmargin_floor = 0.8\n", "chips.margin_floor = 0.8: must not exceed chips.margin_cap = 0.66"),
    ("[startups]\nopening = 128\nbystanders = 1\n",
     "startups.opening + startups.bystanders = 129: must not exceed frame.startup_slots = 128 (unit: count); raise frame.startup_slots to 129 or more"),
    ("[cast.clouds.west]\nfleet_share = 0.3\n",
     "sum of cast.clouds.*.fleet_share = 0.9: must sum to 1 within 1e-06 over rows with present = 1 (unit: share); add +0.1 in all"),
    ("[cast.clouds.twin]\nname = 'West'\n", 'cast.clouds.twin.name = "West": must differ from the name of cast.clouds.west in letters and digits'),
    ("[cast.clouds.twin]\nname = ''\n", 'cast.clouds.twin.name = "": must not be empty'),
    ("[cast.makers.beta]\nparent = 'east'\n", 'cast.makers.beta.parent = "east": must be empty for a merchant; set kind = "in_house", or leave `parent` out'),
    ("[cast.makers.own]\nkind = 'in_house'\npresent = 0\n",
     'cast.makers.own.parent = "": must be the key of a hyperscaler of the cast; known are east, west, later'),
    ("[cast.makers.own]\nkind = 'in_house'\nparent = 'wets'\npresent = 0\n",
     'cast.makers.own.parent = "wets": must be the key of a hyperscaler of the cast; did you mean west?'),
    ("[cast.makers.own]\nkind = 'in_house'\nparent = 'later'\n",
     "cast.makers.own.present = 1: must be 0 while its parent cast.clouds.later is not there at the start; set present = 0"),
    ("[cast.makers.own]\nkind = 'in_house'\nparent = 'west'\n[cast.makers.twin]\nkind = 'in_house'\nparent = 'west'\n",
     'cast.makers.twin.parent = "west": is already the parent of cast.makers.own; give it another parent'),
    ("[cast.makers.beta]\npresent = 0\n", "sum of cast.makers.*.fleet_share = 0.7: must sum to 1"),
    ("[cast.regions.north]\npresent = 0\n", "cast.regions = 0: at least 1 must be present; add [cast.regions.KEY] or set present = 1"),
])
def test_a_wrong_value_gives_one_line_that_says_how_to_right_it(tmp_path, more, said):
    (line,) = refusal(tmp_path, more)
    assert said in line
    file = "base.toml" if "at least 1" in said else "small.toml"
    assert line.startswith(f"{tmp_path}/{file}: ")


@pytest.mark.parametrize(("options", "said"), [
    ({"sets": ["clouds.omega"]}, "--set: clouds.omega: must be written key=value"),
    ({"sets": ["clouds.omega=3"]}, "--set: clouds.omega = 3: must be a number between 0 and 2 (unit: share); lower it to 2 or less"),
    ({"sets": ["clouds.omgea=1"]}, "--set: clouds.omgea = 1: is no key of this section; did you mean omega?"),
    ({"sets": ["omega=1"]}, "--set: omega = 1: is no section of a configuration; did you mean clouds.omega?"),
    ({"sets": ["clouds=1"]}, "--set: clouds = 1: must be a table"),
    ({"sets": ["cast.clouds.wets.fleet_share=1"]}, '--set: cast.clouds.wets.fleet_share = "1": no such agent in the cast; did you mean west?'),
    ({"sets": ["cast.clouds.west.fleet_share=0.5"]}, "--set: sum of cast.clouds.*.fleet_share = 1.1: must sum to 1"),
    ({"sets": ["levers.x=1"]}, "--set: levers.x: cannot be set; use --lever"),
    ({"sets": ["frame.start=soon"]}, '--set: frame.start = "soon": must be a quarter written like 2026Q1'),
    ({"levers": ["data_akt"]}, "--lever: data_akt: is no lever of the catalogue; did you mean data_act?"),
    ({"levers": ["data_act@soon"]}, '--lever: levers[0].start = "soon": must be a quarter written like 2026Q1'),
    ({"levers": ["absent/policy.toml"]}, "absent/policy.toml: there is no such file"),
    ({"levers": ["{folder}/base.toml"]}, "base.toml: cast: may not stand in a file of levers; keep only [[levers]]"),
])
def test_what_the_command_line_adds_is_checked_like_a_file(tmp_path, options, said):
    options = {key: [text.format(folder=tmp_path) for text in texts] for key, texts in options.items()}
    assert any(said in line for line in refusal(tmp_path, **options))


def test_everything_wrong_is_said_at_once(tmp_path):
    lines = refusal(tmp_path, "[clouds]\nomega = 3\n[chips]\nlife_quarters = 4.5\nomega = 1\n[frme]\n", sets=["energy.queue=2"])
    assert len(lines) == 5


@pytest.mark.parametrize(("content", "said"), [
    ("[clouds]\nomega = \n", "is not TOML: Invalid value (at line 2, column 9)"),
    ("[clouds\n", "is not TOML"),
    ('title = "', "line 1"),
    ("a = " + "[" * 5000, "cannot be read"),
    ("a = 1" + "0" * 5000, "cannot be read"),
    ('extends = 3\n', "extends = 3: must be the name of a file"),
    ('extends = ""\n', 'extends = "": must be the name of a file'),
    ('extends = "bass.toml"\n', "bass.toml (extended by "),
])
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content, said):
    path = write_small(tmp_path)
    path.write_text(content)
    with pytest.raises(BadInput) as caught:
        market_abm.load(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_found_names_its_neighbours(tmp_path):
    write_small(tmp_path)
    for path, said in (("smal.toml", "there is no such file; did you mean small.toml?"), ("no/small.toml", "there is no such file; nor is there a folder"),
                       ("", "is a directory; did you mean base.toml?"), ("small.toml/x", "cannot be read: Not a directory"),
                       ("x" * 300, "cannot be read: File name too long"), ("a\0b", "cannot be read: embedded null byte")):
        with pytest.raises(BadInput) as caught:
            market_abm.load(tmp_path / path)
        assert said in str(caught.value)


def test_a_file_that_is_no_text_or_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "other.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(BadInput, match="is not TOML: byte 5 is not UTF-8; save it as UTF-8 text"):
        market_abm.load(path)

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(BadInput, match="cannot be read: Permission denied; check the path and its permissions"):
        market_abm.load(path)


def test_a_circle_of_extends_is_named(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{parent}.toml"\n')
    with pytest.raises(BadInput) as caught:
        market_abm.load(tmp_path / "a.toml")
    assert "extends itself: " + " -> ".join(f"{tmp_path}/{name}.toml" for name in "abca") in str(caught.value)


def test_an_empty_cast_is_refused_for_each_kind(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text("")
    with pytest.raises(BadInput) as caught:
        market_abm.load(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["cast.makers = 0", "cast.clouds = 0", "cast.regions = 0"]


def test_shares_may_miss_1_by_a_rounding(tmp_path):
    for share, fits in ((0.4000009, True), (0.4000011, False)):
        more = f"[cast.clouds.west]\nfleet_share = {share}\n"
        if fits:
            load_with(tmp_path, more)
        else:
            refusal(tmp_path, more)


def test_refusals_can_travel_between_processes(tmp_path):
    import pickle

    with pytest.raises(BadInput) as caught:
        load_with(tmp_path, "[clouds]\nomega = 3\n[frme]\n")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("number", "given", "wanted", "expected"), [
    (0.3, "GW/quarter", "MW/quarter", 300.0), (5, "USD/kWh", "USD/MWh", 5000.0), (2, "USD/GW", "USD/MW", 0.002),
    (1500, "TFLOP/s", "PFLOP/s", 1.5), (2, "kW", "W", 2000.0), (2, "MW/year", "MW/quarter", None), (1, "EUR", "USD", None), (1, "MW", "MW/quarter", None),
])
def test_a_change_of_si_prefix_is_converted(number, given, wanted, expected):
    found = converted(number, given, wanted)
    assert found == (expected if expected is None else pytest.approx(expected, rel=1e-12))


def test_a_key_that_differs_in_its_unit_finds_its_twin():
    assert same_but_unit("building_eur_per_gw", ["tax", "building_usd_per_mw"]) == "building_usd_per_mw"
    assert same_but_unit("delivery_years", ["life_quarters", "delivery_quarters"]) == "delivery_quarters"
    assert same_but_unit("usd", ["cash_usd"]) is None


def test_reading_libraries_are_loaded_only_to_read():
    code = "import sys, market_abm.parameters.loading; sys.exit(bool({'pydantic', 'tomllib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.getcwd()}).returncode == 0


def test_the_small_file_of_the_tests_is_itself_valid(tmp_path):
    path = tmp_path / "base.toml"
    path.write_text(SMALL)
    assert len(market_abm.load(path).cast.makers) == 2


def test_every_number_of_the_baseline_has_a_source_or_is_assumed():
    from pathlib import Path

    from market_abm.parameters.loading import load

    sources = load(str(Path(__file__).parent.parent / "configs" / "base.toml")).sources
    texts = (".name", ".kind", ".jurisdiction", ".parent")
    bare = [key for key, source in sources.items() if source.startswith("set in") and key.startswith("cast.") and not key.endswith(texts)]
    assert len(sources) > 100
    assert not bare, f"give these a source, or the word assumed: {', '.join(bare)}"


def test_every_declared_number_lies_within_its_own_range_and_bounds():
    from market_abm.parameters.declare import declarations
    from market_abm.parameters.schema import CAST_KINDS, SECTIONS, DatedLever, Frame, Parameters

    kinds = [Frame, DatedLever, *CAST_KINDS.values(), *(type(getattr(Parameters(), section)) for section in SECTIONS)]
    told = {f"{kind.__name__}.{name}": t for kind in kinds for name, t in declarations(kind).items() if t.low is not None}
    assert len(told) > 150
    assert not [name for name, t in told.items() if not t.at_least <= t.low <= t.best <= t.high <= t.at_most]
    assert not [name for name, t in told.items() if not (t.unit and t.source and t.says.endswith("."))]
