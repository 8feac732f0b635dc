"""Right answers on truncated backpropagation in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "bptt.truncated_backward, each loss followed back on its own": (
        "bptt.truncated_backward",
        """
def truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2):
    steps = x.shape[1]
    before, after = [], [h0]
    for t in range(steps):
        before.append(after[-1])
        after.append(elman_step(x[:, t], before[-1], Wx, Wh, b))
    total = [np.zeros(w.shape) for w in (Wx, Wh, b)]
    for loss in range(steps):
        end = min(steps, (loss // k1 + 1) * k1)
        g = dh[:, loss]
        for t in range(loss, max(-1, end - k2 - 1), -1):
            g = g * (1 - after[t + 1]) * (1 + after[t + 1])
            total[0] += np.einsum("bi,bj->ij", x[:, t], g)
            total[1] += np.einsum("bk,bj->kj", before[t], g)
            total[2] += np.einsum("bj->j", g)
            g = np.einsum("bj,kj->bk", g, Wh)
    return total
""",
    ),
    "bptt.truncated_backward, a while loop and a helper": (
        "bptt.truncated_backward",
        """
def one_pass(states, x, dh, Wh, start, new, end):
    g = np.zeros(states[0].shape)
    sums = 0.0, 0.0, 0.0
    for t in range(end - 1, start - 1, -1):
        if t >= new:
            g = g + dh[:, t]
        dz = g / np.cosh(np.arctanh(states[t + 1])) ** 2
        sums = sums[0] + x[:, t].T.dot(dz), sums[1] + states[t].T.dot(dz), sums[2] + dz.sum(0)
        g = dz.dot(Wh.T)
    return sums

def truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2):
    states = [h0]
    for inp in x.transpose(1, 0, 2):
        states += [np.tanh(inp @ Wx + states[-1] @ Wh + b)]
    new, results = 0, []
    while new < len(states) - 1:
        end = min(new + k1, len(states) - 1)
        results.append(one_pass(states, x, dh, Wh, max(end - k2, 0), new, end))
        new = end
    return tuple(sum(parts) for parts in zip(*results))
""",
    ),
    "bptt.truncated_backward, as real-time sensitivities of the states inside a pass": (
        "bptt.truncated_backward",
        """
def truncated_backward(dh, x, h0, Wx, Wh, b, k1, k2):
    batch, steps, features = x.shape
    units = len(b)
    rows = features + units + 1
    states = [h0]
    for t in range(steps):
        states.append(elman_step(x[:, t], states[t], Wx, Wh, b))
    dW = np.zeros((rows, units))
    for new in range(0, steps, k1):
        end = min(new + k1, steps)
        P = np.zeros((batch, units, rows, units))
        for t in range(max(0, end - k2), end):
            u = np.concatenate([x[:, t], states[t], np.ones((batch, 1))], axis=1)
            P = np.einsum("lk,blij->bkij", Wh, P) + np.einsum("bi,kj->bkij", u, np.eye(units))
            P = P * (1 - states[t + 1] ** 2)[:, :, None, None]
            if t >= new:
                dW += np.einsum("bk,bkij->ij", dh[:, t], P)
    return dW[:features], dW[features:-1], dW[-1]
""",
    ),
    "bptt.cost, the loops run and counted": (
        "bptt.cost",
        """
def product(left, right):
    assert left[1] == right[0]
    return left[0] * left[1] * right[1]

def cost(time, units, features):
    parameters = (features + units + 1) * units
    bptt = rtrl = 0
    kept = []
    for _ in range(time):
        both = product((1, features), (features, units)) + product((1, units), (units, units))
        bptt += both + product((features, 1), (1, units)) + product((units, 1), (1, units))
        bptt += product((1, units), (units, units))
        rtrl += both + product((units, units), (units, parameters)) + product((1, units), (units, parameters))
        kept.append(units)
    return bptt, sum(kept), rtrl, units * (1 + parameters)
""",
    ),
    "bptt.cost, in one array": (
        "bptt.cost",
        """
def cost(time, units, features):
    W = np.array([features, units, 1]) * units
    step = W[:2].sum()
    back = [step + W[0] + 2 * W[1], units]
    on = [step + W.sum() * units * (units + 1), W.sum() * units + units]
    return np.array([back[0] * time, back[1] * time, on[0] * time, on[1]])
""",
    ),
    "bptt.cost, multiplied out, as floats": (
        "bptt.cost",
        """
def cost(T, N, F):
    P = N * (N + F + 1)
    return [float(T * N * (2 * F + 3 * N)), float(T * N), float(T * N * (F + N + (N + 1) * P)), float(N + N * P)]
""",
    ),
}

MADE_UP = [
    ("bptt.truncated_backward", "carry = np.zeros_like(h0)", "carry = np.ones_like(h0)"),
    ("bptt.truncated_backward", "dWx += x[:, t].T @ dz", "dWx += 2 * x[:, t].T @ dz"),
    ("bptt.truncated_backward", "(1 - h[t + 1] ** 2)", "(1 - h[t + 1] ** 3)"),
    ("bptt.truncated_backward", "taken = end", "taken = end + 1"),
    ("bptt.cost", "bptt_memory = time * units", "bptt_memory = time + units"),
    ("bptt.cost", "2 * units * units", "4 * units * units"),
]
