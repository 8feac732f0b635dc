"""Two ways to look at many vectors: a tree of clusters and a plane."""

import numpy as np


def average_linkage(vectors: np.ndarray) -> np.ndarray:
    """Cluster vectors bottom up, by the mean distance between the members of two clusters.

    Args:
        vectors: one row per item, at least two. Shape (items, features), float64.

    Returns:
        One row per merge, nearest first: the two clusters joined (items are 0 … items - 1, merge k makes
        cluster items + k), their mean Euclidean distance, and the number of items in the new cluster.
        Shape (items - 1, 4), float64.

    Raises:
        ValueError: if there are fewer than two vectors.

    Source: Sokal and Michener 1958 (UPGMA).
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise ValueError(
            "`vectors` must be an array of two or more rows. "
            f"Received: shape {vectors.shape}. Example: average_linkage(np.eye(3))."
        )
    items = len(vectors)
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)  # (items, items)
    np.fill_diagonal(distance, np.inf)
    name = list(range(items))
    size = np.ones(items)
    merges = np.zeros((items - 1, 4))
    for k in range(items - 1):
        i, j = sorted(np.unravel_index(np.argmin(distance), distance.shape))
        merges[k] = (*sorted((name[i], name[j])), distance[i, j], size[i] + size[j])
        row = (size[i] * distance[i] + size[j] * distance[j]) / (size[i] + size[j])
        row[[i, j]] = np.inf
        distance[i], distance[:, i] = row, row
        distance[j], distance[:, j] = np.inf, np.inf
        size[i] += size[j]
        name[i] = items + k
    return merges


def leaf_order(merges: np.ndarray) -> list[int]:
    """List the items in the order in which a tree without crossing branches shows them.

    Args:
        merges: what `average_linkage` returned. Shape (items - 1, 4).

    Returns:
        The items' indices, each once.
    """
    items = len(merges) + 1
    members: dict[int, list[int]] = {i: [i] for i in range(items)}
    for k, (a, b, _, _) in enumerate(merges):
        members[items + k] = members.pop(int(a)) + members.pop(int(b))
    return members[2 * items - 2]


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project vectors on the two directions in which they vary most.

    Args:
        vectors: one row per item. Shape (items, features), float64.

    Returns:
        (positions, shares): the coordinates, shape (items, 2), and the share of the variance that each
        direction holds, shape (2,).

    Source: Pearson 1901 (principal components).
    """
    centred = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :2] * s[:2], s[:2] ** 2 / np.sum(s**2)
