"""A frame as a file or tracker has it, turned into run rows by a mapping.

Every name that comes in is mapped or ignored; whatever is neither, or is ambiguous, is a fault.
One error lists all faults of a file, each with its remedy.
"""

from __future__ import annotations

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import settled
from scaling.runs.formats._raw import run_left_out
from scaling.runs.inbox.mapping import Mapping
from scaling.runs.inbox.mapping_faults import mapping_faults
from scaling.runs.inbox.metric_rows import of_metrics
from scaling.runs.inbox.our_columns import in_schema, under_our_names, with_days
from scaling.runs.inbox.remarks import left_out_runs
from scaling.runs.inbox.tracker_frame import gap, identified
from scaling.runs.inbox.unit_doubts import doubtful


def run_rows(
    cells: pl.DataFrame,
    mapping: Mapping,
    *,
    raw: bool,
    ordered: bool = True,
    entering: bool = False,
) -> pl.DataFrame:
    """Rows in the run schema with ``row`` (data rows of the frame, from 1) and ``unparsed``.

    Rows of a tracker also have `scaling.runs.inbox.our_columns.META`, and those that do not count
    say why in ``_left_out``. A row makes one result for each mapped metric that it has. With
    ``entering``, units that are not stated are checked; what was added once is read as it is.

    Raises:
        InputError: lists all that is unmapped, missing or ambiguous.
    """
    nothing = raw and cells.select(run_left_out().all()).item()
    if nothing and entering:
        raise InputError("no run counts:\n  " + "\n  ".join(left_out_runs(cells)))
    faults = [] if nothing else mapping_faults(cells, mapping, raw)
    if faults:
        raise InputError("the mapping leaves questions open:\n  " + "\n  ".join(faults))
    frame = cells.with_row_index("_row", offset=1).with_columns(pl.col("_row").cast(pl.Int64))
    if raw:
        frame = settled(identified(frame, mapping), ordered=ordered).with_columns(gap())
    frame = of_metrics(frame, mapping, raw) if mapping.metrics else frame
    given = under_our_names(frame, mapping, raw)
    given = with_days(given, mapping, strict=entering)
    made = in_schema(given, frame, mapping, raw)
    if entering and (found := doubtful(given, made, mapping)):
        raise InputError("units are missing:\n  " + "\n  ".join(found))
    return made
