/// One door to all files of weights: the content, not the name, tells which reader is asked.
///
/// The entry point is a template only so that programs which never call it don't compile it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/npy.hpp>
#include <kashi/io/safetensors.hpp>
#include <kashi/io/tensor_file.hpp>
#include <kashi/io/torch.hpp>

namespace kashi::inline v0::io {

namespace detail {

enum class TensorFormat { safetensors, torch, npz, npy, unknown };

/// Told by the first bytes, and for a zip archive by whether it holds a pickle.
template <class Source>
TensorFormat format_of(const Source& source, const Limits& limits) {
  const std::vector<std::byte> bytes = source.read(0, std::min<std::int64_t>(source.size, 16));
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (head.starts_with(npy_magic)) return TensorFormat::npy;
  if (head.starts_with("\x80\x02\x8A\x0A")) return TensorFormat::torch;
  if (head.size() > 8 && head[8] == '{') return TensorFormat::safetensors;
  if (!head.starts_with("PK\x03\x04") && !head.starts_with("PK\x05\x06")) return TensorFormat::unknown;
  const ZipArchive archive(source, limits);
  for (const ZipEntry& entry : archive.entries())
    if (entry.name.ends_with("/data.pkl")) return TensorFormat::torch;
  return TensorFormat::npz;
}

template <class Json>
TensorFile read_tensors(const ByteSource& source, const Limits& limits) {
  switch (format_of(source, limits)) {
    case TensorFormat::safetensors:
      return read_safetensors<Json>(source.size, source.fetch, limits, source.where);
    case TensorFormat::torch:
      return read_torch<TorchObjects>(source, {.limits = limits});
    case TensorFormat::npz:
      return read_npz<NpyHeader>(source, limits);
    case TensorFormat::npy: {
      TensorFile out;
      out.add("tensor", read_npy<NpyHeader>(source.read(0, source.size), limits, source.where));
      return out;
    }
    case TensorFormat::unknown:
      break;
  }
  throw FormatError(source.where +
                    ": it is no file of weights; safetensors, PyTorch's .pt and .pth, .npz and .npy are read");
}

}  // namespace detail

/// The named tensors of a safetensors, PyTorch (.pt, .pth), npz or npy file, told apart by content. Of a PyTorch
/// checkpoint the state dict is taken (load_torch); the one tensor of an npy file is called "tensor".
/// Throws IoError if the file can't be read and FormatError, with its name and the reason, if it is none of these,
/// breaks its format, or exceeds a limit.
template <class Json = nlohmann::json>
TensorFile load_tensors(const std::filesystem::path& path, const Limits& limits = {}) {
  return detail::read_tensors<Json>(detail::open_source(path, "cannot read weights", limits), limits);
}

/// The same from memory. Throws FormatError.
template <class Json = nlohmann::json>
TensorFile decode_tensors(std::span<const std::byte> bytes, const Limits& limits = {}) {
  return detail::read_tensors<Json>(detail::memory_source(bytes, "cannot read weights"), limits);
}

}  // namespace kashi::inline v0::io
