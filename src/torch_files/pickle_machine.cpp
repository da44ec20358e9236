// The stack machine of Python's pickle, without Python: the opcodes that torch.save writes for tensors and
// plain containers, and a refusal of all others.
#include "pickle_machine.hpp"

#include <deque>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "pickle_bytes.hpp"

namespace res2clip {
namespace {

constexpr int kDeepest = 32;  // nesting beyond this is no checkpoint; a container may even hold itself
constexpr std::int64_t kMostValues =
    1'000'000;  // containers that share containers could otherwise unfold without end

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error(what);
}
[[noreturn]] void refuse_damaged() {
  refuse("its pickle is damaged");
}

struct Node;
using NodePointer = Node*;  // owned by the machine: no chain of owners, whose end would recurse without bound

/// A value while the pickle runs: besides what a PickleValue can be, names of functions and storages.
struct Node {
  enum class Kind { plain, list, tuple, dict, function, storage, mark };
  Kind kind = Kind::plain;
  PickleValue plain;               // None, booleans, numbers, texts, tensors
  std::vector<NodePointer> items;  // of a dict: key, value, key, value
  std::string function;
  at::Tensor storage;
};

const std::map<std::string, at::ScalarType>& storage_types() {
  static const std::map<std::string, at::ScalarType> types = {
      {"torch.FloatStorage", at::kFloat},   {"torch.HalfStorage", at::kHalf},
      {"torch.DoubleStorage", at::kDouble}, {"torch.BFloat16Storage", at::kBFloat16},
      {"torch.LongStorage", at::kLong},     {"torch.IntStorage", at::kInt},
      {"torch.ShortStorage", at::kShort},   {"torch.CharStorage", at::kChar},
      {"torch.ByteStorage", at::kByte},     {"torch.BoolStorage", at::kBool}};
  return types;
}

const std::string kOrderedDict = "collections.OrderedDict";
const std::string kRebuildTensor = "torch._utils._rebuild_tensor_v2";
const std::string kRebuildParameter = "torch._utils._rebuild_parameter";

std::int64_t integer_of(const Node* node) {
  if (node->plain.integer() == nullptr) refuse_damaged();
  return *node->plain.integer();
}

std::vector<std::int64_t> integers_of(const Node* node) {
  if (node->kind != Node::Kind::tuple) refuse_damaged();
  std::vector<std::int64_t> values;
  for (const Node* item : node->items) values.push_back(integer_of(item));
  return values;
}

/// (storage, offset, sizes, strides, ...) -> the tensor, with memory of its own. No index may leave the
/// storage.
PickleValue rebuild_tensor(const std::vector<NodePointer>& arguments) {
  if (arguments.size() < 4 || arguments[0]->kind != Node::Kind::storage) refuse_damaged();
  const at::Tensor& storage = arguments[0]->storage;
  const std::int64_t offset = integer_of(arguments[1]);
  const auto sizes = integers_of(arguments[2]);
  const auto strides = integers_of(arguments[3]);
  if (sizes.size() != strides.size() || offset < 0) refuse_damaged();
  std::int64_t last = offset;
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::int64_t reach = 0;
    if (sizes[i] < 0 || strides[i] < 0 || __builtin_mul_overflow(elements, sizes[i], &elements) ||
        __builtin_mul_overflow(std::max<std::int64_t>(sizes[i] - 1, 0), strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last))
      refuse("a tensor's shape makes no sense");
  }
  // Strides of 0 would let a few bytes claim any amount of memory.
  if (elements > 0 && (last >= storage.numel() || elements > storage.numel()))
    refuse("a tensor reaches beyond its data");
  if (elements == 0) return PickleValue(storage.new_empty(sizes));
  return PickleValue(storage.as_strided(sizes, strides, offset).clone(at::MemoryFormat::Contiguous));
}

class Machine : private PickleBytes {
 public:
  Machine(std::string_view program, const StorageLoader& load_storage)
      : PickleBytes(program), load_storage_(load_storage) {}

  PickleValue run() {
    for (auto opcode = static_cast<unsigned char>(byte()); opcode != '.';
         opcode = static_cast<unsigned char>(byte()))
      step(opcode);
    if (stack_.size() != 1) refuse_damaged();
    return finished(stack_.back(), 0);
  }

 private:
  using Kind = Node::Kind;

  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x80:
        number<std::uint8_t>();
        break;  // PROTO
      case 0x95:
        number<std::uint64_t>();
        break;  // FRAME
      case '(':
        push(make(Kind::mark));
        break;
      case 'N':
        push(make(PickleValue()));
        break;
      case 0x88:
        push(make(PickleValue(true)));
        break;
      case 0x89:
        push(make(PickleValue(false)));
        break;
      case 'J':
        push_integer(number<std::int32_t>());
        break;
      case 'K':
        push_integer(number<std::uint8_t>());
        break;
      case 'M':
        push_integer(number<std::uint16_t>());
        break;
      case 0x8a:
        push_integer(long_integer());
        break;
      case 'G':
        push(make(PickleValue(real())));
        break;
      case 'X':
        push(make(PickleValue(std::string(bytes(number<std::uint32_t>())))));
        break;
      case 'U':
      case 0x8c:
        push(make(PickleValue(std::string(bytes(number<std::uint8_t>())))));
        break;
      case '}':
        push(make(Kind::dict));
        break;
      case ']':
        push(make(Kind::list));
        break;
      case ')':
        push(make(Kind::tuple));
        break;
      case 0x85:
        push(make(Kind::tuple, pop_many(1)));
        break;
      case 0x86:
        push(make(Kind::tuple, pop_many(2)));
        break;
      case 0x87:
        push(make(Kind::tuple, pop_many(3)));
        break;
      case 't':
        push(make(Kind::tuple, pop_to_mark()));
        break;
      case 'a':
        extend(Kind::list, pop_many(1));
        break;
      case 'e':
        extend(Kind::list, pop_to_mark());
        break;
      case 's':
        extend(Kind::dict, pop_many(2));
        break;
      case 'u':
        extend(Kind::dict, pop_to_mark());
        break;
      case 'q':
        memo_[number<std::uint8_t>()] = top();
        break;
      case 'r':
        memo_[number<std::uint32_t>()] = top();
        break;
      case 0x94:
        memorise();
        break;
      case 'h':
        recall(number<std::uint8_t>());
        break;
      case 'j':
        recall(number<std::uint32_t>());
        break;
      case 'c':
        global();
        break;
      case 0x93:
        stack_global();
        break;
      case 'Q':
        persistent();
        break;
      case 'R':
        reduce();
        break;
      case 'b':
        build();
        break;
      default:
        refuse("its pickle uses opcode " + std::to_string(opcode) + ", which no file of tensors needs");
    }
  }

  // Values
  // -----------------------------------------------------------------------------------------------------------

  NodePointer make(Kind kind, std::vector<NodePointer> items = {}) {
    if (static_cast<std::int64_t>(nodes_.size()) >= kMostValues) refuse("it holds too many values");
    nodes_.emplace_back();
    nodes_.back().kind = kind;
    nodes_.back().items = std::move(items);
    return &nodes_.back();
  }

  NodePointer make(PickleValue value) {
    const NodePointer node = make(Kind::plain);
    node->plain = std::move(value);
    return node;
  }

  // The stack
  // --------------------------------------------------------------------------------------------------------

  void push(NodePointer node) { stack_.push_back(node); }
  void push_integer(std::int64_t value) { push(make(PickleValue(value))); }

  NodePointer top() const {
    if (stack_.empty()) refuse_damaged();
    return stack_.back();
  }

  NodePointer pop() {
    const NodePointer node = top();
    stack_.pop_back();
    return node;
  }

  std::vector<NodePointer> pop_many(std::size_t count) {
    if (count > stack_.size()) refuse_damaged();
    std::vector<NodePointer> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    for (const Node* item : items)
      if (item->kind == Kind::mark) refuse_damaged();
    return items;
  }

  std::vector<NodePointer> pop_to_mark() {
    std::size_t first = stack_.size();
    while (first > 0 && stack_[first - 1]->kind != Kind::mark) --first;
    if (first == 0) refuse_damaged();
    auto items = pop_many(stack_.size() - first);
    stack_.pop_back();
    return items;
  }

  void extend(Kind kind, const std::vector<NodePointer>& items) {
    if (top()->kind != kind || (kind == Kind::dict && items.size() % 2 != 0)) refuse_damaged();
    if ((contained_ += static_cast<std::int64_t>(items.size())) > kMostValues)
      refuse("it holds too many values");
    top()->items.insert(top()->items.end(), items.begin(), items.end());
  }

  void memorise() {
    const auto slot = static_cast<std::uint32_t>(memo_.size());
    memo_[slot] = top();
  }

  void recall(std::uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) refuse_damaged();
    push(found->second);
  }

  // What Python would call
  // -------------------------------------------------------------------------------------------

  void push_function(const std::string& name) {
    if (name != kOrderedDict && name != kRebuildTensor && name != kRebuildParameter &&
        !storage_types().contains(name))
      refuse("it wants to call " + name + "; only tensors and plain containers are read, and nothing is run");
    const NodePointer node = make(Kind::function);
    node->function = name;
    push(node);
  }

  void global() {
    const std::string module = line();
    push_function(module + "." + line());
  }

  void stack_global() {
    const auto names = pop_many(2);
    if (names[0]->plain.text() == nullptr || names[1]->plain.text() == nullptr) refuse_damaged();
    push_function(*names[0]->plain.text() + "." + *names[1]->plain.text());
  }

  /// ('storage', type, key, device, elements) -> the storage.
  void persistent() {
    const NodePointer name = pop();
    const auto& fields = name->items;
    if (name->kind != Kind::tuple || fields.size() != 5 || fields[0]->plain.text() == nullptr ||
        *fields[0]->plain.text() != "storage" || fields[1]->kind != Kind::function ||
        fields[2]->plain.text() == nullptr)
      refuse_damaged();
    const auto type = storage_types().find(fields[1]->function);
    if (type == storage_types().end()) refuse_damaged();
    const NodePointer node = make(Kind::storage);
    node->storage = load_storage_({*fields[2]->plain.text(), type->second, integer_of(fields[4])});
    push(node);
  }

  void reduce() {
    const NodePointer arguments = pop();
    const NodePointer function = pop();
    if (function->kind != Kind::function || arguments->kind != Kind::tuple) refuse_damaged();
    if (function->function == kRebuildTensor) {
      PickleValue rebuilt = rebuild_tensor(arguments->items);
      limit_memory(arguments->items[0]->storage, static_cast<std::int64_t>(rebuilt.tensor()->nbytes()));
      push(make(std::move(rebuilt)));
    } else if (function->function == kRebuildParameter && !arguments->items.empty()) {
      push(arguments->items.front());
    } else if (function->function == kOrderedDict && arguments->items.empty()) {
      push(make(Kind::dict));
    } else {
      refuse_damaged();
    }
  }

  /// Tensors may share a storage, but a thousand copies of one are no checkpoint.
  void limit_memory(const at::Tensor& storage, std::int64_t bytes) {
    constexpr std::int64_t kMostCopies = 8;
    if (stored_.insert(storage.data_ptr()).second)
      stored_bytes_ += static_cast<std::int64_t>(storage.nbytes());
    if ((cloned_ += bytes) > kMostCopies * stored_bytes_) refuse("its tensors share their data too often");
  }

  /// An OrderedDict's attributes: of a state dict, the `_metadata` of its modules, which nothing here needs.
  void build() {
    pop();
    if (top()->kind != Kind::dict) refuse("it sets attributes of something that is not a dict");
  }

  PickleValue finished(const Node* node, int depth) {
    if (depth > kDeepest) refuse("its containers are nested too deeply");
    if (++finished_ > kMostValues) refuse("it holds too many values");
    if (node->kind == Kind::plain) return node->plain;
    if (node->kind == Kind::list || node->kind == Kind::tuple) {
      auto list = std::make_shared<PickleValue::List>();
      for (const Node* item : node->items) list->push_back(finished(item, depth + 1));
      return PickleValue(std::move(list));
    }
    if (node->kind != Kind::dict) refuse("it holds something that is neither a tensor nor a plain container");
    auto dict = std::make_shared<PickleValue::Dict>();
    for (std::size_t i = 0; i < node->items.size(); i += 2)
      dict->emplace_back(finished(node->items[i], depth + 1), finished(node->items[i + 1], depth + 1));
    return PickleValue(std::move(dict));
  }

  const StorageLoader& load_storage_;
  std::int64_t finished_ = 0;
  std::int64_t contained_ = 0;
  std::int64_t cloned_ = 0;        // bytes of tensors
  std::int64_t stored_bytes_ = 0;  // of the storages behind them
  std::unordered_set<const void*> stored_;
  std::deque<Node> nodes_;
  std::vector<NodePointer> stack_;
  std::unordered_map<std::uint32_t, NodePointer> memo_;
};

}  // namespace

PickleValue run_pickle(std::string_view program, const StorageLoader& load_storage) {
  return Machine(program, load_storage).run();
}

}  // namespace res2clip
