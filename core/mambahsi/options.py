"""Command-line options made from the fields of a job, and a job made from them.

Names, types, choices, defaults and explanations all come from :mod:`mambahsi.jobs`, so that
an option cannot disagree with the parameter of the same name in QGIS. A raster or vector
source becomes one option for its path, and one for each thing that may be known better than
the file does: ``--scene``, ``--scene_crs``, ``--scene_nodata``. Words are joined by ``_`` as
in QGIS, or by ``-``.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import typing
from typing import Any

from mambahsi.jobs import JobError, RasterSource, VectorSource

Values = dict[str, Any]


def add_options(parser: argparse._ActionsContainer, job: type, optional: bool = False) -> None:
    """Add an option for every field of a job.

    Args:
        parser: Receives the options. One that the user does not give leaves no trace in what
            is parsed, so that the job's own default holds.
        job: Dataclass of the job.
        optional: Whether even fields without a default may be left out.
    """
    hints = typing.get_type_hints(job)
    explanations = _explanations(job)
    for field in dataclasses.fields(job):
        explanation = explanations.get(field.name, "")
        required = field.default is dataclasses.MISSING and not optional
        kind = _without_none(hints[field.name])
        if field.metadata.get("positional"):
            parser.add_argument(field.name, metavar=field.name.upper(), help=explanation)
        elif kind is bool:
            _add(parser, field.name, explanation, action="store_true")
        elif dataclasses.is_dataclass(kind):
            if kind in (RasterSource, VectorSource):
                _add_source(parser, field.name, kind, explanation, required)
        else:
            if field.default not in (dataclasses.MISSING, ""):
                explanation += f" Default: {field.default}."
            choices = field.metadata.get("choices")
            _add(parser, field.name, explanation, required=required, type=kind, choices=choices)


def values_of(parsed: argparse.Namespace, job: type) -> Values:
    """The fields of a job that were given, as plain values for :func:`mambahsi.jobs.from_json`.

    Raises:
        JobError: A layer is named in two ways.
    """
    given = vars(parsed)
    hints = typing.get_type_hints(job)
    values: Values = {}
    for field in dataclasses.fields(job):
        kind = _without_none(hints[field.name])
        if kind in (RasterSource, VectorSource):
            source = {
                part.name: given[_option(field.name, part.name)]
                for part in dataclasses.fields(kind)
                if _option(field.name, part.name) in given
            }
            if source:
                values[field.name] = _split_layer(field.name, source)
        elif field.name in given:
            values[field.name] = given[field.name]
    return values


def _add(parser: argparse._ActionsContainer, name: str, explanation: str, **settings: Any) -> None:
    spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
    if "action" not in settings and not settings.get("choices"):
        settings["metavar"] = {int: "N", float: "X"}.get(settings["type"], "TEXT")
    parser.add_argument(
        *spellings,
        dest=name,
        default=argparse.SUPPRESS,
        help=explanation.replace("%", "%%"),
        **settings,
    )


def _add_source(
    parser: argparse._ActionsContainer, name: str, kind: type, explanation: str, required: bool
) -> None:
    hints = typing.get_type_hints(kind)
    details = _explanations(kind)
    for part in dataclasses.fields(kind):
        if part.metadata.get("internal"):
            continue
        is_path = part.name == "path"
        _add(
            parser,
            _option(name, part.name),
            explanation if is_path else f"Of --{name}: {details.get(part.name, '')}",
            required=required and is_path,
            type=_without_none(hints[part.name]),
        )


def _option(field: str, part: str) -> str:
    return field if part == "path" else f"{field}_{part}"


def _split_layer(name: str, source: Values) -> Values:
    """Understand ``PATH|layername=LAYER``, as QGIS writes it."""
    match = re.fullmatch(r"(.+?)\|layername=([^|]+)", source.get("path", ""))
    if not match:
        return source
    if source.get("layer", match[2]) != match[2]:
        raise JobError(
            f"Option --{name} names layer {match[2]!r}, and --{name}_layer names "
            f"{source['layer']!r}.",
            "Leave one of them out.",
        )
    return {**source, "path": match[1], "layer": match[2]}


def _explanations(job: type) -> dict[str, str]:
    """What the docstring says about each attribute."""
    section = (inspect.getdoc(job) or "").partition("Attributes:")[2]
    items = re.findall(r"^    (\w+): (.+(?:\n     +.+)*)", section, flags=re.MULTILINE)
    return {name: _plain(text) for name, text in items}


def _plain(text: str) -> str:
    """A docstring's text without line breaks and markup; references add nothing here."""
    text = " ".join(text.split())
    text = re.sub(r", one of :data:`\w+`", "", text)
    return re.sub(r":\w+:`(\w+)`|``(.+?)``", r"\1\2", text)


def _without_none(hint: Any) -> Any:
    return next((kind for kind in typing.get_args(hint) if kind is not type(None)), hint)
