/// An image seen from slightly other places: shifted, turned, scaled. Differentiable in the pixels.
///
/// What a network sees in all of these views is in the picture; what it sees in one of them only is noise that was
/// fitted to one grid of pixels (Olah et al. 2017: transformation robustness).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include <kashi/core/random.hpp>
#include <kashi/ops/adjoint.hpp>
#include <kashi/ops/arithmetic.hpp>

namespace kashi::inline v0::explain {

/// How far a random view may be from the middle one.
struct ViewOptions {
  double jitter = 16;    ///< pixels of the image, to each side, uniform
  double scale = 0.1;    ///< 0.1: drawn from 0.9 to 1.1
  double rotation = 10;  ///< degrees to each side
};

/// Where a view lies in an image: the middle and how it is turned and scaled. (0,0,1,0) is the middle part as it is.
struct View {
  double shift_x = 0;  ///< pixels of the image
  double shift_y = 0;
  double scale = 1;  ///< 2: a pixel of the view is two of the image apart from the next
  double angle = 0;  ///< radians
};

/// A view by chance.
inline View random_view(const random::Philox& stream, const ViewOptions& options) {
  const auto around = [&](std::uint64_t i, double size) { return size * (2 * stream.uniform(i) - 1); };
  return {around(0, options.jitter), around(1, options.jitter), 1 + around(2, options.scale),
          around(3, options.rotation) * std::numbers::pi / 180};
}

namespace detail {

/// Four pixels and their weights for every pixel of every view; a neighbour outside the image is the nearest inside.
template <class T>
class ViewTaps {
 public:
  ViewTaps(const Shape& image, const std::vector<View>& views, Index height, Index width)
      : image_(image), views_(static_cast<Index>(views.size())), height_(height), width_(width) {
    taps_.reserve(static_cast<std::size_t>(views_ * height * width));
    const Index rows = image[1], columns = image[2];
    for (const View& view : views) {
      const double c = view.scale * std::cos(view.angle), s = view.scale * std::sin(view.angle);
      const double middle_x = static_cast<double>(columns - 1) / 2 + view.shift_x,
                   middle_y = static_cast<double>(rows - 1) / 2 + view.shift_y;
      for (Index y = 0; y < height; ++y)
        for (Index x = 0; x < width; ++x) {
          const double right = static_cast<double>(x) - static_cast<double>(width - 1) / 2,
                       down = static_cast<double>(y) - static_cast<double>(height - 1) / 2;
          taps_.push_back(tap(middle_x + c * right - s * down, middle_y + s * right + c * down, rows, columns));
        }
    }
  }

  Tensor<T> sample(const Tensor<T>& image) const {
    const Index channels = image_[3];
    Tensor<T> out = Tensor<T>::empty({views_, height_, width_, channels});
    parallel_for(views_ * height_, 8, [&, from = image.data(), to = out.mutable_data()](Index begin, Index end) {
      for (Index i = begin * width_; i < end * width_; ++i) {
        const Tap& t = taps_[static_cast<std::size_t>(i)];
        for (Index c = 0; c < channels; ++c) {
          T total{0};
          for (std::size_t k = 0; k < 4; ++k) total += t.weight[k] * from[t.pixel[k] * channels + c];
          to[i * channels + c] = total;
        }
      }
    });
    return out;
  }

  /// The adjoint. Each pixel of the image gathers from many views, so this runs in order on one thread.
  Tensor<T> scatter(const Tensor<T>& views) const {
    const Index channels = image_[3];
    Tensor<T> out = Tensor<T>::zeros(image_);
    const T* from = views.data();
    T* to = out.mutable_data();
    for (const Tap& t : taps_) {
      for (std::size_t k = 0; k < 4; ++k)
        for (Index c = 0; c < channels; ++c) to[t.pixel[k] * channels + c] += t.weight[k] * from[c];
      from += channels;
    }
    return out;
  }

 private:
  struct Tap {
    std::array<Index, 4> pixel;
    std::array<T, 4> weight;
  };

  static Tap tap(double x, double y, Index rows, Index columns) {
    const double left = std::floor(x), top = std::floor(y), share_x = x - left, share_y = y - top;
    const auto at = [](double value, Index size) { return std::clamp(static_cast<Index>(value), Index{0}, size - 1); };
    const Index x0 = at(left, columns), x1 = at(left + 1, columns), y0 = at(top, rows) * columns,
                y1 = at(top + 1, rows) * columns;
    const auto weight = [](double w) { return static_cast<T>(w); };
    return {{y0 + x0, y0 + x1, y1 + x0, y1 + x1},
            {weight((1 - share_y) * (1 - share_x)), weight((1 - share_y) * share_x), weight(share_y * (1 - share_x)),
             weight(share_y * share_x)}};
  }

  Shape image_;
  Index views_, height_, width_;
  std::vector<Tap> taps_;
};

}  // namespace detail

/// Views of an image [1,H,W,C], bilinear: [views,height,width,C]. Beyond its border the image goes on with its
/// outermost pixels. The middle view of the image's own size, or smaller by an even number, is exact. Throws
/// ShapeError, ValueError.
template <class T>
Variable<T> sample_views(const Variable<T>& image, const std::vector<View>& views, Index height, Index width) {
  require<ShapeError>(image.rank() == 4 && image.size(0) == 1 && image.numel() > 0,
                      "sample_views: one image [1,H,W,C] is needed; got ", image.shape());
  require(!views.empty() && height >= 1 && width >= 1,
          "sample_views: at least one view of at least one pixel is needed; got ", views.size(), " of ", height, "x",
          width);
  const auto taps = std::make_shared<const detail::ViewTaps<T>>(image.shape(), views, height, width);
  return linear_operation<T>(
      "sample_views", image, [taps](const Tensor<T>& x) { return taps->sample(x); },
      [taps](const Tensor<T>& y) { return taps->scatter(y); });
}

}  // namespace kashi::inline v0::explain
