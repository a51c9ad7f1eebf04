"""Designs of sweeps: how many points each method has and where they lie, and what is said of a file that cannot be used."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from files import write_small

import market_abm as ma
from market_abm.errors import BadInput
from market_abm.sweeps.design import read_design
from market_abm.sweeps.sampling import rows_of
from market_abm.sweeps.sensitivity import sensitivity

HEAD = '[design]\nconfig = "small.toml"\n'
THREE = '[factors]\n"clouds.omega" = {}\n"energy.slots_growth" = { low = 1.0, high = 2.0 }\n"chips.gain_high" = { low = 0.5, high = 1.0 }\n'
SAMPLED = (("latin_hypercube", 16), ("sobol", 16), ("morris", 6))


def written(folder, text, more=""):
    """Write a small configuration and a design beside it; return the design's path."""
    write_small(folder, more)
    path = folder / "asked.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder, text, more=""):
    return read_design(written(folder, text, more))


def sampled(folder, method, size, more=""):
    return read(folder, f'{HEAD}method = "{method}"\nsize = {size}\n{more}\n{THREE}')


# How many, and where ---------------------------------------------------------------------------------


def test_a_grid_is_the_product_of_its_values_the_last_factor_fastest(tmp_path):
    design = read(tmp_path, HEAD + 'method = "grid"\n[factors]\n"clouds.omega" = [0.5, 0.9]\n"switches.learning" = {}\n"startups.opening" = { low = 10, high = 30, steps = 3 }')
    assert design.points == list(product((0.5, 0.9), (0, 1), (10, 20, 30)))
    assert design.rows.tolist() == list(range(12))
    assert (design.unit, len(set(design.keys))) == (None, 12)


def test_a_list_has_its_points_in_order_and_the_configurations_number_where_a_point_is_silent(tmp_path):
    text = HEAD + 'method = "list"\n[[points]]\n[[points]]\nclouds.omega = 0.9\n[[points]]\n"startups.opening" = 30\n"clouds.omega" = 0.5'
    design = read(tmp_path, text, "[clouds]\nomega = 0.7")
    assert [factor.key for factor in design.factors] == ["clouds.omega", "startups.opening"]
    assert design.points == [(0.7, 20), (0.9, 20), (0.5, 30)]
    assert [design.setting(point) for point in design.points] == [{}, {"clouds.omega": 0.9}, {"clouds.omega": 0.5, "startups.opening": 30}]


@pytest.mark.parametrize("size", [2, 5, 16])
def test_a_latin_hypercube_has_one_point_in_each_of_n_parts_of_every_factor(tmp_path, size):
    design = sampled(tmp_path, "latin_hypercube", size)
    assert design.unit.shape == (size, 3)
    for column in design.unit.T:
        assert sorted(np.floor(column * size)) == list(range(size))
    for place, (low, high) in enumerate(((0.4, 0.9), (1.0, 2.0), (0.5, 1.0))):
        values = sorted(point[place] for point in design.points)
        assert all(low + part * (high - low) / size <= value <= low + (part + 1) * (high - low) / size for part, value in enumerate(values))


def test_a_sobol_design_has_blocks_of_a_the_mixtures_and_b(tmp_path):
    design = sampled(tmp_path, "sobol", 8)
    assert design.unit.shape == (8 * (3 + 2), 3)
    for a, *mixed, b in design.unit.reshape(8, 5, 3):
        assert (a != b).all()
        for factor, row in enumerate(mixed):
            assert [row[other] == (b if other == factor else a)[other] for other in range(3)] == [True] * 3
    for column in design.unit[::5].T:  # A is a net in base 2: each of 8 equal parts holds one
        assert sorted(np.floor(column * 8)) == list(range(8))


def test_a_morris_design_has_trajectories_that_change_one_factor_a_step(tmp_path):
    design = sampled(tmp_path, "morris", 6, "levels = 4")
    assert design.unit.shape == (6 * (3 + 1), 3)
    assert {round(3 * u, 9) for u in design.unit.ravel()} <= {0, 1, 2, 3}
    for trajectory in design.unit.reshape(6, 4, 3):
        steps = np.diff(trajectory, axis=0)
        assert (steps != 0).sum(axis=1).tolist() == [1, 1, 1]
        assert (steps != 0).sum(axis=0).tolist() == [1, 1, 1]
        np.testing.assert_allclose(np.abs(steps[steps != 0]), 2 / 3)  # levels / (2 (levels - 1)), Morris 1991


@pytest.mark.parametrize(("method", "rows"), [("latin_hypercube", 8), ("sobol", 8 * 6), ("morris", 8 * 5)])
def test_rows_are_counted_before_they_are_made(method, rows):
    assert rows_of(method, 4, 8) == rows


@pytest.mark.parametrize(("method", "size"), SAMPLED)
def test_every_row_of_a_sample_is_its_point_at_its_place(tmp_path, method, size):
    design = sampled(tmp_path, method, size)
    for unit, row in zip(design.unit, design.rows, strict=True):
        assert design.points[row] == tuple(factor.at(u) for factor, u in zip(design.factors, unit.tolist(), strict=True))
    assert design.rows.max() + 1 == len(design.points) == len(set(design.points)) == len(set(design.keys))


@pytest.mark.parametrize(("method", "size"), SAMPLED)
def test_a_file_has_the_same_points_each_time_and_others_with_another_sampling_seed(tmp_path, method, size):
    first, again, other = (sampled(tmp_path, method, size, more) for more in ("", "sampling_seed = 1", "sampling_seed = 2"))
    assert first.points == again.points and first.keys == again.keys
    assert set(first.points) != set(other.points)


def test_more_samples_of_sobol_go_on_from_the_earlier_ones_and_those_of_a_latin_hypercube_do_not(tmp_path):
    few, many = sampled(tmp_path, "sobol", 8), sampled(tmp_path, "sobol", 32)
    assert many.points[:len(few.points)] == few.points and len(many.points) == 32 * 5
    assert not set(sampled(tmp_path, "latin_hypercube", 8).points) & set(sampled(tmp_path, "latin_hypercube", 32).points)


def test_runs_seed_length_and_quarters_come_from_the_configuration_or_from_the_design(tmp_path):
    text = HEAD + 'method = "grid"\n{}\n[factors]\n"clouds.omega" = [0.5]'
    of_file = read(tmp_path, text.format(""), "[frame]\nseed = 9")
    assert (of_file.runs, of_file.seed, of_file.at) == (2, 9, ("2018Q1", "2018Q2", "2018Q3", "2018Q4"))
    own = read(tmp_path, text.format('runs = 5\nseed = 0\nquarters = 6\nat = ["2019Q2", "2018Q3"]'), "[frame]\nseed = 9")
    assert (own.runs, own.seed, own.at) == (5, 0, ("2018Q3", "2019Q2"))
    assert own.model.base.frame.quarters == 6


# What is said of a file that cannot be used ----------------------------------------------------------

G, L, H = HEAD + 'method = "grid"\n[factors]\n', HEAD + 'method = "list"\n', HEAD + 'method = "latin_hypercube"\nsize = 4\n[factors]\n'
OMEGA = '[factors]\n"clouds.omega" = [0.5]\n'
OF_THE_FILE = [
    ("", "asked.toml: design: must be a table; write [design]"),
    ("design = 3", "asked.toml: design = 3: must be a table"),
    (OMEGA, "asked.toml: design: must be a table"),
    ("[design\n", "asked.toml: is not TOML: Expected ']' at the end of a table declaration (at line 1, column 8); correct that line"),
    (HEAD + 'method = "grid"\n[factor]\n"clouds.omega" = [0.5]', "asked.toml: factor: is no table of a design; did you mean factors?"),
    (HEAD + OMEGA, "design.method: says not how points are chosen; write method = one of grid, list, latin_hypercube, sobol, morris"),
    (HEAD + 'method = "sobel"\n' + OMEGA, 'design.method = "sobel": must be one of grid, list, latin_hypercube, sobol, morris; did you mean sobol?'),
    ('[design]\nmethod = "grid"\n' + OMEGA, 'design.config: names no configuration; write config = "../base.toml"'),
    ('[design]\nconfig = "smal.toml"\nmethod = "grid"\n' + OMEGA, "smal.toml: there is no such file; did you mean small.toml?"),
    ('[design]\nconfig = 3\nmethod = "grid"\n' + OMEGA, "design.config = 3: must be a text"),
    (HEAD + 'model = "markt"\nmethod = "grid"\n' + OMEGA, 'design.model = "markt": must be one of market, ishigami; did you mean market?'),
    ('[design]\nmodel = "ishigami"\nmethod = "grid"\nquarters = 4\n[factors]\nx1 = [0.5]', "design.quarters = 4: means nothing to ishigami; leave it out"),
    ('[design]\nmodel = "ishigami"\nmethod = "grid"\nmetrics = ["hhi"]\n[factors]\nx1 = [0.5]', 'design.metrics = "hhi": is no metric'),
    (HEAD + 'method = "grid"\nsamplingseed = 3\n' + OMEGA, "design.samplingseed = 3: is no word of [design]; did you mean sampling_seed?"),
    (HEAD + 'method = "sobol"\n' + THREE, "design.size: says not how many points; write for example size = 64"),
    (HEAD + 'method = "sobol"\nsize = 1e9\n' + THREE, "design.size = 1000000000.0: must be a whole number between 2 and 10000000 (unit: count); lower it"),
    (HEAD + 'method = "sobol"\nsize = true\n' + THREE, "design.size = true: must be a whole number between 2 and 10000000"),
    (HEAD + 'method = "sobol"\nsize = 1\n' + THREE, "design.size = 1: must be a whole number between 2 and 10000000 (unit: count); raise it to 2"),
    (HEAD + 'method = "sobol"\nsize = 12\n' + THREE, "design.size = 12: must be a power of 2, or Sobol's points lose their balance; write for example size = 16"),
    (HEAD + 'method = "sobol"\nsize = 8388608\n' + THREE, "sobol would have 41943040 rows, but at most 10000000 are allowed; lower design.size = 8388608"),
    (HEAD + 'method = "morris"\nsize = 4\nlevels = 5\n' + THREE, "design.levels = 5: must be even, or some levels come up more often; write 6"),
    (HEAD + 'method = "grid"\nsize = 4\n' + OMEGA, "design.size = 4: means nothing to method = grid; leave it out, or choose latin_hypercube or sobol or morris"),
    (HEAD + 'method = "grid"\nruns = -1\n' + OMEGA, "design.runs = -1: must be a whole number between 1 and 1000000 (unit: count); raise it to 1 or more"),
    (HEAD + 'method = "grid"\nseed = -5\n' + OMEGA, "design.seed = -5: must be a whole number between 0 and 9007199254740992 (unit: seed)"),
    (HEAD + 'method = "grid"\nquarters = 0\n' + OMEGA, "design.quarters = 0: must be a whole number between 1 and 400 (unit: quarters)"),
    (HEAD + 'method = "grid"\nmetrics = "hhi_chip_sales"\n' + OMEGA, 'design.metrics = "hhi_chip_sales": must be a list of names; write metrics = ["..."]'),
    (HEAD + 'method = "grid"\nmetrics = ["hhi_chip_sale"]\n' + OMEGA, 'design.metrics = "hhi_chip_sale": is no metric; did you mean hhi_chip_sales?'),
    (HEAD + 'method = "grid"\nat = ["2019Q1"]\n' + OMEGA, 'design.at = "2019Q1": must be a quarter of the run, 2018Q1 to 2018Q4; write for example 2018Q4'),
    (HEAD + 'method = "grid"\n', "asked.toml: factors: names nothing to vary; write [factors]"),
    (HEAD + 'method = "grid"\n[[factors]]\n"clouds.omega" = [0.5]', "asked.toml: factors: names nothing to vary; write [factors]"),
    (L + OMEGA + '[[points]]\n"clouds.omega" = 0.5', "asked.toml: factors: have no place beside a list of points; remove them, or choose another method"),
    (G + '"clouds.omega" = [0.5]\n[[points]]\n"clouds.omega" = 0.5', 'asked.toml: points: is for a list, but the method is grid; write method = "list"'),
    (L, 'asked.toml: points: must be a list of tables; write [[points]]'),
    (L + '[points]\n"clouds.omega" = 0.5', 'asked.toml: points: must be a list of tables; write [[points]]'),
]
OF_FACTORS = [
    (G + '"clouds.omga" = [0.5]', "factors.clouds.omga: is nothing that can be varied; did you mean clouds.omega?"),
    (G + '"clouds.omga" = { values = [0.5] }', "factors.clouds.omga: is nothing that can be varied; did you mean clouds.omega?"),
    (G + "omega = [0.5]", "factors.omega: is nothing that can be varied; did you mean clouds.omega?"),
    (G + '"CLOUDS.OMEGA" = [0.5]', "factors.CLOUDS.OMEGA: is nothing that can be varied; did you mean clouds.omega?"),
    (G + '"ключ.✓" = [0.5]', "factors.ключ.✓: is nothing that can be varied; see `market-abm describe parameters`"),
    (G + '"" = [0.5]', "factors.: is nothing that can be varied; see `market-abm describe parameters`"),
    (G + '"clouds." = [0.5]', "factors.clouds.: is nothing that can be varied; see `market-abm describe parameters`"),
    (G + "[factors.clouds]\nomega = 0.5", "factors.clouds.omega = 0.5: must be a table or a list"),
    (G + '"frame.quarters" = [4, 8]', "factors.frame.quarters: is nothing that can be varied; the frame is common to all points"),
    (G + "seed = [4, 8]", "factors.seed: is nothing that can be varied; the frame is common to all points"),
    (G + '"cast.clouds.eats.cash_usd" = [1]', "factors.cast.clouds.eats.cash_usd: is nothing that can be varied; did you mean cast.clouds.east?"),
    (G + '"cast.clouds.east.cash" = [1]', "factors.cast.clouds.east.cash: is nothing that can be varied; did you mean cast.clouds.east.cash_usd?"),
    (G + '"cast.cloud.east.cash_usd" = [1]', "factors.cast.cloud.east.cash_usd: is nothing that can be varied; did you mean cast.clouds?"),
    (G + '"cast.clouds.east.name" = ["a", "b"]', "factors.cast.clouds.east.name: is nothing that can be varied; names are common to all points"),
    (G + '"clouds.omega" = { lo = 0.1, high = 0.5, steps = 2 }', "factors.clouds.omega.lo: is no word for a factor; did you mean low?"),
    (G + '"clouds.omega" = { low = -1, steps = 3 }', "factors.clouds.omega.low = -1: must be a number between 0 and 2 (unit: share); raise it to 0 or more"),
    (G + '"clouds.omega" = { low = 0.8, high = 0.3, steps = 3 }', "factors.clouds.omega.low = 0.8: low must be below high = 0.3 (unit: share); exchange them"),
    (G + '"clouds.omega" = {}', "factors.clouds.omega: needs values or steps in a grid; write steps = 5, or values = [...]"),
    (G + '"clouds.omega" = { steps = 1 }', "factors.clouds.omega.steps = 1: must be a whole number between 2 and 10000 (unit: count)"),
    (G + '"clouds.omega" = { steps = 10000000000 }', "factors.clouds.omega.steps = 10000000000: must be a whole number between 2 and 10000"),
    (G + '"clouds.omega" = { steps = 9999 }\n"energy.slots_growth" = { steps = 9999 }', "grid would have 99980001 rows, but at most 10000000 are allowed; name fewer values"),
    (H + '"clouds.omega" = { steps = 3 }', "factors.clouds.omega.steps = 3: is for a grid; leave it out"),
    (H + '"chips.allocation" = { low = 1, high = 2 }', 'factors.chips.allocation: has no range: it is a name; write "chips.allocation" = { values = [...] }'),
    (H + '"training.data_date" = {}', "factors.training.data_date: has no range: it is a quarter; write"),
    (H + '"clouds.omega" = { low = 0, scale = "log" }', "factors.clouds.omega.low = 0.0: must be above 0 on a log scale; raise it, or leave scale out"),
    (H + '"startups.opening" = { scale = "log" }', 'factors.startups.opening.scale = "log": is for numbers that need not be whole'),
    (H + '"clouds.omega" = { scale = "logarithmic" }', 'factors.clouds.omega.scale = "logarithmic": must be one of linear, log'),
    (G + '"clouds.omega" = 0.5', 'factors.clouds.omega = 0.5: must be a table or a list; write "clouds.omega" = {}, or { low = ..., high = ... }'),
    (G + '"clouds.omega" = []', "factors.clouds.omega.values = []: must be a list of values"),
    (G + '"clouds.omega" = [0.5, 0.50]', "factors.clouds.omega.values = [0.5, 0.5]: names a value twice; keep one of them"),
    (G + '"clouds.omega" = [0.5]\nclouds.omega = [0.6]', "factors.clouds.omega: is said twice; keep one of them"),
    (G + '"levers.break_up" = [1]\n"levers.break_up.strength" = [0]', "factors.levers.break_up.strength: is said twice; keep one of them"),
    (G + '"clouds.omega" = { values = [0.5], low = 0.1 }', "factors.clouds.omega: has values, and so no range; keep one of them"),
    (G + '"clouds.omega" = [nan]', "factors.clouds.omega.values = nan: must be a number between 0 and 2 (unit: share)"),
    (G + '"clouds.omega" = [[1]]', "factors.clouds.omega.values = [1]: must be a number between 0 and 2"),
    (G + '"startups.opening" = [10.5]', "factors.startups.opening.values = 10.5: must be a whole number between 0 and 1000000 (unit: count); write 10 or 11"),
    (G + '"chips.allocation" = ["aucton"]', 'factors.chips.allocation.values = "aucton": must be one of proportional'),
    (G + '"levers.brake_up" = [1]', "factors.levers.brake_up: is nothing that can be varied; did you mean levers.break_up?"),
    (G + '"levers.break_up.strt" = ["2018Q2"]', "factors.levers.break_up.strt: is nothing that can be varied; did you mean levers.break_up.start?"),
    (G + '"levers.break_up.start" = ["2018-Q2"]', 'factors.levers.break_up.start.values = "2018-Q2": must be a quarter written like 2026Q1; did you mean "2018Q2"?'),
    (G + '"levers.break_up.start" = ["2018Q2"]', 'factors.levers.break_up.start: makes no difference: nothing brings break_up into force; vary "levers.break_up" too'),
    (G + '"policy.voucher_usd" = [1e6, 2e6]', "factors.policy.voucher_usd: makes no difference: nothing brings compute_vouchers into force"),
    (G + '"levers.break_up" = [1]\n"levers.break_up.ramp_quarters" = [4]', "factors.levers.break_up.ramp_quarters: is nothing that can be varied; it means nothing to break_up"),
    (G + '"levers.compute_vouchers.voucher_usd" = [1e6]', "factors.levers.compute_vouchers.voucher_usd: is nothing that can be varied; did you mean policy.voucher_usd?"),
    (G + 'policy = ["", "brake_up+faster_grid"]', 'asked.toml: factors.policy = "brake_up+faster_grid": brake_up is no lever of the catalogue; did you mean break_up?'),
    (G + 'policy = ["break_up@2018Q7"]', 'factors.policy = "break_up@2018Q7": levers[0].start = "2018Q7" must be a quarter written like 2026Q1'),
    (G + 'policy = ["break_up+"]', 'factors.policy = "break_up+": names a policy with an empty part'),
    (G + 'policy = ["gone.toml"]', "gone.toml: there is no such file"),
    (G + "policy = {}", 'factors.policy: has no range: it is a policy; write "policy" = { values = [...] }'),
    (L + '[[points]]\nclouds.omega = 0.5\n[[points]]\nclouds.omega = 3', "points[1].clouds.omega = 3: must be a number between 0 and 2 (unit: share); lower it to 2 or less"),
    (L + '[[points]]\nclouds.omega = 0.5\n"clouds.omega" = 0.6', "points[0].clouds.omega: is said twice; keep one of them"),
    (L + '[[points]]\npolicy = "brake_up"', 'asked.toml: policy = "brake_up": brake_up is no lever of the catalogue; did you mean break_up?'),
    (L + '[[points]]\n[[points]]\nclouds.omga = 1', "points[1].clouds.omga: is nothing that can be varied; did you mean clouds.omega?"),
]
OF_POINTS = [
    (G + '"chips.gain_low" = [0.2, 0.6]\n"chips.gain_high" = [0.5]',
     "chips.gain_low = 0.6: row 1 of the design: must not exceed chips.gain_high = 0.5; lower chips.gain_low or raise chips.gain_high"),
    (G + '"cast.clouds.east.fleet_share" = [0.6, 0.7]',
     "sum of cast.clouds.*.fleet_share = 1.1: row 1 of the design: must sum to 1 within 1e-06 over rows with present = 1 (unit: share); add -0.1 in all"),
    (L + '[[points]]\n[[points]]\nrental.pricing = "cournot"\nrental.demand = "logit"', 'rental.pricing = "cournot": points[1]: needs rental.demand = linear'),
    (G + '"levers.break_up" = [1]\n"levers.break_up.start" = ["2018Q3"]\n"levers.break_up.end" = ["2018Q2"]',
     'levers.break_up.end = "2018Q2": row 0 of the design: must come after start = 2018Q3'),
    (G + '"levers.public_cloud" = [1]', "levers.public_cloud.name = \"public_cloud\": row 0 of the design: needs an owner of kind public_cloud in the cast"),
    (G + '"startups.opening" = [20, 400]', "startups.opening + startups.bystanders = 400: row 1 of the design: must not exceed frame.startup_slots = 128"),
]


@pytest.mark.parametrize(("text", "said"), OF_THE_FILE + OF_FACTORS + OF_POINTS)
def test_what_cannot_be_used_is_told_with_place_value_bound_and_remedy(call, tmp_path, text, said):
    written(tmp_path, text)
    before = sorted(path.name for path in tmp_path.iterdir())
    status, out, err = call("sweep", "asked.toml", "--workers", 0)
    assert (status, out) == (2, "")
    assert said in " ".join(err.split()), err
    assert "Traceback" not in err and len(err) < 2000
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(("name", "said"), [("gone.toml", "gone.toml: there is no such file"), (".", "is a directory"), ("bytes.toml", "byte 0 is not UTF-8")])
def test_a_file_that_cannot_be_read_is_told(call, tmp_path, name, said):
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    status, out, err = call("sweep", name)
    assert (status, out, said in err, (tmp_path / "results").exists()) == (2, "", True, False)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    with pytest.raises(BadInput) as first:
        read(tmp_path, 'points = 3\n[design]\nmethod = "sobol"\nsize = true\nruns = 0\nat = []\nmetric = ["a"]\n[factor]')
    assert [problem.key for problem in first.value.problems] == [
        "factor", "design.metric", "design.size", "design.runs", "design.at", "design.config", "points", "factors"]
    with pytest.raises(BadInput) as second:
        read(tmp_path, HEAD + 'method = "grid"\nmetrics = ["no"]\nat = ["2050Q1"]\n[factors]\n"clouds.omga" = [1]\n"clouds.omega" = [9, "x"]\npolicy = ["no"]')
    assert [problem.key for problem in second.value.problems] == [
        "design.metrics", "design.at", "factors.clouds.omga", "factors.clouds.omega.values", "factors.clouds.omega.values", "factors.policy"]


def test_of_many_points_that_cannot_be_run_five_are_told(tmp_path):
    with pytest.raises(BadInput) as found:
        read(tmp_path, G + '"cast.clouds.east.fleet_share" = { low = 0.1, high = 0.5, steps = 9 }')
    assert len(found.value.problems) == 6
    assert str(found.value.problems[-1]).endswith("and 4 faults more; narrow the ranges")


# Designs that somebody would want --------------------------------------------------------------------

WANTED = {
    "a policy by strength by start": (
        'method = "grid"\n[factors]\n"levers.faster_grid" = [0.5, 1.0]\n"levers.faster_grid.start" = ["2018Q2", "2018Q3", "2018Q4"]', 6),
    "two rules by name and a switch": (
        'method = "grid"\n[factors]\n"chips.allocation" = ["proportional", "auction"]\n"mergers.rule" = ["share", "none"]\n"switches.learning" = {}', 8),
    "a screening of ten": (
        'method = "morris"\nsize = 2\n[factors]\n' + "\n".join(f'"clouds.{name}" = {{}}' for name in (
            "omega", "interest", "tax", "rent_speed", "power_slack", "cash_buffer", "growth_cap", "server_overhead", "list_raise", "repayment")), 22),
    "scenarios": ('method = "list"\n[[points]]\n[[points]]\npolicy = "break_up@2018Q2"\n[[points]]\nclouds.omega = 0.9\nswitches.power_queue = 0', 3),
    "an agent of the cast": ('method = "latin_hypercube"\nsize = 5\n[factors]\n"cast.clouds.east.cash_usd" = { low = 1e8, high = 1e10, scale = "log" }', 5),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_design_runs_and_its_tables_say_what_each_point_was(tmp_path, name):
    text, points = WANTED[name]
    path = written(tmp_path, f'{HEAD}runs = 2\nmetrics = ["hhi_chip_sales", "startups_alive"]\nat = ["2018Q2", "2018Q4"]\n{text}')
    swept = ma.sweep(path, tmp_path / "out", workers=0)
    assert (swept.runs, swept.failures) == (2 * points, [])
    results, design = ma.load_results(tmp_path / "out"), read_design(path)
    told = results.points.drop(columns=["point", "key"])
    assert list(told.columns) == [factor.key for factor in design.factors]
    assert [tuple(row) for row in told.itertuples(index=False)] == design.points
    merged = results.metrics.merge(results.points, on="point")
    assert len(merged) == points * 2 * 2 and merged["hhi_chip_sales"].notna().all()
    assert pd.read_parquet(tmp_path / "out" / "design.parquet")["point"].tolist() == design.rows.tolist()
    if "screening" in name:
        effects = pd.DataFrame(sensitivity(tmp_path / "out", ["hhi_chip_sales"], ["2018Q4"]).rows)
        assert set(told.columns) <= set(effects["parameter"])
