// The stack machine of Python's pickle, without Python: the opcodes that torch.save and TorchScript write for
// tensors, plain containers and objects, and a refusal of all others.
#include "pickle_machine.hpp"

#include <algorithm>
#include <unordered_map>

#include "pickle_bytes.hpp"

namespace res2clip {
namespace {

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
const std::string kRebuildOldTensor = "torch._utils._rebuild_tensor";  // the same, with less said behind
const std::string kRebuildParameter = "torch._utils._rebuild_parameter";
const std::string kRebuildParameterWithState = "torch._utils._rebuild_parameter_with_state";
const std::string kTorchScriptList = "torch.jit._pickle.build_";  // intlist, tensorlist, ...
const std::string kTorchScriptTag = "torch.jit._pickle.restore_type_tag";

/// Functions whose value is what they are given first.
bool gives_its_first_argument(const std::string& function) {
  return function == kRebuildParameter || function == kRebuildParameterWithState ||
         function == kTorchScriptTag || function.starts_with(kTorchScriptList);
}

bool is_known(const std::string& function) {
  return function == kOrderedDict || function == kRebuildTensor || function == kRebuildOldTensor ||
         gives_its_first_argument(function) || storage_types().contains(function);
}

std::int64_t integer_of(const PickleNode* node) {
  if (node->plain.integer() == nullptr) refuse_damaged_pickle();
  return *node->plain.integer();
}

std::vector<std::int64_t> integers_of(const PickleNode* node) {
  if (node->kind != PickleNode::Kind::tuple) refuse_damaged_pickle();
  std::vector<std::int64_t> values;
  for (const PickleNode* item : node->items) values.push_back(integer_of(item));
  return values;
}

/// No index of a tensor may leave its storage.
void require_inside(const PickleNode& tensor, std::int64_t stored) {
  if (tensor.sizes.size() != tensor.strides.size() || tensor.offset < 0) refuse_damaged_pickle();
  std::int64_t last = tensor.offset;
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    std::int64_t reach = 0;
    if (tensor.sizes[i] < 0 || tensor.strides[i] < 0 ||
        __builtin_mul_overflow(elements, tensor.sizes[i], &elements) ||
        __builtin_mul_overflow(std::max<std::int64_t>(tensor.sizes[i] - 1, 0), tensor.strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last))
      refuse_pickle("a tensor's shape makes no sense");
  }
  // Strides of 0 would let a few bytes claim any amount of memory.
  if (elements > 0 && (last >= stored || elements > stored))
    refuse_pickle("a tensor reaches beyond its data");
}

}  // namespace

/// One run of a machine over one pickle.
class PickleRun : private PickleBytes {
 public:
  PickleRun(PickleMachine& machine, std::string_view program) : PickleBytes(program), machine_(machine) {}

  std::size_t run() {
    for (auto opcode = static_cast<unsigned char>(byte()); opcode != '.';
         opcode = static_cast<unsigned char>(byte()))
      step(opcode);
    if (stack_.size() != 1) refuse_damaged_pickle();
    machine_.root_ = stack_.back();
    return position();
  }

 private:
  using Kind = PickleNode::Kind;

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
      case 'T':
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
      case 0x81:
        new_object();
        break;
      case 'b':
        build();
        break;
      default:
        refuse_pickle("its pickle uses opcode " + std::to_string(opcode) +
                      ", which no file of tensors needs");
    }
  }

  // Values
  // -----------------------------------------------------------------------------------------------------------

  PickleNode* make(Kind kind, std::vector<PickleNode*> items = {}) {
    if (static_cast<std::int64_t>(machine_.nodes_.size()) >= kMostPickleValues)
      refuse_pickle("it holds too many values");
    PickleNode& node = machine_.nodes_.emplace_back();
    node.kind = kind;
    node.items = std::move(items);
    return &node;
  }

  PickleNode* make(PickleValue value) {
    PickleNode* const node = make(Kind::plain);
    node->plain = std::move(value);
    return node;
  }

  // The stack
  // --------------------------------------------------------------------------------------------------------

  void push(PickleNode* node) { stack_.push_back(node); }
  void push_integer(std::int64_t value) { push(make(PickleValue(value))); }

  PickleNode* top() const {
    if (stack_.empty()) refuse_damaged_pickle();
    return stack_.back();
  }

  PickleNode* pop() {
    PickleNode* const node = top();
    stack_.pop_back();
    return node;
  }

  std::vector<PickleNode*> pop_many(std::size_t count) {
    if (count > stack_.size()) refuse_damaged_pickle();
    std::vector<PickleNode*> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    for (const PickleNode* item : items)
      if (item->kind == Kind::mark) refuse_damaged_pickle();
    return items;
  }

  std::vector<PickleNode*> pop_to_mark() {
    std::size_t first = stack_.size();
    while (first > 0 && stack_[first - 1]->kind != Kind::mark) --first;
    if (first == 0) refuse_damaged_pickle();
    auto items = pop_many(stack_.size() - first);
    stack_.pop_back();
    return items;
  }

  void extend(Kind kind, const std::vector<PickleNode*>& items) {
    if (top()->kind != kind || (kind == Kind::dict && items.size() % 2 != 0)) refuse_damaged_pickle();
    if ((contained_ += static_cast<std::int64_t>(items.size())) > kMostPickleValues)
      refuse_pickle("it holds too many values");
    top()->items.insert(top()->items.end(), items.begin(), items.end());
  }

  void memorise() {
    const auto slot = static_cast<std::uint32_t>(memo_.size());
    memo_[slot] = top();
  }

  void recall(std::uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) refuse_damaged_pickle();
    push(found->second);
  }

  // What Python would call
  // -------------------------------------------------------------------------------------------

  void push_function(const std::string& name) {
    if (!machine_.objects_ && !is_known(name))
      refuse_pickle("it wants to call " + name +
                    "; only tensors and plain containers are read, and nothing is run");
    PickleNode* const node = make(Kind::function);
    node->function = name;
    push(node);
  }

  void global() {
    const std::string module = line();
    push_function(module + "." + line());
  }

  void stack_global() {
    const auto names = pop_many(2);
    if (names[0]->plain.text() == nullptr || names[1]->plain.text() == nullptr) refuse_damaged_pickle();
    push_function(*names[0]->plain.text() + "." + *names[1]->plain.text());
  }

  /// ('storage', type, key, device, elements) -> the storage. Before PyTorch 1.6 a sixth told of views: None.
  void persistent() {
    const PickleNode* name = pop();
    const auto& fields = name->items;
    if (name->kind != Kind::tuple || fields.size() < 5 || fields[0]->plain.text() == nullptr ||
        *fields[0]->plain.text() != "storage" || fields[1]->kind != Kind::function ||
        fields[2]->plain.text() == nullptr)
      refuse_damaged_pickle();
    if (fields.size() > 6 || (fields.size() == 6 && !fields[5]->plain.is_none()))
      refuse_pickle("its tensors are views of one another, as only very old versions of PyTorch wrote them");
    const auto type = storage_types().find(fields[1]->function);
    if (type == storage_types().end()) refuse_damaged_pickle();
    PickleNode* const node = make(Kind::storage);
    node->storage = {*fields[2]->plain.text(), type->second, integer_of(fields[4])};
    const auto& first = machine_.storages_.try_emplace(node->storage.key, node->storage).first->second;
    if (first.type != node->storage.type || first.elements != node->storage.elements)
      refuse_pickle("tensor data " + node->storage.key + " has two types");
    push(node);
  }

  void reduce() {
    const PickleNode* arguments = pop();
    const PickleNode* function = pop();
    if (function->kind != Kind::function || arguments->kind != Kind::tuple) refuse_damaged_pickle();
    const std::string& name = function->function;
    if (name == kRebuildTensor || name == kRebuildOldTensor) {
      push(tensor(arguments->items));
    } else if (gives_its_first_argument(name) && !arguments->items.empty()) {
      push(arguments->items.front());
    } else if (name == kOrderedDict && arguments->items.size() <= 1) {
      push(ordered_dict(arguments->items));
    } else if (machine_.objects_ && !is_known(name)) {
      push(object(name));
    } else {
      refuse_damaged_pickle();
    }
  }

  /// (storage, offset, sizes, strides, ...)
  PickleNode* tensor(const std::vector<PickleNode*>& arguments) {
    if (arguments.size() < 4 || arguments[0]->kind != Kind::storage) refuse_damaged_pickle();
    PickleNode* const made = make(Kind::tensor, {arguments[0]});
    made->offset = integer_of(arguments[1]);
    made->sizes = integers_of(arguments[2]);
    made->strides = integers_of(arguments[3]);
    require_inside(*made, arguments[0]->storage.elements);
    return made;
  }

  /// Of nothing, or, as Python 2 wrote it, of a list of pairs.
  PickleNode* ordered_dict(const std::vector<PickleNode*>& arguments) {
    PickleNode* const made = make(Kind::dict);
    if (arguments.empty()) return made;
    if (arguments[0]->kind != Kind::list) refuse_damaged_pickle();
    for (const PickleNode* pair : arguments[0]->items) {
      if ((pair->kind != Kind::list && pair->kind != Kind::tuple) || pair->items.size() != 2)
        refuse_damaged_pickle();
      made->items.insert(made->items.end(), pair->items.begin(), pair->items.end());
    }
    return made;
  }

  PickleNode* object(const std::string& type) {
    PickleNode* const made = make(Kind::object);
    made->function = type;
    return made;
  }

  /// What a class would be asked for; its arguments mean nothing without it.
  void new_object() {
    const auto call = pop_many(2);
    if (!machine_.objects_)
      refuse_pickle("it holds an object of " + call[0]->function +
                    "; only tensors and plain containers are read, and nothing is run");
    if (call[0]->kind != Kind::function || call[1]->kind != Kind::tuple) refuse_damaged_pickle();
    push(call[0]->function == kOrderedDict ? make(Kind::dict) : object(call[0]->function));
  }

  /// An object's attributes. Of an OrderedDict those are, in a state dict, the `_metadata` of its modules,
  /// which nothing here needs.
  void build() {
    PickleNode* const state = pop();
    if (top()->kind == Kind::object)
      top()->items = {state};
    else if (top()->kind != Kind::dict && !(machine_.objects_ && top()->kind == Kind::tensor))
      refuse_pickle("it sets attributes of something that is not a dict");
  }

  PickleMachine& machine_;
  std::int64_t contained_ = 0;
  std::vector<PickleNode*> stack_;
  std::unordered_map<std::uint32_t, PickleNode*> memo_;
};

std::size_t PickleMachine::run(std::string_view program) {
  return PickleRun(*this, program).run();
}

}  // namespace res2clip
