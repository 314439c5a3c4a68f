"""A random forest as plain arrays (Breiman 2001, doi:10.1023/A:1010933404324).

Every tree is a row of nodes. An inner node sends a pixel to ``left`` where the band ``feature``
is at most ``threshold``, else to ``right``; a leaf has no children and names a row of
``distributions``, the shares of the classes among the training pixels that fell into it. The
forest's probability of a class is the mean of these shares over the trees.

The nodes are walked by scikit-learn's own trees, which are compiled. They are rebuilt with the
node type that the installed version has, asked for at run time, which works alike for versions
1.5 to 1.9. Compiled code believes what it is given, so the arrays are checked before: children
lie behind their parent in the same tree, hence every walk ends, and bands exist.

Scores are logarithms of probabilities, so that their softmax gives these back. Two things are
done to them first. They are rounded to multiples of 2^-24: ties are frequent among a few hundred
trees, and without it rounding errors would decide between tied classes; now the first one wins.
And they are at least 1e-5, since the logarithm of nothing is no number; no tree of a forest of
a few hundred tells so small a share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mambahsi.classifiers.interface import CheckedArrays, Damaged, PixelClassifier

FLOOR = 1e-5
"""Least probability of a class."""

_STEPS = 2.0**24
_BLOCK_PIXELS = 4096
_ARRAYS = {"roots", "left", "right", "feature", "threshold", "row", "distributions", "present"}
_NODE_BYTES = 100
"""Memory of a node, here and in scikit-learn."""


class Forest(PixelClassifier):
    """A random forest.

    Args:
        arrays: ``roots`` int64 (trees + 1,), where each tree's nodes begin and the last one's
            end; by node ``left`` and ``right`` int32 (numbers within the tree, -1 in a leaf),
            ``feature`` int32 and ``threshold`` float64 (0 in a leaf), ``row`` int32 (0 in an inner
            node); ``distributions`` float64 (rows, known classes); ``present`` int64, the indices
            of the known classes. They must have been checked.
        bands: Bands of a pixel.
        classes: Number of classes.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], bands: int, classes: int) -> None:
        self.bands = bands
        self.classes = classes
        self._arrays = dict(arrays)
        self._trees = _rebuild(self._arrays, bands)

    @classmethod
    def of(cls, estimator: Any, bands: int, classes: int) -> Forest:
        """The forest that scikit-learn has fitted.

        Args:
            estimator: A fitted ``RandomForestClassifier`` whose labels are class indices.
            bands: Bands of a pixel.
            classes: Number of classes.
        """
        trees = [tree.tree_ for tree in estimator.estimators_]
        present = np.asarray(estimator.classes_, dtype=np.int64)
        # Most leaves are of one class, and mixed ones repeat, too: each mixture is kept once.
        rows = {row.tobytes(): number for number, row in enumerate(np.eye(len(present)))}
        parts: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS - {"roots", "present"}}
        for tree in trees:
            leaf = tree.children_left < 0
            values = tree.value[leaf, 0, :]
            values = np.ascontiguousarray(values / values.sum(axis=1, keepdims=True))
            mixtures, which = np.unique(values, axis=0, return_inverse=True)
            numbers = [rows.setdefault(row.tobytes(), len(rows)) for row in mixtures]
            row = np.zeros(tree.node_count, dtype=np.int32)
            row[leaf] = np.array(numbers, dtype=np.int32)[which.reshape(-1)]
            parts["left"].append(tree.children_left.astype(np.int32))
            parts["right"].append(tree.children_right.astype(np.int32))
            parts["feature"].append(np.where(leaf, 0, tree.feature).astype(np.int32))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["row"].append(row)
        arrays = {name: np.concatenate(part) for name, part in parts.items() if part}
        arrays["distributions"] = np.stack([np.frombuffer(row) for row in rows])
        arrays["roots"] = np.cumsum([0, *(tree.node_count for tree in trees)], dtype=np.int64)
        arrays["present"] = present
        return cls(arrays, bands, classes)

    @classmethod
    def restore(cls, tensors: Mapping[str, torch.Tensor], bands: int, classes: int) -> Forest:
        """The forest of a model file.

        Raises:
            Damaged: The arrays are no forest for these bands and classes.
        """
        given = CheckedArrays(tensors, _ARRAYS)
        roots = given.take("roots", torch.int64, None)
        left = given.take("left", torch.int32, None)
        nodes = len(left)
        right = given.take("right", torch.int32, nodes)
        feature = given.take("feature", torch.int32, nodes)
        threshold = given.take("threshold", torch.float64, nodes)
        row = given.take("row", torch.int32, nodes)
        present = given.present(classes)
        distributions = given.take("distributions", torch.float64, None, len(present))
        # Compared, not subtracted: differences of numbers without a bound may wrap around, and
        # what is repeated below by sizes that do would be written beyond its end.
        rising = (roots[1:] > roots[:-1]).all()
        if len(roots) < 2 or roots[0] != 0 or roots[-1] != nodes or not rising:
            raise Damaged("roots does not divide the nodes into trees")
        sizes = np.diff(roots)
        size = np.repeat(sizes, sizes)
        number = np.arange(nodes) - np.repeat(roots[:-1], sizes)
        leaf = left == -1
        if (leaf != (right == -1)).any():
            raise Damaged("a node has one child")
        for name, child in (("left", left), ("right", right)):
            if not (leaf | ((child > number) & (child < size))).all():
                raise Damaged(f"{name} names a node that is not behind its parent in the tree")
        if not (leaf | ((feature >= 0) & (feature < bands))).all():
            raise Damaged(f"feature names a band that is none of {bands}")
        if not ((row >= 0) & (row < len(distributions))).all():
            raise Damaged("row names a distribution that is not there")
        sums = distributions.sum(axis=1)
        if (distributions < 0).any() or not np.allclose(sums, 1.0, rtol=0, atol=1e-6):
            raise Damaged("distributions does not hold shares")
        arrays = {
            "roots": roots,
            "left": left,
            "right": right,
            "feature": feature,
            "threshold": threshold,
            "row": row,
            "distributions": distributions,
            "present": present,
        }
        return cls(arrays, bands, classes)

    @property
    def block_pixels(self) -> int:
        return _BLOCK_PIXELS

    @property
    def held_bytes(self) -> int:
        return _NODE_BYTES * len(self._arrays["left"]) + self._arrays["distributions"].nbytes

    @property
    def block_bytes(self) -> int:
        return 8 * _BLOCK_PIXELS * (3 * self.classes + self.bands)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        distributions = self._arrays["distributions"]
        total = np.zeros((len(pixels), distributions.shape[1]))
        for tree, rows in self._trees:
            total += distributions[rows[tree.apply(pixels)]]
        shares = np.rint(total * (_STEPS / len(self._trees))) / _STEPS
        found = np.full((len(pixels), self.classes), np.log(FLOOR))
        found[:, self._arrays["present"]] = np.log(np.maximum(shares, FLOOR))
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        return dict(self._arrays)


def _rebuild(arrays: Mapping[str, np.ndarray], bands: int) -> list[tuple[Any, np.ndarray]]:
    """Each tree as scikit-learn's, and the row of the distributions by node."""
    from sklearn.tree._tree import Tree

    # Leaves are found by number, so the trees themselves need no values.
    single = np.array([1], dtype=np.intp)
    dtype = Tree(bands, single, 1).__getstate__()["nodes"].dtype
    trees = []
    for start, stop in zip(arrays["roots"][:-1], arrays["roots"][1:], strict=True):
        count = int(stop - start)
        nodes = np.zeros(count, dtype=dtype)
        leaf = arrays["left"][start:stop] == -1
        nodes["left_child"] = arrays["left"][start:stop]
        nodes["right_child"] = arrays["right"][start:stop]
        nodes["feature"] = np.where(leaf, -2, arrays["feature"][start:stop])
        nodes["threshold"] = np.where(leaf, -2.0, arrays["threshold"][start:stop])
        tree = Tree(bands, single, 1)
        # The depth only matters to those who ask for it; no walk is longer than this.
        values = np.zeros((count, 1, 1))
        tree.__setstate__(
            {"max_depth": count, "node_count": count, "nodes": nodes, "values": values}
        )
        trees.append((tree, arrays["row"][start:stop]))
    return trees
