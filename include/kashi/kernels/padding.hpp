/// Small values that describe windows: a pair (height, width) and the padding around an image.
///
/// `same` is PyTorch's rule at stride 1 (total dilation * (kernel - 1), the odd one at the bottom and right) and
/// TensorFlow's with a stride, where PyTorch has none (output = ceil(input / stride), the odd one at the end).
#pragma once

#include <algorithm>
#include <string>

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::kernels {

/// (height, width) of a kernel, stride or dilation. One number stands for both.
struct Pair {
  Index height = 1;
  Index width = 1;

  constexpr Pair() = default;
  constexpr Pair(Index both) : height(both), width(both) {}  // NOLINT(google-explicit-constructor): 3 means 3x3
  constexpr Pair(Index rows, Index columns) : height(rows), width(columns) {}
  constexpr bool operator==(const Pair&) const = default;

  /// "3x5"
  std::string to_string() const { return text(height, "x", width); }
};

/// How many zeros stand before and after an axis.
struct PaddingPair {
  Index begin = 0;
  Index end = 0;
  constexpr bool operator==(const PaddingPair&) const = default;
};

/// The window's extent when its taps stand `dilation` apart: dilation * (kernel - 1) + 1.
constexpr Index effective_kernel(Index kernel, Index dilation) { return dilation * (kernel - 1) + 1; }

/// Padding of an image: one number, {height, width}, {top, bottom, left, right}, `same`, or `valid` (none).
class Padding {
 public:
  constexpr Padding() = default;
  constexpr Padding(Index all) : top_(all), bottom_(all), left_(all), right_(all) {}  // NOLINT: 1 means all sides
  constexpr Padding(Index height, Index width) : top_(height), bottom_(height), left_(width), right_(width) {}
  constexpr Padding(Index top, Index bottom, Index left, Index right)
      : top_(top), bottom_(bottom), left_(left), right_(right) {}

  /// The padding that `kernels::same` names.
  static constexpr Padding make_same() {
    Padding padding;
    padding.same_ = true;
    return padding;
  }

  constexpr bool is_same() const { return same_; }
  constexpr bool operator==(const Padding&) const = default;

  /// Rows above and below. `same` depends on the input's size, so it is resolved here.
  constexpr PaddingPair rows(Index input, Index kernel, Index stride, Index dilation) const {
    return same_ ? same_pair(input, kernel, stride, dilation) : PaddingPair{top_, bottom_};
  }
  /// Columns to the left and right.
  constexpr PaddingPair columns(Index input, Index kernel, Index stride, Index dilation) const {
    return same_ ? same_pair(input, kernel, stride, dilation) : PaddingPair{left_, right_};
  }
  constexpr Index smallest() const { return std::min({top_, bottom_, left_, right_}); }
  constexpr Index largest() const { return std::max({top_, bottom_, left_, right_}); }

  /// "1", "[1,2]" (height, width), "[1,2,3,4]" (top, bottom, left, right), or "same".
  std::string to_string() const {
    if (same_) return "same";
    if (smallest() == largest()) return text(top_);
    if (top_ == bottom_ && left_ == right_) return text("[", top_, ",", left_, "]");
    return text("[", top_, ",", bottom_, ",", left_, ",", right_, "]");
  }

 private:
  static constexpr PaddingPair same_pair(Index input, Index kernel, Index stride, Index dilation) {
    const Index output = (input + stride - 1) / stride;
    const Index total = std::max<Index>(0, (output - 1) * stride + effective_kernel(kernel, dilation) - input);
    return {total / 2, total - total / 2};
  }

  Index top_ = 0;
  Index bottom_ = 0;
  Index left_ = 0;
  Index right_ = 0;
  bool same_ = false;
};

/// Output as large as the input at stride 1, ceil(input / stride) with a stride.
inline constexpr Padding same = Padding::make_same();
/// No padding.
inline constexpr Padding valid = Padding(0);

}  // namespace kashi::inline v0::kernels
