/// ResUNet: a U-Net (Ronneberger et al. 2015) with a residual encoder (He et al. 2016; Zhang et al. 2018), for masks of
/// any image size.
///
///     models::ResUNet net({.in = 1, .out = 1, .widths = {16, 32, 64, 128}});
///
/// The encoder halves the image from stage to stage; the decoder doubles it again, and each step sees the encoder's
/// maps of its size beside its own. The encoder can be exchanged: any stages that halve do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kashi/models/options.hpp>
#include <kashi/models/resnet.hpp>
#include <kashi/ops/reflect_pad.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::models {

/// The half of a U-Net that looks: stage i gives `channels[i]` maps of half the size of stage i - 1; stage 0 divides
/// the image's size by `first_stride`, 1 or 2.
template <class T = float>
struct UNetEncoder {
  std::vector<nn::Sequential<T>> stages{};
  std::vector<Index> channels{};
  Index first_stride = 1;
};

/// Options of ResUNet and its encoder.
struct ResUNetOptions {
  Index in = 1;                                     ///< channels of the image
  Index out = 1;                                    ///< maps of logits, one a class of masks
  std::vector<Index> widths{16, 32, 64, 128, 256};  ///< channels of the stages
  Index blocks = 1;                                 ///< residual blocks a stage
  double dropout = 0;                               ///< before the last convolution
  double prior = 0.01;  ///< share of foreground that the first weights answer: the last bias is log(p / (1 - p))
};

namespace detail {

template <class T>
nn::Sequential<T> unet_conv(Index in, Index out) {
  return nn::Sequential<T>{nn::Conv2d<T>({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}),
                           nn::BatchNorm2d<T>(out), nn::ReLU<T>()};
}

/// Appends the modules of `more`, so that neighbours stand in one Sequential.
template <class T>
nn::Sequential<T>& add_all(nn::Sequential<T>& to, std::initializer_list<nn::Sequential<T>> more) {
  for (const auto& part : more) to.add(part);
  return to;
}

/// relu(conv-norm-relu-conv-norm(x) + x); where the shape changes, x goes through a 1x1 convolution and batch norm.
template <class T>
nn::Sequential<T> basic_block(Index in, Index out, Index stride) {
  nn::Sequential<T> body;
  body.add(nn::Conv2d<T>({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}))
      .add(nn::BatchNorm2d<T>(out))
      .add(nn::ReLU<T>());
  body.add(nn::Conv2d<T>({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}))
      .add(nn::BatchNorm2d<T>(out));
  nn::Sequential<T> block;
  if (stride == 1 && in == out) {
    block.add(nn::Residual<T>(body));
  } else {
    block.add(nn::Residual<T>(
        body, nn::Sequential<T>{nn::Conv2d<T>({.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false}),
                                nn::BatchNorm2d<T>(out)}));
  }
  return block.add(nn::ReLU<T>());
}

}  // namespace detail

/// Residual blocks of two 3x3 convolutions; each stage after the first begins with a stride of 2.
template <class T = float>
UNetEncoder<T> residual_encoder(const ResUNetOptions& o) {
  UNetEncoder<T> encoder;
  Index channels = o.in;
  for (std::size_t stage = 0; stage < o.widths.size(); ++stage) {
    nn::Sequential<T> blocks;
    for (Index i = 0; i < o.blocks; ++i) {
      blocks.add(detail::basic_block<T>(channels, o.widths[stage], i == 0 && stage > 0 ? 2 : 1));
      channels = o.widths[stage];
    }
    encoder.stages.push_back(blocks);
    encoder.channels.push_back(channels);
  }
  return encoder;
}

/// The plain U-Net's encoder, for comparison: two convolutions a stage, max pooling between the stages.
template <class T = float>
UNetEncoder<T> plain_encoder(const ResUNetOptions& o) {
  UNetEncoder<T> encoder;
  Index channels = o.in;
  for (std::size_t stage = 0; stage < o.widths.size(); ++stage) {
    nn::Sequential<T> blocks;
    if (stage > 0) blocks.add(nn::MaxPool2d<T>(2));
    for (Index i = 0; i < o.blocks; ++i) {
      detail::add_all(blocks, {detail::unet_conv<T>(channels, o.widths[stage]),
                               detail::unet_conv<T>(o.widths[stage], o.widths[stage])});
      channels = o.widths[stage];
    }
    encoder.stages.push_back(blocks);
    encoder.channels.push_back(channels);
  }
  return encoder;
}

/// ResNet-18 or 34 without its head as an encoder; its weights load under "encoder.<stage>" with torchvision's inner
/// names. `resnet` is such a network, trained or new.
template <class T = float>
UNetEncoder<T> resnet_encoder(nn::Sequential<T> resnet) {
  UNetEncoder<T> encoder;
  encoder.first_stride = 2;
  encoder.channels = {64, 64, 128, 256, 512};
  nn::Sequential<T> stem, first;
  for (const char* name : {"conv1", "bn1", "relu"}) stem.add(name, resnet.child(name));
  for (const char* name : {"maxpool", "layer1"}) first.add(name, resnet.child(name));
  encoder.stages = {stem, first};
  for (const char* name : {"layer2", "layer3", "layer4"})
    encoder.stages.push_back(nn::Sequential<T>().add(name, resnet.child(name)));
  return encoder;
}

/// [N,H,W,in] -> logits [N,H,W,out] for any H and W. Images whose size the stages do not divide are continued by
/// mirroring at the bottom and right, and the maps are cut back. Children: "encoder.0", ..., "decoder.0", ... from
/// coarse to fine, "head".
template <class T = float>
class ResUNet : public nn::Module<T> {
 public:
  explicit ResUNet(const ResUNetOptions& options = {}) : ResUNet(options, residual_encoder<T>(options)) {}

  /// With another encoder, for `options.in` channels; `options.widths` and `blocks` count only for the encoder. Throws
  /// ValueError for an encoder of fewer than two stages.
  ResUNet(const ResUNetOptions& options, UNetEncoder<T> encoder) : options_(options), encoder_(std::move(encoder)) {
    require(encoder_.stages.size() >= 2 && encoder_.stages.size() == encoder_.channels.size(),
            "ResUNet: an encoder needs at least two stages, and channels for each; got ", encoder_.stages.size(),
            " and ", encoder_.channels.size());
    require(encoder_.first_stride == 1 || encoder_.first_stride == 2,
            "ResUNet: the encoder's first stride must be 1 or 2; got ", encoder_.first_stride);
    require(options.out > 0 && options.prior > 0 && options.prior < 1,
            "ResUNet: .out must be positive and .prior lie between 0 and 1; got ", options.out, " and ", options.prior);
    Index channels = encoder_.channels.back();
    for (std::size_t i = encoder_.channels.size() - 1; i-- > 0;) {
      const Index skip = encoder_.channels[i];
      nn::Sequential<T> step;
      decoder_.push_back(
          detail::add_all(step, {detail::unet_conv<T>(channels + skip, skip), detail::unet_conv<T>(skip, skip)}));
      channels = skip;
    }
    if (options.dropout > 0) head_.add("dropout", nn::Dropout2d<T>(options.dropout));
    nn::Conv2d<T> last({.in = channels, .out = options.out, .kernel = 1});
    nn::init::constant(last.bias(), std::log(options.prior / (1 - options.prior)));
    head_.add("conv", std::move(last));
  }

  Variable<T> forward(const Variable<T>& x) const override {
    require<ShapeError>(x.rank() == 4 && x.size(1) > 0 && x.size(2) > 0 && x.size(3) == options_.in,
                        "ResUNet: the input must be [N,H,W,", options_.in, "]; got ", x.shape());
    const Index height = x.size(1), width = x.size(2), unit = encoder_.first_stride << (encoder_.stages.size() - 1);
    const Index below = (unit - height % unit) % unit, beside = (unit - width % unit) % unit;
    const Variable<T> y = whole_units(below == 0 && beside == 0 ? x : reflect_pad(x, {0, below, 0, beside}));
    return below == 0 && beside == 0 ? y : narrow(narrow(y, 1, 0, height), 2, 0, width);
  }
  void members(nn::Members<T>& m) override {
    for (std::size_t i = 0; i < encoder_.stages.size(); ++i) m("encoder." + std::to_string(i), encoder_.stages[i]);
    for (std::size_t i = 0; i < decoder_.size(); ++i) m("decoder." + std::to_string(i), decoder_[i]);
    m("head", head_);
  }
  std::string kind() const override { return "ResUNet"; }

 private:
  Variable<T> whole_units(const Variable<T>& x) const {
    std::vector<Variable<T>> maps;
    for (const auto& stage : encoder_.stages) maps.push_back(stage(maps.empty() ? x : maps.back()));
    Variable<T> value = maps.back();
    for (std::size_t i = 0; i < decoder_.size(); ++i) {
      const Variable<T>& skip = maps[maps.size() - 2 - i];
      value = decoder_[i](concat({upsample(value, 2, {.mode = ResizeMode::bilinear}), skip}, -1));
    }
    const Variable<T> logits = head_(value);
    return encoder_.first_stride == 1 ? logits : upsample(logits, 2, {.mode = ResizeMode::bilinear});
  }

  ResUNetOptions options_;
  UNetEncoder<T> encoder_;
  std::vector<nn::Sequential<T>> decoder_;
  nn::Sequential<T> head_;
};

ResUNet(const ResUNetOptions&)->ResUNet<float>;
template <class T>
ResUNet(const ResUNetOptions&, UNetEncoder<T>) -> ResUNet<T>;

}  // namespace kashi::inline v0::models
