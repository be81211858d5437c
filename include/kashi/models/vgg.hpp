/// VGG (Simonyan & Zisserman 2015), with and without batch norm, with torchvision's names: features.0 ...,
/// classifier.0, classifier.3, classifier.6.
#pragma once

#include <algorithm>
#include <array>

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// What tells one VGG from another.
struct VggShape {
  std::array<Index, 5> convolutions{2, 2, 3, 3, 3};  ///< 3x3 convolutions in the five stages, a max pooling after each
  bool batch_norm = false;
};

/// A VGG of any shape: [N,H,W,in] -> [N,classes], 1,000 classes by default. The side of the input must be at least 32.
template <class T = float>
nn::Sequential<T> vgg(const VggShape& shape, const ModelOptions& options = {}) {
  nn::Sequential<T> features;
  Index channels = options.in;
  for (std::size_t stage = 0; stage < shape.convolutions.size(); ++stage) {
    const Index width = std::min<Index>(512, Index{64} << stage);
    for (Index i = 0; i < shape.convolutions[stage]; ++i) {
      features.add(nn::Conv2d<T>({.in = channels, .out = width, .kernel = 3, .padding = 1}));
      if (shape.batch_norm) features.add(nn::BatchNorm2d<T>(width));
      features.add(nn::ReLU<T>());
      channels = width;
    }
    features.add(nn::MaxPool2d<T>(2));
  }
  const double dropout = detail::dropout_or(options, 0.5);
  nn::Sequential<T> net, classifier;
  classifier.add(nn::Linear<T>({.in = 7 * 7 * 512, .out = 4096, .image = {7, 7}}))
      .add(nn::ReLU<T>())
      .add(nn::Dropout<T>(dropout));
  classifier.add(nn::Linear<T>({.in = 4096, .out = 4096})).add(nn::ReLU<T>()).add(nn::Dropout<T>(dropout));
  classifier.add(nn::Linear<T>({.in = 4096, .out = detail::classes_or(options, 1000)}));
  net.add("features", features)
      .add("avgpool", nn::AdaptiveAvgPool2d<T>(7))
      .add("flatten", nn::Flatten<T>())
      .add("classifier", classifier);
  detail::init_weights(net, true);
  return net;
}

#define KASHI_VGG(name, ...)                                                     \
  template <class T = float>                                                     \
  nn::Sequential<T> name(const ModelOptions& options = {}) {                     \
    return vgg<T>({.convolutions = {__VA_ARGS__}}, options);                     \
  }                                                                              \
  template <class T = float>                                                     \
  nn::Sequential<T> name##_bn(const ModelOptions& options = {}) {                \
    return vgg<T>({.convolutions = {__VA_ARGS__}, .batch_norm = true}, options); \
  }

KASHI_VGG(vgg11, 1, 1, 2, 2, 2)
KASHI_VGG(vgg13, 2, 2, 2, 2, 2)
KASHI_VGG(vgg16, 2, 2, 3, 3, 3)
KASHI_VGG(vgg19, 2, 2, 4, 4, 4)

#undef KASHI_VGG

}  // namespace kashi::inline v0::models
