/// Differentiable reductions: sum, mean, variance, max over axes.
#pragma once

#include <kashi/kernels/channels.hpp>
#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0 {

/// Sum over `axes` (all if empty); reduced axes vanish, or stay with size 1 under `keepdim`.
template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes = {}, bool keepdim = false) {
  const Shape kept = detail::plan_reduction(x.shape(), axes, "sum").kept;
  const Announce announced(axes);
  return record<T>("sum", sum(x.value(), axes, keepdim), {x},
                   [from = x.shape(), kept](const GradContext<T>& context) -> Gradients<T> {
                     return {broadcast_to(reshape(context.grad(), kept), from)};
                   });
}

namespace detail {

/// Sum over all axes but the last: the gradient of a bias, [...,C] -> [C].
template <class T>
Variable<T> sum_to_channels(const Variable<T>& x) {
  const Index channels = x.size(-1), rows = channels == 0 ? 0 : x.numel() / channels;
  Tensor<T> value = Tensor<T>::empty({channels});
  Tensor<T> workspace = Tensor<T>::empty({kernels::channel_sums_workspace(rows, channels)});
  kernels::sum_rows(rows, channels, x.value().data(), value.mutable_data(), workspace.mutable_data());
  return record<T>("sum_to_channels", std::move(value), {x},
                   [from = x.shape()](const GradContext<T>& context) -> Gradients<T> {
                     return {broadcast_to(context.grad(), from)};
                   });
}

}  // namespace detail

/// Mean over `axes` (all if empty).
template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes = {}, bool keepdim = false) {
  const auto plan = detail::plan_reduction(x.shape(), axes, "mean");
  const Announce announced(axes);
  return record<T>(
      "mean", mean(x.value(), axes, keepdim), {x},
      [from = x.shape(), kept = plan.kept, count = plan.reduced_count](const GradContext<T>& context) -> Gradients<T> {
        return {broadcast_to(mul(reshape(context.grad(), kept), 1.0 / static_cast<double>(count)), from)};
      });
}

/// Largest element over `axes` (all if empty). Equal maxima share the gradient evenly (PyTorch's amax).
template <class T>
Variable<T> max(const Variable<T>& x, const Axes& axes = {}, bool keepdim = false) {
  const Shape kept = detail::plan_reduction(x.shape(), axes, "max").kept;
  const Tensor<T> best = max(x.value(), axes, true);
  const Tensor<T> value = keepdim ? best : max(x.value(), axes, false);
  const Announce announced(axes);
  return record<T>("max", value, {x}, [x = Saved(x), best, kept, axes](const GradContext<T>& context) -> Gradients<T> {
    const Tensor<T> input = context.get(x).value();
    const Tensor<T> hit = zip(input, best, [](T u, T v) { return u == v ? T{1} : T{0}; });
    const Tensor<T> share = hit / sum(hit, axes, true);
    return {mul(reshape(context.grad(), kept), share)};
  });
}

/// Variance over `axes` (all if empty): mean squared distance from the mean, divided by count - correction
/// (1: unbiased, as in PyTorch; 0: biased).
template <class T>
Variable<T> var(const Variable<T>& x, const Axes& axes = {}, Index correction = 1, bool keepdim = false) {
  const Index count = detail::plan_reduction(x.shape(), axes, "var").reduced_count;
  require(count > correction, "var: ", count, " elements are too few for a correction of ", correction, "; shape ",
          x.shape());
  const Variable<T> centered = sub(x, mean(x, axes, true));
  return mul(sum(mul(centered, centered), axes, keepdim), 1.0 / static_cast<double>(count - correction));
}

}  // namespace kashi::inline v0
