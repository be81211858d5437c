/// ResNet (He et al. 2016), ResNeXt (Xie et al. 2017) and Wide ResNet (Zagoruyko & Komodakis 2016) for images such as
/// ImageNet's, with torchvision's names: conv1, bn1, layer1.0.conv1 ... layer4.2.bn3, layer2.0.downsample.0, fc.
///
/// As in torchvision, a bottleneck's stride stands in its 3x3 convolution.
#pragma once

#include <array>

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// What tells one ResNet from another.
struct ResNetShape {
  std::array<Index, 4> blocks{2, 2, 2, 2};  ///< in the four stages
  bool bottleneck = false;     ///< 1x1, 3x3, 1x1 convolutions with four times as many outputs; else two 3x3
  Index groups = 1;            ///< of the bottleneck's 3x3 convolution
  Index width_per_group = 64;  ///< of the bottleneck in the first stage
};

namespace detail {

/// Builds a ResNet's blocks one after the other and knows how many channels arrive.
template <class T>
class ResNetBuilder {
 public:
  ResNetBuilder(const ResNetShape& shape, StridePadding padding) : shape_(shape), padding_(padding) {}

  Index channels() const { return channels_; }

  nn::Conv2d<T> conv(Index in, Index out, Index kernel, Index stride, Index groups = 1) const {
    return nn::Conv2d<T>({.in = in,
                          .out = out,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = padding_of(padding_, StridePadding::symmetric, kernel),
                          .groups = groups,
                          .bias = false});
  }

  nn::Sequential<T> stage(Index blocks, Index width, Index stride) {
    nn::Sequential<T> out;
    for (Index i = 0; i < blocks; ++i) out.add(block(width, i == 0 ? stride : 1));
    return out;
  }

 private:
  nn::Sequential<T> block(Index width, Index stride) {
    const Index in = channels_, out = shape_.bottleneck ? 4 * width : width;
    channels_ = out;
    const nn::Sequential<T> body = shape_.bottleneck ? bottleneck(in, width, out, stride) : basic(in, out, stride);
    nn::Sequential<T> whole;
    if (stride == 1 && in == out) {
      whole.add_inline(nn::Residual<T>(body, {.body = ""}));
    } else {
      const nn::Sequential<T> downsample{conv(in, out, 1, stride), nn::BatchNorm2d<T>(out)};
      whole.add_inline(nn::Residual<T>(body, downsample, {.body = "", .shortcut = "downsample"}));
    }
    return whole.add("relu", nn::ReLU<T>());
  }

  nn::Sequential<T> basic(Index in, Index out, Index stride) const {
    nn::Sequential<T> body;
    body.add("conv1", conv(in, out, 3, stride)).add("bn1", nn::BatchNorm2d<T>(out)).add("relu1", nn::ReLU<T>());
    return body.add("conv2", conv(out, out, 3, 1)).add("bn2", nn::BatchNorm2d<T>(out));
  }

  nn::Sequential<T> bottleneck(Index in, Index width, Index out, Index stride) const {
    const Index inner = width * shape_.width_per_group / 64 * shape_.groups;
    nn::Sequential<T> body;
    body.add("conv1", conv(in, inner, 1, 1)).add("bn1", nn::BatchNorm2d<T>(inner)).add("relu1", nn::ReLU<T>());
    body.add("conv2", conv(inner, inner, 3, stride, shape_.groups))
        .add("bn2", nn::BatchNorm2d<T>(inner))
        .add("relu2", nn::ReLU<T>());
    return body.add("conv3", conv(inner, out, 1, 1)).add("bn3", nn::BatchNorm2d<T>(out));
  }

  ResNetShape shape_;
  StridePadding padding_;
  Index channels_ = 64;
};

}  // namespace detail

/// A ResNet of any shape: [N,H,W,in] -> [N,classes], 1,000 classes by default. The side of the input is divided by 32.
template <class T = float>
nn::Sequential<T> resnet(const ResNetShape& shape, const ModelOptions& options = {}) {
  detail::ResNetBuilder<T> build(shape, options.padding);
  nn::Sequential<T> net;
  net.add("conv1", build.conv(options.in, 64, 7, 2)).add("bn1", nn::BatchNorm2d<T>(64)).add("relu", nn::ReLU<T>());
  net.add("maxpool", nn::MaxPool2d<T>({.kernel = 3, .stride = 2, .padding = 1}));
  for (std::size_t i = 0; i < shape.blocks.size(); ++i)
    net.add("layer" + std::to_string(i + 1), build.stage(shape.blocks[i], Index{64} << i, i == 0 ? 1 : 2));
  net.add("avgpool", nn::GlobalAvgPool2d<T>());
  if (options.dropout > 0) net.add("dropout", nn::Dropout<T>(options.dropout));
  net.add("fc", nn::Linear<T>({.in = build.channels(), .out = detail::classes_or(options, 1000)}));
  detail::init_weights(net);
  return net;
}

template <class T = float>
nn::Sequential<T> resnet18(const ModelOptions& options = {}) {
  return resnet<T>({.blocks = {2, 2, 2, 2}}, options);
}

template <class T = float>
nn::Sequential<T> resnet34(const ModelOptions& options = {}) {
  return resnet<T>({.blocks = {3, 4, 6, 3}}, options);
}

template <class T = float>
nn::Sequential<T> resnet50(const ModelOptions& options = {}) {
  return resnet<T>({.blocks = {3, 4, 6, 3}, .bottleneck = true}, options);
}

template <class T = float>
nn::Sequential<T> resnext50_32x4d(const ModelOptions& options = {}) {
  return resnet<T>({.blocks = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .width_per_group = 4}, options);
}

template <class T = float>
nn::Sequential<T> wide_resnet50_2(const ModelOptions& options = {}) {
  return resnet<T>({.blocks = {3, 4, 6, 3}, .bottleneck = true, .width_per_group = 128}, options);
}

}  // namespace kashi::inline v0::models
