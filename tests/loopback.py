"""A folder served on loopback, as a network that ends at this machine."""

import http.server
import threading
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path, cut: dict[str, int] | None = None):
    """Serve a folder: yields (address, the paths that were asked for).

    cut: for a file's name how many bytes of it are sent, after a header that promises all.
    """
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            asked.append(self.path)

        def copyfile(self, source, outputfile):
            sent = (cut or {}).get(Path(source.name).name)
            if sent is None:
                super().copyfile(source, outputfile)
            else:
                outputfile.write(source.read(sent))
                self.close_connection = True

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
