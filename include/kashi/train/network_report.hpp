/// A network's summary as JSON, CSV, Markdown, and as rows for the table of a report's page. The picture is in
/// train/network_picture.hpp.
#pragma once

#include <nlohmann/json.hpp>

#include <kashi/nn/summary_text.hpp>

namespace kashi::inline v0::train {

namespace detail {

/// A number without a fraction as an integer.
template <class Json>
Json json_number(double value) {
  const auto whole = static_cast<Index>(value);
  return static_cast<double>(whole) == value ? Json(whole) : Json(value);
}

/// One number where rows and columns agree, else [rows, columns]; null where there are no places.
template <class Json, class F>
Json json_by_axis(const nn::LayerSummary& layer, F&& f) {
  if (!layer.has_positions) return nullptr;
  const Json rows = json_number<Json>(static_cast<double>(f(*layer.rows))),
             columns = json_number<Json>(static_cast<double>(f(*layer.columns)));
  return rows == columns ? rows : Json::array({rows, columns});
}

template <class Json>
Json json_interval(const nn::Interval& interval) {
  return interval.empty() ? Json(nullptr) : Json::array({interval.first, interval.last});
}

/// A shape without its batch axis: [h, w, c] or [features].
template <class Json>
Json json_example_shape(const Shape& shape) {
  Json out = Json::array();
  for (int axis = shape.rank() > 1 ? 1 : 0; axis < shape.rank(); ++axis) out.push_back(shape[axis]);
  return out;
}

template <class Json>
void put_operations(Json& out, const nn::OperationCount& count) {
  out["multiplications"] = count.multiplications;
  out["additions"] = count.additions;
  out["macs"] = count.macs;
  out["divisions"] = count.divisions;
  out["macs_without_padding"] = count.macs_inside;
}

}  // namespace detail

/// A layer: name, layer, output, parameters, trainable, buffers, multiplications, additions, macs, divisions, and its
/// receptive field: receptive_field, jump, start, centre (of unit 0), inside (the largest part inside the image),
/// covered (the pixels [first, last] of rows and columns that any unit sees). Numbers are [rows, columns] where the two
/// differ, and null where units have no place in the image.
template <class Json = nlohmann::ordered_json>
Json to_json(const nn::LayerSummary& layer) {
  Json out;
  out["name"] = layer.name;
  out["layer"] = layer.description;
  out["output"] = detail::json_example_shape<Json>(layer.output);
  out["parameters"] = layer.parameters;
  out["trainable"] = layer.trainable;
  out["buffers"] = layer.buffers;
  detail::put_operations(out, layer.operations);
  out["receptive_field"] = detail::json_by_axis<Json>(layer, [](const nn::AxisField& f) { return f.size(); });
  out["jump"] = detail::json_by_axis<Json>(layer, [](const nn::AxisField& f) { return f.jump(); });
  out["start"] = detail::json_by_axis<Json>(layer, [](const nn::AxisField& f) { return f.start(); });
  out["centre"] = detail::json_by_axis<Json>(layer, [](const nn::AxisField& f) { return f.centre(); });
  out["inside"] = detail::json_by_axis<Json>(layer, [](const nn::AxisField& f) { return f.size_inside(); });
  if (layer.rows != nullptr && layer.columns != nullptr)
    out["covered"] = {{"rows", detail::json_interval<Json>(layer.rows->covered())},
                      {"columns", detail::json_interval<Json>(layer.columns->covered())}};
  out["activation_bytes"] = layer.activation_bytes;
  out["shared"] = layer.shared;
  out["inputs"] = layer.inputs;
  if (!layer.notes.empty()) out["notes"] = layer.notes;
  return out;
}

/// The sums: parameters, trainable, buffers, operations, bytes.
template <class Json = nlohmann::ordered_json>
Json to_json(const nn::SummaryTotal& total) {
  Json out;
  out["parameters"] = total.parameters;
  out["trainable"] = total.trainable;
  out["buffers"] = total.buffers;
  detail::put_operations(out, total.operations);
  out["parameter_bytes"] = total.parameter_bytes;
  out["inference_activation_bytes"] = total.inference_activation_bytes;
  out["training_activation_bytes"] = total.training_activation_bytes;
  return out;
}

/// {"input": ..., "layers": [...], "total": {...}}.
template <class Json = nlohmann::ordered_json>
Json to_json(const nn::Summary& summary) {
  Json out;
  out["input"] = detail::json_example_shape<Json>(summary.input);
  out["layers"] = Json::array();
  for (const nn::LayerSummary& layer : summary.layers) out["layers"].push_back(to_json<Json>(layer));
  out["total"] = to_json<Json>(summary.total);
  return out;
}

/// The columns of network_table, CSV and Markdown.
inline const std::vector<std::string>& network_columns() {
  static const std::vector<std::string> columns{
      "name",      "layer", "output",          "parameters", "buffers", "multiplications", "additions",
      "divisions", "macs",  "receptive field", "jump",       "start",   "centre",          "inside"};
  return columns;
}

/// A row a layer and one for the total, of text.
template <class = void>
inline std::vector<std::vector<std::string>> network_table(const nn::Summary& summary) {
  const auto field = [](const nn::LayerSummary& layer, auto&& f) {
    return layer.has_positions ? nn::detail::by_axis(layer, f) : std::string("-");
  };
  const auto numbers = [](std::vector<std::string>& row, Index parameters, Index buffers,
                          const nn::OperationCount& ops) {
    for (const Index n : {parameters, buffers, ops.multiplications, ops.additions, ops.divisions, ops.macs})
      row.push_back(nn::grouped_digits(n));
  };
  std::vector<std::vector<std::string>> rows;
  for (const nn::LayerSummary& layer : summary.layers) {
    std::string output;
    for (int axis = layer.output.rank() > 1 ? 1 : 0; axis < layer.output.rank(); ++axis)
      output += (output.empty() ? "" : " x ") + std::to_string(layer.output[axis]);
    std::vector<std::string> row{layer.name, layer.description, output};
    numbers(row, layer.parameters, layer.buffers, layer.operations);
    row.push_back(field(layer, [](const nn::AxisField& f) { return std::to_string(f.size()); }));
    row.push_back(field(layer, [](const nn::AxisField& f) { return nn::detail::short_number(f.jump()); }));
    row.push_back(field(layer, [](const nn::AxisField& f) { return std::to_string(f.start()); }));
    row.push_back(field(layer, [](const nn::AxisField& f) { return nn::detail::short_number(f.centre()); }));
    row.push_back(field(layer, [](const nn::AxisField& f) { return std::to_string(f.size_inside()); }));
    rows.push_back(std::move(row));
  }
  std::vector<std::string> sum{"total", "", ""};
  numbers(sum, summary.total.parameters, summary.total.buffers, summary.total.operations);
  sum.resize(network_columns().size());
  rows.push_back(std::move(sum));
  return rows;
}

/// Comma-separated, a line a layer; numbers without separators.
template <class = void>
inline std::string to_csv(const nn::Summary& summary) {
  std::string out;
  const auto line = [&out](const std::vector<std::string>& cells, bool is_header) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string cell = cells[i];
      if (!is_header && i >= 3) std::erase(cell, ',');
      if (cell == "-") cell.clear();
      const bool quoted = cell.find_first_of(",\"\n") != std::string::npos;
      for (std::size_t k = 0; quoted && (k = cell.find('"', k)) != std::string::npos; k += 2) cell.insert(k, 1, '"');
      out += (i == 0 ? "" : ",") + (quoted ? "\"" + cell + "\"" : cell);
    }
    out += "\n";
  };
  line(network_columns(), true);
  for (const auto& row : network_table(summary)) line(row, false);
  return out;
}

/// A Markdown table.
template <class = void>
inline std::string to_markdown(const nn::Summary& summary) {
  std::string out = "|", rule = "|";
  for (std::size_t i = 0; i < network_columns().size(); ++i) {
    out += " " + network_columns()[i] + " |";
    rule += i < 3 ? " --- |" : " ---: |";
  }
  out += "\n" + rule + "\n";
  for (const auto& row : network_table(summary)) {
    out += "|";
    for (std::string cell : row) {
      for (std::size_t k = 0; (k = cell.find('|', k)) != std::string::npos; k += 2) cell.insert(k, 1, '\\');
      out += " " + cell + " |";
    }
    out += "\n";
  }
  return out;
}

}  // namespace kashi::inline v0::train
