/// TensorBoardLog: an epoch's figures as event files that TensorBoard draws.
///
/// The format, by TensorFlow's tfrecord and event.proto: records of length, checksum of the length, data, checksum of
/// the data; the data are protocol buffers. Scalars are all that is written.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <kashi/io/atomic_file.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

namespace detail {

/// CRC-32C (Castagnoli), bit by bit over a table of bytes.
template <class = void>
inline std::uint32_t crc32c(const std::string& bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? (value >> 1) ^ 0x82F63B78u : value >> 1;
      out[i] = value;
    }
    return out;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFu];
  return ~crc;
}

/// The lowest `bytes` bytes of a number, lowest first.
inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
  return out;
}

/// A checksum as records hold it: rotated and shifted, so that a record within a record is no coincidence.
inline std::string masked_crc(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes), rotated = (crc >> 15) | (crc << 17);
  return little_endian(rotated + 0xA282EAD8u, 4);
}

template <class = void>
inline std::string event_record(const std::string& data) {
  const std::string length = little_endian(data.size(), 8);
  std::string out = length;
  out += masked_crc(length);
  out += data;
  out += masked_crc(data);
  return out;
}

/// Fields of protocol buffers: the number with the wire type, then the value.
inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  return out += static_cast<char>(value);
}
template <class Number>
std::string fixed_field(int field, Number value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return varint(static_cast<std::uint64_t>(field) << 3 | (sizeof value == 8 ? 1u : 5u)) +
         little_endian(bits, sizeof value);
}
inline std::string bytes_field(int field, const std::string& value) {
  std::string out = varint(static_cast<std::uint64_t>(field) << 3 | 2u);
  out += varint(value.size());
  return out += value;
}

/// An Event: wall_time 1, step 2, file_version 3 or summary 5.
inline std::string event(double wall_time, Index step, const std::string& content) {
  std::string out = fixed_field(1, wall_time);
  out += varint(2u << 3);
  out += varint(static_cast<std::uint64_t>(step));
  return out += content;
}

/// A Summary's value: tag 1, simple_value 2.
inline std::string scalar_summary(const std::string& tag, double value) {
  return bytes_field(5, bytes_field(1, bytes_field(1, tag) + fixed_field(2, static_cast<float>(value))));
}

}  // namespace detail

/// Writes every epoch's figures, seconds and images_per_second to `folder`/events.out.tfevents.kashi, anew each time,
/// so that a resumed training's file has no gaps and no doubles. `train_loss` is shown as train/loss, so that it stands
/// in one group with other figures of the training. Throws IoError.
///
///     trainer.fit(train_set, {.callbacks = {std::make_shared<train::TensorBoardLog>("out/tensorboard")}});
///
/// `tensorboard --logdir out` draws it.
class TensorBoardLog : public Callback {
 public:
  explicit TensorBoardLog(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void on_fit_begin(Trainer&) override { records_.clear(); }
  void on_epoch_end(Trainer&, EpochLog& log) override {
    const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    if (records_.empty())
      records_ = detail::event_record(detail::event(now, 0, detail::bytes_field(3, "brain.Event:2")));
    const auto add = [&](const std::string& tag, double value) {
      records_ += detail::event_record(detail::event(now, log.epoch, detail::scalar_summary(tag, value)));
    };
    for (const auto& [name, value] : log.values()) add(grouped(name), value);
    add("time/seconds", log.seconds);
    add("time/images_per_second", log.images_per_second);
    io::make_output_folder(folder_);
    io::write_atomically(folder_ / "events.out.tfevents.kashi", records_, "cannot write events");
  }
  void save(io::TensorFile& file, const std::string& prefix) const override {
    Tensor<std::uint8_t> bytes({static_cast<Index>(records_.size())}, {records_.begin(), records_.end()});
    file.add(prefix + "records", std::move(bytes));
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    const Tensor<std::uint8_t> bytes = file.get<std::uint8_t>(prefix + "records");
    records_.assign(bytes.span().begin(), bytes.span().end());
  }

 private:
  /// val_dice: val/dice.
  static std::string grouped(const std::string& name) {
    for (const std::string part : {"train", "val"})
      if (name.starts_with(part + "_")) return text(part, "/", name.substr(part.size() + 1));
    return name;
  }

  std::filesystem::path folder_;
  std::string records_;
};

}  // namespace kashi::inline v0::train
