/// How much a file may ask of the program that reads it: one struct for all readers, every limit settable.
#pragma once

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
};

}  // namespace kashi::inline v0::io
