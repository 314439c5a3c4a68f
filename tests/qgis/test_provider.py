"""What the provider offers: the published interface, and help that belongs to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProcessingParameterDefinition

NETWORK = "PROTOCOL PRESET EPOCHS VALIDATION TEST LEARNING_RATE SEED CLASS_WEIGHTS PATIENCE"
CLASSIFIERS = "CLASSIFIER COMPARE"
SPLIT = (
    "VALIDATION_SHARE TEST_SHARE BUFFER BLOCK_SIZE FOLDS FOLD SAMPLED TRAIN_PIXELS "
    "VALIDATION_PIXELS"
)
DEVICE = "DEVICE MEMORY THREADS SCAN PRECISION"
TRAINED = "SCENE LABELS CLASS_FIELD NAME_FIELD COLOR_FIELD"
TRAINING = f"{TRAINED} {CLASSIFIERS} {NETWORK} {SPLIT} WINDOW {DEVICE} RESUME"
MAPS = "CLASSIFICATION CONFIDENCE PROBABILITIES MARGIN ENTROPY"
ACCURACY = {"OVERALL_ACCURACY", "AVERAGE_ACCURACY", "KAPPA"}

# Users' models, scripts and batch files hold these names: nothing may ever leave this table.
PARAMETERS = {
    "trainmodel": f"{TRAINING} MODEL REPORT",
    "classifyscene": f"SCENE MODEL {DEVICE} {MAPS}",
    "trainandclassify": f"{TRAINING} {MAPS} MODEL REPORT",
    "assessaccuracy": (
        "CLASSIFICATION REFERENCE CLASS_FIELD REFERENCE_RASTER DESIGN REPORT TABLE AREAS"
    ),
    "sampledesign": (
        "CLASSIFICATION SIZE STANDARD_ERROR ACCURACY ACCURACIES ALLOCATION MINIMUM SEED SAMPLE"
    ),
    "createtraininglayer": "SCENE CLASS_LIST CLASS_NAMES LABELS",
    "spectralsignatures": f"{TRAINED} REPORT CSV",
    "classseparability": f"{TRAINED} COMPONENTS REPORT CSV",
    "exportlandcover": (
        "CLASSIFICATION MINIMUM_AREA UNIT CONNECTIVITY DISSOLVE POLYGONS AREAS SIEVED"
    ),
    "importbenchmark": "INPUT GROUND_TRUTH TEST_GROUND_TRUTH DATASET VARIABLE "
    "GROUND_TRUTH_VARIABLE SCENE LABELS REFERENCE_RASTER",
    "engineinfo": "MODEL",
    "installengine": "AGREE VARIANT MAMBA_SSM WHEELS PYTHON INDEX ACTION",
}
OUTPUTS = {
    "trainmodel": {"MODEL", "REPORT", *ACCURACY},
    "classifyscene": {*MAPS.split()},
    "trainandclassify": {"MODEL", "REPORT", *MAPS.split(), *ACCURACY},
    "assessaccuracy": {
        "REPORT", "TABLE", "AREAS", "AREA_WEIGHTED_ACCURACY", "STANDARD_ERROR", *ACCURACY,
    },
    "sampledesign": {"SAMPLE", "POINTS"},
    "createtraininglayer": {"LABELS", "CLASSES"},
    "spectralsignatures": {"REPORT", "CSV"},
    "classseparability": {"REPORT", "CSV", "SMALLEST_DISTANCE"},
    "exportlandcover": {"POLYGONS", "AREAS", "SIEVED", "FEATURES", "CHANGED_PIXELS"},
    "importbenchmark": {"SCENE", "LABELS", "REFERENCE_RASTER", "RECOGNIZED"},
    "engineinfo": {
        "ENGINE_PYTHON", "ENGINE_VERSION", "DEVICES", "SCANS", "MISSING", "DESCRIPTION",
    },
    "installengine": {"ENGINE_PYTHON", "FOLDER", "VARIANT", "BYTES"},
}  # fmt: skip
JOBS = {
    "trainmodel": "TrainJob",
    "classifyscene": "ClassifyJob",
    "trainandclassify": "TrainJob",
    "assessaccuracy": "AssessJob",
    "importbenchmark": "ImportBenchmarkJob",
    "sampledesign": "SampleDesignJob",
    "spectralsignatures": "SignaturesJob",
    "classseparability": "SeparabilityJob",
    "exportlandcover": "ExportLandCoverJob",
    "engineinfo": "InfoJob",
    "installengine": "InstallJob",
}
# These do their work in QGIS alone.
WITHOUT_ENGINE = {"engineinfo", "installengine", "createtraininglayer"}
ADVANCED = QgsProcessingParameterDefinition.Flag.FlagAdvanced


def algorithm(name: str) -> Any:
    found = QgsApplication.processingRegistry().algorithmById(f"mambahsi:{name}")
    assert found is not None
    return found


def test_ids(provider: Any) -> None:
    assert {a.id() for a in provider.algorithms()} == {f"mambahsi:{n}" for n in PARAMETERS}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_and_outputs_are_the_published_ones(provider: Any, name: str) -> None:
    found = algorithm(name)
    assert {d.name() for d in found.parameterDefinitions()} == set(PARAMETERS[name].split())
    assert {d.name() for d in found.outputDefinitions()} == OUTPUTS[name]


@pytest.mark.parametrize("name", JOBS)
def test_defaults_are_the_engines(provider: Any, name: str) -> None:
    from mambahsi_qgis.engine.jobs import jobs

    expected = {
        "assessaccuracy": 1, "sampledesign": 6, "exportlandcover": 4, "importbenchmark": 1,
        "engineinfo": 0, "classifyscene": 5, "spectralsignatures": 0, "classseparability": 1,
        "installengine": 2,
    }  # fmt: skip
    # Settings of the dialog itself, which no job knows.
    own = {"installengine": {"AGREE", "ACTION"}}
    job = {f.name: f for f in dataclasses.fields(getattr(jobs, JOBS[name]))}
    compared = 0
    for definition in algorithm(name).parameterDefinitions():
        default = definition.defaultValue()
        if default is not None and definition.name() not in own.get(name, set()):
            assert default == job[definition.name().lower()].default, definition.name()
            compared += 1
    assert compared == expected.get(name, 25)


def test_limits_and_choices_are_the_engines(provider: Any) -> None:
    from mambahsi_qgis.engine.jobs import jobs

    train = algorithm("trainmodel")
    assert train.parameterDefinition("EPOCHS").minimum() == 1
    assert train.parameterDefinition("LEARNING_RATE").maximum() == 10
    # A larger maximum would overflow QGIS's spin box.
    assert train.parameterDefinition("SEED").maximum() == 2**31 - 1
    assert train.parameterDefinition("PRESET").options() == list(jobs.PRESETS)
    assert train.parameterDefinition("PROTOCOL").usesStaticStrings()


@pytest.mark.parametrize("name", PARAMETERS)
def test_help_explains_every_parameter(provider: Any, name: str) -> None:
    found = algorithm(name)
    text = found.shortHelpString()
    for definition in found.parameterDefinitions():
        assert definition.help(), definition.name()
        assert f"({definition.name()})" in text
    assert found.displayName()
    assert found.shortDescription()
    assert "land cover" in found.tags()
    assert Path(found.svgIconPath()).is_file()
    assert not found.icon().isNull()


def test_what_is_rarely_changed_is_advanced(provider: Any) -> None:
    shown = {
        d.name()
        for d in algorithm("trainandclassify").parameterDefinitions()
        if not d.flags() & ADVANCED
    }
    always = {"SCENE", "LABELS", "CLASS_FIELD", "NAME_FIELD", "COLOR_FIELD"}
    chosen = {"PROTOCOL", "CLASSIFIER", "PRESET", "EPOCHS", "MODEL", "REPORT"}
    assert shown == {*always, *chosen, *MAPS.split()}


def test_loading_the_jobs_writes_nothing_into_the_plugin(provider: Any, tmp_path: Path) -> None:
    from mambahsi_qgis.engine.jobs import load

    source = tmp_path / "jobs.py"
    source.write_text("ANSWER = 42\n")
    assert load(source, "mambahsi_qgis._probe").ANSWER == 42
    assert [p.name for p in tmp_path.iterdir()] == ["jobs.py"]


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - WITHOUT_ENGINE))
def test_without_engine_it_says_what_is_missing(no_engine: None, name: str) -> None:
    runs, message = algorithm(name).canExecute()
    assert not runs
    assert "MAMBAHSI_ENGINE_PYTHON" in message
    assert "mambahsi:installengine" in message


def test_engineinfo_runs_without_engine(no_engine: None, told: Any) -> None:
    import processing

    assert algorithm("engineinfo").canExecute()[0]
    result = processing.run("mambahsi:engineinfo", {}, feedback=told)
    assert result["ENGINE_PYTHON"] == ""
    assert "not installed" in result["MISSING"]
    assert told.warnings == [result["MISSING"]]


def test_provider_leaves_no_setting_behind(provider: Any) -> None:
    from mambahsi_qgis.engine.locate import SETTING
    from processing.core.ProcessingConfig import ProcessingConfig

    assert SETTING in ProcessingConfig.settings
    provider.unload()
    try:
        assert SETTING not in ProcessingConfig.settings
    finally:
        provider.load()
    assert SETTING in ProcessingConfig.settings
