/// Linear layer. First weights as PyTorch's.
#pragma once

#include <kashi/kernels/padding.hpp>
#include <kashi/nn/init.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/prepared_conv.hpp>

namespace kashi::inline v0::nn {

/// Options of nn::Linear.
struct LinearOptions {
  Index in = 0;   ///< features of the input's last axis
  Index out = 0;  ///< features of the output's last axis
  bool bias = true;
  /// {height, width} when the input is a flattened image [H,W,C]. The layer computes the same; state dicts that leave
  /// for PyTorch, or come from there, get the weight's columns in its order, channel, row, column. {0, 0}: not an
  /// image.
  kernels::Pair image{0, 0};
};

/// x [...,in] -> [...,out]. Parameters: weight [out,in], bias [out]. Throws ValueError for sizes that are not positive.
template <class T = float>
class Linear : public Module<T> {
 public:
  explicit Linear(LinearOptions options) : options_(options) {
    require(options.in > 0 && options.out > 0, "Linear: .in and .out must be positive; got ", options.in, " and ",
            options.out);
    const Index pixels = options.image.height * options.image.width;
    require(pixels == 0 || (pixels > 0 && options.in % pixels == 0), "Linear: .in = ", options.in,
            " is not a whole number of channels of an image ", options.image.to_string());
    weight_ = init::default_parameter<T>({options.out, options.in}, options.in);
    if (options.bias) bias_ = init::default_parameter<T>({options.out}, options.in);
  }

  Variable<T> forward(const Variable<T>& x) const override {
    return is_quick(x, {}) ? infer(x, {}) : linear(x, weight_, bias_);
  }
  Variable<T> forward_with(const Variable<T>& x, const Tail<T>& tail) const override {
    return is_quick(x, tail) && detail::is_exactly<Linear>(*this) ? infer(x, tail) : tail.apply(this->forward(x));
  }
  void forget_prepared() const override { prepared_->clear(); }
  void members(Members<T>& m) override {
    m("weight", weight_);
    m("bias", bias_);
  }
  Shape image_shape(const std::string& member, const Tensor<T>&) const override {
    const Index pixels = options_.image.height * options_.image.width;
    return member == "weight" && pixels > 0
               ? Shape{options_.out, options_.image.height, options_.image.width, options_.in / pixels}
               : Shape{};
  }
  std::string kind() const override { return "Linear"; }
  std::string to_string() const override {
    return text("Linear(", options_.in, ", ", options_.out, bias_.defined() ? ")" : ", bias=false)");
  }

  const LinearOptions& options() const { return options_; }
  Variable<T>& weight() { return weight_; }
  const Variable<T>& weight() const { return weight_; }
  Variable<T>& bias() { return bias_; }
  const Variable<T>& bias() const { return bias_; }

 private:
  /// Whether packed weights pay: a few rows read the weight where it lies (kernels::linear_forward).
  bool is_quick(const Variable<T>& x, const Tail<T>& tail) const {
    return detail::is_inference(*this) && x.rank() >= 1 && x.size(-1) == options_.in &&
           (tail.norm != nullptr || kernels::linear_uses_packed_weights(x.numel() / options_.in));
  }

  /// The product and its tail with packed weights, which are kept (PreparedConvCache).
  Variable<T> infer(const Variable<T>& x, const Tail<T>& tail) const {
    const Index rows = x.numel() / options_.in;
    const Tensor<T> bias = bias_.defined() ? bias_.value() : Tensor<T>();
    Tensor<T> y = Tensor<T>::empty(x.shape().with(-1, options_.out));
    tail.check(y.shape());
    prepared_->get(kernels::linear_geometry(rows, options_.in, options_.out), weight_.value(), bias, tail.norm.get())
        ->run(x.value().data(), tail.conv_end(), y.mutable_data());
    return y;
  }

  LinearOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
  std::shared_ptr<PreparedConvCache<T>> prepared_ = std::make_shared<PreparedConvCache<T>>();
};

KASHI_INSTANTIATE(class Linear<float>)

}  // namespace kashi::inline v0::nn
