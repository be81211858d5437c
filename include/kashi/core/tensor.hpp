/// Tensor<T>: a handle to shared, contiguous, row-major numbers.
///
/// Copying a tensor is cheap and shares its numbers; `clone()` copies them. Slices on the first axis and reshapes are
/// views of the same numbers; everything else makes a new tensor. Images are [N,H,W,C] throughout the library.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/memory.hpp>
#include <kashi/core/shape.hpp>

namespace kashi::inline v0 {

namespace detail {

/// The memory behind one or more tensors. `version` counts the times that somebody asked to write.
template <class T>
class Storage {
 public:
  explicit Storage(Index count) {
    if (count == 0) return;
    block_ = memory::detail::arena().allocate(static_cast<std::size_t>(count) * sizeof(T));
    pointer_ = static_cast<T*>(block_.pointer);
  }
  Storage(T* pointer, std::shared_ptr<void> keep_alive) : pointer_(pointer), keep_alive_(std::move(keep_alive)) {}
  ~Storage() {
    if (block_.pointer != nullptr) memory::detail::arena().free(block_);
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  T* pointer() const { return pointer_; }
  std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  void raise_version() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  memory::detail::Arena::Block block_;
  T* pointer_ = nullptr;
  std::shared_ptr<void> keep_alive_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace detail

/// A shared array of numbers with a shape. T: float, double, an integer type, or bool.
///
/// A `const Tensor` can't be written through; two handles on the same numbers see each other's writes.
template <class T>
class Tensor {
  static_assert(std::is_arithmetic_v<T>, "Tensor<T> holds plain numbers");

 public:
  using Scalar = T;

  /// No elements: shape [0].
  Tensor() : shape_{0} {}

  // Handles are copied and dropped everywhere: the counting is compiled once, not at each place.
  [[gnu::noinline]] Tensor(const Tensor&) = default;
  [[gnu::noinline]] Tensor(Tensor&&) noexcept = default;
  [[gnu::noinline]] Tensor& operator=(const Tensor&) = default;
  [[gnu::noinline]] Tensor& operator=(Tensor&&) noexcept = default;
  [[gnu::noinline]] ~Tensor() = default;

  /// The values in row-major order. Throws ShapeError if their number differs from the shape's.
  Tensor(Shape shape, std::initializer_list<T> values) : Tensor(empty(std::move(shape))) {
    check_count(static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), pointer());
  }
  Tensor(Shape shape, const std::vector<T>& values) : Tensor(empty(std::move(shape))) {
    check_count(static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), pointer());
  }

  /// Memory with whatever it held before: write every element before you read any.
  static Tensor empty(Shape shape) {
    Tensor out;
    out.storage_ = std::make_shared<detail::Storage<T>>(shape.numel());
    out.shape_ = std::move(shape);
    return out;
  }
  static Tensor full(Shape shape, T value) {
    Tensor out = empty(std::move(shape));
    std::fill_n(out.pointer(), out.numel(), value);
    return out;
  }
  static Tensor zeros(Shape shape) { return full(std::move(shape), T{}); }
  static Tensor ones(Shape shape) { return full(std::move(shape), T{1}); }

  /// One number, rank 0.
  static Tensor scalar(T value) { return full(Shape{}, value); }

  /// 0, 1, ..., count - 1, shape [count].
  static Tensor arange(Index count) {
    Tensor out = empty({count});
    std::iota(out.pointer(), out.pointer() + count, T{});
    return out;
  }

  /// The identity matrix, shape [size,size].
  static Tensor eye(Index size) {
    Tensor out = zeros({size, size});
    for (Index i = 0; i < size; ++i) out.pointer()[i * size + i] = T{1};
    return out;
  }

  /// A tensor over memory that the caller owns. `keep_alive`, if given, is held as long as any handle lives;
  /// otherwise the caller must keep the memory until then. Nothing is copied.
  static Tensor view(T* pointer, Shape shape, std::shared_ptr<void> keep_alive = nullptr) {
    require(pointer != nullptr || shape.numel() == 0, "Tensor::view: the pointer is null");
    Tensor out;
    out.storage_ = std::make_shared<detail::Storage<T>>(pointer, std::move(keep_alive));
    out.shape_ = std::move(shape);
    return out;
  }

  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  Index numel() const { return shape_.numel(); }
  /// The size of an axis; negative axes count from the end.
  Index size(Index axis) const { return shape_[axis]; }

  /// The numbers, row-major, for reading.
  const T* data() const { return pointer(); }
  /// The numbers for writing. Raises the version by which autograd notices that a value it saved was changed.
  T* mutable_data() {
    if (storage_) storage_->raise_version();
    return pointer();
  }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(numel())}; }
  std::span<T> mutable_span() { return {mutable_data(), static_cast<std::size_t>(numel())}; }

  /// One element, by an index for each axis (negative ones count from the end). Throws ShapeError out of range.
  template <class... Indices>
  T operator()(Indices... indices) const {
    return pointer()[offset_of({static_cast<Index>(indices)...})];
  }
  /// One element for writing.
  template <class... Indices>
  T& at(Indices... indices) {
    return mutable_data()[offset_of({static_cast<Index>(indices)...})];
  }
  /// The number of a tensor with one element. Throws ShapeError for more or fewer.
  T item() const {
    require<ShapeError>(numel() == 1, "item: the tensor must have one element; its shape is ", shape_);
    return *pointer();
  }

  /// A copy with memory of its own.
  Tensor clone() const {
    Tensor out = empty(shape_);
    std::copy_n(pointer(), numel(), out.pointer());
    return out;
  }

  /// The same numbers under another shape (a view). One size may be -1: it is worked out from the rest.
  Tensor reshape(std::initializer_list<Index> sizes) const {
    return reshape(std::span<const Index>(sizes.begin(), sizes.size()));
  }
  Tensor reshape(std::span<const Index> sizes) const { return reshape(resolve(sizes)); }
  Tensor reshape(const Shape& shape) const {
    require<ShapeError>(shape.numel() == numel(), "reshape: ", shape_, " has ", numel(), " elements, ", shape, " has ",
                        shape.numel());
    Tensor out = *this;
    out.shape_ = shape;
    return out;
  }

  /// Rows [begin, end) of the first axis (a view).
  Tensor slice(Index begin, Index end) const {
    require<ShapeError>(rank() >= 1, "slice: a tensor of rank 0 has no first axis");
    require<ShapeError>(0 <= begin && begin <= end && end <= size(0), "slice: [", begin, ",", end,
                        ") does not lie in the first axis of ", shape_);
    Tensor out = *this;
    out.shape_ = shape_.with(0, end - begin);
    out.offset_ += begin * row_size();
    return out;
  }

  /// Row `i` of the first axis, one axis less (a view). Negative indices count from the end.
  Tensor operator[](Index i) const {
    require<ShapeError>(rank() >= 1, "index: a tensor of rank 0 has no first axis");
    const Index row = i < 0 ? i + size(0) : i;
    require<ShapeError>(row >= 0 && row < size(0), "index: ", i, " is not in the first axis of ", shape_);
    Tensor out = *this;
    out.shape_ = Shape(shape_.sizes().subspan(1));
    out.offset_ += row * row_size();
    return out;
  }

  void fill(T value) { std::fill_n(mutable_data(), numel(), value); }

  /// Overwrites the numbers with another tensor's of the same shape.
  void copy_from(const Tensor& other) {
    require<ShapeError>(other.shape() == shape_, "copy_from: ", other.shape(), " does not fit into ", shape_);
    if (other.pointer() == pointer()) return;
    std::copy_n(other.pointer(), numel(), mutable_data());
  }

  /// The numbers converted to another type.
  template <class U>
  Tensor<U> to() const {
    Tensor<U> out = Tensor<U>::empty(shape_);
    std::transform(pointer(), pointer() + numel(), out.mutable_data(), [](T value) { return static_cast<U>(value); });
    return out;
  }

  std::vector<T> to_vector() const { return std::vector<T>(pointer(), pointer() + numel()); }

  /// How often somebody asked to write to these numbers through any handle.
  std::uint64_t version() const { return storage_ ? storage_->version() : 0; }
  /// True if no other handle shares these numbers.
  bool is_unique() const { return storage_.use_count() == 1; }
  bool shares_storage_with(const Tensor& other) const { return storage_ != nullptr && storage_ == other.storage_; }

 private:
  T* pointer() const { return storage_ ? storage_->pointer() + offset_ : nullptr; }
  Index row_size() const {
    Index out = 1;
    for (int axis = 1; axis < rank(); ++axis) out *= shape_[axis];
    return out;
  }

  void check_count(Index count) const {
    require<ShapeError>(count == numel(), "tensor: ", count, " values do not fill the shape ", shape_);
  }

  Index offset_of(std::initializer_list<Index> indices) const {
    require<ShapeError>(static_cast<int>(indices.size()) == rank(), "index: ", indices.size(),
                        " indices for the shape ", shape_);
    Index offset = 0;
    int axis = 0;
    for (const Index given : indices) {
      const Index size = shape_[axis];
      const Index i = given < 0 ? given + size : given;
      require<ShapeError>(i >= 0 && i < size, "index: ", given, " is out of range on axis ", axis, " of ", shape_);
      offset = offset * size + i;
      ++axis;
    }
    return offset;
  }

  Shape resolve(std::span<const Index> sizes) const {
    const auto open = std::find(sizes.begin(), sizes.end(), Index{-1});
    if (open == sizes.end()) return Shape(sizes);
    std::vector<Index> out(sizes.begin(), sizes.end());
    auto& missing = out[static_cast<std::size_t>(open - sizes.begin())];
    missing = 1;
    const Index rest = Shape(std::span<const Index>(out)).numel();
    require<ShapeError>(rest > 0 && numel() % rest == 0, "reshape: no size for the -1 makes ", numel(),
                        " elements out of ", rest);
    missing = numel() / rest;
    return Shape(std::span<const Index>(out));
  }

  std::shared_ptr<detail::Storage<T>> storage_;
  Index offset_ = 0;
  Shape shape_;
};

KASHI_INSTANTIATE(class Tensor<float>)
KASHI_INSTANTIATE(class Tensor<double>)
KASHI_INSTANTIATE(class Tensor<std::int64_t>)
KASHI_INSTANTIATE(class Tensor<std::int32_t>)
KASHI_INSTANTIATE(class Tensor<std::uint8_t>)

}  // namespace kashi::inline v0
