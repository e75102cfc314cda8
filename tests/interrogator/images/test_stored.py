"""Prompts in pictures' files: as the programs write them, as nobody should, and ours."""

import io
import json
import struct
import time
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from interrogator.errors import InterrogatorError
from interrogator.images import decode, stored
from interrogator.images.generators import StoredPrompt, prompts_in
from interrogator.images.pieces import Piece, Pieces, pieces_of

A1111 = (
    "a (cat:1.2) on a chair,\n<lora:x:1> oil\nNegative prompt: blurry,\nugly\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
)
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 1, "steps": 20, "model": ["4", 0], "positive": ["10", 0], "negative": ["7", 0],
        "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "8": {"class_type": "PrimitiveString", "inputs": {"value": "a lighthouse at dusk"}},
    "10": {"class_type": "ControlNetApplyAdvanced", "inputs": {
        "positive": ["6", 0], "negative": ["7", 0], "control_net": ["11", 0]}},
    "11": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "canny"}},
}  # fmt: skip
FLUX = {
    "1": {"class_type": "SamplerCustomAdvanced", "inputs": {"guider": ["2", 0], "noise": ["9", 0]}},
    "2": {"class_type": "BasicGuider", "inputs": {"model": ["8", 0], "conditioning": ["3", 0]}},
    "3": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["4", 0]}},
    "4": {"class_type": "CLIPTextEncodeFlux", "inputs": {"clip_l": "a fox", "t5xxl": "a red fox"}},
}
WORKFLOW = {
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [1, "fixed", 20], "inputs": [
            {"name": "positive", "link": 4}, {"name": "negative", "link": 6},
            {"name": "latent_image", "link": 2}]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a green boat"], "inputs": []},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["text, watermark"], "inputs": []},
    ],
    "links": [[4, 6, 0, 3, 1, "CONDITIONING"], [6, 7, 0, 3, 2, "CONDITIONING"]],
}  # fmt: skip


def picture(kind="PNG", **saved):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (24, 40, 3), dtype=np.uint8))
    stream = io.BytesIO()
    image.save(stream, kind, **saved)
    return stream.getvalue()


def png(**texts):
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name.replace("__", "-"), text, zip=len(text) > 500)
    return picture(pnginfo=info)


def exif(comment, code=b"UNICODE\0", order="utf-16-be", tag=ExifTags.Base.UserComment):
    block = Image.Exif()
    block.get_ifd(ExifTags.IFD.Exif)[tag] = code + comment.encode(order)
    return block.tobytes()


def description(packet):
    """What a parser of XML finds in a packet."""
    text = packet if isinstance(packet, str) else packet.decode()
    root = ElementTree.fromstring(
        text[text.index("<x:xmpmeta") : text.rindex("<?xpacket end")]
        if "<?xpacket end" in text
        else text
    )
    return root.findtext(".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")


def only(data):
    (found,) = stored.read(data).prompts
    return found.program, found.prompt, found.negative


def test_a1111_in_png_jpeg_and_webp():
    expected = ("A1111", "a (cat:1.2) on a chair,\n<lora:x:1> oil", "blurry,\nugly")
    assert only(png(parameters=A1111)) == expected
    (found,) = stored.read(png(parameters=A1111)).prompts
    assert found.settings.startswith("Steps: 20, Sampler: Euler a")
    for kind in ("JPEG", "WEBP"):
        for order in ("utf-16-be", "utf-16-le"):  # Pillow's kin write either
            assert only(picture(kind, exif=exif(A1111, order=order))) == expected
        assert only(picture(kind, exif=exif(A1111, b"ASCII\0\0\0", "ascii"))) == expected
        assert only(picture(kind, exif=exif(A1111, b"\0" * 8, "utf-8"))) == expected


@pytest.mark.parametrize(
    ("texts", "program", "prompt", "negative"),
    [
        ({"parameters": "just a cat"}, "A1111", "just a cat", ""),
        ({"prompt": json.dumps(GRAPH)}, "ComfyUI", "a lighthouse at dusk", "blurry"),
        ({"prompt": json.dumps(FLUX)}, "ComfyUI", "a fox, a red fox", ""),
        ({"workflow": json.dumps(WORKFLOW)}, "ComfyUI", "a green boat", "text, watermark"),
        (
            {"invokeai_metadata": json.dumps({"positive_prompt": "a", "negative_prompt": "b"})},
            "InvokeAI", "a", "b",
        ),
        (
            {"sd__metadata": '{"image": {"prompt": [{"prompt": "a sea [fog] at dawn"}]}}'},
            "InvokeAI", "a sea at dawn", "fog",
        ),
        ({"Dream": '"a sea" -s 50 -S 1'}, "InvokeAI", "a sea", ""),
        (
            {"Software": "NovelAI", "Description": "1girl", "Comment": '{"uc": "lowres"}'},
            "NovelAI", "1girl", "lowres",
        ),
        (
            {"parameters": '{"sui_image_params": {"prompt": "a", "negativeprompt": "b"}}'},
            "SwarmUI", "a", "b",
        ),
        ({"Description": "<b>bold</b>"}, "Description", "<b>bold</b>", ""),
    ],
)  # fmt: skip
def test_every_program_has_its_way(texts, program, prompt, negative):
    assert next(iter(stored.read(png(**texts)).prompts)) in (
        StoredPrompt(prompt, program, negative),
    )


def test_descriptions_of_photographs_are_read():
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description><dc:description><rdf:Alt>'
        '<rdf:li xml:lang="x-default">salt &amp; pepper</rdf:li></rdf:Alt></dc:description>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    for kind in ("JPEG", "WEBP"):
        assert only(picture(kind, xmp=packet.encode()))[:2] == ("XMP description", "salt & pepper")
    record = b"\x1c\x02\x78" + struct.pack(">H", 9) + b"a harbour"
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record
    file = pieces_of(picture("JPEG"))
    iptc = Pieces("JPEG", (file.pieces[0], Piece(b"\xed", body), *file.pieces[1:])).joined()
    assert only(iptc)[:2] == ("IPTC caption", "a harbour")
    block = Image.Exif()
    block[ExifTags.Base.ImageDescription] = "a pier"
    assert only(picture("JPEG", exif=block))[:2] == ("EXIF description", "a pier")


def test_the_same_words_in_two_places_come_once():
    info = PngInfo()
    info.add_text("parameters", "a cat\nNegative prompt: dog")
    info.add_text("Description", "a  cat")
    assert [p.program for p in stored.read(picture(pnginfo=info)).prompts] == ["A1111"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("saved", [{}, {"quality": 80}])
def test_ours_is_written_and_read_back_and_no_pixel_is_another(kind, saved):
    prompt, negative = "a cat & a “dog” <b>, 猫, by José", "blurry"
    before = picture(kind, **saved)
    after = stored.with_prompt(before, prompt, negative)
    assert only(after) == ("A1111", prompt, negative)
    with Image.open(io.BytesIO(before)) as one, Image.open(io.BytesIO(after)) as other:
        assert (np.asarray(one) == np.asarray(other)).all()
        assert description(other.info["xmp"]) == prompt
    again = stored.with_prompt(after, "other words")
    assert only(again)[1:] == ("other words", "")
    decode.read(again)


def test_what_else_is_stored_stays():
    block = Image.Exif()
    block[ExifTags.Base.Orientation], block[ExifTags.Base.Artist] = 6, "Ada"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmp:Rating="5" xmlns:xmp="http://ns.adobe.com/xap/1.0/"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    for kind in ("JPEG", "WEBP"):
        after = stored.with_prompt(picture(kind, exif=block, xmp=packet.encode()), "a cat")
        with Image.open(io.BytesIO(after)) as other:
            assert other.getexif()[ExifTags.Base.Artist] == "Ada"
            assert other.getexif()[ExifTags.Base.Orientation] == 6
            assert b'Rating="5"' in other.info["xmp"]
            assert description(other.info["xmp"]) == "a cat"
        assert decode.read(after).size == (24, 40)
    after = stored.with_prompt(png(prompt=json.dumps(GRAPH), parameters=A1111), "a cat")
    assert {p.program: p.prompt for p in stored.read(after).prompts} == {
        "A1111": "a cat", "ComfyUI": "a lighthouse at dusk",
    }  # fmt: skip


def test_a_transparent_webp_stays_transparent():
    stream = io.BytesIO()
    Image.new("RGBA", (5, 3), (9, 9, 9, 0)).save(stream, "WEBP", lossless=True)
    after = stored.with_prompt(stream.getvalue(), "a cat")
    with Image.open(io.BytesIO(after)) as other:
        assert (other.mode, other.size, other.getpixel((0, 0))[3]) == ("RGBA", (5, 3), 0)


def test_other_formats_and_too_long_prompts_get_a_sentence():
    with pytest.raises(InterrogatorError, match="PNG, JPEG and WebP"):
        stored.with_prompt(picture("BMP"), "a cat")
    with pytest.raises(InterrogatorError, match="no room"):
        stored.with_prompt(picture("JPEG"), "a cat " * 20_000)
    with pytest.raises(InterrogatorError, match="cannot be read"):
        stored.read("nowhere.png")
    assert stored.read(picture("BMP")) == stored.read(b"") == stored.Stored()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def hostile():
    plain = picture()
    start, rest = plain[:33], plain[33:]
    bomb = b"parameters\0\0" + zlib.compress(b"a" * 20_000_000, 1)
    deep = b"prompt\0" + b"[" * 1_000_000
    long = b"parameters\0" + b"a" * 10_000_000
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + b"<dc:description " * 100_000
    ring = {str(n): {"inputs": {"text": [str((n + 1) % 999), 0]}} for n in range(999)}
    ring["x"] = {"inputs": {"positive": ["0", 0], "seed": 1}}
    odd = {"1": {"inputs": {"positive": [[], 0], "seed": 1}}, "2": None, "3": {"inputs": []}}
    yield "bomb", start + chunk(b"zTXt", bomb) + rest
    yield "deep", start + chunk(b"tEXt", deep) + rest
    yield "long", start + chunk(b"tEXt", long) + rest
    yield "beginnings", start + chunk(b"iTXt", xmp) + rest
    yield "ring", png(prompt=json.dumps(ring))
    yield "odd", png(prompt=json.dumps(odd), workflow='{"nodes": [1, {"inputs": 3}], "links": 2}')
    yield "not JSON", png(prompt="{", invokeai_metadata="[]", sd__metadata="3", Comment="nul")
    yield "cut", png(parameters=A1111)[:60]
    yield "number", png(prompt="1" * 100_000)
    for kind in ("JPEG", "WEBP"):
        whole = picture(kind, exif=exif(A1111))
        yield from ((f"{kind} cut at {end}", whole[:end]) for end in range(0, len(whole), 7))


def test_hostile_metadata_is_refused_or_cut_and_costs_little():
    for name, data in hostile():
        start = time.perf_counter()
        found = stored.read(data)
        assert time.perf_counter() - start < 5, name  # a watchdog: it takes milliseconds
        if name in ("bomb", "long"):
            assert found.prompts == (), name
            assert "was not read" in found.notes[0]
        if name == "deep":
            assert found.prompts[0].program == "prompt"


def test_a_prompt_of_forty_pages_is_cut():
    (found,) = stored.read(png(parameters="a cat " * 30_000)).prompts
    assert len(found.prompt) == 20_000


def test_notes_that_claim_more_than_they_have_are_not_carried_over():
    entry = struct.pack("<HHII", 0x010E, 2, 4_000_000_000, 8)
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 3) + entry * 3 + b"\0" * 4
    after = stored.with_prompt(picture("JPEG", exif=block), "a cat")
    assert only(after)[1] == "a cat"


def test_copies_are_written_beside_one_another_and_over_nothing(tmp_path):
    source = tmp_path / "cat.png"
    source.write_bytes(picture())
    place = stored.write_copy(source, tmp_path / "out", "a cat", "dog")
    assert only(place) == ("A1111", "a cat", "dog")
    with pytest.raises(InterrogatorError, match="is there already"):
        stored.write_copy(source, tmp_path, "a cat")
    assert stored.read(source) == stored.Stored()


def test_texts_alone_are_enough():
    assert list(prompts_in({})) == []
    assert [p.prompt for p in prompts_in({"comment": "a\0"})] == ["a\0"]


def test_the_command_writes_copies(tmp_path, capsys):
    from interrogator.cli import main

    source = tmp_path / "cat.png"
    source.write_bytes(picture())
    told = (str(source), "--preset", "demo", "--json", "--write-metadata", str(tmp_path / "out"))
    assert main(list(told)) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["copy"] == str(tmp_path / "out" / "cat.png")
    assert only(line["copy"])[1] == line["prompt"]
    assert main(list(told)) == 1  # nothing is written over
