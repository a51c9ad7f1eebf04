"""What several test files share with pytest."""

import numpy as np
import pytest

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
