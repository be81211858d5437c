/// Differentiable softmax and log-softmax along any axis, fused, with second derivatives.
#pragma once

#include <cmath>
#include <limits>

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/unary.hpp>

namespace kashi::inline v0 {

namespace detail {

/// Calls f(pointer offset, stride, length) for every line along an axis.
template <class F>
void for_each_line(const Shape& shape, int axis, F&& f) {
  const AxisSplit split(shape, axis);
  const Index length = shape[axis];
  const Index grain = std::max<Index>(1, 8192 / std::max<Index>(1, length));
  parallel_for(split.outer * split.inner, grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      f(i / split.inner * length * split.inner + i % split.inner, split.inner, length);
  });
}

/// log of the sum of exponentials along a line, without overflow.
template <class T>
T log_sum_exp(const T* x, Index stride, Index length) {
  T largest = -std::numeric_limits<T>::infinity();
  for (Index k = 0; k < length; ++k) largest = std::max(largest, x[k * stride]);
  if (!std::isfinite(largest)) return largest;
  T total{0};
  for (Index k = 0; k < length; ++k) total += std::exp(x[k * stride] - largest);
  return largest + std::log(total);
}

template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, int axis) {
  Tensor<T> out = Tensor<T>::empty(x.shape());
  T* result = out.mutable_data();
  for_each_line(x.shape(), axis, [&, in = x.data()](Index at, Index stride, Index length) {
    const T norm = log_sum_exp(in + at, stride, length);
    for (Index k = 0; k < length; ++k) result[at + k * stride] = in[at + k * stride] - norm;
  });
  return out;
}

template <class T>
Tensor<T> softmax(const Tensor<T>& x, int axis) {
  Tensor<T> out = Tensor<T>::empty(x.shape());
  T* result = out.mutable_data();
  for_each_line(x.shape(), axis, [&, in = x.data()](Index at, Index stride, Index length) {
    T largest = -std::numeric_limits<T>::infinity(), total{0};
    for (Index k = 0; k < length; ++k) largest = std::max(largest, in[at + k * stride]);
    for (Index k = 0; k < length; ++k) total += result[at + k * stride] = std::exp(in[at + k * stride] - largest);
    for (Index k = 0; k < length; ++k) result[at + k * stride] /= total;
  });
  return out;
}

}  // namespace detail

/// log(softmax(x)) along an axis, exact where softmax would underflow.
template <Differentiable X>
VariableOf<X> log_softmax(const X& input, Index axis = -1) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  const int a = x.shape().normalize_axis(axis, "log_softmax");
  Tensor<T> value = detail::log_softmax(x.value(), a);
  const Announce announced(a);
  return record<T>("log_softmax", value, {x},
                   [y = SavedOutput(value), a](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T>& dy = context.grad();
                     return {sub(dy, mul(exp(context.get(y)), sum(dy, {a}, true)))};
                   });
}

/// exp(x) divided by its sum along an axis.
template <Differentiable X>
VariableOf<X> softmax(const X& input, Index axis = -1) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  const int a = x.shape().normalize_axis(axis, "softmax");
  Tensor<T> value = detail::softmax(x.value(), a);
  const Announce announced(a);
  return record<T>("softmax", value, {x}, [y = SavedOutput(value), a](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> p = context.get(y);
    const Variable<T> weighted = mul(context.grad(), p);
    return {sub(weighted, mul(p, sum(weighted, {a}, true)))};
  });
}

/// log of the sum of exponentials along an axis, without overflow; the axis vanishes, or stays with size 1 under
/// `keepdim`.
template <Differentiable X>
VariableOf<X> logsumexp(const X& input, Index axis = -1, bool keepdim = false) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  const int a = x.shape().normalize_axis(axis, "logsumexp");
  require<ShapeError>(x.size(a) >= 1, "logsumexp: axis ", axis, " of ", x.shape(), " is empty");
  const detail::Reduction plan = detail::plan_reduction(x.shape(), {a}, "logsumexp");
  Tensor<T> value = Tensor<T>::empty(plan.kept);
  T* result = value.mutable_data();
  detail::for_each_line(x.shape(), a, [&, in = x.value().data()](Index at, Index stride, Index length) {
    result[at / (length * stride) * stride + at % stride] = detail::log_sum_exp(in + at, stride, length);
  });
  const Variable<T> y = record<T>(
      "logsumexp", value, {x}, [x = Saved(x), y = SavedOutput(value)](const GradContext<T>& context) -> Gradients<T> {
        return {mul(context.grad(), exp(sub(context.get(x), context.get(y))))};
      });
  return keepdim ? y : reshape(y, plan.squeezed);
}

}  // namespace kashi::inline v0
