/// NumPy's files: one array (.npy) and named arrays (.npz), read and written.
///
/// F16 becomes float. Arrays in Fortran order are turned to row-major. Refused by name: Python objects (they are
/// pickles), records, big-endian numbers, complex numbers, text and dates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/npy_header.hpp>
#include <kashi/io/tensor_file.hpp>
#include <kashi/io/zip.hpp>
#include <kashi/io/zip_write.hpp>

namespace kashi::inline v0::io {

/// How save_npz writes.
struct NpzOptions {
  bool compress = false;  ///< deflate the arrays: weights hardly shrink, masks and images do
};

namespace detail {

/// The array of a whole .npy file's bytes.
template <class Header = NpyHeader>
TensorValue read_npy(std::span<const std::byte> bytes, const Limits& limits, const std::string& where) {
  const Header header = read_npy_header(bytes, limits, where);
  std::array<Index, Shape::max_rank> strides{};
  Index step = 1;
  for (int i = 0; i < header.shape.rank(); ++i) {
    const int axis = header.is_fortran ? i : header.shape.rank() - 1 - i;
    if (header.shape[axis] > 1) strides[static_cast<std::size_t>(axis)] = step;
    step *= header.shape[axis];
  }
  return with_raw_type(header.dtype, [&](auto raw) -> TensorValue {
    using Raw = decltype(raw);
    const auto tensor = detail::copy_strided<Raw>(bytes.subspan(header.data_begin), header.shape, {0, strides});
    return detail::interpret(header.dtype, tensor, where);
  });
}

template <class Header = NpyHeader>
TensorFile read_npz(const ByteSource& source, const Limits& limits) {
  constexpr std::string_view ending = ".npy";
  const ZipArchive archive(source, limits);
  TensorFile out;
  for (const ZipEntry& entry : archive.entries()) {
    const std::string where = source.where + ": entry \"" + entry.name + "\"";
    require<FormatError>(entry.name.ends_with(ending) && entry.name.size() > ending.size(), where,
                         " is no array: its name must end in .npy");
    out.add(entry.name.substr(0, entry.name.size() - ending.size()),
            read_npy<Header>(archive.read(entry), limits, where));
  }
  return out;
}

/// Version 1.0, padded to 64 bytes as NumPy does it.
template <class Value>
std::string npy_header_of(const Value& value) {
  const auto* name = std::find(dtype_names.begin(), dtype_names.end(), dtype_name(value));
  const std::string_view code = npy_codes[static_cast<std::size_t>(name - dtype_names.begin())];
  std::string shape;
  for (const Index size : shape_of(value).sizes()) shape += (shape.empty() ? "" : " ") + std::to_string(size) + ",";
  if (shape_of(value).rank() > 1) shape.pop_back();
  std::string dict = text("{'descr': '", code.ends_with('1') ? "|" : "<", code, "', 'fortran_order': False, 'shape': (",
                          shape, "), }");
  dict.append(63 - (10 + dict.size()) % 64, ' ');
  dict += '\n';
  std::string out(npy_magic);
  out += {'\1', '\0', static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)};
  return out + dict;
}

}  // namespace detail

/// Reads an array. Throws IoError if the file can't be read and FormatError, with the file's name and the reason, if it
/// breaks the format or a limit.
template <class Header = detail::NpyHeader>
TensorValue load_npy(const std::filesystem::path& path, const Limits& limits = {}) {
  const detail::ByteSource source = detail::open_source(path, "cannot read array", limits);
  return detail::read_npy<Header>(source.read(0, source.size), limits, source.where);
}

/// The same from memory. Throws FormatError.
template <class Header = detail::NpyHeader>
TensorValue decode_npy(std::span<const std::byte> bytes, const Limits& limits = {}) {
  return detail::read_npy<Header>(bytes, limits, "cannot read array");
}

/// Reads all arrays of an archive, stored or compressed, in its order. Throws IoError and FormatError as load_npy does.
template <class Header = detail::NpyHeader>
TensorFile load_npz(const std::filesystem::path& path, const Limits& limits = {}) {
  return detail::read_npz<Header>(detail::open_source(path, "cannot read arrays", limits), limits);
}

/// The same from memory. Throws FormatError.
template <class Header = detail::NpyHeader>
TensorFile decode_npz(std::span<const std::byte> bytes, const Limits& limits = {}) {
  return detail::read_npz<Header>(detail::memory_source(bytes, "cannot read arrays"), limits);
}

/// Writes an array, all or nothing. Throws IoError with the system's reason.
template <class Value = TensorValue>
void save_npy(const std::filesystem::path& path, const Value& value) {
  const auto fill = [&](FileWriter& writer) {
    writer.write(detail::npy_header_of<TensorValue>(value));
    writer.write(detail::bytes_of(value));
  };
  write_atomically(path, fill, "cannot write array");
}

/// Writes the tensors as an .npz archive, all or nothing. Equal content in equal order gives equal bytes. The format
/// has no place for metadata: they are left out. Throws IoError with the system's reason, ValueError for a name that is
/// no clean UTF-8.
template <class File = TensorFile>
void save_npz(const std::filesystem::path& path, const File& file, const NpzOptions& options = {}) {
  const auto fill = [&](FileWriter& writer) {
    detail::ZipWriter<FileWriter> zip(writer);
    for (const auto& entry : file.entries()) {
      const std::string header = detail::npy_header_of<TensorValue>(entry.value);
      zip.add(entry.name + ".npy", {std::as_bytes(std::span(header)), detail::bytes_of(entry.value)}, options.compress);
    }
    zip.finish();
  };
  write_atomically(path, fill, "cannot write arrays");
}

}  // namespace kashi::inline v0::io
