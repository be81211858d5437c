/// Whole networks as calls without arguments: one training step of five networks, one image through four.
///
/// Three stand here; resnext_compact and resunet_xray are those that examples/resnext and examples/resunet train.
/// peers/networks.py has the same networks for PyTorch. Steps: forward, loss, backward, SGD with momentum. Inference:
/// eval mode, batch norm folded into the convolutions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <kashi/models/registry.hpp>
#include <kashi/models/resnext.hpp>
#include <kashi/models/resunet.hpp>
#include <kashi/nn/fold.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/shape.hpp>
#include <kashi/optim/sgd.hpp>

namespace bench {

using kashi::Index;
using kashi::Tensor;
using kashi::Variable;
namespace nn = kashi::nn;
using Net = std::shared_ptr<nn::Module<float>>;

inline constexpr const char* step_names[] = {"digits", "resnext29", "resunet", "resnext_compact", "resunet_xray"};
inline constexpr const char* inference_names[] = {"resnet18", "vgg16", "squeezenet1_1", "mobilenet_v2"};

inline nn::Conv2d<float> conv(Index in, Index out, Index kernel, Index stride = 1, Index groups = 1) {
  return nn::Conv2d<float>({.in = in,
                            .out = out,
                            .kernel = kernel,
                            .stride = stride,
                            .padding = kernel / 2,
                            .groups = groups,
                            .bias = false});
}

/// Three times convolution, batch norm, ReLU, pooling; 64 images of 64x64.
inline nn::Sequential<float> digits() {
  const auto unit = [](Index in, Index out) {
    return nn::Sequential<float>{nn::Conv2d<float>({.in = in, .out = out, .kernel = 3, .padding = 1}),
                                 nn::BatchNorm2d<float>(out), nn::ReLU<float>(), nn::MaxPool2d<float>(2)};
  };
  return nn::Sequential<float>{unit(3, 32), unit(32, 64), unit(64, 128), nn::GlobalAvgPool2d<float>(),
                               nn::Linear<float>({.in = 128, .out = 4})};
}

/// A ResNeXt block of 8 groups, 64 channels each in the first stage (Xie et al. 2017, for CIFAR).
inline nn::Sequential<float> resnext_block(Index in, Index out, Index stride) {
  const Index inner = 2 * out;
  const nn::Sequential<float> body{conv(in, inner, 1),
                                   nn::BatchNorm2d<float>(inner),
                                   nn::ReLU<float>(),
                                   conv(inner, inner, 3, stride, 8),
                                   nn::BatchNorm2d<float>(inner),
                                   nn::ReLU<float>(),
                                   conv(inner, out, 1),
                                   nn::BatchNorm2d<float>(out)};
  if (in == out && stride == 1) return nn::Sequential<float>{nn::Residual<float>(body), nn::ReLU<float>()};
  const nn::Sequential<float> shortcut{conv(in, out, 1, stride), nn::BatchNorm2d<float>(out)};
  return nn::Sequential<float>{nn::Residual<float>(body, shortcut), nn::ReLU<float>()};
}

/// ResNeXt-29, 8x64d; 8 images of 32x32.
inline nn::Sequential<float> resnext29() {
  nn::Sequential<float> net{conv(3, 64, 3), nn::BatchNorm2d<float>(64), nn::ReLU<float>()};
  Index channels = 64;
  for (const Index out : {256, 512, 1024}) {
    for (int i = 0; i < 3; ++i) {
      net.add(resnext_block(channels, out, i == 0 && out > 256 ? 2 : 1));
      channels = out;
    }
  }
  return net.add(nn::GlobalAvgPool2d<float>()).add(nn::Linear<float>({.in = 1024, .out = 10}));
}

/// Residual U-Net, 32 to 512 channels; 2 images of 256x256x1.
class ResUNet : public nn::Module<float> {
 public:
  ResUNet() {
    Index in = 1;
    for (const Index out : widths) {
      encoders_.push_back(encoder(in, out));
      in = out;
    }
    for (std::size_t i = 4; i > 0; --i) {
      ups_.emplace_back(nn::ConvTranspose2dOptions{.in = widths[i], .out = widths[i - 1], .kernel = 2, .stride = 2});
      decoders_.push_back(two_units(2 * widths[i - 1], widths[i - 1]));
    }
  }

  Variable<float> forward(const Variable<float>& x) const override {
    std::vector<Variable<float>> skips;
    Variable<float> value = x;
    for (const auto& encode : encoders_) {
      value = encode(skips.empty() ? value : pool_(value));
      skips.push_back(value);
    }
    for (std::size_t i = 0; i < ups_.size(); ++i)
      value = decoders_[i](kashi::concat({ups_[i](value), skips[3 - i]}, -1));
    return out_(value);
  }
  void members(nn::Members<float>& m) override {
    for (std::size_t i = 0; i < encoders_.size(); ++i) m("encoder" + std::to_string(i), encoders_[i]);
    for (std::size_t i = 0; i < ups_.size(); ++i) {
      m("up" + std::to_string(i), ups_[i]);
      m("decoder" + std::to_string(i), decoders_[i]);
    }
    m("out", out_);
  }

 private:
  static constexpr Index widths[] = {32, 64, 128, 256, 512};

  static nn::Sequential<float> two_units(Index in, Index out, bool is_last_relu = true) {
    nn::Sequential<float> units{conv(in, out, 3), nn::BatchNorm2d<float>(out), nn::ReLU<float>(), conv(out, out, 3),
                                nn::BatchNorm2d<float>(out)};
    return is_last_relu ? units.add(nn::ReLU<float>()) : units;
  }
  static nn::Sequential<float> encoder(Index in, Index out) {
    return {nn::Residual<float>(two_units(in, out, false), conv(in, out, 1)), nn::ReLU<float>()};
  }

  std::vector<nn::Sequential<float>> encoders_, decoders_;
  std::vector<nn::ConvTranspose2d<float>> ups_;
  nn::MaxPool2d<float> pool_{2};
  nn::Conv2d<float> out_{{.in = 32, .out = 1, .kernel = 1}};
};

using Call = std::function<void()>;

/// Forward, loss, backward, update.
template <class Loss>
Call step_call(const Net& net, const Tensor<float>& x, Loss loss) {
  auto optimizer = std::make_shared<kashi::optim::SGD<float>>(net->parameters(),
                                                              kashi::optim::SGDOptions{.lr = 1e-3, .momentum = 0.9});
  return [net, x, loss, optimizer] {
    optimizer->zero_grad();
    loss((*net)(Variable<float>(x))).backward();
    optimizer->step();
  };
}

/// A training step of one of `step_names`. Throws ValueError for another name.
inline Call step_call(const std::string& name) {
  kashi::random::Generator random(1);
  const auto labelled = [&](auto net, kashi::Shape shape, Index classes) {
    Tensor<Index> labels({shape[0]}, std::vector<Index>(static_cast<std::size_t>(shape[0])));
    for (Index i = 0; i < shape[0]; ++i) labels.at(i) = i % classes;
    return step_call(std::make_shared<decltype(net)>(net), random.normal<float>(shape, 0, 1),
                     [labels](const Variable<float>& logits) { return kashi::cross_entropy(logits, labels); });
  };
  if (name == "digits") return labelled(digits(), {64, 64, 64, 3}, 4);
  if (name == "resnext29") return labelled(resnext29(), {8, 32, 32, 3}, 10);
  if (name == "resnext_compact")
    return labelled(kashi::models::resnext_compact({.classes = 100}), {128, 32, 32, 3}, 100);
  const auto masked = [&](const Net& net, const kashi::Shape& shape) {
    const Tensor<float> mask = random.bernoulli<float>(shape, 0.5);
    return step_call(net, random.normal<float>(shape, 0, 1), [mask](const Variable<float>& logits) {
      return kashi::binary_cross_entropy_with_logits(logits, mask);
    });
  };
  if (name == "resunet") return masked(std::make_shared<ResUNet>(), {2, 256, 256, 1});
  kashi::require(name == "resunet_xray", "benchmark: there is no training step of \"", name, "\"");
  const kashi::models::ResUNetOptions options{.widths = {16, 32, 64, 128, 192}, .dropout = 0.1};
  return masked(std::make_shared<kashi::models::ResUNet<float>>(options), {8, 160, 160, 1});
}

/// One image of 224x224 through one of `inference_names`, without gradients.
inline Call inference_call(const std::string& name) {
  auto net = std::make_shared<nn::Sequential<float>>(kashi::models::make(name));
  net->eval();
  nn::fold_batch_norm(*net, {1, 224, 224, 3});
  kashi::random::Generator random(1);
  const Tensor<float> image = random.normal<float>({1, 224, 224, 3}, 0, 1);
  return [net, image] {
    const kashi::NoGrad no_grad;
    (*net)(Variable<float>(image));
  };
}

}  // namespace bench
