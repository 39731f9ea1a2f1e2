"""MiniLLM: distil a causal language model by minimising the reverse KL divergence."""

__version__ = "0.1.0"
