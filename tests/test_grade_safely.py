"""No grade is lost: killed graders, full disks, workers that stop, regrading, other databases and clusters."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from autograder.course import Course
from autograder.grade.gradebook import read_record
from autograder.grade.run import grade_lesson
from autograder.report.explain import explain
from autograder.report.export import export
from tests.classroom import LESSON, answered, mistaken_source, put

BIN = Path(sys.executable).parent
SEED = 77
WRONG = "elman.step_backward:dWh_transposed"
SCORES = {"ada": 3, "bo": 10, "cy": 40}  # one exercise, two, all; dee has a known mistake, whose points are compared
POSTGRES = shutil.which("initdb") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="mounts a file system")


@pytest.fixture
def course(released, tmp_path) -> Course:
    """A course of four students, nobody graded."""
    return _with_four_students(released, tmp_path / "course")


@pytest.fixture(scope="session")
def whole_run(released, tmp_path_factory) -> dict[str, dict]:
    """What a run without any accident gives: student -> record."""
    course = _with_four_students(released, tmp_path_factory.mktemp("whole") / "course")
    run = grade_lesson(course, LESSON, seed=SEED)
    assert {g.student: g.score for g in run.graded if g.student in SCORES} == SCORES
    return {graded.student: read_record(course, LESSON, graded.student) for graded in run.graded}


def _with_four_students(released: Course, folder: Path) -> Course:
    course = Course(shutil.copytree(released.root, folder))
    blank = course.released(LESSON)
    for student, notebook in {
        "ada": answered(blank, only=("elman.step_forward",)),
        "bo": answered(blank, only=("elman.step_forward", "elman.step_backward")),
        "cy": answered(blank),
        "dee": answered(blank, {"elman.step_backward": mistaken_source(WRONG)}),
    }.items():
        put(course, LESSON, student, nbformat.writes(notebook).encode())
    return course


def _command(course: Course, *more: str) -> list[str]:
    return [str(BIN / "autograder"), "grade", "04", "--course", str(course.root), "--seed", str(SEED), *more]


def _is_consistent(course: Course, expected: dict[str, dict]) -> int:
    """Assert that the database is sound and that whatever counts as graded is what a whole run gives; how many."""
    database = course.root / "gradebook.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    done = 0
    with course.gradebook() as gradebook:
        for student, whole in expected.items():
            record = read_record(course, LESSON, student)
            if record is None:
                continue
            done += 1
            assert (record["score"], record["results"]) == (whole["score"], whole["results"])
            stored = gradebook.find_submission(LESSON, student).notebooks[0]
            scores = {grade.name: grade.auto_score for grade in stored.grades}
            for result in record["results"]:
                assert scores[result["exercise"].replace(".", "-")] == result["points"]
            assert nbformat.read(course.folder("autograded", LESSON, student) / f"{LESSON}.ipynb", as_version=4).cells
    return done


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.full)])
def test_killed_at_any_moment_it_keeps_what_was_finished_and_finishes_the_rest(course, whole_run, kills):
    rng = np.random.default_rng(kills)
    begin = time.monotonic()
    subprocess.run(_command(course), check=True, capture_output=True)
    whole = time.monotonic() - begin
    for moment in rng.uniform(0, whole, kills):
        for folder in ("autograded", "results"):
            shutil.rmtree(course.root / folder, ignore_errors=True)
        grader = subprocess.Popen(_command(course), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            grader.wait(moment)
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        before = _is_consistent(course, whole_run)
        done = subprocess.run(_command(course), check=True, capture_output=True, text=True)
        assert f"{4 - before} graded in" in done.stdout
        assert _is_consistent(course, whole_run) == 4
    _nothing_runs_on(course)


def _nothing_runs_on(course: Course) -> None:
    """What a killed grader started ends by itself."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        orphans = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "autograder.sandbox.zygote" in process.cmdline() and process.ppid() == 1:
                    orphans.append(process)
        if not orphans:
            return
        time.sleep(0.5)
    raise AssertionError(orphans)


def test_interrupted_by_the_user_it_says_one_line_and_keeps_what_was_finished(course, whole_run):
    grader = subprocess.Popen(
        _command(course), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    first = grader.stderr.readline()
    while first and not re.match(r"\d+/4 ", first):  # TensorFlow's own lines
        first = grader.stderr.readline()
    os.killpg(grader.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    rest = grader.communicate(timeout=60)[1]
    assert grader.returncode == 130, rest
    assert "Traceback" not in rest or "Exception ignored" in rest  # Python's own note of a swallowed interrupt
    said = [line for line in rest.splitlines() if line.startswith("autograder:")]
    assert said == ["autograder: stopped. What was graded is kept; the same command does the rest."]
    assert 1 <= _is_consistent(course, whole_run) <= 4
    subprocess.run(_command(course), check=True, capture_output=True)
    assert _is_consistent(course, whole_run) == 4


@ROOT_ONLY
def test_on_a_full_disk_it_names_who_is_not_stored_and_later_finishes(course, whole_run, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("this machine allows no mounts")
    try:
        shutil.copytree(course.root, small / "course", ignore=shutil.ignore_patterns("bundles"))
        there = Course(small / "course")
        filler = small / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small).free - 120_000))
        done = subprocess.run(_command(there), capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert re.search(r"not graded: \w+: .*(full|No space left)", done.stderr)
        assert _is_consistent(there, whole_run) < 4
        filler.unlink()
        subprocess.run(_command(there), check=True, capture_output=True)
        assert _is_consistent(there, whole_run) == 4
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@contextlib.contextmanager
def _cluster(hidden: Path, folder: Path):
    """A Dask scheduler and two workers in folders of their own; for root, in a view without the course."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    started = [
        subprocess.Popen(
            [BIN / "dask", "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
    ]  # fmt: skip
    hide = [] if os.getuid() else ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none "{hidden}" && exec "$@"', "-"]
    for number in (1, 2):
        own = folder / f"worker{number}"
        own.mkdir()
        worker = ["dask", "worker", f"tcp://127.0.0.1:{port}", "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
        started.append(
            subprocess.Popen(
                [*hide, str(BIN / worker[0]), *worker[1:], "--local-directory", str(own), "--name", f"w{number}"],
                cwd=own, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
    try:
        yield f"tcp://127.0.0.1:{port}", started
    finally:
        for process in started:
            for below in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
                with contextlib.suppress(psutil.Error):
                    below.kill()
            process.kill()
            process.wait()


def test_a_cluster_of_two_workers_without_a_shared_folder_gives_the_same(course, whole_run, tmp_path):
    (tmp_path / "cluster").mkdir()
    with _cluster(course.root, tmp_path / "cluster") as (address, _):
        subprocess.run(_command(course, "--scheduler", address), check=True, capture_output=True, timeout=300)
    assert _is_consistent(course, whole_run) == 4


def test_a_worker_that_is_stopped_in_the_middle_costs_nothing(course, whole_run, tmp_path):
    (tmp_path / "cluster").mkdir()
    for number in range(6):
        shutil.copytree(course.folder("submitted", LESSON, "cy").parent, course.root / "submitted" / f"extra{number}")
    with _cluster(course.root, tmp_path / "cluster") as (address, started):
        command = _command(course, "--scheduler", address)
        grader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = grader.stderr.readline()
        while line and not re.match(r"\d+/10 ", line):
            line = grader.stderr.readline()
        for below in psutil.Process(started[1].pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                below.kill()
        started[1].kill()
        _, said = grader.communicate(timeout=300)
        assert grader.returncode == 0, said
    assert _is_consistent(course, whole_run) == 4
    for number in range(6):
        assert read_record(course, LESSON, f"extra{number}")["score"] == 40


def test_a_scheduler_that_is_not_there_is_one_clear_line(course):
    done = subprocess.run(
        _command(course, "--scheduler", "tcp://127.0.0.1:9"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("autograder: no Dask scheduler answers at tcp://127.0.0.1:9"), done.stderr


def test_regrading_keeps_what_a_person_gave(course):
    grade_lesson(course, LESSON, students=["dee"], seed=SEED)
    with course.gradebook() as gradebook:
        written = gradebook.find_grade("elman-think", LESSON, LESSON, "dee")
        written.manual_score, written.extra_credit, written.needs_manual_grade = 7.5, 0.5, False
        corrected = gradebook.find_grade("elman-step_backward", LESSON, LESSON, "dee")
        corrected.manual_score = 6
        gradebook.find_comment("elman-think", LESSON, LESSON, "dee").manual_comment = "Well argued."
        gradebook.db.commit()
        before = gradebook.find_submission(LESSON, "dee").score
    grade_lesson(course, LESSON, students=["dee"], seed=SEED, force=True)
    with course.gradebook() as gradebook:
        written = gradebook.find_grade("elman-think", LESSON, LESSON, "dee")
        assert (written.manual_score, written.extra_credit) == (7.5, 0.5)
        assert gradebook.find_grade("elman-step_backward", LESSON, LESSON, "dee").score == 6
        assert gradebook.find_comment("elman-think", LESSON, LESSON, "dee").comment == "Well argued."
        assert gradebook.find_submission(LESSON, "dee").score == before


def test_explain_says_where_the_points_come_from_and_when_they_would_change(course):
    grade_lesson(course, LESSON, students=["dee"], seed=SEED)
    text = explain(course, LESSON, "dee")
    record = read_record(course, LESSON, "dee")
    assert WRONG in text and str(SEED) in text and record["submission_sha256"][:12] in text
    for result in record["results"]:
        assert result["exercise"] in text
    path = course.folder("submitted", LESSON, "dee") / f"{LESSON}.ipynb"
    path.write_bytes(path.read_bytes() + b" ")
    assert explain(course, LESSON, "dee") != text


@contextlib.contextmanager
def _postgres(folder: Path):
    """A PostgreSQL server of our own, as an unprivileged user; its address."""
    programs = Path(POSTGRES).resolve().parent
    data, sockets = folder / "data", folder / "sockets"
    as_user = []
    for path in (data, sockets):
        path.mkdir(mode=0o700)
        if os.getuid() == 0:
            as_user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            os.chown(path, 65534, 65534)
    for parent in (folder, *folder.parents):
        if parent != Path(parent.anchor) and os.getuid() == 0 and parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    make = [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "grader", "-A", "trust"]
    subprocess.run(make, check=True, capture_output=True, cwd="/")
    options = ["-D", str(data), "-k", str(sockets), "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        [*as_user, str(programs / "postgres"), *options], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"postgresql://grader@127.0.0.1:{port}/postgres"
        for _ in range(100):
            ready = subprocess.run([programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True)
            if ready.returncode == 0:
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.skipif(POSTGRES is None, reason="PostgreSQL's server is not installed")
def test_a_course_on_postgresql_is_graded_like_any_other(course, whole_run, tmp_path):
    pytest.importorskip("psycopg")
    (tmp_path / "server").mkdir()
    with _postgres(tmp_path / "server") as address:
        config = course.root / "nbgrader_config.py"
        config.write_text(
            config.read_text(encoding="utf-8") + f"c.CourseDirectory.db_url = {address!r}\n", encoding="utf-8"
        )
        (course.root / "gradebook.db").unlink()
        there = Course(course.root)
        subprocess.run([BIN / "autograder", "release", "04", "--course", there.root], check=True, capture_output=True)
        subprocess.run(_command(there), check=True, capture_output=True)
        assert not (course.root / "gradebook.db").exists()
        with there.gradebook() as gradebook:
            for student, whole in whole_run.items():
                assert gradebook.find_submission(LESSON, student).score == whole["score"]
        again = subprocess.run(_command(there), check=True, capture_output=True, text=True)
        assert "4 had been graded and have not changed" in again.stdout
        assert export(there, "csv", tmp_path / "grades.csv")[0] == 4
        assert json.loads(there.result_path(LESSON, "cy").read_text(encoding="utf-8"))["score"] == 40
