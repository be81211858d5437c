/// A picture of a network: boxes with sizes and arrows, drawn by Graphviz' `dot` where it is installed, else the plain
/// stack of its layers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kashi/io/atomic_file.hpp>
#include <kashi/io/image.hpp>
#include <kashi/nn/summary_text.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

extern char** environ;

namespace kashi::inline v0::train {

namespace detail {

/// The colour of a kind of layer: what multiplies, what normalises, what shrinks or enlarges, where branches meet, the
/// rest.
template <class = void>
inline plot::Color layer_color(const nn::LayerSummary& layer) {
  const std::string& kind = layer.kind;
  if (layer.operations.macs > 0) return plot::Color{214, 228, 247};
  if (kind.find("Norm") != std::string::npos || kind == "bn") return plot::Color{253, 236, 200};
  if (kind.find("ool") != std::string::npos || kind == "Upsample") return plot::Color{214, 240, 220};
  if (layer.inputs.size() > 1) return plot::Color{245, 218, 229};
  return plot::Color{240, 240, 240};
}

inline std::string sizes_of(const Shape& shape) {
  std::string out;
  for (int axis = shape.rank() > 1 ? 1 : 0; axis < shape.rank(); ++axis)
    out += (out.empty() ? "" : " x ") + std::to_string(shape[axis]);
  return out;
}

template <class = void>
inline std::string dot_text(const std::string& plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

inline std::string layer_costs(const nn::LayerSummary& layer) {
  std::string out;
  if (layer.parameters > 0) out += nn::grouped_digits(layer.parameters) + " parameters";
  if (layer.operations.macs > 0) out += (out.empty() ? "" : ", ") + nn::grouped_digits(layer.operations.macs) + " MACs";
  return out;
}

/// Runs `dot -Tpng -o OUT IN`; false if it is not there or fails.
template <class = void>
inline bool run_dot(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::vector<std::string> words{"dot", "-Tpng", "-o", out.string(), in.string()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t silent;
  posix_spawn_file_actions_init(&silent);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&silent, stream, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, "dot", &silent, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&silent);
  if (failure != 0) return false;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace detail

/// The network as a graph in Graphviz' language.
template <class = void>
inline std::string network_dot(const nn::Summary& summary) {
  std::string out =
      "digraph network {\n  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=11];\n  edge "
      "[fontname=\"Helvetica\", fontsize=10];\n";
  out += "  n0 [label=\"input\", fillcolor=white];\n";
  for (std::size_t i = 0; i < summary.layers.size(); ++i) {
    const nn::LayerSummary& layer = summary.layers[i];
    const plot::Color color = detail::layer_color(layer);
    char fill[8];
    std::snprintf(fill, sizeof fill, "#%02x%02x%02x", color.red, color.green, color.blue);
    const std::string costs = detail::layer_costs(layer);
    const std::string label = (layer.name.empty() ? "" : layer.name + ": ") + layer.description;
    out += text("  n", i + 1, " [label=\"", detail::dot_text(label), costs.empty() ? "" : "\\n" + costs,
                "\", fillcolor=\"", fill, "\"];\n");
    for (const int from : layer.inputs) {
      const Shape& carried = from < 0 ? summary.input : summary.layers[static_cast<std::size_t>(from)].output;
      out += text("  n", from + 1, " -> n", i + 1, " [label=\" ", detail::sizes_of(carried), "\"];\n");
    }
  }
  return out + "}\n";
}

/// The layers from top to bottom, a box each, with arrows past the boxes where a layer reads from further up.
template <class = void>
inline plot::Image network_stack(const nn::Summary& summary) {
  constexpr double box_height = 40, step = 58, left = 20, width = 470, lane = 14;
  // A canvas ends at 32,768 pixels.
  const std::size_t shown = std::min<std::size_t>(summary.layers.size(), 500);
  const double right = left + width;
  const auto top_of = [&](std::size_t row) { return 12 + static_cast<double>(row) * step; };
  plot::Canvas canvas(static_cast<Index>(right + 300),
                      static_cast<Index>(top_of(shown + 1) + (shown < summary.layers.size() ? 30 : 0)));
  const plot::Color ink = plot::colors::ink, line{120, 120, 120};
  const auto box = [&](std::size_t row, const std::string& title, const std::string& costs, plot::Color fill) {
    const plot::Rectangle area{left, top_of(row), width, box_height};
    canvas.fill_rectangle(area, fill);
    canvas.draw_rectangle(area, line);
    const double middle = area.y + (costs.empty() ? box_height / 2 : box_height / 2 - 8);
    plot::draw_text(canvas, plot::fit_text(title, width - 20, 13), {left + 10, middle},
                    {.size = 13, .color = ink, .vertical = plot::Align::middle});
    if (!costs.empty())
      plot::draw_text(canvas, plot::fit_text(costs, width - 20, 11), {left + 10, middle + 17},
                      {.size = 11, .color = line, .vertical = plot::Align::middle});
  };
  const auto head = [&](double x, double y, bool from_right) {
    const std::vector<plot::Path> strokes{from_right ? plot::Path{{x + 6, y - 4}, {x, y}, {x + 6, y + 4}}
                                                     : plot::Path{{x - 4, y - 6}, {x, y}, {x + 4, y - 6}}};
    canvas.stroke(strokes, 1.5, line);
  };
  box(0, "input", "", plot::colors::white);
  int skips = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    const nn::LayerSummary& layer = summary.layers[i];
    box(i + 1, (layer.name.empty() ? "" : layer.name + ": ") + layer.description, detail::layer_costs(layer),
        detail::layer_color(layer));
    for (const int from : layer.inputs) {
      const Shape& carried = from < 0 ? summary.input : summary.layers[static_cast<std::size_t>(from)].output;
      const double start = top_of(static_cast<std::size_t>(from + 1)) + box_height;
      if (from + 1 == static_cast<int>(i)) {
        const double x = left + 60, end = top_of(i + 1);
        canvas.line({x, start}, {x, end}, line, 1.5);
        head(x, end, false);
        plot::draw_text(canvas, detail::sizes_of(carried), {x + 8, (start + end) / 2},
                        {.size = 11, .color = line, .vertical = plot::Align::middle});
        continue;
      }
      const double x = right + 10 + lane * static_cast<double>(skips++ % 6), down = top_of(i + 1) + box_height / 2,
                   up = start - box_height / 2;
      canvas.stroke(std::vector<plot::Path>{{{right, up}, {x, up}, {x, down}, {right, down}}}, 1.5, line);
      head(right, down, true);
      plot::draw_text(canvas, detail::sizes_of(carried), {right + 16 + lane * 6, down},
                      {.size = 11, .color = line, .vertical = plot::Align::middle});
    }
  }
  if (shown < summary.layers.size())
    plot::draw_text(canvas, text("... and ", summary.layers.size() - shown, " more layers"), {left, top_of(shown + 1)},
                    {.size = 13, .color = ink});
  return canvas.image();
}

/// The picture as `dot` draws it, or the stack of layers where `dot` is not installed or the graph is too large for it.
/// `folder` takes the graph as network.dot, which is kept. Throws IoError.
template <class = void>
inline plot::Image network_picture(const nn::Summary& summary, const std::filesystem::path& folder) {
  const auto source = folder / "network.dot", drawn = folder / "network.dot.png";
  io::write_atomically(source, network_dot(summary), "cannot write graph");
  constexpr std::size_t most_boxes = 400;
  if (summary.layers.size() > most_boxes || !detail::run_dot(source, drawn)) return network_stack(summary);
  plot::Image picture = io::load_image(drawn, {.channels = 3});
  std::error_code ignored;
  std::filesystem::remove(drawn, ignored);
  return picture;
}

}  // namespace kashi::inline v0::train
