"""`mainstay start --install`: what is written, what is asked of systemd, and what is said where there is none.

systemctl and loginctl are stand-ins that note what they are asked, and begin what a unit says as systemd would:
there is no user's systemd where tests run. The unit itself is held against the real systemd-analyze.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_desk import Desk, new_desk

STAND_IN = r"""#!{python}
import json, os, re, subprocess, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), *words]) + "\n")
if "is-active" in words or "is-failed" in words:
    sys.exit(0 if {fails} and "is-failed" in words else 3)
if "show-user" in words:
    print({linger!r})
def plain(word):
    return re.sub(r"\\(.)", r"\1", word).replace("%%", "%").replace("$$", "$")
if "restart" in words and not {fails}:
    unit = open({units!r} + "/" + words[-1]).read()
    command = re.findall(r'"((?:[^"\\]|\\.)*)"', unit.partition("ExecStart=")[2].partition("\n")[0])
    given = dict(re.findall(r'Environment="(\w+)=(.*)"', unit))
    begun = subprocess.Popen([plain(one) for one in command], start_new_session=True, cwd=os.environ["HOME"],
        env=given | {{name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR")}},
        stdout=subprocess.DEVNULL, stderr=open({log!r} + ".service", "w"))
    open({log!r} + ".pid", "w").write(str(begun.pid))
"""


class Machine:
    """A desk on a machine with these stand-ins."""

    def __init__(self, base: Path, linger: str = "yes", *, fails: bool = False) -> None:
        self.desk = new_desk(base)
        self.log, self.units = base / "asked", Path(self.desk.env["XDG_CONFIG_HOME"]) / "systemd/user"
        (base / "bin").mkdir()
        for name in ("systemctl", "loginctl"):
            file = base / "bin" / name
            told = {"python": sys.executable, "log": str(self.log), "linger": linger, "units": str(self.units),
                    "fails": fails}  # fmt: skip
            file.write_text(STAND_IN.format(**told))
            file.chmod(0o755)
        self.desk.env["PATH"] = f"{base / 'bin'}:{os.environ['PATH']}"

    @property
    def unit(self) -> Path:
        (one,) = self.units.iterdir()
        return one

    def stop(self) -> None:
        pid = int(Path(f"{self.log}.pid").read_text())
        os.kill(pid, signal.SIGTERM)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_writes_a_unit_begins_it_and_lets_it_begin_with_the_machine(machine: Machine, tmp_path: Path):
    (tmp_path / "typer.py").write_text("raise SystemExit('code of a folder was run')\n")  # a unit runs in $HOME
    done = machine.desk.run("start", "--install")
    try:
        assert done.returncode == 0, done.stderr
        told = " ".join(done.stdout.split())
        assert f"Written: {machine.unit}" in told
        name = machine.unit.name
        assert "It begins with the machine, also before you log in." in told
        assert "mainstay start --uninstall" in told
        (found,) = [row for row in machine.desk.json("doctor") if row["check"] == "service"]
        assert "(mainstay start --no-link) answers on" in found["says"]
        assert "/login/" not in Path(f"{machine.log}.service").read_text()
    finally:
        machine.stop()
    gone = machine.desk.run("start", "--uninstall")
    assert gone.returncode == 0, gone.stderr
    assert list(machine.units.iterdir()) == []
    asked = machine.log.read_text()
    for words in ('"daemon-reload"', f'"enable", "{name}"', '"enable-linger"', f'"disable", "--now", "{name}"'):
        assert words in asked
    again = machine.desk.run("start", "--uninstall")
    assert (again.returncode, "No service is set up" in again.stderr) == (2, True)


def test_a_service_that_does_not_begin_and_one_that_waits_for_a_log_in_are_told_with_what_to_do(tmp_path: Path):
    machine = Machine(tmp_path, linger="no", fails=True)
    done = machine.desk.run("start", "--install")
    told = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stderr
    assert f"did not begin. Its log says why: journalctl --user -u {machine.unit.name}" in told
    assert "It begins only once you log in." in told
    assert "sudo loginctl enable-linger" in told
    assert "runs as a service" not in told
    unit, machine.desk.env["PATH"] = machine.unit, str(tmp_path / "nothing")
    gone = machine.desk.run("start", "--uninstall")
    assert gone.returncode == 1
    assert "The service was not ended, and its file is still there: there is no systemd" in gone.stderr
    assert f"rm {unit}" in gone.stderr
    assert "cron" not in gone.stderr
    assert unit.exists()


@pytest.mark.long
def test_systemd_takes_the_unit_whatever_the_folder_and_the_company_are_called(tmp_path: Path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here")
    machine = Machine(tmp_path)
    folder = tmp_path / 'a "b" $HOME 100% ü'
    machine.desk.folder.rename(folder)
    desk = machine.desk.elsewhere(folder)
    (folder / "mainstay.toml").write_text((folder / "mainstay.toml").read_text().replace("Acme Ltd", "Acme 5% Ltd\\\\"))
    (source,) = desk.env["PYTHONPATH"].split(os.pathsep)
    desk.env["PYTHONPATH"] = os.pathsep.join(("", os.path.relpath(source, folder)))
    try:
        assert desk.run("start", "--install").returncode == 0
    finally:
        machine.stop()
    written = machine.unit.read_text().splitlines()
    assert "Description=Mainstay for Acme 5%% Ltd" in written
    assert f'Environment="PYTHONPATH={source}"' in written
    assert verified(analyze, machine.unit, tmp_path) == (0, "")
    machine.unit.write_text(machine.unit.read_text().replace("Type=exec", "Type=none"))
    assert verified(analyze, machine.unit, tmp_path) != (0, "")


def verified(analyze: str, unit: Path, runtime: Path) -> tuple[int, str]:
    """What the real systemd says of a unit."""
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(unit)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(runtime)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_where_systemd_takes_no_services_nothing_is_written_and_cron_is_named(desk: Desk, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    desk.env["PATH"] = str(tmp_path / "empty")
    done = desk.run("start", "--install")
    assert done.returncode == 1
    assert "Nothing was written: there is no systemd on this machine." in done.stderr
    (line,) = [one for one in done.stderr.splitlines() if "@reboot" in one]
    assert f"--workspace {shlex.quote(str(desk.folder))}" in line
    assert not (Path(desk.env["XDG_CONFIG_HOME"]) / "systemd").exists()


def test_a_key_under_a_passphrase_is_refused_with_what_to_do(machine: Machine, tmp_path: Path):
    word = tmp_path / "word"
    word.write_text("four words that rhyme")
    word.chmod(0o600)
    machine.desk.env["MAINSTAY_PASSPHRASE_FILE"] = str(word)
    assert machine.desk.run("key", "move", "passphrase").returncode == 0
    del machine.desk.env["MAINSTAY_PASSPHRASE_FILE"]
    done = machine.desk.run("start", "--install")
    assert done.returncode == 2
    assert "MAINSTAY_PASSPHRASE_FILE=FILE mainstay start --install" in " ".join(done.stderr.split())
    assert not machine.units.exists()
    gone = machine.desk.run("start", "--uninstall")  # asks for no passphrase
    assert (gone.returncode, "No service is set up" in gone.stderr) == (2, True)


def test_a_service_that_runs_by_hand_is_not_fought_with(machine: Machine):
    from cli_desk import stop

    service = machine.desk.service()
    try:
        done = machine.desk.run("start", "--install")
    finally:
        stop(service)
    assert done.returncode == 1
    assert f"Process {service.pid} (mainstay start)" in done.stderr
    assert not machine.units.exists()
