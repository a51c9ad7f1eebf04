"""Events of a batch: the journal's notes, the dates of levers, and the runs that failed, one line an event."""

import numpy as np

from market_abm.levers.in_force import ramped
from market_abm.recording.lines import by_run, coded
from market_abm.units import quarter_number

WORDS = ("event", "kind", "agent", "other", "unit", "reason")


def events_of(notes, failures, configurations, names):
    """Return the lines of all events, by run and quarter; within a quarter as they happened."""
    parts = [part for note in notes for part in _noted(note, names)]
    parts += [_line("failure", failed.run, failed.quarter, *_place(failed, names), amount=failed.amount,
                    reason=f"{failed.identity}: {failed.where}") for failed in failures]
    ended = {failed.run: failed.quarter for failed in failures}
    parts += [line for run, c in enumerate(configurations) for line in _levers(run, c, ended.get(run, c.frame.quarters))]
    lines = {name: np.concatenate([part[name] for part in parts] or [np.zeros(0)]) for name in ("run", "quarter", "amount")}
    lines |= {name: coded([word for part in parts for word in part[name]]) for name in WORDS}
    order = np.argsort(lines["quarter"], kind="stable")
    return by_run({name: column[order] for name, column in lines.items()})


def _noted(note, names):
    """Yield the lines of a note; who leaves by somebody's doing is also an acquisition of the other's."""
    who = names.of(note.table, note.rows, note.keys).spelt()
    others = names.of(note.other_table, note.other_rows, note.other_keys).spelt() if note.other_table else [""] * len(who)
    yield _lines(note, note.event, note.table, who, others, np.arange(len(who)))
    bought = [place for place, other in enumerate(others) if other]
    if note.event == "exit" and bought:
        yield _lines(note, "acquisition", note.other_table, others, who, bought)


def _lines(note, event, table, who, others, places):
    count = len(places)
    return {"run": note.runs[places], "quarter": np.full(count, note.quarter), "amount": note.amount[places], "event": [event] * count,
            "kind": [table] * count, "agent": [who[place] for place in places], "other": [others[place] for place in places],
            "unit": [note.unit] * count, "reason": [note.reason] * count}


def _line(event, run, quarter, kind, agent, amount=np.nan, unit="", reason=""):
    return {"run": np.array([run]), "quarter": np.array([quarter]), "amount": np.array([amount]), "event": [event],
            "kind": [kind], "agent": [agent], "other": [""], "unit": [unit], "reason": [reason]}


def _place(failed, names):
    """Return table and name of the agent of a breach; a row that startups share in turn names nobody."""
    table, row = failed.where.partition(".")[0].partition(" row ")[0], failed.where.partition(" row ")[2].partition(" ")[0]
    if table not in ("makers", "clouds", "regions") or not row.isdigit():
        return table, ""
    return table, names.of(table, np.array([int(row)])).spelt()[0]


def _levers(run, configuration, until):
    """Yield start, full strength and end of each lever of a run, as far as they lie before the quarter `until`."""
    for use in configuration.levers:
        first = quarter_number(use.start, configuration.frame.start)
        full = first + max(0, int(np.ceil(use.ramp_quarters - use.announced_quarters)) - 1)
        end = quarter_number(use.end, configuration.frame.start) if use.end else None
        dates = [(first, "start", use.strength * ramped(0, use)), (full, "full strength", use.strength)]
        dates = [date for date in dates if end is None or date[0] < end] + ([(end, "end", 0.0)] if end is not None else [])
        for quarter, reason, strength in dates if use.strength > 0 else ():
            if 0 <= quarter < until:
                yield _line("lever", run, quarter, "levers", use.name, strength, "0 to 1", reason)
