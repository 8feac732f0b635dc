"""Wrong answers to the GRU exercises."""

from solutions.mistakes import Mistake

STEP = "gru.step_forward"
STEP_BACK = "gru.step_backward"
CELL = "gru.GRUCell"

MISTAKES = [
    # the step
    Mistake(STEP, "input_bias_missing", "ax = x @ Wx + b[0]", "ax = x @ Wx",
            "The first row of the bias plays no part in your step. It belongs to the product with the input."),
    Mistake(STEP, "recurrent_bias_missing", "ah = h_prev @ Wh + b[1]", "ah = h_prev @ Wh",
            "The second row of the bias plays no part in your step. It belongs to the product with the old state."),
    Mistake(STEP, "gates_without_old_state", "ah = h_prev @ Wh + b[1]", "ah = 0 * (h_prev @ Wh) + b[1]",
            "The recurrent kernel plays no part: neither the gates nor the candidate read the old state."),
    Mistake(STEP, "bias_rows_swapped", "    ax = x @ Wx", "    b = b[::-1]\n    ax = x @ Wx",
            "The two rows of the bias are used in each other's place. For the gates only their sum counts, so the "
            "candidate alone shows it: the reset gate acts on one row and not on the other."),
    Mistake(STEP, "both_biases_outside", "np.tanh(ax_h + r * ah_h)",
            "np.tanh(ax_h + b[1][2 * z.shape[1] :] + r * (ah_h - b[1][2 * z.shape[1] :]))",
            "The reset gate acts on the product with the old state and not on the bias that comes with it. Here it "
            "acts on both."),
    Mistake(STEP, "gate_order_rzh", "r = sigmoid(ax_r + ah_r)", "r = sigmoid(ax_r + ah_r); z, r = r, z",
            "The update gate and the reset gate have each other's slices of the kernels: here and in Keras the order "
            "is z, r, h. Other libraries start with the reset gate."),
    Mistake(STEP, "gate_order_on_one_side", "ah_z, ah_r, ah_h = np.split", "ah_r, ah_z, ah_h = np.split",
            "On the side of the old state the two gates have each other's slices. The order z, r, h holds for both "
            "kernels."),
    Mistake(STEP, "reset_before_product", "r * ah_h", "((r * h_prev) @ Wh[:, 2 * z.shape[1] :] + b[1][2 * z.shape[1] :])",
            "The reset gate acts before the matrix product, on the state itself. That is the original of 2014. In "
            "this exercise it acts after the product. With a diagonal kernel, or with gates that are all alike, you would "
            "not see it."),
    Mistake(STEP, "reset_missing", "np.tanh(ax_h + r * ah_h)", "np.tanh(ax_h + ah_h)",
            "The reset gate is not used. It decides how much the candidate hears of the past."),
    Mistake(STEP, "reset_on_the_whole_sum", "np.tanh(ax_h + r * ah_h)", "np.tanh(r * (ax_h + ah_h))",
            "The reset gate acts on the input's part too. It resets the past and leaves the present alone."),
    Mistake(STEP, "reset_outside", "np.tanh(ax_h + r * ah_h)", "r * np.tanh(ax_h + ah_h)",
            "The reset gate acts on the finished candidate. It belongs inside the squashing, on what comes from the "
            "old state."),
    Mistake(STEP, "reset_on_the_gates", "z = sigmoid(ax_z + ah_z)", "z = sigmoid(ax_z + sigmoid(ax_r + ah_r) * ah_z)",
            "The update gate sees a past that has been reset. Both gates read the old state as it is, and only the "
            "candidate sees it reset."),
    Mistake(STEP, "candidate_without_past", "np.tanh(ax_h + r * ah_h)", "np.tanh(ax_h)",
            "Your candidate is made from the input alone. It also hears the past, as far as the reset gate lets it."),
    Mistake(STEP, "gates_exchanged", "return z * h_prev + (1 - z) * h_tilde", "return r * h_prev + (1 - r) * h_tilde",
            "The reset gate mixes the old state and the candidate. That is the other gate's work."),
    Mistake(STEP, "update_reversed", "z * h_prev + (1 - z) * h_tilde", "(1 - z) * h_prev + z * h_tilde",
            "An open update gate replaces the state in your step. Texts differ in this, and here and in Keras it is "
            "the share that stays."),
    Mistake(STEP, "update_not_shared", "z * h_prev + (1 - z) * h_tilde", "z * h_prev + h_tilde",
            "The candidate enters whole, whatever stays of the old state. The new state is a mixture: the two shares "
            "add up to one."),
    Mistake(STEP, "no_update_gate", "return z * h_prev + (1 - z) * h_tilde", "return h_tilde",
            "The candidate is returned as the new state. What the update gate keeps of the old state is missing."),
    Mistake(STEP, "sigmoid_for_candidate", "h_tilde = np.tanh(ax_h + r * ah_h)", "h_tilde = sigmoid(ax_h + r * ah_h)",
            "Your candidate is never negative. It is a state and no gate: its range is symmetric."),
    Mistake(STEP, "output_squashed", "return z * h_prev + (1 - z) * h_tilde",
            "return np.tanh(z * h_prev + (1 - z) * h_tilde)",
            "The mixture is squashed once more. Both of its parts lie in range already, and squashing them at each "
            "step would wear the memory away."),
    Mistake(STEP, "state_edited", "return z * h_prev + (1 - z) * h_tilde",
            "h_prev *= z; return h_prev + (1 - z) * h_tilde",
            "The values are right, but the old state was changed in place. It belongs to the caller, who needs it for "
            "the way back."),
    # the step, backwards
    Mistake(STEP_BACK, "direct_path_missing", "dh_prev = dah @ Wh.T + dh * z", "dh_prev = dah @ Wh.T",
            "The gradient of the old state comes through the gates and the candidate alone. A share of the state stays "
            "as it is: that path is missing, and it is the one that makes a GRU remember."),
    Mistake(STEP_BACK, "only_direct_path", "dh_prev = dah @ Wh.T + dh * z", "dh_prev = dh * z",
            "The gradient of the old state holds the share that stays and nothing else. The state also enters the "
            "gates and the candidate."),
    Mistake(STEP_BACK, "old_state_from_the_input_side", "dh_prev = dah @ Wh.T", "dh_prev = dax @ Wh.T",
            "The gradient of the old state is made with what goes to the input's side. The two sides differ in the "
            "candidate: only one of them passes the reset gate."),
    Mistake(STEP_BACK, "direct_path_without_gate", "+ dh * z", "+ dh",
            "On the direct path the whole gradient reaches the old state. Only a share of the state stays."),
    Mistake(STEP_BACK, "direct_path_with_other_share", "+ dh * z", "+ dh * (1 - z)",
            "On the direct path the old state receives the candidate's share."),
    Mistake(STEP_BACK, "dz_sign", "dz = dh * (h_prev - h_tilde)", "dz = dh * (h_tilde - h_prev)",
            "The update gate's gradient has the wrong sign. What does an open update gate keep?"),
    Mistake(STEP_BACK, "dz_from_candidate_alone", "dz = dh * (h_prev - h_tilde)", "dz = -dh * h_tilde",
            "The update gate's gradient leaves out the old state. The gate stands twice in the mixture."),
    Mistake(STEP_BACK, "dz_from_state_alone", "dz = dh * (h_prev - h_tilde)", "dz = dh * h_prev",
            "The update gate's gradient leaves out the candidate. The gate stands twice in the mixture."),
    Mistake(STEP_BACK, "candidate_with_other_share", "dh_tilde = dh * (1 - z)", "dh_tilde = dh * z",
            "The candidate receives the share of the gradient that belongs to the old state."),
    Mistake(STEP_BACK, "candidate_without_share", "dh_tilde = dh * (1 - z)", "dh_tilde = dh",
            "The candidate receives the whole gradient. Only a share of it entered the new state."),
    Mistake(STEP_BACK, "dr_from_state", "dr = da_h * ah_h", "dr = da_h * h_prev",
            "The reset gate's gradient is made with the old state. That fits a reset before the product. What did the "
            "gate multiply here?"),
    Mistake(STEP_BACK, "dr_before_slope", "dr = da_h * ah_h", "dr = dh_tilde * ah_h",
            "The gradient reaches the reset gate without the slope of the candidate's squashing. The gate stands "
            "inside it."),
    Mistake(STEP_BACK, "dr_without_bias", "dr = da_h * ah_h", "dr = da_h * (ah_h - b[1][2 * z.shape[1] :])",
            "The reset gate's gradient leaves out the recurrent bias. Where the reset comes after the product, it acts "
            "on that bias too."),
    Mistake(STEP_BACK, "reset_missing", "[da_z, da_r, da_h * r]", "[da_z, da_r, da_h]",
            "On its way to the recurrent weights and to the old state, the candidate's gradient passes the reset gate "
            "as if it were wide open."),
    Mistake(STEP_BACK, "reset_on_the_input", "[da_z, da_r, da_h], axis=1)", "[da_z, da_r, da_h * r], axis=1)",
            "The reset gate stands in the gradients of the input's side too. It acts on the past alone."),
    Mistake(STEP_BACK, "update_slope_missing", "da_z = dz * z * (1 - z)", "da_z = dz",
            "The gradient passes the update gate's squashing as if it were a straight line. What is its slope?"),
    Mistake(STEP_BACK, "reset_slope_missing", "da_r = dr * r * (1 - r)", "da_r = dr",
            "The gradient passes the reset gate's squashing as if it were a straight line. What is its slope?"),
    Mistake(STEP_BACK, "candidate_slope_missing", "da_h = dh_tilde * (1 - h_tilde**2)", "da_h = dh_tilde * 1.0",
            "The gradient passes the candidate's squashing as if it were a straight line. What is its slope?"),
    Mistake(STEP_BACK, "candidate_slope_not_squared", "(1 - h_tilde**2)", "(1 - h_tilde)",
            "The slope of the candidate's squashing is nearly right: look at the power in tanh's derivative."),
    Mistake(STEP_BACK, "sigmoid_slope_for_candidate", "(1 - h_tilde**2)", "h_tilde * (1 - h_tilde)",
            "The candidate has the slope of the logistic function. It is squashed by another one."),
    Mistake(STEP_BACK, "tanh_slope_for_gate", "da_z = dz * z * (1 - z)", "da_z = dz * (1 - z**2)",
            "The update gate has the slope of tanh. It is squashed by another function."),
    Mistake(STEP_BACK, "sigmoid_twice", "da_r = dr * r * (1 - r)", "da_r = dr * sigmoid(r) * (1 - sigmoid(r))",
            "The reset gate is squashed a second time on the way to its slope. Its value is squashed already."),
    Mistake(STEP_BACK, "gate_order_rzh",
            "dax = np.concatenate([da_z, da_r, da_h], axis=1)",
            "dax = np.concatenate([da_r, da_z, da_h], axis=1); da_z, da_r = da_r, da_z",
            "The gradients of the three sums are put together in the order r, z, h. Here and in Keras the update gate "
            "comes first."),
    Mistake(STEP_BACK, "reset_gate_left_out", "dr = da_h * ah_h", "dr = 0 * da_h",
            "The reset gate receives no gradient. It is learned like the others."),
    Mistake(STEP_BACK, "new_state_in_dWh", "dWh = h_prev.T @ dah", "dWh = (z * h_prev + (1 - z) * h_tilde).T @ dah",
            "The recurrent kernel's gradient is made with the new state. Which state did the kernel multiply in the "
            "forward pass?"),
    Mistake(STEP_BACK, "reset_state_in_dWh", "dWh = h_prev.T @ dah", "dWh = (r * h_prev).T @ dah",
            "The recurrent kernel's gradient is made with a state that has been reset. Here the reset comes after the "
            "product."),
    Mistake(STEP_BACK, "one_side_for_both_kernels", "dWx = x.T @ dax", "dWx = x.T @ dah",
            "The kernel's gradient is made with what travels back on the recurrent side. The two sides differ by the "
            "reset gate."),
    Mistake(STEP_BACK, "recurrent_side_for_the_input", "dx = dax @ Wx.T", "dx = dah @ Wx.T",
            "The input's gradient is made with what travels back on the recurrent side. The two sides differ by the "
            "reset gate."),
    Mistake(STEP_BACK, "bias_rows_equal", "[dax.sum(axis=0), dah.sum(axis=0)]", "[dax.sum(axis=0), dax.sum(axis=0)]",
            "Both rows of the bias receive the same gradient. One of them stands behind the reset gate."),
    Mistake(STEP_BACK, "bias_rows_swapped", "[dax.sum(axis=0), dah.sum(axis=0)]", "[dah.sum(axis=0), dax.sum(axis=0)]",
            "The gradients of the two rows of the bias are in each other's place."),
    Mistake(STEP_BACK, "bias_of_one_row", "db = np.stack([dax.sum(axis=0), dah.sum(axis=0)])", "db = dax.sum(axis=0)",
            "The bias gradient has one row. Where the reset comes after the product, the bias has two."),
    Mistake(STEP_BACK, "bias_averaged", "[dax.sum(axis=0), dah.sum(axis=0)]", "[dax.mean(axis=0), dah.mean(axis=0)]",
            "The bias gradient is averaged over the batch. The bias is used once for each example: do those uses "
            "average, or add?"),
    Mistake(STEP_BACK, "kernel_averaged", "dWx = x.T @ dax", "dWx = x.T @ dax / len(x)",
            "The kernel gradient is averaged over the batch. If there is an average, it is already in the upstream "
            "gradient."),
    Mistake(STEP_BACK, "recurrent_kernel_averaged", "dWh = h_prev.T @ dah", "dWh = h_prev.T @ dah / len(x)",
            "The recurrent kernel's gradient is averaged over the batch. If there is an average, it is already in the "
            "upstream gradient."),
    Mistake(STEP_BACK, "everything_averaged", "    dz = dh * (h_prev - h_tilde)",
            "    dh = dh / len(x)\n    dz = dh * (h_prev - h_tilde)",
            "Every gradient is divided by the batch size. The loss has already decided between sum and mean: the "
            "upstream gradient carries that."),
    Mistake(STEP_BACK, "kernels_swapped", "return dx, dh_prev, dWx, dWh, db", "return dx, dh_prev, dWh, dWx, db",
            "The gradients of the two kernels are returned in each other's place: see the stated order."),
    Mistake(STEP_BACK, "sign", "    dz = dh * (h_prev - h_tilde)", "    dh = -dh\n    dz = dh * (h_prev - h_tilde)",
            "Every gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(STEP_BACK, "upstream_edited", "dh_prev = dah @ Wh.T + dh * z", "dh *= z; dh_prev = dah @ Wh.T + dh",
            "The values are right, but the upstream gradient `dh` was changed in place. It belongs to the caller, who "
            "may need it again."),
    # the Keras cell
    Mistake(CELL, "bias_of_one_row", "bias_shape = (2, 3 * units) if self.reset_after else (3 * units,)",
            "bias_shape = (3 * units,)",
            "The bias has one row in both conventions. Where the reset comes after the product, the input and the old "
            "state need a row each."),
    Mistake(CELL, "bias_of_two_rows", "bias_shape = (2, 3 * units) if self.reset_after else (3 * units,)",
            "bias_shape = (2, 3 * units)",
            "The bias has two rows in both conventions. Where the reset comes before the product, one row is all that "
            "can matter."),
    Mistake(CELL, "bias_starts_from_one", 'initializer="zeros", name="bias"', 'initializer="ones", name="bias"',
            "The bias does not start from zero."),
    Mistake(CELL, "bias_not_registered", 'self.bias = self.add_weight(shape=bias_shape, initializer="zeros", name="bias")',
            "self.bias = ops.zeros(bias_shape, dtype=self.dtype)",
            "The bias is not a weight of the layer, so no optimizer will ever change it. A plain tensor kept on the "
            "layer is not registered."),
    Mistake(CELL, "kernel_not_trainable", 'initializer="glorot_uniform", name="kernel"',
            'initializer="glorot_uniform", name="kernel", trainable=False',
            "The kernel is registered, but not as a trainable weight: training would leave it as it is."),
    Mistake(CELL, "weight_not_named", 'initializer="orthogonal", name="recurrent_kernel"',
            'initializer="orthogonal", name="U"',
            "The recurrent kernel is right but for the name of its weight. Keras' own recurrent layers call it "
            "otherwise, and saved files go by these names."),
    Mistake(CELL, "always_after", "            ah_h = ops.matmul(r * h_prev, Wh_h)\n            h_tilde = ops.tanh(ax_h + ah_h)",
            "            h_tilde = ops.tanh(ax_h + r * ops.matmul(h_prev, Wh_h))",
            "The reset gate acts after the product in both conventions. With `reset_after=False` the state is reset "
            "before the kernel sees it."),
    Mistake(CELL, "always_before", "ah_h = ops.matmul(h_prev, Wh_h) + bh_h\n            h_tilde = ops.tanh(ax_h + r * ah_h)",
            "ah_h = ops.matmul(r * h_prev, Wh_h) + bh_h\n            h_tilde = ops.tanh(ax_h + ah_h)",
            "The reset gate acts before the product in both conventions. With `reset_after=True` the product comes "
            "first."),
    Mistake(CELL, "conventions_exchanged", "        if self.reset_after:\n            ah_h",
            "        if not self.reset_after:\n            ah_h",
            "The two conventions are taken for each other. The name says when the reset gate acts, seen from the "
            "matrix product."),
    Mistake(CELL, "reset_without_bias", "h_tilde = ops.tanh(ax_h + r * ah_h)",
            "h_tilde = ops.tanh(ax_h + r * (ah_h - bh_h) + bh_h)",
            "With the reset after the product, the gate acts on the product and not on its bias. It acts on both."),
    Mistake(CELL, "reset_missing", "h_tilde = ops.tanh(ax_h + r * ah_h)", "h_tilde = ops.tanh(ax_h + ah_h)",
            "With the reset after the product, the reset gate is not used at all."),
    Mistake(CELL, "bias_rows_swapped", "b_x, b_h = self.bias[0], self.bias[1]", "b_h, b_x = self.bias[0], self.bias[1]",
            "The two rows of the bias are used in each other's place. For the gates only their sum counts, so the "
            "candidate alone shows it."),
    Mistake(CELL, "gate_order_rzh", "z = ops.sigmoid(ax_z + ops.matmul(h_prev, Wh_z) + bh_z)\n        r = ops.sigmoid(ax_r + ops.matmul(h_prev, Wh_r) + bh_r)",
            "r = ops.sigmoid(ax_z + ops.matmul(h_prev, Wh_z) + bh_z)\n        z = ops.sigmoid(ax_r + ops.matmul(h_prev, Wh_r) + bh_r)",
            "The update gate and the reset gate have each other's slices, so weights from a Keras layer do not fit. "
            "The order is z, r, h. Other libraries start with the reset gate."),
    Mistake(CELL, "update_reversed", "h = z * h_prev + (1 - z) * h_tilde", "h = (1 - z) * h_prev + z * h_tilde",
            "An open update gate replaces the state in your cell. Texts differ in this, and here and in Keras it is "
            "the share that stays."),
    Mistake(CELL, "sigmoid_for_candidate", "h_tilde = ops.tanh(ax_h + r * ah_h)", "h_tilde = ops.sigmoid(ax_h + r * ah_h)",
            "Your candidate is never negative with the reset after the product. It is a state and no gate."),
    Mistake(CELL, "candidate_as_output", "return h, [h]", "return h_tilde, [h]",
            "The output is the candidate. The state that `call` hands on is right, and it is also the output."),
    Mistake(CELL, "old_state_returned", "return h, [h]", "return h, [h_prev]",
            "The new state that `call` returns is the old one, so every step starts from the same past."),
    Mistake(CELL, "candidate_as_state", "return h, [h]", "return h, [h_tilde]",
            "The candidate is handed on as the new state, so what the update gate kept is lost at the next step."),
    Mistake(CELL, "numpy_in_call", "h = z * h_prev + (1 - z) * h_tilde",
            "h = ops.convert_to_tensor(np.asarray(z * h_prev + (1 - z) * h_tilde))",
            "The outputs are right and no gradient gets through: a NumPy call inside `call` leaves the graph."),
    Mistake(CELL, "stop_gradient", "h_prev = states[0]", "h_prev = ops.stop_gradient(states[0])",
            "No gradient flows back to the previous state: something in `call` stops it there."),
    Mistake(CELL, "float32_inside", "ax = ops.matmul(inputs, self.kernel)",
            'ax = ops.cast(ops.cast(ops.matmul(inputs, self.kernel), "float32"), inputs.dtype)',
            "Somewhere in `call` numbers pass through float32: in a float64 layer half of the digits are lost."),
    Mistake(CELL, "config_without_units", '"units": self.units, ', "",
            "The config lacks an argument of `__init__`, so a saved model cannot be loaded."),
    Mistake(CELL, "config_without_reset_after", ', "reset_after": self.reset_after', "",
            "The config does not say when the reset gate acts. A cell that is made again falls back on the default, "
            "and its bias has another shape."),
    Mistake(CELL, "config_without_super", "{**super().get_config(), ", "{",
            "The config lacks what the base class puts into it, the dtype among it, so a cell that is made again is "
            "not the same."),
    Mistake(CELL, "initial_state_dtype", ", dtype=self.compute_dtype)]", ")]",
            "The initial state has Keras' default dtype, whatever the dtype of the cell."),
    Mistake(CELL, "initial_state_without_batch", "ops.zeros((batch_size, self.units)", "ops.zeros((self.units,)",
            "The initial state has no batch axis."),
    Mistake(CELL, "initial_state_not_zero", "[ops.zeros((batch_size, self.units)", "[ops.ones((batch_size, self.units)",
            "The state before the first step is not zero."),
    Mistake(CELL, "kernel_of_equal_numbers", 'initializer="glorot_uniform"', 'initializer="zeros"',
            "The kernel starts from one number throughout, so all units read the input alike. What it starts from is stated."),
    Mistake(CELL, "recurrent_kernel_not_orthogonal", 'initializer="orthogonal"', 'initializer="glorot_uniform"',
            "The recurrent kernel does not start orthogonal. What it starts from is stated; it decides how far back a gradient reaches before anything is learned."),
]  # fmt: skip
