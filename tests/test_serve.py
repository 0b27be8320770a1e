import http.client
import threading

import pytest

from ganc import cli, serve
from ganc.errors import UserError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("not served")
    folder = tmp_path / "page"
    (folder / "runtime").mkdir(parents=True)
    for name in ("index.html", "runtime/a.wasm", "runtime/a.mjs", "b.js", "page.json"):
        (folder / name).write_text(name)
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


@pytest.fixture
def ask(folder):
    with serve.server(folder, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(path):
            connection = http.client.HTTPConnection(*server.server_address, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers

        yield ask
        server.shutdown()


def test_files_with_the_types_that_browsers_want(ask):
    for path, kind in (
        ("/", "text/html"),
        ("/runtime/a.wasm", "application/wasm"),
        ("/runtime/a.mjs", "text/javascript"),
        ("/b.js", "text/javascript"),
        ("/page.json", "application/json"),
    ):
        status, body, headers = ask(path)
        assert status == 200 and body and headers.get_content_type() == kind
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "//../secret", "/link", "/runtime/", "/none"]
)
def test_nothing_outside_the_folder_and_no_listing(ask, path):
    status, body, _ = ask(path)
    assert status == 404 and b"not served" not in body and b"a.wasm" not in body


def test_mistakes(folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(serve.main, [str(tmp_path)])
    assert end.value.code == 2 and "has no index.html" in capsys.readouterr().err
    with (
        serve.server(folder, 0) as server,
        pytest.raises(UserError, match=r"cannot listen on port \d+.*--port"),
    ):
        serve.server(folder, server.server_port)
