/// MobileNetV1 (Howard et al. 2017): depthwise separable convolutions, with a width multiplier.
///
/// torchvision does not have it. Names: features.0.0 (first convolution) and .1 (its batch norm); in block i
/// features.i.0 (depthwise) and .1, features.i.3 (1x1) and .4; classifier.1. The weights that are around come from
/// TensorFlow, so strides are padded as `same` and activations are ReLU6 unless the options say otherwise.
#pragma once

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// [N,H,W,in] -> [N,classes], 1,000 classes by default. `width` multiplies the number of channels, at least 8.
template <class T = float>
nn::Sequential<T> mobilenet_v1(const ModelOptions& options = {}, double width = 1.0) {
  struct Block {
    Index channels, stride;
  };
  constexpr Block blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                              {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  const auto scaled = [width](Index channels) {
    return std::max<Index>(8, static_cast<Index>(static_cast<double>(channels) * width));
  };
  const auto add_unit = [&options](nn::Sequential<T>& to, Index in, Index out, Index kernel, Index stride,
                                   Index groups) {
    const Padding padding = detail::padding_of(options.padding, StridePadding::same, kernel);
    to.add(nn::Conv2d<T>({.in = in,
                          .out = out,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = padding,
                          .groups = groups,
                          .bias = false}));
    to.add(nn::BatchNorm2d<T>(out, {.eps = detail::eps_or(options, 1e-5)})).add(nn::ReLU6<T>());
  };

  Index channels = scaled(32);
  nn::Sequential<T> net, features, stem, classifier;
  add_unit(stem, options.in, channels, 3, 2, 1);
  features.add(stem);
  for (const Block& block : blocks) {
    const Index out = scaled(block.channels);
    nn::Sequential<T> layers;
    add_unit(layers, channels, channels, 3, block.stride, channels);
    add_unit(layers, channels, out, 1, 1, 1);
    features.add(layers);
    channels = out;
  }
  classifier.add(nn::Dropout<T>(detail::dropout_or(options, 0.001)))
      .add(nn::Linear<T>({.in = channels, .out = detail::classes_or(options, 1000)}));
  net.add("features", features).add("avgpool", nn::GlobalAvgPool2d<T>()).add("classifier", classifier);
  detail::init_weights(net, true);
  return net;
}

}  // namespace kashi::inline v0::models
