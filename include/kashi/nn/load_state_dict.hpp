/// How a module's numbers leave it by name and come back: Module::to_state_dict and Module::load_state_dict.
/// Included by module.hpp.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <kashi/nn/module.hpp>

namespace kashi::inline v0::nn {

namespace detail {

/// A number of the network that a state dict may fill.
template <class T>
struct LoadTarget {
  std::string name;
  Tensor<T> value;
  Shape image;  ///< [O,H,W,C] as it sees images, or rank 0
};

/// All parameters and buffers of a module, in order.
template <class T>
std::vector<LoadTarget<T>> load_targets(const Module<T>& module) {
  std::vector<LoadTarget<T>> out;
  for (auto& [prefix, part] : const_cast<Module<T>&>(module).named_modules()) {
    Walker<T> walker;
    const auto add = [&out, &path = prefix, at = part](const std::string& name, const Tensor<T>& value) {
      out.push_back({dotted(path, name), value, at->image_shape(name, value)});
    };
    walker.parameter = [&add](const std::string& name, Variable<T>& value) { add(name, value.value()); };
    walker.buffer = [&add](const std::string& name, Tensor<T>& value) { add(name, value); };
    part->members(walker);
  }
  return out;
}

/// What all of a file's names of this network begin with: "module." if it holds "module.conv1.weight" and the network
/// "conv1.weight". Empty if a name fits as it is, or if nothing helps.
inline std::string shared_beginning(const std::vector<std::string>& names, const std::set<std::string>& wanted) {
  std::map<std::string, std::size_t> votes;
  for (const std::string& name : names) {
    if (wanted.contains(name)) return "";
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      if (wanted.contains(name.substr(dot + 1))) ++votes[name.substr(0, dot + 1)];
  }
  const auto best = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == votes.end() ? "" : best->first;
}

/// The state's names as the network is asked for them: rules applied, a shared beginning taken off.
template <class T>
std::vector<std::string> final_names(const StateDict<T>& state, const std::set<std::string>& wanted, const LoadOptions& options, LoadReport& report) {
  std::vector<std::string> out;
  for (const auto& [name, value] : state) {
    out.push_back(rename(name, options.rename));
    if (out.back() != name) report.renamed.push_back(name + " -> " + out.back());
  }
  const std::string beginning = shared_beginning(out, wanted);
  if (beginning.empty()) return out;
  report.renamed.push_back(beginning + "* -> *");
  for (std::string& name : out)
    if (name.starts_with(beginning)) name.erase(0, beginning.size());
  return out;
}

/// The shape that a weight has in a state dict of a layout.
inline Shape shape_in(const Shape& shape, const Shape& image, WeightLayout layout) {
  const bool moves = layout == WeightLayout::channels_first && image.rank() == 4 && shape.rank() == 4;
  return moves ? Shape{image[0], image[3], image[1], image[2]} : shape;
}

}  // namespace detail

template <class T>
StateDict<T> Module<T>::to_state_dict() const {
  StateDict<T> out;
  for (const auto& target : detail::load_targets(*this)) {
    out.set(target.name, target.value.clone());
    if (target.image.rank() == 4) out.set_image_shape(target.name, target.image);
  }
  return out;
}

template <class T>
LoadReport Module<T>::load_state_dict(const StateDict<T>& state, const LoadOptions& options) {
  LoadReport report;
  const std::vector<detail::LoadTarget<T>> targets = detail::load_targets(*this);
  std::set<std::string> wanted;
  for (const auto& target : targets) wanted.insert(target.name);

  std::map<std::string, const Tensor<T>*> sources;
  const std::vector<std::string> names = detail::final_names(state, wanted, options, report);
  std::size_t position = 0;
  for (const auto& [file_name, value] : state) {
    const std::string& name = names[position++];
    const bool is_new = sources.emplace(name, &value).second;
    require(is_new, "load_state_dict: two entries are called \"", name, "\" after renaming, the second was \"", file_name, "\"");
    if (!wanted.contains(name)) report.unexpected.push_back(name);
  }

  std::vector<std::pair<Tensor<T>, Tensor<T>>> copies;
  for (const auto& [name, value, image] : targets) {
    const auto source = sources.find(name);
    const Shape shape = detail::shape_in(value.shape(), image, state.layout());
    if (source == sources.end()) {
      if (!name.ends_with("num_batches_tracked")) report.missing.push_back(name);
    } else if (source->second->shape() != shape) {
      report.mismatched.push_back(text(name, " (file ", source->second->shape(), ", network ", shape, ")"));
    } else {
      report.loaded.push_back(name);
      copies.emplace_back(value, state.layout() == WeightLayout::channels_first ? detail::change_layout(*source->second, image, WeightLayout::channels_last) : *source->second);
    }
  }
  if (options.strict) report.require_complete();
  for (auto& [target, source] : copies) target.copy_from(source);
  for (auto& [name, module] : this->named_modules()) module->forget_prepared();
  return report;
}

KASHI_INSTANTIATE(class Module<float>)
KASHI_INSTANTIATE(class detail::Walker<float>)

}  // namespace kashi::inline v0::nn
