/// A convolution's three directions as calls without arguments, for the Google Benchmark program and the comparison.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <kashi/kernels/conv.hpp>

#include "../tests/cases/problem.hpp"
#include "buffer.hpp"

namespace bench {

using kashi::Index;
using kashi::kernels::ConvAlgorithm;
using kashi::kernels::ConvGeometry;
using Call = std::function<void()>;

inline constexpr const char* directions[] = {"forward", "backward_data", "backward_weight"};

/// Runs a plan whose weights are packed now, before anybody measures.
template <class Plan>
Call prepared_call(const ConvGeometry& g, Index inputs, Index outputs) {
  struct State {
    Plan plan;
    Buffer in, out, packed, scratch;
  };
  const Plan plan(g);
  auto state = std::make_shared<State>(
      State{plan, Buffer(inputs), Buffer(outputs), Buffer(plan.packed_numel()), Buffer(plan.workspace())});
  Buffer weight(g.weight_numel(), 0.1F);
  plan.pack(weight.data(), state->packed.data(), state->scratch.data());
  return [state] {
    state->plan.run(state->in.data(), state->packed.data(), {}, state->out.data(), state->scratch.data());
  };
}

/// Runs a kernel on three arrays and scratch memory, as it comes: packing counts.
template <class Kernel>
Call packing_call(Index first, Index second, Index third, Index workspace, Kernel kernel) {
  struct State {
    Buffer first, second, third, scratch;
  };
  auto state = std::make_shared<State>(State{Buffer(first), Buffer(second, 0.1F), Buffer(third), Buffer(workspace)});
  return [state, kernel] {
    kernel(state->first.data(), state->second.data(), state->third.data(), state->scratch.data());
  };
}

/// y = x * weight in geometry g.
inline Call forward_call(const ConvGeometry& g, bool is_prepared) {
  using namespace kashi::kernels;
  if (is_prepared) return prepared_call<ForwardPlan<float>>(g, g.input_numel(), g.output_numel());
  return packing_call(g.input_numel(), g.weight_numel(), g.output_numel(), conv2d_forward_workspace<float>(g),
                      [g](const float* x, const float* weight, float* y, float* scratch) {
                        conv2d_forward<float>(g, x, weight, nullptr, y, scratch);
                      });
}

inline Call backward_data_call(const ConvGeometry& g, bool is_prepared) {
  using namespace kashi::kernels;
  if (is_prepared) return prepared_call<BackwardDataPlan<float>>(g, g.output_numel(), g.input_numel());
  return packing_call(g.output_numel(), g.weight_numel(), g.input_numel(), conv2d_backward_data_workspace<float>(g),
                      [g](const float* dy, const float* weight, float* dx, float* scratch) {
                        conv2d_backward_data<float>(g, dy, weight, dx, scratch);
                      });
}

inline Call backward_weight_call(const ConvGeometry& g) {
  using namespace kashi::kernels;
  return packing_call(g.input_numel(), g.output_numel(), g.weight_numel(), conv2d_backward_weight_workspace<float>(g),
                      [g](const float* x, const float* dy, float* dweight, float* scratch) {
                        conv2d_backward_weight<float>(g, x, dy, dweight, scratch);
                      });
}

/// A direction of a problem; in a transposed one, forward and backward-data change places.
inline Call convolution_call(const problems::Problem& problem, const std::string& direction, bool is_prepared) {
  const ConvGeometry& g = problem.geometry;
  if (direction == "backward_weight") return backward_weight_call(g);
  kashi::require<kashi::ValueError>(direction == "forward" || direction == "backward_data",
                                    "benchmark: unknown direction ", direction);
  const bool is_forward = (direction == "forward") != problem.is_transposed;
  return is_forward ? forward_call(g, is_prepared) : backward_data_call(g, is_prepared);
}

/// The same with an algorithm, whatever is in use when it runs.
inline Call convolution_call(const problems::Problem& problem, const std::string& direction, bool is_prepared,
                             ConvAlgorithm algorithm) {
  kashi::kernels::force_conv_algorithm(algorithm);
  const Call call = convolution_call(problem, direction, is_prepared);
  return [algorithm, call] {
    kashi::kernels::force_conv_algorithm(algorithm);
    call();
  };
}

}  // namespace bench
