# SPDX-License-Identifier: Apache-2.0
"""The device's side of enrolment: it gives nothing to a server that it does not know."""
import json
import stat

from harness import Agent


def test_agent_refuses_another_ca(server, api):
    agent = Agent(server, api, "gw")
    token = api.post("/enroll-tokens", {})["token"]
    done = agent.run_command("enroll", "--server", server.url, "--token", token,
                             "--ca-fingerprint", "0" * 64, "--dir", agent.dir, check=False)
    assert done.returncode != 0
    assert "not the one given" in done.stderr and "nothing was sent" in done.stderr
    assert not (agent.dir / "keys" / "identity.json").exists()
    assert api.items("/enroll-tokens")[0]["uses_left"] == 1
    agent.close()


def test_agent_says_what_is_wrong_with_a_token(server, api):
    agent = Agent(server, api, "gw")
    done = agent.enroll(token="mse_" + "x" * 43, check=False)
    assert done.returncode != 0 and "refuses the token" in done.stderr
    done = agent.run_command("run", "--dir", agent.dir, check=False)
    assert done.returncode != 0 and "is not enrolled" in done.stderr
    agent.close()


def test_mistakes_are_named_before_anybody_is_asked(server, api):
    agent = Agent(server, api, "gw")

    def said(url, fingerprint):
        done = agent.run_command("enroll", "--server", url, "--token", "mse_x", "--ca-fingerprint", fingerprint,
                                 "--dir", agent.dir, check=False)
        assert done.returncode == 2
        return done.stderr

    assert "64 hexadecimal digits" in said(server.url, "5af1eb0a")
    assert "https://host:port" in said(server.url.removeprefix("https://"), "0" * 64)
    agent.enroll(api.post("/enroll-tokens", {})["token"])
    done = agent.run_command("enroll", "--server", "https://other.example:8443", "--token", "mse_x",
                             "--ca-fingerprint", "0" * 64, "--dir", agent.dir, check=False)
    assert done.returncode == 1 and "already enrolled as gw" in done.stderr
    agent.close()


def test_enrolment_may_be_repeated(server, api):
    agent = Agent(server, api, "gw")
    token = api.post("/enroll-tokens", {})["token"]
    assert "enrolled as gw" in agent.enroll(token).stdout
    identity = agent.dir / "keys" / "identity.json"
    key = (agent.dir / "keys" / "node.key").read_text()
    first = json.loads(identity.read_text())
    assert "already enrolled as gw" in agent.enroll(token).stdout
    # As if the power had failed before the answer was kept: the used up token still works.
    identity.unlink()
    agent.enroll(token)
    assert json.loads(identity.read_text())["node_id"] == first["node_id"]
    assert (agent.dir / "keys" / "node.key").read_text() == key
    assert stat.S_IMODE((agent.dir / "keys" / "node.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((agent.dir / "keys").stat().st_mode) == 0o700
    agent.close()


def test_second_agent_in_the_same_folder_is_refused(new_agent):
    agent = new_agent("gw")
    done = agent.run_command("run", "--dir", agent.dir, check=False)
    assert done.returncode != 0 and str(agent.process.pid) in done.stderr
    assert agent.status()["online"]
