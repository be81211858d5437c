/// The arithmetic of folding: a factor and an offset for each channel, behind or in front of a layer, become part of
/// its weights. Computed in double.
///
/// Batch norm in evaluation is y = s x + t with s = gamma / sqrt(var + eps) and t = beta - s mean. Behind a layer:
/// W' = s W, b' = s b + t. In front of one: W' = W s, b' = b + sum of W t (Jacob et al. 2018, section 3.2).
#pragma once

#include <cmath>
#include <vector>

#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>

namespace kashi::inline v0::nn::detail {

/// y = scale x + shift, for each channel.
struct ChannelMap {
  std::vector<double> scale;
  std::vector<double> shift;

  bool is_finite() const {
    for (std::size_t i = 0; i < scale.size(); ++i)
      if (!std::isfinite(scale[i]) || !std::isfinite(shift[i])) return false;
    return true;
  }
};

/// What a batch norm does in evaluation. It must have running statistics.
template <class T>
ChannelMap channel_map(const BatchNorm<T>& norm) {
  ChannelMap out;
  for (Index c = 0; c < norm.channels(); ++c) {
    const double gamma = norm.weight().defined() ? static_cast<double>(norm.weight().value()(c)) : 1.0;
    const double beta = norm.bias().defined() ? static_cast<double>(norm.bias().value()(c)) : 0.0;
    const double s = gamma / std::sqrt(static_cast<double>(norm.running_var()(c)) + norm.options().eps);
    out.scale.push_back(s);
    out.shift.push_back(beta - s * static_cast<double>(norm.running_mean()(c)));
  }
  return out;
}

/// A new leaf in place of an old one, so that copies which share the old numbers keep them.
template <class T>
void replace_leaf(Variable<T>& leaf, Tensor<T> values) {
  const bool trainable = !leaf.defined() || leaf.requires_grad();
  leaf = parameter(std::move(values));
  leaf.set_requires_grad(trainable);
}

/// The weight with element i times factor(i).
template <class T, class F>
void scale_weight(Variable<T>& weight, F&& factor) {
  Tensor<T> scaled = weight.value().clone();
  T* values = scaled.mutable_data();
  for (Index i = 0; i < scaled.numel(); ++i) values[i] = static_cast<T>(static_cast<double>(values[i]) * factor(i));
  replace_leaf(weight, std::move(scaled));
}

/// bias' = scale bias + shift; a missing bias counts as zeros.
template <class T>
void map_bias(Variable<T>& bias, const ChannelMap& map) {
  Tensor<T> mapped = Tensor<T>::empty({static_cast<Index>(map.scale.size())});
  T* values = mapped.mutable_data();
  for (std::size_t c = 0; c < map.scale.size(); ++c) {
    const double old = bias.defined() ? static_cast<double>(bias.value().data()[c]) : 0.0;
    values[c] = static_cast<T>(map.scale[c] * old + map.shift[c]);
  }
  replace_leaf(bias, std::move(mapped));
}

/// A map behind a convolution or linear layer: weight [out,...].
template <class T>
void fold_behind(Variable<T>& weight, Variable<T>& bias, const ChannelMap& map) {
  const Index row = weight.numel() / weight.size(0);
  scale_weight(weight, [&](Index i) { return map.scale[static_cast<std::size_t>(i / row)]; });
  map_bias(bias, map);
}

/// A map behind a transposed convolution: weight [in,KH,KW,out/groups].
template <class T>
void fold_behind_transposed(Variable<T>& weight, Variable<T>& bias, Index groups, const ChannelMap& map) {
  const Index group_out = weight.size(3), row = weight.numel() / weight.size(0), group_in = weight.size(0) / groups;
  scale_weight(weight, [&](Index i) {
    return map.scale[static_cast<std::size_t>(i / row / group_in * group_out + i % group_out)];
  });
  map_bias(bias, map);
}

/// A map in front of a layer with weight [out,...,channels/groups]. A linear layer that reads a flattened image meets
/// each channel once a pixel, which is why the last axis may be a multiple of the channels.
template <class T>
void fold_in_front(Variable<T>& weight, Variable<T>& bias, Index groups, const ChannelMap& map) {
  const Index outputs = weight.size(0), row = weight.numel() / outputs, depth = weight.size(-1),
              channels = static_cast<Index>(map.scale.size());
  const auto channel = [&](Index i) {
    const Index group = i / row / (outputs / groups);
    return static_cast<std::size_t>((group * depth + i % depth) % channels);
  };
  ChannelMap offset{std::vector<double>(static_cast<std::size_t>(outputs), 1.0),
                    std::vector<double>(static_cast<std::size_t>(outputs), 0.0)};
  const T* old = weight.value().data();
  for (Index i = 0; i < weight.numel(); ++i)
    offset.shift[static_cast<std::size_t>(i / row)] += static_cast<double>(old[i]) * map.shift[channel(i)];
  scale_weight(weight, [&](Index i) { return map.scale[channel(i)]; });
  map_bias(bias, offset);
}

}  // namespace kashi::inline v0::nn::detail
