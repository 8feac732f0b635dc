"""Grading a class end to end: real nbgrader, real kernels, real sandbox."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder.cli import main
from autograder.course import Course
from autograder.grade.gradebook import summary
from autograder.grade.run import grade_lesson
from autograder.report.dashboard import write_dashboard
from autograder.report.export import export
from autograder.report.feedback import write_feedback
from tests.classroom import LESSON, answered, mistaken_source, put, submissions
from tests.conftest import QUICK, SEED

CLASS = submissions()
BIN = Path(sys.executable).parent


def by_student(run) -> dict:
    return {graded.student: graded for graded in run.graded}


@pytest.mark.parametrize("submission", CLASS, ids=lambda s: s.story)
def test_everybody_gets_what_their_work_is_worth(classroom, submission):
    graded = by_student(classroom[1])[submission.student]
    assert graded.status == "graded"
    if submission.expected is not None:
        assert graded.score == submission.expected, [r.text() for r in graded.results.values()]
    if submission.mistake:
        result = graded.results[submission.mistake.split(":")[0]]
        assert result.mistake == submission.mistake
        assert result.points < result.max_points


def test_an_endless_loop_costs_its_own_exercises_and_no_others(classroom):
    results = by_student(classroom[1])["olu"].results
    verdicts = {id: r.verdict for id, r in results.items()}
    assert verdicts.pop("elman.sequence_forward") == "limit"
    assert verdicts.pop("elman.sequence_backward") == "limit"  # it calls the loop
    assert set(verdicts.values()) == {"right"}


def test_what_cheats_print_shows_that_they_found_nothing(classroom):
    notebook = nbformat.read(classroom[0].folder("autograded", LESSON, "uma") / f"{LESSON}.ipynb", as_version=4)
    text = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert "step_forward" not in text
    assert "gradebook.db" not in text


def test_the_gradebook_holds_the_same_points(classroom):
    course, run = classroom
    with course.gradebook() as gradebook:
        for graded in run.graded:
            stored = gradebook.find_submission(LESSON, graded.student).notebooks[0]
            scores = {grade.name: grade.auto_score for grade in stored.grades}
            for id, result in graded.results.items():
                assert scores[id.replace(".", "-")] == result.points


def test_an_untouched_written_answer_needs_no_grading_by_hand(classroom):
    with classroom[0].gradebook() as gradebook:
        grades = gradebook.find_submission(LESSON, "kofi").notebooks[0].grades
        written = next(grade for grade in grades if grade.name == "elman-think")
        assert (written.auto_score, written.needs_manual_grade) == (0, False)


def test_the_same_seed_gives_identical_results(classroom):
    course, first = classroom
    students = ["chie", "bruno", "wanda"]
    again = by_student(grade_lesson(course, LESSON, students=students, seed=SEED, force=True, limits=QUICK))
    for student in students:
        before, after = summary(by_student(first)[student]), summary(again[student])
        before.pop("seconds"), after.pop("seconds")
        assert before == after


def test_what_has_not_changed_is_not_graded_again(classroom):
    course, first = classroom
    run = grade_lesson(course, LESSON, students=["aiko", "fatou"], limits=QUICK)
    assert run.kept == ["aiko", "fatou"]
    assert [g.score for g in run.graded] == [by_student(first)[s].score for s in ("aiko", "fatou")]


def test_stock_nbgrader_gives_the_same_scores(classroom, tmp_path):
    course, first = classroom
    copy = tmp_path / "course"
    shutil.copytree(course.root, copy, ignore=shutil.ignore_patterns("autograded", "results", "feedback"))
    chosen = ["sven", "dario", "rosa"]  # warnings on standard error; a known mistake; a tag that skips a check
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for student in chosen:
        command = [BIN / "nbgrader", "autograde", LESSON, "--student", student]
        subprocess.run(command, cwd=copy, check=True, capture_output=True, env=environment, timeout=300)
    with Course(copy).gradebook() as gradebook:
        for student in chosen:
            assert gradebook.find_submission(LESSON, student).score == pytest.approx(by_student(first)[student].score)
    command = [BIN / "nbgrader", "generate_feedback", LESSON, "--student", "sven"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, env=environment, timeout=300)
    assert (copy / "feedback" / "sven" / LESSON / f"{LESSON}.html").stat().st_size > 1000


def test_feedback_is_one_page_without_scripts_or_outside_addresses(classroom):
    course, run = classroom
    written, missing = write_feedback(course, LESSON)
    assert (len(written), missing) == (len(CLASS), [])
    page = next(p for p in written if "dario" in p.parts).read_text(encoding="utf-8")
    assert "no gradient travels back in time" in page
    assert "<script" not in page and 'src="http' not in page and 'href="http' not in page


def test_the_table_has_a_row_for_each_student_and_formulas_stay_text(classroom, tmp_path):
    course, run = classroom
    assert export(course, "csv", tmp_path / "grades.csv") == (len(CLASS), 0)
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["山田 花子"]["score"]) == 40
    assert rows["aiko"]["elman-step_backward"] == "7"
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student("kofi", last_name="=1+1")
    export(course, "csv", tmp_path / "again.csv")
    assert "'=1+1" in (tmp_path / "again.csv").read_text(encoding="utf-8-sig")


def test_the_dashboard_counts_verdicts_and_names_the_commonest_mistakes(classroom):
    course, run = classroom
    page = write_dashboard(course, LESSON).read_text(encoding="utf-8")
    right = sum(graded.results["elman.step_forward"].verdict == "right" for graded in run.graded)
    assert f">{right} of {len(CLASS)}<" in page
    for submission in CLASS:
        if submission.mistake:
            assert submission.mistake in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_nothing_of_a_submission_is_left_running(classroom):
    """Neither below this process, nor, half a minute later, as an orphan (a test beside this one may be killing a grader)."""
    own = set(psutil.Process().children(recursive=True))

    def left() -> set:
        found = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "autograder.sandbox.zygote" in process.cmdline() and (process in own or process.ppid() == 1):
                    found.add(process)
        return found

    assert not left() & own
    still, until = left(), time.monotonic() + 30
    while still and time.monotonic() < until:
        time.sleep(1)
        still &= left()
    assert still == set()


def new_course(released: Course, tmp_path: Path) -> Course:
    shutil.copytree(released.root, tmp_path / "course")
    return Course(tmp_path / "course")


def hand_in(course: Course, student: str, data: bytes) -> None:
    put(course, LESSON, student, data)


def command_line(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    return stop.value.code, said.out + said.err


def test_files_that_are_no_notebooks_are_named_and_the_others_are_graded(released, tmp_path, capsys):
    course = new_course(released, tmp_path)
    good = nbformat.writes(answered(course.released(LESSON), only=("elman.step_forward",))).encode()
    hand_in(course, "good", good)
    hand_in(course, "not-a-notebook", b"hello")
    hand_in(course, "cut off", good[: len(good) // 2])
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [], "metadata": {}}]}
    hand_in(course, "old", json.dumps(old).encode())
    other = json.loads(good)
    other["metadata"]["kernelspec"] = {"name": "julia-9", "display_name": "?", "language": "julia"}
    hand_in(course, "other-kernel", json.dumps(other).encode())
    (course.folder("submitted", LESSON, "empty")).mkdir(parents=True)
    outside = tmp_path / "secret.ipynb"
    outside.write_bytes(good)
    course.folder("submitted", LESSON, "link").mkdir(parents=True)
    (course.folder("submitted", LESSON, "link") / f"{LESSON}.ipynb").symlink_to(outside)
    status, said = command_line(
        capsys, "grade", "04", "--course", str(course.root), "--json", str(tmp_path / "r.json"), "--workers", "1"
    )
    assert status == 1
    results = {r["student"]: r for r in json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))}
    assert {s for s, r in results.items() if r["status"] == "failed"} == {"not-a-notebook", "cut off", "empty", "link"}
    assert results["good"]["score"] == results["other-kernel"]["score"] == 3
    assert results["old"]["score"] == 0
    for student in ("not-a-notebook", "cut off", "empty", "link"):
        assert f"not graded: {student}: " in said
        assert {e["verdict"] for e in results[student]["exercises"].values()} == {"not_reached"}


def test_an_old_score_does_not_survive_a_new_submission_that_fails(released, tmp_path):
    course = new_course(released, tmp_path)
    hand_in(course, "ada", nbformat.writes(answered(course.released(LESSON), only=("elman.step_forward",))).encode())
    assert grade_lesson(course, LESSON, workers=1).graded[0].score == 3
    with course.gradebook() as gradebook:
        grade = gradebook.find_grade("elman-output_forward", LESSON, LESSON, "ada")
        grade.manual_score = 1.5
        gradebook.db.commit()
    hand_in(course, "ada", b"broken")
    run = grade_lesson(course, LESSON, workers=1)
    assert (run.graded[0].status, run.graded[0].score) == ("failed", 0)
    with course.gradebook() as gradebook:
        assert gradebook.find_grade("elman-step_forward", LESSON, LESSON, "ada").auto_score == 0
        assert gradebook.find_grade("elman-output_forward", LESSON, LESSON, "ada").manual_score == 1.5


def test_points_due_dates_and_extensions_of_a_course_hold(released, tmp_path):
    from datetime import datetime

    from autograder.grade.release import release

    course = new_course(released, tmp_path)
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '"elman.step_forward" = 10\n', encoding="utf-8")
    release(course, LESSON)
    config = course.root / "nbgrader_config.py"
    plugin = "c.AssignLatePenalties.plugin_class = 'late.HalfOff'\n"
    config.write_text(config.read_text(encoding="utf-8") + plugin, encoding="utf-8")
    (course.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class HalfOff(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 2\n",
        encoding="utf-8",
    )
    course = Course(course.root)
    data = nbformat.writes(answered(course.released(LESSON), only=("elman.step_forward",))).encode()
    for student in ("late", "extended"):
        hand_in(course, student, data)
        stamp = course.folder("submitted", LESSON, student) / "timestamp.txt"
        stamp.write_text("2026-03-02 12:00:00 UTC", encoding="utf-8")
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate=datetime(2026, 3, 1))
        for student in ("late", "extended"):
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(LESSON, student)
        gradebook.grant_extension(LESSON, "extended", days=3)
    run = grade_lesson(course, LESSON, workers=1)
    assert [g.score for g in run.graded] == [10, 10]
    with course.gradebook() as gradebook:
        penalties = {s: gradebook.find_submission(LESSON, s).late_submission_penalty for s in ("late", "extended")}
    assert penalties == {"late": 5, "extended": 0}


def test_a_bad_timestamp_or_plugin_or_place_is_named_and_stops_nobody_else(released, tmp_path, capsys):
    course = new_course(released, tmp_path)
    good = nbformat.writes(answered(course.released(LESSON), only=("elman.step_forward",))).encode()
    for student in ("good", "undated"):
        hand_in(course, student, good)
    (course.folder("submitted", LESSON, "undated") / "timestamp.txt").write_text("yesterday-ish", encoding="utf-8")
    (course.root / "submitted" / "loose.ipynb").write_bytes(good)
    (course.root / "submitted" / "flat").mkdir()
    (course.root / "submitted" / "flat" / f"{LESSON}.ipynb").write_bytes(good)
    status, said = command_line(capsys, "grade", "4", "--course", str(course.root), "--workers", "1")
    assert status == 1
    for expected in (
        "not graded: undated: timestamp.txt is not a date",
        "submitted/loose.ipynb",
        "submitted/flat has no",
    ):
        assert expected in said
    with course.gradebook() as gradebook:
        assert gradebook.find_submission(LESSON, "good").score == 3
    config = course.root / "nbgrader_config.py"
    line = "\nc.AssignLatePenalties.plugin_class = 'a_module_that_nobody_has.X'\n"
    config.write_text(config.read_text(encoding="utf-8") + line, encoding="utf-8")
    status, said = command_line(capsys, "grade", "4", "--course", str(course.root))
    assert status == 2
    assert "late-penalty plugin" in said


def test_a_missing_lesson_course_or_student_is_one_clear_line(released, tmp_path, capsys):
    course = new_course(released, tmp_path)
    for arguments, expected in (
        (("grade", "99", "--course", str(course.root)), "There is no lesson '99'"),
        (("grade", "04", "--course", str(tmp_path)), "There is no course in"),
        (("grade", "04", "--course", str(course.root)), "Nobody has handed in"),
        (("grade", "04", "--course", str(course.root), "--student", "x"), "No submission of 04_elman by x"),
        (("feedback", "04", "--course", str(course.root)), "was graded yet"),
        (("export", "--to", "csv", str(tmp_path / "g.csv"), "--course", str(course.root)), "no grades to export"),
        (("init", str(course.root)), "new or empty folder"),
        (("release", "04", "--lang", "ja", "--course", str(course.root)), "no prose in 'ja'"),
        (("grade", "--nonsense"), "No such option"),
    ):
        status, said = command_line(capsys, *arguments)
        assert status == 2, arguments
        assert expected in said.replace("\n", " ")
    assert not (course.root / "autograded" / "x").exists()
    assert not (tmp_path / "g.csv").exists()


def test_without_bubblewrap_grading_does_not_start(released, tmp_path, capsys, monkeypatch):
    course = new_course(released, tmp_path)
    hand_in(course, "ada", b"{}")
    monkeypatch.setenv("PATH", str(tmp_path))
    status, said = command_line(capsys, "grade", "04", "--course", str(course.root))
    assert status == 1
    assert "apt install bubblewrap" in said and "dnf" in said and "pacman" in said
    assert not (course.root / "results" / LESSON / "ada.json").exists()


def test_without_a_sandbox_the_verdicts_are_the_same_and_the_danger_is_said(released, tmp_path, capsys):
    course = new_course(released, tmp_path)
    mistake = "elman.step_backward:dWh_transposed"
    answers = {"elman.step_backward": mistaken_source(mistake)}
    notebook = answered(course.released(LESSON), answers, ("elman.step_forward", "elman.step_backward"))
    hand_in(course, "ada", nbformat.writes(notebook).encode())
    status, said = command_line(
        capsys, "grade", "04", "--course", str(course.root), "--no-sandbox", "--json", str(tmp_path / "r.json")
    )
    assert status == 0
    assert "student code runs as you" in said
    (result,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result["exercises"]["elman.step_forward"]["verdict"] == "right"
    assert result["exercises"]["elman.step_backward"]["mistake"] == mistake


def test_the_students_bundle_holds_no_solutions(released):
    import zipfile

    with zipfile.ZipFile(released.root / "bundles" / f"{LESSON}.zip") as bundle:
        names = bundle.namelist()
        assert f"{LESSON}/{LESSON}.ipynb" in names and f"{LESSON}/{LESSON}.key.json" in names
        (wheel,) = [name for name in names if name.endswith(".whl")]
        with bundle.open(wheel) as file, zipfile.ZipFile(file) as inner:
            inside = inner.namelist()
            text = b"".join(inner.read(name) for name in inside)
    assert {name.split("/")[0] for name in inside} <= {"autograder", "unrolled", "unrolled-0.1.0.dist-info"}
    assert not [name for name in [*names, *inside] if "solution" in name or "mistake" in name or "rubric" in name]
    assert b"dz @ Wh.T" not in text and b"h_prev.T @ dz" not in text
