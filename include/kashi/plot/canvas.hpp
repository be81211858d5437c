/// A picture to draw on: rectangles, anti-aliased lines and discs, other pictures.
///
/// Coordinates are pixels from the upper left corner; pixel (x, y) covers [x, x+1) x [y, y+1). What lies outside of the
/// canvas is cut off. Text is in plot/text.hpp. Colours are mixed in sRGB, as browsers do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/plot/color.hpp>

namespace kashi::inline v0::plot {

/// A picture: [H,W,C] bytes. Drawing works on 3 channels (RGB).
using Image = Tensor<std::uint8_t>;

struct Point {
  double x = 0;
  double y = 0;
};

struct Rectangle {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

/// A line through points.
using Path = std::vector<Point>;

/// Any picture [H,W], [H,W,1..4] as RGB; alpha is put on white. Throws ShapeError.
template <class = void>
inline Image as_rgb(const Image& image) {
  const bool is_picture = image.rank() == 2 || (image.rank() == 3 && image.size(2) >= 1 && image.size(2) <= 4);
  require<ShapeError>(is_picture, "plot: a picture is [H,W] or [H,W,1..4]; got ", image.shape());
  const Index channels = image.rank() == 2 ? 1 : image.size(2);
  if (channels == 3) return image;
  Image out = Image::empty({image.size(0), image.size(1), 3});
  const std::uint8_t* from = image.data();
  std::uint8_t* to = out.mutable_data();
  for (Index i = 0; i < image.size(0) * image.size(1); ++i, from += channels, to += 3) {
    const int alpha = channels % 2 == 0 ? from[channels - 1] : 255;
    for (Index c = 0; c < 3; ++c) {
      const int value = from[channels == 4 ? c : 0];
      to[c] = static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return out;
}

class Canvas {
 public:
  /// Throws ShapeError unless 1 <= width, height <= 32768.
  Canvas(Index width, Index height, Color background = colors::white) {
    require<ShapeError>(width >= 1 && height >= 1 && width <= 32'768 && height <= 32'768,
                        "Canvas: sizes must be 1..32768; got ", width, "x", height);
    image_ = Image::full({height, width, 3}, 255);
    pixels_ = image_.mutable_data();
    fill_rectangle({0, 0, static_cast<double>(width), static_cast<double>(height)}, background);
  }

  /// Draws on a copy of a picture: [H,W] or [H,W,1..4].
  explicit Canvas(const Image& image) : image_(as_rgb(image)) {
    if (image_.shares_storage_with(image)) image_ = image_.clone();
    pixels_ = image_.mutable_data();
  }

  Index width() const { return image_.size(1); }
  Index height() const { return image_.size(0); }

  /// The picture [H,W,3]. It shares its pixels with the canvas.
  const Image& image() const { return image_; }

  /// Mixes a colour into one pixel; `coverage` 0..1 multiplies its opacity.
  void blend(Index x, Index y, Color color, float coverage = 1) {
    if (x < 0 || y < 0 || x >= width() || y >= height()) return;
    const float share = std::clamp(coverage * color.alpha, 0.0f, 1.0f);
    std::uint8_t* pixel = pixels_ + (y * width() + x) * 3;
    const auto mix = [share](std::uint8_t& old, std::uint8_t fresh) {
      const float from = old;
      old = static_cast<std::uint8_t>(from + share * (static_cast<float>(fresh) - from) + 0.5f);
    };
    mix(pixel[0], color.red);
    mix(pixel[1], color.green);
    mix(pixel[2], color.blue);
  }

  /// Fills a rectangle; edges between pixels are softened.
  void fill_rectangle(const Rectangle& area, Color color) {
    const Range columns = clip(area.x, area.x + area.width, width());
    const Range rows = clip(area.y, area.y + area.height, height());
    for (Index y = rows.begin; y < rows.end; ++y) {
      const double covered_rows = overlap(y, area.y, area.y + area.height);
      for (Index x = columns.begin; x < columns.end; ++x) {
        blend(x, y, color, static_cast<float>(covered_rows * overlap(x, area.x, area.x + area.width)));
      }
    }
  }

  /// The frame of a rectangle, `thickness` pixels to its inside.
  void draw_rectangle(const Rectangle& area, Color color, double thickness = 1) {
    const double t = std::min({thickness, area.width / 2, area.height / 2});
    fill_rectangle({area.x, area.y, area.width, t}, color);
    fill_rectangle({area.x, area.y + area.height - t, area.width, t}, color);
    fill_rectangle({area.x, area.y + t, t, area.height - 2 * t}, color);
    fill_rectangle({area.x + area.width - t, area.y + t, t, area.height - 2 * t}, color);
  }

  /// Draws paths with round ends and corners as one stroke: where they cross, a transparent colour is mixed in once.
  /// A path of one point is a dot. Points that are not finite are left out with the lines to them.
  void stroke(std::span<const Path> paths, double thickness, Color color) {
    const double reach = thickness / 2 + 1;
    Mask mask = make_mask(paths, reach);
    if (mask.coverage.empty()) return;
    for (const Path& path : paths) {
      if (path.size() == 1) cover(mask, path[0], path[0], thickness);
      for (std::size_t i = 1; i < path.size(); ++i) cover(mask, path[i - 1], path[i], thickness);
    }
    const float* coverage = mask.coverage.data();
    for (Index y = mask.rows.begin; y < mask.rows.end; ++y) {
      for (Index x = mask.columns.begin; x < mask.columns.end; ++x, ++coverage) {
        if (*coverage > 0) blend(x, y, color, *coverage);
      }
    }
  }

  void line(Point from, Point to, Color color, double thickness = 1) {
    const Path path{from, to};
    stroke(std::span(&path, 1), thickness, color);
  }

  void fill_circle(Point center, double radius, Color color) {
    const Path path{center};
    stroke(std::span(&path, 1), 2 * radius, color);
  }

  /// Puts a picture ([H,W] or [H,W,1..4]) with its upper left corner at (x, y); `alpha` is its opacity.
  void paste(const Image& picture, Index x, Index y, float alpha = 1) {
    const Image rgb = as_rgb(picture);
    const std::uint8_t* pixel = rgb.data();
    for (Index row = 0; row < rgb.size(0); ++row) {
      for (Index column = 0; column < rgb.size(1); ++column, pixel += 3) {
        blend(x + column, y + row, {pixel[0], pixel[1], pixel[2], alpha});
      }
    }
  }

 private:
  struct Range {
    Index begin = 0;
    Index end = 0;
  };

  /// The part of the canvas that strokes touch, and how much of each pixel they cover.
  struct Mask {
    Range columns;
    Range rows;
    std::vector<float> coverage;
  };

  /// The pixels of [0, size) that touch [from, to].
  static Range clip(double from, double to, Index size) {
    if (!(from < to)) return {};
    const double limit = static_cast<double>(size);
    return {static_cast<Index>(std::floor(std::clamp(from, 0.0, limit))),
            static_cast<Index>(std::ceil(std::clamp(to, 0.0, limit)))};
  }

  static double overlap(Index pixel, double from, double to) {
    const double begin = static_cast<double>(pixel);
    return std::max(0.0, std::min(begin + 1, to) - std::max(begin, from));
  }

  static bool is_finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

  Mask make_mask(std::span<const Path> paths, double reach) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double left = infinity, right = -infinity, top = infinity, bottom = -infinity;
    for (const Path& path : paths) {
      for (const Point point : path) {
        if (!is_finite(point)) continue;
        left = std::min(left, point.x - reach);
        right = std::max(right, point.x + reach);
        top = std::min(top, point.y - reach);
        bottom = std::max(bottom, point.y + reach);
      }
    }
    Mask out{clip(left, right, width()), clip(top, bottom, height()), {}};
    out.coverage.resize(
        static_cast<std::size_t>((out.columns.end - out.columns.begin) * (out.rows.end - out.rows.begin)));
    return out;
  }

  /// Coverage from the distance of a pixel's middle to the line.
  void cover(Mask& mask, Point a, Point b, double thickness) const {
    if (!is_finite(a) || !is_finite(b)) return;
    const double reach = thickness / 2 + 1;
    const Range columns = clip(std::min(a.x, b.x) - reach, std::max(a.x, b.x) + reach, width());
    const Range rows = clip(std::min(a.y, b.y) - reach, std::max(a.y, b.y) + reach, height());
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double length_squared = dx * dx + dy * dy;
    const Index mask_width = mask.columns.end - mask.columns.begin;
    for (Index y = rows.begin; y < rows.end; ++y) {
      for (Index x = columns.begin; x < columns.end; ++x) {
        const double px = static_cast<double>(x) + 0.5 - a.x, py = static_cast<double>(y) + 0.5 - a.y;
        const double along = length_squared > 0 ? std::clamp((px * dx + py * dy) / length_squared, 0.0, 1.0) : 0.0;
        const double distance = std::hypot(px - along * dx, py - along * dy);
        // A stroke thinner than a pixel gets paler instead of narrower.
        const double covered =
            std::clamp(std::max(thickness, 1.0) / 2 + 0.5 - distance, 0.0, 1.0) * std::min(thickness, 1.0);
        float& old =
            mask.coverage[static_cast<std::size_t>((y - mask.rows.begin) * mask_width + x - mask.columns.begin)];
        old = std::max(old, static_cast<float>(covered));
      }
    }
  }

  Image image_;
  std::uint8_t* pixels_ = nullptr;
};

/// Cuts a path into dashes of `on` pixels with gaps of `off` pixels.
template <class = void>
inline std::vector<Path> dashes(const Path& path, double on, double off) {
  require(on > 0 && off > 0, "dashes: lengths must be positive; got ", on, " and ", off);
  std::vector<Path> out;
  double place = 0;
  for (std::size_t i = 1; i < path.size(); ++i) {
    const Point a = path[i - 1], b = path[i];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (!std::isfinite(length) || length / (on + off) > 1e5) continue;
    const auto at = [&](double distance) {
      return Point{a.x + (b.x - a.x) * distance / length, a.y + (b.y - a.y) * distance / length};
    };
    const double end = place + length;
    for (double begin = std::floor(place / (on + off)) * (on + off); begin < end; begin += on + off) {
      const double from = std::max(begin, place), to = std::min(begin + on, end);
      if (from < to) out.push_back({at(from - place), at(to - place)});
    }
    place = end;
  }
  return out;
}

}  // namespace kashi::inline v0::plot
