/// Reading and writing safetensors files, the format in which weights travel between libraries.
///
/// Written: F32, F64, I64, I32, U8, BOOL. Read: these, and F16 and BF16 widened to F32. Tensors are read one by one
/// into their own memory, so a file of n bytes takes n bytes. The rules of safety are in safetensors_header.hpp.
///
/// The entry points are templates on the JSON class only so that programs which never call them don't compile it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/io/file.hpp>
#include <kashi/io/half.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/safetensors_header.hpp>
#include <kashi/io/tensor_file.hpp>

namespace kashi::inline v0::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and so must the machine be");

namespace detail {

/// Reads one tensor with `fetch(offset in the file, bytes to fill)`.
template <class T, class Fetch>
Tensor<T> read_numbers(const Shape& shape, std::int64_t offset, const Fetch& fetch) {
  auto out = Tensor<T>::empty(shape);
  fetch(offset, std::as_writable_bytes(out.mutable_span()));
  return out;
}

template <class Fetch>
Tensor<float> read_widened(const Shape& shape, std::int64_t offset, const Fetch& fetch, float (*widen)(std::uint16_t)) {
  const auto halves = read_numbers<std::uint16_t>(shape, offset, fetch);
  auto out = Tensor<float>::empty(shape);
  std::transform(halves.data(), halves.data() + halves.numel(), out.mutable_data(), widen);
  return out;
}

/// A bool in memory may only be 0 or 1, so the bytes are looked at first.
template <class Fetch>
Tensor<bool> read_bools(const Shape& shape, std::int64_t offset, const Fetch& fetch, const std::string& where) {
  const auto bytes = read_numbers<std::uint8_t>(shape, offset, fetch);
  const bool are_valid =
      std::all_of(bytes.data(), bytes.data() + bytes.numel(), [](std::uint8_t byte) { return byte <= 1; });
  require<FormatError>(are_valid, where, ": a BOOL tensor holds a byte other than 0 and 1");
  return bytes.template to<bool>();
}

template <class Fetch>
TensorValue read_tensor(const TensorRecord& tensor, std::int64_t data_begin, const Fetch& fetch,
                        const std::string& where) {
  const Shape shape{std::span<const Index>(tensor.sizes)};
  const std::int64_t offset = data_begin + tensor.begin;
  if (tensor.dtype == "F32") return read_numbers<float>(shape, offset, fetch);
  if (tensor.dtype == "F64") return read_numbers<double>(shape, offset, fetch);
  if (tensor.dtype == "I64") return read_numbers<std::int64_t>(shape, offset, fetch);
  if (tensor.dtype == "I32") return read_numbers<std::int32_t>(shape, offset, fetch);
  if (tensor.dtype == "U8") return read_numbers<std::uint8_t>(shape, offset, fetch);
  if (tensor.dtype == "F16") return read_widened(shape, offset, fetch, half_to_float);
  if (tensor.dtype == "BF16") return read_widened(shape, offset, fetch, bfloat16_to_float);
  return read_bools(shape, offset, fetch, where);
}

template <class Json, class Fetch>
TensorFile read_safetensors(std::int64_t file_bytes, const Fetch& fetch, const Limits& limits,
                            const std::string& where) {
  require<FormatError>(file_bytes >= 8, where, ": its ", file_bytes, " bytes are too few for a safetensors file");
  std::uint64_t header_bytes = 0;
  fetch(0, std::as_writable_bytes(std::span(&header_bytes, 1)));
  require<FormatError>(header_bytes <= static_cast<std::uint64_t>(limits.header_bytes), where, ": its header claims ",
                       header_bytes, " bytes, the limit is ", limits.header_bytes,
                       " (io::Limits); is it a safetensors file?");
  const std::int64_t data_begin = 8 + static_cast<std::int64_t>(header_bytes);
  require<FormatError>(data_begin <= file_bytes, where, ": its header claims ", header_bytes, " bytes, the file has ",
                       file_bytes);
  std::string header_text(static_cast<std::size_t>(header_bytes), '\0');
  fetch(8, std::as_writable_bytes(std::span(header_text)));

  SafetensorsHeader header = parse_header<Json>(header_text, file_bytes - data_begin, limits, where);
  TensorFile out;
  out.metadata = std::move(header.metadata);
  for (const TensorRecord& tensor : header.tensors) out.add(tensor.name, read_tensor(tensor, data_begin, fetch, where));
  return out;
}

inline std::span<const std::byte> bytes_of(const TensorValue& value) {
  return std::visit([](const auto& tensor) { return std::as_bytes(tensor.span()); }, value);
}

/// Header entries in the file's order; the data lie with the largest elements first, so that each tensor is aligned
/// for whoever maps the file into memory. Returns the order of the data.
inline std::vector<std::size_t> plan_layout(const TensorFile& file, SafetensorsHeader& header) {
  header.metadata = file.metadata;
  for (const TensorFile::Entry& entry : file.entries()) {
    require(entry.name != "__metadata__", "save_safetensors: \"__metadata__\" can't be a tensor's name");
    require(entry.name.size() <= static_cast<std::size_t>(Limits{}.name_bytes),
            "save_safetensors: a tensor's name has ", entry.name.size(), " bytes, the limit is ", Limits{}.name_bytes);
    const auto sizes = shape_of(entry.value).sizes();
    header.tensors.push_back({entry.name, std::string(dtype_name(entry.value)), {sizes.begin(), sizes.end()}, 0, 0});
  }
  std::vector<std::size_t> order(file.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return dtype_bytes(header.tensors[a].dtype) > dtype_bytes(header.tensors[b].dtype);
  });
  std::int64_t place = 0;
  for (const std::size_t i : order) {
    header.tensors[i].begin = place;
    place += static_cast<std::int64_t>(bytes_of(file.entries()[i].value).size());
    header.tensors[i].end = place;
  }
  return order;
}

}  // namespace detail

/// Reads a safetensors file. The entries keep the order of the file's header.
/// Throws IoError if the file can't be read and FormatError, with the file's name and the reason, if it breaks the
/// format or a limit.
template <class Json = nlohmann::json>
TensorFile load_safetensors(const std::filesystem::path& path, const Limits& limits = {}) {
  const FileReader file(path, "cannot read weights", limits.file_bytes);
  const auto fetch = [&](std::int64_t offset, std::span<std::byte> to) { file.read_at(offset, to); };
  return detail::read_safetensors<Json>(file.size(), fetch, limits, "cannot read weights '" + path.string() + "'");
}

/// Reads a safetensors file that lies in memory. Throws FormatError.
template <class Json = nlohmann::json>
TensorFile decode_safetensors(std::span<const std::byte> bytes, const Limits& limits = {}) {
  const auto fetch = [&](std::int64_t offset, std::span<std::byte> to) {
    if (!to.empty()) std::memcpy(to.data(), bytes.data() + offset, to.size());
  };
  return detail::read_safetensors<Json>(static_cast<std::int64_t>(bytes.size()), fetch, limits, "cannot read weights");
}

/// Writes a safetensors file, all or nothing. Equal content in equal order gives equal bytes.
/// Throws IoError with the system's reason, ValueError for names that the format can't hold.
template <class Json = nlohmann::json>
void save_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  detail::SafetensorsHeader header;
  const std::vector<std::size_t> order = detail::plan_layout(file, header);
  const std::string header_text = detail::format_header<Json>(header);
  const std::uint64_t header_bytes = header_text.size();
  const auto fill = [&](FileWriter& writer) {
    writer.write(std::as_bytes(std::span(&header_bytes, 1)));
    writer.write(header_text);
    for (const std::size_t i : order) writer.write(detail::bytes_of(file.entries()[i].value));
  };
  write_atomically(path, fill, "cannot write weights");
}

}  // namespace kashi::inline v0::io
