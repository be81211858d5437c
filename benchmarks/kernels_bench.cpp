// Convolution kernels on files of problem strings: milliseconds, operations a second, share of the measured peak,
// bytes.
//
//     kernels_bench [--problems FILE]... [--threads N] [--prepared] [Google Benchmark's flags]
//
// Without a file: benchmarks/problems/peers.txt. `--prepared` leaves the packing of weights out of forward and
// backward-data, as inference does it once; otherwise it is counted, as training pays it. KASHI_ISA and KASHI_CONV
// choose kernels.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

#include <kashi/kernels/peak.hpp>

#include "convolution.hpp"
#include "flags.hpp"

namespace {

using namespace kashi;
using kernels::ConvGeometry;

double peak_of_threads() {
  static const double peak = kernels::measured_peak<float>();
  return peak * num_threads();
}

void report(benchmark::State& state, const ConvGeometry& g) {
  const double operations = 2.0 * static_cast<double>(g.macs());
  const double bytes = 4.0 * static_cast<double>(g.input_numel() + g.output_numel() + g.weight_numel());
  const double times = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(operations * times * 1e-9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] = benchmark::Counter(operations * times / peak_of_threads(), benchmark::Counter::kIsRate);
  state.SetBytesProcessed(static_cast<int64_t>(bytes * times));
}

void add_problem(const problems::Problem& problem, bool is_prepared) {
  for (const std::string direction : bench::directions) {
    auto* row = benchmark::RegisterBenchmark((problem.name + "/" + direction).c_str(), [=](benchmark::State& state) {
      const bench::Call call = bench::convolution_call(problem, direction, is_prepared);
      for (auto _ : state) call();
      report(state, problem.geometry);
    });
    row->Unit(benchmark::kMillisecond);
    if (num_threads() > 1) row->UseRealTime();  // one thread: its own CPU time, whatever else runs
  }
}

void run(int count, char** arguments) {
  const bool is_prepared = !bench::take(count, arguments, "--prepared", false).empty();
  const auto threads = bench::take(count, arguments, "--threads");
  set_num_threads(threads.empty() ? 1 : std::stoi(threads.back()));
  auto files = bench::take(count, arguments, "--problems");
  if (files.empty()) files.emplace_back(KASHI_SOURCE_DIR "/benchmarks/problems/peers.txt");
  for (const std::string& file : files) {
    for (const auto& problem : problems::read(file)) add_problem(problem, is_prepared);
  }
  benchmark::Initialize(&count, arguments);
  benchmark::AddCustomContext("isa", std::string(kernels::isa_name(kernels::isa())));
  benchmark::AddCustomContext("threads", std::to_string(num_threads()));
  benchmark::AddCustomContext("peak GFLOP/s", std::to_string(peak_of_threads() * 1e-9));
  benchmark::AddCustomContext("weights", is_prepared ? "prepared" : "packed each time");
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
  return 0;
}
