/// Differentiable losses of binary scores that bear wrong targets: generalised and symmetric cross entropy,
/// bootstrapping.
///
/// Scores z are logits, p = sigmoid(z); targets y are 0 or 1 and have the scores' shape; p_t = p for y = 1, 1 - p for y
/// = 0. Cross entropy trusts every target: its gradient at a wrong one grows the surer the network is. These grow less.
#pragma once

#include <kashi/ops/binary_loss.hpp>

namespace kashi::inline v0 {

/// Options of generalized_cross_entropy.
struct GeneralizedCrossEntropyOptions {
  double q = 0.7;  ///< towards 0: cross entropy; 1: mean absolute error
  Reduction reduction = Reduction::mean;
};

/// Options of symmetric_cross_entropy. Wang et al. use (0.1, 1) for CIFAR-10 and (6, 0.1) for CIFAR-100.
struct SymmetricCrossEntropyOptions {
  double alpha = 0.1;      ///< factor of cross entropy
  double beta = 1.0;       ///< factor of reverse cross entropy
  double log_zero = -4.0;  ///< what stands for log 0 in the reverse one; below 0
  Reduction reduction = Reduction::mean;
};

/// Options of bootstrap_loss.
struct BootstrapLossOptions {
  double beta =
      0.95;  ///< share of the given target; the rest is the network's own answer. Reed et al.: 0.95 soft, 0.8 hard
  bool hard = false;  ///< the answer is 0 or 1 instead of p
  Reduction reduction = Reduction::mean;
};

namespace detail {

/// log p_t.
template <class T>
Variable<T> log_target_probability(const Variable<T>& z, const Variable<T>& y) {
  return add(mul(y, log_sigmoid(z)), mul(sub(1, y), log_sigmoid(neg(z))));
}

}  // namespace detail

/// (1 - p_t^q) / q (Zhang and Sabuncu 2018). Throws ShapeError if shapes differ, ValueError unless 0 < q <= 1.
template <Differentiable X, Differentiable Y>
VariableOf<X> generalized_cross_entropy(const X& scores, const Y& targets,
                                        const GeneralizedCrossEntropyOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  detail::check_binary("generalized_cross_entropy", z.shape(), y.shape());
  require(options.q > 0.0 && options.q <= 1.0, "generalized_cross_entropy: q must lie in (0, 1]; got ", options.q);
  return reduce_loss(div(sub(1, exp(mul(options.q, detail::log_target_probability(z, y)))), options.q),
                     options.reduction);
}

/// alpha * (-log p_t) + beta * (-log_zero) (1 - p_t) (Wang et al. 2019). Throws ShapeError if shapes differ, ValueError
/// for negative factors or a log_zero that is not below 0.
template <Differentiable X, Differentiable Y>
VariableOf<X> symmetric_cross_entropy(const X& scores, const Y& targets,
                                      const SymmetricCrossEntropyOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  detail::check_binary("symmetric_cross_entropy", z.shape(), y.shape());
  require(options.alpha >= 0.0 && options.beta >= 0.0 && options.log_zero < 0.0,
          "symmetric_cross_entropy: alpha and beta can't be negative, log_zero must be below 0; got ", options.alpha,
          ", ", options.beta, " and ", options.log_zero);
  const Variable<T> log_p = detail::log_target_probability(z, y);
  const Variable<T> reverse = mul(-options.log_zero, sub(1, exp(log_p)));
  return reduce_loss(sub(mul(options.beta, reverse), mul(options.alpha, log_p)), options.reduction);
}

/// Cross entropy with targets beta y + (1 - beta) p, soft, or beta y + (1 - beta) [p > 1/2], hard (Reed et al. 2015).
/// The soft target has a gradient of its own. Throws ShapeError if shapes differ, ValueError unless 0 <= beta <= 1.
template <Differentiable X, Differentiable Y>
VariableOf<X> bootstrap_loss(const X& scores, const Y& targets, const BootstrapLossOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  detail::check_binary("bootstrap_loss", z.shape(), y.shape());
  require(options.beta >= 0.0 && options.beta <= 1.0, "bootstrap_loss: beta must lie in [0, 1]; got ", options.beta);
  const Variable<T> answer = options.hard ? Variable<T>((z.value() > T{0}).template to<T>()) : sigmoid(z);
  const Variable<T> target = add(mul(options.beta, y), mul(1 - options.beta, answer));
  return reduce_loss(neg(detail::log_target_probability(z, target)), options.reduction);
}

}  // namespace kashi::inline v0
