/// Differentiable cross entropy and negative log-likelihood on class scores [...,C]. Definitions are PyTorch's.
///
/// Every variant is -sum over c of t_c log p_c for a row of target weights t, so one fused operation serves them all.
#pragma once

#include <cmath>
#include <vector>

#include <kashi/ops/reduction.hpp>
#include <kashi/ops/softmax.hpp>

namespace kashi::inline v0 {

/// Options of cross_entropy, in PyTorch's order.
struct CrossEntropyOptions {
  std::vector<double> weight = {};        ///< a factor for each class; empty: 1
  Index ignore_index = -100;              ///< rows with this label count nothing
  Reduction reduction = Reduction::mean;  ///< mean divides by the sum of the labels' weights
  double label_smoothing = 0.0;           ///< this share of each target is spread evenly over all classes
};

namespace detail {

inline void check_cross_entropy(const char* who, const Shape& logits, const CrossEntropyOptions& options) {
  require<ShapeError>(logits.rank() >= 1 && logits[-1] >= 1, who, ": the scores must be [...,classes]; got ", logits);
  require<ShapeError>(options.weight.empty() || static_cast<Index>(options.weight.size()) == logits[-1], who, ": ",
                      options.weight.size(), " class weights for ", logits[-1], " classes");
  require(options.label_smoothing >= 0.0 && options.label_smoothing <= 1.0, who,
          ": label smoothing must lie in [0, 1]; got ", options.label_smoothing);
}

inline void check_labels(const char* who, const Shape& logits, const Tensor<Index>& labels, Index ignore_index) {
  const Shape rows(logits.sizes().first(static_cast<std::size_t>(logits.rank() - 1)));
  require<ShapeError>(labels.shape() == rows, who, ": the labels must have shape ", rows, "; got ", labels.shape(),
                      ", scores ", logits);
  for (Index i = 0; i < labels.numel(); ++i) {
    const Index label = labels.data()[i];
    require(label == ignore_index || (label >= 0 && label < logits[-1]), who, ": label ", label, " at position ", i,
            " is not in 0..", logits[-1] - 1);
  }
}

inline double class_weight(const std::vector<double>& weight, Index c) {
  return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(c)];
}

/// A row's targets without a tensor of them: `spread` times the class weight everywhere, and `peak` more at the label.
struct LabelTargets {
  Tensor<Index> labels;
  std::vector<double> weight;
  Index ignore_index;
  double smoothing;

  /// Calls f(c, t_c) for every class of a row; an ignored row has no targets.
  template <class F>
  void for_each(Index row, Index classes, F&& f) const {
    const Index label = labels.data()[row];
    if (label == ignore_index) return;
    if (smoothing == 0.0) return f(label, class_weight(weight, label));
    const double spread = smoothing / static_cast<double>(classes);
    for (Index c = 0; c < classes; ++c) f(c, class_weight(weight, c) * (spread + (c == label ? 1.0 - smoothing : 0.0)));
  }
};

/// Targets given as probabilities [...,C], already smoothed and weighted.
template <class T>
struct DenseTargets {
  Tensor<T> values;

  template <class F>
  void for_each(Index row, Index classes, F&& f) const {
    for (Index c = 0; c < classes; ++c) f(c, static_cast<double>(values.data()[row * classes + c]));
  }
};

template <class T, class F>
void for_each_score_row(const Tensor<T>& logits, F&& f) {
  const Index classes = logits.size(-1);
  parallel_for(logits.numel() / classes, std::max<Index>(1, 8192 / classes), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) f(row, logits.data() + row * classes, classes);
  });
}

/// Loss of each row, shape [...], and the row's log of the sum of exponentials.
template <class T, class Targets>
std::pair<Tensor<T>, Tensor<T>> cross_entropy_rows(const Tensor<T>& logits, const Targets& targets) {
  const Shape rows(logits.shape().sizes().first(static_cast<std::size_t>(logits.rank() - 1)));
  Tensor<T> losses = Tensor<T>::empty(rows), norms = Tensor<T>::empty(rows);
  for_each_score_row(
      logits, [&, loss = losses.mutable_data(), norm = norms.mutable_data()](Index row, const T* x, Index classes) {
        norm[row] = log_sum_exp(x, 1, classes);
        double total = 0.0;
        targets.for_each(row, classes, [&](Index c, double t) { total += t * static_cast<double>(norm[row] - x[c]); });
        loss[row] = static_cast<T>(total);
      });
  return {losses, norms};
}

/// up * (softmax(x) * sum(t) - t), row by row.
template <class T, class Targets>
Tensor<T> cross_entropy_gradient(const Tensor<T>& logits, const Tensor<T>& norms, const Targets& targets,
                                 const Tensor<T>& up) {
  Tensor<T> dx = Tensor<T>::empty(logits.shape());
  for_each_score_row(logits, [&, result = dx.mutable_data()](Index row, const T* x, Index classes) {
    T* out = result + row * classes;
    double total = 0.0;
    targets.for_each(row, classes, [&](Index, double t) { total += t; });
    const T share = static_cast<T>(total) * up.data()[row];
    if (share == T{0})
      std::fill_n(out, classes, T{0});
    else
      for (Index c = 0; c < classes; ++c) out[c] = share * std::exp(x[c] - norms.data()[row]);
    targets.for_each(row, classes, [&](Index c, double t) { out[c] -= static_cast<T>(t) * up.data()[row]; });
  });
  return dx;
}

/// The targets as a tensor [...,C].
template <class T, class Targets>
Tensor<T> dense_targets(const Shape& logits, const Targets& targets) {
  Tensor<T> out = Tensor<T>::zeros(logits);
  T* values = out.mutable_data();
  const Index classes = logits[-1];
  for (Index row = 0; row < out.numel() / classes; ++row)
    targets.for_each(row, classes, [&](Index c, double t) { values[row * classes + c] = static_cast<T>(t); });
  return out;
}

/// -sum of t_c log p_c for each row. The targets are constants here.
template <class T, class Targets>
Variable<T> cross_entropy_losses(const Variable<T>& logits, const Targets& targets) {
  const auto [losses, norms] = cross_entropy_rows(logits.value(), targets);
  return record<T>(
      "cross_entropy", losses, {logits},
      [x = Saved(logits), norms = norms, targets](const GradContext<T>& context) -> Gradients<T> {
        const Variable<T> scores = context.get(x);
        if (!context.create_graph())
          return {Variable<T>(cross_entropy_gradient(scores.value(), norms, targets, context.grad().value()))};
        const Tensor<T> t = dense_targets<T>(scores.shape(), targets);
        const Variable<T> up = reshape(context.grad(), sum(t, {-1}, true).shape());
        return {mul(up, sub(mul(softmax(scores), sum(t, {-1}, true)), t))};
      });
}

/// Sum of the labels' weights over the rows that count.
inline double label_weight(const Tensor<Index>& labels, const CrossEntropyOptions& options) {
  double total = 0.0;
  for (const Index label : labels.span())
    total += label == options.ignore_index ? 0.0 : class_weight(options.weight, label);
  return total;
}

}  // namespace detail

/// Cross entropy of scores (logits) [...,C] and labels [...]: -log softmax(logits)[label], e.g. [N,C] with [N], or
/// [N,H,W,C] with [N,H,W]. Gives rank 0, or [...] without reduction. The mean over no rows at all is NaN, as in
/// PyTorch. Throws ShapeError if shapes do not fit, ValueError for a label outside 0..C-1 that is not the ignored one.
template <Differentiable X>
VariableOf<X> cross_entropy(const X& logits, const Tensor<Index>& labels, const CrossEntropyOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(logits);
  detail::check_cross_entropy("cross_entropy", x.shape(), options);
  detail::check_labels("cross_entropy", x.shape(), labels, options.ignore_index);
  const detail::LabelTargets targets{labels.clone(), options.weight, options.ignore_index, options.label_smoothing};
  const Variable<T> losses = detail::cross_entropy_losses(x, targets);
  if (options.reduction != Reduction::mean) return reduce_loss(losses, options.reduction);
  return mul(sum(losses), 1.0 / detail::label_weight(labels, options));
}

/// Cross entropy of scores (logits) [...,C] and class probabilities of the same shape; the mean is over rows.
/// `ignore_index` takes no part. Throws ShapeError if shapes do not fit.
template <Differentiable X, Differentiable P>
VariableOf<X> cross_entropy(const X& logits, const P& probabilities, const CrossEntropyOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(logits), p = as_variable(probabilities);
  detail::check_cross_entropy("cross_entropy", x.shape(), options);
  require<ShapeError>(p.shape() == x.shape(), "cross_entropy: the probabilities must have the scores' shape; scores ",
                      x.shape(), ", probabilities ", p.shape());
  const Index classes = x.size(-1);
  const Variable<T> smoothed =
      options.label_smoothing == 0.0
          ? p
          : add(mul(p, 1.0 - options.label_smoothing), options.label_smoothing / static_cast<double>(classes));
  Variable<T> target = smoothed;
  if (!options.weight.empty()) target = mul(smoothed, Tensor<double>({classes}, options.weight).to<T>());
  const Variable<T> losses = target.requires_grad()
                                 ? neg(sum(mul(target, log_softmax(x)), {-1}))
                                 : detail::cross_entropy_losses(x, detail::DenseTargets<T>{target.value()});
  return reduce_loss(losses, options.reduction);
}

/// Options of nll_loss, in PyTorch's order.
struct NllLossOptions {
  std::vector<double> weight = {};
  Index ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// Negative log-likelihood: -x[label] for log-probabilities x [...,C], such as log_softmax gives, and labels [...].
/// Throws as cross_entropy does.
template <Differentiable X>
VariableOf<X> nll_loss(const X& log_probabilities, const Tensor<Index>& labels, const NllLossOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(log_probabilities);
  const CrossEntropyOptions as_cross_entropy{.weight = options.weight, .ignore_index = options.ignore_index};
  detail::check_cross_entropy("nll_loss", x.shape(), as_cross_entropy);
  detail::check_labels("nll_loss", x.shape(), labels, options.ignore_index);
  const detail::LabelTargets targets{labels, options.weight, options.ignore_index, 0.0};
  const Variable<T> losses = neg(sum(mul(x, detail::dense_targets<T>(x.shape(), targets)), {-1}));
  if (options.reduction != Reduction::mean) return reduce_loss(losses, options.reduction);
  return mul(sum(losses), 1.0 / detail::label_weight(labels, as_cross_entropy));
}

KASHI_INSTANTIATE(Variable<float> cross_entropy<Variable<float>>(const Variable<float>&, const Tensor<Index>&,
                                                                 const CrossEntropyOptions&))

}  // namespace kashi::inline v0
