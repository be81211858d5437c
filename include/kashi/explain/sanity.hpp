/// Sanity check of explanations (Adebayo et al. 2018): layer by layer, from the output downwards, a network's weights
/// are replaced by random ones. The map of a sound method changes with what the network has learnt.
///
/// Weights with two axes or more become normal with variance 2 / fan-in (He et al. 2015); norms start afresh (scale 1,
/// mean 0, variance 1); biases become 0. Transposed convolutions, whose first axis is the input, get the same rule.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <kashi/explain/metrics.hpp>

namespace kashi::inline v0::explain {

/// The layers that hold numbers, by dotted names, from the input to the output as the network names them.
template <class T>
std::vector<std::string> layers_with_numbers(const nn::StateDict<T>& state) {
  std::vector<std::string> out;
  for (const auto& [name, value] : state) {
    const std::size_t dot = name.rfind('.');
    const std::string layer = dot == std::string::npos ? std::string() : name.substr(0, dot);
    if (std::find(out.begin(), out.end(), layer) == out.end()) out.push_back(layer);
  }
  return out;
}

/// New first values for the numbers of one layer ("" for the network's own).
template <class T>
void randomize_layer(nn::StateDict<T>& state, const std::string& layer, random::Generator& generator) {
  const nn::StateDict<T> before = state;
  for (const auto& [name, value] : before) {
    const std::size_t dot = name.rfind('.');
    if ((dot == std::string::npos ? std::string() : name.substr(0, dot)) != layer) continue;
    const std::string member = dot == std::string::npos ? name : name.substr(dot + 1);
    if (value.rank() >= 2) {
      const double fan_in = static_cast<double>(value.numel()) / static_cast<double>(value.size(0));
      state.set(name, generator.normal<T>(value.shape(), 0.0, std::sqrt(2 / fan_in)));
    } else {
      state.set(name, Tensor<T>::full(value.shape(), member == "weight" || member == "running_var" ? T{1} : T{0}));
    }
  }
}

struct RandomizationOptions {
  std::vector<Index> depths = {};  ///< how many layers from the output down are random, rising; empty: 1, 2, ... to all
  std::uint64_t seed = 42;
};

/// The map after the last `layers` layers were randomised, beside the map before.
struct RandomizationStep {
  Index layers = 0;
  std::string layer;                       ///< the lowest of them
  double rank_correlation = 0;             ///< Spearman's, of the signed maps
  double rank_correlation_magnitudes = 0;  ///< of |map|
};

/// Cascading randomisation: `map_of` is called with the network as it is, then with more and more random layers. At the
/// end the network has its numbers back. Throws ValueError for depths that don't rise or exceed the number of layers.
template <class T>
std::vector<RandomizationStep> randomization_check(nn::Module<T>& net, const std::function<Tensor<T>()>& map_of,
                                                   const RandomizationOptions& options = {}) {
  struct Restore {
    nn::Module<T>& net;
    const nn::StateDict<T> state;
    ~Restore() { net.load_state_dict(state); }
  } const restore{net, net.to_state_dict()};
  const std::vector<std::string> layers = layers_with_numbers(restore.state);
  const Index count = static_cast<Index>(layers.size());
  std::vector<Index> depths = options.depths;
  if (depths.empty())
    for (Index i = 1; i <= count; ++i) depths.push_back(i);
  const auto magnitudes = [](const Tensor<T>& map) {
    Tensor<T> out = map.clone();
    for (T& value : out.mutable_span()) value = std::abs(value);
    return out;
  };
  const Tensor<T> before = map_of();
  random::Generator generator(options.seed);
  nn::StateDict<T> state = net.to_state_dict();
  std::vector<RandomizationStep> out;
  Index done = 0;
  for (const Index depth : depths) {
    require(depth > done && depth <= count, "randomization_check: .depths must rise from 1 to at most ", count,
            " layers; got ", depth, " after ", done);
    for (; done < depth; ++done) randomize_layer(state, layers[static_cast<std::size_t>(count - 1 - done)], generator);
    net.load_state_dict(state);
    const Tensor<T> after = map_of();
    out.push_back({depth, layers[static_cast<std::size_t>(count - depth)], spearman(before, after),
                   spearman(magnitudes(before), magnitudes(after))});
  }
  return out;
}

}  // namespace kashi::inline v0::explain
