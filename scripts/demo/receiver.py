# SPDX-License-Identifier: Apache-2.0
"""A webhook receiver as a user would write one: checks the signature (Standard Webhooks) and keeps the events."""

import base64
import hashlib
import hmac
import http.server
import json
import threading


class Receiver:
    """Listens on a free port of loopback until closed. Set .secret to what Muster gave for the webhook."""

    def __init__(self):
        self.secret = ""
        self.events = []
        self.refused = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # the name that http.server calls
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = 204 if receiver._take(self.headers, body) else 401
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _take(self, headers, body):
        key = base64.b64decode(self.secret.removeprefix("whsec_") + "==")
        signed = b".".join(
            (headers.get("webhook-id", "").encode(), headers.get("webhook-timestamp", "").encode(), body)
        )
        want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        valid = any(
            hmac.compare_digest(want, given) for given in headers.get("webhook-signature", "").split(" ")
        )
        with self._lock:
            if valid:
                self.events.append(json.loads(body))
            else:
                self.refused.append(body)
        return valid

    def find(self, kind, text=""):
        """The first event of a type whose body holds the text, or None."""
        with self._lock:
            for event in self.events:
                if event["type"] == kind and text in json.dumps(event):
                    return event
        return None
