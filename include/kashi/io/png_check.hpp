/// Whether all of a PNG file is there and undamaged: its chunks, their checksums, and enough data for its pixels.
/// Format: ISO/IEC 15948.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <kashi/core/error.hpp>
#include <kashi/io/image_bytes.hpp>
#include <kashi/io/limits.hpp>

namespace kashi::inline v0::io::detail {

/// The checksum of PNG chunks (ISO/IEC 15948, annex D).
template <class = void>
inline std::uint32_t crc32(const unsigned char* data, std::size_t size) {
  static constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      out[i] = i;
      for (int bit = 0; bit < 8; ++bit) out[i] = (out[i] >> 1) ^ ((out[i] & 1) != 0 ? 0xEDB88320u : 0u);
    }
    return out;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (std::size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xFFu];
  return ~crc;
}

template <class = void>
inline ImageHeader check_png(const ImageBytes& file, const Limits& limits) {
  constexpr std::array<unsigned, 7> channels_of_colour_type = {1, 0, 3, 1, 2, 0, 4};
  file.need(8, 25, "its header");
  file.check(file.starts_with("IHDR", 12) && file.u32_big(8) == 13, "its first chunk is no PNG header");
  const ImageHeader header{file.u32_big(16), file.u32_big(20), file.u8(24) == 16 ? 16 : 8};
  check_image_size(file, header, limits);
  const std::uint32_t colour_type = file.u8(25);
  file.check(colour_type < 7 && channels_of_colour_type[colour_type] != 0, "its PNG colour type ", colour_type,
             " does not exist");

  Index compressed = 0;
  for (std::size_t at = 8;;) {
    file.need(at, 12, "a chunk");
    const std::string_view name(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    const std::size_t length = file.u32_big(at);
    const bool is_critical = (file.u8(at + 4) & 0x20u) == 0;
    file.need(at, length + 12, is_critical ? text("its ", name, " chunk") : std::string("a chunk"));
    if (is_critical) {
      file.check(crc32(file.data() + at + 4, length + 4) == file.u32_big(at + 8 + length), "its ", name,
                 " chunk at byte ", at, " is damaged (wrong checksum)");
    }
    if (name == "IDAT") compressed += static_cast<Index>(length);
    if (name == "IEND") break;
    at += length + 12;
  }
  // Deflate makes at most 1032 bytes out of one.
  const Index pixel_bytes = header.width * header.height * channels_of_colour_type[colour_type] * file.u8(24) / 8;
  file.check(pixel_bytes / 1032 <= compressed, "its ", compressed, " compressed bytes can't hold ", header.width, "x",
             header.height, " pixels");
  return header;
}

}  // namespace kashi::inline v0::io::detail
