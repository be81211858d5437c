/// Damaged copies of a small file: what every reader must refuse, or read, without crashing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include <kashi/core/error.hpp>

namespace damage {

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The text of the FormatError that `read` throws for these bytes; empty if it reads them. Anything else that it throws
/// fails the test.
template <class Read>
std::string refusal(const Read& read, std::string_view bytes) {
  try {
    // A copy of exactly this size, so that a sanitizer sees a read beyond the end.
    const std::string copy(bytes);
    read(as_bytes(copy));
  } catch (const kashi::FormatError& error) {
    return error.what();
  }
  return "";
}

/// Every beginning of the file must be refused.
template <class Read>
void check_truncations(const Read& read, std::string_view whole) {
  REQUIRE(refusal(read, whole).empty());
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) accepted += refusal(read, whole.substr(0, size)).empty();
  CHECK(accepted == 0);
}

/// Every byte is changed in several ways; the file may still be read. Returns how many copies were refused.
template <class Read>
std::size_t change_every_byte(const Read& read, std::string_view whole) {
  std::size_t refused = 0;
  for (std::size_t place = 0; place < whole.size(); ++place) {
    for (const int mask : {0x01, 0x80, 0xFF}) {
      std::string copy(whole);
      copy[place] = static_cast<char>(copy[place] ^ mask);
      refused += !refusal(read, copy).empty();
    }
  }
  return refused;
}

}  // namespace damage
