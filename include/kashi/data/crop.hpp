/// Crops, padding and flips: transforms that move whole pixels of image and mask.
#pragma once

#include <algorithm>
#include <vector>

#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

struct PadOptions {
  Index top = 0, bottom = 0, left = 0, right = 0;  ///< pixels to add, not negative
  Fill fill{};
};

/// Adds pixels round the image (and its mask).
class Pad {
 public:
  explicit Pad(const PadOptions& options) : options_(options) {
    require(std::min({options.top, options.bottom, options.left, options.right}) >= 0,
            "Pad: the number of pixels can't be negative; got ", options.top, ", ", options.bottom, ", ", options.left,
            ", ", options.right);
  }

  void operator()(Example& example, RandomStream&) const {
    detail::check_image("Pad", example.image);
    const ImageSize size{example.image.size(0) + options_.top + options_.bottom,
                         example.image.size(1) + options_.left + options_.right};
    detail::cut("Pad", example, -options_.top, -options_.left, size, options_.fill);
  }

 private:
  PadOptions options_;
};

struct CenterCropOptions {
  ImageSize size{};
  Fill fill{};  ///< for images that are smaller than the crop
};

/// Cuts out the middle; a smaller image is padded. An odd difference leaves the larger rest at the bottom and right.
class CenterCrop {
 public:
  explicit CenterCrop(const CenterCropOptions& options) : options_(options) {
    detail::check_size("CenterCrop", options.size);
  }

  void operator()(Example& example, RandomStream&) const {
    detail::check_image("CenterCrop", example.image);
    const auto begin = [](Index whole, Index part) {
      return whole >= part ? (whole - part) / 2 : -((part - whole) / 2);
    };
    detail::cut("CenterCrop", example, begin(example.image.size(0), options_.size.height),
                begin(example.image.size(1), options_.size.width), options_.size, options_.fill);
  }

 private:
  CenterCropOptions options_;
};

struct RandomCropOptions {
  ImageSize size{};
  Index padding = 0;  ///< pixels added on each side before the crop
  Fill fill{};
  double foreground = 0.0;  ///< probability that the crop is one that holds a random pixel of the mask above 0.5
};

/// Cuts out a window at a random place. Throws ShapeError if it is larger than the padded image.
class RandomCrop {
 public:
  explicit RandomCrop(const RandomCropOptions& options) : options_(options) {
    detail::check_size("RandomCrop", options.size);
    require(options.padding >= 0, "RandomCrop: padding can't be negative; got ", options.padding);
    detail::check_probability("RandomCrop", options.foreground);
  }

  void operator()(Example& example, RandomStream& random) const {
    const bool has_mask = detail::has_mask("RandomCrop", example);
    const Index room_y = room(example, 0, options_.size.height), room_x = room(example, 1, options_.size.width);
    Index top = random.below(room_y + 1), left = random.below(room_x + 1);
    const bool wants_foreground = random.chance(options_.foreground);
    const Index pick = random.below(Index{1} << 62);
    if (const Index pixel = wants_foreground && has_mask ? foreground_pixel(example.target, pick) : detail::outside;
        pixel != detail::outside) {
      // The windows that hold the pixel keep their relative likelihood: the drawn place is scaled into their range.
      const auto around = [](Index at, Index size, Index space, Index drawn) {
        const Index low = std::clamp<Index>(at - size + 1, 0, space), high = std::clamp<Index>(at, 0, space);
        return low + drawn * (high - low + 1) / (space + 1);
      };
      const Index width = example.target.size(1);
      top = around(pixel / width + options_.padding, options_.size.height, room_y, top);
      left = around(pixel % width + options_.padding, options_.size.width, room_x, left);
    }
    detail::cut("RandomCrop", example, top - options_.padding, left - options_.padding, options_.size, options_.fill);
  }

 private:
  /// How many places there are for the window on an axis, less one.
  Index room(const Example& example, Index axis, Index part) const {
    const Index out = example.image.size(axis) + 2 * options_.padding - part;
    require<ShapeError>(out >= 0, "RandomCrop: the crop ", options_.size.height, " x ", options_.size.width,
                        " with padding ", options_.padding, " does not fit into the image ", example.image.shape(),
                        " (\"", example.name, "\") (hint: data::Resize or more padding)");
    return out;
  }

  /// One of the pixels whose mask is above 0.5, or `outside` when there is none.
  static Index foreground_pixel(const Tensor<float>& mask, Index pick) {
    const Index channels = mask.size(2);
    std::vector<Index> pixels;
    for (Index i = 0; i < mask.numel(); i += channels)
      if (std::any_of(mask.data() + i, mask.data() + i + channels, [](float value) { return value > 0.5f; }))
        pixels.push_back(i / channels);
    return pixels.empty() ? detail::outside
                          : pixels[static_cast<std::size_t>(pick % static_cast<Index>(pixels.size()))];
  }

  RandomCropOptions options_;
};

struct FlipOptions {
  double p = 0.5;  ///< probability
};

/// Mirrors left and right with probability p.
class RandomHorizontalFlip {
 public:
  explicit RandomHorizontalFlip(const FlipOptions& options = {}) : p_(options.p) {
    detail::check_probability("RandomHorizontalFlip", p_);
  }

  void operator()(Example& example, RandomStream& random) const {
    const bool has_mask = detail::has_mask("RandomHorizontalFlip", example);
    if (!random.chance(p_)) return;
    if (has_mask) mirror(example.target);
    mirror(example.image);
  }

 private:
  static void mirror(Tensor<float>& image) {
    const Index W = image.size(1), C = image.size(2);
    Tensor<float> out = Tensor<float>::empty(image.shape());
    const float* from = image.data();
    float* row = out.mutable_data();
    for (Index y = 0; y < image.size(0); ++y, row += W * C) {
      for (Index x = W - 1; x >= 0; --x)
        for (Index c = 0; c < C; ++c) row[x * C + c] = *from++;
    }
    image = out;
  }

  double p_;
};

/// Mirrors top and bottom with probability p.
class RandomVerticalFlip {
 public:
  explicit RandomVerticalFlip(const FlipOptions& options = {}) : p_(options.p) {
    detail::check_probability("RandomVerticalFlip", p_);
  }

  void operator()(Example& example, RandomStream& random) const {
    const bool has_mask = detail::has_mask("RandomVerticalFlip", example);
    if (!random.chance(p_)) return;
    if (has_mask) mirror(example.target);
    mirror(example.image);
  }

 private:
  static void mirror(Tensor<float>& image) {
    const Index row = image.size(1) * image.size(2);
    Tensor<float> out = Tensor<float>::empty(image.shape());
    float* to = out.mutable_data();
    for (Index y = image.size(0) - 1; y >= 0; --y) to = std::copy_n(image.data() + y * row, row, to);
    image = out;
  }

  double p_;
};

}  // namespace kashi::inline v0::data
