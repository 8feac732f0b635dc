"""Importing much, without looking for garbage in it and without what nobody uses."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NEEDLESS = (  # jsonschema, which nbformat uses, would check addresses with it; building its grammar takes a second
    "rfc3987_syntax",
)


@contextmanager
def starting() -> Iterator[None]:
    """Import and build what stays until the end with the garbage collector off, then set it aside for good.

    TensorFlow has a million objects. The collector would search them again and again during the import (a sixth of its
    time), at exit (over a second), and in every fork, where looking at an object copies its page.

    NEEDLESS is not found inside, and its importers do without it.
    """
    gc.disable()
    hidden = [name for name in NEEDLESS if sys.modules.setdefault(name, None) is None]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
        gc.freeze()
        gc.enable()
