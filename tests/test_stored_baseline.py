"""Results stay what they were until somebody changes them on purpose."""

import json

from stored_baseline import FILE, results


def test_the_baseline_gives_the_stored_figures_to_the_last_digit():
    stored, now = json.loads(FILE.read_text()), results()
    changed = [f"{name} {quarter}" for name in stored for quarter in stored[name] if stored[name][quarter] != now[name][quarter]]
    assert not changed, f"results change: {', '.join(changed)}; if on purpose, run tests/stored_baseline.py and say so in CHANGELOG.md"
    assert stored.keys() == now.keys()
