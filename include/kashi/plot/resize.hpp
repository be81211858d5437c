/// Pictures at another size.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/plot/canvas.hpp>

namespace kashi::inline v0::plot {

/// nearest: every pixel keeps a colour of the original, for pixel art and masks. bilinear: smooth; when it shrinks,
/// every pixel of the original counts (as Pillow's, which torchvision uses).
enum class Resize { nearest, bilinear };

namespace detail {

/// The pixels of the original that make one new pixel along one axis, and their shares.
struct ResizeTap {
  Index begin = 0;
  std::vector<float> shares;
};

/// Triangle filter around each new pixel's middle, widened when shrinking.
template <class = void>
inline std::vector<ResizeTap> bilinear_taps(Index from, Index to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), reach = std::max(1.0, scale);
  std::vector<ResizeTap> out(static_cast<std::size_t>(to));
  for (Index i = 0; i < to; ++i) {
    const double middle = (static_cast<double>(i) + 0.5) * scale;
    ResizeTap& tap = out[static_cast<std::size_t>(i)];
    tap.begin = std::max(Index{0}, static_cast<Index>(std::floor(middle - reach + 0.5)));
    const Index end = std::min(from, static_cast<Index>(std::floor(middle + reach + 0.5)));
    double sum = 0;
    for (Index j = tap.begin; j < end; ++j)
      sum += std::max(0.0, 1 - std::abs((static_cast<double>(j) + 0.5 - middle) / reach));
    for (Index j = tap.begin; j < end; ++j) {
      const double share = std::max(0.0, 1 - std::abs((static_cast<double>(j) + 0.5 - middle) / reach));
      tap.shares.push_back(static_cast<float>(share / sum));
    }
  }
  return out;
}

/// Resizes the middle axis of [outer, taps, inner] numbers.
template <class = void>
inline std::vector<float> resize_axis(const std::vector<float>& in, Index outer, Index from, Index inner,
                                      const std::vector<ResizeTap>& taps) {
  const auto to = static_cast<Index>(taps.size());
  std::vector<float> out(static_cast<std::size_t>(outer * to * inner), 0.0f);
  for (Index o = 0; o < outer; ++o) {
    for (Index i = 0; i < to; ++i) {
      const ResizeTap& tap = taps[static_cast<std::size_t>(i)];
      float* target = out.data() + (o * to + i) * inner;
      const float* source = in.data() + (o * from + tap.begin) * inner;
      for (const float share : tap.shares) {
        for (Index k = 0; k < inner; ++k) target[k] += share * source[k];
        source += inner;
      }
    }
  }
  return out;
}

inline void check_resize(const Shape& shape, Index height, Index width) {
  const bool fits = (shape.rank() == 2 || shape.rank() == 3) && shape.numel() > 0 && height >= 1 && width >= 1;
  require<ShapeError>(fits, "resize: a picture is [H,W] or [H,W,C] and its new size positive; got ", shape, " to ",
                      height, "x", width);
}

inline Shape resized_shape(const Shape& shape, Index height, Index width) {
  return shape.with(0, height).with(1, width);
}

}  // namespace detail

/// Numbers [H,W] or [H,W,C] at another size, bilinear. Throws ShapeError.
inline Tensor<float> resize(const Tensor<float>& values, Index height, Index width) {
  detail::check_resize(values.shape(), height, width);
  const Index from_height = values.size(0), from_width = values.size(1),
              channels = values.rank() == 3 ? values.size(2) : 1;
  const auto wide = detail::resize_axis(values.to_vector(), from_height, from_width, channels,
                                        detail::bilinear_taps(from_width, width));
  const auto out =
      detail::resize_axis(wide, 1, from_height, width * channels, detail::bilinear_taps(from_height, height));
  return Tensor<float>(detail::resized_shape(values.shape(), height, width), out);
}

/// A picture [H,W] or [H,W,C] at another size. Throws ShapeError.
inline Image resize(const Image& picture, Index height, Index width, Resize kind = Resize::bilinear) {
  detail::check_resize(picture.shape(), height, width);
  Image out = Image::empty(detail::resized_shape(picture.shape(), height, width));
  std::uint8_t* pixel = out.mutable_data();
  if (kind == Resize::bilinear) {
    const Tensor<float> values = resize(picture.to<float>(), height, width);
    for (const float value : values.span())
      *pixel++ = static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
    return out;
  }
  const Index channels = picture.rank() == 3 ? picture.size(2) : 1;
  for (Index y = 0; y < height; ++y) {
    const std::uint8_t* row =
        picture.data() + (2 * y + 1) * picture.size(0) / (2 * height) * picture.size(1) * channels;
    for (Index x = 0; x < width; ++x, pixel += channels)
      std::copy_n(row + (2 * x + 1) * picture.size(1) / (2 * width) * channels, channels, pixel);
  }
  return out;
}

}  // namespace kashi::inline v0::plot
