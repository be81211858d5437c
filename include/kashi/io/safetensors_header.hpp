/// The JSON header of a safetensors file, read with distrust and written the same way every time.
///
/// Format: https://github.com/huggingface/safetensors. Eight bytes (little-endian) with the header's length, the header
/// {"__metadata__":{...},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...}, then the tensors' bytes,
/// without a hole. Include io/safetensors.hpp from outside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/core/error.hpp>
#include <kashi/core/shape.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/limits.hpp>

namespace kashi::inline v0::io::detail {

/// One tensor as the header describes it; offsets count from the end of the header.
struct TensorRecord {
  std::string name;
  std::string dtype;
  std::vector<Index> sizes;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorRecord> tensors;  ///< in the header's order
};

/// The type of that name; none for one that is not read.
inline std::optional<Dtype> find_dtype(std::string_view name) {
  const auto* found = std::find(dtype_names.begin(), dtype_names.end(), name);
  if (found == dtype_names.end()) return std::nullopt;
  return static_cast<Dtype>(found - dtype_names.begin());
}

/// Bytes of one element, 0 for a type that is not read.
inline Index dtype_bytes(std::string_view name) {
  const std::optional<Dtype> found = find_dtype(name);
  return found ? size_of(*found) : 0;
}

/// Takes the header event by event, so that what it may not contain is refused before memory is taken for it.
/// Json is nlohmann::json; a template so that only programs which read such files pay for the parser.
template <class Json>
class HeaderHandler final : public nlohmann::json_sax<Json> {
 public:
  HeaderHandler(const Limits& limits, const std::string& where) : limits_(limits), where_(where) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("true or false"); }
  bool number_float(typename Json::number_float_t, const std::string& digits) override {
    return refuse("the number " + digits);
  }
  bool binary(typename Json::binary_t&) override { return refuse("binary data"); }
  bool number_integer(typename Json::number_integer_t value) override { return number(value); }
  bool number_unsigned(typename Json::number_unsigned_t value) override {
    check(value <= static_cast<std::uint64_t>(std::numeric_limits<Index>::max()),
          "a number in it is too large: ", value);
    return number(static_cast<Index>(value));
  }

  bool string(std::string& value) override {
    if (place_ == Place::metadata) return header_.metadata.emplace(key_, std::move(value)).second;
    if (place_ != Place::tensor || key_ != "dtype") return refuse("text");
    tensor().dtype = std::move(value);
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::top;
      return true;
    }
    if (place_ != Place::top) return refuse("an object");
    if (key_ == "__metadata__") {
      place_ = Place::metadata;
      return true;
    }
    place_ = Place::tensor;
    check(static_cast<Index>(header_.tensors.size()) < limits_.tensors, "it has more than ", limits_.tensors,
          " tensors (io::Limits)");
    check(static_cast<Index>(key_.size()) <= limits_.name_bytes, "a tensor's name has ", key_.size(),
          " bytes, the limit is ", limits_.name_bytes, " (io::Limits)");
    header_.tensors.push_back({key_, {}, {}, 0, 0});
    fields_.clear();
    return true;
  }

  bool key(std::string& value) override {
    auto& seen = place_ == Place::tensor ? fields_ : place_ == Place::metadata ? metadata_keys_ : names_;
    check(seen.insert(value).second, "the key \"", value, "\" is there twice");
    if (place_ == Place::tensor) {
      check(value == "dtype" || value == "shape" || value == "data_offsets", "tensor \"", tensor().name,
            "\" has an unknown field \"", value, "\"");
    }
    key_ = std::move(value);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor)
      check(fields_.size() == 3, "tensor \"", tensor().name, "\" lacks its dtype, shape or data_offsets");
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") return refuse("a list");
    place_ = Place::list;
    count_ = 0;
    return true;
  }

  bool end_array() override {
    if (key_ == "data_offsets")
      check(count_ == 2, "tensor \"", tensor().name, "\" has ", count_, " data_offsets instead of 2");
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    check(false, "its header is no valid JSON at byte ", position);
    return false;
  }

 private:
  enum class Place { outside, top, metadata, tensor, list };

  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": ", reason...);
  }

  bool refuse(const std::string& what) const {
    check(false, "its header has ", what, " in the wrong place",
          key_.empty() ? "" : ", at \"" + key_.substr(0, 80) + "\"");
    return false;
  }

  TensorRecord& tensor() { return header_.tensors.back(); }

  bool number(Index value) {
    if (place_ != Place::list) return refuse("a number");
    check(value >= 0, "tensor \"", tensor().name, "\" has a negative number in its ", key_);
    ++count_;
    if (key_ == "shape") {
      check(count_ <= Shape::max_rank, "tensor \"", tensor().name, "\" has more than ", int{Shape::max_rank}, " axes");
      tensor().sizes.push_back(value);
    } else {
      check(count_ <= 2, "tensor \"", tensor().name, "\" has more than 2 data_offsets");
      (count_ == 1 ? tensor().begin : tensor().end) = value;
    }
    return true;
  }

  const Limits& limits_;
  const std::string& where_;
  SafetensorsHeader header_;
  Place place_ = Place::outside;
  std::string key_;
  int count_ = 0;
  std::unordered_set<std::string> names_, metadata_keys_, fields_;
};

/// Checks what the header says of one tensor: a known type, and offsets that fit its shape.
template <class = void>
void check_record(const TensorRecord& tensor, const Limits& limits, const std::string& where) {
  const Index element = dtype_bytes(tensor.dtype);
  require<FormatError>(element > 0, where, ": tensor \"", tensor.name, "\" has the dtype ", tensor.dtype.substr(0, 32),
                       "; F64, F32, F16, BF16, I64 to I8, U64 to U8 and BOOL are read");
  const bool is_empty = std::find(tensor.sizes.begin(), tensor.sizes.end(), Index{0}) != tensor.sizes.end();
  Index elements = is_empty ? 0 : 1;
  for (const Index size : tensor.sizes) {
    if (is_empty) break;
    require<FormatError>(elements <= limits.tensor_elements / size, where, ": tensor \"", tensor.name,
                         "\" has more than ", limits.tensor_elements, " elements (io::Limits)");
    elements *= size;
  }
  require<FormatError>(tensor.begin <= tensor.end && tensor.end - tensor.begin == elements * element, where,
                       ": tensor \"", tensor.name, "\" has ", elements, " elements of ", element,
                       " bytes, but its data_offsets are [", tensor.begin, ",", tensor.end, "]");
}

/// The tensors' bytes must follow each other without hole or overlap and fill the file.
template <class = void>
void check_offsets(const std::vector<TensorRecord>& tensors, std::int64_t data_bytes, const std::string& where) {
  std::vector<const TensorRecord*> by_place;
  for (const TensorRecord& tensor : tensors) by_place.push_back(&tensor);
  std::sort(by_place.begin(), by_place.end(), [](const TensorRecord* a, const TensorRecord* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::int64_t expected = 0;
  for (const TensorRecord* tensor : by_place) {
    require<FormatError>(tensor->begin == expected, where, ": tensor \"", tensor->name, "\" begins at byte ",
                         tensor->begin, " of the data, not at ", expected, ": tensors overlap or leave a hole");
    expected = tensor->end;
  }
  require<FormatError>(expected == data_bytes, where, ": its tensors take ", expected, " bytes, the file has ",
                       data_bytes, expected > data_bytes ? "; is the download incomplete?" : "");
}

/// Reads and checks a header; `data_bytes` is what the file has behind it. Throws FormatError, beginning with `where`.
template <class Json>
SafetensorsHeader parse_header(std::string_view header, std::int64_t data_bytes, const Limits& limits,
                               const std::string& where) {
  require<FormatError>(header.starts_with('{'), where, ": its header does not begin with '{'");
  HeaderHandler<Json> handler(limits, where);
  Json::sax_parse(header.begin(), header.end(), &handler);
  SafetensorsHeader out = handler.take();
  for (const TensorRecord& tensor : out.tensors) check_record(tensor, limits, where);
  check_offsets(out.tensors, data_bytes, where);
  return out;
}

/// Text as a JSON string with its quotes. Throws ValueError if it is not UTF-8.
template <class Json>
std::string json_string(const std::string& value) {
  try {
    return Json(value).dump();
  } catch (const nlohmann::detail::exception&) {
    throw ValueError(
        text("safetensors: a name or metadata text is not UTF-8; it begins with \"", value.substr(0, 40), "\""));
  }
}

/// The header's text, padded with spaces to a multiple of 8 bytes.
template <class Json>
std::string format_header(const SafetensorsHeader& header) {
  std::string out = "{";
  const auto comma = [&] { return out.size() > 1 ? "," : ""; };
  if (!header.metadata.empty()) {
    std::string entries;
    for (const auto& [key, value] : header.metadata)
      entries += (entries.empty() ? "" : ",") + json_string<Json>(key) + ":" + json_string<Json>(value);
    out += "\"__metadata__\":{" + entries + "}";
  }
  for (const TensorRecord& tensor : header.tensors) {
    const std::string shape = Shape(std::span<const Index>(tensor.sizes)).to_string();
    out += comma() + json_string<Json>(tensor.name) +
           text(":{\"dtype\":\"", tensor.dtype, "\",\"shape\":", shape, ",\"data_offsets\":[", tensor.begin, ",",
                tensor.end, "]}");
  }
  out += "}";
  return out.append((8 - out.size() % 8) % 8, ' ');
}

}  // namespace kashi::inline v0::io::detail
