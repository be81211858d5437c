/// Class activation maps from the gradient at a layer: Grad-CAM, Grad-CAM++, HiResCAM, XGrad-CAM, LayerCAM.
///
/// A is the layer's output for one image, [h,w,K]; g = dy/dA, y the target (usually a logit, not a probability). Each
/// function gives one signed map; see Map for what is shown. All cost one pass to the layer, and one there and back
/// behind it.
#pragma once

#include <cmath>
#include <string>

#include <kashi/explain/layer_cut.hpp>
#include <kashi/explain/map.hpp>

namespace kashi::inline v0::explain {

/// A layer's output for an image and the target's gradient there.
template <class T>
struct LayerGradient {
  Tensor<T> activation;    ///< A, [h,w,K]
  Tensor<T> gradient;      ///< g, [h,w,K]
  double score = 0;        ///< y
  Index class_index = -1;  ///< -1 for a function
};

/// Computes A and g. `image` is [H,W,C] or [1,H,W,C] as the network takes it; the network runs in evaluation mode and
/// has its mode back afterwards. Throws ValueError for an unknown layer, ShapeError if the layer gives no map.
template <class T>
LayerGradient<T> layer_gradient(nn::Module<T>& net, const std::string& layer, const Tensor<T>& image,
                                const std::type_identity_t<Target<T>>& target = {}) {
  const EvalMode<T> eval(net);
  const LayerCut<T> cut(net, layer, image);
  const EnableGrad enable;
  const Variable<T> leaf = parameter(cut.map_activation());
  const Variable<T> output = cut.rest(leaf);
  const Target<T> resolved = target.resolved(output.value());
  const Variable<T> score = sum(resolved(output));
  const Tensor<T> gradient =
      score.requires_grad() ? grad(score, leaf, {.allow_unused = true}).value() : Tensor<T>::zeros(leaf.shape());
  return {leaf.value()[0], gradient[0], static_cast<double>(score.item()), resolved.class_index()};
}

namespace detail {

/// The map whose value at a place is the sum over k of f(g, A, k), g and A being that place's channels.
template <class T, class F>
Map<T> map_of(const LayerGradient<T>& at, F&& f) {
  const Index places = at.activation.size(0) * at.activation.size(1), channels = at.activation.size(2);
  Map<T> out{Tensor<T>::empty({at.activation.size(0), at.activation.size(1)}), at.score, at.class_index};
  T* value = out.raw.mutable_data();
  for (Index p = 0; p < places; ++p) {
    const T* a = at.activation.data() + p * channels;
    const T* g = at.gradient.data() + p * channels;
    double total = 0;
    for (Index k = 0; k < channels; ++k) total += static_cast<double>(f(g[k], a[k], k));
    value[p] = static_cast<T>(total);
  }
  return out;
}

/// The map sum_k w_k A_k.
template <class T>
Map<T> weighted_map(const LayerGradient<T>& at, const std::vector<double>& weights) {
  return map_of(at, [&](T, T a, Index k) { return weights[static_cast<std::size_t>(k)] * static_cast<double>(a); });
}

/// For each channel, the sum over places of f(g, A, k).
template <class T, class F>
std::vector<double> channel_sums(const LayerGradient<T>& at, F&& f) {
  const Index places = at.activation.size(0) * at.activation.size(1), channels = at.activation.size(2);
  std::vector<double> sums(static_cast<std::size_t>(channels), 0.0);
  const T *a = at.activation.data(), *g = at.gradient.data();
  for (Index p = 0; p < places; ++p)
    for (Index k = 0; k < channels; ++k, ++a, ++g)
      sums[static_cast<std::size_t>(k)] += f(static_cast<double>(*g), static_cast<double>(*a), k);
  return sums;
}

}  // namespace detail

/// Grad-CAM (Selvaraju et al. 2017): sum_k a_k A_k with a_k the mean of g_k over the map.
template <class T>
Map<T> grad_cam(const LayerGradient<T>& at) {
  std::vector<double> weights = detail::channel_sums(at, [](double g, double, Index) { return g; });
  for (double& weight : weights) weight /= static_cast<double>(at.activation.size(0) * at.activation.size(1));
  return detail::weighted_map(at, weights);
}

/// Grad-CAM++ (Chattopadhay et al. 2018): sum_k w_k A_k with w_k = sum of q ReLU(g), q = g^2 / (2 g^2 + S_k g^3), S_k
/// the sum of A_k over the map. The closed form of q is for the score exp(y), whose common factor is left out. q = 0
/// where its denominator is not positive.
template <class T>
Map<T> grad_cam_plus_plus(const LayerGradient<T>& at) {
  const std::vector<double> totals = detail::channel_sums(at, [](double, double a, Index) { return a; });
  // Only g > 0 counts, where q ReLU(g) = g^3 / (2 g^2 + S g^3) = g / (2 + S g).
  return detail::weighted_map(at, detail::channel_sums(at, [&](double g, double, Index k) {
                                const double denominator = 2 + totals[static_cast<std::size_t>(k)] * g;
                                return g > 0 && denominator > 1e-12 ? g / denominator : 0.0;
                              }));
}

/// HiResCAM (Draelos & Carin 2020): sum_k g_k A_k, place by place.
template <class T>
Map<T> hires_cam(const LayerGradient<T>& at) {
  return detail::map_of(at, [](T g, T a, Index) { return static_cast<double>(g) * static_cast<double>(a); });
}

/// XGrad-CAM (Fu et al. 2020): sum_k a_k A_k with a_k the mean of g_k weighted by A_k. A channel whose sum is 0 gets no
/// weight.
template <class T>
Map<T> xgrad_cam(const LayerGradient<T>& at) {
  const std::vector<double> totals = detail::channel_sums(at, [](double, double a, Index) { return a; });
  std::vector<double> weights = detail::channel_sums(at, [](double g, double a, Index) { return g * a; });
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k] = totals[k] == 0 ? 0 : weights[k] / totals[k];
  return detail::weighted_map(at, weights);
}

/// LayerCAM (Jiang et al. 2021): sum_k ReLU(g_k) A_k, place by place.
template <class T>
Map<T> layer_cam(const LayerGradient<T>& at) {
  return detail::map_of(at,
                        [](T g, T a, Index) { return std::max(static_cast<double>(g), 0.0) * static_cast<double>(a); });
}

/// LayerCAM's scaling of maps from shallow layers: max * tanh(gamma * positive / max), which lifts weak places. All
/// zero where nothing is positive.
template <class T>
Map<T> lifted(const Map<T>& map, double gamma = 2.0) {
  Map<T> out = map;
  out.raw = map.positive();
  const double largest = static_cast<double>(max(out.raw).item());
  if (largest > 0)
    for (T& value : out.raw.mutable_span())
      value = static_cast<T>(largest * std::tanh(gamma * static_cast<double>(value) / largest));
  return out;
}

}  // namespace kashi::inline v0::explain
