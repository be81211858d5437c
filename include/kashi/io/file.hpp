/// Files as bytes: reading with a size limit, and folders for output. Writing is in atomic_file.hpp.
///
/// POSIX calls, so that every failure carries the system's own reason.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kashi/core/error.hpp>
#include <kashi/io/limits.hpp>

namespace kashi::inline v0::io {

namespace detail {

/// "No space left on device" for ENOSPC. Not std::strerror, which several threads can't share.
inline std::string errno_text(int code) { return std::error_code(code, std::generic_category()).message(); }

[[noreturn]] inline void throw_io(std::string_view what, const std::filesystem::path& path, int code) {
  throw IoError(text(what, " '", path.string(), "': ", errno_text(code)));
}

/// An open file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

}  // namespace detail

/// A regular file open for reading at any place.
class FileReader {
 public:
  /// `what` begins the error texts ("cannot read weights"). Throws IoError with the system's reason if the file can't
  /// be opened, is a folder or device, or is larger than `limit` bytes.
  explicit FileReader(std::filesystem::path path, std::string what = "cannot read file",
                      std::int64_t limit = Limits{}.file_bytes)
      : path_(std::move(path)),
        what_(std::move(what)),
        file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (!file_) detail::throw_io(what_, path_, errno);
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) detail::throw_io(what_, path_, errno);
    if (S_ISDIR(status.st_mode)) detail::throw_io(what_, path_, EISDIR);
    require<IoError>(S_ISREG(status.st_mode), what_, " '", path_.string(), "': it is not a regular file");
    size_ = static_cast<std::int64_t>(status.st_size);
    require<IoError>(size_ <= limit, what_, " '", path_.string(), "': its ", size_, " bytes exceed the limit of ",
                     limit, " (io::Limits)");
  }

  std::int64_t size() const { return size_; }
  int descriptor() const { return file_.get(); }
  const std::filesystem::path& path() const { return path_; }

  /// Fills `to` from the bytes at `offset`. Throws IoError if the file ends before or can't be read.
  void read_at(std::int64_t offset, std::span<std::byte> to) const {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t got = ::pread(file_.get(), to.data() + done, to.size() - done,
                                  static_cast<off_t>(offset) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) detail::throw_io(what_, path_, errno);
      require<IoError>(got > 0, what_, " '", path_.string(), "': it ended at byte ",
                       offset + static_cast<std::int64_t>(done), " while it was read");
      done += static_cast<std::size_t>(got);
    }
  }

 private:
  std::filesystem::path path_;
  std::string what_;
  detail::Descriptor file_;
  std::int64_t size_ = 0;
};

/// All bytes of a file. Throws IoError as FileReader does.
inline std::vector<std::byte> read_file(const std::filesystem::path& path, std::int64_t limit = Limits{}.file_bytes,
                                        std::string what = "cannot read file") {
  const FileReader file(path, std::move(what), limit);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
  file.read_at(0, bytes);
  return bytes;
}

/// A whole file as text.
inline std::string read_text_file(const std::filesystem::path& path, std::int64_t limit = Limits{}.file_bytes) {
  const FileReader file(path, "cannot read file", limit);
  std::string out(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(out)));
  return out;
}

/// Makes a folder for output, with its parents, and checks that files can be made in it. Does nothing if it is there.
/// Throws IoError with the reason: no permission, a read-only or full file system, or a file of that name.
inline void make_output_folder(const std::filesystem::path& folder) {
  constexpr std::string_view what = "cannot write into folder";
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure && failure.value() != EEXIST) detail::throw_io("cannot make folder", folder, failure.value());
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) detail::throw_io(what, folder, errno);
  if (!S_ISDIR(status.st_mode)) detail::throw_io(what, folder, ENOTDIR);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) detail::throw_io(what, folder, errno);
}

}  // namespace kashi::inline v0::io
