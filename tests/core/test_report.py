"""A report is one file that needs nothing else and says what its figures rest on."""

from __future__ import annotations

import base64
import html
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.special import softmax

from mambahsi import png
from mambahsi.accuracy import Accuracy
from mambahsi.calibration import Calibration
from mambahsi.charts import learning_curves, ticks
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.previews import MAX_SIDE, class_preview, scene_preview
from mambahsi.reliability import judge
from mambahsi.report import write_report
from mambahsi.report_tables import MAX_MATRIX_CLASSES

TABLE = ClassTable(
    (
        LandCoverClass(1, "Wälder & <script>alert(1)</script>", "#00aa11", "w"),
        LandCoverClass(2, 'See "groß"', "#0000ff", "s"),
        LandCoverClass(9, "Ödland", "#aa7744", "o"),
    )
)
ACCURACY = Accuracy(np.array([[1200, 34, 1], [7, 500, 5], [0, 0, 0]]), TABLE)
CURVES = [{"epoch": e, "loss": 2.0 / e, "validation_accuracy": 0.9 - 0.5 / e} for e in range(1, 31)]
SPLIT = {
    "protocol": "spatial",
    "description": "Whole polygons were kept together.",
    "nearest": 3.1623,
    "untested": ["Ödland"],
    "classes": [
        {"value": 1, "name": "Wälder", "training": 30, "test": 1235},
        {"value": 2, "name": "See", "training": 10, "test": 512},
    ],
}
VOID = {"meta", "img", "br", "path", "circle"}


class Page(HTMLParser):
    """Reads a page, and refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page(path: Path, **parts: Any) -> Page:
    write_report(path, title="Bericht <1>", **parts)
    return Page(path.read_text(encoding="utf-8"))


def full_page(path: Path) -> Page:
    index = np.array([[0, 1, 2], [-1, 1, 1]])
    return page(
        path,
        accuracy=ACCURACY,
        protocol="whole polygons",
        split=SPLIT,
        curves=CURVES,
        best_epoch=28,
        previews=[
            class_preview("Map", index, TABLE),
            scene_preview("Scene", np.full((3, 2, 3), 0.5, np.float32), index >= 0),
        ],
        facts={"Scene": {"Path": "/data/<a>.tif", "Bands": [1, 2, 3]}, "Versions": {}},
        warnings=["3 polygons lie outside <the scene>."],
    )


def test_a_report_says_what_the_figures_rest_on(tmp_path: Path) -> None:
    text = full_page(tmp_path / "r.html").text
    assert "97.31 % Overall accuracy" in text
    assert "Tested 2 of 3 classes on 1,747 pixels" in text
    assert "Protocol: whole polygons" in text
    assert "Not tested: Ödland" in text
    assert "3.162 pixels apart" in text
    assert "3 polygons lie outside <the scene>." in text
    assert "Class Value Training Test Wälder 1 30 1,235 See 2 10 512 Sum 40 1,747" in text
    assert "kept: epoch 28" in text
    assert "Path /data/<a>.tif Bands 1, 2, 3" in text
    assert "Versions" not in text


def test_a_report_needs_and_runs_nothing(tmp_path: Path) -> None:
    """No script, no link, no address but data inside the file; names cannot add any."""
    read = full_page(tmp_path / "r.html")
    assert "Wälder & <script>alert(1)</script>" in read.text
    for tag, attributes in read.tags:
        assert tag not in {"script", "link", "iframe", "a", "object", "base"}
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes
        assert (attributes.get("src") or "data:").startswith("data:")
    assert "url(" not in (tmp_path / "r.html").read_text(encoding="utf-8")
    policies = [a["content"] for _, a in read.tags if a.get("http-equiv")]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def split_of(text: str) -> dict[str, Any]:
    row = {"value": 1, "name": text, "train": 1}
    return {"description": text, "untested": [text], "classes": [row]}


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=40), color=st.sampled_from(["#123456", "#ffffff"]))
def test_no_text_can_break_the_page(tmp_path_factory: Any, text: str, color: str) -> None:
    table = ClassTable((LandCoverClass(1, text, color, text), LandCoverClass(2, "b", color, "b")))
    path = tmp_path_factory.mktemp("report") / "r.html"
    accuracy = Accuracy(np.array([[1, 2], [3, 4]]), table)
    tags = page(
        path,
        accuracy=accuracy,
        protocol=text,
        split={
            "description": text,
            "untested": [text],
            "classes": [{"value": 1, "name": text, "p": 1}],
        },
        previews=[class_preview(text, np.array([[0, 1]]), table)],
        facts={text or "a": {text: text, "list": [text], "object": {text: text}}},
        warnings=[text],
    ).tags
    plain = page(
        path,
        accuracy=accuracy,
        protocol="p",
        split={
            "description": "d",
            "untested": ["a"],
            "classes": [{"value": 1, "name": "a", "p": 1}],
        },
        previews=[class_preview("c", np.array([[0, 1]]), table)],
        facts={"a": {"b": "c", "list": ["d"], "object": {"e": "f"}}},
        warnings=["w"],
    ).tags
    # An empty description has no paragraph; otherwise the text changes no tag at all.
    missing = 0 if text else 1
    assert len(tags) == len(plain) - missing


def test_the_matrix_and_its_sums(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", title="t", accuracy=ACCURACY)
    source = (tmp_path / "r.html").read_text(encoding="utf-8")
    matrix = source[source.index('<table class="matrix">') :]
    rows = [
        [html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall("<td.*?</td>", row)]
        for row in re.findall("<tr.*?</tr>", matrix[: matrix.index("</table>")])
    ]
    assert rows == [
        [],
        ["1,200", "34", "1", "1,235"],
        ["7", "500", "5", "512"],
        ["", "", "0", "0"],
        ["1,207", "534", "6", "1,747"],
    ]


def test_figures_of_every_class(tmp_path: Path) -> None:
    text = full_page(tmp_path / "r.html").text
    assert 'See "groß" 2 512 534 97.66 % 93.63 % 95.60 % 91.58 %' in text
    assert "Ödland 9 not tested 6 \N{EN DASH} 0.00 %" in text


def test_very_many_classes_get_no_matrix_but_their_confusions(tmp_path: Path) -> None:
    classes = MAX_MATRIX_CLASSES + 1
    table = ClassTable(
        tuple(LandCoverClass(i + 1, f"C{i + 1}", "#000000", "") for i in range(classes))
    )
    matrix = np.eye(classes, dtype=np.int64) * 10
    matrix[3, 5] = 30
    read = page(tmp_path / "r.html", accuracy=Accuracy(matrix, table))
    assert all(attributes.get("class") != "matrix" for _, attributes in read.tags)
    assert "C4 C6 30 75.00 %" in read.text


@pytest.mark.parametrize("accuracy", [None, Accuracy(np.zeros((3, 3), np.int64), TABLE)])
def test_a_training_without_test_pixels_says_so(tmp_path: Path, accuracy: Accuracy | None) -> None:
    read = page(tmp_path / "r.html", accuracy=accuracy, split=SPLIT, protocol="all to training")
    assert "No accuracy: no pixel was left for testing." in read.text
    assert "Not tested: Ödland" in read.text
    assert "all to training" in read.text
    assert "%" not in read.text
    assert "nan" not in read.text.lower()


def test_an_empty_report_is_a_page(tmp_path: Path) -> None:
    assert "Bericht <1>" in page(tmp_path / "r.html").text


def test_a_name_in_a_broken_encoding_does_not_stop_the_report(tmp_path: Path) -> None:
    assert "a?b" in page(tmp_path / "r.html", warnings=["a\udcffb"]).text


def decoded(content: bytes, folder: Path) -> np.ndarray:
    (folder / "image.png").write_bytes(content)
    with rasterio.open(folder / "image.png") as image:
        return np.moveaxis(image.read(), 0, 2)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@settings(max_examples=40, deadline=None)
@given(
    pixels=st.sampled_from([3, 4]).flatmap(
        lambda channels: st_numpy.arrays(
            np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(channels))
        )
    )
)
def test_images_are_read_as_they_were(tmp_path_factory: Any, pixels: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("png")
    assert (decoded(png.encode(pixels), folder) == pixels).all()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_map_in_the_report_has_the_colors_of_the_classes(tmp_path: Path) -> None:
    read = full_page(tmp_path / "r.html")
    sources = [attributes["src"] or "" for tag, attributes in read.tags if tag == "img"]
    image = decoded(base64.b64decode(sources[0].partition(",")[2]), tmp_path)
    first, second, third = ([*item.rgb, 255] for item in TABLE)
    assert image.tolist() == [[first, second, third], [[0, 0, 0, 0], second, second]]
    scene = decoded(base64.b64decode(sources[1].partition(",")[2]), tmp_path)
    assert scene[0, 0].tolist() == [128, 128, 128, 255]
    assert scene[1, 0].tolist() == [0, 0, 0, 0]


@given(rows=st.integers(1, 5000), cols=st.integers(1, 5000))
@settings(max_examples=20, deadline=None)
def test_previews_are_small_and_invent_no_class(rows: int, cols: int) -> None:
    index = np.broadcast_to(np.arange(cols) % 2, (rows, cols))
    pixels = class_preview("Map", index, TABLE).pixels
    assert 1 <= max(pixels.shape[:2]) <= MAX_SIDE
    colors = {tuple(color) for color in pixels.reshape(-1, 4)}
    assert colors <= {(*TABLE[0].rgb, 255), (*TABLE[1].rgb, 255)}


FIGURES = st.one_of(st.none(), st.floats(0, 1), st.just(math.nan))


@settings(max_examples=100, deadline=None)
@given(
    figures=st.lists(st.tuples(FIGURES, FIGURES), max_size=30),
    best=st.one_of(st.none(), st.integers(1, 30)),
)
def test_curves_stay_inside_their_chart(
    figures: list[tuple[float | None, float | None]], best: int | None
) -> None:
    curves = [
        {"epoch": i, "loss": loss, "validation_accuracy": accuracy}
        for i, (loss, accuracy) in enumerate(figures, start=1)
    ]
    svg = learning_curves(curves, best)
    drawable = [v for pair in figures for v in pair if v is not None and not math.isnan(v)]
    assert bool(svg) == bool(drawable)
    if not svg:
        return
    root = ElementTree.fromstring(svg)
    width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", element.get("d", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
        assert "nan" not in ElementTree.tostring(element, encoding="unicode")


def test_the_kept_epoch_is_marked_where_it_is() -> None:
    svg = ElementTree.fromstring(learning_curves(CURVES, 30))
    assert len(svg.findall(".//path[@class='best']")) == 2
    dot = svg.find(".//circle[@class='bestdot']")
    line = svg.find(".//path[@class='line']")
    assert dot is not None
    assert line is not None
    assert line.attrib["d"].endswith(f"{dot.attrib['cx']} {dot.attrib['cy']}")


def test_a_gap_in_the_figures_is_a_gap_in_the_curve() -> None:
    curves = [{"epoch": e, "loss": None if e == 3 else float(e)} for e in range(1, 7)]
    svg = ElementTree.fromstring(learning_curves(curves))
    assert len(svg.findall(".//path[@class='line']")) == 2


def test_a_long_training_gives_a_small_chart() -> None:
    curves = [{"epoch": e, "loss": 1 / e, "validation_accuracy": 0.5} for e in range(1, 200_001)]
    assert len(learning_curves(curves, 77)) < 100_000


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-6, 1e6), count=st.integers(2, 10))
def test_ticks_are_few_and_inside(low: float, width: float, count: int) -> None:
    high = low + width
    if not high > low:
        assert ticks(low, high) == [low]
        return
    values = ticks(low, high, count)
    slack = 1e-6 * max(width, abs(low) * 1e-6)
    assert len(values) <= count + 1
    assert all(low - slack <= v <= high + slack for v in values)


def calibrated(temperature: float, reason: str = "") -> Calibration:
    """A calibration judged on pixels that are right as often as scores at temperature 2 say."""
    generator = np.random.default_rng(0)
    scores = generator.normal(0, 4, (3000, 3))
    shares = softmax(scores / 2, axis=1).cumsum(axis=1)
    classes = np.minimum((generator.random((3000, 1)) > shares).sum(axis=1), 2)
    test = judge(scores, classes, temperature)
    return Calibration(temperature, reason, 50, 9, 2.2, (2.0, 2.4), 0.9, 0.8, test)


def test_a_report_draws_how_far_confidence_can_be_trusted(tmp_path: Path) -> None:
    read = page(tmp_path / "r.html", calibration=calibrated(2.0))
    assert (
        "Probabilities are calibrated with temperature 2, which makes them less sure" in read.text
    )
    assert "Before scaling" in read.text and "After scaling, as in the maps" in read.text
    assert re.search(
        r"on 3,000 test pixels: \d+\.\d\d % before scaling, \d\.\d\d % after", read.text
    )
    assert "after, not larger than before" in read.text
    # Two panels, each with its columns; fifteen bins in each, and in the table.
    dots = [a for tag, a in read.tags if tag == "circle" and a.get("class") == "dot"]
    assert len(dots) == 30
    assert "A pixel is unsure where its confidence is below 50 %" in read.text
    assert "Confidence below Test pixels set aside" in read.text


def test_a_report_says_where_scaling_was_not_used_or_did_not_help(tmp_path: Path) -> None:
    read = page(tmp_path / "a.html", calibration=calibrated(1.0, "Nothing to fit on."))
    assert "not calibrated. Nothing to fit on." in read.text
    assert "As in the maps, without scaling" in read.text and "After scaling" not in read.text
    read = page(tmp_path / "b.html", calibration=calibrated(6.0))
    assert "larger than before: scaling did not help on these pixels" in read.text
    read = page(tmp_path / "c.html", calibration=Calibration())
    assert "No pixel was left for testing the confidence" in read.text
