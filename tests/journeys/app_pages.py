"""An app on a site of its own, written with fhirclient.js, as other people write them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LIBRARY = Path(__file__).resolve().parents[2] / "node_modules/fhirclient/build/fhir-client.pure.min.js"
_LAUNCH = """<!doctype html><title>App</title><script src="library.js"></script><script>
FHIR.oauth2.authorize({clientId: "%s", scope: "%s", redirectUri: "index.html", pkceMode: "required", iss: %s});
</script>"""
_INDEX = """<!doctype html><title>App</title><p id="told"></p><script src="library.js"></script><script>
FHIR.oauth2.ready().then(async client => {
  const patient = await client.patient.read();
  const observations = await client.request(`Observation?patient=${client.patient.id}`);
  const before = client.state.tokenResponse.refresh_token;
  const again = before ? await client.refresh() : null;
  await client.request(`Patient/${client.patient.id}`);
  return {
    patient: client.patient.id, born: patient.birthDate, observations: observations.entry.length,
    user: client.user.fhirUser, changed: again ? again.tokenResponse.refresh_token !== before : null,
  };
}).catch(error => ({error: String(error)})).then(told => {
  document.getElementById("told").textContent = JSON.stringify(told);
});
</script>"""


class _Site(BaseHTTPRequestHandler):
    def __init__(self, pages: dict[str, bytes], *args: object) -> None:
        self.pages = pages
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the addresses hold codes."""


@contextmanager
def app_site(client_id: str, scope: str, *, pages: dict[str, bytes]) -> Iterator[str]:
    """The address of an app's site; ``pages`` is filled with what it shows, and may be changed by ``begin_at``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, pages))
    pages["/library.js"] = LIBRARY.read_bytes()
    pages["/index.html"] = _INDEX.encode()
    pages["/launch.html"] = (_LAUNCH % (client_id, scope, "undefined")).encode()
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def begin_at(pages: dict[str, bytes], client_id: str, scope: str, fhir: str) -> None:
    """Let the app begin by itself, at this server."""
    pages["/begin.html"] = (_LAUNCH % (client_id, scope, f'"{fhir}"')).encode()
