"""How many tokens the vocabularies of known tokenizers have, for the bound of guessing alike.

A cell of the column ``tokenizer`` may say it itself, as in ``mine@32000``.
"""

from __future__ import annotations

SIZES: dict[str, int] = {
    # Radford et al. 2019, Language Models are Unsupervised Multitask Learners, section 2.2
    "gpt2": 50_257,
    # tiktoken, tiktoken_ext/openai_public.py
    "r50k_base": 50_257,
    "p50k_base": 50_281,
    "cl100k_base": 100_277,
    "o200k_base": 200_019,
    # Touvron et al. 2023, arXiv:2302.13971 and arXiv:2307.09288
    "llama": 32_000,
    "llama-2": 32_000,
    # Llama 3, arXiv:2407.21783, table 3: 128,000; with its special tokens 128,256
    "llama-3": 128_256,
    # BigScience 2022, arXiv:2211.05100, table 3
    "bloom": 250_680,
    # Gemma 3, arXiv:2503.19786, section 2: 262k entries, the largest listed here
    "gemma-3": 262_144,
}
# Where the tokenizer is not known: four times the largest listed.
LARGEST = 4 * max(SIZES.values())
