"""What several test files share with pytest."""

import numpy as np
import pytest
from damage import begin, undisturbed, use_small_batches

from market_abm.cli import main


@pytest.fixture
def quiet():
    """Silence numpy's warnings, as the engine does around a run."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Return a function that runs a command in a folder of its own and gives (status, out, err)."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments):
        status = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


@pytest.fixture
def small_batches(monkeypatch):
    """Make a part of every eight runs of a sweep."""
    use_small_batches(monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the tables of an undisturbed sweep."""
    return undisturbed(tmp_path_factory.mktemp("whole") / "out")


@pytest.fixture
def swept(tmp_path, whole):
    """Return the folder of a complete sweep."""
    assert undisturbed(tmp_path / "out") == whole
    return tmp_path / "out"


@pytest.fixture
def begun(tmp_path):
    """Return the folder of a sweep that was interrupted when half of its four parts were stored."""
    begin(tmp_path / "out")
    return tmp_path / "out"
