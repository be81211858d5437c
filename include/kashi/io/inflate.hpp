/// Deflated data (RFC 1951) unpacked and packed through zlib, and its checksum.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <zlib.h>

#include <kashi/core/error.hpp>

namespace kashi::inline v0::io::detail {

inline constexpr std::size_t zlib_most_at_once = std::size_t{1} << 30;

inline std::uint32_t crc32_of(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
  if (bytes.empty()) return crc;  // zlib takes a null pointer for a wish to begin anew
  return static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// Fills `to` exactly from the raw deflate data `from`. Throws FormatError, beginning with `who`, if they are damaged
/// or hold more or fewer bytes.
template <class = void>
inline void inflate_exactly(std::span<const std::byte> from, std::span<std::byte> to, const std::string& who) {
  z_stream stream{};
  require<Error>(inflateInit2(&stream, -MAX_WBITS) == Z_OK, who, ": zlib can't start");
  std::byte beyond{};  // what comes after the last byte shows that there is too much
  int state = Z_OK;
  std::size_t taken = 0, done = 0;
  while (state == Z_OK) {
    const std::span<std::byte> room = done < to.size() ? to.subspan(done) : std::span(&beyond, 1);
    const auto given = static_cast<uInt>(std::min(from.size() - taken, zlib_most_at_once)),
               asked = static_cast<uInt>(std::min(room.size(), zlib_most_at_once));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data() + taken));  // it only reads
    stream.avail_in = given;
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = asked;
    state = inflate(&stream, Z_NO_FLUSH);
    taken += given - stream.avail_in;
    done += asked - stream.avail_out;
    if (done > to.size()) break;
  }
  inflateEnd(&stream);
  require<FormatError>(done <= to.size(), who, ": it unpacks to more than the ", to.size(), " bytes that it claims");
  require<FormatError>(state == Z_STREAM_END, who, ": its compressed data are ",
                       state == Z_BUF_ERROR ? "cut off" : "damaged");
  require<FormatError>(done == to.size() && taken == from.size(), who, ": it unpacks to ", done, " bytes out of ",
                       taken, ", but claims ", to.size(), " out of ", from.size());
}

/// Raw deflate data of these bytes. Equal bytes give equal data (for one zlib).
template <class = void>
inline std::vector<std::byte> deflate_all(std::span<const std::byte> from, int level = Z_DEFAULT_COMPRESSION) {
  z_stream stream{};
  require<Error>(deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                 "deflate: zlib can't start");
  std::vector<std::byte> out, piece(std::size_t{1} << 16);
  int state = Z_OK;
  while (state == Z_OK) {
    const std::size_t given = std::min(from.size(), zlib_most_at_once);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));  // it only reads
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = deflate(&stream, given == from.size() ? Z_FINISH : Z_NO_FLUSH);
    from = from.subspan(given - stream.avail_in);
    out.insert(out.end(), piece.begin(), piece.end() - stream.avail_out);
  }
  deflateEnd(&stream);
  require<Error>(state == Z_STREAM_END, "deflate: zlib failed");
  return out;
}

}  // namespace kashi::inline v0::io::detail
