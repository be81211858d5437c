/// Importance of the input's own numbers: the gradient, integrated gradients, SmoothGrad.
///
/// Networks with ReLU are linear between kinks, and their gradient jumps at them. Of the millions of inputs to a ReLU
/// along the way of integrated gradients, a few lie so near to 0 that rounding decides on which side. So single places
/// differ between two computations in float by up to 1e-3 of the largest (PyTorch in float from PyTorch in double: 3e-3
/// on SqueezeNet 1.1, 6e-4 on MobileNetV2, 50 nodes). In double the differences vanish: use a Module<double> where that
/// matters. Maps of layers behind which few ReLUs stand have no such trouble.
#pragma once

#include <cmath>
#include <numbers>
#include <string>

#include <kashi/core/random.hpp>
#include <kashi/explain/map.hpp>
#include <kashi/explain/target.hpp>
#include <kashi/ops/reduce.hpp>

namespace kashi::inline v0::explain {

/// A signed importance of every number of the input.
template <class T>
struct Attribution {
  Tensor<T> values;           ///< [H,W,C]
  double score = 0;           ///< the target's value for the image
  Index class_index = -1;     ///< -1 for a function
  double baseline_score = 0;  ///< of integrated gradients: the target's value for the baseline

  /// |sum of values - (score - baseline_score)| / |score - baseline_score|, of integrated gradients: the share that the
  /// steps were too coarse for. Above 0.05, take more steps.
  double completeness_error() const {
    const double wanted = score - baseline_score, got = static_cast<double>(sum(values).item());
    return wanted == 0 ? std::abs(got) : std::abs(got - wanted) / std::abs(wanted);
  }
  /// The sum over channels, [H,W].
  Map<T> signed_map() const { return {sum(values, {2}), score, class_index, {}}; }
  /// The sum of magnitudes over channels, [H,W].
  Map<T> magnitude_map() const {
    Tensor<T> magnitudes = values.clone();
    for (T& value : magnitudes.mutable_span()) value = std::abs(value);
    return {sum(magnitudes, {2}), score, class_index, {}};
  }
};

namespace detail {

/// The gradients of the target at a batch of inputs [N,H,W,C], one for each.
template <class T>
Tensor<T> gradients_at(const nn::Module<T>& net, const Tensor<T>& inputs, const Target<T>& target) {
  const EnableGrad enable;
  const Variable<T> leaf = parameter(inputs);
  const Variable<T> total = sum(target(net(leaf)));
  return total.requires_grad() ? grad(total, leaf, {.allow_unused = true}).value() : Tensor<T>::zeros(inputs.shape());
}

/// The target for one input, resolved, and its value.
template <class T>
std::pair<Target<T>, double> resolve_target(const nn::Module<T>& net, const Tensor<T>& input, const Target<T>& target) {
  const NoGrad no_grad;
  const Variable<T> output = net(Variable<T>(input));
  const Target<T> resolved = target.resolved(output.value());
  return {resolved, static_cast<double>(sum(resolved(output)).item())};
}

struct Node01 {
  double place;   // in [0,1]
  double weight;  // sum 1
};

/// Gauss-Legendre places and weights on [0,1]: exact for polynomials of degree up to 2 count - 1. Newton's method on
/// the Legendre polynomial from Tricomi's estimate of its roots.
inline std::vector<Node01> gauss_legendre(Index count) {
  std::vector<Node01> nodes;
  const double n = static_cast<double>(count);
  for (Index i = 0; i < count; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5)), slope = 1;
    for (int round = 0; round < 100; ++round) {
      double previous = 1, value = x;
      for (Index k = 2; k <= count; ++k) {
        const double degree = static_cast<double>(k);
        const double next = ((2 * degree - 1) * x * value - (degree - 1) * previous) / degree;
        previous = value;
        value = next;
      }
      slope = n * (x * value - previous) / (x * x - 1);
      const double step = value / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    nodes.push_back({(1 - x) / 2, 1 / ((1 - x * x) * slope * slope)});
  }
  return nodes;
}

inline std::vector<Node01> midpoints(Index count) {
  std::vector<Node01> nodes;
  for (Index i = 0; i < count; ++i)
    nodes.push_back({(static_cast<double>(i) + 0.5) / static_cast<double>(count), 1 / static_cast<double>(count)});
  return nodes;
}

}  // namespace detail

/// The target's gradient with respect to the image (Simonyan et al. 2013).
template <class T>
Attribution<T> input_gradient(nn::Module<T>& net, const Tensor<T>& image,
                              const std::type_identity_t<Target<T>>& target = {}) {
  const EvalMode<T> eval(net);
  const Tensor<T> input = detail::as_batch(image);
  const auto [resolved, score] = detail::resolve_target(net, input, target);
  return {detail::gradients_at(net, input, resolved)[0], score, resolved.class_index()};
}

/// Where the gradient is taken along the way from the baseline.
enum class PathRule { gauss_legendre, midpoint };

struct IntegratedGradientsOptions {
  Index steps = 50;
  PathRule rule = PathRule::gauss_legendre;
  Index batch = 10;  ///< images run at a time
};

/// Integrated gradients (Sundararajan et al. 2017): (x - x') times the mean gradient on the straight way from a
/// baseline x' to x. Their sum is f(x) - f(x') (see completeness_error). `baseline` is an image like x; an empty one
/// means zeros, which for an image that was normalised is the mean colour; black is -mean/std.
template <class T>
Attribution<T> integrated_gradients(nn::Module<T>& net, const Tensor<T>& image,
                                    const std::type_identity_t<Target<T>>& target = {},
                                    const std::type_identity_t<Tensor<T>>& baseline = {},
                                    const IntegratedGradientsOptions& options = {}) {
  require(options.steps >= 1 && options.batch >= 1, "integrated_gradients: .steps and .batch must be at least 1; got ",
          options.steps, " and ", options.batch);
  const EvalMode<T> eval(net);
  const Tensor<T> input = detail::as_batch(image);
  const Tensor<T> start = baseline.numel() == 0 ? Tensor<T>::zeros(input.shape()) : detail::as_batch(baseline);
  require<ShapeError>(start.shape() == input.shape(), "integrated_gradients: the baseline ", start.shape(),
                      " differs in shape from the image ", input.shape());
  const auto [resolved, score] = detail::resolve_target(net, input, target);
  const auto nodes =
      options.rule == PathRule::midpoint ? detail::midpoints(options.steps) : detail::gauss_legendre(options.steps);
  const Index numbers = input.numel();
  std::vector<double> total(static_cast<std::size_t>(numbers), 0.0);
  for (Index begin = 0; begin < options.steps; begin += options.batch) {
    const Index count = std::min(options.batch, options.steps - begin);
    Tensor<T> points = detail::repeat(input, count);
    T* to = points.mutable_data();
    for (Index s = 0; s < count; ++s)
      for (Index i = 0; i < numbers; ++i, ++to) {
        const double from = static_cast<double>(start.data()[i]);
        *to = static_cast<T>(from + nodes[static_cast<std::size_t>(begin + s)].place *
                                        (static_cast<double>(input.data()[i]) - from));
      }
    const Tensor<T> gradients = detail::gradients_at(net, points, resolved);
    for (Index s = 0; s < count; ++s)
      for (Index i = 0; i < numbers; ++i)
        total[static_cast<std::size_t>(i)] +=
            nodes[static_cast<std::size_t>(begin + s)].weight * static_cast<double>(gradients.data()[s * numbers + i]);
  }
  Attribution<T> out{Tensor<T>::empty(Shape(input.shape().sizes().subspan(1))), score, resolved.class_index(),
                     detail::resolve_target(net, start, resolved).second};
  T* value = out.values.mutable_data();
  for (Index i = 0; i < numbers; ++i)
    value[i] = static_cast<T>((static_cast<double>(input.data()[i]) - static_cast<double>(start.data()[i])) *
                              total[static_cast<std::size_t>(i)]);
  return out;
}

struct SmoothGradOptions {
  Index samples = 50;
  double noise = 0.15;  ///< standard deviation as a share of (largest - smallest number of the image)
  bool antithetic =
      false;         ///< every second noise is the one before with its sign turned; then an even number of samples
  Index batch = 10;  ///< images run at a time
  std::uint64_t seed = 42;
};

/// SmoothGrad (Smilkov et al. 2017): the mean gradient over noisy copies of the image. Throws ValueError for bad
/// options.
template <class T>
Attribution<T> smooth_grad(nn::Module<T>& net, const Tensor<T>& image,
                           const std::type_identity_t<Target<T>>& target = {}, const SmoothGradOptions& options = {}) {
  require(options.samples >= 1 && options.batch >= 1 && options.noise >= 0,
          "smooth_grad: .samples and .batch must be at least 1, .noise not negative; got ", options.samples, ", ",
          options.batch, ", ", options.noise);
  require(!options.antithetic || options.samples % 2 == 0,
          "smooth_grad: antithetic samples come in pairs; got .samples = ", options.samples);
  const EvalMode<T> eval(net);
  const Tensor<T> input = detail::as_batch(image);
  const auto [resolved, score] = detail::resolve_target(net, input, target);
  const double deviation = options.noise * static_cast<double>(max(input).item() - min(input).item());
  const Index numbers = input.numel();
  random::Generator generator(options.seed);
  Tensor<T> noise;
  std::vector<double> total(static_cast<std::size_t>(numbers), 0.0);
  for (Index begin = 0; begin < options.samples; begin += options.batch) {
    const Index count = std::min(options.batch, options.samples - begin);
    Tensor<T> points = detail::repeat(input, count);
    T* to = points.mutable_data();
    for (Index s = 0; s < count; ++s) {
      const bool turned = options.antithetic && (begin + s) % 2 == 1;
      if (!turned) noise = generator.normal<T>(input.shape(), 0.0, deviation);
      for (Index i = 0; i < numbers; ++i) *to++ += turned ? -noise.data()[i] : noise.data()[i];
    }
    const Tensor<T> gradients = detail::gradients_at(net, points, resolved);
    for (Index i = 0; i < count * numbers; ++i)
      total[static_cast<std::size_t>(i % numbers)] += static_cast<double>(gradients.data()[i]);
  }
  Attribution<T> out{Tensor<T>::empty(Shape(input.shape().sizes().subspan(1))), score, resolved.class_index()};
  std::transform(total.begin(), total.end(), out.values.mutable_data(),
                 [&](double value) { return static_cast<T>(value / static_cast<double>(options.samples)); });
  return out;
}

}  // namespace kashi::inline v0::explain
