/// Datasets of picture files in a folder, with labels from the file names or folders.
///
/// Pictures are decoded when they are first asked for and kept as bytes. The list of files is sorted, so that nothing
/// depends on the order in which the system lists a folder.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/data/dataset.hpp>
#include <kashi/data/label_rules.hpp>
#include <kashi/data/picture_files.hpp>

namespace kashi::inline v0::data {

struct ImageFolderOptions {
  int channels = 3;  ///< 1 (grey), 3 (RGB) or 4 (RGB and alpha); files are converted
  bool skip_unreadable =
      false;  ///< leave out files that can't be decoded (all are then read at once) instead of stopping
  std::vector<std::string>
      class_names{};                   ///< the classes in the order of their labels; empty: all that are found, sorted
  Index cache_bytes = Index{1} << 30;  ///< decoded pictures are kept until they fill this much memory; 0 keeps none
};

/// All PNG, JPEG and BMP pictures of a folder and the folders in it, sorted by path.
///
///     auto digits = data::image_folder("digits/", data::label_from_name);
///
/// Images are [H,W,channels] in [0,1], each of its own size (`map(data::Resize(...))` makes them one). Throws IoError
/// for a missing folder or one without pictures, ValueError for a file without a label or with one that is not among
/// `class_names`. A picture that can't be decoded throws when it is read, naming the file and the reason.
Dataset image_folder(const std::string& folder, const LabelRule& rule = label_from_folder,
                     const ImageFolderOptions& options = {});

#if KASHI_HAS_BODIES

namespace detail {

class ImageFolderSource final : public Source {
 public:
  ImageFolderSource(const std::string& folder, const LabelRule& rule, const ImageFolderOptions& options)
      : paths_(list_pictures("image_folder", folder)), class_names_(options.class_names) {
    std::vector<std::string> names;
    for (const std::string& path : paths_) {
      names.push_back(rule(path));
      require(!names.back().empty(), "image_folder: the file has no label; got \"", path,
              "\" (hint: label_from_name wants names such as 3_0012.png)");
    }
    if (class_names_.empty()) find_classes(names);
    number_classes(names);
    cache_ = std::make_unique<PictureCache>(paths_.size(), options.channels, options.cache_bytes);
    if (options.skip_unreadable) leave_out_unreadable(folder);
  }

  Index size() const override { return static_cast<Index>(files_.size()); }
  Example get(Index i) const override {
    const std::size_t file = files_[static_cast<std::size_t>(i)];
    return {.image = io::to_float(cache_->get(file, paths_[file])), .label = labels_[file], .name = paths_[file]};
  }
  Index label(Index i) const override { return labels_[files_[static_cast<std::size_t>(i)]]; }
  std::string name(Index i) const override { return paths_[files_[static_cast<std::size_t>(i)]]; }
  std::vector<std::string> class_names() const override { return class_names_; }
  std::vector<std::string> skipped() const override { return skipped_; }

 private:
  void find_classes(std::vector<std::string> names) {
    std::sort(names.begin(), names.end(), class_name_less);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    class_names_ = std::move(names);
  }

  void number_classes(const std::vector<std::string>& names) {
    std::map<std::string, Index> numbers;
    for (const std::string& name : class_names_) numbers.emplace(name, static_cast<Index>(numbers.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto found = numbers.find(names[i]);
      require(found != numbers.end(), "image_folder: the label \"", names[i], "\" is not one of the ",
              class_names_.size(), " class names; got \"", paths_[i], "\"");
      labels_.push_back(found->second);
      files_.push_back(i);
    }
  }

  void leave_out_unreadable(const std::string& folder) {
    std::vector<std::string> reasons(paths_.size());
    parallel_for(static_cast<Index>(paths_.size()), 1, [&](Index begin, Index end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        try {
          cache_->get(i, paths_[i]);
        } catch (const Error& error) {
          reasons[i] = error.what();
        }
      }
    });
    std::erase_if(files_, [&](std::size_t i) { return !reasons[i].empty(); });
    for (const std::string& reason : reasons)
      if (!reason.empty()) skipped_.push_back(reason);
    require<IoError>(!files_.empty(), "image_folder: none of the ", paths_.size(), " images can be read; got \"",
                     folder, "\"; the first: ", skipped_.front());
  }

  std::vector<std::string> paths_;
  std::vector<Index> labels_;
  std::vector<std::size_t> files_;  ///< the readable ones, as places in paths_
  std::vector<std::string> class_names_;
  std::vector<std::string> skipped_;
  std::unique_ptr<PictureCache> cache_;
};

}  // namespace detail

KASHI_FUNCTION Dataset image_folder(const std::string& folder, const LabelRule& rule,
                                    const ImageFolderOptions& options) {
  require(static_cast<bool>(rule), "image_folder: the rule for labels is empty");
  require(options.channels == 1 || options.channels == 3 || options.channels == 4,
          "image_folder: channels must be 1, 3 or 4; got ", options.channels);
  return Dataset(std::make_shared<detail::ImageFolderSource>(folder, rule, options));
}

#endif

}  // namespace kashi::inline v0::data
