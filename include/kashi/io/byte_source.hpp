/// Bytes that a reader asks for by place: an open file, or memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/file.hpp>

namespace kashi::inline v0::io::detail {

/// `fetch(offset, to)` fills `to`; the reader keeps within [0, size). `where` begins the error texts.
struct ByteSource {
  std::int64_t size = 0;
  std::function<void(std::int64_t, std::span<std::byte>)> fetch;
  std::string where;

  std::vector<std::byte> read(std::int64_t offset, std::int64_t count) const {
    std::vector<std::byte> out(static_cast<std::size_t>(count));
    fetch(offset, out);
    return out;
  }
};

/// Throws IoError as FileReader does; `what` begins the error texts ("cannot read weights").
inline ByteSource open_source(const std::filesystem::path& path, const std::string& what, const Limits& limits) {
  const auto file = std::make_shared<FileReader>(path, what, limits.file_bytes);
  return {file->size(), [file](std::int64_t offset, std::span<std::byte> to) { file->read_at(offset, to); },
          what + " '" + path.string() + "'"};
}

/// The caller keeps the bytes.
inline ByteSource memory_source(std::span<const std::byte> bytes, std::string what) {
  const auto fetch = [bytes](std::int64_t offset, std::span<std::byte> to) {
    if (!to.empty()) std::memcpy(to.data(), bytes.data() + offset, to.size());
  };
  return {static_cast<std::int64_t>(bytes.size()), fetch, std::move(what)};
}

/// A little-endian number out of bytes that are known to be there.
template <class T>
T little_endian(std::span<const std::byte> bytes, std::size_t offset) {
  T out = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out = static_cast<T>(out | static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i)));
  return out;
}

}  // namespace kashi::inline v0::io::detail
