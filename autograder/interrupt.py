"""What Ctrl-C does, for a while."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_ctrl_c(handler: Callable | signal.Handlers) -> Iterator[None]:
    """Handle SIGINT this way inside the block. Outside the main thread, where Python allows none, nothing changes.

    Args:
        handler: as `signal.signal` takes it. Processes that are started inside inherit `signal.SIG_IGN`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
