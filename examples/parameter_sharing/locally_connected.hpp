/// A convolution without parameter sharing: every position of the output has a kernel of its own.
///
/// Made of convolutions: one with an identity as its weight lays the window of each position side by side, then each
/// position is a group of a 1x1 convolution. Stride, no padding, no dilation.
#pragma once

#include <string>

#include <kashi/nn/init.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/conv.hpp>
#include <kashi/ops/shape.hpp>

namespace sharing {

struct LocallyConnected2dOptions {
  kashi::Index in = 0;      ///< channels of the input
  kashi::Index out = 0;     ///< channels of the output
  kashi::Index kernel = 1;  ///< height and width of the windows
  kashi::Index stride = 1;
  kashi::Index size = 0;  ///< height and width of the input: the weights belong to its positions
};

/// [N,size,size,in] to [N,OH,OH,out] with OH = (size - kernel) / stride + 1.
/// Parameters: weight [OH*OH*out,1,1,kernel*kernel*in], position by position, each row in the order of a window; bias
/// [OH*OH*out]. First weights as nn::Conv2d's. Throws ValueError for options that can't be, ShapeError for images of
/// another size.
template <class T = float>
class LocallyConnected2d : public kashi::nn::Module<T> {
 public:
  explicit LocallyConnected2d(const LocallyConnected2dOptions& options)
      : options_(options), side_((options.size - options.kernel) / std::max<kashi::Index>(1, options.stride) + 1) {
    using kashi::Index;
    kashi::require(options.in > 0 && options.out > 0 && options.stride > 0,
                   "LocallyConnected2d: .in, .out and .stride must be positive; got ", options.in, ", ", options.out,
                   " and ", options.stride);
    kashi::require(options.kernel > 0 && options.kernel <= options.size,
                   "LocallyConnected2d: the kernel must lie in 1..size; got ", options.kernel, " and ", options.size);
    const Index taps = options.kernel * options.kernel * options.in, positions = side_ * side_;
    windows_ = kashi::Tensor<T>::zeros({taps, options.kernel, options.kernel, options.in});
    T* tap = windows_.mutable_data();
    for (Index i = 0; i < taps; ++i) tap[i * taps + i] = T{1};
    weight_ = kashi::nn::init::default_parameter<T>({positions * options.out, 1, 1, taps}, taps);
    bias_ = kashi::nn::init::default_parameter<T>({positions * options.out}, taps);
  }

  kashi::Variable<T> forward(const kashi::Variable<T>& x) const override {
    using namespace kashi;
    require<ShapeError>(x.shape().rank() == 4 && x.size(1) == options_.size && x.size(2) == options_.size,
                        "LocallyConnected2d: images [N,", options_.size, ",", options_.size, ",", options_.in,
                        "] are needed; got ", x.shape());
    const Index images = x.size(0), positions = side_ * side_;
    const Variable<T> windows = conv2d(x, Variable<T>(windows_), Variable<T>(), {.stride = options_.stride});
    // The images take the place of columns: one long row of them for all positions' kernels.
    const Variable<T> row = reshape(windows, {1, 1, images, positions * windows_.size(0)});
    return reshape(conv2d(row, weight_, bias_, {.groups = positions}), {images, side_, side_, options_.out});
  }
  void members(kashi::nn::Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "LocallyConnected2d"; }

  kashi::Variable<T>& weight() { return weight_; }
  kashi::Variable<T>& bias() { return bias_; }

 private:
  LocallyConnected2dOptions options_;
  kashi::Index side_;
  kashi::Tensor<T> windows_;  // not learnt: copies each tap of a window to a channel of its own
  kashi::Variable<T> weight_;
  kashi::Variable<T> bias_;
};

}  // namespace sharing
