/// One network made more or less sensitive to small changes of its input: by what stands in front of it, by a rough
/// response behind the explained layer, or by how it learns.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/ops/conv.hpp>
#include <kashi/ops/unary.hpp>

#include "common/photo_network.hpp"

namespace cam {

using namespace kashi;

/// A hook that is removed at the end.
class Hook {
 public:
  explicit Hook(HookHandle handle = {}) : handle_(std::move(handle)) {}
  Hook(Hook&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  ~Hook() { handle_.remove(); }

 private:
  HookHandle handle_;
};

/// A network, or what is done to one, with a name for people and one for files.
struct Variant {
  std::string name;
  std::string file;
  std::string meaning;
  examples::PhotoNetwork* network = nullptr;
  std::function<Hook()> install = [] { return Hook(); };
  /// What becomes of a picture's pixels before all else.
  std::function<Tensor<float>(const Tensor<float>& pixels, Index label)> prepare = [](const Tensor<float>& pixels,
                                                                                      Index) { return pixels; };
};

using Change = Variable<float> (*)(const Variable<float>& x);

/// Every number rounded to a power of two: no gradient passes.
inline Variable<float> in_steps(const Variable<float>& x) {
  Tensor<float> out = x.value().clone();
  for (float& value : out.mutable_span())
    value = value == 0 ? 0 : std::copysign(std::exp2(std::round(std::log2(std::abs(value)))), value);
  return Variable<float>(out);
}

/// x with a ripple of 2 % whose slope swings between -3 and 5: scores hardly change, gradients do.
inline Variable<float> with_ripple(const Variable<float>& x) {
  return x * (sin(log(x + 1e-3f) * 200.0f) * 0.02f + 1.0f);
}

/// The input blurred by a Gaussian of 1 pixel.
inline Variable<float> smoothed(const Variable<float>& x) {
  Tensor<float> weight = Tensor<float>::empty({3, 5, 5, 1});
  float* value = weight.mutable_data();
  for (Index c = 0; c < 3; ++c)
    for (Index i = 0; i < 25; ++i) {
      const double dy = static_cast<double>(i / 5 - 2), dx = static_cast<double>(i % 5 - 2);
      *value++ = static_cast<float>(std::exp(-(dy * dy + dx * dx) / 2) / 6.1689241);  // the sum of the 25 numbers
    }
  return conv2d(x, Variable<float>(weight), {.padding = 2, .groups = 3});
}

/// The input with its fine detail threefold.
inline Variable<float> sharpened(const Variable<float>& x) { return x * 3.0f - smoothed(x) * 2.0f; }

namespace detail {

inline nn::Module<float>& first_leaf(nn::Module<float>& module) {
  const auto children = module.children();
  return children.empty() ? module : first_leaf(*children.front().second);
}

inline Hook before(nn::Module<float>& module, Change change) {
  return Hook(module.register_forward_pre_hook([change](const auto&, const Variable<float>& x) { return change(x); }));
}

}  // namespace detail

/// Changes what enters the network. The network must be a chain whose first layer sees the picture.
inline Hook hook_before(examples::PhotoNetwork& network, Change change) {
  return detail::before(detail::first_leaf(network.net), change);
}

/// Changes what enters the part behind the top-level module that holds the layer.
inline Hook hook_behind(examples::PhotoNetwork& network, const std::string& layer, Change change) {
  const auto children = network.net.children();
  for (std::size_t i = 0; i + 1 < children.size(); ++i)
    if (layer == children[i].first || layer.starts_with(children[i].first + "."))
      return detail::before(detail::first_leaf(*children[i + 1].second), change);
  throw ValueError(text("cam: nothing comes behind the layer \"", layer, "\""));
}

/// A network with a rough response: its scores stay within 2 %, its gradients don't.
inline Variant rough_variant(examples::PhotoNetwork& network, const std::string& layer) {
  return {.name = "rough response",
          .file = "rough",
          .meaning = "a ripple of 2 % behind the layer, whose slope swings between -3 and 5",
          .network = &network,
          .install = [&network, layer] { return hook_behind(network, layer, with_ripple); }};
}

/// A network behind filters, and with a rough response.
inline std::vector<Variant> filtered_variants(examples::PhotoNetwork& network, const std::string& layer) {
  return {{.name = "smoothed input",
           .file = "smoothed",
           .meaning = "a Gaussian blur of 1 pixel before the network",
           .network = &network,
           .install = [&network] { return hook_before(network, smoothed); }},
          {.name = "as it is", .file = "plain", .meaning = "the network itself", .network = &network},
          {.name = "sharpened input",
           .file = "sharpened",
           .meaning = "fine detail threefold before the network",
           .network = &network,
           .install = [&network] { return hook_before(network, sharpened); }},
          rough_variant(network, layer)};
}

}  // namespace cam
