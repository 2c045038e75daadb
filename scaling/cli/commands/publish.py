"""Publish a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.cli.commands._options import TRUST, Json, Secret, answer, remark, working
from scaling.errors import InputError

PANEL = TRUST
# Solved on a made study: the four parameters of a law in params alone, to half a standard error.
GIVEN_AWAY = (
    "This edition shows forecasts of internal studies. As many medians as a law has parameters are "
    "enough to solve for the law, and so for what these runs reached."
)


def publish(
    corrects: Annotated[
        str | None, typer.Option(help="Id of the version that this one corrects.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Reason of the correction.")] = None,
    tag: Annotated[
        bool, typer.Option("--tag", help="Also tag every version that Git has.")
    ] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Also write an edition without internal runs.")
    ] = False,
    forecasts: Annotated[
        bool,
        typer.Option(
            "--with-forecasts",
            help="Show forecasts of internal studies in the edition; their laws can be solved for.",
        ),
    ] = False,
    secret: Secret = None,
    as_json: Json = False,
) -> None:
    """Publish the current report as an immutable version; `scaling refit` does so too."""
    from scaling.orchestration.project_lock import hold_project
    from scaling.pipeline.publish import publish as run
    from scaling.record.editions import salt as secrets

    if (forecasts or secret) and not redact:
        raise InputError("--with-forecasts and --secret need --redact")
    salt = secrets.read(secret, Path()) if redact else None
    # Not while a refit writes what is to be published.
    with hold_project(Path().resolve()), working("Publishing", quiet=as_json):
        _refuse_stale(Path().resolve())
        made = run(Path(), corrects=corrects, reason=reason)
    facts: dict[str, Any] = {"version": made.version, "new": made.new, "folder": str(made.folder)}
    facts |= {"pruned": made.pruned.versions, "kept_whole": dict(made.pruned.kept)}
    lines = [made.sentence]
    if salt is not None:
        from scaling.record.editions.redact import FOLDER, write
        from scaling.record.editions.redact import redact as edition_of

        edition = edition_of(Path(), made.version, salt, sealed=not forecasts)
        folder = write(edition, Path("reports") / FOLDER)
        facts |= {"edition": edition.id, "edition_folder": str(folder)}
        lines += [f"redacted edition {edition.id}", str(folder)]
        if forecasts:
            remark(GIVEN_AWAY)
    if tag:
        from scaling.record.versions.tags import tag_versions

        facts["tags"] = list(tag_versions(Path()))
        lines += facts["tags"]
    answer(as_json, facts, lines)


def _refuse_stale(root: Path) -> None:
    """A version is bound to the present code, so its files must be of that code."""
    from scaling.extras import need
    from scaling.orchestration.dvc.graph import stale

    if not (root / ".dvc").is_dir():
        return
    need("pipeline")
    if stages := stale(root):
        raise InputError(
            "nothing was published: stages are stale",
            value=", ".join(stages),
            allowed="outputs of the present code and data",
            hint="`scaling refit` runs what is stale and publishes",
        )
