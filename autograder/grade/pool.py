"""Many submissions on many workers: Dask, on this machine or on a cluster."""

from __future__ import annotations

import contextlib
import logging
import sys
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from autograder.grade.task import Graded, Plan, WarmBox, grade
from autograder.sandbox.limits import Limits

PLUGIN = "unrolled-warm"
SWITCH_SECONDS = 0.0005  # a thread that judges must not keep another from its kernel's messages
SHARE = 4  # submissions at a time, at most, in one worker process: they share its warm process
TRIES = 3  # of a submission whose worker died under it


class WarmPlugin(WorkerPlugin):
    """Gives each worker a warm process of its own, and ends it with the worker."""

    name = PLUGIN

    def __init__(self, limits: Limits, sandbox: bool) -> None:
        self.limits, self.sandbox = limits, sandbox

    def setup(self, worker) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
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
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(Client(scheduler, timeout=30))
        else:
            threads = max(share for share in range(1, SHARE + 1) if workers % share == 0)
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers // threads,
                    threads_per_worker=threads,
                    dashboard_address=":0",
                    silence_logs=logging.ERROR,
                )
            )
            client = stack.enter_context(Client(cluster))
        client.register_plugin(WarmPlugin(limits, sandbox))
        try:
            yield client
        finally:
            if scheduler:
                client.unregister_worker_plugin(PLUGIN)


def grade_all(client: Client, submissions: Iterable[tuple[str, bytes | str]], plan: Plan) -> Iterator[Graded]:
    """Grade submissions, yielding each as it is done, in whatever order."""
    left = dict(submissions)
    errors: dict[str, BaseException] = {}
    for _ in range(TRIES):
        shared = client.scatter(plan, broadcast=True, hash=False)
        futures = {client.submit(_grade, student, data, shared, pure=False): student for student, data in left.items()}
        for future in as_completed(futures):
            student = futures[future]
            try:
                graded = future.result()
            except (Exception, CancelledError) as error:  # its worker died, perhaps with the plan: try again
                errors[student] = error
                continue
            del left[student]
            yield graded
        if not left:
            return
    for student in left:
        reason = f"It could not be graded: {type(errors[student]).__name__}: {errors[student]}"[:300]
        yield Graded(student, "failed", {}, "", reason=reason)


def _grade(student: str, data: bytes | str, plan: Plan) -> Graded:
    return grade(student, data, plan, get_worker().plugins[PLUGIN].box)
