/// Linear layer. First weights as PyTorch's.
#pragma once

#include <kashi/kernels/padding.hpp>
#include <kashi/nn/init.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/linear.hpp>

namespace kashi::inline v0::nn {

/// Options of nn::Linear.
struct LinearOptions {
  Index in = 0;   ///< features of the input's last axis
  Index out = 0;  ///< features of the output's last axis
  bool bias = true;
  /// {height, width} when the input is a flattened image [H,W,C]. The layer computes the same; state dicts that leave for
  /// PyTorch, or come from there, get the weight's columns in its order, channel, row, column. {0, 0}: not an image.
  kernels::Pair image{0, 0};
};

/// x [...,in] -> [...,out]. Parameters: weight [out,in], bias [out]. Throws ValueError for sizes that are not positive.
template <class T = float>
class Linear : public Module<T> {
 public:
  explicit Linear(LinearOptions options) : options_(options) {
    require(options.in > 0 && options.out > 0, "Linear: .in and .out must be positive; got ", options.in, " and ", options.out);
    const Index pixels = options.image.height * options.image.width;
    require(pixels == 0 || (pixels > 0 && options.in % pixels == 0), "Linear: .in = ", options.in, " is not a whole number of channels of an image ", options.image.to_string());
    weight_ = init::default_parameter<T>({options.out, options.in}, options.in);
    if (options.bias) bias_ = init::default_parameter<T>({options.out}, options.in);
  }

  Variable<T> forward(const Variable<T>& x) const override { return linear(x, weight_, bias_); }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  Shape image_shape(const std::string& member, const Tensor<T>&) const override {
    const Index pixels = options_.image.height * options_.image.width;
    return member == "weight" && pixels > 0 ? Shape{options_.out, options_.image.height, options_.image.width, options_.in / pixels} : Shape{};
  }
  std::string kind() const override { return "Linear"; }
  std::string to_string() const override { return text("Linear(", options_.in, ", ", options_.out, bias_.defined() ? ")" : ", bias=false)"); }

  const LinearOptions& options() const { return options_; }
  Variable<T>& weight() { return weight_; }
  const Variable<T>& weight() const { return weight_; }
  Variable<T>& bias() { return bias_; }
  const Variable<T>& bias() const { return bias_; }

 private:
  LinearOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

KASHI_INSTANTIATE(class Linear<float>)

}  // namespace kashi::inline v0::nn
