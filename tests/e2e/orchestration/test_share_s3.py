"""Sharing to a bucket: an S3-compatible server on the loopback interface.

It needs dvc-s3 and moto, which ``make cluster`` brings.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling.pipeline.publish import publish
from tests.e2e.orchestration.test_flow import CHECKOUT, answers, git
from tests.support.needs import PACKAGES, installed
from tests.support.ops_project import WHO, free_port, make
from tests.support.waiting import until

PYTHON = sys.executable
SHARE = (
    "import sys; from pathlib import Path; from scaling.orchestration.sharing.push import share; "
    "print('\\n'.join(share(Path(), sys.argv[1], None, 'bucket')))"
)
BUCKET = "create_bucket(Bucket='bucket')"

MISSING = [name for name in ("dvc_s3", "moto") if not installed(name)]

pytestmark = PACKAGES.unless(not MISSING, ", ".join(MISSING))


@contextmanager
def s3(env: dict[str, str]) -> Iterator[str]:
    port = free_port()
    command = [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet) as server:
        try:
            until(lambda: answers(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_data_goes_to_a_bucket_and_comes_back(tmp_path: Path) -> None:
    keys = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    env = {**os.environ, **WHO, **keys, "PYTHONPATH": str(CHECKOUT)}
    env["PATH"] = f"{Path(PYTHON).parent}{os.pathsep}{env['PATH']}"
    root = make(tmp_path / "project")

    def run(folder: Path, *arguments: str) -> str:
        command = [PYTHON, *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with s3(env) as address:
        run(root, "-c", f"import boto3; boto3.client('s3', endpoint_url='{address}').{BUCKET}")
        run(root, "-m", "dvc", "remote", "add", "bucket", "s3://bucket/data")
        run(root, "-m", "dvc", "remote", "modify", "bucket", "endpointurl", address)
        git(root, "commit", "-qam", "a bucket")
        run(root, "-m", "dvc", "repro", "--quiet")
        version = publish(root).version
        assert "DVC's bucket has the data" in run(root, "-c", SHARE, version)
        git(tmp_path, "clone", "-q", "project", "clone")
        run(tmp_path / "clone", "-m", "dvc", "pull", "--quiet", "--remote", "bucket")
    assert (tmp_path / "clone/data/validated/report.html").is_file()
