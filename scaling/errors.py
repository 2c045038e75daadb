"""Errors a person can act on: where, what was found, what is allowed, and a hint."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager


class InputError(ValueError):
    """Bad input, with the place it stands at.

    The message reads ``file, row, column: found VALUE; allowed: ALLOWED. HINT``; parts that do
    not apply are left out. Rows count data rows from 1. The command line prints it and exits 2.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        allowed: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem, self.file, self.row, self.column = problem, file, row, column
        self.value, self.allowed, self.hint = value, allowed, hint
        super().__init__(as_text(self._message()))

    def at(
        self, file: object, rows: Sequence[int] = (), names: Mapping[str, str] | None = None
    ) -> InputError:
        """The same error with its file named, unless it has one.

        ``rows``, where given, are the file's of the table's rows; ``names`` maps columns of the
        table to the file's.
        """
        if self.file is not None:
            return self
        return InputError(
            self.problem,
            file=file,
            row=int(rows[self.row - 1]) if len(rows) and self.row is not None else self.row,
            column=(names or {}).get(self.column or "", self.column),
            value=self.value,
            allowed=self.allowed,
            hint=self.hint,
        )

    def of(self, subject: str) -> InputError:
        """The same error with what it is about before the problem."""
        return InputError(
            f"{subject}: {self.problem}",
            file=self.file,
            row=self.row,
            column=self.column,
            value=self.value,
            allowed=self.allowed,
            hint=self.hint,
        )

    def about(self, file: object) -> InputError:
        """The same error, in another file."""
        return InputError(
            self.problem,
            file=file,
            row=self.row,
            column=self.column,
            value=self.value,
            allowed=self.allowed,
            hint=self.hint,
        )

    def hinted(self, hint: str) -> InputError:
        """The same error with this hint."""
        return InputError(
            self.problem,
            file=self.file,
            row=self.row,
            column=self.column,
            value=self.value,
            allowed=self.allowed,
            hint=hint,
        )

    def _message(self) -> str:
        place = [str(self.file)] if self.file is not None else []
        place += [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column!r}"] if self.column is not None else []
        text = (", ".join(place) + ": " if place else "") + self.problem
        if self.value is not None:
            text += f"; found {shorten(self.value)}"
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        return text + (f". {self.hint}" if self.hint else "")


@contextmanager
def placed(
    file: object = None, rows: Sequence[int] = (), names: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Input errors inside say where in the file the bad thing stands, see `InputError.at`."""
    try:
        yield
    except InputError as error:
        raise error.at(file, rows, names) from error


_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 3, 200, 200
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = _BRIEF.maxset = _BRIEF.maxfrozenset = 40


# Characters that a terminal obeys instead of showing them: controls, and those of direction.
_OBEYED = {
    code: f"\\u{code:04x}"
    for code in [
        *(code for code in range(0x20) if chr(code) not in "\n\t"),
        *range(0x7F, 0xA0),
        *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
}


def as_text(text: str) -> str:
    """Text that a terminal shows as it is: what it would obey stands as its code, ``\\u001b``.

    JSON means the same with it.
    """
    return text.translate(_OBEYED)


def shorten(value: object, limit: int = 80) -> str:
    """The value as Python shows it, cut at ``limit`` characters.

    Of what is nested only the first parts are looked at: it may be a file that unfolds without end.
    """
    # A NumPy number as Python's: 2.0, not np.float64(2.0).
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()  # type: ignore[attr-defined]
    nested = isinstance(value, dict | list | tuple | set | frozenset)
    text = _BRIEF.repr(value) if nested else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 run, 2 runs."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


# What people call a thing, by our word for it: a hint goes by what a name means before it goes by
# how the name is spelled. In lower case, words joined by "_".
MEANINGS: Mapping[str, str] = {
    "params": "n n_params num_params nparams parameters n_parameters num_parameters param_count "
    "total_params model_params model_size",
    "params_non_embedding": "non_embedding_params non_embedding_parameters n_non_embedding "
    "params_without_embeddings params_no_embedding nonembedding_params",
    "params_active": "active_params active_parameters n_active_params params_activated",
    "tokens": "d n_tokens num_tokens tokens_seen train_tokens training_tokens total_tokens",
    "tokens_unique": "unique_tokens n_unique_tokens",
    "flops": "c compute flop total_flos total_flops train_flops training_flops training_compute "
    "gflop gflops pf_days",
    "loss": "val_loss eval_loss validation_loss test_loss final_loss ce_loss cross_entropy nll",
    "accuracy": "acc test_acc val_acc eval_accuracy test_accuracy",
    "observed": "date day timestamp created_at _timestamp",
    "run": "name id model run_id run_name experiment",
    "lr": "learning_rate max_lr peak_lr",
    "batch_size": "bs train_batch_size global_batch_size",
    "width": "d_model n_embd hidden_size hidden_dim embedding_dim embed_dim emb_dim "
    "embedding_size model_dim",
    "depth": "n_layer n_layers num_layers num_hidden_layers layers",
    "context": "seq_len sequence_length block_size n_ctx context_length max_seq_len n_positions",
    "vocabulary": "vocab vocab_size n_vocab",
    # The default of `scaling plan cost`: of several chips the one that is mostly meant.
    "nvidia_h100_sxm5_80gb": "h100 nvidia_h100 h100_sxm h100_sxm5 h100_80gb",
}
_MEANT = {one: word for word, names in MEANINGS.items() for one in (word, *names.split())}


def meaning(name: str) -> str | None:
    """Our word for what a name means; None for a name that is not known here."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return _MEANT.get(re.sub(r"[\W_]+", "_", apart.lower()).strip("_"))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the known word that means the same, else the closest one by its letters,
    whatever its case, that means nothing else; None when nothing is close."""
    meant, words = meaning(name), {word.lower(): word for word in known}
    same = [word for word in words.values() if meant is not None and meaning(word) == meant]
    free = [low for low, word in words.items() if meant is None or meaning(word) is None]
    close = same or difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.5)
    return f"Did you mean {words[close[0].lower()]!r}?" if close else None
