#include "flops/network_file.hpp"

#include <functional>
#include <sstream>

#include <kashi/io/file.hpp>
#include <kashi/nn/operation_count.hpp>

#include "flops/layer_line.hpp"

namespace flops {

namespace {

using namespace kashi;
using kernels::Pair;

constexpr Index largest_side = 32768;
constexpr Index bytes_a_number = 4;

/// What flows from line to line: sizes and receptive fields.
struct Flow {
  Shape shape;  // [1,H,W,C] or [1,features]
  std::shared_ptr<const nn::AxisField> rows, columns;

  bool is_image() const { return shape.rank() == 4; }
  kernels::Sizes4 sizes() const { return {shape[0], shape[1], shape[2], shape[3]}; }
};

/// The layer that a line describes, and what flows on.
struct Step {
  nn::LayerSummary layer;
  Flow after;
  bool makes_values = true;  // false for views
};

std::string options_text(const Pair& stride, const kernels::Padding& padding, const Pair& dilation, Index groups,
                         bool bias) {
  std::string out;
  if (!(stride == Pair(1))) out += ", stride=" + stride.to_string();
  if (!(padding == kernels::Padding(0))) out += ", padding=" + padding.to_string();
  if (!(dilation == Pair(1))) out += ", dilation=" + dilation.to_string();
  if (groups != 1) out += ", groups=" + std::to_string(groups);
  return out + (bias ? "" : ", bias=false");
}

void require_image(const LayerLine& line, const Flow& in) {
  require<ValueError>(in.is_image(), line.kind(), " needs an image; after flatten there are ", in.shape[-1],
                      " features");
}

void require_channels(const LayerLine& line, Index wanted, const Flow& in) {
  require<ValueError>(wanted == in.shape[-1], line.kind(), " expects ", wanted,
                      in.is_image() ? " channels" : " features", ", but ", in.shape[-1], " arrive");
}

Flow resized(const Flow& in, Index height, Index width, Index channels, nn::AxisField rows, nn::AxisField columns) {
  return {Shape{in.shape[0], height, width, channels}, std::make_shared<const nn::AxisField>(std::move(rows)),
          std::make_shared<const nn::AxisField>(std::move(columns))};
}

void require_side(Index height, Index width) {
  require<ValueError>(height <= largest_side && width <= largest_side, "the output ", height, "x", width,
                      " is too large; at most ", largest_side, " a side");
}

Step same_size(const Flow& in, std::string description, nn::OperationCount operations = {}) {
  return {.layer = {.description = std::move(description), .operations = operations}, .after = in};
}

/// Through a window on each axis.
template <class G>
Flow through_windows(const Flow& in, const G& g, Index channels) {
  return resized(in, g.out_height, g.out_width, channels,
                 in.rows->window(g.out_height, g.kernel.height, g.stride.height, g.dilation.height, g.pad_top),
                 in.columns->window(g.out_width, g.kernel.width, g.stride.width, g.dilation.width, g.pad_left));
}

/// What conv and deconv lines say.
struct ConvolutionLine {
  Index from = 0, to = 0, groups = 1;
  Pair kernel, stride, dilation, output_padding;
  kernels::Padding padding;
  bool bias = true;

  std::string description(const char* name) const {
    return text(name, "(", from, ", ", to, ", kernel=", kernel.to_string(),
                options_text(stride, padding, dilation, groups, bias), ")");
  }
};

ConvolutionLine read_convolution(LayerLine& line, const Flow& in, const CountOptions& options) {
  const bool is_transposed = line.kind() == "deconv";
  ConvolutionLine out{.from = line.number(0, "input channels"),
                      .to = line.number(1, "output channels"),
                      .groups = parse_index("groups", line.option("groups", "1"), 1, largest_channels),
                      .kernel = line.pair("kernel", ""),
                      .stride = line.pair("stride", "1"),
                      .dilation = line.pair("dilation", "1"),
                      .output_padding = is_transposed ? line.pair("output_padding", "0", 0) : Pair(0),
                      .padding = parse_padding(line.option("padding", "0")),
                      .bias = line.flag("bias", true) && options.bias};
  line.require_all_used();
  require_image(line, in);
  require_channels(line, out.from, in);
  require<ValueError>(out.from % out.groups == 0 && out.to % out.groups == 0, "channels ", out.from, " and ", out.to,
                      " are not divisible by groups ", out.groups);
  return out;
}

Step convolution(LayerLine& line, const Flow& in, const CountOptions& options) {
  const ConvolutionLine said = read_convolution(line, in, options);
  const auto g = kernels::conv2d_geometry(
      "conv", in.sizes(), {said.to, said.kernel.height, said.kernel.width, said.from / said.groups},
      {.stride = said.stride, .padding = said.padding, .dilation = said.dilation, .groups = said.groups});
  require_side(g.out_height, g.out_width);
  return {.layer = {.description = said.description("Conv2d"),
                    .parameters = g.weight_numel() + (said.bias ? said.to : 0),
                    .operations = nn::count_convolution(g, said.bias)},
          .after = through_windows(in, g, said.to)};
}

Step transposed_convolution(LayerLine& line, const Flow& in, const CountOptions& options) {
  const ConvolutionLine said = read_convolution(line, in, options);
  const auto g = kernels::conv_transpose2d_geometry(
      "deconv", in.sizes(), {said.from, said.kernel.height, said.kernel.width, said.to / said.groups},
      {.stride = said.stride,
       .padding = said.padding,
       .output_padding = said.output_padding,
       .groups = said.groups,
       .dilation = said.dilation});
  require_side(g.in_height, g.in_width);
  return {.layer = {.description = said.description("ConvTranspose2d"),
                    .parameters = g.weight_numel() + (said.bias ? said.to : 0),
                    .operations = nn::count_transposed_convolution(g, said.bias)},
          .after = resized(in, g.in_height, g.in_width, said.to,
                           in.rows->transposed_window(g.in_height, said.kernel.height, said.stride.height,
                                                      said.dilation.height, g.pad_top),
                           in.columns->transposed_window(g.in_width, said.kernel.width, said.stride.width,
                                                         said.dilation.width, g.pad_left))};
}

Step pool(LayerLine& line, const Flow& in, bool is_average) {
  const Pair kernel =
      parse_pair("kernel", line.has_number(0) ? line.word(0, "a kernel") : line.option("kernel", ""), 1);
  const Pair stride = line.pair("stride", kernel.to_string());
  const kernels::Padding padding = parse_padding(line.option("padding", "0"));
  const Pair dilation = is_average ? Pair(1) : line.pair("dilation", "1");
  const bool ceil_mode = line.flag("ceil_mode", false);
  line.require_all_used();
  require_image(line, in);
  const auto g = kernels::pool2d_geometry(
      line.kind(), in.sizes(),
      {.kernel = kernel, .stride = stride, .padding = padding, .dilation = dilation, .ceil_mode = ceil_mode});
  const std::string name = is_average ? "AvgPool2d(" : "MaxPool2d(";
  return {
      .layer = {.description = text(name, kernel.to_string(),
                                    options_text(stride == kernel ? Pair(1) : stride, padding, dilation, 1, true), ")"),
                .operations = is_average ? nn::count_average(g.output_numel(), kernel.height * kernel.width)
                                         : nn::OperationCount{}},
      .after = through_windows(in, g, g.channels)};
}

Step adaptive_pool(LayerLine& line, const Flow& in, bool is_average) {
  const Pair size = parse_pair("the output size", line.word(0, "an output size"), 1);
  line.require_all_used();
  require_image(line, in);
  const auto terms = [](Index n, Index units) {
    Index sum = 0;
    for (Index o = 0; o < units; ++o) sum += ((o + 1) * n + units - 1) / units - o * n / units;
    return sum;
  };
  const Index channels = in.shape[3], outputs = size.height * size.width * channels;
  nn::OperationCount operations;
  if (is_average)
    operations = {.additions = terms(in.shape[1], size.height) * terms(in.shape[2], size.width) * channels - outputs,
                  .divisions = outputs};
  return {
      .layer = {.description = text(is_average ? "AdaptiveAvgPool2d(" : "AdaptiveMaxPool2d(", size.to_string(), ")"),
                .operations = operations},
      .after =
          resized(in, size.height, size.width, channels, in.rows->parts(size.height), in.columns->parts(size.width))};
}

Flow as_features(const Flow& in, Index features) {
  const auto whole = [](const std::shared_ptr<const nn::AxisField>& field) {
    return field->units() == 1 ? field : std::make_shared<const nn::AxisField>(field->reduced());
  };
  return {Shape{in.shape[0], features}, whole(in.rows), whole(in.columns)};
}

Step global_pool(LayerLine& line, const Flow& in, bool is_average) {
  line.require_all_used();
  require_image(line, in);
  const Index channels = in.shape[3];
  return {.layer = {.description = is_average ? "GlobalAvgPool2d" : "GlobalMaxPool2d",
                    .operations =
                        is_average ? nn::count_average(channels, in.shape[1] * in.shape[2]) : nn::OperationCount{}},
          .after = as_features(in, channels)};
}

Step linear(LayerLine& line, const Flow& in, const CountOptions& options) {
  const Index from = line.number(0, "input features"), to = line.number(1, "output features");
  const bool bias = line.flag("bias", true) && options.bias;
  line.require_all_used();
  require<ValueError>(!in.is_image(), "linear needs features; an image ", in.shape, " arrives (flatten it first)");
  require_channels(line, from, in);
  Flow after = in;
  after.shape = Shape{in.shape[0], to};
  return {.layer = {.description = text("Linear(", from, ", ", to, bias ? ")" : ", bias=false)"),
                    .parameters = nn::detail::counted_product(from, to) + (bias ? to : 0),
                    .operations = nn::count_linear(in.shape[0], from, to, bias)},
          .after = after};
}

Step batch_norm(LayerLine& line, const Flow& in, const CountOptions& options) {
  const Index channels = line.number(0, "channels");
  line.require_all_used();
  require_channels(line, channels, in);
  Step out = same_size(in, text(in.is_image() ? "BatchNorm2d(" : "BatchNorm1d(", channels, ")"));
  if (!options.batch_norm) return out;
  out.layer.operations = nn::count_batch_norm(in.shape.numel());
  out.layer.parameters = 2 * channels;
  out.layer.buffers = 2 * channels + 1;
  return out;
}

Step dropout(LayerLine& line, const Flow& in) {
  const std::string word = line.has_number(0) ? line.word(0, "a probability") : "0.5";
  double p = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), p);
  require<ValueError>(error == std::errc() && end == word.data() + word.size() && p >= 0 && p <= 1,
                      "dropout's probability must lie in [0, 1]; got ", shown(word));
  line.require_all_used();
  Step out = same_size(in, text("Dropout(", p, ")"));
  out.makes_values = false;
  return out;
}

Step flatten(LayerLine& line, const Flow& in) {
  line.require_all_used();
  require_image(line, in);
  Index features = in.shape.numel() / in.shape[0];
  require<ValueError>(features <= largest_channels, "flatten gives ", features, " features; at most ",
                      largest_channels);
  return {.layer = {.description = "Flatten"}, .after = as_features(in, features), .makes_values = false};
}

Step upsample(LayerLine& line, const Flow& in) {
  const Index factor = line.number(0, "a factor", 1, 64);
  const std::string mode = line.option("mode", "nearest");
  line.require_all_used();
  require_image(line, in);
  require<ValueError>(mode == "nearest" || mode == "bilinear", "mode must be nearest or bilinear; got ", shown(mode));
  const Index height = in.shape[1] * factor, width = in.shape[2] * factor, channels = in.shape[3];
  require_side(height, width);
  const bool is_bilinear = mode == "bilinear" && factor > 1;
  // Bilinear: two pixels along the rows and then two along the columns, but for the borders, which copy.
  const auto blended = [factor](Index n) { return n * factor - 2 * (factor / 2); };
  const Index mixed =
      is_bilinear ? blended(in.shape[1]) * in.shape[2] * channels + height * blended(in.shape[2]) * channels : 0;
  const auto enlarged = [&](const nn::AxisField& field) {
    const Index units = field.units();
    return field.gather(units * factor, factor, 1, [&](Index o, auto&& f) {
      if (!is_bilinear) return f(o >= 0 ? o / factor : -((-o + factor - 1) / factor));
      // The point (o + 0.5) / factor - 0.5, in half steps of the finer grid.
      const Index point = 2 * o + 1 - factor, period = 2 * factor;
      const Index left = point >= 0 ? point / period : -((-point + period - 1) / period);
      f(std::clamp<Index>(left, 0, std::max<Index>(units - 1, left)));
      if (point % period != 0) f(left + 1 < units ? left + 1 : left);
    });
  };
  return {.layer = {.description = text("Upsample(", factor, ", ", mode, ")"),
                    .operations = {.multiplications = 2 * mixed, .additions = mixed}},
          .after = resized(in, height, width, channels, enlarged(*in.rows), enlarged(*in.columns))};
}

Step zero_pad(LayerLine& line, const Flow& in) {
  const kernels::Padding padding = parse_padding(line.word(0, "a size"));
  line.require_all_used();
  require_image(line, in);
  require<ValueError>(!padding.is_same(), "pad needs sizes; got \"same\"");
  const auto rows = padding.rows(in.shape[1], 1, 1, 1), columns = padding.columns(in.shape[2], 1, 1, 1);
  const Index height = in.shape[1] + rows.begin + rows.end, width = in.shape[2] + columns.begin + columns.end;
  require_side(height, width);
  return {.layer = {.description = text("ZeroPad2d(", padding.to_string(), ")")},
          .after = resized(in, height, width, in.shape[3], in.rows->moved(height, -rows.begin),
                           in.columns->moved(width, -columns.begin))};
}

/// Functions of single elements: what an element costs, as nn::summary counts it.
Step activation(LayerLine& line, const Flow& in, const char* name, Index multiplications, Index additions,
                Index divisions) {
  line.require_all_used();
  const Index n = in.shape.numel();
  return same_size(in, name,
                   {.multiplications = multiplications * n, .additions = additions * n, .divisions = divisions * n});
}

struct Kind {
  const char* name;
  const char* form;
  std::function<Step(LayerLine&, const Flow&, const CountOptions&)> count;
};

Kind activation_kind(const char* name, const char* title, Index multiplications = 0, Index additions = 0,
                     Index divisions = 0) {
  return {name, name, [=](LayerLine& line, const Flow& in, const CountOptions&) {
            return activation(line, in, title, multiplications, additions, divisions);
          }};
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"conv", "conv IN OUT kernel=K [stride=1 padding=0|same|valid dilation=1 groups=1 bias=true]", convolution},
      {"deconv", "deconv IN OUT kernel=K [stride=1 padding=0 output_padding=0 dilation=1 groups=1 bias=true]",
       transposed_convolution},
      {"linear", "linear IN OUT [bias=true]", linear},
      {"bn", "bn CHANNELS", batch_norm},
      {"avgpool", "avgpool K [stride=K padding=0 ceil_mode=false]",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return pool(line, in, true); }},
      {"maxpool", "maxpool K [stride=K padding=0 dilation=1 ceil_mode=false]",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return pool(line, in, false); }},
      {"adaptiveavgpool", "adaptiveavgpool SIZE",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return adaptive_pool(line, in, true); }},
      {"adaptivemaxpool", "adaptivemaxpool SIZE",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return adaptive_pool(line, in, false); }},
      {"globalavgpool", "globalavgpool",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return global_pool(line, in, true); }},
      {"globalmaxpool", "globalmaxpool",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return global_pool(line, in, false); }},
      {"upsample", "upsample FACTOR [mode=nearest|bilinear]",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return upsample(line, in); }},
      {"pad", "pad SIZE", [](LayerLine& line, const Flow& in, const CountOptions&) { return zero_pad(line, in); }},
      {"flatten", "flatten", [](LayerLine& line, const Flow& in, const CountOptions&) { return flatten(line, in); }},
      {"dropout", "dropout [P]",
       [](LayerLine& line, const Flow& in, const CountOptions&) { return dropout(line, in); }},
      activation_kind("relu", "ReLU"),
      activation_kind("relu6", "ReLU6"),
      activation_kind("leakyrelu", "LeakyReLU", 1),
      activation_kind("sigmoid", "Sigmoid", 0, 1, 1),
      activation_kind("silu", "SiLU", 1, 1, 1),
      activation_kind("hardswish", "HardSwish", 2, 1),
      activation_kind("tanh", "Tanh"),
  };
  return all;
}

const Kind& kind_named(const std::string& name) {
  std::string known;
  for (const Kind& kind : kinds()) {
    if (name == kind.name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  require<ValueError>(name != "input", "input stands in the first line only");
  throw ValueError(text("there is no layer ", shown(name), "; there are: ", known));
}

Flow input_flow(LayerLine& line) {
  require<ValueError>(line.kind() == "input", "the first layer must be `input HEIGHT WIDTH CHANNELS`; got ",
                      shown(line.kind()));
  const Index height = line.number(0, "a height", 1, largest_side), width = line.number(1, "a width", 1, largest_side),
              channels = line.number(2, "channels");
  line.require_all_used();
  return {Shape{1, height, width, channels}, std::make_shared<const nn::AxisField>(nn::AxisField::pixels(height)),
          std::make_shared<const nn::AxisField>(nn::AxisField::pixels(width))};
}

/// Adds a layer to the sums.
void add_layer(nn::Summary& summary, Step&& step, const Flow& in, const std::string& name) {
  nn::LayerSummary& layer = step.layer;
  layer.name = name;
  layer.input = in.shape;
  layer.output = step.after.shape;
  layer.trainable = layer.parameters;
  layer.rows = step.after.rows;
  layer.columns = step.after.columns;
  layer.boxes = {{layer.rows, layer.columns}};
  layer.has_positions = step.after.is_image();
  layer.inputs = {static_cast<int>(summary.layers.size()) - 1};
  const Index in_bytes = nn::detail::counted_product(in.shape.numel(), bytes_a_number);
  const Index out_bytes = step.makes_values ? nn::detail::counted_product(layer.output.numel(), bytes_a_number) : 0;
  layer.activation_bytes = out_bytes;
  nn::SummaryTotal& total = summary.total;
  total.parameters = nn::detail::counted_sum(total.parameters, layer.parameters);
  total.trainable = total.parameters;
  total.buffers += layer.buffers;
  total.parameter_bytes = nn::detail::counted_product(total.parameters + total.buffers, bytes_a_number);
  total.operations += layer.operations;
  total.training_activation_bytes = nn::detail::counted_sum(total.training_activation_bytes, out_bytes);
  total.inference_activation_bytes =
      std::max(total.inference_activation_bytes, nn::detail::counted_sum(in_bytes, out_bytes));
  summary.layers.push_back(std::move(layer));
}

}  // namespace

std::vector<std::string> layer_forms() {
  std::vector<std::string> out{"input HEIGHT WIDTH CHANNELS"};
  for (const Kind& kind : kinds()) out.emplace_back(kind.form);
  return out;
}

kashi::nn::Summary count_network(const std::vector<std::string>& lines, const std::string& source,
                                 const CountOptions& options) {
  nn::Summary summary;
  std::map<std::string, int> seen;
  Flow flow;
  bool begun = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    try {
      LayerLine line(lines[i]);
      if (line.empty()) continue;
      if (!begun) {
        flow = input_flow(line);
        summary.input = flow.shape;
        summary.total.training_activation_bytes = nn::detail::counted_product(flow.shape.numel(), bytes_a_number);
        begun = true;
        continue;
      }
      const Kind& kind = kind_named(line.kind());
      Step step = kind.count(line, flow, options);
      step.layer.kind = kind.name;
      const Flow after = step.after;
      add_layer(summary, std::move(step), flow, line.name().empty() ? text(kind.name, ++seen[kind.name]) : line.name());
      flow = after;
    } catch (const Error& error) {
      throw FormatError(text(source, ", line ", i + 1, ": ", error.what()));
    }
  }
  require<FormatError>(begun, source, ", line ", std::max<std::size_t>(1, lines.size()),
                       ": there is no layer; the first line must be `input HEIGHT WIDTH CHANNELS`");
  return summary;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  constexpr std::size_t most_lines = 10'000, longest_line = 10'000;
  std::istringstream stream(io::read_text_file(path));
  for (std::string line; std::getline(stream, line);) {
    if (lines.empty() && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);  // a mark that some editors write
    lines.push_back(line);
    require<FormatError>(line.size() <= longest_line, path.string(), ", line ", lines.size(), ": longer than ",
                         longest_line, " characters");
    require<FormatError>(lines.size() <= most_lines, path.string(), ", line ", lines.size(), ": more than ", most_lines,
                         " lines");
  }
  return lines;
}

std::vector<std::string> homework_network() {
  return {"input 256 256 3",
          "Layer1: conv 3 32 kernel=7 stride=1 padding=same",
          "bn1: bn 32",
          "Layer2: conv 32 64 kernel=5 stride=2 padding=valid",
          "bn2: bn 64",
          "Layer3: avgpool 2 stride=2",
          "Layer4: conv 64 128 kernel=3 stride=1 dilation=2 padding=valid",
          "bn3: bn 128",
          "Layer5: conv 128 128 kernel=3 stride=1 dilation=1 padding=valid",
          "bn4: bn 128",
          "Layer6: avgpool 2 stride=2",
          "Layer7: conv 128 256 kernel=3 stride=1 padding=valid",
          "bn5: bn 256",
          "Layer8: avgpool 2 stride=2",
          "flatten: flatten",
          "fc1: linear 43264 1024",
          "fc2: linear 1024 1024",
          "dropout: dropout 0.5",
          "fc3: linear 1024 10"};
}

}  // namespace flops
