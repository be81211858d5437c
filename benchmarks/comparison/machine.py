"""What the figures were taken on."""

import os
import platform


def cpu_name():
    try:
        with open("/proc/cpuinfo") as file:
            fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    if "model name" not in fields:
        return platform.machine()
    return "%s (family %s, model %s)" % (fields["model name"], fields.get("cpu family", "?"), fields.get("model", "?"))


def system_name():
    try:
        with open("/etc/os-release") as file:
            return next(line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME="))
    except (OSError, StopIteration):
        return platform.platform()


def describe():
    return {"cpu": cpu_name(), "processors": len(os.sched_getaffinity(0)), "system": system_name()}


def busy_share():
    """Average number of jobs that wanted a processor in the last minute, as the system counts it."""
    return os.getloadavg()[0]
