/// What all fuzz targets share: a reader may throw the library's errors and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include <unistd.h>

#include <kashi/core/error.hpp>
#include <kashi/io/limits.hpp>

namespace fuzz {

/// Small limits, so that an input which is allowed to be large doesn't take the fuzzer's time.
inline kashi::io::Limits limits() {
  return {.image_pixels = 1 << 20, .header_bytes = 1 << 20, .pickle_values = 100'000, .growth_bytes = 16 << 20};
}

/// Calls `read(bytes)`.
template <class Read>
int run(const std::uint8_t* data, std::size_t size, const Read& read) {
  try {
    read(std::as_bytes(std::span(data, size)));
  } catch (const kashi::Error&) {
  }
  return 0;
}

/// A file that holds the bytes, for readers that take a path; in a folder of this process.
inline std::string write_file(const std::string& name, std::span<const std::byte> bytes) {
  const auto folder = std::filesystem::temp_directory_path() / ("kashi_fuzz_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return (folder / name).string();
}

}  // namespace fuzz
