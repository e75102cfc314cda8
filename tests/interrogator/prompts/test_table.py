from pathlib import Path

import torch
from safetensors.torch import save_file

from interrogator.prompts import table as tables
from interrogator.prompts.table import neutral_pictures, ship, table_for
from interrogator.vocabulary.lists import Vocabulary

WORDS = Vocabulary("w", {"a": ("oil painting", "a cat"), "b": ("by Claude Monet",)})


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_rows_are_the_phrases_vectors(demo, tmp_path):
    clip = demo.models.clip
    table = table_for(WORDS, clip, folder=tmp_path)
    assert torch.equal(table.matrix, clip.encode_text(WORDS.phrases))
    pictures = clip.encode_images(neutral_pictures())
    assert torch.equal(table.neutral, table.matrix @ pictures.T)


def test_the_second_time_nothing_is_computed(demo, tmp_path, monkeypatch):
    first = table_for(WORDS, demo.models.clip, folder=tmp_path)
    monkeypatch.setattr(type(demo.models.clip), "encode_text", None)
    second = table_for(WORDS, demo.models.clip, folder=tmp_path)
    assert torch.equal(first.matrix, second.matrix)
    assert len(files(tmp_path)) == 1


def test_other_phrases_make_another_file(demo, tmp_path):
    table_for(WORDS, demo.models.clip, folder=tmp_path)
    table_for(Vocabulary("w", {"a": ("oil painting",)}), demo.models.clip, folder=tmp_path)
    assert len(files(tmp_path)) == 2


def test_a_file_of_another_width_is_made_anew(demo, tmp_path):
    first = table_for(WORDS, demo.models.clip, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    save_file({"matrix": torch.zeros(3, 7), "neutral": torch.zeros(3, 4)}, path)
    assert torch.equal(table_for(WORDS, demo.models.clip, folder=tmp_path).matrix, first.matrix)


def test_a_damaged_file_is_made_anew(demo, tmp_path):
    first = table_for(WORDS, demo.models.clip, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        assert torch.equal(table_for(WORDS, demo.models.clip, folder=tmp_path).matrix, first.matrix)
        assert path.read_bytes() == whole
    assert files(tmp_path) == [path.name]


def test_a_flipped_bit_is_found(demo, tmp_path):
    first = table_for(WORDS, demo.models.clip, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    for value in (float("nan"), 1e30, 0.5 + first.matrix[1, 3]):
        matrix = first.matrix.clone()
        matrix[1, 3] = value
        save_file({"matrix": matrix, "neutral": first.neutral}, path)
        assert torch.equal(table_for(WORDS, demo.models.clip, folder=tmp_path).matrix, first.matrix)


def test_size_and_progress_are_told(demo, tmp_path):
    told = []
    table_for(WORDS, demo.models.clip, lambda *step: told.append(step), folder=tmp_path)
    assert told[0] == ("Encoding 3 phrases (once for this vocabulary and CLIP; 0 MB on disk)", 0.0)
    assert told[-1][1] == 1.0


def test_a_place_that_cannot_be_written_costs_only_time(demo, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    table = table_for(WORDS, demo.models.clip, folder=blocked)
    assert table.matrix.shape[0] == 3
    assert files(tmp_path) == ["file"]


def test_a_folder_that_may_not_be_entered_costs_only_time(demo, tmp_path, monkeypatch):
    exists = Path.exists

    def refuse(self):
        if self.is_relative_to(tmp_path):
            raise PermissionError(13, "no")
        return exists(self)

    monkeypatch.setattr("pathlib.Path.exists", refuse)
    assert table_for(WORDS, demo.models.clip, folder=tmp_path).matrix.shape[0] == 3


def test_neutral_values_that_are_no_numbers_are_found(demo, tmp_path):
    first = table_for(WORDS, demo.models.clip, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    save_file({"matrix": first.matrix, "neutral": first.neutral * float("nan")}, path)
    assert table_for(WORDS, demo.models.clip, folder=tmp_path).neutral.isfinite().all()


def test_a_table_that_ships_is_read_instead_of_computed_and_checked(demo, tmp_path, monkeypatch):
    clip = demo.models.clip
    first = table_for(WORDS, clip, folder=tmp_path / "cache")
    monkeypatch.setattr(tables, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(tables, "SHIPPED_BYTES", 2 * (128 + 4) * 2)  # two phrases in a file
    paths = ship(first, clip, tmp_path / "shipped")
    assert [path.name[-14:] for path in paths] == ["-0.safetensors", "-1.safetensors"]
    monkeypatch.setattr(type(clip), "encode_text", None)
    shipped = table_for(WORDS, clip, folder=tmp_path / "empty", keep=False)
    assert torch.allclose(shipped.matrix, first.matrix, atol=1e-3)
    assert torch.allclose(shipped.matrix.norm(dim=1), torch.ones(3), atol=1e-6)
    monkeypatch.undo()
    monkeypatch.setattr(tables, "SHIPPED", tmp_path / "shipped")
    broken = torch.zeros(1, 128).half()
    save_file({"matrix": broken, "neutral": torch.zeros(1, 4).half()}, paths[1])
    again = table_for(WORDS, clip, folder=tmp_path / "empty", keep=False)
    assert torch.equal(again.matrix, first.matrix)
