"""What a finished study leaves behind: a results folder with tables, pictures and a page, and what is printed of it."""

import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.printing import print_json, print_rows, progress_shown, tell

FORMATS = (".svg", ".png", ".pdf")
TESTED = {"engine": "the engine", "rule": "rules of the package", "estimator": "estimators"}
FAILURES_SHOWN = 10
LINES_OF_A_SPREADSHEET = 2**20
PRINTED = ("lever", "metric", "quarter", "baseline", "difference", "low", "high", "predicted_sign", "verdict")


def built_in(name):
    """Return the path of a configuration that comes with the package, or with its checkout."""
    package = Path(__file__).resolve().parent
    found = [place for place in (package / "configs" / name, package.parent / "configs" / name) if place.is_file()]
    if not found:
        raise BadInput(Problem(name, "is not installed with the package", "install market-abm again"))
    return found[0]


def keep(study, folder, pictures=None):
    """Store a study, draw its pictures (all that it can be drawn as, unless some are named), and write its page if all are.

    An interruption waits until that is done.
    """
    from market_abm.studies.store import MANIFEST, store

    with _undisturbed():
        if (folder / MANIFEST).exists():
            tell(f"replacing the results that were in {folder}")
        store(study, folder, ["market-abm", *sys.argv[1:]])
        try:
            draw(study, folder, pictures)
        except OSError as error:
            raise BadInput(Problem(str(folder), f"the numbers are stored, the figures are not: {error.strerror or error}", "make room")) from None
        if pictures is None:
            write_report(folder)


def draw(study, folder, names=None):
    """Draw pictures of a study into its folder."""
    from market_abm.plots.catalogue import available, save
    from market_abm.studies.store import FIGURES

    (folder / FIGURES).mkdir(exist_ok=True)
    for name in available(study) if names is None else names:
        save(study, name, folder / FIGURES / name)


def write_report(folder):
    """Write the page of a results folder, made from what it holds, and return its path."""
    from market_abm.report.page import page
    from market_abm.studies.store import REPORT, load_study, write_page

    write_page(page(*load_study(folder)), folder)
    return Path(folder) / REPORT


def export_pictures(folder, name, out=None):
    """Draw one picture of a results folder, or all, and return the files: the one asked for, else svg, png and pdf."""
    from market_abm.plots.catalogue import available, save
    from market_abm.studies.store import FIGURES, load_study

    study, _ = load_study(folder)
    known = available(study)
    if name != "all" and name not in known:
        raise BadInput(Problem(str(folder), "cannot be drawn as that", did_you_mean(name, (*known, "all")), key=name))
    if out is not None and (name == "all" or Path(out).suffix not in FORMATS):
        raise BadInput(Problem("--out", f"must be one file that ends in {', '.join(FORMATS)}", "leave it out for all of them", key=str(out)))
    if out is not None:
        return save(study, name, Path(out))
    place = Path(folder) / FIGURES
    place.mkdir(exist_ok=True)
    wanted = known if name == "all" else (name,)
    return [path for one in wanted for suffix in FORMATS for path in save(study, one, (place / one).with_suffix(suffix))]


def rescue(kept, folder, pictures=None):
    """Store what was whole when a study stopped, or leave no empty folder behind."""
    if kept is not None:
        keep(kept, folder, pictures)
        tell(f"interrupted; kept {kept.runs} of {kept.config.frame.runs} runs in {folder}")
        return
    tell("stopped before the first batch was done; nothing is kept")
    if not any(folder.iterdir()):
        folder.rmdir()


def account_for(study):
    """Return {out: ...} of a study for JSON: how many runs, how long, how many failed."""
    scenarios = len(study.scenarios) if hasattr(study, "scenarios") else 1
    return {"runs": study.runs, "quarters": len(study.labels), "failed": len(failed_runs(study)),
            "seconds": study.seconds, "runs_per_second": study.runs * scenarios / max(study.seconds, 1e-9)}


def failed_runs(study):
    """Return which runs failed, each a run and the policy that it ran under."""
    return sorted({(failure.get("policy", ""), failure["run"]) for failure in study.failures})


def tell_of_run(result, folder, as_json):
    """Print what came of one scenario."""
    from market_abm.studies.summary import summary

    if as_json:
        print_json({"out": str(folder)} | account_for(result))
    else:
        print_rows(summary(result), f"{result.runs} runs: median and 5 to 95%", empty="no metric to show")
        tell(f"{result.runs} runs of {len(result.labels)} quarters in {result.seconds:.1f} s; results in {folder}")
    tell_of_troubles(result)


def tell_of_comparison(study, folder, as_json):
    """Print the effects of policies."""
    if as_json:
        print_json(study.effects)
    else:
        print_effects(study)
    tell_of_place(study, folder)
    tell_of_troubles(study)


def print_effects(study):
    """Print one line a metric and policy: baseline, mean difference with its 95% interval, theory's sign, verdict."""
    rows = [{name: row[name] for name in PRINTED} for row in study.effects]
    print_rows(rows, f"{study.runs} paired runs: mean difference from the baseline and its 95% interval")


def tell_of_place(study, folder):
    """Say how long a comparison took and where it lies, and which policies came too late to be compared."""
    from market_abm.studies.effects import first_start

    for name in study.idle:
        tell(f"{name} changes nothing up to {max(study.quarters)}: it starts in {first_start(study.policies[name])}")
    tell(f"{study.runs} paired runs of {len(study.labels)} quarters: the baseline and {len(study.results)} beside it "
         f"in {study.seconds:.1f} s; results in {folder}")
    tell(f"read {folder}/report.html in a browser; the table is {folder}/effects.csv")


def tell_of_troubles(study):
    """Say which runs turned founders away or failed."""
    results = study.scenarios.values() if hasattr(study, "scenarios") else (study,)
    refusing, runs = (sum(int(count(r)) for r in results) for count in (lambda r: (r.refused_entries > 0).sum(), lambda r: r.runs))
    if refusing:
        tell(f"{refusing} of {runs} runs turned founders away for want of slots: raise frame.startup_slots")
    for failure in study.failures:
        under = f" under {failure['policy']}" if failure.get("policy") else ""
        tell("run {run}{under} failed in {quarter}: identity {identity}, where {where}, amount {amount:.6g}".format(**failure, under=under))


@contextmanager
def _undisturbed():
    """Let an interruption wait."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def ask_oracles(name, sets):
    """Ask oracles, tell of each on standard error as it answers, and return (rows, whether all quantities are right)."""
    from market_abm.oracles.asking import answered, planned, rows

    found, right = [], True
    for oracle, sheet in planned(name, sets, built_in("oracles/textbook.toml").parent):
        answer = answered(oracle, sheet)
        wrong = sum(not finding.ok for finding in answer.findings)
        verdict = f"{len(answer.findings) - wrong} of {len(answer.findings)} quantities right"
        tell(f"{sheet.name} tests {TESTED[sheet.tests]}: {verdict} in {answer.seconds:.1f} s. {sheet.says}")
        found += rows(answer)
        right = right and answer.ok
    return found, right


def run_sweep(design, out, workers, scheduler):
    """Carry a sweep out with progress shown, and return what came of it."""
    from market_abm.sweeps.runner import sweep

    with progress_shown(Path(design).stem, "runs") as progress:
        return sweep(design, out, workers, scheduler, progress)


def run_calibration(path, out, workers):
    """Carry a calibration out with progress shown, and return what it found."""
    from market_abm.evidence.calibration import calibrate

    with progress_shown(Path(path).stem, "points") as progress:
        return calibrate(path, out, workers, lambda done, total, objective: progress(done, total))


def tell_of_calibration(found, as_json):
    """Print what a calibration found, and say what is to be thought of it."""
    print_json(found.document) if as_json else print_rows(found.rows)
    for remark in found.remarks:
        tell(remark)
    tell(f"{found.fitted} has the fitted numbers, {found.folder} the tables and all runs; {found.new} runs were new")


def run_validation(config, runs, patterns, split, out, workers, seed):
    """Run and judge a configuration with progress shown, and return the verdict."""
    from market_abm.evidence.validation import validate

    with progress_shown("validation", "runs") as progress:
        return validate(config, runs, patterns, split, out, workers, seed, progress)


JUDGED = ("pattern", "period", "low", "high", "value", "pass_rate", "held_out", "ok", "history", "interval_low", "interval_high", "inside")


def tell_of_validation(verdict, out, as_json):
    """Print a verdict pattern by pattern, and say what it comes to."""
    rows = verdict.rows
    print_json(rows) if as_json else print_rows([{name: row[name] for name in JUDGED} for row in rows])
    for remark in verdict.remarks:
        tell(remark)
    tell(f"{out} has the tables and the page")


def tell_of_sweep(swept, as_json):
    """Say what a sweep has done, and which runs failed."""
    for name, why in swept.damaged:
        tell(f"parts/{name} was not as it was written ({why.splitlines()[0]}): set aside as {name}.damaged, and its runs made anew")
    if as_json:
        print_json({"out": str(swept.folder), "runs": swept.runs, "quarters": swept.quarters, "failed": len(swept.failures),
                    "seconds": swept.seconds, "runs_per_second": swept.new / max(swept.seconds, 1e-9)})
    else:
        print(swept.folder)
    stood = swept.runs - swept.new
    tell(f"{swept.runs} runs are stored in {swept.folder}: {swept.new} made in {swept.seconds:.1f} s"
         + (f", {stood} had been there before" if stood else ""))
    if swept.refusing:
        tell(f"{swept.refusing} of {swept.runs} runs turned founders away for want of slots: raise frame.startup_slots")
    for failure in swept.failures[:FAILURES_SHOWN]:
        tell("point {point}, run {run} failed: {reason}".format(**failure) + (f" in {failure['quarter']}" if failure["quarter"] else ""))
    if len(swept.failures) > FAILURES_SHOWN:
        tell(f"and {len(swept.failures) - FAILURES_SHOWN} more; runs.parquet and manifest.json tell of all")


def tell_of_sensitivity(folder, metrics, at, as_json):
    """Print the indices of a sweep's factors, and leave them in its folder as a table and a picture."""
    from market_abm.sweeps.sensitivity import sensitivity

    told = sensitivity(folder, metrics, at)
    print_json(told.rows) if as_json else print_rows(told.rows, "Indices with 95% intervals", empty="no index")
    for remark in told.remarks:
        tell(remark)
    _leave(folder, "sensitivity", "sensitivity", told, told.rows[0])


def tell_of_discovery(folder, metric, above, below, at, boxes, as_json):
    """Print the region of a sweep's factors in which a metric lies beyond a line, and leave it in its folder as a table and a picture."""
    from market_abm.sweeps.discovery import FIELDS, discovery

    told = discovery(folder, metric, above, below, at, boxes)
    for remark in told.remarks:
        tell(remark)
    print_json(told.rows) if as_json else print_rows(told.rows, "Boxes", empty="no box")
    _leave(folder, "discovery", "regions", told, FIELDS)


def _leave(folder, table, picture, told, fields):
    """Write printed rows and their picture into the folder of a sweep, and say where; what cannot be written is said and stops nobody."""
    from market_abm.plots import catalogue
    from market_abm.studies.store import FIGURES, write_rows
    from market_abm.sweeps.results import load_results

    place = Path(folder)
    draw_into = {"sensitivity": catalogue.save_sensitivity, "regions": catalogue.save_regions}[picture]
    try:
        write_rows(place / f"{table}.csv", told.rows, fields)
        (place / FIGURES).mkdir(exist_ok=True)
        files = draw_into(told, load_results(folder), place / FIGURES / picture)
    except OSError as error:
        tell(f"{folder} cannot be written: {error.strerror or error}; the numbers are printed, but the table or the picture is not kept")
        return
    tell(f"written: {', '.join(str(file) for file in (place / f'{table}.csv', *files))}")


def export_csv(folder, names):
    """Write tables of a results folder as CSV, a piece at a time, and return the files."""
    from market_abm.sweeps.export import TABLE_NAMES, exported

    unknown = [name for name in names if name not in TABLE_NAMES]
    if unknown:
        raise BadInput(*(Problem("--table", "is no table of a results folder", did_you_mean(name, TABLE_NAMES), key=name) for name in unknown))
    for path, lines in exported(folder, names):
        if lines > LINES_OF_A_SPREADSHEET:
            tell(f"{path.name} has {lines:,} lines; a spreadsheet opens {LINES_OF_A_SPREADSHEET:,}: keep fewer quarters with `at` in [design]")
        yield path
