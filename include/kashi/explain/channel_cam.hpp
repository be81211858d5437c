/// Class activation maps without gradients, from what each channel of a layer does: Score-CAM, Ablation-CAM, Eigen-CAM.
#pragma once

#include <cmath>
#include <string>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/matmul.hpp>
#include <kashi/explain/cam.hpp>

namespace kashi::inline v0::explain {

namespace detail {

/// The target's values for `count` inputs, `batch` at a time; `make(i, pointer)` writes input i, one row of `shape`
/// [count,...].
template <class T, class Make, class Run>
std::vector<double> scores_of(Index count, Index batch, const Shape& row, Make&& make, Run&& run,
                              const Target<T>& target) {
  require(batch >= 1, "explain: .batch must be at least 1; got ", batch);
  const NoGrad no_grad;
  std::vector<double> scores;
  for (Index begin = 0; begin < count; begin += batch) {
    const Index size = std::min(batch, count - begin);
    Tensor<T> inputs = Tensor<T>::empty(row.with(0, size));
    T* to = inputs.mutable_data();
    const Index step = inputs.numel() / size;
    parallel_for(size, 1, [&](Index from, Index end) {
      for (Index i = from; i < end; ++i) make(begin + i, to + i * step);
    });
    const Variable<T> values = target(run(Variable<T>(inputs)));
    for (const T value : values.value().span()) scores.push_back(static_cast<double>(value));
  }
  return scores;
}

/// The target for the image itself: resolved, and its value.
template <class T>
std::pair<Target<T>, double> score_of(const LayerCut<T>& cut, const Target<T>& target) {
  const NoGrad no_grad;
  const Variable<T> output = cut.rest(Variable<T>(cut.activation()));
  const Target<T> resolved = target.resolved(output.value());
  return {resolved, static_cast<double>(sum(resolved(output)).item())};
}

}  // namespace detail

struct ScoreCamOptions {
  Index batch = 16;  ///< images run at a time
};

/// Score-CAM (Wang et al. 2020): sum_k a_k A_k with a the softmax of the target's values for the image times H_k, the
/// channel k resized to the image and scaled to [0,1]. A constant channel has H_k = 0. What is masked becomes 0 as the
/// network sees it, which is the mean colour for an image that was normalised. The baseline that the paper subtracts
/// cancels in the softmax.
template <class T>
Map<T> score_cam(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
                 const std::type_identity_t<Target<T>>& target = {}, const ScoreCamOptions& options = {}) {
  const EvalMode<T> eval(net);
  const NoGrad no_grad;
  const LayerCut<T> cut(net, layer, image);
  const auto [resolved, score] = detail::score_of(cut, target);
  const Tensor<T> input = detail::as_batch(image);
  const Index height = input.size(1), width = input.size(2), channels = input.size(3),
              maps = cut.map_activation().size(3);
  const Tensor<T> masks = transpose(resize(cut.activation(), {height, width}, {.mode = ResizeMode::bilinear})
                                        .value()
                                        .reshape(Shape{height * width, maps}));
  std::vector<double> weights = detail::scores_of<T>(
      maps, options.batch, input.shape(),
      [&](Index k, T* to) {
        const T* mask = masks.data() + k * height * width;
        const auto [low, high] = std::minmax_element(mask, mask + height * width);
        const T scale = *high > *low ? 1 / (*high - *low) : T{0};
        for (Index p = 0; p < height * width; ++p)
          for (Index c = 0; c < channels; ++c)
            to[p * channels + c] = input.data()[p * channels + c] * (mask[p] - *low) * scale;
      },
      [&](const Variable<T>& x) { return net(x); }, resolved);
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0;
  for (double& weight : weights) total += weight = std::exp(weight - largest);
  for (double& weight : weights) weight /= total;
  return detail::weighted_map(LayerGradient<T>{cut.activation()[0], cut.activation()[0], score, resolved.class_index()},
                              weights);
}

struct AblationCamOptions {
  Index batch = 32;  ///< activations run at a time
};

/// Ablation-CAM (Desai & Ramaswamy 2020): sum_k w_k A_k with w_k = y - y_k, y_k the target when channel k is 0. The
/// paper divides by y, which only scales the map (and turns its sign where y < 0). Where a class is explained and an
/// average and linear layers come behind, w_k is the sum of g_k A_k, and no difference of nearly equal scores has to be
/// taken.
template <class T>
Map<T> ablation_cam(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
                    const std::type_identity_t<Target<T>>& target = {}, const AblationCamOptions& options = {}) {
  const EvalMode<T> eval(net);
  const LayerCut<T> cut(net, layer, image);
  const auto [resolved, score] = detail::score_of(cut, target);
  if (resolved.class_index() >= 0 && detail::has_average_head(cut)) {
    const LayerGradient<T> at = layer_gradient(net, layer, image, resolved);
    return detail::weighted_map(at, detail::channel_sums(at, [](double g, double a, Index) { return g * a; }));
  }
  const Tensor<T>& activation = cut.map_activation();
  const Index channels = activation.size(3);
  std::vector<double> weights = detail::scores_of<T>(
      channels, options.batch, activation.shape(),
      [&](Index k, T* to) {
        std::copy_n(activation.data(), activation.numel(), to);
        for (Index i = k; i < activation.numel(); i += channels) to[i] = 0;
      },
      [&](const Variable<T>& values) { return cut.rest(values); }, resolved);
  for (double& weight : weights) weight = score - weight;
  return detail::weighted_map(LayerGradient<T>{activation[0], activation[0], score, resolved.class_index()}, weights);
}

namespace detail {

/// The eigenvector of the largest eigenvalue of a symmetric matrix [n,n] without negative eigenvalues, by repeated
/// squaring: after 40 squarings others are weaker by the ratio of eigenvalues to the power 2^40. T is double; a
/// template so that only programs that ask for it compile the products.
template <class T>
std::vector<T> first_eigenvector(Tensor<T> matrix) {
  const Index n = matrix.size(0);
  const auto scale = [](Tensor<T>& m) {
    T largest = 0;
    for (const T value : m.span()) largest = std::max(largest, std::abs(value));
    if (largest > 0)
      for (T& value : m.mutable_span()) value /= largest;
    return largest > 0;
  };
  if (!scale(matrix)) return std::vector<T>(static_cast<std::size_t>(n), T(0));
  for (int i = 0; i < 40; ++i) {
    Tensor<T> next = matmul(matrix, matrix);
    scale(next);
    T change = 0;
    for (Index k = 0; k < n * n; ++k) change = std::max(change, std::abs(next.data()[k] - matrix.data()[k]));
    matrix = next;
    if (change < T(1e-15)) break;
  }
  Index best = 0;
  for (Index i = 1; i < n; ++i)
    if (matrix.data()[i * n + i] > matrix.data()[best * n + best]) best = i;
  std::vector<T> out(matrix.data() + best * n, matrix.data() + (best + 1) * n);
  T norm = 0;
  for (const T value : out) norm += value * value;
  for (T& value : out) value /= std::sqrt(norm);
  return out;
}

}  // namespace detail

/// Eigen-CAM (Muhammad & Yeasin 2020): A v, A the layer's output as a matrix [places,channels] and v its first right
/// singular vector, without centring. It knows no class. The sign is such that the map's sum is not negative.
template <class T>
Map<T> eigen_cam(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image) {
  const EvalMode<T> eval(net);
  const LayerCut<T> cut(net, layer, image);
  const Index height = cut.map_activation().size(1), width = cut.activation().size(2),
              channels = cut.activation().size(3), places = height * width;
  const Tensor<double> a = cut.activation().template to<double>().reshape(Shape{places, channels});
  const bool by_places = places <= channels;
  const std::vector<double> vector =
      detail::first_eigenvector(by_places ? matmul(a, transpose(a)) : matmul(transpose(a), a));
  // u is known by places, v by channels; A v = u |A v|, and |A v| = |A^T u|.
  std::vector<double> map(static_cast<std::size_t>(places), 0.0);
  if (by_places) {
    double norm = 0;
    for (Index k = 0; k < channels; ++k) {
      double dot = 0;
      for (Index p = 0; p < places; ++p) dot += a.data()[p * channels + k] * vector[static_cast<std::size_t>(p)];
      norm += dot * dot;
    }
    for (std::size_t p = 0; p < map.size(); ++p) map[p] = vector[p] * std::sqrt(norm);
  } else {
    for (Index p = 0; p < places; ++p)
      for (Index k = 0; k < channels; ++k)
        map[static_cast<std::size_t>(p)] += a.data()[p * channels + k] * vector[static_cast<std::size_t>(k)];
  }
  double total = 0;
  for (const double value : map) total += value;
  Map<T> out{Tensor<T>::empty({height, width})};
  std::transform(map.begin(), map.end(), out.raw.mutable_data(),
                 [&](double value) { return static_cast<T>(total < 0 ? -value : value); });
  return out;
}

}  // namespace kashi::inline v0::explain
