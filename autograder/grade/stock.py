"""What stock `nbgrader autograde` needs to be fair here: two preprocessors, named in the course's configuration."""

from __future__ import annotations

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder import intake
from autograder.course import Course
from autograder.grade.outputs import clean
from autograder.sandbox.limits import Limits


class Rebuild(NbGraderPreprocessor):
    """Rebuild a submission from the released notebook, as `autograder grade` does."""

    demo_tag = Unicode("demo", help="the tag that Execute skips, instead of `demo`").tag(config=True)

    def preprocess(self, nb, resources):
        info = resources["nbgrader"]
        from nbgrader.coursedir import CourseDirectory

        course = Course(CourseDirectory(parent=self).root)
        source = course.released(info["assignment"])
        found = intake.rebuild(nbformat.writes(nb).encode(), source, Limits().notebook_bytes)
        for note in found.notes:
            self.log.warning(note)
        for cell in found.notebook.cells:
            if "demo" in cell.metadata.get("tags", ()):
                cell.metadata.tags = [self.demo_tag]
        return found.notebook, resources


class Harmless(NbGraderPreprocessor):
    """Take scripts and HTML out of the outputs, before anybody opens them."""

    def preprocess(self, nb, resources):
        clean(nb)
        return nb, resources
