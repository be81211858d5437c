/// Whether all of a JPEG file is there: its segments from the first marker to the last, and the tables that its scans
/// need. Format: ITU-T T.81, annex B.
///
/// A decoder fills what is missing with grey or reads tables that were never set. Inside a scan JPEG has no checksum,
/// so changed picture data are not noticed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <kashi/io/image_bytes.hpp>
#include <kashi/io/limits.hpp>

namespace kashi::inline v0::io::detail {

/// Walks a JPEG file in the order in which stb reads it.
class JpegWalk {
 public:
  JpegWalk(const ImageBytes& file, const Limits& limits) : file_(file), limits_(limits) {}

  /// Throws FormatError for a file that is cut off or that the decoder must not see.
  ImageHeader run() {
    std::size_t at = 2;
    for (;;) {
      while (at < file_.size() && file_.u8(at) != 0xFF) ++at;
      while (at < file_.size() && file_.u8(at) == 0xFF) ++at;
      file_.check(at < file_.size(), "the file is truncated: its end marker is missing");
      const std::uint32_t marker = file_.u8(at++);
      if (marker == 0xD9) break;
      const bool has_no_length = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
      if (!has_no_length) at = read_segment(marker, at);
    }
    file_.check(has_scan_, "it holds no picture");
    return header_;
  }

 private:
  /// Returns the place behind the segment, and behind the compressed data if it opens a scan.
  std::size_t read_segment(std::uint32_t marker, std::size_t at) {
    file_.need(at, 2, "a JPEG segment");
    const std::size_t length = file_.u16_big(at), end = at + length;
    file_.check(length >= 2, "the JPEG segment at byte ", at, " has the length ", length);
    file_.need(at, length, "a JPEG segment");
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) read_frame(marker, at, length);
    if (marker == 0xC4) read_huffman_tables(at + 2, end);
    if (marker != 0xDA) return end;
    read_scan_header(at, length);
    return skip_scan(end);
  }

  void read_frame(std::uint32_t marker, std::size_t at, std::size_t length) {
    file_.check(length >= 8 && header_.width == 0, "its JPEG frame header is damaged");
    is_progressive_ = marker == 0xC2;
    header_ = {file_.u16_big(at + 5), file_.u16_big(at + 3), 8};
    check_image_size(file_, header_, limits_);
    // Every block of 8x8 pixels takes at least one bit.
    file_.check(header_.width * header_.height / 512 <= static_cast<Index>(file_.size()), "its ", file_.size(),
                " bytes can't hold ", header_.width, "x", header_.height, " pixels");
  }

  /// Each table: a byte for its class and number, 16 counts, and as many values. stb before 2.28 writes beyond its
  /// memory for more than 256 values.
  void read_huffman_tables(std::size_t at, std::size_t end) {
    while (at < end) {
      file_.check(end - at >= 17, "its Huffman table at byte ", at, " is cut off");
      const std::uint32_t place = file_.u8(at);
      std::size_t values = 0;
      for (std::size_t i = 1; i <= 16; ++i) values += file_.u8(at + i);
      file_.check((place & 0xECu) == 0 && values <= 256 && end - at >= 17 + values, "its Huffman table at byte ", at,
                  " is damaged");
      is_table_set_[place >> 4][place & 3u] = true;
      at += 17 + values;
    }
  }

  /// A scan: its components with their tables, the band of coefficients from `first` to `last`, and the bit position.
  void read_scan_header(std::size_t at, std::size_t length) {
    const std::size_t components = length >= 3 ? file_.u8(at + 2) : 0;
    file_.check(header_.width > 0 && components >= 1 && components <= 4 && length == 6 + 2 * components,
                "its JPEG scan header is damaged");
    const std::size_t band = at + 3 + 2 * components;
    const bool is_refinement = (file_.u8(band + 2) >> 4) != 0;
    const bool needs_dc = !is_progressive_ || (file_.u8(band) == 0 && !is_refinement);
    const bool needs_ac = !is_progressive_ || file_.u8(band) != 0;
    for (std::size_t i = 0; i < components; ++i) {
      const std::uint32_t tables = file_.u8(at + 4 + 2 * i);
      const std::uint32_t dc = tables >> 4, ac = tables & 15u;
      file_.check(dc < 4 && ac < 4 && (!needs_dc || is_table_set_[0][dc]) && (!needs_ac || is_table_set_[1][ac]),
                  "its scan at byte ", at, " uses a Huffman table that is not there");
    }
    has_scan_ = true;
  }

  /// The next marker's 0xFF behind compressed data. Restart markers and stuffed zeros belong to the data.
  std::size_t skip_scan(std::size_t at) const {
    for (; at + 1 < file_.size(); ++at) {
      if (file_.u8(at) != 0xFF) continue;
      const std::uint32_t next = file_.u8(at + 1);
      if (next != 0x00 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
    }
    return file_.size();
  }

  const ImageBytes& file_;
  const Limits& limits_;
  ImageHeader header_;
  bool is_progressive_ = false;
  bool has_scan_ = false;
  std::array<std::array<bool, 4>, 2> is_table_set_{};  ///< [DC or AC][number]
};

}  // namespace kashi::inline v0::io::detail
