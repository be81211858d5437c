/// Paper, ink and pen of drawn handwriting: lines of varying width with soft edges on paper with a tint and a grain.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include <kashi/core/tensor.hpp>
#include <kashi/data/digit_strokes.hpp>
#include <kashi/data/example.hpp>
#include <kashi/data/filter.hpp>

namespace kashi::inline v0::data::detail {

using Colour = std::array<double, 3>;  ///< red, green, blue in [0,1]

/// What the pen is like on one picture. Lengths in pixels.
struct Pen {
  double radius = 1.0;
  double swing = 0.0;  ///< how much the width varies along a stroke, as a share
  double nib = 0.0;    ///< how much broader lines across the nib's direction are, as a share
  double nib_angle = 0.0;
  double softness = 1.0;  ///< width of the edge
  double opacity = 1.0;
  double grain = 0.0;  ///< how much of the ink misses the paper at random
  Colour ink{};
};

/// What it writes on.
struct Paper {
  Colour tint{1.0, 1.0, 1.0};
  double gradient_x = 0.0, gradient_y = 0.0;  ///< change of brightness over the picture
  double noise = 0.0;
  double line_distance = 0.0;  ///< of ruled lines; 0: none
  double line_offset = 0.0;
};

/// How much ink lies on each pixel of a square picture, 0..1.
class InkLayer {
 public:
  explicit InkLayer(Index size) : size_(size), cover_(static_cast<std::size_t>(size * size)) {}

  const std::vector<float>& cover() const { return cover_; }

  /// A line with the pen's width at each of its points.
  void draw(const Stroke& line, const Pen& pen, RandomStream& random) {
    const double phase = random.uniform(0.0, 2.0 * std::numbers::pi), frequency = random.uniform(0.5, 2.0);
    const double taper = random.uniform(0.5, 1.0);
    std::vector<double> radii;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const PenPoint &before = line[i == 0 ? 0 : i - 1], &after = line[std::min(i + 1, line.size() - 1)];
      const double along = static_cast<double>(i) / static_cast<double>(line.size() - 1);
      const double angle = std::atan2(after.y - before.y, after.x - before.x);
      const double wave = std::sin(phase + 2.0 * std::numbers::pi * frequency * along);
      const double end = std::min({1.0, taper + 6.0 * along, taper + 6.0 * (1.0 - along)});
      radii.push_back(pen.radius * end * (1.0 + pen.swing * wave) *
                      (1.0 + pen.nib * std::abs(std::sin(angle - pen.nib_angle))));
    }
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
      draw_piece(line[i], line[i + 1], radii[i], radii[i + 1], pen.softness);
  }

 private:
  /// A straight piece with round ends whose radius goes from r0 to r1.
  void draw_piece(const PenPoint& a, const PenPoint& b, double r0, double r1, double softness) {
    const double reach = std::max(r0, r1) + softness;
    const auto first = [&](double low) { return std::clamp<Index>(static_cast<Index>(low - reach), 0, size_); };
    const auto last = [&](double high) { return std::clamp<Index>(static_cast<Index>(high + reach + 2.0), 0, size_); };
    const Index left = first(std::min(a.x, b.x)), right = last(std::max(a.x, b.x));
    const Index top = first(std::min(a.y, b.y)), bottom = last(std::max(a.y, b.y));
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double inverse = 1.0 / std::max(dx * dx + dy * dy, 1e-9);
    for (Index y = top; y < bottom; ++y) {
      for (Index x = left; x < right; ++x) {
        const double px = static_cast<double>(x) - a.x, py = static_cast<double>(y) - a.y;
        const double t = std::clamp((px * dx + py * dy) * inverse, 0.0, 1.0);
        const double ex = px - t * dx, ey = py - t * dy;
        const double depth = r0 + t * (r1 - r0) - std::sqrt(ex * ex + ey * ey);
        const auto cover = static_cast<float>(std::clamp(0.5 + depth / softness, 0.0, 1.0));
        float& pixel = cover_[static_cast<std::size_t>(y * size_ + x)];
        pixel = std::max(pixel, cover);
      }
    }
  }

  Index size_;
  std::vector<float> cover_;
};

/// Ink on paper, blurred with `blur` pixels: writes [size,size,3] bytes.
inline void compose(const InkLayer& ink, const Pen& pen, const Paper& paper, double blur, RandomStream& random,
                    Index size, std::uint8_t* out) {
  const random::Philox numbers = random.fork();
  std::vector<float> pixels(static_cast<std::size_t>(size * size * 3));
  for (Index i = 0; i < size * size; i += 4) {
    const auto words = numbers.block(static_cast<std::uint64_t>(i));
    for (Index k = i; k < std::min(i + 4, size * size); ++k) {
      const std::uint32_t word = words[static_cast<std::size_t>(k - i)];
      const double high = static_cast<double>(word >> 16) / 65536.0, low = static_cast<double>(word & 0xFFFF) / 65536.0;
      const double x = static_cast<double>(k % size) / static_cast<double>(size) - 0.5,
                   y = static_cast<double>(k / size) / static_cast<double>(size) - 0.5;
      double light = 1.0 + paper.gradient_x * x + paper.gradient_y * y + paper.noise * (high + low - 1.0);
      Colour tint = paper.tint;
      if (paper.line_distance > 0.0 &&
          std::fmod(static_cast<double>(k / size) + paper.line_offset, paper.line_distance) < 1.0) {
        tint[0] *= 0.78;
        tint[1] *= 0.86;
      }
      const double cover =
          pen.opacity * static_cast<double>(ink.cover()[static_cast<std::size_t>(k)]) * (1.0 - pen.grain * high);
      for (std::size_t c = 0; c < 3; ++c) {
        const double value = (1.0 - cover) * light * tint[c] + cover * pen.ink[c];
        pixels[static_cast<std::size_t>(3 * k) + c] = static_cast<float>(value);
      }
    }
  }
  if (blur >= 0.1) filter_separable(pixels.data(), size, size, 3, gaussian_kernel(blur), Border::reflect);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    out[i] = static_cast<std::uint8_t>(std::clamp(pixels[i], 0.0f, 1.0f) * 255.0f + 0.5f);
}

}  // namespace kashi::inline v0::data::detail
