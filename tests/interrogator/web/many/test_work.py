"""What is read of uploads and zips, and a turn at computing."""

import io
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from interrogator.batch.pictures import items
from interrogator.errors import InterrogatorError
from interrogator.images.decode import MAX_BYTES
from interrogator.models.registry import ASSETS
from interrogator.settings import Settings
from interrogator.web.many import files, fold, work
from interrogator.web.several.work import NamedFile

CAT, CITY = (ASSETS / "examples" / f"{name}.jpg" for name in ("cat-pop-art", "city-art-deco"))


@pytest.fixture
def zipped(tmp_path):
    """Pack files into an upload whose own name its visitor does not see."""

    def zipped(contents, name="mine.zip"):
        path = tmp_path / "upload.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in contents:
                archive.writestr(member, data)
        return NamedFile(str(path), name)

    return zipped


def upload(path):
    return NamedFile(str(path), path.name)


def test_all_of_a_zip_is_a_row_with_a_thumbnail_or_a_sentence(zipped):
    cat = CAT.read_bytes()
    contents = [
        ("in/", b""), ("in/a.jpg", cat), ("../../out.jpg", cat), ("bomb.png", bytes(MAX_BYTES + 1)),
        ("note.md", b"# a note"), ("cut.jpg", cat[:300]), ("empty.png", b""),
        ("__MACOSX/in/._a.jpg", b"x"), (".DS_Store", b"x"),
    ]  # fmt: skip
    status, mail = fold.look([upload(CITY), zipped(contents)])
    found = {row["name"]: row["error"] for row in mail["rows"]}
    assert [name for name, error in found.items() if not error] == [
        CITY.name,
        "in/a.jpg",
        "../../out.jpg",
    ]
    assert "over 30 MB" in found["bomb.png"]
    assert "not a picture" in found["note.md"]
    assert "damaged" in found["cut.jpg"]
    assert "empty" in found["empty.png"]
    assert len(found) == 7
    assert all(
        row["thumbnail"].startswith("data:image/jpeg") != bool(row["error"]) for row in mail["rows"]
    )
    assert "3 of 7 files can be read." in status
    assert items._opened_zip.cache_info().currsize == 0  # none is held open


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" * 99])
def test_a_zip_that_is_none_is_a_row_with_the_name_that_its_visitor_knows(tmp_path, data):
    (tmp_path / "upload.zip").write_bytes(data)
    _, mail = fold.look([NamedFile(str(tmp_path / "upload.zip"), "mine.zip"), upload(CAT)])
    bad, good = mail["rows"]
    assert bad["name"] == "mine.zip"
    assert bad["error"]
    assert "upload.zip" not in bad["error"]
    assert good["error"] is None


def test_a_zip_with_a_very_long_list_is_not_opened(zipped, monkeypatch):
    file = zipped([(f"{number:0>200}.png", b"") for number in range(4200)])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    (item,) = files.items_of([file])
    assert "far too many files" in files.look_at(item).error


def test_more_than_the_limit_is_a_sentence_and_nothing_is_read(zipped):
    status, mail = fold.look([zipped([(f"{number}.png", b"") for number in range(61)])])
    assert "more than 60 pictures" in status
    assert mail == {"rows": []}
    with pytest.raises(InterrogatorError, match="docs/batch"):
        files.items_of([upload(CAT)] * 61)


def turns(handlers, several, positions, **values):
    request = handlers.request({"preset": "demo", **values})
    return list(work.take_turn(handlers.service, several, positions, request))


def test_a_turn_does_a_few_as_if_each_were_alone(handlers, demo, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    several = [upload(path) for path in (CAT, bad, CITY, CAT, CITY, CAT)]
    *_, last = turns(handlers, several, [0, 1, 2, 5, 4])
    assert [one["position"] for one in last.results] == [0, 1, 2, 5]
    assert "not a picture" in last.results[1]["error"]
    alone = demo.run(Image.open(CAT).convert("RGB"), Settings())
    assert (last.results[0]["prompt"], last.results[0]["caption"]) == (alone.prompt, alone.caption)
    assert last.results[3]["prompt"] == alone.prompt
    *_, other = turns(handlers, several, [0], target="midjourney", with_negative=True)
    assert "--no" in other.results[0]["prompt"]


def test_positions_that_are_none_are_no_traceback(handlers):
    *_, last = turns(handlers, [upload(CAT)], [7, -1])
    assert last.results == []


def test_a_turn_takes_no_longer_than_one_picture_may(handlers):
    request = handlers.request({"preset": "demo", "mode": "best"})
    shared = work.shared_time(request)
    assert work.AT_ONCE * shared.settings.seconds <= 120
    own = replace(request, settings=replace(request.settings, seconds=3.0))
    assert work.shared_time(own).settings.seconds == 3.0
    assert [work.affordable(s, 4) for s in (0, 10, 99, 140, 299, 400)] == [4, 4, 3, 2, 1, 1]
    assert work.affordable(1, 60) == work.AT_ONCE


def test_what_costs_too_much_is_refused_with_its_price(handlers, monkeypatch):
    monkeypatch.setattr("interrogator.serving.price.HOLD_SECONDS", 0.001)
    *_, last = turns(handlers, [upload(CAT)], [0], mode="best")
    assert last.results is None
    assert "This would take about" in last.error


def test_a_bug_is_a_sentence_too(handlers, monkeypatch):
    monkeypatch.setattr(handlers.service, "ask", lambda *_: iter([1]))
    *_, last = turns(handlers, [upload(CAT)], [0])
    assert "in the server's log" in last.error


def test_no_picture_is_read_twice_for_memory(zipped):
    """A thumbnail is all that is kept of a picture."""
    big = io.BytesIO()
    Image.effect_noise((900, 900), 90).save(big, "PNG")
    (row,) = fold.look([zipped([("a.png", big.getvalue())])])[1]["rows"]
    assert len(row["thumbnail"]) < 12_000
