#include "playground/classifier.hpp"

#include <algorithm>
#include <numeric>

#include <kashi/io/file.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/models/rename_rules.hpp>
#include <kashi/ops/softmax.hpp>
#include <kashi/train/weights.hpp>

#include "digits/network.hpp"

using namespace kashi;

namespace playground {

namespace {

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::vector<std::string> lines(1);
  for (const char c : io::read_text_file(path, 1 << 20)) {
    if (c == '\n') lines.emplace_back();
    else if (c != '\r') lines.back() += c;
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

/// As the network's best-known weights learnt it (models::usual_preset).
data::Transform preparation(const models::Preset& how) {
  return [how](data::Example& example, data::RandomStream&) {
    const Index height = example.image.size(0), width = example.image.size(1);
    constexpr Index most = 16;
    require(std::max(height, width) <= most * std::min(height, width), "the picture is too narrow: ", width, "x", height,
            " pixels; the longer side may be ", most, " times the shorter one");
    example.image = models::normalize_for(models::crop_for(example.image, how), how);
  };
}

Classifier load_named(const std::string& model, const std::filesystem::path& weights) {
  const models::Preset how = models::usual_preset(model);
  Classifier out{.model = model,
                 .net = models::make<float>(model, {.padding = how.padding}),
                 .class_names = {},
                 .prepare = preparation(how)};
  const io::TensorFile file = io::load_tensors(weights);
  try {
    out.net.load_state_dict(train::weights_of(file), {.rename = models::rename_rules(model)});
  } catch (const Error& error) {
    throw FormatError(text("'", weights.string(), "' does not hold weights of ", model, ": ", error.what()));
  }
  out.net.eval();
  return out;
}

Classifier load_digits(const std::filesystem::path& weights) {
  digits::Loaded loaded = digits::load(weights);
  return {.model = "digits",
          .net = std::move(loaded.net),
          .class_names = std::move(loaded.class_names),
          .prepare = data::Compose({digits::resize(), digits::normalize()}),
          .is_drawn = true};
}

}  // namespace

Classifier load_classifier(const std::string& model, const std::filesystem::path& weights,
                           const std::filesystem::path& labels) {
  Classifier out = model == "digits" ? load_digits(weights) : load_named(model, weights);
  if (!labels.empty()) out.class_names = read_lines(labels);
  // One run on a grey picture: whatever does not fit is told now, and the number of classes is known.
  const auto grey = Tensor<float>::full({256, 256, 3}, 0.5f);
  const Index classes = static_cast<Index>(classify(out, grey).at("of").get<Index>());
  if (out.class_names.empty())
    for (Index i = 0; i < classes; ++i) out.class_names.push_back("class " + std::to_string(i));
  require(static_cast<Index>(out.class_names.size()) == classes, "there are ", out.class_names.size(),
          " class names for the network's ", classes, " classes");
  return out;
}

nlohmann::json classify(const Classifier& classifier, const Tensor<float>& picture) {
  const NoGrad no_grad;
  data::Example example{.image = picture, .name = "picture"};
  data::RandomStream unused(0, 0, 0);
  classifier.prepare(example, unused);
  const Tensor<float>& image = example.image;
  const Tensor<float> probabilities =
      softmax(classifier.net(image.reshape({1, image.size(0), image.size(1), image.size(2)}))).value();
  std::vector<Index> order(static_cast<std::size_t>(probabilities.numel()));
  std::iota(order.begin(), order.end(), Index{0});
  const std::size_t shown = std::min<std::size_t>(5, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](Index a, Index b) { return probabilities.data()[a] > probabilities.data()[b]; });
  nlohmann::json classes = nlohmann::json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const auto index = static_cast<std::size_t>(order[i]);
    const std::string name = index < classifier.class_names.size() ? classifier.class_names[index] : "";
    classes.push_back({{"name", name}, {"index", order[i]}, {"probability", probabilities.data()[order[i]]}});
  }
  return {{"classes", classes}, {"of", probabilities.numel()}};
}

}  // namespace playground
