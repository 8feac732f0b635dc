"""Which operation breaks the gradient of a layer, and on which line of its code it stands."""

from __future__ import annotations

from . import backends
from .backends import Operation, Record
from .run import LayerRun
from .user_code import Place, first_line, of_error, original

NUMPY_SIGNS = ("numpy", "requires grad")  # in what the backends say when a tensor becomes an array while they trace
VALUE_SIGNS = ("concrete", "truth value", "bool", "symbolic", "iterat")  # when Python asks for a tensor's value


class Paths:
    """The ways from the weights and inputs of a layer to its outputs.

    Args:
        run: the layer and its inputs. It is traced, once.

    Attributes:
        error: what the layer raised when it was traced; None if it can be traced.
        place: the line that raised it.
        uses_numpy: what it raised is about a tensor that becomes a NumPy array.
    """

    def __init__(self, run: LayerRun) -> None:
        values = run.values()
        self._names = list(values)
        self.error: Exception | None = None
        self._record = Record()
        try:
            with run.preserved(), run.unrolled():
                self._record = backends.current().record(run.function(self._names), list(values.values()))
        except Exception as error:  # whatever the layer does that a trace does not allow
            self.error = original(error)
        self.place = of_error(self.error) if self.error else None
        said = f"{type(self.error).__name__} {self.error}".lower() if self.error else ""
        self.uses_numpy = any(sign in said for sign in NUMPY_SIGNS)

    def broken_by(self, name: str, choices: bool = True) -> str | None:
        """What lets no gradient of that weight or input through, in words; None if nothing is known to.

        Args:
            name: of the weight or input.
            choices: count comparisons and indices too, which rightly have no gradient.
        """
        if self.error is not None:
            return f"a conversion to NumPy{at(self.place)}" if self.uses_numpy else None
        found = blockers(self._record, self._record.sources[self._names.index(name)])
        if not choices:
            found = [operation for operation in found if not operation.hides]
        if not found:
            return None
        return " and ".join(dict.fromkeys(f"{one.blocks}{at(one.place)}" for one in found[:2]))

    def narrowing(self, dtype: str) -> str | None:
        """The first operation that casts to fewer digits than `dtype` has, in words."""
        if self.error is not None:
            return f"a conversion to NumPy{at(self.place)}" if self.uses_numpy else None
        limit = backends.digits(dtype)
        for operation in self._record.operations:
            if operation.narrows and backends.digits(operation.narrows) > limit:
                return f"a cast to {operation.narrows}{at(operation.place)}"
        return None

    def why_not_traced(self) -> str:
        """What happened when the layer was traced, in words."""
        said = f"{type(self.error).__name__} {self.error}".lower()
        if self.uses_numpy:
            return f"a tensor becomes a NumPy array{at(self.place)}. Write it with keras.ops"
        if any(sign in said for sign in VALUE_SIGNS):
            return (
                f"Python asks for the value of a tensor{at(self.place)}. "
                "Use keras.ops.where or keras.ops.cond for `if`, and shapes instead of values for loops"
            )
        return f"{first_line(self.error)}{at(self.place)}"


def blockers(record: Record, source: object) -> list[Operation]:
    """The operations that a tensor reaches and where its gradient ends, those that are no mere choices first."""
    reached, ends = {source}, {}
    useful = set(record.targets)
    for _ in range(2):  # once more for what a loop carries
        for number, operation in enumerate(record.operations):
            if reached.intersection(operation.inputs):
                if operation.blocks:
                    ends[number] = operation
                else:
                    reached.update(operation.outputs)
        for operation in reversed(record.operations):
            if useful.intersection(operation.outputs):
                useful.update(operation.inputs)
    found = [ends[number] for number in sorted(ends)]
    leading = [operation for operation in found if useful.intersection(operation.outputs)]
    return sorted(leading or found, key=lambda operation: operation.hides)


def at(place: Place | None) -> str:
    """A place as the end of a sentence."""
    return f" at {place}" if place else ""
