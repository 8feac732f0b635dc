"""What student code can and cannot do in the sandbox: each test runs real code in a real fork."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import WarmKernelManager
from autograder.sandbox.session import Ended, Ran, Session
from autograder.sandbox.warm import Warm

LIMITS = Limits(cell_seconds=8, file_bytes=2**20, disk_bytes=8 * 2**20, output_bytes=20_000)


@pytest.fixture(scope="module")
def warm():
    with Warm(LIMITS) as process:
        yield process


def run(warm: Warm, *cells: str) -> list[Ran]:
    async def go() -> list[Ran]:
        async with Session(WarmKernelManager(warm), warm.limits) as session:
            return [await session.run(cell) for cell in cells]

    return asyncio.run(go())


def text(ran: Ran) -> str:
    return "".join(o.get("text", "") or o.get("evalue", "") or str(o.get("data", "")) for o in ran.outputs)


def test_tensorflow_and_keras_work_in_a_fork(warm):
    code = "import keras, numpy as np\nx = np.ones((2, 3, 4), 'float32')\nprint(keras.layers.SimpleRNN(5)(x).shape)"
    assert "(2, 5)" in text(run(warm, code)[0])


def test_nothing_of_one_submission_is_left_for_the_next(warm):
    leave = (
        "import builtins, numpy, os, subprocess\nbuiltins.left = numpy.left = 1\n"
        "for folder in ('/tmp', '/dev/shm', '/home/student', '/', '/dev', '/run/unrolled', '/opt/unrolled'):\n"
        "    try: open(folder + '/left', 'w').write('x')\n"
        "    except OSError: pass\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\nos.environ['LEFT'] = '1'"
    )
    look = (
        "import builtins, glob, numpy, os\n"
        "print([hasattr(builtins, 'left'), hasattr(numpy, 'left'), 'LEFT' in os.environ, glob.glob('/*/left') + "
        "glob.glob('/*/*/left') + glob.glob('/left')], sorted(p for p in os.listdir('/proc') if p.isdigit()))"
    )
    run(warm, leave)
    assert text(run(warm, look)[0]).strip() == "[False, False, False, []] ['1']"


def test_a_process_does_not_outlive_its_kernel(warm):
    run(warm, "import subprocess; subprocess.Popen(['sleep', '31536'], start_new_session=True)")
    alive = [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"31536" in _read(p)]
    assert alive == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_solutions_the_repository_and_the_hosts_folders_do_not_exist(warm):
    here = Path(__file__).resolve()
    code = (
        "import os\n"
        f"print([os.path.exists(p) for p in ({str(here)!r}, {str(here.parents[1] / 'solutions')!r}, '/opt/unrolled/solutions', "
        "'/etc/passwd', '/etc/shadow', '/var', '/sys', '/srv')])\n"
        "try:\n    import solutions\nexcept ImportError: print('no solutions')\n"
        "print(sorted(os.environ)[:3], 'SECRET' in os.environ)"
    )
    os.environ["SECRET"] = "x"
    try:
        said = text(run(warm, code)[0])
    finally:
        del os.environ["SECRET"]
    assert "True" not in said
    assert "no solutions" in said


def test_a_listener_on_this_machine_hears_nothing(warm):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        code = f"import socket\ntry:\n    socket.create_connection(('127.0.0.1', {port}), 2)\nexcept OSError as e: print('refused')"
        assert "refused" in text(run(warm, code)[0])
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_warm_process_cannot_be_seen_signalled_or_read(warm):
    code = (
        "import os, signal, glob\n"
        "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))\n"
        "for pid in (0, -1):\n"
        "    pass\n"
        "for pid in range(2, 60):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n"
        "    except OSError: pass\n"
        "print(os.listdir('/run/unrolled'))\n"
        "print([os.path.realpath(f) for f in glob.glob('/proc/self/fd/*')])"
    )
    said = text(run(warm, code)[0])
    assert said.startswith("[1]\n[]\n")
    assert warm.alive
    assert text(run(warm, "print(1 + 1)")[0]) == "2\n"


def test_no_privilege_and_no_way_to_get_one(warm):
    code = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.unshare(0x10000000), libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.setuid(0), "
        "libc.umount2(b'/run/unrolled', 2), libc.chroot(b'/tmp'))\n"
        "print([l for l in open('/proc/self/status') if l.startswith(('CapEff', 'NoNewPrivs'))])"
    )
    said = text(run(warm, code)[0])
    assert said.startswith("-1 -1 -1 -1 -1")
    assert "CapEff:\\t0000000000000000" in said and "NoNewPrivs:\\t1" in said


def test_its_sockets_cannot_be_replaced(warm):
    code = (
        "import os\nfor name in os.listdir('/run/kernel'):\n"
        "    try:\n        os.unlink('/run/kernel/' + name); print('gone')\n    except OSError as e: print(e.strerror)\n"
        "try: open('/run/kernel/x', 'w')\nexcept OSError as e: print(e.strerror)"
    )
    said = text(run(warm, code)[0])
    assert "gone" not in said and said.count("Read-only") == 6


def test_a_loop_that_ends_on_interrupt_costs_one_cell(warm):
    first, second = run(warm, "while True: pass", "print('still here')")
    assert first.timed_out
    assert text(second) == "still here\n"


def test_a_loop_that_ignores_interrupts_ends_the_submission_alone(warm):
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    start = time.monotonic()
    with pytest.raises(Ended):
        run(warm, code)
    assert time.monotonic() - start < 3 * LIMITS.cell_seconds
    assert text(run(warm, "print('next')")[0]) == "next\n"


@pytest.mark.parametrize(
    "code", ["import os; os._exit(0)", "import ctypes; ctypes.string_at(0)", "import os; os.kill(1, 9); os.abort()"]
)
def test_a_kernel_that_ends_itself_ends_alone(warm, code):
    with pytest.raises(Ended):
        run(warm, code)
    assert text(run(warm, "print('next')")[0]) == "next\n"


def test_memory_files_processes_and_output_are_bounded(warm):
    memory, files, disk, output = run(
        warm,
        "x = bytearray(20 * 2**30)",
        "open('big', 'wb').write(bytes(2 * 2**20))",
        "for i in range(100): open(f'{i}', 'wb').write(bytes(2**20 - 1))",
        "for i in range(100_000): print('x' * 100)",
    )
    assert "MemoryError" in str(memory.error)
    assert "File too large" in text(files)
    assert "No space left" in text(disk)
    assert len(text(output)) < 2 * LIMITS.output_bytes and "dropped" in text(output)


def test_memory_of_all_processes_together_is_bounded(warm):
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(os.urandom(2**20)) * 600\n"
        "        time.sleep(30)\n"
        "time.sleep(30)"
    )
    with pytest.raises(Ended, match=r"more than 2\.0 GB"):
        run(warm, code)


def test_a_message_too_large_to_read_disturbs_nobody_else(warm):
    code = "from IPython.display import publish_display_data\npublish_display_data({'text/plain': 'x' * 200_000_000})\nprint('sent')"
    with contextlib.suppress(Ended):
        run(warm, code)
    assert text(run(warm, "print('next')")[0]) == "next\n"


def test_forged_messages_are_passed_over(warm):
    code = (
        "import json\nk = get_ipython().kernel\ns = k.session\n"
        "from jupyter_client.jsonutil import json_default\n"
        "for content in (b'[1]', b'7', b'null', b'{'):\n"
        "    header = json.dumps(s.msg_header('stream'), default=json_default).encode()\n"
        "    parent = json.dumps(k.get_parent('shell')['header'], default=json_default).encode()\n"
        "    parts = [header, parent, b'{}', content]\n"
        "    k.iopub_socket.send_multipart([b'x', b'<IDS|MSG>', s.sign(parts), *parts])\n"
    )
    assert text(run(warm, code, "print('next')")[1]) == "next\n"


def test_a_fork_bomb_stays_in_its_own_sandbox(warm, monkeypatch):
    monkeypatch.setattr(warm, "limits", replace(LIMITS, processes=64))  # each fork takes a while on a busy machine
    code = "import os\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            import time; time.sleep(100)\n        n += 1\nexcept OSError: print('stopped', 10 < n <= 64)"
    assert "stopped True" in text(run(warm, code)[0])
    assert text(run(warm, "print('next')")[0]) == "next\n"
