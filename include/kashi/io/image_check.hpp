/// What an image file claims to be, and whether all of it is there, found out before anything is decoded.
///
/// Decoders are lenient: stb takes a JPEG or BMP that was cut off for a whole one and ignores PNG checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <kashi/io/image_bytes.hpp>
#include <kashi/io/jpeg_check.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/png_check.hpp>

namespace kashi::inline v0::io::detail {

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
  file.check(end <= static_cast<Index>(file.size()), "the file is truncated: its ", header.width, "x", header.height,
             " pixels end at byte ", end, ", the file at ", file.size());
  return header;
}

/// Checks a whole file and returns its header. Throws FormatError.
inline ImageHeader check_image(const ImageBytes& file, const Limits& limits) {
  file.check(file.size() > 0, "the file is empty");
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return check_png(file, limits);
  if (file.starts_with("\xFF\xD8")) return JpegWalk(file, limits).run();
  if (file.starts_with("BM")) return check_bmp(file, limits);
  const bool is_webp = file.starts_with("RIFF") && file.starts_with("WEBP", 8);
  const std::string_view other = file.starts_with("GIF8")  ? "GIF"
                                 : is_webp                 ? "WebP"
                                 : file.starts_with("II*") ? "TIFF"
                                 : file.starts_with("MM")  ? "TIFF"
                                                           : "";
  file.check(other.empty(), "it is a ", other, " file; PNG, JPEG and BMP are read");
  file.check(false, "it is no PNG, JPEG or BMP file");
  return {};
}

}  // namespace kashi::inline v0::io::detail
