"""Every sentence of the first tab has a row in the table of languages."""

import ast
import json
import re
from html import unescape

import pytest

from interrogator.images import decode, formats
from interrogator.models.choice import active_notice
from interrogator.models.registry import ASSETS, NOTE, PRESETS
from interrogator.options import options_of
from interrogator.result import Interrogation
from interrogator.serving import guard
from interrogator.targets import TARGETS
from interrogator.vocabulary import selection
from interrogator.vocabulary.lists import built_in
from interrogator.web import chips, folds, tab, views
from interrogator.web.components import AT_ONCE, mode_sentences
from interrogator.web.handlers import BUG, WAITING
from interrogator.web.many import edits, files
from interrogator.web.many import fold as many
from interrogator.web.several import fold, work
from interrogator.web.several.work import NamedFile
from server import calls

TABLE = json.loads((ASSETS / "languages.json").read_text("utf-8"))
PLACE = re.compile(r"\{[…#]?\}")
WITHIN = r"((?:(?!\. [A-Z“]).)+?)"
SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z“])")


def pattern_of(row):
    between = [re.escape(text) for text in PLACE.split(row)]
    places = [r"([\d.,]+)" if place == "{#}" else WITHIN for place in PLACE.findall(row)]
    return re.compile("".join(a + b for a, b in zip(between, [*places, ""], strict=True)), re.S)


PATTERNS = [(pattern_of(row), row) for row in sorted(TABLE, key=len, reverse=True) if "}" in row]
OPTIONS = options_of("page").values()


def translated(text, column=0, is_part=False):
    """What assets/languages.js shows in place of a text; None where it has nothing of it."""
    if text in TABLE:
        return TABLE[text][column]
    for pattern, row in PATTERNS:
        if found := pattern.fullmatch(text):
            places = zip(found.groups(), PLACE.findall(row), strict=True)
            parts = [
                (translated(part, column, True) or part) if place == "{…}" else part
                for part, place in places
            ]
            between = TABLE[row][column].split("{}")
            return "".join(a + b for a, b in zip(between, [*parts, ""], strict=True))
    for between in [SENTENCES, "; ", ", "] if is_part else [SENTENCES]:
        pieces = re.split(between, text)
        if len(pieces) > 1:
            every = [translated(piece, column, is_part) for piece in pieces]
            joint = " " if between is SENTENCES else between
            return None if None in every else joint.join(every)
    return None


def has_row(text):
    return translated(text) is not None


def texts_of(html):
    found = [unescape(text).strip() for text in re.split(r"<[^>]*>", html)]
    return [text for text in found if re.search("[a-z]{2}", text)]


def unique(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}
    return dict(pairs)


def test_no_row_is_there_twice():
    json.loads((ASSETS / "languages.json").read_text("utf-8"), object_pairs_hook=unique)


def test_every_row_says_the_same_in_three_languages():
    for row, others in TABLE.items():
        assert len(others) == 3, row
        assert {other.count("{}") for other in others} == {len(PLACE.findall(row))}, row
        assert all(other.strip() for other in others), row


@pytest.mark.parametrize("option", OPTIONS, ids=[option.name for option in OPTIONS])
def test_every_option_has_its_rows(option):
    texts = {option.label, option.placeholder or option.label}
    texts |= set() if option.name == "mode" or option.kind == "switch" else {option.help}
    if option.kind == "files":
        texts = {option.help.rstrip(".")}
    if option.kind == "choice" and option.section in ("words", "caption"):
        texts |= {f"{value} – {text}" for value, text in option.choices.items()}
    assert [text for text in texts if not has_row(text)] == []


def test_what_the_browser_says_has_its_rows():
    for script, name in (("settings.js", "CHANGED"), ("workbench.js", "LIKE_IT")):
        (text,) = re.findall(f'const {name} = "(.+)";', (ASSETS / script).read_text("utf-8"))
        assert has_row(text)
    done = Interrogation("fast", {}, {}, prompt="a cat", negative_prompt="a dog")
    said = {form["instead"] for form in chips.forms(done).values()} | {AT_ONCE, "No artists"}
    assert len(said) > 4
    assert all(has_row(text) for text in said if text)


def test_many_pictures_have_their_rows():
    script = (ASSETS / "many.js").read_text("utf-8")
    texts = {many.ABOUT, many.HINT, many.IDLE, many.LOOKING, many.TAKE, *edits.EDITS}
    texts |= {
        edits.describe(e, "a, b", other, ["a", "b"], ["a", "c"])
        for e in edits.EDITS
        for other in ("", "c")
    }
    texts |= {edits.NO_WORDS, edits.NOTHING, edits.TOO_LONG}
    texts |= {files.TOO_MANY, files.LONG_ZIP, files.EMPTY_ZIP}
    said = re.findall(r'line\("\w+", (["`])(.+)\1\)', script)
    texts |= {re.sub(r"\$\{.*?\}(?=[ .])", "5", text) for _, text in said}
    texts |= set(re.findall(r'(?:WAITING|COMPUTING|DONE|GUESS) = "(.+?)"', script))
    assert len(texts) > 20
    assert [text for text in texts if not has_row(text)] == []


def test_what_the_page_is_made_of_has_its_rows(handlers):
    values = {"preset": "demo", "mode": "best", "dropped": ["cat"], "banned": "by"}
    picture = str(ASSETS / "examples" / "cat-pop-art.jpg")
    drawn = list(handlers.draw(picture, handlers.request(values)))
    (scored,) = handlers.rescore(picture, "a cat", handlers.request(values), None, tab.STANDS)
    several = [NamedFile(picture, "cat")] * 2 + [NamedFile(__file__, "cat")]
    *_, (_, report) = work.draw(handlers.service, several, handlers.request(values))
    html = re.sub(r'<(\w+) translate="no">.*?</\1>', "", report) + f"<p>{fold.ABOUT}</p>"
    html += chips.empty() + folds.explained(None) + mode_sentences(options_of("page")["mode"])
    html += f"<p>{work.BEST_SO_FAR} Similarity with their mean 0.312.</p>"
    html += views.status(WAITING) + views.status(tab.STOPPED) + views.status(NOTE)
    html += "".join(update.status for update in [*drawn, scored])
    html += "".join(f"<i>{target.described}</i>" for target in TARGETS.values())
    html += "".join(f"<i>{category}</i>" for category in built_in().categories)
    html += re.sub(r'<span class="bar-label">.*?</span>|<span class="bar-value">.*?</span></div>',
        "", drawn[-1].explained,
    ) + re.sub(r"<button.*?</button>", "", drawn[-1].phrases + drawn[-1].notes)  # fmt: skip
    unknown = {text for text in texts_of(html) if not has_row(text)}
    assert not {text for text in unknown if not re.fullmatch(r"[\d,.]+ (ms|s)|by|cat", text)}


# Modules whose errors and progress come to the page; what only a program or a command can do wrong
# is left out.
SOURCES = [
    *ASSETS.parent.glob("interrogator/*/*.py"), *ASSETS.parent.glob("interrogator/*/*/*.py"),
    ASSETS.parent / "interrogator/pipeline.py", ASSETS.parent / "interrogator/settings.py",
]  # fmt: skip
ELSEWHERE = re.compile(
    r"interrogator/(batch/|insight/(nearest|together)|option)|`picture`|prompt must be|"
    r"Check the path|no folder|no phrase lists|address|detail|no mode|no choice|cannot be read:|"
    r"name another folder|cannot be written: 7|^7\. This goes on"
)
# Put together of more than one string: their like is checked instead.
BUILT = re.compile(r"7 need7|^7\. Save|; 7$|Of phrases, 7$|Use 7|CLIP; 7\)")
MEMORY = "about 9.1 GB of memory, and 4.0 GB are to be had here. Choose smaller models; "
LIKE = (
    f"A and B need {MEMORY}these presets fit: demo.",
    f"A needs {MEMORY}these presets fit: light, demo.",
    *(f"The {kind} is built of too many pieces. Save the picture again and try again."
      for kind in ("JPEG", "PNG", "GIF")),
    f"The file is not a picture that can be read. Use {formats.FORMATS_TEXT}.",
    f"Your lists have 5,000 phrases; {selection.TOO_MANY.format(2000)}",
    f"Your lists have over 1 MB. Of phrases, {selection.TOO_MANY.format(2000)}",
    "Encoding 2,000 phrases (once for this vocabulary and CLIP; 4 MB on disk)",
    work.TOO_MANY.format(15, 12), work.FEWEST,
)  # fmt: skip


def sentence(node):
    """A string of the source with 7 at its places; None where it is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "7" for v in node.values)
    return None


def sentences():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("InterrogatorError", "Progress", "report"):
                    text = sentence(node.args[0])
                    text = text and text.replace(". 7", ".").strip()  # a sentence of its own
                    if text and not (ELSEWHERE.search(str(path)) or ELSEWHERE.search(text)):
                        yield text


def test_every_sentence_that_an_error_says_on_the_page_has_its_rows():
    found = set(sentences())
    assert len(found) > 60
    found = {text for text in found if not BUILT.search(text)} | set(LIKE)
    assert [text for text in found if not has_row(text)] == []
    assert all(name in TABLE and has_row(advice) for _, _, name, advice in formats.OTHERS)
    for text in (guard.NO_MEMORY, guard.DEVICE_LOST, decode.NO_PICTURE, BUG, calls.NO_UPLOAD):
        assert has_row(text)


@pytest.mark.parametrize(
    ("text", "german"),
    [
        (
            "Your lists: 2 phrases; 2 lines dropped (blank line 1, duplicate 1); 1 line mended "
            "(weight syntax 1). Of these, 1 stands in the other lists already. Ranked: 10,303 "
            "phrases; left out: 5 (names an artist 3, banned 2).",
            "Deine Listen: 2 Ausdrücke; 2 Zeilen verworfen (leere Zeile 1, doppelt 1); 1 Zeile "
            "ausgebessert (Gewichte 1). Davon steht 1 schon in den anderen Listen. Gewertet: "
            "10,303 Ausdrücke; weggelassen: 5 (nennt einen Künstler 3, verboten 2).",
        ),
        ("Ranked: 1 phrase.", "Gewertet: 1 Ausdruck."),
        (
            "demo: tiny models that ship with the app; they know what our painter paints; on this "
            "machine already.",
            "demo: winzige Modelle, die zur App gehören; sie kennen, was unser Maler malt; schon "
            "auf diesem Rechner.",
        ),
        (
            "The file is a ZIP archive, which is not read. Unpack it and send one of its pictures.",
            "Die Datei ist ein ZIP-Archiv; das wird nicht gelesen. Entpacke es und sende eines "
            "seiner Bilder.",
        ),
        (
            "This server lets each visitor begin 6 computations and uploads a minute. Try again in "
            "1 second.",
            "Dieser Server lässt jeden 6 Berechnungen und Uploads je Minute beginnen. Versuche es "
            "in 1 Sekunde wieder.",
        ),
        ("movements, 97% likely", "Stilrichtungen, zu 97 % wahrscheinlich"),
        ("The caption says “a cat, fast” too: change it there, or ban the words.",
         "Auch die Beschreibung sagt „a cat, fast“: ändere es dort, oder verbiete die Wörter."),
    ],
)  # fmt: skip
def test_numbers_names_and_parts_stand_where_they_belong(text, german):
    assert translated(text) == german


def test_what_words_come_to_is_said_in_other_languages(handlers):
    values = {
        "preset": "demo", "own_words": "(fog:1.2)\n\nfog\npop art\n__x__\n...",
        "name_artists": "none", "banned": "oil",
    }  # fmt: skip
    for more in ({}, {"own_lists": "replace"}, {"own_words": ""}, {"own_words": "x\n" * 3}):
        html = handlers.describe_words({**values, **more})
        assert [text for text in texts_of(html) if not has_row(text)] == []
        assert not re.search("phrase|line|artist", translated(texts_of(html)[0]))
    for preset in PRESETS:
        (note,) = texts_of(handlers.describe_models({"preset": preset}))
        assert not re.search(r"\b(the|on|for)\b", translated(note)), note


def test_notes_are_said_in_other_languages(handlers):
    notice = active_notice(PRESETS["demo"], "The model hub cannot be reached from this machine.")
    for text in (notice, active_notice(PRESETS["light"])):
        assert has_row(text), text
