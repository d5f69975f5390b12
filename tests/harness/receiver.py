# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import hmac
import http.server
import json
import threading

from .wait import wait_until


class Receiver:
    """A receiver of webhooks on a free loopback port. status is what it answers with."""

    def __init__(self):
        self.status = 204
        self.deliveries = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def events(self, kind=None):
        bodies = [json.loads(body) for _, body in list(self.deliveries)]
        return [b for b in bodies if kind is None or b["type"] == kind]

    def wait_event(self, kind, condition=lambda data: True):
        return wait_until(
            lambda: next((e for e in self.events(kind) if condition(e["data"])), None),
            f"a webhook {kind}")

    @staticmethod
    def signature_valid(secret, headers, body):
        """By Standard Webhooks; secret is "whsec_...". """
        headers = {k.lower(): v for k, v in headers.items()}
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(),
                            body])
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(s, f"v1,{wanted}")
                   for s in headers["webhook-signature"].split(" "))
