"""The policies of a page: what each does, when, how far, its reference in the world, and what theory expects."""

from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.declare import declarations
from market_abm.report.effects import SIGNS
from market_abm.report.names import baseline_of, is_comparison
from market_abm.report.numbers import figure, percent
from market_abm.studies.names import capital, policy_name

OUTCOMES = {
    "owners": "concentration of owners of compute, clouds and labs", "chips": "concentration of chip makers", "entry": "entry of startups",
    "price": "price of compute", "output": "size of the largest training runs", "welfare": "customers' surplus",
}


def policies(study, manifest):
    """Return one entry a policy that the study compares, with its levers."""
    if not is_comparison(study):
        return []
    stored = manifest.get("policies") or {}
    return [{"name": capital(policy_name(name)), "levers": [lever(dated, result.config.parameters.policy) for dated in stored.get(name, [])]}
            for name, result in study.results.items()]


def standing(study, manifest):
    """Return the levers that the configuration itself puts in force, in every scenario."""
    config = baseline_of(study).config
    return [lever(dated, config.parameters.policy) for dated in manifest.get("configuration", {}).get("levers", [])]


def lever(dated, sizes):
    """Return what is to be said of one dated lever, a dict as the manifest has it, as pairs of term and text."""
    known = CATALOGUE.get(dated["name"])
    says = known.says if known else "This lever is no longer in the catalogue."
    facts = [("In force", dates(dated, known)), ("Strength", f"{percent(100 * dated.get('strength', 1.0))}%"), ("Announced", announced(dated, known)),
             ("What was there before", grandfathering(dated, known)), ("How far it goes", sizes_said(known, sizes)),
             ("In the world", known.reference if known else ""), ("Theory expects", signs(known)), ("Why", known.why if known else "")]
    return {"name": capital(policy_name(dated["name"])), "says": says, "facts": [(term, text) for term, text in facts if text]}


def dates(dated, known):
    """Say from when to when a lever is in force, and how long its ramp takes."""
    ramp = dated.get("ramp_quarters", 1)
    until = f" until {dated['end']}, not included" if dated.get("end") else ", with no end"
    if known and known.once:
        return f"once, in {dated['start']}"
    grows = f"; full strength is reached within {figure(ramp)} quarters" if ramp > 1 else "; in full at once"
    return f"from {dated['start']}{until}{grows}"


def announced(dated, known):
    """Say how long before its start a lever is announced, which its ramp is counted from."""
    if known and known.once:
        return ""
    ahead = dated.get("announced_quarters", 0)
    return f"{figure(ahead)} quarters before the start; the ramp runs from then" if ahead else "with its start"


def grandfathering(dated, known):
    """Say whether what was agreed or made before is left alone."""
    if known is None or not known.grandfathers:
        return ""
    return f"left alone: {known.grandfathers}" if dated.get("grandfathered") else f"reached too: {known.grandfathers}"


def sizes_said(known, sizes):
    """Say how far a lever goes at full strength; nothing for one without sizes."""
    if known is None or not known.arguments:
        return ""
    told = declarations(sizes)
    return "; ".join(f"{name} = {figure(float(getattr(sizes, name)))} [{told[name].unit}]: {told[name].says.rstrip('.')}" for name in known.arguments)


def signs(known):
    """Say theory's sign for each outcome."""
    expected = known.signs if known else {}
    return "; ".join(f"{OUTCOMES.get(outcome, outcome)}: {SIGNS[sign]}" for outcome, sign in expected.items())
