/// Differentiable resizing of images [N,H,W,C]: nearest and bilinear, in PyTorch's conventions (interpolate).
///
/// Resizing is a linear map along the rows and then along the columns, each a matrix with few entries in a row; its
/// adjoint uses the transposed matrices. Downscaling does not smooth, as PyTorch's default does not.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include <kashi/kernels/padding.hpp>
#include <kashi/ops/adjoint.hpp>

namespace kashi::inline v0 {

enum class ResizeMode {
  nearest,  ///< pixel floor(o * in / out)
  bilinear  ///< the four pixels around the same point
};

/// Options of resize.
struct ResizeOptions {
  ResizeMode mode = ResizeMode::nearest;
  bool align_corners = false;  ///< bilinear only: corners' centres meet; else pixels are squares and edges meet
};

namespace detail {

/// A matrix with few entries in a row: row r holds entries [begin[r], begin[r + 1]).
struct SparseMatrix {
  struct Entry {
    Index column = 0;
    double weight = 0.0;
  };
  Index columns = 0;
  std::vector<std::size_t> begin{0};
  std::vector<Entry> entries{};

  Index rows() const { return static_cast<Index>(begin.size()) - 1; }
  void end_row() { begin.push_back(entries.size()); }

  SparseMatrix transposed() const {
    std::vector<std::vector<Entry>> lists(static_cast<std::size_t>(columns));
    for (Index row = 0; row < rows(); ++row)
      for (std::size_t i = begin[static_cast<std::size_t>(row)]; i < begin[static_cast<std::size_t>(row) + 1]; ++i)
        lists[static_cast<std::size_t>(entries[i].column)].push_back({row, entries[i].weight});
    SparseMatrix out;
    out.columns = rows();
    for (const auto& list : lists) {
      out.entries.insert(out.entries.end(), list.begin(), list.end());
      out.end_row();
    }
    return out;
  }
};

/// The matrix from `in` to `out` positions of one axis.
inline SparseMatrix resize_matrix(Index in, Index out, const ResizeOptions& options) {
  SparseMatrix matrix;
  matrix.columns = in;
  for (Index o = 0; o < out; ++o, matrix.end_row()) {
    if (options.mode == ResizeMode::nearest) {
      matrix.entries.push_back({o * in / out, 1.0});
      continue;
    }
    const double position =
        options.align_corners
            ? (out == 1 ? 0.0 : static_cast<double>(o * (in - 1)) / static_cast<double>(out - 1))
            : (static_cast<double>(o) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    const double inside = std::max(0.0, position);
    const Index left = std::min(static_cast<Index>(inside), in - 1), right = std::min(left + 1, in - 1);
    const double share = inside - static_cast<double>(left);
    if (right == left || share == 0.0)
      matrix.entries.push_back({left, 1.0});
    else
      matrix.entries.insert(matrix.entries.end(), {{left, 1.0 - share}, {right, share}});
  }
  return matrix;
}

/// The matrix applied to axis `axis` of x.
template <class T>
Tensor<T> apply_along(const SparseMatrix& matrix, const Tensor<T>& x, int axis) {
  Tensor<T> y = Tensor<T>::empty(x.shape().with(axis, matrix.rows()));
  Index inner = 1;
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.size(i);
  const Index rows = inner == 0 ? 0 : y.numel() / inner;
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, inner));
  parallel_for(rows, grain, [&, in = x.data(), out = y.mutable_data()](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      T* result = out + row * inner;
      std::fill_n(result, inner, T{0});
      const auto r = static_cast<std::size_t>(row % matrix.rows());
      for (std::size_t e = matrix.begin[r]; e < matrix.begin[r + 1]; ++e) {
        const T* source = in + (row / matrix.rows() * matrix.columns + matrix.entries[e].column) * inner;
        const T weight = static_cast<T>(matrix.entries[e].weight);
        for (Index i = 0; i < inner; ++i) result[i] += weight * source[i];
      }
    }
  });
  return y;
}

}  // namespace detail

/// Images [N,H,W,C] -> [N,size.height,size.width,C].
/// Throws ShapeError for other ranks or empty images, ValueError for sizes below 1.
template <Differentiable X>
VariableOf<X> resize(const X& input, const kernels::Pair& size, const ResizeOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  require<ShapeError>(x.rank() == 4, "resize: images [N,H,W,C] are needed; got ", x.shape());
  require<ShapeError>(x.size(1) >= 1 && x.size(2) >= 1, "resize: images can't be empty; got ", x.shape());
  require(size.height >= 1 && size.width >= 1, "resize: the size must be positive; got ", size);
  require(options.mode == ResizeMode::bilinear || !options.align_corners, "resize: align_corners is for bilinear only");
  using Matrices = std::pair<detail::SparseMatrix, detail::SparseMatrix>;
  const auto both = std::make_shared<const Matrices>(detail::resize_matrix(x.size(1), size.height, options),
                                                     detail::resize_matrix(x.size(2), size.width, options));
  const auto back = std::make_shared<const Matrices>(both->first.transposed(), both->second.transposed());
  const Announce announced(*both);
  const auto map_with = [](std::shared_ptr<const Matrices> m) {
    return [m](const Tensor<T>& v) { return detail::apply_along(m->second, detail::apply_along(m->first, v, 1), 2); };
  };
  return linear_operation("resize", x, map_with(both), map_with(back));
}

/// Images made larger by whole factors. Throws as resize does.
template <Differentiable X>
VariableOf<X> upsample(const X& input, const kernels::Pair& factor, const ResizeOptions& options = {}) {
  const auto x = as_variable(input);
  require<ShapeError>(x.rank() == 4, "upsample: images [N,H,W,C] are needed; got ", x.shape());
  require(factor.height >= 1 && factor.width >= 1, "upsample: the factor must be at least 1; got ", factor);
  return resize(x, {x.size(1) * factor.height, x.size(2) * factor.width}, options);
}

}  // namespace kashi::inline v0
