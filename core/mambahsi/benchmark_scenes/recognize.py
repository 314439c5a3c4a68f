"""Which scene the files hold, and which arrays are its cube and its labels.

The number of rows, columns and bands tells the scenes apart: no two of the catalog share rows and
columns. Names decide only between arrays that fit equally well. Where the user names the scene,
another number of bands is accepted, too, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mambahsi.benchmark_scenes.arrays import StoredArray, listed
from mambahsi.benchmark_scenes.catalog import BenchmarkScene, catalog
from mambahsi.benchmark_scenes.files import list_file, list_folder
from mambahsi.benchmark_scenes.names import TEST, TRAINING, is_usual, part_of, says_labels
from mambahsi.errors import LabelsError, SceneError

Axes = tuple[int, int, int]
"""Which axes of a cube are its rows, columns and bands."""

_ORDERS: tuple[Axes, ...] = ((0, 1, 2), (1, 2, 0))


@dataclass(frozen=True)
class LabelMap:
    """A map of labels, or of a part of them.

    Attributes:
        array: Where it lies.
        part: ``training`` or ``test`` where it holds that part alone, else empty.
    """

    array: StoredArray
    part: str = ""


@dataclass(frozen=True)
class SceneFiles:
    """The files of a scene.

    Attributes:
        scene: Which scene it is.
        cube: Where its measurements lie.
        axes: Which axes of the cube are rows, columns and bands.
        labels: Its label map, or its training and its test map.
        notes: What the user should know.
    """

    scene: BenchmarkScene
    cube: StoredArray
    axes: Axes
    labels: tuple[LabelMap, ...]
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The scene's key."""
        return self.scene.key

    @property
    def bands(self) -> int:
        """Bands of the cube."""
        return self.cube.shape[self.axes[2]]


def find_scene(
    path: str | Path,
    key: str | None = None,
    *,
    ground_truth: str | Path | None = None,
    test_ground_truth: str | Path | None = None,
    variable: str = "",
    ground_truth_variable: str = "",
) -> SceneFiles:
    """Recognize a scene and find its arrays; none of them is read.

    Args:
        path: File of the cube, or a folder. The labels are found beside the file, or in the
            folder and its direct subfolders.
        key: Key of the scene, or None to recognize it.
        ground_truth: File or folder of the label map, or of the training map.
        test_ground_truth: File of the test map, where there are two.
        variable: Name of the cube's variable, where a file holds several; empty finds it.
        ground_truth_variable: The same for the label map.

    Raises:
        SceneError: No scene, several scenes or several cubes are found, or a file is damaged.
        LabelsError: No label map, or several, are found.
    """
    if key is not None and key not in catalog:
        raise SceneError(
            f"There is no benchmark scene {key!r}.", f"Known scenes: {', '.join(catalog)}."
        )
    if not str(path).strip():
        raise SceneError("No file is given.", "Give the file of the cube, or its folder.")
    path = Path(path)
    is_folder = path.is_dir()
    if is_folder:
        arrays, problems = list_folder(path, subfolders=True)
    else:
        arrays, problems = list_file(path), []
    where = f"{path}: found {listed(arrays)}."
    if problems:
        where += f" Not readable: {'; '.join(problems)}"
    scene, cube, axes = _find_cube(arrays, key, variable, where)
    notes = []
    if cube.shape[axes[2]] not in scene.bands:
        notes.append(
            f"{scene.title} usually has {' or '.join(map(str, scene.bands))} bands; "
            f"{cube.label} has {cube.shape[axes[2]]}."
        )
    if ground_truth or test_ground_truth:
        labels = _given_labels(scene, cube, ground_truth, test_ground_truth, ground_truth_variable)
    else:
        beside = arrays if is_folder else [*arrays, *list_folder(path.absolute().parent)[0]]
        labels = _found_labels(scene, cube, beside, ground_truth_variable)
    return SceneFiles(scene, cube, axes, labels, tuple(notes))


def _find_cube(
    arrays: Sequence[StoredArray], key: str | None, variable: str, where: str
) -> tuple[BenchmarkScene, StoredArray, Axes]:
    named = [array for array in arrays if not variable or array.name == variable]
    if variable and not named:
        raise SceneError(f"There is no variable {variable!r} in {where}", "Check its name.")
    scenes = [catalog[key]] if key else list(catalog.values())
    fitting = [
        (scene, array, axes)
        for scene in scenes
        for array in named
        if array.is_numeric and (axes := _cube_axes(array, scene, any_bands=key is not None))
    ]
    if not fitting:
        raise _no_cube(scenes, key, named, where)
    found = {scene.key for scene, _, _ in fitting}
    if len(found) > 1:
        titles = ", ".join(f"{catalog[name].title} ({name})" for name in found)
        raise SceneError(
            f"Several benchmark scenes lie there: {titles}.",
            "Name the one to take, or give its file.",
        )
    ranked = sorted(fitting, key=lambda fit: _rank(fit[0], fit[1], fit[2]))
    best = [fit for fit in ranked if _rank(*fit) == _rank(*ranked[0])]
    if len(best) > 1:
        raise SceneError(
            f"Several arrays may be the cube of {best[0][0].title}: "
            f"{listed([array for _, array, _ in best])}.",
            "Give the file itself, and the name of the variable where it holds several.",
        )
    return best[0]


def _rank(scene: BenchmarkScene, array: StoredArray, axes: Axes) -> tuple[int, tuple[int, int]]:
    bands = array.shape[axes[2]]
    version = scene.bands.index(bands) if bands in scene.bands else len(scene.bands)
    return version, is_usual(array, scene.names)


def _cube_axes(array: StoredArray, scene: BenchmarkScene, any_bands: bool) -> Axes | None:
    if len(array.shape) != 3:
        return None
    for axes in _ORDERS:
        rows, columns, bands = (array.shape[axis] for axis in axes)
        fits = bands > 1 if any_bands else bands in scene.bands
        if (rows, columns) == (scene.rows, scene.columns) and fits:
            return axes
    return None


def _no_cube(
    scenes: Iterable[BenchmarkScene], key: str | None, arrays: Sequence[StoredArray], where: str
) -> SceneError:
    """What is wrong, told from the arrays that come closest."""
    hint = "Give the file of the cube, or name the scene."
    for scene in scenes:
        for array in arrays:
            sides = sorted(array.shape)
            if len(sides) != 3 or not {scene.rows, scene.columns} <= set(sides):
                continue
            if not array.is_numeric:
                return SceneError(
                    f"{array} has the size of {scene.title}, but holds no real numbers.",
                    "Save it as an array of numbers.",
                )
            if not key and _cube_axes(array, scene, any_bands=True):
                return SceneError(
                    f"{array}: {scene.title} needs {scene.size}. {where}",
                    f"If it is that scene in another version, name it: {scene.key}.",
                )
            if not _cube_axes(array, scene, any_bands=True):
                return SceneError(
                    f"{array}: {scene.title} needs {scene.size}, with rows before columns. {where}",
                    "Its axes may be exchanged; save it as rows, columns, bands.",
                )
    if key:
        return SceneError(f"{catalog[key].title} needs {catalog[key].size}. {where}", hint)
    sizes = "; ".join(f"{s.title} {s.rows} x {s.columns} x {s.bands[0]}" for s in scenes)
    return SceneError(f"No benchmark scene has one of these sizes. {where}", f"Known: {sizes}.")


def _given_labels(
    scene: BenchmarkScene,
    cube: StoredArray,
    ground_truth: str | Path | None,
    test_ground_truth: str | Path | None,
    variable: str,
) -> tuple[LabelMap, ...]:
    if not ground_truth:
        raise LabelsError(
            f"A test map ({test_ground_truth}) is given without the training map.",
            "Give both.",
        )
    path = Path(ground_truth)
    if path.is_dir() and not test_ground_truth:
        return _found_labels(scene, cube, list_folder(path)[0], variable)
    first = _one_map(scene, cube, path, variable)
    if not test_ground_truth:
        return (LabelMap(first),)
    second = _one_map(scene, cube, Path(test_ground_truth), variable)
    return LabelMap(first, TRAINING), LabelMap(second, TEST)


def _one_map(scene: BenchmarkScene, cube: StoredArray, path: Path, variable: str) -> StoredArray:
    arrays = list_file(path)
    fitting = _label_maps(scene, cube, arrays, variable)
    if not fitting:
        raise LabelsError(
            f"{path}: {scene.title} needs a label map of {scene.rows} rows and {scene.columns} "
            f"columns; found {listed(arrays)}."
        )
    named = [array for array in fitting if says_labels(array)] if len(fitting) > 1 else fitting
    if len(named) != 1:
        raise LabelsError(
            f"{path}: several arrays may be the label map: {listed(fitting)}.",
            "Name the variable.",
        )
    return named[0]


def _found_labels(
    scene: BenchmarkScene, cube: StoredArray, arrays: Sequence[StoredArray], variable: str
) -> tuple[LabelMap, ...]:
    fitting = _label_maps(scene, cube, arrays, variable)
    whole = [array for array in fitting if not part_of(array)]
    sure = [array for array in whole if says_labels(array)] or whole
    if len(sure) > 1:
        beside = [array for array in sure if _is_own(array, cube)]
        sure = beside if len(beside) == 1 else sure
    if len(sure) == 1 and (says_labels(sure[0]) or len(fitting) == 1):
        return (LabelMap(sure[0]),)
    parts = [[a for a in fitting if part_of(a) == part] for part in (TRAINING, TEST)]
    if scene.has_official_split and all(len(arrays) == 1 for arrays in parts):
        return LabelMap(parts[0][0], TRAINING), LabelMap(parts[1][0], TEST)
    if len(sure) == 1:
        return (LabelMap(sure[0]),)
    if not fitting:
        raise LabelsError(
            f"No label map of {scene.title} ({scene.rows} rows, {scene.columns} columns) is found "
            f"beside {cube.path}.",
            "Give the file of the ground truth.",
        )
    raise LabelsError(
        f"Several arrays may be the label map of {scene.title}: {listed(list(fitting))}.",
        "Give the file of the ground truth, and the name of the variable where it holds several.",
    )


def _is_own(array: StoredArray, cube: StoredArray) -> bool:
    """Whether a label map is named after a cube: ``PaviaU_gt.mat`` after ``PaviaU.mat``."""
    own = cube.path.stem.lower().removesuffix("_corrected")
    return array.path == cube.path or array.path.stem.lower().startswith(own)


def _label_maps(
    scene: BenchmarkScene, cube: StoredArray, arrays: Iterable[StoredArray], variable: str
) -> list[StoredArray]:
    """The arrays of the scene's rows and columns, without the cube."""
    size = (scene.rows, scene.columns)
    return [
        array
        for array in dict.fromkeys(arrays)
        if array != cube
        and array.is_numeric
        and tuple(length for length in array.shape if length != 1) == size
        and (not variable or array.name == variable or array.form in ("raster", "npy", "roi"))
    ]
