/// Elementwise arithmetic and comparison with broadcasting.
///
/// Rules are NumPy's: shapes are aligned at their last axes, and a size of 1 (or a missing axis) is repeated.
#pragma once

#include <array>
#include <cmath>
#include <functional>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

/// The shape that both operands are repeated to. Throws ShapeError if they do not fit: `who: ...`.
inline Shape broadcast_shape(const Shape& a, const Shape& b, const char* who = "broadcast") {
  const int rank = std::max(a.rank(), b.rank());
  std::array<Index, Shape::max_rank> sizes{};
  for (int i = 0; i < rank; ++i) {
    const Index size_a = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
    const Index size_b = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
    require<ShapeError>(size_a == size_b || size_a == 1 || size_b == 1, who, ": shapes ", a, " and ", b,
                        " do not broadcast");
    sizes[static_cast<std::size_t>(i)] = size_a == 1 ? size_b : size_a;
  }
  return Shape(std::span<const Index>(sizes.data(), static_cast<std::size_t>(rank)));
}

namespace detail {

/// Elements a thread works through at a time in cheap loops.
inline constexpr Index elementwise_grain = 32768;

/// How far to step in an operand for each step along an axis of the result; 0 where the operand is repeated.
inline std::array<Index, Shape::max_rank> broadcast_strides(const Shape& from, const Shape& to) {
  std::array<Index, Shape::max_rank> strides{};
  Index stride = 1;
  for (int i = from.rank() - 1, j = to.rank() - 1; i >= 0; --i, --j) {
    strides[static_cast<std::size_t>(j)] = from[i] == 1 ? 0 : stride;
    stride *= from[i];
  }
  return strides;
}

/// Where the rows of a broadcast start: positions in both operands for each run along the last axis of the result.
class BroadcastRows {
 public:
  BroadcastRows(const Shape& shape, const Shape& a, const Shape& b)
      : shape_(shape), strides_a_(broadcast_strides(a, shape)), strides_b_(broadcast_strides(b, shape)) {}

  Index length() const { return shape_.rank() == 0 ? 1 : shape_[-1]; }
  Index rows() const { return length() == 0 ? 0 : shape_.numel() / length(); }
  Index grain() const { return std::max<Index>(1, elementwise_grain / std::max<Index>(1, length())); }

  /// Offsets of row `r` in a and b.
  std::pair<Index, Index> offsets(Index r) const {
    Index offset_a = 0, offset_b = 0;
    for (int axis = shape_.rank() - 2; axis >= 0; --axis) {
      const Index i = r % shape_[axis];
      r /= shape_[axis];
      offset_a += i * strides_a_[static_cast<std::size_t>(axis)];
      offset_b += i * strides_b_[static_cast<std::size_t>(axis)];
    }
    return {offset_a, offset_b};
  }

 private:
  Shape shape_;
  std::array<Index, Shape::max_rank> strides_a_;
  std::array<Index, Shape::max_rank> strides_b_;
};

/// Calls `row(out_offset, a_offset, b_offset)` for every run along the last axis of `shape`.
template <class Row>
void for_each_broadcast_row(const Shape& shape, const Shape& a, const Shape& b, Row&& row) {
  const BroadcastRows plan(shape, a, b);
  parallel_for(plan.rows(), plan.grain(), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const auto [offset_a, offset_b] = plan.offsets(r);
      row(r * plan.length(), offset_a, offset_b);
    }
  });
}

}  // namespace detail

/// f applied to every element: a new tensor of f's result type.
template <class T, class F>
auto map(const Tensor<T>& x, F&& f) {
  using R = std::decay_t<decltype(f(T{}))>;
  Tensor<R> out = Tensor<R>::empty(x.shape());
  const T* in = x.data();
  R* result = out.mutable_data();
  parallel_for(x.numel(), detail::elementwise_grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) result[i] = f(in[i]);
  });
  return out;
}

/// f applied to every pair of elements after broadcasting. Throws ShapeError if the shapes do not fit.
template <class T, class F>
auto zip(const Tensor<T>& a, const Tensor<T>& b, F&& f, const char* who = "zip") {
  using R = std::decay_t<decltype(f(T{}, T{}))>;
  const Shape shape = broadcast_shape(a.shape(), b.shape(), who);
  Tensor<R> out = Tensor<R>::empty(shape);
  const T* pa = a.data();
  const T* pb = b.data();
  R* result = out.mutable_data();
  if (a.shape() == b.shape()) {
    parallel_for(shape.numel(), detail::elementwise_grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) result[i] = f(pa[i], pb[i]);
    });
    return out;
  }
  const Index length = shape.rank() == 0 ? 1 : shape[-1];
  const Index step_a = a.rank() > 0 && a.size(-1) != 1 ? 1 : 0, step_b = b.rank() > 0 && b.size(-1) != 1 ? 1 : 0;
  detail::for_each_broadcast_row(shape, a.shape(), b.shape(), [&](Index o, Index oa, Index ob) {
    for (Index i = 0; i < length; ++i) result[o + i] = f(pa[oa + i * step_a], pb[ob + i * step_b]);
  });
  return out;
}

/// The numbers repeated to a larger shape. Throws ShapeError if `x` does not broadcast to it.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  require<ShapeError>(broadcast_shape(x.shape(), shape, "broadcast_to") == shape, "broadcast_to: ", x.shape(),
                      " does not broadcast to ", shape);
  Tensor<T> out = Tensor<T>::empty(shape);
  T* result = out.mutable_data();
  const T* in = x.data();
  const Index length = shape.rank() == 0 ? 1 : shape[-1];
  const Index step = x.rank() > 0 && x.size(-1) != 1 ? 1 : 0;
  detail::for_each_broadcast_row(shape, x.shape(), x.shape(), [&](Index o, Index offset, Index) {
    for (Index i = 0; i < length; ++i) result[o + i] = in[offset + i * step];
  });
  return out;
}

/// target += source, element by element, without a temporary. Throws ShapeError if the shapes differ.
template <class T>
void add_in_place(Tensor<T>& target, const Tensor<T>& source) {
  require<ShapeError>(target.shape() == source.shape(), "add_in_place: shapes ", target.shape(), " and ",
                      source.shape(), " differ");
  T* out = target.mutable_data();
  const T* in = source.data();
  parallel_for(target.numel(), detail::elementwise_grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) out[i] += in[i];
  });
}

// The operators take two tensors, or a tensor and a number.
#define KASHI_TENSOR_OPERATOR(op, name)                                                            \
  template <class T>                                                                               \
  auto operator op(const Tensor<T>& a, const Tensor<T>& b) {                                       \
    return zip(                                                                                    \
        a, b, [](T x, T y) { return static_cast<std::decay_t<decltype(x op y)>>(x op y); }, name); \
  }                                                                                                \
  template <class T>                                                                               \
  auto operator op(const Tensor<T>& a, std::type_identity_t<T> y) {                                \
    return map(a, [y](T x) { return static_cast<std::decay_t<decltype(x op y)>>(x op y); });       \
  }                                                                                                \
  template <class T>                                                                               \
  auto operator op(std::type_identity_t<T> x, const Tensor<T>& b) {                                \
    return map(b, [x](T y) { return static_cast<std::decay_t<decltype(x op y)>>(x op y); });       \
  }
KASHI_TENSOR_OPERATOR(+, "add")
KASHI_TENSOR_OPERATOR(-, "sub")
KASHI_TENSOR_OPERATOR(*, "mul")
KASHI_TENSOR_OPERATOR(/, "div")
KASHI_TENSOR_OPERATOR(==, "eq")
KASHI_TENSOR_OPERATOR(!=, "ne")
KASHI_TENSOR_OPERATOR(<, "lt")
KASHI_TENSOR_OPERATOR(<=, "le")
KASHI_TENSOR_OPERATOR(>, "gt")
KASHI_TENSOR_OPERATOR(>=, "ge")
#undef KASHI_TENSOR_OPERATOR

template <class T>
Tensor<T> operator-(const Tensor<T>& x) {
  return map(x, [](T value) { return static_cast<T>(-value); });
}

/// True if shapes and all numbers are equal.
template <class T>
bool equal(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.numel(), b.data());
}

/// True if shapes are equal and |a - b| <= atol + rtol |b| everywhere. NaN is close to nothing.
template <class T>
bool allclose(const Tensor<T>& a, const Tensor<T>& b, double rtol = 1e-5, double atol = 1e-8) {
  if (a.shape() != b.shape()) return false;
  for (Index i = 0; i < a.numel(); ++i) {
    const double x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
    if (!(x == y || std::abs(x - y) <= atol + rtol * std::abs(y))) return false;
  }
  return true;
}

/// `a` where the condition holds, else `b`, with broadcasting of a and b to the condition's shape.
template <class T>
Tensor<T> where(const Tensor<bool>& condition, const Tensor<T>& a, const Tensor<T>& b) {
  const Tensor<T> x = broadcast_to(a, condition.shape()), y = broadcast_to(b, condition.shape());
  Tensor<T> out = Tensor<T>::empty(condition.shape());
  T* result = out.mutable_data();
  for (Index i = 0; i < out.numel(); ++i) result[i] = condition.data()[i] ? x.data()[i] : y.data()[i];
  return out;
}

}  // namespace kashi::inline v0
