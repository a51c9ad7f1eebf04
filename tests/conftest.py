"""What several test files share with pytest."""

import numpy as np
import pytest


@pytest.fixture
def quiet():
    """Silence numpy's warnings, as the engine does around a run."""
    with np.errstate(all="ignore"):
        yield
