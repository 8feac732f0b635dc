"""Many submissions on many workers: Dask, on this machine or on a cluster."""

from __future__ import annotations

import contextlib
import logging
import signal
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from distributed import Client, Future, LocalCluster, WorkerPlugin, as_completed, get_worker

from autograder.grade.plan import Plan
from autograder.grade.task import Graded, WarmBox, grade
from autograder.interrupt import on_ctrl_c
from autograder.sandbox.limits import Limits
from autograder.sandbox.warm import share

PLUGIN = "unrolled-warm"
AHEAD = 2  # submissions sent for each that can be graded at a time, so that no worker waits
TRIES = 3  # of a submission whose worker died under it


class WarmPlugin(WorkerPlugin):
    """Gives each worker a warm process of its own, and ends it with the worker."""

    name = PLUGIN

    def __init__(self, limits: Limits, sandbox: bool) -> None:
        self.limits, self.sandbox = limits, sandbox

    def setup(self, worker) -> None:
        self.box = WarmBox(self.limits, sandbox=self.sandbox)
        self.box.get()

    def teardown(self, worker) -> None:
        self.box.close()


@contextmanager
def pool(workers: int, scheduler: str | None, limits: Limits, *, sandbox: bool = True) -> Iterator[Client]:
    """A Dask client with warm workers.

    Args:
        workers: how many submissions at a time, on this machine.
        scheduler: address of a running scheduler, whose workers are used instead.
        limits: of every submission.
        sandbox: False runs student code without one.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(_connected(scheduler))
        else:
            here = share(workers) == workers
            with on_ctrl_c(signal.SIG_IGN):  # a terminal sends it to all; the workers are ended by this process
                cluster = stack.enter_context(
                    LocalCluster(
                        n_workers=workers // share(workers),
                        threads_per_worker=share(workers),
                        processes=not here,  # student code runs elsewhere anyway, and a process takes seconds to start
                        memory_limit=None if here else "auto",
                        dashboard_address=":0",
                        silence_logs=logging.CRITICAL,
                    )
                )
            client = stack.enter_context(Client(cluster))
        client.register_plugin(WarmPlugin(limits, sandbox))
        try:
            yield client
        finally:
            if scheduler:
                client.unregister_worker_plugin(PLUGIN)


def _connected(scheduler: str) -> Client:
    """A client of a running scheduler that has workers.

    Raises:
        ConnectionError: when there is none, or it has none.
    """
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError):
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler}. Start one with `dask scheduler`, or leave --scheduler out."
        ) from None
    try:
        client.wait_for_workers(1, timeout=30)
    except TimeoutError:
        client.close()
        raise ConnectionError(
            f"the Dask scheduler at {scheduler} has no workers. Start some with `dask worker {scheduler}`."
        ) from None
    return client


def grade_all(
    client: Client, students: Iterable[str], read: Callable[[str], bytes | str], plan: Plan
) -> Iterator[Graded]:
    """Grade submissions, yielding each as it is done, in whatever order.

    A file is read when its turn comes, so that a large class needs no more memory than a small one.

    Args:
        client: of the workers.
        students: whose submissions.
        read: gives a student's file, or, as text, why there is none.
        plan: of the run.
    """
    left = deque((student, 1) for student in students)
    under_way: dict[Future, tuple[str, int]] = {}
    finished = as_completed()
    shared = client.scatter(plan, broadcast=True, hash=False)
    at_a_time = AHEAD * max(1, sum(client.nthreads().values()))

    def send() -> None:
        while left and len(under_way) < at_a_time:
            student, attempt = left.popleft()
            future = client.submit(_grade, student, read(student), shared, pure=False)
            under_way[future] = student, attempt
            finished.add(future)

    send()
    for future in finished:
        student, attempt = under_way.pop(future)
        graded = None
        try:
            graded = future.result()
        except (Exception, CancelledError) as error:  # its worker died, perhaps with the plan: try again
            if attempt < TRIES:
                shared = client.scatter(plan, broadcast=True, hash=False)
                left.appendleft((student, attempt + 1))
            else:
                reason = f"It could not be graded: {type(error).__name__}: {error}"[:300]
                graded = Graded(student, "failed", {}, "", reason=reason)
        send()
        if graded:
            yield graded


async def _grade(student: str, data: bytes | str, plan: Plan) -> Graded:
    return await grade(student, data, plan, get_worker().plugins[PLUGIN].box)
