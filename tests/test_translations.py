"""The catalogs of the plugin's texts: complete, true to their sources, and nothing left out."""

from __future__ import annotations

import ast
import re
import string
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import translate

CATALOGS = translate.catalogs()

SHOWN = {
    *("QAction", "QCheckBox", "QGroupBox", "QLabel", "QMenu", "QPushButton", "QRadioButton"),
    *("addAction", "addItem", "addMenu", "addRow", "addTab", "pushMessage", "setAccessibleName"),
    *("setDescription", "setHelp", "setPlaceholderText", "setPrefix", "setStatusTip", "setSuffix"),
    *("setTabText", "setText", "setTitle", "setToolTip", "setWhatsThis", "setWindowTitle"),
    *("setHorizontalHeaderLabels", "setHtml", "setPlainText", "addButton", "warn"),
    *("pushCommandInfo", "pushDebugInfo", "pushInfo", "pushWarning", "reportError"),
    *("setProgressText", "getOpenFileName", "getSaveFileName", "getExistingDirectory"),
    *("labeled", "layer_picker", "field_picker", "setFormat"),
}
"""Calls that show people the texts they are given."""

NAMES = {"displayName", "group", "longName", "shortDescription", "shortHelpString", "about"}
"""Methods whose results QGIS shows."""

INTERNAL = {"AssertionError", "FileNotFoundError", "ImportError", "RuntimeError", "ValueError"}
"""Exceptions that tell a developer something."""

SAME_EVERYWHERE = {"MambaHSI", "GB"}


def messages(catalog: Path) -> list[translate.Message]:
    found = translate.read(catalog)
    assert found
    return found


def fields(text: str) -> Counter:
    """Placeholders of a format: which argument, how it is converted and formatted."""
    numbered = 0
    found: Counter = Counter()
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name:
            name, numbered = str(numbered), numbered + 1
        found[name, form, conversion] += 1
    return found


def mnemonics(text: str) -> list[str]:
    return re.findall(r"&(\w)", text.replace("&&", ""))


def each(check: object) -> object:
    return pytest.mark.parametrize("catalog", CATALOGS, ids=lambda path: path.stem)(check)


def test_chinese_is_there() -> None:
    """The readers of the paper that the network comes from."""
    assert "mambahsi_zh_CN" in {path.stem for path in CATALOGS}


@each
def test_catalog_holds_the_texts_of_the_code_and_no_others(catalog: Path) -> None:
    sources = [message.source for message in messages(catalog)]
    wanted = translate.texts()
    assert len(wanted) > 500
    assert set(wanted) - set(sources) == set(), "make translate adds them"
    assert set(sources) - set(wanted) == set(), "make translate removes them"
    assert len(sources) == len(set(sources))


@each
def test_catalog_is_finished(catalog: Path) -> None:
    assert [m.source for m in messages(catalog) if m.kind or not m.translation.strip()] == []


@each
def test_catalog_is_as_make_translate_writes_it(catalog: Path, tmp_path: Path) -> None:
    """One context, the language of its name, and nothing that the next update would change."""
    root = ET.parse(catalog).getroot()
    assert [name.text for name in root.iterfind("context/name")] == [translate.CONTEXT]
    assert f"mambahsi_{root.get('language')}" == catalog.stem
    copy = tmp_path / catalog.name
    copy.write_bytes(catalog.read_bytes())
    assert translate.update(copy, translate.texts()) == []
    assert copy.read_bytes() == catalog.read_bytes()


@each
def test_placeholders_agree(catalog: Path) -> None:
    for message in messages(catalog):
        assert fields(message.translation) == fields(message.source), message.source


@each
def test_marks_agree(catalog: Path) -> None:
    """Tags of HTML, patterns of file filters, parameters' names, years, and a space at an end."""
    for message in messages(catalog):
        source, said = message.source, message.translation
        assert re.findall(r"</?\w+>", said) == re.findall(r"</?\w+>", source), source
        pattern = r"\*\.?\w*"
        assert Counter(re.findall(pattern, said)) == Counter(re.findall(pattern, source)), source
        kept = r"\b[A-Z]{2,}_[A-Z]{2,}\b|\b(?:19|20)\d\d\b|\b0\.\d+\b|mambahsi:\w+"
        wanted, found = (re.findall(kept, text, re.ASCII) for text in (source, said))
        assert Counter(found) == Counter(wanted), source
        assert said.startswith(" ") == source.startswith(" "), source
        assert said.endswith(" ") == source.endswith(" "), source
        assert ("…" in said) == ("…" in source), source
        assert said.rstrip().endswith((":", "\N{FULLWIDTH COLON}")) == source.rstrip().endswith(
            ":"
        ), source
        assert (";;" in said) == (";;" in source), source


@each
def test_mnemonics_agree(catalog: Path) -> None:
    """The same letters, which are told apart in English already."""
    for message in messages(catalog):
        wanted = [letter.upper() for letter in mnemonics(message.source)]
        found = [letter.upper() for letter in mnemonics(message.translation)]
        assert found == wanted, message.source
        assert message.translation.count("&") == message.source.count("&"), message.source


def test_chinese_is_chinese() -> None:
    """Every translation has Chinese in it, but for names and what has no words."""
    (catalog,) = (path for path in CATALOGS if path.stem == "mambahsi_zh_CN")
    foreign = {
        m.source
        for m in messages(catalog)
        if not re.search(r"[\u4e00-\u9fff\uff0c\uff1a]", m.translation)
    }
    assert foreign <= {"CPU", "GPU", "Kappa", "MambaHSI", "PyPI", "{} ({:.0f} nm)"}


# What the plugin shows -------------------------------------------------------------------------


def visible(expression: ast.AST) -> Iterator[ast.Constant]:
    """Literal texts that an expression can be made of, those handed to a function excepted."""
    if isinstance(expression, ast.Constant):
        if isinstance(expression.value, str):
            yield expression
    elif isinstance(expression, ast.Call):
        # "…".format(…), "…".join(…)
        if isinstance(expression.func, ast.Attribute):
            yield from visible(expression.func.value)
    elif isinstance(expression, ast.IfExp):
        yield from visible(expression.body)
        yield from visible(expression.orelse)
    elif isinstance(expression, (ast.JoinedStr, ast.BoolOp, ast.List, ast.Tuple)):
        for part in ast.iter_child_nodes(expression):
            yield from visible(part)
    elif isinstance(expression, ast.BinOp):
        yield from visible(expression.left)
        yield from visible(expression.right)


def shown(tree: ast.AST) -> Iterator[ast.AST]:
    """Expressions of which people see the values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SHOWN or name.startswith("QgsProcessingParameter"):
                # The first argument of a parameter is its name in scripts.
                skipped = 1 if name.startswith("QgsProcessing") else 0
                yield from node.args[skipped : skipped + 2]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if getattr(node.exc.func, "id", "") not in INTERNAL:
                yield from node.exc.args
        elif isinstance(node, ast.FunctionDef) and node.name in NAMES:
            returns = (inner for inner in ast.walk(node) if isinstance(inner, ast.Return))
            yield from (inner.value for inner in returns if inner.value is not None)


def untranslated(tree: ast.AST) -> list[str]:
    """Words that people see and that did not go through ``tr``."""
    found = []
    for expression in shown(tree):
        for text in visible(expression):
            bare = re.sub(r"<[^>]*>|\{[^}]*\}|#\w+", " ", text.value)
            words = set(re.findall(r"[A-Za-z]{2,}", bare)) - SAME_EVERYWHERE
            if words and not re.fullmatch(r"mambahsi\w*|[a-z_]+\.svg", text.value):
                found.append(f"line {text.lineno}: {text.value}")
    return found


@pytest.mark.parametrize(
    "path",
    sorted(translate.PLUGIN.rglob("*.py")),
    ids=lambda path: str(path.relative_to(translate.PLUGIN)),
)
def test_nothing_is_shown_untranslated(path: Path) -> None:
    assert untranslated(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "QLabel(tr('Name'))",
        "button.setText(tr('Class {}').format(n))",
        "widget.setToolTip(tr('a') if x else tr('Words here'))",
        "bar.pushMessage('MambaHSI', tr('It failed'), level)",
        "raise QgsProcessingException(tr('No such layer: {}').format(name))",
        "class A:\n    def displayName(self):\n        return tr('Train model')",
        "label.setText('<b>' + tr('and bad') + f' {n}')",
        "QgsProcessingParameterString('NAME', tr('Name of it'))",
    ],
)
def test_what_is_shown_untranslated_is_found(code: str) -> None:
    assert untranslated(ast.parse(code)) == []
    assert untranslated(ast.parse(code.replace("tr(", "("))) != []


# The script ------------------------------------------------------------------------------------


def package(folder: Path, code: str) -> Path:
    made = folder / "package"
    made.mkdir(exist_ok=True)
    (made / "module.py").write_text(code, encoding="utf-8")
    return made


def test_texts_are_found_wherever_they_are(tmp_path: Path) -> None:
    code = "a = [tr('b'), tr('one ' 'text')]\ndef f():\n    return tr('a {}').format(tr('b'))\n"
    found = translate.texts(package(tmp_path, code), None)
    assert found == {text: ["package/module.py"] for text in ("b", "one text", "a {}")}


@pytest.mark.parametrize(
    "call", ["tr(text)", "tr(f'{x} y')", "tr('a' + b)", "tr('a', 'b')", "tr(text='a')", "tr(b'a')"]
)
def test_what_cannot_be_read_is_refused(call: str, tmp_path: Path) -> None:
    with pytest.raises(translate.NotLiteral, match="package/module.py:2: "):
        translate.texts(package(tmp_path, f"import x\n{call}\n"), None)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=30
)


@given(known=st.dictionaries(TEXTS, TEXTS), gone=st.sets(TEXTS), new=st.sets(TEXTS))
def test_an_update_keeps_adds_and_removes(
    known: dict[str, str], gone: set[str], new: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    catalog = tmp_path_factory.mktemp("catalog") / "mambahsi_de.ts"
    root = ET.Element("TS")
    context = ET.SubElement(root, "context")
    for source, translation in known.items():
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = source
        ET.SubElement(message, "translation").text = translation
    ET.ElementTree(root).write(catalog, encoding="utf-8")
    wanted = (set(known) - gone) | new
    missing = translate.update(catalog, {text: ["package/module.py"] for text in sorted(wanted)})
    assert missing == sorted(new - set(known))
    after = {message.source: message for message in translate.read(catalog)}
    assert set(after) == wanted
    for source, message in after.items():
        assert (message.translation, message.kind) == (
            (known[source], "") if source in known else ("", "unfinished")
        )
