"""Processes that measure on demand (../server.hpp): started, pinned, asked, ended."""

import json
import os
import subprocess
import threading


class Failed(Exception):
    """A process that did not start, ended, hung, or answered nothing sensible; the text says why."""


def environment(threads, extra):
    """The caller's, with as many threads as asked for and without settings that aim at one of the libraries."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS", "MKL", "OMP", "KMP", "GOMP"))
    }
    kept.update({name + "_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")})
    if threads > 1:  # else a busy system puts two threads that wait for each other on one processor
        kept.update({"OMP_PROC_BIND": "close", "OMP_PLACES": "threads"})
    kept.update(extra)
    return kept


def pin_and_raise(threads):
    """Keeps the process on its processors; top priority where that is allowed."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, processors[:threads])
    try:
        os.nice(-20)
        with open("/proc/self/autogroup", "w") as file:
            file.write("-20")
    except OSError:
        pass


class Worker:
    """One library at one number of threads. `key`: its name in bench.json."""

    patience = 300  # seconds for one answer

    def __init__(self, key, command, threads, extra=None):
        self.key = key
        self.variants = []
        self.process = subprocess.Popen(
            command + [str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(threads, extra or {}),
            preexec_fn=lambda: pin_and_raise(threads),
        )
        self._errors = []
        self._reader = threading.Thread(target=self._collect_errors, daemon=True)
        self._reader.start()
        try:
            hello = self._answer()
        except Failed:
            self.close()
            raise
        self.name, self.settings = hello["name"], hello["settings"]

    def _collect_errors(self):
        for line in self.process.stderr:
            self._errors = (self._errors + [line.strip()])[-5:]

    def _answer(self):
        """The next line that is JSON; libraries sometimes print of their own accord."""
        timer = threading.Timer(self.patience, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        finally:
            timer.cancel()
        code = self.process.wait()
        self._reader.join(timeout=1)
        reason = next((line for line in reversed(self._errors) if line), "")
        raise Failed("%s ended with %d%s" % (self.key, code, ": " + reason if reason else ""))

    def ask(self, *words):
        try:
            self.process.stdin.write("\t".join(words) + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # the process has ended: the missing answer says so
        return self._answer()

    def prepare(self, *words):
        """Makes ready; the reason when this library can't."""
        reply = self.ask("prepare", *words)
        self.variants = [tuple(variant) for variant in reply.get("variants", [])]
        return reply.get("skip") or reply.get("error")

    def burst(self, milliseconds, repetitions):
        reply = self.ask("burst", str(milliseconds), str(repetitions))
        if "ms" not in reply:
            raise Failed("%s: %s" % (self.key, reply.get("error", "no times")))
        return reply["ms"]

    def keep(self, indices):
        if len(indices) == len(self.variants):
            return
        self.ask("keep", *map(str, indices))
        self.variants = [self.variants[i] for i in indices]

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass  # it has ended already
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
