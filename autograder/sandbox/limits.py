"""What one submission may use. The defaults suit the lessons: a solved notebook needs a twentieth of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """Limits on one submission.

    Attributes:
        cell_seconds: wall time of one cell, and of one exercise's judging calls.
        total_seconds: wall time of the whole submission.
        cpu_seconds: processor time of each process.
        memory_bytes: resident memory of all its processes together.
        processes: processes and threads at one time.
        file_bytes: size of one file.
        disk_bytes: all files together; they live in memory and vanish with the submission.
        output_bytes: text and pictures of one cell.
        notebook_bytes: the file that was handed in.
    """

    cell_seconds: float = 30.0
    total_seconds: float = 180.0
    cpu_seconds: int = 240
    memory_bytes: int = 2 * 2**30
    processes: int = 256
    file_bytes: int = 64 * 2**20
    disk_bytes: int = 128 * 2**20
    output_bytes: int = 2**20
    notebook_bytes: int = 10 * 2**20

    def to_plain(self) -> dict[str, float]:
        """As JSON-ready data."""
        return asdict(self)
