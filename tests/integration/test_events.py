# SPDX-License-Identifier: Apache-2.0
"""Changes reach streams of their project once, in order, and a stream that comes back misses none."""
import threading

from harness import wait_until
from harness.fake_agent import database


class Listener:
    """Collects the events of one stream in a thread."""

    def __init__(self, api, **options):
        self.seen = []
        self.stream = api.events(timeout=30, **options)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for event in self.stream:
                self.seen.append(event)
        except Exception as problem:  # the test looks at what was seen
            self.seen.append(("broken", None, {"problem": str(problem)}))

    def wait(self, kind, count=1):
        def enough():
            found = [e for e in list(self.seen) if e[0] == "change" and e[2]["kind"] == kind]
            return found if sum(len(e[2]["ids"]) for e in found) >= count else None
        return wait_until(enough, f"{count} events about {kind}; seen {self.seen}")


def ids(events):
    """Changes within half a second are told together."""
    return [found for event in events for found in event[2]["ids"]]


def wait_listening(server, before):
    """A stream counts from the moment at which the hub knows it."""
    wait_until(lambda: streams(server) > before, "the stream to be open")


def streams(server):
    text = server.api().get("/metrics")
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith("muster_event_streams "))


def test_change_arrives_with_its_id(server, api):
    before = streams(server)
    listener = Listener(api)
    wait_listening(server, before)
    token = api.post("/tokens", {"name": "t"})
    event = listener.wait("token")[0]
    assert event[2]["ids"] == [token["id"]] and event[2]["many"] is False
    assert event[1].isdigit() and event[2]["at"].endswith("Z")


def test_topics_and_projects_are_kept_apart(server, api):
    other = "events-elsewhere"
    server.admin.post("/projects", {"name": other})
    before = streams(server)
    listener = Listener(api, topics="token")
    wait_listening(server, before)
    server.admin.in_project(other).post("/tokens", {"name": "hidden"})
    mine = [api.post("/tokens", {"name": f"t{n}"})["id"] for n in range(3)]
    seen = listener.wait("token", 3)
    assert ids(seen) == mine
    assert {e[2]["kind"] for e in listener.seen} == {"token"}


def test_a_browser_names_the_project_in_the_address(server):
    """EventSource cannot send the header."""
    other = server.admin.post("/projects", {"name": "events-by-address"})["id"]
    before = streams(server)
    browser = server.admin.in_project("default")
    del browser.http.headers["Muster-Project"]
    listener = Listener(browser, topics="token", project=other)
    wait_listening(server, before)
    server.admin.in_project("default").post("/tokens", {"name": "hidden"})
    made = server.admin.in_project(other).post("/tokens", {"name": "seen"})["id"]
    assert ids(listener.wait("token")) == [made]


def test_returning_stream_gets_what_it_missed(server, api):
    before = streams(server)
    first = Listener(api, topics="token")
    wait_listening(server, before)
    api.post("/tokens", {"name": "seen"})
    last_id = first.wait("token")[0][1]
    missed = [api.post("/tokens", {"name": f"missed{n}"})["id"] for n in range(3)]
    first.wait("token", 4)
    second = Listener(api, topics="token", last_event_id=last_id)
    assert ids(second.wait("token", 3)) == missed


def test_unknown_id_means_read_everything_again(server, api):
    listener = Listener(api, last_event_id=987654321)
    wait_until(lambda: ("resync", None, {}) in listener.seen, "resync")


def test_unknown_topic_is_refused(api):
    response = api.request("GET", "/events", params={"topics": "node,weather"})
    assert response.status_code == 400
    assert "weather" in response.json()["detail"]


def test_stream_ends_with_its_token(server, api):
    made = api.post("/tokens", {"name": "brief", "role": "viewer"})
    before = streams(server)
    listener = Listener(api.with_token(made["token"]))
    kept = Listener(api)
    wait_until(lambda: streams(server) >= before + 2, "both streams to be open")
    api.delete(f"/tokens/{made['id']}")
    wait_until(lambda: ("logout", None, {}) in listener.seen, "the farewell")
    listener.thread.join(30)
    assert not listener.thread.is_alive()
    assert kept.thread.is_alive() and ("logout", None, {}) not in kept.seen


def test_stream_ends_with_its_session(server):
    browser = server.api()
    browser.sign_in("admin", server.password)
    before = streams(server)
    listener = Listener(browser)
    wait_listening(server, before)
    server.api().http.delete(
        server.url + "/api/v1/session", timeout=30, cookies=browser.http.cookies,
        headers={"X-CSRF-Token": browser.http.headers["X-CSRF-Token"]})
    wait_until(lambda: ("logout", None, {}) in listener.seen, "the farewell")


def test_stream_needs_a_caller(server):
    assert server.api().request("GET", "/events").status_code == 401


def test_a_burst_is_told_once_to_each(server, api):
    """Whoever follows a fleet of which all nodes change reads a page again, and not each name."""
    before = streams(server)
    listeners = [Listener(api, topics="token") for _ in range(5)]
    wait_until(lambda: streams(server) >= before + 5, "the streams to be open")
    made = [api.post("/tokens", {"name": f"burst{n}"})["id"] for n in range(60)]
    for listener in listeners:
        wait_until(lambda: any(e[2].get("many") for e in list(listener.seen)) or
                   set(ids(listener.seen)) >= set(made), f"the burst; seen {listener.seen}")
        assert len(listener.seen) < len(made) / 2
        assert all(len(e[2]["ids"]) <= 20 for e in listener.seen)
    # Who comes back with the last id that it has seen is not told again.
    newest = database(server, "SELECT max(id) FROM change_feed WHERE kind = 'token'")[0][0]
    wait_until(lambda: int(listeners[0].seen[-1][1]) >= newest, "the whole burst to be told")
    last = listeners[0].seen[-1][1]
    again = Listener(api, topics="token", last_event_id=last)
    more = api.post("/tokens", {"name": "afterwards"})["id"]
    wait_until(lambda: more in ids(list(again.seen)), f"the newest token; seen {again.seen}")
    assert all(int(e[1]) > int(last) for e in again.seen if e[1]), (last, again.seen)
