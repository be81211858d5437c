/// The part of Python's pickle format that state dicts are made of. Not a general unpickler: it builds plain data, and
/// calls no code but the few names that its host knows. Include io/torch.hpp from outside.
///
/// Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py (protocols 2 to 5). Everything that is not
/// in the list below is refused with its name; every operand's type is checked.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/pickle_value.hpp>
#include <kashi/io/utf8.hpp>

namespace kashi::inline v0::io::detail {

/// Opcodes that are read, by their names in pickletools.
enum class PickleOp : unsigned char {
  proto = 0x80,
  frame = 0x95,
  stop = '.',
  mark = '(',
  pop = '0',
  pop_mark = '1',
  none = 'N',
  newtrue = 0x88,
  newfalse = 0x89,
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  long1 = 0x8A,
  binfloat = 'G',
  binunicode = 'X',
  short_binunicode = 0x8C,
  binunicode8 = 0x8D,
  short_binstring = 'U',
  binstring = 'T',
  empty_tuple = ')',
  tuple = 't',
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  setitem = 's',
  setitems = 'u',
  binput = 'q',
  long_binput = 'r',
  memoize = 0x94,
  binget = 'h',
  long_binget = 'j',
  global = 'c',
  stack_global = 0x93,
  reduce = 'R',
  build = 'b',
  binpersid = 'Q',
};

/// Runs one pickle after another out of the same bytes. Host says which names there are and what a call of one gives:
/// `std::size_t find_name(module, name)` (throws if it doesn't know it), `PickleValue call(name, arguments)`,
/// `PickleValue persistent(id)`, `void build(value, state)`.
template <class Host>
class PickleMachine {
 public:
  /// All three outlive the machine. Errors begin with `where`.
  PickleMachine(PickleHeap& heap, Host& host, const Limits& limits, std::string where)
      : heap_(heap), host_(host), limits_(limits), where_(std::move(where)) {}

  /// The value of the next pickle. Throws FormatError.
  PickleValue run() {
    stack_.clear();
    memo_.clear();
    for (;;) {
      begin_ = position_;
      const auto op = static_cast<PickleOp>(number<std::uint8_t>());
      if (op == PickleOp::stop) break;
      step(op);
    }
    check(stack_.size() == 1, "it ends with ", stack_.size(), " values instead of one");
    return pop();
  }

  /// Where the next pickle begins.
  std::size_t position() const { return position_; }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": its pickle at byte ", begin_, ": ", reason...);
  }

  std::string_view take(std::uint64_t count) {
    check(count <= heap_.bytes().size() - position_, "it is cut off");
    const std::string_view out = heap_.bytes().substr(position_, static_cast<std::size_t>(count));
    position_ += out.size();
    return out;
  }

  template <class T>
  T number() {
    std::uint64_t out = 0;
    int shift = 0;
    for (const char c : take(sizeof(T))) {
      out |= std::uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return static_cast<T>(out);
  }

  std::string_view line() {
    const std::size_t end = heap_.bytes().find('\n', position_);
    check(end != std::string_view::npos, "it is cut off");
    const std::string_view out = take(end - position_);
    ++position_;
    return out;
  }

  void count_value() {
    ++values_;
    check(values_ <= limits_.pickle_values, "it makes more than ", limits_.pickle_values, " values (io::Limits)");
  }

  void push(PickleValue value) {
    count_value();
    stack_.push_back(value);
  }

  void push_text(std::uint64_t count, PickleKind kind = PickleKind::text) {
    const std::size_t begin = position_;
    push({kind, static_cast<std::uint32_t>(take(count).size()), static_cast<std::int64_t>(begin)});
  }

  PickleValue pop() {
    check(!stack_.empty() && !stack_.back().is(PickleKind::mark), "an opcode lacks its operand");
    const PickleValue out = stack_.back();
    stack_.pop_back();
    return out;
  }

  /// All values above the last mark; the mark goes too.
  std::vector<PickleValue> pop_to_mark() {
    const auto above = std::find_if(stack_.rbegin(), stack_.rend(), [](const PickleValue& value) {
                         return value.is(PickleKind::mark);
                       }).base();
    check(above != stack_.begin(), "an opcode lacks its mark");
    std::vector<PickleValue> out(above, stack_.end());
    stack_.erase(above - 1, stack_.end());
    return out;
  }

  void push_tuple(std::size_t count) {
    std::vector<PickleValue> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push(heap_.make(PickleKind::tuple, std::move(items)));
  }

  PickleValue top(PickleKind wanted, std::string_view what) const {
    check(!stack_.empty() && stack_.back().is(wanted), "an opcode for a ", what, " meets something else");
    return stack_.back();
  }

  void extend(PickleKind kind, std::string_view what, const std::vector<PickleValue>& items) {
    auto& to = heap_.items(top(kind, what));
    to.insert(to.end(), items.begin(), items.end());
  }

  void put(std::uint64_t key) {
    check(!stack_.empty() && !stack_.back().is(PickleKind::mark), "an opcode lacks its operand");
    count_value();
    memo_[key] = stack_.back();
  }

  void get(std::uint64_t key) {
    const auto found = memo_.find(key);
    check(found != memo_.end(), "it refers to value ", key, ", which is not there");
    push(found->second);
  }

  void push_long(std::size_t bytes) {
    if (bytes > 8) return push_text(bytes, PickleKind::large_integer);
    std::uint64_t out = 0;
    const std::string_view digits = take(bytes);
    const bool is_negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const unsigned char fill = is_negative ? 0xFF : 0;
      out |= std::uint64_t{i < bytes ? static_cast<unsigned char>(digits[i]) : fill} << (8 * i);
    }
    push(PickleValue::integer(static_cast<std::int64_t>(out)));
  }

  void push_real() {  // the only big-endian number
    std::uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    push(PickleValue::real(bits));
  }

  void push_name(std::string_view module, std::string_view name) {
    push(PickleValue::name(host_.find_name(module, name)));
  }

  void step(PickleOp op) {
    switch (op) {
      case PickleOp::proto: {
        const auto protocol = number<std::uint8_t>();
        return check(protocol >= 2 && protocol <= 5, "protocol ", int{protocol}, "; 2 to 5 are read");
      }
      case PickleOp::frame:
        take(8);
        return;
      case PickleOp::mark:
        return push({PickleKind::mark, 0, 0});
      case PickleOp::pop:
        check(!stack_.empty(), "an opcode lacks its operand");
        return stack_.pop_back();
      case PickleOp::pop_mark:
        pop_to_mark();
        return;
      case PickleOp::binput:
        return put(number<std::uint8_t>());
      case PickleOp::long_binput:
        return put(number<std::uint32_t>());
      case PickleOp::memoize:
        return put(memo_.size());
      case PickleOp::binget:
        return get(number<std::uint8_t>());
      case PickleOp::long_binget:
        return get(number<std::uint32_t>());
      default:
        return plain_value(op);
    }
  }

  void plain_value(PickleOp op) {
    switch (op) {
      case PickleOp::none:
        return push({});
      case PickleOp::newtrue:
        return push(PickleValue::boolean(true));
      case PickleOp::newfalse:
        return push(PickleValue::boolean(false));
      case PickleOp::binint:
        return push(PickleValue::integer(number<std::int32_t>()));
      case PickleOp::binint1:
        return push(PickleValue::integer(number<std::uint8_t>()));
      case PickleOp::binint2:
        return push(PickleValue::integer(number<std::uint16_t>()));
      case PickleOp::long1:
        return push_long(number<std::uint8_t>());
      case PickleOp::binfloat:
        return push_real();
      case PickleOp::binunicode:
      case PickleOp::binstring:
        return push_text(number<std::uint32_t>());
      case PickleOp::short_binunicode:
      case PickleOp::short_binstring:
        return push_text(number<std::uint8_t>());
      case PickleOp::binunicode8:
        return push_text(number<std::uint64_t>());
      default:
        return container(op);
    }
  }

  void container(PickleOp op) {
    switch (op) {
      case PickleOp::empty_tuple:
        return push_tuple(0);
      case PickleOp::tuple1:
        return push_tuple(1);
      case PickleOp::tuple2:
        return push_tuple(2);
      case PickleOp::tuple3:
        return push_tuple(3);
      case PickleOp::tuple: {
        auto items = pop_to_mark();
        return push(heap_.make(PickleKind::tuple, std::move(items)));
      }
      case PickleOp::empty_list:
        return push(heap_.make(PickleKind::list));
      case PickleOp::empty_dict:
        return push(heap_.make(PickleKind::dict));
      case PickleOp::append: {
        const PickleValue item = pop();
        return extend(PickleKind::list, "list", {item});
      }
      case PickleOp::appends: {
        const auto items = pop_to_mark();
        return extend(PickleKind::list, "list", items);
      }
      case PickleOp::setitem: {
        const PickleValue item = pop(), key = pop();
        return extend(PickleKind::dict, "dict", {key, item});
      }
      case PickleOp::setitems: {
        const auto items = pop_to_mark();
        check(items.size() % 2 == 0, "a dict gets a key without a value");
        return extend(PickleKind::dict, "dict", items);
      }
      default:
        return call(op);
    }
  }

  void call(PickleOp op) {
    switch (op) {
      case PickleOp::global: {
        const std::string_view module = line();
        return push_name(module, line());
      }
      case PickleOp::stack_global: {
        const PickleValue name = pop(), module = pop();
        check(name.is(PickleKind::text) && module.is(PickleKind::text), "the name of a function is no text");
        return push_name(heap_.text(module), heap_.text(name));
      }
      case PickleOp::reduce: {
        const PickleValue arguments = pop(), function = pop();
        check(function.is(PickleKind::name) && arguments.is(PickleKind::tuple), "it calls what is no function");
        return push(host_.call(function.number(), arguments));
      }
      case PickleOp::build: {
        const PickleValue state = pop();
        check(!stack_.empty(), "an opcode lacks its operand");
        return host_.build(stack_.back(), state);
      }
      case PickleOp::binpersid: {
        const PickleValue id = pop();
        return push(host_.persistent(id));
      }
      default:
        refuse(static_cast<unsigned char>(op));
    }
  }

  [[noreturn]] void refuse(unsigned char op) const {
    constexpr std::pair<unsigned char, std::string_view> names[] = {
        {'i', "INST"},           {'o', "OBJ"},        {0x81, "NEWOBJ"},    {0x92, "NEWOBJ_EX"}, {0x82, "EXT1"},
        {0x83, "EXT2"},          {0x84, "EXT4"},      {'P', "PERSID"},     {'2', "DUP"},        {'B', "BINBYTES"},
        {'C', "SHORT_BINBYTES"}, {0x8E, "BINBYTES8"}, {0x8F, "EMPTY_SET"}, {0x91, "FROZENSET"}, {0x96, "BYTEARRAY8"},
        {0x97, "NEXT_BUFFER"},   {'I', "INT"},        {'L', "LONG"},       {'F', "FLOAT"},      {'S', "STRING"},
        {'V', "UNICODE"},        {'d', "DICT"},       {'l', "LIST"},       {'g', "GET"},        {'p', "PUT"},
        {0x8B, "LONG4"}};
    const auto* named =
        std::find_if(std::begin(names), std::end(names), [&](const auto& one) { return one.first == op; });
    check(false, "opcode ", int{op}, named == std::end(names) ? "" : " (" + std::string(named->second) + ")",
          " is not one that state dicts are made of");
    std::terminate();
  }

  PickleHeap& heap_;
  Host& host_;
  const Limits& limits_;
  std::string where_;
  std::size_t position_ = 0, begin_ = 0;
  Index values_ = 0;
  std::vector<PickleValue> stack_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
};

}  // namespace kashi::inline v0::io::detail
