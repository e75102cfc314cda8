"""Pictures to be done in numbers, painted once."""

import pytest


@pytest.fixture(scope="session")
def painted():
    """Bytes of small painted pictures, PNG, by their names."""
    import io

    from PIL import Image

    from training.dataset import HELD_OUT, training_picture

    files = {}
    for number in range(12):
        file = io.BytesIO()
        Image.fromarray(training_picture(HELD_OUT + number)).save(file, "PNG")
        files[f"{'sub/' if number % 3 == 0 else ''}p{number:02}.png"] = file.getvalue()
    return files


@pytest.fixture
def folder(painted, tmp_path):
    """A folder of them, with one that is broken."""
    root = tmp_path / "pictures"
    for name, data in painted.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "broken.jpg").write_text("no picture")
    return root
