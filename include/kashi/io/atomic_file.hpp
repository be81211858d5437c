/// Writing files so that a reader, a crash or a full disk never meets half of one.
///
/// The bytes go into a hidden file beside the target, are forced to the disk, and only then take the target's name.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kashi/core/error.hpp>
#include <kashi/io/file.hpp>

namespace kashi::inline v0::io {

/// What the function given to `write_atomically` writes through.
class FileWriter {
 public:
  FileWriter(int file, const std::filesystem::path& target, std::string_view what)
      : file_(file), target_(target), what_(what) {}

  /// Appends bytes. Throws IoError with the system's reason.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(file_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) detail::throw_io(what_, target_, done < 0 ? errno : EIO);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }
  void write(std::string_view chars) { write(std::as_bytes(std::span(chars))); }

 private:
  int file_;
  const std::filesystem::path& target_;
  std::string_view what_;
};

namespace detail {

/// The hidden file beside the target; removed again unless `commit` was reached.
///
/// Its name is fixed, so that a killed program leaves at most one, which the next save takes over; a lock keeps two
/// writers of the same target apart.
class PendingFile {
 public:
  PendingFile(const std::filesystem::path& target, std::string_view what)
      : target_(resolve(target, what)), what_(what) {
    pending_ = target_;
    pending_.replace_filename(text(".", target_.filename().string(), ".part"));
    open_locked();
  }
  ~PendingFile() {
    if (!is_committed_) ::unlink(pending_.c_str());
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  int file() const { return file_.get(); }

  void commit() {
    if (::fsync(file_.get()) != 0) throw_io(what_, target_, errno);
    if (::rename(pending_.c_str(), target_.c_str()) != 0) throw_io(what_, target_, errno);
    is_committed_ = true;
    sync_folder();
  }

 private:
  /// Follows links, so that the file behind a link is replaced and not the link. Refuses folders and devices.
  static std::filesystem::path resolve(const std::filesystem::path& target, std::string_view what) {
    require<IoError>(target.has_filename(), what, " '", target.string(), "': a file name is missing");
    struct stat status {};
    if (::stat(target.c_str(), &status) != 0) return target;
    if (S_ISDIR(status.st_mode)) throw_io(what, target, EISDIR);
    require<IoError>(S_ISREG(status.st_mode), what, " '", target.string(), "': it is not a regular file");
    std::error_code failure;
    const std::filesystem::path real = std::filesystem::canonical(target, failure);
    return failure ? target : real;
  }

  void open_locked() {
    for (;;) {
      file_ = Descriptor(::open(pending_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!file_) throw_io(what_, target_, errno);
      // File systems without locks go on without one.
      while (::flock(file_.get(), LOCK_EX) != 0 && errno == EINTR) continue;
      // Another writer may have renamed or removed the file while this one waited for the lock.
      struct stat opened {
      }, named{};
      const bool is_same = ::fstat(file_.get(), &opened) == 0 && ::stat(pending_.c_str(), &named) == 0 &&
                           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
      if (is_same) break;
    }
    if (::ftruncate(file_.get(), 0) != 0) throw_io(what_, target_, errno);
  }

  /// The new name itself must survive a power cut. Some file systems can't sync a folder; the data are safe already.
  void sync_folder() const {
    const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened) ::fsync(opened.get());
  }

  std::filesystem::path target_;
  std::filesystem::path pending_;
  std::string_view what_;
  Descriptor file_;
  bool is_committed_ = false;
};

}  // namespace detail

/// Replaces `path` by what `fill(FileWriter&)` writes, all or nothing: on any failure, also an exception out of `fill`,
/// the old file stays as it was and nothing else is left behind. `what` begins the error texts.
/// Throws IoError with the system's reason ("cannot write file 'out/a.csv': No space left on device").
template <class Fill>
requires std::is_invocable_v<Fill&, FileWriter&>
void write_atomically(const std::filesystem::path& path, Fill&& fill, std::string_view what = "cannot write file") {
  detail::PendingFile pending(path, what);
  FileWriter writer(pending.file(), path, what);
  fill(writer);
  pending.commit();
}

/// Replaces `path` by these bytes, all or nothing.
inline void write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                             std::string_view what = "cannot write file") {
  write_atomically(
      path, [&](FileWriter& writer) { writer.write(bytes); }, what);
}

/// Replaces `path` by this text, all or nothing.
inline void write_atomically(const std::filesystem::path& path, std::string_view chars,
                             std::string_view what = "cannot write file") {
  write_atomically(path, std::as_bytes(std::span(chars)), what);
}

}  // namespace kashi::inline v0::io
