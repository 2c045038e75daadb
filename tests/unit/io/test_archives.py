"""Unpacking stays inside, with the standard library's filter and on a Python without it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from scaling.io.archives import extract


def packed(*members: tuple[str, bytes, str]) -> tarfile.TarFile:
    """An archive of (name, kind, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, kind, content in members:
            one = tarfile.TarInfo(name)
            one.type, one.mode = kind, 0o4777
            if kind == tarfile.REGTYPE:
                one.size = len(content)
                made.addfile(one, io.BytesIO(content.encode()))
            else:
                one.linkname = content
                made.addfile(one)
    return tarfile.open(fileobj=io.BytesIO(buffer.getvalue()))


@pytest.fixture(params=[True, False], ids=["filter", "no filter"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


@pytest.mark.usefixtures("python")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestExtract:
    def test_files_folders_and_links_inside(self, tmp_path: Path) -> None:
        members = (
            ("a", tarfile.DIRTYPE, ""),
            ("a/b.txt", tarfile.REGTYPE, "text"),
            ("a/c.txt", tarfile.SYMTYPE, "../a/b.txt"),
        )
        extract(packed(*members), tmp_path)
        assert (tmp_path / "a/c.txt").read_text() == "text"
        assert (tmp_path / "a/b.txt").stat().st_mode & 0o7022 == 0

    @pytest.mark.parametrize(
        "member",
        [
            ("../out", tarfile.REGTYPE, "x"),
            ("a/../../out", tarfile.REGTYPE, "x"),
            ("link", tarfile.SYMTYPE, "../out"),
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("pipe", tarfile.FIFOTYPE, ""),
        ],
    )
    def test_nothing_outside(self, member: tuple[str, bytes, str], tmp_path: Path) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        with pytest.raises(tarfile.TarError):
            extract(packed(member), folder)
        assert [path.name for path in tmp_path.iterdir()] == ["in"]
        assert not list(folder.iterdir())
