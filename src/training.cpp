// The library kashi::compiled: datasets, files and the training loop, as far as their packages are there.
#define KASHI_COMPILED
#define KASHI_COMPILED_BODIES
#include <kashi/kashi.hpp>

#if __has_include(<nlohmann/json.hpp>)
namespace kashi::inline v0 {

template io::TensorFile io::load_safetensors<nlohmann::json>(const std::filesystem::path&, const io::Limits&);
template io::TensorFile io::decode_safetensors<nlohmann::json>(std::span<const std::byte>, const io::Limits&);
template void io::save_safetensors<nlohmann::json>(const std::filesystem::path&, const io::TensorFile&,
                                                   const io::SafetensorsOptions&);
template void train::add_state<float>(io::TensorFile&, const std::string&, const nn::StateDict<float>&);
template nn::StateDict<float> train::get_state<float>(const io::TensorFile&, const std::string&, nn::WeightLayout);
template void train::save_weights<float>(const std::filesystem::path&, const nn::StateDict<float>&,
                                         const std::map<std::string, std::string>&);
template nn::StateDict<float> train::load_weights<float>(const std::filesystem::path&);
template struct train::detail::CheckpointCode<void>;

}  // namespace kashi::inline v0
#endif
