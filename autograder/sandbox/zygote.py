"""Runs inside the sandbox: imports everything once, then forks a kernel for each submission it is told of.

It speaks JSON lines over one socket that only the grader holds. It never runs student code: that happens in
the forks, which have namespaces of their own and not this socket. Solutions do not exist here.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import BinaryIO, NamedTuple, TextIO

from autograder.starting import starting

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
KERNEL = "/run/kernel"
OVER_MEMORY = 99  # the keeper's exit status when it ended a kernel for its memory
WATCH_SECONDS = 0.2
OF_KERNELS = (  # what a kernel imports when it starts, or with its first cells
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "autograder.sandbox.answer",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "tornado.platform.asyncio",
    "zmq.utils.garbage",
)

libc = ctypes.CDLL(None, use_errno=True)


class Child(NamedTuple):
    """One submission's processes, as the warm process knows them.

    Attributes:
        keeper: process id of the one that made the kernel's namespaces and waits for it.
        pipe: what the keeper says: the kernel's process id, then that the sockets are sealed; a line each.
    """

    keeper: int
    pipe: BinaryIO


def _call(name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    _call(
        "mount", source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), data and data.encode()
    )


def warm_up() -> None:
    """Import what submissions import. No TensorFlow operation may run here: its threads would not survive a fork."""
    import pkgutil
    from importlib import import_module

    import keras
    import tensorflow
    import unrolled

    import autograder.notebook  # noqa: F401
    from autograder import exercise

    for name in exercise.modules():
        exercise.of_module(name)
    for module in pkgutil.walk_packages(unrolled.__path__, "unrolled."):
        import_module(module.name)
    for name in OF_KERNELS:
        import_module(name)
    _ = (keras.layers.RNN, keras.ops, tensorflow.GradientTape)


def serve(control: socket.socket) -> None:
    """Answer requests until the grader closes the socket."""
    children: dict[int, Child] = {}  # by the kernel's process id
    ended: dict[int, int] = {}
    stream = control.makefile("rw", encoding="utf-8", newline="\n")
    for line in stream:
        request = json.loads(line)
        _reap(children, ended)
        answer = {"fork": _fork, "seal": _seal, "poll": _poll, "signal": _signal}[request["do"]](
            request, children, ended, control
        )
        stream.write(json.dumps(answer) + "\n")
        stream.flush()


def _reap(children: dict[int, Child], ended: dict[int, int]) -> None:
    for pid, child in list(children.items()):
        done, status = os.waitpid(child.keeper, os.WNOHANG)
        if done:
            ended[pid] = os.waitstatus_to_exitcode(status)
            child.pipe.close()
            del children[pid]


def _poll(request: dict, children: dict, ended: dict, control: socket.socket) -> dict:
    pid = request["pid"]
    return {"running": pid in children, "status": ended.get(pid)}


def _signal(request: dict, children: dict, ended: dict, control: socket.socket) -> dict:
    if request["pid"] in children:
        os.kill(request["pid"], request["signal"])
    return {}


def _seal(request: dict, children: dict, ended: dict, control: socket.socket) -> dict:
    """The kernel has made its sockets: from now on their folder is read-only for it. Answers when it is so."""
    if request["pid"] in children and request["sandbox"]:
        child = children[request["pid"]]
        os.kill(child.keeper, signal.SIGUSR1)
        child.pipe.readline()
    return {}


def _fork(request: dict, children: dict, ended: dict, control: socket.socket) -> dict:
    """Fork a keeper, which makes the namespaces, which forks the kernel as their first process."""
    reading, writing = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        status = 70
        try:
            os.close(reading)
            control.close()
            os.setsid()
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGUSR1, lambda *_: _make_read_only(writing))
            status = _keep(request, writing)
        except BaseException as error:
            os.write(writing, f"error {type(error).__name__}: {error}"[:500].replace("\n", " ").encode() + b"\n")
        finally:
            os._exit(status)
    os.close(writing)
    pipe = os.fdopen(reading, "rb")
    said = pipe.readline().decode(errors="replace").strip()
    if not said.isdigit():
        pipe.close()
        os.waitpid(keeper, 0)
        return {"error": said or "the fork ended before it had namespaces"}
    children[int(said)] = Child(keeper, pipe)
    return {"pid": int(said)}


def _keep(request: dict, writing: int) -> int:
    if not request["sandbox"]:
        return _keep_open(request, writing)
    uid, gid = os.getuid(), os.getgid()
    libc.prctl(PR_SET_DUMPABLE, 1)  # to write its own maps; the warm process itself stays closed
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    ready, go = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # so that `_watch` can wait for it
    kernel = os.fork()
    if kernel == 0:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.close(ready)
            os.close(writing)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _lock_in(request)
            os.closerange(3, 1024)  # `go` among them: the keeper reports that the view is ready
            _run_kernel(request)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(71)
    os.close(go)
    os.read(ready, 1)  # until the kernel has its view, or has died
    os.write(writing, f"{kernel}\n".encode())
    return _watch(kernel, int(request["limits"]["memory_bytes"]))


def _watch(kernel: int, most: int) -> int:
    """Wait for the kernel to end, and end it when all its processes together use too much memory."""
    while True:
        done, status = os.waitpid(kernel, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else min(code, OVER_MEMORY - 1)
        if _resident() > most and _memory() > most:
            os.kill(kernel, signal.SIGKILL)
            os.waitpid(kernel, 0)
            return OVER_MEMORY
        signal.sigtimedwait({signal.SIGCHLD}, WATCH_SECONDS)  # at once when the kernel ends


def _resident() -> int:
    """Memory of all processes in the kernel's view, in bytes, shared pages counted each time: too much, but quick."""
    return resource.getpagesize() * _over_processes("statm", lambda file: int(file.read().split()[1]))


def _memory() -> int:
    """Memory of all processes in the kernel's view, in bytes, pages shared between them counted once."""
    return 1024 * _over_processes(
        "smaps_rollup", lambda file: sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    )


def _over_processes(name: str, amount: Callable[[TextIO], int]) -> int:
    """The sum of what a file of each process in the kernel's view says."""
    total = 0
    for pid in os.listdir("/proc"):  # noqa: PTH208
        if pid.isdigit():
            try:
                with open(f"/proc/{pid}/{name}") as file:  # noqa: PTH123
                    total += amount(file)
            except (OSError, ValueError, IndexError):
                continue  # it has ended
    return total


def _keep_open(request: dict, writing: int) -> int:
    """Without a sandbox: a plain fork, in a folder of its own. Only for work that is trusted."""
    kernel = os.fork()
    if kernel == 0:
        try:
            os.closerange(3, 1024)
            os.chdir(request["folder"])
            _put_files(request)
            _run_kernel(request)
        finally:
            os._exit(71)
    os.write(writing, f"{kernel}\n".encode())
    return abs(os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1]))


def _make_read_only(writing: int) -> None:
    """In the keeper, which shares the kernel's view and has kept its own privilege over it."""
    _mount("none", KERNEL, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.write(writing, b"sealed\n")


def _lock_in(request: dict) -> None:
    """Give this process its own view of the machine, its limits, and no privilege over either."""
    limits = request["limits"]
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount(f"/run/unrolled/{request['name']}", KERNEL, None, MS_BIND)
    disk = int(limits["disk_bytes"])
    below_tmp = {path: os.open(path, os.O_PATH) for path in request["python"] if path.startswith("/tmp/")}
    for folder, size in (
        ("/run/unrolled", 4096),
        ("/tmp", disk // 4),
        ("/dev/shm", disk // 4),
        ("/home/student", disk // 2),
    ):
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},mode=0700")
    for path, descriptor in below_tmp.items():  # an installation in a temporary folder stays visible
        os.makedirs(path)  # noqa: PTH103
        _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
    with open("/proc/sys/user/max_user_namespaces", "w") as file:  # noqa: PTH123
        file.write("0")
    for name in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"):
        if os.path.isdir(name):  # noqa: PTH112
            _mount(name, name, None, MS_BIND | MS_REC)
            _mount("none", name, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chdir("/home/student")
    _put_files(request)
    for kind, value in (
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_AS, limits["memory_bytes"] + _address_space()),
    ):
        resource.setrlimit(kind, (int(value), int(value)))
    for capability in range(41):
        libc.prctl(PR_CAPBSET_DROP, capability)
    _call("capset", ctypes.byref((ctypes.c_uint32 * 2)(0x20080522, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _put_files(request: dict) -> None:
    for name, data in request["files"].items():
        with open(os.path.basename(name), "wb") as out:  # noqa: PTH119, PTH123
            out.write(bytes.fromhex(data))


def _address_space() -> int:
    """What this process has mapped already: libraries, which cost no memory of its own."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _run_kernel(request: dict) -> None:
    from ipykernel import ipkernel
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGINT, signal.default_int_handler)
    path = os.path.abspath(".kernel.json")  # noqa: PTH100
    with open(path, "w") as file:  # noqa: PTH123
        json.dump(request["connection"], file)
    app = IPKernelApp.instance()
    # It lists all modules for its debugger: to look at 5,000 of them would copy 25 MB of the warm process's memory.
    ipkernel.sys = SimpleNamespace(modules={})
    app.initialize(["-f", path, "--IPKernelApp.parent_handle=0", "--HistoryManager.enabled=False"])
    ipkernel.sys = sys
    app.start()
    os._exit(0)


if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    libc.prctl(PR_SET_DUMPABLE, 0)
    with starting():
        warm_up()
    channel.sendall(b'{"ready": true}\n')
    serve(channel)
