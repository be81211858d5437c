/// What optimizers, schedulers and weight averages remember, in a form that a checkpoint can hold: named tensors and
/// named numbers, in a fixed order. Counts are numbers too; they are exact up to 2^53.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kashi/nn/state_dict.hpp>

namespace kashi::inline v0::optim {

/// Named numbers in a fixed order.
class Numbers {
 public:
  using Entry = std::pair<std::string, double>;

  /// Adds an entry, or replaces the one of that name.
  void set(const std::string& name, double value) {
    for (auto& [key, old] : entries_) {
      if (key != name) continue;
      old = value;
      return;
    }
    entries_.emplace_back(name, value);
  }
  /// The number of a name, or null.
  const double* find(const std::string& name) const {
    for (const auto& [key, value] : entries_)
      if (key == name) return &value;
    return nullptr;
  }
  /// The number of a name. Throws ValueError if there is none.
  double at(const std::string& name) const {
    const double* found = find(name);
    require(found != nullptr, "state: there is no number \"", name, "\" among the ", size());
    return *found;
  }
  /// Adds all of `other` under prefix + name.
  void add(const std::string& prefix, const Numbers& other) {
    for (const auto& [name, value] : other.entries_) entries_.emplace_back(prefix + name, value);
  }
  /// The entries whose names begin with `prefix`, without it.
  Numbers part(const std::string& prefix) const {
    Numbers out;
    for (const auto& [name, value] : entries_)
      if (name.starts_with(prefix)) out.entries_.emplace_back(name.substr(prefix.size()), value);
    return out;
  }

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

/// The whole state of an optimizer or a weight average.
template <class T>
struct State {
  nn::StateDict<T> tensors;
  Numbers numbers;
};

namespace detail {

/// Throws ValueError unless both lists hold the same names.
inline void require_same_names(const Numbers& expected, const Numbers& given, const std::string& who) {
  for (const auto& [name, value] : expected)
    require(given.find(name) != nullptr, who, ": the state has no number \"", name, "\"");
  for (const auto& [name, value] : given)
    require(expected.find(name) != nullptr, who, ": the state has an unknown number \"", name, "\"");
}

}  // namespace detail

}  // namespace kashi::inline v0::optim
