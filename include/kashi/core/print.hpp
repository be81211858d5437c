/// Tensors as text that a person can read.
#pragma once

#include <cmath>
#include <cstdio>
#include <ostream>
#include <string>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0 {

/// Options of to_string.
struct PrintOptions {
  Index edge = 3;      ///< entries shown at either end of an axis that is cut short
  Index limit = 1000;  ///< tensors with at most this many elements are shown whole
  int digits = 4;      ///< significant digits of floating-point numbers
};

namespace detail {

template <class T>
std::string number_text(T value, int digits) {
  if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
  if constexpr (std::is_integral_v<T>) return std::to_string(value);
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, static_cast<double>(value));
  return buffer;
}

/// Prints the shown elements of an axis and those inside it; `element` prints one number.
template <class Element>
void print_axis(std::string& out, const Shape& shape, int axis, Index offset, Index edge, const Element& element) {
  if (axis == shape.rank()) {
    element(offset);
    return;
  }
  Index stride = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) stride *= shape[i];
  const std::string separator =
      axis == shape.rank() - 1 ? ", " : ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
  const Index size = shape[axis];
  out += "[";
  for (Index i = 0; i < size; ++i) {
    if (i > 0) out += separator;
    if (size > 2 * edge && i == edge) {
      out += "...";
      i = size - edge - 1;
      continue;
    }
    print_axis(out, shape, axis + 1, offset + i * stride, edge, element);
  }
  out += "]";
}

template <class T>
const char* type_name() {
  if constexpr (std::is_same_v<T, float>)
    return "float";
  else if constexpr (std::is_same_v<T, double>)
    return "double";
  else if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return "int64";
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return "int32";
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return "uint8";
  else
    return "number";
}

}  // namespace detail

/// The numbers in nested brackets, columns aligned, long axes cut short, and the shape and type behind them.
template <class T>
std::string to_string(const Tensor<T>& x, const PrintOptions& options = {}) {
  const Index edge = x.numel() > options.limit ? options.edge : x.numel();
  std::size_t width = 0;
  std::string out;
  detail::print_axis(out, x.shape(), 0, 0, edge, [&](Index i) {
    width = std::max(width, detail::number_text(x.data()[i], options.digits).size());
  });
  out.clear();
  detail::print_axis(out, x.shape(), 0, 0, edge, [&](Index i) {
    const std::string number = detail::number_text(x.data()[i], options.digits);
    out.append(width - number.size(), ' ');
    out += number;
  });
  return out + " " + x.shape().to_string() + " " + detail::type_name<T>();
}

template <class T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& x) {
  return out << to_string(x);
}

}  // namespace kashi::inline v0
