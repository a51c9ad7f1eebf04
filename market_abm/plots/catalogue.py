"""All pictures, in the order of a page: the one door to drawing for everybody outside this folder."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib import rc_context

from market_abm.plots import barriers, binding, concentration, frontier, history, owners, policies, regions, sensitivity, style
from market_abm.plots.style import look


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: how it is drawn and what it says to who cannot see it."""

    name: str
    title: str
    draw: Callable  # draw(study) -> matplotlib Figure
    says: Callable  # says(study) -> a few sentences made from the numbers
    needs: tuple[str, ...]  # metrics of which at least one must be there; none: the effects of policies


def _picture(name, title, module, needs):
    def of_baseline(function):
        return lambda study: function(getattr(study, "baseline", study))

    several = not needs
    draw, says = (module.draw, module.says) if several else (of_baseline(module.draw), of_baseline(module.says))
    return Picture(name, title, draw, says, tuple(needs))


PICTURES = {
    picture.name: picture
    for picture in (
        _picture("policies", "What each rule would change", policies, ()),
        _picture("owners", "Who owns the world's AI compute", owners, (owners.SHARE,)),
        _picture("concentration", "How concentrated each market is", concentration, concentration.MARKETS),
        _picture("barriers", "What it takes to get in", barriers, [metric for panel in barriers.PANELS for metric in panel[3]]),
        _picture("binding", "What binds whom", binding, [metric for panel in binding.PANELS for metric in panel[2]]),
        _picture("frontier", "How far the race goes", frontier, [panel[0] for panel in frontier.PANELS]),
        _picture("history", "What is known, and what the model gives", history, history.NEEDS),
    )
}


def available(study):
    """Return the names of the pictures that a study can be drawn as."""
    measured = getattr(study, "baseline", study).names

    def possible(picture):
        if not picture.needs:
            return bool(getattr(study, "effects", ()))
        return any(name.startswith(picture.needs) for name in measured)

    return tuple(name for name, picture in PICTURES.items() if possible(picture))


def save(study, name, path):
    """Draw a picture into a file; a path without suffix gives svg and png. Returns the files."""
    with look():
        return style.save(PICTURES[name].draw(study), Path(path))


def svg(study, name):
    """Return a picture as SVG to put into a page: as wide as its place, named and described, its ids its own."""
    out = io.StringIO()
    with look(), rc_context({"svg.fonttype": "none", "svg.hashsalt": f"market-abm {name}"}):
        PICTURES[name].draw(study).savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<[a-zA-Z][^>]*>", lambda tag: re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag[0]), text)
    head, rest = text.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    label = escape(PICTURES[name].says(study), quote=True)
    return f'{head} width="100%" role="img" aria-label="{label}"><title>{escape(PICTURES[name].title)}</title>{rest}'


def save_sensitivity(told, results, path):
    """Draw the indices of a sweep into a file; a path without suffix gives svg and png. Returns the files, none if there is no index."""
    return _save_of_sweep(sensitivity, told, results, path, "Which assumptions matter") if told.rows else []


def save_regions(found, results, path):
    """Draw the cases and the box of scenario discovery into a file; a path without suffix gives svg and png. Returns the files."""
    return _save_of_sweep(regions, found, results, path, "Where a metric lies beyond a line")


def _save_of_sweep(module, found, results, path, title):
    with look():
        files = style.save(module.draw(found, results), Path(path))
    for file in files:
        if file.suffix == ".svg":
            file.write_text(_described(file.read_text("utf-8"), title, module.says(found, results)), "utf-8")
    return files


def _described(text, title, says):
    """Return an SVG file that is named and described for who cannot see it."""
    start = text.index("<svg")
    head, rest = text[start:].split(">", 1)
    return f'{text[:start]}{head} role="img">\n <title>{escape(title)}</title>\n <desc>{escape(says)}</desc>{rest}'
