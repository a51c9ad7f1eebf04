"""What is said to somebody whose input cannot be used."""

from dataclasses import dataclass
from difflib import get_close_matches

NOT_GIVEN = object()
LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, the value, what is asked for, and what to do."""

    file: str
    why: str
    remedy: str = ""
    key: str = ""
    value: object = NOT_GIVEN

    def __str__(self):
        where = self.key if self.value is NOT_GIVEN else f"{self.key} = {shown(self.value)}"
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.file}: {where}: {self.why}{remedy}" if where else f"{self.file}: {self.why}{remedy}"

    def __reduce__(self):
        """Pickle without the value when there is none, because the mark for that is a single object."""
        given = (self.file, self.why, self.remedy, self.key)
        return Problem, given if self.value is NOT_GIVEN else (*given, self.value)


class BadInput(Exception):
    """The input cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, *problems):
        super().__init__(*problems)
        self.problems = problems

    def __str__(self):
        return "\n".join(str(problem) for problem in self.problems)


def shown(value):
    """Write a value as it stands in TOML, cut to a readable length."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    except ValueError:  # Python refuses to print integers of many thousand digits
        text = "a number too long to print"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def did_you_mean(name, known):
    """Return "did you mean x?" for the nearest known name, or else a list of all of them."""
    known = list(known)
    near = get_close_matches(str(name).lower(), known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(known)}" if known else ""
