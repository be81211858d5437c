/// Differentiable movement of numbers: reshape, flatten, permute, transpose, narrow, pad, concat, stack.
#pragma once

#include <kashi/autograd/function.hpp>
#include <kashi/core/manipulate.hpp>
#include <kashi/kernels/padding.hpp>

namespace kashi::inline v0 {

namespace detail {

/// What concat, narrow and pad announce: the axis, and which entry of the input becomes the output's first (negative
/// under a border).
struct AxisMove {
  Index axis = 0;
  Index offset = 0;
};

/// What transpose announces.
struct TransposedAxes {
  Index a = 0;
  Index b = 0;
};

}  // namespace detail

/// The same numbers under another shape.
template <class T>
Variable<T> reshape(const Variable<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record<T>(
      "reshape", x.value().reshape(shape), {x},
      [from = x.shape()](const GradContext<T>& context) -> Gradients<T> { return {reshape(context.grad(), from)}; });
}
/// One size may be -1: it is worked out from the rest.
template <class T>
Variable<T> reshape(const Variable<T>& x, std::initializer_list<Index> sizes) {
  return reshape(x, x.value().reshape(sizes).shape());
}

/// All axes from `first` on merged into one: [N,H,W,C] -> [N,H*W*C].
template <class T>
Variable<T> flatten(const Variable<T>& x, Index first = 1) {
  const int axis = x.rank() == 0 ? 0 : x.shape().normalize_axis(first, "flatten");
  std::vector<Index> sizes(x.shape().begin(), x.shape().begin() + axis);
  Index rest = 1;
  for (int i = axis; i < x.rank(); ++i) rest *= x.size(i);
  sizes.push_back(rest);
  return reshape(x, Shape(std::span<const Index>(sizes)));
}

/// Axis i of the result is axis order[i] of `x`.
template <class T>
Variable<T> permute(const Variable<T>& x, const std::vector<Index>& order) {
  Tensor<T> value = permute(x.value(), order);
  std::vector<Index> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    inverse[static_cast<std::size_t>(x.shape().normalize_axis(order[i]))] = static_cast<Index>(i);
  const Announce announced(order);
  return record<T>("permute", std::move(value), {x}, [inverse](const GradContext<T>& context) -> Gradients<T> {
    return {permute(context.grad(), inverse)};
  });
}

/// Two axes exchanged; by default the last two.
template <class T>
Variable<T> transpose(const Variable<T>& x, Index axis_a = -2, Index axis_b = -1) {
  const detail::TransposedAxes axes{axis_a, axis_b};
  const Announce announced(axes);
  return record<T>("transpose", transpose(x.value(), axis_a, axis_b), {x},
                   [axis_a, axis_b](const GradContext<T>& context) -> Gradients<T> {
                     return {transpose(context.grad(), axis_a, axis_b)};
                   });
}

/// Tensors put behind each other along an axis.
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& parts, Index axis = 0) {
  std::vector<Tensor<T>> values;
  std::vector<Index> sizes;
  for (const auto& part : parts) values.push_back(part.value());
  Tensor<T> value = concat(values, axis);
  for (const auto& part : parts) sizes.push_back(part.size(axis));
  const detail::AxisMove along{.axis = axis, .offset = 0};
  const Announce announced(along);
  return record<T>("concat", std::move(value), parts, [sizes, axis](const GradContext<T>& context) -> Gradients<T> {
    Gradients<T> gradients;
    Index begin = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      gradients.push_back(context.needs(i) ? narrow(context.grad(), axis, begin, begin + sizes[i]) : Variable<T>());
      begin += sizes[i];
    }
    return gradients;
  });
}

/// The same for a list in braces: concat({a, b}, 1).
template <class T>
Variable<T> concat(std::initializer_list<Variable<T>> parts, Index axis = 0) {
  return concat(std::vector<Variable<T>>(parts), axis);
}

/// `value` put before and after one axis; with 0 it is the adjoint of narrow.
template <class T>
Variable<T> pad_axis(const Variable<T>& x, Index axis, Index before, Index after, double value = 0.0);

/// Entries [begin, end) of an axis.
template <class T>
Variable<T> narrow(const Variable<T>& x, Index axis, Index begin, Index end) {
  Tensor<T> value = narrow(x.value(), axis, begin, end);
  const detail::AxisMove cut{.axis = axis, .offset = begin};
  const Announce announced(cut);
  return record<T>("narrow", std::move(value), {x},
                   [axis, begin, after = x.size(axis) - end](const GradContext<T>& context) -> Gradients<T> {
                     return {pad_axis(context.grad(), axis, begin, after)};
                   });
}

template <class T>
Variable<T> pad_axis(const Variable<T>& x, Index axis, Index before, Index after, double value) {
  require<ShapeError>(before >= 0 && after >= 0, "pad: sizes can't be negative; got ", before, " and ", after);
  const int a = x.shape().normalize_axis(axis, "pad");
  const auto border = [&](Index size) { return Tensor<T>::full(x.shape().with(a, size), static_cast<T>(value)); };
  Tensor<T> padded = concat(std::vector<Tensor<T>>{border(before), x.value(), border(after)}, a);
  const detail::AxisMove move{.axis = axis, .offset = -before};
  const Announce announced(move);
  return record<T>("pad", std::move(padded), {x},
                   [a, before, size = x.size(a)](const GradContext<T>& context) -> Gradients<T> {
                     return {narrow(context.grad(), a, before, before + size)};
                   });
}

/// A border around images [N,H,W,C]. Padding: one number, {height, width}, or {top, bottom, left, right}.
/// Throws ShapeError for other ranks or negative sizes.
template <class T>
Variable<T> pad(const Variable<T>& x, const kernels::Padding& padding, double value = 0.0) {
  require<ShapeError>(x.rank() == 4, "pad: images [N,H,W,C] are needed; got ", x.shape());
  const auto rows = padding.rows(x.size(1), 1, 1, 1);
  const auto columns = padding.columns(x.size(2), 1, 1, 1);
  return pad_axis(pad_axis(x, 1, rows.begin, rows.end, value), 2, columns.begin, columns.end, value);
}

/// Variables of one shape put behind each other along a new axis.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& parts, Index axis = 0) {
  require<ShapeError>(!parts.empty(), "stack: no tensors given");
  const Shape& shape = parts[0].shape();
  const auto [expanded_shape, new_axis] = detail::stacked_shape(shape, axis);
  std::vector<Variable<T>> expanded;
  for (const auto& part : parts) {
    require<ShapeError>(part.shape() == shape, "stack: shapes ", shape, " and ", part.shape(), " differ");
    expanded.push_back(reshape(part, expanded_shape));
  }
  return concat(expanded, new_axis);
}

/// The same for a list in braces: stack({a, b}).
template <class T>
Variable<T> stack(std::initializer_list<Variable<T>> parts, Index axis = 0) {
  return stack(std::vector<Variable<T>>(parts), axis);
}

}  // namespace kashi::inline v0
