"""Finding answers that somebody else computed: a built-in layer for a layer, a tape for a derivation.

Two nets, neither perfect, both cheap: the source is searched before it runs, and the forbidden names refuse
to work while the exercise is judged. The first is read by a process that the student cannot reach. The
second runs beside student code and can be undone by somebody who tries; SECURITY.md says what that is worth.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import symtable
import sys
from collections.abc import Iterator, Sequence


class Forbidden(BaseException):
    """Raised by a forbidden name while an exercise is judged. A BaseException: `except Exception` lets it pass."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"`{name}` may not be used in this exercise: it would be the answer. Write the step yourself.")


@contextlib.contextmanager
def blocked(names: Sequence[str]) -> Iterator[None]:
    """Make the dotted names raise Forbidden inside the block, even where the exception was swallowed."""
    hits: list[str] = []
    undo = []
    try:
        for name in names:
            undo += _block(name, hits)
        yield
    finally:
        for owner, attribute, original in reversed(undo):
            setattr(owner, attribute, original)
    if hits:
        raise Forbidden(hits[0])


def _block(name: str, hits: list[str]) -> list[tuple[object, str, object]]:
    """Block one name; nothing to do where its package is not loaded. Returns how to undo it."""
    *path, last = name.split(".")
    owner = sys.modules.get(path[0])
    for part in path[1:]:
        owner = getattr(owner, part, None)
    target = getattr(owner, last, None)
    if target is None:
        return []

    def refuse(*args, **kwargs):
        hits.append(name)
        raise Forbidden(name)

    if isinstance(target, type):
        undo = []
        for method in ("__init__", "__call__", "call"):
            if method in vars(target):
                undo.append((target, method, vars(target)[method]))
                setattr(target, method, functools.wraps(vars(target)[method])(refuse))
        return undo
    if not callable(target):
        return []
    setattr(owner, last, refuse)
    return [(owner, last, target)]


def search(sources: Sequence[str], object_name: str, names: Sequence[str]) -> str | None:
    """Look for a forbidden name in an object's source and in everything it refers to.

    Args:
        sources: the student's cells, in order. One that does not parse is skipped: it cannot define anything.
        object_name: the exercise's object.
        names: dotted names.

    Returns:
        The dotted name that was found, or None.
    """
    bindings: dict[str, list[ast.AST]] = {}
    for source in sources:
        for statement in _statements(source):
            for name, node in _bound(statement):
                bindings.setdefault(name, []).append(node)
    wanted = {name.split(".")[-1]: name for name in names} | {name: name for name in names}
    todo, seen = [object_name], set()
    while todo:
        for node in bindings.pop(todo.pop(), ()):
            if id(node) in seen:
                continue
            seen.add(id(node))
            for word in _words(node):
                if word in wanted:
                    return wanted[word]
            todo += _globals_of(node)
    return None


def _statements(source: str) -> list[ast.stmt]:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _bound(statement: ast.stmt) -> list[tuple[str, ast.AST]]:
    """The global names that a top-level statement binds or changes, each with the code that does it.

    An import counts name by name: importing a built-in layer to experiment with is no delegation.
    """
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [((alias.asname or alias.name).split(".")[0], alias) for alias in statement.names]
    table = _table(statement)
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    names |= {name for child in _scopes(table)[1:] for name in _declared_global(child)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                names.add(root.id)
    return [(name, statement) for name in names]


def _globals_of(node: ast.AST) -> list[str]:
    """The global names that a piece of code reads, its own locals left out."""
    if isinstance(node, ast.alias):
        return []
    scopes = _scopes(_table(node))
    names = [s.get_name() for s in scopes[0].get_symbols() if s.is_referenced()]
    return names + [s.get_name() for scope in scopes[1:] for s in scope.get_symbols() if s.is_global()]


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "cell", "exec")


def _scopes(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    return [table] + [scope for child in table.get_children() for scope in _scopes(child)]


def _declared_global(scope: symtable.SymbolTable) -> list[str]:
    return [s.get_name() for s in scope.get_symbols() if s.is_declared_global() and s.is_assigned()]


def _words(node: ast.AST) -> Iterator[str]:
    """Every identifier, attribute, imported name and string in a piece of code."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.alias):
            yield from part.name.split(".")
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
            yield part.value.split(".")[-1]
