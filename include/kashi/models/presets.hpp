/// How a photograph becomes a network's input: presets by name, and the usual one of each network.
///
///     preset              value of a pixel                     colours  photograph                       strides
///     padded torchvision         (p - [.485 .456 .406]) / [.229 .224 .225]  RGB  shorter side 256, middle 224    alike
///     on all sides tf                  (p - 0.5) / 0.5                      RGB      the same as `SAME`
///     efficientnet_lite   (255 p - 127) / 128                  RGB      the same, crop by the network    as `SAME`
///     cifar               as torchvision                       RGB      the whole, resized to 32x32      alike on all
///     sides caffe               255 p - [104 117 123] (of B, G, R)   BGR      shorter side 256, middle 224     alike
///     on all sides
///
/// p is the pixel in [0,1]. A crop above 256 takes the middle of a photograph whose shorter side is crop / 0.875.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/data/crop.hpp>
#include <kashi/data/resize.hpp>
#include <kashi/models/options.hpp>

namespace kashi::inline v0::models {

/// How a network wants its input.
struct Preset {
  std::string name;
  std::array<float, 3> mean{};  ///< of pixels in [0,1], in the order of the network's channels
  std::array<float, 3> std{1, 1, 1};
  bool bgr = false;          ///< the network's first channel is blue
  Index crop = 224;          ///< side of the input
  Index shorter_side = 256;  ///< before the crop; 0: the whole picture is resized to the crop's size
  StridePadding padding = StridePadding::symmetric;
};

/// A preset by name; `crop` 0 is the usual one. Throws ValueError for a name that is not known, with those that are.
inline Preset preset(const std::string& name, Index crop = 0) {
  constexpr std::array<float, 3> imagenet_mean{0.485f, 0.456f, 0.406f}, imagenet_std{0.229f, 0.224f, 0.225f};
  Preset out{.name = name, .mean = imagenet_mean, .std = imagenet_std};
  if (name == "tf") {
    out = {.name = name, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}, .padding = StridePadding::same};
  } else if (name == "efficientnet_lite") {
    constexpr float mean = 127.0f / 255.0f, std = 128.0f / 255.0f;
    out = {.name = name, .mean = {mean, mean, mean}, .std = {std, std, std}, .padding = StridePadding::same};
  } else if (name == "caffe") {
    constexpr float byte = 1.0f / 255.0f;
    out = {.name = name, .mean = {104 * byte, 117 * byte, 123 * byte}, .std = {byte, byte, byte}, .bgr = true};
  } else if (name == "cifar") {
    out.crop = 32;
    out.shorter_side = 0;
  } else {
    require(name == "torchvision", "models: there is no preset \"", name,
            "\"; there are: torchvision, tf, efficientnet_lite, cifar, caffe");
  }
  require(crop >= 0 && crop <= 4096, "models: a crop must lie in 1..4096; got ", crop);
  if (crop > 0) out.crop = crop;
  if (out.shorter_side > 0 && out.crop > out.shorter_side)
    out.shorter_side = static_cast<Index>(std::lround(static_cast<double>(out.crop) / 0.875));
  return out;
}

/// The preset with which a network's best-known weights learnt, with the size that it wants.
template <class = void>
inline Preset usual_preset(const std::string& model) {
  if (model.ends_with("cifar10")) return preset("cifar");
  if (model == "efficientnet_lite1") return preset("efficientnet_lite", 240);
  if (model == "efficientnet_lite2") return preset("efficientnet_lite", 260);
  if (model.starts_with("efficientnet_lite")) return preset("efficientnet_lite");
  if (model == "mobilenet_v1_075") return preset("tf", 192);
  if (model.starts_with("mobilenet_v1")) return preset("tf");
  return preset("torchvision");
}

/// The part of a picture [H,W,3] that the network sees, values as they are: [crop,crop,3].
template <class = void>
inline Tensor<float> crop_for(const Tensor<float>& picture, const Preset& how) {
  require<ShapeError>(picture.rank() == 3 && picture.size(2) == 3, "models: a picture must be [H,W,3]; got ",
                      picture.shape());
  data::Example example{.image = picture};
  data::RandomStream unused(0, 0, 0);
  const Index height = picture.size(0), width = picture.size(1), shorter = std::min(height, width);
  if (how.shorter_side == 0) {
    data::Resize({.size = {how.crop, how.crop}})(example, unused);
    return example.image;
  }
  if (shorter != how.shorter_side) {
    const auto scaled = [&](Index side) { return std::max(how.shorter_side, side * how.shorter_side / shorter); };
    data::Resize({.size = {scaled(height), scaled(width)}})(example, unused);
  }
  data::CenterCrop({.size = {how.crop, how.crop}})(example, unused);
  return example.image;
}

/// Pixels [...,3] in [0,1] as the network wants them: order of colours, mean, standard deviation.
template <class = void>
inline Tensor<float> normalize_for(const Tensor<float>& pixels, const Preset& how) {
  require<ShapeError>(pixels.rank() > 0 && pixels.size(-1) == 3, "models: pixels must be [...,3]; got ",
                      pixels.shape());
  auto out = Tensor<float>::empty(pixels.shape());
  const float* from = pixels.data();
  float* to = out.mutable_data();
  for (Index i = 0; i < pixels.numel(); i += 3)
    for (std::size_t c = 0; c < 3; ++c)
      to[i + static_cast<Index>(c)] = (from[i + static_cast<Index>(how.bgr ? 2 - c : c)] - how.mean[c]) / how.std[c];
  return out;
}

}  // namespace kashi::inline v0::models
