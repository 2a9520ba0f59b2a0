package keyring

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// recordFormat is the first byte of every record that a codec reads and writes.
const recordFormat = 1

// A record is the decoded form of a stored value. It describes its fields once, for both directions: fields calls the
// codec for each of them, in the order of their numbers.
type record interface{ fields(c *codec) }

// A codec writes or reads the fields of a record.
//
// An encoded record is the byte [recordFormat] followed by the fields that are not zero, each as:
//
//	1 byte   the number of the field
//	uvarint  the length of its content
//	n bytes  its content
//
// Strings and bytes are their own content. A time is 8 bytes of seconds since 1970 and 4 bytes of nanoseconds, and an
// integer 8 bytes, all big-endian. A flag that is set has no content.
//
// Records are not JSON because every request reads one. This form has nothing to unescape or convert, so any record is
// decoded in well under a microsecond, and strings and bytes share the memory of the value. A record has exactly one
// encoding: a decoded record is encoded to the same bytes again.
type codec struct {
	// value is the encoded record: the part written so far, or all of it when reading.
	value []byte
	// text is value as a string, whose memory string fields share. It is made when the first of them is read.
	text string
	// next is where the next field begins in value.
	next    int
	writing bool
	// malformed is set when value is not a valid record of the type that reads it.
	malformed bool
}

// encode returns the value that r is stored as.
func encode(r record) []byte {
	c := codec{value: append(make([]byte, 0, 512), recordFormat), writing: true}
	r.fields(&c)
	return c.value
}

// decode sets the fields of r, which are zero, from the value at path. They may share its memory.
func decode(path string, value []byte, r record) error {
	c := codec{value: value, next: 1, malformed: len(value) == 0 || value[0] != recordFormat}
	r.fields(&c)
	if c.malformed || c.next != len(value) {
		return fmt.Errorf("record %s: it is not in the form that this program writes", path)
	}
	return nil
}

// put writes a field.
func (c *codec) put(number byte, content ...byte) {
	c.value = append(c.value, number)
	c.value = binary.AppendUvarint(c.value, uint64(len(content)))
	c.value = append(c.value, content...)
}

// take returns the bounds of a field's content in value; ok is false if another field is next.
func (c *codec) take(number byte) (from, to int, ok bool) {
	if c.malformed || c.next >= len(c.value) || c.value[c.next] != number {
		return 0, 0, false
	}
	from, to = c.prefixed(c.next+1, len(c.value))
	c.next = to
	return from, to, !c.malformed
}

// prefixed returns the bounds of the content whose length is at from in value. It must not extend beyond end.
func (c *codec) prefixed(from, end int) (start, stop int) {
	length, size := binary.Uvarint(c.value[from:end])
	start = from + size
	// A length that ends in a zero byte could have been written shorter.
	if size <= 0 || size > 1 && c.value[start-1] == 0 || length > uint64(end-start) {
		c.malformed = true
		return 0, 0
	}
	return start, start + int(length)
}

// takeFixed is take for content of a fixed length.
func (c *codec) takeFixed(number byte, length int) (content []byte, ok bool) {
	from, to, ok := c.take(number)
	if ok && to-from != length {
		c.malformed = true
		return nil, false
	}
	return c.value[from:to], ok
}

// takeSome is take for content that must not be empty.
func (c *codec) takeSome(number byte) (from, to int, ok bool) {
	from, to, ok = c.take(number)
	c.malformed = c.malformed || ok && from == to
	return from, to, ok
}

// str is a string field. It is not a method because methods have no type parameters.
func str[S ~string](c *codec, number byte, field *S) {
	if c.writing {
		if *field != "" {
			c.put(number, []byte(*field)...)
		}
		return
	}
	if from, to, ok := c.takeSome(number); ok {
		*field = S(c.substring(from, to))
	}
}

func (c *codec) substring(from, to int) string {
	if c.text == "" {
		c.text = string(c.value)
	}
	return c.text[from:to]
}

func (c *codec) bytes(number byte, field *[]byte) {
	if c.writing {
		if len(*field) > 0 {
			c.put(number, *field...)
		}
		return
	}
	if from, to, ok := c.takeSome(number); ok {
		*field = c.value[from:to:to]
	}
}

func (c *codec) flag(number byte, field *bool) {
	if c.writing {
		if *field {
			c.put(number)
		}
		return
	}
	_, *field = c.takeFixed(number, 0)
}

// integer is a field for a number that is not negative.
func (c *codec) integer(number byte, field *int) {
	if c.writing {
		if *field != 0 {
			c.put(number, binary.BigEndian.AppendUint64(nil, uint64(*field))...)
		}
		return
	}
	if content, ok := c.takeFixed(number, 8); ok {
		*field = int(binary.BigEndian.Uint64(content))
		c.malformed = *field <= 0
	}
}

// seconds is a field for a duration, rounded down to seconds.
func (c *codec) seconds(number byte, field *time.Duration) {
	if c.writing {
		if seconds := *field / time.Second; seconds != 0 {
			c.put(number, binary.BigEndian.AppendUint64(nil, uint64(seconds))...)
		}
		return
	}
	if content, ok := c.takeFixed(number, 8); ok {
		seconds := time.Duration(binary.BigEndian.Uint64(content))
		*field = seconds * time.Second
		c.malformed = seconds <= 0 || *field/time.Second != seconds
	}
}

func (c *codec) time(number byte, field *time.Time) {
	if c.writing {
		if !field.IsZero() {
			content := binary.BigEndian.AppendUint64(nil, uint64(field.Unix()))
			c.put(number, binary.BigEndian.AppendUint32(content, uint32(field.Nanosecond()))...)
		}
		return
	}
	if content, ok := c.takeFixed(number, 12); ok {
		seconds, nanoseconds := int64(binary.BigEndian.Uint64(content)), binary.BigEndian.Uint32(content[8:])
		*field = time.Unix(seconds, int64(nanoseconds)).UTC()
		c.malformed = nanoseconds >= 1e9 || field.IsZero()
	}
}

// pairs is a field for a map of strings. It is written as one field for each key, in the order of keys: the length of
// the key as a uvarint, the key, its value. No key may be empty.
func (c *codec) pairs(number byte, field map[string]string) {
	if c.writing {
		for _, key := range slices.Sorted(maps.Keys(field)) {
			content := binary.AppendUvarint(nil, uint64(len(key)))
			c.put(number, append(append(content, key...), field[key]...)...)
		}
		return
	}
	last := ""
	for from, to, ok := c.take(number); ok; from, to, ok = c.take(number) {
		start, stop := c.prefixed(from, to)
		key := c.substring(start, stop)
		if c.malformed = c.malformed || key <= last; c.malformed {
			return
		}
		field[key], last = c.substring(stop, to), key
	}
}
