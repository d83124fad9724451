# What gdb prints of taper's objects, and where its `step` does not go.
#
#     gdb -x core/printers.py build/debug/bin/13_your_own_op        or, in a session, source core/printers.py
#
#     print x                    Array, Shape: the shape and the numbers; of many the first, and their range
#     print loss                 Var: its value, and where it comes from: a constant, a parameter, a record of a tape
#     print w                    Parameter: its value and its gradient
#     print tape                 the table that as_table of core/inspect.hpp makes
#     print tape.records_[3]     Record: with the numbers of its value and its gradient, while something holds them
#
# Nothing here calls into the program. What is not made yet, or moved from, gives a word in angle brackets.
import math

import gdb
import gdb.printing

WHOLE = 32              # so many entries are shown all; of a larger array so many on the last axis, and on the one before it:
COLUMNS, ROWS = 6, 3    # and one on each axis before those
MOST_FOR_RANGE = 1 << 20
MOST_FOR_NORM = 1 << 12  # in the table of a tape; it is made again at every step of an editor that shows the locals
MOST_RECORDS = 100       # in that table: the first half of them and the last
MOST_AXES, MOST_LETTERS, MOST_INPUTS = 32, 500, 1 << 16  # beyond these it is not made yet


class NotMade(Exception):
    """The memory holds no such object."""


def require(plausible):
    if not plausible:
        raise NotMade


def target(pointer):
    return pointer.type.strip_typedefs().target().strip_typedefs().unqualified()


def extent(first, last):
    """The number of elements between two pointers."""
    size, rest = divmod(int(last) - int(first), target(first).sizeof)
    require(size >= 0 and rest == 0)
    return size


# ---- libstdc++

def shared(pointer):
    """What a shared_ptr or a weak_ptr points to, or None."""
    counts = pointer["_M_refcount"]["_M_pi"]
    if int(counts) == 0:
        return None
    uses = next(field for field in target(counts).fields() if field.name == "_M_use_count")
    # Not counts["_M_use_count"]: for that gdb looks up the dynamic type, and warns where it does not know it.
    address = gdb.Value(int(counts) + uses.bitpos // 8).cast(uses.type.pointer())
    return pointer["_M_ptr"].dereference() if int(address.dereference()) > 0 else None


def unique(pointer):
    """The address in a unique_ptr: its only member."""
    kind = pointer.type.strip_typedefs().template_argument(0).pointer()
    return pointer.address.cast(kind.pointer()).dereference()


def elements(vector):
    first = vector["_M_impl"]["_M_start"]
    return first, extent(first, vector["_M_impl"]["_M_finish"])


def letters(text):
    require(0 <= int(text["_M_string_length"]) <= MOST_LETTERS)
    return text["_M_dataplus"]["_M_p"].string(errors="replace", length=int(text["_M_string_length"]))


# ---- Shape and Array

def axes(shape):
    first, size = shape["m_begin"], extent(shape["m_begin"], shape["m_end"])
    require(int(first) != 0 and size <= MOST_AXES)
    return [int(first[i]) for i in range(size)]


def shape_text(shape):
    return "(" + ",".join(map(str, axes(shape))) + ")"


class Entries:
    """The numbers of an Array: an xtensor container over a uvector, row-major and contiguous."""
    codes = {(gdb.TYPE_CODE_FLT, 4): "f", (gdb.TYPE_CODE_FLT, 8): "d", (gdb.TYPE_CODE_INT, 4): "i",
             (gdb.TYPE_CODE_INT, 8): "q", (gdb.TYPE_CODE_BOOL, 1): "?"}

    def __init__(self, array):
        self.shape, storage = axes(array["m_shape"]), array["m_storage"]
        self.size, self.first, last = math.prod(self.shape), storage["p_begin"], storage["p_end"]
        self.moved = int(self.first) == int(last) == 0 and self.size > 0
        require(self.moved or extent(self.first, last) == self.size)

    def entry(self, i):
        number = self.first[i]
        return "%.6g" % float(number) if target(self.first).code == gdb.TYPE_CODE_FLT else number.format_string()

    def braces(self, axis=0, begin=0):
        """From entry `begin` on, the axes from `axis`, nested as in a literal."""
        if axis == len(self.shape):
            return self.entry(begin)
        n, stride = self.shape[axis], math.prod(self.shape[axis + 1:])
        most = n if 0 < self.size <= WHOLE else {1: COLUMNS, 2: ROWS}.get(len(self.shape) - axis, 1)
        parts = [self.braces(axis + 1, begin + i * stride) for i in range(min(n, most))]
        return "{" + ", ".join(parts + ["..."] * (n > most)) + "}"

    def numbers(self):
        kind = target(self.first)
        bytes_ = gdb.selected_inferior().read_memory(int(self.first), self.size * kind.sizeof).tobytes()
        return memoryview(bytes_).cast(self.codes[kind.code, kind.sizeof]).tolist()

    def range(self):
        if not WHOLE < self.size <= MOST_FOR_RANGE:
            return ""
        numbers = self.numbers()
        return ", with nan" if any(map(math.isnan, numbers)) else ", %.6g to %.6g" % (min(numbers), max(numbers))

    def norm(self):
        return "%.4g" % math.sqrt(sum(v * v for v in self.numbers())) if self.size <= MOST_FOR_NORM else "held"


def array_text(array):
    x = Entries(array)
    return "<moved from>" if x.moved else shape_text(array["m_shape"]) + " " + x.braces() + x.range()


# ---- Place, Var, Parameter, Record, Tape

def place_text(place):
    return shape_text(place["shape"]) + origin(place)


def origin(place):
    leaf = shared(place["leaf"])
    if leaf is not None:
        return ", parameter " + letters(leaf["name"])
    return ", record %d of tape %d" % (place["index"], place["tape"]) if place["tape"] else ", constant"


def var_text(x):
    value = shared(x["value_"])
    return "<no value>" if value is None else array_text(value) + origin(x)


def parameter_text(w):
    leaf, value = shared(w["leaf"]), shared(w["value_"])
    if leaf is None or value is None:
        return "<no value>"
    gradient = unique(leaf["gradient"])
    return ("parameter " + letters(leaf["name"]) + " " + array_text(value)
            + (", gradient " + array_text(gradient.dereference()) if gradient else ", no gradient")
            + ("" if leaf["trainable"] else ", not trainable"))


def label(record):
    leaf = shared(record["leaf"])
    return letters(leaf["name"]) if leaf is not None else record["name"].string(errors="replace")


def inputs(record):
    first, size = elements(record["inputs"])
    require(size <= MOST_INPUTS)
    return " ".join(str(first[i]) for i in range(size))


def source(record):
    file, line = record["source"]["file"].string(errors="replace"), int(record["source"]["line"])
    return "%s:%d" % ("/".join(file.split("/")[-2:]), line) if line else ""


def record_text(record):
    value, gradient, op = shared(record["value"]), shared(record["gradient"]), unique(record["op"])
    parts = [label(record) + " of " * bool(inputs(record)) + inputs(record)]
    parts += [source(record)] * bool(source(record))
    parts += ["value " + array_text(value) if value is not None else shape_text(record["shape"]) + ", value released"]
    parts += ["gradient " + array_text(gradient) if gradient is not None else "no gradient"]
    return ", ".join(parts + ["op released"] * (not op and shared(record["leaf"]) is None))


def title(tape):
    require(shared(tape["recording_"]) is not None)
    return "tape %d, backward: %s" % (tape["serial_"], str(tape["backward_"]).split("::")[-1])


def tape_text(tape):
    first, size = elements(tape["records_"])
    rows = [["#", "op", "inputs", "shape", "|value|", "|gradient|", "source"]]
    for i in range(size):
        if MOST_RECORDS // 2 <= i < size - MOST_RECORDS // 2:
            rows += [["..."] + [""] * 6] * (i == MOST_RECORDS // 2)
            continue
        held = [shared(first[i][name]) for name in ("value", "gradient")]
        norms = ["-" if array is None else Entries(array).norm() for array in held]
        rows.append([str(i), label(first[i]), inputs(first[i]), shape_text(first[i]["shape"])] + norms + [source(first[i])])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([title(tape)] + (lines if size else ["no records"]))


# ---- To gdb

class Printer:
    def __init__(self, text, value):
        self.text, self.value = text, value

    def to_string(self):
        try:
            is_reference = self.value.type.code == gdb.TYPE_CODE_REF
            return self.text(self.value.referenced_value() if is_reference else self.value)
        except (NotMade, gdb.error) as problem:  # gdb.error: memory that cannot be read, or an object that -O has taken apart
            return "<optimized out>" if "optimized out" in str(problem) else "<not made>"


collection = gdb.printing.RegexpCollectionPrettyPrinter("taper")
for name, text in {"xt::xarray_container<xt::uvector<": array_text, "xt::svector<unsigned long, 4": shape_text,
                   "taper::Place<": place_text, "taper::Var<": var_text, "taper::Parameter<": parameter_text,
                   "taper::Record<": record_text, "taper::Tape<": tape_text,
                   "taper::Gradients<": lambda gradients: title(gradients["tape_"])}.items():
    collection.add_printer(name, "^" + name, lambda value, text=text: Printer(text, value))
gdb.printing.register_pretty_printer(None, collection, replace=True)

# So that from Tape::backward it is one `step` into the backward of an op.
skipped = "^(std|__gnu_cxx|xt|xtl|xsimd)::"
if skipped not in gdb.execute("info skip", to_string=True):
    gdb.execute("skip -rfunction " + skipped, to_string=True)
