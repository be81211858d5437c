/// Reductions over any axes: sum, mean, max, min, argmax.
///
/// Sums run in a fixed order that the shape alone decides, so they are the same bits for every thread count; float sums
/// are kept in blocks, whose partial sums are added in double.
#pragma once

#include <limits>
#include <vector>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

/// Axes of a reduction; empty means all. Negative axes count from the end.
using Axes = std::vector<Index>;

namespace detail {

/// A reduction seen as [outer, reduced, inner] after neighbouring axes of one kind were merged and the rest permuted.
struct Reduction {
  Shape kept;      // the result's shape with reduced axes as 1
  Shape squeezed;  // the result's shape without them
  std::vector<Index> kept_sizes, kept_strides, reduced_sizes, reduced_strides;
  Index kept_count = 1, reduced_count = 1;

  static Index offset(Index i, const std::vector<Index>& sizes, const std::vector<Index>& strides) {
    Index out = 0;
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      out += i % sizes[axis] * strides[axis];
      i /= sizes[axis];
    }
    return out;
  }
  Index kept_offset(Index i) const { return offset(i, kept_sizes, kept_strides); }
};

inline Reduction plan_reduction(const Shape& shape, const Axes& axes, const char* who) {
  std::array<bool, Shape::max_rank> reduced{};
  if (axes.empty()) reduced.fill(true);
  for (const Index axis : axes) {
    bool& seen = reduced[static_cast<std::size_t>(shape.normalize_axis(axis, who))];
    require<ShapeError>(!seen, who, ": axis ", axis, " is given twice; shape ", shape);
    seen = true;
  }
  Reduction plan;
  std::vector<Index> kept, squeezed;
  Index stride = 1;
  std::vector<Index> strides(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  bool previous_reduced = false;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::size_t a = static_cast<std::size_t>(axis);
    const bool is_reduced = reduced[a];
    auto& sizes = is_reduced ? plan.reduced_sizes : plan.kept_sizes;
    auto& steps = is_reduced ? plan.reduced_strides : plan.kept_strides;
    if (axis > 0 && previous_reduced == is_reduced) {
      sizes.back() *= shape[axis];
      steps.back() = strides[a];
    } else {
      sizes.push_back(shape[axis]);
      steps.push_back(strides[a]);
    }
    (is_reduced ? plan.reduced_count : plan.kept_count) *= shape[axis];
    kept.push_back(is_reduced ? 1 : shape[axis]);
    if (!is_reduced) squeezed.push_back(shape[axis]);
    previous_reduced = is_reduced;
  }
  plan.kept = Shape(std::span<const Index>(kept));
  plan.squeezed = Shape(std::span<const Index>(squeezed));
  return plan;
}

/// out[k] = fold over the reduced elements, in their row-major order. The innermost loop runs along memory.
template <class T, class A, class Step, class Finish>
Tensor<T> reduce(const Tensor<T>& x, const Axes& axes, bool keepdim, const char* who, A initial, Step&& step,
                 Finish&& finish) {
  const Reduction plan = plan_reduction(x.shape(), axes, who);
  Tensor<T> out = Tensor<T>::empty(keepdim ? plan.kept : plan.squeezed);
  T* result = out.mutable_data();
  const T* in = x.data();
  const bool rows_are_kept = !plan.kept_strides.empty() && plan.kept_strides.back() == 1 && !plan.reduced_sizes.empty();
  const Index inner = rows_are_kept ? plan.kept_sizes.back() : 1;
  const Index groups = inner == 0 ? 0 : plan.kept_count / inner;
  // Wide rows are cut into pieces of `width` columns, so that a reduction to few rows still has work for several
  // threads.
  const Index width = std::min<Index>(inner, 64);
  const Index pieces = inner == 0 ? 0 : (inner + width - 1) / width;
  const Index grain = std::max<Index>(1, 32768 / std::max<Index>(1, plan.reduced_count * width));
  parallel_for(groups * pieces, grain, [&](Index begin, Index end) {
    std::vector<A> totals(static_cast<std::size_t>(width));
    for (Index job = begin; job < end; ++job) {
      const Index group = job / pieces, first = job % pieces * width;
      const Index columns = std::min(width, inner - first);
      std::fill(totals.begin(), totals.end(), initial);
      const T* base = in + plan.kept_offset(group * inner) + first;
      const Index run = plan.reduced_sizes.empty() ? 1 : plan.reduced_sizes.back();
      const Index stride = plan.reduced_strides.empty() ? 0 : plan.reduced_strides.back();
      for (Index r = 0; r < plan.reduced_count; r += run) {
        const T* p = base + Reduction::offset(r, plan.reduced_sizes, plan.reduced_strides);
        for (Index i = 0; i < run; ++i, p += stride)
          for (Index c = 0; c < columns; ++c) step(totals[static_cast<std::size_t>(c)], p[c]);
      }
      for (Index c = 0; c < columns; ++c)
        result[group * inner + first + c] = finish(totals[static_cast<std::size_t>(c)]);
    }
  });
  return out;
}

/// Below and above every number of the type, infinities included.
template <class T>
constexpr T lowest() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
}
template <class T>
constexpr T highest() {
  return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
}

/// The type in which sums of T are kept: double for floats, 64 bits for integers.
template <class T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

}  // namespace detail

/// Sum over `axes` (all if empty); reduced axes vanish, or stay with size 1 under `keepdim`. The sum of nothing is 0.
template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes = {}, bool keepdim = false) {
  using A = detail::Accumulator<T>;
  // A sum of everything is cut into blocks of its own, so that it can use all threads.
  if (axes.empty() && !keepdim) {
    const T* in = x.data();
    const A total = parallel_reduce(
        x.numel(), Index{32768}, A{0},
        [&](Index begin, Index end) {
          A part{0};
          for (Index i = begin; i < end; ++i) part += static_cast<A>(in[i]);
          return part;
        },
        [](A a, A b) { return a + b; });
    return Tensor<T>::scalar(static_cast<T>(total));
  }
  return detail::reduce(
      x, axes, keepdim, "sum", A{0}, [](A& total, T v) { total += static_cast<A>(v); },
      [](A total) { return static_cast<T>(total); });
}

/// Mean over `axes` (all if empty). The mean of nothing is NaN.
template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes = {}, bool keepdim = false) {
  static_assert(std::is_floating_point_v<T>, "mean needs a floating-point tensor");
  Tensor<T> out = sum(x, axes, keepdim);
  const T count = static_cast<T>(detail::plan_reduction(x.shape(), axes, "mean").reduced_count);
  for (T& value : out.mutable_span()) value /= count;
  return out;
}

/// Largest element over `axes` (all if empty); NaN wins. Throws ShapeError for an empty reduction.
template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes = {}, bool keepdim = false) {
  require<ShapeError>(detail::plan_reduction(x.shape(), axes, "max").reduced_count > 0,
                      "max: there are no elements; shape ", x.shape());
  return detail::reduce(
      x, axes, keepdim, "max", detail::lowest<T>(),
      [](T& best, T v) {
        if (v > best || v != v) best = v;
      },
      [](T best) { return best; });
}

/// Smallest element over `axes` (all if empty); NaN wins. Throws ShapeError for an empty reduction.
template <class T>
Tensor<T> min(const Tensor<T>& x, const Axes& axes = {}, bool keepdim = false) {
  require<ShapeError>(detail::plan_reduction(x.shape(), axes, "min").reduced_count > 0,
                      "min: there are no elements; shape ", x.shape());
  return detail::reduce(
      x, axes, keepdim, "min", detail::highest<T>(),
      [](T& best, T v) {
        if (v < best || v != v) best = v;
      },
      [](T best) { return best; });
}

/// Position of the largest element along one axis, the first of equals; the axis vanishes.
/// Throws ShapeError if the axis is empty.
template <class T>
Tensor<Index> argmax(const Tensor<T>& x, Index axis = -1) {
  const int a = x.shape().normalize_axis(axis, "argmax");
  const Index length = x.size(a);
  require<ShapeError>(length > 0, "argmax: axis ", axis, " of ", x.shape(), " is empty");
  Index inner = 1;
  for (int i = a + 1; i < x.rank(); ++i) inner *= x.size(i);
  const detail::Reduction plan = detail::plan_reduction(x.shape(), {a}, "argmax");
  Tensor<Index> out = Tensor<Index>::empty(plan.squeezed);
  Index* result = out.mutable_data();
  for (Index i = 0; i < out.numel(); ++i) {
    const T* p = x.data() + i / inner * length * inner + i % inner;
    Index best = 0;
    for (Index k = 1; k < length; ++k)
      if (p[k * inner] > p[best * inner]) best = k;
    result[i] = best;
  }
  return out;
}

}  // namespace kashi::inline v0
