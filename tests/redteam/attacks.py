"""The attacks. Each is a hostile submission of lesson 04, made from the released notebook.

`{ROOT}`, `{COURSE}` and `{PORT}` in a cell's text stand for this repository, the course directory, and a port on 127.0.0.1
at which the test listens, outside the sandbox.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from nbformat.notebooknode import NotebookNode

from tests.classroom import answered, doubled_cell, tagged_cell, with_cell, without_cell

EXHAUSTION, WARM, SECRETS, NETWORK, FORGERY, DELEGATION, EDITS, FILES, BROWSER = (
    "exhaustion", "the warm process", "secrets", "network", "forgery", "delegation", "notebook edits", "files", "browser",
)  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    Attributes:
        name: of the attack, and of the student.
        kind: what it attacks.
        make: from the released notebook to the bytes that are handed in.
        worth: the automatic points that its honest part is worth, at most.
        harmless: may be tried with stock nbgrader, which runs it as the user who runs the test.
        says: what the verdict, a note or the reason must hold, or "".
    """

    name: str
    kind: str
    make: Callable[[NotebookNode], bytes]
    worth: float = 0.0
    harmless: bool = False
    says: str = ""


def _dump(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def cell(name: str, kind: str, source: str, *, worth: float = 0.0, **more) -> Attack:
    """A cell of the student's own above blank answers; above right ones if it is worth all 40 points."""
    return Attack(
        name, kind, lambda nb: _dump(with_cell(answered(nb) if worth == 40 else nb, 3, source)), worth=worth, **more
    )


def answer(name: str, kind: str, exercise: str, source: str, **more) -> Attack:
    """One answer that cheats, the others blank."""
    return Attack(name, kind, lambda nb: _dump(answered(nb, {exercise: source}, only=(exercise,))), **more)


def edit(name: str, change: Callable[[NotebookNode], object], **more) -> Attack:
    """The notebook's own structure changed."""

    def make(notebook: NotebookNode) -> bytes:
        notebook = copy.deepcopy(notebook)
        changed = change(notebook)
        return changed if isinstance(changed, bytes) else _dump(changed if changed is not None else notebook)

    return Attack(name, EDITS, make, **more)


def _each(notebook: NotebookNode, change: Callable[[NotebookNode], None], ending: str = "") -> None:
    for one in notebook.cells:
        if "nbgrader" in one.metadata and one["id"].endswith(ending):
            change(one)


CLAIM = 'publish = __import__("IPython.display").display.publish_display_data'

ATTACKS = [
    # resources
    cell("fork-bomb", EXHAUSTION, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    cell("thread-bomb", EXHAUSTION, "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(999,), daemon=True).start()\n    except RuntimeError: pass"),
    cell("memory-bomb", EXHAUSTION, 'kept = []\nwhile True:\n    kept.append(b"x" * 50_000_000)', worth=40),
    cell("memory-bomb-in-children", EXHAUSTION, 'import os, time\nfor _ in range(12):\n    if os.fork() == 0:\n        kept = bytearray(b"x" * 300_000_000)\n        time.sleep(600)\ntime.sleep(600)'),
    cell("disk-filler", EXHAUSTION, 'import itertools\nfor folder in (".", "/tmp", "/dev/shm"):\n    try:\n        for i in itertools.count():\n            open(f"{folder}/{i}", "wb").write(b"x" * 2**22)\n    except OSError as error:\n        print(error)', worth=40),
    cell("sparse-file", EXHAUSTION, 'open("big", "wb").truncate(2**40)', worth=40),
    cell("output-flood", EXHAUSTION, 'while True:\n    print("x" * 10_000)', worth=40),
    cell("one-huge-line", EXHAUSTION, 'print("x" * 200_000_000)', worth=40),
    cell("many-displays", EXHAUSTION, "for i in range(20_000):\n    display(i)", worth=40),
    cell("endless-loop", EXHAUSTION, "while True:\n    pass", worth=40),
    cell("loop-that-ignores-interrupts", EXHAUSTION, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass", says="could not be interrupted"),
    cell("loop-that-swallows-interrupts", EXHAUSTION, "while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    cell("process-that-stays", EXHAUSTION, 'import os, subprocess\nsubprocess.Popen(["sleep", "73219"], start_new_session=True)\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execvp("sleep", ["sleep", "73219"])\n    os._exit(0)', worth=40),
    cell("ends-itself", EXHAUSTION, "import os\nos._exit(0)", says="ended before its time"),
    cell("segfault", EXHAUSTION, "import ctypes\nctypes.string_at(0)", says="ended before its time"),
    cell("kills-everything", EXHAUSTION, "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)"),
    cell("deep-recursion", EXHAUSTION, "import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()"),
    answer("endless-answer", EXHAUSTION, "elman.step_forward", "def step_forward(*a):\n    while True: pass", says="took longer"),
    # the warm process
    cell("ptrace", WARM, 'import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor pid in [os.getppid(), *range(1, 400)]:\n    if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0:\n        print("SECRET traced", pid)'),
    cell("foreign-memory", WARM, 'import os\nown = {os.getpid(), *map(int, os.listdir("/proc/self/task"))}\nfor pid in [os.getppid(), *range(1, 400)]:\n    if pid in own: continue\n    for name in ("mem", "maps", "environ", "fd"):\n        try:\n            what = os.listdir(f"/proc/{pid}/fd") if name == "fd" else open(f"/proc/{pid}/{name}", "rb").read(10)\n            print("SECRET", pid, name, what)\n        except OSError: pass'),
    cell("signals-upwards", WARM, "import os, signal\nown = {os.getpid(), *map(int, os.listdir('/proc/self/task'))}\nfor pid in [os.getppid(), *range(2, 400)]:\n    if pid not in own:\n        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1):\n            try: os.kill(pid, number)\n            except OSError: pass", worth=40),
    cell("control-socket", WARM, 'import os, socket, stat, json\nfor fd in range(3, 1024):\n    try:\n        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n            with socket.socket(fileno=os.dup(fd)) as s:\n                s.settimeout(0.05)\n                s.sendall(b\'{"do": "poll", "pid": 1}\\n\')\n                said = s.recv(100)\n                if b"running" in said: print("SECRET", said)\n    except OSError: pass'),
    cell("other-sockets", WARM, 'import glob, os\nfor path in glob.glob("/run/**", recursive=True) + glob.glob("/tmp/**", recursive=True):\n    if "/run/kernel" not in path and path not in ("/run/", "/tmp/", "/run/unrolled", "/run/unrolled/", "/run/"):\n        print("seen", path)\nprint(os.listdir("/run/unrolled"))'),
    # secrets
    cell("solutions-by-path", SECRETS, 'import os\nfor top in ("{ROOT}", "/home", "/root", "/opt", "/srv", "/mnt"):\n    for folder, _, files in os.walk(top):\n        for file in files:\n            path = os.path.join(folder, file)\n            if "/solutions/" in path or "gradebook.db" in file and "site-packages" not in path:\n                print("SECRET", path)\ntry:\n    print("SECRET", open("{ROOT}/solutions/elman.py").read()[:50])\nexcept OSError as error: print(error)', harmless=True),
    cell("solutions-by-import", SECRETS, 'import sys\nsys.path += ["{ROOT}", "/opt/unrolled"]\ntry:\n    from solutions.elman import *\n    print("SECRET imported")\nexcept ImportError as error: print(error)', harmless=True),
    cell("git-history", SECRETS, 'import os, subprocess\nfor top in ("{ROOT}", ".", "/opt/unrolled"):\n    if os.path.exists(top + "/.git"): print("SECRET", top)\n    try:\n        said = subprocess.run(["git", "-C", top, "log", "-1"], capture_output=True, text=True)\n        if said.returncode == 0: print("SECRET", said.stdout[:50])\n    except OSError: pass', harmless=True),
    cell("environment", SECRETS, 'import os\nif "UNROLLED_CANARY" in os.environ: print("SECRET", os.environ["UNROLLED_CANARY"])\nprint(sorted(os.environ))', harmless=True),
    cell("frames-and-objects", SECRETS, 'import gc, sys\nfor thing in gc.get_objects():\n    try:\n        if type(thing).__name__ in ("Expectation", "Exact", "KnownMistake", "Plan"): print("SECRET", type(thing))\n    except Exception: pass\nframe = sys._getframe()\nwhile frame:\n    for name in frame.f_locals:\n        if name in ("expectation", "expected", "reference"): print("SECRET", name)\n    frame = frame.f_back'),
    answer("frames-while-judged", SECRETS, "elman.step_forward", 'import sys\ndef step_forward(x, h_prev, Wx, Wh, b):\n    frame = sys._getframe()\n    while frame:\n        for name, value in frame.f_locals.items():\n            if name in ("expectation", "expected", "right"): return value\n        frame = frame.f_back\n    return np.zeros(h_prev.shape)'),
    cell("neighbours-work", SECRETS, 'import glob, os\nif os.path.exists("{COURSE}"): print("SECRET", os.listdir("{COURSE}"))\nfor path in glob.glob("../../**/*.ipynb", recursive=True): print("SECRET", path)', harmless=True),
    cell("gradebook", SECRETS, 'import sqlite3\ntry:\n    open("{COURSE}/gradebook.db", "r+b").read(10)\n    print("SECRET opened")\nexcept OSError as error: print(error)\ntry:\n    db = sqlite3.connect("{COURSE}/gradebook.db")\n    db.execute("update grade set auto_score = 40")\n    db.commit()\n    print("SECRET written")\nexcept Exception as error: print(error)'),
    cell("passwords", SECRETS, 'for path in ("/etc/passwd", "/etc/shadow", "/root/.ssh/id_rsa", "/root/.bashrc", "/root/.profile"):\n    try: print("SECRET", path, open(path).read()[:60])\n    except OSError as error: print(error)', harmless=True),
    cell("devices", SECRETS, 'import os\nfor name in ("/dev/mem", "/dev/kmem", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/loop0"):\n    try:\n        os.open(name, os.O_RDWR)\n        print("SECRET", name)\n    except OSError: pass'),
    cell("left-behind", SECRETS, 'import os\nfor folder in ("/tmp", "/dev/shm", "/home/student", "/run/kernel"):\n    for name in os.listdir(folder):\n        if "MARK" in name: print("SECRET", folder, name)\n    try: open(f"{folder}/MARK", "w").write("I was here")\n    except OSError: pass\nfrom multiprocessing import shared_memory\ntry:\n    shared_memory.SharedMemory("MARKED", create=True, size=100)\nexcept FileExistsError: print("SECRET shared memory")'),
    cell("left-behind-again", SECRETS, 'import os\nfor folder in ("/tmp", "/dev/shm", "/home/student", "/run/kernel"):\n    for name in os.listdir(folder):\n        if "MARK" in name: print("SECRET", folder, name)\n    try: open(f"{folder}/MARK", "w").write("I was here")\n    except OSError: pass'),
    # network
    cell("tcp", NETWORK, 'import socket\ntry:\n    socket.create_connection(("127.0.0.1", {PORT}), 2).sendall(b"hello from inside")\n    print("SECRET connected")\nexcept OSError as error: print(error)', harmless=True),
    cell("udp", NETWORK, 'import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ntry: s.sendto(b"hello", ("127.0.0.1", {PORT}))\nexcept OSError as error: print(error)'),
    cell("abstract-socket", NETWORK, 'import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n    s.connect("\\0unrolled-redteam-{PORT}")\n    print("SECRET connected")\nexcept OSError as error: print(error)'),
    # forgery
    cell("prints-points", FORGERY, "print(40.0)\n40.0"),
    cell("patches-the-judge", FORGERY, 'import autograder, autograder.notebook\nfrom autograder import judge, result, subject\njudge.judge = lambda exercise, *a, **k: result.Result(exercise.id, 40.0, 40.0, "right", "")\nautograder.check = autograder.notebook.check = lambda *a, **k: 40.0\nsubject._same = lambda *a: True', harmless=True),
    cell("answers-for-the-grader", FORGERY, f'import json, autograder.sandbox.answer as a\n{CLAIM}\na.publish = lambda id, cases: publish({{a.MIME: json.dumps([{{"values": {{"h": {{"dtype": "float64", "shape": [1], "data": ""}}}}, "problem": None, "edited": [], "unstable": []}}] * 3)}})'),
    cell("answers-with-a-verdict", FORGERY, f'import json, autograder.sandbox.answer as a\n{CLAIM}\na.publish = lambda id, cases: publish({{a.MIME: json.dumps({{"verdict": "right", "points": 40}}), "text/plain": "40.0"}})'),
    cell("forged-messages", FORGERY, 'kernel = get_ipython().kernel\nfor kind, content in (("execute_result", {"data": {"text/plain": "40.0"}, "metadata": {}, "execution_count": 1}), ("status", {"execution_state": "idle"}), ("status", []), ("error", {"ename": 1})):\n    for _ in range(50):\n        kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent() if hasattr(kernel, "get_parent") else None)', worth=40),
    cell("input-transformer", FORGERY, 'def rewrite(lines):\n    return ["40.0\\n"] if any("sandbox.answer" in line for line in lines) else lines\nget_ipython().input_transformers_cleanup.append(rewrite)', harmless=True),
    cell("syntax-tree-transformer", FORGERY, 'import ast\nclass Always(ast.NodeTransformer):\n    def visit_Call(self, node):\n        return ast.copy_location(ast.Constant(40.0), node)\nget_ipython().ast_transformers.append(Always())', harmless=True),
    cell("display-hook", FORGERY, 'import sys\nhook = get_ipython().displayhook\ntype(hook).__call__ = lambda self, result=None: None\nget_ipython().events.register("pre_run_cell", lambda *a: 1 / 0)\nget_ipython().display_pub.publish = lambda *a, **k: None'),
    cell("patched-numpy", FORGERY, "class Equal(float):\n    __eq__ = __le__ = __ge__ = __lt__ = lambda self, other: True\nnp.allclose = np.array_equal = np.isclose = lambda *a, **k: True\nnp.testing.assert_allclose = lambda *a, **k: None\nnp.max = np.abs = lambda *a, **k: Equal(0)\ndef step_backward(dh, x, h_prev, Wx, Wh, b):\n    return tuple(np.zeros(s.shape) for s in (x, h_prev, Wx, Wh, b))", harmless=True),
    cell("patched-builtins", FORGERY, "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda *a: 3\nbuiltins.all = lambda *a: True\nbuiltins.hasattr = lambda *a: True"),
    cell("patched-keras", FORGERY, "keras.layers.RNN.call = lambda self, *a, **k: a[0]\nimport tensorflow as tf\ntf.GradientTape.gradient = lambda self, loss, sources, **k: sources"),
    answer("array-that-equals-all", FORGERY, "elman.step_forward", "class Yes(np.ndarray):\n    __eq__ = __le__ = lambda self, other: np.ones(self.shape, bool)\n    __array__ = lambda self, *a, **k: self\n    __sub__ = __rsub__ = lambda self, other: np.zeros(self.shape)\ndef step_forward(x, h_prev, Wx, Wh, b):\n    return np.zeros(h_prev.shape).view(Yes)", harmless=True),
    answer("pickle-as-answer", FORGERY, "elman.step_forward", "class Bomb:\n    def __reduce__(self):\n        return (open, ('{COURSE}/PWNED', 'w'))\ndef step_forward(x, h_prev, Wx, Wh, b):\n    return np.array([[Bomb()] * h_prev.shape[1]] * len(h_prev), dtype=object)"),
    answer("array-too-large", FORGERY, "elman.step_forward", "def step_forward(x, h_prev, Wx, Wh, b):\n    return np.broadcast_to(0.5, (10**5, 10**5))"),
    answer("answer-too-large", FORGERY, "elman.step_forward", "def step_forward(x, h_prev, Wx, Wh, b):\n    return np.zeros((3000, 3000))"),
    cell("nested-answer", FORGERY, f'import autograder.sandbox.answer as a\n{CLAIM}\na.publish = lambda id, cases: publish({{a.MIME: "[" * 100_000 + "]" * 100_000}})'),
    cell("endless-number", FORGERY, f'import autograder.sandbox.answer as a\n{CLAIM}\na.publish = lambda id, cases: publish({{a.MIME: "[" + "9" * 5_000_000 + "]"}})'),
    cell("waits-for-the-question", FORGERY, "import autograder.subject as s\nobserve = s.observe\ndef spy(exercise, names, cases):\n    print('asked', [c.inputs for c in cases])\n    return observe(exercise, names, cases)\ns.observe = spy\nimport autograder.sandbox.answer as a\na.observe = spy"),
    # delegation
    answer("keras-renamed", DELEGATION, "elman.ElmanCell", "Mine = keras.layers.SimpleRNNCell\nclass ElmanCell(Mine):\n    def __init__(self, units, **kwargs):\n        super().__init__(units, **kwargs)\n    def get_config(self):\n        return {'units': self.units, 'dtype': self.dtype_policy}", harmless=True, says="Write the step yourself"),
    answer("keras-by-string", DELEGATION, "elman.ElmanCell", "Base = getattr(keras.layers, 'Simple' + 'RNN' + 'Cell')\nclass ElmanCell(Base):\n    def __init__(self, units, **kwargs):\n        super().__init__(units, **kwargs)\n    def get_config(self):\n        return {'units': self.units, 'dtype': self.dtype_policy}", harmless=True),
    answer("keras-by-module", DELEGATION, "elman.ElmanCell", "import importlib\nBase = importlib.import_module('keras.src.layers.rnn.simple_rnn').SimpleRNNCell\nclass ElmanCell(Base):\n    def __init__(self, units, **kwargs):\n        super().__init__(units, **kwargs)\n    def get_config(self):\n        return {'units': self.units, 'dtype': self.dtype_policy}", harmless=True, says="Write the step yourself"),
    answer("keras-held-inside", DELEGATION, "elman.ElmanCell", "class ElmanCell(keras.layers.Layer):\n    def __init__(self, units, **kwargs):\n        super().__init__(**kwargs)\n        self.units = self.state_size = units\n        self.inner = keras.layers.deserialize({'class_name': 'Simple' + 'RNNCell', 'config': {'units': units, 'dtype': 'float64'}})\n    def build(self, shape):\n        self.inner.build(shape)\n        self.kernel, self.recurrent_kernel, self.bias = self.inner.kernel, self.inner.recurrent_kernel, self.inner.bias\n    def call(self, inputs, states, training=False):\n        return self.inner(inputs, states)\n    def get_initial_state(self, batch_size=None):\n        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]\n    def get_config(self):\n        return {**super().get_config(), 'units': self.units}"),
    answer("tape-in-a-by-hand-gradient", DELEGATION, "elman.output_backward", "import tensorflow as tf\nTape = getattr(tf, 'Gradient' + 'Tape')\ndef output_backward(dy, h, Wy, by):\n    a = [tf.constant(v) for v in (h, Wy, by)]\n    with Tape() as t:\n        t.watch(a)\n        y = tf.einsum('btu,uo->bto', a[0], a[1]) + a[2]\n    return tuple(g.numpy() for g in t.gradient(y, a, tf.constant(dy)))"),
    # notebook edits
    edit("tags", lambda nb: _each(nb, lambda c: c.metadata.__setitem__("tags", ["demo", "skip-execution", "remove-cell"])), harmless=True),
    edit("points-in-metadata", lambda nb: _each(nb, lambda c: c.metadata.nbgrader.__setitem__("points", 1000)), harmless=True),
    edit("check-cells-rewritten", lambda nb: _each(nb, lambda c: c.__setitem__("source", "1000.0") if c.metadata.nbgrader.get("grade") else None), harmless=True),
    edit("unlocked", lambda nb: _each(nb, lambda c: (c.metadata.nbgrader.update(locked=False, grade=True, solution=True), c.__setitem__("source", "40.0"))), harmless=True),
    edit("retyped", lambda nb: _each(nb, lambda c: c.__setitem__("cell_type", "raw"), "elman-step_forward"), worth=0),
    edit("check-cells-first", lambda nb: nb.__setitem__("cells", sorted(answered(nb).cells, key=lambda c: c["id"].endswith("-answer"))), worth=40),
    edit("doubled", lambda nb: doubled_cell(answered(nb), "elman-step_backward"), worth=40),
    edit("deleted", lambda nb: without_cell(answered(nb), "elman-step_backward"), worth=40),
    edit("skipped", lambda nb: tagged_cell(nb, "elman-step_backward", "skip-execution"), harmless=True),
    edit("attached-grade-cell", lambda nb: nb.cells.append(nbformat.v4.new_code_cell("40.0", metadata={"nbgrader": {"grade": True, "grade_id": "elman-step_forward", "locked": True, "points": 40, "schema_version": 3, "solution": False, "task": False}})), harmless=True),
    edit("attached-foreign-exercise", lambda nb: nb.cells.insert(0, nbformat.v4.new_code_cell("1", metadata={"unrolled": {"exercise": "elman.copy_weights"}}))),
    edit("other-kernel", lambda nb: nb.metadata.__setitem__("kernelspec", {"name": "bash", "display_name": "bash", "language": "bash"})),
    edit("kernel-by-path", lambda nb: nb.metadata.__setitem__("kernelspec", {"name": "../../../../tmp/evil", "display_name": "x", "language": "python"})),
    edit("deep-metadata", lambda nb: _dump(nb).replace(b'"metadata": {', b'"metadata": {"deep": ' + b"[" * 50_000 + b"]" * 50_000 + b", ", 1), says="recursion"),
    edit("huge-notebook", lambda nb: _dump(nb) + b" " * 11_000_000, says="10"),
    edit("no-notebook", lambda nb: b"\x80\x04\x95 cos\nsystem\n(S'touch PWNED'\ntR."),
    edit("an-outcome-that-claims", lambda nb: _each(nb, lambda c: c.__setitem__("outputs", [nbformat.v4.new_output("execute_result", data={"text/plain": "40.0"}, execution_count=1)]) if c.cell_type == "code" else None)),
    # browser
    cell("script-in-output", BROWSER, 'from IPython.display import HTML, Javascript, SVG, display\ndisplay(HTML("<script>fetch(1)</script><img src=x onerror=alert(1)>"), Javascript("alert(2)"))\ndisplay({"text/html": "<script>alert(3)</script>", "image/svg+xml": "<svg onload=alert(4)></svg>", "application/javascript": "alert(5)", "text/latex": "$<script>alert(6)</script>$", "text/markdown": "<script>alert(7)</script>"}, raw=True)\nprint("<script>alert(8)</script>")', harmless=True),
    answer("script-in-error", BROWSER, "elman.step_forward", 'def step_forward(*a):\n    raise ValueError("<script>alert(9)</script><img src=x onerror=alert(10)>")', harmless=True),
    Attack("script-in-text", BROWSER, lambda nb: _written(nb, "<script>alert(11)</script> [click](javascript:alert(12)) <img src=x onerror=alert(13)>\n\n[a]: javascript:alert(14)\n[click][a] <javascript:alert(15)>"), harmless=True),
    cell("script-in-png", BROWSER, 'display({"image/png": "\\"><script>alert(16)</script>"}, raw=True)\ndisplay({"image/png": "data:text/html,<script>alert(17)</script>"}, raw=True)', harmless=True),
]  # fmt: skip


def _written(notebook: NotebookNode, text: str) -> bytes:
    """The notebook with another answer to its written question."""
    notebook = copy.deepcopy(notebook)
    for one in notebook.cells:
        if one.cell_type == "markdown" and one.metadata.get("nbgrader", {}).get("solution"):
            one.source = text
    return _dump(notebook)


def filled_in(data: bytes, **values: object) -> bytes:
    """The submission with {ROOT}, {COURSE} and {PORT} replaced."""
    text = data.decode("utf-8", "surrogateescape")
    for name, value in values.items():
        text = text.replace("{" + name + "}", json.dumps(str(value))[1:-1])
    return text.encode("utf-8", "surrogateescape")
