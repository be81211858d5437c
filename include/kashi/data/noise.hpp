/// Gaussian noise and random erasing. Masks are left alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

namespace detail {

/// At least `count` standard normal numbers in single precision (Box-Muller), both of each pair used.
inline std::vector<float> normal_numbers(const random::Philox& numbers, Index count) {
  std::vector<float> out(static_cast<std::size_t>((count + 3) / 4 * 4));
  const auto unit = [](std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1.0p-24f; };
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto words = numbers.block(i / 4);
    for (std::size_t k = 0; k < 4; k += 2) {
      const float radius = std::sqrt(-2.0f * std::log(1.0f - unit(words[k])));
      const float angle = 2.0f * std::numbers::pi_v<float> * unit(words[k + 1]);
      out[i + k] = radius * std::cos(angle);
      out[i + k + 1] = radius * std::sin(angle);
    }
  }
  return out;
}

}  // namespace detail

struct GaussianNoiseOptions {
  Range sigma{0.0, 0.03};  ///< standard deviation, drawn uniformly for each image
  bool clip = true;        ///< keep the values in [0,1]
};

/// Adds independent normal noise to every number of the image.
class GaussianNoise {
 public:
  explicit GaussianNoise(const GaussianNoiseOptions& options = {}) : options_(options) {
    detail::check_range("GaussianNoise", "sigma", options.sigma, 0.0);
  }

  void operator()(Example& example, RandomStream& random) const {
    const auto sigma = static_cast<float>(random.uniform(options_.sigma.low, options_.sigma.high));
    const std::vector<float> noise = detail::normal_numbers(random.fork(), example.image.numel());
    float* pixels = detail::writable(example.image);
    for (Index i = 0; i < example.image.numel(); ++i) {
      const float value = pixels[i] + sigma * noise[static_cast<std::size_t>(i)];
      pixels[i] = options_.clip ? std::clamp(value, 0.0f, 1.0f) : value;
    }
  }

 private:
  GaussianNoiseOptions options_;
};

struct RandomErasingOptions {
  double p = 0.5;           ///< probability
  Range scale{0.02, 0.33};  ///< area of the rectangle as a share of the image
  Range ratio{0.3, 3.3};    ///< height / width, drawn log-uniformly
  Fill fill{};              ///< Border::constant or Border::colour
  bool noise = false;       ///< fill with standard normal numbers instead
};

/// Erases a random rectangle: Zhong et al., "Random Erasing Data Augmentation" (2017), drawn as torchvision does. After
/// ten draws of a rectangle that does not fit the image stays whole.
class RandomErasing {
 public:
  explicit RandomErasing(const RandomErasingOptions& options = {}) : options_(options) {
    detail::check_probability("RandomErasing", options.p);
    detail::check_range("RandomErasing", "scale", options.scale, 0.0);
    detail::check_range("RandomErasing", "ratio", options.ratio, 1e-3);
    require(options.scale.high <= 1.0, "RandomErasing: scale is a share of the image's area, at most 1; got ",
            options.scale.high);
    require(options.fill.border == Border::constant || options.fill.border == Border::colour,
            "RandomErasing: a rectangle is filled with Border::constant or Border::colour; got another");
  }

  void operator()(Example& example, RandomStream& random) const {
    detail::check_image("RandomErasing", example.image);
    if (!random.chance(options_.p)) return;
    const Index H = example.image.size(0), W = example.image.size(1);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double area = random.uniform(options_.scale.low, options_.scale.high) * static_cast<double>(H * W);
      const double ratio = std::exp(random.uniform(std::log(options_.ratio.low), std::log(options_.ratio.high)));
      const ImageSize size{std::llround(std::sqrt(area * ratio)), std::llround(std::sqrt(area / ratio))};
      if (size.height > H || size.width > W) continue;
      const Index top = random.below(H - size.height + 1), left = random.below(W - size.width + 1);
      erase(example.image, top, left, size, random);
      return;
    }
  }

 private:
  void erase(Tensor<float>& image, Index top, Index left, ImageSize size, RandomStream& random) const {
    const Index W = image.size(1), C = image.size(2);
    const std::vector<float> colour = detail::fill_colour(image, options_.fill);
    std::vector<float> noise;
    if (options_.noise) noise = detail::normal_numbers(random.fork(), size.height * size.width * C);
    float* pixels = detail::writable(image);
    std::size_t next = 0;
    for (Index y = top; y < top + size.height; ++y) {
      float* row = pixels + (y * W + left) * C;
      for (Index i = 0; i < size.width * C; ++i)
        row[i] = options_.noise ? noise[next++] : colour[static_cast<std::size_t>(i % C)];
    }
  }

  RandomErasingOptions options_;
};

}  // namespace kashi::inline v0::data
