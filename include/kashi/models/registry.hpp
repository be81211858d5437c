/// Networks by name: models::make("resnet18", {.classes = 10}).
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/models/cifar_resnet.hpp>
#include <kashi/models/efficientnet_lite.hpp>
#include <kashi/models/mobilenet_v1.hpp>
#include <kashi/models/mobilenet_v2.hpp>
#include <kashi/models/resnet.hpp>
#include <kashi/models/squeezenet.hpp>
#include <kashi/models/vgg.hpp>

namespace kashi::inline v0::models {

namespace detail {

template <class T>
struct Entry {
  const char* name;
  nn::Sequential<T> (*make)(const ModelOptions&);
};

template <class T>
const std::vector<Entry<T>>& registry() {
  static const std::vector<Entry<T>> entries{
      {"resnet18", resnet18<T>},
      {"resnet34", resnet34<T>},
      {"resnet50", resnet50<T>},
      {"resnext50_32x4d", resnext50_32x4d<T>},
      {"wide_resnet50_2", wide_resnet50_2<T>},
      {"vgg11", vgg11<T>},
      {"vgg11_bn", vgg11_bn<T>},
      {"vgg13", vgg13<T>},
      {"vgg13_bn", vgg13_bn<T>},
      {"vgg16", vgg16<T>},
      {"vgg16_bn", vgg16_bn<T>},
      {"vgg19", vgg19<T>},
      {"vgg19_bn", vgg19_bn<T>},
      {"squeezenet1_0", squeezenet1_0<T>},
      {"squeezenet1_1", squeezenet1_1<T>},
      {"mobilenet_v1", [](const ModelOptions& options) { return mobilenet_v1<T>(options); }},
      {"mobilenet_v1_075", [](const ModelOptions& options) { return mobilenet_v1<T>(options, 0.75); }},
      {"mobilenet_v1_050", [](const ModelOptions& options) { return mobilenet_v1<T>(options, 0.5); }},
      {"mobilenet_v1_025", [](const ModelOptions& options) { return mobilenet_v1<T>(options, 0.25); }},
      {"mobilenet_v2", [](const ModelOptions& options) { return mobilenet_v2<T>(options); }},
      {"efficientnet_lite0", efficientnet_lite0<T>},
      {"efficientnet_lite1", efficientnet_lite1<T>},
      {"efficientnet_lite2", efficientnet_lite2<T>},
      {"resnet20_cifar10", resnet20_cifar10<T>},
      {"resnet56_cifar10", resnet56_cifar10<T>},
  };
  return entries;
}

}  // namespace detail

/// The names that make() knows.
template <class T = float>
std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : detail::registry<T>()) out.emplace_back(entry.name);
  return out;
}

/// The dotted name of a network's last layer, whose outputs are the classes: "fc", "classifier.6".
inline std::string head(const std::string& name) {
  if (name.starts_with("vgg")) return "classifier.6";
  if (name.starts_with("squeezenet") || name.starts_with("mobilenet")) return "classifier.1";
  if (name.starts_with("efficientnet_lite")) return "_fc";
  return name.ends_with("cifar10") ? "linear" : "fc";
}

/// A new network, in training mode, with first weights from the default generator.
/// Throws ValueError for a name that is not known, with those that are.
template <class T = float>
nn::Sequential<T> make(const std::string& name, const ModelOptions& options = {}) {
  std::string known;
  for (const auto& entry : detail::registry<T>()) {
    if (name == entry.name) return entry.make(options);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw ValueError(text("models: there is no network \"", name, "\"; there are: ", known));
}

}  // namespace kashi::inline v0::models
