"""Lesson 07: how the exercises on vanishing and exploding gradients are tested."""

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, distinct_sizes, evenly, forward

TRIES = 24  # seeds for which the sign of one element is looked at: by chance all equal once in eight million
EXACT_RATES = 64  # learning rates are n/64: Keras keeps them in float32


def _plain(inputs) -> list:
    """Inputs in order, numbers as Python's own: an integer or a float where the array has no axis."""
    return [array if array.ndim else array.item() for array in inputs.values()]


def _number(answer) -> np.ndarray:
    """What should be a single number, as an array without axes."""
    if answer is None:
        raise Malformed("It returned nothing. Stated: a number. Is the `return` missing?")
    return np.asarray(answer)


def draw_power(rng: np.random.Generator) -> Case:
    """W (units, units), with complex eigenvalues and well separated eigenvectors, and n.

    The power sends a positive vector to one with negative elements, so that it has negative elements itself.
    """
    sizes = distinct_sizes(rng, "units", "n", low=4)
    units, n = sizes.values()
    while True:
        W = rng.standard_normal((units, units)) / np.sqrt(units)
        eigenvalues, V = np.linalg.eig(W)
        turning = np.abs(eigenvalues.imag) > 0.2 * np.abs(eigenvalues).max()
        carried = np.ones(units)
        for _ in range(n):
            carried = W @ carried
        apart = np.any(turning) and np.abs(eigenvalues[turning]).max() > 0.5 and np.linalg.cond(V) < 50
        if apart and carried.min() < -0.01 * np.abs(carried).max():
            return Case({"W": W, "n": np.array(n)}, sizes)


def probe_power(function, inputs):
    """Call it with W and an integer."""
    return {"power": function(*_plain(inputs))}


def draw_norms(rng: np.random.Generator) -> Case:
    """dh (batch, units), slope (batch, time, units), Wh (units, units)."""
    sizes = distinct_sizes(rng, "batch", "time", "units")
    batch, time, units = sizes.values()
    inputs = {
        "dh": rng.standard_normal((batch, units)),
        "slope": rng.uniform(0.2, 1.0, (batch, time, units)),
        "Wh": rng.standard_normal((units, units)),
    }
    return Case(inputs, sizes)


def draw_spectral(rng: np.random.Generator) -> Case:
    """W (units, units), whose largest eigenvalue in modulus is no real number, and not the one of largest real part.

    Whatever else one may take for the radius (a real part, another modulus) differs from it, and from each other.
    """
    sizes = distinct_sizes(rng, "units", low=5)
    while True:
        W = rng.standard_normal((sizes["units"], sizes["units"]))
        eigenvalues = np.linalg.eigvals(W)
        moduli, right = np.abs(eigenvalues), eigenvalues.real.argmax()
        top = eigenvalues[moduli.argmax()]
        numbers = [moduli.max(), moduli[right], moduli.min(), abs(eigenvalues.real).max(), eigenvalues.real[right], 0]
        if abs(top.imag) > 0.1 * abs(top) and np.diff(np.sort(numbers)).min() > 0.02 * abs(top):
            return Case({"W": W}, sizes)


def probe_spectral(function, inputs):
    """Call it with W."""
    return {"radius": _number(function(inputs["W"]))}


def draw_singular(rng: np.random.Generator) -> Case:
    """W (units, units) with singular values that are not far apart, v (units,), n."""
    sizes = distinct_sizes(rng, "units", "n", low=2, high=6)
    units, n = sizes["units"] + 1, sizes["n"]
    left, right = (np.linalg.qr(rng.standard_normal((units, units)))[0] for _ in range(2))
    values = rng.uniform(1.2, 2.0) * rng.uniform(0.75, 0.85) ** np.arange(units)
    v = right @ (rng.choice([-1.0, 1.0], units) * rng.uniform(0.5, 1.0, units))
    return Case({"W": (left * values) @ right.T, "v": rng.uniform(1.5, 3.0) * v, "n": np.array(n)}, {"units": units})


def probe_singular(function, inputs):
    """Call it with W, v and an integer."""
    return {"estimate": _number(function(*_plain(inputs)))}


def draw_clip(rng: np.random.Generator) -> Case:
    """g0, g1, g2 of different shapes, a limit that they exceed and a loose one that they do not."""
    sizes = distinct_sizes(rng, "features", "units", "outputs")
    features, units, outputs = sizes.values()
    shapes = ((features, units), (units,), (units, outputs))
    scales = rng.permutation([0.2, 1.0, 3.0])
    gradients = [
        scale * rng.uniform(0.3, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
        for scale, shape in zip(scales, shapes, strict=True)
    ]
    elements = np.concatenate([g.ravel() for g in gradients])
    length = np.linalg.norm(elements)
    inputs = {f"g{number}": g for number, g in enumerate(gradients)}
    inputs["limit"] = np.array(
        length / np.sqrt(elements.size) * rng.uniform(0.5, 0.8)
    )  # single elements exceed it, too
    inputs["close_limit"] = np.array(length * rng.uniform(0.93, 0.97))
    inputs["loose_limit"] = np.array(length * rng.uniform(1.03, 1.07))
    return Case(inputs, sizes)


def probe_clip(function, inputs):
    """Clip the three gradients as a tuple, once with each limit. Names: clipped_0, …, barely_0, …, kept_0, …."""
    gradients = tuple(inputs[f"g{number}"] for number in range(3))
    values = {}
    for name, limit in (("clipped", "limit"), ("barely", "close_limit"), ("kept", "loose_limit")):
        answer = function(gradients, float(inputs[limit]))
        if not isinstance(answer, (tuple, list)):
            raise Malformed(
                f"It returned one {type(answer).__name__}. Stated: a tuple of arrays, one for each gradient."
            )
        if len(answer) != len(gradients):
            raise Malformed(f"It returned {len(answer)} values for {len(gradients)} gradients. Stated: one for each.")
        values |= {f"{name}_{number}": array for number, array in enumerate(answer)}
    return values


def draw_initializer(rng: np.random.Generator) -> Case:
    """Two different sizes, a gain, a seed."""
    sizes = distinct_sizes(rng, "few", "many")
    few, many = sorted(sizes.values())
    inputs = {
        "few": np.array(few),
        "many": np.array(many),
        "gain": np.array(rng.uniform(1.2, 1.9)),
        "seed": np.array(int(rng.integers(1, 10_000))),
    }
    return Case(inputs, {"few": few, "many": many})


def probe_initializer(initializer_class, inputs):
    """Draw matrices and look at what must hold for every right one: no single right matrix exists.

    Returns:
        square, tall and wide: the products of the matrix with its own transpose, of the smaller size, as text
        `shapes`, `dtype`, `same_seed`, `other_seed`, `signs`, `config` and `rebuilt`.
    """
    import keras

    few, many, gain, seed = _plain(inputs)
    if not (isinstance(initializer_class, type) and issubclass(initializer_class, keras.initializers.Initializer)):
        raise Malformed("It must be a class that inherits from keras.initializers.Initializer.")

    def drawn(shape, seed=seed, made=None):
        initializer = made or initializer_class(gain=gain, seed=seed)
        return np.array(initializer(shape, dtype="float64"))

    shapes = {"square": (few, few), "tall": (many, few), "wide": (few, many)}
    matrices = {name: drawn(shape) for name, shape in shapes.items()}
    values = {"shapes": ", ".join(f"{name} {matrix.shape}" for name, matrix in matrices.items())}
    for name, matrix in matrices.items():
        values[name] = (
            matrix.T @ matrix if matrix.ndim == 2 and matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T
        )
    made = [
        initializer_class(gain=gain, seed=seed)(shapes["tall"], *dtype) for dtype in (("float64",), ("float32",), ())
    ]
    *asked, default = (str(keras.backend.standardize_dtype(matrix.dtype)) for matrix in made)
    values["dtype"] = ", ".join([*asked, "Keras' default" if default == keras.config.floatx() else default])
    one = initializer_class(gain=gain, seed=seed)
    first, second = drawn(shapes["tall"], made=one), drawn(shapes["tall"], made=one)
    values["same_seed"] = _compared([matrices["tall"], first, second])
    values["other_seed"] = _compared([matrices["tall"], drawn(shapes["tall"], seed + 1)])
    values["signs"] = f"{TRIES} seeds: " + "; ".join(
        f"{name}: {_signs([drawn(shape, seed + number) for number in range(TRIES)])}"
        for name, shape in {"square": (3, 3), "tall": (4, 3), "wide": (3, 4)}.items()
    )
    try:
        config = one.get_config()
        values["config"] = ", ".join(f"{key}={config[key]}" for key in sorted(config))
        values["rebuilt"] = _compared(
            [matrices["tall"], drawn(shapes["tall"], made=initializer_class.from_config(config))]
        )
    except NotImplementedError:
        values |= {"config": "`get_config` still raises NotImplementedError", "rebuilt": "not reached"}
    except Exception as error:
        values |= {"config": f"{type(error).__name__} when made again from its config", "rebuilt": "not reached"}
    return values


def _signs(matrices) -> str:
    """How free the signs of the columns are (of a wide matrix: of the rows), by what a decomposition of each finds."""
    upright = [matrix.T if matrix.shape[0] < matrix.shape[1] else matrix for matrix in matrices]
    signs = np.sign([np.diagonal(np.linalg.qr(matrix)[1]) for matrix in upright])  # (tries, columns)
    both = int((abs(signs.mean(axis=0)) < 1).sum())
    together = ", all together" if both and (signs == signs[:, :1]).all() else ""
    zeros = ", some elements are 0" if (abs(np.array(matrices)) < 1e-9).any() else ""
    return f"{both} of {signs.shape[1]} change{together}{zeros}"


def _compared(matrices) -> str:
    first = matrices[0]
    same = all(other.shape == first.shape and np.allclose(other, first, rtol=0, atol=1e-12) for other in matrices[1:])
    return "the same matrix" if same else "different matrices"


def draw_optimizer(rng: np.random.Generator) -> Case:
    """w0, w1, w2 and sets of gradients: two exceed the limit together, the one between them does not."""
    clip = draw_clip(rng)
    gradients = {f"g{number}": clip.inputs[f"g{number}"] for number in range(3)}
    limit = float(clip.inputs["limit"])
    length = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    inputs = {f"w{number}": rng.standard_normal(g.shape) for number, g in enumerate(gradients.values())}
    inputs |= gradients
    inputs |= {f"small_{name}": 0.5 * limit / length * g[::-1] for name, g in gradients.items()}
    inputs |= {f"more_{name}": 0.8 * g[::-1] for name, g in gradients.items()}
    inputs["learning_rate"] = np.array(int(rng.integers(3, 20)) / EXACT_RATES)
    inputs["limit"] = np.array(limit)
    return Case(inputs, clip.sizes)


def probe_optimizer(function, inputs):
    """The weights after a step with long gradients, after one with short ones, and after one more with long ones."""
    import keras

    optimizer = function(float(inputs["learning_rate"]), float(inputs["limit"]))
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise Malformed(f"It returned a {type(optimizer).__name__}. Stated: a keras.optimizers.Optimizer.")
    variables = [keras.Variable(inputs[f"w{number}"], dtype="float64", name=f"w{number}") for number in range(3)]
    values = {}
    for name, prefix in (("long", "g"), ("short", "small_g"), ("again", "more_g")):
        optimizer.apply([keras.ops.convert_to_tensor(inputs[f"{prefix}{number}"]) for number in range(3)], variables)
        values |= {f"{name}_{number}": np.array(variable) for number, variable in enumerate(variables)}
    return values


EXERCISES = [
    Exercise(
        "gradients.power_by_eigendecomposition", 6, draw_power, probe_power, evenly(("power",)), "forward",
        forbidden=(*NOT_BY_HAND, "numpy.linalg.matrix_power", "numpy.linalg.multi_dot"),
        about={"power": "the matrix multiplied with itself n times"},
    ),
    forward("gradients.norm_through_time", 8, draw_norms, ("norms",), {"norms": 1}),
    Exercise(
        "gradients.spectral_radius", 3, draw_spectral, probe_spectral, evenly(("radius",)), "forward",
        forbidden=NOT_BY_HAND,
    ),
    Exercise(
        "gradients.largest_singular_value", 6, draw_singular, probe_singular, evenly(("estimate",)), "forward",
        forbidden=NOT_BY_HAND, about={"estimate": "the estimate after n iterations, from the vector given"},
    ),
    Exercise(
        "gradients.clip_by_global_norm", 6, draw_clip, probe_clip,
        {
            "clipped": Part(0.5, ("clipped_0", "clipped_1", "clipped_2"), gate=True),
            "barely": Part(0.2, ("barely_0", "barely_1", "barely_2")),
            "kept": Part(0.3, ("kept_0", "kept_1", "kept_2")),
        },
        forbidden=(
            *NOT_BY_HAND, "tensorflow.clip_by_global_norm", "tensorflow.clip_by_norm", "tensorflow.linalg.global_norm",
        ),
        about={
            **{f"clipped_{number}": f"gradient {number}, where the limit is exceeded" for number in range(3)},
            **{f"barely_{number}": f"gradient {number}, where the limit is just exceeded" for number in range(3)},
            **{f"kept_{number}": f"gradient {number}, where the limit is almost reached" for number in range(3)},
        },
    ),
    Exercise(
        "gradients.orthogonal_initializer", 7, draw_initializer, probe_initializer,
        {
            "orthogonal": Part(0.5, ("square", "tall", "wide", "shapes"), gate=True),
            "random": Part(0.3, ("same_seed", "other_seed", "signs")),
            "dtype": Part(0.1, ("dtype",)),
            "config": Part(0.1, ("config", "rebuilt")),
        },
        kind="layer", rtol=1e-10,
        forbidden=(
            "keras.initializers.Orthogonal", "keras.initializers.OrthogonalInitializer",
            "keras.initializers.orthogonal",
        ),
        about={
            "square": "a square matrix times its own transpose",
            "tall": "the transpose of a tall matrix times the matrix",
            "wide": "a wide matrix times its own transpose",
            "shapes": "the shapes of the matrices that are returned",
            "dtype": "the dtypes, when float64, float32 and none are asked for",
            "same_seed": "matrices of three calls with the same seed",
            "other_seed": "matrices of two seeds",
            "signs": "the signs of columns, which have no reason to prefer one; of a wide matrix, of its rows",
            "config": "what get_config returns",
            "rebuilt": "the matrix of an initializer made again from its config",
        },
    ),
    Exercise(
        "gradients.clipping_optimizer", 4, draw_optimizer, probe_optimizer,
        {
            "long": Part(0.6, ("long_0", "long_1", "long_2"), gate=True),
            "short": Part(0.2, ("short_0", "short_1", "short_2")),
            "again": Part(0.2, ("again_0", "again_1", "again_2")),
        },
        rtol=1e-10,
        about={
            **{f"long_{number}": f"weight {number} after a step with long gradients" for number in range(3)},
            **{f"short_{number}": f"weight {number} after one more step, with short gradients" for number in range(3)},
            **{f"again_{number}": f"weight {number} after a third step, with long gradients" for number in range(3)},
        },
    ),
]  # fmt: skip
