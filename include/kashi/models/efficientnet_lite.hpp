/// EfficientNet-Lite 0 to 2 (Google 2020, after Tan & Le 2019): no squeeze-and-excite, ReLU6 instead of swish, stem and
/// head that do not grow. Names are those of the EfficientNet-PyTorch family: _conv_stem, _bn0, _blocks.N._expand_conv,
/// _fc.
///
/// From the reference: batch norm's eps is 1e-3 and strides are padded as TensorFlow's `SAME`.
#pragma once

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

namespace detail {

/// Builds the blocks of an EfficientNet-Lite.
template <class T>
class LiteBuilder {
 public:
  explicit LiteBuilder(const ModelOptions& options) : options_(options) {}

  nn::Conv2d<T> conv(Index in, Index out, Index kernel, Index stride, Index groups = 1) const {
    return nn::Conv2d<T>({.in = in,
                          .out = out,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = padding_of(options_.padding, StridePadding::same, kernel),
                          .groups = groups,
                          .bias = false});
  }
  /// PyTorch's momentum counts the new batch: 1 - 0.99.
  nn::BatchNorm2d<T> norm(Index channels) const {
    return nn::BatchNorm2d<T>(channels, {.eps = eps_or(options_, 1e-3), .momentum = 0.01});
  }

  nn::Sequential<T> block(Index in, Index out, Index kernel, Index stride, Index expansion) const {
    const Index wide = in * expansion;
    nn::Sequential<T> body, whole;
    if (expansion != 1)
      body.add("_expand_conv", conv(in, wide, 1, 1)).add("_bn0", norm(wide)).add("_relu0", nn::ReLU6<T>());
    body.add("_depthwise_conv", conv(wide, wide, kernel, stride, wide))
        .add("_bn1", norm(wide))
        .add("_relu1", nn::ReLU6<T>());
    body.add("_project_conv", conv(wide, out, 1, 1)).add("_bn2", norm(out));
    return stride == 1 && in == out ? whole.add_inline(nn::Residual<T>(body, {.body = ""})) : body;
  }

 private:
  ModelOptions options_;
};

}  // namespace detail

/// What tells one EfficientNet-Lite from another.
struct EfficientNetLiteShape {
  double width = 1.0;  ///< multiplies channels
  double depth = 1.0;  ///< multiplies the number of blocks, but for the first and the last stage
  double dropout = 0.2;
};

/// [N,H,W,in] -> [N,classes], 1,000 classes by default.
template <class T = float>
nn::Sequential<T> efficientnet_lite(const EfficientNetLiteShape& shape, const ModelOptions& options = {}) {
  struct Stage {
    Index blocks, kernel, stride, expansion, channels;
  };
  constexpr Stage stages[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                              {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};
  constexpr Index stem = 32, head = 1280;
  const detail::LiteBuilder<T> build(options);

  nn::Sequential<T> net, blocks;
  net.add("_conv_stem", build.conv(options.in, stem, 3, 2)).add("_bn0", build.norm(stem)).add("_relu0", nn::ReLU6<T>());
  Index channels = stem;
  for (const Stage& stage : stages) {
    const bool is_fixed = &stage == std::begin(stages) || &stage == std::end(stages) - 1;
    const Index count =
        is_fixed ? stage.blocks : static_cast<Index>(std::ceil(static_cast<double>(stage.blocks) * shape.depth));
    const Index out = detail::scaled_channels(stage.channels, shape.width);
    for (Index i = 0; i < count; ++i) {
      blocks.add(build.block(channels, out, stage.kernel, i == 0 ? stage.stride : 1, stage.expansion));
      channels = out;
    }
  }
  net.add("_blocks", blocks);
  net.add("_conv_head", build.conv(channels, head, 1, 1)).add("_bn1", build.norm(head)).add("_relu1", nn::ReLU6<T>());
  net.add("_avg_pooling", nn::GlobalAvgPool2d<T>())
      .add("_dropout", nn::Dropout<T>(detail::dropout_or(options, shape.dropout)));
  net.add("_fc", nn::Linear<T>({.in = head, .out = detail::classes_or(options, 1000)}));
  detail::init_weights(net, true);
  return net;
}

template <class T = float>
nn::Sequential<T> efficientnet_lite0(const ModelOptions& options = {}) {
  return efficientnet_lite<T>({}, options);
}

template <class T = float>
nn::Sequential<T> efficientnet_lite1(const ModelOptions& options = {}) {
  return efficientnet_lite<T>({.depth = 1.1}, options);
}

template <class T = float>
nn::Sequential<T> efficientnet_lite2(const ModelOptions& options = {}) {
  return efficientnet_lite<T>({.width = 1.1, .depth = 1.2, .dropout = 0.3}, options);
}

}  // namespace kashi::inline v0::models
