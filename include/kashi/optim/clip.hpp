/// Clipping of gradients, between backward() and step(). PyTorch's clip_grad_norm_ and clip_grad_value_.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <kashi/autograd/variable.hpp>

namespace kashi::inline v0::optim {

namespace detail {

constexpr Index clip_piece = 16384;

/// Sum of |g|^p, or the largest |g| for an infinite p. NaN is kept.
template <class T>
double sum_of_powers(const Tensor<T>& gradient, double p) {
  const T* g = gradient.data();
  const auto larger = [](double a, double b) { return a < b || std::isnan(b) ? b : a; };
  const auto combine = [&](double a, double b) { return std::isinf(p) ? larger(a, b) : a + b; };
  const auto part = [&](Index begin, Index end) {
    double total = 0;
    for (Index i = begin; i < end; ++i) {
      const double size = std::abs(static_cast<double>(g[i]));
      total = combine(total, std::isinf(p) ? size : p == 2 ? size * size : std::pow(size, p));
    }
    return total;
  };
  return parallel_reduce(gradient.numel(), clip_piece, 0.0, part, combine);
}

/// Changes each number of a gradient. Two values can share one gradient's memory after backward, hence the copy.
template <class T, class F>
void change_gradient(Variable<T> parameter, F&& f) {
  Tensor<T>& gradient = parameter.mutable_grad();
  if (!gradient.is_unique()) gradient = gradient.clone();
  T* g = gradient.mutable_data();
  parallel_for(gradient.numel(), clip_piece, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) g[i] = f(g[i]);
  });
}

}  // namespace detail

/// The norm of all gradients together, as one long vector. Parameters without a gradient are left out; 0 if there is
/// none. Throws ValueError unless norm_type is above 0 (infinity: the largest absolute value).
template <class T>
double grad_norm(const std::vector<Variable<T>>& parameters, double norm_type = 2) {
  require(norm_type > 0, "grad_norm: norm_type must be above 0; got ", norm_type);
  double total = 0;
  for (const Variable<T>& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const double part = detail::sum_of_powers(parameter.grad(), norm_type);
    total = !std::isinf(norm_type) ? total + part : total < part || std::isnan(part) ? part : total;
  }
  if (std::isinf(norm_type)) return total;
  return norm_type == 2 ? std::sqrt(total) : std::pow(total, 1 / norm_type);
}

/// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), where norm is grad_norm(parameters, norm_type), which
/// is returned. An infinite or NaN norm makes the gradients 0 or NaN, as in PyTorch; with `error_if_nonfinite` it
/// throws ValueError before they are changed. Throws ValueError for a negative max_norm.
template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm, double norm_type = 2,
                      bool error_if_nonfinite = false) {
  require(max_norm >= 0, "clip_grad_norm: max_norm must be at least 0; got ", max_norm);
  const double norm = grad_norm(parameters, norm_type);
  require(!error_if_nonfinite || std::isfinite(norm), "clip_grad_norm: the norm of the gradients is ", norm);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (const Variable<T>& parameter : parameters)
    if (parameter.has_grad()) detail::change_gradient(parameter, [factor](T g) { return g * static_cast<T>(factor); });
  return norm;
}

/// Limits every number of all gradients to [-clip_value, clip_value]. NaN stays. Throws ValueError for a negative
/// clip_value.
template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value) {
  require(clip_value >= 0, "clip_grad_value: clip_value must be at least 0; got ", clip_value);
  const T limit = static_cast<T>(clip_value);
  for (const Variable<T>& parameter : parameters)
    if (parameter.has_grad()) detail::change_gradient(parameter, [limit](T g) { return std::clamp(g, -limit, limit); });
}

KASHI_INSTANTIATE(double grad_norm<float>(const std::vector<Variable<float>>&, double))

}  // namespace kashi::inline v0::optim
