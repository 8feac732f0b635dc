"""`python -m autograder.build FOLDER`: every lesson's student notebook and answer key, under FOLDER/<language>."""

import sys
from pathlib import Path

from autograder.build.answers import write_key
from autograder.build.lesson import SOURCES, read
from autograder.build.notebook import build_all
from autograder.key import SUFFIX

for notebook in build_all(Path(sys.argv[1])):
    write_key(read(SOURCES / f"{notebook.stem}.py"), notebook.with_name(f"{notebook.stem}{SUFFIX}"))
    print(notebook)
