/// Shapes: the sizes of a tensor's axes, at most eight, known at run time.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <span>
#include <string>

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>

namespace kashi::inline v0 {

/// Axis sizes of a row-major array, outermost first. A shape of rank 0 describes a single number.
class Shape {
 public:
  static constexpr int max_rank = 8;

  /// Rank 0: one number.
  Shape() = default;

  /// Throws ShapeError on a negative size, more than eight axes, or a product beyond 64 bits.
  Shape(std::initializer_list<Index> sizes) { assign(std::span<const Index>(sizes.begin(), sizes.size())); }
  explicit Shape(std::span<const Index> sizes) { assign(sizes); }

  int rank() const { return rank_; }

  /// Number of elements: the product of all sizes, 1 for rank 0.
  Index numel() const { return numel_; }

  /// The size of an axis; negative axes count from the end. Throws ShapeError for an axis that is not there.
  Index operator[](Index axis) const { return sizes_[static_cast<std::size_t>(normalize_axis(axis))]; }

  /// Turns an axis that may count from the end into 0..rank-1. Throws ShapeError for an axis that is not there.
  int normalize_axis(Index axis, const char* who = "shape") const {
    const Index wanted = axis < 0 ? axis + rank_ : axis;
    require<ShapeError>(wanted >= 0 && wanted < rank_, who, ": axis ", axis, " is not one of the ", rank_, " axes of ",
                        *this);
    return static_cast<int>(wanted);
  }

  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }
  std::span<const Index> sizes() const { return {begin(), end()}; }

  friend bool operator==(const Shape& a, const Shape& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

  /// This shape with one axis changed.
  Shape with(Index axis, Index size) const {
    std::array<Index, max_rank> sizes = sizes_;
    sizes[static_cast<std::size_t>(normalize_axis(axis))] = size;
    return Shape(std::span<const Index>(sizes.data(), static_cast<std::size_t>(rank_)));
  }

  /// "[8,32,32,3]".
  std::string to_string() const {
    std::string out = "[";
    for (const Index size : sizes()) {
      if (out.size() > 1) out += ',';
      out += std::to_string(size);
    }
    return out + "]";
  }

  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Shape& shape) {
    return out << shape.to_string();
  }

 private:
  void assign(std::span<const Index> sizes) {
    require<ShapeError>(sizes.size() <= max_rank, "shape: at most ", int{max_rank}, " axes; got ", sizes.size());
    rank_ = static_cast<int>(sizes.size());
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
    for (const Index size : sizes) require<ShapeError>(size >= 0, "shape: sizes can't be negative; got ", *this);
    const bool is_empty = std::find(sizes.begin(), sizes.end(), Index{0}) != sizes.end();
    numel_ = is_empty ? 0 : 1;
    for (const Index size : sizes) {
      if (is_empty) break;
      require<ShapeError>(numel_ <= std::numeric_limits<Index>::max() / 64 / size, "shape: too many elements; got ",
                          *this);
      numel_ *= size;
    }
  }

  std::array<Index, max_rank> sizes_{};
  int rank_ = 0;
  Index numel_ = 1;
};

}  // namespace kashi::inline v0
