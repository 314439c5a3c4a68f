"""What the engine can be asked to do: one frozen dataclass per job.

This is the only place where a default value lives. The command line builds its options
from these fields; the QGIS plugin, which cannot import the engine, loads this one file by
its path (so it uses the standard library alone, and Python 3.9) to fill its dialogs and to
check a job before it is sent. A job crosses the process boundary as JSON of plain values,
``{"job": KIND, ...fields}``.

Paths may be anything that GDAL opens: files, subdatasets, ``/vsi`` paths.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

PROTOCOLS = ("spatial", "random", "blocks")
"""How labeled pixels are divided: whole polygons apart from each other, the paper's random
pixels, or square blocks of the scene apart from each other."""

BENCHMARK_PROTOCOLS = ("random", "buffered", "polygons")
"""How a benchmark divides the labels of its scene: the paper's random pixels, blocks with a
buffer between them, or whole polygons."""

CLASS_WEIGHTS = ("none", "balanced")
NETWORK = "mambahsi"
"""The classifier that is the network; the others look at single pixels."""

CLASSIFIERS = (NETWORK, "forest", "svm")
DEVICES = ("auto", "cpu", "cuda", *(f"cuda:{number}" for number in range(8)))
"""Where a network may run; ``cuda`` is the first GPU, ``cuda:1`` the second one, and so on."""

VARIANTS = ("auto", "cpu", "cuda")
"""Builds of PyTorch that an engine can be installed with."""

PRECISIONS = ("float32", "bfloat16")
"""What a network's products are computed in. With bfloat16, which takes a GPU that has it, what
goes into them is rounded; weights, sums, statistics and states stay float32."""

ENGINE_PYTHONS = ((3, 10), (3, 13))
"""Oldest and newest Python that the engine's packages are locked for."""

SCANS = ("auto", "reference", "cpu", "torch", "triton", "mamba_ssm")

RECOGNIZE = "recognize"
"""Stands for the benchmark scene that the files turn out to hold."""

BENCHMARK_SCENES = (
    "pavia_university",
    "pavia_centre",
    "salinas",
    "salinas_a",
    "botswana",
    "ksc",
    "houston_2013",
    "whu_hi_hanchuan",
    "whu_hi_honghu",
    "whu_hi_longkou",
    "indian_pines",
)

DESIGNS = ("auto", "none", "simple", "stratified")
"""How a reference was chosen: as the layer itself says; not at random; at random from the
whole map; at random from each stratum."""

ALLOCATIONS = ("rare", "proportional", "equal")
"""How sample points are shared among classes: a fixed number for rare ones and the rest by
area; all by area; the same number each."""

AREA_UNITS = ("pixels", "hectares")
"""What a minimum mapping unit is given in."""

CONNECTIVITIES = ("4", "8")
"""Neighbors by which pixels of one class are one region: across edges, or across corners too."""

UNSURE_BELOW = 0.5
"""A pixel of lower confidence is called unsure: its class is more likely wrong than right."""

SAMPLE_FIELDS = ("stratum", "stratum_pixels", "stratum_ha")
"""Fields of a drawn sample's points: stratum, and its size in pixels and hectares. Whoever hands
a sample over has to hand them over, too."""


@dataclass(frozen=True)
class Preset:
    """A network configuration under a name."""

    hidden_dim: int
    mamba_type: str
    description: str


PRESETS: dict[str, Preset] = {
    "paper": Preset(128, "both", "the published network: spatial and spectral branch, width 128"),
    "compact": Preset(64, "both", "both branches at half the width"),
    "spatial": Preset(128, "spa", "the spatial branch alone"),
    "spectral": Preset(128, "spe", "the spectral branch alone"),
}


class JobError(ValueError):
    """A job that cannot be run as it is written; names the field and the value."""

    code = "job"
    exit_status = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class RasterSource:
    """A raster, with what the user's project knows better than the file.

    Attributes:
        path: GDAL source string.
        crs: CRS as WKT or ``EPSG:n`` that replaces the file's; empty keeps the file's.
        nodata: A further value that means nodata in every band, or None.
        name: Name for messages and reports; empty takes the file's.
    """

    path: str
    crs: str = ""
    nodata: Optional[float] = None
    name: str = ""


@dataclass(frozen=True)
class VectorSource:
    """A layer of labeled polygons or points.

    Attributes:
        path: File that OGR opens.
        layer: Layer inside it; empty takes the first.
        crs: CRS that replaces the layer's; empty keeps the layer's.
        name: Name for messages and reports; empty takes the file's.
        temporary: Whether the file is a copy that is gone after the run.
    """

    path: str
    layer: str = ""
    crs: str = ""
    name: str = ""
    temporary: bool = field(default=False, metadata={"internal": True})


@dataclass(frozen=True)
class TrainJob:
    """Train a model on a scene and labels, and write a model file.

    Attributes:
        scene: The scene.
        labels: Polygons or points with a class field.
        class_field: Field of integers or text that holds the class.
        model: Model file to write.
        name_field: Field with class names, or empty.
        color_field: Field with class colors, or empty.
        protocol: How labeled pixels are divided into parts, one of :data:`PROTOCOLS`.
        validation: Separate layer whose pixels choose the checkpoint, or None.
        test: Separate layer whose pixels are the only source of reported accuracy, or None.
        validation_share: Share of a class's labeled pixels for validation (spatial,
            blocks).
        test_share: Share of a class's labeled pixels for the test (spatial; blocks
            without folds).
        buffer: Unused pixels between the parts (spatial, blocks): a pixel that tests is farther
            than this from every pixel that trains or validates.
        block_size: Rows and columns of a block in pixels (blocks; every protocol resamples
            blocks of this size for the intervals of its accuracy).
        folds: Number of parts for a cross-validation over space, of which one tests; 0 takes
            the shares instead (blocks).
        fold: Which of the folds tests, from 0 (blocks).
        sampled: Use only train_pixels and validation_pixels of each class from the parts
            (spatial, blocks).
        train_pixels: Training pixels per class, half as many of a class of no more than that
            (random; the others if sampled).
        validation_pixels: Validation pixels per class (random; the others if sampled).
        classifier: The network (mambahsi), or a random forest (forest) or a support vector machine
            (svm) on single pixels, which use no setting of the network, one of :data:`CLASSIFIERS`.
        compare: Fit the other classifiers of single pixels, too, and test them on the same pixels.
        preset: Network configuration, one of :data:`PRESETS`.
        epochs: Passes over the training pixels; one optimizer step each on a whole scene.
        learning_rate: Learning rate of Adam.
        seed: Seed of initial weights and split.
        class_weights: How the classes count in the loss, one of :data:`CLASS_WEIGHTS`.
        patience: Epochs without better validation accuracy before stopping; 0 never stops.
        window: Rows and columns of the windows to train and classify in, a multiple of 4; 0
            takes the whole scene where the memory allows, else windows as large as it allows.
        row_halves: Make one optimizer step on each of two halves of the scene's rows, as the
            published training of Houston and HanChuan does; all else sees the whole scene.
        device: Where the network runs, one of :data:`DEVICES`.
        scan: Implementation of the selective scan, one of :data:`SCANS`.
        precision: What products of the network are computed in, one of :data:`PRECISIONS`;
            bfloat16 takes a GPU that has it, and gives slightly other models and maps.
        threads: Threads of the CPU; 0 takes the physical cores.
        memory: Memory budget in GB (1e9 bytes); 0 takes a safe share of what is free.
        resume: Go on from the checkpoint beside the model file.
        report: HTML report to write, or empty.
    """

    scene: RasterSource
    labels: VectorSource
    class_field: str
    model: str
    name_field: str = ""
    color_field: str = ""
    protocol: str = field(default="spatial", metadata={"choices": PROTOCOLS})
    validation: Optional[VectorSource] = None
    test: Optional[VectorSource] = None
    validation_share: float = field(default=0.2, metadata={"minimum": 0.01, "maximum": 0.9})
    test_share: float = field(default=0.3, metadata={"minimum": 0.01, "maximum": 0.9})
    buffer: int = field(default=2, metadata={"minimum": 0, "maximum": 1000})
    block_size: int = field(default=32, metadata={"minimum": 1, "maximum": 10_000})
    folds: int = field(default=0, metadata={"minimum": 0, "maximum": 100})
    fold: int = field(default=0, metadata={"minimum": 0, "maximum": 99})
    sampled: bool = False
    train_pixels: int = field(default=30, metadata={"minimum": 1})
    validation_pixels: int = field(default=10, metadata={"minimum": 1})
    classifier: str = field(default=NETWORK, metadata={"choices": CLASSIFIERS})
    compare: bool = False
    preset: str = field(default="paper", metadata={"choices": tuple(PRESETS)})
    epochs: int = field(default=200, metadata={"minimum": 1, "maximum": 1_000_000})
    learning_rate: float = field(default=3e-4, metadata={"minimum": 1e-9, "maximum": 10.0})
    seed: int = field(default=0, metadata={"minimum": 0, "maximum": 2**32 - 1})
    class_weights: str = field(default="none", metadata={"choices": CLASS_WEIGHTS})
    patience: int = field(default=0, metadata={"minimum": 0})
    window: int = field(default=0, metadata={"minimum": 0, "maximum": 4096})
    row_halves: bool = False
    device: str = field(default="auto", metadata={"choices": DEVICES})
    scan: str = field(default="auto", metadata={"choices": SCANS})
    precision: str = field(default="float32", metadata={"choices": PRECISIONS})
    threads: int = field(default=0, metadata={"minimum": 0, "maximum": 1024})
    memory: float = field(default=0.0, metadata={"minimum": 0.0})
    resume: bool = False
    report: str = ""


@dataclass(frozen=True)
class ClassifyJob:
    """Classify a whole scene with a model, and write the land-cover map.

    Attributes:
        scene: The scene.
        model: Model file.
        classification: GeoTIFF of class values to write.
        confidence: GeoTIFF of the largest class probability to write, or empty.
        probabilities: GeoTIFF of all class probabilities to write, or empty.
        margin: GeoTIFF to write of the largest less the second largest probability, or empty.
        entropy: GeoTIFF to write of the entropy of the probabilities, 0 to 1, or empty.
        device: Where the network runs, one of :data:`DEVICES`.
        scan: Implementation of the selective scan, one of :data:`SCANS`.
        precision: What products of the network are computed in, one of :data:`PRECISIONS`;
            bfloat16 takes a GPU that has it, and gives slightly other models and maps.
        threads: Threads of the CPU; 0 takes the physical cores.
        memory: Memory budget in GB (1e9 bytes); 0 takes a safe share of what is free.
    """

    scene: RasterSource
    model: str
    classification: str
    confidence: str = ""
    probabilities: str = ""
    margin: str = ""
    entropy: str = ""
    device: str = field(default="auto", metadata={"choices": DEVICES})
    scan: str = field(default="auto", metadata={"choices": SCANS})
    precision: str = field(default="float32", metadata={"choices": PRECISIONS})
    threads: int = field(default=0, metadata={"minimum": 0, "maximum": 1024})
    memory: float = field(default=0.0, metadata={"minimum": 0.0})


@dataclass(frozen=True)
class TrainAndClassifyJob:
    """Train a model and classify the same scene with it, in one run.

    Attributes:
        train: The training.
        classification: GeoTIFF of class values to write.
        confidence: GeoTIFF of the largest class probability to write, or empty.
        probabilities: GeoTIFF of all class probabilities to write, or empty.
        margin: GeoTIFF to write of the largest less the second largest probability, or empty.
        entropy: GeoTIFF to write of the entropy of the probabilities, 0 to 1, or empty.
    """

    train: TrainJob
    classification: str
    confidence: str = ""
    probabilities: str = ""
    margin: str = ""
    entropy: str = ""


@dataclass(frozen=True)
class CrossValidateJob:
    """Train once for each fold of the labels, and pool what the left-out folds say.

    Attributes:
        train: The training, with protocol blocks and folds; its model names those of the folds
            (MODEL.fold0, ...), its report is about all of them.
        table: JSON file of all figures to write, or empty.
    """

    train: TrainJob
    table: str = ""


@dataclass(frozen=True)
class AssessJob:
    """Compare a land-cover map with reference polygons, points or a reference raster.

    Attributes:
        classification: The map.
        reference: Polygons or points with a class field, or None.
        reference_raster: Raster of class values on the same grid, or None.
        class_field: Field of the reference layer that holds the class.
        design: How the reference points were chosen, one of :data:`DESIGNS`; points chosen at
            random give accuracy by area, and class areas with intervals. ``auto`` recognizes
            a sample that ``sampledesign`` drew.
        report: HTML report to write, or empty.
        table: JSON file of all figures to write, or empty.
        areas: CSV file of class areas and accuracy by area to write, or empty.
    """

    classification: RasterSource
    reference: Optional[VectorSource] = None
    reference_raster: Optional[RasterSource] = None
    class_field: str = ""
    design: str = field(default="auto", metadata={"choices": DESIGNS})
    report: str = ""
    table: str = ""
    areas: str = ""


@dataclass(frozen=True)
class SampleDesignJob:
    """Draw a stratified random sample of a map's pixels, to be interpreted as reference.

    Attributes:
        classification: The map, whose classes are the strata.
        sample: GeoPackage of points to write.
        size: Points in all; 0 takes as many as the standard error needs.
        standard_error: Standard error that overall accuracy is to have.
        accuracy: User's accuracy to expect of every class.
        accuracies: Classes for which another user's accuracy is to be expected, such as
            ``3=0.6, 7=0.75``.
        allocation: How points are shared among classes, one of :data:`ALLOCATIONS`.
        minimum: Points of a rare class; 50 to 100 are usual.
        seed: Seed of the draw.
    """

    classification: RasterSource
    sample: str
    size: int = field(default=0, metadata={"minimum": 0, "maximum": 10_000_000})
    standard_error: float = field(default=0.01, metadata={"minimum": 0.0001, "maximum": 0.5})
    accuracy: float = field(default=0.8, metadata={"minimum": 0.01, "maximum": 0.99})
    accuracies: str = ""
    allocation: str = field(default="rare", metadata={"choices": ALLOCATIONS})
    minimum: int = field(default=50, metadata={"minimum": 2, "maximum": 100_000})
    seed: int = field(default=0, metadata={"minimum": 0, "maximum": 2**32 - 1})


@dataclass(frozen=True)
class ExportLandCoverJob:
    """Turn a land-cover map into polygons with names, colors and areas.

    Attributes:
        classification: The map.
        polygons: GeoPackage to write, with its style inside.
        areas: CSV file to write of the area of every class, or empty.
        sieved: GeoTIFF to write of the map as the polygons show it, or empty.
        minimum_area: Minimum mapping unit: smaller regions are given to their largest neighbor,
            the smallest first; 0 leaves the map as it is.
        unit: Unit of minimum_area, one of :data:`AREA_UNITS`.
        connectivity: Neighbors of a pixel, one of :data:`CONNECTIVITIES`.
        dissolve: Write one feature for each class instead of one for each region.
    """

    classification: RasterSource
    polygons: str
    areas: str = ""
    sieved: str = ""
    minimum_area: float = field(default=0.0, metadata={"minimum": 0.0, "maximum": 1e12})
    unit: str = field(default="pixels", metadata={"choices": AREA_UNITS})
    connectivity: str = field(default="4", metadata={"choices": CONNECTIVITIES})
    dissolve: bool = False


@dataclass(frozen=True)
class SignaturesJob:
    """Describe the spectra of labeled pixels: mean and spread of each class over wavelength.

    Attributes:
        scene: The scene.
        labels: Polygons or points with a class field.
        class_field: Field of integers or text that holds the class.
        name_field: Field with class names, or empty.
        color_field: Field with class colors, or empty.
        report: HTML report to write, or empty.
        csv: CSV file of the signatures to write, or empty.
        table: JSON file of all figures to write, or empty.
    """

    scene: RasterSource
    labels: VectorSource
    class_field: str
    name_field: str = ""
    color_field: str = ""
    report: str = ""
    csv: str = ""
    table: str = ""


@dataclass(frozen=True)
class SeparabilityJob:
    """Tell how far apart the classes of labeled pixels are: Jeffries-Matusita distances.

    Attributes:
        scene: The scene.
        labels: Polygons or points with a class field.
        class_field: Field of integers or text that holds the class.
        name_field: Field with class names, or empty.
        color_field: Field with class colors, or empty.
        components: Principal components to compare classes in where there are more bands; 0
            compares them in all bands, in which nearly all classes come out as apart.
        report: HTML report to write, or empty.
        csv: CSV file of the distances to write, or empty.
        table: JSON file of all figures to write, or empty.
    """

    scene: RasterSource
    labels: VectorSource
    class_field: str
    name_field: str = ""
    color_field: str = ""
    components: int = field(default=10, metadata={"minimum": 0, "maximum": 1000})
    report: str = ""
    csv: str = ""
    table: str = ""


@dataclass(frozen=True)
class CheckSamplesJob:
    """Look at labeled pixels while they are being drawn: signatures, separability, warnings.

    It leaves no record, because what it looks at will be different in a minute.

    Attributes:
        scene: The scene.
        labels: Polygons or points with a class field.
        class_field: Field of integers or text that holds the class.
        table: JSON file of all figures to write.
        name_field: Field with class names, or empty.
        color_field: Field with class colors, or empty.
        components: Principal components to compare classes in where there are more bands; 0
            compares them in all bands.
    """

    scene: RasterSource
    labels: VectorSource
    class_field: str
    table: str
    name_field: str = ""
    color_field: str = ""
    components: int = field(
        default=SeparabilityJob.components, metadata={"minimum": 0, "maximum": 1000}
    )


@dataclass(frozen=True)
class ImportBenchmarkJob:
    """Turn a benchmark scene of the literature into a scene, polygons and a label raster.

    Attributes:
        input: File of the cube (.mat, .npy, ENVI or GeoTIFF), or a folder with cube and
            ground truth.
        scene: GeoTIFF of the cube to write.
        labels: GeoPackage of training polygons to write, or empty.
        reference_raster: GeoTIFF of class values to write, or empty.
        dataset: Which scene it is, one of :data:`BENCHMARK_SCENES`; recognized where not
            given.
        ground_truth: File or folder of the label map, or of the training map where training
            and test come apart; empty looks beside the cube.
        test_ground_truth: File of the test map, where training and test come apart.
        variable: Name of the cube's variable, where a file holds several that fit.
        ground_truth_variable: Name of the label map's variable, where a file holds several.
    """

    input: str
    scene: str
    labels: str = ""
    reference_raster: str = ""
    dataset: str = field(default=RECOGNIZE, metadata={"choices": (RECOGNIZE, *BENCHMARK_SCENES)})
    ground_truth: str = ""
    test_ground_truth: str = ""
    variable: str = ""
    ground_truth_variable: str = ""


@dataclass(frozen=True)
class BenchmarkJob:
    """Train and test methods on a scene of the literature with many seeds, and make a table.

    Attributes:
        data: The scene's file, or the folder that it lies in, as it goes around; or a folder
            with any scene.tif and labels.gpkg (fields class_id, class_name, color).
        output: Folder for models, maps, figures and tables; the scene gets a folder in it. What
            is there already is not made again.
        dataset: Which scene it is, one of :data:`BENCHMARK_SCENES`, or any name for another
            scene; recognized where not given.
        ground_truth: File or folder of the label map, or of the training map where training
            and test come apart; empty looks beside the cube.
        test_ground_truth: File of the test map, where training and test come apart.
        variable: Name of the cube's variable, where a file holds several that fit.
        ground_truth_variable: Name of the label map's variable, where a file holds several.
        protocol: How labeled pixels are divided, one of :data:`BENCHMARK_PROTOCOLS`.
        seeds: Seeds of weights and division, as 0-9 or 0,1,2.
        methods: What is compared, with commas between: presets of the network (paper, compact,
            spatial, spectral) and other classifiers (forest, svm).
        epochs: Passes of the network over the training pixels.
        device: Where the network runs, one of :data:`DEVICES`.
        scan: Implementation of the selective scan, one of :data:`SCANS`.
        threads: Threads of the CPU; 0 takes the physical cores.
        memory: Memory budget in GB (1e9 bytes); 0 takes a safe share of what is free.
        redo: Replace what was made with other settings, instead of refusing it.
    """

    data: str
    output: str
    dataset: str = RECOGNIZE
    ground_truth: str = ""
    test_ground_truth: str = ""
    variable: str = ""
    ground_truth_variable: str = ""
    protocol: str = field(default="random", metadata={"choices": BENCHMARK_PROTOCOLS})
    seeds: str = "0-9"
    methods: str = "paper"
    epochs: int = field(default=TrainJob.epochs, metadata={"minimum": 1, "maximum": 1_000_000})
    device: str = field(default="auto", metadata={"choices": DEVICES})
    scan: str = field(default="auto", metadata={"choices": SCANS})
    threads: int = field(default=0, metadata={"minimum": 0, "maximum": 1024})
    memory: float = field(default=0.0, metadata={"minimum": 0.0})
    redo: bool = False


@dataclass(frozen=True)
class InfoJob:
    """Describe the engine, its devices and scan implementations, or a model file.

    Attributes:
        model: Model file to describe; empty describes the engine.
    """

    model: str = ""


@dataclass(frozen=True)
class DoctorJob:
    """Examine the engine: what it is, and whether it works."""


@dataclass(frozen=True)
class InstallJob:
    """Make an environment for the engine; run by the Python that it is made from.

    Attributes:
        folder: Folder of the environment, made anew unless it is whole already.
        variant: Build of PyTorch: for the processor, for CUDA, or by the computer's driver.
        wheels: Folder of wheels to install from without a network; empty takes the package index.
        mamba_ssm: Build the kernels of mamba-ssm, too, where that can be done; without them, or
            where their build fails, the engine works all the same.
        plan_only: Tell what it would take, and make nothing.
    """

    folder: str = field(metadata={"positional": True})
    variant: str = field(default="auto", metadata={"choices": VARIANTS})
    wheels: str = ""
    mamba_ssm: bool = False
    plan_only: bool = False


@dataclass(frozen=True)
class RerunJob:
    """Repeat a run from its record, and tell whether the result is the same.

    Attributes:
        record: Record of the run, the file OUTPUT.record.json beside what it wrote.
        output_folder: Folder to write into, new or empty; empty takes OUTPUT.rerun beside
            the record. What the run wrote is never replaced.
    """

    record: str = field(metadata={"positional": True})
    output_folder: str = ""


KINDS: dict[str, type] = {
    "train": TrainJob,
    "classify": ClassifyJob,
    "trainandclassify": TrainAndClassifyJob,
    "crossvalidate": CrossValidateJob,
    "assess": AssessJob,
    "importbenchmark": ImportBenchmarkJob,
    "sampledesign": SampleDesignJob,
    "exportlandcover": ExportLandCoverJob,
    "signatures": SignaturesJob,
    "separability": SeparabilityJob,
    "checksamples": CheckSamplesJob,
    "benchmark": BenchmarkJob,
    "info": InfoJob,
    "doctor": DoctorJob,
    "install": InstallJob,
    "rerun": RerunJob,
}


def to_json(job: Any) -> dict[str, Any]:
    """The job as plain values, with its kind under ``job``."""
    kind = next(name for name, cls in KINDS.items() if type(job) is cls)
    return {"job": kind, **dataclasses.asdict(job)}


def from_json(values: Mapping[str, Any]) -> Any:
    """The job that plain values describe.

    Raises:
        JobError: The kind or a field is unknown, missing, of the wrong type or out of range.
    """
    kind = values.get("job")
    if kind not in KINDS:
        raise JobError(f"Unknown job: {kind!r}.", f"Known jobs: {', '.join(KINDS)}.")
    return _build(KINDS[kind], {k: v for k, v in values.items() if k != "job"}, "")


def _build(cls: Any, values: Any, path: str) -> Any:
    if not isinstance(values, Mapping):
        raise JobError(f"Field {path.rstrip('.')}: expected an object, got {values!r}.")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise JobError(f"Unknown field: {path}{unknown[0]}.", f"Known: {', '.join(fields)}.")
    built = {}
    for name, info in fields.items():
        if name in values:
            built[name] = _value(hints[name], values[name], path + name, info.metadata)
        elif info.default is dataclasses.MISSING:
            raise JobError(f"Missing field: {path}{name}.")
    return cls(**built)


def _value(hint: Any, value: Any, path: str, limits: Mapping[str, Any]) -> Any:
    options = typing.get_args(hint)
    if type(None) in options:
        if value is None:
            return None
        hint = next(option for option in options if option is not type(None))
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, path + ".")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise JobError(f"Field {path}: expected {hint.__name__}, got {value!r}.")
    choices = limits.get("choices")
    if choices and value not in choices:
        raise JobError(f"Field {path}: {value!r} is not known.", f"Known: {', '.join(choices)}.")
    # Written so that NaN, which compares as false, is refused too.
    if "minimum" in limits and not value >= limits["minimum"]:
        raise JobError(f"Field {path}: {value!r} is below {limits['minimum']}.")
    if "maximum" in limits and not value <= limits["maximum"]:
        raise JobError(f"Field {path}: {value!r} is above {limits['maximum']}.")
    return value
