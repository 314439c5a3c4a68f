"""The bands of a raster that rasterio has opened; ``wavelengths`` says how they are understood."""

from __future__ import annotations

from rasterio.io import DatasetReader

from mambahsi import sidecars
from mambahsi.wavelengths import Band, Metadata, understand

__all__ = ["Band", "read_bands"]


def read_bands(dataset: DatasetReader) -> tuple[Band, ...]:
    """All bands of an open dataset, in its order."""
    files = dataset.files
    return understand(
        Metadata(
            source=dataset.name,
            descriptions=[text or "" for text in dataset.descriptions],
            bands=[dataset.tags(i) for i in dataset.indexes],
            imagery=[
                dataset.tags(i, ns="IMAGERY") if "IMAGERY" in dataset.tag_namespaces(i) else {}
                for i in dataset.indexes
            ],
            dataset=dataset.tags(),
            envi=dataset.tags(ns="ENVI") if "ENVI" in dataset.tag_namespaces() else {},
            beside=sidecars.beside(files[0]) if files else {},
        )
    )
