"""A project whose stages take no time and are real: DVC runs them, and a version is published."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from scaling.pipeline.publish import publish
from tests.support.publish_project import git

VALIDATE = """
    from pathlib import Path

    runs = sorted(path.name for path in Path("data/internal").glob("store/*"))
    Path("data/validated").mkdir(parents=True)
    rows = Path("data/published/a.csv").read_text()
    Path("data/validated/a.parquet").write_text(f"{rows}{runs}")
    """
FIT = """
    import sys
    from pathlib import Path

    from scaling.laws.chinchilla import E

    Path("data/fits").mkdir(parents=True, exist_ok=True)
    Path(f"data/fits/{sys.argv[1]}.json").write_text(f'{{"E": {E}}}\\n')
    """
FORECAST = """
    import json
    from pathlib import Path

    E = json.loads(Path("data/fits/a.json").read_text())["E"]
    Path("data/forecasts").mkdir(parents=True, exist_ok=True)
    Path("data/forecasts/forecast.csv").write_text(f"target,q0.5\\nx,{E + 0.25}\\n")
    """
REPORT = """
    from pathlib import Path

    Path("reports/current").mkdir(parents=True)
    rows = Path("data/validated/a.parquet").read_text()
    Path("reports/current/report.md").write_text(f"# Report\\n{rows}\\n")
    """
FILES = {
    ".dvc/config": "",
    ".gitignore": "/.dvc/cache\n/.dvc/tmp\n/data/validated\n/reports/current\n",
    "dvc.yaml": """
        stages:
          validate:
            cmd: python -m scaling.pipeline.validate
            deps: [data/published, data/internal, scaling/pipeline/validate.py]
            outs: [data/validated]
          fit:
            foreach: ${studies}
            do:
              cmd: python -m scaling.pipeline.fit ${key}
              deps: [data/validated, scaling/fitting, scaling/laws, scaling/pipeline/fit.py]
              outs:
                - data/fits/${key}.json:
                    cache: false
          forecast:
            cmd: python -m scaling.pipeline.forecast
            deps: [data/fits, scaling/pipeline/forecast.py]
            outs:
              - data/forecasts/forecast.csv:
                  cache: false
          report:
            cmd: python -m scaling.pipeline.report
            deps: [data/validated, data/forecasts, scaling/pipeline/report.py]
            outs: [reports/current]
        """,
    "params.yaml": "seed: 7\nstudies:\n  a: {source: a}\n",
    "requirements.lock": "polars==2.1.0\n",
    "data/published/a.csv": "run,loss\none,2.5\n",
    "data/internal/README.md": "# Inbox\n",
    "scaling/__init__.py": "",
    "scaling/fitting/__init__.py": "",
    "scaling/laws/__init__.py": "",
    "scaling/laws/chinchilla.py": "E = 1.75\n",
    "scaling/pipeline/__init__.py": "",
    "scaling/pipeline/validate.py": VALIDATE,
    "scaling/pipeline/fit.py": FIT,
    "scaling/pipeline/forecast.py": FORECAST,
    "scaling/pipeline/report.py": REPORT,
}


def dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, check=True)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def commit(root: Path, message: str) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD").strip()


def build(root: Path) -> Path:
    """The project in Git, its stages run, nothing published."""
    write(root, FILES)
    git(root, "init", "-q")
    dvc(root, "repro")
    commit(root, "the project")
    return root


def published(root: Path) -> str:
    """Publish what stands there and commit it; returns the version."""
    version = publish(root).version
    commit(root, "publish")
    return version
