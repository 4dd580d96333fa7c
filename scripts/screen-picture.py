#!/usr/bin/env python3
"""Make docs/images/screen.webp: a picture of the full-screen view in a terminal.

    screen-picture.py BINARY PICTURE.webp [CAPTURE] [KEY...]

Runs `BINARY replay --follow CAPTURE` in tmux, 100 columns by 15 lines, presses the keys (tmux's names), and draws what is on
the screen by a browser. Needs tmux, chromium and cwebp (Debian: tmux, chromium, webp).
"""
import html
import os
import re
import subprocess
import sys
import tempfile
import time

COLUMNS, LINES = 100, 15
# The colours of SGR 30-37 (or 38;5;0-7), and those of 90-97 (38;5;8-15).
PALETTE = ["#1d2129", "#f2777a", "#99cc99", "#ffcc66", "#6699cc", "#cc99cc", "#66cccc", "#d3d0c8"]
BRIGHT = ["#747369", "#f99157", "#b5e8b0", "#ffe08a", "#8ab4f8", "#e2b6e2", "#8fe3e3", "#ffffff"]
TEXT, GROUND = "#d3d0c8", "#1d2129"


def screen(binary, capture, keys):
    """The lines of the terminal, with their SGR sequences."""
    def tmux(*args):
        return subprocess.run(["tmux", "-L", "picture", *args], check=True, capture_output=True, text=True).stdout

    command = f"exec env -u NO_COLOR {binary} replay --follow {capture}"
    tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), command)
    try:
        tmux("set", "-g", "status", "off")
        time.sleep(2)
        for key in keys:
            tmux("send-keys", key)
            time.sleep(1)
        return tmux("capture-pane", "-e", "-p").splitlines()
    finally:
        tmux("kill-server")


def drawn(line, style):
    """A line as HTML; `style` has what SGR sequences set, also in lines before."""
    out = []
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            codes = [int(code or 0) for code in part[2:-1].split(";")]
            if codes[:2] == [38, 5]:
                style["colour"] = (PALETTE + BRIGHT)[codes[2] % 16]
                continue
            for code in codes:
                if code == 0:
                    style.clear()
                elif code in (1, 2, 4, 7):
                    style[code] = True
                elif code == 22:
                    style.pop(1, None), style.pop(2, None)
                elif code in (24, 27):
                    style.pop(code - 20, None)
                elif 30 <= code <= 37 or 90 <= code <= 97:
                    style["colour"] = (PALETTE if code < 90 else BRIGHT)[code % 10]
                elif code == 39:
                    style.pop("colour", None)
            continue
        colour, ground = style.get("colour", TEXT), GROUND
        if 2 in style:
            colour = f"color-mix(in srgb, {colour} 60%, {GROUND})"
        if 7 in style:
            colour, ground = GROUND, TEXT
        weight = "bold" if 1 in style else "normal"
        line_below = "underline" if 4 in style else "none"
        css = f"color:{colour};background:{ground};font-weight:{weight};text-decoration:{line_below}"
        out.append(f'<span style="{css}">{html.escape(part)}</span>' if part else "")
    return "".join(out)


def main():
    binary, picture, *rest = sys.argv[1:]
    capture, keys = (rest[0], rest[1:]) if rest else ("fixtures/showcase.pcap", [])
    style = {}
    lines = [drawn(line, style) for line in screen(os.path.abspath(binary), capture, keys)]
    page = (f'<meta charset=utf-8><body style="margin:0;padding:14px;background:{GROUND}">'
            '<pre style="margin:0;font:15px/20px \'DejaVu Sans Mono\',monospace">' + "\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        name, shot = os.path.join(folder, "screen.html"), os.path.join(folder, "screen.png")
        with open(name, "w", encoding="utf-8") as file:
            file.write(page)
        size = f"{COLUMNS * 9 + 32},{LINES * 20 + 28}"
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}",
                        "--force-device-scale-factor=2", f"--window-size={size}", f"file://{name}"],
                       check=True, capture_output=True)
        subprocess.run(["cwebp", "-quiet", "-q", "80", shot, "-o", picture], check=True)


main()
