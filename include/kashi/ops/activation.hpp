/// Differentiable activation functions. Definitions and constants are PyTorch's.
///
/// The derivative at a kink is the one from the left: 0 for ReLU at 0.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include <kashi/kernels/elementwise.hpp>
#include <kashi/ops/unary.hpp>

namespace kashi::inline v0 {

namespace detail {

/// The gradient through ReLU: dy where `output`, its result, is not 0; written over dy where nobody else holds that.
template <class T>
Variable<T> relu_gradient(const GradContext<T>& context, const Tensor<T>& output) {
  if (context.create_graph()) return mul(context.grad(), map(output, [](T v) { return v <= T{0} ? T{0} : T{1}; }));
  Tensor<T> dx = context.room_for_result();
  kernels::relu_backward(dx.numel(), output.data(), context.grad().value().data(), dx.mutable_data());
  return dx;
}

}  // namespace detail

/// max(x, 0). Keeps its result, not its input, for the gradient: the next layer holds it anyway.
template <Differentiable X>
VariableOf<X> relu(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = Tensor<T>::empty(x.shape());
  kernels::relu_forward(value.numel(), x.value().data(), value.mutable_data());
  return record<T>("relu", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    return {detail::relu_gradient(context, context.get(y).value())};
  });
}

/// relu(a + b) in one pass: the end of a residual block.
template <Differentiable A, Differentiable B>
VariableOf<A> add_relu(const A& left, const B& right) {
  using T = ScalarOf<A>;
  const Variable<T> a = as_variable(left), b = as_variable(right);
  if (a.shape() != b.shape()) return relu(add(a, b));
  Tensor<T> value = Tensor<T>::empty(a.shape());
  kernels::add_relu(value.numel(), a.value().data(), b.value().data(), value.mutable_data());
  return record<T>("add_relu", value, {a, b}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> dx = detail::relu_gradient(context, context.get(y).value());
    return {dx, dx};
  });
}

namespace detail {

/// f(x), whose derivative is slope(x): gradients in one pass. `derivative` makes the same of differentiable operations.
template <class T, class F, class Slope, class Derivative>
Variable<T> activation(const char* name, const Variable<T>& x, F f, Slope slope, Derivative derivative) {
  return record<T>(name, map(x.value(), f), {x},
                   [x = Saved(x), slope, derivative](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> v = context.get(x);
                     if (context.create_graph()) return {mul(context.grad(), derivative(v))};
                     return {zip(context.grad().value(), v.value(), [slope](T g, T u) { return g * slope(u); })};
                   });
}

/// The same for straight pieces: the slope is a constant of each.
template <class T, class F, class Slope>
Variable<T> piecewise_linear(const char* name, const Variable<T>& x, F f, Slope slope) {
  return activation(name, x, f, slope, [slope](const Variable<T>& v) { return map(v.value(), slope); });
}

/// 1 / (1 + e^-x) without overflow.
template <class T>
T logistic(T x) {
  const T e = std::exp(-std::abs(x));
  return (x >= T{0} ? T{1} : e) / (T{1} + e);
}

}  // namespace detail

/// x where positive, else slope * x.
template <Differentiable X>
VariableOf<X> leaky_relu(const X& x, double negative_slope = 0.01) {
  using T = ScalarOf<X>;
  const T slope = static_cast<T>(negative_slope);
  return detail::piecewise_linear<T>(
      "leaky_relu", as_variable(x), [slope](T v) { return v > T{0} ? v : slope * v; },
      [slope](T v) { return v > T{0} ? T{1} : slope; });
}

/// x held within [0, 6]; the derivative at both kinks is 0.
template <Differentiable X>
VariableOf<X> relu6(const X& x) {
  using T = ScalarOf<X>;
  return detail::piecewise_linear<T>(
      "relu6", as_variable(x), [](T v) { return v < T{0}   ? T{0}
                                                : v > T{6} ? T{6}
                                                           : v; },
      [](T v) { return v > T{0} && v < T{6} ? T{1} : T{0}; });
}

/// x where positive, else alpha * (e^x - 1) (Clevert et al. 2015).
template <Differentiable X>
VariableOf<X> elu(const X& x, double alpha = 1.0) {
  using T = ScalarOf<X>;
  const T a = static_cast<T>(alpha);
  return detail::activation<T>(
      "elu", as_variable(x), [a](T v) { return v > T{0} ? v : a * std::expm1(v); },
      [a](T v) { return v > T{0} ? T{1} : a * std::exp(v); },
      [a](const Variable<T>& v) {
        const Tensor<T> right = map(v.value(), [](T u) { return u > T{0} ? T{1} : T{0}; });
        const Tensor<T> left = map(right, [a](T u) { return a * (T{1} - u); });
        return add(right, mul(left, exp(clamp(v, -std::numeric_limits<double>::infinity(), 0.0))));
      });
}

/// 1 / (1 + e^-x).
template <Differentiable X>
VariableOf<X> sigmoid(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = map(x.value(), [](T v) { return detail::logistic(v); });
  return record<T>("sigmoid", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> p = context.get(y);
    if (context.create_graph()) return {mul(context.grad(), mul(p, sub(1, p)))};
    return {zip(context.grad().value(), p.value(), [](T g, T v) { return g * v * (T{1} - v); })};
  });
}

/// Hyperbolic tangent.
template <Differentiable X>
VariableOf<X> tanh(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = map(x.value(), [](T v) { return std::tanh(v); });
  return record<T>("tanh", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> t = context.get(y);
    if (context.create_graph()) return {mul(context.grad(), sub(1, square(t)))};
    return {zip(context.grad().value(), t.value(), [](T g, T v) { return g * (T{1} - v * v); })};
  });
}

/// x * sigmoid(x) (also called swish).
template <Differentiable X>
VariableOf<X> silu(const X& x) {
  using T = ScalarOf<X>;
  return detail::activation<T>(
      "silu", as_variable(x), [](T v) { return v * detail::logistic(v); },
      [](T v) {
        const T p = detail::logistic(v);
        return p * (T{1} + v * (T{1} - p));
      },
      [](const Variable<T>& v) {
        const Variable<T> p = sigmoid(v);
        return mul(p, add(1, mul(v, sub(1, p))));
      });
}

/// Which formula gelu uses.
enum class GeluApproximation {
  none,  ///< the normal distribution function itself
  tanh   ///< 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
};

namespace detail {

/// x times the normal distribution function.
template <class T>
Variable<T> exact_gelu(const Variable<T>& x) {
  constexpr T root_half = static_cast<T>(1.0 / std::numbers::sqrt2);
  constexpr T density =
      static_cast<T>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);  // of the normal distribution at 0
  const auto distribution = [](T v) { return T{0.5} * std::erfc(-v * root_half); };
  return activation(
      "gelu", x, [distribution](T v) { return v * distribution(v); },
      [distribution](T v) { return distribution(v) + v * density * std::exp(T{-0.5} * v * v); },
      [=](const Variable<T>& v) {
        return add(mul(0.5, add(1, erf(mul(v, root_half)))), mul(v, mul(density, exp(mul(-0.5, square(v))))));
      });
}

template <class T>
Variable<T> tanh_gelu(const Variable<T>& x) {
  constexpr T scale = static_cast<T>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  constexpr T cubic = static_cast<T>(0.044715);
  const auto squashed = [](T v) { return std::tanh(scale * (v + cubic * v * v * v)); };
  return activation(
      "gelu", x, [squashed](T v) { return T{0.5} * v * (T{1} + squashed(v)); },
      [squashed](T v) {
        const T t = squashed(v);
        return T{0.5} * (T{1} + t) + T{0.5} * v * (T{1} - t * t) * scale * (T{1} + T{3} * cubic * v * v);
      },
      [=](const Variable<T>& v) {
        const Variable<T> t = tanh(mul(scale, add(v, mul(cubic, mul(v, square(v))))));
        const Variable<T> inner = mul(scale, add(1, mul(T{3} * cubic, square(v))));
        return mul(0.5, add(add(1, t), mul(mul(v, sub(1, square(t))), inner)));
      });
}

}  // namespace detail

/// x times the normal distribution function of x (Hendrycks and Gimpel 2016).
template <Differentiable X>
VariableOf<X> gelu(const X& x, GeluApproximation approximation = GeluApproximation::none) {
  using T = ScalarOf<X>;
  return approximation == GeluApproximation::tanh ? detail::tanh_gelu<T>(as_variable(x))
                                                  : detail::exact_gelu<T>(as_variable(x));
}

/// relu6(x + 3) / 6; the derivative at both kinks is 0.
template <Differentiable X>
VariableOf<X> hard_sigmoid(const X& x) {
  using T = ScalarOf<X>;
  return detail::piecewise_linear<T>(
      "hard_sigmoid", as_variable(x),
      [](T v) {
        return (v < T{-3} ? T{0} : v > T{3} ? T{6} : v + T{3}) / T{6};
      },
      [](T v) { return v > T{-3} && v < T{3} ? T{1} / T{6} : T{0}; });
}

/// x * relu6(x + 3) / 6 (Howard et al. 2019).
template <Differentiable X>
VariableOf<X> hard_swish(const X& x) {
  using T = ScalarOf<X>;
  const auto slope = [](T v) { return v <= T{-3} ? T{0} : v < T{3} ? v / T{3} + T{0.5} : T{1}; };
  return detail::activation<T>(
      "hard_swish", as_variable(x), [](T v) { return v <= T{-3} ? T{0}
                                                     : v < T{3} ? v * (v + T{3}) / T{6}
                                                                : v; }, slope,
      [slope](const Variable<T>& v) {
        const Tensor<T> inside = map(v.value(), [](T u) { return u > T{-3} && u < T{3} ? T{1} / T{3} : T{0}; });
        const Tensor<T> rest = zip(v.value(), inside, [slope](T u, T i) { return slope(u) - i * u; });
        return add(mul(inside, v), rest);
      });
}

/// log(1 + e^(beta x)) / beta; x itself where beta x is above the threshold (PyTorch's rule).
/// Throws ValueError for a beta that is not positive.
template <Differentiable X>
VariableOf<X> softplus(const X& x, double beta = 1.0, double threshold = 20.0) {
  using T = ScalarOf<X>;
  require(beta > 0.0, "softplus: beta must be positive; got ", beta);
  const T b = static_cast<T>(beta), limit = static_cast<T>(threshold);
  return detail::activation<T>(
      "softplus", as_variable(x),
      [b, limit](T v) {
        return b * v > limit ? v : (std::max(b * v, T{0}) + std::log1p(std::exp(-std::abs(b * v)))) / b;
      },
      [b, limit](T v) { return b * v > limit ? T{1} : detail::logistic(b * v); },
      [b, limit](const Variable<T>& v) {
        const Tensor<T> straight = map(v.value(), [b, limit](T u) { return b * u > limit ? T{1} : T{0}; });
        return add(straight, mul(T{1} - straight, sigmoid(mul(b, v))));
      });
}

/// log(sigmoid(x)), exact where sigmoid would underflow.
template <Differentiable X>
VariableOf<X> log_sigmoid(const X& x) {
  return neg(softplus(neg(x), 1.0, std::numeric_limits<double>::infinity()));
}

}  // namespace kashi::inline v0
