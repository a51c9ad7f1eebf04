"""The commands: they parse, call and print. Everything heavy is imported inside them, so that --help is quick."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from market_abm import __version__
from market_abm.describe import SUBJECTS
from market_abm.errors import BadInput, Problem
from market_abm.printing import print_json, print_rows, progress_shown, tell

BAD_INPUT, SOME_FAILED, INTERRUPTED = 2, 3, 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True,
                  help="Who ends up owning the world's AI compute, and which rule would change that.")
Subject = StrEnum("Subject", SUBJECTS)
Config = Annotated[str, typer.Argument(metavar="CONFIG", help="TOML file of the scenario.")]
Sets = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a number, as in clouds.omega=0.9.")]
Levers = Annotated[list[str], typer.Option("--lever", metavar="NAME[@QUARTER]|FILE", help="Put a lever in force, at full strength "
                                           "from QUARTER (2026Q1 if none is named); a file can say more.")]
Record = Annotated[list[str], typer.Option("--record", metavar="edges|agents|none", help="Keep more than all events and, once a year, "
                                           "edges: edges of every quarter, or every agent's figures; none: events alone.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False):
    pass


@app.command()
def run(
    config: Config,
    runs: Annotated[int, typer.Option(help="Replicates, in place of the file's.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="Seed, in place of the file's.", show_default=False)] = None,
    quarters: Annotated[int, typer.Option(help="Length, in place of the file's.", show_default=False)] = None,
    sets: Sets = (),
    levers: Levers = (),
    record: Record = (),
    out: Annotated[str, typer.Option(metavar="DIR", help="Results folder.  [default: results/NAME OF CONFIG]")] = None,
    as_json: Json = False,
):
    """Simulate one scenario, many replicates in lockstep."""
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
        _rescue(getattr(stop, "kept", None), folder)
        raise
    _keep(result, folder)
    _report(result, folder, as_json)


@app.command()
def check(config: Config, sets: Sets = (), levers: Levers = (), as_json: Json = False):
    """Say whether a file is valid and what it changes from the defaults."""
    from market_abm.describe import dated_levers
    from market_abm.parameters.loading import changes, load

    configuration = load(config, sets, levers)
    rows = [row | {"start": None, "end": None, "ramp_quarters": None} for row in changes(configuration)]
    rows += [
        {"key": f"levers.{lever['name']}", "value": lever["strength"], "default": 0.0, "unit": "0 to 1",
         "start": lever["start"], "end": lever["end"] or None, "ramp_quarters": lever["ramp_quarters"]}
        for lever in dated_levers(configuration)
    ]
    if as_json:
        print_json(rows)
        return
    cast, frame = configuration.cast, configuration.frame
    tell(f"{config} is valid: {len(cast.makers)} makers, {len(cast.clouds)} owners of compute, {len(cast.regions)} regions, "
         f"{frame.quarters} quarters from {frame.start}")
    print_rows(rows, "Changed from the defaults", empty="Nothing is changed from the defaults; no lever is in force.")


@app.command()
def describe(
    subject: Subject,
    assumed: Annotated[bool, typer.Option("--assumed", help="Only parameters that no source supports.")] = False,
    as_json: Json = False,
):
    """Print the model from its own declarations."""
    from market_abm.describe import describe as rows_of

    if assumed and subject != "parameters":
        raise BadInput(Problem(f"describe {subject}", "has no sources to choose by", "use --assumed with `describe parameters`", key="--assumed"))
    rows = rows_of(subject.value, assumed)
    print_json(rows) if as_json else print_rows(rows)


def main(arguments=None):
    """Run the command line; exit with 0, 2 for bad input, 3 for failed runs, 130 when interrupted."""
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


def _keep(result, folder):
    """Store the results and draw the figure; an interruption waits until that is done."""
    from market_abm.plots.owners import draw
    from market_abm.studies.store import FIGURES, MANIFEST, store

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if (folder / MANIFEST).exists():
            tell(f"replacing the results that were in {folder}")
        store(result, folder, ["market-abm", *sys.argv[1:]])
        (folder / FIGURES).mkdir(exist_ok=True)
        draw(result, folder / FIGURES / "owners")
    except OSError as error:
        raise BadInput(Problem(str(folder), f"the numbers are stored, the figure is not: {error.strerror or error}", "make room")) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _rescue(kept, folder):
    """Store the batches that were whole when a study stopped, or leave no empty folder behind."""
    if kept is not None:
        _keep(kept, folder)
        tell(f"interrupted; kept {kept.runs} of {kept.config.frame.runs} runs in {folder}")
        return
    tell("stopped before the first batch was done; nothing is kept")
    if not any(folder.iterdir()):
        folder.rmdir()


def _report(result, folder, as_json):
    """Print what came of a study, and exit with 3 if some of its runs failed."""
    from market_abm.studies.summary import summary

    failed = sorted({failure["run"] for failure in result.failures})
    if as_json:
        print_json({"out": str(folder), "runs": result.runs, "quarters": len(result.labels), "failed": len(failed),
                    "seconds": result.seconds, "runs_per_second": result.runs / max(result.seconds, 1e-9)})
    else:
        print_rows(summary(result), f"{result.runs} runs: median and 5 to 95%", empty="no metric to show")
        tell(f"{result.runs} runs of {len(result.labels)} quarters in {result.seconds:.1f} s; results in {folder}")
    refusing = int((result.refused_entries > 0).sum())
    if refusing:
        tell(f"{refusing} of {result.runs} runs turned founders away for want of slots: raise frame.startup_slots")
    for failure in result.failures:
        tell("run {run} failed in {quarter}: identity {identity}, where {where}, amount {amount:.6g}".format(**failure))
    if failed:
        raise typer.Exit(SOME_FAILED)
