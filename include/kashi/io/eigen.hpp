/// Tensors and Eigen matrices: maps in both directions, without copying where memory allows.
#pragma once

#include <Eigen/Core>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

/// A matrix of Eigen's over a tensor's numbers: the last axis becomes columns, all others rows.
/// Valid as long as the tensor lives. Throws ShapeError for rank 0.
template <class T>
auto as_eigen(const Tensor<T>& x) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  require<ShapeError>(x.rank() >= 1, "as_eigen: a tensor of rank 0 has no columns");
  const Index columns = x.size(-1);
  return Eigen::Map<const Matrix>(x.data(), columns == 0 ? 0 : x.numel() / columns, columns);
}

/// The same for writing.
template <class T>
auto as_mutable_eigen(Tensor<T>& x) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  require<ShapeError>(x.rank() >= 1, "as_mutable_eigen: a tensor of rank 0 has no columns");
  const Index columns = x.size(-1);
  return Eigen::Map<Matrix>(x.mutable_data(), columns == 0 ? 0 : x.numel() / columns, columns);
}

/// A tensor [rows, columns] with the values of any Eigen matrix or expression (copied).
template <class Derived>
Tensor<typename Derived::Scalar> from_eigen(const Eigen::MatrixBase<Derived>& matrix) {
  Tensor<typename Derived::Scalar> out = Tensor<typename Derived::Scalar>::empty({matrix.rows(), matrix.cols()});
  as_mutable_eigen(out) = matrix;
  return out;
}

}  // namespace kashi::inline v0
