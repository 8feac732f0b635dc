"""Right answers on vanishing and exploding gradients in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "gradients.power_by_eigendecomposition, solve in place of an inverse": (
        "gradients.power_by_eigendecomposition",
        """
def power_by_eigendecomposition(W, n):
    lam, V = np.linalg.eig(W)
    return np.real(np.linalg.solve(V.T, ((V * lam**n).T)).T)
""",
    ),
    "gradients.power_by_eigendecomposition, a sum over left and right eigenvectors": (
        "gradients.power_by_eigendecomposition",
        """
def power_by_eigendecomposition(matrix, times):
    values, right = np.linalg.eig(matrix)
    left = np.linalg.inv(right)
    total = sum(values[k] ** times * np.outer(right[:, k], left[k]) for k in range(len(values)))
    return np.array([[element.real for element in row] for row in total])
""",
    ),
    "gradients.power_by_eigendecomposition, multiplied out": (
        "gradients.power_by_eigendecomposition",
        """
def power_by_eigendecomposition(W, n):
    product = np.eye(len(W))
    for _ in range(n):
        product = product @ W
    return product
""",
    ),
    "gradients.norm_through_time, one example at a time, recursion": (
        "gradients.norm_through_time",
        """
def norm_through_time(dh, slope, Wh):
    def back(g, slopes):
        if len(slopes) == 0:
            return []
        return back(Wh @ (slopes[-1] * g), slopes[:-1]) + [np.linalg.norm(g)]

    return np.array([back(g, slopes) for g, slopes in zip(dh, slope)])
""",
    ),
    "gradients.norm_through_time, an array filled in, einsum": (
        "gradients.norm_through_time",
        """
def norm_through_time(dh, slope, Wh):
    batch, time, units = slope.shape
    g = np.zeros(slope.shape)
    g[:, time - 1] = dh
    for t in range(time - 1, 0, -1):
        g[:, t - 1] = np.einsum("bj,bj,kj->bk", g[:, t], slope[:, t], Wh)
    return np.linalg.norm(g, axis=2)
""",
    ),
    "gradients.spectral_radius, from the right eigenvectors' routine, a Python loop": (
        "gradients.spectral_radius",
        """
def spectral_radius(W):
    values, _ = np.linalg.eig(W)
    return max(float(np.hypot(value.real, value.imag)) for value in values)
""",
    ),
    "gradients.spectral_radius, as a limit of norms of powers": (
        "gradients.spectral_radius",
        """
def spectral_radius(W):
    power, log_scale, times = W, 0.0, 1
    for _ in range(60):
        size = np.sqrt((power**2).sum())
        power, log_scale = power / size, log_scale + np.log(size) / times
        power, times = power @ power, 2 * times
    return np.exp(log_scale)
""",
    ),
    "gradients.largest_singular_value, scaled once at the end": (
        "gradients.largest_singular_value",
        """
def largest_singular_value(W, v, n):
    gram = W.T @ W
    for _ in range(n):
        v = gram @ v
    return np.linalg.norm(W @ v) / np.linalg.norm(v)
""",
    ),
    "gradients.largest_singular_value, in the basis of the singular vectors": (
        "gradients.largest_singular_value",
        """
def largest_singular_value(W, v, n):
    _, s, Vt = np.linalg.svd(W)
    weights = (s ** (2 * n) * (Vt @ v)) ** 2
    return np.sqrt((weights * s**2).sum() / weights.sum()).item()
""",
    ),
    "gradients.clip_by_global_norm, one long vector, a list returned": (
        "gradients.clip_by_global_norm",
        """
def clip_by_global_norm(gradients, limit):
    flat = np.concatenate([g.ravel() for g in gradients])
    factor = min(1.0, limit / np.linalg.norm(flat))
    return [factor * g for g in gradients]
""",
    ),
    "gradients.clip_by_global_norm, loops": (
        "gradients.clip_by_global_norm",
        """
def clip_by_global_norm(gradients, limit):
    total = 0.0
    for g in gradients:
        for element in g.flat:
            total += element * element
    results = []
    for g in gradients:
        copy = g.copy()
        if total > limit**2:
            copy *= limit
            copy /= total**0.5
        results.append(copy)
    return tuple(results)
""",
    ),
    "gradients.orthogonal_initializer, NumPy's decomposition": (
        "gradients.orthogonal_initializer",
        """
class orthogonal_initializer(keras.initializers.Initializer):
    def __init__(self, gain=1.0, seed=0):
        self.gain, self.seed = gain, seed

    def __call__(self, shape, dtype=None):
        a = np.random.default_rng(self.seed).standard_normal((max(shape), min(shape)))
        q, r = np.linalg.qr(a)
        q = q @ np.diag(np.sign(np.diag(r)))
        q = q if shape[0] >= shape[1] else q.T
        return ops.convert_to_tensor(self.gain * q, dtype=dtype or keras.config.floatx())

    def get_config(self):
        return dict(seed=self.seed, gain=self.gain)
""",
    ),
    "gradients.orthogonal_initializer, the polar factor of a random matrix": (
        "gradients.orthogonal_initializer",
        """
class orthogonal_initializer(keras.Initializer):
    def __init__(self, gain=1.0, seed=0):
        self.gain = gain
        self.seed = seed

    def __call__(self, shape, dtype="float32"):
        normal = keras.random.normal(shape, dtype=dtype, seed=self.seed)
        u, s, vt = ops.linalg.svd(normal, full_matrices=False)
        return ops.matmul(u, vt) * self.gain

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}
""",
    ),
    "gradients.clipping_optimizer, arguments by position and a schedule that does not change": (
        "gradients.clipping_optimizer",
        """
def clipping_optimizer(learning_rate, limit):
    options = {"global_clipnorm": limit, "momentum": 0.0}
    return keras.optimizers.SGD(learning_rate, **options)
""",
    ),
    "gradients.clipping_optimizer, an optimizer of one's own": (
        "gradients.clipping_optimizer",
        """
class Clipped(keras.optimizers.SGD):
    def __init__(self, learning_rate, limit):
        super().__init__(learning_rate)
        self.limit = limit

    def apply(self, grads, trainable_variables=None):
        norm = ops.sqrt(sum(ops.sum(ops.square(g)) for g in grads))
        factor = ops.where(norm > self.limit, self.limit / norm, 1.0)
        return super().apply([g * ops.cast(factor, g.dtype) for g in grads], trainable_variables)

def clipping_optimizer(learning_rate, limit):
    return Clipped(learning_rate, limit)
""",
    ),
}

MADE_UP = [
    ("gradients.power_by_eigendecomposition", "eigenvalues**n", "eigenvalues**n / 2"),
    ("gradients.power_by_eigendecomposition", "return power.real", "return power.imag"),
    ("gradients.norm_through_time", "@ Wh.T", "@ (0.9 * Wh.T)"),
    ("gradients.norm_through_time", "np.sqrt((dh**2).sum(axis=1))", "np.sqrt((dh**4).sum(axis=1))"),
    ("gradients.spectral_radius", "np.abs(eigenvalues).max()", "np.abs(eigenvalues).sum()"),
    ("gradients.largest_singular_value", "v = W.T @ (W @ v)", "v = W.T @ (W @ v) + v"),
    ("gradients.clip_by_global_norm", "g * (limit / norm)", "g * (limit / norm) ** 2"),
    ("gradients.clip_by_global_norm", "return tuple(gradients)", "return tuple(0.5 * g for g in gradients)"),
    ("gradients.orthogonal_initializer", "return self.gain * q", "return self.gain + q"),
    ("gradients.orthogonal_initializer", '{"gain": self.gain', '{"gain": 2 * self.gain'),
    ("gradients.clipping_optimizer", "global_clipnorm=limit", "global_clipnorm=2 * limit"),
    ("gradients.clipping_optimizer", "learning_rate=learning_rate", "learning_rate=learning_rate / 2"),
]
