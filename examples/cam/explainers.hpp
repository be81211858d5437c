/// The methods that cam compares, by name, each as a function from an input and a class to a map.
#pragma once

#include <algorithm>
#include <cctype>
#include <functional>
#include <string>
#include <vector>

#include <kashi/explain/explain.hpp>

#include "common/photo_network.hpp"

namespace cam {

using namespace kashi;

struct Settings {
  std::vector<std::string> pictures;
  std::string truth;
  std::string target;                ///< a class by name or number; empty: what the network sees
  std::string layer;                 ///< empty: the last one that gives a map
  std::vector<std::string> methods;  ///< empty: all
  Index limit = 0;
  Index closely = -1;  ///< pictures of a folder with which the costly metrics are measured; -1: 8, or 2 with --quick
  Index steps = 28;
  bool no_metrics = false;
  bool compare = false;
  Index permutations = 20;
};

/// A named way from an input [H,W,3], as the network takes it, to the map of a class.
struct Explainer {
  std::string name;
  std::function<explain::Map<float>(nn::Sequential<float>& net, const Tensor<float>& input, Index class_index)> map;
  bool is_baseline = false;  ///< knows nothing of the network
};

/// CAM needs the layer right before the global average; SqueezeNet has its classifier before that.
inline std::string layer_for(explain::Method method, const std::string& model, const std::string& layer,
                             bool is_chosen) {
  return method == explain::Method::cam && model.starts_with("squeezenet") && !is_chosen ? "classifier.2" : layer;
}

inline explain::ExplainOptions options_of(const Settings& settings, std::uint64_t seed, bool is_quick) {
  explain::ExplainOptions options;
  options.shap_cam.permutations = settings.permutations;
  options.shap_cam.seed = options.smooth_grad.seed = seed;
  if (is_quick) options.integrated_gradients.steps = options.smooth_grad.samples = 10;
  return options;
}

/// The methods of --methods, or all. Throws ValueError for a name that is not known.
inline std::vector<Explainer> explainers(const Settings& settings, const examples::Flags& flags,
                                         const examples::PhotoNetwork& network) {
  std::vector<std::string> names = settings.methods;
  if (names.empty())
    for (const auto& [method, name] : explain::methods()) names.push_back(name);
  const explain::ExplainOptions options = options_of(settings, flags.seed, flags.quick);
  std::vector<Explainer> out;
  for (const std::string& name : names) {
    const explain::Method method = explain::method_named(name);
    const bool is_chosen = !settings.layer.empty();
    const std::string layer = layer_for(method, network.model, is_chosen ? settings.layer : network.layer, is_chosen);
    out.push_back({name, [=](nn::Sequential<float>& net, const Tensor<float>& input, Index class_index) {
                     return explain::explain(method, net, layer, input, class_index, options);
                   }});
  }
  return out;
}

namespace detail {

inline std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace detail

/// A class by its number or its name; part of a name will do where no other class has it. Throws ValueError.
inline Index class_named(const examples::PhotoNetwork& network, const std::string& name) {
  if (!name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == std::string::npos)
    return std::stol(name);
  const std::string wanted = detail::lower(name);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < network.class_names.size(); ++i) {
    const std::string known = detail::lower(network.class_names[i]);
    if (known == wanted) return static_cast<Index>(i);
    if (known.find(wanted) != std::string::npos) found.push_back(i);
  }
  std::string hint = network.class_names.empty() ? "; the names of the classes are not known (--names)" : "";
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 8); ++i)
    hint += (i == 0 ? "; it may be " : ", ") + network.class_names[found[i]];
  require(found.size() == 1, "there is no class '", name, "'", hint);
  return static_cast<Index>(found[0]);
}

}  // namespace cam
