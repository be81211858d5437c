/// The core of batch norm on the vectorised kernels: one mean and variance for each channel of [rows, channels].
///
/// ops/normalize.hpp is its general sibling for the norms that share statistics in other ways, and has the composed
/// gradient that second derivatives take.
#pragma once

#include <kashi/kernels/channels.hpp>
#include <kashi/ops/normalize.hpp>

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
  kernels::channel_statistics(v.S, v.G, x.data(), out.mean.mutable_data(), out.variance.mutable_data(), workspace.mutable_data());
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

/// (x - mean) * inverse * weight + bias.
template <class T>
Tensor<T> channel_normalize(const NormView& v, const Tensor<T>& x, const NormScale<T>& s, const Tensor<T>& weight, const Tensor<T>& bias) {
  Tensor<T> y = Tensor<T>::empty(x.shape());
  const Tensor<T> scale = by_channel<T>(v.G, [&, inverse = s.inverse.data(), w = weight.data()](Index c) { return inverse[c] * w[c]; });
  kernels::NormalizeJob<T> job;
  job.rows = v.S;
  job.channels = v.G;
  job.x = x.data();
  job.mean = s.mean.data();
  job.scale = scale.data();
  job.shift = bias.data();
  job.y = y.mutable_data();
  kernels::normalize_channels(job);
  return y;
}

/// dx, dweight, dbias: dx = weight * inverse * (dy - mean(dy) - z * mean(dy z)) with z = (x - mean) * inverse, or
/// weight * inverse * dy for constant statistics; dweight = sum(dy z), dbias = sum(dy).
template <class T>
std::array<Tensor<T>, 3> channel_normalize_backward(const NormView& v, const Tensor<T>& x, const NormScale<T>& s, const Tensor<T>& weight, const Tensor<T>& dy) {
  const T* inverse = s.inverse.data();
  Tensor<T> sums = Tensor<T>::empty({v.G}), products = Tensor<T>::empty({v.G}), dx = Tensor<T>::empty(x.shape());
  Tensor<T> workspace = Tensor<T>::empty({kernels::channel_sums_workspace(v.S, v.G)});
  kernels::NormalizeGradientJob<T> job;
  job.rows = v.S;
  job.channels = v.G;
  job.x = x.data();
  job.dy = dy.data();
  job.mean = s.mean.data();
  job.sums = sums.mutable_data();
  job.products = products.mutable_data();
  kernels::normalize_gradient_sums(job, workspace.mutable_data());

  const T share = s.is_constant || v.S == 0 ? T{0} : T{1} / static_cast<T>(v.S);
  const T* total = sums.data();
  const T* product = products.data();
  const Tensor<T> scale = by_channel<T>(v.G, [&, w = weight.data()](Index c) { return inverse[c] * w[c]; });
  const Tensor<T> offset = by_channel<T>(v.G, [&](Index c) { return total[c] * share; });
  const Tensor<T> slope = by_channel<T>(v.G, [&](Index c) { return inverse[c] * inverse[c] * product[c] * share; });
  job.scale = scale.data();
  job.offset = offset.data();
  job.slope = slope.data();
  job.dx = dx.mutable_data();
  kernels::normalize_gradient(job);
  return {dx, by_channel<T>(v.G, [&](Index c) { return product[c] * inverse[c]; }), sums};
}

/// Batch norm with given statistics as an operation. `weight` and `bias` have shape [C] or are undefined.
template <class T>
Variable<T> channel_norm_operation(const char* name, const NormView& v, const Variable<T>& x, const ChannelStatistics<T>& statistics, double eps,
                                   bool is_constant, const Variable<T>& weight, const Variable<T>& bias) {
  const Shape shape = v.statistics();
  const NormScale<T> scale{statistics.mean.reshape(shape), by_channel<T>(v.G, [&, variance = statistics.variance.data()](Index c) {
                                                             return 1.0 / std::sqrt(static_cast<double>(variance[c]) + eps);
                                                           }).reshape(shape), is_constant};
  Tensor<T> y = channel_normalize(v, x.value(), scale, affine_values(v, weight, T{1}), affine_values(v, bias, T{0}));
  const Announce announced(is_constant);
  return record<T>(name, std::move(y), {x, weight, bias}, [v, scale, eps, x = Saved(x), w = Saved(weight)](const GradContext<T>& context) -> Gradients<T> {
    const Variable<T> values = context.get(x), factor = context.get(w);
    if (context.create_graph()) {
      const auto [dx, dw, db] = normalize_backward_composed(v, values, scale, eps, factor, context.grad());
      return {dx, dw, db};
    }
    const auto [dx, dw, db] = channel_normalize_backward(v, values.value(), scale, affine_values(v, factor, T{1}), context.grad().value());
    return {Variable<T>(dx), Variable<T>(dw), Variable<T>(db)};
  });
}

}  // namespace kashi::inline v0::detail
