"""``mambahsi:spectralsignatures``: scene and labels in, spectra of the classes out."""

from __future__ import annotations

from typing import Any, Optional

from mambahsi_qgis.algorithms.samples import SamplesAlgorithm
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


class SpectralSignatures(SamplesAlgorithm):
    """Describes the spectra of labeled pixels."""

    ID = "spectralsignatures"
    TAGS = (*SamplesAlgorithm.TAGS, "signature", "mean spectrum", "wavelength")
    JOB = jobs.SignaturesJob

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Spectral signatures")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Mean spectrum and standard deviation of each class, and warnings about samples.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Draws the spectra of labeled pixels over wavelength, in the colors of the classes: "
            "the mean of each class, and one standard deviation to each side. Bands without data "
            "(water vapor, bad bands) are left as gaps.</p>"
            "<p>The report opens with what a colleague would point at: too few pixels, a class in "
            "one polygon or in one corner, classes that claim the same pixels, polygons over "
            "nodata or outside of the scene, polygons that lie there twice.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add_scene_and_labels()
        self.add_outputs(
            tr("Warnings, plot and numbers of samples, in one HTML file."),
            tr(
                "One row for each class and band: pixels, mean, standard deviation, and the 5th, "
                "50th and 95th percentile."
            ),
        )
