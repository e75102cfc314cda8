"""The reader: what a source's pictures are called, their order, and how they are read."""

import io
import os
import tarfile
import zipfile

import pyarrow as pa
import pytest
from pyarrow import parquet

from interrogator.batch.pictures.items import MAX_BYTES
from interrogator.batch.pictures.sources import open_source
from interrogator.errors import InterrogatorError


def names(source):
    return [item.name for item in source.items()]


def contents(source):
    return {item.name: item.read() for item in source.items()}


def write(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def test_a_folder_is_read_with_its_folders_in_the_order_of_names(tmp_path):
    write(tmp_path, "b.png", "a/z.JPG", "a/y/x.webp", "c.txt", ".hidden.png", ".git/d.png")
    source = open_source(str(tmp_path))
    assert names(source) == ["a/y/x.webp", "a/z.JPG", "b.png"]
    assert contents(source)["a/z.JPG"] == b"a/z.JPG"
    assert names(source) == names(source)


def test_patterns_choose_by_name_or_by_path(tmp_path):
    write(tmp_path, "b.png", "a/z.jpg", "faces/one.png", "odd.picture")
    assert names(open_source(str(tmp_path), ["*.png"])) == ["b.png", "faces/one.png"]
    assert names(open_source(str(tmp_path), ["faces/*", "*.picture"])) == [
        "faces/one.png", "odd.picture"
    ]  # fmt: skip


def test_where_the_results_go_is_not_read(tmp_path):
    write(tmp_path, "b.png", "out/b.png")
    assert names(open_source(str(tmp_path), without=tmp_path / "out")) == ["b.png"]
    assert names(open_source(str(tmp_path), without=tmp_path)) == ["b.png", "out/b.png"]


def test_names_in_every_script_with_newlines_and_bytes_that_are_no_utf8(tmp_path):
    odd = ["猫.png", "קובץ.png", "naïve é.png", "two\nlines.png", 'quo"te,;.png', "emoji 🐈.png"]
    write(tmp_path, *odd)
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"invalid")
    found = contents(open_source(str(tmp_path)))
    assert set(found) == {*odd, "caf\udce9.png"}
    assert found["caf\udce9.png"] == b"invalid"
    shown = {item.name: item.shown for item in open_source(str(tmp_path)).items()}
    assert shown["caf\udce9.png"] == "caf\\xe9.png"
    assert shown["猫.png"] == "猫.png"


def test_links_in_circles_end_and_what_is_no_file_says_so(tmp_path):
    write(tmp_path, "a/b.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    source = open_source(str(tmp_path))
    assert names(source) == ["a/b.png", "gone.png", "pipe.png", "self.png"]
    for item in list(source.items())[1:]:
        with pytest.raises(InterrogatorError, match=r"No such file|not a file|Too many levels"):
            item.read()


def test_a_folder_that_cannot_be_opened_is_an_item_that_says_so(tmp_path, monkeypatch):
    write(tmp_path, "a/b.png", "shut/c.png")
    scan = os.scandir

    def refuse(folder):
        if folder.name == "shut":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    first, second = open_source(str(tmp_path)).items()
    assert (first.name, second.name) == ("a/b.png", "shut")
    with pytest.raises(InterrogatorError, match="Permission denied"):
        second.read()


def test_a_list_names_paths_addresses_and_comments(tmp_path, monkeypatch):
    write(tmp_path, "a b.png", "sub/c.png")
    elsewhere = tmp_path / "sub" / "c.png"
    lines = ["# mine", "a b.png", "", str(elsewhere), "missing.png", "https://example.org/d.png"]
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    items = list(open_source(str(tmp_path / "list.txt")).items())
    assert [item.name for item in items] == [lines[1], lines[3], lines[4], lines[5]]
    assert [item.read() for item in items[:2]] == [b"a b.png", b"sub/c.png"]
    with pytest.raises(InterrogatorError, match="No such file"):
        items[2].read()

    async def fetch(address, folder):
        (folder / "d.png").write_bytes(address.encode())
        return folder / "d.png"

    monkeypatch.setattr("interrogator.images.sources.fetch", fetch)
    assert items[3].read() == b"https://example.org/d.png"
    assert items[3].stamp  # it is not fetched again when it is done


def test_an_address_of_this_network_is_refused(tmp_path):
    (tmp_path / "list.txt").write_text("http://127.0.0.1:1/a.png")
    (item,) = open_source(str(tmp_path / "list.txt")).items()
    with pytest.raises(InterrogatorError, match="address"):
        item.read()


def test_a_list_between_null_characters_has_any_name(tmp_path):
    write(tmp_path, "two\nlines.png", " b.png")
    (tmp_path / "list.txt").write_bytes(b"two\nlines.png\0 b.png\0")
    assert names(open_source(str(tmp_path / "list.txt"))) == ["two\nlines.png", " b.png"]


def test_a_zip_is_read_in_its_order_without_what_is_no_picture(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("z.png", "in/a.jpg", "note.md", "__MACOSX/._z.png", "in/"):
            archive.writestr(name, name)
        archive.writestr("bomb.png", bytes(MAX_BYTES + 1))
    source = open_source(str(tmp_path / "a.zip"))
    assert names(source) == ["z.png", "in/a.jpg", "bomb.png"]
    *good, bomb = source.items()
    assert [item.read() for item in good] == [b"z.png", b"in/a.jpg"]
    with pytest.raises(InterrogatorError, match="over 30 MB"):
        bomb.read()


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_web_data_set_gives_its_pictures(tmp_path, ending):
    path = tmp_path / f"shard-0{ending}"
    with tarfile.open(path, "w:gz" if ending.endswith("gz") else "w") as archive:
        for name in ("0001.jpg", "0001.txt", "0001.json", "sub/0002.png"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    assert contents(open_source(str(path))) == {
        "0001.jpg": b"0001.jpg", "sub/0002.png": b"sub/0002.png"
    }  # fmt: skip


def test_a_pattern_names_several_shards(tmp_path):
    for shard in "ba":
        with zipfile.ZipFile(tmp_path / f"{shard}.zip", "w") as archive:
            archive.writestr(f"{shard}.png", shard)
    assert names(open_source(str(tmp_path / "*.zip"))) == ["a.png", "b.png"]


@pytest.mark.parametrize("struct", [False, True])
def test_a_parquet_gives_the_column_of_pictures(tmp_path, struct):
    data = [b"one", b"two", None, b"four"]
    pictures = [{"bytes": one, "path": "x"} for one in data] if struct else data
    table = pa.table({"label": [1, 2, 3, 4], "image": pictures, "path": ["a", "b", "", "d"]})
    parquet.write_table(table, tmp_path / "set.parquet", row_group_size=3)
    items = list(open_source(str(tmp_path / "set.parquet")).items())
    assert [item.name for item in items] == ["a", "b", "set/00000002", "d"]
    assert [items[i].read() for i in (3, 0, 1)] == [b"four", b"one", b"two"]
    with pytest.raises(InterrogatorError, match="no picture"):
        items[2].read()


def test_a_parquet_without_pictures_says_what_it_has(tmp_path):
    parquet.write_table(pa.table({"label": [1], "word": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InterrogatorError, match="label, word"):
        names(open_source(str(tmp_path / "a.parquet")))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.parquet"])
def test_a_damaged_archive_says_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"damaged" * 99)
    with pytest.raises(InterrogatorError, match=f"{name} is damaged"):
        names(open_source(str(tmp_path / name)))


@pytest.mark.parametrize("name", ["none", "a.docx", "*.tar"])
def test_what_is_no_source_says_what_is(tmp_path, name):
    (tmp_path / "a.docx").touch()
    with pytest.raises(InterrogatorError, match=r"a folder, a list"):
        open_source(str(tmp_path / name))
