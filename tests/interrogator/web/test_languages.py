"""Every sentence of the first tab has a row in the table of languages."""

import json
import re
from html import unescape

import pytest

from interrogator.models.registry import ASSETS, NOTE
from interrogator.options import options_of
from interrogator.targets import TARGETS
from interrogator.vocabulary.lists import built_in
from interrogator.web import chips, folds, tab, views
from interrogator.web.components import mode_sentences
from interrogator.web.handlers import WAITING
from interrogator.web.many import edits, files, fold

TABLE = json.loads((ASSETS / "languages.json").read_text("utf-8"))
PATTERNS = [re.compile(re.escape(row).replace(r"\{\}", "(.+?)")) for row in TABLE if "{}" in row]
OPTIONS = options_of("page").values()


def has_row(text):
    return text in TABLE or any(pattern.fullmatch(text) for pattern in PATTERNS)


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
        assert {other.count("{}") for other in others} == {row.count("{}")}, row
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


def test_many_pictures_have_their_rows():
    script = (ASSETS / "many.js").read_text("utf-8")
    texts = {fold.ABOUT, fold.HINT, fold.IDLE, fold.LOOKING, *edits.EDITS}
    texts |= {edits.NO_WORDS, edits.NOTHING, edits.TOO_LONG}
    texts |= {files.TOO_MANY, files.LONG_ZIP, files.EMPTY_ZIP}
    said = re.findall(r'line\("\w+", (["`])(.+)\1\)', script)
    texts |= {re.sub(r"\$\{.*?\}(?=[ .])", "5", text) for _, text in said}
    texts |= set(re.findall(r'(?:WAITING|COMPUTING|DONE) = "(.+?)"', script))
    assert len(texts) > 20
    assert [text for text in texts if not has_row(text)] == []


def test_what_the_page_is_made_of_has_its_rows(handlers):
    values = {"preset": "demo", "mode": "best", "dropped": ["cat"], "banned": "by"}
    picture = str(ASSETS / "examples" / "cat-pop-art.jpg")
    drawn = list(handlers.draw(picture, handlers.request(values)))
    (scored,) = handlers.rescore(picture, "a cat", handlers.request(values), None, tab.STANDS)
    html = chips.empty() + folds.explained(None) + mode_sentences(options_of("page")["mode"])
    html += views.status(WAITING) + views.status(tab.STOPPED) + views.status(NOTE)
    html += "".join(update.status for update in [*drawn, scored])
    html += "".join(f"<i>{target.described}</i>" for target in TARGETS.values())
    html += "".join(f"<i>{category}</i>" for category in built_in().categories)
    html += re.sub(r'<span class="bar-label">.*?</span>|<span class="bar-value">.*?</span></div>',
        "", drawn[-1].explained,
    ) + re.sub(r"<button.*?</button>", "", drawn[-1].phrases + drawn[-1].notes)  # fmt: skip
    unknown = {text for text in texts_of(html) if not has_row(text)}
    assert not {text for text in unknown if not re.fullmatch(r"[\d,.]+ (ms|s)|by|cat", text)}
