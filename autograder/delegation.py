"""Finding answers that somebody else computed: a built-in layer for a layer, a tape for a derivation.

Two nets, neither perfect, both cheap: the source is searched before it runs, and the forbidden names refuse
to work while the exercise is judged. The first is read by a process that the student cannot reach. The
second runs beside student code and can be undone by somebody who tries; SECURITY.md says what that is worth.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import symtable
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

TELLING = (ast.Import, ast.ImportFrom, ast.Attribute, ast.Constant, ast.Name)  # all that `_hit` looks at
MANY = 300  # statements of a cell; one with more is taken as a whole, so that it costs no more than its length


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
    owner, last, target = _looked_up(name)
    if target is None:
        return []

    def refuse(self=None, *args, **kwargs):
        hits.append(name)
        raise Forbidden(name)

    if isinstance(target, type):
        undo = []
        for method in ("__init__", "__call__", "call"):
            if method in vars(target):
                undo.append((target, method, vars(target)[method]))
                setattr(target, method, refuse)
        return undo
    if not callable(target):
        return []
    setattr(owner, last, refuse)
    return [(owner, last, target)]


def _looked_up(name: str) -> tuple[object, str, object]:
    """What holds a dotted name, its last part, and what it stands for; None where its package is not loaded."""
    *path, last = name.split(".")
    owner = sys.modules.get(path[0])
    for part in path[1:]:
        owner = getattr(owner, part, None)
    return owner, last, getattr(owner, last, None)


def search(sources: Sequence[str], object_name: str, names: Sequence[str]) -> str | None:
    """Look for a forbidden name in one object's source: see `Sources.search`."""
    return Sources(sources).search(object_name, names)


def search_living(namespace: Mapping[str, object], object_name: str, names: Sequence[str]) -> str | None:
    """As `search`, where the object lives: sources are asked for, and imports are the things themselves.

    Args:
        namespace: the notebook's names, as they are now.
        object_name: the exercise's object.
        names: dotted names.

    Returns:
        The dotted name that was found, or None.
    """
    forbidden = {id(target): name for name in names if (target := _looked_up(name)[2]) is not None}
    home = getattr(namespace.get(object_name), "__module__", None)
    todo, met, sources = [object_name], set(), []
    while todo:
        name = todo.pop()
        value = namespace.get(name)
        if name in met or value is None:
            continue
        met.add(name)
        if id(value) in forbidden:
            return forbidden[id(value)]
        if isinstance(value, ModuleType):
            sources.append(f"import {value.__name__} as {name}")
        elif getattr(value, "__module__", None) == home:  # a helper of their own
            with contextlib.suppress(OSError, TypeError, SyntaxError):
                sources.append(inspect.getsource(value))
                todo += [node.id for node in ast.walk(ast.parse(sources[-1])) if isinstance(node, ast.Name)]
    return search(sources, object_name, names)


class Sources:
    """A student's cells, taken apart once, to be searched for several objects.

    Args:
        sources: the cells, in order. One that does not compile is skipped: it cannot define anything.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._bindings: dict[str, list[_Piece]] = {}
        for source in sources:
            for piece in _pieces(source):
                for name in piece.binds:
                    self._bindings.setdefault(name, []).append(piece)
        self._imported = {
            name: piece.imports for name, found in self._bindings.items() for piece in found if piece.imports
        }

    def search(self, object_name: str, names: Sequence[str]) -> str | None:
        """Look for a forbidden name in an object's source and in everything it refers to.

        A name counts where it can only mean the library: as an attribute or an import of one, or as a string that
        could be looked up. A student's own `grad`, a docstring, or an experiment in another cell is none of that.

        Args:
            object_name: the exercise's object.
            names: dotted names.

        Returns:
            The dotted name that was found, or None.
        """
        todo, met, seen = [object_name], set(), set()
        while todo:
            name = todo.pop()
            for piece in () if name in met else self._bindings.get(name, ()):
                if id(piece) not in seen:
                    seen.add(id(piece))
                    if hit := _hit(piece, names, self._imported):
                        return hit
                    todo += piece.reads
            met.add(name)
        return None


@dataclass(frozen=True, eq=False)
class _Piece:
    """One top-level statement, or one name of an import.

    Attributes:
        binds: the global names that it binds or changes.
        reads: the global names that it reads.
        nodes: the parts of its syntax that can name something, docstrings left out.
        imports: for a name of an import, the dotted path it stands for.
    """

    binds: frozenset[str]
    reads: tuple[str, ...]
    nodes: tuple[ast.AST, ...]
    imports: str = ""


def _pieces(source: str) -> list[_Piece]:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        text = TransformerManager().transform_cell(source)
        compile(text, "cell", "exec", dont_inherit=True, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        tree = ast.parse(text)
        if len(tree.body) > MANY:
            return [_piece(tree, text)]
        lines = text.split("\n")
        return [piece for statement in tree.body for piece in _of_statement(statement, lines)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        return []


def _of_statement(statement: ast.stmt, lines: Sequence[str]) -> list[_Piece]:
    """An import counts name by name: importing a built-in layer to experiment with is no delegation."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [_Piece(frozenset([_bound_by(alias)]), (), (), _path(statement, alias)) for alias in statement.names]
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
    return [_piece(statement, "\n".join(lines[first - 1 : statement.end_lineno]))]


def _piece(tree: ast.AST, segment: str) -> _Piece:
    """A statement, or a whole cell, as one piece."""
    scopes = _scopes(symtable.symtable(segment, "cell", "exec"))
    top = scopes[0].get_symbols()
    binds = {symbol.get_name() for symbol in top if symbol.is_assigned() or symbol.is_imported()}
    reads = [symbol.get_name() for symbol in top if symbol.is_referenced()]
    for scope in scopes[1:]:
        binds |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global() and s.is_assigned()}
        reads += [s.get_name() for s in scope.get_symbols() if s.is_global()]
    nodes = tuple(ast.walk(tree))
    binds |= {_root(node) for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    texts = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    telling = tuple(node for node in nodes if isinstance(node, TELLING) and id(node) not in texts)
    return _Piece(frozenset(binds), tuple(reads), telling)


def _scopes(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    found, todo = [], [table]
    while todo:
        found.append(todo.pop())
        todo += found[-1].get_children()
    return found


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes starts from, or ""."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_by(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _path(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The dotted path that an imported name stands for."""
    if isinstance(statement, ast.ImportFrom):
        return f"{statement.module or ''}.{alias.name}"
    return alias.name if alias.asname else alias.name.split(".")[0]


def _hit(piece: _Piece, names: Sequence[str], imported: Mapping[str, str]) -> str | None:
    """The forbidden name that a piece of code holds, if any."""
    if piece.imports:
        return next((name for name in names if _means(piece.imports, name)), None)
    local = dict(imported)
    for node in piece.nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            local |= {_bound_by(alias): _path(node, alias) for alias in node.names}
    for node in piece.nodes:
        for name in names:
            last = name.split(".")[-1]
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                if any(_means(_path(node, alias), name) for alias in node.names):
                    return name
            elif isinstance(node, ast.Attribute) and node.attr == last:
                if _telling(last) or _means(f"{local.get(_root(node), '')}.{last}", name):
                    return name
            elif (
                (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and _telling(last)
                    and node.value.split(".")[-1] == last
                )
                or isinstance(node, ast.Name)
                and node.id == last
                and _starred(local, name)
            ):
                return name
    return None


def _starred(imported: Mapping[str, str], name: str) -> bool:
    """Did an `import *` bring the name in?"""
    return imported.get("*", "").split(".")[0] in (name.split(".")[0], "tensorflow")


def _telling(last: str) -> bool:
    """Does a name say by itself which library it is from? `SimpleRNN` does; `grad` and `RNN` do not."""
    return "_" in last or (last != "RNN" and last.lower() != last)


def _means(path: str, name: str) -> bool:
    """Is a dotted path this forbidden name, also by way of `tensorflow.keras` or Keras' inner modules?"""
    packages = {name.split(".")[0], "tensorflow"}
    return path.split(".")[0] in packages and path.split(".")[-1] == name.split(".")[-1]
