"""A hint goes by what a name means before it goes by its letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaling.errors import MEANINGS, meaning, nearest
from tests.support.command import cli

CHIPS = ("NVIDIA H100 NVL", "NVIDIA H100 PCIe", "NVIDIA H100 SXM5 80GB", "NVIDIA A100")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("params_non_embedding", ["embedding_dim", "loss"], None),
        ("params_non_embedding", ["embedding_dim", "nonEmbeddingParams"], "nonEmbeddingParams"),
        ("width", ["depth", "embedding_dim"], "embedding_dim"),
        ("params", ["paramsM2", "modelSize"], "modelSize"),
        ("tokens", ["tokens_unique", "D"], "D"),
        ("tokens", ["tokens_unique"], None),
        ("loss", ["los", "accuracy"], "los"),
        ("los", ["loss", "accuracy"], "loss"),
        ("loss", ["Val Loss", "class"], "Val Loss"),
        ("H100", CHIPS, "NVIDIA H100 SXM5 80GB"),
        ("h100-sxm", CHIPS, "NVIDIA H100 SXM5 80GB"),
        ("NVIDIA A10", CHIPS, "NVIDIA A100"),
        ("chinchila", ["chinchilla", "coupled"], "chinchilla"),
    ],
)
def test_hints(name: str, known: list[str], hint: str | None) -> None:
    assert nearest(name, known) == (hint and f"Did you mean {hint!r}?")


def test_a_name_means_one_thing() -> None:
    names = [one for word, others in MEANINGS.items() for one in (word, *others.split())]
    assert len(names) == len(set(names))
    assert all(meaning(word) == word for word in MEANINGS)


def test_the_chip_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    done = cli("plan", "cost", "--flops", "1e24", "--chip", "H100")
    assert done.returncode == 2
    assert "Did you mean 'NVIDIA H100 SXM5 80GB'?" in done.stderr
