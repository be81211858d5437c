/// Images written as spectra of decorrelated colours, for class visualization (Olah, Mordvintsev and Schubert, "Feature
/// Visualization", 2017, and its program Lucid).
///
/// A step of equal length in every number of a spectrum that is scaled by 1/frequency moves smooth structure as easily
/// as fine structure, and a step along the main axes of natural colours keeps the colours natural. The set of images is
/// the same as that of free pixels; what changes is which of them gradient ascent finds.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include <kashi/core/matmul.hpp>
#include <kashi/core/reduce.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::explain {

/// The map from spectra [2,H,W/2+1,C] (real parts, then imaginary parts; the other half follows, since images are real)
/// to images [1,H,W,C], and its adjoint. The image is irfft2(scale * spectrum), orthonormal, over 4, with scale = 1 /
/// max(f, 1 / max(W,H))^falloff, f = sqrt(fx^2 + fy^2) in cycles a pixel. Both are products with matrices of cosines
/// and sines, which serve any size.
template <class T>
class ImageSpectrum {
 public:
  /// Throws ValueError for sizes below 1.
  ImageSpectrum(Index height, Index width, double falloff = 1) : height_(height), width_(width), half_(width / 2 + 1) {
    require(height >= 1 && width >= 1, "ImageSpectrum: sides must be at least 1; got ", height, " and ", width);
    rows_ = Tensor<T>::empty({2 * height, 2 * height});
    columns_ = Tensor<T>::empty({width, 2 * half_});
    scale_ = Tensor<T>::empty({height, half_});
    constexpr double turn = 2 * std::numbers::pi;
    T* row = rows_.mutable_data();
    for (Index y = 0; y < height; ++y)
      for (Index k = 0; k < height; ++k) {
        const double angle = turn * static_cast<double>(y * k % height) / static_cast<double>(height);
        const T c = static_cast<T>(std::cos(angle)), s = static_cast<T>(std::sin(angle));
        row[y * 2 * height + k] = row[(y + height) * 2 * height + k + height] = c;
        row[y * 2 * height + k + height] = -s;
        row[(y + height) * 2 * height + k] = s;
      }
    T* column = columns_.mutable_data();
    for (Index x = 0; x < width; ++x)
      for (Index k = 0; k < half_; ++k) {
        const double angle = turn * static_cast<double>(x * k % width) / static_cast<double>(width);
        const double twice = k == 0 || 2 * k == width ? 1 : 2;  // stands for the other half too
        column[x * 2 * half_ + k] = static_cast<T>(twice * std::cos(angle));
        column[x * 2 * half_ + k + half_] = static_cast<T>(-twice * std::sin(angle));
      }
    const double longer = static_cast<double>(std::max(height, width)), area = static_cast<double>(height * width);
    T* scale = scale_.mutable_data();
    for (Index ky = 0; ky < height; ++ky)
      for (Index kx = 0; kx < half_; ++kx) {
        const double fy = static_cast<double>(std::min(ky, height - ky)) / static_cast<double>(height);
        const double fx = static_cast<double>(kx) / static_cast<double>(width);
        *scale++ = static_cast<T>(std::pow(std::max(std::hypot(fx, fy), 1 / longer), -falloff) / std::sqrt(area) / 4);
      }
  }

  /// The shape of the spectrum of an image with so many channels.
  Shape shape(Index channels) const { return {2, height_, half_, channels}; }

  /// [2,H,W/2+1,C] -> [1,H,W,C]. Throws ShapeError.
  Tensor<T> to_image(const Tensor<T>& spectrum) const {
    require<ShapeError>(spectrum.rank() == 4 && spectrum.shape() == shape(spectrum.size(3)),
                        "ImageSpectrum: a spectrum ", shape(3), " is needed; got ", spectrum.shape());
    const Index channels = spectrum.size(3);
    const Tensor<T> down = matmul(rows_, scaled(spectrum).reshape({2 * height_, half_ * channels}));
    const Tensor<T> across =
        permute(down.reshape({2, height_, half_, channels}), {0, 2, 1, 3}).reshape({2 * half_, height_ * channels});
    return permute(matmul(columns_, across).reshape({width_, height_, channels}), {1, 0, 2})
        .reshape({1, height_, width_, channels});
  }

  /// The adjoint: [1,H,W,C] -> [2,H,W/2+1,C]. Throws ShapeError.
  Tensor<T> to_spectrum(const Tensor<T>& image) const {
    require<ShapeError>(image.rank() == 4 && image.shape() == Shape({1, height_, width_, image.size(3)}),
                        "ImageSpectrum: an image [1,", height_, ",", width_, ",C] is needed; got ", image.shape());
    const Index channels = image.size(3);
    const Tensor<T> turned =
        permute(image.reshape({height_, width_, channels}), {1, 0, 2}).reshape({width_, height_ * channels});
    const Tensor<T> across = matmul(columns_, turned, {.transpose_a = true}).reshape({2, half_, height_, channels});
    const Tensor<T> down = permute(across, {0, 2, 1, 3}).reshape({2 * height_, half_ * channels});
    return scaled(matmul(rows_, down, {.transpose_a = true}).reshape(shape(channels)));
  }

 private:
  Tensor<T> scaled(const Tensor<T>& spectrum) const { return spectrum * scale_.reshape({1, height_, half_, 1}); }

  Index height_, width_, half_;
  Tensor<T> rows_, columns_, scale_;
};

/// An image [1,H,W,C] of a spectrum, differentiable.
template <class T>
Variable<T> image_of_spectrum(const std::shared_ptr<const ImageSpectrum<T>>& map, const Variable<T>& spectrum) {
  return linear_operation<T>(
      "image_of_spectrum", spectrum, [map](const Tensor<T>& s) { return map->to_image(s); },
      [map](const Tensor<T>& x) { return map->to_spectrum(x); });
}

/// Lucid's square root of the covariance of natural colours over its longest column: row is the colour (R, G, B),
/// column the decorrelated component (brightness, blue to yellow, green to magenta).
inline constexpr std::array<std::array<double, 3>, 3> color_correlation = [] {
  std::array<std::array<double, 3>, 3> root{{{0.26, 0.09, 0.02}, {0.27, 0.00, -0.05}, {0.27, -0.09, 0.03}}};
  for (auto& row : root)
    for (double& entry : row) entry /= 0.46195237795854806;  // sqrt(.26^2 + .27^2 + .27^2)
  return root;
}();

/// Decorrelated components [N,H,W,3] -> colours before the sigmoid. (1,0,0) gives a near grey. Throws ShapeError.
template <class T>
Variable<T> correlate_colors(const Variable<T>& components) {
  require<ShapeError>(components.rank() == 4 && components.size(3) == 3,
                      "correlate_colors: components [N,H,W,3] are needed; got ", components.shape());
  Tensor<T> transposed = Tensor<T>::empty({3, 3});
  for (Index color = 0; color < 3; ++color)
    for (Index component = 0; component < 3; ++component)
      transposed.at(component, color) =
          static_cast<T>(color_correlation[static_cast<std::size_t>(color)][static_cast<std::size_t>(component)]);
  const Variable<T> rows = reshape(components, Shape{components.numel() / 3, 3});
  return reshape(matmul(rows, Variable<T>(transposed)), components.shape());
}

/// An image's contrast by frequency.
struct FrequencyEnergy {
  std::vector<double> total;  ///< by ring; all together are the sum of squared differences from the mean (Parseval)
  std::vector<double> mean;   ///< over the ring's frequencies

  /// The share at or above half of Nyquist, where photographs have almost none.
  double high_share() const {
    double high = 0, all = 0;
    for (std::size_t ring = 0; ring < total.size(); ++ring) {
      all += total[ring];
      if (2 * ring >= total.size()) high += total[ring];
    }
    return all > 0 ? high / all : 0;
  }
};

/// The energy of an image's brightness (mean of channels) in `bins` rings of equal width from frequency 0 to Nyquist,
/// half a cycle a pixel; the corners beyond it count to the last ring, the constant part to none. `image` is [H,W,C].
/// Throws ShapeError, ValueError.
template <class T>
FrequencyEnergy energy_by_frequency(const Tensor<T>& image, Index bins = 32) {
  require<ShapeError>(image.rank() == 3 && image.numel() > 0, "energy_by_frequency: an image [H,W,C] is needed; got ",
                      image.shape());
  require(bins >= 1, "energy_by_frequency: at least one ring is needed; got ", bins);
  const Index height = image.size(0), width = image.size(1), half = width / 2 + 1;
  const Tensor<T> spectrum =
      ImageSpectrum<T>(height, width, 0).to_spectrum(mean(image, {2}).reshape({1, height, width, 1}));
  FrequencyEnergy out{std::vector<double>(static_cast<std::size_t>(bins), 0.0),
                      std::vector<double>(static_cast<std::size_t>(bins), 0.0)};
  std::vector<double> count(out.total.size(), 0.0);
  for (Index ky = 0; ky < height; ++ky)
    for (Index kx = 0; kx < half; ++kx) {
      if (ky == 0 && kx == 0) continue;
      const double fy = static_cast<double>(std::min(ky, height - ky)) / static_cast<double>(height),
                   fx = static_cast<double>(kx) / static_cast<double>(width);
      const auto ring = static_cast<std::size_t>(
          std::min(bins - 1, static_cast<Index>(std::hypot(fx, fy) * 2 * static_cast<double>(bins))));
      const double twice = kx == 0 || 2 * kx == width ? 1 : 2;  // the adjoint adds the mirrored half to this one
      const double real = 4 * static_cast<double>(spectrum(0, ky, kx, 0)) / twice,
                   imaginary = 4 * static_cast<double>(spectrum(1, ky, kx, 0)) / twice;
      out.total[ring] += twice * (real * real + imaginary * imaginary);
      count[ring] += twice;
    }
  for (std::size_t ring = 0; ring < count.size(); ++ring) out.mean[ring] = out.total[ring] / std::max(count[ring], 1.0);
  return out;
}

}  // namespace kashi::inline v0::explain
