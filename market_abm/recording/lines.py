"""Recorded lines as columns: numbers as arrays, words as codes into a short list."""

from dataclasses import dataclass

import numpy as np

NONE = -1  # the code of no word


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: `words[codes]`, nothing where the code is -1."""

    codes: np.ndarray
    words: tuple[str, ...]

    def __getitem__(self, places):
        """Return the words at some places, in the same coding."""
        return Words(self.codes[places], self.words)

    def __len__(self):
        return len(self.codes)

    def spelt(self):
        """Return the words themselves, None for no word."""
        return [self.words[code] if code != NONE else None for code in self.codes.tolist()]


def coded(words):
    """Return a column of words, coded in the order of their first appearance; None and "" are no word."""
    known = {}
    codes = [known.setdefault(word, len(known)) if word else NONE for word in words]
    return Words(np.array(codes, np.int32), tuple(known))


def same_word(word, count):
    """Return a column that says the same thing `count` times."""
    return Words(np.zeros(count, np.int32), (word,))


def by_run(lines):
    """Order lines by run, one column at a time, and empty what was given; within a run they stay as they are."""
    order = np.argsort(lines["run"], kind="stable")
    return {name: lines.pop(name)[order] for name in list(lines)}


def gathered(chunks):
    """Join chunks of equal columns, one column at a time, and let go of the chunks."""
    return {name: np.concatenate([chunk.pop(name) for chunk in chunks]) for name in list(chunks[0])}
