#include "common/photo_network.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>

#include <kashi/data/image_folder.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/ops/softmax.hpp>

#include "common/small_network.hpp"

namespace examples {

using namespace kashi;

namespace {

/// Pixels in [0,1] to the network's input: a 1x1 convolution that orders the colours, scales and shifts them.
nn::Conv2d<float> normalization(const models::Preset& how) {
  nn::Conv2d<float> conv({.in = 3, .out = 3});
  Tensor<float> weight = conv.weight().mutable_value(), bias = conv.bias().mutable_value();
  weight.fill(0);
  for (Index c = 0; c < 3; ++c) {
    const auto at = static_cast<std::size_t>(c);
    weight.at(c, 0, 0, how.bgr ? 2 - c : c) = 1 / how.std[at];
    bias.at(c) = -how.mean[at] / how.std[at];
  }
  return conv;
}

/// The last layer that gives a map.
std::string last_map(const std::string& model) {
  if (model.ends_with("cifar10")) return "layer3";
  if (model.starts_with("efficientnet_lite")) return "_relu1";
  return model.find("resne") != std::string::npos ? "layer4" : "features";
}

/// The names of the classes: of --names, of the file itself, or of synset_words.txt beside the pictures.
std::vector<std::string> class_names(const Flags& flags, const NetworkFlags& network, const NamedNetwork& named) {
  const std::filesystem::path data = flags.data,
                              beside = (std::filesystem::is_directory(data) ? data : data.parent_path()) /
                                       "synset_words.txt";
  if (!network.names.empty()) return read_class_names(network.names);
  if (!named.kind.class_names.empty() || !std::filesystem::exists(beside)) return named.kind.class_names;
  return read_class_names(beside);
}

/// The network without the ReLU behind SqueezeNet's last convolution; any other as it is.
nn::Sequential<float> without_last_relu(const nn::Sequential<float>& net) {
  const auto* head = net.size() == 2 ? dynamic_cast<const nn::Sequential<float>*>(&net[1]) : nullptr;
  if (head == nullptr || head->size() != 4 || (*head)[2].kind() != "ReLU") return net;
  nn::Sequential<float> out;
  out.add("open", nn::Lambda<float>([net](const Variable<float>& x) {
            const auto& last = dynamic_cast<const nn::Sequential<float>&>(net[1]);
            return last[3](last[1](net[0](x)));
          }));
  return out;
}

std::string lower(std::string name) {
  for (char& c : name) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

void NetworkFlags::add_second_to(CLI::App& app) {
  app.add_option("--second-weights", second_weights,
                 "file with the weights of a second network, which judges the result");
  app.add_option("--second-model", second_model,
                 "the network that --second-weights are of (default: as the file says)");
  app.add_option("--second-preset", second_preset, "how pictures become its input (default: the model's usual)");
}

void NetworkFlags::add_to(CLI::App& app) {
  app.add_option("--model", model, "the network that --weights are of (default: as the file says, or squeezenet1_1)");
  app.add_option(
      "--preset", preset,
      "how pictures become its input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the model's usual)");
  app.add_option("--names", names,
                 "text file with the names of the classes, one a line (default: synset_words.txt beside the pictures)");
}

std::string PhotoNetwork::name_of(Index class_index) const {
  const auto at = static_cast<std::size_t>(class_index);
  return class_index >= 0 && at < class_names.size() ? class_names[at] + " (" + std::to_string(class_index) + ")"
                                                     : "class " + std::to_string(class_index);
}

Tensor<float> PhotoNetwork::see(const Tensor<float>& picture) const {
  Tensor<float> seen = io::to_bytes(seen_part(picture, preset)).to<float>();
  for (float& value : seen.mutable_span()) value /= 255;
  return seen;
}

Index PhotoNetwork::class_of(const std::string& number_or_name) const {
  const std::string wanted = lower(number_or_name);
  std::vector<Index> near;
  for (std::size_t i = 0; i < class_names.size(); ++i) {
    if (lower(class_names[i]) == wanted) return static_cast<Index>(i);
    if (lower(class_names[i]).find(wanted) != std::string::npos) near.push_back(static_cast<Index>(i));
  }
  const bool is_number =
      !wanted.empty() && wanted.size() < 10 && wanted.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) return std::stol(wanted);
  require(!class_names.empty(),
          "the classes have no names here: give the class by its number (or the names by --names FILE)");
  if (near.size() == 1) return near[0];
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(near.size(), 8); ++i)
    list += (i > 0 ? ", " : "") + name_of(near[i]);
  throw ValueError(text("there is no single class \"", number_or_name, "\"", list.empty() ? "" : "; near are: ", list));
}

Tensor<float> PhotoNetwork::probabilities(const Tensor<float>& seen) const {
  const NoGrad no_grad;
  return softmax(from_pixels(Variable<float>(seen.reshape({1, seen.size(0), seen.size(1), 3})))).value()[0];
}

void make_ready(PhotoNetwork& network) {
  network.net.eval();
  network.net.set_requires_grad(false);
  network.from_pixels.add("normalization", normalization(network.preset)).add("net", network.net);
  network.scores.add("normalization", normalization(network.preset)).add("net", without_last_relu(network.net));
  for (nn::Sequential<float>* net : {&network.from_pixels, &network.scores}) {
    net->eval();
    net->set_requires_grad(false);
  }
}

PhotoNetwork train_digits_network(const Flags& flags, const data::Transform& change) {
  PhotoNetwork out{.model = "digits",
                   .preset = small_preset(),
                   .net = learnt_small_network(flags.seed, change),
                   .layer = "features",
                   .class_names = {"1", "2", "3", "4"}};
  make_ready(out);
  return out;
}

PhotoNetwork photo_network(NamedNetwork named) {
  PhotoNetwork out{.model = named.kind.name,
                   .preset = named.kind.preset,
                   .net = named.net,
                   .layer = last_map(named.kind.name),
                   .class_names = named.kind.class_names};
  make_ready(out);
  return out;
}

PhotoNetwork load_network(const Flags& flags, const NetworkFlags& network) {
  if (flags.weights.empty()) {
    std::fprintf(stderr,
                 "no --weights given: a small network learns drawn digits first (--weights takes one that knows "
                 "photographs; docs/weights.md says where to get some)\n");
    return train_digits_network(flags);
  }
  NamedNetwork named = load_named_network({.model = network.model, .preset = network.preset},
                                          io::load_tensors(flags.weights), flags.weights);
  named.kind.class_names = class_names(flags, network, named);
  return photo_network(std::move(named));
}

std::optional<PhotoNetwork> load_second_network(const NetworkFlags& network, const PhotoNetwork& first) {
  if (network.second_weights.empty()) return std::nullopt;
  NamedNetwork named = load_named_network({.model = network.second_model, .preset = network.second_preset},
                                          io::load_tensors(network.second_weights), network.second_weights);
  named.kind.class_names = first.class_names;
  return photo_network(std::move(named));
}

std::vector<Photo> load_photos(const Flags& flags, const std::string& truth, const PhotoNetwork& network, Index limit) {
  std::vector<Photo> out;
  if (flags.data.empty()) {
    std::fprintf(stderr, "no --data given: drawn digits\n");
    const data::Dataset digits =
        data::handwritten_digits({.count = limit > 0 ? limit : 40, .size = small_preset().crop, .seed = flags.seed});
    for (Index i = 0; i < digits.size(); ++i) {
      const data::Example example = digits.get(i);
      out.push_back({"digit" + std::to_string(i), network.see(example.image), example.label});
    }
    return out;
  }
  const bool is_folder = std::filesystem::is_directory(flags.data);
  const std::vector<std::string> files =
      is_folder ? data::detail::list_pictures("--data", flags.data) : std::vector{flags.data};
  std::map<std::string, Index> labels;
  if (!truth.empty())
    for (const auto& [file, class_index] : read_classes(truth)) labels[file] = class_index;
  const std::size_t count = limit > 0 ? std::min(files.size(), static_cast<std::size_t>(limit)) : files.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::filesystem::path file = files[i * files.size() / count];
    const auto found = labels.find(file.filename().string());
    require(truth.empty() || found != labels.end(), "'", truth, "' has no line for '", file.filename().string(), "'");
    out.push_back({file.filename().string(), network.see(io::load_image_float(file, {.channels = 3})),
                   truth.empty() ? -1 : found->second});
  }
  return out;
}

Tensor<float> batch_of(const std::vector<Photo>& photos, std::size_t begin, std::size_t end) {
  std::vector<Tensor<float>> images;
  for (std::size_t i = begin; i < end; ++i) images.push_back(photos[i].pixels);
  return stack(images);
}

}  // namespace examples
