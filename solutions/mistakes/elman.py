"""Wrong answers to the Elman exercises."""

from solutions.mistakes import Mistake

STEP = "elman.step_forward"
STEP_BACK = "elman.step_backward"
OUT = "elman.output_forward"
OUT_BACK = "elman.output_backward"
SEQUENCE = "elman.sequence_forward"
SEQUENCE_BACK = "elman.sequence_backward"
CELL = "elman.ElmanCell"
COPY = "elman.copy_weights"

MISTAKES = [
    # the step
    Mistake(STEP, "no_bias", "np.tanh(x @ Wx + h_prev @ Wh + b)", "np.tanh(x @ Wx + h_prev @ Wh)", "The bias plays no part in your step: every unit has one."),
    Mistake(STEP, "no_context", "x @ Wx + h_prev @ Wh + b", "x @ Wx + b + 0 * (h_prev @ Wh)",
            "Your new state does not depend on the state before. Without the context there is no memory."),
    Mistake(STEP, "recurrent_kernel_transposed", "h_prev @ Wh", "h_prev @ Wh.T",
            "The recurrent kernel is used the wrong way round. It is square, so the shapes cannot warn you: ask "
            "which of its axes belongs to the old state."),
    Mistake(STEP, "no_squashing", "np.tanh(x @ Wx + h_prev @ Wh + b)", "x @ Wx + h_prev @ Wh + b",
            "The sum is right, and it is returned as it is. A hidden unit squashes its sum."),
    Mistake(STEP, "sigmoid_for_tanh", "np.tanh(x @ Wx + h_prev @ Wh + b)",
            "1 / (1 + np.exp(-(x @ Wx + h_prev @ Wh + b)))",
            "Your states lie between 0 and 1. Another squashing function is asked for, whose range is symmetric."),
    Mistake(STEP, "context_outside", "np.tanh(x @ Wx + h_prev @ Wh + b)", "np.tanh(x @ Wx + b) + h_prev @ Wh",
            "The context is added after the squashing. It is one of the terms inside the sum."),
    # the step, backwards
    Mistake(STEP_BACK, "no_tanh_derivative", "dz = dh * (1 - h**2)", "dz = dh * 1.0",
            "The gradient passes the squashing function as if it were a straight line. What is its slope?"),
    Mistake(STEP_BACK, "derivative_not_squared", "(1 - h**2)", "(1 - h)",
            "The slope of the squashing function is nearly right: look at the power in tanh's derivative."),
    Mistake(STEP_BACK, "sigmoid_derivative", "(1 - h**2)", "h * (1 - h)",
            "That is the slope of the logistic function. The step uses another one."),
    Mistake(STEP_BACK, "derivative_of_wrong_value", "(1 - h**2)", "(1 - np.tanh(h) ** 2)",
            "The squashing is applied twice on the way to its slope: h is already squashed."),
    Mistake(STEP_BACK, "derivative_at_old_state", "(1 - h**2)", "(1 - h_prev**2)",
            "The slope is taken at the state before the step. Where was the squashing function evaluated?"),
    Mistake(STEP_BACK, "new_state_in_dWh", "dWh = h_prev.T @ dz", "dWh = h.T @ dz",
            "The recurrent kernel's gradient is made with the wrong state. Which state did the kernel multiply "
            "in the forward pass?"),
    Mistake(STEP_BACK, "dWh_transposed", "dWh = h_prev.T @ dz", "dWh = dz.T @ h_prev",
            "The gradient of the recurrent kernel is transposed. The kernel is square, so its shape does not "
            "tell: the first axis belongs to the old state."),
    Mistake(STEP_BACK, "bias_averaged", "dz.sum(axis=0)", "dz.mean(axis=0)",
            "The bias gradient is averaged over the batch. The bias is used once for each example: do those "
            "uses average, or add?"),
    Mistake(STEP_BACK, "bias_not_summed", "dz.sum(axis=0)", "dz",
            "The bias gradient still has one row for each example. One bias served them all."),
    Mistake(STEP_BACK, "kernels_swapped", "return dx, dh_prev, dWx, dWh, db", "return dx, dh_prev, dWh, dWx, db",
            "The gradients of the two kernels are returned in each other's place: see the stated order."),
    Mistake(STEP_BACK, "kernel_averaged", "dWx = x.T @ dz", "dWx = x.T @ dz / len(x)",
            "The kernel gradient is averaged over the batch; if there is an average, it is already in the "
            "upstream gradient."),
    Mistake(STEP_BACK, "recurrent_kernel_averaged", "dWh = h_prev.T @ dz", "dWh = h_prev.T @ dz / len(x)",
            "The recurrent kernel's gradient is averaged over the batch; if there is an average, it is "
            "already in the upstream gradient."),
    Mistake(STEP_BACK, "everything_averaged", "dz = dh * (1 - h**2)", "dz = dh * (1 - h**2) / len(x)",
            "Every gradient is divided by the batch size. The loss has already decided between sum and "
            "mean: the upstream gradient carries that."),
    Mistake(STEP_BACK, "carry_not_transposed", "dh_prev = dz @ Wh.T", "dh_prev = dz @ Wh",
            "On its way to the old state the gradient crosses the recurrent kernel in the wrong direction. "
            "Going back, rows and columns change places."),
    Mistake(STEP_BACK, "carry_skips_slope", "dh_prev = dz @ Wh.T", "dh_prev = dh @ Wh.T",
            "The gradient of the old state goes round the squashing function. The old state went through it."),
    Mistake(STEP_BACK, "input_skips_slope", "dx = dz @ Wx.T", "dx = dh @ Wx.T",
            "The gradient of the input goes round the squashing function. The input went through it."),
    Mistake(STEP_BACK, "sign", "dz = dh * (1 - h**2)", "dz = dh * (h**2 - 1)",
            "Every gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(STEP_BACK, "upstream_edited", "dz = dh * (1 - h**2)", "dh *= 1 - h**2; dz = dh",
            "The values are right, but the upstream gradient `dh` was changed in place. It belongs to the "
            "caller, who may need it again."),
    # the readout
    Mistake(OUT, "no_bias", "h @ Wy + by", "h @ Wy + 0 * by", "The output bias plays no part in your readout."),
    Mistake(OUT, "squashed", "h @ Wy + by", "np.tanh(h @ Wy + by)",
            "Your readout squashes its output. This layer is linear: what comes after it belongs to the loss."),
    Mistake(OUT, "only_last_step", "h @ Wy + by", "np.repeat(h[:, -1:] @ Wy + by, h.shape[1], axis=1)",
            "Every step has the output of the last one. Each step is read from its own hidden state."),
    Mistake(OUT, "state_delayed", "h @ Wy + by", "np.roll(h, 1, axis=1) @ Wy + by",
            "Each output is read from the state of another step. Check the time index."),
    Mistake(OUT_BACK, "dWy_overwritten", 'np.einsum("btu,bto->uo", h, dy)', "h[:, 0].T @ dy[:, 0]",
            "Only one time step reaches the gradient of Wy. The same Wy is used at every step: its uses add up."),
    Mistake(OUT_BACK, "dWy_last_step", 'np.einsum("btu,bto->uo", h, dy)', "h[:, -1].T @ dy[:, -1]",
            "Only the last time step reaches the gradient of Wy. The same Wy is used at every step: its "
            "uses add up."),
    Mistake(OUT_BACK, "dWy_mean_over_time", 'np.einsum("btu,bto->uo", h, dy)',
            'np.einsum("btu,bto->uo", h, dy) / h.shape[1]',
            "The gradient of Wy is averaged over time. Uses of a shared weight add up."),
    Mistake(OUT_BACK, "dWy_mean_over_batch", 'np.einsum("btu,bto->uo", h, dy)',
            'np.einsum("btu,bto->uo", h, dy) / h.shape[0]',
            "The gradient of Wy is averaged over the batch. If there is an average, the upstream gradient "
            "already carries it."),
    Mistake(OUT_BACK, "dby_averaged", "dy.sum(axis=(0, 1))", "dy.mean(axis=(0, 1))",
            "The gradient of the output bias is averaged. It is used once for each step of each example: "
            "do those uses average, or add?"),
    Mistake(OUT_BACK, "dby_not_summed_over_time", "dy.sum(axis=(0, 1))", "dy.sum(axis=0)",
            "The gradient of the output bias still has one row for each time step. One bias served them all."),
    Mistake(OUT_BACK, "dby_not_summed_over_batch", "dy.sum(axis=(0, 1))", "dy.sum(axis=1)",
            "The gradient of the output bias still has one row for each example. One bias served them all."),
    Mistake(OUT_BACK, "dby_last_step", "dy.sum(axis=(0, 1))", "dy[:, -1].sum(axis=0)",
            "Only the last time step reaches the gradient of the output bias."),
    Mistake(OUT_BACK, "squashing_that_is_not_there", "dh = dy @ Wy.T", "dh = (dy @ Wy.T) * (1 - h**2)",
            "The gradient of h includes the slope of a squashing function. The readout is linear: that slope "
            "belongs to the step that made h."),
    # the sequence
    Mistake(SEQUENCE, "context_not_carried", "h = step_forward(x[:, t], h, Wx, Wh, b)",
            "h = step_forward(x[:, t], h0, Wx, Wh, b)",
            "Every step starts from h0. From the second step on, the context is the state just computed."),
    Mistake(SEQUENCE, "initial_state_ignored", "h = h0", "h = 0 * h0",
            "The first step starts from zeros. The caller gave you the state to start from."),
    Mistake(SEQUENCE, "time_reversed", "h = step_forward(x[:, t], h, Wx, Wh, b)",
            "h = step_forward(x[:, -1 - t], h, Wx, Wh, b)",
            "The inputs are read from the last to the first."),
    Mistake(SEQUENCE, "states_delayed", "states.append(h)", "states.append(states[-1] if len(states) > 1 else h)",
            "From some step on, a state is stored that is not the newest one."),
    Mistake(SEQUENCE, "returns_previous_state", "return np.stack(states, axis=1)",
            "return np.stack([h0, *states[:-1]], axis=1)",
            "Your output at each step is the state before the step. The state after it is asked for."),
    Mistake(SEQUENCE, "initial_state_included", "return np.stack(states, axis=1)",
            "return np.stack([h0, *states], axis=1)",
            "There is one state too many: the one before the first step is not part of the result."),
    Mistake(SEQUENCE, "only_last_state", "return np.stack(states, axis=1)", "return states[-1]",
            "Only the last state is returned. The state after every step is asked for."),
    Mistake(SEQUENCE, "time_first", "np.stack(states, axis=1)", "np.stack(states, axis=0)",
            "Time is the first axis of your result. The stated shape is (batch, time, units)."),
    # backpropagation through time
    Mistake(SEQUENCE_BACK, "dWx_overwritten", "dWx += dWx_t", "dWx = dWx_t",
            "The gradient of Wx holds one time step only. The same kernel is used at every step: what "
            "should happen to the contributions of the others?"),
    Mistake(SEQUENCE_BACK, "dWh_overwritten", "dWh += dWh_t", "dWh = dWh_t",
            "The gradient of Wh holds one time step only. The same recurrent kernel is used at every step: what "
            "should happen to the contributions of the others?"),
    Mistake(SEQUENCE_BACK, "db_overwritten", "db += db_t", "db = db_t",
            "The bias gradient holds one time step only. The same bias is used at every step."),
    Mistake(SEQUENCE_BACK, "no_carry", "upstream = dh[:, t] + carry", "upstream = dh[:, t]",
            "The last step is right and everything before it is not: no gradient travels back in time. A "
            "hidden state also acts through the next step."),
    Mistake(SEQUENCE_BACK, "only_carry", "upstream = dh[:, t] + carry",
            "upstream = carry + (dh[:, t] if t == x.shape[1] - 1 else 0)",
            "Only the last step's loss enters, and travels back. Every step has an upstream gradient of its own."),
    Mistake(SEQUENCE_BACK, "carry_accumulates", "upstream = dh[:, t] + carry",
            "upstream = dh[:, t] + carry + (dh[:, t + 1] if t + 1 < x.shape[1] else 0)",
            "A step receives the next step's upstream gradient twice: once through the recurrence, as it "
            "should, and once directly."),
    Mistake(SEQUENCE_BACK, "truncated", "upstream = dh[:, t] + carry",
            "upstream = dh[:, t] + (carry if t % 2 else 0)",
            "The gradient is cut every few steps on its way back. Truncation is another exercise; here it "
            "goes all the way."),
    Mistake(SEQUENCE_BACK, "new_state_for_old", "h_prev = h[:, t - 1] if t > 0 else h0", "h_prev = h[:, t]",
            "Each step is differentiated at the state it made and not at the state it started from."),
    Mistake(SEQUENCE_BACK, "first_state_forgotten", "h_prev = h[:, t - 1] if t > 0 else h0",
            "h_prev = h[:, t - 1] if t > 0 else 0 * h0",
            "The first step is differentiated as if it had started from zeros. The caller gave you its state."),
    Mistake(SEQUENCE_BACK, "first_state_wraps", "h_prev = h[:, t - 1] if t > 0 else h0", "h_prev = h[:, t - 1]",
            "Something is wrong at the first step alone: in Python an index of -1 is the last element."),
    Mistake(SEQUENCE_BACK, "initial_state_at_every_step", "h_prev = h[:, t - 1] if t > 0 else h0", "h_prev = h0",
            "Every step is differentiated as if it had started from h0. Only the first one did."),
    Mistake(SEQUENCE_BACK, "carry_adds_up", "dWx += dWx_t", "dWx += dWx_t; carry = carry + upstream - dh[:, t]",
            "The carry keeps growing: what came from later steps is added to it again. It is replaced at each step, "
            "because what came from later is already in it."),
    Mistake(SEQUENCE_BACK, "dh0_of_last_step", "dh0 = carry", "dh0 = dh[:, 0]",
            "What you return for h0 is an upstream gradient. How does h0 act on the loss?"),
    Mistake(SEQUENCE_BACK, "dh0_missing", "return dx, dh0, dWx, dWh, db", "return dx, dWx, dWh, db",
            "The gradient of the initial state is not returned. Five arrays are stated."),
    Mistake(SEQUENCE_BACK, "dh0_zero", "dh0 = carry", "dh0 = 0 * carry",
            "The gradient of the initial state is zero. The first step used that state, so the loss depends on it."),
    Mistake(SEQUENCE_BACK, "mean_over_time", "return dx, dh0, dWx, dWh, db",
            "return dx, dh0, dWx / x.shape[1], dWh / x.shape[1], db / x.shape[1]",
            "The gradients of the weights are averaged over time. Uses of a shared weight add up."),
    Mistake(SEQUENCE_BACK, "mean_over_batch", "return dx, dh0, dWx, dWh, db",
            "return dx, dh0, dWx / len(x), dWh / len(x), db / len(x)",
            "The gradients of the weights are averaged over the batch. If there is an average, the upstream "
            "gradient already carries it."),
    Mistake(SEQUENCE_BACK, "upstream_edited", "upstream = dh[:, t] + carry", "upstream = dh[:, t]; upstream += carry",
            "The values are right, but the upstream gradient `dh` was changed in place: a slice of an array is a "
            "view of it. It belongs to the caller."),
    Mistake(SEQUENCE_BACK, "wrong_direction", "reversed(range(x.shape[1]))", "range(x.shape[1])",
            "You walk forwards through time. A gradient needs the one of the step after it: which step has "
            "nothing after it?"),
    # the Keras cell
    Mistake(CELL, "bias_not_registered",
            'self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")',
            "self.bias = ops.zeros((self.units,), dtype=self.dtype)",
            "The bias is not a weight of the layer, so no optimizer will ever change it. A plain tensor "
            "kept on the layer is not registered."),
    Mistake(CELL, "kernel_not_trainable", 'initializer="glorot_uniform", name="kernel"',
            'initializer="glorot_uniform", name="kernel", trainable=False',
            "The kernel is registered, but not as a trainable weight: training would leave it as it is."),
    Mistake(CELL, "weight_not_named", 'initializer="orthogonal", name="recurrent_kernel"',
            'initializer="orthogonal", name="U"',
            "The recurrent kernel is right but for the name of its weight. Keras' own recurrent layers call it "
            "otherwise, and saved files go by these names."),
    Mistake(CELL, "weight_without_name", 'initializer="orthogonal", name="recurrent_kernel"',
            'initializer="orthogonal"',
            "One weight has no name of its own. Keras' recurrent layers name all three, and saved files go by the names."),
    Mistake(CELL, "numpy_in_call", "h = ops.tanh(z)", "h = ops.convert_to_tensor(np.tanh(z))",
            "The outputs are right and no gradient gets through: a NumPy call inside `call` leaves the graph."),
    Mistake(CELL, "stop_gradient", "h_prev = states[0]", "h_prev = ops.stop_gradient(states[0])",
            "No gradient flows back to the previous state: something in `call` stops it there."),
    Mistake(CELL, "no_bias", " + self.bias\n", "\n", "The bias is created and then plays no part in `call`."),
    Mistake(CELL, "recurrent_kernel_transposed", "ops.matmul(h_prev, self.recurrent_kernel)",
            "ops.matmul(h_prev, ops.transpose(self.recurrent_kernel))",
            "The recurrent kernel is used the wrong way round. It is square, so the shapes cannot warn you."),
    Mistake(CELL, "no_squashing", "h = ops.tanh(z)", "h = z",
            "The sum is right, and it is returned as it is. A hidden unit squashes its sum."),
    Mistake(CELL, "old_state_returned", "return h, [h]", "return h, [h_prev]",
            "The new state that `call` returns is the old one, so every step starts from the same context."),
    Mistake(CELL, "old_output_returned", "return h, [h]", "return h_prev, [h]",
            "The output is the state before the step; the state that `call` hands on is right."),
    Mistake(CELL, "preactivation_as_state", "return h, [h]", "return h, [z]",
            "The state that is handed on is the sum before the squashing. In an Elman network the context is a "
            "copy of the hidden layer."),
    Mistake(CELL, "float32_inside", "z = ops.matmul(inputs, self.kernel)",
            'z = ops.cast(ops.cast(ops.matmul(inputs, self.kernel), "float32"), inputs.dtype)',
            "Somewhere in `call` numbers pass through float32: in a float64 layer half of the digits are lost."),
    Mistake(CELL, "config_incomplete", '{**super().get_config(), "units": self.units}', "super().get_config()",
            "The config lacks an argument of `__init__`, so a saved model cannot be loaded."),
    Mistake(CELL, "config_without_super", '{**super().get_config(), "units": self.units}', '{"units": self.units}',
            "The config lacks what the base class puts into it, the dtype among it, so a cell that is made again is "
            "not the same."),
    Mistake(CELL, "initial_state_dtype", ", dtype=self.compute_dtype)]", ")]",
            "The initial state has Keras' default dtype, whatever the dtype of the cell."),
    Mistake(CELL, "initial_state_without_batch", "ops.zeros((batch_size, self.units)", "ops.zeros((self.units,)",
            "The initial state has no batch axis."),
    Mistake(CELL, "outputs_swapped", "return h, [h]", "return [h], h",
            "What `call` returns is the wrong way round: the output comes first, then the list of states."),
    Mistake(CELL, "initial_state_not_zero", "[ops.zeros((batch_size, self.units)",
            "[ops.ones((batch_size, self.units)",
            "The state before the first step is not zero."),
    Mistake(CELL, "initial_state_shape", "ops.zeros((batch_size, self.units)", "ops.zeros((1, self.units)",
            "The initial state does not have one row for each example of the batch."),
    # copying weights
    Mistake(COPY, "bias_left_out", "target.cell.bias.assign(source.cell.bias)", "pass",
            "Kernels arrive and the bias does not."),
    Mistake(COPY, "recurrent_kernel_left_out", "target.cell.recurrent_kernel.assign(source.cell.recurrent_kernel)",
            "pass", "The recurrent kernel does not arrive."),
    Mistake(COPY, "recurrent_kernel_transposed", "assign(source.cell.recurrent_kernel)",
            "assign(ops.transpose(source.cell.recurrent_kernel))",
            "The recurrent kernel arrives transposed. Both layers multiply from the same side."),
    Mistake(COPY, "wrong_direction", "target.cell.kernel.assign(source.cell.kernel)",
            "source, target = target, source; target.cell.kernel.assign(source.cell.kernel)",
            "The weights go from the target to the source."),
]  # fmt: skip
