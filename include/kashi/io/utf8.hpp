/// Whether text from a file may be shown and stored: valid UTF-8 without control characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kashi::inline v0::io {

/// True for well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF) without control characters
/// (U+0000 to U+001F, U+007F).
inline bool is_clean_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7F) return false;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - i < length) return false;
    std::uint32_t point = lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3Fu);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < smallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

/// Text for an error message: what can't be shown becomes '?', and the rest is cut after `most` bytes.
inline std::string shown_text(std::string_view text, std::size_t most = 80) {
  std::string out;
  for (const char c : text.substr(0, most)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return text.size() > most ? out + "..." : out;
}

}  // namespace kashi::inline v0::io
