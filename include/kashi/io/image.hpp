/// Images in and out: PNG, JPEG and BMP files as tensors of bytes or floats.
///
/// Sizes are checked against io::Limits before memory is taken, and a file that is cut off or whose PNG checksums are
/// wrong is refused as a whole: there are no partial images. EXIF orientation and colour profiles are not applied.
#pragma once

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/atomic_file.hpp>
#include <kashi/io/file.hpp>
#include <kashi/io/image_check.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/pixels.hpp>
#include <kashi/io/stb/stb.hpp>

namespace kashi::inline v0::io {

/// How images are read.
struct ImageOptions {
  /// 1 grey, 3 RGB, 4 RGBA, or 0: as stored (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; palettes become colours).
  /// Where alpha is stored and not asked for, the image is put on white. Grey is 0.299 R + 0.587 G + 0.114 B.
  int channels = 3;
  Limits limits = {};
};

namespace detail {

/// One decoded image as stb gives it: bytes, or 16-bit numbers for deep PNG files.
struct RawImage {
  std::unique_ptr<void, decltype(&std::free)> pixels{nullptr, &std::free};
  ImageHeader header;
  int channels = 0;
};

inline RawImage decode_raw(const ImageBytes& file, const Limits& limits) {
  RawImage out;
  out.header = check_image(file, limits);
  file.check(file.size() <= INT_MAX, "its ", file.size(), " bytes are more than the decoder takes");
  // The largest buffers: coefficients of a progressive JPEG (whole blocks), rows of a 16-bit PNG, the joined PNG
  // chunks.
  const auto padded_pixels = static_cast<std::size_t>((out.header.width + 64) * (out.header.height + 64));
  stb::DecoderMemory memory(16 * padded_pixels + 2 * file.size() + (std::size_t{1} << 16));
  const int size = static_cast<int>(file.size());
  int width = 0, height = 0;
  void* pixels = nullptr;
  if (out.header.bits == 16) {
    pixels = stb::kashi_stbi_load_16_from_memory(file.data(), size, &width, &height, &out.channels, 0);
  } else {
    pixels = stb::kashi_stbi_load_from_memory(file.data(), size, &width, &height, &out.channels, 0);
  }
  memory.release(pixels);
  out.pixels.reset(pixels);
  file.check(!memory.is_exceeded(), "its compressed data are larger than its ", out.header.width, "x",
             out.header.height, " pixels");
  file.check(out.pixels != nullptr, "its data are damaged or of an unknown kind (", stb::kashi_stbi_failure_reason(),
             ")");
  file.check(width == out.header.width && height == out.header.height, "its header contradicts itself");
  return out;
}

/// A stored sample (8 or 16 bits) as a byte, rounded, or as a float in [0,1].
template <class Out, class In>
Out convert_sample(std::uint32_t value) {
  constexpr std::uint32_t largest = std::numeric_limits<In>::max();
  if constexpr (std::is_floating_point_v<Out>) return static_cast<Out>(value) / static_cast<Out>(largest);
  if constexpr (sizeof(In) == 1) return static_cast<Out>(value);
  return static_cast<Out>((value + 128) / 257);
}

/// Pixels with `from` channels (1 grey, 2 grey alpha, 3 RGB, 4 RGBA) as pixels with `to` channels.
template <class Out, class In>
void convert_pixels(const In* in, int from, Out* out, int to, Index count) {
  constexpr std::uint32_t largest = std::numeric_limits<In>::max();
  const bool has_colour = from >= 3;
  const bool has_alpha = from == 2 || from == 4;
  const bool wants_alpha = to == 2 || to == 4;
  for (Index i = 0; i < count; ++i, in += from, out += to) {
    const std::uint32_t alpha = has_alpha ? std::uint32_t{in[from - 1]} : largest;
    const auto sample = [&](int channel) {
      const std::uint32_t value = in[has_colour ? channel : 0];
      return wants_alpha || !has_alpha ? value : (value * alpha + largest * (largest - alpha) + largest / 2) / largest;
    };
    if (to >= 3) {
      for (int channel = 0; channel < 3; ++channel) out[channel] = convert_sample<Out, In>(sample(channel));
    } else {
      const std::uint32_t grey =
          has_colour ? (19595 * sample(0) + 38470 * sample(1) + 7471 * sample(2) + 32768) >> 16 : sample(0);
      out[0] = convert_sample<Out, In>(grey);
    }
    if (wants_alpha) out[to - 1] = convert_sample<Out, In>(alpha);
  }
}

template <class T>
Tensor<T> decode(const ImageBytes& file, const ImageOptions& options) {
  const int asked = options.channels;
  require(asked == 0 || asked == 1 || asked == 3 || asked == 4, "load_image: channels must be 0, 1, 3 or 4; got ",
          asked);
  const RawImage raw = decode_raw(file, options.limits);
  const int channels = asked == 0 ? raw.channels : asked;
  auto out = Tensor<T>::empty({raw.header.height, raw.header.width, channels});
  const Index count = raw.header.height * raw.header.width;
  if (raw.header.bits == 16) {
    convert_pixels(static_cast<const std::uint16_t*>(raw.pixels.get()), raw.channels, out.mutable_data(), channels,
                   count);
  } else {
    convert_pixels(static_cast<const std::uint8_t*>(raw.pixels.get()), raw.channels, out.mutable_data(), channels,
                   count);
  }
  return out;
}

template <class T>
Tensor<T> load(const std::filesystem::path& path, const ImageOptions& options) {
  const std::vector<std::byte> bytes = read_file(path, options.limits.image_file_bytes, "cannot read image");
  return decode<T>(ImageBytes(bytes, "cannot read image '" + path.string() + "'"), options);
}

}  // namespace detail

/// Reads an image file: [H,W,C], 0..255. 16-bit PNG samples are rounded to 8 bits.
/// Throws IoError if the file can't be read and FormatError if it is no image, cut off, damaged or beyond the limits;
/// the text names the file and the reason.
inline Tensor<std::uint8_t> load_image(const std::filesystem::path& path, const ImageOptions& options = {}) {
  return detail::load<std::uint8_t>(path, options);
}

/// Reads an image file: [H,W,C], 0..1. Keeps the full precision of 16-bit PNG files. Throws as load_image does.
inline Tensor<float> load_image_float(const std::filesystem::path& path, const ImageOptions& options = {}) {
  return detail::load<float>(path, options);
}

/// Decodes an image file that lies in memory: [H,W,C], 0..255. Throws FormatError.
inline Tensor<std::uint8_t> decode_image(std::span<const std::byte> bytes, const ImageOptions& options = {}) {
  return detail::decode<std::uint8_t>(detail::ImageBytes(bytes, "cannot read image"), options);
}

namespace detail {

/// Checks an image for writing and returns its channels. [H,W] is grey.
inline int check_writable(const char* who, const Tensor<std::uint8_t>& image) {
  require<ShapeError>(image.rank() == 2 || image.rank() == 3, who, ": an image is [H,W] or [H,W,C]; got ",
                      image.shape());
  const Index channels = image.rank() == 2 ? 1 : image.size(2);
  require<ShapeError>(channels >= 1 && channels <= 4, who, ": 1 to 4 channels; got ", image.shape());
  // stb counts bytes with int and keeps a few times the image's size.
  require<ShapeError>(image.numel() > 0 && image.numel() + image.size(0) <= INT_MAX / 4, who,
                      ": too few or too many pixels; got ", image.shape());
  return static_cast<int>(channels);
}

}  // namespace detail

/// The bytes of a PNG file; [H,W] or [H,W,C] with 1 to 4 channels (grey, grey alpha, RGB, RGBA). Throws ShapeError.
inline std::vector<std::byte> encode_png(const Tensor<std::uint8_t>& image) {
  const int channels = detail::check_writable("encode_png", image);
  const int height = static_cast<int>(image.size(0)), width = static_cast<int>(image.size(1));
  int size = 0;
  const std::unique_ptr<unsigned char, decltype(&std::free)> png(
      detail::stb::stbi_write_png_to_mem(image.data(), width * channels, width, height, channels, &size), &std::free);
  require<Error>(png != nullptr, "encode_png: not enough memory for ", image.shape());
  std::vector<std::byte> out(static_cast<std::size_t>(size));
  std::memcpy(out.data(), png.get(), out.size());
  return out;
}

/// Options of JPEG files.
struct JpegOptions {
  int quality = 95;  ///< 1..100; above 90 colours keep their full resolution
};

/// The bytes of a JPEG file; [H,W] or [H,W,C] with 1 or 3 channels. Throws ShapeError, ValueError.
inline std::vector<std::byte> encode_jpeg(const Tensor<std::uint8_t>& image, const JpegOptions& options = {}) {
  const int channels = detail::check_writable("encode_jpeg", image);
  require<ShapeError>(channels == 1 || channels == 3, "encode_jpeg: JPEG has 1 or 3 channels and no alpha; got ",
                      image.shape());
  require<ShapeError>(image.size(0) <= 65'535 && image.size(1) <= 65'535,
                      "encode_jpeg: at most 65535 pixels a side; got ", image.shape());
  require(options.quality >= 1 && options.quality <= 100, "encode_jpeg: quality must be 1..100; got ", options.quality);
  std::vector<std::byte> out;
  const auto append = [](void* context, void* data, int size) {
    auto& bytes = *static_cast<std::vector<std::byte>*>(context);
    const auto* begin = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  const int height = static_cast<int>(image.size(0)), width = static_cast<int>(image.size(1));
  detail::stb::stbi_write_jpg_to_func(append, &out, width, height, channels, image.data(), options.quality);
  return out;
}

/// Writes a PNG file, all or nothing. Throws IoError with the system's reason, ShapeError.
inline void save_png(const std::filesystem::path& path, const Tensor<std::uint8_t>& image) {
  write_atomically(path, encode_png(image), "cannot write image");
}

/// Writes a JPEG file, all or nothing. Throws IoError with the system's reason, ShapeError, ValueError.
inline void save_jpeg(const std::filesystem::path& path, const Tensor<std::uint8_t>& image,
                      const JpegOptions& options = {}) {
  write_atomically(path, encode_jpeg(image, options), "cannot write image");
}

}  // namespace kashi::inline v0::io
