"""A study and its manifest as one HTML page: no script, nothing to fetch."""

import json
import shlex
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from market_abm.report import effects, names, policies, scenario, tables, words
from market_abm.report.numbers import figure
from market_abm.studies.store import plain

NO_TITLE = "The market for AI compute"
NOT_RECORDED = "not recorded"
SEEN = {  # how each picture is read; what is seen on it is told by the picture itself
    "concentration": "Herfindahl-Hirschman index of each market: median of the runs, and the band that holds 5 to 95% of them.",
    "owners": "Each band is one owner's share of the world's AI compute, mean over runs; neoclouds are one band, and so are all small owners.",
    "barriers": "What an entrant meets: the price and power of compute, the cost of a training run beside a startup's funds, the wait for power.",
    "binding": "Part of owners' compute and of labs' wanted budgets that each constraint stopped, mean over runs; the parts add up to all.",
    "frontier": "The quarter's largest training run and its cluster, beside published figures and what two essays expected.",
    "policies": "Mean paired differences with 95% intervals; the thin line is the spread over seeds, 5 to 95%. Each panel has its own scale.",
}


def page(study, manifest):
    """Return the HTML page of a result or a comparison; `manifest` is that of its results folder.

    The same study and manifest give the same page. Every text of theirs is escaped; pictures are inline SVG.
    """
    manifest = plain(manifest)
    return _template().render(
        front=_front(study, manifest), answers=_answers(study), pictures=_pictures(study), tables=_tables(study),
        policies=policies.policies(study, manifest), standing=policies.standing(study, manifest),
        reading=words.reading(study), definitions=tables.definitions(study), limits=words.limits(study),
        facts=tables.beside_facts(names.baseline_of(study)), again=_again(study, manifest))


@cache
def _template():
    """Return the page's template; autoescape is always on, whatever the file is called."""
    environment = Environment(loader=PackageLoader("market_abm.report", "."), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html.jinja")


def _front(study, manifest):
    return {"title": names.baseline_of(study).config.frame.title or NO_TITLE, "question": words.QUESTION, "nature": words.NATURE,
            "date": words.when(manifest), "subject": words.subject(study), "warnings": words.warnings_of(study, manifest)}


def _answers(study):
    """Return blocks of title, introduction and items: effects first where there are any, then the scenario or baseline."""
    own = scenario.answer(names.baseline_of(study))
    if not names.is_comparison(study):
        return own or [("No answer", "No run has a figure.", [])]
    return effects.blocks(study) + [(f"{title}, in the baseline", intro, items) for title, intro, items in own]


def _pictures(study):
    """Return title, caption, description and drawing of every picture that the study can be drawn as."""
    from market_abm.plots.catalogue import PICTURES, available, svg

    return [{"name": name, "title": PICTURES[name].title, "caption": SEEN.get(name, ""), "says": PICTURES[name].says(study),
             "svg": svg(study, name)} for name in available(study)]


def _tables(study):
    """Return the table of levels of the scenario or baseline and, of a comparison, those of effects."""
    effects_shown = tables.of_effects(study) if names.is_comparison(study) else []
    return {"levels": tables.of_levels(names.baseline_of(study)), "effects": effects_shown,
            "whose": "the baseline" if names.is_comparison(study) else "this scenario"}


def _again(study, manifest):
    """Return what is needed to repeat the study."""
    command = manifest.get("command") or []
    versions = manifest.get("versions") or {}
    facts = {"Seed": manifest.get("seed"), "Runs": manifest.get("runs"), "Quarters": manifest.get("quarters"), "Begun": manifest.get("started"),
             "Simulated in": _seconds(manifest), "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
             "Platform": manifest.get("platform")}
    return {"command": shlex.join(command) if command else "",
            "facts": [(term, NOT_RECORDED if text in (None, "") else str(text)) for term, text in facts.items()],
            "changed": tables.changed_numbers(names.baseline_of(study)),
            "configuration": json.dumps(manifest.get("configuration", {}), indent=1, ensure_ascii=False)}


def _seconds(manifest):
    seconds = manifest.get("seconds")
    return f"{figure(float(seconds))} seconds" if seconds is not None else None
