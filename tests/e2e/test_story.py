# SPDX-License-Identifier: Apache-2.0
"""The demo's story is the test of the main job: the same script that "make demo STORY=1" plays, on the build under test."""
import os
import pathlib
import shutil
import subprocess

from harness import program, temporary_folder

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_demo_plays_its_story():
    # Not pytest's own folder, which it closes to the accounts of PostgreSQL and mosquitto.
    folder = temporary_folder()
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
    shutil.rmtree(folder, ignore_errors=True)
