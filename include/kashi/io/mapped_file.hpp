/// A whole file as memory that the system fills when it is looked at.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <sys/mman.h>

#include <kashi/core/error.hpp>
#include <kashi/io/file.hpp>

namespace kashi::inline v0::io::detail {

/// Private: writing changes the memory, never the file. If somebody cuts the file short meanwhile, the system kills a
/// program that reads beyond its new end.
class MappedFile {
 public:
  /// Throws IoError as FileReader does, and when the system refuses.
  MappedFile(const std::filesystem::path& path, const std::string& what, std::int64_t limit) {
    const FileReader file(path, what, limit);
    if (file.size() == 0) return;
    const auto size = static_cast<std::size_t>(file.size());
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.descriptor(), 0);
    if (memory == MAP_FAILED) throw_io(what, path, errno);
    bytes_ = {static_cast<std::byte*>(memory), size};
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace kashi::inline v0::io::detail
