/// Differentiable losses of numbers: squared, absolute and Huber distance. Definitions are PyTorch's.
///
/// All are functions of input - target, so both get a gradient. Shapes must be equal: silent broadcasting of a target
/// is the usual cause of a loss that does not fall.
#pragma once

#include <kashi/ops/activation.hpp>
#include <kashi/ops/reduction.hpp>

namespace kashi::inline v0 {

namespace detail {

template <class T>
Variable<T> difference(const char* who, const Variable<T>& input, const Variable<T>& target) {
  require<ShapeError>(input.shape() == target.shape(), who, ": input ", input.shape(), " and target ", target.shape(),
                      " must have one shape");
  return sub(input, target);
}

/// Quadratic up to `knee`, straight beyond, times `scale`; d^2 / 2 near 0.
template <class T>
Variable<T> huber(const char* who, const Variable<T>& difference, T knee, T scale) {
  const auto slope = [knee, scale](T d) { return scale * (d < -knee ? -knee : d > knee ? knee : d); };
  return activation(
      who, difference,
      [knee, scale](T d) {
        const T a = std::abs(d);
        return scale * (a < knee ? T{0.5} * a * a : knee * (a - T{0.5} * knee));
      },
      slope,
      [knee, scale](const Variable<T>& d) {
        return mul(scale, clamp(d, static_cast<double>(-knee), static_cast<double>(knee)));
      });
}

}  // namespace detail

/// (input - target)^2. Throws ShapeError if shapes differ.
template <Differentiable X, Differentiable Y>
VariableOf<X> mse_loss(const X& input, const Y& target, Reduction reduction = Reduction::mean) {
  using T = ScalarOf<X>;
  const Variable<T> d = detail::difference<T>("mse_loss", as_variable(input), as_variable(target));
  return reduce_loss(detail::activation(
                         "mse_loss", d, [](T v) { return v * v; }, [](T v) { return T{2} * v; },
                         [](const Variable<T>& v) { return mul(2, v); }),
                     reduction);
}

/// |input - target|; the derivative at 0 is 0. Throws ShapeError if shapes differ.
template <Differentiable X, Differentiable Y>
VariableOf<X> l1_loss(const X& input, const Y& target, Reduction reduction = Reduction::mean) {
  using T = ScalarOf<X>;
  return reduce_loss(abs(detail::difference<T>("l1_loss", as_variable(input), as_variable(target))), reduction);
}

/// d^2 / 2 for |d| < delta, else delta (|d| - delta / 2), with d = input - target (Huber 1964).
/// Throws ShapeError if shapes differ, ValueError for a delta that is not positive.
template <Differentiable X, Differentiable Y>
VariableOf<X> huber_loss(const X& input, const Y& target, Reduction reduction = Reduction::mean, double delta = 1.0) {
  using T = ScalarOf<X>;
  require(delta > 0.0, "huber_loss: delta must be positive; got ", delta);
  const Variable<T> d = detail::difference<T>("huber_loss", as_variable(input), as_variable(target));
  return reduce_loss(detail::huber<T>("huber_loss", d, static_cast<T>(delta), T{1}), reduction);
}

/// The Huber loss divided by beta: d^2 / (2 beta) for |d| < beta, else |d| - beta / 2; at beta 0 it is l1_loss.
/// Throws ShapeError if shapes differ, ValueError for a negative beta.
template <Differentiable X, Differentiable Y>
VariableOf<X> smooth_l1_loss(const X& input, const Y& target, Reduction reduction = Reduction::mean,
                             double beta = 1.0) {
  using T = ScalarOf<X>;
  require(beta >= 0.0, "smooth_l1_loss: beta can't be negative; got ", beta);
  const Variable<T> d = detail::difference<T>("smooth_l1_loss", as_variable(input), as_variable(target));
  if (beta == 0.0) return reduce_loss(abs(d), reduction);
  return reduce_loss(detail::huber<T>("smooth_l1_loss", d, static_cast<T>(beta), static_cast<T>(1.0 / beta)),
                     reduction);
}

}  // namespace kashi::inline v0
