"""Parameters made from the fields of the engine's jobs.

A setting of a job becomes a parameter of the same name in upper case. Its default, its
limits and its choices come from the job's dataclass, so they exist once.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
)

LARGEST_INTEGER = 2**31 - 1
"""What QGIS's spin boxes can hold."""

SMALLEST_STEP = 6
"""Decimals of a spin box: enough for a learning rate."""


def setting(job: type, field: str, label: str) -> QgsProcessingParameterDefinition:
    """The parameter for a job's field.

    Args:
        job: Dataclass of the job.
        field: Name of its field.
        label: What the dialog shows.
    """
    info = _fields(job)[field]
    kind = typing.get_type_hints(job)[field]
    name = field.upper()
    if "choices" in info.metadata:
        return QgsProcessingParameterEnum(
            name,
            label,
            options=list(info.metadata["choices"]),
            defaultValue=info.default,
            usesStaticStrings=True,
        )
    if kind is bool:
        return QgsProcessingParameterBoolean(name, label, defaultValue=info.default)
    limits = {}
    if "minimum" in info.metadata:
        limits["minValue"] = info.metadata["minimum"]
    if kind is int:
        limits["maxValue"] = min(info.metadata.get("maximum", LARGEST_INTEGER), LARGEST_INTEGER)
        number = QgsProcessingParameterNumber.Type.Integer
    else:
        if "maximum" in info.metadata:
            limits["maxValue"] = info.metadata["maximum"]
        number = QgsProcessingParameterNumber.Type.Double
    parameter = QgsProcessingParameterNumber(
        name, label, type=number, defaultValue=info.default, **limits
    )
    if kind is float:
        parameter.setMetadata({"widget_wrapper": {"decimals": SMALLEST_STEP}})
    return parameter


def read_setting(
    algorithm: QgsProcessingAlgorithm,
    job: type,
    field: str,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
) -> Any:
    """The value of a job's field, from the parameter made by :func:`setting`."""
    kind = typing.get_type_hints(job)[field]
    read = {
        str: (
            algorithm.parameterAsEnumString
            if "choices" in _fields(job)[field].metadata
            else algorithm.parameterAsString
        ),
        bool: algorithm.parameterAsBool,
        int: algorithm.parameterAsInt,
        float: algorithm.parameterAsDouble,
    }[kind]
    return read(parameters, field.upper(), context)


def _fields(job: type) -> dict[str, dataclasses.Field]:
    return {field.name: field for field in dataclasses.fields(job)}
