#!/usr/bin/env python3
"""Check that live captures name Debian's web servers by their marks, and a bare Node server by none.

    check-servers.py BINARY [--keep FOLDER] [NAME...]

Starts nginx, Apache, Caddy (each as configured by default and as quiet as it can be made) and a bare Node server on 3001,
3002 and 8080, in network namespaces that it makes: a server and a client, joined by a wire. `BINARY live` captures on the
server's side while the client asks for a page that there is and one that there is not. What must be said:

  the servers  protocol `http`, confidence `mark`, the server's entry of the catalogue, nothing else on the port;
               `product` with the server's name where it sends one
  bare Node    protocol `http`, no service

Needs root, Linux, ip (iproute2) and the Debian packages nginx-light, apache2, caddy and nodejs; what is missing is named.
Prints a line per server and port; exit status 1 if one is not as it must be, 2 if something is missing.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PORTS = (3001, 3002, 8080)
SERVER, CLIENT = "192.0.2.10", "192.0.2.21"
PATIENCE = 20

NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; {quiet}
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen {port}; root {folder}/public; }} }}
"""
APACHE = """
ServerRoot /etc/apache2
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
ServerName {host}
Listen {port}
User nobody
Group nogroup
{quiet}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
TypesConfig /etc/mime.types
DocumentRoot {folder}/public
<Directory {folder}/public>
  Require all granted
</Directory>
"""
CADDY = """
{{
  admin off
  auto_https off
}}
:{port} {{
  root * {folder}/public
  file_server
}}
"""
NODE = """
require("http").createServer((req, res) => {{
  res.sendDate = false;
  res.statusCode = req.url === "/" ? 200 : 404;
  res.end("berth {port}\\n");
}}).listen({port});
"""

# Name: program, its configuration, how it is started, the entry of the catalogue, what it calls itself.
SERVERS = {
    "nginx": ("nginx", NGINX, ["nginx", "-p", "{folder}", "-c", "{file}", "-e", "{folder}/error.log"], "nginx", "nginx/1."),
    "nginx-quiet": ("nginx", NGINX, ["nginx", "-p", "{folder}", "-c", "{file}", "-e", "{folder}/error.log"], "nginx", "nginx"),
    "apache": ("apache2", APACHE, ["apache2", "-X", "-f", "{file}"], "apache-httpd", "Apache/2."),
    "apache-quiet": ("apache2", APACHE, ["apache2", "-X", "-f", "{file}"], "apache-httpd", "Apache"),
    "caddy": ("caddy", CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"], "caddy", "Caddy"),
    "node": ("node", NODE, ["node", "{file}"], None, None),
}
QUIET = {"nginx-quiet": "server_tokens off;", "apache-quiet": "ServerTokens Prod\nServerSignature Off"}
CLIENT_SCRIPT = """
import http.client, sys
for path in ("/", "/missing.html"):
    link = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=10)
    link.request("GET", path, headers={"User-Agent": "check"})
    link.getresponse().read()
    link.close()
"""


def run(*argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **options)


class Bench:
    """A server and a client in namespaces of their own, joined by a wire."""

    def __init__(self):
        self.names = [f"servers{os.getpid()}-{side}" for side in "sc"]
        self.children = []

    def __enter__(self):
        try:
            for name in self.names:
                run("ip", "netns", "add", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
            server, client = self.names
            run("ip", "-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client)
            for name, address in zip(self.names, (SERVER, CLIENT)):
                run("ip", "-n", name, "addr", "add", address + "/24", "dev", "eth0")
                run("ip", "-n", name, "link", "set", "eth0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            self.stop(child)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def start(self, side, *argv, **options):
        command = ["ip", "netns", "exec", self.names["sc".index(side)], *map(str, argv)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def call(self, side, *argv):
        run("ip", "netns", "exec", self.names["sc".index(side)], *map(str, argv), timeout=PATIENCE)

    def wait_for(self, port, child):
        """Until a TCP port of the server listens; without a packet on the wire."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and child.poll() is None:
            tables = subprocess.run(["ip", "netns", "exec", self.names[0], "cat", "/proc/net/tcp", "/proc/net/tcp6"],
                                    capture_output=True, text=True).stdout
            if any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in map(str.split, tables.splitlines()) if len(row) > 3):
                return
            time.sleep(0.1)
        raise RuntimeError(f"nobody listens on {port}")


def capture(bench, binary, name, port, folder):
    """The JSON document of a live capture of one server on one port."""
    _, text, command, _, _ = SERVERS[name]
    (folder / "public").mkdir(parents=True)
    (folder / "public" / "index.html").write_text("<!doctype html><title>Berths</title>\n")
    for path in (folder, folder / "public"):
        path.chmod(0o755)
    file = folder / "configuration"
    file.write_text(text.format(port=port, folder=folder, host=SERVER, quiet=QUIET.get(name, "")))
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with open(folder / "log", "w") as log:
        server = bench.start("s", *(word.format(file=file, folder=folder) for word in command), env=environment, stdout=log, stderr=log)
        try:
            bench.wait_for(port, server)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {(folder / 'log').read_text()[-300:]}") from error
    live = bench.start("s", binary, "live", "-i", "eth0", "--format", "json", "--flows", "--why", "-f", f"tcp port {port}",
                       env={**os.environ, "HOME": "/nonexistent"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "apturing on eth0" not in (line := live.stderr.readline()):
        if not line:
            raise RuntimeError("the live capture ended before it began")
    bench.call("c", sys.executable, "-c", CLIENT_SCRIPT, SERVER, port)
    # The last segments are on their way to the reader; the kernel hands them over within a second.
    time.sleep(1)
    os.killpg(live.pid, signal.SIGINT)
    said, _ = live.communicate(timeout=PATIENCE)
    bench.stop(server)
    return json.loads(said)


def faults(document, name, port):
    _, _, _, service, product = SERVERS[name]
    flows = [f for f in document["flows"] if f["responder"]["port"] == port]
    if len(flows) != 2:
        yield f"{len(flows)} flows of 2"
    for flow in flows:
        verdict = flow["verdict"]
        if verdict["protocol"] != "http":
            yield f"protocol {verdict['protocol']}"
        if verdict["service"] != service or (service and verdict["confidence"] != "mark"):
            yield f"{verdict['service']} by {verdict['confidence']} rather than {service}"
        if product and product not in (verdict.get("product") or ""):
            yield f"product {verdict.get('product')} rather than {product}"
    rows = [row["service"] for p in document["ports"] if p["port"] == port for row in p["speaking"]]
    if rows != [service]:
        yield f"the port's rows are {rows}"


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("binary", type=pathlib.Path)
    args.add_argument("--keep", type=pathlib.Path, help="write each document to this folder")
    args.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SERVERS))
    args = args.parse_args()
    names = args.names or list(SERVERS)
    if unknown := [name for name in names if name not in SERVERS]:
        sys.exit("no such server: " + " ".join(unknown))
    missing = {program for program in ("ip", *(SERVERS[name][0] for name in names)) if not shutil.which(program)}
    if missing or os.geteuid() != 0:
        print("needs root and", ", ".join(sorted(missing)) or "nothing else", file=sys.stderr)
        sys.exit(2)
    wrong = 0
    for name in names:
        for port in PORTS:
            with tempfile.TemporaryDirectory() as scratch, Bench() as bench:
                try:
                    document = capture(bench, args.binary.resolve(), name, port, pathlib.Path(scratch) / "server")
                    said = sorted(set(faults(document, name, port)))
                    if args.keep:
                        args.keep.mkdir(parents=True, exist_ok=True)
                        (args.keep / f"{name}-{port}.json").write_text(json.dumps(document, indent=1))
                except (RuntimeError, ValueError, OSError, subprocess.SubprocessError) as error:
                    said = [f"{type(error).__name__}: {error}"]
            wrong += bool(said)
            print(f"{name} on {port}: {'; '.join(said) or 'as it must be'}", flush=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
