#include "common/named_network.hpp"

#include <algorithm>
#include <charconv>

#include <kashi/io/file.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/models/rename_rules.hpp>
#include <kashi/train/weights.hpp>

#include "common/small_network.hpp"

namespace examples {

using namespace kashi;

namespace {

std::vector<std::string> split_lines(const std::string& content) {
  std::vector<std::string> lines(1);
  for (const char c : content) {
    if (c == '\n')
      lines.emplace_back();
    else if (c != '\r')
      lines.back() += c;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string metadata(const io::TensorFile& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? "" : found->second;
}

/// A number from the metadata, or -1.
Index metadata_number(const io::TensorFile& file, const std::string& key) {
  const std::string written = metadata(file, key);
  const bool is_number =
      !written.empty() && written.size() < 5 && written.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stol(written) : -1;
}

models::Preset preset_named(const std::string& name, Index crop) {
  if (name != small_network_name) return models::preset(name, crop);
  models::Preset out = small_preset();
  if (crop > 0) out.crop = crop;
  return out;
}

models::Preset usual_preset(const std::string& model) {
  return model == small_network_name ? small_preset() : models::usual_preset(model);
}

/// Whether a file's name, perhaps with "module." before it, is of the head's weights.
bool is_of_head(const std::string& model, const std::string& name) {
  const std::string head = head_of(model) + ".", ours = nn::rename(name, models::rename_rules(model));
  return ours.starts_with(head) || ours.find("." + head) != std::string::npos;
}

/// The number of classes of the head among the weights; 0 if it is not there.
Index classes_in(const std::string& model, const nn::StateDict<float>& state) {
  for (const auto& [name, value] : state)
    if (is_of_head(model, name)) return value.size(0);
  return 0;
}

/// An error's text with the file and the network before it.
FormatError other_weights(const std::filesystem::path& path, const std::string& model, const std::string& why) {
  return FormatError(text("'", path.string(), "' does not hold weights of ", model, ": ", why));
}

}  // namespace

NetworkKind network_kind(const NetworkChoice& choice, const io::TensorFile& file) {
  NetworkKind out{
      .name = choice.model, .preset = {}, .class_names = split_lines(metadata(file, "classes")), .eps = choice.eps};
  const std::string written = metadata(file, "network");
  if (out.name.empty()) out.name = written.empty() ? choice.otherwise : written;
  const bool is_own = written == out.name;
  const std::string preset = !choice.preset.empty() ? choice.preset : is_own ? metadata(file, "preset") : "";
  out.preset = preset.empty() ? usual_preset(out.name) : preset_named(preset, usual_preset(out.name).crop);
  const Index crop = is_own ? metadata_number(file, "crop") : -1,
              shorter_side = is_own ? metadata_number(file, "shorter_side") : -1;
  if (choice.crop > 0 || crop > 0) out.preset = preset_named(out.preset.name, choice.crop > 0 ? choice.crop : crop);
  if (choice.crop == 0 && shorter_side >= 0) out.preset.shorter_side = shorter_side;
  const std::string eps = is_own && choice.eps == 0 ? metadata(file, "eps") : "";
  std::from_chars(eps.data(), eps.data() + eps.size(), out.eps);  // what is no number leaves the usual
  return out;
}

std::map<std::string, std::string> metadata_of(const NetworkKind& kind) {
  std::string names;
  for (const std::string& name : kind.class_names) names += (names.empty() ? "" : "\n") + name;
  return {{"network", kind.name},
          {"preset", kind.preset.name},
          {"crop", std::to_string(kind.preset.crop)},
          {"shorter_side", std::to_string(kind.preset.shorter_side)},
          {"eps", text(kind.eps)},
          {"classes", names}};
}

nn::Sequential<float> make_network(const NetworkKind& kind, Index classes) {
  if (kind.name == small_network_name) return small_network(classes > 0 ? classes : 4);
  return models::make(kind.name, {.classes = classes, .padding = kind.preset.padding, .eps = kind.eps});
}

std::string head_of(const std::string& model) { return model == small_network_name ? "fc" : models::head(model); }

NamedNetwork load_named_network(const NetworkChoice& choice, const io::TensorFile& file,
                                const std::filesystem::path& path) {
  NamedNetwork out{.kind = network_kind(choice, file), .net = {}, .classes = 0, .loaded = {}};
  const nn::StateDict<float> state = train::weights_of(file);
  out.net = make_network(out.kind, classes_in(out.kind.name, state));
  try {
    out.loaded = out.net.load_state_dict(state, {.rename = models::rename_rules(out.kind.name)}).to_string();
  } catch (const Error& error) {
    throw other_weights(path, out.kind.name, error.what());
  }
  out.classes = out.net.named_parameters().back().second.numel();
  out.net.eval();
  return out;
}

NamedNetwork load_with_new_head(const NetworkChoice& choice, const io::TensorFile& file,
                                const std::filesystem::path& path, Index classes) {
  NamedNetwork out{.kind = network_kind(choice, file), .net = {}, .classes = classes, .loaded = {}};
  const std::string head = head_of(out.kind.name) + ".";
  nn::StateDict<float> state;
  state.set_layout(nn::WeightLayout::channels_first);
  for (const auto& [name, value] : train::weights_of(file))
    if (!is_of_head(out.kind.name, name)) state.set(name, value);
  out.net = make_network(out.kind, classes);
  nn::LoadReport report;
  try {
    report = out.net.load_state_dict(state, {.strict = false, .rename = models::rename_rules(out.kind.name)});
    std::erase_if(report.missing, [&](const std::string& name) { return name.starts_with(head); });
    report.require_complete();
  } catch (const Error& error) {
    throw other_weights(path, out.kind.name, error.what());
  }
  out.loaded = report.to_string();
  out.net.eval();
  return out;
}

Tensor<float> seen_part(const Tensor<float>& picture, const models::Preset& how) {
  require<ShapeError>(picture.rank() == 3, "a picture must be [H,W,3]; got ", picture.shape());
  constexpr Index most = 16;
  const Index height = picture.size(0), width = picture.size(1);
  require(std::max(height, width) <= most * std::min(height, width), "the picture is too narrow: ", width, "x", height,
          " pixels; the longer side may be ", most, " times the shorter one");
  return models::crop_for(picture, how);
}

Tensor<float> input_of(const Tensor<float>& picture, const models::Preset& how) {
  return models::normalize_for(seen_part(picture, how), how);
}

std::vector<std::string> lines_of_file(const std::filesystem::path& path) {
  return split_lines(io::read_text_file(path, Index{64} << 20));
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  std::vector<std::string> out;
  for (std::string line : lines_of_file(path)) {
    const bool has_number = line.size() > 10 && line[0] == 'n' && line.find_first_not_of("0123456789", 1) == 9;
    if (has_number) line = line.substr(10);
    out.push_back(line.substr(0, line.find(',')));
  }
  return out;
}

}  // namespace examples
