/// Dataset: a cheap handle to a list of examples, read one at a time and by several threads at once.
///
/// A dataset of one's own derives from `Source`, or gives a size and a function. Readers of files: image_folder.hpp,
/// cifar.hpp, idx.hpp; numbers in memory: tensor_dataset.hpp; parts: split.hpp; batches: loader.hpp.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/data/example.hpp>

namespace kashi::inline v0::data {

/// What stands behind a Dataset. All members may be called by several threads at once.
class Source {
 public:
  virtual ~Source() = default;
  virtual Index size() const = 0;
  /// Example i, 0 <= i < size(); its tensors may be shared with the source, so nobody writes into them.
  virtual Example get(Index i) const = 0;
  /// The label alone. Override it where it is known without reading the image: a split asks for all labels.
  virtual Index label(Index i) const { return get(i).label; }
  /// The name alone.
  virtual std::string name(Index i) const { return get(i).name; }
  /// What the labels 0..K-1 are called; empty when they have no names.
  virtual std::vector<std::string> class_names() const { return {}; }
  /// One line for each file that was left out as unreadable: its path and the reason.
  virtual std::vector<std::string> skipped() const { return {}; }
};

/// A list of examples. Copies are cheap and share the source.
class Dataset {
 public:
  /// No examples.
  Dataset() = default;
  explicit Dataset(std::shared_ptr<const Source> source) : source_(std::move(source)) {
    require(source_ != nullptr, "Dataset: the source is null");
  }
  /// A dataset of `size` examples that `get(i)` makes; `label(i)`, if given, tells a label without making the image.
  Dataset(Index size, std::function<Example(Index)> get, std::function<Index(Index)> label = nullptr,
          std::vector<std::string> class_names = {});

  Index size() const { return source_ ? source_->size() : 0; }

  /// Example i. Throws ValueError out of range, and what the source throws for a file that can't be read.
  Example get(Index i) const { return checked(i).get(i); }
  Index label(Index i) const { return checked(i).label(i); }
  std::string name(Index i) const { return checked(i).name(i); }

  /// All labels, [N].
  Tensor<Index> labels() const;

  /// What the labels 0..K-1 are called; empty when they have no names.
  std::vector<std::string> class_names() const { return source_ ? source_->class_names() : std::vector<std::string>{}; }

  /// One line, path and reason, for each file that was left out as unreadable. `skipped().size()` tells how many.
  std::vector<std::string> skipped() const { return source_ ? source_->skipped() : std::vector<std::string>{}; }

  /// The examples at `indices`, in that order; an index may come more than once. Throws ValueError out of range.
  Dataset subset(std::vector<Index> indices) const;

  /// Every example passed through `transform`. Random transforms draw the same numbers for example i each time it is
  /// read; for new ones in each epoch give the transform to the Loader.
  Dataset map(Transform transform, std::uint64_t seed = 0) const;

  /// Keeps every example in memory once it was read (images as float). After `map` it saves repeated work.
  Dataset cached() const;

 private:
  const Source& checked(Index i) const {
    require(i >= 0 && i < size(), "Dataset: index ", i, " is not one of the ", size(), " examples");
    return *source_;
  }

  std::shared_ptr<const Source> source_;
};

#if KASHI_HAS_BODIES

namespace detail {

class FunctionSource final : public Source {
 public:
  FunctionSource(Index size, std::function<Example(Index)> get, std::function<Index(Index)> label,
                 std::vector<std::string> class_names)
      : size_(size), get_(std::move(get)), label_(std::move(label)), class_names_(std::move(class_names)) {}
  Index size() const override { return size_; }
  Example get(Index i) const override { return get_(i); }
  Index label(Index i) const override { return label_ ? label_(i) : get_(i).label; }
  std::vector<std::string> class_names() const override { return class_names_; }

 private:
  Index size_;
  std::function<Example(Index)> get_;
  std::function<Index(Index)> label_;
  std::vector<std::string> class_names_;
};

class SubsetSource final : public Source {
 public:
  SubsetSource(Dataset whole, std::vector<Index> indices) : whole_(std::move(whole)), indices_(std::move(indices)) {}
  Index size() const override { return static_cast<Index>(indices_.size()); }
  Example get(Index i) const override { return whole_.get(at(i)); }
  Index label(Index i) const override { return whole_.label(at(i)); }
  std::string name(Index i) const override { return whole_.name(at(i)); }
  std::vector<std::string> class_names() const override { return whole_.class_names(); }
  std::vector<std::string> skipped() const override { return whole_.skipped(); }

 private:
  Index at(Index i) const { return indices_[static_cast<std::size_t>(i)]; }

  Dataset whole_;
  std::vector<Index> indices_;
};

class MapSource final : public Source {
 public:
  MapSource(Dataset whole, Transform transform, std::uint64_t seed)
      : whole_(std::move(whole)), transform_(std::move(transform)), seed_(seed) {}
  Index size() const override { return whole_.size(); }
  Example get(Index i) const override {
    Example example = whole_.get(i);
    RandomStream random(seed_, 0, i);
    transform_(example, random);
    return example;
  }
  Index label(Index i) const override { return whole_.label(i); }
  std::string name(Index i) const override { return whole_.name(i); }
  std::vector<std::string> class_names() const override { return whole_.class_names(); }
  std::vector<std::string> skipped() const override { return whole_.skipped(); }

 private:
  Dataset whole_;
  Transform transform_;
  std::uint64_t seed_;
};

class CachedSource final : public Source {
 public:
  explicit CachedSource(Dataset whole) : whole_(std::move(whole)), kept_(static_cast<std::size_t>(whole_.size())) {}
  Index size() const override { return whole_.size(); }
  Example get(Index i) const override {
    std::optional<Example>& kept = kept_[static_cast<std::size_t>(i)];
    {
      const std::lock_guard lock(mutex_);
      if (kept) return *kept;
    }
    Example example = whole_.get(i);  // two threads may both read it; their results are the same
    const std::lock_guard lock(mutex_);
    if (!kept) kept = std::move(example);
    return *kept;
  }
  Index label(Index i) const override { return whole_.label(i); }
  std::string name(Index i) const override { return whole_.name(i); }
  std::vector<std::string> class_names() const override { return whole_.class_names(); }
  std::vector<std::string> skipped() const override { return whole_.skipped(); }

 private:
  Dataset whole_;
  mutable std::mutex mutex_;
  mutable std::vector<std::optional<Example>> kept_;
};

}  // namespace detail

KASHI_FUNCTION Dataset::Dataset(Index size, std::function<Example(Index)> get, std::function<Index(Index)> label,
                                std::vector<std::string> class_names) {
  require(size >= 0, "Dataset: the size can't be negative; got ", size);
  require(static_cast<bool>(get), "Dataset: the function that makes an example is empty");
  source_ = std::make_shared<detail::FunctionSource>(size, std::move(get), std::move(label), std::move(class_names));
}

KASHI_FUNCTION Dataset Dataset::subset(std::vector<Index> indices) const {
  for (const Index i : indices) checked(i);
  return Dataset(std::make_shared<detail::SubsetSource>(*this, std::move(indices)));
}

KASHI_FUNCTION Dataset Dataset::map(Transform transform, std::uint64_t seed) const {
  require(static_cast<bool>(transform), "Dataset: map needs a transform; got an empty one");
  return Dataset(std::make_shared<detail::MapSource>(*this, std::move(transform), seed));
}

KASHI_FUNCTION Dataset Dataset::cached() const { return Dataset(std::make_shared<detail::CachedSource>(*this)); }

KASHI_FUNCTION Tensor<Index> Dataset::labels() const {
  Tensor<Index> out = Tensor<Index>::empty({size()});
  Index* values = out.mutable_data();
  for (Index i = 0; i < size(); ++i) values[i] = source_->label(i);
  return out;
}

#endif

}  // namespace kashi::inline v0::data
