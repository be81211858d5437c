/// What a network consists of and costs, layer by layer: shapes, parameters, operations, memory, receptive fields.
///
///     nn::Summary summary = nn::summary(net, {1, 224, 224, 3});
///     std::puts(summary.to_string().c_str());
///
/// The network runs once on zeros (trace.hpp), so branches, skips and functions are seen as they are computed. Counts
/// are those of inference for the whole batch, with the conventions of operation_count.hpp. JSON, CSV, Markdown and a
/// picture are in train/network_report.hpp.
#pragma once

#include <optional>
#include <set>

#include <kashi/nn/summary_text.hpp>
#include <kashi/nn/trace_count.hpp>

namespace kashi::inline v0::nn {

namespace detail {

/// Makes the rows of a Summary from a Trace.
template <class T>
class Summarizer {
 public:
  Summarizer(Module<T>& module, const Trace<T>& traced) : trace_(traced) {
    for (const auto& [name, value] : module.named_parameters()) parameters_.emplace(value.value().data(), value);
    summary_.input = traced.shapes.front();
    fields_.resize(traced.shapes.size());
    row_of_.assign(traced.shapes.size(), -1);
    row_of_call_.assign(traced.calls.size(), -1);
    if (summary_.input.rank() == 4)
      fields_[0] = {
          {traced_axis(1, AxisField::pixels(summary_.input[1])), traced_axis(2, AxisField::pixels(summary_.input[2]))}};
    for (const auto& [is_call, i] : traced.steps) {
      const auto index = static_cast<std::size_t>(i);
      is_call ? add_call(i, traced.calls[index]) : add_operation(traced.operations[index]);
    }
    total(module);
    count_memory();
  }

  Summary take() { return std::move(summary_); }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  bool in_leaf(int call) const { return call >= 0 && trace_.calls[at(call)].is_leaf; }

  LayerSummary& row_of_call(int call) {
    int& row = row_of_call_[at(call)];
    if (row < 0) {
      row = static_cast<int>(summary_.layers.size());
      const TracedCall<T>& c = trace_.calls[at(call)];
      LayerSummary layer{.name = c.name,
                         .kind = c.module ? c.module->kind() : "Module",
                         .description = c.module ? c.module->to_string() : "",
                         .input = c.input_shape};
      if (c.module != nullptr) own_state(*c.module, layer);
      summary_.layers.push_back(std::move(layer));
    }
    return summary_.layers[at(row)];
  }

  /// Parameters and buffers of a layer, each counted where it is first met.
  void own_state(Module<T>& module, LayerSummary& layer) {
    bool again = false;
    const auto count = [&](const void* numbers, Index size, Index& counter) {
      const bool is_new = seen_.insert(numbers).second;
      again = again || !is_new;
      if (is_new) counter += size;
      return is_new;
    };
    for (const auto& [name, value] : module.named_parameters())
      if (count(value.value().data(), value.numel(), layer.parameters) && value.requires_grad())
        layer.trainable += value.numel();
    for (const auto& [name, value] : module.named_buffers()) count(value.data(), value.numel(), layer.buffers);
    layer.shared = again;
  }

  void add_call(int i, const TracedCall<T>& call) {
    if (!call.is_leaf) return;
    LayerSummary& layer = row_of_call(i);
    layer.output = call.output_shape;
    if (call.output < 0) return;
    set_fields(layer, fields_[at(call.output)]);
    if (layer.inputs.empty()) add_source(layer, row_of_call_[at(i)], call.input);
    row_of_[at(call.output)] = row_of_call_[at(i)];
  }

  void add_source(LayerSummary& layer, int row, int value) {
    if (value < 0) return;
    const int source = row_of_[at(value)];
    if (source == row || std::find(layer.inputs.begin(), layer.inputs.end(), source) != layer.inputs.end()) return;
    layer.inputs.push_back(source);
  }

  LayerSummary& function_row(const TracedOperation<T>& op) {
    const std::string owner = op.call >= 0 ? trace_.calls[at(op.call)].name : std::string();
    LayerSummary layer{
        .name = dotted(owner, op.name), .kind = op.name, .description = op.name, .input = op.input_shapes[0]};
    for (const Variable<T>& constant : op.constants) {
      const auto found = constant.defined() ? parameters_.find(constant.value().data()) : parameters_.end();
      if (found == parameters_.end()) continue;
      if (!seen_.insert(found->first).second) {
        layer.shared = true;
        continue;
      }
      layer.parameters += found->second.numel();
      if (found->second.requires_grad()) layer.trainable += found->second.numel();
    }
    summary_.layers.push_back(std::move(layer));
    return summary_.layers.back();
  }

  void add_operation(const TracedOperation<T>& op) {
    const bool is_own_row = !in_leaf(op.call);
    LayerSummary& layer = is_own_row ? function_row(op) : row_of_call(op.call);
    const int row = is_own_row ? static_cast<int>(summary_.layers.size()) - 1 : row_of_call_[at(op.call)];
    const Shape& to = trace_.shapes[at(op.output)];
    layer.operations += count_operation(op, to);
    if (op.name != "reshape") layer.activation_bytes += to.numel() * static_cast<Index>(sizeof(T));
    for (const int value : op.inputs) add_source(layer, row, value);
    row_of_[at(op.output)] = row;
    fields_[at(op.output)] = fields_through(op, to, layer.notes);
    if (!is_own_row) return;
    layer.output = to;
    set_fields(layer, fields_[at(op.output)]);
  }

  TracedBoxes fields_through(const TracedOperation<T>& op, const Shape& to, std::vector<std::string>& notes) const {
    const auto* move = std::any_cast<kashi::detail::AxisMove>(&op.detail);
    const int concat_axis = move && op.name == "concat" ? to.normalize_axis(move->axis) : -1;
    std::vector<TracedPart> parts;
    Index offset = 0;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      TracedPart part{.offset = offset};
      if (concat_axis >= 0) part.size = op.input_shapes[i][concat_axis];
      offset += part.size;
      if (op.inputs[i] >= 0)
        for (const TracedBox& box : fields_[at(op.inputs[i])])
          add_box(part.boxes, concat_axis >= 0 ? box
                                               : TracedBox{axis_through(op, box[0], op.input_shapes[i], to),
                                                           axis_through(op, box[1], op.input_shapes[i], to)});
      parts.push_back(std::move(part));
    }
    return joined_parts(std::move(parts), to, concat_axis, notes);
  }

  static void set_fields(LayerSummary& layer, const TracedBoxes& boxes) {
    const TracedBox whole = around(boxes);
    layer.rows = whole[0].field;
    layer.columns = whole[1].field;
    layer.has_positions = whole[0].axis >= 0 && whole[1].axis >= 0;
    layer.boxes.clear();
    for (const TracedBox& box : boxes) layer.boxes.push_back({box[0].field, box[1].field});
  }

  void total(Module<T>& module) {
    SummaryTotal& all = summary_.total;
    std::set<const void*> seen;
    for (const auto& [name, value] : module.named_parameters()) {
      if (!seen.insert(value.value().data()).second) continue;
      all.parameters += value.numel();
      if (value.requires_grad()) all.trainable += value.numel();
    }
    for (const auto& [name, value] : module.named_buffers())
      if (seen.insert(value.data()).second) all.buffers += value.numel();
    all.parameter_bytes = (all.parameters + all.buffers) * static_cast<Index>(sizeof(T));
    for (const LayerSummary& layer : summary_.layers) all.operations += layer.operations;
  }

  /// In training every value is kept for the backward pass; in inference a value goes when its last reader is done.
  void count_memory() {
    const std::size_t values = trace_.shapes.size();
    std::vector<int> root(values), last_use(values, -1), born(values, -1);
    for (std::size_t v = 0; v < values; ++v) root[v] = static_cast<int>(v);
    const int steps = static_cast<int>(trace_.operations.size());
    for (int i = 0; i < steps; ++i) {
      const TracedOperation<T>& op = trace_.operations[at(i)];
      if (op.name == "reshape") root[at(op.output)] = root[at(op.inputs[0])];
      born[at(op.output)] = i;
      for (const int value : op.inputs)
        if (value >= 0) last_use[at(root[at(value)])] = i;
    }
    if (trace_.output >= 0) last_use[at(root[at(trace_.output)])] = steps;
    std::vector<Index> change(at(steps) + 3, 0);
    for (std::size_t v = 0; v < values; ++v) {
      if (root[v] != static_cast<int>(v)) continue;
      const Index bytes = trace_.shapes[v].numel() * static_cast<Index>(sizeof(T));
      summary_.total.training_activation_bytes += bytes;
      change[at(born[v] + 1)] += bytes;
      change[at(std::max(last_use[v], born[v]) + 2)] -= bytes;
    }
    Index live = 0;
    for (const Index c : change) {
      live += c;
      summary_.total.inference_activation_bytes = std::max(summary_.total.inference_activation_bytes, live);
    }
  }

  const Trace<T>& trace_;
  Summary summary_;
  std::unordered_map<const T*, Variable<T>> parameters_;
  std::set<const void*> seen_;
  std::vector<TracedBoxes> fields_;  // of the values
  std::vector<int> row_of_;          // the row that made a value; -1: the input
  std::vector<int> row_of_call_;
};

}  // namespace detail

/// Counts a module on an input of shape `input`, [N,H,W,C] or [N,F]. Its modes, parameters and buffers are left as they
/// were. Throws ShapeError where the module does not take such an input.
template <class T>
Summary summary(Module<T>& module, const Shape& input) {
  const Trace<T> traced = trace(module, input);
  return detail::Summarizer<T>(module, traced).take();
}

}  // namespace kashi::inline v0::nn
