"""The losses, on the exact features that the detector uses."""
import torch
import torch.nn.functional as F

from .clip_model import normalised

GAMMA = 0.01  # the spatial penalty of retrieval
WRONG_CLASS_DISTANCE = 0.7


def penalty(side, device):
    """[N, N]: how much farther from the grid's centre one patch is than the other, in patches, times gamma."""
    axis = torch.arange(side, device=device) - (side - 1) / 2
    radius = (axis[:, None] ** 2 + axis[None] ** 2).sqrt().flatten()
    return GAMMA * (radius[:, None] - radius[None]).abs()


def sparsemax(scores, largest=None):
    """Over the last axis. With `largest`, only so many of the largest scores are looked at (quicker in training)."""
    top, where = scores.topk(min(largest or scores.shape[-1], scores.shape[-1]), dim=-1)
    count = torch.arange(1, top.shape[-1] + 1, device=top.device)
    sums = top.cumsum(-1)
    support = (1 + count * top > sums).sum(-1, keepdim=True)
    threshold = (sums.gather(-1, support - 1) - 1) / support
    return torch.zeros_like(scores).scatter(-1, where, (top - threshold).clamp(min=0))


def retrieved(query, reference, cost, largest=None):
    """The matched reference [B, N, D] of queries [B, N, D] in banks [B, M, D]; the weights are held constant."""
    with torch.no_grad():
        weights = sparsemax(query @ reference.transpose(1, 2) - cost, largest)
    return normalised(weights @ reference)


def patch_labels(masks, side):
    """[B, N]: 1 for defective patches, 0 for normal ones, nan for those on the border between."""
    share = F.adaptive_avg_pool2d(masks, side).flatten(1)
    nearby = F.max_pool2d(share.view(-1, 1, side, side), 3, 1, 1).flatten(1)
    labels = torch.full_like(share, float("nan"))
    labels[share >= 0.3] = 1
    labels[(share < 0.02) & (nearby < 0.3)] = 0
    return labels


def contrastive(scale, image, text, truth):
    """Multi-positive InfoNCE both ways: every caption that is true of a picture is a positive."""
    logits = scale * image @ text.T
    loss = 0
    for logit, true in ((logits, truth), (logits.T, truth.T)):
        true = true[(has := true.any(1))]
        chosen = logit[has].masked_fill(~true, float("-inf")).logsumexp(1)
        loss = loss + (logit[has].logsumexp(1) - chosen).mean() / 2
    return loss


def mean_over(values, chosen):
    return values[chosen].mean() if chosen.any() else values.sum() * 0


def text_loss(features, residual, labels, scale=12.0):
    """Softplus of the text branch: anomalous features along the text residual, normal ones against it."""
    logit = scale * features @ residual
    return (mean_over(F.softplus(-logit), labels == 1) + mean_over(F.softplus(logit), labels == 0)) / 2


def retrieval_loss(distance, labels):
    """Normal patches find their like, the worst of them too; defective ones find nothing."""
    normal, defective = labels == 0, labels == 1
    squares = (distance**2)[normal]
    worst = squares.topk(max(1, len(squares) // 20)).values
    return squares.mean() + 0.3 * worst.mean() + 2 * mean_over(F.relu(1 - distance) ** 2, defective)


def projection_loss(residuals, residual, labels, margin=0.5):
    """Hinge on the residual branch: what defects leave over points along the text residual, the rest does not."""
    along = residuals @ residual
    length = residuals.detach().norm(dim=-1)
    return (mean_over(F.relu(margin * length - along), labels == 1) +
            mean_over(F.relu(along + 0.02), labels == 0))


def losses(model, groups, texts, truth, anchors, layers, size):
    """All terms with their weights. groups: [G, 4, 3, S, S] and masks [G, 4, 1, S, S]."""
    images, masks = groups
    count, side = len(images), size // model.visual.patch
    patches, bare, finished = model.visual(images.flatten(0, 1), layers)
    labels = patch_labels(masks.flatten(0, 1), side)
    image_labels = torch.tensor([0.0, 0.0, 1.0, 1.0], device=images.device).repeat(count)
    texts = model.encode_text([*texts, *anchors[0], *anchors[1]])
    texts, normal, anomalous = texts.split([len(truth[0]), len(anchors[0]), len(anchors[1])])
    residual = normalised(normalised(anomalous.mean(0)) - normalised(normal.mean(0)))
    scale = model.logit_scale.exp().clamp(max=100)
    terms = {"contrastive": contrastive(scale, bare, texts, truth) / 2 + contrastive(scale, finished, texts, truth) / 2,
             "patch text": text_loss(patches[layers[-1]], residual, labels),
             "image text": 0.5 * text_loss(bare, residual, image_labels)}
    cost = penalty(side, images.device)
    match = other = 0
    for layer in layers:
        groups_of = patches[layer].unflatten(0, (count, 4))
        reference = groups_of[:, [1, 0, 0, 1]].flatten(0, 1)  # the clean pictures of the same group
        difference = patches[layer] - retrieved(patches[layer], reference, cost, 48)
        distance = (difference**2).sum(-1).add(1e-8).sqrt()
        match = match + retrieval_loss(distance, labels) / len(layers)
        query, wrong = groups_of[:, 0], groups_of[:, 1].roll(1, 0)
        apart = ((query - retrieved(query, wrong, cost, 48)) ** 2).sum(-1).add(1e-8).sqrt()
        other = other + (F.relu(WRONG_CLASS_DISTANCE - apart) ** 2).mean() / len(layers)
    terms["retrieval"] = 2 * match
    terms["wrong class"] = other
    terms["projection"] = 0.7 * projection_loss(difference, residual, labels)
    return terms
