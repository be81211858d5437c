/// Writing of zip archives, entry by entry. Include io/npy.hpp from outside.
///
/// The same content gives the same bytes: every entry has the format's first date, 1980-01-01. Entries and archives
/// beyond 4 GiB get zip64 fields.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/inflate.hpp>
#include <kashi/io/utf8.hpp>
#include <kashi/io/zip_directory.hpp>

namespace kashi::inline v0::io::detail {

/// Writer has `write(std::string_view)` and `write(std::span<const std::byte>)`.
template <class Writer>
class ZipWriter {
 public:
  explicit ZipWriter(Writer& writer) : writer_(writer) {}

  /// Adds an entry out of two pieces.
  void add(const std::string& name, std::array<std::span<const std::byte>, 2> pieces, bool compress) {
    require(is_clean_text(name) && name.size() < 65'536, "zip: the name \"", shown_text(name), "\" is not clean UTF-8");
    const std::uint64_t unpacked = pieces[0].size() + pieces[1].size();
    const std::uint32_t crc = crc32_of(pieces[1], crc32_of(pieces[0]));
    std::vector<std::byte> packed;
    if (compress) {
      std::vector<std::byte> whole(pieces[0].begin(), pieces[0].end());
      whole.insert(whole.end(), pieces[1].begin(), pieces[1].end());
      packed = deflate_all(whole);
      pieces = {packed, {}};
    }
    const std::uint64_t bytes = pieces[0].size() + pieces[1].size();
    const bool is_wide = std::max(unpacked, bytes) >= narrow;
    const std::string sizes = is_wide ? number(1, 2) + number(16, 2) + number(unpacked, 8) + number(bytes, 8) : "";
    const auto fields = [&](std::size_t extra) {
      constexpr std::uint64_t utf8_flag = 0x800, first_date = 0x21;
      return number(is_wide ? 45 : 20, 2) + number(utf8_flag, 2) + number(compress ? 8 : 0, 2) + number(0, 2) +
             number(first_date, 2) + number(crc, 4) + number(is_wide ? narrow : bytes, 4) +
             number(is_wide ? narrow : unpacked, 4) + number(name.size(), 2) + number(extra, 2);
    };
    const std::string place = place_ < narrow ? "" : number(place_, 8);
    std::string extra = sizes;
    if (!place.empty())
      extra = number(1, 2) + number(sizes.empty() ? 8 : 24, 2) + sizes.substr(std::min<std::size_t>(4, sizes.size())) +
              place;
    directory_ += number(zip_central_signature, 4) + number(45, 2) + fields(extra.size()) + number(0, 2) +
                  number(0, 2) + number(0, 2) + number(0, 4) + number(std::min(place_, narrow), 4) + name + extra;
    ++entries_;
    write(number(zip_local_signature, 4) + fields(sizes.size()) + name + sizes);
    for (const auto piece : pieces) {
      writer_.write(piece);
      place_ += piece.size();
    }
  }

  /// Writes the directory. Nothing may be added behind it.
  void finish() {
    const std::uint64_t begin = place_, bytes = directory_.size();
    write(directory_);
    if (begin >= narrow || bytes >= narrow || entries_ >= 0xFFFF) {
      const std::uint64_t end = place_;
      write(number(zip64_end_signature, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 4) +
            number(0, 4) + number(entries_, 8) + number(entries_, 8) + number(bytes, 8) + number(begin, 8));
      write(number(zip64_locator_signature, 4) + number(0, 4) + number(end, 8) + number(1, 4));
    }
    const std::uint64_t count = std::min<std::uint64_t>(entries_, 0xFFFF);
    write(number(zip_end_signature, 4) + number(0, 4) + number(count, 2) + number(count, 2) +
          number(std::min(bytes, narrow), 4) + number(std::min(begin, narrow), 4) + number(0, 2));
  }

 private:
  static constexpr std::uint64_t narrow = 0xFFFF'FFFF;

  static std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
  }

  void write(const std::string& text) {
    writer_.write(std::string_view(text));
    place_ += text.size();
  }

  Writer& writer_;
  std::uint64_t place_ = 0, entries_ = 0;
  std::string directory_;
};

}  // namespace kashi::inline v0::io::detail
