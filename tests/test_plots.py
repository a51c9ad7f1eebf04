"""The figure of owners: what its bands add up to, and that odd horizons can be drawn."""

import numpy as np
import pytest
from files import fake_engine, use_engine, write_small

import market_abm
from market_abm.plots.owners import _apart, bands, draw
from market_abm.plots.style import years

MORE = "[cast.clouds.later]\nkind = 'neocloud'\n[cast.clouds.another]\nkind = 'neocloud'\npresent = 0\n"


@pytest.fixture
def result(monkeypatch, tmp_path):
    """Return a result with four owners, two of them neoclouds, by hand."""
    use_engine(monkeypatch, fake_engine())
    result = market_abm.run(write_small(tmp_path, MORE), runs=2, quarters=3)
    result.names = ("share_owned_east", "share_owned_west", "share_owned_later", "share_owned_another", "hhi_compute_owned")
    result.values = np.broadcast_to(np.array([0.5, 0.2, 0.1, 0.2, 0.34])[:, None, None], (5, 3, 2)).copy()
    return result


def test_neoclouds_are_one_band_and_runs_are_averaged(result):
    result.values[0, 2] = (0.4, 0.6)
    result.values[1, 1] = (np.nan, 0.3)
    found = bands(result)
    assert list(found) == ["East", "West", "neoclouds"]
    assert found["East"] == pytest.approx([0.5, 0.5, 0.5])
    assert found["West"] == pytest.approx([0.2, 0.3, 0.2])
    assert found["neoclouds"] == pytest.approx([0.3, 0.3, 0.3])


def test_quarters_are_drawn_at_their_middle():
    assert years(["2018Q1", "2018Q4"]) == [2018.125, 2018.875]


def test_labels_move_apart_as_little_as_possible():
    assert _apart([0.1, 0.5], 0.1) == pytest.approx([0.1, 0.5])
    assert _apart([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("history_until", ["2010Q1", "2018Q2", "2050Q4"])
def test_a_figure_is_drawn_wherever_history_ends(monkeypatch, tmp_path, result, history_until):
    from dataclasses import replace

    result.config = replace(result.config, frame=replace(result.config.frame, history_until=history_until))
    assert [path.name for path in draw(result, tmp_path / "owners")] == ["owners.svg", "owners.png"]
    assert [path.name for path in draw(result, tmp_path / "owners.png")] == ["owners.png"]
    assert (tmp_path / "owners.svg").read_bytes().startswith(b"<?xml")


def test_the_same_result_gives_the_same_picture(tmp_path, result):
    first, second = (draw(result, tmp_path / name)[0].read_bytes() for name in ("one", "two"))
    assert first == second
