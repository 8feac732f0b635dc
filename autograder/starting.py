"""Importing much without looking for garbage in it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """Import and build what stays until the end with the garbage collector off, then set it aside for good.

    TensorFlow has a million objects. The collector would search them again and again during the import (a sixth of its
    time), at exit (over a second), and in every fork, where looking at an object copies its page.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
