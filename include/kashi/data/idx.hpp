/// IDX files, the form of MNIST and its kin, gzip-compressed or not.
///
/// Two zero bytes, the type of the numbers (8: unsigned bytes, the only one read here), the rank, the sizes as
/// big-endian 32-bit numbers, then the numbers in row-major order.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/data/gzip.hpp>
#include <kashi/data/tensor_dataset.hpp>
#include <kashi/io/file.hpp>

namespace kashi::inline v0::data {

/// Upper bound for the bytes of one IDX file, compressed or not.
struct IdxOptions {
  Index bytes = Index{4} << 30;
};

namespace detail {

/// The shape that an IDX header of rank `sizes.size() / 4` promises, checked against the limit.
template <class = void>
inline Shape idx_shape(std::span<const std::byte> sizes, Index limit, const std::string& who) {
  std::vector<Index> shape;
  Index count = 1;
  for (std::size_t i = 0; i < sizes.size(); i += 4) {
    Index size = 0;
    for (std::size_t k = 0; k < 4; ++k) size = size * 256 + std::to_integer<Index>(sizes[i + k]);
    require<FormatError>(size > 0, who, ": axis ", i / 4, " has no elements");
    require<FormatError>(count <= limit / size, who, ": its header promises more than ", limit,
                         " bytes (IdxOptions::bytes)");
    count *= size;
    shape.push_back(size);
  }
  return Shape(std::span<const Index>(shape));
}

/// Reads an IDX file through `read(span)`, which tells how many bytes it gave; `available` is how many there can be.
template <class Read>
Tensor<std::uint8_t> read_idx_bytes(Read&& read, Index available, bool is_exact, Index limit, const std::string& who) {
  std::array<std::byte, 4> magic{};
  const bool has_magic = read(std::span<std::byte>(magic)) == 4 && magic[0] == std::byte{0} && magic[1] == std::byte{0};
  require<FormatError>(has_magic, who, ": it does not begin as an IDX file");
  require<FormatError>(magic[2] == std::byte{8}, who, ": its numbers are of type ", std::to_integer<int>(magic[2]),
                       ", not unsigned bytes (8)");
  const auto rank = std::to_integer<std::size_t>(magic[3]);
  require<FormatError>(rank >= 1 && rank <= 4, who, ": its rank must be 1 to 4; got ", rank);
  std::array<std::byte, 16> sizes{};
  const std::span<std::byte> used(sizes.data(), 4 * rank);
  require<FormatError>(read(used) == used.size(), who, ": it ends in its header");
  const Shape shape = idx_shape(used, limit, who);
  const Index wanted = 4 + static_cast<Index>(used.size()) + shape.numel();
  require<FormatError>(is_exact ? wanted == available : wanted <= available, who, ": its header ", shape, " promises ",
                       wanted, " bytes; the file has ", is_exact ? "" : "at most ", available);
  Tensor<std::uint8_t> out = Tensor<std::uint8_t>::empty(shape);
  const std::size_t got = read(std::as_writable_bytes(out.mutable_span()));
  require<FormatError>(static_cast<Index>(got) == shape.numel(), who, ": its header ", shape, " promises ", wanted,
                       " bytes; the file has ", wanted - shape.numel() + static_cast<Index>(got));
  return out;
}

}  // namespace detail

/// The numbers of an IDX file of unsigned bytes, compressed or not, in their own shape. The header is checked against
/// the file's size before memory is taken. Throws IoError if it can't be read, FormatError if it is no such file or
/// beyond the limit.
template <class = void>
inline Tensor<std::uint8_t> read_idx(const std::string& path, const IdxOptions& options = {}) {
  const std::string who = "cannot read IDX file '" + path + "'";
  const std::vector<std::byte> bytes = io::read_file(path, options.bytes, "cannot read IDX file");
  const auto available = static_cast<Index>(bytes.size());
  if (detail::is_gzip(bytes)) {
    detail::GzipReader gzip(bytes, who);
    const Index most = std::min(available, options.bytes) * detail::gzip_most_growth;
    Tensor<std::uint8_t> out =
        detail::read_idx_bytes([&](std::span<std::byte> to) { return gzip.read(to); }, most, false, options.bytes, who);
    require<FormatError>(gzip.is_finished(), who, ": it goes on after the ", out.numel(), " numbers that its header ",
                         out.shape(), " promises");
    return out;
  }
  std::span<const std::byte> rest(bytes);
  const auto take = [&](std::span<std::byte> to) {
    const std::size_t count = std::min(to.size(), rest.size());
    std::copy_n(rest.begin(), count, to.begin());
    rest = rest.subspan(count);
    return count;
  };
  return detail::read_idx_bytes(take, available, true, options.bytes, who);
}

/// Images [N,H,W] or [N,H,W,C] of one IDX file with the labels [N] of another, as MNIST has them. Classes are named by
/// their numbers, 0 to the largest. Throws as read_idx does, and ShapeError if the two don't belong together.
///
///     auto train_set = data::idx_dataset("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz");
template <class = void>
inline Dataset idx_dataset(const std::string& images_path, const std::string& labels_path,
                           const IdxOptions& options = {}) {
  Tensor<std::uint8_t> images = read_idx(images_path, options);
  const Tensor<std::uint8_t> labels = read_idx(labels_path, options);
  require<ShapeError>(
      (images.rank() == 3 || images.rank() == 4) && labels.rank() == 1 && images.size(0) == labels.size(0),
      "idx_dataset: images must be [N,H,W] or [N,H,W,C] and labels [N]; got ", images.shape(), " (\"", images_path,
      "\") and ", labels.shape(), " (\"", labels_path, "\")");
  if (images.rank() == 3) images = images.reshape({images.size(0), images.size(1), images.size(2), 1});
  std::vector<std::string> names;
  for (int i = 0; i <= *std::max_element(labels.span().begin(), labels.span().end()); ++i)
    names.push_back(std::to_string(i));
  return tensor_dataset(std::move(images), labels.to<Index>(), std::move(names));
}

}  // namespace kashi::inline v0::data
