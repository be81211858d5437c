/// What datasets of picture files share: listing a folder, and decoding each picture once.
#pragma once

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/image.hpp>

namespace kashi::inline v0::data::detail {

/// Decodes pictures and keeps their bytes, for several threads at once.
class PictureCache {
 public:
  PictureCache(std::size_t count, int channels, Index bytes) : kept_(count), channels_(channels), room_(bytes) {}

  Tensor<std::uint8_t> get(std::size_t i, const std::string& path) const {
    {
      const std::lock_guard lock(mutex_);
      if (kept_[i].numel() > 0) return kept_[i];
    }
    Tensor<std::uint8_t> picture = io::load_image(path, {.channels = channels_});
    const std::lock_guard lock(mutex_);
    if (kept_[i].numel() == 0 && picture.numel() <= room_) {
      kept_[i] = picture;
      room_ -= picture.numel();
    }
    return picture;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::vector<Tensor<std::uint8_t>> kept_;
  int channels_;
  mutable Index room_;
};

inline bool is_picture(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".bmp";
}

/// The paths of all pictures in a folder and the folders in it, sorted; hidden ones (".thumbs") are left out.
inline std::vector<std::string> list_pictures(const std::string& who, const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  require<IoError>(fs::is_directory(folder, error), who, ": no such folder; got \"", folder, "\"");
  std::vector<std::string> out;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool is_hidden = entry->path().filename().string().starts_with('.');
    std::error_code ignored;  // an entry that can't be looked at is no picture
    if (is_hidden && entry->is_directory(ignored)) entry.disable_recursion_pending();
    if (!is_hidden && is_picture(entry->path()) && entry->is_regular_file(ignored))
      out.push_back(entry->path().generic_string());
  }
  require<IoError>(!error, who, ": can't list the folder \"", folder, "\": ", error.message());
  require<IoError>(!out.empty(), who, ": the folder holds no PNG, JPEG or BMP image; got \"", folder, "\"");
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace kashi::inline v0::data::detail
