/// Gaussian blur.
#pragma once

#include <kashi/data/filter.hpp>
#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

struct GaussianBlurOptions {
  Range sigma{0.1, 2.0};  ///< standard deviation in pixels, drawn uniformly
  double p = 1.0;         ///< probability
};

/// Blurs the image (not the mask), mirrored at the border. Draws of sigma below 0.1 leave the image as it is.
class GaussianBlur {
 public:
  explicit GaussianBlur(const GaussianBlurOptions& options = {}) : options_(options) {
    detail::check_range("GaussianBlur", "sigma", options.sigma, 0.0);
    detail::check_probability("GaussianBlur", options.p);
  }

  void operator()(Example& example, RandomStream& random) const {
    detail::check_image("GaussianBlur", example.image);
    const bool is_chosen = random.chance(options_.p);
    const double sigma = random.uniform(options_.sigma.low, options_.sigma.high);
    if (!is_chosen || sigma < 0.1) return;
    float* pixels = detail::writable(example.image);
    detail::filter_separable(pixels, example.image.size(0), example.image.size(1), example.image.size(2),
                             detail::gaussian_kernel(sigma), Border::reflect);
  }

 private:
  GaussianBlurOptions options_;
};

}  // namespace kashi::inline v0::data
