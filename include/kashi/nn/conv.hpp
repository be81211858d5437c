/// Convolution layers on images [N,H,W,C]. First weights as PyTorch's.
#pragma once

#include <kashi/nn/init.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/conv.hpp>
#include <kashi/ops/prepared_conv.hpp>

namespace kashi::inline v0::nn {

using kernels::same;
using kernels::valid;

/// Options of nn::Conv2d, in PyTorch's order.
struct Conv2dOptions {
  Index in = 0;              ///< channels of the input
  Index out = 0;             ///< channels of the output
  kernels::Pair kernel = 1;  ///< size, one number or {height, width}
  kernels::Pair stride = 1;
  Padding padding = 0;  ///< number, {height, width}, {top, bottom, left, right}, nn::same, nn::valid
  kernels::Pair dilation = 1;
  Index groups = 1;
  bool bias = true;
};

namespace detail {

inline void check_channels(const char* who, Index in, Index out, Index groups, const kernels::Pair& kernel) {
  require(in > 0 && out > 0, who, ": .in and .out must be positive; got ", in, " and ", out);
  require(groups > 0 && in % groups == 0 && out % groups == 0, who, ": channels ", in, " and ", out,
          " must be divisible by the number of groups, ", groups);
  require(kernel.height > 0 && kernel.width > 0, who, ": the kernel must be positive; got ", kernel);
}

inline std::string window_text(const kernels::Pair& kernel, const kernels::Pair& stride, const Padding& padding) {
  return text("kernel=", kernel.to_string(), stride == kernels::Pair(1) ? "" : ", stride=" + stride.to_string(),
              padding == Padding(0) ? "" : ", padding=" + padding.to_string());
}

}  // namespace detail

/// Convolution of [N,H,W,in] to [N,OH,OW,out].
/// Parameters: weight [out,KH,KW,in/groups], bias [out]. Throws ValueError for options that can't be.
template <class T = float>
class Conv2d : public Module<T> {
 public:
  explicit Conv2d(Conv2dOptions options) : options_(options) {
    detail::check_channels("Conv2d", options.in, options.out, options.groups, options.kernel);
    const Index group_in = options.in / options.groups;
    const Index fan_in = group_in * options.kernel.height * options.kernel.width;
    weight_ = init::default_parameter<T>({options.out, options.kernel.height, options.kernel.width, group_in}, fan_in);
    if (options.bias) bias_ = init::default_parameter<T>({options.out}, fan_in);
  }

  Variable<T> forward(const Variable<T>& x) const override {
    return detail::is_inference(*this) ? infer(x, {}) : conv2d(x, weight_, bias_, operation());
  }
  Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const override {
    return detail::is_inference(*this) && detail::is_exactly<Conv2d>(*this) ? infer(x, tail)
                                                                            : tail.apply(this->forward(x));
  }
  void forget_prepared() const override { prepared_->clear(); }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "Conv2d"; }
  std::string to_string() const override {
    return text("Conv2d(", options_.in, ", ", options_.out, ", ",
                detail::window_text(options_.kernel, options_.stride, options_.padding),
                options_.dilation == kernels::Pair(1) ? "" : ", dilation=" + options_.dilation.to_string(),
                options_.groups == 1 ? "" : ", groups=" + std::to_string(options_.groups),
                bias_.defined() ? ")" : ", bias=false)");
  }

  const Conv2dOptions& options() const { return options_; }
  Variable<T>& weight() { return weight_; }
  const Variable<T>& weight() const { return weight_; }
  /// Undefined without a bias.
  Variable<T>& bias() { return bias_; }
  const Variable<T>& bias() const { return bias_; }

 private:
  kashi::Conv2dOptions operation() const {
    return {.stride = options_.stride,
            .padding = options_.padding,
            .dilation = options_.dilation,
            .groups = options_.groups};
  }

  /// The convolution and its tail with packed weights, which are kept (PreparedConvCache).
  Variable<T> infer(const Variable<T>& x, const Tail<T>& tail) const {
    const ConvGeometry g = kashi::detail::conv2d_checked_geometry(x, weight_, bias_, operation());
    const Tensor<T> bias = bias_.defined() ? bias_.value() : Tensor<T>();
    Tensor<T> y = Tensor<T>::empty(kashi::detail::shape_of(g.output_sizes()));
    tail.check(y.shape());
    prepared_->get(g, weight_.value(), bias, tail.norm.get())->run(x.value().data(), tail.conv_end(), y.mutable_data());
    return y;
  }

  Conv2dOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
  std::shared_ptr<PreparedConvCache<T>> prepared_ = std::make_shared<PreparedConvCache<T>>();
};

/// Options of nn::ConvTranspose2d, in PyTorch's order.
struct ConvTranspose2dOptions {
  Index in = 0;
  Index out = 0;
  kernels::Pair kernel = 1;
  kernels::Pair stride = 1;
  Padding padding = 0;
  kernels::Pair output_padding = 0;  ///< rows and columns added to the output's size at the bottom and right
  Index groups = 1;
  bool bias = true;
  kernels::Pair dilation = 1;
};

/// Transposed convolution of [N,H,W,in] to [N,OH,OW,out].
/// Parameters: weight [in,KH,KW,out/groups], bias [out]. Throws ValueError for options that can't be.
template <class T = float>
class ConvTranspose2d : public Module<T> {
 public:
  explicit ConvTranspose2d(ConvTranspose2dOptions options) : options_(options) {
    detail::check_channels("ConvTranspose2d", options.in, options.out, options.groups, options.kernel);
    const Index group_out = options.out / options.groups;
    // PyTorch takes fan_in from the weight's second axis, which is the output's side here.
    const Index fan_in = group_out * options.kernel.height * options.kernel.width;
    weight_ = init::default_parameter<T>({options.in, options.kernel.height, options.kernel.width, group_out}, fan_in);
    if (options.bias) bias_ = init::default_parameter<T>({options.out}, fan_in);
  }

  Variable<T> forward(const Variable<T>& x) const override {
    return conv_transpose2d(x, weight_, bias_,
                            {.stride = options_.stride,
                             .padding = options_.padding,
                             .output_padding = options_.output_padding,
                             .groups = options_.groups,
                             .dilation = options_.dilation});
  }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  std::string kind() const override { return "ConvTranspose2d"; }
  std::string to_string() const override {
    return text("ConvTranspose2d(", options_.in, ", ", options_.out, ", ",
                detail::window_text(options_.kernel, options_.stride, options_.padding),
                options_.groups == 1 ? "" : ", groups=" + std::to_string(options_.groups),
                bias_.defined() ? ")" : ", bias=false)");
  }

  const ConvTranspose2dOptions& options() const { return options_; }
  Variable<T>& weight() { return weight_; }
  const Variable<T>& weight() const { return weight_; }
  Variable<T>& bias() { return bias_; }
  const Variable<T>& bias() const { return bias_; }

 private:
  ConvTranspose2dOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

KASHI_INSTANTIATE(class Conv2d<float>)
KASHI_INSTANTIATE(class ConvTranspose2d<float>)

}  // namespace kashi::inline v0::nn
