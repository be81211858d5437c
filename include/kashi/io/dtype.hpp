/// The number types that files hold, and raw little-endian bytes of them turned into tensors.
///
/// F16 and BF16 become float: exact, and what everything above works with.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/half.hpp>
#include <kashi/io/tensor_file.hpp>

namespace kashi::inline v0::io::detail {

static_assert(std::endian::native == std::endian::little, "tensor files are little-endian, and so must the machine be");

enum class Dtype : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// By their names in safetensors files.
inline constexpr std::array<std::string_view, 13> dtype_names = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16",
                                                                 "I8",  "U64", "U32", "U16",  "U8",  "BOOL"};

/// Bytes of one element.
constexpr std::int64_t size_of(Dtype dtype) {
  constexpr std::int64_t sizes[] = {8, 4, 2, 2, 8, 4, 2, 1, 8, 4, 2, 1, 1};
  return sizes[static_cast<std::size_t>(dtype)];
}

/// Bytes of one element once it is a tensor's.
constexpr std::int64_t size_in_memory(Dtype dtype) {
  return dtype == Dtype::f16 || dtype == Dtype::bf16 ? 4 : size_of(dtype);
}

/// Calls `make` with a value of the C++ type that holds the raw elements: uint16 for F16 and BF16, uint8 for BOOL.
template <class Make>
auto with_raw_type(Dtype dtype, const Make& make) {
  switch (dtype) {
    case Dtype::f64:
      return make(double{});
    case Dtype::f32:
      return make(float{});
    case Dtype::i64:
      return make(std::int64_t{});
    case Dtype::i32:
      return make(std::int32_t{});
    case Dtype::i16:
      return make(std::int16_t{});
    case Dtype::i8:
      return make(std::int8_t{});
    case Dtype::u64:
      return make(std::uint64_t{});
    case Dtype::u32:
      return make(std::uint32_t{});
    case Dtype::f16:
    case Dtype::bf16:
    case Dtype::u16:
      return make(std::uint16_t{});
    case Dtype::u8:
    case Dtype::boolean:
      break;
  }
  return make(std::uint8_t{});
}

/// Raw elements as what they stand for: halves are widened, and a bool may only be 0 or 1, else FormatError that begins
/// with `who`.
template <class Raw>
TensorValue interpret(Dtype dtype, const Tensor<Raw>& raw, const std::string& who) {
  if constexpr (std::is_same_v<Raw, std::uint16_t>) {
    if (dtype != Dtype::u16) {
      auto out = Tensor<float>::empty(raw.shape());
      std::transform(raw.data(), raw.data() + raw.numel(), out.mutable_data(),
                     dtype == Dtype::f16 ? half_to_float : bfloat16_to_float);
      return out;
    }
  }
  if constexpr (std::is_same_v<Raw, std::uint8_t>) {
    if (dtype == Dtype::boolean) {
      const bool are_valid = std::all_of(raw.data(), raw.data() + raw.numel(), [](Raw byte) { return byte <= 1; });
      require<FormatError>(are_valid, who, ": a BOOL tensor holds a byte other than 0 and 1");
      return raw.template to<bool>();
    }
  }
  return raw;
}

/// A view into raw bytes by strides, in elements. The caller has checked that all of it lies inside.
struct StridedView {
  std::int64_t offset = 0;
  std::span<const Index> strides;
};

/// The tensor of a strided view, row-major. `strides` has an entry for each axis of `shape`.
template <class Raw>
Tensor<Raw> copy_strided(std::span<const std::byte> bytes, const Shape& shape, const StridedView& view) {
  auto out = Tensor<Raw>::empty(shape);
  if (shape.numel() == 0) return out;
  Raw* to = out.mutable_data();
  const auto* from = bytes.data() + view.offset * static_cast<std::int64_t>(sizeof(Raw));
  Index contiguous = 1;
  bool is_contiguous = true;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto stride = view.strides[static_cast<std::size_t>(axis)];
    is_contiguous = is_contiguous && (shape[axis] == 1 || stride == contiguous);
    contiguous *= shape[axis];
  }
  if (is_contiguous) {
    std::memcpy(to, from, static_cast<std::size_t>(shape.numel()) * sizeof(Raw));
    return out;
  }
  std::array<Index, Shape::max_rank> place{};
  Index element = 0;
  for (Index i = 0; i < shape.numel(); ++i) {
    std::memcpy(to + i, from + element * static_cast<std::int64_t>(sizeof(Raw)), sizeof(Raw));
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      element += view.strides[a];
      if (++place[a] < shape[axis]) break;
      element -= place[a] * view.strides[a];
      place[a] = 0;
    }
  }
  return out;
}

/// Elements of a shape that a file claims; throws FormatError, beginning with `who`, for one beyond the limits.
inline Shape checked_shape(std::span<const std::int64_t> sizes, Index most_elements, const std::string& who) {
  require<FormatError>(sizes.size() <= Shape::max_rank, who, ": ", sizes.size(), " axes, the most is ",
                       int{Shape::max_rank});
  const bool is_empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  Index elements = 1;
  for (const Index size : sizes) {
    require<FormatError>(size >= 0, who, ": a size of its shape is ", size);
    require<FormatError>(size <= most_elements, who, ": a size of its shape is ", size, ", the limit is ",
                         most_elements, " elements (io::Limits)");
    if (is_empty) continue;
    require<FormatError>(elements <= most_elements / size, who, ": its shape has more than ", most_elements,
                         " elements (io::Limits)");
    elements *= size;
  }
  return Shape(sizes);
}

}  // namespace kashi::inline v0::io::detail
