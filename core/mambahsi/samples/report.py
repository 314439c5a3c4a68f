"""What is known of samples as one HTML page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from mambahsi.classes import LandCoverClass
from mambahsi.report_page import section, warning_list, write_page
from mambahsi.report_tables import fact_table, swatch
from mambahsi.samples.chart import signature_chart
from mambahsi.samples.figures import SampleFigures, verdict
from mambahsi.samples.pairs import ENOUGH, GOOD, POOR, Pair
from mambahsi.survey import describe_dropped
from mambahsi.versions import versions

_WORST = 10
_MATRIX_CLASSES = 40
_COLORS = {"poor": "214, 90, 49", "moderate": "201, 138, 0", "good": "46, 139, 87"}

_ABOUT_DISTANCE = (
    "Jeffries-Matusita distance, from 0 (alike) to 2 (apart), of classes taken for normal "
    f"distributions. Below {POOR:g} two classes are hardly separable: consider merging them, or "
    f"draw purer samples; from {GOOD:g} on they are separable well. Few samples in many dimensions "
    "look separable whatever they are; <em>by chance</em> is the distance that as many samples "
    "have of classes that do not differ, and colors and order follow what is found beyond it. "
    "Sources: Kailath 1967, doi:10.1109/TCOM.1967.1089532; Bruzzone et al. 1995, "
    f"doi:10.1109/36.477187. Where a class has fewer than {ENOUGH} samples per dimension, no more "
    "than there are bands, or a singular covariance, both covariances are shrunk alike after "
    "Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4."
)


def write_samples_report(path: Path, figures: SampleFigures) -> None:
    """Write the page; each section appears only if there is something to say.

    Raises:
        OutputError: The file cannot be written.
    """
    matter = "Spectral signatures" if figures.signatures else "Class separability"
    write_page(
        path,
        f"{matter} of {figures.labels}",
        [
            warning_list(finding.text for finding in figures.findings),
            section("Signatures", _signatures(figures)),
            section("Least separable classes", _worst(figures)),
            section("Jeffries-Matusita distances", _matrix(figures)),
            section("Samples", _classes(figures)),
            section("Files", fact_table(_files(figures))),
            section("Versions", fact_table(versions())),
        ],
    )


def _signatures(figures: SampleFigures) -> str:
    chart = signature_chart(figures)
    if not chart:
        return ""
    legend = "".join(f"<li>{swatch(item)}{escape(item.name)}</li>" for item in figures.table)
    return (
        f'{chart}<ul class="legend">{legend}</ul><p class="soft">Lines: means of the samples. '
        "Shades: one standard deviation to each side. Values as stored in the file.</p>"
    )


def _worst(figures: SampleFigures) -> str:
    pairs = figures.ordered_pairs()
    if not pairs:
        return ""
    rows = []
    for pair in pairs[:_WORST]:
        names = "".join(_name(figures.table[number]) for number in (pair.first, pair.second))
        if pair.distance is None or pair.chance_distance is None:
            rows.append(
                f'<tr>{names}<td colspan="3">not computed: {escape(pair.problem)}</td></tr>'
            )
        else:
            color = _background(pair)
            rows.append(
                f'<tr>{names}<td style="{color}">{pair.distance:.3f}</td>'
                f"<td>{pair.chance_distance:.3f}</td><td>{verdict(pair)}</td></tr>"
            )
    more = f'<p class="soft">{len(pairs) - _WORST} more pairs.</p>' if len(pairs) > _WORST else ""
    return (
        f'<p class="soft">{_ABOUT_DISTANCE}{_dimensions(figures)}</p>'
        '<div class="scroll"><table><thead><tr><th class="name">Class</th>'
        '<th class="name">and class</th><th>Distance</th>'
        f"<th>By chance</th><th>Separability</th></tr></thead><tbody>{''.join(rows)}</tbody>"
        f"</table></div>{more}"
    )


def _dimensions(figures: SampleFigures) -> str:
    """What the classes were compared in."""
    separation = figures.separation
    if separation is None or separation.dimensions == len(figures.used):
        return ""
    return (
        f" Compared in the first {separation.dimensions} principal components, which hold "
        f"{separation.share:.2%} of the variance of {len(figures.used)} bands where every class "
        "counts alike; in all bands, normal distributions make nearly all classes look apart."
    )


def _matrix(figures: SampleFigures) -> str:
    if not figures.separation or len(figures.table) > _MATRIX_CLASSES:
        return ""
    pairs = {(pair.first, pair.second): pair for pair in figures.separation.pairs}
    head = "".join(
        f'<th class="turned" scope="col" title="{escape(item.name)}">{escape(item.name)}</th>'
        for item in figures.table
    )
    rows = []
    for i, item in enumerate(figures.table):
        cells = []
        for j in range(len(figures.table)):
            pair = pairs.get((min(i, j), max(i, j)))
            if pair is None:
                cells.append("<td></td>")
            elif pair.distance is None:
                cells.append(f'<td title="{escape(pair.problem)}">\N{EN DASH}</td>')
            else:
                cells.append(f'<td style="{_background(pair)}">{pair.distance:.2f}</td>')
        rows.append(f"<tr>{_name(item)}{''.join(cells)}</tr>")
    return (
        f'<div class="scroll"><table class="matrix"><thead><tr><th class="name"></th>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _classes(figures: SampleFigures) -> str:
    rows = "".join(
        f"<tr>{_name(item)}<td>{item.value}</td><td>{figures.polygons[i]:,}</td>"
        f"<td>{figures.labeled[i]:,}</td><td>{figures.pixels[i]:,}</td></tr>"
        for i, item in enumerate(figures.table)
    )
    return (
        '<div class="scroll"><table><thead><tr><th class="name">Class</th><th>Value</th>'
        "<th>Polygons</th><th>Labeled pixels</th><th>Used pixels</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _files(figures: SampleFigures) -> dict[str, str]:
    return {
        "Scene": figures.scene,
        "Labels": figures.labels,
        "Bands": f"{len(figures.used)} of {len(figures.bands)}",
        "Bands left out": describe_dropped(tuple(figures.dropped)),
    }


def _name(item: LandCoverClass) -> str:
    name = escape(item.name)
    return f'<th class="name" scope="row" title="{name}">{swatch(item)}{name}</th>'


def _background(pair: Pair) -> str:
    # Not opaque, so that the figure stays readable on light and on dark pages.
    return f"background:rgba({_COLORS[verdict(pair)]}, .4)"
