/// The core of batch norm on the vectorised kernels: one mean and variance for each channel of [rows, channels].
///
/// ops/normalize.hpp is its general sibling for the norms that share statistics in other ways, and has the composed
/// gradient that second derivatives take.
#pragma once

#include <kashi/kernels/channels.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/normalize.hpp>
#include <kashi/ops/pool_windows.hpp>

namespace kashi::inline v0::detail {

/// Mean and biased variance of every channel, [C] each.
template <class T>
struct ChannelStatistics {
  Tensor<T> mean;
  Tensor<T> variance;
};

template <class T>
ChannelStatistics<T> channel_statistics(const NormView& v, const Tensor<T>& x) {
  ChannelStatistics<T> out{Tensor<T>::empty({v.G}), Tensor<T>::empty({v.G})};
  Tensor<T> workspace = Tensor<T>::empty({kernels::channel_sums_workspace(v.S, v.G)});
  kernels::channel_statistics(v.S, v.G, x.data(), out.mean.mutable_data(), out.variance.mutable_data(),
                              workspace.mutable_data());
  return out;
}

/// f(i) for every channel, [C].
template <class T, class F>
Tensor<T> by_channel(Index channels, F&& f) {
  Tensor<T> out = Tensor<T>::empty({channels});
  T* values = out.mutable_data();
  for (Index c = 0; c < channels; ++c) values[c] = static_cast<T>(f(c));
  return out;
}

/// What follows a batch norm in the same pass: + residual, then ReLU, then max pooling.
template <class T>
struct NormEnd {
  Variable<T> residual;  ///< shaped as the result, or undefined
  bool relu = false;
  std::shared_ptr<const PoolPlan> pool{};  ///< windows that share no pixel; with ReLU and without a residual; or null
};

/// The images of a plan whose windows share no pixel.
inline kernels::PooledImages pooled_images(const PoolPlan& plan) {
  return {plan.input[1], plan.input[2], plan.rows[0].count, plan.columns[0].count};
}

/// (x - mean) * inverse * weight + bias, then the end.
template <class T>
Tensor<T> channel_normalize(const NormView& v, const Tensor<T>& x, const NormScale<T>& s, const Tensor<T>& weight,
                            const Tensor<T>& bias, const NormEnd<T>& end) {
  Tensor<T> y = Tensor<T>::empty(x.shape());
  const Tensor<T> scale =
      by_channel<T>(v.G, [&, inverse = s.inverse.data(), w = weight.data()](Index c) { return inverse[c] * w[c]; });
  kernels::NormalizeJob<T> job;
  job.rows = v.S;
  job.channels = v.G;
  job.x = x.data();
  job.mean = s.mean.data();
  job.scale = scale.data();
  job.shift = bias.data();
  job.residual = end.residual.defined() ? end.residual.value().data() : nullptr;
  job.relu = end.relu;
  job.y = y.mutable_data();
  kernels::normalize_channels(job);
  return y;
}

/// max_pool(relu((x - mean) * inverse * weight + bias)); `positions` says where the maxima were, -1 where they are 0.
template <class T>
Tensor<T> channel_normalize_pool(const PoolPlan& plan, const Tensor<T>& x, const NormScale<T>& s,
                                 const Tensor<T>& weight, const Tensor<T>& bias, PoolPositions* positions) {
  Tensor<T> y = Tensor<T>::empty(plan.output);
  if (positions != nullptr) *positions = PoolPositions::empty(plan.output);
  const Tensor<T> scale = by_channel<T>(
      plan.input[3], [&, inverse = s.inverse.data(), w = weight.data()](Index c) { return inverse[c] * w[c]; });
  kernels::NormalizePoolJob<T> job;
  job.images = pooled_images(plan);
  job.channels = plan.input[3];
  job.x = x.data();
  job.mean = s.mean.data();
  job.scale = scale.data();
  job.shift = bias.data();
  job.y = y.mutable_data();
  job.where = positions != nullptr ? positions->mutable_data() : nullptr;
  kernels::normalize_pool(job, plan.input[0]);
  return y;
}

/// dx, dweight, dbias: dx = weight * inverse * (dy - mean(dy) - z * mean(dy z)) with z = (x - mean) * inverse, or
/// weight * inverse * dy for constant statistics; dweight = sum(dy z), dbias = sum(dy). `job` has dy and what
/// masks it. dx is written to `dx`, which may be dy, and left out if that has no elements.
template <class T>
std::array<Tensor<T>, 2> channel_normalize_backward(const NormView& v, const Tensor<T>& x, const NormScale<T>& s,
                                                    const Tensor<T>& weight, kernels::NormalizeGradientJob<T> job,
                                                    Tensor<T>& dx) {
  const T* inverse = s.inverse.data();
  Tensor<T> sums = Tensor<T>::empty({v.G}), products = Tensor<T>::empty({v.G});
  Tensor<T> workspace = Tensor<T>::empty({kernels::channel_sums_workspace(v.S, v.G)});
  job.rows = v.S;
  job.channels = v.G;
  job.x = x.data();
  job.mean = s.mean.data();
  job.sums = sums.mutable_data();
  job.products = products.mutable_data();
  kernels::normalize_gradient_sums(job, workspace.mutable_data());

  const T* total = sums.data();
  const T* product = products.data();
  if (dx.numel() > 0) {
    const T share = s.is_constant || v.S == 0 ? T{0} : T{1} / static_cast<T>(v.S);
    const Tensor<T> scale = by_channel<T>(v.G, [&, w = weight.data()](Index c) { return inverse[c] * w[c]; });
    const Tensor<T> offset = by_channel<T>(v.G, [&](Index c) { return total[c] * share; });
    const Tensor<T> slope = by_channel<T>(v.G, [&](Index c) { return inverse[c] * inverse[c] * product[c] * share; });
    job.scale = scale.data();
    job.offset = offset.data();
    job.slope = slope.data();
    job.dx = dx.mutable_data();
    kernels::normalize_gradient(job);
  }
  return {by_channel<T>(v.G, [&](Index c) { return product[c] * inverse[c]; }), sums};
}

/// A backward job with dy, which is 0 where `output`, the result after ReLU or null, is 0.
template <class T>
kernels::NormalizeGradientJob<T> upstream_job(const Tensor<T>& dy, const T* output) {
  kernels::NormalizeGradientJob<T> job;
  job.dy = dy.data();
  job.output = output;
  return job;
}

/// How batch norm with ReLU makes its result again: the result is as large as the input, and one pass away from it.
template <class T>
std::shared_ptr<Recipe<T>> channel_norm_recipe(const char* name, const NormView& v, const Variable<T>& x,
                                               const NormScale<T>& scale, const Tensor<T>& weight,
                                               const Tensor<T>& bias) {
  return std::make_shared<Recipe<T>>([v, scale, x = saved_numbers(name, x), w = weight.clone(), b = bias.clone()] {
    return channel_normalize<T>(v, x(), scale, w, b, {.residual = {}, .relu = true});
  });
}

/// Gradients of x, weight, bias and residual.
template <class T>
Gradients<T> channel_norm_gradients(const GradContext<T>& context, const NormView& v, const NormScale<T>& scale,
                                    double eps, const Variable<T>& x, const Variable<T>& weight,
                                    const Tensor<T>& output, bool relu) {
  if (context.create_graph()) {
    const Variable<T> dy = relu ? relu_gradient(context, output) : context.grad();
    const auto [dx, dw, db] = normalize_backward_composed(v, x, scale, eps, weight, dy);
    return {dx, dw, db, context.needs(3) ? dy : Variable<T>()};
  }
  const Tensor<T> factor = affine_values(v, weight, T{1});
  const bool wanted = context.needs(0);
  if (context.needs(3)) {  // the residual's gradient is dy behind the ReLU, so it is made first
    const Tensor<T> dy = (relu ? relu_gradient(context, output) : context.grad()).value();
    Tensor<T> dx = wanted ? Tensor<T>::empty(dy.shape()) : Tensor<T>();
    const auto [dw, db] = channel_normalize_backward<T>(v, x.value(), scale, factor, upstream_job<T>(dy, nullptr), dx);
    return {wanted ? Variable<T>(dx) : Variable<T>(), dw, db, dy};
  }
  Tensor<T> dx = wanted ? context.room_for_result() : Tensor<T>();
  const auto [dw, db] = channel_normalize_backward<T>(
      v, x.value(), scale, factor, upstream_job<T>(context.grad().value(), relu ? output.data() : nullptr), dx);
  return {wanted ? Variable<T>(dx) : Variable<T>(), dw, db, Variable<T>()};
}

/// Batch norm, ReLU and max pooling as one operation: neither the norm's result nor its gradient is ever in memory.
template <class T>
Variable<T> channel_norm_pool_operation(const char* name, const NormView& v, const Variable<T>& x,
                                        const NormScale<T>& scale, double eps, const Variable<T>& weight,
                                        const Variable<T>& bias, const std::shared_ptr<const PoolPlan>& plan) {
  const bool recorded = grad_enabled() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  PoolPositions positions;
  Tensor<T> y = channel_normalize_pool(*plan, x.value(), scale, affine_values(v, weight, T{1}),
                                       affine_values(v, bias, T{0}), recorded ? &positions : nullptr);
  return record<T>(
      name, std::move(y), {x, weight, bias},
      [name, v, scale, eps, plan, positions, x = Saved(x),
       w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
        const Variable<T> values = context.get(x), factor = context.get(w);
        if (context.create_graph()) {
          const Variable<T> dy = linear_operation(
              name, context.grad(),
              [plan, positions](const Tensor<T>& up) { return scatter_to_positions(*plan, positions, up); },
              [plan, positions](const Tensor<T>& down) { return gather_from_positions(*plan, positions, down); });
          const auto [dx, dw, db] = normalize_backward_composed(v, values, scale, eps, factor, dy);
          return {dx, dw, db};
        }
        kernels::NormalizeGradientJob<T> job = upstream_job<T>(context.grad().value(), nullptr);
        job.where = positions.data();
        job.images = pooled_images(*plan);
        Tensor<T> dx = context.needs(0) ? Tensor<T>::empty(values.shape()) : Tensor<T>();
        const auto [dw, db] =
            channel_normalize_backward<T>(v, values.value(), scale, affine_values(v, factor, T{1}), job, dx);
        return {context.needs(0) ? Variable<T>(dx) : Variable<T>(), dw, db};
      });
}

/// Batch norm with given statistics as an operation. `weight` and `bias` have shape [C] or are undefined. With ReLU and
/// no residual the result is not kept for gradients, but made again.
template <class T>
Variable<T> channel_norm_operation(const char* name, const NormView& v, const Variable<T>& x,
                                   const ChannelStatistics<T>& statistics, double eps, bool is_constant,
                                   const Variable<T>& weight, const Variable<T>& bias, const NormEnd<T>& end) {
  const Shape shape = v.statistics();
  const Tensor<T> inverse = by_channel<T>(v.G, [&, variance = statistics.variance.data()](Index c) {
    return 1.0 / std::sqrt(static_cast<double>(variance[c]) + eps);
  });
  const NormScale<T> scale{statistics.mean.reshape(shape), inverse.reshape(shape), is_constant};
  if (end.pool != nullptr) return channel_norm_pool_operation(name, v, x, scale, eps, weight, bias, end.pool);
  const Tensor<T> factor = affine_values(v, weight, T{1}), shift = affine_values(v, bias, T{0});
  Tensor<T> y = channel_normalize(v, x.value(), scale, factor, shift, end);
  const bool makes_again = end.relu && !end.residual.defined();
  const SavedOutput<T> kept(end.relu && !makes_again ? y : Tensor<T>());
  const auto recipe = makes_again ? channel_norm_recipe(name, v, x, scale, factor, shift) : nullptr;
  const Announce announced(is_constant);
  const Variable<T> result =
      record<T>(name, std::move(y), {x, weight, bias, end.residual},
                [v, scale, eps, kept, recipe, relu = end.relu, x = Saved(x),
                 w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
                  const Variable<T> values = context.get(x), factor_used = context.get(w);
                  const Tensor<T> output = recipe != nullptr ? recipe->value() : context.get(kept).value();
                  if (recipe != nullptr) recipe->forget();
                  return channel_norm_gradients(context, v, scale, eps, values, factor_used, output, relu);
                });
  if (result.node() != nullptr) result.node()->recipe = recipe;
  return result;
}

}  // namespace kashi::inline v0::detail
