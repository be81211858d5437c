/// CIFAR-10 and CIFAR-100 in their binary form (A. Krizhevsky, 2009).
///
/// A record is one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100), then the red, green and blue planes of
/// 32 x 32 bytes each, row by row.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/data/tensor_dataset.hpp>
#include <kashi/io/file.hpp>

namespace kashi::inline v0::data {

struct Cifar10Options {
  bool train = true;  ///< data_batch_1.bin to data_batch_5.bin; else test_batch.bin
};

struct Cifar100Options {
  bool train = true;    ///< train.bin; else test.bin
  bool coarse = false;  ///< the 20 superclasses instead of the 100 classes
};

namespace detail {

/// How the records of a file are laid out.
struct CifarLayout {
  Index label_bytes = 1;
  Index label_at = 0;
  Index classes = 10;
};

/// Appends the records of one file. Throws FormatError for a size that is not whole records or a label out of range.
class CifarReader {
 public:
  static constexpr Index side = 32, plane = side * side, channels = 3;

  explicit CifarReader(const CifarLayout& layout) : layout_(layout) {}

  void add(const std::string& path) {
    const io::FileReader file(path, what, Index{4} << 30);
    require<FormatError>(file.size() > 0 && file.size() % record() == 0, what, " '", path, "': its ", file.size(),
                         " bytes are not whole records of ", record(), " bytes");
    files_.push_back(path);
    count_ += file.size() / record();
  }

  Dataset read(std::vector<std::string> class_names) const {
    Tensor<std::uint8_t> images = Tensor<std::uint8_t>::empty({count_, side, side, channels});
    Tensor<Index> labels = Tensor<Index>::empty({count_});
    std::uint8_t* pixels = images.mutable_data();
    Index* label = labels.mutable_data();
    const Index end = count_;
    Index done = 0;
    for (const std::string& path : files_) {
      const io::FileReader file(path, what);
      const Index records = file.size() / record();
      require<FormatError>(file.size() % record() == 0 && done + records <= end, what, " '", path,
                           "': its size changed while it was read");
      std::vector<std::byte> bytes(static_cast<std::size_t>(record()));
      for (Index i = 0; i < records; ++i, ++done, pixels += plane * channels) {
        file.read_at(i * record(), bytes);
        label[done] = std::to_integer<Index>(bytes[static_cast<std::size_t>(layout_.label_at)]);
        require<FormatError>(label[done] < layout_.classes, what, " '", path, "': label ", label[done], " of record ",
                             i, " is not below ", layout_.classes);
        const std::byte* planes = bytes.data() + layout_.label_bytes;
        for (Index k = 0; k < plane; ++k)
          for (Index c = 0; c < channels; ++c)
            pixels[k * channels + c] = std::to_integer<std::uint8_t>(planes[c * plane + k]);
      }
    }
    require<FormatError>(done == end, what, ": the files' sizes changed while they were read");
    return tensor_dataset(std::move(images), std::move(labels), std::move(class_names));
  }

 private:
  static constexpr const char* what = "cannot read CIFAR file";
  Index record() const { return layout_.label_bytes + plane * channels; }

  CifarLayout layout_;
  std::vector<std::string> files_;
  Index count_ = 0;
};

/// The lines of a file of class names, or none if there is no such file. Throws FormatError for too few.
template <class = void>
inline std::vector<std::string> read_class_names(const std::string& path, Index classes) {
  if (!std::filesystem::exists(path)) return {};
  std::vector<std::string> names(1);
  for (const char c : io::read_text_file(path, 1 << 20)) {
    if (c == '\n' && !names.back().empty()) names.emplace_back();
    if (c != '\n' && c != '\r') names.back() += c;
  }
  if (names.back().empty()) names.pop_back();
  require<FormatError>(static_cast<Index>(names.size()) == classes, "cannot read class names '", path, "': it has ",
                       names.size(), " names, not ", classes);
  return names;
}

}  // namespace detail

/// CIFAR-10 from the folder of its binary version: images [32,32,3], 10 classes, named if batches.meta.txt is there.
/// Throws IoError for a file that is missing and FormatError for one that is no CIFAR file; both name it.
template <class = void>
inline Dataset cifar10(const std::string& folder, const Cifar10Options& options = {}) {
  detail::CifarReader reader({.label_bytes = 1, .label_at = 0, .classes = 10});
  if (options.train) {
    for (int i = 1; i <= 5; ++i) reader.add(text(folder, "/data_batch_", i, ".bin"));
  } else {
    reader.add(folder + "/test_batch.bin");
  }
  return reader.read(detail::read_class_names(folder + "/batches.meta.txt", 10));
}

/// CIFAR-100 from the folder of its binary version: images [32,32,3], 100 classes or 20 superclasses, named if
/// fine_label_names.txt or coarse_label_names.txt is there. Throws as cifar10 does.
inline Dataset cifar100(const std::string& folder, const Cifar100Options& options = {}) {
  const Index classes = options.coarse ? 20 : 100;
  detail::CifarReader reader({.label_bytes = 2, .label_at = options.coarse ? 0 : 1, .classes = classes});
  reader.add(folder + (options.train ? "/train.bin" : "/test.bin"));
  return reader.read(detail::read_class_names(
      folder + (options.coarse ? "/coarse_label_names.txt" : "/fine_label_names.txt"), classes));
}

}  // namespace kashi::inline v0::data
