/// A network's numbers by name, and what became of them when they were loaded.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/nn/rename.hpp>

namespace kashi::inline v0::nn {

/// The order of the axes of weights that see images.
enum class WeightLayout {
  channels_last,   ///< ours: [O,H,W,C]; a linear layer sees row, column, channel
  channels_first,  ///< PyTorch's, and that of files: [O,C,H,W]; a linear layer sees channel, row, column
};

namespace detail {

/// A weight with its numbers in the other layout. `image`: its shape [O,H,W,C] as it sees an image; rank 0: it sees
/// none. A weight of four axes keeps four, any other its shape.
template <class T>
Tensor<T> change_layout(const Tensor<T>& weight, const Shape& image, WeightLayout to) {
  if (image.rank() != 4) return weight;
  const bool goes_out = to == WeightLayout::channels_first;
  const Shape now = goes_out ? image : Shape{image[0], image[3], image[1], image[2]};
  const Tensor<T> moved =
      permute(weight.reshape(now), goes_out ? std::vector<Index>{0, 3, 1, 2} : std::vector<Index>{0, 2, 3, 1});
  return weight.rank() == 4 ? moved : moved.reshape(weight.shape());
}

}  // namespace detail

/// Named tensors in a fixed order: a network's parameters and buffers.
template <class T>
class StateDict {
 public:
  using Entry = std::pair<std::string, Tensor<T>>;

  /// Adds an entry, or replaces the one of that name.
  void set(const std::string& name, Tensor<T> value) {
    for (auto& [key, tensor] : entries_) {
      if (key != name) continue;
      tensor = std::move(value);
      return;
    }
    entries_.emplace_back(name, std::move(value));
  }
  /// The tensor of a name, or null.
  const Tensor<T>* find(const std::string& name) const {
    for (const auto& [key, tensor] : entries_)
      if (key == name) return &tensor;
    return nullptr;
  }
  /// The tensor of a name. Throws ValueError if there is none.
  const Tensor<T>& at(const std::string& name) const {
    const Tensor<T>* found = find(name);
    require(found != nullptr, "state dict: there is no entry \"", name, "\"");
    return *found;
  }

  /// How the weights' axes are ordered. Networks give channels_last; files hold channels_first.
  WeightLayout layout() const { return layout_; }
  /// Says in which layout the numbers are; changes none.
  void set_layout(WeightLayout layout) { layout_ = layout; }
  /// Says that an entry sees images, as [O,H,W,C], though it has not four axes.
  void set_image_shape(const std::string& name, const Shape& image) { images_[name] = image; }
  /// The shape [O,H,W,C] in which an entry sees images, or rank 0.
  Shape image_shape(const std::string& name) const {
    const auto found = images_.find(name);
    if (found != images_.end()) return found->second;
    const Tensor<T>* value = find(name);
    if (value == nullptr || value->rank() != 4) return Shape{};
    const Shape& shape = value->shape();
    return layout_ == WeightLayout::channels_last ? shape : Shape{shape[0], shape[2], shape[3], shape[1]};
  }
  /// The same numbers in a layout. A linear layer that sees an image must be known: to_state_dict() of a network whose
  /// nn::Linear has `.image` says so.
  StateDict to_layout(WeightLayout layout) const {
    if (layout == layout_) return *this;
    StateDict out = *this;
    out.layout_ = layout;
    for (auto& [name, value] : out.entries_) value = detail::change_layout(value, image_shape(name), layout);
    return out;
  }

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
  std::map<std::string, Shape> images_;
  WeightLayout layout_ = WeightLayout::channels_last;
};

/// Options of load_state_dict.
struct LoadOptions {
  bool strict = true;                ///< every name must be there, and nothing else
  std::vector<RenameRule> rename{};  ///< applied to the state dict's names, in order, before anything is compared
};

/// What load_state_dict did with each name.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     ///< wanted by the network, not in the state dict
  std::vector<std::string> unexpected;  ///< in the state dict, not wanted
  std::vector<std::string> mismatched;  ///< with both shapes
  std::vector<std::string> renamed;     ///< "old -> new", or "prefix.* -> *" for all that begin alike

  /// Whether everything that the network wants was loaded, and nothing else was there.
  bool is_complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  /// One line: how many of each, and the first names of what did not fit.
  std::string to_string() const {
    std::string out = text(loaded.size(), " loaded");
    for (const auto& [what, names] : {std::pair(" missing", &missing),
                                      {" unexpected", &unexpected},
                                      {" of another shape", &mismatched},
                                      {" renamed", &renamed}})
      if (!names->empty()) out += text(", ", names->size(), what, " (", list(*names), ")");
    return out;
  }

  /// Throws ShapeError for mismatched shapes, ValueError for missing or unexpected names.
  void require_complete() const {
    require<ShapeError>(mismatched.empty(), "load_state_dict: shapes differ: ", list(mismatched));
    require(missing.empty() && unexpected.empty(),
            "load_state_dict:", missing.empty() ? "" : " missing: ", list(missing),
            !missing.empty() && !unexpected.empty() ? ";" : "",
            unexpected.empty() ? "" : " unexpected: ", list(unexpected), " ({.strict = false} loads what fits)");
  }

 private:
  static std::string list(const std::vector<std::string>& names) {
    constexpr std::size_t shown = 8;
    std::string out;
    for (std::size_t i = 0; i < names.size() && i < shown; ++i) out += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > shown) out += " and " + std::to_string(names.size() - shown) + " more";
    return out;
  }
};

}  // namespace kashi::inline v0::nn
