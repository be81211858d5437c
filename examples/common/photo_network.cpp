#include "common/photo_network.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/train/trainer.hpp>
#include <kashi/train/weights.hpp>

namespace examples {

using namespace kashi;

namespace {

constexpr Index digit_size = 64;

std::vector<std::string> lines_of_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  require<IoError>(stream.good(), "cannot read '", path.string(), "'");
  std::vector<std::string> out;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

/// The fields of a line of CSV; quotes may hold commas.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> out{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) out.emplace_back();
    else out.back() += c;
  }
  return out;
}

/// "n02007558 flamingo, pink bird" is "flamingo".
std::string short_name(std::string line) {
  if (line.size() > 10 && line[0] == 'n' && line.find(' ') == 9) line = line.substr(10);
  return line.substr(0, line.find(','));
}

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

/// Pixels as a batch for from_pixels, and evaluation mode without gradients of weights.
void complete(PhotoNetwork& network) {
  network.net.eval();
  network.net.set_requires_grad(false);
  network.from_pixels.add("normalization", normalization(network.preset)).add("net", network.net);
  network.from_pixels.eval();
  network.from_pixels.set_requires_grad(false);
}

}  // namespace

PhotoNetwork train_digits_network(const Flags& flags, const data::Transform& change) {
  const auto unit = [](Index in, Index out) {
    return nn::Sequential{nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1, .bias = false}), nn::BatchNorm2d(out), nn::ReLU()};
  };
  PhotoNetwork out{.model = "digits", .layer = "features", .class_names = {"1", "2", "3", "4"}};
  out.preset = {.name = "digits", .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}, .crop = digit_size, .shorter_side = 0};
  nn::Sequential<float> features{unit(3, 16), unit(16, 32), unit(32, 64)};
  out.net.add("features", features).add("pool", nn::GlobalAvgPool2d()).add("fc", nn::Linear({.in = 64, .out = 4}));
  const data::Dataset digits = data::handwritten_digits({.count = 800, .size = digit_size, .seed = flags.seed + 1}).map([&](data::Example& example, data::RandomStream& random) {
    if (change) change(example, random);
    example.image = models::normalize_for(example.image, out.preset);
  });
  train::Trainer trainer(out.net, optim::AdamW(out.net.parameters(), {.lr = 3e-3}), nn::CrossEntropyLoss());
  trainer.fit(digits, {.epochs = 24, .batch = 32, .seed = flags.seed});
  complete(out);
  return out;
}

void NetworkFlags::add_to(CLI::App& app) {
  app.add_option("--model", model, "the network that --weights are of")->capture_default_str();
  app.add_option("--preset", preset, "how pictures become its input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the model's usual)");
  app.add_option("--names", names, "text file with the names of the classes, one a line (default: synset_words.txt beside the pictures)");
}

std::string PhotoNetwork::name_of(Index class_index) const {
  const auto at = static_cast<std::size_t>(class_index);
  return class_index >= 0 && at < class_names.size() ? class_names[at] + " (" + std::to_string(class_index) + ")" : "class " + std::to_string(class_index);
}

Tensor<float> PhotoNetwork::see(const Tensor<float>& picture) const {
  Tensor<float> seen = io::to_bytes(models::crop_for(picture, preset)).to<float>();
  for (float& value : seen.mutable_span()) value /= 255;
  return seen;
}

PhotoNetwork load_network(const Flags& flags, const NetworkFlags& network) {
  if (flags.weights.empty()) {
    std::fprintf(stderr, "no --weights given: a small network learns drawn digits first (--weights takes one that knows photographs; docs/weights.md says where to get some)\n");
    return train_digits_network(flags);
  }
  PhotoNetwork out;
  out.model = network.model;
  out.preset = network.preset.empty() ? models::usual_preset(network.model) : models::preset(network.preset);
  out.net = models::make(network.model, {.padding = out.preset.padding});
  out.net.load_state_dict(train::load_weights(flags.weights));
  out.layer = network.model.starts_with("resnet") || network.model.starts_with("resnext") ? "layer4" : "features";
  const std::filesystem::path folder = std::filesystem::is_directory(flags.data) ? std::filesystem::path(flags.data) : std::filesystem::path(flags.data).parent_path();
  const std::filesystem::path names = network.names.empty() ? folder / "synset_words.txt" : std::filesystem::path(network.names);
  if (!network.names.empty() || std::filesystem::exists(names))
    for (const std::string& line : lines_of_file(names)) out.class_names.push_back(short_name(line));
  complete(out);
  return out;
}

std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& path, const std::vector<std::string>& columns) {
  const std::vector<std::string> lines = lines_of_file(path);
  require<FormatError>(!lines.empty(), "'", path.string(), "' is empty");
  const std::vector<std::string> header = fields_of(lines[0]);
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    require<FormatError>(found != header.end(), "'", path.string(), "' has no column \"", column, "\"; its first line is: ", lines[0]);
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  std::vector<std::vector<std::string>> out;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = fields_of(lines[i]);
    out.emplace_back();
    for (const std::size_t place : places) {
      require<FormatError>(place < fields.size(), "'", path.string(), "', line ", i + 1, ": there are only ", fields.size(), " fields: ", lines[i]);
      out.back().push_back(fields[place]);
    }
  }
  return out;
}

std::vector<Photo> load_photos(const Flags& flags, const std::string& truth, const PhotoNetwork& network, Index limit) {
  std::vector<Photo> out;
  if (flags.data.empty()) {
    std::fprintf(stderr, "no --data given: drawn digits\n");
    const data::Dataset digits = data::handwritten_digits({.count = limit > 0 ? limit : 40, .size = digit_size, .seed = flags.seed});
    for (Index i = 0; i < digits.size(); ++i) {
      const data::Example example = digits.get(i);
      out.push_back({"digit" + std::to_string(i), network.see(example.image), example.label});
    }
    return out;
  }
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(flags.data)) {
    for (const auto& entry : std::filesystem::directory_iterator(flags.data)) {
      const std::string ending = entry.path().extension().string();
      if (ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".bmp" || ending == ".JPEG") files.push_back(entry.path());
    }
  } else {
    files.push_back(flags.data);
  }
  require(!files.empty(), "there are no pictures in '", flags.data, "'");
  std::sort(files.begin(), files.end());
  std::map<std::string, Index> labels;
  if (!truth.empty()) {
    for (const auto& row : read_csv(truth, {"file", "class_index"})) {
      const bool is_number = !row[1].empty() && row[1].size() < 10 && row[1].find_first_not_of("0123456789") == std::string::npos;
      require<FormatError>(is_number, "'", truth, "': class_index must be a number; got \"", row[1], "\" for '", row[0], "'");
      labels[row[0]] = std::stol(row[1]);
    }
  }
  const std::size_t count = limit > 0 ? std::min(files.size(), static_cast<std::size_t>(limit)) : files.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::filesystem::path& file = files[i * files.size() / count];
    const auto found = labels.find(file.filename().string());
    require(truth.empty() || found != labels.end(), "'", truth, "' has no line for '", file.filename().string(), "'");
    out.push_back({file.filename().string(), network.see(io::load_image_float(file, {.channels = 3})), truth.empty() ? -1 : found->second});
  }
  return out;
}

Tensor<float> batch_of(const std::vector<Photo>& photos, std::size_t begin, std::size_t end) {
  std::vector<Tensor<float>> images;
  for (std::size_t i = begin; i < end; ++i) images.push_back(photos[i].pixels);
  return stack(images);
}

}  // namespace examples
