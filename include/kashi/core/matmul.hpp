/// Matrix products through Eigen.
///
/// Eigen's own threading changes the bits with the thread count, so products are cut into fixed blocks of rows, each
/// computed by one thread. Eigen never threads a product whose result has at most 32 rows by its type, so the user's
/// Eigen settings need not be touched.
#pragma once

#include <Eigen/Core>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

namespace detail {

template <class T>
using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows of a product that one thread computes at a time; at most 32, or Eigen may thread it.
inline constexpr int matmul_row_block = 32;

template <class T>
using RowBlock = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor, matmul_row_block, Eigen::Dynamic>;

/// c[m,n] = op(a) * op(b), where op transposes when asked: a is stored [m,k] or [k,m], b is stored [k,n] or [n,k].
template <class T>
void matmul_into(const T* a, bool transpose_a, const T* b, bool transpose_b, T* c, Index m, Index n, Index k) {
  using Matrix = RowMajorMatrix<T>;
  using Strided = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  const Eigen::Map<const Matrix> right(b, transpose_b ? n : k, transpose_b ? k : n);
  parallel_for(m, matmul_row_block, [&](Index begin, Index end) {
    const Index rows = end - begin;
    Eigen::Map<RowBlock<T>> out(c + begin * n, rows, n);
    const auto multiply = [&](const auto& left) {
      if (transpose_b)
        out.noalias() = left * right.transpose();
      else
        out.noalias() = left * right;
    };
    if (transpose_a)
      multiply(Strided(a + begin, k, rows, Eigen::OuterStride<>(m)).transpose());
    else
      multiply(Strided(a + begin * k, rows, k, Eigen::OuterStride<>(k)));
  });
}

}  // namespace detail

/// Options of matmul: whether an operand is taken transposed.
struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

/// Matrix product [m,k] x [k,n] -> [m,n]. Throws ShapeError if ranks or inner sizes do not fit.
template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions options = {}) {
  require<ShapeError>(a.rank() == 2 && b.rank() == 2, "matmul: two matrices are needed; got ", a.shape(), " and ",
                      b.shape());
  const Index m = a.size(options.transpose_a ? 1 : 0), k = a.size(options.transpose_a ? 0 : 1);
  const Index n = b.size(options.transpose_b ? 0 : 1), inner = b.size(options.transpose_b ? 1 : 0);
  require<ShapeError>(k == inner, "matmul: inner sizes ", k, " and ", inner, " differ; got ", a.shape(),
                      options.transpose_a ? " (transposed)" : "", " and ", b.shape(),
                      options.transpose_b ? " (transposed)" : "");
  if (k == 0) return Tensor<T>::zeros({m, n});
  Tensor<T> out = Tensor<T>::empty({m, n});
  if (out.numel() > 0)
    detail::matmul_into(a.data(), options.transpose_a, b.data(), options.transpose_b, out.mutable_data(), m, n, k);
  return out;
}

KASHI_INSTANTIATE(Tensor<float> matmul<float>(const Tensor<float>&, const Tensor<float>&, MatmulOptions))
KASHI_INSTANTIATE(Tensor<double> matmul<double>(const Tensor<double>&, const Tensor<double>&, MatmulOptions))

}  // namespace kashi::inline v0
