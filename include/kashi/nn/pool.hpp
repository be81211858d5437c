/// Pooling layers of images [N,H,W,C]. Rules and defaults are PyTorch's.
#pragma once

#include <kashi/nn/module.hpp>
#include <kashi/ops/pool.hpp>

namespace kashi::inline v0::nn {

/// Largest element of each window: nn::MaxPool2d(2), or nn::MaxPool2d({.kernel = 3, .stride = 2, .padding = 1}).
template <class T = float>
class MaxPool2d : public Module<T> {
 public:
  explicit MaxPool2d(Index kernel) : MaxPool2d(MaxPool2dOptions{.kernel = kernel}) {}
  explicit MaxPool2d(MaxPool2dOptions options) : options_(options) {}
  Variable<T> forward(const Variable<T>& x) const override { return max_pool2d(x, options_); }
  bool join(Tail<T>& tail) const override { return detail::is_exactly<MaxPool2d>(*this) && tail.append(options_); }
  std::string kind() const override { return "MaxPool2d"; }
  std::string to_string() const override { return text("MaxPool2d(", options_.kernel.to_string(), ")"); }
  const MaxPool2dOptions& options() const { return options_; }

 private:
  MaxPool2dOptions options_;
};

/// Mean of each window: nn::AvgPool2d(2), or nn::AvgPool2d({.kernel = 3, .stride = 2, .padding = 1}).
template <class T = float>
class AvgPool2d : public Module<T> {
 public:
  explicit AvgPool2d(Index kernel) : AvgPool2d(AvgPool2dOptions{.kernel = kernel}) {}
  explicit AvgPool2d(AvgPool2dOptions options) : options_(options) {}
  Variable<T> forward(const Variable<T>& x) const override { return avg_pool2d(x, options_); }
  std::string kind() const override { return "AvgPool2d"; }
  std::string to_string() const override { return text("AvgPool2d(", options_.kernel.to_string(), ")"); }
  const AvgPool2dOptions& options() const { return options_; }

 private:
  AvgPool2dOptions options_;
};

/// Mean over windows that divide the image into output.height x output.width parts.
template <class T = float>
class AdaptiveAvgPool2d : public Module<T> {
 public:
  explicit AdaptiveAvgPool2d(kernels::Pair output) : output_(output) {}
  Variable<T> forward(const Variable<T>& x) const override { return adaptive_avg_pool2d(x, output_); }
  std::string kind() const override { return "AdaptiveAvgPool2d"; }
  std::string to_string() const override { return text("AdaptiveAvgPool2d(", output_.to_string(), ")"); }
  const kernels::Pair& output() const { return output_; }

 private:
  kernels::Pair output_;
};

/// Largest element over windows that divide the image into output.height x output.width parts.
template <class T = float>
class AdaptiveMaxPool2d : public Module<T> {
 public:
  explicit AdaptiveMaxPool2d(kernels::Pair output) : output_(output) {}
  Variable<T> forward(const Variable<T>& x) const override { return adaptive_max_pool2d(x, output_); }
  std::string kind() const override { return "AdaptiveMaxPool2d"; }
  std::string to_string() const override { return text("AdaptiveMaxPool2d(", output_.to_string(), ")"); }
  const kernels::Pair& output() const { return output_; }

 private:
  kernels::Pair output_;
};

/// Mean over all pixels: [N,H,W,C] -> [N,C].
template <class T = float>
class GlobalAvgPool2d : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) const override { return global_avg_pool2d(x); }
  std::string kind() const override { return "GlobalAvgPool2d"; }
};

/// Largest element over all pixels: [N,H,W,C] -> [N,C].
template <class T = float>
class GlobalMaxPool2d : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) const override { return global_max_pool2d(x); }
  std::string kind() const override { return "GlobalMaxPool2d"; }
};

KASHI_INSTANTIATE(class MaxPool2d<float>)
KASHI_INSTANTIATE(class AvgPool2d<float>)
KASHI_INSTANTIATE(class AdaptiveAvgPool2d<float>)
KASHI_INSTANTIATE(class AdaptiveMaxPool2d<float>)
KASHI_INSTANTIATE(class GlobalAvgPool2d<float>)
KASHI_INSTANTIATE(class GlobalMaxPool2d<float>)

}  // namespace kashi::inline v0::nn
