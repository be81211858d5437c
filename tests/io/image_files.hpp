/// Image files made byte by byte, so that the readers meet what our own writer never makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/io/png_check.hpp>

namespace image_files {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view chars) {
  const auto bytes = std::as_bytes(std::span(chars));
  return Bytes(bytes.begin(), bytes.end());
}

inline std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

inline std::string little_endian(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

inline std::string png_chunk(const std::string& name, const std::string& content) {
  const std::string body = name + content;
  const std::uint32_t crc = kashi::io::detail::crc32(reinterpret_cast<const unsigned char*>(body.data()), body.size());
  return big_endian(static_cast<std::uint32_t>(content.size())) + body + big_endian(crc);
}

/// A zlib stream that stores its content uncompressed. The readers need no Adler sum, so it is left 0.
inline std::string stored_zlib(const std::string& content) {
  std::string out = "\x78\x01";
  for (std::size_t at = 0; at < content.size() || at == 0; at += 60'000) {
    const std::string part = content.substr(at, 60'000);
    const auto size = static_cast<std::uint32_t>(part.size());
    out += static_cast<char>(at + 60'000 >= content.size());
    out += little_endian(size, 2) + little_endian(~size, 2) + part;
  }
  return out + std::string(4, '\0');
}

struct Png {
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  int bits = 8;
  int colour_type = 0;  ///< 0 grey, 2 RGB, 3 palette, 4 grey alpha, 6 RGBA
  int interlace = 0;
  std::string before_data = {};  ///< further chunks: a palette, transparency
  std::string rows = {};         ///< each row: a filter byte (0: none) and its samples
};

inline std::string png_header(const Png& png) {
  std::string out = "\x89PNG\r\n\x1a\n";
  std::string header = big_endian(png.width) + big_endian(png.height);
  for (const int value : {png.bits, png.colour_type, 0, 0, png.interlace}) header += static_cast<char>(value);
  return out + png_chunk("IHDR", header);
}

inline Bytes make_png(const Png& png) {
  return bytes_of(png_header(png) + png.before_data + png_chunk("IDAT", stored_zlib(png.rows)) + png_chunk("IEND", ""));
}

/// 24-bit BMP; `height` < 0: rows from top to bottom. Rows are padded to 4 bytes, samples are B, G, R.
inline Bytes make_bmp(int width, int height, const std::string& rows) {
  std::string out = "BM" + little_endian(static_cast<std::uint32_t>(54 + rows.size()), 4) + little_endian(0, 4);
  out += little_endian(54, 4) + little_endian(40, 4) + little_endian(static_cast<std::uint32_t>(width), 4);
  out += little_endian(static_cast<std::uint32_t>(height), 4) + little_endian(1, 2) + little_endian(24, 2);
  return bytes_of(out + std::string(24, '\0') + rows);
}

/// A JPEG that ends behind its frame header.
inline Bytes make_jpeg_header(std::uint32_t width, std::uint32_t height) {
  const auto u16 = [](std::uint32_t value) { return big_endian(value).substr(2); };
  return bytes_of("\xFF\xD8\xFF\xC0" + u16(11) + "\x08" + u16(height) + u16(width) +
                  std::string("\x01\x01\x11\x00", 4) + "\xFF\xD9");
}

/// A progressive JPEG, 24x20, quality 10, made with Pillow 13 from the picture R = 10 x, G = 12 y, B = x y mod 256.
inline Bytes progressive_jpeg() {
  const std::string_view hex =
      "ffd8ffe000104a46494600010100000100010000ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8ff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdb004301555a5a786978eb8282eb"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffc20011080014001803012200021101031101ffc40017000101010100000000000000000000000000020103ffc400170100"
      "03010000000000000000000000000000010203ffda000c03010002100310000001e55b48958b68b1d05fffc40014100100000000"
      "000000000000000000000030ffda00080101000105021fffc40017110101010100000000000000000000000001001011ffda0008"
      "010301013f011bb19fffc40017110100030000000000000000000000000000011021ffda0008010201013f01622bffc400141001"
      "00000000000000000000000000000030ffda0008010100063f021fffc40017100101010100000000000000000000000000110110"
      "ffda0008010100013f21888888ce63ffda000c03010002000300000010a8e7bcffc4001611010101000000000000000000000000"
      "00000110ffda0008010301013f101308ffc40017110100030000000000000000000000000000012131ffda0008010201013f108b"
      "518463ffc40017100101010100000000000000000000000001001121ffda0008010100013f10214a4298841c817fffd9";
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return out;
}

}  // namespace image_files
