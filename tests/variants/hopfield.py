"""Right answers to the Hopfield exercises in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "hebb, outer products": (
        "hopfield.hebb",
        """
def hebb(patterns):
    W = 0
    for xi in patterns:
        W = W + np.outer(xi, xi)
    W = W / len(patterns[0])
    return W - np.diag(np.diag(W))
""",
    ),
    "hebb, the known diagonal taken away": (
        "hopfield.hebb",
        """
def hebb(memories):
    count, units = memories.shape
    return (np.einsum("mi,mj->ij", memories, memories) - count * np.eye(units)) / units
""",
    ),
    "energy, one pair at a time": (
        "hopfield.energy",
        """
def energy(s, W, b):
    E = np.zeros(len(s))
    for n, state in enumerate(s):
        for i in range(len(b)):
            for j in range(i):
                E[n] -= state[i] * W[i, j] * state[j]
            E[n] -= b[i] * state[i]
    return E
""",
    ),
    "energy, fields": (
        "hopfield.energy",
        """
def energy(states, weights, bias):
    return -((states @ weights / 2 + bias) * states).sum(axis=1)
""",
    ),
    "energy, the diagonal of a product": (
        "hopfield.energy",
        """
def energy(s, W, b):
    return -np.diag(s @ W @ s.T) / 2 - np.dot(s, b)
""",
    ),
    "synchronous_step, one unit at a time": (
        "hopfield.synchronous_step",
        """
def synchronous_step(s, W, b):
    new = s.copy()
    for n in range(s.shape[0]):
        for i in range(s.shape[1]):
            field = W[i] @ s[n] + b[i]
            if field > 0:
                new[n, i] = 1
            elif field < 0:
                new[n, i] = -1
    return new
""",
    ),
    "synchronous_step, two masks, integers": (
        "hopfield.synchronous_step",
        """
def synchronous_step(state, J, h):
    out, drive = state.astype(int), np.einsum("ij,nj->ni", J, state) + h[np.newaxis]
    out[drive > 0], out[drive < 0] = 1, -1
    return out
""",
    ),
    "recall, each state by itself": (
        "hopfield.recall",
        """
def recall(s, W, b, order, sweeps):
    out = np.array(s)
    for state in out:
        changed, done = True, 0
        while changed and done < sweeps:
            changed, done = False, done + 1
            for i in order:
                field = sum(W[i, j] * state[j] for j in range(len(state))) + b[i]
                new = 1.0 if field > 0 else -1.0 if field < 0 else state[i]
                changed = changed or new != state[i]
                state[i] = new
    return out
""",
    ),
    "recall, fields kept up to date": (
        "hopfield.recall",
        """
def recall(s, W, b, order, sweeps):
    state = s.T.copy()
    field = W @ state + b[:, None]
    for i in np.tile(order, sweeps):
        new = np.where(abs(field[i]) < 1e-12, state[i], np.where(field[i] > 0, 1.0, -1.0))
        field += np.outer(W[:, i], new - state[i])
        state[i] = new
    return state.T
""",
    ),
    "recall, flips of the units that disagree": (
        "hopfield.recall",
        """
def recall(start, weights, bias, order, sweeps):
    s = 1 * start
    for sweep in range(sweeps):
        flips = 0
        for i in order:
            wrong = (s @ weights[i] + bias[i]) * s[:, i] < 0
            s[wrong, i] *= -1
            flips += wrong.sum()
        if not flips:
            return s
    return s
""",
    ),
    "recall, only the states that still move": (
        "hopfield.recall",
        """
def recall(s, W, b, order, sweeps):
    out, moving = s.copy(), np.arange(len(s))
    for _ in range(sweeps):
        now = out[moving]
        for i in order:
            h = np.einsum("nj,j->n", now, W[i]) + b[i]
            now[:, i] = np.sign(2 * np.sign(h) + now[:, i])
        moved = (now != out[moving]).any(axis=1)
        out[moving], moving = now, moving[moved]
    return out
""",
    ),
    "capacity_curve, a comprehension": (
        "hopfield.capacity_curve",
        """
def capacity_curve(patterns, counts, order, sweeps):
    nothing = 0 * patterns[0]
    ends = [recall(patterns[:P], hebb(patterns[:P]), nothing, order, sweeps) for P in counts]
    return np.array([(1 - (end * patterns[: len(end)]).mean()) / 2 for end in ends])
""",
    ),
    "capacity_curve, weights that grow, each pattern recalled alone": (
        "hopfield.capacity_curve",
        """
def capacity_curve(patterns, counts, order, sweeps):
    N = patterns.shape[1]
    error = np.empty(len(counts))
    for place, P in enumerate(counts):
        J = np.einsum("mi,mj->ij", patterns[:P], patterns[:P]) * (1 - np.eye(N)) / N
        wrong = 0
        for xi in patterns[:P]:
            s = xi.copy()
            for _ in range(sweeps):
                for i in order:
                    s[i] = 1 if J[i] @ s > 0 else -1
            wrong += np.count_nonzero(s - xi)
        error[place] = wrong / (P * N)
    return error
""",
    ),
    "Hopfield, operators, the kernel made in the constructor": (
        "hopfield.Hopfield",
        """
class Hopfield(keras.Layer):
    def __init__(self, units, steps=1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.steps = units, steps
        self.kernel = self.add_weight(shape=(units, units), initializer="zeros", trainable=False, name="kernel")

    def store(self, patterns):
        W = np.asarray(patterns).T @ np.asarray(patterns) / self.units
        np.fill_diagonal(W, 0)
        self.kernel.assign(W)

    def call(self, states):
        new = states
        for step in range(self.steps):
            field = new @ self.kernel
            new = ops.sign(2 * ops.sign(field) + new)
        return new

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "units": self.units}
""",
    ),
    "Hopfield, recursion and outer products": (
        "hopfield.Hopfield",
        """
class Hopfield(keras.layers.Layer):
    def __init__(self, units, steps=1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.steps = steps

    def build(self, input_shape):
        size = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel", shape=(size, size), initializer=keras.initializers.Zeros(), trainable=False
        )
        self.built = True

    def store(self, patterns):
        patterns = ops.cast(ops.convert_to_tensor(patterns), self.dtype)
        total = ops.einsum("mi,mj->ij", patterns, patterns)
        self.kernel.assign((total - ops.shape(patterns)[0] * ops.eye(self.units, dtype=self.dtype)) / self.units)

    def step(self, states):
        field = ops.einsum("ni,ij->nj", states, self.kernel)
        up = ops.where(field > 0, ops.ones_like(states), states)
        return ops.where(field < 0, -ops.ones_like(states), up)

    def call(self, states, training=False):
        for _ in range(self.steps):
            states = self.step(states)
        return states

    def get_config(self):
        config = super().get_config()
        config["units"], config["steps"] = self.units, self.steps
        return config
""",
    ),
    "modern_update_forward, logarithms": (
        "hopfield.modern_update_forward",
        """
def modern_update_forward(state, patterns, beta):
    scores = np.einsum("nu,mu->nm", state, patterns) * beta
    log_p = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    return np.einsum("nm,mu->nu", np.exp(log_p), patterns)
""",
    ),
    "modern_update_forward, one state at a time": (
        "hopfield.modern_update_forward",
        """
def modern_update_forward(state, X, beta):
    new = []
    for xi in state:
        scores = X @ xi
        e = np.exp(beta * (scores - max(scores)))
        new.append(sum(weight * x for weight, x in zip(e, X)) / e.sum())
    return np.array(new)
""",
    ),
    "modern_update_backward, Jacobians": (
        "hopfield.modern_update_backward",
        """
def modern_update_backward(dnew, state, patterns, beta):
    dstate, dpatterns = np.zeros(state.shape), np.zeros(patterns.shape)
    for n in range(len(state)):
        e = np.exp(beta * (patterns @ state[n] - np.max(patterns @ state[n])))
        p = e / e.sum()
        J = np.diag(p) - np.outer(p, p)
        g = J @ patterns @ dnew[n]
        dstate[n] = beta * patterns.T @ g
        dpatterns += np.outer(p, dnew[n]) + beta * np.outer(g, state[n])
    return dstate, dpatterns
""",
    ),
    "modern_update_backward, differences from the mean": (
        "hopfield.modern_update_backward",
        """
def modern_update_backward(dnew, state, X, beta):
    q = np.exp(beta * np.einsum("nu,mu->nm", state, X))
    q = q / np.sum(q, axis=1)[:, None]
    new = q @ X
    away = X[None] - new[:, None]
    g = beta * q * np.einsum("nmu,nu->nm", away, dnew)
    return [np.einsum("nm,mu->nu", g, X), np.einsum("nm,nu->mu", q, dnew) + np.einsum("nm,nu->mu", g, state)]
""",
    ),
}

MADE_UP = [
    ("hopfield.hebb", "patterns.T @ patterns / N", "patterns.T @ patterns / N**2"),
    ("hopfield.hebb", "np.fill_diagonal(W, 0)", "np.fill_diagonal(W, 1)"),
    ("hopfield.energy", "-0.5 * pairs", "-0.75 * pairs"),
    ("hopfield.energy", "- s @ b", "- 2 * s @ b"),
    ("hopfield.synchronous_step", "s @ W + b", "s @ W + 1.5"),
    ("hopfield.synchronous_step", "np.sign(field))", "2 * np.sign(field))"),
    ("hopfield.recall", "for i in order:", "for i in order[1:]:"),
    ("hopfield.recall", "+ b[i]", "+ 3 * b[i]"),
    ("hopfield.capacity_curve", "np.mean(last != stored)", "np.mean(last != stored) / 2"),
    ("hopfield.capacity_curve", "b = np.zeros(patterns.shape[1])", "b = np.ones(patterns.shape[1])"),
    ("hopfield.Hopfield", "field = ops.matmul(states, self.kernel)", "field = ops.matmul(states, self.kernel) + 2"),
    ("hopfield.Hopfield", "ops.transpose(patterns), patterns)", "ops.transpose(patterns), 2 * patterns)"),
    ("hopfield.modern_update_forward", "return p @ patterns", "return 2 * p @ patterns"),
    ("hopfield.modern_update_forward", "beta * state @ patterns.T", "beta**2 * state @ patterns.T"),
    ("hopfield.modern_update_backward", "dstate = beta * dscores", "dstate = beta**2 * dscores"),
    ("hopfield.modern_update_backward", "dp = dnew @ patterns.T", "dp = 2 * dnew @ patterns.T"),
]
