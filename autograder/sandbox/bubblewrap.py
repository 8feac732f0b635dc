"""The bubblewrap command lines: which folders exist for student code, and nothing else.

Run by an ordinary user, one bubblewrap builds the whole view. Run by root, an outer one first makes the
Python installation readable (root's home is closed to others) and drops to an unprivileged user, because the
nested /proc of each submission is refused to namespaces that root made.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.reference import ROOT

NOBODY = 65534
CODE = "/opt/unrolled"  # where the sandbox sees the packages that notebooks import
KERNELS = "/run/unrolled"  # one folder a submission, for its kernel's sockets
HOME = "/home/student"

INSTALL = "Debian and Ubuntu: apt install bubblewrap. Fedora: dnf install bubblewrap. Arch: pacman -S bubblewrap."


class WarmDied(RuntimeError):
    """The warm process is gone; a new one must be started."""


class NoSandbox(RuntimeError):
    """Student code cannot be locked in on this machine; grading does not start."""


def require() -> None:
    """Make sure that bubblewrap works here.

    Raises:
        NoSandbox: with what to install or to allow.
    """
    if not sys.platform.startswith("linux"):
        raise NoSandbox(
            f"The sandbox needs Linux. Received: {sys.platform}. Grade on a Linux machine, or in a virtual one."
        )
    if not shutil.which("bwrap"):
        raise NoSandbox(f"The sandbox needs bubblewrap, and `bwrap` was not found. {INSTALL}")
    try:
        subprocess.run(
            [*_outer(), "bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", b"") or b""
        raise NoSandbox(
            "bubblewrap is installed and may not make user namespaces here: "
            f"{said.decode(errors='replace').strip() or error}. On Ubuntu 24.04 and later allow it with "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`; a container needs user namespaces enabled."
        ) from None


def owner() -> int:
    """The user that the sandbox runs as, outside."""
    return NOBODY if os.getuid() == 0 else os.getuid()


def command(kernels: Path, argv: list[str], environment: dict[str, str]) -> list[str]:
    """The full command line that runs `argv` inside.

    Args:
        kernels: the folder of this worker's kernel sockets, which appears as KERNELS inside.
        argv: the program.
        environment: its whole environment.
    """
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    line += ["--uid", "1000", "--gid", "1000", "--hostname", "unrolled", "--cap-drop", "ALL"]
    for path in ("/usr", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives"):
        line += ["--ro-bind-try", path, path]
    for path in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if Path(path).is_symlink():
            line += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            line += ["--ro-bind", path, path]
    line += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", HOME, "--dir", "/run/kernel"]
    for path in python_paths():
        line += ["--ro-bind", path, path]
    for path in _packages():
        line += ["--ro-bind", str(path), f"{CODE}/{path.name}"]
    line += ["--bind", str(kernels), KERNELS, "--chdir", HOME]
    line += ["--remount-ro", "/", "--remount-ro", "/dev"]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    return [*_outer(kernels), *line, *argv]


def _packages() -> list[Path]:
    """The two packages that notebooks import; `unrolled` stands among the lessons in the repository."""
    return [ROOT / "autograder", ROOT / "lessons" / "unrolled"]


def code_paths() -> list[str]:
    """The folders that hold those packages."""
    return [str(path.parent) for path in _packages()]


def python_paths() -> list[str]:
    """The interpreter and its packages, outside /usr: the virtual environment and what it was made from."""
    paths = {str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix)} | {sys.prefix, sys.base_prefix}
    return sorted(path for path in paths if path != "/usr" and not path.startswith("/usr/"))


def _outer(kernels: Path | None = None) -> list[str]:
    """For root: make needed folders below closed ones reachable, then become nobody."""
    if os.getuid() != 0:
        return []
    needed = [*python_paths(), *map(str, _packages()), *([str(kernels)] if kernels else [])]
    line = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"]
    closed = {ancestor for path in needed if (ancestor := _closed_ancestor(Path(path)))}
    for ancestor in sorted(closed):
        line += ["--tmpfs", str(ancestor)]
    for path in map(Path, needed):
        for ancestor in (a for a in closed if path.is_relative_to(a)):
            between = [
                parent for parent in reversed(path.parents) if parent != ancestor and parent.is_relative_to(ancestor)
            ]
            for folder in between:  # bubblewrap would make them for root alone
                line += ["--perms", "0755", "--dir", str(folder)]
            line += ["--bind", str(path), str(path)]
    return [*line, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def _closed_ancestor(path: Path) -> Path | None:
    """The outermost folder above `path` that others may not enter."""
    for ancestor in reversed(path.parents):
        if not ancestor.stat().st_mode & 0o001:
            return ancestor
    return None
