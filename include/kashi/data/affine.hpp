/// Rotation, translation, scale and shear of images (bilinear) and their masks (nearest).
///
/// Output pixel o shows the input at A^-1 (o - c - t) + c with the centre c = ((W-1)/2, (H-1)/2): rotations by 90
/// degrees of square images and the identity are exact.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

/// A = rotation * shear * scale, about the centre, and a shift.
struct Affine {
  double degrees = 0.0;      ///< positive turns clockwise on the screen
  double translate_x = 0.0;  ///< pixels to the right
  double translate_y = 0.0;  ///< pixels down
  double scale = 1.0;        ///< above 1 enlarges
  double shear = 0.0;        ///< degrees: lower rows move to the right
};

namespace detail {

/// Where each pixel of one output row is read.
struct Positions {
  explicit Positions(Index width) : x(static_cast<std::size_t>(width)), y(static_cast<std::size_t>(width)) {}
  std::vector<double> x, y;
};

inline Index whole_part(double value) {  // std::floor is a call at -O2; positions are clamped to [-1, size] before
  return static_cast<Index>(value + 1.0) - 1;
}

inline Index nearest(double value) { return static_cast<Index>(std::floor(std::clamp(value, -1e9, 1e9) + 0.5)); }

/// Reads the four pixels round a position and mixes them. C = 0: the number of channels is known only at run time.
template <int C>
void sample_row(const Tensor<float>& image, const Positions& at, Border border, const std::vector<float>& colour,
                float* to) {
  const Index H = image.size(0), W = image.size(1);
  const Index channels = C == 0 ? image.size(2) : C;
  const float* pixels = image.data();
  const auto pixel = [&](Index y, Index x) {
    const Index row = resolve(y, H, border), column = resolve(x, W, border);
    return row == outside || column == outside ? colour.data() : pixels + (row * W + column) * channels;
  };
  // Reflected positions may lie far outside; all others look the same beyond one pixel from the border.
  const double reach = border == Border::reflect ? static_cast<double>(H + W) : 1.0;
  for (std::size_t i = 0; i < at.x.size(); ++i, to += channels) {
    const double x = std::clamp(at.x[i], -reach, static_cast<double>(W - 1) + reach);
    const double y = std::clamp(at.y[i], -reach, static_cast<double>(H - 1) + reach);
    const Index left = border == Border::reflect ? static_cast<Index>(std::floor(x)) : whole_part(x);
    const Index top = border == Border::reflect ? static_cast<Index>(std::floor(y)) : whole_part(y);
    const float right_share = static_cast<float>(x - static_cast<double>(left)),
                low_share = static_cast<float>(y - static_cast<double>(top));
    const bool is_inside = left >= 0 && top >= 0 && left + 1 < W && top + 1 < H;
    const float* top_left = is_inside ? pixels + (top * W + left) * channels : pixel(top, left);
    const float* top_right = is_inside ? top_left + channels : pixel(top, left + 1);
    const float* low_left = is_inside ? top_left + W * channels : pixel(top + 1, left);
    const float* low_right = is_inside ? low_left + channels : pixel(top + 1, left + 1);
    for (Index c = 0; c < channels; ++c) {
      const float upper = top_left[c] * (1.0f - right_share) + top_right[c] * right_share;
      const float lower = low_left[c] * (1.0f - right_share) + low_right[c] * right_share;
      to[c] = upper * (1.0f - low_share) + lower * low_share;
    }
  }
}

/// Moves image and mask to where `positions(y, out)` says that each output row is read.
template <class F>
void warp(const char* who, Example& example, Fill fill, F&& positions) {
  const bool moves_mask = has_mask(who, example);
  const Tensor<float> image = example.image, mask = example.target;
  const Index H = image.size(0), W = image.size(1), C = image.size(2);
  const std::vector<float> colour = fill_colour(image, fill);
  const auto sample = C == 3 ? sample_row<3> : C == 1 ? sample_row<1> : sample_row<0>;
  Tensor<float> warped = Tensor<float>::empty(image.shape()),
                warped_mask = Tensor<float>::empty(moves_mask ? mask.shape() : Shape{0});
  const Index K = moves_mask ? mask.size(2) : 0;
  const Border mask_border = mask_fill(fill).border;
  float* to = warped.mutable_data();
  float* mask_to = warped_mask.mutable_data();
  Positions at(W);
  for (Index y = 0; y < H; ++y, to += W * C) {
    positions(y, at);
    sample(image, at, fill.border, colour, to);
    for (std::size_t x = 0; moves_mask && x < at.x.size(); ++x, mask_to += K) {
      const Index row = resolve(nearest(at.y[x]), H, mask_border), column = resolve(nearest(at.x[x]), W, mask_border);
      const bool is_outside = row == outside || column == outside;
      for (Index k = 0; k < K; ++k) mask_to[k] = is_outside ? 0.0f : mask.data()[(row * W + column) * K + k];
    }
  }
  example.image = warped;
  if (moves_mask) example.target = warped_mask;
}

template <class = void>
inline void apply_affine(const char* who, Example& example, const Affine& affine, Fill fill) {
  check_image(who, example.image);
  const double radian = std::numbers::pi / 180.0;
  const auto snapped = [](double value) { return std::abs(value) < 1e-15 ? 0.0 : value; };  // cos(90 degrees) is 6e-17
  const double cosine = snapped(std::cos(affine.degrees * radian)), sine = snapped(std::sin(affine.degrees * radian));
  const double slope = std::tan(affine.shear * radian);
  // The inverse of R [1 slope; 0 1] s is [1 -slope; 0 1] R^-1 / s.
  const double yx = -sine / affine.scale, yy = cosine / affine.scale;
  const double xx = cosine / affine.scale - slope * yx, xy = sine / affine.scale - slope * yy;
  const double centre_x = static_cast<double>(example.image.size(1) - 1) / 2.0,
               centre_y = static_cast<double>(example.image.size(0) - 1) / 2.0;
  warp(who, example, fill, [&](Index row, Positions& at) {
    const double y = static_cast<double>(row) - centre_y - affine.translate_y;
    for (std::size_t i = 0; i < at.x.size(); ++i) {
      const double x = static_cast<double>(i) - centre_x - affine.translate_x;
      at.x[i] = xx * x + xy * y + centre_x;
      at.y[i] = yx * x + yy * y + centre_y;
    }
  });
}

}  // namespace detail

/// The image [H,W,C] moved by `affine`, same size. Throws ShapeError for another rank, ValueError for a scale that is
/// not positive.
inline Tensor<float> transform_affine(const Tensor<float>& image, const Affine& affine, Fill fill = {}) {
  require(affine.scale > 0.0, "transform_affine: the scale must be positive; got ", affine.scale);
  Example example{.image = image};
  detail::apply_affine("transform_affine", example, affine, fill);
  return example.image;
}

/// Largest shift, as shares of the width and of the height.
struct Shift {
  double x = 0.0;
  double y = 0.0;
};

struct RandomAffineOptions {
  double degrees = 0.0;  ///< rotation in [-degrees, degrees]
  Shift translate{};     ///< horizontal shift in [-x, x] widths, vertical in [-y, y] heights
  Range scale{1.0, 1.0};
  double shear = 0.0;  ///< shear in [-shear, shear] degrees
  Fill fill{};
};

/// A random affine move of image and mask, drawn uniformly from the ranges.
///
///     data::RandomAffine({.degrees = 15, .translate = {0.1, 0.1}, .scale = {0.85, 1.15}, .shear = 10, .fill =
///     {data::Border::colour}})
class RandomAffine {
 public:
  explicit RandomAffine(const RandomAffineOptions& options) : options_(options) {
    require(options.degrees >= 0.0 && options.degrees <= 360.0, "RandomAffine: degrees must lie in [0, 360]; got ",
            options.degrees);
    require(options.shear >= 0.0 && options.shear < 90.0, "RandomAffine: shear must lie in [0, 90); got ",
            options.shear);
    const auto [x, y] = options.translate;
    require(x >= 0.0 && x <= 1.0 && y >= 0.0 && y <= 1.0,
            "RandomAffine: translate holds shares of width and height in [0, 1]; got ", x, " and ", y);
    detail::check_range("RandomAffine", "scale", options.scale, 1e-3);
  }

  void operator()(Example& example, RandomStream& random) const {
    detail::check_image("RandomAffine", example.image);
    const auto symmetric = [&](double reach) { return random.uniform(-reach, reach); };
    Affine affine;
    affine.degrees = symmetric(options_.degrees);
    affine.translate_x = symmetric(options_.translate.x * static_cast<double>(example.image.size(1)));
    affine.translate_y = symmetric(options_.translate.y * static_cast<double>(example.image.size(0)));
    affine.scale = random.uniform(options_.scale.low, options_.scale.high);
    affine.shear = symmetric(options_.shear);
    detail::apply_affine("RandomAffine", example, affine, options_.fill);
  }

 private:
  RandomAffineOptions options_;
};

}  // namespace kashi::inline v0::data
