"""Where PyTorch computes: the CPU, or a CUDA card with TensorFloat-32 off or on."""

import torch


def choose_device(options):
    """`options`: "device" ("cpu" or "cuda"), "tf32" (whether convolutions and matrix products may round to TF32)."""
    device = torch.device(options.get("device", "cpu"))
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = bool(options.get("tf32"))
        torch.backends.cudnn.allow_tf32 = bool(options.get("tf32"))
        torch.backends.cudnn.benchmark = True  # the fastest of cuDNN's algorithms for each shape
    return device


def device_name(device):
    return f"GPU:0 {torch.cuda.get_device_name(device)}" if device.type == "cuda" else "CPU:0"


def wait_for(device):
    """A clock around work on a card says nothing before the card is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_bytes(device):
    """Most memory that tensors have had on the card."""
    return {"deviceBytes": torch.cuda.max_memory_allocated(device)} if device.type == "cuda" else {}
