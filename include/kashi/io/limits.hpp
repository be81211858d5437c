/// How much a file may ask of the program that reads it: one struct for all readers, every limit settable.
#pragma once

#include <algorithm>
#include <cstdint>

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::io {

/// Upper bounds that readers check before they take memory. A file beyond one of them is refused with an error that
/// names the limit.
struct Limits {
  std::int64_t file_bytes = std::int64_t{16} << 30;       ///< size of any file (16 GiB)
  std::int64_t image_file_bytes = std::int64_t{1} << 30;  ///< size of an image file (1 GiB)
  Index image_side = 16'384;                              ///< width or height of an image, in pixels
  Index image_pixels = Index{64} << 20;                   ///< width times height (64 Mi)
  std::int64_t header_bytes = 100'000'000;                ///< text header of a tensor file
  Index tensors = 1'000'000;                              ///< tensors in one file
  Index tensor_elements = Index{1} << 40;                 ///< elements of one tensor
  Index name_bytes = 4'096;                               ///< length of a tensor's name
  Index zip_entries = 100'000;                            ///< entries of a zip archive
  Index pickle_values = 5'000'000;                        ///< values that the pickle of a torch file makes
  int nesting = 64;                                       ///< dicts within dicts in a torch file
  std::int64_t growth_ratio = 200;                        ///< bytes in memory for each byte of a packed file, or
  std::int64_t growth_bytes = std::int64_t{256} << 20;    ///< so many in all, whichever is more (256 MiB)

  /// What a file of this size may become in memory: packed archives, and tensors that share or repeat their numbers.
  std::int64_t most_bytes(std::int64_t packed) const {
    return std::max(growth_bytes, std::min(file_bytes / growth_ratio, packed) * growth_ratio);
  }
};

}  // namespace kashi::inline v0::io
