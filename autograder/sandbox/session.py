"""Talking to a locked-in kernel: run code, collect bounded outputs, interrupt it when its time is over.

Smaller than nbclient, and stricter: whatever arrives is checked before it is kept, and a cell that was
interrupted leaves nothing behind that could swallow the next one's messages.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.sandbox.bubblewrap import WarmDied
from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import WarmKernelManager
from autograder.sandbox.zygote import OVER_MEMORY

START_SECONDS = 60.0  # for a kernel to answer
ASK_AGAIN = 0.1  # seconds until the next question whether it is there
INTERRUPT_SECONDS = 3.0  # for code to end after an interrupt, before its kernel is killed
OUTPUTS = ("stream", "display_data", "execute_result", "error")
MAX_OUTPUTS = 500  # of one cell


class Ended(Exception):
    """The kernel cannot go on. The text is for the student."""


@dataclass
class Ran:
    """What running some code gave.

    Attributes:
        outputs: as a notebook keeps them.
        timed_out: it took too long and was interrupted.
    """

    outputs: list[NotebookNode] = field(default_factory=list)
    timed_out: bool = False

    @property
    def error(self) -> NotebookNode | None:
        """The first error, if there was one."""
        return next((output for output in self.outputs if output.output_type == "error"), None)


class Session:
    """One kernel's life, from its fork to its end. Use as an async context manager."""

    def __init__(self, manager: WarmKernelManager, limits: Limits) -> None:
        self.manager, self.limits = manager, limits

    async def __aenter__(self) -> Session:
        await self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels(stdin=False, hb=False)
        try:
            await self._until_ready()
        except BaseException:
            await self.__aexit__()
            raise
        self.manager.warm.seal(self.manager.provisioner.pid)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.stop_channels()
        await self.manager.provisioner.kill()
        await self.manager.provisioner.wait()  # jupyter_client itself would look ten times a second
        await self.manager.shutdown_kernel(now=True)

    async def _until_ready(self) -> None:
        """Wait until the kernel answers on both channels, without the pauses of jupyter_client's own way.

        Raises:
            RuntimeError: when it does not.
        """
        deadline, asked = time.monotonic() + START_SECONDS, set()
        while time.monotonic() < deadline:
            asked.add(self.client.kernel_info())
            try:
                while message := await self._next(time.monotonic() + ASK_AGAIN):
                    idle = message["content"].get("execution_state") == "idle"
                    if idle and message["parent_header"].get("msg_id") in asked:
                        await self._drain_replies()
                        return
            except Ended as ended:
                raise RuntimeError(f"The kernel ended before it began: {ended}") from None
        raise RuntimeError(f"The kernel did not answer within {START_SECONDS:g} s.")

    async def run(self, code: str, *, output_bytes: int | None = None) -> Ran:
        """Run code as a cell.

        Args:
            code: its text.
            output_bytes: what it may print, if not the limits' own.

        Raises:
            Ended: when the kernel died, or could not be interrupted.
            WarmDied: when it died with the warm process, which is not its doing.
        """
        ran, spent = Ran(), 0
        most = self.limits.output_bytes if output_bytes is None else output_bytes
        deadline = time.monotonic() + self.limits.cell_seconds
        request = self.client.execute(code, store_history=True, allow_stdin=False, stop_on_error=False)
        while True:
            message = await self._next(deadline)
            if message is None and not ran.timed_out:
                ran.timed_out = True
                await self.manager.interrupt_kernel()
                deadline = time.monotonic() + INTERRUPT_SECONDS
            elif message is None:
                raise Ended(f"A cell took longer than {self.limits.cell_seconds:g} s and could not be interrupted.")
            elif message["parent_header"].get("msg_id") == request:
                if message["content"].get("execution_state") == "idle":
                    break
                size = len(str(message["content"])) if message["msg_type"] in OUTPUTS else 0
                spent += size
                if size and spent <= most and len(ran.outputs) < MAX_OUTPUTS:
                    _keep(ran.outputs, message)
        if spent > most or len(ran.outputs) >= MAX_OUTPUTS:
            ran.outputs.append(_said("stdout", f"[more output than {most} bytes: the rest was dropped]\n"))
        await self._drain_replies()
        return ran

    async def _next(self, deadline: float) -> dict[str, Any] | None:
        """The next message on the output channel, or None at the deadline."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = await self.client.iopub_channel.get_msg(timeout=min(left, 0.5))
                if all(isinstance(message.get(part), dict) for part in ("header", "parent_header", "content")):
                    return message
            except Empty:
                status = await self.manager.provisioner.poll()
                if status is not None:
                    if not self.manager.warm.alive:  # every kernel died with it, whatever its code did
                        raise WarmDied("The sandbox's warm process ended.") from None
                    raise Ended(self._why(status)) from None
            except Exception:  # a forged message stumbles wherever its sender likes
                continue
        return None

    def _why(self, status: int) -> str:
        if status == OVER_MEMORY:
            gigabytes = self.limits.memory_bytes / 2**30
            return f"All processes of the notebook together used more than {gigabytes:.1f} GB of memory."
        return "The notebook's process ended before its time: it was killed, or it ended itself."

    async def _drain_replies(self) -> None:
        while await self.client.shell_channel.msg_ready():
            try:
                await self.client.shell_channel.get_msg(timeout=0)
            except (Empty, ValueError, KeyError, TypeError):
                return


def _keep(outputs: list[NotebookNode], message: dict[str, Any]) -> None:
    """Append one message's output; text that follows text of the same stream is joined to it."""
    try:
        output = nbformat.v4.output_from_msg(message)  # which validates it
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError):
        return
    last = outputs[-1] if outputs else None
    if output.output_type == "stream" and last and last.output_type == "stream" and last.name == output.name:
        last.text += output.text
    else:
        outputs.append(output)


def _said(name: str, text: str) -> NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)
