// Our convolutions for the comparison (server.hpp): kernels_server THREADS
//
//     prepare  conv  PROBLEM  DIRECTION    variants: prepared and packed weights, each automatic and direct
#include <cstdlib>

#include <kashi/kernels/peak.hpp>

#include "convolution.hpp"
#include "server.hpp"

namespace {

using namespace bench;

std::vector<Variant> prepare(const Words& words) {
  if (words.at(0) != "conv") throw Skip{"convolutions only"};
  const problems::Problem problem = problems::parse_problem(words.at(1));
  const std::string& direction = words.at(2);
  std::vector<Variant> variants;
  const auto add = [&](const char* weights, bool is_prepared) {
    const auto call = [&](ConvAlgorithm algorithm) {
      return convolution_call(problem, direction, is_prepared, algorithm);
    };
    variants.push_back({weights, "automatic", call(ConvAlgorithm::automatic)});
    variants.push_back({weights, "direct", call(ConvAlgorithm::direct)});
  };
  if (direction == "backward_weight") {
    add("both", false);
  } else {
    add("prepared", true);
    add("packed", false);
  }
  return variants;
}

/// Bytes read and written a second, in 1e9, when all threads copy 64 MiB each way; the best of a few.
double copy_bandwidth() {
  constexpr Index floats = Index{1} << 24, piece = Index{1} << 16;
  Buffer from(floats), to(floats);
  double best = 0;
  for (int run = 0; run < 8; ++run) {
    const auto start = std::chrono::steady_clock::now();
    kashi::parallel_for(floats, piece, [&](Index begin, Index end) {
      std::copy(from.data() + begin, from.data() + end, to.data() + begin);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2e-9 * sizeof(float) * static_cast<double>(floats) / seconds.count());
  }
  return best;
}

}  // namespace

int main(int count, char** arguments) {
  using namespace kashi;
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  set_num_threads(threads);
  return serve({.name = "kashi",
                .settings = text("isa ", kernels::isa_name(kernels::isa()), ", 2 MiB pages"),
                .threads = threads,
                .prepare = prepare,
                .peak = [] { return kernels::measured_peak<float>(30) * 1e-9; },
                .bandwidth = copy_bandwidth});
}
