/// SqueezeNet 1.0 and 1.1 (Iandola et al. 2016), with torchvision's names: features.0, features.3.squeeze,
/// features.3.expand1x1, features.3.expand3x3, ..., classifier.1.
#pragma once

#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// Few channels from a 1x1 convolution, which a 1x1 and a 3x3 convolution widen side by side:
/// [N,H,W,in] -> [N,H,W,2*expand].
template <class T = float>
class Fire : public nn::Module<T> {
 public:
  Fire(Index in, Index squeeze, Index expand) {
    squeeze_.add("squeeze", nn::Conv2d<T>({.in = in, .out = squeeze})).add("squeeze_activation", nn::ReLU<T>());
    expand1x1_.add("expand1x1", nn::Conv2d<T>({.in = squeeze, .out = expand}))
        .add("expand1x1_activation", nn::ReLU<T>());
    expand3x3_.add("expand3x3", nn::Conv2d<T>({.in = squeeze, .out = expand, .kernel = 3, .padding = 1}))
        .add("expand3x3_activation", nn::ReLU<T>());
  }

  Variable<T> forward(const Variable<T>& x) const override {
    const Variable<T> squeezed = squeeze_(x);
    return concat({expand1x1_(squeezed), expand3x3_(squeezed)}, -1);
  }
  void members(nn::Members<T>& m) override {
    m("", squeeze_);
    m("", expand1x1_);
    m("", expand3x3_);
  }
  std::string kind() const override { return "Fire"; }

 private:
  nn::Sequential<T> squeeze_, expand1x1_, expand3x3_;
};

namespace detail {

/// The head is a convolution; its ReLU'd maps, one a class, are averaged.
template <class T>
nn::Sequential<T> squeezenet(nn::Sequential<T> features, const ModelOptions& options) {
  nn::Sequential<T> net, classifier;
  classifier.add(nn::Dropout<T>(dropout_or(options, 0.5)))
      .add(nn::Conv2d<T>({.in = 512, .out = classes_or(options, 1000)}));
  classifier.add(nn::ReLU<T>()).add(nn::GlobalAvgPool2d<T>());
  return net.add("features", features).add("classifier", classifier);
}

template <class T>
nn::MaxPool2d<T> squeezenet_pool() {
  return nn::MaxPool2d<T>({.kernel = 3, .stride = 2, .ceil_mode = true});
}

}  // namespace detail

/// SqueezeNet 1.0: [N,H,W,in] -> [N,classes], 1,000 classes by default.
template <class T = float>
nn::Sequential<T> squeezenet1_0(const ModelOptions& options = {}) {
  const auto pool = detail::squeezenet_pool<T>();
  nn::Sequential<T> f;
  f.add(nn::Conv2d<T>({.in = options.in, .out = 96, .kernel = 7, .stride = 2})).add(nn::ReLU<T>()).add(pool);
  f.add(Fire<T>(96, 16, 64)).add(Fire<T>(128, 16, 64)).add(Fire<T>(128, 32, 128)).add(pool);
  f.add(Fire<T>(256, 32, 128))
      .add(Fire<T>(256, 48, 192))
      .add(Fire<T>(384, 48, 192))
      .add(Fire<T>(384, 64, 256))
      .add(pool);
  f.add(Fire<T>(512, 64, 256));
  return detail::squeezenet<T>(f, options);
}

/// SqueezeNet 1.1, as accurate with less than half of the work: [N,H,W,in] -> [N,classes], 1,000 classes by default.
template <class T = float>
nn::Sequential<T> squeezenet1_1(const ModelOptions& options = {}) {
  const auto pool = detail::squeezenet_pool<T>();
  nn::Sequential<T> f;
  f.add(nn::Conv2d<T>({.in = options.in, .out = 64, .kernel = 3, .stride = 2})).add(nn::ReLU<T>()).add(pool);
  f.add(Fire<T>(64, 16, 64)).add(Fire<T>(128, 16, 64)).add(pool);
  f.add(Fire<T>(128, 32, 128)).add(Fire<T>(256, 32, 128)).add(pool);
  f.add(Fire<T>(256, 48, 192)).add(Fire<T>(384, 48, 192)).add(Fire<T>(384, 64, 256)).add(Fire<T>(512, 64, 256));
  return detail::squeezenet<T>(f, options);
}

}  // namespace kashi::inline v0::models
