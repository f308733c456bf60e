#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of "./vgpu demo", run on the host as a person would. Prints TAP."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))

# pylint: disable=wrong-import-position
from vgpulab import layers, oracle, rfb
from vgpulab.layers import Composition
from vgpulab.picture import Picture, expect_picture
from vgpulab.viewers.novnc import NoVncPage
from vgpulab.wait import until

VGPU = os.path.join(TOP, "vgpu")
VNC_PORT, WEBSOCKET_PORT, BROWSER_PORT = 5900, 5700, 6080

# The bar that lab/guest/init draws: text mode's colours 1 to 7.
BAR = {(170, 0, 0), (170, 85, 0), (0, 170, 0), (0, 170, 170), (0, 0, 170),
       (170, 0, 170), (170, 170, 170)}
# Below this row is the shell, where a cursor blinks.
BANNER_ROWS = 300


class Skip(Exception):
    """Why a test cannot be done on this machine."""


def check_console(folder):
    """demo.png shows what the guest's init wrote to its console."""
    picture = Picture.load_image(os.path.join(folder, "demo.png"))
    assert (picture.width, picture.height) == (1024, 768), picture
    missing = BAR - picture.colours()
    assert not missing, f"colours missing: {missing}"
    return picture


def test_demo_writes_the_guests_console():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([VGPU, "demo"], check=False, cwd=folder,
                              stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8")
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert os.path.join(folder, "demo.png") in done.stdout, said
        assert "the path of its pixels: vgpu0: mmap" in done.stdout, said
        check_console(folder)


def check_planes(picture, overlay_size=256):
    """Background, cursor and, somewhere, all of the overlay."""
    overlay = oracle.pattern(oracle.RAMP, overlay_size, overlay_size)
    found = picture.find(overlay)
    assert found, "the overlay is not in the picture"
    left, top = found
    want = Composition(oracle.pattern(oracle.CHECKS, 1024, 768, 1))
    want.over(layers.of_picture(overlay), left, top)
    want.over(layers.guest_cursor(), 200, 150)
    wrong = picture.difference(want)
    assert wrong is None, wrong


def test_demo_of_every_plane():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([VGPU, "demo", "--device", "vgpu"],
                              check=False, cwd=folder,
                              stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8")
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "the overlay moved from " in said, said
        for kind in "primary", "cursor", "overlay":
            assert f"\n  {kind}: " in said, said
        check_planes(Picture.load_image(os.path.join(folder, "demo.png")))


def test_demo_refuses_unknown_devices():
    done = subprocess.run([VGPU, "demo", "--device", "vga"], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          encoding="utf-8")
    assert done.returncode != 0 and "usage:" in done.stderr, done.stderr


def port_is_free(port=VNC_PORT):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def need_port(port):
    if not port_is_free(port):
        raise Skip(f"port {port} of this machine is in use")


def processes_with(text):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if text.encode() in file.read():
                    found.append(name)
        except OSError:
            continue
    return found


def check_banner(folder, take_picture):
    """What is seen on the host has the banner exactly as demo.png has it."""
    want = check_console(folder).with_black_below(BANNER_ROWS)
    expect_picture(
        "the banner",
        lambda: take_picture().with_black_below(BANNER_ROWS), want)


def check_viewer(folder):
    with rfb.Rfb(0, rfb.RAW) as viewer:
        def look():
            viewer.drain()
            return viewer.picture()
        check_banner(folder, look)


def first_words(end, words):
    """Connects as soon as the port lets it; adds what comes first."""
    while not end.wait(0.005):
        with socket.socket() as viewer:
            if viewer.connect_ex(("127.0.0.1", VNC_PORT)):
                continue
            viewer.settimeout(60)
            words.append(viewer.recv(12))
            return


@contextlib.contextmanager
def first_viewer():
    """One that was there before the demo is answered, and not dropped."""
    end, words = threading.Event(), []
    viewer = threading.Thread(target=first_words, args=(end, words))
    viewer.start()
    try:
        yield
        viewer.join(60)
        assert words == [b"RFB 003.008\n"], words
    finally:
        end.set()
        viewer.join()


def await_line(stream, text):
    """Returns the first line with that text in it."""
    said = ""
    for line in stream:
        said += line
        if text in line:
            return line
    raise AssertionError(f"ended before \"{text}\": {said}")


def test_vnc_until_interrupted():
    need_port(VNC_PORT)
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [VGPU, "demo", "--vnc"], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, encoding="utf-8") as demo:
        try:
            with first_viewer():
                await_line(demo.stdout, "can connect to 127.0.0.1:5900")
            check_viewer(folder)
            demo.send_signal(signal.SIGINT)
            assert demo.wait(120) == 130, demo.returncode
            assert not processes_with(folder), processes_with(folder)
            assert port_is_free()
        finally:
            demo.kill()


def test_browser_until_interrupted():
    for port in VNC_PORT, WEBSOCKET_PORT, BROWSER_PORT:
        need_port(port)
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [VGPU, "demo", "--browser"], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, encoding="utf-8") as demo:
        try:
            address = await_line(demo.stdout, "a browser can open").split()[-1]
            with NoVncPage(address) as browser:
                check_banner(folder, browser.picture)
            demo.send_signal(signal.SIGINT)
            assert demo.wait(120) == 130, demo.returncode
            until("noVNC's server to end", lambda: port_is_free(BROWSER_PORT))
        finally:
            demo.kill()


def watch_overlay(viewer):
    """A viewer gets the overlay in several places."""
    overlay = oracle.pattern(oracle.RAMP, 256, 256)
    places = set()

    def look():
        if viewer.pending():
            viewer.update()
        places.add(viewer.picture().find(overlay))
        return len(places - {None}) >= 3
    until("the overlay in three places", look, pause=0)


def test_vnc_beside_planes():
    need_port(VNC_PORT)
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [VGPU, "demo", "--vnc", "--device", "vgpu"], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            encoding="utf-8") as demo:
        try:
            with first_viewer():
                await_line(demo.stdout, "can connect to 127.0.0.1:5900")
            with rfb.Rfb(0, rfb.RAW) as viewer:
                watch_overlay(viewer)
            demo.send_signal(signal.SIGINT)
            assert demo.wait(120) == 130, demo.returncode
        finally:
            demo.kill()


def run(number, test):
    """Returns whether it did not fail."""
    title = test.__name__.removeprefix("test_").replace("_", " ")
    try:
        test()
        print(f"ok {number} - {title}", flush=True)
    except Skip as why:
        print(f"ok {number} - {title} # SKIP {why}", flush=True)
    except Exception:  # pylint: disable=broad-exception-caught
        print(f"not ok {number} - {title}", flush=True)
        for line in traceback.format_exc().splitlines():
            print(f"# {line}", flush=True)
        return False
    return True


def main():
    tests = (test_demo_writes_the_guests_console, test_vnc_until_interrupted,
             test_browser_until_interrupted, test_demo_of_every_plane, test_vnc_beside_planes,
             test_demo_refuses_unknown_devices)
    print(f"1..{len(tests)}", flush=True)
    results = [run(number, test) for number, test in enumerate(tests, 1)]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
