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
template void train::add_plan<void>(io::TensorFile&, const train::TrainingPlan&);
template void train::check_plan<void>(const io::TensorFile&, const std::string&, const train::TrainingPlan&);
template void train::add_numbers<void>(io::TensorFile&, const std::string&, const optim::Numbers&);
template optim::Numbers train::get_numbers<void>(const io::TensorFile&, const std::string&);
template void train::add_training_state<void>(io::TensorFile&, const nn::Module<float>&, const optim::Optimizer<float>&,
                                              const train::TrainingPosition&, const std::vector<train::EpochLog>&,
                                              bool);
template void train::get_training_state<void>(const io::TensorFile&, nn::Module<float>&, optim::Optimizer<float>&,
                                              train::TrainingPosition&, std::vector<train::EpochLog>&, bool&);
template train::FitResult train::Trainer::fit<void>(const data::Dataset&, train::FitOptions);
template train::Evaluation train::Trainer::evaluate<void>(const data::Dataset&, train::EvaluateOptions);

}  // namespace kashi::inline v0
#endif
