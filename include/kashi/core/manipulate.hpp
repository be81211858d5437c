/// Moving numbers around: permute, transpose, concat, stack, gather rows, one-hot.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

/// A new tensor whose axis i is the old axis order[i]. Throws ShapeError unless `order` names every axis once.
template <class T>
Tensor<T> permute(const Tensor<T>& x, const std::vector<Index>& order) {
  const int rank = x.rank();
  require<ShapeError>(static_cast<int>(order.size()) == rank, "permute: ", order.size(), " axes given for the shape ",
                      x.shape());
  std::array<Index, Shape::max_rank> strides{}, steps{}, sizes{};
  std::array<bool, Shape::max_rank> seen{};
  Index stride = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= x.size(axis);
  }
  for (int i = 0; i < rank; ++i) {
    const auto axis = static_cast<std::size_t>(x.shape().normalize_axis(order[static_cast<std::size_t>(i)], "permute"));
    require<ShapeError>(!seen[axis], "permute: axis ", axis, " is given twice; shape ", x.shape());
    seen[axis] = true;
    sizes[static_cast<std::size_t>(i)] = x.size(static_cast<Index>(axis));
    steps[static_cast<std::size_t>(i)] = strides[axis];
  }
  Tensor<T> out = Tensor<T>::empty(Shape(std::span<const Index>(sizes.data(), static_cast<std::size_t>(rank))));
  if (out.numel() == 0) return out;
  T* result = out.mutable_data();
  const T* in = x.data();
  const Index length = rank == 0 ? 1 : out.size(-1);
  const Index step = rank == 0 ? 1 : steps[static_cast<std::size_t>(rank - 1)];
  parallel_for(out.numel() / length, std::max<Index>(1, 32768 / length), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      Index offset = 0, rest = row;
      for (int axis = rank - 2; axis >= 0; --axis) {
        offset += rest % sizes[static_cast<std::size_t>(axis)] * steps[static_cast<std::size_t>(axis)];
        rest /= sizes[static_cast<std::size_t>(axis)];
      }
      for (Index i = 0; i < length; ++i) result[row * length + i] = in[offset + i * step];
    }
  });
  return out;
}

/// Two axes exchanged; by default the last two.
template <class T>
Tensor<T> transpose(const Tensor<T>& x, Index axis_a = -2, Index axis_b = -1) {
  std::vector<Index> order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), Index{0});
  std::swap(order[static_cast<std::size_t>(x.shape().normalize_axis(axis_a, "transpose"))],
            order[static_cast<std::size_t>(x.shape().normalize_axis(axis_b, "transpose"))]);
  return permute(x, order);
}

namespace detail {

/// Sizes before and after an axis, multiplied up.
struct AxisSplit {
  Index outer = 1, inner = 1;
  AxisSplit(const Shape& shape, int axis) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

/// Rows of `run` elements that a thread copies at a time.
inline Index copy_grain(Index run) { return std::max<Index>(1, (Index{1} << 15) / std::max<Index>(1, run)); }

}  // namespace detail

/// Tensors put behind each other along an axis; all other sizes must be equal. Throws ShapeError otherwise.
template <class T>
Tensor<T> concat(const std::vector<Tensor<T>>& parts, Index axis = 0) {
  require<ShapeError>(!parts.empty(), "concat: no tensors given");
  const int a = parts[0].shape().normalize_axis(axis, "concat");
  Index total = 0;
  for (const auto& part : parts) {
    require<ShapeError>(part.rank() == parts[0].rank() && part.shape().with(a, 0) == parts[0].shape().with(a, 0),
                        "concat: ", part.shape(), " does not fit ", parts[0].shape(), " on axis ", axis);
    total += part.size(a);
  }
  Tensor<T> out = Tensor<T>::empty(parts[0].shape().with(a, total));
  const detail::AxisSplit split(out.shape(), a);
  T* result = out.mutable_data();
  const Index row = total * split.inner;
  parallel_for(split.outer, detail::copy_grain(row), [&](Index begin, Index end) {
    Index position = 0;
    for (const auto& part : parts) {
      const Index run = part.numel() / std::max<Index>(1, split.outer);
      for (Index o = begin; o < end; ++o) std::copy_n(part.data() + o * run, run, result + o * row + position);
      position += run;
    }
  });
  return out;
}

/// The same for a list in braces: concat({a, b}, 1).
template <class T>
Tensor<T> concat(std::initializer_list<Tensor<T>> parts, Index axis = 0) {
  return concat(std::vector<Tensor<T>>(parts), axis);
}

/// Entries [begin, end) of any axis, copied. Throws ShapeError out of range.
template <class T>
Tensor<T> narrow(const Tensor<T>& x, Index axis, Index begin, Index end) {
  const int a = x.shape().normalize_axis(axis, "narrow");
  require<ShapeError>(0 <= begin && begin <= end && end <= x.size(a), "narrow: [", begin, ",", end,
                      ") does not lie in axis ", axis, " of ", x.shape());
  Tensor<T> out = Tensor<T>::empty(x.shape().with(a, end - begin));
  const detail::AxisSplit split(x.shape(), a);
  const Index run = (end - begin) * split.inner;
  T* result = out.mutable_data();
  const T* from = x.data() + begin * split.inner;
  const Index row = x.size(a) * split.inner;
  parallel_for(split.outer, detail::copy_grain(run), [&](Index first, Index last) {
    for (Index o = first; o < last; ++o) std::copy_n(from + o * row, run, result + o * run);
  });
  return out;
}

namespace detail {

/// A shape with a new axis of size 1 at `axis`, which may count from the end of the result.
struct StackedShape {
  Shape shape;
  Index axis;
};

inline StackedShape stacked_shape(const Shape& shape, Index axis) {
  const Index wanted = axis < 0 ? axis + shape.rank() + 1 : axis;
  require<ShapeError>(wanted >= 0 && wanted <= shape.rank(), "stack: axis ", axis, " is out of range for ", shape);
  std::vector<Index> sizes(shape.begin(), shape.end());
  sizes.insert(sizes.begin() + wanted, 1);
  return {Shape(std::span<const Index>(sizes)), wanted};
}

}  // namespace detail

/// Tensors of one shape put behind each other along a new axis.
template <class T>
Tensor<T> stack(const std::vector<Tensor<T>>& parts, Index axis = 0) {
  require<ShapeError>(!parts.empty(), "stack: no tensors given");
  const Shape& shape = parts[0].shape();
  const auto [expanded_shape, new_axis] = detail::stacked_shape(shape, axis);
  std::vector<Tensor<T>> expanded;
  for (const auto& part : parts) {
    require<ShapeError>(part.shape() == shape, "stack: shapes ", shape, " and ", part.shape(), " differ");
    expanded.push_back(part.reshape(expanded_shape));
  }
  return concat(expanded, new_axis);
}

/// The same for a list in braces: stack({a, b}).
template <class T>
Tensor<T> stack(std::initializer_list<Tensor<T>> parts, Index axis = 0) {
  return stack(std::vector<Tensor<T>>(parts), axis);
}

/// Rows of the first axis by number: out[i] = x[rows[i]]. Throws ValueError for a row that is not there.
template <class T>
Tensor<T> gather_rows(const Tensor<T>& x, const Tensor<Index>& rows) {
  require<ShapeError>(x.rank() >= 1 && rows.rank() == 1, "gather_rows: a list of row numbers is needed; input ",
                      x.shape(), ", rows ", rows.shape());
  for (const Index row : rows.span())
    require(row >= 0 && row < x.size(0), "gather_rows: row ", row, " is not in ", x.shape());
  const Index run = x.size(0) == 0 ? 0 : x.numel() / x.size(0);
  Tensor<T> out = Tensor<T>::empty(x.shape().with(0, rows.numel()));
  T* result = out.mutable_data();
  for (Index i = 0; i < rows.numel(); ++i) std::copy_n(x.data() + rows.data()[i] * run, run, result + i * run);
  return out;
}

/// One element along an axis for every position of `index`: out[i,j] = x[i, index[i,j]] for axis 1 (PyTorch's gather).
/// `index` has x's rank and, off the axis, x's sizes. Throws ShapeError or ValueError otherwise.
template <class T>
Tensor<T> gather(const Tensor<T>& x, Index axis, const Tensor<Index>& index) {
  require<ShapeError>(index.rank() == x.rank(), "gather: the index needs the input's rank; input ", x.shape(),
                      ", index ", index.shape());
  const int a = x.shape().normalize_axis(axis, "gather");
  require<ShapeError>(x.shape().with(a, 0) == index.shape().with(a, 0), "gather: input ", x.shape(), " and index ",
                      index.shape(), " differ off axis ", axis);
  for (const Index i : index.span())
    require(i >= 0 && i < x.size(a), "gather: index ", i, " is not in axis ", axis, " of ", x.shape());
  Tensor<T> out = Tensor<T>::empty(index.shape());
  const detail::AxisSplit split(x.shape(), a);
  T* result = out.mutable_data();
  for (Index o = 0; o < split.outer; ++o)
    for (Index k = 0; k < index.size(a); ++k)
      for (Index i = 0; i < split.inner; ++i) {
        const Index at = (o * index.size(a) + k) * split.inner + i;
        result[at] = x.data()[(o * x.size(a) + index.data()[at]) * split.inner + i];
      }
  return out;
}

/// Labels as rows with a single 1: shape [...] -> [..., classes]. Throws ValueError for a label outside 0..classes-1.
template <class T = float>
Tensor<T> one_hot(const Tensor<Index>& labels, Index classes) {
  for (const Index label : labels.span())
    require(label >= 0 && label < classes, "one_hot: label ", label, " is not in 0..", classes - 1);
  std::vector<Index> sizes(labels.shape().begin(), labels.shape().end());
  sizes.push_back(classes);
  Tensor<T> out = Tensor<T>::zeros(Shape(std::span<const Index>(sizes)));
  T* result = out.mutable_data();
  for (Index i = 0; i < labels.numel(); ++i) result[i * classes + labels.data()[i]] = T{1};
  return out;
}

}  // namespace kashi::inline v0
