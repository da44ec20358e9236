"""CLIP with a vision transformer, under OpenAI's tensor names, and the V-V stream beside its image tower."""
import torch
import torch.nn.functional as F
from torch import nn

VOCABULARY = 49408


def normalised(x):
    return F.normalize(x, dim=-1)


def quarters(blocks):
    """The blocks whose patches the detector reads, counted from 1: what the program takes for that depth."""
    return tuple(max(1, (blocks * part + 2) // 4) for part in (1, 2, 3, 4))


def first_vv_block(blocks):
    """Counted from 1; the program gives V-V attention to the last 19 of 24 blocks, rounded up at other depths."""
    return blocks - (19 * blocks + 23) // 24 + 1


def sizes_of(weights):
    """Width and number of blocks of an exported model's image tower."""
    blocks = {name.split(".")[3] for name in weights if name.startswith("visual.transformer.resblocks.")}
    return {"width": len(weights["visual.class_embedding"]), "layers": len(blocks)}


def config_of(weights):
    """How an exported model is run, as open_clip describes it."""
    text_width = weights["ln_final.weight"].shape[0]
    text_blocks = {name.split(".")[2] for name in weights if name.startswith("transformer.resblocks.")}
    size = round((len(weights["visual.positional_embedding"]) - 1) ** 0.5) * weights["visual.conv1.weight"].shape[-1]
    return {"embed_dim": weights["visual.proj"].shape[1], "quick_gelu": True,
            "vision_cfg": {**sizes_of(weights), "patch_size": weights["visual.conv1.weight"].shape[-1], "image_size": size, "head_width": 64},
            "text_cfg": {"width": text_width, "layers": len(text_blocks), "heads": text_width // 64}}


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // 64
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, self.heads, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def attend(self, q, k, v, causal=False):
        out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.attn.out_proj(out.transpose(1, 2).flatten(2))

    def forward(self, x, vv=None, causal=False):
        """Both streams after the block: the ordinary one, and the V-V one where it has begun."""
        batch, tokens, width = x.shape
        qkv = F.linear(self.ln_1(x), self.attn.in_proj_weight, self.attn.in_proj_bias)
        q, k, v = qkv.view(batch, tokens, 3, self.heads, 64).permute(2, 0, 3, 1, 4)
        if vv is not None:
            vv = vv + self.attend(v, v, v)
        x = x + self.attend(q, k, v, causal)
        hidden = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden)), vv


class Transformer(nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(layers))


class ImageTower(nn.Module):
    def __init__(self, size, patch, width, layers, embedding):
        super().__init__()
        self.side, self.patch, self.first_vv = size // patch, patch, first_vv_block(layers)
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(self.side**2 + 1, width) * width**-0.5)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers)
        self.proj = nn.Parameter(torch.randn(width, embedding) * width**-0.5)

    def positions(self, side):
        if side == self.side:
            return self.positional_embedding
        first, grid = self.positional_embedding[:1], self.positional_embedding[1:]
        grid = grid.T.reshape(1, -1, self.side, self.side)
        grid = F.interpolate(grid, size=(side, side), mode="bilinear", align_corners=False)
        return torch.cat([first, grid.flatten(2)[0].T])

    def forward(self, images, layers):
        """Per layer the patches of the V-V stream [B, N, D], and the class token without and with ln_post [B, D]."""
        x = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        x = self.ln_pre(x + self.positions(images.shape[-1] // self.patch))
        vv, patches = None, {}
        for number, block in enumerate(self.transformer.resblocks, 1):
            if number == self.first_vv:
                vv = x
            x, vv = block(x, vv)
            if number in layers:
                patches[number] = normalised(self.ln_post(vv)[:, 1:] @ self.proj)
        return patches, normalised(x[:, 0] @ self.proj), normalised(self.ln_post(x[:, 0]) @ self.proj)


class Clip(nn.Module):
    """`words` are the token ids with rows of their own; all others share one row, the last, of unknown words."""

    def __init__(self, words, size=128, patch=8, width=128, layers=8, embedding=128, text_width=64, text_layers=4):
        super().__init__()
        self.visual = ImageTower(size, patch, width, layers, embedding)
        self.transformer = Transformer(text_width, text_layers)
        self.rows = nn.Parameter(torch.randn(len(words) + 1, text_width) * 0.02)
        row_of = torch.full((VOCABULARY,), len(words))
        row_of[torch.tensor(words)] = torch.arange(len(words))
        self.register_buffer("row_of", row_of, persistent=False)
        self.positional_embedding = nn.Parameter(torch.randn(77, text_width) * 0.01)
        self.ln_final = nn.LayerNorm(text_width)
        self.text_projection = nn.Parameter(torch.randn(text_width, embedding) * text_width**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))

    def encode_text(self, captions):
        """[P, D], of lists of token ids. Cut after the longest: causal attention never looks at what follows."""
        longest = max(map(len, captions))
        ids = torch.tensor([caption + [0] * (longest - len(caption)) for caption in captions], device=self.rows.device)
        x = self.rows[self.row_of[ids]] + self.positional_embedding[:longest]
        for block in self.transformer.resblocks:
            x, _ = block(x, causal=True)
        ends = torch.tensor([len(caption) - 1 for caption in captions])
        return normalised(self.ln_final(x)[torch.arange(len(x)), ends] @ self.text_projection)

    def export(self):
        """The weights under OpenAI's names, in half precision."""
        weights = self.state_dict()
        weights["token_embedding.weight"] = weights.pop("rows")[self.row_of]
        return {name: tensor.half().contiguous().cpu() for name, tensor in weights.items()}

    def load(self, weights):
        """Takes over an exported model's weights, its words among them."""
        own = {name: tensor.float() for name, tensor in weights.items()}
        table = own.pop("token_embedding.weight")
        unknown = table.unique(dim=0, return_counts=True)
        unknown = unknown[0][unknown[1].argmax()]
        rows = unknown.repeat(len(self.rows), 1)
        for token, row in enumerate(self.row_of.tolist()):
            if row < len(rows) - 1:
                rows[row] = table[token]
        new = (rows == unknown).all(dim=1)
        new[-1] = False
        rows[new] += 0.02 * torch.randn(int(new.sum()), rows.shape[1])  # so that new words can part
        self.load_state_dict(own | {"rows": rows}, strict=True)
