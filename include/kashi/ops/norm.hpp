/// Differentiable normalisations: batch, layer, group and instance norm. Definitions are PyTorch's.
///
/// y = (x - mean) / sqrt(variance + eps) * weight + bias, with the biased variance. They differ in what shares a mean.
#pragma once

#include <kashi/ops/channel_norm.hpp>

namespace kashi::inline v0 {

/// Options of batch_norm, in PyTorch's order.
struct BatchNormOptions {
  bool training = false;  ///< use the batch's own statistics, and move the running ones towards them
  double momentum = 0.1;  ///< running = (1 - momentum) * running + momentum * new
  double eps = 1e-5;
};

namespace detail {

template <class T>
void check_affine(const char* who, const char* what, const Variable<T>& given, Index channels, const Shape& input) {
  require<ShapeError>(!given.defined() || given.shape() == Shape{channels}, who, ": the ", what, " must have shape [",
                      channels, "]; got ", given.shape(), ", input ", input);
}

/// The batch, pixels and channels of [N,...,C].
inline NormView channels_last_view(const char* who, const Shape& shape) {
  require<ShapeError>(shape.rank() >= 2, who, ": the input must be [N,C] or [N,...,C]; got ", shape);
  NormView view{.N = shape[0], .S = 1, .G = shape[-1], .K = 1};
  for (int axis = 1; axis + 1 < shape.rank(); ++axis) view.S *= shape[axis];
  return view;
}

/// Moves a running value by one step.
template <class T>
void update_running(Tensor<T>& running, const Tensor<T>& fresh, double factor, double momentum) {
  T* values = running.mutable_data();
  for (Index c = 0; c < running.numel(); ++c) {
    const double target = static_cast<double>(fresh.data()[c]) * factor;
    values[c] = static_cast<T>((1.0 - momentum) * static_cast<double>(values[c]) + momentum * target);
  }
}

}  // namespace detail

namespace detail {

/// Checks and computes a batch norm with what follows it; see batch_norm().
template <class T>
Variable<T> batch_norm_operation(const char* who, const Variable<T>& input, const Variable<T>& w, const Variable<T>& b,
                                 Tensor<T> running_mean, Tensor<T> running_var, const BatchNormOptions& options,
                                 const NormEnd<T>& end = {}) {
  NormView view = channels_last_view(who, input.shape());
  view = {.N = 1, .S = view.N * view.S, .G = view.G, .K = 1};
  const bool has_running = running_mean.numel() > 0 || running_var.numel() > 0;
  const bool from_batch = options.training || !has_running;
  check_affine(who, "weight", w, view.G, input.shape());
  check_affine(who, "bias", b, view.G, input.shape());
  if (has_running) {
    check_affine<T>(who, "running mean", running_mean, view.G, input.shape());
    check_affine<T>(who, "running variance", running_var, view.G, input.shape());
  }
  require<ShapeError>(!from_batch || view.S > 1, who, ": more than one value per channel is needed in training; input ",
                      input.shape());
  require<ShapeError>(!end.residual.defined() || end.residual.shape() == input.shape(), who,
                      ": the residual must have the input's shape; input ", input.shape(), ", residual ",
                      end.residual.shape());

  if (!from_batch) {
    const ChannelStatistics<T> known{running_mean.clone(), running_var.clone()};
    return channel_norm_operation(who, view, input, known, options.eps, true, w, b, end);
  }
  const ChannelStatistics<T> fresh = channel_statistics(view, input.value());
  if (has_running) {
    const double count = static_cast<double>(view.S);
    update_running(running_mean, fresh.mean, 1.0, options.momentum);
    update_running(running_var, fresh.variance, count / (count - 1.0), options.momentum);
  }
  return channel_norm_operation(who, view, input, fresh, options.eps, false, w, b, end);
}

}  // namespace detail

/// Batch norm of [N,C] or [N,...,C], one mean and variance for each channel (Ioffe and Szegedy 2015).
///
/// weight, bias: [C] or undefined. running_mean, running_var [C] are updated in place in training (the variance
/// unbiased) and used otherwise; empty ones mean: always the batch's own. Throws ShapeError if shapes do not fit, or if
/// a channel has a single value to take statistics from.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> batch_norm(const X& x, const W& weight, const B& bias, Tensor<ScalarOf<X>> running_mean,
                         Tensor<ScalarOf<X>> running_var, const BatchNormOptions& options = {}) {
  using T = ScalarOf<X>;
  return detail::batch_norm_operation<T>("batch_norm", as_variable(x), as_variable(weight), as_variable(bias),
                                         running_mean, running_var, options);
}

/// relu(batch_norm(x, ...)), forward and backward in one pass.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> batch_norm_relu(const X& x, const W& weight, const B& bias, Tensor<ScalarOf<X>> running_mean,
                              Tensor<ScalarOf<X>> running_var, const BatchNormOptions& options = {}) {
  using T = ScalarOf<X>;
  return detail::batch_norm_operation<T>("batch_norm_relu", as_variable(x), as_variable(weight), as_variable(bias),
                                         running_mean, running_var, options, {.residual = {}, .relu = true});
}

/// relu(batch_norm(x, ...) + residual), the end of a residual block, in one pass. `residual` has x's shape.
template <Differentiable X, Differentiable R, Differentiable W, Differentiable B>
VariableOf<X> batch_norm_add_relu(const X& x, const R& residual, const W& weight, const B& bias,
                                  Tensor<ScalarOf<X>> running_mean, Tensor<ScalarOf<X>> running_var,
                                  const BatchNormOptions& options = {}) {
  using T = ScalarOf<X>;
  return detail::batch_norm_operation<T>("batch_norm_add_relu", as_variable(x), as_variable(weight), as_variable(bias),
                                         running_mean, running_var, options,
                                         {.residual = as_variable(residual), .relu = true});
}

/// Batch norm with the batch's own statistics.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> batch_norm(const X& x, const W& weight, const B& bias, const BatchNormOptions& options = {}) {
  return batch_norm(x, weight, bias, Tensor<ScalarOf<X>>(), Tensor<ScalarOf<X>>(), options);
}

/// Layer norm over the last axes, whose sizes are `normalized` (Ba et al. 2016). weight, bias: `normalized` or
/// undefined. Throws ShapeError if shapes do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> layer_norm(const X& x, const Shape& normalized, const W& weight, const B& bias, double eps = 1e-5) {
  using T = ScalarOf<X>;
  const char* who = "layer_norm";
  const Variable<T> input = as_variable(x), w = as_variable(weight), b = as_variable(bias);
  const Shape& shape = input.shape();
  require<ShapeError>(normalized.rank() >= 1 && normalized.rank() <= shape.rank() &&
                          std::equal(normalized.begin(), normalized.end(), shape.end() - normalized.rank()),
                      who, ": the input's last axes must be ", normalized, "; input ", shape);
  require<ShapeError>(normalized.numel() > 0, who, ": there is nothing to normalise; input ", shape);
  require<ShapeError>(!w.defined() || w.shape() == normalized, who, ": the weight must have shape ", normalized,
                      "; got ", w.shape());
  require<ShapeError>(!b.defined() || b.shape() == normalized, who, ": the bias must have shape ", normalized, "; got ",
                      b.shape());
  const detail::NormView view{.N = shape.numel() / normalized.numel(), .S = 1, .G = 1, .K = normalized.numel()};
  const Shape flat{view.K};
  const auto scale = detail::norm_scale<T>(detail::norm_statistics(view, input.value()), eps, false);
  return detail::normalize_operation(who, view, input, scale, eps, w.defined() ? reshape(w, flat) : w,
                                     b.defined() ? reshape(b, flat) : b);
}

namespace detail {

template <class T>
Variable<T> grouped_norm(const char* who, const Variable<T>& x, Index groups, const Variable<T>& weight,
                         const Variable<T>& bias, double eps) {
  NormView view = channels_last_view(who, x.shape());
  const Index channels = view.G;
  require(groups >= 1 && channels % groups == 0, who, ": channels ", channels, " not divisible by groups ", groups,
          "; input ", x.shape());
  check_affine(who, "weight", weight, channels, x.shape());
  check_affine(who, "bias", bias, channels, x.shape());
  view.G = groups;
  view.K = channels / groups;
  require<ShapeError>(view.count() > 0, who, ": there is nothing to normalise; input ", x.shape());
  return normalize_operation(who, view, x, norm_scale<T>(norm_statistics(view, x.value()), eps, false), eps, weight,
                             bias);
}

}  // namespace detail

/// Group norm of [N,...,C]: one mean and variance for each image and group of channels (Wu and He 2018).
/// weight, bias: [C] or undefined. Throws ShapeError or ValueError if shapes or groups do not fit.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> group_norm(const X& x, Index groups, const W& weight, const B& bias, double eps = 1e-5) {
  using T = ScalarOf<X>;
  return detail::grouped_norm<T>("group_norm", as_variable(x), groups, as_variable(weight), as_variable(bias), eps);
}

/// Instance norm of [N,...,C]: one mean and variance for each image and channel (Ulyanov et al. 2016).
/// weight, bias: [C] or undefined. Throws ShapeError if shapes do not fit or an image has a single pixel.
template <Differentiable X, Differentiable W, Differentiable B>
VariableOf<X> instance_norm(const X& x, const W& weight, const B& bias, double eps = 1e-5) {
  using T = ScalarOf<X>;
  const char* who = "instance_norm";
  const Variable<T> input = as_variable(x);
  const detail::NormView view = detail::channels_last_view(who, input.shape());
  require<ShapeError>(view.S > 1, who, ": more than one pixel is needed; input ", input.shape());
  require<ShapeError>(view.G > 0, who, ": there are no channels; input ", input.shape());
  return detail::grouped_norm<T>(who, input, view.G, as_variable(weight), as_variable(bias), eps);
}

}  // namespace kashi::inline v0
