"""Handing a raster layer to the engine.

The engine reads pixels from the same source as QGIS, so what crosses the process boundary
is the layer's GDAL source, together with what the user changed in the layer and the file
does not know: its CRS and a further nodata value. A source that the engine cannot open is
copied once to a temporary GeoTIFF by QGIS's GDAL, which can. Layers whose pixels are
pictures rendered by a server hold no measurements and are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProviderRegistry,
    QgsRasterLayer,
)

from mambahsi_qgis.translation import tr

# What the GDAL in rasterio's wheels opens, less what only makes pictures.
_ENGINE_DRIVERS = """
    AAIGrid ACE2 ADRG AIG AirSAR BAG BIGGIF BLX BMP BSB BT BYN CALS CEOS COASP COG COSAR CPG
    CTG CTable2 DERIVED DIMAP DOQ1 DOQ2 DTED ECRGTOC EHdr EIR ELAS ENVI ERS ESAT ESRIC FAST
    FIT GFF GIF GPKG GRASSASCIIGrid GRIB GS7BG GSAG GSBG GSC GTX GTiff GXF GenBin HDF5
    HDF5Image HF2 HFA ILWIS IRIS ISCE ISG ISIS2 ISIS3 JAXAPALSAR JDEM JP2OpenJPEG JPEG KRO L1B
    LAN LCP LOSLAS Leveller MAP MFF MFF2 MRF MSGN NDF NGSGEOID NITF NOAA_B NTv2 NWT_GRC
    NWT_GRD PAux PCIDSK PCRaster PDS PDS4 PNG PNM PRF R RIK RMF ROI_PAC RPFTOC RRASTER RS2 RST
    SAFE SAGA SAR_CEOS SDTS SENTINEL2 SGI SIGDEM SNODAS SRP SRTMHGT STACIT STACTA TGA TIL TSX
    Terragen USGSDEM VICAR VRT WEBP XYZ ZMap Zarr netCDF
"""
ENGINE_DRIVERS = frozenset(_ENGINE_DRIVERS.split())
RENDERED_DRIVERS = frozenset(("WMS", "WMTS", "NGW", "OGCAPI", "PLMOSAIC"))
RENDERED_PROVIDERS = frozenset(("wms", "arcgismapserver", "wcs"))


@dataclass(frozen=True)
class Raster:
    """A raster layer, resolved while QGIS's layers may be touched.

    Attributes:
        name: Name of the layer.
        source: GDAL source.
        options: GDAL open options, ``NAME=VALUE``.
        convert: Why the engine cannot open the source itself, or empty.
        crs: CRS of the layer.
        crs_text: The same as the engine takes it: WKT2, the file's own where the two agree.
        crs_changed: Whether it is another than the file's.
        nodata: Nodata value that the user added, or None.
        warnings: What of the layer's settings cannot be handed over.
    """

    name: str
    source: str
    options: tuple[str, ...]
    convert: str
    crs: QgsCoordinateReferenceSystem
    crs_text: str
    crs_changed: bool
    nodata: Optional[float]
    warnings: tuple[str, ...]

    def hand_over(self, folder: Path, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """The raster as a job's plain values; converted into ``folder`` where it must be."""
        for warning in self.warnings:
            feedback.pushWarning(warning)
        path = self.source
        if self.convert:
            path = str(folder / f"raster_{len(list(folder.iterdir()))}.tif")
            feedback.pushInfo(
                tr("Copying “{}” to a temporary GeoTIFF: {}.").format(self.name, self.convert)
            )
            _convert(self, path, feedback)
        crs = self.crs_text if self.crs_changed else ""
        name = self.name if self.convert else ""
        return {"path": path, "crs": crs, "nodata": self.nodata, "name": name}


def refusal(layer: QgsRasterLayer) -> str:
    """Why the engine cannot use a layer, or an empty text; looks at its kind alone."""
    provider = layer.providerType()
    driver = _driver(source_of(layer)[0]) if provider == "gdal" else ""
    if not layer.isValid():
        return tr("Raster layer “{}” is not valid: its source cannot be read.").format(layer.name())
    if provider in RENDERED_PROVIDERS or driver in RENDERED_DRIVERS:
        return tr(
            "Layer “{}” is rendered by a server ({}): its pixels are a picture, not "
            "measurements. Choose a raster with the measured bands, such as a GeoTIFF."
        ).format(layer.name(), driver or provider.upper())
    if provider != "gdal":
        return tr(
            "Layer “{}” comes from QGIS's data provider “{}”, which the engine cannot read. "
            "Export it to a GeoTIFF (raw data) and choose that."
        ).format(layer.name(), provider)
    return ""


def resolve(layer: QgsRasterLayer) -> Raster:
    """What the engine has to know of a layer.

    Raises:
        QgsProcessingException: The layer cannot be used.
    """
    reason = refusal(layer)
    if reason:
        raise QgsProcessingException(reason)
    source, options = source_of(layer)
    dataset = open_source(source, options)
    if dataset is None:
        raise QgsProcessingException(
            tr("GDAL cannot open the source of “{}”: {}").format(
                layer.name(), gdal.GetLastErrorMsg() or source
            )
        )
    if dataset.GetGCPCount() and dataset.GetGeoTransform(can_return_null=True) is None:
        raise QgsProcessingException(
            tr(
                "“{}” is placed by ground control points alone. Warp it first (Raster ▸ "
                "Projections ▸ Warp), then use the warped raster."
            ).format(layer.name())
        )
    nodata, warnings = _user_nodata(layer)
    crs, own = layer.crs(), _file_crs(dataset)
    changed = crs.isValid() and crs != QgsCoordinateReferenceSystem.fromWkt(own)
    if changed or not own:
        own = crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED)
    return Raster(
        name=layer.name(),
        source=_absolute(source, dataset.GetFileList() or ()),
        options=options,
        convert=_why_convert(source, options, dataset.GetDriver().ShortName),
        crs=crs,
        crs_text=own,
        crs_changed=changed,
        nodata=nodata,
        warnings=warnings,
    )


def open_dataset(layer: QgsRasterLayer) -> Optional[gdal.Dataset]:
    """The GDAL dataset behind a layer, as QGIS opens it; None where there is none."""
    if not layer.isValid() or layer.providerType() != "gdal":
        return None
    return open_source(*source_of(layer))


def source_of(layer: QgsRasterLayer) -> tuple[str, tuple[str, ...]]:
    """The layer's GDAL source without QGIS's additions, and its open options."""
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    return layer.source().split("|")[0], tuple(parts.get("openOptions") or ())


def _driver(source: str) -> str:
    try:
        driver = gdal.IdentifyDriver(source)
    except RuntimeError:  # where somebody switched GDAL's exceptions on
        driver = None
    return driver.ShortName if driver is not None else ""


def open_source(source: str, options: tuple[str, ...]) -> Optional[gdal.Dataset]:
    """The dataset of a source, or None."""
    try:
        return gdal.OpenEx(source, gdal.OF_RASTER, open_options=list(options))
    except RuntimeError:
        return None


def _file_crs(dataset: gdal.Dataset) -> str:
    reference = dataset.GetSpatialRef()
    return reference.ExportToWkt(["FORMAT=WKT2_2019"]) if reference is not None else ""


def _why_convert(source: str, options: tuple[str, ...], driver: str) -> str:
    if driver == "MEM" or "/vsimem/" in source:
        return tr("it is in the memory of QGIS")
    if driver not in ENGINE_DRIVERS:
        return tr("the engine does not read format {}").format(driver)
    if options:
        return tr("it is opened with options ({})").format(", ".join(options))
    return ""


def _absolute(source: str, files: Any) -> str:
    """The source with a relative path inside it made absolute: the engine works elsewhere."""
    for file in (source, *files):
        path = Path(file)
        if file in source and not path.is_absolute() and path.exists():
            return source.replace(file, str(path.absolute()), 1)
    return source


def _user_nodata(layer: QgsRasterLayer) -> tuple[Optional[float], tuple[str, ...]]:
    """The nodata value that the user added, and what cannot be handed over."""
    provider = layer.dataProvider()
    bands = range(1, layer.bandCount() + 1)
    warnings = []
    ranges = {tuple((r.min(), r.max()) for r in provider.userNoDataValues(b)) for b in bands}
    value = None
    if ranges != {()}:
        everywhere = ranges.pop() if len(ranges) == 1 else ()
        if everywhere and everywhere[0][0] == everywhere[0][1]:
            value = float(everywhere[0][0])
        if value is None or len(everywhere) > 1:
            taken = tr("none is") if value is None else tr("only {:g} is").format(value)
            warnings.append(
                tr(
                    "“{}” has additional nodata values as ranges, several or by band; {} used. "
                    "One value for all bands can be used."
                ).format(layer.name(), taken)
            )
    if any(
        provider.sourceHasNoDataValue(b) and not provider.useSourceNoDataValue(b) for b in bands
    ):
        warnings.append(
            tr(
                "The file's own nodata value of “{}” stays in use, though it is switched off "
                "in the layer."
            ).format(layer.name())
        )
    return value, tuple(warnings)


def _convert(raster: Raster, path: str, feedback: QgsProcessingFeedback) -> None:
    dataset = open_source(raster.source, raster.options)
    written = None
    if dataset is not None:
        try:
            written = gdal.Translate(
                path,
                dataset,
                format="GTiff",
                creationOptions=["TILED=YES", "BIGTIFF=IF_SAFER"],
                callback=lambda *_: not feedback.isCanceled(),
            )
        except RuntimeError:
            written = None
    if feedback.isCanceled():
        raise QgsProcessingException(tr("Cancelled."))
    if written is None:
        raise QgsProcessingException(
            tr("“{}” cannot be copied to a temporary GeoTIFF: {}").format(
                raster.name, gdal.GetLastErrorMsg()
            )
        )
    written.FlushCache()
