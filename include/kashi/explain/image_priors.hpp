/// What keeps an image that is made for a network smooth and of moderate contrast: total variation and the alpha-norm
/// (Mahendran and Vedaldi 2015).
#pragma once

#include <cmath>

#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::explain {

/// Options of total_variation.
struct TotalVariationOptions {
  double beta =
      1;  ///< 1: the length of edges times their height; 2: the energy of the gradient, which prefers gentle slopes
  double eps = 1e-8;  ///< added under the root, whose slope at 0 is infinite for beta below 2
};

/// sum over pixels and channels of (dx^2 + dy^2 + eps)^(beta/2) - eps^(beta/2), for images [N,H,W,C]; the last row and
/// column have no difference. 0 for a constant image; a straight edge of height h and length L gives h L with beta 1.
/// Throws ShapeError, ValueError.
template <class T>
Variable<T> total_variation(const Variable<T>& images, const TotalVariationOptions& options = {}) {
  require<ShapeError>(images.rank() == 4 && images.size(1) >= 1 && images.size(2) >= 1,
                      "total_variation: images [N,H,W,C] are needed; got ", images.shape());
  require(options.beta > 0 && options.eps >= 0, "total_variation: .beta must be positive and .eps not negative; got ",
          options.beta, " and ", options.eps);
  const auto squared_difference = [&](Index axis) {
    const Index size = images.size(axis);
    const Variable<T> difference = narrow(images, axis, 1, size) - narrow(images, axis, 0, size - 1);
    return pad_axis(difference * difference, axis, 0, 1);
  };
  const Variable<T> squares = squared_difference(1) + squared_difference(2);
  if (options.beta == 2) return sum(squares);
  return sum(pow(squares + options.eps, options.beta / 2) - std::pow(options.eps, options.beta / 2));
}

/// sum |x - center|^alpha for an even alpha: nothing near the centre, a wall far from it. Throws ValueError for an odd
/// alpha.
template <class T>
Variable<T> alpha_norm(const Variable<T>& images, int alpha = 6, double center = 0.5) {
  require(alpha >= 2 && alpha % 2 == 0, "alpha_norm: alpha must be 2, 4, 6, ...; got ", alpha);
  return sum(pow(images - center, alpha));
}

}  // namespace kashi::inline v0::explain
