/// Elastic distortion of image and mask: Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural
/// Networks Applied to Visual Document Analysis" (2003).
#pragma once

#include <vector>

#include <kashi/data/affine.hpp>
#include <kashi/data/filter.hpp>

namespace kashi::inline v0::data {

struct ElasticOptions {
  double alpha = 34.0;  ///< strength: displacements have a standard deviation of about 0.16 alpha / sigma pixels
  double sigma = 4.0;   ///< smoothness: standard deviation of the Gaussian in pixels
  Fill fill{};
  double p = 1.0;  ///< probability
};

/// Shifts every pixel by a smooth random field: numbers uniform in [-1, 1], smoothed, times alpha. The field fades to
/// about two thirds at the border, where it is smoothed with zeros.
class Elastic {
 public:
  explicit Elastic(const ElasticOptions& options = {}) : options_(options) {
    require(options.alpha >= 0.0, "Elastic: alpha can't be negative; got ", options.alpha);
    require(options.sigma > 0.0 && options.sigma <= 1000.0, "Elastic: sigma must lie in (0, 1000]; got ",
            options.sigma);
    detail::check_probability("Elastic", options.p);
  }

  void operator()(Example& example, RandomStream& random) const {
    detail::check_image("Elastic", example.image);
    const bool is_chosen = random.chance(options_.p);
    const random::Philox numbers = random.fork();
    if (!is_chosen) return;
    const Index H = example.image.size(0), W = example.image.size(1);
    std::vector<float> field = uniform_field(numbers, H * W);
    detail::filter_separable(field.data(), H, W, 2, detail::gaussian_kernel(options_.sigma), Border::constant);
    detail::warp("Elastic", example, options_.fill, [&](Index y, detail::Positions& at) {
      const float* row = field.data() + y * W * 2;
      for (std::size_t x = 0; x < at.x.size(); ++x) {
        at.x[x] = static_cast<double>(x) + options_.alpha * static_cast<double>(row[2 * x]);
        at.y[x] = static_cast<double>(y) + options_.alpha * static_cast<double>(row[2 * x + 1]);
      }
    });
  }

 private:
  /// Two numbers in [-1, 1) a pixel.
  static std::vector<float> uniform_field(const random::Philox& numbers, Index pixels) {
    std::vector<float> out(static_cast<std::size_t>((2 * pixels + 3) / 4 * 4));
    for (std::size_t i = 0; i < out.size(); i += 4) {
      const auto words = numbers.block(i / 4);
      for (std::size_t k = 0; k < 4; ++k) out[i + k] = static_cast<float>(words[k] >> 8) * 0x1.0p-23f - 1.0f;
    }
    return out;
  }

  ElasticOptions options_;
};

}  // namespace kashi::inline v0::data
