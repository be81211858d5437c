/// ResNet for images of 32x32 pixels (He et al. 2016, section 4.2): three stages of 16, 32 and 64 channels, 6n + 2
/// layers. Names: conv1, bn1, layer1.0.conv1 ... layer3.2.bn2, linear (as in akamaster/pytorch_resnet_cifar10).
#pragma once

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// The shortcut without parameters ("option A"): every second pixel, with channels of zeros before and after:
/// [N,H,W,C] -> [N,ceil(H/2),ceil(W/2),2C].
template <class T = float>
class PaddedShortcut : public nn::Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) const override {
    const Variable<T> picked = avg_pool2d(x, {.kernel = 1, .stride = 2});
    const Shape& shape = picked.shape();
    const Variable<T> zeros(Tensor<T>::zeros({shape[0], shape[1], shape[2], shape[3] / 2}));
    return concat({zeros, picked, zeros}, -1);
  }
  std::string kind() const override { return "PaddedShortcut"; }
};

namespace detail {

template <class T>
nn::Sequential<T> cifar_block(Index in, Index out, Index stride, StridePadding padding) {
  const Padding strided = padding_of(padding, StridePadding::symmetric, 3);
  nn::Sequential<T> body, whole;
  body.add("conv1",
           nn::Conv2d<T>({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = strided, .bias = false}));
  body.add("bn1", nn::BatchNorm2d<T>(out)).add("relu1", nn::ReLU<T>());
  body.add("conv2", nn::Conv2d<T>({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}))
      .add("bn2", nn::BatchNorm2d<T>(out));
  if (in == out)
    whole.add_inline(nn::Residual<T>(body, {.body = ""}));
  else
    whole.add_inline(nn::Residual<T>(body, PaddedShortcut<T>(), {.body = "", .shortcut = "shortcut"}));
  return whole.add("relu", nn::ReLU<T>());
}

}  // namespace detail

/// With `blocks` blocks in each stage: [N,H,W,in] -> [N,classes], 10 classes by default.
template <class T = float>
nn::Sequential<T> cifar_resnet(Index blocks, const ModelOptions& options = {}) {
  require(blocks > 0, "cifar_resnet: the number of blocks must be positive; got ", blocks);
  nn::Sequential<T> net;
  net.add("conv1", nn::Conv2d<T>({.in = options.in, .out = 16, .kernel = 3, .padding = 1, .bias = false}));
  net.add("bn1", nn::BatchNorm2d<T>(16)).add("relu", nn::ReLU<T>());
  Index channels = 16;
  for (Index stage = 1; stage <= 3; ++stage) {
    const Index out = Index{8} << stage;
    nn::Sequential<T> layer;
    for (Index i = 0; i < blocks; ++i) {
      layer.add(detail::cifar_block<T>(channels, out, channels == out ? 1 : 2, options.padding));
      channels = out;
    }
    net.add("layer" + std::to_string(stage), layer);
  }
  net.add("avgpool", nn::GlobalAvgPool2d<T>());
  if (options.dropout > 0) net.add("dropout", nn::Dropout<T>(options.dropout));
  net.add("linear", nn::Linear<T>({.in = channels, .out = detail::classes_or(options, 10)}));
  detail::init_weights(net);
  return net;
}

template <class T = float>
nn::Sequential<T> resnet20_cifar10(const ModelOptions& options = {}) {
  return cifar_resnet<T>(3, options);
}

template <class T = float>
nn::Sequential<T> resnet56_cifar10(const ModelOptions& options = {}) {
  return cifar_resnet<T>(9, options);
}

}  // namespace kashi::inline v0::models
