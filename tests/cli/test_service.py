"""Two processes on one workspace: the service owns it, other commands reach it, and nobody takes it over."""

import signal

import pytest
from as_shown import DEMO_PICK
from cli_desk import WAIT_S, stop


def test_commands_go_through_the_service_and_it_stops_cleanly(desk):
    service = desk.real_service()
    try:
        standing = desk.reconcile()
        found = {row["check"]: row for row in desk.json("doctor")}
        assert f"Process {service.pid} (mainstay start)" in found["service"]["says"]
        assert (
            desk.json("decide", standing["questions"][0], "approve", *DEMO_PICK, status=3)["plan"] == standing["plan"]
        )
    finally:
        status, out, err = stop(service)
    assert status == 0
    assert out == ""
    assert "match: done" in err
    assert "You approved" in err
    assert err.endswith("Stopped. Plans that wait go on at the next start.\n")
    assert list((desk.folder.parent / "run").rglob("*.sock")) == []
    assert desk.json("history", "verify")["bad"] is None


def test_a_second_service_is_refused_and_names_the_first(desk):
    service = desk.service()
    try:
        second = desk.run("start")
    finally:
        stop(service, signal.SIGINT)
    assert second.returncode == 1
    assert f"Process {service.pid} (mainstay start)" in second.stderr
    assert "Next:" in second.stderr


def test_the_service_goes_on_with_plans_that_were_left(desk):
    running = desk.begun("run", "slow")
    assert "nap: sleeps" in running.stderr.readline()
    running.kill()
    running.communicate(WAIT_S)
    line = "1 plan has work left and nobody works on it: mainstay start"
    assert desk.run("inbox").stdout.splitlines()[1:] == [line]
    told = desk.run("plans").stdout
    assert "sleeps until" in " ".join(told.split())
    assert told.splitlines()[-1].strip() == line
    assert desk.json("plans")[0]["stands_still"] is True
    service = desk.service("--json")
    try:
        (plan,) = desk.json("plans")
        assert (plan["status"], plan["says"][:12], plan["stands_still"]) == ("running", "sleeps until", False)
        assert line not in desk.run("inbox").stdout
        assert desk.json("cancel", plan["plan"])["status"] == "cancelled"
    finally:
        status, out, _ = stop(service)
    assert status == 0
    assert '"served_s"' in out


@pytest.mark.parametrize("served", [True, False])
def test_ctrl_c_says_what_goes_on_by_itself(desk, served):
    service = desk.service() if served else None
    terminal = desk.terminal("run", "slow")
    terminal.until("nap: sleeps")
    terminal.interrupt()
    assert terminal.status() == 130
    assert "Traceback" not in terminal.text
    if service is not None:
        assert f"goes on in process {service.pid} (mainstay start)" in terminal.text
        stop(service)
    else:
        assert "It goes on with `mainstay start`" in terminal.text
    assert desk.json("plans")[0]["status"] == "running"


def test_a_client_whose_owner_dies_follows_the_plan_itself(desk):
    service = desk.service()
    client = desk.begun("run", "slow", "--json")
    assert "nap: sleeps" in client.stderr.readline()
    service.kill()
    service.communicate(WAIT_S)
    (plan,) = desk.json("plans")
    assert desk.json("cancel", plan["plan"])["status"] == "cancelled"
    out, err = client.communicate(timeout=WAIT_S)
    assert client.returncode == 1, err
    assert '"status": "cancelled"' in out
