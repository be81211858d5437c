/// Weights in files: a network's state dict as safetensors.
///
/// A weights file holds numbers, names, and metadata that the caller gives; no time, path or thread count, so equal
/// weights are equal bytes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <kashi/io/safetensors.hpp>
#include <kashi/nn/module.hpp>

namespace kashi::inline v0::train {

/// Adds every tensor of a state dict under prefix + name.
template <class T>
void add_state(io::TensorFile& file, const std::string& prefix, const nn::StateDict<T>& state) {
  for (const auto& [name, value] : state) file.add(prefix + name, value);
}

/// The state dict of all floating-point tensors whose names begin with `prefix`.
template <class T = float>
nn::StateDict<T> get_state(const io::TensorFile& file, const std::string& prefix = "") {
  nn::StateDict<T> state;
  for (const auto& entry : file.entries())
    if (entry.name.starts_with(prefix) && (std::holds_alternative<Tensor<float>>(entry.value) || std::holds_alternative<Tensor<double>>(entry.value)))
      state.set(entry.name.substr(prefix.size()), file.get<T>(entry.name));
  return state;
}

/// Writes a state dict, all or nothing. Throws IoError.
template <class T>
void save_weights(const std::filesystem::path& path, const nn::StateDict<T>& state, const std::map<std::string, std::string>& metadata = {}) {
  io::TensorFile file;
  file.metadata = metadata;
  add_state(file, "", state);
  io::save_safetensors(path, file);
}

/// Reads a state dict. Throws IoError or FormatError with the file's name and the reason.
template <class T = float>
nn::StateDict<T> load_weights(const std::filesystem::path& path) {
  return get_state<T>(io::load_safetensors(path));
}

}  // namespace kashi::inline v0::train
