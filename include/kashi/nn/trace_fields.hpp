/// How receptive fields pass through operations, from the geometry that each announced.
///
/// The two axes of an image are followed through reshapes, permutations and reductions. An operation that is not known
/// here and changes the shape is taken to mix everything.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/kernels/pool_geometry.hpp>
#include <kashi/nn/receptive_field.hpp>
#include <kashi/nn/trace.hpp>
#include <kashi/ops/normalize.hpp>
#include <kashi/ops/reflect_pad.hpp>
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
  if (const auto* border = std::any_cast<kashi::detail::MirroredBorder>(&op.detail)) {
    if (!is_image_axis) return mixed(in);
    const AxisField mirrored = resize_field(*in.field, axis == 1 ? border->rows : border->columns);
    return traced_axis(axis,
                       in.field->moved(to[axis], axis == 1 ? -border->top : -border->left).with_inside_of(mirrored));
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

/// What a value's units see: the union of boxes, each of which has a field for the rows and one for the columns. One
/// box is enough until branches see nothing at different places, as after a concatenation along the rows, where a unit
/// of the upper part has the columns of the upper branch alone.
using TracedBox = std::array<TracedAxis, 2>;
using TracedBoxes = std::vector<TracedBox>;

/// More boxes than these become one, which then may be larger than what is seen.
inline constexpr std::size_t most_boxes = 32;

inline bool sees_nothing(const TracedBox& box) {
  return box[0].field == nullptr || box[1].field == nullptr || box[0].field->covered().empty() ||
         box[1].field->covered().empty();
}

/// Units that see nothing are the same in both, so that one box around both says of every unit, and of every window
/// over units, what the two say.
inline bool same_gaps(const TracedAxis& a, const TracedAxis& b) {
  if (a.axis != b.axis || a.field->units() != b.field->units()) return false;
  for (Index i = 0; i < a.field->units(); ++i)
    if (a.field->inside(i).empty() != b.field->inside(i).empty()) return false;
  return true;
}

inline void join_into(TracedBox& box, const TracedBox& other) {
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}})
    box[side] = traced_axis(box[side].axis, box[side].field->joined(*other[side].field));
}

/// Adds a box to others with the same axes, as one of their own or as part of one.
inline void add_box(TracedBoxes& boxes, TracedBox box) {
  if (!boxes.empty() && sees_nothing(box)) return;
  if (boxes.size() == 1 && sees_nothing(boxes[0])) boxes.clear();
  for (TracedBox& known : boxes) {
    const bool fits = same_gaps(known[0], box[0]) && same_gaps(known[1], box[1]);
    if (!fits && boxes.size() < most_boxes) continue;
    return join_into(known, box);
  }
  boxes.push_back(std::move(box));
}

/// One field around all boxes, by axis; null if there are none.
inline TracedBox around(const TracedBoxes& boxes) {
  if (boxes.empty()) return {};
  TracedBox out = boxes[0];
  for (std::size_t i = 1; i < boxes.size(); ++i) join_into(out, boxes[i]);
  return out;
}

/// What a junction of branches says about their alignment; empty if they fit.
inline std::string alignment_note(const AxisField& a, const AxisField& b, const char* axis) {
  if (!a.has_positions() || !b.has_positions()) return {};
  if (!a.same_jump(b)) return text(axis, ": branches with jumps ", a.jump(), " and ", b.jump(), " meet");
  const double offset = a.offset_to(b);
  return offset == 0 ? std::string()
                     : text(axis, ": the branches' centres lie ", offset < 0 ? -offset : offset, " pixels apart");
}

/// What each input of an operation lets through, and where it comes to lie if it is put behind others along an axis.
struct TracedPart {
  TracedBoxes boxes = {};
  Index offset = 0;
  Index size = 0;  ///< along the axis of a concatenation
};

/// Where several values meet: element by element, or put behind each other along `concat_axis`.
inline TracedBoxes joined_parts(std::vector<TracedPart> parts, const Shape& to, int concat_axis,
                                std::vector<std::string>& notes) {
  std::array<int, 2> axes{-1, -1};
  for (const TracedPart& part : parts)
    for (const TracedBox& box : part.boxes)
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) axes[side] = std::max(axes[side], box[side].axis);
  TracedBoxes out;
  TracedBox before;
  for (TracedPart& part : parts) {
    for (TracedBox& box : part.boxes)
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
        const int axis = axes[side];
        if (axis < 0) continue;
        if (box[side].axis < 0)
          box[side] = traced_axis(axis, box[side].field->repeated(axis == concat_axis ? part.size : to[axis]));
        if (axis == concat_axis) box[side] = traced_axis(axis, box[side].field->placed(to[axis], part.offset));
      }
    if (part.boxes.empty()) continue;
    const TracedBox whole = around(part.boxes);
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      if (before[side].field == nullptr || axes[side] == concat_axis) continue;
      const std::string note = alignment_note(*before[side].field, *whole[side].field, side == 0 ? "rows" : "columns");
      if (!note.empty()) notes.push_back(note);
    }
    for (TracedBox& box : part.boxes) add_box(out, std::move(box));
    before = around(out);
  }
  return out;
}

}  // namespace kashi::inline v0::nn::detail
