"""Parts of scripts/train_demo_backbone.py."""
