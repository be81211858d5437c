/// Reading of gzip data (RFC 1952) through zlib, piece by piece, so that nobody has to believe a size that a file
/// claims.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <zlib.h>

#include <kashi/core/error.hpp>

namespace kashi::inline v0::data::detail {

inline bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

/// No deflate stream grows more than this (zlib's own figure is 1032).
inline constexpr std::int64_t gzip_most_growth = 1032;

/// One compressed file in memory, which must outlive the reader. `who` begins the error texts.
class GzipReader {
 public:
  GzipReader(std::span<const std::byte> bytes, std::string who) : rest_(bytes), who_(std::move(who)) {
    require<Error>(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, who_, ": zlib can't start");
  }
  ~GzipReader() { inflateEnd(&stream_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `to` from the start on and tells how many bytes there were: fewer only at the end of the data.
  /// Throws FormatError for damaged data.
  std::size_t read(std::span<std::byte> to) {
    std::size_t done = 0;
    while (done < to.size() && !is_at_end_) {
      const auto room = static_cast<uInt>(std::min<std::size_t>(to.size() - done, most_at_once));
      const auto given = static_cast<uInt>(std::min<std::size_t>(rest_.size(), most_at_once));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));  // zlib's API; it only reads
      stream_.avail_in = given;
      stream_.next_out = reinterpret_cast<Bytef*>(to.data() + done);
      stream_.avail_out = room;
      const int state = inflate(&stream_, Z_NO_FLUSH);
      rest_ = rest_.subspan(given - stream_.avail_in);
      done += room - stream_.avail_out;
      is_at_end_ = state == Z_STREAM_END;
      require<FormatError>(state == Z_OK || is_at_end_, who_, ": its compressed data are ",
                           state == Z_BUF_ERROR ? "cut off" : "damaged");
    }
    return done;
  }

  /// True when all data were given out and the file ends with them.
  bool is_finished() {
    std::byte one{};
    return read({&one, 1}) == 0 && rest_.empty();
  }

 private:
  static constexpr std::size_t most_at_once = std::size_t{1} << 30;

  std::span<const std::byte> rest_;
  std::string who_;
  z_stream stream_{};
  bool is_at_end_ = false;
};

}  // namespace kashi::inline v0::data::detail
