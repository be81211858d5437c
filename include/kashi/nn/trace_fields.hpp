/// How receptive fields pass through operations, from the geometry that each announced.
///
/// The two axes of an image are followed through reshapes, permutations and reductions. An operation that is not known
/// here and changes the shape is taken to mix everything.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/kernels/pool_geometry.hpp>
#include <kashi/nn/receptive_field.hpp>
#include <kashi/nn/trace.hpp>
#include <kashi/ops/normalize.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::nn::detail {

/// Where an image's rows (or columns) are in a value, and what each sees.
struct TracedAxis {
  int axis = -1;                             ///< -1: nowhere any more; the field is that of the whole value
  std::shared_ptr<const AxisField> field{};  ///< null: no image came here
};

inline TracedAxis traced_axis(int axis, AxisField field) {
  return {axis, std::make_shared<const AxisField>(std::move(field))};
}
/// The axis is gone: everything sees what all units saw.
inline TracedAxis mixed(const TracedAxis& in) { return traced_axis(-1, in.field->reduced()); }
/// The axis stays, and every unit sees what all units saw.
inline TracedAxis mixed_in_place(const TracedAxis& in) {
  return in.axis < 0 ? in : traced_axis(in.axis, in.field->reduced().repeated(in.field->units()));
}

/// Through an operation that works element by element, with broadcasting; null if the axis is spread by it.
inline TracedAxis broadcast_axis(const TracedAxis& in, const Shape& from, const Shape& to) {
  if (in.axis < 0) return in;
  const int axis = in.axis + to.rank() - from.rank();
  if (axis < 0) return mixed(in);
  if (from[in.axis] == to[axis]) return {axis, in.field};
  if (from[in.axis] == 1) return traced_axis(axis, in.field->repeated(to[axis]));
  return mixed(in);
}

/// The axis of `to` that holds what axis `axis` of `from` held, or -1.
inline int reshaped_axis(const Shape& from, int axis, const Shape& to) {
  Index before = 1;
  for (int i = 0; i < axis; ++i) before *= from[i];
  Index product = 1;
  for (int i = 0; i < to.rank(); ++i) {
    if (product == before && to[i] == from[axis] && (to[i] > 1 || i >= axis)) return i;
    product *= to[i];
  }
  return -1;
}

inline TracedAxis reduce_axis(const TracedAxis& in, const Shape& from, const Shape& to, const Axes& axes) {
  if (in.axis < 0) return in;
  int removed_before = 0;
  bool hit = axes.empty();
  for (const Index axis : axes) {
    const int a = from.normalize_axis(axis);
    hit = hit || a == in.axis;
    removed_before += a < in.axis ? 1 : 0;
  }
  const bool keepdim = from.rank() == to.rank();
  if (hit) return keepdim ? traced_axis(in.axis, in.field->reduced()) : mixed(in);
  return {keepdim ? in.axis : in.axis - removed_before, in.field};
}

/// The window of one axis of a convolution or a pooling.
struct AxisWindow {
  Index units, kernel, stride, dilation, before;
};

inline AxisWindow conv_window(const kernels::ConvGeometry& g, int axis) {
  return axis == 1 ? AxisWindow{g.out_height, g.kernel.height, g.stride.height, g.dilation.height, g.pad_top}
                   : AxisWindow{g.out_width, g.kernel.width, g.stride.width, g.dilation.width, g.pad_left};
}
inline AxisWindow pool_window(const kernels::PoolGeometry& g, int axis) {
  return axis == 1 ? AxisWindow{g.out_height, g.kernel.height, g.stride.height, g.dilation.height, g.pad_top}
                   : AxisWindow{g.out_width, g.kernel.width, g.stride.width, g.dilation.width, g.pad_left};
}

/// Through a matrix with few entries in a row, which repeats itself where the sizes have a common divisor.
inline AxisField resize_field(const AxisField& in, const kashi::detail::SparseMatrix& matrix) {
  const Index rows = matrix.rows(), columns = matrix.columns;
  return in.gather(rows, rows, columns, [&](Index o, auto&& f) {
    const Index turn = o >= 0 ? o / rows : -((-o + rows - 1) / rows);
    const auto row = static_cast<std::size_t>(o - turn * rows);
    for (std::size_t e = matrix.begin[row]; e < matrix.begin[row + 1]; ++e)
      f(matrix.entries[e].column + turn * columns);
  });
}

/// One axis through an operation with a single input that matters.
template <class T>
TracedAxis axis_through(const TracedOperation<T>& op, const TracedAxis& in, const Shape& from, const Shape& to) {
  using Matrices = std::pair<kashi::detail::SparseMatrix, kashi::detail::SparseMatrix>;
  if (in.axis < 0 || in.field == nullptr) return in;
  const int axis = in.axis;
  const bool is_image_axis = axis == 1 || axis == 2;
  if (const auto* g = std::any_cast<kernels::ConvGeometry>(&op.detail)) {
    if (!is_image_axis) return mixed(in);
    const bool transposed = op.name == "conv_transpose2d" || op.name == "conv2d_backward_data";
    const AxisWindow w = conv_window(*g, axis);
    return traced_axis(axis, transposed
                                 ? in.field->transposed_window(to[axis], w.kernel, w.stride, w.dilation, w.before)
                                 : in.field->window(w.units, w.kernel, w.stride, w.dilation, w.before));
  }
  if (const auto* g = std::any_cast<kernels::PoolGeometry>(&op.detail)) {
    if (!is_image_axis) return mixed(in);
    const AxisWindow w = pool_window(*g, axis);
    return traced_axis(axis, in.field->window(w.units, w.kernel, w.stride, w.dilation, w.before));
  }
  if (const auto* matrices = std::any_cast<Matrices>(&op.detail)) {
    if (!is_image_axis) return mixed(in);
    return traced_axis(axis, resize_field(*in.field, axis == 1 ? matrices->first : matrices->second));
  }
  if (op.name == "adaptive_avg_pool2d" || op.name == "adaptive_max_pool2d" || op.name == "global_max_pool2d")
    return is_image_axis ? traced_axis(axis, in.field->parts(to[axis])) : mixed(in);
  if (op.name == "sum" || op.name == "mean" || op.name == "max") {
    const auto* axes = std::any_cast<Axes>(&op.detail);
    return axes ? reduce_axis(in, from, to, *axes) : mixed(in);
  }
  if (const auto* move = std::any_cast<kashi::detail::AxisMove>(&op.detail); move && op.name != "concat") {
    if (from.normalize_axis(move->axis) != axis) return in;
    return traced_axis(axis, in.field->moved(to[axis], move->offset));
  }
  if (op.name == "permute") {
    const auto* order = std::any_cast<std::vector<Index>>(&op.detail);
    for (std::size_t i = 0; order && i < order->size(); ++i)
      if (from.normalize_axis((*order)[i]) == axis) return {static_cast<int>(i), in.field};
    return mixed(in);
  }
  if (const auto* axes = std::any_cast<kashi::detail::TransposedAxes>(&op.detail)) {
    const int a = from.normalize_axis(axes->a), b = from.normalize_axis(axes->b);
    return {axis == a ? b : axis == b ? a : axis, in.field};
  }
  if (op.name == "reshape") {
    const int place = reshaped_axis(from, axis, to);
    return place < 0 ? mixed(in) : TracedAxis{place, in.field};
  }
  if (op.name == "linear") return axis == from.rank() - 1 ? mixed(in) : in;
  if (op.name == "softmax" || op.name == "log_softmax") {
    const auto* along = std::any_cast<int>(&op.detail);
    return along && *along != axis ? in : mixed_in_place(in);
  }
  if (const auto* constant = std::any_cast<bool>(&op.detail)) return *constant ? in : mixed_in_place(in);
  if (const auto* view = std::any_cast<kashi::detail::NormView>(&op.detail)) {
    Index rest = 1;
    for (int i = axis; i < from.rank(); ++i) rest *= from[i];
    return op.name == "layer_norm" && rest > view->K ? in : mixed_in_place(in);
  }
  if (op.name == "matmul") return mixed(in);
  return broadcast_axis(in, from, to);
}

/// What a junction of branches says about their alignment; empty if they fit.
inline std::string alignment_note(const AxisField& a, const AxisField& b, const char* axis) {
  if (!a.has_positions() || !b.has_positions()) return {};
  if (!a.same_jump(b)) return text(axis, ": branches with jumps ", a.jump(), " and ", b.jump(), " meet");
  const double offset = a.offset_to(b);
  return offset == 0 ? std::string()
                     : text(axis, ": the branches' centres lie ", offset < 0 ? -offset : offset, " pixels apart");
}

/// One axis where several values meet: element by element, or put behind each other along an axis.
inline TracedAxis joined_axes(const std::vector<TracedAxis>& parts, const Shape& to, int concat_axis, const char* name,
                              std::vector<std::string>& notes) {
  TracedAxis out;
  for (const TracedAxis& part : parts)
    if (part.field != nullptr && part.axis >= 0) out.axis = part.axis;
  for (const TracedAxis& part : parts) {
    if (part.field == nullptr) continue;
    const auto field = part.axis < 0 && out.axis >= 0
                           ? std::make_shared<const AxisField>(part.field->repeated(to[out.axis]))
                           : part.field;
    if (out.field == nullptr) {
      out.field = field;
      continue;
    }
    if (out.axis >= 0 && concat_axis == out.axis) {
      out.field = std::make_shared<const AxisField>(out.field->followed_by(*field));
      continue;
    }
    const std::string note = alignment_note(*out.field, *field, name);
    if (!note.empty()) notes.push_back(note);
    out.field = std::make_shared<const AxisField>(out.field->joined(*field));
  }
  return out;
}

}  // namespace kashi::inline v0::nn::detail
