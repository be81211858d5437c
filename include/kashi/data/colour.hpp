/// Transforms of colour: jitter, gamma, and normalisation. Masks are left alone.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

struct ColorJitterOptions {
  double brightness = 0.0;  ///< factor from max(0, 1 - b) to 1 + b
  double contrast = 0.0;    ///< the same, about the image's mean grey
  double saturation = 0.0;  ///< the same, about each pixel's grey
  double hue = 0.0;         ///< turn of the colour circle from -hue to hue, at most 0.5
};

namespace detail {

inline float grey_of(const float* pixel) { return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]; }

inline float clamp_unit(float value) { return std::min(1.0f, std::max(0.0f, value)); }

/// The pixel's colour turned by `turn` (a share of the colour circle), with the value and saturation of HSV kept.
inline void turn_hue(float* pixel, float turn) {
  const float high = std::max({pixel[0], pixel[1], pixel[2]}), low = std::min({pixel[0], pixel[1], pixel[2]});
  const float chroma = high - low;
  if (chroma == 0.0f) return;
  const float sector = high == pixel[0]   ? (pixel[1] - pixel[2]) / chroma
                       : high == pixel[1] ? (pixel[2] - pixel[0]) / chroma + 2.0f
                                          : (pixel[0] - pixel[1]) / chroma + 4.0f;
  const float hue = sector + 6.0f * turn + 12.0f;  // positive; three channels are this plus an offset, modulo 6
  constexpr std::array<float, 3> offsets{5.0f, 3.0f, 1.0f};
  for (std::size_t c = 0; c < 3; ++c) {
    float k = hue + offsets[c];
    k -= 6.0f * static_cast<float>(static_cast<int>(k * (1.0f / 6.0f)));
    pixel[c] = high - chroma * clamp_unit(std::min(k, 4.0f - k));
  }
}

}  // namespace detail

/// Changes brightness, contrast, saturation and hue in a random order, as torchvision does; results stay in [0,1].
/// Grey images ([H,W,1]) have brightness and contrast only.
class ColorJitter {
 public:
  explicit ColorJitter(const ColorJitterOptions& options) : options_(options) {
    require(std::min({options.brightness, options.contrast, options.saturation}) >= 0.0,
            "ColorJitter: brightness, contrast and saturation can't be negative; got ", options.brightness, ", ",
            options.contrast, ", ", options.saturation);
    require(options.hue >= 0.0 && options.hue <= 0.5, "ColorJitter: hue must lie in [0, 0.5]; got ", options.hue);
  }

  void operator()(Example& example, RandomStream& random) const {
    detail::check_image("ColorJitter", example.image);
    const Index channels = example.image.size(2);
    require<ShapeError>(channels == 1 || channels == 3, "ColorJitter: an image must have 1 or 3 channels; got ",
                        example.image.shape());
    const auto factor = [&](double reach) {
      return static_cast<float>(random.uniform(std::max(0.0, 1.0 - reach), 1.0 + reach));
    };
    const float brightness = factor(options_.brightness), contrast = factor(options_.contrast),
                saturation = factor(options_.saturation);
    const auto turn = static_cast<float>(random.uniform(-options_.hue, options_.hue));
    std::array<int, 4> order{0, 1, 2, 3};
    for (std::size_t i = 3; i > 0; --i)
      std::swap(order[i], order[static_cast<std::size_t>(random.below(static_cast<Index>(i) + 1))]);
    float* pixels = detail::writable(example.image);
    const Index count = example.image.numel();
    for (const int step : order) {
      if (step == 0 && options_.brightness > 0.0) scale_about(pixels, count, brightness, 0.0f);
      if (step == 1 && options_.contrast > 0.0)
        scale_about(pixels, count, contrast, mean_grey(pixels, count, channels));
      if (step == 2 && options_.saturation > 0.0 && channels == 3) saturate(pixels, count, saturation);
      if (step == 3 && options_.hue > 0.0 && channels == 3)
        for (Index i = 0; i < count; i += 3) detail::turn_hue(pixels + i, turn);
    }
  }

 private:
  static void scale_about(float* pixels, Index count, float factor, float centre) {
    const float shift = (1.0f - factor) * centre;
    for (Index i = 0; i < count; ++i) pixels[i] = detail::clamp_unit(factor * pixels[i] + shift);
  }

  static void saturate(float* pixels, Index count, float factor) {
    for (Index i = 0; i < count; i += 3) scale_about(pixels + i, 3, factor, detail::grey_of(pixels + i));
  }

  static float mean_grey(const float* pixels, Index count, Index channels) {
    double sum = 0.0;
    for (Index i = 0; i < count; i += channels)
      sum += static_cast<double>(channels == 3 ? detail::grey_of(pixels + i) : pixels[i]);
    return static_cast<float>(sum / static_cast<double>(count / channels));
  }

  ColorJitterOptions options_;
};

struct RandomGammaOptions {
  Range gamma{0.7, 1.5};  ///< below 1 brightens
};

/// Raises the values to a random power, drawn log-uniformly; negative values become 0.
class RandomGamma {
 public:
  explicit RandomGamma(const RandomGammaOptions& options = {}) : options_(options) {
    detail::check_range("RandomGamma", "gamma", options.gamma, 1e-3);
  }

  void operator()(Example& example, RandomStream& random) const {
    const auto gamma =
        static_cast<float>(std::exp(random.uniform(std::log(options_.gamma.low), std::log(options_.gamma.high))));
    float* pixels = detail::writable(example.image);
    const Index count = example.image.numel();
    for (Index i = 0; i < count; ++i) pixels[i] = std::pow(std::max(pixels[i], 0.0f), gamma);
  }

 private:
  RandomGammaOptions options_;
};

struct NormalizeOptions {
  std::vector<float> mean{};  ///< one number for each channel
  std::vector<float> std{};   ///< standard deviations, not 0
};

/// (value - mean) / std, channel by channel.
class Normalize {
 public:
  explicit Normalize(NormalizeOptions options) : options_(std::move(options)) {
    require(!options_.mean.empty() && options_.mean.size() == options_.std.size(),
            "Normalize: mean and std must have one number for each channel; got ", options_.mean.size(), " and ",
            options_.std.size());
    for (const float std : options_.std)
      require(std > 0.0f, "Normalize: a standard deviation must be positive; got ", std);
  }

  void operator()(Example& example, RandomStream&) const {
    const auto C = static_cast<Index>(options_.mean.size());
    detail::check_image("Normalize", example.image);
    require<ShapeError>(example.image.size(2) == C, "Normalize: mean has ", C, " channels; the image is ",
                        example.image.shape());
    float* pixels = detail::writable(example.image);
    const Index count = example.image.numel();
    for (Index i = 0; i < count; i += C) {
      for (Index c = 0; c < C; ++c) {
        const auto at = static_cast<std::size_t>(c);
        pixels[i + c] = (pixels[i + c] - options_.mean[at]) / options_.std[at];
      }
    }
  }

 private:
  NormalizeOptions options_;
};

}  // namespace kashi::inline v0::data
