"""Text logs of training (.log, .out, .txt): a line, or a block of lines, for each step.

Known by `_STEPS`: Megatron-LM (`training_log` in megatron/training/training.py), nanoGPT
(train.py), llm.c (train_gpt2.cu and its main.log), torchtitan (components/metrics.py), OLMo
(`log_metrics_to_console` in olmo/train.py), and lines of ``key: value`` or ``key=value`` that have
a step. A metric is called as the log calls it, with its unit behind it, if it has one: ``time
(ms)``. What stands above the first step and looks like a setting is configuration; sizes that
`_SIZES` knows are ``config.params`` and the like. Every other line is counted as not read.

Steps that start anew in each epoch are made global, ``(epoch - first) * steps of an epoch + step``,
where the log says how many an epoch has (``step 100/500``), and refused where it does not.

The file names no run: it is called after the file, or after its folder where the file has a name
that every run has (main.log). Times without a zone are read as UTC.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import polars as pl

from scaling.errors import InputError, counted, shorten
from scaling.runs.formats._bytes import head
from scaling.runs.formats._raw import Run, as_name, frame, whole_lines
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions, bare_name

_SURE, _PERHAPS = (".log", ".out"), (".txt",)
_EVERY_RUN = ("main", "log", "train", "training", "output", "out", "stdout", "console", "run")
_WHOLE = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"
_DIGITS = (
    r"[+-]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
    r"|(?i:nan|inf(?:inity)?))"
)
# Not the start of a date, a clock or a version.
_NUMBER = rf"{_DIGITS}(?![\w.:-])"
_OF = rf"(?:\s*/\s*(?P<last>{_WHOLE}))?"
# Who writes such lines, where the step stands, and whether metrics stand there without a sign, as
# in 'loss 2.31'.
_STEPS = (
    ("Megatron-LM", re.compile(rf"\biteration\s+(?P<step>{_WHOLE}){_OF} *\|"), False),
    (
        "Megatron-LM",
        re.compile(rf"\bloss at iteration (?P<step>{_WHOLE})(?P<last>)\b[^|]*\|"),
        False,
    ),
    ("OLMo", re.compile(rf"\[step=(?P<step>{_WHOLE}){_OF}[^\]]*\]"), False),
    ("llm.c", re.compile(rf"^s:(?P<step>{_WHOLE})(?P<last>)\b"), False),
    ("llm.c", re.compile(rf"^step\s+(?P<step>{_WHOLE}){_OF} *\|"), True),
    ("nanoGPT", re.compile(rf"^(?:step|iter) (?P<step>{_WHOLE})(?P<last>):(?= )"), True),
    ("torchtitan", re.compile(rf"\bstep: +(?P<step>{_WHOLE})(?P<last>)(?= )(?=.* tps: )"), False),
    (
        "key: value",
        re.compile(
            rf"(?i:\b(?:global[_ ]?)?(?:step|iter|iteration|update)s?)[\"']?\s*[:=#\s]\s*\[?"
            rf"(?P<step>{_WHOLE})(?![\w.:-]){_OF}\]?"
        ),
        False,
    ),
)
# Sizes above the first step; of several ranks of a model the sum.
_SIZES = (
    (
        "params_on_rank",
        re.compile(rf"number of parameters on .*rank \((\d+, *\d+)\): *({_NUMBER})"),
    ),
    ("params_non_embedding", re.compile(rf"(?i:number of non-embedding parameters): *({_NUMBER})")),
    ("params", re.compile(r"(?i:\b(?:total )?number of parameters): *([\d.,]+[KMBT]?)\s*$")),
    ("params", re.compile(r"(?i:size: *)([\d,]+) total parameters")),
    ("params", re.compile(r"^\|? *num_parameters:? *\|? *(\d+)")),
    ("tokens_per_step", re.compile(rf"tokens per iteration will be: *({_NUMBER})")),
    ("batch_size", re.compile(rf"global batch size:? +({_NUMBER})")),
    ("context", re.compile(rf"sequence length:? +({_NUMBER})")),
)
_SETTING = re.compile(
    r"^\s*(?:Overriding: )?([A-Za-z_][\w.]{0,60})\s*(?:\.{3,}|=|:)\s*(\S.{0,200}?)\s*$"
)
# The number of an epoch, and of how many.
_EPOCH = re.compile(
    r"(?i:\bepoch)[\"']?\s*[:=#]?\s*\[?\s*(?P<epoch>\d{1,9})(?:\.0+)?(?![\w.])"
    r"(?:\s*/\s*(?P<all>\d{1,9}))?"
)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?(Z|[+-]\d\d:?\d\d)?")
_SIGN = re.compile(r"(?<!\s)\s*([:=])\s+(?=\S)")
_BETWEEN = re.compile(r"[|;]|,(?=\s)|\s{2,}|\t")
_KEY = r"[\"']?(?P<key>[A-Za-z][^:=|\"']{0,80}?)[\"']?"
_UNIT = r"(?P<unit>%|[A-Za-z][\w/%]{0,20})?"
_VALUE = rf"[\"']?(?P<value>{_NUMBER}|{_DIGITS}(?=[%A-Za-z]))"
_PAIR = re.compile(rf"\s*[{{\[(]*{_KEY} ?[:=] ?{_VALUE} ?{_UNIT}")
_WORDS = re.compile(
    rf"(?<![\w./@-])[\"']?(?P<key>[A-Za-z][\w./@-]*)[\"']? ?[:=] ?[\"']?(?P<value>{_NUMBER})"
)
_SPACED = re.compile(rf"\s*(?P<key>[A-Za-z][A-Za-z_ ]*?) +(?P<value>{_DIGITS}) ?{_UNIT}")
_UNITED = re.compile(rf"\s*(?P<value>{_DIGITS}) ?(?P<unit>%?)\s*(?P<key>[A-Za-z][\w/ ]*)$")
# No log of metrics has a line as long; patterns take time that grows with its square.
_LONGEST = 20_000
_RESULT = re.compile(r"loss|ppl|perplex|acc|bpb|nll", re.IGNORECASE)
NO_STEP = "no step in its line, where others have one"
_SAID = 20
_FORMS = "lines such as 'step 100: loss 2.31' or 'step=100 loss=2.31'"


class _Place(NamedTuple):
    """Where a line with a step stands: its number, the epoch, the step, and of how many steps."""

    record: int
    epoch: int | None
    step: float
    of: float | None


@dataclass
class _Log:
    """What was found so far."""

    run: Run
    tools: Counter[str] = field(default_factory=Counter)
    ranks: dict[str, float] = field(default_factory=dict)
    step: float | None = None
    record: int = 0
    block: bool = False
    wall: float | None = None
    zoned: bool = True
    skipped: list[str] = field(default_factory=list)
    last: float | None = None
    epoch: int | None = None
    epochs: int | None = None
    places: list[_Place] = field(default_factory=list)


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the run.

    Raises:
        InputError: not text, or no line with a metric.
    """
    text, cut = whole_lines(path)
    log = _Log(Run(_run_name(path), truncated=cut))
    for number, line in enumerate(re.split(r"[\r\n]+", _ESCAPES.sub("", text)), start=1):
        if len(line) > _LONGEST:
            log.skipped.append(line)
        elif line.strip():
            _line(log, line, number)
    if not log.run.rows:
        start = shorten((log.skipped or [text])[0].strip())
        raise InputError("no line with a metric", file=path, value=start, allowed=_FORMS)
    try:
        made = _finish(log)
    except InputError as error:
        raise error.at(path) from None
    if made:
        options.say(made)
    _say(log, cut, options)
    return frame([log.run], path)


def _line(log: _Log, line: str, number: int) -> None:
    """Take a line in, as values, as a setting, or as one that is not read."""
    tool, step, rest, spaced = _step(line)
    if epoch := _EPOCH.search(line):
        log.epoch = int(epoch["epoch"])
        log.epochs = int(epoch["all"]) if epoch["all"] else log.epochs
    if step is not None or not log.block:
        log.wall = _time(log, line)
    if step is not None:
        pairs = list(_pairs(rest, spaced))
        log.step, log.block = _count(step["step"]), tool == "OLMo"
        log.last = _count(step["last"]) or log.last
        if pairs or log.block:
            log.tools[tool] += 1
            log.record = number
            if log.step is not None:
                log.places.append(_Place(number, log.epoch, log.step, _count(step["last"])))
            _add(log, pairs, number, log.step)
            return
    elif log.block and line[:1].isspace() and (pairs := list(_pairs(line, False))):
        _add(log, pairs, log.record, log.step)
        return
    elif _without_step(log, line, number):
        return
    log.block = log.block and step is not None
    log.skipped.append(line)


def _without_step(log: _Log, line: str, number: int) -> bool:
    """Whether a line without a step has a setting, above the first step, or results."""
    if not log.tools and _setting(log, line):
        return True
    pairs = list(_pairs(line, True))
    if not any(_RESULT.search(key) for key, _ in pairs):
        return False
    _add(log, pairs, number, None)
    return True


def _step(line: str) -> tuple[str, re.Match[str] | None, str, bool]:
    """Who writes such a line, the step in it, what follows, and whether metrics have no sign."""
    for tool, pattern, spaced in _STEPS:
        if found := pattern.search(line):
            before = "" if found.start() == 0 or tool != "key: value" else line[: found.start()]
            return tool, found, f"{before} | {line[found.end() :]}", spaced
    return "", None, line, False


def _pairs(text: str, spaced: bool) -> Iterator[tuple[str, float]]:
    """The metrics in a piece of a line, with their units behind their names."""
    for part in _BETWEEN.split(_SIGN.sub(r"\1", text)):
        several = list(_WORDS.finditer(part))
        whole = None if len(several) > 1 else _PAIR.match(part)
        found = [whole] if whole else several
        if not found and spaced:
            found = [one for one in (_SPACED.match(part) or _UNITED.match(part),) if one]
        for one in found:
            unit = one.groupdict().get("unit")
            key = one["key"].strip(" -{([")
            yield f"{key} ({unit})" if unit else key, float(one["value"].replace(",", ""))


def _count(text: str | None) -> float | None:
    return float(text.replace(",", "")) if text else None


def _add(log: _Log, pairs: list[tuple[str, float]], record: int, step: float | None) -> None:
    for key, value in pairs:
        log.run.add(step, key, value, log.wall, record=record)


def _setting(log: _Log, line: str) -> bool:
    """Take a size or a setting above the first step in."""
    for name, pattern in _SIZES:
        if found := pattern.search(line):
            value = found[found.lastindex or 1]
            if name == "params_on_rank":
                log.ranks[found[1]] = float(found[2].replace(",", ""))
            else:
                log.run.note("config", {name: value.replace(",", "")})
            return True
    found = _SETTING.match(line)
    if found is not None:
        log.run.note("config", {found[1]: found[2]})
    return found is not None


def _finish(log: _Log) -> str | None:
    """What only the whole file shows: the sum over ranks, values without a step, and steps that are
    counted by epoch, of which it says how they were made global.

    Raises:
        InputError: steps that are counted by epoch, and cannot be made global.
    """
    if log.ranks:
        log.run.note("config", {"params": as_name(sum(log.ranks.values()))})
    log.run.expected_last_step = log.last
    if any(row.step is not None for row in log.run.rows):
        rows = log.run.rows
        log.run.rows = [r if r.step is not None else r._replace(left_out=NO_STEP) for r in rows]
    return _make_global(log)


def _make_global(log: _Log) -> str | None:
    """Count steps from the start of the run where the log counts them from that of each epoch."""
    pairs = pairwise(log.places)
    # A log of the ends of epochs alone has the same step in each.
    ends = all(one.step == one.of for one in log.places)
    again = next((b for a, b in pairs if _goes_on(a, b) and (b.step < a.step or ends)), None)
    if again is None:
        return None
    sizes = sorted({one.of for one in log.places if one.of is not None})
    if len(sizes) != 1 or any(one.of is None for one in log.places):
        problem = "steps start anew in each epoch, and the log does not say how many an epoch has"
        allowed = "the same number behind every step, as in 'epoch 2 step 100/500'"
        raise InputError(problem, row=again.record, value=sizes or None, allowed=allowed)
    epochs = {one.record: one.epoch or 0 for one in log.places}
    first, size = (0 if min(epochs.values()) == 0 else 1), sizes[0]
    log.run.rows = [
        row
        if row.step is None or row.record not in epochs
        else row._replace(step=(epochs[row.record] - first) * size + row.step)
        for row in log.run.rows
    ]
    log.run.expected_last_step = None if log.epochs is None else log.epochs * size
    return (
        f"steps start anew in each epoch: the global step is made, (epoch - {first}) * "
        f"{as_name(size)} + step"
    )


def _goes_on(a: _Place, b: _Place) -> bool:
    """Whether the epoch goes on; a restart takes it back, with the step, or leaves it."""
    return a.epoch is not None and b.epoch is not None and b.epoch > a.epoch


def _say(log: _Log, cut: bool, options: ReadOptions) -> None:
    """Metrics, steps, sizes, and the lines that are not read."""
    rows = log.run.rows
    metrics = list(dict.fromkeys(row.metric for row in rows))
    more = f" and {len(metrics) - _SAID} more" if len(metrics) > _SAID else ""
    steps = [row.step for row in rows if row.step is not None]
    at = f"steps {as_name(min(steps))} to {as_name(max(steps))}" if steps else "no steps"
    tools = " and ".join(dict.fromkeys(log.tools)) or "key: value"
    named = f"{', '.join(metrics[:_SAID])}{more}"
    options.say(f"a log as of {tools}: {counted(len(rows), 'value')} of {named}; {at}")
    sizes = {name for name, _ in _SIZES}
    known = {k: v for k, v in log.run.notes.items() if k.removeprefix("config.") in sizes}
    if known:
        options.say("sizes in its header: " + ", ".join(f"{k} = {v}" for k, v in known.items()))
    if len(log.ranks) > 1:
        options.say(
            f"config.params is the sum of {len(log.ranks)} ranks; an embedding that two of them "
            "share counts twice"
        )
    if log.skipped:
        first = shorten(log.skipped[0].strip(), 60)
        options.say(f"{counted(len(log.skipped), 'line')} not read (the first: {first})")
    if cut:
        options.say("the last line has no end and is not read")
    if not log.zoned:
        options.say("times in it have no zone and are read as UTC")


def _time(log: _Log, line: str) -> float | None:
    """When the line was written, in seconds since 1970; None where it does not say."""
    found = _TIME.search(line)
    if found is None:
        return None
    day, clock, part, zone = found.groups()
    text = f"{day}T{clock}.{(part or '0').ljust(6, '0')}{(zone or '').replace('Z', '+00:00')}"
    try:
        when = datetime.fromisoformat(text)
        seconds = when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    log.zoned = log.zoned and zone is not None
    return seconds


def _run_name(path: Path) -> str:
    stem = path.name[: len(bare_name(path))].rpartition(".")[0]
    return path.absolute().parent.name if stem.lower() in _EVERY_RUN else stem


def _recognise(path: Path) -> bool:
    """By name; a .txt if there is a step with a metric in it, and it is no table."""
    name = bare_name(path)
    if name.endswith(_SURE):
        return True
    if not name.endswith(_PERHAPS) or not path.is_file():
        return False
    for line in re.split(r"[\r\n]+", _ESCAPES.sub("", head(path, 2**20))):
        if len(line) > _LONGEST:
            continue
        _, step, rest, spaced = _step(line)
        if step is not None and any(True for _ in _pairs(rest, spaced)):
            return True
    return False


FORMAT = Format(
    name="training-log",
    meaning="text log of Megatron-LM, nanoGPT, llm.c, torchtitan or OLMo, or of key: value lines",
    seen="the public sources of Megatron-LM, nanoGPT, llm.c, torchtitan and OLMo (2026-11-30)",
    suffixes=(".log", ".out"),
    read=read,
    recognise=_recognise,
    raw=True,
    packed=True,
)
