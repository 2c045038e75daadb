"""A time-stamping authority: certificates made with openssl, and ``openssl ts`` behind a server on
the loopback interface."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = """
[ tsa ]
default_tsa = chosen
[ chosen ]
serial = {folder}/serial
signer_digest = sha256
digests = sha256
default_policy = 1.2.3.4.1
accuracy = secs:1
ess_cert_id_alg = sha256
[ root ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[ stamping ]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
"""
REPLY = "application/timestamp-reply"


def openssl(*arguments: str | Path) -> bytes:
    """What openssl prints."""
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


@dataclass
class Authority:
    """Its folder, with ``root.pem`` and the signer's certificate."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @classmethod
    def made(
        cls, folder: Path, name: str = "Stamps", *, days: tuple[str, str] | None = None
    ) -> Authority:
        """A new authority; ``days`` are the first and last of its certificate, as openssl writes
        them (20200101000000Z), and a day ago and ten years on without them."""
        folder.mkdir(parents=True)
        (folder / "settings").write_text(SETTINGS.format(folder=folder))
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
        with_root = ("-config", folder / "settings", "-extensions", "root")
        openssl("req", "-x509", *key, "-keyout", folder / "root.key", "-out", folder / "root.pem",
                "-subj", f"/CN={name} root", "-days", "3650", *with_root)  # fmt: skip
        openssl("req", *key, "-keyout", folder / "signer.key", "-out", folder / "signer.csr",
                "-subj", f"/CN={name}", "-config", folder / "settings")  # fmt: skip
        one = cls(folder)
        one.certify(days)
        return one

    def certify(self, days: tuple[str, str] | None = None) -> None:
        """A certificate of the signer's key, for these days."""
        place = self.folder
        (place / "index").write_text("")
        (place / "ca").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={place}/index\nserial={place}/serial\n"
            f"new_certs_dir={place}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        valid = ("-days", "3650") if days is None else ("-startdate", days[0], "-enddate", days[1])
        openssl("ca", "-batch", "-config", place / "ca", "-in", place / "signer.csr", "-cert",
                place / "root.pem", "-keyfile", place / "root.key", "-out", place / "signer.pem",
                "-extfile", place / "settings", "-extensions", "stamping", *valid)  # fmt: skip

    def reply(self, query: bytes) -> bytes:
        """The answer of ``openssl ts`` to a query."""
        place = self.folder / "query"
        place.write_bytes(query)
        return openssl("ts", "-reply", "-config", self.folder / "settings", "-section", "chosen",
                       "-queryfile", place, "-inkey", self.folder / "signer.key", "-signer",
                       self.folder / "signer.pem")  # fmt: skip

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """The address of a server that answers queries."""
        one = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = one.reply(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", REPLY)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
