#include "program.hpp"

#include <string_view>

namespace res2clip {
namespace {

constexpr std::string_view kProgram = R"(
def position_grid(self, rows: int, cols: int) -> Tensor:
    positions = self.vision_positions
    if rows == self.native_grid and cols == self.native_grid:
        return positions
    width = positions.size(1)
    grid = positions[1:].reshape(1, self.native_grid, self.native_grid, width).permute(0, 3, 1, 2)
    grid = torch.upsample_bilinear2d(grid, [rows, cols], False, None, None)
    return torch.cat([positions[:1], grid.permute(0, 2, 3, 1).reshape(rows * cols, width)], 0)

def split_heads(self, x: Tensor, heads: int) -> Tensor:
    return x.reshape(x.size(0), x.size(1), heads, x.size(2) // heads).transpose(1, 2)

def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int, causal: bool) -> Tensor:
    q = self.split_heads(q, heads)
    k = self.split_heads(k, heads)
    v = self.split_heads(v, heads)
    out = torch.scaled_dot_product_attention(q, k, v, None, 0.0, causal)
    return out.transpose(1, 2).reshape(out.size(0), out.size(2), out.size(1) * out.size(3))

def feed_forward(self, x: Tensor, fc_weight: Tensor, fc_bias: Tensor, proj_weight: Tensor, proj_bias: Tensor) -> Tensor:
    h = torch.linear(x, fc_weight, fc_bias)
    return torch.linear(h * torch.sigmoid(1.702 * h), proj_weight, proj_bias)

def patch_features(self, x: Tensor) -> Tensor:
    x = x[:, 1:]
    if self.patch_ln_post:
        x = torch.layer_norm(x, [x.size(2)], self.ln_post_weight, self.ln_post_bias, 1e-5)
    if self.patch_projection:
        x = torch.matmul(x, self.vision_projection)
    return x

def encode_image(self, images: Tensor, layers: List[int]) -> Tuple[Tensor, List[Tensor]]:
    x = torch.conv2d(images, self.convolution, None, [self.patch_size, self.patch_size])
    rows = x.size(2)
    cols = x.size(3)
    x = x.flatten(2).transpose(1, 2)
    width = x.size(2)
    start = self.class_embedding.reshape(1, 1, width).expand(x.size(0), 1, width)
    x = torch.cat([start, x], 1) + self.position_grid(rows, cols)
    x = torch.layer_norm(x, [width], self.ln_pre_weight, self.ln_pre_bias, 1e-5)
    vv = x
    found: Dict[int, Tensor] = {}
    first = self.vision_layers - self.vv_blocks
    for i in range(self.vision_layers):
        h = torch.layer_norm(x, [width], self.vision_ln_1_weight[i], self.vision_ln_1_bias[i], 1e-5)
        qkv = torch.linear(h, self.vision_in_weight[i], self.vision_in_bias[i])
        q = qkv[:, :, :width]
        k = qkv[:, :, width:2 * width]
        v = qkv[:, :, 2 * width:]
        if i == first:
            vv = x
        if i >= first:
            a = self.attend(v, v, v, self.vision_heads, False)
            vv = vv + torch.linear(a, self.vision_out_weight[i], self.vision_out_bias[i])
        a = self.attend(q, k, v, self.vision_heads, False)
        x = x + torch.linear(a, self.vision_out_weight[i], self.vision_out_bias[i])
        h = torch.layer_norm(x, [width], self.vision_ln_2_weight[i], self.vision_ln_2_bias[i], 1e-5)
        x = x + self.feed_forward(h, self.vision_fc_weight[i], self.vision_fc_bias[i], self.vision_proj_weight[i], self.vision_proj_bias[i])
        if (i + 1) in layers:
            found[i + 1] = self.patch_features(vv if i >= first else x)
    cls = x[:, 0]
    if self.global_ln_post:
        cls = torch.layer_norm(cls, [width], self.ln_post_weight, self.ln_post_bias, 1e-5)
    patches: List[Tensor] = []
    for layer in layers:
        patches.append(found[layer])
    return torch.matmul(cls, self.vision_projection), patches

def encode_text(self, tokens: Tensor) -> Tensor:
    x = torch.embedding(self.token_embedding, tokens) + self.text_positions[:tokens.size(1)]
    width = x.size(2)
    for i in range(self.text_layers):
        h = torch.layer_norm(x, [width], self.text_ln_1_weight[i], self.text_ln_1_bias[i], 1e-5)
        qkv = torch.linear(h, self.text_in_weight[i], self.text_in_bias[i])
        a = self.attend(qkv[:, :, :width], qkv[:, :, width:2 * width], qkv[:, :, 2 * width:], self.text_heads, True)
        x = x + torch.linear(a, self.text_out_weight[i], self.text_out_bias[i])
        h = torch.layer_norm(x, [width], self.text_ln_2_weight[i], self.text_ln_2_bias[i], 1e-5)
        x = x + self.feed_forward(h, self.text_fc_weight[i], self.text_fc_bias[i], self.text_proj_weight[i], self.text_proj_bias[i])
    x = torch.layer_norm(x, [width], self.ln_final_weight, self.ln_final_bias, 1e-5)
    ends = torch.argmax(tokens, 1)
    return torch.matmul(x[torch.arange(x.size(0), device=x.device), ends], self.text_projection)
)";

constexpr std::string_view kQuickGelu = "h * torch.sigmoid(1.702 * h)";

std::string_view expression_of(Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return "torch.gelu(h)";
    case Activation::gelu_tanh:
      return "torch.gelu(h, approximate='tanh')";
    default:
      return kQuickGelu;
  }
}

}  // namespace

std::string archive_program(Activation activation) {
  std::string program(kProgram);
  return program.replace(program.find(kQuickGelu), kQuickGelu.size(), expression_of(activation));
}

}  // namespace res2clip
