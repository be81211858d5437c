/// Weights in files: a network's state dict in the order of axes that PyTorch has. They are written as safetensors.
///
/// A weights file holds numbers, names, and metadata that the caller gives; no time, path or thread count, so equal
/// weights are equal bytes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <kashi/core/compiled.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/nn/module.hpp>

namespace kashi::inline v0::train {

/// Adds every tensor of a state dict under prefix + name.
template <class T>
void add_state(io::TensorFile& file, const std::string& prefix, const nn::StateDict<T>& state) {
  for (const auto& [name, value] : state) file.add(prefix + name, value);
}

/// The state dict of all floating-point tensors whose names begin with `prefix`, and of the batch norms' counts, said
/// to be in `layout`.
template <class T = float>
nn::StateDict<T> get_state(const io::TensorFile& file, const std::string& prefix = "",
                           nn::WeightLayout layout = nn::WeightLayout::channels_last) {
  nn::StateDict<T> state;
  state.set_layout(layout);
  for (const auto& [name, value] : file.entries()) {
    if (!name.starts_with(prefix)) continue;
    const auto* count = std::get_if<Tensor<std::int64_t>>(&value);
    if (std::holds_alternative<Tensor<float>>(value) || std::holds_alternative<Tensor<double>>(value))
      state.set(name.substr(prefix.size()), file.get<T>(name));
    else if (count != nullptr && name.ends_with("num_batches_tracked"))
      state.set(name.substr(prefix.size()), count->template to<T>());
  }
  return state;
}

/// Writes a state dict in PyTorch's layout, all or nothing:
/// `torch_net.load_state_dict(safetensors.torch.load_file(path))` takes it. Throws IoError.
template <class T>
void save_weights(const std::filesystem::path& path, const nn::StateDict<T>& state,
                  const std::map<std::string, std::string>& metadata = {}) {
  io::TensorFile file;
  file.metadata = metadata;
  add_state(file, "", state.to_layout(nn::WeightLayout::channels_first));
  io::save_safetensors(path, file);
}

/// The weights among a file's tensors, in PyTorch's layout; those of a self-test (self_test.hpp) are left out.
template <class T = float>
nn::StateDict<T> weights_of(const io::TensorFile& file) {
  nn::StateDict<T> state;
  state.set_layout(nn::WeightLayout::channels_first);
  for (const auto& [name, value] : get_state<T>(file))
    if (!name.starts_with("self_test.")) state.set(name, value);
  return state;
}

/// Reads a state dict that we or PyTorch wrote, from any kind of file that io::load_tensors knows: safetensors, .pt,
/// .pth, npz. Throws IoError or FormatError with the file's name and the reason.
template <class T = float>
nn::StateDict<T> load_weights(const std::filesystem::path& path) {
  return weights_of<T>(io::load_tensors(path));
}

KASHI_INSTANTIATE(void add_state<float>(io::TensorFile&, const std::string&, const nn::StateDict<float>&))
KASHI_INSTANTIATE(nn::StateDict<float> get_state<float>(const io::TensorFile&, const std::string&, nn::WeightLayout))
KASHI_INSTANTIATE(void save_weights<float>(const std::filesystem::path&, const nn::StateDict<float>&,
                                           const std::map<std::string, std::string>&))
KASHI_INSTANTIATE(nn::StateDict<float> load_weights<float>(const std::filesystem::path&))

}  // namespace kashi::inline v0::train
