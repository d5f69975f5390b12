# SPDX-License-Identifier: Apache-2.0
"""The demo's story is the test of the main job: the same script that "make demo STORY=1" plays, on the build under test."""
import os
import pathlib
import subprocess

from harness import program

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_demo_plays_its_story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    # PostgreSQL and mosquitto run under accounts of their own when this runs as root.
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    preset = pathlib.Path(program("musterd")).parents[1].name
    done = subprocess.run(
        [ROOT / "scripts" / "demo.sh"],
        env={**os.environ, "STORY": "1", "PRESET": preset, "DEMO_DIR": str(folder / "demo")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "the story held" in done.stdout
