#include "reduced_tower.hpp"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "res2clip/compute/processor.hpp"

#include "reduced_product.hpp"

namespace res2clip::cpu {
namespace {

constexpr std::int64_t kRowsOfATask = 16;

ReducedForm form_of(Precision precision) {
  ReducedForm form;
  form.bytes = precision == Precision::int8;
  if (!form.bytes) return form;
  form.attention = this_processor().bf16_products ? at::kBFloat16 : at::kFloat;
  form.largest_byte = largest_exact_byte();
  return form;
}

struct LayerNorm {
  at::Tensor gain, shift;  // [W]
};

struct BlockWeights {
  LayerNorm ln_1, ln_2;
  ReducedWeight in, out, fc, proj;  // for QuickGELU, fc's times 1.702 and proj's divided by it
};

const float* floats(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

/// Calls `work(row, scratch)` for all rows on all threads; the scratch, of `width` floats, is a thread's.
template <class Work>
void for_each_row(std::int64_t rows, std::int64_t width, const Work& work) {
  at::parallel_for(0, rows, kRowsOfATask, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) work(row, scratch.data());
  });
}

}  // namespace

struct ReducedTower::Weights {
  Weights(const ImageTower& whole, Precision precision);

  const ImageTower& tower;
  ReducedForm form;
  std::vector<BlockWeights> blocks;
  ReducedWeight query, key_value;  // parts of the last block's `in`, read where only the class token asks
};

ReducedTower::Weights::Weights(const ImageTower& whole, Precision precision)
    : tower(whole), form(form_of(precision)) {
  const ModelCard& card = tower.card;
  const auto patches = card.image_size / card.sizes.patch_size, width = card.sizes.vision_width;
  const auto rows = patches * patches + 1;
  const auto reduced = [&](const at::Tensor& matrix, const at::Tensor& bias) {
    return reduced_weight(matrix, bias, form, rows);
  };
  // silu(1.702 h) / 1.702 is QuickGELU(h): both factors ride along in the two products.
  const double factor = card.form.activation == Activation::quick_gelu ? kQuickGelu : 1.0;
  for (std::int64_t block = 0; block < card.sizes.vision_layers; ++block) {
    const auto of = [&](const char* name) { return tower.block(name, block); };
    blocks.push_back({{of("ln_1_weight").contiguous(), of("ln_1_bias").contiguous()},
                      {of("ln_2_weight").contiguous(), of("ln_2_bias").contiguous()},
                      reduced(of("in_weight"), of("in_bias")),
                      reduced(of("out_weight"), of("out_bias")),
                      reduced(of("fc_weight") * factor, of("fc_bias") * factor),
                      reduced(of("proj_weight") / factor, of("proj_bias"))});
  }
  const auto matrix = tower.block("in_weight", card.sizes.vision_layers - 1);
  const auto bias = tower.block("in_bias", card.sizes.vision_layers - 1);
  query = reduced(matrix.narrow(0, 0, width), bias.narrow(0, 0, width));
  key_value = reduced(matrix.narrow(0, width, 2 * width), bias.narrow(0, width, 2 * width));
}

/// One batch on its way through the blocks. x_ and vv_ are [B * T, W].
class ReducedTower::Run {
 public:
  Run(const Weights& weights, const at::Tensor& images)
      : weights_(weights),
        card_(weights.tower.card),
        form_(weights.form),
        batch_(images.size(0)),
        width_(card_.sizes.vision_width) {
    x_ = embed_images(weights.tower, images, grid_);
    tokens_ = grid_.size() + 1;
  }

  RawFeatures run(const std::set<int>& layers) {
    const auto plan = plan_blocks(card_, layers);
    RawFeatures found;
    ReducedRows rows = normed(x_, weights_.blocks.front().ln_1);
    for (std::size_t block = 0; block < plan.size(); ++block) {
      const bool last = block + 1 == plan.size();
      if (plan[block].starts_vv) vv_ = x_.clone();
      rows = plan[block].class_token_only ? class_token_block(rows, plan[block].vv)
                                          : full_block(block, rows, plan[block].vv);
      rows = feed_forward(weights_.blocks[block], rows, last ? nullptr : &weights_.blocks[block + 1].ln_1);
      if (plan[block].wanted)
        found.patches[static_cast<int>(block) + 1] =
            patch_features(weights_.tower, plan[block].of_vv ? vv_ : x_, batch_);
    }
    const auto tokens = x_.size(0) / batch_;
    found.global = global_features(weights_.tower, x_.view({batch_, tokens, width_}).select(1, 0));
    found.grid = grid_;
    return found;
  }

 private:
  /// The attention part of a block. Takes and gives what its next product reads.
  ReducedRows full_block(std::size_t block, const ReducedRows& rows, bool vv) {
    const BlockWeights& weights = weights_.blocks[block];
    const auto qkv = attention_input(rows, weights.in, form_).view({batch_, tokens_, 3 * width_});
    const auto q = qkv.narrow(2, 0, width_), k = qkv.narrow(2, width_, width_),
               v = qkv.narrow(2, 2 * width_, width_);
    if (vv) add(vv_, product(attention(v, v, v), weights.out));
    return add_and_normalise(x_, product(attention(q, k, v), weights.out), weights.ln_2);
  }

  /// The same of the last block, for the class token alone.
  ReducedRows class_token_block(const ReducedRows& rows, bool vv) {
    const BlockWeights& weights = weights_.blocks.back();
    const auto kv = attention_input(rows, weights_.key_value, form_).view({batch_, tokens_, 2 * width_});
    const auto k = kv.narrow(2, 0, width_), v = kv.narrow(2, width_, width_);
    if (vv) add(vv_, product(attention(v, v, v), weights.out));
    const auto q = attention_input(class_tokens(rows), weights_.query, form_).view({batch_, 1, width_});
    x_ = x_.view({batch_, tokens_, width_}).select(1, 0).contiguous();
    return add_and_normalise(x_, product(attention(q, k, v), weights.out), weights.ln_2);
  }

  /// x_ += the feed-forward part of `rows`. What the next block's first product reads, if there is one.
  ReducedRows feed_forward(const BlockWeights& weights, const ReducedRows& rows, const LayerNorm* next) {
    const auto fed = product(activated(product(rows, weights.fc)), weights.proj);
    if (next != nullptr) return add_and_normalise(x_, fed, *next);
    add(x_, fed);
    return {};
  }

  ReducedRows class_tokens(const ReducedRows& rows) const {
    const auto first = [&](const at::Tensor& all) {
      return all.defined() ? all.unflatten(0, {batch_, tokens_}).select(1, 0).contiguous() : all;
    };
    return {first(rows.values), first(rows.scale), first(rows.least)};
  }

  /// [B, T, W] each -> [B * T of q, W], as a product reads it.
  ReducedRows attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const auto heads =
        at::scaled_dot_product_attention(split_heads(card_, q), split_heads(card_, k), split_heads(card_, v));
    const auto out = heads.transpose(1, 2).reshape({-1, width_});
    if (!form_.bytes) return {out, {}, {}};
    const auto numbers = out.to(at::kFloat).contiguous();
    ReducedRows rows = empty_rows(numbers.size(0), width_, form_);
    for_each_row(rows.count(), 0,
                 [&](std::int64_t row, float*) { rows.save(row, floats(numbers) + row * width_, form_); });
    return rows;
  }

  ReducedRows normed(const at::Tensor& x, const LayerNorm& norm) const {
    ReducedRows rows = empty_rows(x.size(0), width_, form_);
    for_each_row(x.size(0), width_, [&](std::int64_t row, float* scratch) {
      normalise_row(floats(x) + row * width_, floats(norm.gain), floats(norm.shift), width_, scratch);
      rows.save(row, scratch, form_);
    });
    return rows;
  }

  /// x += what the product gave.
  void add(at::Tensor& x, const RawProduct& given) const {
    float* sums = x.data_ptr<float>();
    for_each_row(x.size(0), width_, [&](std::int64_t row, float* scratch) {
      given.load(row, scratch);
      add_row(scratch, width_, sums + row * width_);
    });
  }

  /// The same, and the layer norm of it.
  ReducedRows add_and_normalise(at::Tensor& x, const RawProduct& given, const LayerNorm& norm) const {
    float* sums = x.data_ptr<float>();
    ReducedRows rows = empty_rows(x.size(0), width_, form_);
    for_each_row(x.size(0), width_, [&](std::int64_t row, float* scratch) {
      float* sum = sums + row * width_;
      given.load(row, scratch);
      add_row(scratch, width_, sum);
      normalise_row(sum, floats(norm.gain), floats(norm.shift), width_, scratch);
      rows.save(row, scratch, form_);
    });
    return rows;
  }

  /// The activation of a product, a few rows at a time.
  ReducedRows activated(const RawProduct& given) const {
    const auto width = given.width();
    ReducedRows rows =
        form_.bytes ? empty_rows(given.count(), width, form_) : ReducedRows{given.values, {}, {}};
    at::parallel_for(0, (given.count() + kRowsOfATask - 1) / kRowsOfATask, 1, [&](auto begin, auto end) {
      const auto buffer = at::empty({kRowsOfATask, width}, at::kFloat);
      for (std::int64_t task = begin; task < end; ++task) {
        const auto first = task * kRowsOfATask, count = std::min(kRowsOfATask, given.count() - first);
        auto tile = buffer.narrow(0, 0, count);
        float* numbers = tile.template data_ptr<float>();
        for (std::int64_t row = 0; row < count; ++row) given.load(first + row, numbers + row * width);
        activate(tile, card_.form.activation);
        for (std::int64_t row = 0; row < count; ++row) rows.save(first + row, numbers + row * width, form_);
      }
    });
    return rows;
  }

  const Weights& weights_;
  const ModelCard& card_;
  const ReducedForm& form_;
  std::int64_t batch_, width_, tokens_ = 0;
  Grid grid_;
  at::Tensor x_, vv_;
};

ReducedTower::ReducedTower(const ImageTower& tower, Precision precision)
    : weights_(std::make_unique<const Weights>(tower, precision)) {}
ReducedTower::~ReducedTower() = default;
ReducedTower::ReducedTower(ReducedTower&&) noexcept = default;
ReducedTower& ReducedTower::operator=(ReducedTower&&) noexcept = default;

RawFeatures ReducedTower::encode(const at::Tensor& images, const std::set<int>& layers) const {
  return Run(*weights_, images).run(layers);
}

bool ReducedTower::full_bytes() const {
  return weights_->form.largest_byte == 255;
}

}  // namespace res2clip::cpu
