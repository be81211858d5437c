"""Which libraries are there, and how each is started.

Found at run time: Python's packages in build/peers/python or with one of the interpreters in KASHI_PEERS_PYTHON, separated
by colons; oneDNN 3 in build/peers/onednn-*, in the folders of KASHI_PEERS_ONEDNN (each holds include/ and lib/), or in
the system.
"""

import glob
import os
import shutil
import subprocess
import sys

from .workers import Failed, Worker

BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCHMARKS)
PEERS = os.path.join(BENCHMARKS, "peers")
PYTHON_PEERS = {"pytorch": "torch", "ncnn": "ncnn", "onnxruntime": "onnxruntime", "openvino": "openvino"}
KEYS = ("onednn", *PYTHON_PEERS)


def interpreters(build):
    own = os.path.join(build, "peers", "python", "bin", "python")
    return [own] + [path for path in os.environ.get("KASHI_PEERS_PYTHON", "").split(":") if path] + [sys.executable]


def interpreter_with(build, module):
    """The first interpreter that has the module, or None."""
    test = "import importlib.util, sys; sys.exit(importlib.util.find_spec(%r) is None)" % module
    for path in interpreters(build):
        if os.path.exists(path) and subprocess.run([path, "-c", test], capture_output=True).returncode == 0:
            return path
    return None


def onednn_prefixes(build):
    prefixes = sorted(glob.glob(os.path.join(build, "peers", "onednn-*")))
    prefixes += [path for path in os.environ.get("KASHI_PEERS_ONEDNN", "").split(":") if path]
    prefixes += ["/usr/local", "/usr"]
    return [prefix for prefix in prefixes if onednn_major(prefix) >= 3]


def onednn_major(prefix):
    try:
        with open(os.path.join(prefix, "include", "oneapi", "dnnl", "dnnl_version.h")) as file:
            return next(int(line.split()[2]) for line in file if line.startswith("#define DNNL_VERSION_MAJOR"))
    except (OSError, StopIteration, ValueError):
        return 0


def compile_onednn(build, prefix, number):
    """Our measuring program against this oneDNN. Its path; raises Failed with the compiler's words."""
    program = os.path.join(build, "peers", "onednn_peer_%d" % number)
    sources = [os.path.join(PEERS, "onednn_peer.cpp"), os.path.join(BENCHMARKS, "server.hpp")]
    stamp = program + ".prefix"
    fresh = os.path.exists(program) and all(os.path.getmtime(source) < os.path.getmtime(program) for source in sources)
    if fresh and os.path.exists(stamp) and open(stamp).read() == prefix:
        return program
    os.makedirs(os.path.dirname(program), exist_ok=True)
    library = os.path.join(prefix, "lib")
    command = [
        os.environ.get("CXX", "c++"),
        "-O2",
        "-std=c++20",
        "-I",
        os.path.join(ROOT, "include"),
        "-I",
        os.path.join(prefix, "include"),
        sources[0],
        "-o",
        program,
        "-L",
        library,
        "-ldnnl",
        "-Wl,-rpath," + library,
        "-Wl,--allow-shlib-undefined",
    ]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        raise Failed(
            "onednn: does not compile against %s: %s" % (prefix, (made.stderr.strip().splitlines() or ["?"])[0])
        )
    with open(stamp, "w") as file:
        file.write(prefix)
    return program


def onednn_environment(prefix):
    """The SYCL build needs to find its CPU driver beside itself."""
    library = os.path.join(prefix, "lib")
    driver = os.path.join(library, "libintelocl.so")
    extra = {"LD_LIBRARY_PATH": library, "ONEDNN_VERBOSE": "none"}
    return dict(extra, OCL_ICD_FILENAMES=driver) if os.path.exists(driver) else extra


def allocator_environment():
    """A memory allocator that keeps its pages: what PyTorch runs fastest with. Its name and settings, or (None, {})."""
    for name, settings in (
        ("libjemalloc.so.2", {"MALLOC_CONF": "thp:always,oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1"}),
    ):
        found = (
            subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
            if shutil.which("/sbin/ldconfig")
            else ""
        )
        if name in found:
            return "jemalloc, huge pages", dict(settings, LD_PRELOAD=name)
    tunables = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184"
    return "glibc, pages kept, huge pages", {"GLIBC_TUNABLES": tunables}


class Libraries:
    """What was found; `missing` maps a name to the reason."""

    def __init__(self, build, wanted=None, isa=None):
        self.build = build
        self.missing = {}
        self.seen = {}  # key -> "name; settings", filled as they start
        self.isa_environment = isa_environment(isa)
        wanted = set(KEYS if wanted is None else wanted)
        self.pythons = {}
        for key, module in PYTHON_PEERS.items():
            path = interpreter_with(build, module) if key in wanted else None
            if path:
                self.pythons[key] = path
            elif key in wanted:
                self.missing[key] = "Python finds no module %s" % module
        self.onednns = []
        if "onednn" in wanted:
            self._find_onednn()

    def _find_onednn(self):
        for number, prefix in enumerate(onednn_prefixes(self.build)):
            try:
                self.onednns.append((compile_onednn(self.build, prefix, number), onednn_environment(prefix)))
            except Failed as error:
                self.missing["onednn"] = str(error)
        if self.onednns:
            self.missing.pop("onednn", None)
        else:
            self.missing.setdefault("onednn", "found no oneDNN 3")

    def start(self, key, command, threads, extra=None):
        """A worker, or None when it does not start; then it is missing."""
        try:
            worker = Worker(key, command, threads, dict(self.isa_environment, **(extra or {})))
        except (Failed, OSError) as error:
            self.missing[key] = str(error)
            return None
        self.seen.setdefault(key, [])
        text = "%s; %s" % (worker.name, worker.settings)
        if text not in self.seen[key]:
            self.seen[key].append(text)
        return worker

    def ours(self, program, threads):
        worker = self.start("kashi", [os.path.join(self.build, "benchmarks", program)], threads)
        if worker is None:
            raise Failed(self.missing["kashi"])
        return worker

    def python_worker(self, key, threads, extra=None):
        if key not in self.pythons:
            return None
        script = os.path.join(PEERS, "%s_peer.py" % PYTHON_PEERS[key])
        return self.start(key, [self.pythons[key], script], threads, extra)

    def convolution_peers(self, threads):
        workers = [self.start("onednn", [program], threads, extra) for program, extra in self.onednns]
        workers += [self.python_worker(key, threads) for key in ("pytorch", "ncnn")]
        return [worker for worker in workers if worker]


def isa_environment(isa):
    """Holds every library that listens to one instruction set."""
    if isa is None:
        return {}
    names = {"avx2": ("AVX2", "avx2"), "avx512": ("AVX512_CORE", "avx512"), "baseline": ("SSE41", "default")}
    onednn, torch = names[isa]
    return {"KASHI_ISA": isa, "ONEDNN_MAX_CPU_ISA": onednn, "DNNL_MAX_CPU_ISA": onednn, "ATEN_CPU_CAPABILITY": torch}
