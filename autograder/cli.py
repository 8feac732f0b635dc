"""The command line. Exit status: 0 done, 1 something could not be graded or is not sound (named), 2 wrong usage."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder import __version__

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class _Group(click.Group):
    """Turns the errors that users can mend into one line and an exit status."""

    def invoke(self, ctx: click.Context) -> object:
        from autograder.starting import starting

        with starting():
            from nbformat.warnings import DuplicateCellId, MissingIDFieldWarning
            from sqlalchemy.exc import SAWarning

            from autograder.build.lesson import LessonError
            from autograder.course import CourseError
            from autograder.reference import NoSolutions
            from autograder.sandbox.bubblewrap import NoSandbox, WarmDied

        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own use of its database
        for category in (DuplicateCellId, MissingIDFieldWarning):  # in a submission: intake says what it made of it
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "Sending large graph")  # Dask's advice about a submission of megabytes
        try:
            return super().invoke(ctx)
        except (LessonError, CourseError) as error:
            _stop(error, 2)
        except (NoSolutions, NoSandbox, WarmDied) as error:
            _stop(error, 1)
        except OSError as error:
            _stop(error, 1)


def _stop(error: Exception, status: int) -> None:
    err.print(f"autograder: {error}", markup=False)
    sys.exit(status)


course_option = click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=Path(), metavar="DIR",
    help="The course directory (default: this folder).",
)  # fmt: skip


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Unrolled's autograder: make a course, release lessons, grade them by their values."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def init(folder: Path) -> None:
    """Make an nbgrader course directory in DIR, ready to use."""
    from autograder.course import Course

    course = Course.init(folder)
    out.print(f"Made a course in {course.root}. Next: cd {folder}; autograder release 04", markup=False)


@main.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option("--lang", type=click.Choice(["en", "ja"]), help="Language of the notebooks (default: course.toml's).")
@course_option
def release(lessons: Sequence[str], lang: str | None, folder: Path) -> None:
    """Make student notebooks, answer keys and bundles (default: every lesson)."""
    from autograder.build.lesson import names, resolve
    from autograder.course import Course
    from autograder.grade.release import release as release_lesson

    course = Course(folder)
    for lesson in [resolve(name) for name in lessons] or names():
        bundle = release_lesson(course, lesson, lang)
        shown = bundle.relative_to(course.root)
        out.print(f"{lesson}: {course.folder('release', lesson)}; give students {shown}", markup=False)


@main.command()
@click.argument("lesson")
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student; may be repeated.")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=2 * (os.cpu_count() or 1),
    help="Submissions at a time (default: two for each processor, as a notebook waits now and then).",
)  # fmt: skip
@click.option("--scheduler", metavar="tcp://...", help="Use the workers of this Dask scheduler.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Of the fresh inputs (default: the release's).")
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the results here.")
@click.option("--no-sandbox", is_flag=True, help="Run student code without a sandbox. Only for work that you trust.")
@course_option
def grade(lesson, students, workers, scheduler, seed, force, json_file, no_sandbox, folder) -> None:
    """Grade LESSON's submissions into the gradebook."""
    from autograder.build.lesson import resolve
    from autograder.course import Course
    from autograder.interrupt import on_ctrl_c
    from autograder.sandbox.limits import Limits
    from autograder.sandbox.warm import ahead, share
    from autograder.starting import starting

    course = Course(folder)
    name = resolve(lesson)
    if no_sandbox:
        err.print(
            "Without a sandbox student code runs as you: it can read and change your files, the gradebook and the "
            "solutions among them, and use the network. Verdicts are as usual.",
            style="bold",
        )
    with contextlib.ExitStack() as stack:
        if scheduler is None and share(workers) == workers:
            stack.enter_context(ahead(Limits(), sandbox=not no_sandbox))  # seconds: imports and checks beside it
        with starting():
            from autograder.grade.run import grade_lesson
        for line in course.strays(name):
            err.print(f"not looked at: {line}", markup=False)
        if course.has_other_points(name):
            err.print(
                f"course.toml has other points than the release: run `autograder release {name}` first to use them."
            )
        try:
            with _Progress() as progress, on_ctrl_c(progress.stop):
                run = grade_lesson(
                    course,
                    name,
                    students=students,
                    workers=workers,
                    scheduler=scheduler,
                    seed=seed,
                    force=force,
                    sandbox=not no_sandbox,
                    progress=progress,
                )
        except BaseException:
            if not progress.stopped:  # else whatever it was, it came of stopping
                raise
            err.print("autograder: stopped. What was graded is kept; the same command does the rest.")
            sys.exit(130)
    if json_file:
        from autograder.course import write_atomically
        from autograder.grade.gradebook import summary

        write_atomically(json_file, json.dumps([summary(g) for g in run.graded], indent=1, ensure_ascii=False) + "\n")
    _show_class(run)
    failed = [graded for graded in run.graded if graded.status == "failed"]
    for graded in failed:
        err.print(f"not graded: {graded.student}: {graded.reason}", markup=False)
    sys.exit(1 if failed else 0)


class _Progress:
    """A bar on a terminal, plain lines elsewhere.

    Attributes:
        stopped: whether somebody pressed Ctrl-C.
    """

    stopped = False

    def __enter__(self) -> _Progress:
        columns = (
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=err, transient=True) if err.is_terminal else None
        self.task = None
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()

    def stop(self, *_: object) -> None:
        """On Ctrl-C: remember it, as Python may swallow the exception, for example in a destructor."""
        self.stopped = True
        raise KeyboardInterrupt

    def __call__(self, done: int, of: int, graded) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        if self.bar:
            if self.task is None:
                self.task = self.bar.add_task("", total=of, rate="")
            task = self.bar.tasks[0]
            rate = f"{done / task.elapsed:.1f}/s" if task.elapsed else ""
            self.bar.update(self.task, completed=done, rate=rate)
        elif graded is not None:
            err.print(f"{done}/{of} {graded.student} {graded.score:g}/{graded.max_score:g}", markup=False)


def _show_class(run) -> None:
    table = Table("student", "automatic points", "verdicts", "first thing to look at", box=None, pad_edge=False)
    from rich.text import Text

    from autograder.result import SYMBOLS

    for graded in run.graded:
        marks = "".join(SYMBOLS[result.verdict] for result in graded.results.values())
        marks = marks if graded.status == "graded" else "failed"
        open_results = [r for r in graded.results.values() if r.verdict not in ("right", "missing", "not_reached")]
        first = open_results[0] if open_results else None
        looked = graded.reason or (first and (first.mistake or f"{first.exercise}: {first.message}")) or ""
        score = f"{graded.score:g}/{graded.max_score:g}"
        table.add_row(Text(graded.student), score, marks, Text(textwrap.shorten(looked, 90, placeholder=" …")))
    out.print(table)
    new = len(run.graded) - len(run.kept)
    kept = f", {len(run.kept)} had been graded and have not changed" if run.kept else ""
    where = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in run.spent.items())
    out.print(f"{new} graded in {run.seconds:.1f} s{kept}. Where the time went, over all workers: {where}.")


@main.command()
@click.argument("lesson")
@course_option
def feedback(lesson: str, folder: Path) -> None:
    """Write one self-contained HTML file per student."""
    from autograder.build.lesson import resolve
    from autograder.course import Course
    from autograder.report.feedback import write_feedback

    course = Course(folder)
    written, missing = write_feedback(course, resolve(lesson))
    out.print(f"{len(written)} feedback files, for example {written[0]}", markup=False)
    if missing:
        err.print(f"no result yet, so no feedback: {', '.join(missing)}", markup=False)
        sys.exit(1)


@main.command()
@click.argument("lesson", required=False)
@course_option
def report(lesson: str | None, folder: Path) -> None:
    """Write the class dashboard of LESSON (default: every graded lesson), one self-contained HTML file each."""
    from autograder.build.lesson import is_page, names, resolve
    from autograder.course import Course
    from autograder.report.dashboard import write_dashboard

    course = Course(folder)
    chosen = [resolve(lesson)] if lesson else [name for name in names() if any(course.results(name))]
    for name in chosen or [name for name in names() if not is_page(name)][:1]:
        out.print(f"{write_dashboard(course, name)}", markup=False)


@main.command()
@click.argument("student")
@click.argument("lesson")
@course_option
def explain(student: str, lesson: str, folder: Path) -> None:
    """Where STUDENT's points in LESSON come from, and how to have them again."""
    from autograder.build.lesson import resolve
    from autograder.course import Course
    from autograder.report.explain import explain as text_of

    out.print(text_of(Course(folder), resolve(lesson), student), markup=False, soft_wrap=True)


@main.command()
@click.option("--to", "to", type=click.Choice(["csv", "canvas", "moodle", "gradescope"]), required=True)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@course_option
def export(to: str, file: Path, folder: Path) -> None:
    """Write the gradebook as a table into FILE."""
    from autograder.course import Course
    from autograder.report.export import export as write

    rows, waiting = write(Course(folder), to, file)
    out.print(f"{rows} rows in {file}", markup=False)
    if waiting:
        err.print(f"{waiting} submissions still have something to grade by hand: their scores are without it.")


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
def check(notebook: Path) -> None:
    """For students: is NOTEBOOK ready to hand in?"""
    from autograder.handin import examine

    problems, done = examine(notebook)
    for line in done[1:] if not problems else done:
        out.print(f"  {line}", markup=False)
    for line in problems:
        err.print(f"! {line}", markup=False)
    if problems:
        sys.exit(1)
    out.print(f"{notebook.name} can be handed in as it is. {done[0]}", markup=False)


@main.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option("--seeds", type=click.IntRange(1, 100_000), default=3, help="How many sets of inputs to try.")
@course_option
def verify(lessons: Sequence[str], seeds: int, folder: Path) -> None:
    """Is the course sound? Reference full marks, blank 0, every mistake rejected and named."""
    from autograder.build.lesson import names, resolve
    from autograder.verify import verify_lesson

    sound = True
    for lesson in [resolve(name) for name in lessons] or names():
        report = verify_lesson(lesson, seeds)
        out.print(report.text(), markup=False)
        sound = sound and report.sound
    sys.exit(0 if sound else 1)


@main.command()
@course_option
def doctor(folder: Path) -> None:
    """Can this machine grade? Python, packages, bubblewrap and user namespaces, disk, memory."""
    from autograder.doctor import examine

    fine = True
    for ok, what, advice in examine(folder):
        out.print(f"{'ok' if ok else 'NO'}  {what}" + (f". {advice}" if advice and not ok else ""), markup=False)
        fine = fine and ok
    sys.exit(0 if fine else 1)
