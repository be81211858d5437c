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
  Index edge = 3;     ///< entries shown at either end of an axis that is cut short
  Index limit = 1000; ///< tensors with at most this many elements are shown whole
  int digits = 4;     ///< significant digits of floating-point numbers
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

template <class T>
void print_axis(std::string& out, const Tensor<T>& x, int axis, Index offset, const PrintOptions& options, bool cut, std::size_t width) {
  if (axis == x.rank()) {
    const std::string number = number_text(x.data()[offset], options.digits);
    out.append(width - std::min(width, number.size()), ' ');
    out += number;
    return;
  }
  Index stride = 1;
  for (int i = axis + 1; i < x.rank(); ++i) stride *= x.size(i);
  const bool is_last = axis == x.rank() - 1;
  const std::string separator = is_last ? ", " : ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
  out += "[";
  const Index size = x.size(axis);
  for (Index i = 0; i < size; ++i) {
    if (i > 0) out += separator;
    if (cut && size > 2 * options.edge && i == options.edge) {
      out += "...";
      i = size - options.edge - 1;
      continue;
    }
    print_axis(out, x, axis + 1, offset + i * stride, options, cut, width);
  }
  out += "]";
}

template <class T>
const char* type_name() {
  if constexpr (std::is_same_v<T, float>) return "float";
  else if constexpr (std::is_same_v<T, double>) return "double";
  else if constexpr (std::is_same_v<T, bool>) return "bool";
  else if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
  else if constexpr (std::is_same_v<T, std::int32_t>) return "int32";
  else if constexpr (std::is_same_v<T, std::uint8_t>) return "uint8";
  else return "number";
}

}  // namespace detail

/// The numbers in nested brackets, columns aligned, long axes cut short, and the shape and type behind them.
template <class T>
std::string to_string(const Tensor<T>& x, const PrintOptions& options = {}) {
  const bool cut = x.numel() > options.limit;
  std::size_t width = 0;
  for (Index i = 0; i < std::min<Index>(x.numel(), options.limit); ++i) width = std::max(width, detail::number_text(x.data()[i], options.digits).size());
  std::string out;
  detail::print_axis(out, x, 0, 0, options, cut, x.rank() == 0 ? 0 : width);
  return out + " " + x.shape().to_string() + " " + detail::type_name<T>();
}

template <class T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& x) {
  return out << to_string(x);
}

}  // namespace kashi::inline v0
