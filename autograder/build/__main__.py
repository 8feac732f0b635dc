"""`python -m autograder.build FOLDER [LESSON…]`: student notebooks and answer keys, under FOLDER/<language>."""

import sys
from pathlib import Path

from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, read
from autograder.build.notebook import build_all
from autograder.key import SUFFIX

folder, *wanted = sys.argv[1:]
for notebook in build_all(Path(folder), wanted):
    lesson = read(SOURCES / f"{notebook.stem}.py")
    if not lesson.is_page:
        write_key(lesson, notebook.with_name(f"{notebook.stem}{SUFFIX}"))
    print(notebook)
