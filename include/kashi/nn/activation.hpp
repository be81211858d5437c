/// Activation layers: ops/activation.hpp and ops/softmax.hpp as modules.
#pragma once

#include <kashi/nn/module.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/softmax.hpp>

namespace kashi::inline v0::nn {

// A layer without options: its class and what it computes from x.
#define KASHI_ACTIVATION_LAYER(Name, expression)                                    \
  template <class T = float>                                                        \
  class Name : public Module<T> {                                                   \
   public:                                                                          \
    Variable<T> forward(const Variable<T>& x) const override { return expression; } \
    std::string kind() const override { return #Name; }                             \
  };

// The same for one that the layer before it can do as it stores.
#define KASHI_FUSED_ACTIVATION_LAYER(Name, activation, expression)                      \
  template <class T = float>                                                            \
  class Name : public Module<T> {                                                       \
   public:                                                                              \
    Variable<T> forward(const Variable<T>& x) const override { return expression; }     \
    bool join(Tail<T>& tail) const override {                                           \
      return detail::is_exactly<Name>(*this) && tail.append({nullptr, {}, activation}); \
    }                                                                                   \
    std::string kind() const override { return #Name; }                                 \
  };

/// max(x, 0).
KASHI_FUSED_ACTIVATION_LAYER(ReLU, Activation::relu, relu(x))
/// x held within [0, 6].
KASHI_FUSED_ACTIVATION_LAYER(ReLU6, Activation::relu6, relu6(x))
/// 1 / (1 + e^-x).
KASHI_ACTIVATION_LAYER(Sigmoid, sigmoid(x))
/// Hyperbolic tangent.
KASHI_ACTIVATION_LAYER(Tanh, tanh(x))
/// x times the normal distribution function of x.
KASHI_ACTIVATION_LAYER(GELU, gelu(x))
/// x * sigmoid(x).
KASHI_ACTIVATION_LAYER(SiLU, silu(x))
/// x * relu6(x + 3) / 6.
KASHI_ACTIVATION_LAYER(HardSwish, hard_swish(x))

#undef KASHI_ACTIVATION_LAYER
#undef KASHI_FUSED_ACTIVATION_LAYER

/// x where positive, else slope * x.
template <class T = float>
class LeakyReLU : public Module<T> {
 public:
  explicit LeakyReLU(double negative_slope = 0.01) : negative_slope_(negative_slope) {}
  Variable<T> forward(const Variable<T>& x) const override { return leaky_relu(x, negative_slope_); }
  std::string kind() const override { return "LeakyReLU"; }
  std::string to_string() const override { return text("LeakyReLU(", negative_slope_, ")"); }

 private:
  double negative_slope_;
};

/// x where positive, else alpha * (e^x - 1).
template <class T = float>
class ELU : public Module<T> {
 public:
  explicit ELU(double alpha = 1.0) : alpha_(alpha) {}
  Variable<T> forward(const Variable<T>& x) const override { return elu(x, alpha_); }
  std::string kind() const override { return "ELU"; }
  std::string to_string() const override { return text("ELU(", alpha_, ")"); }

 private:
  double alpha_;
};

/// Exponentials divided by their sum along an axis; by default the last, where channels and classes are.
template <class T = float>
class Softmax : public Module<T> {
 public:
  explicit Softmax(Index axis = -1) : axis_(axis) {}
  Variable<T> forward(const Variable<T>& x) const override { return softmax(x, axis_); }
  std::string kind() const override { return "Softmax"; }

 private:
  Index axis_;
};

/// Logarithm of the softmax along an axis; by default the last.
template <class T = float>
class LogSoftmax : public Module<T> {
 public:
  explicit LogSoftmax(Index axis = -1) : axis_(axis) {}
  Variable<T> forward(const Variable<T>& x) const override { return log_softmax(x, axis_); }
  std::string kind() const override { return "LogSoftmax"; }

 private:
  Index axis_;
};

KASHI_INSTANTIATE(class ReLU<float>)
KASHI_INSTANTIATE(class ReLU6<float>)
KASHI_INSTANTIATE(class Sigmoid<float>)
KASHI_INSTANTIATE(class Tanh<float>)
KASHI_INSTANTIATE(class GELU<float>)
KASHI_INSTANTIATE(class SiLU<float>)
KASHI_INSTANTIATE(class HardSwish<float>)
KASHI_INSTANTIATE(class LeakyReLU<float>)
KASHI_INSTANTIATE(class ELU<float>)
KASHI_INSTANTIATE(class Softmax<float>)
KASHI_INSTANTIATE(class LogSoftmax<float>)

}  // namespace kashi::inline v0::nn
