/// A differentiable border of mirrored pixels.
#pragma once

#include <kashi/ops/resize.hpp>

namespace kashi::inline v0 {

namespace detail {

/// The pixel that stands at position i of an axis that goes on mirrored, its end pixels not repeated.
inline Index reflected(Index i, Index size) {
  if (size == 1) return 0;
  const Index period = 2 * (size - 1), phase = ((i % period) + period) % period;
  return phase < size ? phase : period - phase;
}

/// What reflect_pad announces: which pixel each row and each column shows, and where the image begins.
struct MirroredBorder {
  SparseMatrix rows, columns;
  Index top, left;
};

inline SparseMatrix reflect_matrix(Index size, const kernels::PaddingPair& padding) {
  SparseMatrix matrix;
  matrix.columns = size;
  for (Index i = -padding.begin; i < size + padding.end; ++i, matrix.end_row())
    matrix.entries.push_back({reflected(i, size), 1.0});
  return matrix;
}

}  // namespace detail

/// Images [N,H,W,C] with a mirrored border: 3 2 | 1 2 3 | 2 1. It may be wider than the image, which then is mirrored
/// again and again. Throws ShapeError for other ranks, empty images or negative sizes.
template <Differentiable X>
VariableOf<X> reflect_pad(const X& input, const kernels::Padding& padding) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  require<ShapeError>(x.rank() == 4 && x.size(1) >= 1 && x.size(2) >= 1,
                      "reflect_pad: images [N,H,W,C] with pixels are needed; got ", x.shape());
  const auto rows = padding.rows(x.size(1), 1, 1, 1), columns = padding.columns(x.size(2), 1, 1, 1);
  require<ShapeError>(rows.begin >= 0 && rows.end >= 0 && columns.begin >= 0 && columns.end >= 0,
                      "reflect_pad: sizes can't be negative; got ", rows.begin, ", ", rows.end, ", ", columns.begin,
                      ", ", columns.end);
  using Matrices = std::pair<detail::SparseMatrix, detail::SparseMatrix>;
  const auto both = std::make_shared<const Matrices>(detail::reflect_matrix(x.size(1), rows),
                                                     detail::reflect_matrix(x.size(2), columns));
  const auto back = std::make_shared<const Matrices>(both->first.transposed(), both->second.transposed());
  const detail::MirroredBorder border{both->first, both->second, rows.begin, columns.begin};
  const Announce announced(border);
  const auto map_with = [](std::shared_ptr<const Matrices> m) {
    return [m](const Tensor<T>& v) { return detail::apply_along(m->second, detail::apply_along(m->first, v, 1), 2); };
  };
  return linear_operation("reflect_pad", x, map_with(both), map_with(back));
}

}  // namespace kashi::inline v0
