#!/usr/bin/env python3
"""Check that the job on a Spark cluster gives what one process gives, also if parts of the cluster fail.

    check-cluster.py BINARY FOLDER [CHECK…]

Makes captures of four sensors in FOLDER, starts a Spark master and two workers on loopback, and runs cluster/portlore_spark.py
over them. The report, byte for byte, and the rows of all flows, in their order, must be those of one process

  plain       with two executors; run again, the job changes nothing
  failures    if an executor or portlore is killed while portlore runs, or an executor stops for 20 seconds, which is short enough
              to be waited for, or so long that another attempt replaces it
  arrivals    if files arrive in three steps, and if they were written to the disk in another order
  no-master   with the two executors that the job starts itself
  xargs       with the command of cluster/README.md; only the report

and no other file may be left. Two checks are of other things:

  bad         a capture that cannot be read fails its sensor only; one that is cut off is a result
  sql         the SQL of cluster/README.md gives the same in DuckDB and Spark; needs `plain`

Needs Java 17, and pyspark and duckdb (PyPI): `make test-cluster` installs them.
Prints one line for each check; exit status 1 at the first difference, 2 if something is missing.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOB = ROOT / "cluster/portlore_spark.py"
README = ROOT / "cluster/README.md"
DEADLINE = 300  # seconds for anything that is waited for
STOPPED = 20  # seconds

try:
    import duckdb
    import pyspark
except ImportError as error:
    print(f"check-cluster: {error}; `make test-cluster` installs it", file=sys.stderr)
    sys.exit(2)

# Stands for portlore: stops the run of a sensor in the middle, once its outputs are open, until FOLDER/held is removed. That is
# the run which finds the sensor's name in FOLDER/hold.
HELD = """#!{python}
import os, pathlib, signal, subprocess, sys, time
folder, words = pathlib.Path({folder!r}), sys.argv[1:]
try:
    hold = folder / "hold"
    held = "--sensor=" + hold.read_text() in words and hold.rename(folder / f"hold-{{os.getpid()}}")
except FileNotFoundError:
    held = None
if not held:
    os.execv({binary!r}, [{binary!r}, *words])
attempt = pathlib.Path(words[words.index("--snapshot") + 1]).parent
run = subprocess.Popen([{binary!r}, *words])
while run.poll() is None and not any(attempt.iterdir()):
    time.sleep(0.001)
run.send_signal(signal.SIGSTOP)
held.write_text(str(run.pid))
held.rename(folder / "held")
while (folder / "held").exists():
    time.sleep(0.02)
run.send_signal(signal.SIGCONT)
sys.exit(run.wait() % 256)
"""


def fail(text):
    sys.exit(f"check-cluster: {text}")


def same(what, one, other):
    if one != other:
        fail(f"{what}: {one!r} is not {other!r}")


def wait_for(what, condition):
    """Waits until a condition holds, and returns its value."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    fail(f"waited {DEADLINE} seconds for {what}")


def run(*command, ok=(0,), **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode not in ok:
        fail(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr}")
    return done.stdout


def digest(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()[:16]


# Captures


def split(capture, parts):
    """The bytes of captures that have the packets of one."""
    data, offset, frames = capture.read_bytes(), 24, []
    while offset < len(data):
        end = offset + 16 + struct.unpack_from("<I", data, offset + 8)[0]
        frames.append(data[offset:end])
        offset = end
    share = -(-len(frames) // parts)
    return [data[:24] + b"".join(frames[n : n + share]) for n in range(0, len(frames), share)]


def make_captures(work):
    """Names and content of the captures of all sensors, with the times of their last change."""
    many = work / "many.pcap"
    run(sys.executable, ROOT / "scripts/make-flows.py", "30000", many)
    files = {}
    for n, part in enumerate(split(many, 7)):
        # Three days by the names.
        files[f"east/east-2026030{1 + n // 3}-{n:04}.pcap"] = part
        # The same addresses at another sensor, and connections that begin and end elsewhere.
        if n < 5:
            files[f"west/west_0000{n}_2026030{1 + n // 2}193000.pcap"] = part
    for n, name in enumerate(["showcase", "acceptance", "eos-tcp-slip-3037", "amqp-3001", "apache-httpd-8080"]):
        files[f"stage/{n}.pcap"] = (ROOT / f"fixtures/{name}.pcap").read_bytes()
    lab = sorted(path for path in (ROOT / "fixtures/cases").glob("[a-e]*.pcap"))
    for capture in lab:
        files[f"lab.2/{capture.name}"] = capture.read_bytes()
    many.unlink()
    return files


def place(captures, files, order=None):
    """Writes captures where they are missing. Files without a date in their names are of two days."""
    for name in order or sorted(files):
        path = captures / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
            day = 1_772_400_000 + 86_400 * (sorted(files).index(name) % 40 > 20)
            os.utime(path, (day, day))


# Results


def rows_of(paths):
    """The rows of Parquet files, one after another."""
    return [row for path in paths for row in duckdb.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)").fetchall()]


def of_one_process(binary, captures, work):
    """Digests of the report and rows that one process gives."""
    report = run(binary, "replay", "--quiet", "--format", "json", "--sensors", captures, ok=(0, 3))
    rows, whole = [], work / "whole.parquet"
    for folder in sorted(captures.iterdir()):
        files = sorted(folder.iterdir())
        command = [binary, "replay", "--quiet", "--force", "--chain", "--flows-to", whole]
        run(*command, *files, ok=(0, 3))
        rows.append((folder.name, rows_of([whole])))
    whole.unlink()
    return digest(report), digest(repr(rows)), sum(len(own) for _, own in rows)


def of_job(binary, out, work):
    """The same of a job's outputs: rows of connections that ended, and then those that are open. No other file may be there."""
    ledger = json.loads((out / "ledger.json").read_text())
    rows, expected, still_open = [], {".lock", "ledger.json", "report.json", "report.html"}, work / "open.parquet"
    for sensor, runs in sorted(ledger["sensors"].items()):
        state = f"state/{sensor}/{runs[-1]['digest']}.plore"
        flows = [f"flows/sensor={sensor}/day={part['day']}/{part['digest']}.parquet" for part in runs]
        run(binary, "report", "--quiet", "--force", "--flows-to", still_open, out / state, ok=(0, 3))
        rows.append((sensor, rows_of([*(out / path for path in flows), still_open])))
        expected |= {state, *flows}
    still_open.unlink()
    found = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    same(f"{out.name}: files", sorted(found ^ expected), [])
    same(f"{out.name}: folder of attempts", (out / "attempts").exists(), False)
    return digest((out / "report.json").read_bytes()), digest(repr(rows)), sum(len(own) for _, own in rows)


# The cluster


def free_port():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        return end.getsockname()[1]


class Cluster:
    """A master and two workers, one core each."""

    def __init__(self, binary, work):
        self.binary, self.work, self.daemons, self.jobs = binary, work, [], []
        self.home = pathlib.Path(pyspark.__file__).parent
        local = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(self.home), "PYSPARK_PYTHON": sys.executable}
        self.environment = os.environ | local | {"SPARK_LOCAL_DIRS": str(work / "spark"), "PORTLORE": str(binary)}
        self.held = work / "portlore-held"
        self.held.write_text(HELD.format(python=sys.executable, folder=str(work), binary=str(binary)))
        self.held.chmod(0o755)
        (work / "events").mkdir()
        self.port, self.page = free_port(), free_port()

    def start(self, name, *words):
        log = open(self.work / f"{name}.log", "w")
        command = [self.home / "bin/spark-class", f"org.apache.spark.deploy.{words[0]}", "--host", "127.0.0.1", *words[1:]]
        self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, start_new_session=True))

    def __enter__(self):
        self.start("master", "master.Master", "--port", str(self.port), "--webui-port", str(self.page))
        wait_for("the master", lambda: self.state() is not None)
        for n in (1, 2):
            place = ["-d", str(self.work / f"worker{n}"), "--webui-port", "0"]
            self.start(f"worker{n}", "worker.Worker", "-c", "1", "-m", "1g", *place, f"spark://127.0.0.1:{self.port}")
        wait_for("two workers", lambda: self.state()["aliveworkers"] == 2)
        return self

    def __exit__(self, *_):
        for process in self.jobs + self.daemons[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.jobs + self.daemons:
            process.wait()

    def state(self):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/") as answer:
                return json.load(answer)

    def submit(self, out, captures, *words, options=(), master=True, portlore=None):
        """Starts the job."""
        settings = {"spark.executor.memory": "512m", "spark.ui.enabled": "false", "spark.eventLog.enabled": "true"}
        settings |= {"spark.eventLog.dir": f"file://{self.work}/events", "spark.eventLog.compress": "false"}
        settings |= {"spark.eventLog.rolling.enabled": "false", "spark.driver.host": "127.0.0.1"} | dict(options)
        command = [self.home / "bin/spark-submit", *(["--master", f"spark://127.0.0.1:{self.port}"] if master else [])]
        command += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        command += [JOB, *words, "--portlore", portlore or self.binary, captures, out]
        log = open(self.work / f"{out.name}.log", "a")
        process = {"env": self.environment, "start_new_session": True, "text": True}
        self.jobs.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, **process))
        return self.jobs[-1]

    def job(self, out, captures, *words, status=0, **options):
        """Runs the job to its end. Returns what it printed."""
        return self.end(out, self.submit(out, captures, *words, **options), status)

    def end(self, out, job, status=0):
        printed, _ = job.communicate(timeout=DEADLINE)
        if job.returncode != status:
            fail(f"{out.name}: status {job.returncode}, not {status}\n{(self.work / f'{out.name}.log').read_text()[-6000:]}")
        return printed

    def logs(self):
        """The logs of events, one for each job."""
        return set((self.work / "events").iterdir())

    def tasks(self, known=frozenset()):
        """The events at the end of tasks, of all jobs whose logs are not known."""
        lines = (line for log in self.logs() - known for line in open(log) if "SparkListenerTaskEnd" in line)
        return [json.loads(line) for line in lines]

    @contextlib.contextmanager
    def holding(self, out, captures, sensor, **options):
        """Starts the job and holds portlore in the middle of this sensor; in the end, lets all finish."""
        (self.work / "hold").write_text(sensor)
        job = self.submit(out, captures, "--all", portlore=self.held, **options)
        held = self.work / "held"
        wait_for("portlore", lambda: held.exists() or job.poll() is not None and fail(f"{out.name}: the job ended: see its log"))
        portlore = int(held.read_text())
        executor = ancestor(portlore, "CoarseGrainedExecutorBackend")
        same(f"{out.name}: portlore runs", process_state(portlore), "T")
        yield portlore, executor
        held.unlink(missing_ok=True)
        with contextlib.suppress(ProcessLookupError):
            os.kill(portlore, signal.SIGCONT)
        self.end(out, job)
        # What the executor left may still write.
        wait_for("all runs of portlore", lambda: not any(f"{out}/attempts" in words for words in commands().values()))


def commands():
    """The command lines of all processes."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def status_line(process, name):
    with contextlib.suppress(OSError):
        return re.search(rf"^{name}:\s+(\S+)", pathlib.Path(f"/proc/{process}/status").read_text(), re.M)[1]


def process_state(process):
    return status_line(process, "State")


def ancestor(process, word):
    """The process above this one with a word in its command line."""
    all_commands = commands()
    while word not in all_commands.get(process, word):
        process = int(status_line(process, "PPid"))
    return process


def family(process):
    """A process and all below it."""
    children = {}
    for other in commands():
        children.setdefault(int(status_line(other, "PPid") or 0), []).append(other)
    found = [process]
    for member in found:
        found += children.get(member, [])
    return found


# The checks


def check_plain(cluster, captures, work, _):
    out = work / "plain"
    cluster.job(out, captures, "--all")
    yield out
    before = {path: path.stat() for path in out.rglob("*") if not path.is_dir()}
    logs = cluster.logs()
    same("a second run prints", cluster.job(out, captures, "--all"), "")
    identity = lambda stat: (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    changed = [path.name for path, stat in before.items() if path.name != ".lock" and identity(path.stat()) != identity(stat)]
    same("a second run changes", changed, [])
    same("a second run starts Spark", cluster.logs() - logs, set())


def check_failures(cluster, captures, work, _):
    with cluster.holding(work / "killed-executor", captures, "east") as (_, executor):
        os.kill(executor, signal.SIGKILL)
    yield work / "killed-executor"
    with cluster.holding(work / "killed-portlore", captures, "east") as (portlore, _):
        os.kill(portlore, signal.SIGKILL)
        (work / "held").unlink()
    yield work / "killed-portlore"
    # An executor that is silent for this long is lost, and its task starts elsewhere.
    impatient = {"spark.network.timeout": "8s", "spark.network.timeoutInterval": "2s", "spark.executor.heartbeatInterval": "2s"}
    for name, options in (("stopped-executor", {}), ("lost-executor", impatient)):
        with cluster.holding(work / name, captures, "east", options=options) as (_, executor):
            processes = family(executor)
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            (work / "held").unlink()
            time.sleep(STOPPED)
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)
        yield work / name


def check_arrivals(cluster, captures, work, files):
    """Files arrive in three steps; a file that is still written or the newest one waits. Then all are written in another order."""
    shutil.rmtree(captures)
    out, sensors = work / "steps", {}
    for name in sorted(files):
        sensors.setdefault(name.partition("/")[0], []).append(name)
    for step in (1, 2, 3):
        for sensor, names in sensors.items():
            if sensor != "west" or step > 1:
                place(captures, files, names[: -(-len(names) * step // 3)])
        (captures / "east/east-20260399.pcap.part").touch()
        cluster.job(out, captures, *(["--all"] if step == 3 else []))
        (captures / "east/east-20260399.pcap.part").unlink()
    yield out
    shutil.rmtree(captures)
    order = sorted(files)
    random.Random(1).shuffle(order)
    place(captures, files, order)
    cluster.job(work / "permuted", captures, "--all")
    yield work / "permuted"


def check_no_master(cluster, captures, work, _):
    cluster.job(work / "no-master", captures, "--all", master=False)
    yield work / "no-master"


def sensors_read(printed):
    return sorted(line.partition(":")[0] for line in printed.splitlines() if "new files" in line)


def check_bad(cluster, _, work, __):
    """Also: a file is refused that arrives after later ones were read."""
    captures = work / "bad-captures"
    out, whole = work / "bad", (ROOT / "fixtures/showcase.pcap").read_bytes()
    for name, content in {"good/2": whole, "cut/1": whole[:-7], "broken/1": whole, "broken/2": b"no capture at all"}.items():
        (captures / name).parent.mkdir(parents=True, exist_ok=True)
        (captures / f"{name}.pcap").write_bytes(content)
    before = cluster.logs()
    printed = cluster.job(out, captures, "--all", status=2)
    same("sensors that were read", sensors_read(printed), ["cut", "good"])
    same("attempts", sorted(task["Task Info"]["Attempt"] for task in cluster.tasks(before)), [0, 0, 0, 1, 2, 3])
    ledger = json.loads((out / "ledger.json").read_text())["sensors"]
    same("statuses", {sensor: [part["status"] for part in runs] for sensor, runs in ledger.items()}, {"good": [0], "cut": [3]})
    report = json.loads((out / "report.json").read_text())["capture"]
    same("sensors of the report", report["sensors"], ["cut", "good"])
    problems = [problem.partition(": the file ends inside")[0] for problem in report["problems"]]
    same("problems in the report", problems, [f"{captures}/cut/1.pcap"])
    # spark-submit writes what the job writes to standard error to standard output.
    if "portlore_spark: broken: portlore ended with status 2: " not in printed:
        fail("the job does not name the sensor that failed")
    of_job(cluster.binary, out, work)

    (captures / "broken/2.pcap").write_bytes((ROOT / "fixtures/acceptance.pcap").read_bytes())
    (captures / "good/1.pcap").write_bytes(whole)
    printed = cluster.job(out, captures, "--all", status=2)
    same("sensors that were read after the repair", sensors_read(printed), ["broken"])
    if "portlore_spark: good: 1.pcap arrived after 2.pcap was read" not in printed:
        fail("the job reads a capture that arrived late")
    of_job(cluster.binary, out, work)


def blocks(kind):
    """The blocks of one kind in the README of the job."""
    return re.findall(rf"```{kind}\n(.*?)```", README.read_text(), re.S)


def check_xargs(cluster, captures, work, _):
    binary = cluster.binary
    (command,) = [block for block in blocks("sh") if "xargs" in block]
    folder = work / "xargs"
    folder.mkdir()
    (folder / "captures").symlink_to(captures)
    (folder / "portlore").symlink_to(binary)
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    # Status 123: a capture among the fixtures is cut off.
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=os.environ | path, capture_output=True, text=True)
    expected = run(binary, "replay", "--quiet", "--format", "json", "--sensors", "captures", ok=(0, 3), cwd=folder)
    same(f"report of xargs ({done.stderr})", digest((folder / "report.json").read_bytes()), digest(expected))


def check_sql(cluster, _, work, __):
    folder = work / "sql"
    folder.mkdir()
    (folder / "out").symlink_to(work / "plain")
    by_duckdb, by_spark = blocks("sql")
    connection = duckdb.connect()
    connection.execute(f"SET file_search_path = '{folder}'")
    rows = connection.execute(by_duckdb).fetchall()
    if not rows:
        fail("the SQL for DuckDB finds nothing")
    command = [cluster.home / "bin/spark-sql", "--master", "local[1]", "--conf", "spark.io.compression.codec=zstd", "-e", by_spark]
    printed = run(*command, cwd=folder, env=cluster.environment)
    sums = [tuple(line.split("\t")) for line in printed.splitlines() if line.count("\t") == 3]
    table = "read_parquet('out/flows/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    query = f"SELECT day, sensor, count(*), sum(bytes)::BIGINT FROM {table} GROUP BY ALL ORDER BY ALL"
    same("sums by Spark", sums, [tuple(map(str, row)) for row in connection.execute(query).fetchall()])


def show_cost(cluster):
    """What passed through Spark, which must be little."""
    metrics = [task["Task Metrics"] for task in cluster.tasks() if task.get("Task Metrics")]
    largest = max(task["Result Size"] for task in metrics)
    shuffled = sum(task["Shuffle Write Metrics"]["Shuffle Bytes Written"] for task in metrics)
    if largest > 4096 or shuffled:
        fail(f"a task returned {largest} bytes, and {shuffled} bytes were shuffled")
    return f"{len(metrics)} tasks returned at most {largest} bytes each; nothing was shuffled"


CHECKS = {"plain": check_plain, "failures": check_failures, "arrivals": check_arrivals, "no-master": check_no_master}
CHECKS |= {"bad": check_bad, "xargs": check_xargs, "sql": check_sql}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    binary, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    captures = work / "captures"
    captures.mkdir(parents=True)
    files = make_captures(work)
    place(captures, files)
    expected = of_one_process(binary, captures, work)
    print(f"one process: {len(files)} captures, report {expected[0]}, {expected[2]} rows {expected[1]}", flush=True)
    with Cluster(binary, work) as cluster:
        for name in sys.argv[3:] or CHECKS:
            # A check gives the outputs that are compared, if there are any.
            for out in CHECKS[name](cluster, captures, work, files) or ():
                same(f"{out.name}: report, rows, number of rows", of_job(binary, out, work), expected)
                print(f"{out.name}: the same", flush=True)
            print(f"{name}: passed", flush=True)
        print(show_cost(cluster))


if __name__ == "__main__":
    main()
