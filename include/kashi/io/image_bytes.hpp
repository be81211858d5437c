/// The bytes of an image file for the checks that come before decoding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <kashi/core/error.hpp>
#include <kashi/io/limits.hpp>

namespace kashi::inline v0::io::detail {

/// The bytes of an image file and the beginning of the error texts about it ("cannot read image 'a.png'").
class ImageBytes {
 public:
  ImageBytes(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  std::size_t size() const { return bytes_.size(); }
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }

  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": ", reason...);
  }

  /// Throws unless `count` bytes lie at `at`.
  void need(std::size_t at, std::size_t count, std::string_view part) const {
    check(at <= size() && count <= size() - at, "the file is truncated: ", part, " at byte ", at, " needs ", count,
          " bytes, ", size() - std::min(at, size()), " are there");
  }

  bool starts_with(std::string_view magic, std::size_t at = 0) const {
    return size() >= at + magic.size() &&
           std::equal(magic.begin(), magic.end(), reinterpret_cast<const char*>(data()) + at);
  }

  // Numbers at a place that `need` has checked.
  std::uint32_t u8(std::size_t at) const { return data()[at]; }
  std::uint32_t u16_big(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  std::uint32_t u32_big(std::size_t at) const { return u16_big(at) << 16 | u16_big(at + 2); }
  std::uint32_t u16_little(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }
  std::uint32_t u32_little(std::size_t at) const { return u16_little(at) | u16_little(at + 2) << 16; }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
};

/// What a header says.
struct ImageHeader {
  Index width = 0;
  Index height = 0;
  int bits = 8;  ///< bits a channel: 16 for deep PNG files, otherwise 8 after decoding
};

inline void check_image_size(const ImageBytes& file, const ImageHeader& header, const Limits& limits) {
  file.check(header.width > 0 && header.height > 0, "its header claims ", header.width, "x", header.height, " pixels");
  file.check(header.width <= limits.image_side && header.height <= limits.image_side, "its header claims ",
             header.width, "x", header.height, " pixels, the limit is ", limits.image_side, " a side (io::Limits)");
  file.check(header.width * header.height <= limits.image_pixels, "its header claims ", header.width, "x",
             header.height, " pixels, the limit is ", limits.image_pixels, " in all (io::Limits)");
}

}  // namespace kashi::inline v0::io::detail
