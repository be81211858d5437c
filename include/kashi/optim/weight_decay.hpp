/// Parameter groups by who shall decay: weights, but not biases or the scales and shifts of norms.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kashi/nn/module.hpp>
#include <kashi/optim/optimizer.hpp>

namespace kashi::inline v0::optim {

/// Two groups with the same options: parameters for which `decays(name, parameter)` holds, and the others with a
/// weight_decay of 0. A group without parameters is left out. The order within a group is kept.
template <class T, class Options, class Decays>
std::vector<ParameterGroup<T, Options>> split_weight_decay(
    const std::vector<std::pair<std::string, Variable<T>>>& named_parameters, const Options& options, Decays&& decays) {
  ParameterGroup<T, Options> with{{}, options};
  ParameterGroup<T, Options> without{{}, options};
  without.options.weight_decay = 0;
  for (const auto& [name, parameter] : named_parameters)
    (decays(name, parameter) ? with : without).parameters.push_back(parameter);
  std::vector<ParameterGroup<T, Options>> groups;
  for (auto& group : {with, without})
    if (!group.parameters.empty()) groups.push_back(group);
  return groups;
}

/// Parameters of rank 2 and more decay; those of rank 0 and 1 (biases, norms) don't.
///
///     optim::AdamW adam(optim::split_weight_decay(net, optim::AdamWOptions{.lr = 1e-3, .weight_decay = 0.05}));
template <class T, class Options>
std::vector<ParameterGroup<T, Options>> split_weight_decay(
    const std::vector<std::pair<std::string, Variable<T>>>& named_parameters, const Options& options) {
  return split_weight_decay(named_parameters, options,
                            [](const std::string&, const Variable<T>& parameter) { return parameter.rank() >= 2; });
}
template <class T, class Options>
std::vector<ParameterGroup<T, Options>> split_weight_decay(const nn::Module<T>& module, const Options& options) {
  return split_weight_decay(module.named_parameters(), options);
}

}  // namespace kashi::inline v0::optim
