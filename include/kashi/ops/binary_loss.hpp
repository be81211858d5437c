/// Differentiable losses of binary scores: cross entropy with logits and focal loss.
///
/// Scores z are logits, p = sigmoid(z); targets y lie in [0, 1] and have the scores' shape.
#pragma once

#include <vector>

#include <kashi/ops/activation.hpp>
#include <kashi/ops/composed.hpp>
#include <kashi/ops/reduction.hpp>

namespace kashi::inline v0 {

/// Options of binary_cross_entropy_with_logits, in PyTorch's order.
template <class T>
struct BinaryCrossEntropyOptions {
  Tensor<T> weight = {};  ///< a factor for each element, or a shape that broadcasts; empty: 1
  Reduction reduction = Reduction::mean;
  std::vector<double> pos_weight = {};  ///< a factor of the y term: one number, or one for each entry of the last axis
};

/// Options of focal_loss.
struct FocalLossOptions {
  double alpha = 0.25;  ///< factor of positives, 1 - alpha of negatives; below 0: no factor
  double gamma = 2.0;   ///< how much easy elements are played down
  Reduction reduction = Reduction::mean;
};

namespace detail {

inline void check_binary(const char* who, const Shape& scores, const Shape& targets) {
  require<ShapeError>(scores == targets, who, ": scores ", scores, " and targets ", targets, " must have one shape");
}

/// An elementwise loss of (z, y): loss(z, y, i) and its slope in z in one pass each, and the same of differentiable
/// operations for whatever else is asked.
template <class T, class Loss, class Slope, class Composed>
Variable<T> binary_losses(const char* name, const Variable<T>& z, const Variable<T>& y, Loss loss, Slope slope,
                          Composed composed) {
  if (y.requires_grad()) return composed(z, y);
  const auto each = [](const Tensor<T>& shaped, auto f) {
    Tensor<T> out = Tensor<T>::empty(shaped.shape());
    parallel_for(out.numel(), 4096, [&, result = out.mutable_data()](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) result[i] = f(i);
    });
    return out;
  };
  Tensor<T> value =
      each(z.value(), [&, a = z.value().data(), b = y.value().data()](Index i) { return loss(a[i], b[i], i); });
  return record<T>(name, std::move(value), {z},
                   [z = Saved(z), y = Saved(y), slope, composed, each](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> scores = context.get(z), targets = context.get(y);
                     if (context.create_graph())
                       return gradients_of_composed<T>(context, composed(scores, targets), {scores});
                     return {each(scores.value(), [&, a = scores.value().data(), b = targets.value().data(),
                                                   g = context.grad().value().data()](Index i) {
                       return g[i] * slope(a[i], b[i], i);
                     })};
                   });
}

/// log(1 + e^-|z|), the part that the logarithms of sigmoid(z) and sigmoid(-z) share.
template <class T>
T log1p_exp(T z) {
  return std::log1p(std::exp(-std::abs(z)));
}

/// -log(sigmoid(z)) as a differentiable value.
template <class T>
Variable<T> minus_log_sigmoid(const Variable<T>& z) {
  return neg(log_sigmoid(z));
}

}  // namespace detail

/// -w [q y log p + (1 - y) log(1 - p)] with p = sigmoid(scores), weight w and pos_weight q; stable for any score.
/// Throws ShapeError if shapes do not fit.
template <Differentiable X, Differentiable Y>
VariableOf<X> binary_cross_entropy_with_logits(const X& scores, const Y& targets,
                                               const BinaryCrossEntropyOptions<ScalarOf<X>>& options = {}) {
  using T = ScalarOf<X>;
  const char* who = "binary_cross_entropy_with_logits";
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  detail::check_binary(who, z.shape(), y.shape());
  const Index last = z.rank() == 0 ? 1 : z.size(-1);
  const auto& q = options.pos_weight;
  require<ShapeError>(q.size() <= 1 || static_cast<Index>(q.size()) == last, who, ": pos_weight needs one number or ",
                      last, "; got ", q.size());
  std::vector<T> factors;
  for (const double factor : q) factors.push_back(static_cast<T>(factor));
  if (factors.empty()) factors.push_back(T{1});

  // (1 - y) z + (1 + (q - 1) y) log(1 + e^-z)
  const auto factor = [factors](T v, Index i) {
    return T{1} + (factors[factors.size() == 1 ? 0 : static_cast<std::size_t>(i) % factors.size()] - T{1}) * v;
  };
  Variable<T> losses = detail::binary_losses(
      who, z, y,
      [factor](T a, T b, Index i) {
        return (T{1} - b) * a + factor(b, i) * (std::max(-a, T{0}) + detail::log1p_exp(a));
      },
      [factor](T a, T b, Index i) { return (T{1} - b) - factor(b, i) * detail::logistic(-a); },
      [factors](const Variable<T>& a, const Variable<T>& b) {
        const Tensor<T> more = Tensor<T>({static_cast<Index>(factors.size())}, factors) - T{1};
        const Variable<T> positive = reshape(add(1, mul(more, b)), b.shape());
        return add(mul(sub(1, b), a), mul(positive, detail::minus_log_sigmoid(a)));
      });
  if (options.weight.numel() > 0) {
    require<ShapeError>(broadcast_shape(options.weight.shape(), z.shape(), who) == z.shape(), who, ": the weight ",
                        options.weight.shape(), " does not broadcast to the scores ", z.shape());
    losses = mul(losses, options.weight);
  }
  return reduce_loss(losses, options.reduction);
}

/// -a_t (1 - p_t)^gamma log p_t, where p_t = p and a_t = alpha for y = 1, 1 - p and 1 - alpha for y = 0
/// (Lin et al. 2017, binary form). Throws ShapeError if shapes differ, ValueError for a negative gamma or an alpha
/// above 1.
template <Differentiable X, Differentiable Y>
VariableOf<X> focal_loss(const X& scores, const Y& targets, const FocalLossOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  detail::check_binary("focal_loss", z.shape(), y.shape());
  require(options.gamma >= 0.0, "focal_loss: gamma can't be negative; got ", options.gamma);
  require(options.alpha <= 1.0, "focal_loss: alpha must lie in [0, 1], or below 0 for none; got ", options.alpha);
  const T gamma = static_cast<T>(options.gamma), alpha = static_cast<T>(options.alpha);
  const auto balance = [alpha](T b) { return alpha < T{0} ? T{1} : alpha * b + (T{1} - alpha) * (T{1} - b); };
  const auto entropy = [](T a, T b) { return (T{1} - b) * a + std::max(-a, T{0}) + detail::log1p_exp(a); };
  // 1 - p_t, without the cancellation of 1 - p
  const auto miss = [](T a, T b) { return (T{1} - b) * detail::logistic(a) + b * detail::logistic(-a); };
  const Variable<T> losses = detail::binary_losses(
      "focal_loss", z, y, [=](T a, T b, Index) { return balance(b) * std::pow(miss(a, b), gamma) * entropy(a, b); },
      [=](T a, T b, Index) {
        const T m = miss(a, b), p = detail::logistic(a), spread = p * detail::logistic(-a);
        const T steep =
            gamma == T{0} || m == T{0} ? T{0} : gamma * std::pow(m, gamma - T{1}) * (T{1} - T{2} * b) * spread;
        return balance(b) * ((p - b) * std::pow(m, gamma) + entropy(a, b) * steep);
      },
      [gamma, alpha](const Variable<T>& a, const Variable<T>& b) {
        const Variable<T> rest = sub(1, b);
        const Variable<T> cross = add(mul(rest, a), detail::minus_log_sigmoid(a));
        const Variable<T> m = add(mul(rest, sigmoid(a)), mul(b, sigmoid(neg(a))));
        const Variable<T> weighted = mul(pow(m, static_cast<double>(gamma)), cross);
        return alpha < T{0} ? weighted : mul(weighted, add(mul(alpha, b), mul(T{1} - alpha, rest)));
      });
  return reduce_loss(losses, options.reduction);
}

}  // namespace kashi::inline v0
