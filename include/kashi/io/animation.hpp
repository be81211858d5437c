/// Animated PNG files: several pictures shown one after the other by any browser; programs that don't know them show
/// the first. Format: PNG Specification (Third Edition), W3C 2025, chunks acTL, fcTL and fdAT. Only writing, whole
/// frames of one size.
#pragma once

#include <string_view>

#include <kashi/io/image.hpp>
#include <kashi/io/png_check.hpp>

namespace kashi::inline v0::io {

/// Options of animated PNG files.
struct AnimationOptions {
  Index milliseconds = 100;     ///< how long each frame stays, at most 65535
  Index last_milliseconds = 0;  ///< the same for the last frame; 0: as the others
  Index plays = 0;              ///< 0: for ever
};

namespace detail {

inline void append_u32(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}
inline void append_u16(std::vector<std::byte>& out, std::uint32_t value) {
  out.push_back(static_cast<std::byte>(value >> 8));
  out.push_back(static_cast<std::byte>(value));
}

inline void append_chunk(std::vector<std::byte>& out, std::string_view name, std::span<const std::byte> content) {
  append_u32(out, static_cast<std::uint32_t>(content.size()));
  const std::size_t begin = out.size();
  for (const char letter : name) out.push_back(static_cast<std::byte>(letter));
  out.insert(out.end(), content.begin(), content.end());
  append_u32(out, crc32(reinterpret_cast<const unsigned char*>(out.data()) + begin, out.size() - begin));
}

/// The contents of a PNG's chunks of a name, joined.
template <class = void>
inline std::vector<std::byte> chunks_of(std::span<const std::byte> png, std::string_view name) {
  std::vector<std::byte> out;
  const auto u32 = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(png[at + i]);
    return static_cast<std::size_t>(value);
  };
  for (std::size_t at = 8; at + 12 <= png.size(); at += u32(at) + 12) {
    if (std::string_view(reinterpret_cast<const char*>(png.data()) + at + 4, 4) != name) continue;
    const auto content = png.subspan(at + 8, u32(at));
    out.insert(out.end(), content.begin(), content.end());
  }
  return out;
}

}  // namespace detail

/// The bytes of an animated PNG of frames [H,W] or [H,W,C], all of one shape. Throws ShapeError, ValueError.
template <class = void>
inline std::vector<std::byte> encode_animation(const std::vector<Tensor<std::uint8_t>>& frames,
                                               const AnimationOptions& options = {}) {
  require(!frames.empty(), "encode_animation: at least one frame is needed");
  const auto is_time = [](Index milliseconds) { return milliseconds >= 0 && milliseconds <= 65535; };
  require(is_time(options.milliseconds) && is_time(options.last_milliseconds) && options.plays >= 0 &&
              options.plays <= INT32_MAX,
          "encode_animation: times must lie in 0..65535 and plays in 0..2147483647; got ", options.milliseconds, ", ",
          options.last_milliseconds, " and ", options.plays);
  for (const auto& frame : frames)
    require<ShapeError>(frame.shape() == frames[0].shape(), "encode_animation: frames must have one shape; got ",
                        frames[0].shape(), " and ", frame.shape());
  std::vector<std::byte> out;
  std::uint32_t sequence = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::vector<std::byte> png = encode_png(frames[i]);
    if (i == 0) {
      out.assign(png.begin(), png.begin() + 8);
      detail::append_chunk(out, "IHDR", detail::chunks_of(png, "IHDR"));
      std::vector<std::byte> control;
      detail::append_u32(control, static_cast<std::uint32_t>(frames.size()));
      detail::append_u32(control, static_cast<std::uint32_t>(options.plays));
      detail::append_chunk(out, "acTL", control);
    }
    const bool is_last = i + 1 == frames.size() && options.last_milliseconds > 0;
    std::vector<std::byte> control;
    detail::append_u32(control, sequence++);
    detail::append_u32(control, static_cast<std::uint32_t>(frames[i].size(1)));
    detail::append_u32(control, static_cast<std::uint32_t>(frames[i].size(0)));
    detail::append_u32(control, 0);
    detail::append_u32(control, 0);
    detail::append_u16(control, static_cast<std::uint32_t>(is_last ? options.last_milliseconds : options.milliseconds));
    detail::append_u16(control, 1000);
    detail::append_u16(control, 0);  // leave the frame, replace by the next
    detail::append_chunk(out, "fcTL", control);
    const std::vector<std::byte> pixels = detail::chunks_of(png, "IDAT");
    if (i == 0) {
      detail::append_chunk(out, "IDAT", pixels);
      continue;
    }
    std::vector<std::byte> data;
    detail::append_u32(data, sequence++);
    data.insert(data.end(), pixels.begin(), pixels.end());
    detail::append_chunk(out, "fdAT", data);
  }
  detail::append_chunk(out, "IEND", {});
  return out;
}

/// Writes an animated PNG, all or nothing. Throws IoError with the system's reason, ShapeError, ValueError.
inline void save_animation(const std::filesystem::path& path, const std::vector<Tensor<std::uint8_t>>& frames,
                           const AnimationOptions& options = {}) {
  write_atomically(path, encode_animation(frames, options), "cannot write animation");
}

}  // namespace kashi::inline v0::io
