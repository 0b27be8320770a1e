"""A folder of static files, served to this machine alone: `python -m ganc.serve DIR`."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import tyro

from ganc import cli
from ganc.errors import UserError
from ganc.ranges import whole

HOST = "127.0.0.1"
PORT = 8000


class Handler(SimpleHTTPRequestHandler):
    """Files with the types and the headers that WebAssembly on several threads asks for."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",  # some systems' tables say otherwise, and browsers refuse it
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".json": "application/json",
        ".onnx": "application/octet-stream",
    }

    def send_head(self) -> Any:
        """Refuses what a link leads to outside the folder."""
        root = Path(self.directory).resolve()
        if not Path(self.translate_path(self.path)).resolve().is_relative_to(root):
            self.send_error(404)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Adds what browsers want before they share memory between threads."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")  # the folder may be exported again
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        """No listings: whoever wants to see files has the folder."""
        del path
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    """A server that bears browsers that leave in the middle of a file."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong, unless it was the browser that left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def server(directory: Path, port: int = PORT) -> Server:
    """A server of `directory` that is bound to the loopback address; its caller runs and closes it.

    Args:
        directory: with an `index.html`.
        port: 0 for any that is free.

    Raises:
        UserError: there is no such page, or the port is taken.
    """
    if not (directory / "index.html").is_file():
        raise UserError(f"{directory} has no index.html; ganc export web writes a page")
    try:
        return Server((HOST, port), partial(Handler, directory=str(directory)))
    except OSError as error:
        raise UserError(f"cannot listen on port {port}: {error.strerror}; give --port") from error


def main(
    directory: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")],
    port: Annotated[int, whole(0, 65535)] = PORT,
) -> None:
    """Serves a page to browsers on this machine, until it is interrupted.

    Args:
        directory: what `ganc export web` wrote.
        port: to listen on; 0 for any that is free.
    """
    with server(directory, port) as serving:
        print(f"http://{HOST}:{serving.server_port}/ until Ctrl-C", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    cli.run(main)
