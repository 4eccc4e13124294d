"""Writes a small llama model of random weights as a GGUF file that a real Ollama loads and runs.

The tests need a model that costs nothing, that is the same bytes everywhere, and that behaves: it talks until
num_predict stops it, and what it says is words of valid UTF-8. Random weights alone do none of that, so two
things are planted in them:

* An anchor. Dimension 0 of the residual stream is a constant: every embedding holds ANCHOR there and no layer
  writes to it. Column 0 of the output matrix is therefore a bias on the logit of each token, although the llama
  architecture has none. End-of-text, byte and unfinished-word tokens are biased out of reach.
* A repulsion. The output row of a token points away from its own embedding, so that no token follows itself,
  not even at temperature 0. (Ollama ends a stream without its last message when a piece repeats 31 times.)

Weights are drawn from SHAKE-256 of the seed and the tensor's name: the same arguments give the same bytes on any
machine and with any numpy, and the order in which tensors are written does not matter.
"""

import argparse
import hashlib
import math
import os
from dataclasses import dataclass

import gguf
import numpy as np

HEAD_SIZE = 32
SPREAD = 3.0  # about how far apart the logits of unbiased tokens are (a standard deviation)
REPULSION = 30.0  # about twice the logit that a token loses right after itself
OUT_OF_REACH = -30.0
RARE = -4.0

SPACE = "▁"  # how SentencePiece writes a space inside a piece
PUNCTUATION = ".,;:!?\"'()-\\\n"
BEYOND_ASCII = ["é", "ö", "ß", "ñ", "→", "中", "文", "😀", "🚢"]
WORDS = """
    a about above across after again air all along also an and any are around as at away back be before below
    between big black blue boat both bridge but by call can captain cat chart clear close cloud coast cold come
    could crew current day deep did do dock door down draw each east even every eye far fast few find fire first
    fleet fog follow for free from full give go gold good great green ground gull had half hand harbour has have
    he head hear help her here high him his hold home hour how hull if in into island it just keep know lamp land
    large last late lead left less let light like line little long look low made make many map mast may mile moon
    more morning most move much must name near never new next night no north not now of off old on once one only
    open or other our out over own paper part place port quiet rain read red reef rest right river road rock rope
    round sail salt same sand say sea see set shadow she ship shore should side signal silver sky slow small so
    some soon sound south stand star stay steel still stone storm such sun table tail take than that the their
    them then there these they thing this those three through tide time to together too tower town trade tree
    turn two under until up upon very voice wait walk watch water wave way we well were west what wheel when
    where which while white who wide wind with without wood word work world would year you your
    café naïve façade smørrebrød Größe señor
""".split()


@dataclass(frozen=True)
class Token:
    """One entry of the vocabulary; bias is added to its logit wherever it could be next."""

    text: str
    kind: gguf.TokenType
    bias: float


@dataclass(frozen=True)
class Shape:
    """The sizes that the arguments choose, and those that follow from them."""

    layers: int
    width: int
    context: int
    half: bool  # matrices of 16-bit floats; vectors always have 32
    seed: int

    @property
    def heads(self):
        return self.width // HEAD_SIZE

    @property
    def shared_heads(self):
        """Key and value heads: two query heads share one, as in grouped-query attention."""
        return self.heads // 2

    @property
    def hidden(self):
        """Feed-forward width: 8/3 of the model's, as llama has it, in whole blocks of 32."""
        return math.ceil(self.width * 8 / 3 / 32) * 32

    @property
    def anchor(self):
        """The constant in dimension 0: it adds as much to the mean square as all other dimensions do at first."""
        return math.sqrt(self.width)

    @property
    def normed_anchor(self):
        """What the constant is after the last norm. The mean square there is 2 (embedding and anchor) plus what
        the layers add, below 1: the bias is right within some tenths, and nothing depends on more."""
        return self.anchor / math.sqrt(2.5)


def main():
    arguments = parse_arguments()
    shape = Shape(arguments.layers, arguments.width, arguments.context, arguments.f16, arguments.seed)
    tokens = vocabulary()
    # Written aside and renamed: a reader never finds half a model.
    part = f"{arguments.out}.{os.getpid()}.part"
    try:
        write_model(part, shape, tokens)
        os.replace(part, arguments.out)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="write a small llama model of random weights as a GGUF file; same arguments, same bytes"
    )
    parser.add_argument("out", help="the file to write")
    parser.add_argument("--layers", type=in_range(1, 64), default=2, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--width", type=in_range(64, 4096), default=64, metavar="N", help="a multiple of 64 (default: %(default)s)"
    )
    parser.add_argument(
        "--context", type=in_range(64, 1 << 20), default=8192, metavar="N", help="in tokens (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--f16", action="store_true", help="16-bit matrices (default: 32-bit)")
    arguments = parser.parse_args()
    if arguments.width % (2 * HEAD_SIZE) != 0:
        parser.error(f"--width must be a multiple of {2 * HEAD_SIZE}, not {arguments.width}")
    return arguments


def in_range(low, high):
    def number(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be from {low} to {high}, not {value}")
        return value

    return number


# ---- the vocabulary ----


def vocabulary():
    """Specials, the 256 bytes, single characters, and words with every beginning of each.

    SentencePiece builds a piece by joining two shorter ones, so a word can only be found in a prompt when all its
    beginnings are pieces as well. Any other text falls back to characters, and then to bytes.
    """
    tokens = special_tokens() + byte_tokens()
    tokens += [Token(c, gguf.TokenType.NORMAL, RARE) for c in characters()]
    tokens += [Token(c, gguf.TokenType.NORMAL, 0.0) for c in BEYOND_ASCII]
    tokens += word_tokens(known={token.text for token in tokens})
    return tokens


def special_tokens():
    """Their places are given to the model as ids 0, 1 and 2."""
    return [
        Token("<unk>", gguf.TokenType.UNKNOWN, OUT_OF_REACH),
        Token("<s>", gguf.TokenType.CONTROL, OUT_OF_REACH),
        Token("</s>", gguf.TokenType.CONTROL, OUT_OF_REACH),
    ]


def byte_tokens():
    """A byte alone is seldom valid UTF-8: the model reads them and never says them."""
    return [Token(f"<0x{byte:02X}>", gguf.TokenType.BYTE, OUT_OF_REACH) for byte in range(256)]


def characters():
    return [SPACE, "\n"] + [chr(code) for code in range(0x21, 0x7F)]


def word_tokens(known):
    """Whole words are said; their beginnings are there for reading only."""
    words = {SPACE + word for word in WORDS}
    beginnings = {word[:end] for word in words for end in range(2, len(word))}
    letters = {letter for word in words for letter in word}
    unsaid = (beginnings | letters) - words - known
    return [Token(text, gguf.TokenType.NORMAL, 0.0) for text in sorted(words)] + [
        Token(text, gguf.TokenType.NORMAL, OUT_OF_REACH) for text in sorted(unsaid)
    ]


# ---- the weights ----


def noise(shape, name, rows, columns):
    """A matrix of independent numbers of mean 0 and variance 1, evenly spread."""
    stream = hashlib.shake_256(f"{shape.seed}/{name}".encode()).digest(rows * columns * 2)
    whole = np.frombuffer(stream, dtype="<i2").astype(np.float32)
    return (whole * np.float32(math.sqrt(3) / 2**15)).reshape(rows, columns)


def reading(shape, name, rows, columns):
    """A matrix whose products have about the variance of what it reads."""
    return noise(shape, name, rows, columns) / np.float32(math.sqrt(columns))


def writing(shape, name, rows, columns):
    """A matrix that adds to the residual stream: scaled so that all layers together add less than the embedding
    holds, and silent in the anchor's dimension."""
    matrix = reading(shape, name, rows, columns) / np.float32(math.sqrt(2 * shape.layers))
    matrix[0, :] = 0
    return matrix


def layer_tensors(shape, layer):
    width, hidden, shared = shape.width, shape.hidden, shape.shared_heads * HEAD_SIZE
    plan = {
        "attn_q": (reading, width, width),
        "attn_k": (reading, shared, width),
        "attn_v": (reading, shared, width),
        "attn_output": (writing, width, width),
        "ffn_gate": (reading, hidden, width),
        "ffn_up": (reading, hidden, width),
        "ffn_down": (writing, width, hidden),
    }
    for norm in ("attn_norm", "ffn_norm"):
        yield f"blk.{layer}.{norm}.weight", np.ones(width, np.float32)
    for part, (make, rows, columns) in plan.items():
        name = f"blk.{layer}.{part}.weight"
        yield name, make(shape, name, rows, columns)


def embedding(shape, tokens):
    matrix = noise(shape, "token_embd.weight", len(tokens), shape.width)
    matrix[:, 0] = shape.anchor
    return matrix


def output(shape, tokens, embedded):
    matrix = SPREAD * reading(shape, "output.weight", len(tokens), shape.width)
    matrix -= np.float32(REPULSION / shape.width) * embedded
    biases = np.array([token.bias for token in tokens], np.float32)
    matrix[:, 0] = biases / np.float32(shape.normed_anchor)
    return matrix


def tensors(shape, tokens):
    embedded = embedding(shape, tokens)
    yield "token_embd.weight", embedded
    for layer in range(shape.layers):
        yield from layer_tensors(shape, layer)
    yield "output_norm.weight", np.ones(shape.width, np.float32)
    yield "output.weight", output(shape, tokens, embedded)


# ---- the file ----


def write_model(path, shape, tokens):
    writer = gguf.GGUFWriter(path, "llama")
    describe_model(writer, shape, tokens)
    describe_tokens(writer, tokens)
    for name, values in tensors(shape, tokens):
        stored = np.float16 if shape.half and values.ndim == 2 else np.float32
        writer.add_tensor(name, values.astype(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe_model(writer, shape, tokens):
    writer.add_name(f"random-{shape.layers}x{shape.width}")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if shape.half else gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(shape.context)
    writer.add_block_count(shape.layers)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.shared_heads)
    writer.add_rope_dimension_count(HEAD_SIZE)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))


def describe_tokens(writer, tokens):
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.text for token in tokens])
    writer.add_token_types([token.kind for token in tokens])
    # The pair of the highest score is joined first; longer pieces before shorter ones.
    writer.add_token_scores([float(len(t.text)) if t.kind == gguf.TokenType.NORMAL else 0.0 for t in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)


if __name__ == "__main__":
    main()
