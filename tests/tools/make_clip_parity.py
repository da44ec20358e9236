#!/usr/bin/env python3
"""Small CLIPs of every form that is supported, as open_clip and transformers run them: tests/data/weights/parity.{json,pt}.

    python tests/tools/make_clip_parity.py tests/data/weights      (needs torch, open-clip-torch, transformers; downloads nothing)

Weights are by formula (tests/data/README.md), so that the tests make the same ones. Per model the .json holds its sizes and the config as
its library writes it; the .pt holds, before normalisation, the text features, the class token of the last block without ln_post, projected,
and the patches of image 0 after block 2, through ln_post and projected: what no V-V attention reaches.
"""
import json
import math
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import open_clip
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP
from transformers import CLIPConfig, CLIPModel

SIZE, PATCH, LAYERS, EMBED, TEXT_WIDTH, TEXT_LAYERS = 64, 16, 4, 64, 64, 2
TEXTS = ["a photo of a damaged object.", "itap of a flawless metal nut."]


def formula(name, shape, scale, offset=0.0):
    seed = 2166136261
    for letter in name.encode():
        seed = (seed ^ letter) * 16777619 & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        h = np.uint32(seed) + np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(0x9E3779B9)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        h ^= h >> np.uint32(16)
    values = ((h >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)) * np.float32(scale)
    return torch.from_numpy((values + np.float32(offset) if offset else values).reshape(shape))


def scale_of(name, shape, width, layers):
    """(scale, offset) of a tensor under OpenAI's name, of a tower of that width and depth."""
    root3 = math.sqrt(3)
    part = name.split("resblocks.")[-1].split(".", 1)[-1] if "resblocks" in name else name
    if part.endswith(("ln_1.weight", "ln_2.weight", "ln_pre.weight", "ln_post.weight", "ln_final.weight")):
        return 0.1, 1.0
    if part.endswith("bias"):
        return 0.02, 0.0
    return {"attn.in_proj_weight": root3 / math.sqrt(width), "attn.out_proj.weight": root3 / math.sqrt(width) / math.sqrt(2 * layers),
            "mlp.c_fc.weight": root3 / math.sqrt(2 * width), "mlp.c_proj.weight": root3 / math.sqrt(width) / math.sqrt(2 * layers),
            "positional_embedding": 0.5, "visual.positional_embedding": 0.5, "visual.class_embedding": 1.0, "token_embedding.weight": 1.0,
            "text_projection": root3 / math.sqrt(TEXT_WIDTH), "visual.proj": root3 / math.sqrt(width),
            "visual.conv1.weight": root3 / math.sqrt(3 * PATCH * PATCH)}[part], 0.0


def fill(state, vision_width):
    """The formula's numbers for a state dict under OpenAI's names."""
    filled = {}
    for name, tensor in state.items():
        visual = name.startswith("visual.")
        if name == "logit_scale":
            filled[name] = tensor
            continue
        scale, offset = scale_of(name, tensor.shape, vision_width if visual else TEXT_WIDTH, LAYERS if visual else TEXT_LAYERS)
        filled[name] = formula(name, tuple(tensor.shape), scale, offset)
    return filled


def class_token_and_patches(visual, images):
    with torch.no_grad():
        x = visual.conv1(images).flatten(2).permute(0, 2, 1)
        x = torch.cat([visual.class_embedding.expand(len(images), 1, -1), x], 1) + visual.positional_embedding
        x = visual.ln_pre(x)
        for number, block in enumerate(visual.transformer.resblocks, 1):
            x = block(x)
            if number == 2:
                patches = visual.ln_post(x[0, 1:]) @ visual.proj
        return x[:, 0] @ visual.proj, patches


def to_hugging_face(state):
    """As transformers' convert_clip_original_pytorch_to_hf.py maps them."""
    single = {"token_embedding.weight": "text_model.embeddings.token_embedding.weight",
              "positional_embedding": "text_model.embeddings.position_embedding.weight",
              "ln_final": "text_model.final_layer_norm", "visual.class_embedding": "vision_model.embeddings.class_embedding",
              "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
              "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
              "visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm"}
    theirs = {"logit_scale": state["logit_scale"], "visual_projection.weight": state["visual.proj"].t().contiguous(),
              "text_projection.weight": state["text_projection"].t().contiguous()}
    for name, tensor in state.items():
        if "resblocks." in name:
            tower = "vision_model" if name.startswith("visual.") else "text_model"
            block, part = name.split("resblocks.")[1].split(".", 1)
            start = f"{tower}.encoder.layers.{block}."
            if part.startswith("attn.in_proj_"):
                for letter, piece in zip("qkv", tensor.chunk(3)):
                    theirs[f"{start}self_attn.{letter}_proj.{part[13:]}"] = piece.contiguous()
                continue
            for ours, other in (("attn.out_proj", "self_attn.out_proj"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
                                ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2")):
                if part.startswith(ours):
                    theirs[start + other + part[len(ours):]] = tensor
        for ours, other in single.items():
            if name == ours or name.startswith(ours + "."):
                theirs[other + name[len(ours):]] = tensor
    return theirs


def open_clip_model(width, head, quick, ratio=4.0, act=None, custom=False):
    vision = dict(layers=LAYERS, width=width, head_width=head, patch_size=PATCH, image_size=SIZE, mlp_ratio=ratio, act_kwargs=act)
    text = dict(context_length=77, vocab_size=49408, width=TEXT_WIDTH, heads=1, layers=TEXT_LAYERS, act_kwargs=act)
    make = CustomTextCLIP if custom else CLIP
    model = make(EMBED, CLIPVisionCfg(**vision), CLIPTextCfg(**text), quick_gelu=quick).eval()
    renamed = {name.removeprefix("text."): tensor for name, tensor in model.state_dict().items()}
    filled = fill(renamed, width)
    model.load_state_dict({name: filled[name.removeprefix("text.")] for name in model.state_dict()})
    config = {"model_cfg": {"embed_dim": EMBED, "quick_gelu": quick, "custom_text": custom, "vision_cfg": vision, "text_cfg": text},
              "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}
    return model, config


def hugging_face_model(act, width, heads, text_heads):
    common = dict(hidden_act=act, projection_dim=EMBED)
    config = CLIPConfig(text_config=dict(hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_attention_heads=text_heads,
                                         vocab_size=49408, max_position_embeddings=77, num_hidden_layers=TEXT_LAYERS, **common),
                        vision_config=dict(hidden_size=width, intermediate_size=4 * width, num_attention_heads=heads, image_size=SIZE,
                                           patch_size=PATCH, num_hidden_layers=LAYERS, **common), projection_dim=EMBED)
    model = CLIPModel(config).eval()
    named = CLIP(EMBED, CLIPVisionCfg(layers=LAYERS, width=width, head_width=64, patch_size=PATCH, image_size=SIZE),
                 CLIPTextCfg(context_length=77, vocab_size=49408, width=TEXT_WIDTH, heads=1, layers=TEXT_LAYERS)).state_dict()
    missing = model.load_state_dict(to_hugging_face(fill(named, width)), strict=False)
    assert not missing.unexpected_keys and all("position_ids" in key for key in missing.missing_keys), missing
    return model, json.loads(model.config.to_json_string(use_diff=False))


def numbers_of_hugging_face(model, images, tokens):
    with torch.no_grad():
        text = model.text_model(tokens).last_hidden_state
        vision = model.vision_model(images, output_hidden_states=True)
        patches = model.visual_projection(model.vision_model.post_layernorm(vision.hidden_states[2][0, 1:]))
        return (model.text_projection(text[torch.arange(len(tokens)), tokens.argmax(-1)]),
                model.visual_projection(vision.last_hidden_state[:, 0]), patches)


def main():
    out = Path(sys.argv[1])
    images = formula("images", (2, 3, SIZE, SIZE), 2.0)
    tokens = open_clip.get_tokenizer("ViT-B-32")(TEXTS)
    models, numbers = {}, {}

    def keep(name, container, width, hidden, config, text, class_token, patches):
        models[name] = {"container": container, "vision_width": width, "vision_hidden": hidden, "config": config}
        numbers.update({f"{name}/text": text.clone(), f"{name}/class_token": class_token.clone(), f"{name}/patches": patches.clone()})

    for name, options in {"open_clip_quick": (128, 64, True), "open_clip_gelu": (128, 64, False),
                          "open_clip_tanh": (128, 64, False, 4.0, {"approximate": "tanh"}), "open_clip_head80": (320, 80, False),
                          "open_clip_head88": (176, 88, False, 4.3637), "open_clip_head104": (208, 104, False, 4.9231),
                          "custom_text": (128, 64, True, 4.0, None, True)}.items():
        model, config = open_clip_model(*options)
        with torch.no_grad():
            keep(name, "custom_text" if name == "custom_text" else "open_clip", options[0],
                 model.visual.transformer.resblocks[0].mlp.c_fc.weight.shape[0], config, model.encode_text(tokens),
                 *class_token_and_patches(model.visual, images))
    for name, options in {"hugging_face_quick": ("quick_gelu", 128, 2, 1), "hugging_face_gelu": ("gelu", 128, 2, 1),
                          "hugging_face_head32_tanh": ("gelu_pytorch_tanh", 128, 4, 2)}.items():
        model, config = hugging_face_model(*options)
        keep(name, "hugging_face", options[1], 4 * options[1], config, *numbers_of_hugging_face(model, images, tokens))
    (out / "parity.json").write_text(json.dumps({"texts": TEXTS, "models": models}, indent=1, sort_keys=True) + "\n")
    torch.save(numbers, out / "parity.pt")
    print(*models)


main()
