"""Reads columns by Arrow's C stream interface: from Polars, pyarrow, DuckDB and others; it imports none.

Owns the C structures, their release, and the Arrow types that are read as numbers, times and text. The
producer owns the memory; the column reader has the rules for rows. Source of the structures: the Arrow C data
and C stream interfaces, https://arrow.apache.org/docs/format/CDataInterface.html.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from arbcore.quotes._columns cimport (
    ABSENT, F32, F64, I8, I16, I32, I64, LARGE_TEXT, NOTHING, TEXT, TEXT_VIEW, U8, U16, U32, U64, Column,
    ColumnReader,
)

from arbcore.quotes.column_names import CLOCK, ROLES

from arbcore.errors import InputError
from arbcore.core.text import printable


cdef extern from *:
    """
    #ifndef ARROW_C_DATA_INTERFACE
    #define ARROW_C_DATA_INTERFACE
    #include <stdint.h>
    struct ArrowSchema {
        const char *format, *name, *metadata;
        int64_t flags, n_children;
        struct ArrowSchema **children, *dictionary;
        void (*release)(struct ArrowSchema *);
        void *private_data;
    };
    struct ArrowArray {
        int64_t length, null_count, offset, n_buffers, n_children;
        const void **buffers;
        struct ArrowArray **children, *dictionary;
        void (*release)(struct ArrowArray *);
        void *private_data;
    };
    #endif
    #ifndef ARROW_C_STREAM_INTERFACE
    #define ARROW_C_STREAM_INTERFACE
    struct ArrowArrayStream {
        int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
        int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
        const char *(*get_last_error)(struct ArrowArrayStream *);
        void (*release)(struct ArrowArrayStream *);
        void *private_data;
    };
    #endif
    """
    cdef struct ArrowSchema:
        const char* format
        const char* name
        int64_t n_children
        ArrowSchema** children
        ArrowSchema* dictionary
        void (*release)(ArrowSchema*) noexcept

    cdef struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray** children
        void (*release)(ArrowArray*) noexcept

    cdef struct ArrowArrayStream:
        int (*get_schema)(ArrowArrayStream*, ArrowSchema*) noexcept
        int (*get_next)(ArrowArrayStream*, ArrowArray*) noexcept
        const char* (*get_last_error)(ArrowArrayStream*) noexcept
        void (*release)(ArrowArrayStream*) noexcept

cdef dict KINDS = {
    "n": NOTHING, "g": F64, "f": F32, "c": I8, "s": I16, "i": I32, "l": I64, "C": U8, "S": U16, "I": U32,
    "L": U64, "u": TEXT, "U": LARGE_TEXT, "vu": TEXT_VIEW, "tdD": I32, "tdm": I64, "tts": I32, "ttm": I32,
    "ttu": I64, "ttn": I64,
}
cdef dict UNITS_NS = {
    "tdD": 86_400 * 10**9, "tdm": 10**6, "tss": 10**9, "tsm": 10**6, "tsu": 10**3, "tsn": 1,
    "tts": 10**9, "ttm": 10**6, "ttu": 10**3, "ttn": 1,
}


cdef class _Batch:
    """One batch of the stream, released with the last reference to it."""

    cdef ArrowArray array

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef class ArrowColumns:
    """The batches of an object with ``__arrow_c_stream__``. Raises InputError if its producer fails."""

    cdef object capsule
    cdef str where
    cdef ArrowArrayStream* stream
    cdef ArrowSchema schema
    cdef readonly list names

    def __cinit__(self, source, str where not None):
        memset(&self.schema, 0, sizeof(ArrowSchema))
        self.where = where
        self.capsule = source.__arrow_c_stream__()
        self.stream = <ArrowArrayStream*>PyCapsule_GetPointer(self.capsule, "arrow_array_stream")
        if self.stream.release == NULL:
            raise InputError(f"{where} was read to its end before; give it anew.")
        self.check(self.stream.get_schema(self.stream, &self.schema))
        if self.schema.format == NULL or bytes(self.schema.format) != b"+s":
            raise InputError(f"In Arrow {where} is one column, not a table; name its columns.")
        self.names = [
            self.schema.children[at].name.decode("utf-8", "replace") if self.schema.children[at].name != NULL
            else "" for at in range(self.schema.n_children)
        ]

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)

    cdef int check(self, int code) except -1:
        cdef const char* said
        if code == 0:
            return 0
        said = self.stream.get_last_error(self.stream)
        reason = printable(<bytes>said, 200) if said != NULL else f"error {code}"
        raise InputError(f"A part of {self.where} cannot be read ({reason}); get it again.")

    def next_into(self, ColumnReader reader not None, dict places not None, str where not None) -> bool:
        """Passes the next batch's columns with a role to the reader; returns False after the last batch."""
        cdef _Batch batch = _Batch()
        cdef ArrowArray* child
        cdef Column column
        cdef int role
        cdef Py_ssize_t place
        self.check(self.stream.get_next(self.stream, &batch.array))
        if batch.array.release == NULL:
            return False
        if batch.array.length < 0 or batch.array.offset < 0 or (
                batch.array.n_children != self.schema.n_children):
            raise self.broken("a batch")
        reader.begin(batch.array.length)
        for name, place in places.items():
            role = ROLES.index(name)
            child = batch.array.children[place]
            memset(&column, 0, sizeof(Column))
            column.kind, column.unit_ns, column.wall = self.kind_of(place, role, where)
            # The index of a row is counted from the batch's offset plus the column's offset.
            column.first = child.offset + batch.array.offset
            # Rows are read only within the length that the producer gives.
            if child.offset < 0 or child.length < batch.array.offset + batch.array.length:
                raise self.broken(f"column {name}")
            if column.kind != NOTHING:
                if child.n_buffers < (3 if column.kind == TEXT or column.kind == LARGE_TEXT else 2):
                    raise self.broken(f"column {name}")
                # A column without a null may have no bitmap, and a column without a row no data.
                column.valid = <const uint8_t*>child.buffers[0] if child.null_count != 0 else NULL
                if column.kind == TEXT or column.kind == LARGE_TEXT:
                    column.offsets = <const char*>child.buffers[1]
                    column.data = <const char*>child.buffers[2]
                else:
                    column.data = <const char*>child.buffers[1]
                    column.buffers = child.buffers + 2
                if batch.array.length > 0 and not self.has_values(&column, batch.array.length):
                    raise self.broken(f"column {name}")
            reader.set_column(role, column, batch)
        return True

    cdef object broken(self, str what):
        return InputError(f"A part of {self.where} is broken ({what} is shorter than it says); get it again.")

    cdef bint has_values(self, const Column* column, int64_t length) noexcept nogil:
        """Whether a column with rows has memory; text with only empty cells needs none."""
        if column.kind == TEXT:
            return column.offsets != NULL and (column.data != NULL or (
                (<const int32_t*>column.offsets)[column.first]
                == (<const int32_t*>column.offsets)[column.first + length]))
        if column.kind == LARGE_TEXT:
            return column.offsets != NULL and (column.data != NULL or (
                (<const int64_t*>column.offsets)[column.first]
                == (<const int64_t*>column.offsets)[column.first + length]))
        return column.data != NULL

    cdef tuple kind_of(self, Py_ssize_t place, int role, str where):
        """Returns (kind, unit of a time, whether its zone is not known) of a column.

        Raises InputError for a type that is not read here.
        """
        cdef ArrowSchema* schema = self.schema.children[place]
        text = schema.format.decode()
        kind = KINDS.get(text, I64 if text[:3] in UNITS_NS and text[3:4] == ":" else ABSENT)
        is_time = text[:3] in UNITS_NS
        # A time of day is used only together with a date.
        may_be_time = text[:2] == "tt" if ROLES[role] == CLOCK else ROLES[role] in ("ts", "expiry")
        if is_time and text[:2] == "tt" and ROLES[role] != CLOCK:
            may_be_time = False
        if schema.dictionary != NULL or kind == ABSENT or (is_time and not may_be_time):
            wanted = "a timestamp" if ROLES[role] in ("ts", "expiry") else "float64"
            said = "a dictionary" if schema.dictionary != NULL else repr(printable(text, 40))
            raise InputError(
                f"Column {ROLES[role]} of {where} has Arrow's type {said}, which is none of those read here; "
                f"cast it to {wanted}."
            )
        # A date has no zone; a timestamp has its zone after the colon.
        wall = is_time and (text[:2] == "td" or text.endswith(":"))
        return kind, UNITS_NS[text[:3]] if is_time else 0, wall
