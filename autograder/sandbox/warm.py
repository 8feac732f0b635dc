"""The grader's handle on a warm process in the sandbox: start it, fork kernels from it, end them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from autograder.sandbox import bubblewrap, zygote
from autograder.sandbox.bubblewrap import WarmDied
from autograder.sandbox.limits import Limits

START_SECONDS = 120
SHARE = 4  # submissions at a time, at most, that share one warm process


def environment() -> dict[str, str]:
    """The whole environment inside: nothing of the grader's own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": bubblewrap.CODE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "HOME": bubblewrap.HOME,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{bubblewrap.HOME}/.matplotlib",
        "IPYTHONDIR": f"{bubblewrap.HOME}/.ipython",
        "JUPYTER_RUNTIME_DIR": "/tmp",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _remove_left_over() -> None:
    """Remove the folders of warm processes whose grader was killed."""
    for path in Path(tempfile.gettempdir()).glob("unrolled-*-*"):
        owner = path.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def share(workers: int) -> int:
    """How many of so many submissions at a time share a warm process, where all have as many."""
    return max(share for share in range(1, SHARE + 1) if workers % share == 0)


_ahead: list[Warm] = []  # started, and not taken yet


@contextlib.contextmanager
def ahead(limits: Limits, *, sandbox: bool = True) -> Iterator[None]:
    """Start a warm process now, for the first in this process that asks for one with these settings.

    Raises:
        NoSandbox: when this machine cannot lock student code in.
    """
    warm = Warm(limits, sandbox=sandbox)
    _ahead.append(warm)
    try:
        yield
    finally:
        if warm in _ahead:
            _ahead.remove(warm)
            warm.close()


def ready(limits: Limits, *, sandbox: bool = True) -> Warm:
    """A warm process that can fork: the one that was started ahead, or a new one.

    Raises:
        NoSandbox: when this machine cannot lock student code in. WarmDied: when it ended before it could fork.
    """
    fitting = [warm for warm in _ahead if (warm.limits, warm.sandbox) == (limits, sandbox)]
    if fitting:
        _ahead.remove(fitting[0])
    warm = fitting[0] if fitting else Warm(limits, sandbox=sandbox)
    try:
        warm.wait()
    except WarmDied:
        warm.close()
        raise
    return warm


class Warm:
    """A warm process. Use as a context manager, or call `close`.

    It is started at once and takes seconds to import what notebooks import; `wait` waits for that, and `fork` does.

    Args:
        limits: of every submission forked from it.
        sandbox: False runs it without bubblewrap and namespaces, for trusted work only.

    Raises:
        NoSandbox: when this machine cannot lock student code in.
    """

    def __init__(self, limits: Limits | None = None, *, sandbox: bool = True) -> None:
        if sandbox:
            bubblewrap.require()
        self.limits = limits or Limits()
        self.sandbox = sandbox
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        _remove_left_over()
        self.folder = Path(tempfile.mkdtemp(prefix=f"unrolled-{os.getpid()}-"))
        self._give(self.folder)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        ours, theirs = socket.socketpair()
        argv = [sys.executable, "-m", "autograder.sandbox.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(
            bubblewrap.command(self.folder, argv, environment()) if sandbox else argv,
            env=None if sandbox else environment() | {"PYTHONPATH": os.pathsep.join(bubblewrap.code_paths())},
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            start_new_session=True,  # a terminal's Ctrl-C is for the grader, which ends this process itself
        )  # fmt: skip
        theirs.close()
        ours.settimeout(START_SECONDS)
        self._socket = ours
        self._stream = ours.makefile("rw", encoding="utf-8", newline="\n")
        self._ready = False

    def wait(self) -> None:
        """Wait until it can fork.

        Raises:
            WarmDied: when it ended before it could.
        """
        with self._lock:
            if not self._ready:
                self._read()
                self._ready = True

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def new_name(self) -> str:
        """A fresh folder for one submission's sockets; its name."""
        name = f"k{next(self._numbers)}"
        path = self.folder / name
        path.mkdir(mode=0o700)
        self._give(path)
        return name

    def sockets(self, name: str) -> str:
        """Where the kernel of one submission sees its folder."""
        return zygote.KERNEL if self.sandbox else str(self.folder / name)

    def _give(self, path: Path) -> None:
        if self.sandbox:
            os.chown(path, bubblewrap.owner(), -1)

    def fork(self, name: str, connection: Mapping[str, object], files: Mapping[str, bytes]) -> int:
        """Fork a kernel; its process id as the warm process knows it.

        Raises:
            WarmDied: when the warm process is gone, or could not make the namespaces.
        """
        self.wait()
        answer = self._ask(
            do="fork", name=name, connection=dict(connection), limits=self.limits.to_plain(),
            python=bubblewrap.python_paths(), sandbox=self.sandbox, folder=str(self.folder / name),
            files={file: data.hex() for file, data in files.items()},
        )  # fmt: skip
        if "pid" not in answer:
            raise WarmDied(f"A submission could not be locked in: {answer.get('error')}")
        return answer["pid"]

    def poll(self, pid: int) -> int | None:
        """None while the kernel runs, then its exit status."""
        if not self.alive:
            return 1
        answer = self._ask(do="poll", pid=pid)
        return None if answer["running"] else answer["status"] if answer["status"] is not None else 1

    def signal(self, pid: int, number: int) -> None:
        """Send a signal; SIGKILL ends the kernel and every process it started."""
        self._ask(do="signal", pid=pid, signal=number)

    def seal(self, pid: int) -> None:
        """Make the kernel's socket folder read-only for it. To be called before it runs student code."""
        self._ask(do="seal", pid=pid, sandbox=self.sandbox)

    def forget(self, name: str) -> None:
        """Remove the folder of a submission that has ended."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def close(self) -> None:
        """End the warm process and every submission in it."""
        for end in (self._stream, self._socket):  # both, or the warm process would never see the end
            with contextlib.suppress(OSError, ValueError):
                end.close()
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, **request: object) -> dict:
        with self._lock:
            try:
                self._stream.write(json.dumps(request) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                raise WarmDied(self._why()) from None
            return self._read()

    def _read(self) -> dict:
        try:
            line = self._stream.readline()
        except (OSError, ValueError):
            line = ""
        if not line:
            raise WarmDied(self._why())
        return json.loads(line)

    def _why(self) -> str:
        self._process.kill()
        self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        return f"The sandbox's warm process ended: {said[-1] if said else 'it said nothing'}"
