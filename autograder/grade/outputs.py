"""Making what a student's code printed, and what a student wrote, harmless in an instructor's browser."""

from __future__ import annotations

import base64
import binascii
import re

from nbformat.notebooknode import NotebookNode

TAG = re.compile(r"<(?=[A-Za-z/!?])")  # where HTML, or a link in angle brackets, would begin
LINK = re.compile(r"\](?=\s*[(:\[])")  # where the address of a link or a picture would begin
BREAK = "\u200b"  # a space without width: what it stands in is text, and looks the same


def clean(notebook: NotebookNode) -> None:
    """Keep text and PNG pictures of every output, and no HTML, script or vector graphic; in place."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _clean_output(output)) is not None]
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = clean_markdown(cell.source)
        cell.pop("attachments", None)


def clean_markdown(text: str) -> str:
    """Markdown without HTML, links and pictures: their text stays, and nothing of it runs or is fetched."""
    return LINK.sub(f"]{BREAK}", TAG.sub(f"<{BREAK}", text))


def _clean_output(output: NotebookNode) -> NotebookNode | None:
    if output.output_type in ("stream", "error"):
        return output
    data = output.get("data", {})
    kept = {}
    if isinstance(data.get("text/plain"), str):
        kept["text/plain"] = data["text/plain"]
    if isinstance(data.get("image/png"), str) and _is_png(data["image/png"]):
        kept["image/png"] = data["image/png"]
    if not kept:
        return None
    output.data = kept
    output.metadata = {}
    return output


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=False)[:8] == b"\x89PNG\r\n\x1a\n" and '"' not in text
    except (binascii.Error, ValueError):
        return False
