/// Differentiable functions of one argument, element by element: exp, expm1, log, log1p, sqrt, rsqrt, reciprocal,
/// square, abs, sign, sin, cos, erf, clamp. Activation functions stand in activation.hpp.
///
/// `elementwise` is the way to write such a function: its value, and its derivative as a differentiable expression.
#pragma once

#include <cmath>
#include <numbers>

#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0 {

/// f applied to every element of x. `derivative(x)` gives df/dx as a Variable or Tensor made from the Variable x; if it
/// is written with differentiable operations, so is the result's gradient.
template <class T, class F, class D>
Variable<T> elementwise(const char* name, const Variable<T>& x, F&& f, D derivative) {
  return record<T>(name, map(x.value(), f), {x},
                   [x = Saved(x), derivative](const GradContext<T>& context) -> Gradients<T> {
                     return {mul(context.grad(), derivative(context.get(x)))};
                   });
}

/// e^x.
template <Differentiable X>
VariableOf<X> exp(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = map(x.value(), [](T v) { return std::exp(v); });
  return record<T>("exp", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    return {mul(context.grad(), context.get(y))};
  });
}

/// Natural logarithm.
template <Differentiable X>
VariableOf<X> log(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "log", as_variable(input), [](T v) { return std::log(v); }, [](const Variable<T>& x) { return div(1, x); });
}

/// e^x - 1, exact for small x.
template <Differentiable X>
VariableOf<X> expm1(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "expm1", as_variable(input), [](T v) { return std::expm1(v); }, [](const Variable<T>& x) { return exp(x); });
}

/// log(1 + x), exact for small x.
template <Differentiable X>
VariableOf<X> log1p(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "log1p", as_variable(input), [](T v) { return std::log1p(v); },
      [](const Variable<T>& x) { return div(1, add(1, x)); });
}

/// Square root; the derivative at 0 is infinite.
template <Differentiable X>
VariableOf<X> sqrt(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  Tensor<T> value = map(x.value(), [](T v) { return std::sqrt(v); });
  return record<T>("sqrt", value, {x}, [y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
    return {div(context.grad(), mul(2, context.get(y)))};
  });
}

/// 1 / sqrt(x).
template <Differentiable X>
VariableOf<X> rsqrt(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "rsqrt", as_variable(input), [](T v) { return T{1} / std::sqrt(v); },
      [](const Variable<T>& x) { return mul(-0.5, div(rsqrt(x), x)); });
}

/// 1 / x.
template <Differentiable X>
VariableOf<X> reciprocal(const X& input) {
  return div(1, input);
}

/// x * x.
template <Differentiable X>
VariableOf<X> square(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "square", as_variable(input), [](T v) { return v * v; }, [](const Variable<T>& x) { return mul(2, x); });
}

/// |x|; the derivative at 0 is 0.
template <Differentiable X>
VariableOf<X> abs(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "abs", as_variable(input), [](T v) { return std::abs(v); },
      [](const Variable<T>& x) { return map(x.value(), [](T v) { return static_cast<T>((v > T{0}) - (v < T{0})); }); });
}

/// -1, 0 or 1; NaN stays. The derivative is 0 everywhere.
template <Differentiable X>
VariableOf<X> sign(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "sign", as_variable(input), [](T v) { return v != v ? v : static_cast<T>((v > T{0}) - (v < T{0})); },
      [](const Variable<T>& x) { return Tensor<T>::zeros(x.shape()); });
}

template <Differentiable X>
VariableOf<X> cos(const X& input);

/// Sine.
template <Differentiable X>
VariableOf<X> sin(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "sin", as_variable(input), [](T v) { return std::sin(v); }, [](const Variable<T>& x) { return cos(x); });
}

/// Cosine.
template <Differentiable X>
VariableOf<X> cos(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "cos", as_variable(input), [](T v) { return std::cos(v); }, [](const Variable<T>& x) { return neg(sin(x)); });
}

/// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
template <Differentiable X>
VariableOf<X> erf(const X& input) {
  using T = ScalarOf<X>;
  return elementwise<T>(
      "erf", as_variable(input), [](T v) { return std::erf(v); },
      [](const Variable<T>& x) { return mul(2.0 * std::numbers::inv_sqrtpi, exp(neg(square(x)))); });
}

/// x held within [low, high]; outside the derivative is 0, at the bounds 1 (PyTorch's rule). Throws ValueError if low >
/// high.
template <Differentiable X>
VariableOf<X> clamp(const X& input, double low, double high) {
  using T = ScalarOf<X>;
  require(low <= high, "clamp: the lower bound ", low, " is above the upper bound ", high);
  const T lo = static_cast<T>(low), hi = static_cast<T>(high);
  return elementwise<T>(
      "clamp", as_variable(input), [lo, hi](T v) { return v < lo   ? lo
                                                          : v > hi ? hi
                                                                   : v; },
      [lo, hi](const Variable<T>& x) {
        return map(x.value(), [lo, hi](T v) { return v >= lo && v <= hi ? T{1} : T{0}; });
      });
}

}  // namespace kashi::inline v0
