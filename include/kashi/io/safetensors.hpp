/// Reading and writing safetensors files, the format in which weights travel between libraries.
///
/// F64, F32, I64 to I8, U64 to U8 and BOOL as they are; F16 and BF16 are widened to float when read, and written when
/// asked for. Tensors are read one by one into their own memory, so a file of n bytes takes n bytes; map_safetensors
/// leaves them in the file. The rules of safety are in safetensors_header.hpp.
///
/// The entry points are templates on the JSON class only so that programs which never call them don't compile it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/file.hpp>
#include <kashi/io/half.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/mapped_file.hpp>
#include <kashi/io/safetensors_header.hpp>
#include <kashi/io/tensor_file.hpp>

namespace kashi::inline v0::io {

/// How save_safetensors writes floats (Tensor<float>); all other types are written as they are.
enum class FloatFormat {
  f32,   ///< as they are
  f16,   ///< rounded to 16 bits: half the size, about 3 digits, at most 65,504
  bf16,  ///< rounded to 16 bits: half the size, about 2 digits, the range of float
};

/// Options of save_safetensors.
struct SafetensorsOptions {
  FloatFormat floats = FloatFormat::f32;
};

namespace detail {

/// Reads one tensor with `fetch(offset in the file, bytes to fill)`.
template <class Fetch>
TensorValue read_tensor(const TensorRecord& tensor, std::int64_t data_begin, const Fetch& fetch,
                        const std::string& where) {
  const Dtype dtype = *find_dtype(tensor.dtype);
  return with_raw_type(dtype, [&](auto raw) -> TensorValue {
    auto out = Tensor<decltype(raw)>::empty(Shape(std::span<const Index>(tensor.sizes)));
    fetch(data_begin + tensor.begin, std::as_writable_bytes(out.mutable_span()));
    return detail::interpret(dtype, out, where);
  });
}

/// The header, and where the tensors' bytes begin.
template <class Json, class Fetch>
std::pair<SafetensorsHeader, std::int64_t> read_header(std::int64_t file_bytes, const Fetch& fetch,
                                                       const Limits& limits, const std::string& where) {
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

  return {parse_header<Json>(header_text, file_bytes - data_begin, limits, where), data_begin};
}

template <class Json, class Fetch>
TensorFile read_safetensors(std::int64_t file_bytes, const Fetch& fetch, const Limits& limits,
                            const std::string& where) {
  auto [header, data_begin] = read_header<Json>(file_bytes, fetch, limits, where);
  TensorFile out;
  out.metadata = std::move(header.metadata);
  for (const TensorRecord& tensor : header.tensors) out.add(tensor.name, read_tensor(tensor, data_begin, fetch, where));
  return out;
}

template <class Json>
TensorFile map_safetensors(const std::shared_ptr<MappedFile>& map, const Limits& limits, const std::string& where) {
  const auto fetch = [&](std::int64_t offset, std::span<std::byte> to) {
    if (!to.empty()) std::memcpy(to.data(), map->bytes().data() + offset, to.size());
  };
  auto [header, data_begin] = read_header<Json>(static_cast<std::int64_t>(map->bytes().size()), fetch, limits, where);
  TensorFile out;
  out.metadata = std::move(header.metadata);
  for (const TensorRecord& tensor : header.tensors) {
    const Dtype dtype = *find_dtype(tensor.dtype);
    const std::int64_t begin = data_begin + tensor.begin;
    if (dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::boolean || begin % size_of(dtype) != 0 ||
        tensor.begin == tensor.end) {
      out.add(tensor.name, read_tensor(tensor, data_begin, fetch, where));
      continue;
    }
    out.add(tensor.name, with_raw_type(dtype, [&](auto raw) -> TensorValue {
              auto* numbers = reinterpret_cast<decltype(raw)*>(map->bytes().data() + begin);
              return Tensor<decltype(raw)>::view(numbers, Shape(std::span<const Index>(tensor.sizes)), map);
            }));
  }
  return out;
}

inline std::string_view written_dtype(const TensorValue& value, FloatFormat floats) {
  if (!std::holds_alternative<Tensor<float>>(value) || floats == FloatFormat::f32) return dtype_name(value);
  return floats == FloatFormat::f16 ? "F16" : "BF16";
}

/// A tensor's bytes in the file: its own, or those of its rounded numbers.
template <class Writer>
void write_numbers(Writer& writer, const TensorValue& value, FloatFormat floats) {
  const auto* tensor = std::get_if<Tensor<float>>(&value);
  if (tensor == nullptr || floats == FloatFormat::f32) return writer.write(bytes_of(value));
  std::vector<std::uint16_t> rounded(static_cast<std::size_t>(tensor->numel()));
  std::transform(tensor->data(), tensor->data() + tensor->numel(), rounded.begin(),
                 floats == FloatFormat::f16 ? float_to_half : float_to_bfloat16);
  writer.write(std::as_bytes(std::span(rounded)));
}

/// Header entries in the file's order; the data lie with the largest elements first, so that each tensor is aligned
/// for whoever maps the file into memory. Returns the order of the data.
template <class = void>
std::vector<std::size_t> plan_layout(const TensorFile& file, SafetensorsHeader& header, FloatFormat floats) {
  header.metadata = file.metadata;
  for (const TensorFile::Entry& entry : file.entries()) {
    require(entry.name != "__metadata__", "save_safetensors: \"__metadata__\" can't be a tensor's name");
    require(entry.name.size() <= static_cast<std::size_t>(Limits{}.name_bytes),
            "save_safetensors: a tensor's name has ", entry.name.size(), " bytes, the limit is ", Limits{}.name_bytes);
    const auto sizes = shape_of(entry.value).sizes();
    header.tensors.push_back(
        {entry.name, std::string(written_dtype(entry.value, floats)), {sizes.begin(), sizes.end()}, 0, 0});
  }
  std::vector<std::size_t> order(file.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return dtype_bytes(header.tensors[a].dtype) > dtype_bytes(header.tensors[b].dtype);
  });
  std::int64_t place = 0;
  for (const std::size_t i : order) {
    header.tensors[i].begin = place;
    place += shape_of(file.entries()[i].value).numel() * dtype_bytes(header.tensors[i].dtype);
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

/// The same with the file mapped into memory: tensors are views of it, and the system reads what is looked at. Writing
/// to a tensor changes memory alone, never the file. The file must not be cut short or rewritten in place while a
/// tensor lives (replacing it by another, as save_safetensors does, is safe). F16, BF16 and BOOL tensors, and those
/// that are not aligned in the file, are read into memory of their own. Throws IoError and FormatError as
/// load_safetensors does.
template <class Json = nlohmann::json>
TensorFile map_safetensors(const std::filesystem::path& path, const Limits& limits = {}) {
  const auto map = std::make_shared<detail::MappedFile>(path, "cannot read weights", limits.file_bytes);
  return detail::map_safetensors<Json>(map, limits, "cannot read weights '" + path.string() + "'");
}

/// Writes a safetensors file, all or nothing. Equal content in equal order gives equal bytes.
/// Throws IoError with the system's reason, ValueError for names that the format can't hold.
template <class Json = nlohmann::json>
void save_safetensors(const std::filesystem::path& path, const TensorFile& file,
                      const SafetensorsOptions& options = {}) {
  detail::SafetensorsHeader header;
  const std::vector<std::size_t> order = detail::plan_layout(file, header, options.floats);
  const std::string header_text = detail::format_header<Json>(header);
  const std::uint64_t header_bytes = header_text.size();
  const auto fill = [&](FileWriter& writer) {
    writer.write(std::as_bytes(std::span(&header_bytes, 1)));
    writer.write(header_text);
    for (const std::size_t i : order) detail::write_numbers(writer, file.entries()[i].value, options.floats);
  };
  write_atomically(path, fill, "cannot write weights");
}

KASHI_INSTANTIATE(TensorFile load_safetensors<nlohmann::json>(const std::filesystem::path&, const Limits&))
KASHI_INSTANTIATE(TensorFile decode_safetensors<nlohmann::json>(std::span<const std::byte>, const Limits&))
KASHI_INSTANTIATE(void save_safetensors<nlohmann::json>(const std::filesystem::path&, const TensorFile&,
                                                        const SafetensorsOptions&))

}  // namespace kashi::inline v0::io
