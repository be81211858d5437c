/// What the transforms of geometry share: sizes, what to put beyond the border, and moving whole pixels.
///
/// Moves of whole pixels (crop, pad, flip, nearest resize) are one function with an index for each row and column.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/data/example.hpp>

namespace kashi::inline v0::data {

/// Height and width in pixels.
struct ImageSize {
  Index height = 0;
  Index width = 0;
};

/// A closed range from which a number is drawn.
struct Range {
  double low = 0.0;
  double high = 0.0;
};

/// What stands beyond the border of an image.
enum class Border {
  constant,  ///< a given value
  colour,    ///< the image's own border colour: the median of its outermost pixels, for each channel
  edge,      ///< the nearest pixel
  reflect    ///< the image mirrored, without repeating its outermost pixels
};

/// Beyond the border of an image. A mask takes the same pixels for edge and reflect, and 0 otherwise.
struct Fill {
  Border border = Border::constant;
  float value = 0.0f;  ///< for Border::constant
};

namespace detail {

inline constexpr Index outside = -1;

inline void check_image(const char* who, const Tensor<float>& image) {
  require<ShapeError>(image.rank() == 3 && image.numel() > 0, who,
                      ": an image must be [H,W,C] with at least one pixel; got ", image.shape());
}

/// True if the example has a mask that moves with the image. Throws ShapeError for a mask of another size.
inline bool has_mask(const char* who, const Example& example) {
  check_image(who, example.image);
  const Tensor<float>& mask = example.target;
  if (mask.rank() != 3 || mask.numel() == 0) return false;
  require<ShapeError>(mask.size(0) == example.image.size(0) && mask.size(1) == example.image.size(1), who,
                      ": image and mask must have one size; image ", example.image.shape(), ", mask ", mask.shape(),
                      " (\"", example.name, "\")");
  return true;
}

/// Where position i beyond or inside of [0, size) is read, or `outside`.
inline Index resolve(Index i, Index size, Border border) {
  if (i >= 0 && i < size) return i;
  if (border == Border::edge) return std::clamp<Index>(i, 0, size - 1);
  if (border != Border::reflect) return outside;
  if (size == 1) return 0;
  const Index period = 2 * (size - 1);
  const Index phase = ((i % period) + period) % period;
  return phase < size ? phase : period - phase;
}

/// The median of the outermost pixels, for each channel.
inline std::vector<float> border_colour(const Tensor<float>& image) {
  const Index H = image.size(0), W = image.size(1), C = image.size(2);
  const float* pixels = image.data();
  std::vector<float> colour, values;
  for (Index c = 0; c < C; ++c) {
    values.clear();
    for (Index x = 0; x < W; ++x) values.insert(values.end(), {pixels[x * C + c], pixels[((H - 1) * W + x) * C + c]});
    for (Index y = 0; y < H; ++y) values.insert(values.end(), {pixels[y * W * C + c], pixels[(y * W + W - 1) * C + c]});
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    colour.push_back(*middle);
  }
  return colour;
}

/// The colour for positions that `resolve` calls outside.
inline std::vector<float> fill_colour(const Tensor<float>& image, Fill fill) {
  if (fill.border == Border::colour) return border_colour(image);
  return std::vector<float>(static_cast<std::size_t>(image.size(2)), fill.value);
}

/// The fill of a mask beside an image with this fill.
inline Fill mask_fill(Fill fill) {
  return {.border = fill.border == Border::colour ? Border::constant : fill.border, .value = 0.0f};
}

/// The image whose pixel (y, x) is pixel (rows[y], columns[x]) of the given one, or `colour` where one of them is
/// outside.
inline Tensor<float> gather(const Tensor<float>& image, const std::vector<Index>& rows,
                            const std::vector<Index>& columns, const std::vector<float>& colour) {
  const Index W = image.size(1), C = image.size(2);
  Tensor<float> out = Tensor<float>::empty({static_cast<Index>(rows.size()), static_cast<Index>(columns.size()), C});
  const float* in = image.data();
  float* to = out.mutable_data();
  for (const Index y : rows) {
    for (const Index x : columns) {
      const float* from = y == outside || x == outside ? colour.data() : in + (y * W + x) * C;
      for (Index c = 0; c < C; ++c) *to++ = from[c];
    }
  }
  return out;
}

/// Indices of `count` positions from `begin` on.
inline std::vector<Index> window(Index begin, Index count, Index size, Border border) {
  std::vector<Index> out;
  for (Index i = begin; i < begin + count; ++i) out.push_back(resolve(i, size, border));
  return out;
}

/// Cuts the window at (top, left) out of image and mask; it may reach beyond the border.
inline void cut(const char* who, Example& example, Index top, Index left, ImageSize size, Fill fill) {
  const bool moves_mask = has_mask(who, example);
  const auto of = [&](const Tensor<float>& image, Fill how) {
    return gather(image, window(top, size.height, image.size(0), how.border),
                  window(left, size.width, image.size(1), how.border), fill_colour(image, how));
  };
  if (moves_mask) example.target = of(example.target, mask_fill(fill));
  example.image = of(example.image, fill);
}

/// The image's numbers for writing: a copy unless nobody else shares them.
inline float* writable(Tensor<float>& image) {
  if (!image.is_unique()) image = image.clone();
  return image.mutable_data();
}

inline void check_probability(const char* who, double p) {
  require(p >= 0.0 && p <= 1.0, who, ": the probability p must lie in [0, 1]; got ", p);
}

inline void check_size(const char* who, ImageSize size) {
  require(size.height >= 1 && size.width >= 1, who, ": the size must be at least 1 x 1; got ", size.height, " x ",
          size.width);
}

inline void check_range(const char* who, const char* what, Range range, double lowest) {
  require(range.low >= lowest && range.low <= range.high && range.high < 1e9, who, ": ", what,
          " must be a range from low to high, not below ", lowest, "; got ", range.low, " to ", range.high);
}

}  // namespace detail

}  // namespace kashi::inline v0::data
