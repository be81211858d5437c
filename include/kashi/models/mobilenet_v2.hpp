/// MobileNetV2 (Sandler et al. 2018) with torchvision's names: features.0.0, features.1.conv.0.0, ..., classifier.1.
///
/// Weights that come from TensorFlow need `.padding = StridePadding::same`.
#pragma once

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

namespace detail {

/// Convolution without bias, batch norm, ReLU6.
template <class T>
nn::Sequential<T> mobilenet_unit(Index in, Index out, Index kernel, Index stride, Index groups,
                                 const ModelOptions& options) {
  return nn::Sequential<T>{nn::Conv2d<T>({.in = in,
                                          .out = out,
                                          .kernel = kernel,
                                          .stride = stride,
                                          .padding = padding_of(options.padding, StridePadding::symmetric, kernel),
                                          .groups = groups,
                                          .bias = false}),
                           nn::BatchNorm2d<T>(out, {.eps = eps_or(options, 1e-5)}), nn::ReLU6<T>()};
}

/// Widens by 1x1, filters each channel by itself, narrows by 1x1 without an activation; the input is added when it
/// fits.
template <class T>
nn::Sequential<T> inverted_residual(Index in, Index out, Index stride, Index expansion, const ModelOptions& options) {
  const Index wide = in * expansion;
  nn::Sequential<T> conv, body, block;
  if (expansion != 1) conv.add(mobilenet_unit<T>(in, wide, 1, 1, 1, options));
  conv.add(mobilenet_unit<T>(wide, wide, 3, stride, wide, options));
  conv.add(nn::Conv2d<T>({.in = wide, .out = out, .bias = false}))
      .add(nn::BatchNorm2d<T>(out, {.eps = eps_or(options, 1e-5)}));
  body.add("conv", conv);
  return stride == 1 && in == out ? block.add_inline(nn::Residual<T>(body, {.body = ""})) : body;
}

}  // namespace detail

/// [N,H,W,in] -> [N,classes], 1,000 classes by default. `width` multiplies the number of channels.
template <class T = float>
nn::Sequential<T> mobilenet_v2(const ModelOptions& options = {}, double width = 1.0) {
  struct Stage {
    Index expansion, channels, blocks, stride;
  };
  constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                              {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  Index channels = detail::scaled_channels(32, width);
  const Index last = detail::scaled_channels(1280, std::max(1.0, width));

  nn::Sequential<T> net, features, classifier;
  features.add(detail::mobilenet_unit<T>(options.in, channels, 3, 2, 1, options));
  for (const Stage& stage : stages)
    for (Index i = 0; i < stage.blocks; ++i) {
      const Index out = detail::scaled_channels(stage.channels, width);
      features.add(detail::inverted_residual<T>(channels, out, i == 0 ? stage.stride : 1, stage.expansion, options));
      channels = out;
    }
  features.add(detail::mobilenet_unit<T>(channels, last, 1, 1, 1, options));
  classifier.add(nn::Dropout<T>(detail::dropout_or(options, 0.2)))
      .add(nn::Linear<T>({.in = last, .out = detail::classes_or(options, 1000)}));
  net.add("features", features).add("avgpool", nn::GlobalAvgPool2d<T>()).add("classifier", classifier);
  detail::init_weights(net, true);
  return net;
}

}  // namespace kashi::inline v0::models
