"""One class: every attack, with honest neighbours between them, graded by two workers. Each attack is then asked what it got."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder.course import Course
from autograder.grade.run import grade_lesson
from autograder.reference import ROOT
from autograder.report.dashboard import write_dashboard
from autograder.report.feedback import write_feedback
from autograder.sandbox.limits import Limits
from tests.classroom import LESSON, answered, put
from tests.redteam.attacks import ATTACKS, BROWSER, filled_in

LIMITS = Limits(cell_seconds=4, total_seconds=40, memory_bytes=3 * 2**29, processes=128)
NEIGHBOURS = 10
CANARY = "a-canary-in-the-graders-environment"
SCRIPTS = re.compile(r"<script|<svg|<img[^>]*onerror|href=.?javascript", re.IGNORECASE)


class Listener:
    """Sockets outside the sandbox, on 127.0.0.1 and in the abstract name space, that must hear nothing."""

    def __init__(self) -> None:
        self.tcp, self.udp, self.local = (
            socket.socket(),
            socket.socket(type=socket.SOCK_DGRAM),
            socket.socket(socket.AF_UNIX),
        )
        self.tcp.bind(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp.bind(("127.0.0.1", self.port))
        self.local.bind(f"\0unrolled-redteam-{self.port}")
        self.heard: list[str] = []
        self.tcp.listen()
        self.local.listen()
        for one in (self.tcp, self.local):
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()
        threading.Thread(target=self._receive, daemon=True).start()

    def _accept(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                one.accept()
                self.heard.append(f"a connection to {one.getsockname()}")

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.heard.append(f"a datagram {self.udp.recvfrom(100)[0]!r}")


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory):
    """(course, student -> Graded, listener) of the whole class."""
    import shutil

    root = tmp_path_factory.mktemp("redteam") / "course"
    shutil.copytree(released.root, root)
    course, listener = Course(root), Listener()
    notebook = course.released(LESSON)
    honest = nbformat.writes(answered(notebook)).encode()
    handed = {f"{chr(97 + i)}-neighbour": honest for i in range(NEIGHBOURS)}
    for attack in ATTACKS:
        handed[attack.name] = filled_in(attack.make(notebook), ROOT=ROOT, COURSE=root, PORT=listener.port)
    for student, data in handed.items():
        put(course, LESSON, student, data)
    hostile = course.folder("submitted", LESSON, "tags")
    for name in ("numpy.py", "autograder.py", "sitecustomize.py", ".pythonrc", "conftest.py"):
        (hostile / name).write_text("raise SystemExit('SECRET: a file of the student was imported')\n")
    _links(course)
    os.environ["UNROLLED_CANARY"] = CANARY
    try:
        run = grade_lesson(course, LESSON, workers=2, seed=3, limits=LIMITS)
    finally:
        del os.environ["UNROLLED_CANARY"]
    return course, {one.student: one for one in run.graded}, listener


def _links(course: Course) -> None:
    """Folders that are no plain folders with plain files."""
    neighbour = course.folder("submitted", LESSON, "a-neighbour")
    for student, target in {
        "link-to-a-neighbour": neighbour / f"{LESSON}.ipynb",
        "link-to-the-gradebook": course.root / "gradebook.db",
        "link-to-the-source": course.root / "source" / LESSON / f"{LESSON}.ipynb",
        "link-to-a-device": Path("/dev/zero"),
    }.items():
        path = course.folder("submitted", LESSON, student) / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.symlink_to(target)
    whole = course.folder("submitted", LESSON, "linked-folder")
    whole.parent.mkdir(parents=True)
    whole.symlink_to(neighbour)
    pipe = course.folder("submitted", LESSON, "pipe") / f"{LESSON}.ipynb"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)


def printed(course: Course, student: str) -> str:
    """What the student's own cells printed and showed, in the notebook that the instructor gets."""
    notebook = nbformat.read(course.folder("autograded", LESSON, student) / f"{LESSON}.ipynb", as_version=4)
    outputs = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("unrolled", {})
        for output in cell.outputs
    ]
    return "\n".join(str(output.get("text", output.get("data", ""))) for output in outputs)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gains_no_point_and_reads_no_secret(graded, attack):
    course, results, _ = graded
    result = results[attack.name]
    assert result.score <= attack.worth, [r.text() for r in result.results.values()]
    assert {r.max_points for r in result.results.values()} == {
        2,
        3,
        4,
        7,
        8,
        9,
    }  # the released points, whatever it says
    if result.status == "graded":
        assert "SECRET" not in printed(course, attack.name)
        assert CANARY not in printed(course, attack.name)
    said = " ".join([result.reason, result.stopped, *result.notes, *(r.message for r in result.results.values())])
    assert attack.says in said
    if result.score == 0:
        assert said.strip()  # nothing is lost without a word


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.worth == 40], ids=lambda attack: attack.name)
def test_what_an_attack_earned_honestly_it_keeps(graded, attack):
    result = graded[1][attack.name]
    if attack.name not in (
        "memory-bomb",
        "one-huge-line",
        "output-flood",
        "signals-upwards",
    ):  # those may end their own kernel
        assert result.score == 40, [r.text() for r in result.results.values()]


@pytest.mark.parametrize("student", [f"{chr(97 + i)}-neighbour" for i in range(NEIGHBOURS)])
def test_no_neighbour_is_disturbed(graded, student):
    _, results, _ = graded
    assert (results[student].status, results[student].score) == ("graded", 40)
    assert results[student].notes == []


def test_nothing_outside_hears_anything(graded):
    assert graded[2].heard == []


@pytest.mark.parametrize(
    "student",
    ["link-to-a-neighbour", "link-to-the-gradebook", "link-to-the-source", "link-to-a-device", "linked-folder", "pipe"],
)
def test_a_link_or_a_pipe_is_no_submission(graded, student):
    """It is named among the failures, or not looked at; never followed."""
    result = graded[1].get(student)
    assert result is None or (result.status, result.score) == ("failed", 0)


def test_nothing_was_written_outside_and_nothing_runs_on(graded):
    course, _, _ = graded
    assert not list(course.root.rglob("*PWNED*"))
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "73219" in process.cmdline():
                left.append(process)
    assert left == []


def test_the_gradebook_holds_what_the_grader_found_and_nothing_else(graded):
    course, results, _ = graded
    with course.gradebook() as gradebook:
        for student, result in results.items():
            if result.results:
                stored = gradebook.find_submission(LESSON, student).notebooks[0]
                automatic = sum(g.auto_score or 0 for g in stored.grades)
                assert automatic == pytest.approx(result.score)


@pytest.mark.parametrize("attack", [a.name for a in ATTACKS if a.kind == BROWSER])
def test_nothing_that_an_instructor_opens_holds_a_students_script(graded, attack):
    from nbconvert import HTMLExporter

    course, _, _ = graded
    pages = {path.parts[-3]: path for path in write_feedback(course, LESSON)[0]}
    assert not SCRIPTS.search(pages[attack].read_text(encoding="utf-8"))
    assert not SCRIPTS.search(write_dashboard(course, LESSON).read_text(encoding="utf-8"))
    path = course.folder("autograded", LESSON, attack) / f"{LESSON}.ipynb"
    exporter = HTMLExporter(template_name="basic")  # the page's own scripts left out: what comes is the notebook's
    body, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    assert not SCRIPTS.search(body)
