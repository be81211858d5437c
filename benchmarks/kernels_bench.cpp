// Convolution kernels on files of problem strings: milliseconds, operations a second, share of the measured peak, bytes.
//
//     kernels_bench [--problems FILE]... [--threads N] [--prepared] [Google Benchmark's flags]
//
// Without a file: tests/cases/conv_peers.txt. `--prepared` leaves the packing of weights out of forward and backward-data,
// as inference does it once; otherwise it is counted, as training pays it. KASHI_ISA and KASHI_CONV choose kernels.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <kashi/kernels/conv.hpp>
#include <kashi/kernels/peak.hpp>

#include "../tests/cases/problem.hpp"

namespace {

using namespace kashi;
using kernels::ConvGeometry;

/// Elements that start on a cache line.
class Buffer {
 public:
  explicit Buffer(Index count) : values_(static_cast<std::size_t>(count) + 16) {}
  float* data() {
    void* start = values_.data();
    std::size_t room = values_.size() * sizeof(float);
    return static_cast<float*>(std::align(64, room - 64, start, room));
  }

 private:
  std::vector<float> values_;
};

void fill(Buffer& buffer, Index count, float scale) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, scale);
  std::generate_n(buffer.data(), count, [&] { return normal(random); });
}

struct Data {
  explicit Data(const ConvGeometry& g)
      : x(g.input_numel()), weight(g.weight_numel()), y(g.output_numel()), bias(g.out_channels) {
    fill(x, g.input_numel(), 1);
    fill(weight, g.weight_numel(), 0.1F);
    fill(y, g.output_numel(), 1);
    fill(bias, g.out_channels, 1);
  }
  Buffer x, weight, y, bias;
};

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

void forward(benchmark::State& state, const ConvGeometry& g) {
  Data data(g);
  Buffer scratch(kernels::conv2d_forward_workspace<float>(g));
  for (auto _ : state) {
    kernels::conv2d_forward<float>(g, data.x.data(), data.weight.data(), data.bias.data(), data.y.data(),
                                   scratch.data());
  }
  report(state, g);
}

void backward_data(benchmark::State& state, const ConvGeometry& g) {
  Data data(g);
  Buffer scratch(kernels::conv2d_backward_data_workspace<float>(g));
  for (auto _ : state) {
    kernels::conv2d_backward_data<float>(g, data.y.data(), data.weight.data(), data.x.data(), scratch.data());
  }
  report(state, g);
}

void backward_weight(benchmark::State& state, const ConvGeometry& g) {
  Data data(g);
  Buffer scratch(kernels::conv2d_backward_weight_workspace<float>(g));
  for (auto _ : state) {
    kernels::conv2d_backward_weight<float>(g, data.x.data(), data.y.data(), data.weight.data(), scratch.data());
  }
  report(state, g);
}

/// A plan whose weights are packed before the clock starts.
template <class Plan>
void prepared(benchmark::State& state, const ConvGeometry& g, bool is_forward) {
  Data data(g);
  const Plan plan(g);
  Buffer packed(plan.packed_numel());
  Buffer scratch(plan.workspace());
  plan.pack(data.weight.data(), packed.data(), scratch.data());
  float* from = is_forward ? data.x.data() : data.y.data();
  float* to = is_forward ? data.y.data() : data.x.data();
  const float* bias = is_forward ? data.bias.data() : nullptr;
  for (auto _ : state) plan.run(from, packed.data(), {bias, nullptr, is_forward}, to, scratch.data());
  report(state, g);
}

void add_problem(const problems::Problem& problem, bool is_prepared) {
  const ConvGeometry g = problem.geometry;
  const auto add = [&](const char* direction, auto run) {
    auto* row = benchmark::RegisterBenchmark((problem.name + "/" + direction).c_str(),
                                             [g, run](benchmark::State& state) { run(state, g); });
    row->Unit(benchmark::kMillisecond);
    if (num_threads() > 1) row->UseRealTime();  // one thread: its own CPU time, whatever else runs
  };
  if (is_prepared) {
    add("forward", [](auto& state, const auto& shape) { prepared<kernels::ForwardPlan<float>>(state, shape, true); });
    add("backward_data",
        [](auto& state, const auto& shape) { prepared<kernels::BackwardDataPlan<float>>(state, shape, false); });
  } else {
    add("forward", forward);
    add("backward_data", backward_data);
  }
  add("backward_weight", backward_weight);
}

/// Takes `--flag VALUE` out of the arguments; all its values.
std::vector<std::string> take(int& count, char** arguments, const std::string& flag, bool has_value) {
  std::vector<std::string> values;
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    if (arguments[i] != flag) {
      arguments[kept++] = arguments[i];
      continue;
    }
    if (!has_value) {
      values.emplace_back();
      continue;
    }
    require(i + 1 < count, flag, ": needs a value");
    values.emplace_back(arguments[++i]);
  }
  count = kept;
  return values;
}

void run(int count, char** arguments) {
  const bool is_prepared = !take(count, arguments, "--prepared", false).empty();
  const auto threads = take(count, arguments, "--threads", true);
  set_num_threads(threads.empty() ? 1 : std::stoi(threads.back()));
  auto files = take(count, arguments, "--problems", true);
  if (files.empty()) files.emplace_back(KASHI_SOURCE_DIR "/tests/cases/conv_peers.txt");
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
