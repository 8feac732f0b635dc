"""Wrong answers to the Hopfield exercises."""

from solutions.mistakes import Mistake

HEBB = "hopfield.hebb"
ENERGY = "hopfield.energy"
STEP = "hopfield.synchronous_step"
RECALL = "hopfield.recall"
CAPACITY = "hopfield.capacity_curve"
LAYER = "hopfield.Hopfield"
MODERN = "hopfield.modern_update_forward"
MODERN_BACK = "hopfield.modern_update_backward"

STEPPED = "np.where(field == 0, s, np.sign(field))"
UPDATED = "s[:, i] = np.where(field == 0, s[:, i], np.sign(field))"
ERROR = "np.mean(last != stored)"
BUILT = """self.kernel = self.add_weight(
            shape=(self.units, self.units), initializer="zeros", trainable=False, name="kernel"
        )"""
VISIT = f"""for i in order:
            field = s @ W[:, i] + b[i]  # (batch,)
            {UPDATED}"""
RECALLED = f"""s = s.copy()
    for _ in range(sweeps):
        before = s.copy()
        {VISIT}"""
MEASURED = f"""last = recall(stored, hebb(stored), b, order, sweeps)
        error.append({ERROR})"""
LAYER_STEP = "ops.where(ops.equal(field, 0), states, ops.sign(field))"
ASSIGN = "self.kernel.assign(products * (1 - ops.eye(self.units, dtype=self.compute_dtype)))"
CALLED = f"""for _ in range(self.steps):
            field = ops.matmul(states, self.kernel)  # (batch, units)
            states = {LAYER_STEP}
        return states"""
SHIFTED = "np.exp(scores - scores.max(axis=1, keepdims=True))"
NORMALISED = "p = e / e.sum(axis=1, keepdims=True)"
SOFTMAX = f"""e = {SHIFTED}
    {NORMALISED}"""
MODERN_BODY = """scores = beta * state @ patterns.T  # (batch, count)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ patterns"""
DSCORES = "dscores = p * (dp - (p * dp).sum(axis=1, keepdims=True))"
DPATTERNS = "dpatterns = p.T @ dnew + beta * dscores.T @ state"

MISTAKES = [
    # Hebb's rule
    Mistake(HEBB, "diagonal_not_zeroed", "np.fill_diagonal(W, 0)", "pass",
            "Units act on themselves: the diagonal is not zero. Such a unit holds on to whatever it is, and a capacity "
            "test passes for the wrong reason."),
    Mistake(HEBB, "one_taken_from_diagonal", "np.fill_diagonal(W, 0)", "W -= np.eye(N)",
            "You take the identity away, which leaves a zero diagonal only where exactly as many patterns as units are "
            "stored."),
    Mistake(HEBB, "zero_one", "W = patterns.T @ patterns / N", "W = (patterns > 0).T.astype(float) @ (patterns > 0) / N",
            "You count units as 0 and 1. Then two units that are off together leave no trace. Units are +1 and -1."),
    Mistake(HEBB, "not_divided", "W = patterns.T @ patterns / N", "W = patterns.T @ patterns",
            "The weights are not divided by the number of units."),
    Mistake(HEBB, "divided_by_count", "patterns.T @ patterns / N", "patterns.T @ patterns / len(patterns)",
            "The weights are divided by the number of patterns. The rule divides by the number of units."),
    Mistake(HEBB, "last_pattern_only", "W = patterns.T @ patterns / N", "W = np.outer(patterns[-1], patterns[-1]) / N",
            "Only the last pattern is stored: each one has replaced the one before. Patterns lie on top of each other, as a "
            "sum."),
    Mistake(HEBB, "first_pattern_only", "W = patterns.T @ patterns / N", "W = np.outer(patterns[0], patterns[0]) / N",
            "Only the first pattern is stored. Is something returned too early?"),
    Mistake(HEBB, "mean_removed", "W = patterns.T @ patterns / N",
            "W = (patterns - patterns.mean(axis=0)).T @ (patterns - patterns.mean(axis=0)) / N",
            "You take each unit's mean away first, which makes covariances. Hebb's rule multiplies the units as they are."),
    Mistake(HEBB, "half_a_matrix", "return W", "return np.triu(W)",
            "Only one of each pair of weights is there. Two units act on each other, both ways: the matrix is symmetric."),
    Mistake(HEBB, "sign", "W = patterns.T @ patterns / N", "W = -patterns.T @ patterns / N",
            "Units that are equal in a pattern push each other away. Check the sign."),
    Mistake(HEBB, "between_patterns", "patterns.T @ patterns / N", "patterns @ patterns.T / N",
            "Your matrix compares patterns with patterns. A weight stands between two units."),
    Mistake(HEBB, "diagonal_from_columns", "np.fill_diagonal(W, 0)", "W = W - np.diag(W)",
            "Every row lost the numbers of the diagonal, so every weight is too small, not those on the diagonal alone."),
    Mistake(HEBB, "diagonal_only", "np.fill_diagonal(W, 0)", "W = W * np.eye(N)",
            "Only the diagonal is left. It is the diagonal that goes, and everything else that stays."),
    # energy
    Mistake(ENERGY, "no_half", "-0.5 * pairs", "-1.0 * pairs",
            "The sum over all i and j meets every pair of units twice. Something has to make up for it."),
    Mistake(ENERGY, "sign", "-0.5 * pairs - s @ b", "0.5 * pairs + s @ b",
            "Your energy is highest where the units agree with their fields. It should be lowest there."),
    Mistake(ENERGY, "bias_left_out", " - s @ b", " - 0 * s @ b", "The bias plays no part in your energy."),
    Mistake(ENERGY, "bias_sign", " - s @ b", " + s @ b",
            "The bias has the wrong sign: a unit that follows its bias should have less energy."),
    Mistake(ENERGY, "pair_sign", "-0.5 * pairs", "0.5 * pairs",
            "The pairs have the wrong sign: units that agree with their weights should have less energy."),
    Mistake(ENERGY, "bias_halved", "-0.5 * pairs - s @ b", "-0.5 * (pairs + s @ b)",
            "The bias is halved along with the pairs. Pairs are met twice, units once."),
    Mistake(ENERGY, "zero_one", 'pairs = np.einsum("ni,ij,nj->n", s, W, s)',
            's = (s + 1) / 2\n    pairs = np.einsum("ni,ij,nj->n", s, W, s)',
            "You count units as 0 and 1. Then a unit that is off has no energy at all. Units are +1 and -1."),
    Mistake(ENERGY, "one_number", "return -0.5 * pairs - s @ b", "return (-0.5 * pairs - s @ b).sum()",
            "The energies of all states are added up. One for each is asked for."),
    Mistake(ENERGY, "states_with_states", "return -0.5 * pairs - s @ b", "return -0.5 * s @ W @ s.T - s @ b",
            "You have a matrix: every state is paired with every other. A state has an energy of its own."),
    Mistake(ENERGY, "mean_over_units", "return -0.5 * pairs - s @ b", "return (-0.5 * pairs - s @ b) / s.shape[1]",
            "The energy is divided by the number of units. It is a sum."),
    Mistake(ENERGY, "one_of_each_pair_halved", 'pairs = np.einsum("ni,ij,nj->n", s, W, s)',
            'pairs = np.einsum("ni,ij,nj->n", s, np.triu(W), s)',
            "The pairs weigh half of what they should. The factor ½ is there because a sum over i and j meets each pair "
            "twice: is it taken twice, or is each pair met once?"),
    Mistake(ENERGY, "half_at_the_bias", "-0.5 * pairs - s @ b", "-pairs - 0.5 * s @ b",
            "The half stands at the wrong term: the sum meets each pair twice, and each unit once."),
    Mistake(ENERGY, "bias_without_states", " - s @ b", " - b.sum()",
            "The biases are added up as they are, so they are the same for every state. Each belongs to its unit."),
    # one synchronous step
    Mistake(STEP, "zero_field_gives_zero", STEPPED, "np.sign(field)",
            "A unit whose field is exactly zero has become 0, which is no state at all. What is said about it?"),
    Mistake(STEP, "zero_field_gives_one", STEPPED, "np.where(field >= 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become +1. What is said about it?"),
    Mistake(STEP, "zero_field_gives_minus_one", STEPPED, "np.where(field > 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become -1. What is said about it?"),
    Mistake(STEP, "zero_one", STEPPED, "np.where(field == 0, s, (field > 0) * 1.0)",
            "Your new states are 0 and 1. Units are +1 and -1."),
    Mistake(STEP, "asynchronous", "field = s @ W + b",
            "s = s.copy()\n    for i in range(len(b)):\n        field = s @ W[:, i] + b[i]\n"
            "        s[:, i] = np.where(field == 0, s[:, i], np.sign(field))\n    field = s",
            "The units are updated one after the other, so that the later ones see what the earlier ones have become. "
            "All at once is asked for."),
    Mistake(STEP, "no_bias", "s @ W + b", "s @ W + 0 * b", "The bias plays no part in your fields."),
    Mistake(STEP, "bias_subtracted", "s @ W + b", "s @ W - b",
            "You subtract the bias like a threshold. A positive bias helps its unit to become +1."),
    Mistake(STEP, "away_from_field", STEPPED, "np.where(field == 0, s, -np.sign(field))",
            "Every unit turns against its field, and the energy rises."),
    Mistake(STEP, "field_returned", f"return {STEPPED}", "return field",
            "The fields are right, and they are returned as they are. A unit has two states."),
    Mistake(STEP, "only_flips", STEPPED, "np.where(s * field < 0, -s, 0 * s)",
            "Units that agree with their field have become 0. They stay as they are."),
    Mistake(STEP, "squashed", STEPPED, "np.tanh(field)",
            "Your units take values between the two. These have a hard threshold."),
    # recall
    Mistake(RECALL, "synchronous", "        for i in order:\n            field = s @ W[:, i] + b[i]",
            "        for i in order:\n            field = before @ W[:, i] + b[i]",
            "Within a sweep all units look at the state from before the sweep, which is a synchronous step. Each is to see "
            "what those before it have become."),
    Mistake(RECALL, "order_ignored", "for i in order:", "for i in range(len(order)):",
            "The units are visited by their number. The caller gave you an order."),
    Mistake(RECALL, "order_reversed", "for i in order:", "for i in order[::-1]:",
            "The units are visited from the last of the given order to the first."),
    Mistake(RECALL, "order_inverted", "for i in order:", "for i in np.argsort(order):",
            "You take the order for the time at which each unit is visited. It lists the units themselves."),
    Mistake(RECALL, "one_sweep", "for _ in range(sweeps):", "for _ in range(1):",
            "There is one sweep and no more. What a unit saw may have changed since: only a sweep that changes no unit, of any state in the "
            "batch, ends it. (Is one state at rest enough to end yours, or is what was before a sweep the same array as what came of it?)"),
    Mistake(RECALL, "one_sweep_too_few", "range(sweeps)", "range(sweeps - 1)",
            "You return the states from before the last sweep: there is one sweep fewer than allowed, or an older copy is returned."),
    Mistake(RECALL, "sweeps_ignored", "for _ in range(sweeps):", "for _ in range(50):",  # a `while` would not end beside some other mistakes
           
            "You sweep until nothing changes, however long it takes. The caller sets a largest number of sweeps."),
    Mistake(RECALL, "ends_at_first_rest", VISIT,
            VISIT.replace("order:", "order:\n            old = s[:, i].copy()") + "\n            if np.array_equal(s[:, i], old):\n                return s",
            "It ends at the first visit that changes nothing. Others may still want to change: a whole sweep without a change is meant."),
    Mistake(RECALL, "synchronous_at_each_visit", VISIT, "for i in order:\n            s = synchronous_step(s, W, b)",
            "All units are updated at every visit. A visit is to update one."),
    Mistake(RECALL, "bias_by_place", "for i in order:\n            field = s @ W[:, i] + b[i]",
            "for k, i in enumerate(order):\n            field = s @ W[:, i] + b[k]",
            "The biases are taken in their own order, while the units are visited in the given one. A bias belongs to its unit."),
    Mistake(RECALL, "zero_field_restores_start", RECALLED,
            RECALLED.replace("s = s.copy()", "start, s = s, s.copy()", 1).replace("0, s[:, i]", "0, start[:, i]"),
            "A unit whose field is exactly zero goes back to the state from which it started. It keeps the one that it has by then."),
    Mistake(RECALL, "one_sweep_too_many", "for _ in range(sweeps):", "for _ in range(sweeps + 1):",
            "There is one sweep more than the caller allows."),
    Mistake(RECALL, "zero_field_gives_zero", UPDATED, "s[:, i] = np.sign(field)",
            "A unit whose field is exactly zero has become 0, which is no state at all. What is said about it?"),
    Mistake(RECALL, "zero_field_gives_one", UPDATED, "s[:, i] = np.where(field >= 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become +1. What is said about it?"),
    Mistake(RECALL, "zero_field_gives_minus_one", UPDATED, "s[:, i] = np.where(field > 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become -1. What is said about it?"),
    Mistake(RECALL, "zero_one", UPDATED, "s[:, i] = np.where(field == 0, s[:, i], field > 0)",
            "Units become 0 and 1. Then a unit that is off says nothing to the others. Units are +1 and -1."),
    Mistake(RECALL, "no_bias", "s @ W[:, i] + b[i]", "s @ W[:, i]", "The bias plays no part in your fields."),
    Mistake(RECALL, "bias_subtracted", "s @ W[:, i] + b[i]", "s @ W[:, i] - b[i]",
            "You subtract the bias like a threshold. A positive bias helps its unit to become +1."),
    Mistake(RECALL, "away_from_field", UPDATED, "s[:, i] = np.where(field == 0, s[:, i], -np.sign(field))",
            "Every unit turns against its field, and the energy rises."),
    Mistake(RECALL, "start_edited", "    s = s.copy()\n", "",
            "The values are right, but the states to start from were changed in place. They belong to the caller, who "
            "may want to compare."),
    # the capacity curve
    Mistake(CAPACITY, "all_stored", "hebb(stored)", "hebb(patterns)",
            "All patterns are stored at every load, so the load never changes."),
    Mistake(CAPACITY, "patterns_with_an_error", ERROR, "np.mean((last != stored).any(axis=1))",
            "You count patterns that have an error. The fraction of wrong bits is asked for."),
    Mistake(CAPACITY, "bits_counted", ERROR, "np.sum(last != stored)",
            "You count the wrong bits. A fraction of all bits is asked for."),
    Mistake(CAPACITY, "right_bits", ERROR, "np.mean(last == stored)",
            "You measure the bits that came back. The error is the others."),
    Mistake(CAPACITY, "overlap", ERROR, "np.mean(last * stored)",
            "You measure the overlap, which goes from 1 to -1. The error goes from 0 to 1."),
    Mistake(CAPACITY, "squared_difference", ERROR, "np.mean((last - stored) ** 2)",
            "You average squared differences. Units are +1 and -1: by how much does that count one wrong bit?"),
    Mistake(CAPACITY, "first_pattern_only", ERROR, "np.mean(last[0] != stored[0])",
            "Only the first pattern is looked at. The others were stored as well, and start a recall of their own."),
    Mistake(CAPACITY, "one_step", "last = recall(stored, hebb(stored), b, order, sweeps)",
            "last = synchronous_step(stored, hebb(stored), b)",
            "You measure the error after one synchronous step. The final error is larger: wrong bits mislead others."),
    Mistake(CAPACITY, "one_pattern_short", "patterns[:count]", "patterns[: count - 1]",
            "One pattern too few is stored. A slice ends before its second index already."),
    Mistake(CAPACITY, "noisy_start", "recall(stored, hebb(stored)", "recall(np.where(np.arange(stored.shape[1]) < 10, -stored, stored), hebb(stored)",
            "You start from damaged patterns. How far a memory reaches is another measurement: here each recall starts at "
            "what was stored."),
    Mistake(CAPACITY, "errors_add_up", "error.append(np.mean(last != stored))",
            "error.append(np.mean(last != stored) + (error[-1] if error else 0))",
            "Each error holds those of the smaller loads as well."),
    Mistake(CAPACITY, "last_load_only", "return np.array(error)", "return np.array(error[-1])",
            "Only the last load's error is returned. One for each load is asked for."),
    Mistake(CAPACITY, "all_recalled", MEASURED, MEASURED.replace("recall(stored", "recall(patterns").replace("!= stored", "!= patterns"),
            "You start at all patterns, those among them that were not stored this time. They cannot come back."),
    Mistake(CAPACITY, "last_patterns", "patterns[:count]", "patterns[-count:]",
            "The last patterns are stored. The first ones are asked for."),
    Mistake(CAPACITY, "bits_per_unit", ERROR, "np.sum(last != stored) / len(b)",
            "The wrong bits are divided by the number of units alone. How many bits are there in all the patterns that were stored?"),
    Mistake(CAPACITY, "bits_per_pattern", ERROR, "np.sum(last != stored) / len(stored)",
            "The wrong bits are divided by the number of patterns: that is how many a pattern has. A fraction of all bits is asked for."),
    Mistake(CAPACITY, "shared_by_all_patterns", ERROR, "np.sum(last != stored) / patterns.size",
            "The wrong bits are divided by the bits of all patterns, stored or not. Only the stored ones were looked at."),
    # the layer
    Mistake(LAYER, "diagonal_not_zeroed", ASSIGN, "self.kernel.assign(products)",
            "Units act on themselves after `store`: the diagonal of the kernel is not zero."),
    Mistake(LAYER, "diagonal_only", "products * (1 - ops.eye(self.units, dtype=self.compute_dtype))",
            "products * ops.eye(self.units, dtype=self.compute_dtype)",
            "`store` keeps only the diagonal. It is the diagonal that goes, and everything else that stays."),
    Mistake(LAYER, "one_taken_from_diagonal", "products * (1 - ops.eye(self.units, dtype=self.compute_dtype))",
            "products - ops.eye(self.units, dtype=self.compute_dtype)",
            "`store` takes the identity away, which leaves a zero diagonal only where exactly as many patterns as units "
            "are stored."),
    Mistake(LAYER, "not_divided", " / self.units", " / 1.0", "`store` does not divide by the number of units."),
    Mistake(LAYER, "divided_by_count", " / self.units", " / patterns.shape[0]",
            "`store` divides by the number of patterns. The rule divides by the number of units."),
    Mistake(LAYER, "stored_on_top", "self.kernel.assign(products", "self.kernel.assign(self.kernel + products",
            "`store` adds to what was stored before. It is to forget that."),
    Mistake(LAYER, "kernel_replaced", ASSIGN, "self.kernel = products * (1 - ops.eye(self.units, dtype=self.compute_dtype))",
            "`store` puts a plain tensor in the weight's place. The weight itself stays as it was, and it is what a saved "
            "model holds: give it a new value."),
    Mistake(LAYER, "zero_one_stored", "patterns = ops.convert_to_tensor(patterns, dtype=self.compute_dtype)",
            "patterns = (ops.convert_to_tensor(patterns, dtype=self.compute_dtype) + 1) / 2",
            "`store` counts units as 0 and 1. Then two units that are off together leave no trace."),
    Mistake(LAYER, "trainable", "trainable=False, ", "",
            "The kernel is a trainable weight: an optimizer would overwrite what was stored."),
    Mistake(LAYER, "not_registered", BUILT, "self.kernel = ops.zeros((self.units, self.units), dtype=self.dtype)",
            "The kernel is a plain tensor, not a weight of the layer: it can be given no new value, and no saved model "
            "holds it."),
    Mistake(LAYER, "weight_not_named", 'name="kernel"', 'name="W"',
            "The kernel is right but for the name of its weight. The docstring gives the name, and saved files go by it."),
    Mistake(LAYER, "weight_without_name", ', name="kernel"', "",
            "The weight has no name of its own. The docstring gives one, and saved files go by it."),
    Mistake(LAYER, "kernel_random", 'initializer="zeros"', 'initializer="ones"',
            "The kernel does not start from zeros: a network that has stored nothing should not change a state."),
    Mistake(LAYER, "zero_field_gives_zero", LAYER_STEP, "ops.sign(field)",
            "A unit whose field is exactly zero has become 0, which is no state at all. What is said about it?"),
    Mistake(LAYER, "zero_field_gives_one", LAYER_STEP, "ops.where(field >= 0, ops.ones_like(field), -ops.ones_like(field))",
            "A unit whose field is exactly zero has become +1. What is said about it?"),
    Mistake(LAYER, "zero_field_gives_minus_one", LAYER_STEP, "ops.where(field > 0, ops.ones_like(field), -ops.ones_like(field))",
            "A unit whose field is exactly zero has become -1. What is said about it?"),
    Mistake(LAYER, "zero_field_gives_plain_one", LAYER_STEP, "ops.where(field >= 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become +1. What is said about it? (And plain numbers do not take the layer's dtype.)"),
    Mistake(LAYER, "zero_field_gives_plain_minus_one", LAYER_STEP, "ops.where(field > 0, 1.0, -1.0)",
            "A unit whose field is exactly zero has become -1. What is said about it? (And plain numbers do not take the layer's dtype.)"),
    Mistake(LAYER, "zero_field_restores_start", CALLED,
            "start = states\n        " + CALLED.replace("0), states", "0), start"),
            "A unit whose field is exactly zero goes back to the state from which the call started. It keeps the one that it has by then."),
    Mistake(LAYER, "numpy_in_call", CALLED,
            CALLED.replace("for _", "states = np.array(states)\n        for _").replace("ops.matmul(states, self.kernel)", "states @ np.array(self.kernel)")
            .replace("ops.where(ops.equal(field, 0), states, ops.sign(field))", "np.where(field == 0, states, np.sign(field))"),
            "`call` works with NumPy: it needs numbers, and in a Keras model there are none yet when it is called first. Each of these "
            "operations has its counterpart among those of Keras."),
    Mistake(LAYER, "zero_one", LAYER_STEP, "ops.where(ops.equal(field, 0), states, ops.cast(field > 0, self.compute_dtype))",
            "What `call` returns is 0 and 1. Units are +1 and -1."),
    Mistake(LAYER, "one_step", "for _ in range(self.steps):", "for _ in range(1):",
            "A call takes one step, whatever `steps` says."),
    Mistake(LAYER, "one_step_too_many", "for _ in range(self.steps):", "for _ in range(self.steps + 1):",
            "A call takes one step more than `steps` says."),
    Mistake(LAYER, "squashed", "ops.sign(field)", "ops.tanh(field)",
            "The units take values between the two. These have a hard threshold."),
    Mistake(LAYER, "field_returned", "return states", "return field",
            "`call` returns the last step's fields. What the units have become is asked for."),
    Mistake(LAYER, "away_from_field", "ops.sign(field)", "-ops.sign(field)",
            "Every unit turns against its field, and the energy rises."),
    Mistake(LAYER, "config_incomplete", ', "units": self.units, "steps": self.steps}', ', "units": self.units}',
            "The config lacks an argument of `__init__` that has a default. A layer made again from it takes another "
            "number of steps."),
    Mistake(LAYER, "config_of_base_only", '{**super().get_config(), "units": self.units, "steps": self.steps}', "super().get_config()",
            "The config lacks the arguments of `__init__`, so a saved model cannot be loaded."),
    Mistake(LAYER, "config_without_super", '{**super().get_config(), "units"', '{"units"',
            "The config lacks what the base class puts into it, the dtype among it, so a layer that is made again is "
            "not the same."),
    # the modern update
    Mistake(MODERN, "no_max_shift", SHIFTED, "np.exp(scores)",
            "At a large beta the exponentials overflow and the result is not a number. A softmax does not change when the "
            "same number is taken from all scores of a row. Which one keeps them in range?"),
    Mistake(MODERN, "shift_of_whole_batch", SHIFTED, "np.exp(scores - scores.max())",
            "All rows are shifted by the largest score of the batch, so at a large beta the other rows vanish altogether and "
            "0 is divided by 0. Each row needs a shift of its own."),
    Mistake(MODERN, "no_beta", "scores = beta * state @ patterns.T", "scores = state @ patterns.T",
            "beta plays no part in your update. It says how sharply the patterns compete."),
    Mistake(MODERN, "divided_by_beta", "scores = beta * state @ patterns.T", "scores = state @ patterns.T / beta",
            "You divide by beta, as by a temperature. It is the inverse of one."),
    Mistake(MODERN, "beta_outside", MODERN_BODY,
            MODERN_BODY.replace("beta * state", "state").replace("p @", "beta * p @"),
            "beta multiplies what comes out of the softmax. It says how sharply the patterns compete, so it acts on the "
            "scores."),
    Mistake(MODERN, "not_normalised", NORMALISED, "p = e", "The weights of a state do not add up to 1."),
    Mistake(MODERN, "normalised_over_batch", NORMALISED, "p = e / e.sum(axis=0, keepdims=True)",
            "Your weights add up to 1 over the states. For one state they add up over the patterns."),
    Mistake(MODERN, "softmax_over_batch", SOFTMAX, SOFTMAX.replace("axis=1", "axis=0"),
            "Your softmax runs over the states, its shift and its sum both. It runs over the patterns, for each state by itself."),
    Mistake(MODERN, "normalised_over_all", NORMALISED, "p = e / e.sum()",
            "All the weights of the batch add up to 1 together. Those of each state do so by themselves."),
    Mistake(MODERN, "one_softmax_for_all", SOFTMAX, "e = np.exp(scores - scores.max())\n    p = e / e.sum()",
            "There is one softmax over all scores of the batch. Each state has one of its own, over the patterns."),
    Mistake(MODERN, "weights_returned", "return p @ patterns", "return p",
            "These are the weights of the patterns. What is asked for is the mean that they make."),
    Mistake(MODERN, "nearest_pattern", "return p @ patterns", "return patterns[p.argmax(axis=1)]",
            "Each state jumps to its most alike pattern. At a moderate beta the others have a share as well."),
    Mistake(MODERN, "state_added", "return p @ patterns", "return state + p @ patterns",
            "The old state is added to the new one. The update replaces it."),
    Mistake(MODERN, "sign_taken", "return p @ patterns", "return np.sign(p @ patterns)",
            "The result is reduced to signs. These units are real numbers."),
    Mistake(MODERN, "scaled_like_attention", "scores = beta * state @ patterns.T", "scores = beta * state @ patterns.T / np.sqrt(state.shape[1])",
            "The scores are divided by the root of the number of units, as attention does. Here that factor is beta's "
            "business."),
    Mistake(MODERN, "linear_weights", SHIFTED, "np.abs(scores)",
            "The weights are in proportion to the size of the scores. The softmax takes their exponentials."),
    # the modern update, backwards
    Mistake(MODERN_BACK, "patterns_as_values_only", DPATTERNS, "dpatterns = p.T @ dnew",
            "The patterns get a gradient as what is weighed, and none for having set the weights. They are used twice."),
    Mistake(MODERN_BACK, "patterns_as_keys_only", DPATTERNS, "dpatterns = beta * dscores.T @ state",
            "The patterns get a gradient for having set the weights, and none as what is weighed. They are used twice."),
    Mistake(MODERN_BACK, "no_beta_in_state", "dstate = beta * dscores @ patterns", "dstate = dscores @ patterns",
            "beta is missing on the way back to the state. It was a factor on the way forward."),
    Mistake(MODERN_BACK, "no_beta_in_patterns", "+ beta * dscores.T @ state", "+ dscores.T @ state",
            "beta is missing on the way back to the patterns. It was a factor on the way forward."),
    Mistake(MODERN_BACK, "no_beta_at_all", "dstate = beta * dscores @ patterns", "beta = 1.0\n    dstate = beta * dscores @ patterns",
            "beta is missing on the way back from the scores to what made them. It was a factor on the way forward."),
    Mistake(MODERN_BACK, "beta_on_both_parts", DPATTERNS, "dpatterns = beta * (p.T @ dnew + dscores.T @ state)",
            "beta multiplies both parts of the patterns' gradient. As what is weighed, the patterns never met it."),
    Mistake(MODERN_BACK, "no_beta_in_weights", "scores = beta * state @ patterns.T", "scores = state @ patterns.T",
            "You recompute the weights without beta. The forward pass had others."),
    Mistake(MODERN_BACK, "softmax_diagonal_only", DSCORES, "dscores = p * (1 - p) * dp",
            "Each weight is differentiated by its own score alone. In a softmax every score moves all the weights."),
    Mistake(MODERN_BACK, "softmax_without_sum", DSCORES, "dscores = p * dp",
            "When one weight grows the others shrink, since they add up to 1. Your gradient of the scores does not know "
            "that."),
    Mistake(MODERN_BACK, "softmax_skipped", DSCORES, "dscores = dp",
            "The gradient goes round the softmax as if weights and scores were the same."),
    Mistake(MODERN_BACK, "mean_for_sum", "(p * dp).sum(axis=1, keepdims=True)", "dp.mean(axis=1, keepdims=True)",
            "A plain mean over the patterns is taken away. In the softmax's gradient it is weighted."),
    Mistake(MODERN_BACK, "plain_sum_for_weighted", "(p * dp).sum(axis=1, keepdims=True)", "dp.sum(axis=1, keepdims=True)",
            "A plain sum over the patterns is taken away. In the softmax's gradient each term has its weight."),
    Mistake(MODERN_BACK, "sum_over_everything", "(p * dp).sum(axis=1, keepdims=True)", "(p * dp).sum()",
            "In the softmax's gradient you take one number away for the whole batch. Each state has its own."),
    Mistake(MODERN_BACK, "weight_missing", DSCORES, "dscores = dp - (p * dp).sum(axis=1, keepdims=True)",
            "In the gradient of the scores the weight itself is missing: a pattern that hardly counts has hardly a gradient."),
    Mistake(MODERN_BACK, "sum_over_batch", "(p * dp).sum(axis=1, keepdims=True)", "(p * dp).sum(axis=0, keepdims=True)",
            "In the softmax's gradient you sum over the states. The weights of one state add up over the patterns."),
    Mistake(MODERN_BACK, "state_for_upstream", "p.T @ dnew", "p.T @ state",
            "As what is weighed, the patterns get the old state in the place of the upstream gradient."),
    Mistake(MODERN_BACK, "upstream_for_state", "dscores.T @ state", "dscores.T @ dnew",
            "For having set the weights, the patterns get the upstream gradient in the place of what they were compared "
            "with."),
    Mistake(MODERN_BACK, "averaged_over_batch", "return dstate, dpatterns", "return dstate, dpatterns / len(state)",
            "The gradient of the patterns is divided by the batch size. If there is an average, the upstream gradient "
            "already carries it."),
    Mistake(MODERN_BACK, "returned_swapped", "return dstate, dpatterns", "return dpatterns, dstate",
            "The two gradients are returned in each other's place: see the stated order."),
    Mistake(MODERN_BACK, "sign", "return dstate, dpatterns", "return -dstate, -dpatterns",
            "Every gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
]  # fmt: skip
