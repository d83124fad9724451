# What gdb prints of taper's objects, and where its `step` does not go.
#
#     gdb -x core/show/printers.py build/debug/bin/22_causal
#
# or, in a session, source core/show/printers.py. Then
#
#     print x                  Array, Shape: the shape and the numbers; of many the first, and their
#                              range
#     print loss               Var: its value, and where it comes from: a constant, a parameter, a
#                              record of a tape
#     print w                  Parameter: its value and its gradient
#     print tape               the table that as_table of core/show/inspect.hpp makes, without the
#                              names of variables
#     print tape.records_[3]   Record: with the numbers of its value and its gradient, while
#                              something holds them
#
# Nothing here calls into the program. What is not made yet, or moved from, gives words in angle
# brackets.
import math
from types import SimpleNamespace

import gdb
import gdb.printing

# These can be changed in a session, too: python WHOLE = 1000
WHOLE = 32  # so many entries are printed all
COLUMNS = 6  # of more so many of the last axis,
ROWS = 3  # of the one before, and 1 of each other
MOST_FOR_RANGE = 1 << 20  # entries
MOST_FOR_NORM = 1 << 12  # entries; an editor that shows the locals asks for all norms at every step
MOST_RECORDS = 100  # in the table of a tape: the first half of them and the last
MOST_NAME = 40  # letters of a name: as in as_table

# Where there seem to be more, the object is not made yet.
MOST_AXES = 32
MOST_LETTERS = 1 << 20
MOST_INPUTS = 1 << 16

NUMBER_BITS = 28  # of a tape's serial: core/kernels/parallel.hpp
CODES = {"float": "f", "double": "d", "int": "i", "long": "l", "long long": "q", "bool": "?"}


# ---- Memory

def require(plausible):
    if not plausible:
        raise ValueError("the memory holds no such object")


def brief():
    """Is it for the line of a frame, among its arguments? gdb tells from version 13 on."""
    print_options = getattr(gdb, "print_options", dict)
    return print_options().get("summary", False)


def target(pointer):
    return pointer.type.strip_typedefs().target().strip_typedefs().unqualified()


def extent(first, last, most=math.inf):
    """How many elements there are between two pointers."""
    size, rest = divmod(int(last) - int(first), target(first).sizeof)
    require(0 <= size <= most and rest == 0)
    return size


def vector_extent(vector, most=math.inf):
    """The first element of a std::vector, and how many there are."""
    first = vector["_M_impl"]["_M_start"]
    return first, extent(first, vector["_M_impl"]["_M_finish"], most)


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


def unique(pointer):
    """The address in a unique_ptr: it is its only member."""
    kind = pointer.type.strip_typedefs().template_argument(0).pointer()
    return pointer.address.cast(kind.pointer()).dereference()


# ---- Names

# Of a name these are escaped, as core/show/shown.hpp has it: what a terminal may obey, what breaks
# a line or turns its order, and bytes that are no UTF-8, which Python reads as U+DC80 to U+DCFF.
ESCAPED = [(0x00, 0x1f), (0x7f, 0x9f), (0x2028, 0x202e), (0x2066, 0x2069), (0xdc80, 0xdcff)]
NAMED_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def shown(letter):
    if not any(first <= ord(letter) <= last for first, last in ESCAPED):
        return letter
    if letter in NAMED_ESCAPES:
        return NAMED_ESCAPES[letter]
    return "".join("\\x%02X" % byte for byte in letter.encode("utf-8", "surrogateescape"))


def name_text(string):
    """A name as core/show/shown.hpp has it: on one line, and not long."""
    size = int(string["_M_string_length"])
    require(size <= MOST_LETTERS)
    bytes_read = min(size, 4 * MOST_NAME + 4)
    characters = string["_M_dataplus"]["_M_p"]
    name = characters.string("utf-8", errors="surrogateescape", length=bytes_read)
    text = "".join(map(shown, name[:MOST_NAME]))
    return text + "..." if len(name) > MOST_NAME else text


# ---- Shape and Array

def axes(shape):
    first = shape["m_begin"]
    require(int(first) != 0)
    rank = extent(first, shape["m_end"], MOST_AXES)
    return [int(first[i]) for i in range(rank)]


def shape_text(shape):
    return "(" + ",".join(map(str, axes(shape))) + ")"


class Entries:
    """The numbers of an Array: row-major, contiguous."""

    def __init__(self, array):
        self.axes = axes(array["m_shape"])
        self.size = math.prod(self.axes)
        self.first = array["m_storage"]["p_begin"]
        self.type = target(self.first)
        last = array["m_storage"]["p_end"]
        self.moved = int(self.first) == int(last) == 0 and self.size > 0
        require(self.moved or extent(self.first, last) == self.size)

    def braces(self, axis=0, begin=0):
        """The axes from `axis`, from entry `begin` on, nested as in a literal."""
        if axis == len(self.axes):
            return self.entry(begin)
        n = self.axes[axis]
        printed = min(n, self.most_printed(axis))
        stride = math.prod(self.axes[axis + 1:])
        parts = [self.braces(axis + 1, begin + i * stride) for i in range(printed)]
        if n > printed:
            parts.append("...")
        return "{" + ", ".join(parts) + "}"

    def most_printed(self, axis):
        """How many parts of an axis."""
        if 0 < self.size <= WHOLE:
            return self.axes[axis]
        axes_left = len(self.axes) - axis
        return {1: COLUMNS, 2: ROWS}.get(axes_left, 1)

    def entry(self, i):
        entry = self.first[i]
        if self.type.code == gdb.TYPE_CODE_FLT:
            return "%.6g" % float(entry)
        return entry.format_string()

    def numbers(self):
        length = self.size * self.type.sizeof
        memory = gdb.selected_inferior().read_memory(int(self.first), length)
        return memoryview(memory.tobytes()).cast(CODES[self.type.name]).tolist()


def array_text(array):
    x = Entries(array)
    if x.moved:
        return "<moved from>"
    shape = shape_text(array["m_shape"])
    if x.size > WHOLE and brief():
        return shape + " {...}"
    text = shape + " " + x.braces()
    if not WHOLE < x.size <= MOST_FOR_RANGE or x.type.name not in CODES:
        return text
    numbers = x.numbers()
    if any(map(math.isnan, numbers)):
        return text + ", with nan"
    return text + ", %.6g to %.6g" % (min(numbers), max(numbers))


def norm_text(array):
    if array is None:
        return "-"
    x = Entries(array)
    if x.size > MOST_FOR_NORM:
        return "held"
    return "%.4g" % math.sqrt(sum(entry * entry for entry in x.numbers()))


# ---- Place, Var, Parameter

def tape_number(serial):
    """Among the tapes of its copy of the library."""
    return int(serial) % (1 << NUMBER_BITS)


def origin(place):
    leaf = shared(place["leaf"])
    if leaf is not None:
        return ", parameter " + name_text(leaf["name"])
    if place["tape"]:
        return ", record %d of tape %d" % (place["index"], tape_number(place["tape"]))
    return ", constant"


def place_text(place):
    return shape_text(place["shape"]) + origin(place)


def var_text(x):
    value = shared(x["value_"])
    if value is None:
        return "<no value>"
    return array_text(value) + origin(x)


def parameter_text(w):
    leaf = shared(w["leaf"])
    value = shared(w["value_"])
    if leaf is None or value is None:
        return "<no value>"
    gradient = unique(leaf["gradient"])
    text = "parameter " + name_text(leaf["name"]) + " " + array_text(value)
    text += ", gradient " + array_text(gradient.dereference()) if gradient else ", no gradient"
    return text if leaf["trainable_"] else text + ", not trainable"


# ---- Record

def name_of_record(record, leaf):
    if leaf is None:
        return record["name"].string(errors="replace")
    return name_text(leaf["name"])


def inputs_text(record):
    """The numbers of the records that it reads, with a word for each constant."""
    first, size = vector_extent(record["inputs"], MOST_INPUTS)
    inputs = [str(first[i]) for i in range(size)]
    constant, constants = vector_extent(record["constants"], MOST_INPUTS)
    for i in range(constants):  # in the order of their places
        inputs.insert(int(constant[i]["place"]), "const")
    return " ".join(inputs)


def source_text(record):
    """engine/tape.cpp:35, or nothing."""
    line = int(record["source"]["line"])
    file = record["source"]["file"].string(errors="replace").split("/")
    return "/".join(file[-2:]) + ":%d" % line if line else ""


def record_text(record):
    leaf = shared(record["leaf"])
    name = name_of_record(record, leaf)
    inputs = inputs_text(record)
    source = source_text(record)
    value = shared(record["value"])
    gradient = shared(record["gradient"])
    parts = [name + " of " + inputs if inputs else name]
    if source:
        parts.append(source)
    if value is None:
        parts.append("value released, " + shape_text(record["shape"]))
    else:
        parts.append("value " + array_text(value))
    parts.append("no gradient" if gradient is None else "gradient " + array_text(gradient))
    if leaf is None and not unique(record["op"]):
        parts.append("op released")
    return ", ".join(parts)


# ---- Tape

HEADINGS = ["#", "op", "inputs", "shape", "|value|", "|gradient|", "source"]
GAP = ["...", "", "", "", "", "", ""]


def tape_title(tape):
    require(shared(tape["alive_"]) is not None)
    backward = str(tape["backward_"]).split("::")[-1]
    return "tape %d, backward: %s" % (tape_number(tape["serial_"]), backward)


def row_of_record(i, record):
    return [str(i), name_of_record(record, shared(record["leaf"])), inputs_text(record),
            shape_text(record["shape"]), norm_text(shared(record["value"])),
            norm_text(shared(record["gradient"])), source_text(record)]


def tape_rows(first, size):
    half = MOST_RECORDS // 2
    if size <= 2 * half:
        return [row_of_record(i, first[i]) for i in range(size)]
    rows = [row_of_record(i, first[i]) for i in range(half)]
    rows.append(GAP)
    return rows + [row_of_record(i, first[i]) for i in range(size - half, size)]


def tape_text(tape):
    lines = [tape_title(tape)]
    if brief():
        return lines[0]
    first, size = vector_extent(tape["records_"])
    rows = tape_rows(first, size)
    if rows:
        rows.insert(0, HEADINGS)
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        lines.append("  ".join(map(str.ljust, row, widths)).rstrip())
    return "\n".join(lines)


def gradients_text(gradients):
    return tape_title(gradients["tape_"])


# ---- To gdb

PRINTERS = {
    "xt::xarray_container<xt::uvector<": array_text,
    "xt::svector<unsigned long, 4": shape_text,
    "taper::Var<": var_text,
    "taper::Parameter<": parameter_text,
    "taper::Record<": record_text,
    "taper::Tape<": tape_text,
    "taper::Place<": place_text,
    "taper::Gradients<": gradients_text,
}


def attempt(text_of, value):
    try:
        return text_of(value)
    except (gdb.error, ValueError, OverflowError) as problem:  # gdb.error: what cannot be read, too
        return "<optimized out>" if "optimized out" in str(problem) else "<not made>"


def printer(text_of):
    return lambda value: SimpleNamespace(to_string=lambda: attempt(text_of, value))


collection = gdb.printing.RegexpCollectionPrettyPrinter("taper")
for prefix, text_of in PRINTERS.items():
    collection.add_printer(prefix, "^" + prefix, printer(text_of))
gdb.printing.register_pretty_printer(None, collection, replace=True)

# so that from Tape::backward it is one step into the backward of an op
SKIPPED = "^(std|__gnu_cxx|xt|xtl|xsimd)::"
if SKIPPED not in gdb.execute("info skip", to_string=True):
    gdb.execute("skip -rfunction " + SKIPPED, to_string=True)
