/// Datasets of pictures with masks, for segmentation: two folders with files of the same names.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/data/dataset.hpp>
#include <kashi/data/picture_files.hpp>

namespace kashi::inline v0::data {

struct MaskFolderOptions {
  int channels = 1;                    ///< of the pictures: 1 (grey), 3 (RGB) or 4
  int threshold = 127;                 ///< a pixel of a mask is foreground when its brightest channel is above
  Index cache_bytes = Index{1} << 30;  ///< decoded files are kept until they fill this much memory; 0 keeps none
};

namespace detail {

/// A picture's path in its folder without the ending.
inline std::string stem_in(const std::string& folder, const std::string& path) {
  return std::filesystem::path(path).lexically_relative(folder).replace_extension().generic_string();
}

/// Each pixel's brightest channel, [H,W,1]: so that masks may be painted in any colour. What is transparent is dark.
inline Tensor<std::uint8_t> brightest(const Tensor<std::uint8_t>& picture) {
  const Index channels = picture.size(2), colours = channels == 2 || channels == 4 ? channels - 1 : channels;
  if (channels == 1) return picture;
  auto out = Tensor<std::uint8_t>::empty({picture.size(0), picture.size(1), 1});
  for (Index i = 0; i < out.numel(); ++i) {
    const std::uint8_t* pixel = picture.data() + i * channels;
    const int light = *std::max_element(pixel, pixel + colours), alpha = colours < channels ? pixel[colours] : 255;
    out.mutable_data()[i] = static_cast<std::uint8_t>(light * alpha / 255);
  }
  return out;
}

class MaskFolderSource final : public Source {
 public:
  MaskFolderSource(const std::string& images, const std::string& masks, const MaskFolderOptions& options)
      : images_(list_pictures("mask_folder", images)), threshold_(options.threshold) {
    std::map<std::string, std::string> by_stem;
    for (const std::string& path : list_pictures("mask_folder", masks)) {
      const auto [other, is_new] = by_stem.emplace(stem_in(masks, path), path);
      require(is_new, "mask_folder: two masks have the same name; got \"", other->second, "\" and \"", path, "\"");
    }
    for (const std::string& path : images_) {
      const auto found = by_stem.find(stem_in(images, path));
      require(found != by_stem.end(), "mask_folder: the picture has no mask of the same name in \"", masks,
              "\"; got \"", path, "\"");
      masks_.push_back(found->second);
    }
    image_cache_ = std::make_unique<PictureCache>(images_.size(), options.channels, options.cache_bytes);
    mask_cache_ = std::make_unique<PictureCache>(masks_.size(), as_stored, options.cache_bytes);
  }

  Index size() const override { return static_cast<Index>(images_.size()); }
  Example get(Index i) const override {
    const auto at = static_cast<std::size_t>(i);
    const Tensor<std::uint8_t> picture = image_cache_->get(at, images_[at]), mask = mask_at(at);
    require<ShapeError>(picture.size(0) == mask.size(0) && picture.size(1) == mask.size(1),
                        "mask_folder: picture and mask must have one size; picture ", picture.shape(), ", mask ",
                        mask.shape(), " (\"", masks_[at], "\")");
    Tensor<float> target = Tensor<float>::empty(mask.shape());
    const int threshold = threshold_of(at, mask);
    std::transform(mask.data(), mask.data() + mask.numel(), target.mutable_data(),
                   [&](std::uint8_t value) { return value > threshold ? 1.0f : 0.0f; });
    return {.image = io::to_float(picture), .label = label_of(at, mask), .target = target, .name = images_[at]};
  }
  Index label(Index i) const override {
    const auto at = static_cast<std::size_t>(i);
    return label_of(at, mask_at(at));
  }
  std::string name(Index i) const override { return images_[static_cast<std::size_t>(i)]; }
  std::vector<std::string> class_names() const override { return {"empty", "marked"}; }

 private:
  static constexpr int as_stored = 0;

  Tensor<std::uint8_t> mask_at(std::size_t at) const { return brightest(mask_cache_->get(at, masks_[at])); }
  static int largest(const Tensor<std::uint8_t>& mask) {
    return *std::max_element(mask.data(), mask.data() + mask.numel());
  }
  /// Many tools write masks of 0 and 1: next to black, and meant as 0 and 255. In a JPEG file a 1 is only noise.
  int threshold_of(std::size_t at, const Tensor<std::uint8_t>& mask) const {
    const std::string ending = std::filesystem::path(masks_[at]).extension().string();
    const bool is_exact = ending.find_first_of("jJ") == std::string::npos;
    return is_exact && largest(mask) == 1 ? 0 : threshold_;
  }
  Index label_of(std::size_t at, const Tensor<std::uint8_t>& mask) const {
    return largest(mask) > threshold_of(at, mask) ? 1 : 0;
  }

  std::vector<std::string> images_, masks_;
  int threshold_;
  std::unique_ptr<PictureCache> image_cache_, mask_cache_;
};

}  // namespace detail

/// The pictures of one folder with the masks of another; a pair has the same path in its folder but for the ending.
/// `target` is [H,W,1] of 0 and 1; the label tells whether a mask has foreground, so that a stratified split keeps its
/// share. Masks may be of 0 and 255, of 0 and 1, or painted in a bright colour on black or on nothing.
///
/// Throws IoError for a missing or empty folder, ValueError for a picture without a mask or with two; files that can't
/// be decoded or differ in size throw when they are read.
inline Dataset mask_folder(const std::string& images, const std::string& masks, const MaskFolderOptions& options = {}) {
  require(options.channels == 1 || options.channels == 3 || options.channels == 4,
          "mask_folder: channels must be 1, 3 or 4; got ", options.channels);
  require(options.threshold >= 0 && options.threshold < 255, "mask_folder: threshold must lie in 0..254; got ",
          options.threshold);
  return Dataset(std::make_shared<detail::MaskFolderSource>(images, masks, options));
}

}  // namespace kashi::inline v0::data
