/// A network's numbers by name, and what became of them when they were loaded.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::nn {

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

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

/// Options of load_state_dict.
struct LoadOptions {
  bool strict = true;  ///< every name must be there, and nothing else
};

/// What load_state_dict did with each name.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     ///< wanted by the network, not in the state dict
  std::vector<std::string> unexpected;  ///< in the state dict, not wanted
  std::vector<std::string> mismatched;  ///< with both shapes

  /// Throws ShapeError for mismatched shapes, ValueError for missing or unexpected names.
  void require_complete() const {
    require<ShapeError>(mismatched.empty(), "load_state_dict: shapes differ: ", list(mismatched));
    require(missing.empty() && unexpected.empty(), "load_state_dict:", missing.empty() ? "" : " missing: ", list(missing),
            !missing.empty() && !unexpected.empty() ? ";" : "", unexpected.empty() ? "" : " unexpected: ", list(unexpected),
            " ({.strict = false} loads what fits)");
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
