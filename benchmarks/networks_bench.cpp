// Training steps and batch-1 inference of whole networks with Google Benchmark: images a second and peak memory.
//
//     networks_bench [--threads N] [Google Benchmark's flags]
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include <kashi/core/memory.hpp>

#include "flags.hpp"
#include "networks.hpp"

namespace {

using namespace kashi;

void add(const std::string& name, bench::Call (*make)(const std::string&)) {
  const auto body = [name, make](benchmark::State& state) {
    memory::reset_peak();
    const bench::Call call = make(name);
    call();  // the first one takes memory from the system
    for (auto _ : state) call();
    state.counters["peak_MB"] = static_cast<double>(memory::stats().peak) / (1 << 20);
  };
  benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto threads = bench::take(count, arguments, "--threads");
    set_num_threads(threads.empty() ? num_threads() : std::stoi(threads.back()));
    for (const char* name : bench::step_names) add(name, bench::step_call);
    for (const char* name : bench::inference_names) add(name, bench::inference_call);
    benchmark::Initialize(&count, arguments);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
  return 0;
}
