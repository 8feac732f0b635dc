"""Known wrong answers: each a one-line edit of the reference, with the sentence that explains it.

A sentence names the idea that went wrong and never the line that mends it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One edit of the reference.

    Attributes:
        exercise: the id of the exercise whose object is edited.
        slug: what happens, in a word or three; `<exercise>:<slug>` is the mistake's id.
        find: the text to replace. It stands exactly once in the object's source.
        replace: what stands there instead.
        sentence: the idea that went wrong, for the student.
    """

    exercise: str
    slug: str
    find: str
    replace: str
    sentence: str

    @property
    def id(self) -> str:
        return f"{self.exercise}:{self.slug}"
