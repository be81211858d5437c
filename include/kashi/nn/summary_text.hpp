/// Summary: a network's layers in numbers, and as a table that a person reads.
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <kashi/core/shape.hpp>
#include <kashi/nn/operation_count.hpp>
#include <kashi/nn/receptive_field.hpp>

namespace kashi::inline v0::nn {

/// One layer, or one function that a module calls between its layers.
struct LayerSummary {
  std::string name = {};         ///< dotted, as in a state dict
  std::string kind = {};         ///< "Conv2d", "add"
  std::string description = {};  ///< with its options
  Shape input = {};
  Shape output = {};
  Index parameters = 0;  ///< learnt numbers; those of a shared layer count where it comes first
  Index trainable = 0;   ///< of these, the ones that are not frozen
  Index buffers = 0;     ///< numbers that are kept but not learnt
  bool shared = false;   ///< some of its parameters were counted before
  OperationCount operations = {};
  Index activation_bytes = 0;  ///< of what it makes; views are free
  bool has_positions = false;  ///< its units have places in the image; false after a flatten or a global mean
  std::shared_ptr<const AxisField> rows = {};  ///< what units of each row see; null where no image came in
  std::shared_ptr<const AxisField> columns = {};
  /// What units see is the union of these pairs of rows and columns. There is one pair but after branches that see
  /// nothing at different places, such as maps put below each other, where it depends on row and column together.
  std::vector<std::array<std::shared_ptr<const AxisField>, 2>> boxes = {};
  std::vector<int> inputs = {};         ///< layers that it reads; -1: the network's input
  std::vector<std::string> notes = {};  ///< such as branches that are not aligned

  /// The rows and columns of the image that the unit of `row` and `column` sees: the smallest box around its pixels, as
  /// its gradient has it. Both are empty if it sees none. Needs has_positions.
  std::array<Interval, 2> sees(Index row, Index column) const {
    std::array<Interval, 2> out;
    for (const auto& box : boxes) {
      const Interval seen_rows = box[0]->inside(row), seen_columns = box[1]->inside(column);
      if (seen_rows.empty() || seen_columns.empty()) continue;
      out = {out[0].joined(seen_rows), out[1].joined(seen_columns)};
    }
    return out;
  }
};

/// The whole network.
struct SummaryTotal {
  Index parameters = 0;
  Index trainable = 0;
  Index buffers = 0;
  Index parameter_bytes = 0;  ///< of parameters and buffers
  OperationCount operations = {};
  Index inference_activation_bytes = 0;  ///< most that is alive at once, each value being freed after its last reader
  Index training_activation_bytes = 0;   ///< every value is kept for the backward pass
};

/// Which columns a table shows.
struct SummaryTextOptions {
  bool operations = true;
  bool fields = true;
};

/// The layers in the order in which they run, and their sum.
struct Summary {
  Shape input = {};
  std::vector<LayerSummary> layers = {};
  SummaryTotal total = {};

  /// A table with a line a layer, totals, and notes.
  std::string to_string(const SummaryTextOptions& options = {}) const;
};

/// 1234567 as "1,234,567".
inline std::string grouped_digits(Index number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

namespace detail {

/// "7" or, where rows and columns differ, "7x5".
template <class F>
std::string by_axis(const LayerSummary& layer, F&& f) {
  if (layer.rows == nullptr || layer.columns == nullptr) return "-";
  const std::string rows = f(*layer.rows), columns = f(*layer.columns);
  return rows == columns ? rows : rows + "x" + columns;
}

/// A number without needless zeros: "2", "0.5".
inline std::string short_number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

inline std::string interval_text(const Interval& interval) {
  return interval.empty() ? "none" : text(interval.first, "..", interval.last);
}

/// Lines up columns: the first `left` to the left, the others to the right.
template <class = void>
inline std::string align_columns(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line += (i == 0 ? "" : "  ") + (i < left ? row[i] + space : space + row[i]);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

template <class = void>
inline std::vector<std::string> summary_row(const LayerSummary& layer, const SummaryTextOptions& options) {
  const OperationCount& ops = layer.operations;
  std::vector<std::string> row{layer.name.empty() ? layer.kind : layer.name, layer.description,
                               layer.output.to_string(), grouped_digits(layer.parameters) + (layer.shared ? "*" : "")};
  if (options.operations) {
    for (const Index count : {ops.macs, ops.multiplications, ops.additions, ops.divisions})
      row.push_back(grouped_digits(count));
  }
  if (options.fields) {
    row.push_back(by_axis(layer, [](const AxisField& f) { return std::to_string(f.size()); }));
    row.push_back(layer.has_positions ? by_axis(layer, [](const AxisField& f) { return short_number(f.jump()); })
                                      : "-");
    row.push_back(layer.has_positions ? by_axis(layer, [](const AxisField& f) { return std::to_string(f.start()); })
                                      : "-");
    row.push_back(layer.has_positions ? by_axis(layer, [](const AxisField& f) { return short_number(f.centre()); })
                                      : "-");
    row.push_back(by_axis(layer, [](const AxisField& f) { return std::to_string(f.size_inside()); }));
  }
  return row;
}

}  // namespace detail

inline std::string Summary::to_string(const SummaryTextOptions& options) const {
  std::vector<std::string> header{"name", "layer", "output", "parameters"};
  if (options.operations) header.insert(header.end(), {"macs", "multiplications", "additions", "divisions"});
  if (options.fields) header.insert(header.end(), {"field", "jump", "start", "centre", "inside"});
  std::vector<std::vector<std::string>> rows{header};
  for (const LayerSummary& layer : layers) rows.push_back(detail::summary_row(layer, options));
  std::vector<std::string> sum{"total", "", "", grouped_digits(total.parameters)};
  const OperationCount& ops = total.operations;
  if (options.operations)
    for (const Index count : {ops.macs, ops.multiplications, ops.additions, ops.divisions})
      sum.push_back(grouped_digits(count));
  rows.push_back(sum);
  std::string out = text("input ", input, "\n") + detail::align_columns(rows, 3);
  out += text(grouped_digits(total.trainable), " of ", grouped_digits(total.parameters), " parameters are trainable; ",
              grouped_digits(total.buffers), " numbers in buffers\n");
  if (options.operations && ops.macs_inside != ops.macs)
    out += text(grouped_digits(ops.macs_inside), " of ", grouped_digits(ops.macs), " macs are not on padding\n");
  out += text("activations: ", grouped_digits(total.inference_activation_bytes), " bytes at once in inference, ",
              grouped_digits(total.training_activation_bytes), " bytes kept in training\n");
  for (const LayerSummary& layer : layers)
    for (const std::string& note : layer.notes) out += layer.name + ": " + note + "\n";
  return out;
}

}  // namespace kashi::inline v0::nn
