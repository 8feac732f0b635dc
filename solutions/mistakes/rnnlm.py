"""Wrong answers to the exercises of the language model."""

from solutions.mistakes import Mistake

LOOKUP = "rnnlm.embedding_forward"
LOOKUP_BACK = "rnnlm.embedding_backward"
AFFINE = "rnnlm.affine_forward"
AFFINE_BACK = "rnnlm.affine_backward"
LOSS = "rnnlm.softmax_loss"
LOSS_BACK = "rnnlm.softmax_loss_backward"
PERPLEXITY = "rnnlm.perplexity"
STREAMS = "rnnlm.stream_batches"

MISTAKES = [
    # the embedding
    Mistake(LOOKUP, "ids_from_one", "return table[ids]", "return table[ids - 1]",
            "Each word has the row of its neighbour. The words are counted from 0, and so are the rows."),
    Mistake(LOOKUP, "time_first", "return table[ids]", "return table[ids.T]",
            "Time is the first axis of your result. The stated shape is (batch, time, units)."),
    Mistake(LOOKUP, "columns", "return table[ids]", "return table[:, ids]",
            "The words pick columns of the table. A word's vector is a row: the first axis belongs to the vocabulary."),
    Mistake(LOOKUP, "single_numbers", "return table[ids]", "return np.take(table, ids)",
            "Each word has become a single number, read from the table as if it were one long row. Each word has a "
            "vector."),
    Mistake(LOOKUP, "one_hot", "return table[ids]", "return np.eye(len(table))[ids]",
            "Your vectors are one-hot: all 0 but for a single 1. They say which word it is. What does the table say of it?"),
    Mistake(LOOKUP, "word_zero_erased", "return table[ids]", "return table[ids] * (ids > 0)[..., np.newaxis]",
            "Word 0 has a vector of zeros, as if it were padding. Here it is a word like the others."),
    Mistake(LOOKUP, "words_added_up", "return table[ids]", "return table[ids].sum(axis=1)",
            "The vectors of a sequence are added up, so the order of the words is lost. Each step keeps its own."),
    Mistake(LOOKUP, "squashed", "return table[ids]", "return np.tanh(table[ids])",
            "The rows are squashed on their way. An embedding hands them on as they are."),
    # the embedding, backwards
    Mistake(LOOKUP_BACK, "repeats_overwritten", "np.add.at(dtable, ids, dx)", "dtable[ids] += dx",
            "A word that occurs several times has the gradient of one occurrence only. Adding through an index array "
            "writes each row once, however often it is named there."),
    Mistake(LOOKUP_BACK, "first_use_only", "np.add.at(dtable, ids, dx)",
            "words, first = np.unique(ids, return_index=True); dtable[words] = dx.reshape(-1, dx.shape[-1])[first]",
            "Of a word that occurs several times only the first occurrence counts. Every use adds to its row's gradient."),
    Mistake(LOOKUP_BACK, "repeats_averaged", "np.add.at(dtable, ids, dx)",
            "np.add.at(dtable, ids, dx); dtable /= np.maximum(np.bincount(ids.ravel(), minlength=len(table)), 1)[:, np.newaxis]",
            "The gradient of a row is averaged over the word's occurrences. Uses of a shared weight add up."),
    Mistake(LOOKUP_BACK, "mean_over_batch", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, dx / len(ids))",
            "The gradient is divided by the batch size. If there is an average, the upstream gradient already carries it."),
    Mistake(LOOKUP_BACK, "mean_over_time", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, dx / ids.shape[1])",
            "The gradient is divided by the number of steps. Uses of a shared weight add up."),
    Mistake(LOOKUP_BACK, "mean_over_tokens", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, dx / ids.size)",
            "The gradient is divided by the number of tokens. If there is an average, the loss has taken it, and the "
            "upstream gradient carries it."),
    Mistake(LOOKUP_BACK, "last_step_only", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids[:, -1], dx[:, -1])",
            "Only the last step reaches the table. Every step has read from it."),
    Mistake(LOOKUP_BACK, "first_sequence_only", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids[0], dx[0])",
            "Only the first sequence of the batch reaches the table. All of them have read from it."),
    Mistake(LOOKUP_BACK, "ids_from_one", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids - 1, dx)",
            "Each word's gradient arrives at its neighbour's row. The words are counted from 0, and so are the rows."),
    Mistake(LOOKUP_BACK, "word_zero_left_out", "np.add.at(dtable, ids, dx)",
            "np.add.at(dtable, ids, dx * (ids > 0)[..., np.newaxis])",
            "Word 0 gets no gradient, as if it were padding. Here it is a word like the others."),
    Mistake(LOOKUP_BACK, "upstream_ignored", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, np.ones_like(dx))",
            "The words are counted, and the upstream gradient plays no part."),
    Mistake(LOOKUP_BACK, "times_the_row", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, dx * table[ids])",
            "The gradient is multiplied by the row itself. A row is only copied: what is the slope of a copy?"),
    Mistake(LOOKUP_BACK, "sign", "np.add.at(dtable, ids, dx)", "np.subtract.at(dtable, ids, dx)",
            "The gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(LOOKUP_BACK, "added_to_the_table", "dtable = np.zeros_like(table)", "dtable = table.copy()",
            "The gradient is added to the words' vectors. It is a quantity of its own, and starts from nothing."),
    Mistake(LOOKUP_BACK, "table_edited", "dtable = np.zeros_like(table)", "dtable = table",
            "The table itself was changed: the gradient is added into the array that the caller gave you. It needs an "
            "array of its own."),
    Mistake(LOOKUP_BACK, "absent_words_left_out", "return dtable", "return dtable[np.unique(ids)]",
            "There are rows only for the words that occur. The gradient has the shape of the table."),
    # the scores
    Mistake(AFFINE, "no_bias", "h @ W + b", "h @ W + 0 * b", "The output bias plays no part in your scores: every word has one."),
    Mistake(AFFINE, "squashed", "h @ W + b", "np.tanh(h @ W + b)",
            "The scores are squashed. This layer is linear: a score may be any number."),
    Mistake(AFFINE, "probabilities", "h @ W + b",
            "np.exp(h @ W + b) / np.exp(h @ W + b).sum(axis=-1, keepdims=True)",
            "You return probabilities. Scores are asked for: making probabilities of them belongs to the loss."),
    Mistake(AFFINE, "only_last_step", "h @ W + b", "h[:, -1] @ W + b",
            "Only the last step has scores. A language model guesses the next word at every step."),
    Mistake(AFFINE, "state_delayed", "h @ W + b", "np.roll(h, 1, axis=1) @ W + b",
            "Each step's scores are read from the hidden state of another step. Check the time index."),
    # the scores, backwards
    Mistake(AFFINE_BACK, "dW_one_step", 'np.einsum("btu,btv->uv", h, dscores)', "h[:, 0].T @ dscores[:, 0]",
            "Only the first step reaches the gradient of W. The same W is used at every step: its uses add up."),
    Mistake(AFFINE_BACK, "dW_last_step", 'np.einsum("btu,btv->uv", h, dscores)', "h[:, -1].T @ dscores[:, -1]",
            "Only the last step reaches the gradient of W. The same W is used at every step: its uses add up."),
    Mistake(AFFINE_BACK, "dW_sums_multiplied", 'np.einsum("btu,btv->uv", h, dscores)',
            "np.outer(h.sum(axis=(0, 1)), dscores.sum(axis=(0, 1)))",
            "The hidden states are summed first, and the upstream gradients too, and then they are multiplied. Each "
            "state meets the gradient of its own step and its own sequence."),
    Mistake(AFFINE_BACK, "dW_mean_over_time", 'np.einsum("btu,btv->uv", h, dscores)',
            'np.einsum("btu,btv->uv", h, dscores) / h.shape[1]',
            "The gradient of W is averaged over time. Uses of a shared weight add up."),
    Mistake(AFFINE_BACK, "dW_mean_over_batch", 'np.einsum("btu,btv->uv", h, dscores)',
            'np.einsum("btu,btv->uv", h, dscores) / len(h)',
            "The gradient of W is averaged over the batch. If there is an average, the upstream gradient already carries it."),
    Mistake(AFFINE_BACK, "dW_mean_over_tokens", 'np.einsum("btu,btv->uv", h, dscores)',
            'np.einsum("btu,btv->uv", h, dscores) / h[..., 0].size',
            "The gradient of W is averaged over all tokens. The loss has taken that mean already, and the upstream "
            "gradient carries it."),
    Mistake(AFFINE_BACK, "db_averaged", "dscores.sum(axis=(0, 1))", "dscores.mean(axis=(0, 1))",
            "The gradient of the bias is averaged. It is used once for each step of each sequence: do those uses "
            "average, or add?"),
    Mistake(AFFINE_BACK, "db_not_summed_over_time", "dscores.sum(axis=(0, 1))", "dscores.sum(axis=0)",
            "The gradient of the bias still has one row for each step. One bias served them all."),
    Mistake(AFFINE_BACK, "db_not_summed_over_batch", "dscores.sum(axis=(0, 1))", "dscores.sum(axis=1)",
            "The gradient of the bias still has one row for each sequence. One bias served them all."),
    Mistake(AFFINE_BACK, "db_last_step", "dscores.sum(axis=(0, 1))", "dscores[:, -1].sum(axis=0)",
            "Only the last step reaches the gradient of the bias."),
    Mistake(AFFINE_BACK, "squashing_that_is_not_there", "dh = dscores @ W.T", "dh = (dscores @ W.T) * (1 - h**2)",
            "The gradient of h includes the slope of a squashing function. The scores are linear in h: that slope "
            "belongs to the step that made h."),
    Mistake(AFFINE_BACK, "forward_for_dh", "dh = dscores @ W.T", "dh = h * W.sum(axis=1)",
            "The gradient of h does not depend on the upstream gradient. What the loss says of the scores has to come "
            "back through W."),
    # the loss
    Mistake(LOSS, "no_max_shift", "scores - scores.max(axis=-1, keepdims=True)", "scores",
            "Your loss is infinite where scores are large: an exponential overflowed, or the logarithm met a "
            "probability that had become 0. Make the scores harmless before you take exponentials."),
    Mistake(LOSS, "not_a_number",
            "shifted = scores - scores.max(axis=-1, keepdims=True)  # (batch, time, vocabulary)\n"
            "    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
            "log_p = np.log(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))",
            "Your loss is not a number where scores are large. The exponentials of a token overflowed, or all became "
            "0, and then they were divided by one another. Make the scores of each token harmless first."),
    Mistake(LOSS, "one_shift_for_all", "scores.max(axis=-1, keepdims=True)", "scores.max()",
            "All tokens are shifted by the same number. The largest score of all suits one token. For another it can be "
            "so large that all its exponentials become 0."),
    Mistake(LOSS, "probabilities_as_scores", "shifted = scores -",
            "scores = np.exp(scores - scores.max(axis=-1, keepdims=True)); scores = scores / scores.sum(axis=-1, keepdims=True); shifted = scores -",
            "Softmax is applied twice: the second time it takes probabilities for scores, and makes them nearly equal."),
    Mistake(LOSS, "normalised_over_time",
            "shifted = scores - scores.max(axis=-1, keepdims=True)  # (batch, time, vocabulary)\n"
            "    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
            "shifted = scores - scores.max(axis=1, keepdims=True)\n"
            "    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
            "The probabilities of one word at all steps add up to 1. It is the words that compete with one another, at "
            "each step."),
    Mistake(LOSS, "scores_for_log_probabilities", "np.take_along_axis(log_p,", "np.take_along_axis(shifted,",
            "The scores are not normalised: what you take for the log-probability of the target is its score alone. The "
            "other words must have a say."),
    Mistake(LOSS, "targets_moved_again", "targets[..., np.newaxis]", "np.roll(targets, -1, axis=1)[..., np.newaxis]",
            "Each vector of scores is compared with the target of the next step. The targets are already one step ahead "
            "of the inputs."),
    Mistake(LOSS, "targets_from_one", "targets[..., np.newaxis]", "targets[..., np.newaxis] - 1",
            "Each target is taken for its neighbour in the vocabulary. Words are counted from 0."),
    Mistake(LOSS, "no_logarithm", "surprise = -np.take_along_axis(log_p,", "surprise = -np.take_along_axis(np.exp(log_p),",
            "You average probabilities, with a minus sign. The likelihood of a text is a product: what turns it into a sum?"),
    Mistake(LOSS, "logarithm_of_the_mean", "surprise[mask].mean()", "-np.log(np.exp(-surprise[mask]).mean())",
            "The probabilities are averaged first, and the logarithm is taken of the mean. Mean and logarithm do not "
            "change places."),
    Mistake(LOSS, "bits", "surprise[mask].mean()", "surprise[mask].mean() / np.log(2)",
            "Your loss is in bits: the logarithm has base 2. Nats are asked for."),
    Mistake(LOSS, "sign", "surprise = -np.take", "surprise = np.take",
            "You return the log-likelihood itself. Training makes the loss small, so it needs the other sign."),
    Mistake(LOSS, "sum_for_mean", "surprise[mask].mean()", "surprise[mask].sum()",
            "Your loss is a sum over the tokens. The mean is asked for: it does not grow with the length of the text."),
    Mistake(LOSS, "mean_over_time", "surprise[mask].mean()", "surprise[mask].sum() / scores.shape[1]",
            "The sum over all tokens is divided by the number of steps. How many tokens are in it?"),
    Mistake(LOSS, "mean_over_batch", "surprise[mask].mean()", "surprise[mask].sum() / len(scores)",
            "The sum over all tokens is divided by the number of sequences. How many tokens are in it?"),
    Mistake(LOSS, "padding_counted", "surprise[mask].mean()", "surprise.mean()",
            "Padding counts like words. The mask says which tokens there really are."),
    Mistake(LOSS, "divided_by_all_tokens", "surprise[mask].mean()", "surprise[mask].sum() / mask.size",
            "Padding adds nothing to your sum, and still counts in the number that you divide by."),
    Mistake(LOSS, "padding_guessed", "surprise[mask].mean()",
            "np.where(mask, surprise, np.log(scores.shape[-1])).mean()",
            "Padding counts as if all words were equally likely there: setting its scores to 0 does not take it out of "
            "the mean."),
    Mistake(LOSS, "mask_inverted", "surprise[mask].mean()", "surprise[~mask].mean()",
            "You average over the padding. True in the mask stands for a token that counts."),
    Mistake(LOSS, "padding_told_by_word_zero", "surprise[mask].mean()", "surprise[targets != 0].mean()",
            "Tokens whose target is word 0 are taken for padding. Word 0 can be a word like the others: ask the mask."),
    Mistake(LOSS, "mean_of_means", "surprise[mask].mean()",
            "((surprise * mask).sum(axis=1) / mask.sum(axis=1)).mean()",
            "Each sequence is averaged first, and then the sequences are. So the tokens of a short sequence count more "
            "than those of a long one."),
    Mistake(LOSS, "perplexity_returned", "surprise[mask].mean()", "np.exp(surprise[mask].mean())",
            "That is the perplexity already. The loss is asked for, in nats."),
    # the loss, backwards
    Mistake(LOSS_BACK, "target_forgotten", "(p - one_hot)", "p",
            "The gradient does not know the target: it pushes every word down, the right one too. The score of the "
            "target enters the loss twice. Which of the two is missing?"),
    Mistake(LOSS_BACK, "target_pushed_down", "(p - one_hot)", "(p + one_hot)",
            "Your gradient pushes the target down harder than any other word. Raising the target's score makes the loss smaller."),
    Mistake(LOSS_BACK, "sign", "(p - one_hot)", "(one_hot - p)",
            "The gradient has the wrong sign: it points where the loss falls. A gradient points where it grows."),
    Mistake(LOSS_BACK, "all_targets_everywhere", "(p - one_hot)", "(p - np.isin(np.arange(scores.shape[-1]), targets))",
            "At every token 1 is taken away for the targets of all tokens. Indexing with a whole array of targets names "
            "these columns everywhere: each token has one target of its own."),
    Mistake(LOSS_BACK, "gradient_of_probabilities", "(p - one_hot)", "(-one_hot / p)",
            "That is the gradient with respect to the probabilities. The scores lie one step further back, behind softmax."),
    Mistake(LOSS_BACK, "slope_of_sigmoid", "(p - one_hot)", "(p * (1 - p))",
            "That is how a probability changes with its own score. The loss sees the target's probability, which changes "
            "with the scores of all words."),
    Mistake(LOSS_BACK, "slope_taken_twice", "(p - one_hot)", "((p - one_hot) * p * (1 - p))",
            "The slope of softmax is in your gradient twice. The difference of probability and target already contains it."),
    Mistake(LOSS_BACK, "not_divided", " * counts / mask.sum()", " * counts",
            "Every gradient is too large by the same factor, the number of tokens that count. The loss is a mean."),
    Mistake(LOSS_BACK, "divided_by_all_tokens", "/ mask.sum()", "/ mask.size",
            "The gradient is divided by the number of all tokens, padding included. The loss is a mean over those that count."),
    Mistake(LOSS_BACK, "mean_over_time", "/ mask.sum()", "/ scores.shape[1]",
            "The gradient is divided by the number of steps. The loss is a mean over all tokens that count."),
    Mistake(LOSS_BACK, "mean_over_batch", "/ mask.sum()", "/ len(scores)",
            "The gradient is divided by the number of sequences. The loss is a mean over all tokens that count."),
    Mistake(LOSS_BACK, "padding_counted", " * counts / mask.sum()", " / mask.size",
            "Padding is treated like words, in the gradient and in the number that it is divided by."),
    Mistake(LOSS_BACK, "padding_gets_a_gradient", " * counts / mask.sum()", " / mask.sum()",
            "Scores of padding get a gradient. They are not in the loss at all."),
    Mistake(LOSS_BACK, "mask_on_the_target_only", "(p - one_hot) * counts", "(p - one_hot * counts)",
            "At padding the target is left out, and the probabilities are still there. Scores of padding are not in the "
            "loss at all."),
    Mistake(LOSS_BACK, "upstream_ignored", "return dloss * ", "return 1.0 * ",
            "The upstream gradient plays no part. The loss may be one term of a larger one, or be weighted."),
    Mistake(LOSS_BACK, "bits", "/ mask.sum()", "/ mask.sum() / np.log(2)",
            "That is the gradient of a loss in bits. Nats are asked for."),
    Mistake(LOSS_BACK, "targets_moved_again", "[targets]", "[np.roll(targets, -1, axis=1)]",
            "Each token is given the target of the next step. The targets are already one step ahead of the inputs."),
    Mistake(LOSS_BACK, "targets_from_one", "[targets]", "[targets - 1]",
            "Each target is taken for its neighbour in the vocabulary. Words are counted from 0."),
    Mistake(LOSS_BACK, "padding_told_by_word_zero", "counts = mask[..., np.newaxis]",
            "mask = targets != 0; counts = mask[..., np.newaxis]",
            "Tokens whose target is word 0 are taken for padding. Word 0 can be a word like the others: ask the mask."),
    Mistake(LOSS_BACK, "probabilities_as_scores", "one_hot = ",
            "p = np.exp(p) / np.exp(p).sum(axis=-1, keepdims=True); one_hot = ",
            "Softmax is applied twice: the second time it takes probabilities for scores, and makes them nearly equal."),
    Mistake(LOSS_BACK, "normalised_over_time",
            "p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)",
            "p = np.exp(scores - scores.max(axis=1, keepdims=True)); p = p / p.sum(axis=1, keepdims=True)",
            "The probabilities of one word at all steps add up to 1. It is the words that compete with one another, at "
            "each step."),
    Mistake(LOSS_BACK, "no_max_shift",
            "p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)",
            "p = np.exp(scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True)))",
            "Where scores are large, your probabilities are all 0: the exponentials overflowed. Make the scores harmless "
            "before you take exponentials."),
    Mistake(LOSS_BACK, "scores_edited", "shifted = scores - scores.max(axis=-1, keepdims=True)",
            "shifted = scores; shifted -= scores.max(axis=-1, keepdims=True)",
            "The values are right, but the scores were changed in place. They belong to the caller, who may need them again."),
    # the perplexity
    Mistake(PERPLEXITY, "mean_of_means", "np.exp(total / counts.sum())", "np.exp(losses.mean())",
            "Every batch counts the same, so a token of a short batch counts more than one of a long batch. The mean goes "
            "over tokens."),
    Mistake(PERPLEXITY, "mean_of_perplexities", "np.exp(total / counts.sum())", "np.exp(losses).mean()",
            "You take the perplexity of each batch and average those. The exponential comes last: it does not change "
            "places with a mean."),
    Mistake(PERPLEXITY, "weighted_mean_of_perplexities", "np.exp(total / counts.sum())",
            "(np.exp(losses) * counts).sum() / counts.sum()",
            "The tokens are counted rightly, but it is perplexities that are averaged. The exponential comes last: it does "
            "not change places with a mean."),
    Mistake(PERPLEXITY, "two_to_the_nats", "np.exp(total / counts.sum())", "2 ** (total / counts.sum())",
            "2 is raised to a loss in nats. That goes with a loss in bits: base of the logarithm and base of the power "
            "must agree."),
    Mistake(PERPLEXITY, "loss_returned", "np.exp(total / counts.sum())", "total / counts.sum()",
            "That is the mean loss over all tokens, and rightly so. The perplexity is one step further."),
    Mistake(PERPLEXITY, "divided_by_batches", "np.exp(total / counts.sum())", "np.exp(total / len(losses))",
            "The loss of all tokens is divided by the number of batches. How many tokens share it?"),
    Mistake(PERPLEXITY, "means_taken_for_sums", "total = (losses * counts).sum()", "total = losses.sum()",
            "The losses are added up as they are and divided by the number of tokens. Each of them is already a mean over "
            "its batch."),
    Mistake(PERPLEXITY, "probability", "np.exp(total / counts.sum())", "np.exp(-total / counts.sum())",
            "That is the (geometric) mean probability of a token, below 1. The perplexity grows where that falls."),
    Mistake(PERPLEXITY, "last_batch", "np.exp(total / counts.sum())", "np.exp(losses[-1])",
            "Only the last batch counts. The perplexity is one of the whole text."),
    Mistake(PERPLEXITY, "losses_added", "np.exp(total / counts.sum())", "np.exp(losses.sum())",
            "The mean losses of the batches are added up. More text would make the model look worse."),
    # the streams
    Mistake(STREAMS, "text_dealt_out", ".reshape(batch, length)", ".reshape(length, batch).T",
            "The text is dealt out like cards: neighbouring tokens end up in different streams. A stream is one "
            "contiguous piece of the text."),
    Mistake(STREAMS, "blocks_from_one_piece", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "n = blocks * batch * time\n    return ids[:n].reshape(blocks, batch, time), ids[1 : n + 1].reshape(blocks, batch, time)",
            "The text fills one block after the other, row by row. So no row goes on where the same row of the block "
            "before stopped, and a carried state would belong to another place of the text."),
    Mistake(STREAMS, "axes_reshaped", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "return inputs.reshape(blocks, batch, time), targets.reshape(blocks, batch, time)",
            "The pieces are right, and they are not in their places: the shape was changed where two axes should change "
            "places. So the rows of one block belong to one stream."),
    Mistake(STREAMS, "batch_first", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)", "return inputs, targets",
            "The streams are the first axis of your result. The stated shape is (blocks, batch, time)."),
    Mistake(STREAMS, "time_before_batch", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "return inputs.transpose(1, 2, 0), targets.transpose(1, 2, 0)",
            "Within a block time comes before the streams. The stated shape is (blocks, batch, time)."),
    Mistake(STREAMS, "targets_not_shifted", "streams[:, 1 : blocks * time + 1]", "streams[:, : blocks * time]",
            "The targets are the inputs. So the model would learn to repeat what it has just read: it should say what "
            "comes next."),
    Mistake(STREAMS, "targets_before", "streams[:, 1 : blocks * time + 1]", "np.roll(streams, 1, axis=1)[:, : blocks * time]",
            "The targets are one step behind the inputs. The word to guess comes after the word that was read."),
    Mistake(STREAMS, "targets_two_ahead", "streams[:, 1 : blocks * time + 1]", "streams[:, 2 : blocks * time + 2]",
            "The targets are two steps ahead of the inputs. The next word is to be guessed."),
    Mistake(STREAMS, "targets_a_block_ahead", "streams[:, 1 : blocks * time + 1]",
            "streams[:, time : blocks * time + time]",
            "The targets are a whole block ahead of the inputs. The next word is to be guessed."),
    Mistake(STREAMS, "targets_wrap_in_the_block", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "return inputs.swapaxes(0, 1), np.roll(inputs, -1, axis=2).swapaxes(0, 1)",
            "The last target of each row is the row's own first word. What comes after the last word of a block stands in "
            "the stream, at the start of the next block."),
    Mistake(STREAMS, "inputs_and_targets_swapped", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "return targets.swapaxes(0, 1), inputs.swapaxes(0, 1)",
            "Inputs and targets are returned in each other's place: see the stated order."),
    Mistake(STREAMS, "end_of_the_text", "ids[: batch * length]", "ids[-batch * length :]",
            "The tokens that do not fit are dropped at the start of the text. They are to be dropped at its end."),
    Mistake(STREAMS, "last_target_forgotten", "(length - 1) // time", "length // time",
            "The last token of a stream has no target, and you count it among the inputs. So the last block lacks a target."),
    Mistake(STREAMS, "one_block_too_few", "(length - 1) // time", "(length - 1) // time - 1",
            "A full block at the end of the streams is dropped."),
    Mistake(STREAMS, "blocks_overlap", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "starts = np.arange(blocks)[:, np.newaxis] + np.arange(time)\n"
            "    return streams[:, starts].swapaxes(0, 1), streams[:, starts + 1].swapaxes(0, 1)",
            "Each block starts one token after the block before. It should start where that one ended."),
    Mistake(STREAMS, "one_token_lost_between_blocks", "return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)",
            "pieces = np.arange(length // (time + 1) * (time + 1)).reshape(-1, time + 1)\n"
            "    return streams[:, pieces[:, :-1]].swapaxes(0, 1), streams[:, pieces[:, 1:]].swapaxes(0, 1)",
            "Between two blocks one token is never read: it is the last target of one block, and it should be the first "
            "input of the next one too."),
]  # fmt: skip
