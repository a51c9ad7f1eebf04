"""The commands: they parse, call and print. Everything heavy is imported inside them, so that --help is quick."""

import signal
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from market_abm import __version__
from market_abm.describe import SUBJECTS
from market_abm.errors import BadInput, Problem
from market_abm.printing import print_json, print_rows, progress_shown, tell

SOME_WRONG, BAD_INPUT, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True,
                  help="Who ends up owning the world's AI compute, and which rule would change that.")
Subject = StrEnum("Subject", SUBJECTS)
Config = Annotated[str, typer.Argument(metavar="CONFIG", help="TOML file of the scenario.")]
Sets = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a number, as in clouds.omega=0.9.")]
Levers = Annotated[list[str], typer.Option("--lever", metavar="NAME[@QUARTER]|FILE", help="Put a lever in force as `describe levers` has it, "
                                           "or from another QUARTER; a file can say more.")]
Record = Annotated[list[str], typer.Option("--record", metavar="edges|agents|none", help="Keep more than all events and, once a year, "
                                           "edges: edges of every quarter, or every agent's figures; none: events alone.")]
Folder = Annotated[str, typer.Argument(metavar="DIR", help="Results folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False):
    pass


Runs = Annotated[int, typer.Option(help="Replicates, in place of the file's.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed, in place of the file's.", show_default=False)]
Quarters = Annotated[int, typer.Option(help="Length, in place of the file's.", show_default=False)]
DEMO = ("documentation_mandate", "faster_grid", "break_up", "compute_vouchers", "training_cap")


@app.command()
def demo(
    runs: Annotated[int, typer.Option(help="Paired seeds.")] = 32,
    seed: Seed = None,
    quarters: Quarters = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder.")] = "results/demo",
    as_json: Json = False,
):
    """Compare five policies with the baseline: a table, figures and a page to read, in well under a minute."""
    from market_abm.delivery import account_for, built_in, print_effects, tell_of_place, tell_of_troubles

    study, folder = _compared(built_in("base.toml"), DEMO, "demo", out, runs=runs, seed=seed, quarters=quarters)
    print_json({"out": str(folder)} | account_for(study)) if as_json else print_effects(study)
    tell_of_place(study, folder)
    tell_of_troubles(study)
    _exit_for(study)


@app.command()
def run(
    config: Config,
    runs: Runs = None,
    seed: Seed = None,
    quarters: Quarters = None,
    sets: Sets = (),
    levers: Levers = (),
    record: Record = (),
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder.  [default: results/NAME OF CONFIG]")] = None,
    as_json: Json = False,
):
    """Simulate one scenario, many replicates in lockstep."""
    from market_abm.delivery import keep, rescue, tell_of_run
    from market_abm.parameters.loading import load
    from market_abm.studies.records import choices
    from market_abm.studies.run import run as run_study
    from market_abm.studies.run import with_frame
    from market_abm.studies.store import open_folder

    record = choices(record)
    configuration = with_frame(load(config, sets, levers), runs=runs, seed=seed, quarters=quarters)
    folder = open_folder(out if out is not None else Path("results") / Path(config).stem)
    try:
        with progress_shown(Path(config).stem) as progress:
            result = run_study(configuration, progress=progress, record=record)
    except (BadInput, KeyboardInterrupt) as stop:
        rescue(getattr(stop, "kept", None), folder, ("owners",))
        raise
    keep(result, folder, ("owners",))
    tell_of_run(result, folder, as_json)
    _exit_for(result)


@app.command()
def compare(
    config: Config,
    levers: Annotated[list[str], typer.Option("--lever", metavar="POLICY", help="A policy: a lever (`describe levers`), several joined by +, or a "
                                              "file of levers; NAME@2028Q1 for another start. Give the option once a policy.")] = (),
    runs: Runs = None,
    seed: Seed = None,
    quarters: Quarters = None,
    sets: Sets = (),
    metrics: Annotated[list[str], typer.Option(metavar="NAME", help="What to compare, as often as wanted (`describe metrics`).")] = (),
    at: Annotated[list[str], typer.Option(metavar="QUARTER", help="When to compare, as often as wanted.  [default: 2030Q4]")] = (),
    starts: Annotated[list[str], typer.Option("--start", metavar="QUARTER", help="Try every policy from this quarter, as often as wanted.")] = (),
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder.  [default: results/NAME OF CONFIG-compared]")] = None,
    as_json: Json = False,
):
    """Compare policies with a scenario on the same seeds: what differs, how surely, and what theory expects."""
    from market_abm.delivery import tell_of_comparison

    out = out if out is not None else Path("results") / f"{Path(config).stem}-compared"
    study, folder = _compared(config, levers, "comparison", out, sets, runs=runs, seed=seed, quarters=quarters,
                              metrics=_each(metrics), at=_each(at), starts=_each(starts))
    tell_of_comparison(study, folder, as_json)
    _exit_for(study)


@app.command()
def sweep(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="TOML file: what is varied, how far, how often, what is kept.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder; what it holds already is not run again.  "
                                     "[default: results/NAME OF DESIGN]")] = None,
    workers: Annotated[int, typer.Option(metavar="W", help="Processes; 0 for none beside this one.  [default: one a core]")] = None,
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="Let a Dask cluster do the work, as in tcp://10.0.0.1:8786.")] = None,
    as_json: Json = False,
):
    """Run many points of a design, many replicates each; the same command resumes what was interrupted."""
    from market_abm.delivery import run_sweep, tell_of_sweep

    with _resumable():
        swept = run_sweep(design, out, workers, scheduler)
    tell_of_sweep(swept, as_json)
    _exit_for(swept)


@app.command()
def sensitivity(
    folder: Folder,
    metrics: Annotated[list[str], typer.Option(metavar="NAME", help="Which metric, as often as wanted.  "
                                            "[default: those of `compare`, or all of few]")] = (),
    at: Annotated[list[str], typer.Option(metavar="QUARTER", help="When, as often as wanted.  [default: 2030Q4, or the last]")] = (),
    as_json: Json = False,
):
    """Say which factors of a Morris or Sobol sweep matter, with intervals, and how much is chance."""
    from market_abm.delivery import tell_of_sensitivity

    tell_of_sensitivity(folder, _each(metrics), _each(at), as_json)


@app.command()
def discover(
    folder: Folder,
    metric: Annotated[str, typer.Option(metavar="NAME", help="The metric of interest.")],
    above: Annotated[float, typer.Option(metavar="LINE", help="Look for runs above it.")] = None,
    below: Annotated[float, typer.Option(metavar="LINE", help="Look for runs below it.")] = None,
    at: Annotated[str, typer.Option(metavar="QUARTER", help="When.  [default: 2030Q4, or the last]")] = None,
    boxes: Annotated[int, typer.Option(metavar="N", help="Successive boxes.")] = 1,
    as_json: Json = False,
):
    """Find the region of a sweep's factors in which a metric lies beyond a line (scenario discovery by PRIM)."""
    from market_abm.delivery import tell_of_discovery

    tell_of_discovery(folder, metric, above, below, at, boxes, as_json)


@app.command()
def calibrate(
    calibration: Annotated[str, typer.Argument(metavar="[CALIBRATION]", help="TOML file: what is fitted, to what, up to when.  "
                                               "[default: configs/fits/to_2023.toml]")] = "",
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder; runs that it holds already are not run again.  "
                                     "[default: results/NAME OF FILE]")] = None,
    workers: Annotated[int, typer.Option(metavar="W", help="Processes; 0 for none beside this one.  [default: one a core]")] = None,
    as_json: Json = False,
):
    """Fit a few parameters to facts by simulated moments, and say how well they are identified; the same command resumes."""
    from market_abm.delivery import built_in, run_calibration, tell_of_calibration

    with _resumable():
        found = run_calibration(calibration or built_in("fits/to_2023.toml"), out, workers)
    tell_of_calibration(found, as_json)
    _exit_for(found)


@app.command()
def validate(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="TOML file of the scenario.  [default: the baseline]")] = "",
    runs: Annotated[int, typer.Option(help="Seeds.")] = 200,
    seed: Seed = None,
    patterns: Annotated[str, typer.Option(metavar="FILE", help="Judge on figures of your own, in place of those of the package.")] = None,
    split: Annotated[str, typer.Option(metavar="QUARTER", help="The last that the fit knew: what ends later is held out.  "
                                     "[default: the file's frame.history_until]")] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder: tables, a page, and runs that are not made again.")] = "results/validation",
    workers: Annotated[int, typer.Option(metavar="W", help="Processes; 0 for none beside this one.  [default: one a core]")] = None,
    as_json: Json = False,
):
    """Judge a scenario on what is known of the market, fitted and held out apart; exit with 1 if it is not good enough."""
    from market_abm.delivery import built_in, run_validation, tell_of_validation

    with _resumable():
        verdict = run_validation(config or built_in("base.toml"), runs, patterns, split, out, workers, seed)
    tell_of_validation(verdict, out, as_json)
    if not verdict.ok:
        raise typer.Exit(SOME_WRONG)


@app.command()
def export(
    folder: Folder,
    csv: Annotated[bool, typer.Option("--csv", help="As files of comma-separated values, for a spreadsheet.")] = False,
    tables: Annotated[list[str], typer.Option("--table", metavar="NAME", help="metrics, points, runs, events, edges or agents, as often as wanted.  "
                                              "[default: all that there are]")] = (),
):
    """Write the tables of a results folder in another format, beside them."""
    from market_abm.delivery import export_csv

    if not csv:
        raise BadInput(Problem("export", "needs a format", "write --csv", key="--csv"))
    for path in export_csv(folder, tables):
        print(path)


@app.command()
def report(folder: Folder):
    """Write one self-contained HTML page of a results folder."""
    from market_abm.delivery import write_report

    print(write_report(folder))


@app.command()
def figure(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Which picture; `all` for each that there is.")],
    out: Annotated[str, typer.Option(metavar="FILE", help="File to write, .svg, .png or .pdf.  [default: svg, png and pdf in DIR/figures]")] = None,
):
    """Draw one picture of a results folder."""
    from market_abm.delivery import export_pictures

    for path in export_pictures(folder, name, out):
        print(path)


@app.command()
def units(
    quantity: Annotated[str, typer.Argument(metavar="[QUANTITY]", help='Such as "1 GW", "2048 A100" or "3.14e23 FLOP"; '
                                            "all figures of the essays if left out.")] = "",
    unit: Annotated[str, typer.Option("--in", metavar="UNIT", help="Only in this unit.")] = None,
    as_json: Json = False,
):
    """Turn a quantity into others, as the essays behind the project have it and as better sources have it."""
    from market_abm.essays import convert, essay_rows

    if unit is not None and not quantity:
        raise BadInput(Problem("--in", "needs a quantity", 'for example: market-abm units "1 GW" --in person', key=unit))
    rows = convert(quantity, unit) if quantity else essay_rows()
    print_json(rows) if as_json else print_rows(rows)


@app.command()
def oracle(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Such as O16 or merit_order; all of them if left out.")] = "",
    sets: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Turn a knob of an oracle, as in loads_mw=[200,260]; "
                                            "its file in configs/oracles lists them.")] = (),
    as_json: Json = False,
):
    """Compare the model with limiting cases whose answer is known; exit with 1 if some quantity is wrong."""
    from market_abm.delivery import ask_oracles

    rows, right = ask_oracles(name, sets)
    print_json(rows) if as_json else print_rows(rows)
    if not right:
        raise typer.Exit(SOME_WRONG)


@app.command()
def check(config: Config, sets: Sets = (), levers: Levers = (), as_json: Json = False):
    """Say whether a file is valid and what it changes from the defaults."""
    from market_abm.describe import dated_levers
    from market_abm.parameters.loading import changes, load

    configuration = load(config, sets, levers)
    told = ("start", "end", "ramp_quarters", "announced_quarters", "grandfathered")
    rows = [row | dict.fromkeys(told) for row in changes(configuration)]
    rows += [
        {"key": f"levers.{lever['name']}", "value": lever["strength"], "default": 0.0, "unit": "0 to 1"}
        | {name: lever[name] or None for name in told}
        for lever in dated_levers(configuration)
    ]
    if as_json:
        print_json(rows)
        return
    for name in told[3:]:  # seldom used: shown where one is
        if not any(row[name] for row in rows):
            rows = [{key: value for key, value in row.items() if key != name} for row in rows]
    cast, frame = configuration.cast, configuration.frame
    tell(f"{config} is valid: {len(cast.makers)} makers, {len(cast.clouds)} owners of compute, {len(cast.regions)} regions, "
         f"{frame.quarters} quarters from {frame.start}")
    print_rows(rows, "Changed from the defaults", empty="Nothing is changed from the defaults; no lever is in force.")


@app.command()
def describe(
    subject: Subject,
    assumed: Annotated[bool, typer.Option("--assumed", help="Only parameters that no source supports.")] = False,
    config: Annotated[str, typer.Option(metavar="FILE", help="With --assumed: as a configuration has them, its cast included.")] = "",
    as_json: Json = False,
):
    """Print the model from its own declarations."""
    from market_abm.describe import describe as rows_of
    from market_abm.describe import without_source

    if assumed and subject != "parameters":
        raise BadInput(Problem(f"describe {subject}", "has no sources to choose by", "use --assumed with `describe parameters`", key="--assumed"))
    if config and not assumed:
        raise BadInput(Problem(f"describe {subject}", "tells the model's own declarations", "add --assumed, or use `check`", "--config", config))
    rows = without_source(config) if config else rows_of(subject.value, assumed)
    print_json(rows) if as_json else print_rows(rows)


def main(arguments=None):
    """Run the command line; exit with 0, 1 for a wrong oracle, 2 for bad input, 3 for failed runs, 130 when interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"market-abm {__version__}")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop keeps whole batches like Ctrl-C
    try:
        app(arguments, prog_name="market-abm")
    except BadInput as refusal:
        tell(refusal)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:  # most of them typer has already turned into the same status
        sys.exit(INTERRUPTED)


def _compared(config, levers, what, out, sets=(), **asked):
    """Run a comparison, keep it and return it with its folder."""
    from market_abm.delivery import keep, rescue
    from market_abm.parameters.loading import load
    from market_abm.studies.comparison import planned
    from market_abm.studies.store import open_folder

    plan = planned(load(config, sets), levers, **asked)
    folder = open_folder(out)
    try:
        with progress_shown(what) as progress:
            study = plan.carried_out(progress)
    except (BadInput, KeyboardInterrupt) as stop:
        rescue(getattr(stop, "kept", None), folder)
        raise
    tell("drawing the figures and writing the page")
    keep(study, folder)
    return study, folder


@contextmanager
def _resumable():
    """Say of work that is interrupted that the same command goes on with it, and exit."""
    from market_abm.sweeps.runner import Stopped

    try:
        yield
    except Stopped as stop:
        tell(f"{stop}; run the same command to go on")
        raise typer.Exit(INTERRUPTED) from None


def _each(texts):
    """Take lists apart that were written with commas."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _exit_for(study):
    """Exit with 3 if some runs failed."""
    if study.failures:
        raise typer.Exit(SOME_FAILED)
