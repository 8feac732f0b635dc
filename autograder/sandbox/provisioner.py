"""A jupyter_client kernel provisioner whose kernels are forks of a warm process in the sandbox.

nbclient and nbgrader take their kernels from jupyter_client, so either can run in the sandbox: give them a
`WarmKernelManager`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

import zmq
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase

from autograder.sandbox.bubblewrap import WarmDied
from autograder.sandbox.warm import Warm
from autograder.subject import MAX_BYTES

CHANNELS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
NAME = "unrolled-warm"


class WarmKernelManager(AsyncKernelManager):
    """A kernel manager that forks its kernel from a warm process.

    Attributes:
        warm: the process to fork from.
        files: name -> bytes, put into the kernel's working folder.
    """

    def __init__(self, warm: Warm, files: Mapping[str, bytes] | None = None, **kwargs: Any) -> None:
        super().__init__(transport="ipc", **kwargs)
        self.warm, self.files = warm, files or {}
        # A hostile kernel may send what it likes: no message larger than two answers, and not many at a time.
        self.context.setsockopt(zmq.MAXMSGSIZE, 2 * MAX_BYTES)
        self.context.setsockopt(zmq.RCVHWM, 20)
        self.context.setsockopt(zmq.RECONNECT_IVL, 10)  # milliseconds, until the kernel has made its sockets

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=[], language="python", metadata={"kernel_provisioner": {"provisioner_name": NAME}})


class WarmProvisioner(KernelProvisionerBase):
    """Starts, watches and ends one forked kernel."""

    pid: int | None = None
    name: str = ""

    @property
    def has_process(self) -> bool:
        return self.pid is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager = self.parent
        if not isinstance(manager, WarmKernelManager):
            raise RuntimeError(
                f"The provisioner {NAME!r} works with a WarmKernelManager. Received: {type(manager).__name__}."
            )
        self.name = manager.warm.new_name()
        manager.ip = str(manager.warm.folder / self.name / "s")
        for number, channel in enumerate(CHANNELS, 1):
            setattr(manager, channel, number)
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        inside = dict(
            self.connection_info,
            ip=f"{self.parent.warm.sockets(self.name)}/s",
            key=self.connection_info["key"].decode(),
        )
        fork = self.parent.warm.fork  # a twentieth of a second, in which other submissions' kernels go on
        self.pid = await asyncio.to_thread(fork, self.name, inside, self.parent.files)
        return self.connection_info

    async def poll(self) -> int | None:
        if self.pid is None:
            return 0
        try:
            return self.parent.warm.poll(self.pid)
        except WarmDied:
            return 1

    async def wait(self) -> int | None:
        while (status := await self.poll()) is None:
            await asyncio.sleep(0.01)
        self.pid = None
        return status

    async def send_signal(self, signum: int) -> None:
        if self.pid is not None:
            try:
                self.parent.warm.signal(self.pid, signum)
            except WarmDied:
                self.pid = None

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        self.parent.warm.forget(self.name)
