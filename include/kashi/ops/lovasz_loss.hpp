/// The Lovasz hinge: a convex surrogate of 1 - IoU on logits (Berman, Rannen Triki and Blaschko 2018).
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <kashi/ops/activation.hpp>
#include <kashi/ops/reduction.hpp>

namespace kashi::inline v0 {

/// Options of lovasz_hinge.
struct LovaszHingeOptions {
  bool per_image = true;  ///< one loss for each entry of the first axis; else one over all elements
  Reduction reduction = Reduction::mean;
};

namespace detail {

/// The weight of each element's hinge: by how much 1 - IoU grows when the element joins those with larger errors
/// 1 - z (2 y - 1). Elements of equal error keep their order.
template <class T>
void lovasz_weights(const T* z, const T* y, Index count, T* weights) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  const auto error = [&](Index i) { return T{1} - z[i] * (T{2} * y[i] - T{1}); };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return error(a) > error(b); });
  const double foreground = std::accumulate(y, y + count, 0.0);
  double hits = 0, misses = 0, before = 0;
  for (const Index i : order) {
    hits += static_cast<double>(y[i]);
    misses += 1 - static_cast<double>(y[i]);
    const double jaccard = 1 - (foreground - hits) / (foreground + misses);
    weights[i] = static_cast<T>(jaccard - before);
    before = jaccard;
  }
}

}  // namespace detail

/// sum over elements of relu(1 - z (2 y - 1)) times the Lovasz extension's weights, for targets y of 0 and 1. The
/// weights follow the order of the errors and are constant between its changes. Throws ShapeError if shapes differ.
template <Differentiable X>
VariableOf<X> lovasz_hinge(const X& scores, const Tensor<ScalarOf<X>>& targets,
                           const LovaszHingeOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores);
  require<ShapeError>(z.shape() == targets.shape(), "lovasz_hinge: scores ", z.shape(), " and targets ",
                      targets.shape(), " must have one shape");
  require<ShapeError>(!options.per_image || z.rank() >= 1,
                      "lovasz_hinge: losses by image need an axis of images; scores ", z.shape());
  const Index images = options.per_image ? z.size(0) : 1, pixels = images == 0 ? 0 : z.numel() / images;
  Tensor<T> weights = Tensor<T>::empty(targets.shape());
  T* out = weights.mutable_data();
  parallel_for(images, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      detail::lovasz_weights(z.value().data() + i * pixels, targets.data() + i * pixels, pixels, out + i * pixels);
  });
  const Variable<T> sign(targets * T{2} - T{1}), hinge = relu(sub(1, mul(z, sign)));
  Axes axes;
  for (int axis = options.per_image ? 1 : 0; axis < z.rank(); ++axis) axes.push_back(axis);
  const Variable<T> weighted = mul(hinge, Variable<T>(weights));
  return reduce_loss(axes.empty() ? weighted : sum(weighted, axes), options.reduction);
}

}  // namespace kashi::inline v0
