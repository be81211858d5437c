#include "playground/classifier.hpp"

#include <algorithm>
#include <numeric>

#include <kashi/explain/attack.hpp>
#include <kashi/explain/gradient_cam.hpp>
#include <kashi/io/base64.hpp>
#include <kashi/io/image.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/ops/softmax.hpp>
#include <kashi/plot/heatmap.hpp>

#include "common/named_network.hpp"
#include "digits/network.hpp"

using namespace kashi;

namespace playground {

namespace {

Tensor<float> as_batch(const Tensor<float>& image) {
  return image.reshape({1, image.size(0), image.size(1), image.size(2)});
}

Classifier load_named(const examples::NetworkChoice& choice, const io::TensorFile& file,
                      const std::filesystem::path& weights) {
  examples::NamedNetwork named = examples::load_named_network(choice, file, weights);
  const models::Preset preset = named.kind.preset;
  Classifier out{.network = {},
                 .see = [preset](const Tensor<float>& picture) { return examples::seen_part(picture, preset); }};
  out.network = examples::photo_network(std::move(named));
  return out;
}

Classifier load_digits(const std::filesystem::path& weights) {
  digits::Loaded loaded = digits::load(weights);
  const auto see = [](const Tensor<float>& picture) {
    data::Example example{.image = picture, .name = "picture"};
    data::RandomStream unused(0, 0, 0);
    digits::resize()(example, unused);
    return example.image;
  };
  Classifier out{.network = {}, .see = see, .is_drawn = true};
  out.network.model = "digits";
  out.network.preset = {.name = "digits",
                        .mean = {0.5f, 0.5f, 0.5f},
                        .std = {0.5f, 0.5f, 0.5f},
                        .crop = digits::image_size,
                        .shorter_side = 0};
  out.network.net = std::move(loaded.net);
  out.network.layer = digits::last_map;
  out.network.class_names = std::move(loaded.class_names);
  examples::make_ready(out.network);
  return out;
}

/// Whether the file is of examples/digits, which names classes and no network.
bool is_of_digits(const std::string& model, const io::TensorFile& file) {
  return model == "digits" || (model.empty() && !file.metadata.contains("network"));
}

/// The likeliest five of a row of probabilities.
nlohmann::json best_classes(const Classifier& classifier, const Tensor<float>& probabilities) {
  std::vector<Index> order(static_cast<std::size_t>(probabilities.numel()));
  std::iota(order.begin(), order.end(), Index{0});
  const std::size_t shown = std::min<std::size_t>(5, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](Index a, Index b) { return probabilities.data()[a] > probabilities.data()[b]; });
  nlohmann::json classes = nlohmann::json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const auto index = static_cast<std::size_t>(order[i]);
    const std::string name = index < classifier.network.class_names.size() ? classifier.network.class_names[index] : "";
    classes.push_back({{"name", name}, {"index", order[i]}, {"probability", probabilities.data()[order[i]]}});
  }
  return classes;
}

/// Probabilities for a picture that was cut to what the network sees.
Tensor<float> probabilities_of(const Classifier& classifier, const Tensor<float>& seen) {
  const NoGrad no_grad;
  return softmax(classifier.network.from_pixels(as_batch(seen))).value();
}

std::string data_url(const Tensor<std::uint8_t>& image) {
  const std::vector<std::byte> png = io::encode_png(image);
  return "data:image/png;base64," + io::base64(png);
}

/// A change of a few grey levels, stretched so that the largest is seen: no change is middle grey.
Tensor<std::uint8_t> visible_change(const Tensor<float>& from, const Tensor<float>& to) {
  Tensor<float> change = to - from;
  float largest = 1e-6f;
  for (const float value : change.span()) largest = std::max(largest, std::abs(value));
  for (float& value : change.mutable_span()) value = 0.5f + 0.5f * value / largest;
  return io::to_bytes(change);
}

}  // namespace

Classifier load_classifier(const examples::NetworkChoice& choice, const std::filesystem::path& weights,
                           const std::filesystem::path& labels) {
  const io::TensorFile file = io::load_tensors(weights);
  Classifier out = is_of_digits(choice.model, file) ? load_digits(weights) : load_named(choice, file, weights);
  std::vector<std::string>& names = out.network.class_names;
  if (!labels.empty()) names = examples::read_class_names(labels);
  // One run on a grey picture: whatever does not fit is told now, and the number of classes is known.
  const auto grey = Tensor<float>::full({256, 256, 3}, 0.5f);
  const Index classes = static_cast<Index>(classify(out, grey).at("of").get<Index>());
  if (names.empty())
    for (Index i = 0; i < classes; ++i) names.push_back("class " + std::to_string(i));
  require(static_cast<Index>(names.size()) == classes, "there are ", names.size(), " class names for the network's ",
          classes, " classes");
  return out;
}

nlohmann::json classify(const Classifier& classifier, const Tensor<float>& picture) {
  const Tensor<float> probabilities = probabilities_of(classifier, classifier.see(picture));
  return {{"classes", best_classes(classifier, probabilities)}, {"of", probabilities.numel()}};
}

nlohmann::json show_map(Classifier& classifier, const Tensor<float>& picture, const Parameters& parameters) {
  examples::PhotoNetwork& network = classifier.network;
  const auto last = static_cast<double>(network.class_names.size()) - 1;
  const auto wanted = static_cast<Index>(parameters.number("class", -1, -1, last));
  const Tensor<float> seen = classifier.see(picture);
  const auto at =
      explain::layer_gradient(network.net, network.layer, models::normalize_for(seen, network.preset), wanted);
  const explain::Map<float> map = explain::grad_cam(at);
  const plot::Image shown = plot::overlay(io::to_bytes(seen), map.shown(seen.size(0), seen.size(1)));
  return {{"index", map.class_index},
          {"name", network.class_names[static_cast<std::size_t>(map.class_index)]},
          {"picture", data_url(shown)}};
}

nlohmann::json attack(const Classifier& classifier, const Tensor<float>& picture, const Parameters& parameters) {
  const double levels = parameters.number("epsilon", 2, 0, 64), epsilon = levels / 255;
  Tensor<float> seen = io::to_bytes(classifier.see(picture)).to<float>();
  for (float& value : seen.mutable_span()) value /= 255;
  const Tensor<float> batch = as_batch(seen);
  const nlohmann::json before = best_classes(classifier, probabilities_of(classifier, seen)).at(0);
  const auto model = [&](const Variable<float>& x) { return classifier.network.from_pixels(x); };
  const Tensor<float> moved =
      explain::fgsm<float>(model, batch, Tensor<Index>({1}, {before.at("index").get<Index>()}), {.epsilon = epsilon});
  const Tensor<float> fooled = explain::as_bytes(moved, batch, epsilon)[0];
  return {{"epsilon", levels},
          {"before", before},
          {"classes", best_classes(classifier, probabilities_of(classifier, fooled))},
          {"picture", data_url(io::to_bytes(fooled))},
          {"change", data_url(visible_change(seen, fooled))}};
}

}  // namespace playground
