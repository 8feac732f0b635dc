"""`python -m autograder.build FOLDER [LESSON…]`: student notebooks and answer keys, under FOLDER/<language>."""

import argparse
from pathlib import Path

from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, read
from autograder.build.notebook import build_all
from autograder.key import SUFFIX

parser = argparse.ArgumentParser(prog="python -m autograder.build", description=__doc__)
parser.add_argument("folder", type=Path, help="where they go, for example lessons")
parser.add_argument("lesson", nargs="*", help="which ones, for example 04_elman; all by default")
asked = parser.parse_args()
for notebook in build_all(asked.folder, asked.lesson):
    lesson = read(SOURCES / f"{notebook.stem}.py")
    if not lesson.is_page:
        write_key(lesson, notebook.with_name(f"{notebook.stem}{SUFFIX}"))
    print(notebook)
