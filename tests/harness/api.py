# SPDX-License-Identifier: Apache-2.0
import json as json_module

import requests

from . import contract


class ApiError(AssertionError):
    """An answer other than the one that was expected."""

    def __init__(self, method, path, response):
        self.status = response.status_code
        try:
            self.problem = response.json()
        except ValueError:
            self.problem = {}
        super().__init__(f"{method} {path}: {response.status_code} {response.text[:2000]}")


class Api:
    """The REST API as a client sees it. get, post ... return the decoded body and raise ApiError
    unless the status is a success; request returns the bare response."""

    PREFIX = "/api/v1"

    def __init__(self, url, ca_path, token=None, project=None):
        self.url = url
        self.ca_path = str(ca_path)
        self.http = requests.Session()
        self.http.verify = self.ca_path
        self.http.trust_env = False
        if token is not None:
            self.http.headers["Authorization"] = f"Bearer {token}"
        if project is not None:
            self.http.headers["Muster-Project"] = project

    def request(self, method, path, **options):
        if not path.startswith(("/healthz", "/readyz", "/metrics", "/download", "/api/")):
            path = self.PREFIX + path
        options.setdefault("timeout", 60)
        response = self.http.request(method, self.url + path, **options)
        if not options.get("stream"):
            contract.check(method, path, response)
        return response

    def call(self, method, path, json=None, **options):
        if json is not None:
            options["data"] = json_module.dumps(json)
            options.setdefault("headers", {})["Content-Type"] = "application/json"
        response = self.request(method, path, **options)
        if response.status_code >= 300:
            raise ApiError(method, path, response)
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response.json()
        return response.text

    def get(self, path, **params):
        return self.call("GET", path, params=params or None)

    def post(self, path, json=None, **options):
        return self.call("POST", path, {} if json is None else json, **options)

    def patch(self, path, json, **options):
        return self.call("PATCH", path, json, **options)

    def put(self, path, json, **options):
        return self.call("PUT", path, json, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def items(self, path, **params):
        """All items of a list, page by page."""
        items = []
        while True:
            page = self.get(path, **params)
            items += page["items"]
            if not page["next_cursor"]:
                return items
            params["cursor"] = page["next_cursor"]

    def sign_in(self, login, password):
        """Goes on with a session cookie, as a browser does."""
        self.http.headers.pop("Authorization", None)
        session = self.post("/session", {"login": login, "password": password})
        self.http.headers["X-CSRF-Token"] = session["csrf"]
        return session

    def in_project(self, project):
        """The same caller in another project."""
        other = Api(self.url, self.ca_path, project=project)
        other.http.headers.update(self.http.headers)
        other.http.headers["Muster-Project"] = project
        other.http.cookies.update(self.http.cookies)
        return other

    def with_token(self, token):
        return Api(self.url, self.ca_path, token=token)

    def anonymous(self):
        return Api(self.url, self.ca_path)

    def events(self, last_event_id=None, topics=None, project=None, timeout=60):
        """Opens the stream of changes; an iterator of (event, id, data) until it ends."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        response = self.request("GET", "/events", headers=headers, stream=True, timeout=timeout,
                                params={"topics": topics, "project": project})
        if response.status_code != 200:
            raise ApiError("GET", "/events", response)
        return self._read_events(response)

    @staticmethod
    def _read_events(response):
        with response:
            event = {}
            for line in response.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    key, _, value = line.partition(":")
                    event[key] = value.strip()
                    continue
                if "event" in event:
                    yield (event["event"], event.get("id"),
                           json_module.loads(event.get("data", "{}")))
                event = {}
