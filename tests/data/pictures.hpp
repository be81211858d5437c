/// Folders with small files for tests; removed at the end of the test.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace kashi_tests {

/// An empty folder of its own for the test's life.
class Folder {
 public:
  explicit Folder(const std::string& name) {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("kashi_data_" + name + "_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.generic_string(); }

  std::string file(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).generic_string();
  }

  /// A picture of one colour (red, green, blue) as 24-bit BMP.
  void bmp(const std::string& name, int width, int height, std::array<int, 3> colour) const {
    const int row = (3 * width + 3) / 4 * 4;
    std::string bytes = "BM" + number(54 + row * height, 4) + number(0, 4) + number(54, 4) + number(40, 4) +
                        number(width, 4) + number(height, 4) + number(1, 2) + number(24, 2) + std::string(24, '\0');
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) bytes += number(colour[2], 1) + number(colour[1], 1) + number(colour[0], 1);
      bytes += std::string(static_cast<std::size_t>(row - 3 * width), '\0');
    }
    file(name, bytes);
  }

 private:
  static std::string number(int value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 255);
    return out;
  }

  std::filesystem::path path_;
};

}  // namespace kashi_tests
