/// The values that the pickle reader builds: a fixed set of plain data. Include io/torch.hpp from outside.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace kashi::inline v0::io::detail {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  large_integer,  ///< more than 64 bits; kept as bytes
  tuple,
  list,
  dict,    ///< keys and values by turns
  name,    ///< one of the host's names: a function or a type
  object,  ///< what the host made of a call
  mark,
};

/// One value in 16 bytes. Text points into the pickle; containers and objects are numbered.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::uint32_t length = 0;  ///< of text
  std::int64_t bits = 0;     ///< the number, the place of the text, or the number of the container, name or object

  static PickleValue boolean(bool value) { return {PickleKind::boolean, 0, value ? 1 : 0}; }
  static PickleValue integer(std::int64_t value) { return {PickleKind::integer, 0, value}; }
  static PickleValue real(std::uint64_t bits) { return {PickleKind::real, 0, static_cast<std::int64_t>(bits)}; }
  static PickleValue name(std::size_t number) { return {PickleKind::name, 0, static_cast<std::int64_t>(number)}; }
  static PickleValue object(std::size_t number) { return {PickleKind::object, 0, static_cast<std::int64_t>(number)}; }

  bool is(PickleKind wanted) const { return kind == wanted; }
  bool is_sequence() const { return kind == PickleKind::tuple || kind == PickleKind::list; }
  double as_real() const { return std::bit_cast<double>(bits); }
  std::size_t number() const { return static_cast<std::size_t>(bits); }
};

/// What is needed to read a value: the pickle's bytes and the containers.
template <class>
class BasicPickleHeap {
 public:
  explicit BasicPickleHeap(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  std::string_view text(const PickleValue& value) const { return bytes_.substr(value.number(), value.length); }
  const std::vector<PickleValue>& items(const PickleValue& value) const { return containers_[value.number()]; }
  std::vector<PickleValue>& items(const PickleValue& value) { return containers_[value.number()]; }

  PickleValue make(PickleKind kind, std::vector<PickleValue> items = {}) {
    containers_.push_back(std::move(items));
    return {kind, 0, static_cast<std::int64_t>(containers_.size() - 1)};
  }

 private:
  std::string_view bytes_;
  std::vector<std::vector<PickleValue>> containers_;
};
using PickleHeap = BasicPickleHeap<void>;

}  // namespace kashi::inline v0::io::detail
