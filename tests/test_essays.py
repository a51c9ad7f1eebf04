"""The essays' figures, their arithmetic and the conversions; expected values are worked out by hand beside each test.

`python tests/test_essays.py` prints the tables that docs/essays.md must hold.
"""

import math
import re
from pathlib import Path

import pytest

import market_abm
from market_abm.errors import BadInput
from market_abm.essays import convert, countries_like, essay_rows
from market_abm.essays.arithmetic import days_to_compute, doubling_years, growth_per_year, moore_years, twh_per_year, year_reached
from market_abm.essays.constants import AS_STATED, CHIPS, PERSON_FLOPS, as_published
from market_abm.essays.countries import COUNTRIES
from market_abm.essays.figures import VERDICTS, written
from market_abm.essays.quantities import read, read_unit

PAGE = (Path(market_abm.__file__).parent.parent / "docs" / "essays.md").read_text("utf-8")
near = pytest.approx


def figure(start):
    """Return the one row of the essays whose quantity begins so."""
    [row] = [row for row in essay_rows() if row["quantity"].startswith(start)]
    return row


def answer(text, start, unit=None):
    """Return (as stated, as published) of the one row of an answer whose quantity begins so."""
    [row] = [row for row in convert(text, unit) if row["quantity"].startswith(start)]
    return row["as_stated"], row["as_published"]


# Arithmetic -----------------------------------------------------------------------------------------


def test_doubling_time_of_exact_doublings_is_what_it_was_made_with():
    assert doubling_years((2000, 2003, 2006), (5, 10, 20)) == near(3)
    assert doubling_years((2000, 2001, 2004), (1, 4, 256)) == near(0.5)


def test_doubling_times_of_the_cards():
    # Least squares for years -3, -1, 1, 3: slope = (3(y4 - y1) + (y3 - y2)) / 20, y = log2 of TFLOP/s.
    for sizes, expected in (((11.3, 14.2, 35.6, 82.6), 2.01), ((8.873, 10.07, 35.58, 82.58), 1.74)):
        slope = (3 * math.log2(sizes[3] / sizes[0]) + math.log2(sizes[2] / sizes[1])) / 20
        assert doubling_years((2016, 2018, 2020, 2022), sizes) == near(1 / slope)
        assert 1 / slope == near(expected, abs=0.005)
    assert figure("doubling time of the essay's")["as_published"] == near(2.01, abs=0.005)
    assert figure("doubling time of the right")["as_published"] == near(1.74, abs=0.005)


def test_moore_years_and_the_year_reached():
    assert moore_years(2048, 8) == 16  # 2 x log2 256
    assert moore_years(8, 2048) == -16
    assert moore_years(400, 1, doubling=1) == near(8.644, abs=5e-4)
    assert year_reached(2000, 8, 3) == 2009


def test_growth_energy_and_time():
    assert growth_per_year((2022, 1e26), (2024, 1e27)) == near(math.sqrt(10))
    assert growth_per_year((2022, 1e8), (2028, 1e11)) == near(math.sqrt(10))  # 1000 in six years
    assert twh_per_year(10) == near(87.6)
    assert days_to_compute(3.14e23, 638.976) == near(3.14e23 / 6.38976e17 / 86_400)
    assert days_to_compute(8.64e19, 1) == 1  # 1e15 a second for 86,400 s
    assert days_to_compute(8.64e19, 1, utilisation=0.5) == 2


# Figures --------------------------------------------------------------------------------------------


def test_every_figure_has_the_shared_keys_a_known_verdict_a_reason_and_a_source():
    rows = essay_rows()
    assert len({row["quantity"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row)[:4] == ["quantity", "as_stated", "as_published", "unit"]
        assert row["verdict"] in VERDICTS
        assert row["why"].endswith(".") and row["source"] and row["unit"]
        assert math.isfinite(row["as_stated"]) and math.isfinite(row["as_published"])
    assert {row["verdict"] for row in rows} == set(VERDICTS)


def test_verdicts_agree_with_the_numbers():
    for row in essay_rows():
        ratio = row["as_stated"] / row["as_published"]
        agrees = {
            "right": 1 / 1.101 < ratio < 1.101, "rounded": 0.75 <= ratio <= 1.25, "right order": 1 / 3 < ratio < 3, "low": ratio < 0.9,
            "high": ratio > 1.1, "wrong": not 0.9 < ratio < 1.1, "inconsistent": ratio != 1, "mislabelled": ratio != 1,
            "definition": 0.99 < ratio < 1.01,
        }
        assert agrees.get(row["verdict"], True), (row["quantity"], row["verdict"], ratio)


def test_what_is_published_lies_within_its_range():
    for row in essay_rows():
        if row["range"]:
            low, high = (float(end.replace(",", "")) for end in row["range"].split(" to "))
            assert low < high
            assert low * 0.999 <= row["as_published"] <= high * 1.001, row["quantity"]


@pytest.mark.parametrize(("start", "stated", "published", "verdict"), [
    ("share of the world's compute", 0.67, 0.49, "mislabelled"),  # .213 + .201 + .076
    ("training of GPT-3", 3.14e20, 3.14e23, "wrong"),
    ("GPT-3 on the essay's cluster", 491.4 / 86_400, 5.688, "wrong"),
    ("peak of that cluster", 639, 638.976, "right"),
    ("mice of compute", 400, 400, "right"),
    ("doublings from a mouse", 9, 8.644, "right"),
    ("year in which a desktop", 2038, 2041, "inconsistent"),  # 2023.9 + 2 x 8.644 = 2041.2
    ("rollover of Unix time", 2038, 2038, "right"),
    ("GeForce GTX 1080", 11.3, 8.873, "wrong"),
    ("GeForce RTX 2080", 14.2, 10.07, "wrong"),
    ("GeForce RTX 3090", 35.6, 35.58, "right"),
    ("GeForce RTX 4090", 82.6, 82.58, "right"),
    ("cycles of Moore's law", 11, 8, "inconsistent"),
    ("years by which 2048 GPUs", 16, 16, "right"),
    ("person of compute", 20, 19.968, "definition"),
    ("power of a person", 30, 52, "low"),
    ("price of a person", 250_000, 960_000, "low"),
    ("price of one A100", 3906.25, 15_000, "low"),
    ("compute of GPT-4 over GPT-3 by", 318.47, 66.88, "inconsistent"),
    ("growth of training compute", 10, 20.25, "low"),
    ("power of the largest cluster, 2028", 10, 4.4, "high"),  # 1.1 x 2 x 2
    ("cost of a cluster of 10 GW", 1e11, 2.9e11, "low"),
    ("electricity of a 10 GW cluster", 87.6, 81.171, "holds"),
    ("growth of FLOP per dollar", 1.0, 1.41, "inconsistent"),
    ("growth of FLOP per watt", 1.0, 1.37, "inconsistent"),
    ("part of the text", 0.25, 0.052, "high"),
])
def test_figures_by_hand(start, stated, published, verdict):
    row = figure(start)
    assert (row["as_stated"], row["as_published"], row["verdict"]) == (near(stated, rel=1e-4), near(published, rel=2e-4), verdict)


def test_the_year_of_a_person_on_the_desk_by_three_doubling_times():
    # 2023.9 + 8.644 x 1.743 = 2038.97; x 2 = 2041.19; x 2.013 = 2041.30; in time for 2038: 14.1 / 8.644 = 1.63
    row = figure("year in which a desktop")
    assert row["range"] == "2038 to 2041"
    assert "takes 1.63." in row["why"]


# Conversions ----------------------------------------------------------------------------------------


def test_a_gigawatt_by_the_essays_constants():
    assert answer("1 GW", "persons")[0] == near(33_333.33)  # 1e6 kW / 30
    assert answer("1 GW", "compute at peak", "EFLOP/s")[0] == near(666.667)
    assert answer("1 GW", "FLOP of a run of 90 days")[0] == near(2.0736e27)  # 666.667e18 x .4 x 90 x 86,400
    assert answer("1 GW", "price of the site")[0] == near(25e9 / 3)  # 33,333 x 250,000
    assert answer("10 GW", "electricity in a year") == (near(87.6), near(87.6))


def test_a_gigawatt_by_better_constants():
    chips = 1e9 / 1400  # H100, 1.4 kW all in
    assert answer("1 GW", "H100", "H100")[1] == near(chips)
    assert answer("1 GW", "compute at peak")[1] == near(chips * 0.9894)
    assert answer("1 GW", "persons")[1] == near(chips * 0.9894 / 20)
    assert answer("1 GW", "price of the site", "bn USD")[1] == near(29)
    assert answer("1 GW", "price of the servers")[1] == near(chips * 31_905)
    assert answer("1 GW", "FLOP of a run")[1] == near(chips * 989.4e12 * 0.38 * 90 * 86_400)


def test_chips():
    assert answer("64 A100", "compute at peak") == (near(19.968), near(19.968))
    assert answer("2048 A100", "compute at peak") == (near(638.976), near(638.976))
    assert answer("2048 A100", "power")[1] == near(2048 * 0.8e-3)  # MW: twice 400 W each
    assert answer("64 A100", "price of the servers")[1] == near(64 * 17_349)
    assert answer("64 H100", "persons") == (near(64 * 0.9894 / 20), near(64 * 0.9894 / 20))
    assert answer("100k H100", "compute at peak") == (near(98_940), near(98_940))
    assert answer("1 TPU v4", "compute at peak") == (near(0.275), near(0.275))
    assert answer("2.25 PFLOP/s", "B200", "B200") == (near(1), near(1))


def test_a_person():
    assert answer("1 person", "compute at peak") == (20, 20)
    assert answer("1 person", "mice") == (400, 400)
    assert answer("1 person", "power", "kW")[0] == near(30)
    assert answer("1 person", "price of the site")[0] == near(250_000)
    assert answer("1 person", "A100")[0] == near(64.1026, rel=1e-5)  # 20 / .312
    assert answer("1 person", "Moore years ahead of one person") == (0, 0)
    assert answer("50 TFLOP/s", "persons") == (near(1 / 400), near(1 / 400))


def test_what_has_no_price_is_nan_and_never_zero():
    assert math.isnan(answer("1 GW", "price of the servers")[0])
    assert math.isnan(answer("64 V100", "price of the servers")[1])


def test_money():
    assert answer("250000 USD", "persons")[0] == near(1)
    assert answer("250000 USD", "Moore years ahead of one person")[0] == 0
    assert answer("100 bn USD", "power", "GW") == (near(12), near(100 / 29))  # 1e11 / (250,000 / 30 kW); 29 bn per GW


def test_moore_years_name_their_baseline():
    stated, published = answer("2048 A100", "Moore years ahead of a box")
    assert stated == near(16)
    assert published == near(2.3 * 8)
    assert answer("20 PFLOP/s", "Moore years ahead of a desktop") == (near(2 * math.log2(400)), near(2.3 * math.log2(20_000 / 330)))


def test_a_run_of_1e26_flop_in_90_days():
    # 1e26 / (20e15 x .4 x 90 x 86,400) = 1607.5 persons, 30 kW and 250,000 USD each
    assert answer("1e26 FLOP in 90 days", "persons")[0] == near(1607.51, rel=1e-5)
    assert answer("1e26 FLOP in 90 days", "power")[0] == near(48.2253, rel=1e-5)
    assert answer("1e26 FLOP in 90 days", "price of the site")[0] == near(4.01878e8, rel=1e-5)
    assert answer("1e26 FLOP in 90 days", "FLOP of a run of 90 days") == (near(1e26), near(1e26))


def test_an_amount_alone_has_no_rate():
    rows = convert("3.14e23 FLOP")
    assert {row["unit"] for row in rows} == {"FLOP", "MWh", "day"}
    assert answer("3.14e23 FLOP", "time on 2048 A100")[0] == near(5.68764 / 0.4, rel=1e-5)
    # 3.14e23 / (20e15 x .4) s at 30 kW
    assert answer("3.14e23 FLOP", "electricity")[0] == near(3.14e23 / 8e15 / 3600 * 0.030)
    for unit in ("PFLOP/s", "person", "MW", "USD", "A100"):
        with pytest.raises(BadInput, match=r'only over a time; write "3\.14e23 FLOP in 90 days"'):
            convert("3.14e23 FLOP", unit)


def test_energy_becomes_power_only_over_a_time():
    assert answer("87.6 TWh in 1 year", "power", "GW") == (near(10), near(10))
    assert answer("1 TWh", "time on a site of 1 GW") == (near(1000 / 24), near(1000 / 24))
    with pytest.raises(BadInput, match="only over a time"):
        convert("1 TWh", "GW")


def test_an_ambiguous_spelling_is_read_with_a_hint():
    rows = convert("314 exaFLOPs")
    assert rows[0]["as_stated"] == near(3.14e20) and rows[0]["unit"] == "FLOP"
    assert rows[0]["why"].startswith("exaFLOPs is ambiguous and was read as an amount: write exaFLOP, or exaFLOP/s for the other.")
    rows = convert("639 PFLOPS")
    assert rows[0]["as_stated"] == near(639) and rows[0]["unit"] == "PFLOP/s"
    assert "ambiguous and was read as a rate" in rows[0]["why"]
    assert "ambiguous" in convert("639 PFLOPS", "person")[0]["why"], "the hint stays when rows are left out"
    assert not any("ambiguous" in row["why"] for text in ("639 PFLOP/s", "314 exaFLOP") for row in convert(text))


@pytest.mark.parametrize(("text", "base", "dimension"), [
    ("1 GW", 1e9, "power"), ("1gw", 1e9, "power"), ("3.14e23 FLOP", 3.14e23, "amount"), ("3.14 x 10^23 FLOP", 3.14e23, "amount"),
    ("10^26 FLOP", 1e26, "amount"), ("10**26FLOP", 1e26, "amount"), ("1 PFLOP-h", 3.6e18, "amount"), ("3640 PF-days", 3.14496e23, "amount"),
    ("3640 PFLOP/s-days", 3.14496e23, "amount"), ("639 PFLOP/s", 6.39e17, "rate"), ("5 tflop per second", 5e12, "rate"),
    ("250,000 USD", 250_000, "money"), ("$250k", 250_000, "money"), ("USD 100M", 1e8, "money"), ("1.5 billion dollars", 1.5e9, "money"),
    ("$1bn", 1e9, "money"), ("2 persons of compute", 2, "person"), ("3 mice", 3, "mouse"), ("1 million H100s", 1e6, "H100"),
    ("2048A100", 2048, "A100"), ("1 kWh", 1e3, "energy"), (".5 MW", 5e5, "power"), ("20 petaflop/s", 2e16, "rate"),
])
def test_quantities_are_read(text, base, dimension):
    quantity = read(text)
    assert (quantity.base, quantity.unit.dimension) == (near(base), dimension)


@pytest.mark.parametrize(("text", "says"), [
    ("1 GWW", "did you mean GW? known are W, kW"), ("64 H10", "did you mean H100?"), ("5 persn", "did you mean person?"), ("1 mW", "did you mean MW?"),
    ("1 parsec", "is no unit known here; known are W, kW"), ("1", "is no unit known here"), ("GW", "is no number with a unit"),
    ("", "is no number with a unit"), ("0,5 GW", "decimals with a point"), ("0 GW", "is out of range"), ("-1 GW", "is out of range"),
    ("1e400 W", "is out of range"), ("10^999 W", "is out of range"), ("1 W in 0 days", "a time above 0"), ("nan GW", "is no number with a unit"),
    ("3 days", "can be asked for, not about"),
])
def test_what_cannot_be_read_is_refused(text, says):
    with pytest.raises(BadInput, match=re.escape(says)):
        convert(text)


def test_one_unit_gives_only_its_rows():
    assert [row["unit"] for row in convert("1 GW", "person")] == ["person"]
    assert [row["unit"] for row in convert("1 GW", "bn USD")] == ["bn USD", "bn USD"]
    assert [row["quantity"] for row in convert("1 GW", "years")] == [
        f"Moore years ahead of {what}" for what in ("a desktop", "one person", "a box of eight GPUs")]
    assert answer("1 GW", "MI300X", "MI300X")[0] == near(666.667e18 / 1307.4e12)
    with pytest.raises(BadInput, match="--in: .*cannot be had from this quantity; it can be given in PFLOP/s, person"):
        convert("1 GW", "day")
    with pytest.raises(BadInput, match=r"--in: .*did you mean GW\?"):
        convert("1 person", "GWW")


def test_rows_have_the_shared_keys_and_every_input_comes_back():
    for text in ("1 GW", "64 B200", "100 bn USD", "7 person", "9 mouse", "5 EFLOP/s"):
        rows = convert(text)
        assert all(list(row)[:4] == ["quantity", "as_stated", "as_published", "unit"] for row in rows)
        unit = read(text).unit.name
        assert (convert(text, unit)[0]["as_stated"], convert(text, unit)[0]["as_published"]) == (near(read(text).value), near(read(text).value))


# Countries ------------------------------------------------------------------------------------------


def test_countries_of_the_size_of_a_load():
    assert countries_like(10_000)[0]["country"] == "Belgium"
    assert countries_like(10_000)[0]["average_mw"] == near(81.171e6 / 8760)
    assert countries_like(1000)[0]["country"] == "Estonia"
    assert countries_like(2 * 2044.75)[0]["share"] == near(4089.5 / (33.081e6 / 8760))  # Denmark, 3,776 MW
    assert len(countries_like(1)) == len(COUNTRIES) >= 12
    assert all(row["year"] and row["source"] for row in countries_like(1))


def test_a_cluster_stands_beside_its_country():
    [row] = convert("10 GW", "share")
    assert row["quantity"] == "share of the average load of Belgium"
    assert (row["as_stated"], row["as_published"]) == (near(10_000 / (81.171e6 / 8760)),) * 2


@pytest.mark.parametrize("mw", [0, -1, math.nan, math.inf])
def test_a_load_that_is_none_is_refused(mw):
    with pytest.raises(BadInput, match="is no load; give a number of MW above 0"):
        countries_like(mw)


# The page -------------------------------------------------------------------------------------------


def sources():
    """Return the sources of all figures, once each, in the order of the table."""
    return list(dict.fromkeys(part for row in essay_rows() for part in row["source"].split("; ")))


def figures_table():
    """Yield the lines of the page's table of figures."""
    yield "| figure | as stated | as published | unit | verdict | why | source |"
    yield "|---|---|---|---|---|---|---|"
    numbers = {source: place for place, source in enumerate(sources(), 1)}
    for row in essay_rows():
        published = written(row["as_published"]) + (f" ({row['range']})" if row["range"] else "")
        cited = ", ".join(str(numbers[part]) for part in row["source"].split("; "))
        yield (f"| {row['quantity']} | {written(row['as_stated'])} | {published} | {row['unit']} | {row['verdict']} | {row['why']} | {cited} |")


def constants_table():
    """Yield the lines of the page's table of constants: of one person of compute, then of the rest."""
    yield "| constant | as stated | as published |"
    yield "|---|---|---|"
    both = (AS_STATED, as_published())
    for label, of in (
        ("chip", lambda basis: basis.chip),
        ("power of a person, kW", lambda basis: written(basis.watts_per_flops * PERSON_FLOPS / 1e3)),
        ("price of a person with its part of the site, USD",
         lambda basis: written(basis.watts_per_flops * PERSON_FLOPS * basis.site_usd_per_watt)),
        ("price of a person in servers, USD", lambda basis: written(basis.servers_usd_per_flops * PERSON_FLOPS)),
        ("price of a GW of site, bn USD", lambda basis: written(basis.site_usd_per_watt)),
        ("desktop, TFLOP/s", lambda basis: written(basis.desktop_flops / 1e12)),
        ("box of eight GPUs, PFLOP/s", lambda basis: written(basis.box_flops / 1e15)),
        ("doubling time, years", lambda basis: written(basis.doubling_years)),
        ("utilisation of a run", lambda basis: written(basis.utilisation)),
    ):
        yield f"| {label} | {' | '.join(of(basis).replace('nan', 'none') for basis in both)} |"


def chips_table():
    yield "| chip | peak, TFLOP/s | chip, W | price in a server of eight, USD | price of |"
    yield "|---|---|---|---|---|"
    for name, chip in CHIPS.items():
        price = "none" if math.isnan(chip.server_usd) else written(chip.server_usd)
        yield f"| {name} | {written(chip.tflops)} | {written(chip.watts)} | {price} | {chip.priced} |"


def countries_table():
    yield "| country | consumed, TWh | average load, MW | year |"
    yield "|---|---|---|---|"
    for country in COUNTRIES:
        yield f"| {country.name} | {country.consumed_twh:g} | {written(country.average_mw)} | {country.year} |"


def tables():
    """Return the tables of the page as the data have them, and the list of sources."""
    listed = (f"{place}. {source}" for place, source in enumerate(sources(), 1))
    return ["\n".join(lines) for lines in (figures_table(), listed, constants_table(), chips_table(), countries_table())]


@pytest.mark.parametrize("place", range(5), ids=("figures", "sources", "constants", "chips", "countries"))
def test_the_page_holds_the_data(place):
    [heading, *_] = tables()[place].splitlines()
    assert heading in PAGE, "python tests/test_essays.py prints what belongs into docs/essays.md"
    found = PAGE[PAGE.index(heading):].split("\n\n")[0].strip()
    assert found.splitlines() == tables()[place].splitlines()


def test_the_page_explains_every_verdict():
    told = dict(re.findall(r"^- \*\*([a-z ]+)\*\*: (.+)$", PAGE, flags=re.MULTILINE))
    assert told == {verdict: f"{says}." for verdict, says in VERDICTS.items()}


def test_units_are_read_back_from_what_rows_show():
    for text in ("1 GW", "3.14e23 FLOP"):
        for row in convert(text):
            assert read_unit(row["unit"]).name == row["unit"]


if __name__ == "__main__":
    print("\n\n".join(tables()))
