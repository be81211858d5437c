/// Differentiable choice: where, gather, gather_rows, slice, select. Indices are constants.
#pragma once

#include <kashi/core/broadcast.hpp>
#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0 {

/// `a` where the condition holds, else `b`; both broadcast to the condition's shape. What is not chosen gets no
/// gradient, whatever its value. Throws ShapeError if shapes do not fit.
template <class A, class B>
requires VariablePair<A, B> VariableOfPair<A, B> where(const Tensor<bool>& condition, const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  const Variable<T> a = detail::operand<T>(left), b = detail::operand<T>(right);
  Tensor<T> value = where(condition, a.value(), b.value());
  return record<T>("where", std::move(value), {a, b},
                   [condition, sa = a.shape(), sb = b.shape()](const GradContext<T>& context) -> Gradients<T> {
                     return {context.needs(0) ? sum_to(where(condition, context.grad(), 0.0), sa) : Variable<T>(),
                             context.needs(1) ? sum_to(where(condition, 0.0, context.grad()), sb) : Variable<T>()};
                   });
}

namespace detail {

/// Adds values[..., k, ...] to out[..., index[..., k, ...], ...]: the adjoint of gather.
template <class T>
Tensor<T> scatter_add(const Tensor<T>& values, int axis, const Tensor<Index>& index, const Shape& shape) {
  Tensor<T> out = Tensor<T>::zeros(shape);
  T* result = out.mutable_data();
  const AxisSplit split(shape, axis);
  const Index count = index.size(axis);
  for (Index o = 0; o < split.outer; ++o)
    for (Index k = 0; k < count; ++k)
      for (Index i = 0; i < split.inner; ++i) {
        const Index at = (o * count + k) * split.inner + i;
        result[(o * shape[axis] + index.data()[at]) * split.inner + i] += values.data()[at];
      }
  return out;
}

/// Adds row i of `values` to row rows[i]: the adjoint of gather_rows.
template <class T>
Tensor<T> scatter_add_rows(const Tensor<T>& values, const Tensor<Index>& rows, const Shape& shape) {
  Tensor<T> out = Tensor<T>::zeros(shape);
  T* result = out.mutable_data();
  const Index run = rows.numel() == 0 ? 0 : values.numel() / rows.numel();
  for (Index i = 0; i < rows.numel(); ++i)
    for (Index k = 0; k < run; ++k) result[rows.data()[i] * run + k] += values.data()[i * run + k];
  return out;
}

}  // namespace detail

/// One element along an axis for every position of `index`: out[i,j] = x[i, index[i,j]] for axis 1 (PyTorch's gather).
/// An element that is taken several times gathers all the gradients. Throws ShapeError or ValueError as for tensors.
template <class T>
Variable<T> gather(const Variable<T>& x, Index axis, const Tensor<Index>& index) {
  const int a = x.shape().normalize_axis(axis, "gather");
  const Tensor<Index> own = index.clone();
  return linear_operation(
      "gather", x, [a, own](const Tensor<T>& v) { return gather(v, a, own); },
      [a, own, shape = x.shape()](const Tensor<T>& v) { return detail::scatter_add(v, a, own, shape); });
}

/// Rows of the first axis by number: out[i] = x[rows[i]], as an embedding takes them. Throws as for tensors.
template <class T>
Variable<T> gather_rows(const Variable<T>& x, const Tensor<Index>& rows) {
  const Tensor<Index> own = rows.clone();
  return linear_operation(
      "gather_rows", x, [own](const Tensor<T>& v) { return gather_rows(v, own); },
      [own, shape = x.shape()](const Tensor<T>& v) { return detail::scatter_add_rows(v, own, shape); });
}

/// Rows [begin, end) of the first axis; the value is a view. Throws ShapeError out of range.
template <class T>
Variable<T> slice(const Variable<T>& x, Index begin, Index end) {
  Tensor<T> rows = x.value().slice(begin, end);
  return record<T>("slice", std::move(rows), {x},
                   [begin, after = x.size(0) - end](const GradContext<T>& context) -> Gradients<T> {
                     return {pad_axis(context.grad(), 0, begin, after)};
                   });
}

/// Entry `i` of an axis, which vanishes; negative indices count from the end. Throws ShapeError out of range.
template <class T>
Variable<T> select(const Variable<T>& x, Index axis, Index i) {
  const int a = x.shape().normalize_axis(axis, "select");
  const Index at = i < 0 ? i + x.size(a) : i;
  require<ShapeError>(at >= 0 && at < x.size(a), "select: ", i, " is not in axis ", axis, " of ", x.shape());
  std::vector<Index> sizes(x.shape().begin(), x.shape().end());
  sizes.erase(sizes.begin() + a);
  return reshape(narrow(x, a, at, at + 1), Shape(std::span<const Index>(sizes)));
}

}  // namespace kashi::inline v0
