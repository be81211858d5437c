/// The operations that a traced step takes, by the conventions of operation_count.hpp.
#pragma once

#include <string_view>

#include <kashi/nn/operation_count.hpp>
#include <kashi/nn/trace.hpp>
#include <kashi/nn/trace_fields.hpp>

namespace kashi::inline v0::nn::detail {

/// Conventions of functions: how many of each an element takes. exp, tanh and erf themselves are not counted.
struct ElementCost {
  std::string_view name;
  Index multiplications, additions, divisions;
};

inline constexpr ElementCost element_costs[] = {
    {"add", 0, 1, 0},        {"sub", 0, 1, 0},  {"mul", 1, 0, 0},          {"div", 0, 0, 1},
    {"sigmoid", 0, 1, 1},    {"silu", 1, 1, 1}, {"hard_swish", 2, 1, 0},   {"gelu", 3, 1, 0},
    {"leaky_relu", 1, 0, 0}, {"elu", 1, 1, 0},  {"hard_sigmoid", 1, 1, 0}, {"softplus", 0, 1, 0},
    {"square", 1, 0, 0}};

inline OperationCount count_elements(std::string_view name, Index elements) {
  for (const ElementCost& cost : element_costs)
    if (cost.name == name)
      return {.multiplications = cost.multiplications * elements,
              .additions = cost.additions * elements,
              .divisions = cost.divisions * elements};
  return {};
}

/// Adaptive averages have windows of different sizes.
inline OperationCount count_adaptive_average(const Shape& from, const Shape& to) {
  const auto covered = [](Index in, Index out) {
    Index sum = 0;
    for (Index o = 0; o < out; ++o) sum += ((o + 1) * in + out - 1) / out - o * in / out;
    return sum;
  };
  const Index terms = covered(from[1], to[1]) * covered(from[2], to[2]) * to[0] * to[3];
  return {.additions = terms - to.numel(), .divisions = to.numel()};
}

/// A product with a matrix of few entries in a row, along the rows and then along the columns.
inline OperationCount count_resize(const kashi::detail::SparseMatrix& rows, const kashi::detail::SparseMatrix& columns,
                                   const Shape& from, const Shape& to) {
  OperationCount out;
  const auto pass = [&out](const kashi::detail::SparseMatrix& matrix, Index lines) {
    for (Index r = 0; r < matrix.rows(); ++r) {
      const auto terms =
          static_cast<Index>(matrix.begin[static_cast<std::size_t>(r) + 1] - matrix.begin[static_cast<std::size_t>(r)]);
      if (terms < 2) continue;
      out.multiplications += terms * lines;
      out.additions += (terms - 1) * lines;
    }
  };
  pass(rows, to[0] * from[2] * to[3]);
  pass(columns, to[0] * to[1] * to[3]);
  return out;
}

template <class T>
bool has_input(const TracedOperation<T>& op, std::size_t i) {
  return i < op.inputs.size() && (op.inputs[i] >= 0 || op.constants[i].defined());
}

template <class T>
OperationCount count_operation(const TracedOperation<T>& op, const Shape& to) {
  using Matrices = std::pair<kashi::detail::SparseMatrix, kashi::detail::SparseMatrix>;
  const Shape& from = op.input_shapes[0];
  if (const auto* g = std::any_cast<kernels::ConvGeometry>(&op.detail))
    return op.name == "conv_transpose2d" || op.name == "conv2d_backward_data"
               ? count_transposed_convolution(*g, has_input(op, 2))
               : count_convolution(*g, has_input(op, 2));
  if (const auto* g = std::any_cast<kernels::PoolGeometry>(&op.detail))
    return op.name == "avg_pool2d" ? count_average(to.numel(), g->kernel.height * g->kernel.width) : OperationCount{};
  if (const auto* m = std::any_cast<Matrices>(&op.detail)) return count_resize(m->first, m->second, from, to);
  if (op.name == "adaptive_avg_pool2d") return count_adaptive_average(from, to);
  if (op.name == "linear") return count_linear(to.numel() / to[-1], from[-1], to[-1], has_input(op, 2));
  if (op.name == "matmul") {
    const Index terms = to.numel() == 0 ? 0 : from.numel() / to[0];
    return count_linear(to[0], terms, to[1], false);
  }
  if (op.name == "sum") return {.additions = from.numel() - to.numel()};
  if (op.name == "mean") return {.additions = from.numel() - to.numel(), .divisions = to.numel()};
  if (op.name == "batch_norm") return count_batch_norm(to.numel());
  if (const auto* view = std::any_cast<kashi::detail::NormView>(&op.detail))
    return count_input_norm(to.numel(), view->N * view->G, has_input(op, 1), has_input(op, 2));
  if (op.name == "softmax" || op.name == "log_softmax") {
    const auto* axis = std::any_cast<int>(&op.detail);
    const Index lines = axis && to[*axis] > 0 ? to.numel() / to[*axis] : 0;
    return {.additions = to.numel() - lines, .divisions = op.name == "softmax" ? to.numel() : 0};
  }
  return count_elements(op.name, to.numel());
}

}  // namespace kashi::inline v0::nn::detail
