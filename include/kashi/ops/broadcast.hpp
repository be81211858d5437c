/// Differentiable broadcasting and its adjoint, the sum over repeated axes.
#pragma once

#include <kashi/autograd/function.hpp>
#include <kashi/core/reduce.hpp>

namespace kashi::inline v0 {

template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape);

namespace detail {

/// The axes of `from` that were repeated to make it out of `to`.
inline Axes repeated_axes(const Shape& from, const Shape& to) {
  Axes axes;
  const int extra = from.rank() - to.rank();
  for (int axis = 0; axis < from.rank(); ++axis)
    if (axis < extra || (to[axis - extra] == 1 && from[axis] != 1)) axes.push_back(axis);
  return axes;
}

}  // namespace detail

/// Sums over the axes that broadcasting had repeated, so that the result has `shape`: the adjoint of broadcast_to.
template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  require<ShapeError>(broadcast_shape(x.shape(), shape, "sum_to") == x.shape(), "sum_to: ", shape,
                      " does not broadcast to ", x.shape());
  const Axes axes = detail::repeated_axes(x.shape(), shape);
  return axes.empty() ? x.reshape(shape) : sum(x, axes).reshape(shape);
}

template <class T>
Variable<T> sum_to(const Variable<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record<T>("sum_to", sum_to(x.value(), shape), {x},
                   [from = x.shape()](const GradContext<T>& context) -> Gradients<T> {
                     return {broadcast_to(context.grad(), from)};
                   });
}

/// The numbers repeated to a larger shape. Throws ShapeError if `x` does not broadcast to it.
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record<T>(
      "broadcast_to", broadcast_to(x.value(), shape), {x},
      [from = x.shape()](const GradContext<T>& context) -> Gradients<T> { return {sum_to(context.grad(), from)}; });
}

}  // namespace kashi::inline v0
