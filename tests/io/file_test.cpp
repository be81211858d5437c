/// Files: reading with limits, and writing that is all or nothing.
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kashi/io/atomic_file.hpp>
#include <kashi/io/file.hpp>

#include "temporary_folder.hpp"

using namespace kashi;
namespace fs = std::filesystem;

namespace {

/// A disk that is full after so many bytes: the system refuses longer files.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

}  // namespace

TEST_CASE("a file comes back as it was written, and nothing lies beside it") {
  const TemporaryFolder folder;
  std::string content("a\0b\n", 4);
  content.append(100'000, 'x');
  io::write_atomically(folder / "a.txt", content);
  CHECK(io::read_text_file(folder / "a.txt") == content);
  CHECK(io::read_file(folder / "a.txt").size() == content.size());
  io::write_atomically(folder / "a.txt", "");
  CHECK(io::read_text_file(folder / "a.txt").empty());
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a full disk leaves the old file whole and no rest") {
  const TemporaryFolder folder;
  io::write_atomically(folder / "a.txt", "the old content");
  {
    const FullDisk disk(10'000);
    CHECK_THROWS_WITH(io::write_atomically(folder / "a.txt", std::string(50'000, 'x')),
                      "cannot write file '" + (folder / "a.txt").string() + "': File too large");
    CHECK_THROWS_AS(io::write_atomically(folder / "new.txt", std::string(50'000, 'x')), IoError);
  }
  CHECK(io::read_text_file(folder / "a.txt") == "the old content");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("an exception out of the writing function leaves the old file whole") {
  const TemporaryFolder folder;
  io::write_atomically(folder / "a.txt", "old");
  const auto fill = [](io::FileWriter& writer) {
    writer.write("half of it");
    throw std::runtime_error("no more");
  };
  CHECK_THROWS_WITH(io::write_atomically(folder / "a.txt", fill), "no more");
  CHECK(io::read_text_file(folder / "a.txt") == "old");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("the rest of a killed program is taken over") {
  const TemporaryFolder folder;
  io::write_atomically(folder / ".a.txt.part", std::string(1000, 'z'));
  io::write_atomically(folder / "a.txt", "new");
  CHECK(io::read_text_file(folder / "a.txt") == "new");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("writers of one file at the same time leave one whole content") {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&folder, i] {
      for (int turn = 0; turn < 10; ++turn)
        io::write_atomically(folder / "a.txt", std::string(20'000, static_cast<char>('a' + i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string content = io::read_text_file(folder / "a.txt");
  CHECK(content.size() == 20'000);
  CHECK(content == std::string(content.size(), content[0]));
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a link stays a link, and a device stays a device") {
  const TemporaryFolder folder;
  io::write_atomically(folder / "real.txt", "old");
  fs::create_symlink("real.txt", folder / "link.txt");
  io::write_atomically(folder / "link.txt", "new");
  CHECK(fs::is_symlink(folder / "link.txt"));
  CHECK(io::read_text_file(folder / "real.txt") == "new");
  CHECK_THROWS_WITH(io::write_atomically("/dev/full", "x"), "cannot write file '/dev/full': it is not a regular file");
  CHECK_THROWS_WITH(io::write_atomically(folder.path(), "x"),
                    "cannot write file '" + folder.path().string() + "': Is a directory");
  CHECK_THROWS_WITH(io::write_atomically("", "x"), "cannot write file '': a file name is missing");
}

TEST_CASE("files that can't be read are named with the reason") {
  const TemporaryFolder folder;
  const std::string none = (folder / "none").string();
  CHECK_THROWS_WITH(io::read_file(none), "cannot read file '" + none + "': No such file or directory");
  CHECK_THROWS_WITH(io::read_file("/dev/zero"), "cannot read file '/dev/zero': it is not a regular file");
  io::write_atomically(folder / "a.txt", "12345");
  CHECK_THROWS_WITH(io::read_file(folder / "a.txt", 4), "cannot read file '" + (folder / "a.txt").string() +
                                                            "': its 5 bytes exceed the limit of 4 (io::Limits)");
  const io::FileReader file(folder / "a.txt");
  std::vector<std::byte> too_much(4);
  CHECK_THROWS_WITH(file.read_at(3, too_much),
                    "cannot read file '" + (folder / "a.txt").string() + "': it ended at byte 5 while it was read");
}

TEST_CASE("output folders are made with their parents, or the reason is given") {
  const TemporaryFolder folder;
  io::make_output_folder(folder / "a/b/c");
  io::make_output_folder(folder / "a/b/c");
  io::make_output_folder(folder / "a/b/c/");
  CHECK(fs::is_directory(folder / "a/b/c"));

  io::write_atomically(folder / "file", "x");
  CHECK_THROWS_WITH(io::make_output_folder(folder / "file"), Catch::Contains("Not a directory"));
  CHECK_THROWS_WITH(io::make_output_folder(folder / "file/below"), Catch::Contains("Not a directory"));
  CHECK_THROWS_AS(io::make_output_folder("/proc/nothing/here"), IoError);
  if (::geteuid() == 0) return;  // to root nothing is closed
  fs::create_directory(folder / "closed");
  REQUIRE(::chmod((folder / "closed").c_str(), 0500) == 0);
  CHECK_THROWS_WITH(io::make_output_folder(folder / "closed"), Catch::Contains("Permission denied"));
}
