/// Datasets of pictures with masks, for segmentation: two folders with files of the same names.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/data/dataset.hpp>
#include <kashi/data/label_rules.hpp>
#include <kashi/data/picture_files.hpp>

namespace kashi::inline v0::data {

struct MaskFolderOptions {
  int channels = 1;                    ///< of the pictures: 1 (grey), 3 (RGB) or 4
  int threshold = 127;                 ///< a pixel of a mask belongs to the foreground when its grey is above
  Index cache_bytes = Index{1} << 30;  ///< decoded files are kept until they fill this much memory; 0 keeps none
};

namespace detail {

/// The file name without folder and ending.
inline std::string stem_of(const std::string& path) {
  const std::string_view name = file_name(path);
  return std::string(name.substr(0, name.find_last_of('.')));
}

class MaskFolderSource final : public Source {
 public:
  MaskFolderSource(const std::string& images, const std::string& masks, const MaskFolderOptions& options)
      : images_(list_pictures("mask_folder", images)), threshold_(options.threshold) {
    std::map<std::string, std::string> by_stem;
    for (const std::string& path : list_pictures("mask_folder", masks)) by_stem[stem_of(path)] = path;
    for (const std::string& path : images_) {
      const auto found = by_stem.find(stem_of(path));
      require(found != by_stem.end(), "mask_folder: the picture has no mask of the same name in \"", masks,
              "\"; got \"", path, "\"");
      masks_.push_back(found->second);
    }
    image_cache_ = std::make_unique<PictureCache>(images_.size(), options.channels, options.cache_bytes);
    mask_cache_ = std::make_unique<PictureCache>(masks_.size(), 1, options.cache_bytes);
  }

  Index size() const override { return static_cast<Index>(images_.size()); }
  Example get(Index i) const override {
    const auto at = static_cast<std::size_t>(i);
    const Tensor<std::uint8_t> picture = image_cache_->get(at, images_[at]), mask = mask_cache_->get(at, masks_[at]);
    require<ShapeError>(picture.size(0) == mask.size(0) && picture.size(1) == mask.size(1),
                        "mask_folder: picture and mask must have one size; picture ", picture.shape(), ", mask ",
                        mask.shape(), " (\"", masks_[at], "\")");
    Tensor<float> target = Tensor<float>::empty(mask.shape());
    std::transform(mask.data(), mask.data() + mask.numel(), target.mutable_data(),
                   [&](std::uint8_t value) { return value > threshold_ ? 1.0f : 0.0f; });
    return {.image = io::to_float(picture), .label = label_of(mask), .target = target, .name = images_[at]};
  }
  Index label(Index i) const override {
    const auto at = static_cast<std::size_t>(i);
    return label_of(mask_cache_->get(at, masks_[at]));
  }
  std::string name(Index i) const override { return images_[static_cast<std::size_t>(i)]; }
  std::vector<std::string> class_names() const override { return {"empty", "marked"}; }

 private:
  Index label_of(const Tensor<std::uint8_t>& mask) const {
    const auto values = mask.span();
    return std::any_of(values.begin(), values.end(), [&](std::uint8_t value) { return value > threshold_; }) ? 1 : 0;
  }

  std::vector<std::string> images_, masks_;
  int threshold_;
  std::unique_ptr<PictureCache> image_cache_, mask_cache_;
};

}  // namespace detail

/// The pictures of one folder with the masks of another; a pair has the same file name but for the ending. `target` is
/// [H,W,1] of 0 and 1; the label tells whether a mask has foreground, so that a stratified split keeps its share.
///
/// Throws IoError for a missing or empty folder, ValueError for a picture without a mask; files that can't be decoded
/// or differ in size throw when they are read.
inline Dataset mask_folder(const std::string& images, const std::string& masks, const MaskFolderOptions& options = {}) {
  require(options.channels == 1 || options.channels == 3 || options.channels == 4,
          "mask_folder: channels must be 1, 3 or 4; got ", options.channels);
  require(options.threshold >= 0 && options.threshold < 255, "mask_folder: threshold must lie in 0..254; got ",
          options.threshold);
  return Dataset(std::make_shared<detail::MaskFolderSource>(images, masks, options));
}

}  // namespace kashi::inline v0::data
