/// Which tensors of a torch file are wanted, and under which names. Include io/torch.hpp from outside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/pickle_value.hpp>
#include <kashi/io/torch_objects.hpp>
#include <kashi/io/utf8.hpp>

namespace kashi::inline v0::io::detail {

struct NamedTorchTensor {
  std::string name;
  const TorchTensor* tensor = nullptr;
};

/// Walks dicts, lists and tuples; a tensor's name is the keys on the way to it, joined by dots.
template <class>
class BasicTorchWalk {
 public:
  BasicTorchWalk(const PickleHeap& heap, const TorchObjects& objects, const Limits& limits, std::string where)
      : heap_(heap), objects_(objects), limits_(limits), where_(std::move(where)) {}

  /// The dict that holds the network's numbers: what `root` holds under one of the keys that training programs use,
  /// beside which a tensor or two may lie (a best accuracy), else `root` itself.
  PickleValue state_dict(const PickleValue& root) const {
    if (!root.is(PickleKind::dict)) return root;
    const Index beside = direct_tensors(root);
    for (const std::string_view key : {"state_dict", "model_state_dict", "model_state", "model", "net", "network",
                                       "weights", "params", "parameters"}) {
      const PickleValue found = at(root, key);
      if (!found.is(PickleKind::dict)) continue;
      const Index inside = direct_tensors(found);
      if (inside > 0 && (inside > beside || key.ends_with("state_dict"))) return found;
    }
    return root;
  }

  std::vector<NamedTorchTensor> tensors(const PickleValue& value) {
    found_.clear();
    visit(value, "", 0);
    return std::move(found_);
  }

  /// The plain values that stand directly in a dict, as text.
  std::map<std::string, std::string> texts(const PickleValue& root) const {
    std::map<std::string, std::string> out;
    if (!root.is(PickleKind::dict)) return out;
    const auto& items = heap_.items(root);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (!items[i].is(PickleKind::text)) continue;
      const PickleValue& value = items[i + 1];
      std::string& place = out[std::string(heap_.text(items[i]))];
      switch (value.kind) {
        case PickleKind::text:
          place = heap_.text(value);
          break;
        case PickleKind::integer:
          place = std::to_string(value.bits);
          break;
        case PickleKind::boolean:
          place = value.bits != 0 ? "true" : "false";
          break;
        case PickleKind::real:
          place = printed(value.as_real());
          break;
        default:
          out.erase(std::string(heap_.text(items[i])));
      }
    }
    return out;
  }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": ", reason...);
  }

  static std::string printed(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    return buffer;
  }

  /// The last of that key, as in Python.
  PickleValue at(const PickleValue& dict, std::string_view key) const {
    const auto& items = heap_.items(dict);
    for (std::size_t i = items.size(); i >= 2; i -= 2)
      if (items[i - 2].is(PickleKind::text) && heap_.text(items[i - 2]) == key) return items[i - 1];
    return {};
  }

  Index direct_tensors(const PickleValue& dict) const {
    const auto& items = heap_.items(dict);
    Index count = 0;
    for (std::size_t i = 1; i < items.size(); i += 2) count += objects_.tensor(items[i]) != nullptr;
    return count;
  }

  void visit(const PickleValue& value, const std::string& name, int depth) {
    check(depth <= limits_.nesting, "its values are nested more than ", limits_.nesting, " deep (io::Limits)");
    ++visited_;  // a small pickle may refer to its own values again and again
    check(visited_ <= limits_.pickle_values, "it has more than ", limits_.pickle_values, " values (io::Limits)");
    if (const TorchTensor* tensor = objects_.tensor(value)) return add(name, *tensor);
    if (value.is_sequence()) {
      const auto& items = heap_.items(value);
      for (std::size_t i = 0; i < items.size(); ++i) visit(items[i], joined(name, std::to_string(i)), depth + 1);
    } else if (value.is(PickleKind::dict)) {
      const auto& items = heap_.items(value);
      for (std::size_t i = 0; i + 1 < items.size(); i += 2)
        visit(items[i + 1], joined(name, key_text(items[i])), depth + 1);
    }
  }

  std::string key_text(const PickleValue& key) const {
    if (key.is(PickleKind::integer)) return std::to_string(key.bits);
    check(key.is(PickleKind::text), "a dict's key is neither text nor an integer");
    const std::string_view text = heap_.text(key);
    check(is_clean_text(text), "the name \"", shown_text(text), "\" is not clean UTF-8");
    return std::string(text);
  }

  std::string joined(const std::string& name, const std::string& key) const {
    check(name.size() + key.size() + 1 <= static_cast<std::size_t>(limits_.name_bytes), "a name is longer than ",
          limits_.name_bytes, " bytes (io::Limits)");
    return name.empty() ? key : name + "." + key;
  }

  void add(const std::string& name, const TorchTensor& tensor) {
    check(static_cast<Index>(found_.size()) < limits_.tensors, "it has more than ", limits_.tensors,
          " tensors (io::Limits)");
    found_.push_back({name.empty() ? "tensor" : name, &tensor});
  }

  const PickleHeap& heap_;
  const TorchObjects& objects_;
  const Limits& limits_;
  std::string where_;
  Index visited_ = 0;
  std::vector<NamedTorchTensor> found_;
};
using TorchWalk = BasicTorchWalk<void>;

}  // namespace kashi::inline v0::io::detail
