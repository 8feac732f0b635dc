"""What stock nbgrader does with the attacks that are harmless enough to be tried: the table in this folder's README.

    python -m tests.redteam.stock

nbgrader has its own configuration here, without our preprocessors, and runs student code as whoever runs this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.reference import ROOT
from tests.classroom import LESSON, put
from tests.redteam.attacks import ATTACKS, BROWSER, SECRETS, Attack, filled_in
from tests.redteam.test_redteam import CANARY, SCRIPTS, Listener

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- begin stock -->", "<!-- end stock -->"
PLAIN = """c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 60
"""


@dataclass(frozen=True)
class Fallen:
    """What an attack got from stock nbgrader: points beyond its honest work, a secret, a script in a page."""

    attack: Attack
    graded: bool
    points: float
    secret: bool
    heard: bool
    script: bool

    def verdict(self) -> str:
        """In a few words; "nothing" where it got nothing."""
        if not self.graded:
            return "refused: it stays without a grade"
        got = []
        if self.points > self.attack.worth:
            got.append(f"{self.points:g} points for work worth {self.attack.worth:g}")
        if self.secret:
            got.append("read what it should not")
        if self.heard:
            got.append("was heard outside")
        if self.script:
            got.append("its script stands in a page that the instructor opens")
        return ", ".join(got) or "nothing"


def run() -> list[Fallen]:
    """Grade the harmless attacks with nbgrader's own `autograde` and `generate_feedback`."""
    tried = [attack for attack in ATTACKS if attack.harmless]
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        bin_ = Path(sys.executable).parent
        root = Path(folder) / "course"
        for arguments in (("init", root), ("release", "04", "--course", root)):
            subprocess.run([bin_ / "autograder", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        (root / "nbgrader_config.py").write_text(PLAIN, encoding="utf-8")
        course = Course(root)
        for attack in tried:
            _hand_in(course, attack, listener.port)
        environment = os.environ | {"UNROLLED_CANARY": CANARY, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
        found = []
        for attack in tried:
            heard = len(listener.heard)
            for step in ("autograde", "generate_feedback"):
                command = [bin_ / "nbgrader", step, LESSON, "--student", attack.name]
                subprocess.run(command, cwd=course.root, env=environment, capture_output=True, timeout=600, check=False)
            found.append(_fallen(course, attack, len(listener.heard) > heard))
            print(f"{attack.kind:20s} {attack.name:28s} {found[-1].verdict()}", flush=True)
    return found


def _hand_in(course: Course, attack: Attack, port: int) -> None:
    """The attack, without the demo cells, which would only take time."""
    data = filled_in(attack.make(course.released(LESSON)), ROOT=ROOT, COURSE=course.root, PORT=port)
    notebook = json.loads(data)
    demos = {cell["id"] for cell in course.released(LESSON).cells if "demo" in cell.metadata.get("tags", ())}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") not in demos]
    put(course, LESSON, attack.name, json.dumps(notebook).encode())


def _fallen(course: Course, attack: Attack, heard: bool) -> Fallen:
    path = course.folder("autograded", LESSON, attack.name) / f"{LESSON}.ipynb"
    if not path.exists():
        return Fallen(attack, False, 0, False, heard, False)
    notebook = nbformat.read(path, as_version=4)
    said = "\n".join(
        str(output.get("text", output.get("data", "")))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    with course.gradebook() as gradebook:
        stored = gradebook.find_submission(LESSON, attack.name).notebooks[0]
        points = sum(grade.auto_score or 0 for grade in stored.grades)
    secret = attack.kind == SECRETS and ("SECRET" in said or CANARY in said)
    script = attack.kind == BROWSER and _script_in_a_page(course, attack, path)
    return Fallen(attack, True, points, secret, heard, script)


def _script_in_a_page(course: Course, attack: Attack, path: Path) -> bool:
    """Does what it wrote stand, as a script, in the feedback, or in the notebook as formgrader shows it?"""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(nbformat.read(path, as_version=4))
    pages = [body] + [
        p.read_text(encoding="utf-8") for p in course.folder("feedback", LESSON, attack.name).glob("*.html")
    ]
    return any("alert(" in hit for page in pages for hit in _around(page))


def _around(page: str) -> list[str]:
    """What stands right after each script, link or handler of a page."""
    return [page[match.start() : match.start() + 200] for match in SCRIPTS.finditer(page)]


def main() -> None:
    """Try them, and write the table."""
    from importlib.metadata import version

    rows = [f"| {one.attack.kind} | {one.attack.name} | {one.verdict()} | nothing |" for one in run()]
    head = f"| kind | attack | stock nbgrader {version('nbgrader')} | `autograder grade` |\n| --- | --- | --- | --- |"
    page = README.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{head}\n" + "\n".join(rows) + f"\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
