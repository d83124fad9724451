# What gdb prints of taper's objects, and where its `step` does not go.
#
#     gdb -x core/show/printers.py build/debug/bin/12_causal        or, in a session, source core/show/printers.py
#
#     print x                    Array, Shape: the shape and the numbers; of many the first, and their range
#     print loss                 Var: its value, and where it comes from: a constant, a parameter, a record of a tape
#     print w                    Parameter: its value and its gradient
#     print tape                 the table that as_table of core/show/inspect.hpp makes
#     print tape.records_[3]     Record: with the numbers of its value and its gradient, while something holds them
#
# Nothing here calls into the program. What is not made yet, or moved from, gives words in angle
# brackets.
import math
from types import SimpleNamespace

import gdb
import gdb.printing

# These can be changed in a session, too: python WHOLE = 1000
# entries that are shown all; of more so many of the last axis and of the one before
WHOLE, COLUMNS, ROWS = 32, 6, 3
# entries; an editor that shows the locals asks for all at every step
MOST_FOR_RANGE, MOST_FOR_NORM = 1 << 20, 1 << 12
MOST_RECORDS = 100  # in the table of a tape: the first half of them and the last
MOST_NAME = 40  # letters of a name: as in as_table
# where there seem to be more the object is not made yet
MOST_AXES, MOST_LETTERS, MOST_INPUTS = 32, 1 << 20, 1 << 16
NUMBER_BITS = 28  # of a tape's serial: core/kernels/parallel.hpp
CODES = {"float": "f", "double": "d", "int": "i", "long": "l", "long long": "q", "bool": "?"}


def require(plausible):
    if not plausible:
        raise ValueError("the memory holds no such object")


def brief():  # for the line of a frame, among its arguments
    return getattr(gdb, "print_options", dict)().get("summary", False)


def target(pointer):
    return pointer.type.strip_typedefs().target().strip_typedefs().unqualified()


def extent(first, last, most=math.inf):  # elements between two pointers
    size, rest = divmod(int(last) - int(first), target(first).sizeof)
    require(0 <= size <= most and rest == 0)
    return size


def shared(pointer):
    """What a shared_ptr or a weak_ptr points to, or None."""
    counts = pointer["_M_refcount"]["_M_pi"]
    if int(counts) == 0:
        return None
    # Not counts["_M_use_count"]: for that gdb looks up the dynamic type, and warns where it does
    # not know it.
    uses = next(field for field in target(counts).fields() if field.name == "_M_use_count")
    address = gdb.Value(int(counts) + uses.bitpos // 8).cast(uses.type.pointer())
    return pointer["_M_ptr"].dereference() if int(address.dereference()) > 0 else None


def unique(pointer):  # the address is its only member
    kind = pointer.type.strip_typedefs().template_argument(0).pointer()
    return pointer.address.cast(kind.pointer()).dereference()


# Of a name these are escaped, as core/show/shown.hpp has it: what a terminal may obey, what breaks
# a line or turns its order, and bytes that are no UTF-8, which Python reads as U+DC80 to U+DCFF.
ESCAPED = [(0x00, 0x1f), (0x7f, 0x9f), (0x2028, 0x202e), (0x2066, 0x2069), (0xdc80, 0xdcff)]


def shown(letter):
    if not any(first <= ord(letter) <= last for first, last in ESCAPED):
        return letter
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(letter) or "".join("\\x%02X" % byte for byte in letter.encode("utf-8", "surrogateescape"))


def letters(text):
    """A name as core/show/shown.hpp has it: on one line, and not long."""
    size = int(text["_M_string_length"])
    require(size <= MOST_LETTERS)
    some = min(size, 4 * MOST_NAME + 4)  # bytes
    name = text["_M_dataplus"]["_M_p"].string("utf-8", errors="surrogateescape", length=some)
    return "".join(map(shown, name[:MOST_NAME])) + "..." * (len(name) > MOST_NAME)


# ---- Shape and Array

def axes(shape):
    first = shape["m_begin"]
    require(int(first) != 0)
    return [int(first[i]) for i in range(extent(first, shape["m_end"], MOST_AXES))]


def shape_text(shape):
    return "(" + ",".join(map(str, axes(shape))) + ")"


class Entries:
    """The numbers of an Array: row-major, contiguous."""

    def __init__(self, array):
        self.axes, storage = axes(array["m_shape"]), array["m_storage"]
        self.size, self.first, last = math.prod(self.axes), storage["p_begin"], storage["p_end"]
        self.type = target(self.first)
        self.moved = int(self.first) == int(last) == 0 and self.size > 0
        require(self.moved or extent(self.first, last) == self.size)

    def braces(self, axis=0, begin=0):
        """The axes from `axis`, from entry `begin` on, nested as in a literal."""
        if axis == len(self.axes):
            entry = self.first[begin]
            return "%.6g" % float(entry) if self.type.code == gdb.TYPE_CODE_FLT else entry.format_string()
        n, stride = self.axes[axis], math.prod(self.axes[axis + 1:])
        most = n if 0 < self.size <= WHOLE else {1: COLUMNS, 2: ROWS}.get(len(self.axes) - axis, 1)
        parts = [self.braces(axis + 1, begin + i * stride) for i in range(min(n, most))]
        return "{" + ", ".join(parts + ["..."] * (n > most)) + "}"

    def numbers(self):
        memory = gdb.selected_inferior().read_memory(int(self.first), self.size * self.type.sizeof)
        return memoryview(memory.tobytes()).cast(CODES[self.type.name]).tolist()


def array_text(array):
    x = Entries(array)
    if x.moved or x.size > WHOLE and brief():
        return "<moved from>" if x.moved else shape_text(array["m_shape"]) + " {...}"
    text = shape_text(array["m_shape"]) + " " + x.braces()
    if not WHOLE < x.size <= MOST_FOR_RANGE or x.type.name not in CODES:
        return text
    numbers = x.numbers()
    return text + (", with nan" if any(map(math.isnan, numbers)) else ", %.6g to %.6g" % (min(numbers), max(numbers)))


def norm(array):
    x = None if array is None else Entries(array)
    return "-" if not x else "held" if x.size > MOST_FOR_NORM else "%.4g" % math.sqrt(sum(v * v for v in x.numbers()))


# ---- Place, Var, Parameter, Record, Tape

def number(serial):  # of a tape, among those of its copy of the library
    return int(serial) % (1 << NUMBER_BITS)


def origin(place):
    leaf = shared(place["leaf"])
    if leaf is not None:
        return ", parameter " + letters(leaf["name"])
    return ", record %d of tape %d" % (place["index"], number(place["tape"])) if place["tape"] else ", constant"


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
            + ("" if leaf["trainable_"] else ", not trainable"))


def cells(record):  # its name, its inputs, its source line
    leaf, first, line = shared(record["leaf"]), record["inputs"]["_M_impl"]["_M_start"], int(record["source"]["line"])
    size = extent(first, record["inputs"]["_M_impl"]["_M_finish"], MOST_INPUTS)
    file = record["source"]["file"].string(errors="replace").split("/")
    return (record["name"].string(errors="replace") if leaf is None else letters(leaf["name"]),
            " ".join(str(first[i]) for i in range(size)), "/".join(file[-2:]) + ":%d" % line if line else "")


def record_text(record):
    (name, inputs, source), value, gradient = cells(record), shared(record["value"]), shared(record["gradient"])
    parts = [name + (" of " + inputs if inputs else "")] + [source] * bool(source)
    parts += ["value released, " + shape_text(record["shape"]) if value is None else "value " + array_text(value)]
    parts += ["no gradient" if gradient is None else "gradient " + array_text(gradient)]
    return ", ".join(parts + ["op released"] * (not unique(record["op"]) and shared(record["leaf"]) is None))


def tape_title(tape):
    require(shared(tape["recording_"]) is not None)
    return "tape %d, backward: %s" % (number(tape["serial_"]), str(tape["backward_"]).split("::")[-1])


def tape_text(tape):
    first, last = tape["records_"]["_M_impl"]["_M_start"], tape["records_"]["_M_impl"]["_M_finish"]
    size, half = 0 if brief() else extent(first, last), MOST_RECORDS // 2
    rows = [["#", "op", "inputs", "shape", "|value|", "|gradient|", "source"]] * (size > 0)
    for i in [*range(min(half, size)), *range(max(half, size - half), size)]:
        rows += [["..."] + [""] * 6] * (i == size - half > half)
        name, inputs, source = cells(first[i])
        norms = [norm(shared(first[i][held])) for held in ("value", "gradient")]
        rows.append([str(i), name, inputs, shape_text(first[i]["shape"])] + norms + [source])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join([tape_title(tape)] + ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows])


# ---- To gdb

def attempt(text, value):
    try:
        return text(value)
    except (gdb.error, ValueError, OverflowError) as problem:  # gdb.error: what cannot be read, too
        return "<optimized out>" if "optimized out" in str(problem) else "<not made>"


collection = gdb.printing.RegexpCollectionPrettyPrinter("taper")
for name, text in {
        "xt::xarray_container<xt::uvector<": array_text, "xt::svector<unsigned long, 4": shape_text,
        "taper::Var<": var_text, "taper::Parameter<": parameter_text, "taper::Record<": record_text, "taper::Tape<": tape_text,
        "taper::Place<": lambda place: shape_text(place["shape"]) + origin(place),
        "taper::Gradients<": lambda gradients: tape_title(gradients["tape_"])}.items():
    collection.add_printer(name, "^" + name, lambda value, text=text: SimpleNamespace(to_string=lambda: attempt(text, value)))
gdb.printing.register_pretty_printer(None, collection, replace=True)

# so that from Tape::backward it is one step into the backward of an op
SKIPPED = "^(std|__gnu_cxx|xt|xtl|xsimd)::"
if SKIPPED not in gdb.execute("info skip", to_string=True):
    gdb.execute("skip -rfunction " + SKIPPED, to_string=True)
