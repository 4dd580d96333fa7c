#!/usr/bin/env python3
"""Read the new captures of all sensors with portlore on a Spark cluster.

    spark-submit --master MASTER portlore_spark.py [--portlore PATH] [--all] CAPTURES OUT [-- OPTION…]

CAPTURES/SENSOR/*.pcap* and OUT are paths that all executors see. One task reads the new files of one sensor, in the order of
their names, with one `portlore replay` for each day. Then the driver merges the states of all sensors:

    OUT/flows/sensor=SENSOR/day=DAY/DIGEST.parquet   flows that ended, each once
    OUT/state/SENSOR/DIGEST.plore                    where the next run continues
    OUT/ledger.json                                  what was read, and its outputs
    OUT/report.json, OUT/report.html                 the report of all sensors

cluster/README.md explains it. Exit status: 0, or 2 if a sensor failed; the others are read nevertheless.
"""

import argparse
import concurrent.futures
import datetime
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import uuid

from pyspark import SparkConf, SparkContext, TaskContext

# A date in a file's name, also with the time behind it: east-2026-03-01.pcap, dump_00007_20260301193000.pcap.
DATE = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)")
# Names of sensors are names of folders and parts of the names of partitions.
SENSOR = re.compile(r"[\w-][\w.-]*")
# Jobs that wait for Spark at the same time; each has one task.
JOBS = 256
# Bytes of standard error that a task gives back.
SAID = 1000


class Failed(Exception):
    """Why a sensor cannot be read."""


def day_of(path):
    """The date in a file's name; without one, the UTC date of its last change."""
    found = DATE.search(path.name)
    try:
        return datetime.date(*map(int, found.groups())).isoformat()
    except (AttributeError, ValueError):
        return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc).date().isoformat()


def new_files(folder, runs, all_files):
    """The files of a sensor that no run has read, in the order of their names."""
    paths = sorted(folder.glob("*.pcap*"), key=os.fsencode)
    # The newest one may still be written.
    paths = paths if all_files else paths[:-1]
    read = {name: size for run in runs for name, size in run["files"].items()}
    last = max(read, key=os.fsencode, default="")
    new = []
    for path in paths:
        if path.name.endswith(".part") or path.name.startswith("."):
            continue
        elif path.name not in read and os.fsencode(path.name) < os.fsencode(last):
            raise Failed(f"{path.name} arrived after {last} was read; remove it, or read all captures into a new folder")
        elif path.name not in read:
            new.append(path)
        elif path.stat().st_size != read[path.name]:
            raise Failed(f"{path.name} changed after it was read; read all captures into a new folder")
    return new


def plan(folder, runs, options, all_files):
    """The runs that read the new files of a sensor, one for each day. Their outputs have names that come from the input."""
    digest, planned = runs[-1]["digest"] if runs else None, []
    for day, paths in itertools.groupby(new_files(folder, runs, all_files), day_of):
        files = {path.name: path.stat().st_size for path in paths}
        source = json.dumps([folder.name, digest, day, list(files.items()), options])
        digest = hashlib.sha256(source.encode()).hexdigest()[:32]
        planned.append({"day": day, "digest": digest, "files": files})
    return planned


def flows_path(sensor, run):
    return f"flows/sensor={sensor}/day={run['day']}/{run['digest']}.parquet"


def state_path(sensor, run):
    return f"state/{sensor}/{run['digest']}.plore"


def read_sensor(task):
    """Runs on an executor: reads the new files of a sensor. Returns figures, or what failed at the last attempt."""
    context, out, sensor = TaskContext.get(), pathlib.Path(task["out"]), task["sensor"]
    # Without the folder of this run of the job, which then has ended, nothing is written.
    attempt = out / task["attempts"] / str(context.taskAttemptId())
    attempt.mkdir()
    state, before, statuses = task["state"] and out / task["state"], resource.getrusage(resource.RUSAGE_CHILDREN), []
    try:
        for run in task["runs"]:
            command = [task["portlore"], "replay", f"--sensor={sensor}", "--chain", *task["options"]]
            command += ["--resume", state] if state else []
            state = attempt / f"{run['digest']}.plore"
            command += ["--snapshot", state, "--flows-to", attempt / f"{run['digest']}.parquet"]
            command += [pathlib.Path(task["folder"], name) for name in run["files"]]
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            # A run says again what is missing of the runs that it continues.
            said = done.stderr[-SAID:].decode(errors="replace").strip()
            if done.returncode not in (0, 3):
                raise Failed(f"portlore ended with status {done.returncode}: {said}")
            statuses.append(done.returncode)
        # Flows before the state, without which they are not counted.
        moved = [(f"{run['digest']}.parquet", flows_path(sensor, run)) for run in task["runs"]]
        for name, path in moved + [(state.name, state_path(sensor, task["runs"][-1]))]:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(attempt / name, out / path)
    except (Failed, OSError) as error:
        if context.attemptNumber() + 1 < task["tries"]:
            raise
        return {"failed": str(error)}
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"statuses": statuses, "said": said, "cpu_seconds": round(seconds, 3)}


def replace(path, text):
    """Writes a file as a whole."""
    new = path.with_name(f".{path.name}")
    with open(new, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def save(out, ledger):
    replace(out / "ledger.json", json.dumps(ledger, indent=1) + "\n")


def sweep(out, ledger):
    """Removes what attempts left, and outputs that the ledger does not have: those of failed tasks and states that were continued."""
    shutil.rmtree(out / "attempts", ignore_errors=True)
    kept = {flows_path(sensor, run) for sensor, runs in ledger["sensors"].items() for run in runs}
    kept |= {state_path(sensor, runs[-1]) for sensor, runs in ledger["sensors"].items()}
    for path in set(ledger["begun"]) - kept:
        (out / path).unlink(missing_ok=True)


def find_tasks(args, ledger):
    """The tasks, largest first, and the sensors that cannot have one."""
    tasks, failed = [], {}
    for folder in sorted(path for path in args.captures.iterdir() if path.is_dir() and not path.name.startswith(".")):
        sensor, runs = folder.name, ledger["sensors"].get(folder.name, [])
        try:
            if not SENSOR.fullmatch(sensor):
                raise Failed("names of sensors have letters, digits and _ . - only")
            planned = plan(folder, runs, args.options, args.all)
        except (Failed, OSError) as error:
            failed[sensor] = str(error)
            continue
        if planned:
            state = state_path(sensor, runs[-1]) if runs else None
            task = {"sensor": sensor, "folder": str(folder), "runs": planned, "state": state, "out": str(args.out)}
            tasks.append(task | {"portlore": args.portlore, "options": args.options})
    size = lambda task: sum(sum(run["files"].values()) for run in task["runs"])
    return sorted(tasks, key=size, reverse=True), failed


def run_tasks(out, ledger, tasks):
    """Runs the tasks, each as a job of its own: only then does one that fails end no other. Returns the sensors that failed."""
    failed = {}
    SparkContext._ensure_initialized()
    conf = SparkConf().setAppName("portlore").set("spark.io.compression.codec", "zstd")
    if conf.get("spark.master", "local[*]") == "local[*]":  # what spark-submit says without --master
        conf.setMaster("local-cluster[2,1,1024]")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as jobs, SparkContext(conf=conf) as spark:
        more = {"tries": int(conf.get("spark.task.maxFailures", "4")), "attempts": f"attempts/{uuid.uuid4().hex}"}
        (out / more["attempts"]).mkdir(parents=True)
        job = lambda task: spark.parallelize([task | more], 1).map(read_sensor).collect()[0]
        waiting = {jobs.submit(job, task): task for task in tasks}
        while waiting:
            # While the ledger is written, other tasks end: it is written for all of them together.
            for future in concurrent.futures.wait(waiting, return_when="FIRST_COMPLETED").done:
                task = waiting.pop(future)
                sensor, error = task["sensor"], future.exception()
                result = {"failed": str(error).strip().partition("\n")[0]} if error else future.result()
                if "failed" in result:
                    failed[sensor] = result["failed"]
                    continue
                runs = [run | {"status": status} for run, status in zip(task["runs"], result["statuses"])]
                ledger["sensors"].setdefault(sensor, []).extend(runs)
                files = sum(len(run["files"]) for run in runs)
                days = ", ".join(dict.fromkeys(run["day"] for run in runs))
                print(f"{sensor}: new files: {files}; days: {days}; CPU seconds: {result['cpu_seconds']}", flush=True)
                if any(result["statuses"]):
                    print(f"{sensor}: incomplete: {result['said']}", flush=True)
            save(out, ledger)
    return failed


def report(args, ledger):
    """Merges the states of all sensors, unless the report has them already."""
    states = [state_path(sensor, runs[-1]) for sensor, runs in sorted(ledger["sensors"].items())]
    if not states or ledger["reported"] == states and all((args.out / name).exists() for name in ("report.json", "report.html")):
        return
    page = args.out / ".report.html"
    command = [args.portlore, "merge", "--quiet", "--format", "json", "--force", "--html", page]
    done = subprocess.run([*command, *(args.out / path for path in states)], stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 3):
        raise Failed(f"portlore merge ended with status {done.returncode}")
    os.replace(page, args.out / "report.html")
    replace(args.out / "report.json", done.stdout)
    ledger["reported"] = states
    save(args.out, ledger)


def run(args):
    """Does what is new. Returns the sensors that failed."""
    ledger = {"sensors": {}, "begun": [], "reported": []}
    if (args.out / "ledger.json").exists():
        ledger = json.loads((args.out / "ledger.json").read_text())
    sweep(args.out, ledger)
    tasks, failed = find_tasks(args, ledger)
    if tasks:
        ledger["begun"] = [task["state"] for task in tasks if task["state"]]
        for task in tasks:
            ledger["begun"] += [path(task["sensor"], run) for run in task["runs"] for path in (flows_path, state_path)]
        save(args.out, ledger)
        failed |= run_tasks(args.out, ledger, tasks)
        sweep(args.out, ledger)
    report(args, ledger)
    return failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip(), description=__doc__.partition("\n")[0])
    parser.add_argument("captures", type=pathlib.Path, help="folder in which each sensor has a folder")
    parser.add_argument("out", type=pathlib.Path, help="folder for flows, states and the report")
    parser.add_argument("options", nargs="*", help="options of portlore replay, the same in each run")
    parser.add_argument("--portlore", default=os.environ.get("PORTLORE", "portlore"), help="program (default: $PORTLORE, or PATH)")
    parser.add_argument("--all", action="store_true", help="read the newest file of each sensor as well: no file is being written")
    args = parser.parse_args()
    # Links stay: executors see the same paths.
    args.captures, args.out = args.captures.absolute(), args.out.absolute()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            failed = run(args)
        except (Failed, BlockingIOError) as error:
            text = "another run writes there" if isinstance(error, BlockingIOError) else error
            failed = {str(args.out): text}
    for name, reason in sorted(failed.items()):
        print(f"portlore_spark: {name}: {reason}", file=sys.stderr)
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
