/// Random networks of small layers with branches (sums, excitation, maps behind, below and beside each other),
/// dilation, padding on four sides and so wide that units see nothing else, groups, transposed layers, pools, mirrored
/// borders and resizing. All weights are positive, so no two ways to a pixel cancel: a gradient is 0 only where nothing
/// is seen.
#pragma once

#include <memory>
#include <random>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/ops/reflect_pad.hpp>

namespace kashi {

/// Two modules on the same input: their sum, the first one plus 1, scaled by the mean of the second, or one behind the
/// other along an axis.
struct TwoBranches : nn::Module<double> {
  enum class Way { sum, excite, channels, rows, columns };
  std::shared_ptr<nn::Module<double>> left, right;
  Way way = Way::sum;

  Variable<double> forward(const Variable<double>& x) const override {
    const Variable<double> a = (*left)(x), b = (*right)(x);
    if (way == Way::sum) return a + b;
    // What sees only padding is 0 without biases, and a product with 0 hides the other factor: so 1 is added.
    if (way == Way::excite) return (a + 1.0) * mean(b, {1, 2}, true);
    return concat({a, b}, way == Way::channels ? 3 : way == Way::rows ? 1 : 2);
  }
  void members(nn::Members<double>& m) override {
    m("left", left);
    m("right", right);
  }
  std::string kind() const override { return "TwoBranches"; }
};

/// A function as a module.
template <class F>
struct FunctionModule : nn::Module<double> {
  F f;
  explicit FunctionModule(F function) : f(std::move(function)) {}
  Variable<double> forward(const Variable<double>& x) const override { return f(x); }
};

class RandomNetwork {
 public:
  using ModulePointer = std::shared_ptr<nn::Module<double>>;

  explicit RandomNetwork(unsigned seed) : random_(seed), shape_{1, pick(7, 13), pick(7, 13), 2}, input_(shape_) {
    const Index layers = pick(2, 5);
    for (Index i = 0; i < layers; ++i) grow();
    for (auto& p : net_.parameters())
      for (double& v : p.mutable_value().mutable_span()) v = 0.5 + std::abs(v);
    net_.eval();
  }

  nn::Sequential<double>& net() { return net_; }
  const Shape& input() const { return input_; }

 private:
  Index pick(Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random_); }
  kernels::Pair pair(Index low, Index high) { return {pick(low, high), pick(low, high)}; }

  /// Padding on four sides, so little that every window touches the image.
  Padding padding(const kernels::Pair& extent) {
    const Index rows = std::min<Index>(2, extent.height - 1), columns = std::min<Index>(2, extent.width - 1);
    return {pick(0, rows), pick(0, rows), pick(0, columns), pick(0, columns)};
  }
  ModulePointer convolution(Index smallest_kernel = 1) {
    const kernels::Pair kernel = pair(smallest_kernel, 3), dilation = pair(1, 3);
    const kernels::Pair extent(kernels::effective_kernel(kernel.height, dilation.height),
                               kernels::effective_kernel(kernel.width, dilation.width));
    return std::make_shared<nn::Conv2d<double>>(nn::Conv2dOptions{.in = 2,
                                                                  .out = 2,
                                                                  .kernel = kernel,
                                                                  .stride = pair(1, 2),
                                                                  .padding = padding(extent),
                                                                  .dilation = dilation,
                                                                  .groups = pick(1, 2),
                                                                  .bias = false});
  }
  ModulePointer transposed() {
    const kernels::Pair stride = pair(1, 3), kernel(stride.height + pick(0, 2), stride.width + pick(0, 2));
    return std::make_shared<nn::ConvTranspose2d<double>>(
        nn::ConvTranspose2dOptions{.in = 2,
                                   .out = 2,
                                   .kernel = kernel,
                                   .stride = stride,
                                   .padding = padding(kernel),
                                   .groups = pick(1, 2),
                                   .bias = false,
                                   .dilation = stride == kernels::Pair(1) ? 2 : 1});
  }
  ModulePointer padded_convolution() {
    auto both = std::make_shared<nn::Sequential<double>>();
    both->add(nn::ZeroPad2d<double>(Padding(pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1))));
    both->add(nn::Conv2d<double>({.in = 2, .out = 2, .kernel = pair(2, 3), .bias = false}));
    return both;
  }
  template <class F>
  static ModulePointer function(F f) {
    return std::make_shared<FunctionModule<F>>(std::move(f));
  }
  ModulePointer resized() {
    const ResizeOptions options{.mode = pick(0, 1) == 0 ? ResizeMode::nearest : ResizeMode::bilinear};
    return function([=, height = pick(4, 15), width = pick(4, 15)](const Variable<double>& x) {
      return resize(x, {height, width}, options);
    });
  }
  ModulePointer mirrored() {
    const Padding border(pick(0, 3), pick(0, 3), pick(0, 3), pick(0, 3));
    return function([border](const Variable<double>& x) { return reflect_pad(x, border); });
  }
  ModulePointer bordered() {
    const Padding border(pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2));
    return std::make_shared<nn::Conv2d<double>>(
        nn::Conv2dOptions{.in = 2, .out = 2, .kernel = 1, .padding = border, .bias = false});
  }
  ModulePointer layer() {
    switch (pick(0, 12)) {
      case 0:
      case 1:
        return transposed();
      case 2:
        return std::make_shared<nn::AvgPool2d<double>>(
            AvgPool2dOptions{.kernel = pair(2, 3), .stride = pair(1, 3), .padding = 1, .ceil_mode = pick(0, 1) == 1});
      case 3:
        return std::make_shared<nn::Upsample<double>>(pick(2, 3),
                                                      pick(0, 1) == 0 ? ResizeMode::nearest : ResizeMode::bilinear);
      case 4:
        return std::make_shared<nn::AdaptiveAvgPool2d<double>>(pair(4, 7));
      case 5:
        return padded_convolution();
      case 6:
        return resized();
      case 7:
        return mirrored();
      case 8:
        return bordered();
      default:
        return convolution();
    }
  }
  /// A second branch whose output is as large as the first one's; the shape of both.
  ModulePointer partner(const Shape& wanted) {
    for (int i = 0; i < 60; ++i) {
      ModulePointer other = layer();
      if (shape_after(*other) == wanted) return other;
    }
    return std::make_shared<nn::AdaptiveAvgPool2d<double>>(kernels::Pair(wanted[1], wanted[2]));
  }
  Shape shape_after(const nn::Module<double>& module) const {
    try {
      const NoGrad no_grad;
      return module(Tensor<double>::zeros(shape_)).shape();
    } catch (const Error&) {
      return Shape{0};
    }
  }
  void grow() {
    const auto is_usable = [](const Shape& shape) {
      return shape != Shape{0} && shape[1] >= 3 && shape[2] >= 3 && shape[1] <= 24 && shape[2] <= 24;
    };
    ModulePointer next = layer();
    Shape shape = shape_after(*next);
    while (!is_usable(shape)) {
      next = layer();
      shape = shape_after(*next);
    }
    if (pick(0, 4) < 3) {
      auto both = std::make_shared<TwoBranches>();
      both->left = next;
      both->right = shape == shape_ && pick(0, 1) == 0 ? std::make_shared<nn::Identity<double>>() : partner(shape);
      both->way = static_cast<TwoBranches::Way>(pick(0, 4));
      shape = shape_after(*both);
      net_.add(ModulePointer(both));
      if (shape[3] == 4) net_.add(nn::Conv2d<double>({.in = 4, .out = 2, .kernel = 1, .bias = false}));
    } else {
      net_.add(next);
    }
    if (pick(0, 2) == 0) net_.add(nn::ReLU<double>());
    shape_ = Shape{1, shape[1], shape[2], 2};
  }

  std::mt19937 random_;
  Shape shape_;
  Shape input_;
  nn::Sequential<double> net_;
};

}  // namespace kashi
