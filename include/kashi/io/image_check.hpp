/// What an image file claims to be, and whether all of it is there, found out before anything is decoded.
///
/// Decoders are lenient: stb takes a JPEG or BMP that was cut off for a whole one and ignores PNG checksums. These
/// checks walk a file's structure from end to end first. Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81, annex B), BMP.
#pragma once

#include <algorithm>
#include <array>
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
    check(at <= size() && count <= size() - at, "the file is truncated: ", part, " at byte ", at, " needs ", count, " bytes, ",
          size() - std::min(at, size()), " are there");
  }

  bool starts_with(std::string_view magic, std::size_t at = 0) const {
    return size() >= at + magic.size() && std::equal(magic.begin(), magic.end(), reinterpret_cast<const char*>(data()) + at);
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
  file.check(header.width <= limits.image_side && header.height <= limits.image_side, "its header claims ", header.width, "x",
             header.height, " pixels, the limit is ", limits.image_side, " a side (io::Limits)");
  file.check(header.width * header.height <= limits.image_pixels, "its header claims ", header.width, "x", header.height,
             " pixels, the limit is ", limits.image_pixels, " in all (io::Limits)");
}

/// The checksum of PNG chunks (ISO/IEC 15948, annex D).
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

inline ImageHeader check_png(const ImageBytes& file, const Limits& limits) {
  constexpr std::array<unsigned, 7> channels_of_colour_type = {1, 0, 3, 1, 2, 0, 4};
  file.need(8, 25, "its header");
  file.check(file.starts_with("IHDR", 12) && file.u32_big(8) == 13, "its first chunk is no PNG header");
  const ImageHeader header{file.u32_big(16), file.u32_big(20), file.u8(24) == 16 ? 16 : 8};
  check_image_size(file, header, limits);
  const std::uint32_t colour_type = file.u8(25);
  file.check(colour_type < 7 && channels_of_colour_type[colour_type] != 0, "its PNG colour type ", colour_type, " does not exist");

  Index compressed = 0;
  for (std::size_t at = 8;;) {
    file.need(at, 12, "a chunk");
    const std::string_view name(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    const std::size_t length = file.u32_big(at);
    const bool is_critical = (file.u8(at + 4) & 0x20u) == 0;
    file.need(at, length + 12, is_critical ? text("its ", name, " chunk") : std::string("a chunk"));
    if (is_critical) {
      file.check(crc32(file.data() + at + 4, length + 4) == file.u32_big(at + 8 + length), "its ", name, " chunk at byte ", at,
                 " is damaged (wrong checksum)");
    }
    if (name == "IDAT") compressed += static_cast<Index>(length);
    if (name == "IEND") break;
    at += length + 12;
  }
  // Deflate makes at most 1032 bytes out of one.
  const Index pixel_bytes = header.width * header.height * channels_of_colour_type[colour_type] * file.u8(24) / 8;
  file.check(pixel_bytes / 1032 <= compressed, "its ", compressed, " compressed bytes can't hold ", header.width, "x", header.height,
             " pixels");
  return header;
}

/// The byte behind a scan's compressed data: the next marker's 0xFF. Restart markers and stuffed zeros belong to it.
inline std::size_t skip_jpeg_scan(const ImageBytes& file, std::size_t at) {
  for (; at + 1 < file.size(); ++at) {
    if (file.u8(at) != 0xFF) continue;
    const std::uint32_t next = file.u8(at + 1);
    if (next != 0x00 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
  return file.size();
}

/// A segment with Huffman tables, its content in [at, end): a byte, 16 counts and as many values each. stb before 2.28
/// writes beyond its memory for more than 256 values.
inline void check_huffman_tables(const ImageBytes& file, std::size_t at, std::size_t end) {
  while (at < end) {
    file.check(end - at >= 17, "its Huffman table at byte ", at, " is cut off");
    std::size_t values = 0;
    for (std::size_t i = 1; i <= 16; ++i) values += file.u8(at + i);
    file.check(values <= 256 && end - at >= 17 + values, "its Huffman table at byte ", at, " claims ", values, " values");
    at += 17 + values;
  }
}

inline ImageHeader check_jpeg(const ImageBytes& file, const Limits& limits) {
  ImageHeader header;
  bool has_scan = false;
  std::size_t at = 2;
  for (;;) {
    while (at < file.size() && file.u8(at) != 0xFF) ++at;
    while (at < file.size() && file.u8(at) == 0xFF) ++at;
    file.check(at < file.size(), "the file is truncated: its end marker is missing");
    const std::uint32_t marker = file.u8(at++);
    if (marker == 0xD9) break;
    const bool has_no_length = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (has_no_length) continue;
    file.need(at, 2, "a JPEG segment");
    const std::size_t length = file.u16_big(at);
    file.check(length >= 2, "the JPEG segment at byte ", at, " has the length ", length);
    file.need(at, length, "a JPEG segment");
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) {
      file.check(length >= 8 && header.width == 0, "its JPEG frame header is damaged");
      header = {file.u16_big(at + 5), file.u16_big(at + 3), 8};
      check_image_size(file, header, limits);
    }
    if (marker == 0xC4) check_huffman_tables(file, at + 2, at + length);
    at += length;
    if (marker == 0xDA) {
      has_scan = true;
      at = skip_jpeg_scan(file, at);
    }
  }
  file.check(header.width > 0 && has_scan, "it holds no picture");
  // Every block of 8x8 pixels takes at least one bit.
  file.check(header.width * header.height / 512 <= static_cast<Index>(file.size()), "its ", file.size(), " bytes can't hold ",
             header.width, "x", header.height, " pixels");
  return header;
}

inline ImageHeader check_bmp(const ImageBytes& file, const Limits& limits) {
  file.need(0, 30, "its header");
  const bool is_old = file.u32_little(14) == 12;
  const auto signed_at = [&](std::size_t at) { return Index{static_cast<std::int32_t>(file.u32_little(at))}; };
  // A negative height means rows from top to bottom.
  const Index rows = is_old ? Index{file.u16_little(20)} : signed_at(22);
  const ImageHeader header{is_old ? Index{file.u16_little(18)} : signed_at(18), rows < 0 ? -rows : rows, 8};
  check_image_size(file, header, limits);
  const Index row_bits = header.width * Index{file.u16_little(is_old ? 24 : 28)};
  const Index row_stride = (row_bits + 31) / 32 * 4;
  const Index end = Index{file.u32_little(10)} + row_stride * (header.height - 1) + (row_bits + 7) / 8;
  file.check(end <= static_cast<Index>(file.size()), "the file is truncated: its ", header.width, "x", header.height, " pixels end at byte ",
             end, ", the file at ", file.size());
  return header;
}

/// Checks a whole file and returns its header. Throws FormatError.
inline ImageHeader check_image(const ImageBytes& file, const Limits& limits) {
  file.check(file.size() > 0, "the file is empty");
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return check_png(file, limits);
  if (file.starts_with("\xFF\xD8")) return check_jpeg(file, limits);
  if (file.starts_with("BM")) return check_bmp(file, limits);
  const bool is_webp = file.starts_with("RIFF") && file.starts_with("WEBP", 8);
  const std::string_view other = file.starts_with("GIF8")   ? "GIF"
                                 : is_webp                  ? "WebP"
                                 : file.starts_with("II*")  ? "TIFF"
                                 : file.starts_with("MM")   ? "TIFF"
                                                            : "";
  file.check(other.empty(), "it is a ", other, " file; PNG, JPEG and BMP are read");
  file.check(false, "it is no PNG, JPEG or BMP file");
  return {};
}

}  // namespace kashi::inline v0::io::detail
