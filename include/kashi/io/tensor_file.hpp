/// Named tensors of several number types in a fixed order, with text beside them: what a weights file holds in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::io {

/// A tensor of one of the types that files hold.
using TensorValue = std::variant<Tensor<float>, Tensor<double>, Tensor<std::int64_t>, Tensor<std::int32_t>,
                                 Tensor<std::uint8_t>, Tensor<bool>, Tensor<std::int8_t>, Tensor<std::int16_t>,
                                 Tensor<std::uint16_t>, Tensor<std::uint32_t>, Tensor<std::uint64_t>>;

/// The type's name in safetensors files: F32, F64, I64, I32, U8, BOOL, I8, I16, U16, U32 or U64.
inline std::string_view dtype_name(const TensorValue& value) {
  constexpr std::string_view names[] = {"F32", "F64", "I64", "I32", "U8", "BOOL", "I8", "I16", "U16", "U32", "U64"};
  return names[value.index()];
}

template <class = void>
inline const Shape& shape_of(const TensorValue& value) {
  return std::visit([](const auto& tensor) -> const Shape& { return tensor.shape(); }, value);
}

namespace detail {

/// The numbers as they lie in memory.
template <class = void>
inline std::span<const std::byte> bytes_of(const TensorValue& value) {
  return std::visit([](const auto& tensor) { return std::as_bytes(tensor.span()); }, value);
}

}  // namespace detail

/// An ordered list of named tensors, and metadata. Tensors are handles: adding and getting share the numbers.
class TensorFile {
 public:
  struct Entry {
    std::string name;
    TensorValue value;
  };

  /// Text beside the tensors, by key.
  std::map<std::string, std::string> metadata;

  /// Throws ValueError if the name is taken.
  template <class = void>
  void add(std::string name, TensorValue value) {
    const bool is_new = places_.emplace(name, entries_.size()).second;
    require(is_new, "TensorFile: there is already a tensor \"", name, "\"");
    entries_.push_back({std::move(name), std::move(value)});
  }

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  bool contains(const std::string& name) const { return places_.contains(name); }

  /// The tensor as stored. Throws ValueError if it is not there.
  const TensorValue& at(const std::string& name) const {
    const auto place = places_.find(name);
    require(place != places_.end(), "TensorFile: there is no tensor \"", name, "\" among the ", size());
    return entries_[place->second].value;
  }

  /// The tensor as numbers of type T; float and double are converted into each other.
  /// Throws ValueError if it is not there or of another kind.
  template <class T>
  Tensor<T> get(const std::string& name) const {
    const TensorValue& value = at(name);
    if (const auto* same = std::get_if<Tensor<T>>(&value)) return *same;
    if constexpr (std::is_floating_point_v<T>) {
      if (const auto* single = std::get_if<Tensor<float>>(&value)) return single->template to<T>();
      if (const auto* wide = std::get_if<Tensor<double>>(&value)) return wide->template to<T>();
    }
    throw ValueError(text("TensorFile: tensor \"", name, "\" holds ", dtype_name(value), ", ", dtype_name(Tensor<T>()),
                          " was asked for"));
  }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace kashi::inline v0::io
