"""How oracles are asked: which of them, with which knobs, and what they answer as rows."""

import time
from dataclasses import dataclass
from pathlib import Path

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.oracles.catalogue import chosen
from market_abm.oracles.finding import Finding
from market_abm.oracles.running import BrokenRun, NotSettled
from market_abm.oracles.sheet import Sheet, read_sheet
from market_abm.parameters.reading import SET


@dataclass(frozen=True)
class Answer:
    """What one oracle found, and how long it took, seconds."""

    sheet: Sheet
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self):
        """Say whether every quantity is right; an oracle that finds nothing is not."""
        return bool(self.findings) and all(finding.ok for finding in self.findings)


def planned(name, sets, folder):
    """Return [(oracle, sheet)] to be asked: those a name stands for, all for none, with the knobs that `key=value` texts set.

    Without a name a knob must belong to exactly one oracle. Nothing has run yet when something is wrong with what was asked.
    """
    oracles = chosen(name)
    mine = {oracle.name: [] for oracle in oracles}
    problems = []
    for text in sets:
        owner = oracles[0].name if name else _owner(text, oracles, folder, problems)
        if owner:
            mine[owner].append(text)
    if problems:
        raise BadInput(*problems)
    return [(oracle, read_sheet(str(Path(folder) / oracle.file), mine[oracle.name])) for oracle in oracles]


def _owner(text, oracles, folder, problems):
    """Return the name of the one oracle that has the knob of a text, or note what is wrong with it."""
    key, value = (part.strip() for part in text.partition("=")[::2])
    knobs = {oracle.name: read_sheet(str(Path(folder) / oracle.file)).knobs for oracle in oracles}
    owners = [name for name, its_knobs in knobs.items() if key in its_knobs]
    if len(owners) == 1:
        return owners[0]
    if "=" not in text:
        problems.append(Problem(SET, "must be written key=value", "for example --set firms=4", key=text))
    elif owners:
        why = f"is a knob of {', '.join(owners)}"
        problems.append(Problem(SET, why, f"name the oracle: market-abm oracle {owners[0]} --set {text}", key=key, value=value))
    else:
        every = dict.fromkeys(knob for its_knobs in knobs.values() for knob in its_knobs)
        near = did_you_mean(key, every)
        remedy = near if near.startswith("did") else "see the files in configs/oracles"  # a list of all would drown the message
        problems.append(Problem(SET, "is no knob of any oracle", remedy, key=key, value=value))
    return None


def answered(oracle, sheet):
    """Ask one oracle. A run that breaks an identity or does not come to rest has no answer, which is itself a finding."""
    begun = time.perf_counter()
    try:
        findings = tuple(oracle.measure(sheet))
    except BrokenRun as broken:
        findings = (Finding(f"runs that break an identity: {broken}", 0.0, 1.0),)
    except NotSettled as restless:
        findings = (Finding(f"runs that do not come to rest: {restless}", 0.0, 1.0),)
    return Answer(sheet, findings, time.perf_counter() - begun)


def rows(answer):
    """Return one flat dict a finding; numbers may be infinite, or nan for what is missing."""
    return [
        {"name": answer.sheet.name, "quantity": finding.quantity, "expected": float(finding.expected), "simulated": float(finding.simulated),
         "relative_error": float(finding.relative_error), "ok": bool(finding.ok), "tests": answer.sheet.tests,
         "standard_error": float(finding.standard_error)}
        for finding in answer.findings
    ]
