"""How fast a class is graded, beside stock nbgrader and Otter, and what a class of 1,000 costs.

All three grade the same submissions of lesson 04, without its demo cells. nbgrader and Otter run student code in the
grader's own account; `autograder grade` runs it in its sandbox.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil

from autograder.course import Course
from tests.bench.tables import table
from tests.classroom import LESSON, put, submissions

BIN = Path(sys.executable).parent
SLOW = {"olu"}  # an endless loop costs everybody the time limit, and measures nothing else
WITH_OTTER = 20  # submissions of the class that Otter grades: it takes the same time for each, as it starts anew
WITH_DEMOS = 2  # submissions that stock nbgrader also grades with the demo cells
OTTER_TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{id}"
points = {points}


@test_case(points={points})
def test_{number}(env):
    from autograder import check

    assert check("{id}", namespace=env) == {points}
"""


@dataclass
class Graded:
    """What grading a class took.

    Attributes:
        submissions: how many.
        seconds: the whole command, from its start to its end.
        start: of these, until the first submission was begun; 0 where the command does not say.
        samples: (seconds since the start, bytes of all processes together), about twice a second.
    """

    submissions: int
    seconds: float
    start: float = 0.0
    samples: tuple[tuple[float, int], ...] = ()

    @property
    def each(self) -> float:
        return self.seconds / self.submissions

    @property
    def each_once_started(self) -> float:
        return (self.seconds - self.start) / self.submissions

    @property
    def peak(self) -> int:
        return max(size for _, size in self.samples)


def run(quick: bool = False) -> dict[str, float]:
    """Grade classes and compare.

    Args:
        quick: a class of 12, and 30 against 60 in place of 100 against 1,000.

    Returns:
        submissions, seconds_per_submission (the whole command, over the class), throughput_vs_nbgrader and
        throughput_vs_otter (whole commands), throughput_once_started_vs_nbgrader, seconds_with_demos_nbgrader,
        per_submission_1000_vs_100 (without the start), small_class, large_class, peak_memory_gb (10^9 bytes), and
        memory_growth_mb: of the second half of the large class over the first, means.
    """
    size, small, large = (12, 30, 60) if quick else (60, 100, 1000)
    with tempfile.TemporaryDirectory() as folder:
        released = _course(Path(folder) / "released")
        course = _class_of(released, size)
        ours = _ours(course)
        stock = _nbgrader(course)
        otter = _otter(course, Path(folder) / "otter")
        demos = _nbgrader_with_demos(_class_of(released, WITH_DEMOS))
        few, many = (_ours(_class_of(released, number), watched=True) for number in (small, large))
        _draw_memory(many)
    begun = [size for when, size in many.samples if when > many.start]
    first, second = begun[: len(begun) // 2], begun[len(begun) // 2 :]
    return {
        "submissions": size,
        "seconds_per_submission": ours.each,
        "seconds_once_started": ours.each_once_started,
        "start_seconds": ours.start,
        "nbgrader_seconds_per_submission": stock.each,
        "otter_seconds_per_submission": otter.each,
        "nbgrader_seconds_per_submission_with_demos": demos,
        "throughput_vs_nbgrader": stock.each / ours.each,
        "throughput_vs_otter": otter.each / ours.each,
        "throughput_once_started_vs_nbgrader": stock.each / ours.each_once_started,
        "small_class": small,
        "large_class": large,
        "per_submission_1000_vs_100": many.each_once_started / few.each_once_started,
        "peak_memory_gb": max(graded.peak for graded in (few, many)) / 1e9,
        "memory_growth_mb": (sum(second) / len(second) - sum(first) / len(first)) / 1e6,
    }


def report(figures: dict[str, float]) -> str:
    """The figures as a table for people."""
    rows = [
        ("`autograder grade`, sandboxed, the whole command", f"{figures['seconds_per_submission']:.2f}", "1"),
        ("the same, once it has started", f"{figures['seconds_once_started']:.2f}", ""),
        _row("stock `nbgrader autograde`", "nbgrader", figures),
        _row(f"`otter run`, on {min(WITH_OTTER, figures['submissions'])} of them", "otter", figures),
    ]
    head = (f"{figures['submissions']} submissions of lesson 04, without its demo cells", "seconds each", "times ours")
    lines = [
        table(head, rows),
        "",
        f"Our start, of the whole command: {figures['start_seconds']:.1f} s. Once started, stock nbgrader takes "
        f"{figures['throughput_once_started_vs_nbgrader']:.1f} times as long for a submission. With the demo cells stock nbgrader takes "
        f"{figures['nbgrader_seconds_per_submission_with_demos']:.1f} s for each.",
        "",
        f"A submission in a class of {figures['large_class']:,} takes {figures['per_submission_1000_vs_100']:.2f} times as long "
        f"as in one of {figures['small_class']}, the start apart. All processes together use at most "
        f"{figures['peak_memory_gb']:.2f} GB; between the first and the second half of the large class this changes by "
        f"{figures['memory_growth_mb']:+.0f} MB:",
        "",
        "![Memory over the class](memory.png)",
    ]
    return "\n".join(lines)


def _row(name: str, key: str, figures: dict[str, float]) -> tuple[str, str, str]:
    return name, f"{figures[f'{key}_seconds_per_submission']:.2f}", f"{figures[f'throughput_vs_{key}']:.1f}"


def _course(folder: Path) -> Course:
    for arguments in (("init", folder), ("release", "04", "--course", folder)):
        subprocess.run([BIN / "autograder", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return Course(folder)


def _hand_in(course: Course, size: int) -> None:
    """The made class again and again: right, wrong in known ways, half done, untouched, damaged, sly."""
    notebook = course.released(LESSON)
    files = [one.make(notebook) for one in submissions() if one.student not in SLOW]
    for number, data in enumerate(itertools.islice(itertools.cycle(files), size)):
        put(course, LESSON, f"s{number:04d}", data)


def _class_of(course: Course, size: int) -> Course:
    """A copy of a released course, with a class of this size."""
    copy = Course(shutil.copytree(course.root, course.root.with_name(f"class-{size}")))
    _hand_in(copy, size)
    return copy


def _ours(course: Course, watched: bool = False) -> Graded:
    """Grade a class; where it is watched, with the memory that all processes take, which costs some time itself."""
    command = [BIN / "autograder", "grade", "04", "--course", course.root, "--force"]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    samples: list[tuple[float, int]] = []
    watch = threading.Thread(target=_watch, args=(process.pid, begin, samples))
    if watched:
        watch.start()
    said = process.communicate()[0]
    seconds = time.monotonic() - begin
    if watched:
        watch.join()
    found = re.search(r"(\d+) graded in ([\d.]+) s.*start ([\d.]+) s", said)
    if process.returncode or not found:
        raise RuntimeError(f"autograder grade ended with {process.returncode} and said {said[-300:]!r}.")
    return Graded(int(found[1]), seconds, seconds - float(found[2]) + float(found[3]), tuple(samples))


def _watch(pid: int, begin: float, samples: list[tuple[float, int]]) -> None:
    """Every two seconds, the memory of a process and all below it, pages that they share counted once."""
    main = psutil.Process(pid)
    while True:
        try:
            total = sum(_memory(process) for process in (main, *main.children(recursive=True)))
        except psutil.Error:
            return
        if not main.is_running() or main.status() == psutil.STATUS_ZOMBIE:
            return
        samples.append((time.monotonic() - begin, total))
        time.sleep(2)


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:  # it has ended
        return 0


def _nbgrader_with_demos(course: Course) -> float:
    """Seconds for a submission, with the demo cells run, the program's start included as in the other figures."""
    return _nbgrader(course, "--Execute.skip_cells_with_tag=a-tag-that-no-cell-has").each


def _nbgrader(course: Course, *options: str) -> Graded:
    size = len(course.students(LESSON))
    begin = time.monotonic()
    done = subprocess.run(
        [BIN / "nbgrader", "autograde", LESSON, "--force", *options],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begin
    graded = len(list(course.root.glob(f"autograded/*/{LESSON}/{LESSON}.ipynb")))
    if graded < size * 0.8:  # it gives up on notebooks that ours grades: those cost it less, not more
        raise RuntimeError(f"nbgrader graded {graded} of {size}. It said: {done.stderr[-500:]}")
    return Graded(size, seconds)


def _otter(course: Course, folder: Path) -> Graded:
    """Otter's tests call `check`, as the notebook's own cells do; the notebooks have no demo cells. The first WITH_OTTER."""
    (folder / "tests").mkdir(parents=True)
    released = course.released(LESSON)
    checks = [cell for cell in released.cells if "exercise" in cell.metadata.get("unrolled", {})]
    for number, cell in enumerate(checks):
        text = OTTER_TEST.format(
            id=cell.metadata.unrolled.exercise, points=float(cell.metadata.nbgrader.points), number=number
        )
        (folder / "tests" / f"q{number}.py").write_text(text, encoding="utf-8")
    key = f"{LESSON}.key.json"
    shutil.copy(course.folder("release", LESSON) / key, folder / key)
    options = ("--no-requirements", "--no-config", "--no-environment", "-o", "autograder.zip")
    _otter_command(folder, "generate", "-t", "tests", *options, key)
    (folder / "out").mkdir()
    seconds, students = 0.0, course.students(LESSON)[:WITH_OTTER]
    for student in students:
        path = folder / student / f"{LESSON}.ipynb"
        path.parent.mkdir()
        notebook = nbformat.reads(course.submission(LESSON, student).decode(), as_version=4)
        notebook.cells = [cell for cell in notebook.cells if "demo" not in cell.metadata.get("tags", ())]
        nbformat.write(notebook, path)
        begin = time.monotonic()
        _otter_command(folder, "run", "-a", "autograder.zip", "-o", "out", "--no-logo", str(path))
        seconds += time.monotonic() - begin
    return Graded(len(students), seconds)


def _otter_command(folder: Path, *arguments: str) -> None:
    done = subprocess.run([BIN / "otter", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"otter {arguments[0]} ended with {done.returncode}. It said: {done.stderr[-500:]}")


def _draw_memory(graded: Graded) -> None:
    """tests/bench/memory.png: the memory of all processes together over the large class."""
    from unrolled import figures

    figures.use_style()
    when, size = zip(*graded.samples, strict=True)
    figure, axes = figures.panel(
        f"Memory stays flat over {graded.submissions:,} submissions",
        "seconds since the command was given",
        "all processes together (GB)",
    )
    axes.plot(when, [s / 1e9 for s in size], linestyle="-")
    axes.set_ylim(0, 3.2)
    axes.axhline(3, color=figures.GREY, linestyle="--", linewidth=1.2)
    axes.annotate("3 GB", (0, 3), xytext=(2, 3), textcoords="offset points", color=figures.GREY)
    figure.savefig(Path(__file__).with_name("memory.png"), dpi=90)
