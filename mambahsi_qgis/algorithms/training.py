"""What the two algorithms that train share: parameters, checks and the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.labeled import VECTORS, LabeledAlgorithm
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr, tr_engine


def protocol_help() -> str:
    """What the protocols are, for people."""
    return tr(
        "How labeled pixels are divided into training, validation (chooses the weights) and "
        "test (measures the accuracy). “spatial” keeps whole polygons apart and “blocks” "
        "square blocks of the scene, both with a buffer between the parts; these are the honest "
        "choices. “random” is the published benchmark protocol of random pixels, whose accuracy "
        "flatters because test pixels lie beside training pixels."
    )


def preset_help() -> str:
    """What the presets are, as the engine describes them."""
    described = "; ".join(
        f"{name}: {tr_engine(preset.description)}" for name, preset in jobs.PRESETS.items()
    )
    return tr("Network configuration. {}.").format(described)


def classifier_help() -> str:
    """What the classifiers are, for people."""
    return tr(
        "“mambahsi” is the network, which sees every pixel in its surroundings. “forest” (random "
        "forest) and “svm” (support vector machine with a Gaussian kernel) look at single pixels, "
        "take seconds to minutes, and are a good choice for few or tiny polygons. They use the "
        "same training, validation and test pixels; settings of the network (epochs, learning "
        "rate, patience, window, scan, device) have no meaning for them."
    )


def settings() -> list[tuple[str, str, str]]:
    """Advanced settings of a training: field of the job, label, help."""
    return [
        ("learning_rate", tr("Learning rate"), tr("Step size of the optimizer (Adam).")),
        ("seed", tr("Seed"), tr("The same seed gives the same model on the same machine.")),
        (
            "class_weights",
            tr("Class weights"),
            tr("“balanced” gives rare classes the weight of frequent ones in the loss."),
        ),
        (
            "patience",
            tr("Patience (epochs)"),
            tr("Stop after so many epochs without a better validation accuracy; 0 never stops."),
        ),
        (
            "validation_share",
            tr("Validation share"),
            tr("Share of a class's labeled pixels for validation (spatial, blocks)."),
        ),
        (
            "test_share",
            tr("Test share"),
            tr("Share of a class's labeled pixels for the test (spatial, blocks)."),
        ),
        (
            "buffer",
            tr("Buffer (pixels)"),
            tr(
                "Unused pixels between training, validation and test (spatial, blocks): no test "
                "pixel is nearer than this to a training or validation pixel."
            ),
        ),
        (
            "block_size",
            tr("Block size (pixels)"),
            tr(
                "Rows and columns of a block (blocks); with every protocol, the blocks that are "
                "resampled for the intervals of the accuracy. Take what fields measure, or more."
            ),
        ),
        (
            "folds",
            tr("Folds"),
            tr(
                "0 takes the shares; another number deals the blocks to so many parts, one of "
                "which tests (blocks). Trained once for each fold, everything is tested once."
            ),
        ),
        ("fold", tr("Fold that tests"), tr("From 0 on, with folds (blocks).")),
        (
            "sampled",
            tr("Sampled"),
            tr(
                "Use only so many training and validation pixels per class as named below "
                "(spatial, blocks), so that protocols can be compared."
            ),
        ),
        (
            "train_pixels",
            tr("Training pixels per class"),
            tr("Pixels of each class to train on (random; the others if sampled)."),
        ),
        (
            "validation_pixels",
            tr("Validation pixels per class"),
            tr("Pixels of each class for validation (random; the others if sampled)."),
        ),
        (
            "window",
            tr("Window (pixels)"),
            tr(
                "0 trains and classifies the scene as a whole where the memory allows, and in "
                "windows around the labels where it does not. Another number, a multiple of 4, "
                "always takes windows of so many rows and columns."
            ),
        ),
        (
            "compare",
            tr("Compare classifiers"),
            tr(
                "Also fit a random forest and a support vector machine to the same pixels, and "
                "show in the report how they do on the same test pixels."
            ),
        ),
        *device_settings(),
        (
            "resume",
            tr("Resume"),
            tr(
                "Go on from the checkpoint that a cancelled training left beside the model file. "
                "All other settings must be the same."
            ),
        ),
    ]


def device_settings() -> list[tuple[str, str, str]]:
    """Advanced settings of everything that computes: field of the job, label, help."""
    return [
        (
            "device",
            tr("Device"),
            tr("Where the network runs. “auto” takes a CUDA GPU where there is one."),
        ),
        (
            "memory",
            tr("Memory budget (GB)"),
            tr(
                "How much memory may be taken, on top of the engine itself (about 0.3 GB); 0 takes "
                "a safe share of what is free."
            ),
        ),
        ("threads", tr("Threads"), tr("Threads of the CPU; 0 takes the physical cores.")),
        (
            "scan",
            tr("Selective scan"),
            tr("Implementation of the network's scan; “auto” takes the fastest that works here."),
        ),
        (
            "precision",
            tr("Precision"),
            tr(
                "What products of the network are computed in. “bfloat16” takes a GPU that "
                "computes in it (NVIDIA's from Ampere on), and gives slightly other results."
            ),
        ),
    ]


class TrainingAlgorithm(LabeledAlgorithm):
    """An algorithm that trains a model."""

    def add_training_inputs(self) -> None:
        """Add what a training needs and what is often changed."""
        self.add_scene_and_labels()
        self.add(setting(jobs.TrainJob, "protocol", tr("Protocol")), protocol_help())
        self.add(setting(jobs.TrainJob, "classifier", tr("Classifier")), classifier_help())
        self.add(setting(jobs.TrainJob, "preset", tr("Network")), preset_help())
        self.add(
            setting(jobs.TrainJob, "epochs", tr("Epochs")),
            tr("Passes over the training pixels; of a whole scene, each is one training step."),
        )
        for name, label, explanation in (
            (
                "VALIDATION",
                tr("Separate validation layer"),
                tr("Polygons or points, with the same class field, that choose the best weights."),
            ),
            (
                "TEST",
                tr("Separate test layer"),
                tr(
                    "Polygons or points, with the same class field, that alone measure the "
                    "accuracy. Its pixels are never trained on."
                ),
            ),
        ):
            self.add(
                QgsProcessingParameterFeatureSource(name, label, VECTORS, optional=True),
                explanation,
                advanced=True,
            )
        self.add_settings(jobs.TrainJob, settings())

    def add_training_outputs(self) -> None:
        """Add what a training gives."""
        self.add(
            QgsProcessingParameterFileDestination(
                "MODEL", tr("Model"), tr("MambaHSI model (*.safetensors)")
            ),
            tr(
                "The trained model: one file that holds weights, classes, bands and how it was "
                "trained. Beside it lie a record of the run and, as a raster, which pixels were "
                "trained on and tested. A cancelled training leaves a checkpoint there."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), tr("HTML files (*.html)"), optional=True
            ),
            tr("Accuracy, confusion matrix, learning curves and the split, in one HTML file."),
        )
        self.add_accuracy_outputs()

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene and labels."""
        problem = self.labels_problem(parameters, context)
        class_field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        for name in ("VALIDATION", "TEST"):
            if not problem and checks.given(parameters, name):
                problem = checks.vector(self, parameters, name, [class_field], context)
        if problem:
            return problem
        labels = self.parameterAsSource(parameters, "LABELS", context)
        return checks.classes(labels, class_field)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve the scene and up to three vector layers."""
        self._vectors = {"labels": self.resolve_labels(parameters, context)}
        class_field = [self._fields["class_field"]]
        for name in ("VALIDATION", "TEST"):
            if checks.given(parameters, name):
                self._vectors[name.lower()] = self.vector(parameters, name, class_field, context)

    def train_job(
        self,
        parameters: dict[str, Any],
        folder: Path,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Any:
        """The job, with its layers handed over into a temporary folder."""
        sources = {
            name: jobs.VectorSource(
                **vector.hand_over(folder / name, self._scene, context.transformContext(), feedback)
            )
            for name, vector in self._vectors.items()
        }
        chosen = {
            field: read_setting(self, jobs.TrainJob, field, parameters, context)
            for field in ("protocol", "classifier", "preset", "epochs")
        }
        return jobs.TrainJob(
            scene=jobs.RasterSource(**self._scene.hand_over(folder, feedback)),
            model=self.parameterAsFileOutput(parameters, "MODEL", context),
            report=self.parameterAsFileOutput(parameters, "REPORT", context),
            **sources,
            **self._fields,
            **chosen,
            **self.read_settings(jobs.TrainJob, settings(), parameters, context),
        )

    def training_outputs(self, result: dict[str, Any]) -> dict[str, Any]:
        """Outputs from the engine's result."""
        outputs = {"MODEL": result["model"], **self.accuracy_outputs(result)}
        if result.get("report"):
            outputs["REPORT"] = result["report"]
        return outputs
